//! Which runtimes read a model, by its IR version, its operator sets and its operators.
//!
//! The figures up to ONNX Runtime 1.18 are those of its compatibility page (onnxruntime.ai/docs/reference/compatibility);
//! those from 1.19 on were measured with the released wheels, by loading one-node models of each version.
//! What a release of Triton carries is stated by its `build.py`; newer releases carry newer ones.

use super::contract::{Inspection, Severity};

/// What a release of ONNX Runtime reads at most.
struct Release {
    version: &'static str,
    opset: i64,
    ml: i64,
    ir: i64,
}

/// Oldest first; only releases that read more than the one before.
const ONNX_RUNTIME: &[Release] = &[
    Release { version: "1.2", opset: 11, ml: 2, ir: 6 },
    Release { version: "1.5", opset: 12, ml: 2, ir: 7 },
    Release { version: "1.7", opset: 13, ml: 2, ir: 7 },
    Release { version: "1.8", opset: 14, ml: 2, ir: 7 },
    Release { version: "1.10", opset: 15, ml: 2, ir: 8 },
    Release { version: "1.11", opset: 16, ml: 2, ir: 8 },
    Release { version: "1.13", opset: 17, ml: 3, ir: 8 },
    Release { version: "1.14", opset: 18, ml: 3, ir: 8 },
    Release { version: "1.16", opset: 19, ml: 3, ir: 9 },
    Release { version: "1.17", opset: 20, ml: 4, ir: 9 },
    Release { version: "1.18", opset: 21, ml: 4, ir: 10 },
    Release { version: "1.19", opset: 21, ml: 5, ir: 10 },
    Release { version: "1.21", opset: 22, ml: 5, ir: 10 },
    Release { version: "1.23", opset: 23, ml: 5, ir: 11 },
    Release { version: "1.24", opset: 25, ml: 5, ir: 13 },
    Release { version: "1.25", opset: 26, ml: 5, ir: 13 },
    Release { version: "1.32", opset: 28, ml: 5, ir: 14 },
];

/// Releases of Triton whose ONNX Runtime is known, oldest first.
const TRITON: &[(&str, &str)] = &[("20.12", "1.5"), ("22.08", "1.11"), ("23.12", "1.16"), ("25.03", "1.20")];

/// The newest operator set that was compared with ONNX Runtime here.
pub const NEWEST_CHECKED_OPSET: i64 = 21;
/// The oldest operator set whose operators still mean what they mean today.
pub const OLDEST_OPSET: i64 = 7;

/// Whether a runtime takes a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeSupport {
    /// The runtime.
    pub runtime: &'static str,
    /// How it stands: fits, may surprise, or does not run.
    pub severity: Option<Severity>,
    /// From which release on, or what is in the way.
    pub reason: String,
}

/// What each runtime makes of the model: here, ONNX Runtime, Triton.
pub fn runtimes(model: &Inspection) -> Vec<RuntimeSupport> {
    vec![here(model), onnx_runtime(model), triton(model)]
}

fn version_of(model: &Inspection, domain: &str) -> i64 {
    model.opsets.iter().filter(|(known, _)| known == domain).map(|(_, version)| *version).max().unwrap_or(0)
}

fn here(model: &Inspection) -> RuntimeSupport {
    let n_refusals = model.refusals().count();
    let opset = version_of(model, "");
    let (severity, reason) = match n_refusals {
        0 if NEWEST_CHECKED_OPSET < opset => (
            Some(Severity::Warning),
            format!("runs; operator sets up to {NEWEST_CHECKED_OPSET} were compared with ONNX Runtime"),
        ),
        0 => (
            None,
            format!("runs; operator sets {OLDEST_OPSET} to {NEWEST_CHECKED_OPSET} were compared with ONNX Runtime"),
        ),
        1 => (Some(Severity::Refused), "refused, for the finding below".to_owned()),
        n => (Some(Severity::Refused), format!("refused, for {n} of the findings below")),
    };
    RuntimeSupport { runtime: "Trestle", severity, reason }
}

/// The first release that reads the model; `None` when none does.
fn first_release(model: &Inspection) -> Option<&'static Release> {
    let (opset, ml) = (version_of(model, ""), version_of(model, "ai.onnx.ml"));
    ONNX_RUNTIME.iter().find(|release| opset <= release.opset && ml <= release.ml && model.ir_version <= release.ir)
}

