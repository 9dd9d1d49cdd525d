//! The cards of the benchmark's page.

use egui::Ui;
use jiff::Timestamp;

use super::shown::Shown;
use crate::gui::figure::figure_ui;
use crate::gui::text;
use crate::gui::theme::{Verdict as Look, space};
use crate::gui::ui_command::{Outbox, UiCommand};
use crate::gui::widgets::{
    Card, Column, KeyValues, Stat, Table, cell, cell_number, chip, columns, notice, small_button,
};
use crate::judge::{self, PercentileRow};
use crate::project::brief::LatencyBudget;
use crate::project::reports::{BenchmarkReport, Judgement, Verdict};
use crate::step::Step;
use crate::workbench::Workbench;

/// Height of the histogram, in points.
const PLOT_HEIGHT: f32 = 230.0;

fn look(verdict: Verdict) -> Look {
    match verdict {
        Verdict::Pass => Look::Pass,
        Verdict::Fail => Look::Fail,
        Verdict::Undecided => Look::Warn,
        Verdict::None => Look::None,
    }
}

fn local(time: Timestamp) -> String {
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// What it came to, in a few words.
fn words(judged: &Judgement, ms: Option<f64>, budget: Option<&LatencyBudget>) -> String {
    match (judged.verdict, ms, budget) {
        (Verdict::Pass, Some(ms), Some(budget)) => {
            format!("meets the brief, {} margin", judge::times(budget.limit_ms / ms))
        }
        (Verdict::Fail, Some(ms), Some(budget)) if ms <= budget.limit_ms => "too few requests each second".to_owned(),
        (Verdict::Fail, Some(ms), Some(budget)) => {
            format!("over the brief's limit, {}", judge::times(ms / budget.limit_ms))
        }
        (Verdict::Undecided, ..) if judged.reason.starts_with("not enough samples") => "not enough samples".to_owned(),
        (Verdict::Undecided, ..) => "undecided".to_owned(),
        _ => "the brief states no limit".to_owned(),
    }
}

/// A reason as a sentence; the name of a percentile keeps its small letter.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next();
    match (first, letters.clone().next()) {
        (Some(first), Some(next)) if !next.is_ascii_digit() => {
            format!("{}{}.", first.to_uppercase(), letters.as_str())
        }
        _ => format!("{reason}."),
    }
}

pub(super) fn summary_ui(
    ui: &mut Ui,
    workbench: &Workbench,
    report: &BenchmarkReport,
    judged: &Judgement,
    outbox: &mut Outbox,
) {
    let budget = workbench.latency_budget();
    let percentile = budget.map_or(95.0, |budget| budget.percentile);
    let run = judge::judged_run(report, budget);
    let ms = run.and_then(|run| judge::percentile_ms(run, percentile));
    let asked =
        if judged.asked.is_empty() { "Measured, batch 1".to_owned() } else { format!("Brief says {}", judged.asked) };
    let number = ms.map_or_else(|| "–".to_owned(), judge::millis);
    let unit = format!("ms {}", judge::percentile_name(percentile));
    let (verdict, said) = match workbench.stale::<BenchmarkReport>() {
        Some(_) => (Look::Stale, format!("{}: {}", report.version, words(judged, ms, budget))),
        None => (look(judged.verdict), words(judged, ms, budget)),
    };
    let rate = judge::rate(run.and_then(judge::per_second));
    let (memory, memory_unit) =
        report.peak_memory_bytes.map_or_else(|| ("–".to_owned(), ""), |bytes| (format!("{}", bytes >> 20), "MiB"));
    let first = judge::millis(report.first_call_ms);
    Card::bare().show(ui, |ui| {
        columns(ui, &[1.4, 1.0, 1.0, 1.0], |ui, column| {
            match column {
                0 => Stat::new(&asked, &number).unit(&unit).verdict(verdict, &said).show(ui),
                1 => Stat::new("Requests, one after the other", &rate).unit("/s").show(ui),
                2 => Stat::new("Peak memory", &memory).unit(memory_unit).show(ui),
                _ => Stat::new("First call", &first).unit("ms").show(ui),
            };
        });
        ui.add_space(space::XS);
        if budget.is_some() {
            ui.label(text::small(sentence(&judged.reason)));
        } else if small_button(ui, "State a limit in the brief").clicked() {
            outbox.ask(UiCommand::GoTo(Step::Brief));
        }
    });
    let then = &report.judged;
    if then.verdict != judged.verdict && then.verdict != Verdict::None && !then.asked.is_empty() {
        let word = match then.verdict {
            Verdict::Pass => "it passed",
            Verdict::Fail => "it failed",
            Verdict::Undecided | Verdict::None => "it was undecided",
        };
        let sentence = format!("When it was measured, {word}: the brief said {} then.", then.asked);
        notice(ui, Look::None, &sentence);
    }
}

