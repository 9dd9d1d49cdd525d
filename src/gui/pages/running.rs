//! Pictures of the run panel, with containers made up for them: no engine runs for five minutes for a picture.

use egui::{CentralPanel, Frame, Ui};
use jiff::{Span, Timestamp};

use crate::gui::steps::running::{RunView, Shown};
use crate::gui::theme::Look as _;
use crate::gui::ui_command::Outbox;
use crate::gui::widgets::page_header;
use crate::problem::Problem;
use crate::project::running::{ContainerInfo, Health, Maker, Phase, Usage};
use crate::step::{Activity, Step};
use crate::workbench::{Containers, Watched};

/// Every picture: its file name and what is there.
pub(super) fn all() -> Vec<(&'static str, Containers)> {
    let running = container("1", "trestle-churn-1.1.0");
    let stopped = ContainerInfo {
        phase: Phase::Exited,
        health: None,
        exit_code: Some(2),
        addresses: Vec::new(),
        finished: Some(before(95)),
        ..container("2", "trestle-churn-1.0.0")
    };
    let elsewhere = ContainerInfo {
        maker: Maker::Other,
        project: "invoices".to_owned(),
        image: "invoices:2.0.0".to_owned(),
        health: Some(Health::Starting),
        started: Some(before(8)),
        addresses: vec!["127.0.0.1:49160".to_owned()],
        ..container("3", "determined_noether")
    };
    let left = |id: &str, maker: Maker, phase: Phase, name: &str| ContainerInfo {
        maker,
        orphan: true,
        phase,
        health: None,
        addresses: Vec::new(),
        ..container(id, name)
    };
    let orphans = vec![
        running.clone(),
        left("4", Maker::Build, Phase::Running, "practical_hopper"),
        left("5", Maker::Run, Phase::Created, "trestle-churn-1.1.0-2"),
    ];
    let refused = Problem::new(
        "Port 8080 of 127.0.0.1 is already in use",
        "",
        "Choose another port, leave it out to get a free one, or stop what listens there.",
    );
    let mut failed = seen(vec![stopped.clone()], None);
    failed.ran.activity = Activity::Failed(refused);
    vec![
        ("container-run-nothing", seen(Vec::new(), None)),
        ("container-run", seen(vec![running.clone(), elsewhere], Some(watched("1", &LOG, 300)))),
        ("container-run-stopped", seen(vec![running, stopped], Some(watched("2", &LAST_WORDS, 0)))),
        ("container-run-orphans", seen(orphans, None)),
        ("container-run-refused", failed),
    ]
}

/// Shows the panel as on its page.
pub(super) fn page_ui(ui: &mut Ui, containers: &Containers) {
    let frame = Frame::new().fill(ui.tokens().bg).inner_margin(24);
    CentralPanel::default().frame(frame).show(ui, |ui| {
        page_header(ui, Step::Container.label(), Step::Container.purpose(), |_| ());
        let image = Some("churn:1.1.0");
        let shown = Shown { containers, image, project: "churn", jobs: &[], now: now() };
        RunView::default().ui(ui, &shown, &mut Outbox::default());
    });
}

const LOG: [&str; 6] = [
    r#"{"timestamp":"2026-11-24T20:00:00.014Z","level":"INFO","message":"serving","address":"0.0.0.0:8080","models":["churn 1.1.0"]}"#,
    r#"{"timestamp":"2026-11-24T20:11:02.310Z","level":"INFO","message":"request","id":"5b1c9e02","path":"/v2/health/ready","status":200,"millis":0.04}"#,
    r#"{"timestamp":"2026-11-24T20:11:03.981Z","level":"INFO","message":"request","id":"77aa01d4","path":"/predict","status":200,"millis":0.31}"#,
    r#"{"timestamp":"2026-11-24T20:11:04.127Z","level":"INFO","message":"request","id":"c2f04419","path":"/v2/models/churn/infer","status":200,"millis":0.27}"#,
    r#"{"timestamp":"2026-11-24T20:11:04.130Z","level":"WARN","message":"request","id":"9d27cc53","path":"/predict","status":422,"millis":0.09}"#,
    r#"{"timestamp":"2026-11-24T20:11:05.002Z","level":"INFO","message":"request","id":"e11b70a8","path":"/predict","status":200,"millis":0.29}"#,
];

const LAST_WORDS: [&str; 1] = [
    "error: TRESTLE_SERVE_MAX_INFLIGHT: there is no such setting; one of address, versions, drain_seconds, max_in_flight",
];

fn now() -> Timestamp {
    "2026-11-24T20:12:00Z".parse().unwrap_or_default()
}

fn before(seconds: i64) -> Timestamp {
    now().checked_sub(Span::new().seconds(seconds)).unwrap_or_default()
}

fn container(id: &str, name: &str) -> ContainerInfo {
    ContainerInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        maker: Maker::Run,
        orphan: false,
        image: format!("churn:{}", if name.contains("1.0.0") { "1.0.0" } else { "1.1.0" }),
        project: "churn".to_owned(),
        version: "1.1.0".to_owned(),
        phase: Phase::Running,
        health: Some(Health::Healthy),
        exit_code: None,
        out_of_memory: false,
        addresses: vec!["127.0.0.1:8080".to_owned()],
        started: Some(before(720)),
        finished: None,
        memory_limit_bytes: Some(64 << 20),
        cpu_limit: Some(0.5),
    }
}

fn seen(all: Vec<ContainerInfo>, watched: Option<Watched>) -> Containers {
    let mut containers = Containers::default();
    containers.list.last = Some(all);
    containers.watching = Activity::Running(1);
    containers.watched = watched;
    containers
}

/// A container that was asked more and more, and then less.
fn watched(id: &str, lines: &[&str], n_seconds: i64) -> Watched {
    let usage = |second: i64| {
        let at = second as f64;
        let busy = 0.5 + 0.3 * (at / 47.0).sin() + 0.12 * (at / 11.0).sin() + 0.05 * (at / 3.1).sin();
        Usage {
            at: before(n_seconds - second),
            cpu_percent: (0 < second).then_some(38.0 * busy),
            memory_bytes: (19.0e6 + 9.0e6 * (second as f64 / 300.0).min(0.4) + 1.5e6 * busy) as u64,
            memory_limit_bytes: 64 << 20,
            received_per_second: (0 < second).then_some(410e3 * busy),
            sent_per_second: (0 < second).then_some(250e3 * busy),
        }
    };
    let mut watched = Watched::new(id.to_owned());
    watched.lines = lines.iter().map(|line| (*line).to_owned()).collect();
    watched.usage = (0..n_seconds).map(usage).collect();
    watched
}
