//! The age of a version against the brief's cadence.

use jiff::Timestamp;

use crate::project::brief::{RetrainingCadence, Understand as _};
use crate::project::reports::{Judgement, Verdict};

const SECONDS_PER_DAY: f64 = 86_400.0;

/// An age in words: `3 days`, `5 hours`.
fn age(days: f64) -> String {
    let (n, unit) = if days < 1.0 { ((days * 24.0).floor(), "hour") } else { (days.floor(), "day") };
    format!("{n} {unit}{}", if (n - 1.0).abs() < 0.5 { "" } else { "s" })
}

/// Whether a version is due to be trained again: its age since `registered` against the cadence.
///
/// A model file does not say when it was trained; the time of its registration stands for that, and the reason says
/// so. Training that only a trigger starts, or none, is never due by the clock.
pub fn retraining(registered: Option<Timestamp>, cadence: Option<&RetrainingCadence>, now: Timestamp) -> Judgement {
    let Some(cadence) = cadence else { return Judgement::default() };
    let asked = cadence.describe();
    let none = |reason: &str| Judgement { asked: asked.clone(), reason: reason.to_owned(), ..Judgement::default() };
    let Some(every) = cadence.every_days else {
        return none(if cadence.trigger.is_some() {
            "No time between trainings is stated, so none is due by the clock"
        } else {
            "The model is not trained again"
        });
    };
    let Some(registered) = registered else { return none("No version is registered yet") };
    // A clock that was put back since must not make an age below 0.
    let days = (now.duration_since(registered).as_secs_f64() / SECONDS_PER_DAY).max(0.0);
    let in_time = days <= every;
    let late = if in_time { String::new() } else { format!(", {} late", age(days - every)) };
    Judgement {
        asked,
        measured: format!("registered {} ago", age(days)),
        verdict: if in_time { Verdict::Pass } else { Verdict::Fail },
        reason: format!(
            "Registered {} ago of {}{late}; the time of registration stands for that of training",
            age(days),
            RetrainingCadence { every_days: Some(every), trigger: None }.describe()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(cadence: &str, now: &str, verdict: Verdict, measured: &str, part: &str) {
        let cadence = RetrainingCadence::understand(cadence).unwrap();
        let judged = retraining(Some(at("2026-11-01T00:00:00Z")), Some(&cadence), at(now));
        assert_eq!((judged.verdict, judged.measured.as_str()), (verdict, measured), "{judged:?}");
        assert!(judged.reason.contains(part), "{judged:?}");
    }

    #[test]
    fn a_version_is_due_once_it_is_older_than_the_cadence() {
        check("weekly", "2026-11-04T12:00:00Z", Verdict::Pass, "registered 3 days ago", "3 days ago of every 7 days");
        check("weekly", "2026-11-08T00:00:00Z", Verdict::Pass, "registered 7 days ago", "stands for that of training");
        check("weekly", "2026-11-09T01:00:00Z", Verdict::Fail, "registered 8 days ago", "every 7 days, 1 day late");
        check("daily", "2026-11-01T05:10:00Z", Verdict::Pass, "registered 5 hours ago", "of every day");
        check("every 6 hours", "2026-11-01T07:00:00Z", Verdict::Fail, "registered 7 hours ago", "1 hour late");
        // A clock that was put back.
        check("weekly", "2026-10-01T00:00:00Z", Verdict::Pass, "registered 0 hours ago", "0 hours ago");
    }

    #[test]
    fn what_is_not_due_by_the_clock_has_no_verdict() {
        check("on new data", "2027-11-01T00:00:00Z", Verdict::None, "", "by the clock");
        check("never", "2027-11-01T00:00:00Z", Verdict::None, "", "not trained again");
        let weekly = RetrainingCadence::understand("weekly").unwrap();
        let now = at("2026-11-01T00:00:00Z");
        assert_eq!(retraining(None, Some(&weekly), now).verdict, Verdict::None);
        assert_eq!(retraining(Some(now), None, now), Judgement::default());
    }
}