pub(super) fn histogram_ui(ui: &mut Ui, report: &BenchmarkReport, shown: &Shown, outbox: &mut Outbox) {
    let Some(run) = report.runs.get(shown.run_idx) else { return };
    let Some(figure) = &shown.figure else {
        notice(ui, Look::Fail, "The stored histogram cannot be read. Run the benchmark again.");
        return;
    };
    let title = format!("Latency of {} requests", judge::thousands(shown.n));
    let remark = format!("closed loop, batch {}, {}", run.batch, report.rows);
    Card::new(&title).remark(&remark).show(ui, |ui| figure_ui(ui, figure, PLOT_HEIGHT, outbox));
}

pub(super) fn percentiles_ui(ui: &mut Ui, report: &BenchmarkReport, shown: &Shown) {
    let Some(run) = report.runs.get(shown.run_idx) else { return };
    let columns = [
        Column::text("percentile").exact(96.0),
        Column::number("ms"),
        Column::number("95 % interval").exact(140.0),
        Column::number("last run"),
        Column::text("trust"),
    ];
    let mut parts = vec![judge::scope(report, run).replace(", ", " · "), judge::steadiness(run)];
    parts.extend(shown.before.map(|before| format!("last run {}", local(before))));
    parts.retain(|part| !part.is_empty());
    let remark = parts.join(" · ");
    Card::new("Percentiles").remark(&remark).show(ui, |ui| {
        Table::new("percentiles", &columns).show(ui, shown.percentiles.len(), |ui, idx, column| {
            let row = &shown.percentiles[idx];
            let quiet = row.ms.is_none();
            match column {
                0 if quiet => drop(cell(ui, text::weak(judge::percentile_name(row.percentile)))),
                0 => drop(cell(ui, text::body(judge::percentile_name(row.percentile)))),
                1 => drop(cell_number(ui, &ms_or_dash(row.ms))),
                2 => drop(cell_number(ui, &interval(row))),
                3 => drop(cell_number(ui, &ms_or_dash(row.before_ms))),
                _ => drop(cell(ui, text::weak(trust(row, shown.n)))),
            }
        });
    });
}

fn ms_or_dash(ms: Option<f64>) -> String {
    ms.map_or_else(|| "–".to_owned(), judge::millis)
}

fn interval(row: &PercentileRow) -> String {
    match row.interval_ms {
        (Some(lower), Some(upper)) => format!("{} – {}", judge::millis(lower), judge::millis(upper)),
        (Some(lower), None) if row.ms.is_some() => format!("from {}", judge::millis(lower)),
        (None, Some(upper)) if row.ms.is_some() => format!("up to {}", judge::millis(upper)),
        _ => "–".to_owned(),
    }
}

fn trust(row: &PercentileRow, n: u64) -> String {
    match (row.ms, row.n_needed) {
        (None, Some(needed)) => format!("needs {} samples", judge::thousands(needed)),
        (None, None) => "no number of samples is enough".to_owned(),
        (Some(_), _) => match row.change.describe() {
            change if change.is_empty() => format!("{} samples", judge::thousands(n)),
            change => change,
        },
    }
}

