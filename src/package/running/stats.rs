//! What a container uses, from the counters of its engine.
//!
//! The formulas are those of `docker stats` (`calculateCPUPercentUnix` and `calculateMemUsageUnixNoCache` in the Docker
//! command line's `stats_helpers.go`): processor time over that of the whole machine times its processors, and memory
//! without the page cache that is not in use. They differ in one thing: the counters before are those that were seen
//! here before, as engines send none with the first measurement and some send none at all.

use bollard::models::{ContainerMemoryStats, ContainerStatsResponse};
use jiff::Timestamp;

use crate::project::running::Usage;

/// Turns counters into uses; it remembers the counters before.
#[derive(Debug, Default)]
pub(super) struct Meter {
    before: Option<Counters>,
}

/// Counters that only grow while a container runs.
#[derive(Clone, Copy, Debug)]
struct Counters {
    at: Timestamp,
    cpu_nanos: u64,
    /// Processor time of the whole machine; Podman has none.
    system_nanos: Option<u64>,
    /// Bytes received and sent, where the engine counts them.
    network: Option<(u64, u64)>,
}

impl Meter {
    /// What was used since the counters before; `None` of a container that does not run.
    pub(super) fn take(&mut self, stats: &ContainerStatsResponse) -> Option<Usage> {
        let at = measured_at(stats)?;
        let cpu = stats.cpu_stats.as_ref();
        let cpu_nanos = cpu.and_then(|cpu| cpu.cpu_usage.as_ref()).and_then(|usage| usage.total_usage)?;
        let memory = stats.memory_stats.as_ref();
        let networks = stats.networks.as_ref().map(|networks| {
            networks.values().fold((0_u64, 0_u64), |(received, sent), network| {
                let more = |sum: u64, bytes: Option<u64>| sum.saturating_add(bytes.unwrap_or(0));
                (more(received, network.rx_bytes), more(sent, network.tx_bytes))
            })
        });
        let now = Counters {
            at,
            cpu_nanos,
            system_nanos: cpu.and_then(|cpu| cpu.system_cpu_usage).filter(|nanos| 0 < *nanos),
            network: networks,
        };
        let processors = cpu.map_or(1, |cpu| {
            let online = cpu.online_cpus.filter(|n| 0 < *n);
            let listed = cpu.cpu_usage.as_ref().and_then(|usage| usage.percpu_usage.as_ref()).map(Vec::len);
            online.or_else(|| listed.filter(|n| 0 < *n).and_then(|n| u32::try_from(n).ok())).unwrap_or(1)
        });
        let before = self.before.replace(now);
        let since = before.and_then(|before| Since::new(&before, &now, processors));
        Some(Usage {
            at,
            cpu_percent: since.as_ref().and_then(|since| since.cpu_percent),
            memory_bytes: memory.map_or(0, memory_in_use),
            memory_limit_bytes: memory.and_then(|memory| memory.limit).unwrap_or(0),
            received_per_second: since.as_ref().and_then(|since| since.network).map(|(received, _)| received),
            sent_per_second: since.as_ref().and_then(|since| since.network).map(|(_, sent)| sent),
        })
    }
}

/// What happened between two looks.
struct Since {
    cpu_percent: Option<f64>,
    network: Option<(f64, f64)>,
}

impl Since {
    /// `None` when the counters do not follow each other, as after a restart.
    fn new(before: &Counters, now: &Counters, processors: u32) -> Option<Self> {
        let seconds = now.at.duration_since(before.at).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let used = now.cpu_nanos.checked_sub(before.cpu_nanos)? as f64;
        let machine = match (before.system_nanos, now.system_nanos) {
            (Some(before), Some(now)) => now.checked_sub(before).map(|nanos| nanos as f64 / f64::from(processors)),
            // The machine's time over its processors is time that passed.
            _ => Some(seconds * 1e9),
        };
        let rate = |before: u64, now: u64| now.checked_sub(before).map(|bytes| bytes as f64 / seconds);
        let network =
            before.network.zip(now.network).and_then(|(before, now)| rate(before.0, now.0).zip(rate(before.1, now.1)));
        Some(Self { cpu_percent: machine.filter(|nanos| 0.0 < *nanos).map(|nanos| used / nanos * 100.0), network })
    }
}

/// Memory without the page cache that the kernel would give back: cgroup v1 counts it as `total_inactive_file`,
/// version 2 as `inactive_file`.
fn memory_in_use(memory: &ContainerMemoryStats) -> u64 {
    let usage = memory.usage.unwrap_or(0);
    let stat = |name: &str| memory.stats.as_ref().and_then(|stats| stats.get(name)).copied();
    let cache = stat("total_inactive_file").or_else(|| stat("inactive_file")).unwrap_or(0);
    if cache < usage { usage - cache } else { usage }
}

