//! What a verification's load is to the checklist.

use super::{World, limit};
use crate::project::reports::{BenchmarkRun, LoadReport, LoadRun, Scenario, Verdict};

#[test]
fn the_verification_stands_beside_the_judged_latency_and_does_not_change_it() {
    let mut world = World::new();
    world.limits = vec![limit(Verdict::Pass, true)];
    let without = world.item("brief.latency");
    let run = BenchmarkRun {
        scenario: Scenario::ClosedLoop,
        batch: 1,
        threads: 1,
        n_warm_up: 20,
        n: 5_000,
        seconds: 2.5,
        windows: Vec::new(),
        histogram: String::new(),
        // Far beyond the brief.
        percentiles_ms: [900.0; 5],
    };
    world.packages[0].load = Some(LoadReport {
        asked: String::new(),
        inside: LoadRun { run, n_failed: 0, resident_bytes: None },
        outside: None,
        outside_missing: String::new(),
        peak_memory_bytes: None,
        n_memory_samples: 0,
        memory_limit_bytes: 0,
    });
    let with = world.item("brief.latency");
    assert_eq!((with.status, &with.reason), (without.status, &without.reason));
    assert_eq!(with.evidence.len(), without.evidence.len() + 1);
    assert_eq!(with.evidence.last().unwrap().detail, "p95 900 ms in the container, one request after another");
    // What another model's image did is no evidence of this one.
    world.packages[0].evidence.model = "older".to_owned();
    assert_eq!(world.item("brief.latency").evidence, without.evidence);
}