/// The batch sizes; returns the one that was picked just now.
pub(super) fn runs_ui(ui: &mut Ui, shown: &Shown) -> Option<usize> {
    let columns = [
        Column::number("batch").share(0.6),
        Column::number("requests").share(1.0),
        Column::number("p50 ms").share(0.9),
        Column::number("p95 ms").share(0.9),
        Column::number("p99 ms").share(0.9),
        Column::number("longest ms").share(1.1),
        Column::number("requests/s").share(1.1),
        Column::number("rows/s").share(1.1),
    ];
    let names: Vec<String> = shown.runs.iter().map(|run| format!("Batch {}", run[0])).collect();
    let several = 1 < shown.runs.len();
    let remark = if several { "pick one to see its distribution" } else { "" };
    Card::new("Batch sizes")
        .remark(remark)
        .show(ui, |ui| {
            let table = Table::new("batch sizes", &columns);
            let table = if several { table.pick(Some(shown.run_idx)).named(&names) } else { table };
            table.show(ui, shown.runs.len(), |ui, row, column| drop(cell_number(ui, &shown.runs[row][column])))
        })
        .inner
}

pub(super) fn machine_ui(ui: &mut Ui, report: &BenchmarkReport) {
    let machine = &report.machine;
    let known = |words: &str| if words.is_empty() { "not known".to_owned() } else { words.to_owned() };
    let n_warm_up: u64 = report.runs.iter().map(|run| run.n_warm_up).sum();
    let mut pairs = vec![
        ("Measured", format!("{}, {}", local(report.time), report.preset)),
        ("Processor", format!("{}, {} logical", known(&machine.processor), machine.n_processors)),
        ("Memory", format!("{:.1} GiB", machine.memory_bytes as f64 / f64::from(1 << 30))),
        ("System", known(&machine.system)),
        ("Trestle", known(&machine.trestle)),
        ("Rows", report.rows.clone()),
        (
            "Loading",
            format!("{} ms, then {} requests to warm up", judge::millis(report.load_ms), judge::thousands(n_warm_up)),
        ),
    ];
    if !report.notes.is_empty() {
        pairs.push(("To be known", format!("{}.", report.notes.join(". "))));
    }
    let remark = "compared with runs on the same machine only";
    Card::new("Machine").remark(remark).show(ui, |ui| {
        let pairs: Vec<(&str, egui::RichText)> =
            pairs.into_iter().map(|(key, value)| (key, text::body(value))).collect();
        KeyValues::default().show(ui, &pairs);
    });
}

pub(super) fn history_ui(ui: &mut Ui, workbench: &Workbench, shown: &Shown) {
    if shown.history.len() < 2 {
        return;
    }
    let percentile = workbench.latency_budget().map_or(95.0, |budget| budget.percentile);
    let columns = [
        Column::text("when").exact(128.0),
        Column::text("version").exact(72.0),
        Column::text("length").share(1.0),
        Column::number(format!("{} ms", judge::percentile_name(percentile))).exact(80.0),
        Column::number("requests/s").exact(88.0),
        Column::text("by today's brief").exact(112.0),
    ];
    Card::new("Benchmarks so far").show(ui, |ui| {
        Table::new("history", &columns).show(ui, shown.history.len(), |ui, row, column| {
            let line = &shown.history[row];
            match column {
                0 => drop(cell(ui, local(line.when))),
                1 => drop(cell(ui, line.version.as_str())),
                2 => drop(cell(ui, text::weak(line.preset.as_str()))),
                3 => drop(cell_number(ui, &line.ms)),
                4 => drop(cell_number(ui, &line.per_second)),
                _ => {
                    let word = match line.judged.verdict {
                        Verdict::Pass => "passes",
                        Verdict::Fail => "fails",
                        Verdict::Undecided => "undecided",
                        Verdict::None => "no limit",
                    };
                    chip(ui, look(line.judged.verdict), word).on_hover_text(&line.judged.reason);
                }
            }
        });
    });
}
