//! True labels, as data files write them, matched to the model's classes.

use std::collections::HashMap;

use crate::project::contract::ClassLabel;
use crate::project::documents::Value;

/// Labels that the model does not know which are kept apart; the others are counted as one.
const MAX_UNKNOWN: usize = 20;

/// The name of those counted as one.
const OTHER_LABELS: &str = "other labels";

/// Finds the class that a cell names, whichever way it is written: 1, 1.0, “1”, true and “True” may be one label.
#[derive(Debug)]
pub(super) struct Labels {
    classes: Vec<ClassLabel>,
    n_known: usize,
    by_text: HashMap<String, usize>,
    /// By the bits of their number; `None` where several classes are that number.
    by_number: HashMap<u64, Option<usize>>,
}

fn number_of(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A number's key; minus zero is zero.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

/// A label that only the data has, as it is shown.
fn named(cell: &Value) -> ClassLabel {
    match cell {
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => ClassLabel::Int(*number as i64),
        Value::Number(number) => ClassLabel::Text(number.to_string()),
        Value::Bool(value) => ClassLabel::Text(value.to_string()),
        Value::Text(text) => ClassLabel::Text(text.trim().chars().take(80).collect()),
        Value::Missing => ClassLabel::Text(String::new()),
    }
}

impl Labels {
    /// Labels of the model's classes.
    pub(super) fn new(classes: &[ClassLabel]) -> Self {
        let (mut by_text, mut by_number) = (HashMap::new(), HashMap::new());
        for (index, class) in classes.iter().enumerate() {
            let text = class.to_string();
            if let Some(number) = number_of(&text) {
                by_number.entry(bits(number)).and_modify(|known| *known = None).or_insert(Some(index));
            }
            by_text.entry(text).or_insert(index);
        }
        Self { classes: classes.to_vec(), n_known: classes.len(), by_text, by_number }
    }

    /// The position of the model's class that a cell names.
    pub(super) fn class(&self, cell: &Value) -> Option<usize> {
        let of_number = |number: f64| self.by_number.get(&bits(number)).copied().flatten();
        match cell {
            Value::Missing => None,
            Value::Bool(value) => self.truth(*value),
            Value::Number(number) => self.by_text.get(&number.to_string()).copied().or_else(|| of_number(*number)),
            Value::Text(text) => {
                let trimmed = text.trim();
                let exact = self.by_text.get(text).or_else(|| self.by_text.get(trimmed)).copied();
                exact.or_else(|| of_number(number_of(trimmed)?)).or_else(|| {
                    let is = |word: &str| trimmed.eq_ignore_ascii_case(word);
                    if is("true") || is("false") { self.truth(is("true")) } else { None }
                })
            }
        }
    }

    /// The class that a truth value names: one written so in whatever case, else 1 and 0.
    fn truth(&self, value: bool) -> Option<usize> {
        let word = if value { "true" } else { "false" };
        let known = &self.classes[..self.n_known];
        let written = known.iter().position(|class| class.to_string().eq_ignore_ascii_case(word));
        written.or_else(|| self.by_number.get(&bits(f64::from(u8::from(value)))).copied().flatten())
    }

    /// The position of the class that a cell names, one of those that only the data has where the model has none.
    pub(super) fn place(&mut self, cell: &Value) -> usize {
        if let Some(class) = self.class(cell) {
            return class;
        }
        let label = named(cell);
        let unknown = &self.classes[self.n_known..];
        if let Some(position) = unknown.iter().position(|known| *known == label) {
            return self.n_known + position;
        }
        if unknown.len() < MAX_UNKNOWN {
            self.classes.push(label);
        } else if unknown.len() == MAX_UNKNOWN {
            self.classes.push(ClassLabel::Text(OTHER_LABELS.to_owned()));
        }
        self.classes.len() - 1
    }

    /// How many classes are the model's own.
    pub(super) fn n_known(&self) -> usize {
        self.n_known
    }

    /// The model's classes, then the labels that only the data has.
    pub(super) fn into_classes(self) -> Vec<ClassLabel> {
        self.classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(labels: &[i64]) -> Vec<ClassLabel> {
        labels.iter().copied().map(ClassLabel::Int).collect()
    }

    fn texts(labels: &[&str]) -> Vec<ClassLabel> {
        labels.iter().map(|label| ClassLabel::Text((*label).to_owned())).collect()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[track_caller]
    fn check(classes: &[ClassLabel], cell: &Value, expected: Option<usize>) {
        assert_eq!(Labels::new(classes).class(cell), expected, "{classes:?} {cell:?}");
    }

    #[test]
    fn a_label_is_found_however_it_is_written() {
        for (cell, expected) in [
            (Value::Number(1.0), Some(1)),
            (Value::Number(-0.0), Some(0)),
            (Value::Number(1.5), None),
            (Value::Bool(true), Some(1)),
            (Value::Bool(false), Some(0)),
            (text("1"), Some(1)),
            (text(" 1.0 "), Some(1)),
            (text("True"), Some(1)),
            (text("yes"), None),
            (Value::Missing, None),
        ] {
            check(&ints(&[0, 1]), &cell, expected);
        }
        check(&ints(&[-3, 40]), &Value::Number(40.0), Some(1));
        // A truth value is no class 40.
        check(&ints(&[-3, 40]), &Value::Bool(true), None);
        for (cell, expected) in
            [(text("stays"), Some(1)), (text("stays "), Some(1)), (text("Stays"), None), (Value::Bool(true), None)]
        {
            check(&texts(&["leaves", "stays"]), &cell, expected);
        }
        for cell in [Value::Bool(true), text("true"), text("TRUE"), text("True")] {
            check(&texts(&["False", "True"]), &cell, Some(1));
        }
        for cell in [Value::Number(1.0), text("1"), text("1.0"), Value::Bool(true)] {
            check(&texts(&["0.0", "1.0"]), &cell, Some(1));
        }
    }

    #[test]
    fn what_may_be_two_classes_is_neither_unless_it_is_written_as_one() {
        let classes = texts(&["1", "1.0", "01"]);
        check(&classes, &text("1.0"), Some(1));
        check(&classes, &text("01"), Some(2));
        check(&classes, &text("1.00"), None);
        check(&texts(&["a", " a"]), &text(" a"), Some(1));
    }

    #[test]
    fn labels_beyond_the_first_unknown_ones_are_counted_as_one() {
        let mut labels = Labels::new(&ints(&[0, 1]));
        let places: Vec<usize> = (0..100).map(|number| labels.place(&Value::Number(f64::from(number)))).collect();
        assert_eq!(places[..4], [0, 1, 2, 3]);
        assert_eq!((places[21], places[22], places[99]), (21, 22, 22));
        assert_eq!(labels.place(&Value::Number(5.0)), 5);
        let classes = labels.into_classes();
        assert_eq!((classes.len(), classes[22].to_string().as_str()), (23, "other labels"));
    }
}
