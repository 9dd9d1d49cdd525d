//! `trestle profile`: what each operator of a version costs.

use std::path::{Path, PathBuf};

use super::args::{OutputArgs, ProfileArgs};
use super::progress::Progress;
use super::report::{Report, table};
use super::{need_report, open, report_on};
use crate::benchmark::{self, ProfilePlan, RowSource};
use crate::command::{Command, ProfileOptions};
use crate::engine::Worker;
use crate::features::{Mapping, contract_from_model};
use crate::jobs::{JobContext, JobError, no_wake};
use crate::judge::{self, CostKey};
use crate::problem::Problem;
use crate::project::documents::Evidence;
use crate::project::reports::{Profile, ProfileReport, StepCost};
use crate::workbench::Environment;

pub(super) fn profile(
    environment: Environment,
    place: &Path,
    args: &ProfileArgs,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    if place.is_file() {
        return bare(environment, place, args, version);
    }
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, place.to_owned(), version)?;
    if args.last {
        need_report::<ProfileReport>(&workbench, place, "profile")?;
    } else {
        workbench.run(Command::RunProfile(options(args)), |jobs| progress.show(jobs))?;
    }
    drop(progress);
    let mut report = report_on("profile", &workbench);
    let measured = workbench.at_hand::<ProfileReport>().ok_or(JobError::Cancelled)?;
    tell(&mut report, measured, args.top);
    Ok(report)
}

fn options(args: &ProfileArgs) -> ProfileOptions {
    ProfileOptions { batch: Some(args.batch), rows: args.rows.clone(), calls: args.calls }
}

/// A model outside a project: nothing is kept.
fn bare(environment: Environment, model: &Path, args: &ProfileArgs, version: Option<&str>) -> Result<Report, JobError> {
    if args.last || version.is_some() {
        let what = "A model file has no versions and no earlier profile";
        return Err(Problem::new(what, model.display().to_string(), "Name a project for that.").into());
    }
    let context = JobContext::new(no_wake());
    let mut worker = Worker::start(&environment.worker).map_err(Problem::from)?;
    let inspection = worker.inspect(model, &context).map_err(Problem::from)?;
    drop(worker);
    let mapping = match Mapping::new(&contract_from_model(&inspection.contract), &inspection.contract) {
        Ok(mapping) => Some(mapping),
        Err(error) if args.rows.is_some() => return Err(Problem::from(error).into()),
        Err(_) => None,
    };
    if let Some(rows) = args.rows.as_ref().filter(|rows| !rows.exists()) {
        let what = "There is no such file of rows";
        return Err(Problem::new(what, rows.display().to_string(), "Name another.").into());
    }
    let reference_name = args.rows.as_ref().map(|rows| rows.display().to_string()).unwrap_or_default();
    let plan = ProfilePlan {
        time: (environment.now)(),
        version: semver::Version::new(0, 0, 0),
        model_path: model.to_owned(),
        sha256: None,
        mapping,
        source: RowSource { reference: args.rows.clone(), reference_name, golden: None },
        options: options(args),
        worker: environment.worker,
        evidence: Evidence { model: inspection.sha256, ..Evidence::default() },
    };
    let measured = benchmark::profile(&plan, &context)?;
    let mut report = Report::new("profile");
    report.set("model", PathBuf::from(model));
    tell(&mut report, &measured, args.top);
    Ok(report)
}

fn tell(report: &mut Report, measured: &ProfileReport, top: usize) {
    let profile = &measured.profile;
    report.set("time", measured.time);
    report.set("rows", &measured.rows);
    report.set("batch", measured.batch);
    report.set("threads", measured.threads);
    report.set("notes", &measured.notes);
    report.set("machine", &measured.machine);
    report.set("overhead", profile.overhead());
    report.set("profile", profile);

    for line in table(&operator_rows(profile)) {
        report.say(line);
    }
    report.say("");
    let order = judge::sorted_steps(profile, "", CostKey::Time, true);
    let costliest: Vec<&StepCost> = order.into_iter().take(top).map(|idx| &profile.steps[idx]).collect();
    if !costliest.is_empty() {
        report.say(format!("The {} costliest of {} steps", costliest.len(), judge::thousands(profile.n_steps)));
        for line in table(&step_rows(profile, &costliest)) {
            report.say(line);
        }
        report.say("");
    }
    for line in summary(measured) {
        report.say(line);
    }
}

