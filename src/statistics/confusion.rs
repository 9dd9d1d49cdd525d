//! What follows from counts of true and answered classes.

use super::intervals::Estimate;

/// How the values of several classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Averaging {
    /// Every class alike.
    Macro,
    /// Every row alike, over all classes together.
    Micro,
    /// Every class by its number of rows.
    Weighted,
}

/// A measure of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Precision,
    Recall,
    F1,
}

/// Counts of rows by true class and answered class, among `n_classes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    n_classes: usize,
    /// True class, answered class (`None` when the model gave no answer), rows; each pair once.
    cells: Vec<(usize, Option<usize>, u64)>,
    rows: Vec<u64>,
    columns: Vec<u64>,
    right: Vec<u64>,
}

impl Confusion {
    /// Counts from cells; cells of the same pair are added up, those beyond `n_classes` left out.
    pub fn new(n_classes: usize, cells: impl IntoIterator<Item = (usize, Option<usize>, u64)>) -> Self {
        let mut summed = std::collections::BTreeMap::new();
        for (truth, answer, n) in cells {
            if truth < n_classes && answer.is_none_or(|answer| answer < n_classes) && 0 < n {
                *summed.entry((truth, answer)).or_insert(0) += n;
            }
        }
        let mut confusion = Self {
            n_classes,
            cells: summed.into_iter().map(|((truth, answer), n)| (truth, answer, n)).collect(),
            rows: vec![0; n_classes],
            columns: vec![0; n_classes],
            right: vec![0; n_classes],
        };
        for (truth, answer, n) in &confusion.cells {
            confusion.rows[*truth] += n;
            if let Some(answer) = answer {
                confusion.columns[*answer] += n;
                if answer == truth {
                    confusion.right[*truth] += n;
                }
            }
        }
        confusion
    }