/// When the engine looked; of a container that does not run it says year 1.
fn measured_at(stats: &ContainerStatsResponse) -> Option<Timestamp> {
    // As text, because the type of this field depends on which features of bollard are on.
    let read = serde_json::to_value(stats.read.as_ref()?).ok()?;
    let at: Timestamp = read.as_str()?.parse().ok()?;
    (0 < at.as_second()).then_some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn stats(json: &Json) -> ContainerStatsResponse {
        serde_json::from_value(json.clone()).unwrap()
    }

    /// Counters of a container on two processors: `cpu` and `system` in nanoseconds.
    fn at(second: u32, cpu: u64, system: u64) -> Json {
        json!({
            "read": format!("2026-11-24T20:00:{second:02}Z"),
            "cpu_stats": {"cpu_usage": {"total_usage": cpu}, "system_cpu_usage": system, "online_cpus": 2},
            "memory_stats": {"usage": 30_000_000, "limit": 536_870_912, "stats": {"inactive_file": 10_000_000}},
            "networks": {"eth0": {"rx_bytes": 1_000 * u64::from(second), "tx_bytes": 500 * u64::from(second)}},
        })
    }

    #[track_caller]
    fn near(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?} is not {expected}");
    }

    #[test]
    fn half_a_processor_is_fifty_percent() {
        let mut meter = Meter::default();
        let first = meter.take(&stats(&at(1, 5_000_000_000, 100_000_000_000))).unwrap();
        assert_eq!((first.cpu_percent, first.received_per_second), (None, None), "there is nothing before the first");
        assert_eq!((first.memory_bytes, first.memory_limit_bytes), (20_000_000, 536_870_912));
        // In one second the machine's two processors count two seconds, and the container half of one.
        let second = meter.take(&stats(&at(2, 5_500_000_000, 102_000_000_000))).unwrap();
        near(second.cpu_percent, 50.0);
        near(second.received_per_second, 1_000.0);
        near(second.sent_per_second, 500.0);
        // Two seconds later, both processors busy all the time.
        let third = meter.take(&stats(&at(4, 9_500_000_000, 106_000_000_000))).unwrap();
        near(third.cpu_percent, 200.0);
        near(third.received_per_second, 1_000.0);
    }

    #[test]
    fn without_the_machine_s_own_time_the_clock_is_taken() {
        let mut meter = Meter::default();
        let mut json = at(1, 1_000_000_000, 0);
        json["cpu_stats"]["system_cpu_usage"] = Json::Null;
        json["cpu_stats"]["online_cpus"] = Json::Null;
        meter.take(&stats(&json)).unwrap();
        json["read"] = json!("2026-11-24T20:00:03Z");
        json["cpu_stats"]["cpu_usage"]["total_usage"] = json!(1_500_000_000_u64);
        near(meter.take(&stats(&json)).unwrap().cpu_percent, 25.0);
    }

    #[test]
    fn processors_are_counted_where_they_are_not_told() {
        let mut meter = Meter::default();
        let usage = |total: u64| json!({"total_usage": total, "percpu_usage": [1, 1, 1, 1]});
        let mut json = at(1, 0, 1_000_000_000);
        json["cpu_stats"] = json!({"cpu_usage": usage(0), "system_cpu_usage": 1_000_000_000_u64});
        meter.take(&stats(&json)).unwrap();
        json["read"] = json!("2026-11-24T20:00:02Z");
        json["cpu_stats"] = json!({"cpu_usage": usage(1_000_000_000), "system_cpu_usage": 5_000_000_000_u64});
        near(meter.take(&stats(&json)).unwrap().cpu_percent, 100.0);
    }

    #[test]
    fn the_page_cache_is_left_out_by_either_version_of_cgroups() {
        #[track_caller]
        fn check(usage: u64, stats: Json, expected: u64) {
            let memory = json!({"usage": usage, "stats": stats});
            assert_eq!(memory_in_use(&serde_json::from_value(memory).unwrap()), expected);
        }
        check(100, json!({"total_inactive_file": 30, "inactive_file": 10}), 70);
        check(100, json!({"inactive_file": 10}), 90);
        check(100, json!({"inactive_file": 100}), 100);
        check(100, json!({}), 100);
        check(100, Json::Null, 100);
    }

    #[test]
    fn a_restart_begins_anew() {
        let mut meter = Meter::default();
        meter.take(&stats(&at(2, 5_000_000_000, 100_000_000_000))).unwrap();
        let restarted = meter.take(&stats(&at(3, 1_000, 102_000_000_000))).unwrap();
        assert_eq!((restarted.cpu_percent, restarted.sent_per_second), (None, None));
        let again = meter.take(&stats(&at(3, 2_000, 103_000_000_000))).unwrap();
        assert_eq!(again.cpu_percent, None, "no time has passed");
    }

    #[test]
    fn what_does_not_run_uses_nothing() {
        let mut meter = Meter::default();
        assert_eq!(meter.take(&stats(&json!({}))), None);
        assert_eq!(meter.take(&stats(&json!({"read": "0001-01-01T00:00:00Z"}))), None);
        // Podman without networks.
        let bare = json!({"read": "2026-11-24T20:00:03Z", "cpu_stats": {"cpu_usage": {"total_usage": 1}}});
        let usage = meter.take(&stats(&bare)).unwrap();
        assert_eq!((usage.memory_bytes, usage.received_per_second), (0, None));
    }
}