fn summary(measured: &ProfileReport) -> Vec<String> {
    let profile = &measured.profile;
    let unknown = match profile.n_flops_unknown {
        0 => String::new(),
        n => format!(", and {} whose arithmetic cannot be said", judge::counted(n, "node")),
    };
    let one_row = profile
        .flops_one_row
        .filter(|_| measured.batch != 1)
        .map(|flops| format!(" ({} a row)", judge::quantity(flops)))
        .unwrap_or_default();
    let mut lines = vec![
        format!(
            "A call of {} takes {}; with every step timed {} ({:.0} % more), of which the steps are {}",
            judge::counted(u64::from(measured.batch), "row"),
            judge::duration(profile.plain.median),
            judge::duration(profile.timed.median),
            profile.overhead() * 100.0,
            judge::duration(profile.steps_ns),
        ),
        format!("Arithmetic: {} FLOPs{one_row}{unknown}; a multiply-add counts as two", judge::quantity(profile.flops)),
        format!(
            "Memory: {} trained values, {} of weights, at most {} of other tensors at one time (at {})",
            judge::quantity(profile.n_parameters),
            judge::bytes(profile.weight_bytes),
            judge::bytes(profile.peak_activation_bytes),
            profile.peak_step,
        ),
    ];
    if 0 < profile.n_nodes_without_step {
        lines.push(format!(
            "{} of {} nodes have no step of their own: fused with another, folded into a constant, or without effect",
            judge::thousands(profile.n_nodes_without_step),
            judge::thousands(profile.n_nodes),
        ));
    }
    let left_out = profile.n_steps.saturating_sub(profile.steps.len() as u64);
    if 0 < left_out {
        let share = profile.share(profile.left_out_ns) * 100.0;
        lines.push(format!("{} cheaper steps are not kept; they take {share:.1} %", judge::thousands(left_out)));
    }
    let machine = &measured.machine;
    lines.push(format!(
        "Asked {}, {} calls; on {}, {} processors, Trestle {}",
        measured.rows,
        judge::thousands(profile.n_calls),
        machine.processor,
        machine.n_processors,
        machine.trestle
    ));
    lines.extend(measured.notes.iter().map(|note| format!("{note}.")));
    lines
}

fn operator_rows(profile: &Profile) -> Vec<Vec<String>> {
    let head = ["operator", "nodes", "steps", "time", "share", "FLOPs", "bytes moved", "trained values", "runs as"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(profile.operators.iter().map(|operator| {
        vec![
            judge::operator_name(operator),
            if operator.is_engines_own() { "–".to_owned() } else { judge::thousands(operator.n_nodes) },
            judge::thousands(operator.n_steps),
            if operator.n_steps == 0 { "–".to_owned() } else { judge::duration(operator.time_ns) },
            format!("{:.1} %", profile.share(operator.time_ns) * 100.0),
            operator.flops.map_or_else(|| "n/a".to_owned(), judge::quantity),
            judge::bytes(judge::operator_moved(operator)),
            judge::quantity(operator.n_parameters),
            operator.runs_as.join(", "),
        ]
    }));
    rows
}

/// The engine's operator with what is in it: `OptMatMul (product + add, with Add_1)`.
fn ran_as(step: &StepCost) -> String {
    let with = if step.fused.is_empty() { String::new() } else { format!("with {}", step.fused.join(" ")) };
    let within: Vec<&str> = [step.detail.as_str(), with.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    if within.is_empty() { step.operator.clone() } else { format!("{} ({})", step.operator, within.join(", ")) }
}

fn step_rows(profile: &Profile, steps: &[&StepCost]) -> Vec<Vec<String>> {
    let head = ["node", "operator", "runs as", "output", "median", "share", "FLOPs", "bytes moved", "live"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(steps.iter().map(|step| {
        let own = step.node.is_empty();
        vec![
            judge::step_name(step).to_owned(),
            if own { "–".to_owned() } else { step.node_operator.clone() },
            ran_as(step),
            step.outputs.join(", "),
            judge::duration(step.time.median),
            format!("{:.1} %", profile.share(step.time.median) * 100.0),
            step.flops.map_or_else(|| "n/a".to_owned(), judge::quantity),
            judge::bytes(judge::step_moved(step)),
            judge::bytes(step.live_bytes),
        ]
    }));
    rows
}