    /// The cells, by true class and then answered class; `None` is no answer.
    pub fn cells(&self) -> &[(usize, Option<usize>, u64)] {
        &self.cells
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Rows of a true class that were answered as another, or not at all.
    pub fn count(&self, truth: usize, answer: Option<usize>) -> u64 {
        let found = self.cells.binary_search_by_key(&(truth, answer), |(truth, answer, _)| (*truth, *answer));
        found.map_or(0, |index| self.cells[index].2)
    }

    /// Rows of a true class.
    pub fn n_true(&self, class: usize) -> u64 {
        self.rows.get(class).copied().unwrap_or(0)
    }

    /// All rows.
    pub fn n(&self) -> u64 {
        self.rows.iter().sum()
    }

    /// Rows that got an answer.
    pub fn n_answered(&self) -> u64 {
        self.columns.iter().sum()
    }

    /// Share of rows answered with their true class, with Wilson's interval; `None` without rows.
    pub fn accuracy(&self) -> Option<Estimate> {
        Estimate::share(self.right.iter().sum(), self.n())
    }

    /// Share of rows answered as `class` that are of it, with Wilson's interval; `None` when none was answered so.
    pub fn precision(&self, class: usize) -> Option<Estimate> {
        Estimate::share(*self.right.get(class)?, self.columns[class])
    }

    /// Share of rows of `class` that were answered as it, with Wilson's interval; `None` when there is no such row.
    pub fn recall(&self, class: usize) -> Option<Estimate> {
        Estimate::share(*self.right.get(class)?, self.rows[class])
    }

    /// F1 of a class, 2·TP / (2·TP + FP + FN); `None` when no row is of the class or was answered so.
    ///
    /// It is 2·J / (1 + J) of the share J = TP / (TP + FP + FN), so its interval is Wilson's of J passed through that.
    pub fn f1(&self, class: usize) -> Option<Estimate> {
        let right = *self.right.get(class)?;
        Estimate::share(right, self.rows[class] + self.columns[class] - right).map(|share| share.map(f1_of))
    }

    /// Precision over the classes; `Err` names a class for which it is not defined.
    pub fn mean_precision(&self, averaging: Averaging) -> Result<Option<Estimate>, usize> {
        match averaging {
            Averaging::Micro => Ok(Estimate::share(self.right.iter().sum(), self.n_answered())),
            Averaging::Macro | Averaging::Weighted => self.mean(Measure::Precision, averaging),
        }
    }

    /// Recall over the classes; `Err` names a class for which it is not defined.
    pub fn mean_recall(&self, averaging: Averaging) -> Result<Option<Estimate>, usize> {
        match averaging {
            Averaging::Micro => Ok(self.accuracy()),
            Averaging::Macro | Averaging::Weighted => self.mean(Measure::Recall, averaging),
        }
    }

    /// F1 over the classes; `Err` names a class for which it is not defined.
    pub fn mean_f1(&self, averaging: Averaging) -> Result<Option<Estimate>, usize> {
        match averaging {
            Averaging::Micro => Ok(self.micro_f1()),
            Averaging::Macro | Averaging::Weighted => self.mean(Measure::F1, averaging),
        }
    }

    /// 2·right / (rows + answered rows): the accuracy where every row is answered. Else its interval is the delta
    /// method's, because a wrong row counts twice and one without an answer once.
    fn micro_f1(&self) -> Option<Estimate> {
        let (n, answered, right) = (self.n(), self.n_answered(), self.right.iter().sum::<u64>());
        if n == answered {
            return self.accuracy();
        }
        let (n, answered, right) = (n as f64, answered as f64, right as f64);
        let value = 2.0 * right / (n + answered);
        let slope = |counted: f64, as_right: f64| (as_right - counted * value) * n / (n + answered);
        let moments = [
            (right / n, slope(2.0, 2.0)),
            ((answered - right) / n, slope(2.0, 0.0)),
            ((n - answered) / n, slope(1.0, 0.0)),
        ];
        let sum: f64 = moments.iter().map(|(share, slope)| share * slope).sum();
        let squares: f64 = moments.iter().map(|(share, slope)| share * slope * slope).sum();
        Some(Estimate::normal(value, ((squares - sum * sum) / n).max(0.0).sqrt(), (0.0, 1.0)))
    }

    /// Numerator and denominator of a measure of a class.
    fn fraction(&self, measure: Measure, class: usize) -> (u64, u64) {
        let (right, row, column) = (self.right[class], self.rows[class], self.columns[class]);
        match measure {
            Measure::Precision => (right, column),
            Measure::Recall => (right, row),
            Measure::F1 => (2 * right, row + column),
        }
    }

    /// The mean of a measure over the classes that occur as truth or answer, as scikit-learn chooses them; weighted,
    /// over those that occur as truth.
    ///
    /// The interval is the delta method's on the multinomial counts: with gradient g of the mean by the share p of
    /// each cell, the variance is (Σ p·g² − (Σ p·g)²) / n.
    fn mean(&self, measure: Measure, averaging: Averaging) -> Result<Option<Estimate>, usize> {
        let n = self.n() as f64;
        let weighted = averaging == Averaging::Weighted;
        let counts = |class: &usize| 0 < self.rows[*class] || (!weighted && 0 < self.columns[*class]);
        let classes: Vec<usize> = (0..self.n_classes).filter(counts).collect();
        if classes.is_empty() {
            return Ok(None);
        }
        let (mut weights, mut values) = (vec![0.0; self.n_classes], vec![0.0; self.n_classes]);
        for class in &classes {
            let (numerator, denominator) = self.fraction(measure, *class);
            if denominator == 0 {
                return Err(*class);
            }
            weights[*class] = if weighted { self.rows[*class] as f64 / n } else { 1.0 / classes.len() as f64 };
            values[*class] = numerator as f64 / denominator as f64;
        }
        let value = classes.iter().map(|class| weights[*class] * values[*class]).sum();
        // How the class's value moves with a row in its numerator, and with one in its denominator.
        let numerator_slope = |class: usize| {
            let (_, denominator) = self.fraction(measure, class);
            let double = if measure == Measure::F1 { 2.0 } else { 1.0 };
            if denominator == 0 { 0.0 } else { double * n / denominator as f64 }
        };
        let denominator_slope = |class: usize| {
            let (_, denominator) = self.fraction(measure, class);
            if denominator == 0 { 0.0 } else { -values[class] * n / denominator as f64 }
        };
        let (mut sum, mut sum_of_squares) = (0.0, 0.0);
        for (truth, answer, rows) in &self.cells {
            let mut slope = 0.0;
            if *answer == Some(*truth) {
                slope += weights[*truth] * numerator_slope(*truth);
            }
            if measure != Measure::Precision {
                slope += weights[*truth] * denominator_slope(*truth);
            }
            if let Some(answer) = answer.filter(|_| measure != Measure::Recall) {
                slope += weights[answer] * denominator_slope(answer);
            }
            if weighted {
                // The weight of the true class grows with its rows.
                slope += values[*truth];
            }
            let share = *rows as f64 / n;
            sum += share * slope;
            sum_of_squares += share * slope * slope;
        }
        let variance = ((sum_of_squares - sum * sum) / n).max(0.0);
        Ok(Some(Estimate::normal(value, variance.sqrt(), (0.0, 1.0))))
    }
}

/// F1 from the share TP / (TP + FP + FN).
fn f1_of(share: f64) -> f64 {
    2.0 * share / (1.0 + share)
}