/// Domains whose operators ONNX Runtime does not bring along.
fn strange_domains(model: &Inspection) -> Vec<&str> {
    const KNOWN: &[&str] =
        &["", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc", "ai.onnx.preview.training"];
    let mut domains: Vec<&str> = model.operators.iter().map(|operator| operator.domain.as_str()).collect();
    domains.retain(|domain| !KNOWN.contains(domain));
    domains.sort_unstable();
    domains.dedup();
    domains
}

/// What is beyond the newest known release, in words.
fn beyond(model: &Inspection) -> String {
    let newest = ONNX_RUNTIME.last().map_or((0, 0, 0), |release| (release.ir, release.opset, release.ml));
    let all = [
        ("IR", model.ir_version, newest.0),
        ("operator set", version_of(model, ""), newest.1),
        ("ai.onnx.ml", version_of(model, "ai.onnx.ml"), newest.2),
    ];
    let over = all.iter().filter(|(_, version, most)| most < version);
    over.map(|(what, version, most)| format!("{what} {version} is above {most}")).collect::<Vec<_>>().join(", ")
}

fn onnx_runtime(model: &Inspection) -> RuntimeSupport {
    let runtime = "ONNX Runtime";
    let newest = ONNX_RUNTIME.last().map_or("", |release| release.version);
    let (severity, reason) = match (first_release(model), strange_domains(model).as_slice()) {
        (None, _) => (Some(Severity::Refused), format!("not by {newest}, the newest known: {}", beyond(model))),
        (Some(_), [domain, ..]) => {
            (Some(Severity::Warning), format!("only with a library that registers the operators of {domain}"))
        }
        (Some(release), []) => (None, format!("{} and newer", release.version)),
    };
    RuntimeSupport { runtime, severity, reason }
}

/// Release numbers in order, such as 1.5 before 1.20.
fn rank(version: &str) -> (u32, u32) {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

fn triton(model: &Inspection) -> RuntimeSupport {
    let runtime = "Triton";
    let with_maps = model.operators.iter().any(|operator| operator.operator == "ZipMap");
    let (severity, reason) = match (first_release(model), strange_domains(model).as_slice()) {
        _ if with_maps => (
            Some(Severity::Refused),
            "its ONNX backend takes no outputs that are maps (ZipMap): export with the option `zipmap: False`"
                .to_owned(),
        ),
        (None, _) => (Some(Severity::Refused), format!("no known release: {}", beyond(model))),
        (Some(_), [domain, ..]) => {
            (Some(Severity::Warning), format!("only with a library that registers the operators of {domain}"))
        }
        (Some(needed), []) => {
            let known = TRITON.iter().find(|(_, carried)| rank(needed.version) <= rank(carried));
            match known {
                Some((release, carried)) => {
                    (None, format!("{release} (which carries ONNX Runtime {carried}) and newer"))
                }
                None => (
                    Some(Severity::Warning),
                    format!("a release that carries ONNX Runtime {} or newer; 25.03 carries 1.20", needed.version),
                ),
            }
        }
    };
    RuntimeSupport { runtime, severity, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::contract::OperatorCount;

    #[track_caller]
    fn check(ir_version: i64, opset: i64, ml: i64, operator: (&str, &str), expected: [&str; 2]) {
        let (domain, operator) = (operator.0.to_owned(), operator.1.to_owned());
        let model = Inspection {
            ir_version,
            opsets: vec![(String::new(), opset), ("ai.onnx.ml".to_owned(), ml)],
            operators: vec![OperatorCount { domain, operator, count: 1 }],
            ..Inspection::default()
        };
        let reasons: Vec<String> = runtimes(&model).into_iter().skip(1).map(|support| support.reason).collect();
        for (reason, expected) in reasons.iter().zip(expected) {
            assert!(reason.starts_with(expected), "{reason}");
        }
    }

    #[test]
    fn the_first_release_that_reads_a_model_is_named() {
        check(8, 17, 3, ("", "Gemm"), ["1.13 and newer", "23.12 (which carries ONNX Runtime 1.16)"]);
        check(10, 21, 1, ("", "Gemm"), ["1.18 and newer", "25.03"]);
        check(10, 22, 1, ("", "Gemm"), ["1.21 and newer", "a release that carries ONNX Runtime 1.21"]);
        check(
            8,
            17,
            3,
            ("ai.onnx.ml", "ZipMap"),
            ["1.13 and newer", "its ONNX backend takes no outputs that are maps"],
        );
        check(
            99,
            40,
            9,
            ("", "Gemm"),
            ["not by 1.32, the newest known: IR 99 is above 14, operator set 40 is above 28", "no known"],
        );
        check(8, 17, 3, ("com.example", "Mystery"), ["only with a library", "only with a library"]);
    }

    #[test]
    fn every_release_reads_more_than_the_one_before() {
        for pair in ONNX_RUNTIME.windows(2) {
            let [before, after] = pair else { continue };
            assert!(rank(before.version) < rank(after.version));
            assert!(before.opset <= after.opset && before.ml <= after.ml && before.ir <= after.ir);
            assert!((before.opset, before.ml, before.ir) != (after.opset, after.ml, after.ir), "{}", after.version);
        }
    }
}
