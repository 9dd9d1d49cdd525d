//! `trestle inspect` on a model of another framework.

use std::path::Path;

use super::report::{Report, Verdict};
use crate::foreign::Foreign;
use crate::jobs::JobError;
use crate::problem::Problem;

/// What the file is, why it is not loaded, and how it is converted; or the program that converts it, alone.
pub(super) fn report(path: &Path, found: &Foreign, script: bool) -> Result<Report, JobError> {
    let mut report = Report::new("inspect");
    if script {
        if found.script.is_empty() {
            let what = format!("There is no program that converts {}", found.found);
            return Err(Problem::new(what, path.display().to_string(), &found.fix).into());
        }
        report.say(found.script.trim_end());
        return Ok(report);
    }
    report.judge(Verdict::Fail, &[found.problem(path).what]);
    report.set("model", path);
    report.set("foreign", found);
    report.say(path.display().to_string());
    report.say(format!("This is not an ONNX model but {}.", found.found));
    report.say(format!("Not loaded: {}.", found.reason));
    report.say(String::new());
    for (name, what) in &found.suspicious {
        report.say(format!("DANGER: it names {name}, which {what}. No model needs that: do not load this file."));
    }
    for warning in &found.warnings {
        report.say(format!("warning: {warning}."));
    }
    // What attacks is no model.
    if !found.class.is_empty() && !found.suspicious.iter().any(|(name, _)| *name == found.class) {
        let parts = found.parts.iter().map(|part| part.rsplit('.').next().unwrap_or(part));
        let within = parts.collect::<Vec<_>>().join(", ");
        let within = if within.is_empty() { String::new() } else { format!(", with {within}") };
        report.say(format!("model: {}{within}", found.class));
    }
    let made_with = found.made_with.iter().map(|(name, version)| format!("{name} {version}").trim_end().to_owned());
    let made_with = made_with.collect::<Vec<_>>().join(", ");
    if !made_with.is_empty() {
        report.say(format!("made with: {made_with}"));
    }
    if let Some(n_features) = found.n_features {
        const SHOWN: usize = 12;
        let names = found.feature_names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { String::new() } else { format!(": {names}") };
        report.say(format!("features: {n_features}{names}"));
    }
    report.say(String::new());
    if found.script.is_empty() {
        report.say(format!("{}.", found.fix));
    } else {
        report.say("Convert it where it was made:".to_owned());
        report.say(format!("  trestle inspect {} --script > convert.py", path.display()));
        report.say("  python convert.py rows.csv".to_owned());
        report.say("which compares the two, and writes model.onnx and, where it can, predictions.csv for");
        report.say("  trestle add DIR model.onnx");
        report.say("  trestle golden DIR --from predictions.csv");
    }
    Ok(report)
}
