//! What the server counts, read as Prometheus reads it.

use super::http::Client;
use super::verify::check;
use crate::project::reports::Check;

const NAME: &str = "Metrics count what was asked";

/// Samples of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Samples {
    samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Samples {
    /// Asks for them; the error says what is wrong.
    pub(super) async fn ask(client: &mut Client) -> Result<Self, String> {
        match client.get("/metrics").await {
            Ok(answer) if answer.status == 200 => Self::parse(&String::from_utf8_lossy(&answer.body)),
            Ok(answer) => Err(format!("/metrics gives {}", answer.excerpt())),
            Err(error) => Err(format!("/metrics gives no answer ({error})")),
        }
    }

    /// Reads Prometheus' text format; times of samples are left aside.
    fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples =
            lines.map(|line| sample(line).ok_or_else(|| format!("this line of /metrics is no sample: {line:.120}")));
        let samples = samples.collect::<Result<Vec<_>, _>>()?;
        if samples.is_empty() { Err("/metrics has no samples".to_owned()) } else { Ok(Self { samples }) }
    }

    /// The sum of the samples of this name whose labels `fit`.
    fn sum(&self, name: &str, fits: impl Fn(&dyn Fn(&str) -> String) -> bool) -> f64 {
        let of_name = self.samples.iter().filter(|sample| sample.name == name);
        let label = |sample: &Sample, name: &str| {
            sample.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        of_name.filter(|sample| fits(&|name| label(sample, name))).map(|sample| sample.value).sum()
    }

    /// Resident memory of the server's process.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        let bytes = self.sum("process_resident_memory_bytes", |_| true);
        (0.0 < bytes).then_some(bytes as u64)
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (name, labels, rest) = if let Some((name, rest)) = line.split_once('{') {
        let (labels, rest) = labels(rest)?;
        (name, labels, rest)
    } else {
        let (name, rest) = line.split_once(char::is_whitespace)?;
        (name, Vec::new(), rest)
    };
    let is_name = |name: &str| {
        name.starts_with(|letter: char| letter.is_ascii_alphabetic() || "_:".contains(letter))
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_:".contains(letter))
    };
    let mut words = rest.split_whitespace();
    let value = words.next()?.parse().ok()?;
    let has_time = words.next().is_none_or(|time| time.parse::<i64>().is_ok());
    (is_name(name) && has_time && words.next().is_none()).then(|| Sample { name: name.to_owned(), labels, value })
}

/// Names and values up to the closing brace.
type Labels<'a> = (Vec<(String, String)>, &'a str);

fn labels(mut rest: &str) -> Option<Labels<'_>> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next()? {
                (end, '"') => break end,
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    letter => letter,
                }),
                (_, letter) => value.push(letter),
            }
        };
        labels.push((name.trim().to_owned(), value));
        rest = after.get(end + 1..)?;
    }
}

/// What was asked between two moments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Inference requests that were answered.
    pub(super) n_answered: u64,
    /// Requests that were refused with a status of the 400s.
    pub(super) n_refused: u64,
}

/// Whether the server has counted what was asked between two moments.
pub(super) fn counted(before: Result<Samples, String>, after: Result<Samples, String>, asked: Asked) -> Check {
    let (before, after) = match (before, after) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(reason), _) | (_, Err(reason)) => return check(NAME, false, reason),
    };
    let grown = |of: &dyn Fn(&Samples) -> f64| of(&after) - of(&before);
    let answered = grown(&|samples| samples.sum("nv_inference_request_success", |_| true));
    let refused = grown(&|samples| {
        samples.sum("http_server_request_duration_seconds_count", |label| label("status").starts_with('4'))
    });
    let Asked { n_answered, n_refused } = asked;
    let told = |what: &str, asked: u64, counted: f64| format!("{asked} {what} were asked for and {counted} counted");
    if (answered - n_answered as f64).abs() > 0.5 {
        return check(NAME, false, told("answers", n_answered, answered));
    }
    if (refused - n_refused as f64).abs() > 0.5 {
        return check(NAME, false, told("refusals", n_refused, refused));
    }
    let detail = format!("{n_answered} answers and {n_refused} refusals, in {} samples", after.samples.len());
    check(NAME, true, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP nv_inference_request_success Inference requests answered
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="churn",version="1.0.0"} 12
http_server_request_duration_seconds_count{method="POST",route="/predict",status="422"} 3
http_server_request_duration_seconds_count{method="POST",route="/a\"},b",status="200"} 5 1700000000000
http_server_request_duration_seconds_bucket{le="+Inf"} +Inf
process_resident_memory_bytes 2.5e7
"#;

    #[test]
    fn the_text_format_is_read() {
        let samples = Samples::parse(TEXT).unwrap();
        assert_eq!(samples.samples.len(), 5);
        let of_version = samples.sum("nv_inference_request_success", |label| label("version") == "1.0.0");
        let of_route = samples.sum("http_server_request_duration_seconds_count", |label| label("route") == "/a\"},b");
        assert_eq!((of_version as u64, of_route as u64), (12, 5));
        assert_eq!(samples.resident_bytes(), Some(25_000_000));
        for wrong in ["", "# only a comment", "<html>", "a b c d", "a{b=\"c} 1", "a{b=\"c\"}", "1a 2", "a x"] {
            assert!(Samples::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_asked_must_have_been_counted() {
        let later = TEXT.replace("} 12\n", "} 15\n").replace("\"422\"} 3", "\"422\"} 4");
        let samples = |text: &str| Samples::parse(text);
        let counted = |after: &str, n_answered, n_refused| {
            let check = counted(samples(TEXT), samples(after), Asked { n_answered, n_refused });
            (check.pass, check.detail)
        };
        assert_eq!(counted(&later, 3, 1), (true, "3 answers and 1 refusals, in 5 samples".to_owned()));
        assert_eq!(counted(&later, 2, 1), (false, "2 answers were asked for and 3 counted".to_owned()));
        assert_eq!(counted(&later, 3, 2), (false, "2 refusals were asked for and 1 counted".to_owned()));
        assert_eq!(counted("<html>", 0, 0), (false, "this line of /metrics is no sample: <html>".to_owned()));
    }
}
