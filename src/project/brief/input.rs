//! "JSON with `customer_id` and recent activity" → JSON naming `customer_id`.

use super::words::{beginning, has, normal, pattern, replace};
use super::{InputSpec, Understand};

/// Words for a form and its name in the brief.
const FORMS: [(&str, &str); 9] = [
    (r"\bjson\b", "json"),
    (r"\b(csv|spreadsheet|excel)\b", "csv"),
    (r"\bparquet\b", "parquet"),
    (r"\b(image|photo|picture|jpe?g|png)s?\b", "image"),
    (r"\b(audio|recording|sound|wav)s?\b", "audio"),
    (r"\bvideos?\b", "video"),
    (r"\b(text|sentence|review|e-?mail|message|document)s?\b", "text"),
    (r"\b(time series|sensor readings?)\b", "time series"),
    (r"\b(row|record|table|feature|column|attribute)s?\b", "row of features"),
];

impl Understand for InputSpec {
    fn understand(words: &str) -> Option<Self> {
        let text = normal(words);
        let form = FORMS.iter().find(|(word, _)| has(&text, word)).map(|(_, form)| (*form).to_owned());
        // A name is what looks like one: snake_case, camelCase, in backticks, or a key of an object.
        let names =
            pattern(r#"`([^`\s]+)`|"([A-Za-z]\w*)"\s*:|\b([A-Za-z]\w*_\w+)\b|\b([a-z]{2,}[a-z0-9]*[A-Z]\w*)\b"#)?;
        let prose = replace(beginning(words), r"\S*(?:://|@)\S*", " ");
        let mut fields: Vec<String> = Vec::new();
        for captures in names.captures_iter(&prose) {
            if let Some(name) = captures.iter().skip(1).flatten().next()
                && !fields.iter().any(|known| known == name.as_str())
            {
                fields.push(name.as_str().to_owned());
            }
        }
        (form.is_some() || !fields.is_empty()).then_some(Self { form, fields })
    }

    fn describe(&self) -> String {
        let form = match self.form.as_deref() {
            Some("json") => "JSON",
            Some("csv") => "CSV",
            Some("parquet") => "Parquet",
            Some(form) => form,
            None => "named features",
        };
        if self.fields.is_empty() { form.to_owned() } else { format!("{form} naming {}", self.fields.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stated_input_is_understood() {
        for (words, expected) in [
            ("JSON with customer_id and recent activity", Some("JSON naming customer_id")),
            ("a row with `tenure` and monthlyFee", Some("row of features naming tenure, monthlyFee")),
            ("a photo of the leaf", Some("image")),
            ("customer_id, plan_name, customer_id", Some("named features naming customer_id, plan_name")),
            ("CSV file with plan, tenure_months and monthly_fee", Some("CSV naming tenure_months, monthly_fee")),
            ("JSON: {\"customer_id\": 1, \"plan\": \"x\"}", Some("JSON naming customer_id, plan")),
            ("see https://example.org/a_b and mail me@my_host.org", None),
            ("iPhone photos", Some("image")),
            ("whatever there is", None),
            ("", None),
        ] {
            assert_eq!(InputSpec::understand(words).map(|input| input.describe()).as_deref(), expected, "{words}");
        }
    }
}
