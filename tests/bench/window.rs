//! How long one pass of the window takes on one core: `logic`, `ui` and tessellation, page by page.
//!
//! `cargo bench --bench window` prints the median, the 99th percentile and the slowest pass of each page, on a project
//! with a drift report of 5,000 columns. The bar is 8 ms at the 99th percentile.
#![expect(clippy::print_stdout, reason = "a benchmark's figures are its result")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use egui::{Context, RawInput, Rect, pos2, vec2};
use trestle::command::Command;
use trestle::gui::ui_command::Choosing;
use trestle::gui::{App, Picker, theme};
use trestle::jobs::{Wake, no_wake};
use trestle::project::Project;
use trestle::project::reports::{Bins, ColumnDrift, DriftReport, DriftSide, DriftTest, Judgement};
use trestle::step::Step;
use trestle::workbench::{Environment, Workbench};

/// Passes measured a page.
const PASSES: usize = 400;
/// Passes before, in which layouts settle and glyphs are rasterised.
const WARM_UP: usize = 20;
/// Columns of the drift report.
const COLUMNS: usize = 5_000;

struct NoPicker;

impl Picker for NoPicker {
    fn open(&mut self, _choosing: Choosing, _folder: Option<&Path>, _name: &str, _wake: &Wake) {}

    fn poll(&mut self) -> Option<(Choosing, Option<PathBuf>)> {
        None
    }
}

fn wide_report(project: &Project) -> DriftReport {
    let column = |index: usize| ColumnDrift {
        name: format!("column_{index}"),
        n_reference: 1_000_000,
        n_current: 1_000_000,
        psi: Some(0.5 / (index + 1) as f64),
        psi_noise: 0.001,
        test: Some(DriftTest { name: "Kolmogorov–Smirnov".to_owned(), statistic: 0.1, p: 0.01 }),
        bins: Bins::Numeric {
            edges: (1..10).map(f64::from).collect(),
            range: (0.0, 10.0),
            current_range: (0.0, 10.0),
            reference: vec![100_000; 10],
            current: (0..10).map(|bin| 50_000 + 10_000 * bin).collect(),
        },
        ..ColumnDrift::default()
    };
    let side = |path: &str| DriftSide { path: path.to_owned(), n_rows: 1_000_000 };
    DriftReport {
        time: "2026-11-24T12:00:00Z".parse().unwrap(),
        reference: side("data/reference.csv"),
        current: side("data/current.csv"),
        columns: (0..COLUMNS).map(column).collect(),
        only_in_reference: Vec::new(),
        only_in_current: Vec::new(),
        findings: Vec::new(),
        evidence: project.evidence(None).unwrap(),
        judged: Judgement::default(),
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let environment = Environment::real(runtime.handle().clone()).unwrap();
    let executable = PathBuf::from(env!("CARGO_BIN_EXE_trestle"));
    let worker = trestle::engine::WorkerConfig { executable: executable.clone(), ..environment.worker.clone() };
    let environment = Environment { settings: None, wake: no_wake(), executable, worker, ..environment };
    let mut workbench = Workbench::new(environment);
    let root = folder.path().join("churn");
    workbench.run(Command::NewFromExample(root.clone()), |_| {}).unwrap();
    for command in [Command::Evaluate, Command::CheckReadiness] {
        workbench.run(command, |_| {}).unwrap();
    }
    let mut project = Project::open(&root).unwrap();
    let report = wide_report(&project);
    project.add_report(report).unwrap();
    workbench.run(Command::OpenProject(root), |_| {}).unwrap();

    let mut app = App::new(workbench, Box::new(NoPicker), no_wake());
    let ctx = Context::default();
    theme::install(&ctx);
    println!("{:<12} {:>10} {:>10} {:>10}", "page", "p50 ms", "p99 ms", "max ms");
    for step in Step::ALL {
        app.go_to(step);
        let mut millis: Vec<f64> = (0..WARM_UP + PASSES).map(|pass| one_pass(&ctx, &mut app, pass)).collect();
        millis.drain(..WARM_UP);
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
        println!("{:<12} {:>10.2} {:>10.2} {:>10.2}", step.label(), at(0.5), at(0.99), at(1.0));
    }
}

/// One pass, in milliseconds; the pointer wanders, so that hovering is in it.
fn one_pass(ctx: &Context, app: &mut App, pass: usize) -> f64 {
    let size = vec2(1440.0, 900.0);
    let mut input = RawInput {
        screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), size)),
        time: Some(pass as f64 / 60.0),
        focused: true,
        ..RawInput::default()
    };
    let place = pos2((pass * 37 % 1440) as f32, (pass * 23 % 900) as f32);
    input.events.push(egui::Event::PointerMoved(place));
    let started = Instant::now();
    let output = ctx.run_ui(input, |ui| {
        app.logic(&ui.ctx().clone());
        app.ui(ui);
    });
    let primitives = ctx.tessellate(output.shapes.clone(), 1.0);
    let millis = started.elapsed().as_secs_f64() * 1e3;
    std::hint::black_box(primitives);
    output.drop_without_applying_deltas();
    millis
}
