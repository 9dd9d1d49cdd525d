//! What is measured, and for how long.

use std::time::Duration;

use crate::command::BenchmarkRequest;
use crate::engine::{DEFAULT_THREADS, MOST_THREADS};
use crate::problem::Problem;

/// The most rows in one request that are measured.
pub const LARGEST_BATCH: u32 = 1 << 16;
/// The most batch sizes that are measured in one benchmark.
pub const MOST_RUNS: usize = 16;
/// The larger of the batches that are measured when none is asked for.
const USUAL_BATCH: u32 = 32;
/// Share of a run's time that warms up.
const WARM_UP: f64 = 0.1;
/// Weight of the time for the run that the brief is judged by, against 1 for each other one.
const JUDGED_WEIGHT: f64 = 2.0;
/// The longest benchmark.
const MOST_SECONDS: f64 = 3_600.0;

/// What is measured, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenchmarkConfig {
    /// Its name in the report.
    pub preset: String,
    /// Rows a request with the time to warm up and the time to measure, one for each run.
    pub runs: Vec<(u32, Duration, Duration)>,
    /// Threads; all runs are done with each. The times of the runs are for one.
    pub threads: Vec<u32>,
    /// What is to be known about these choices.
    pub notes: Vec<String>,
}

impl BenchmarkConfig {
    /// What a request comes to: the batches asked for, or 1, 32 and the brief's; `fixed` is the model's only one.
    pub fn new(request: &BenchmarkRequest, brief: Option<u32>, fixed: Option<u64>) -> Result<Self, Problem> {
        let seconds = request.seconds.unwrap_or_else(|| request.length.seconds());
        if !(0.0 < seconds && seconds <= MOST_SECONDS) {
            let what = format!("A benchmark cannot take {seconds} seconds");
            return Err(Problem::new(what, "", "Use more than 0 and at most 3,600."));
        }
        let mut notes = Vec::new();
        let mut batches = Vec::new();
        let wanted = if request.batches.is_empty() {
            let brief = brief.filter(|batch| (1..=LARGEST_BATCH).contains(batch));
            brief.into_iter().chain([1, USUAL_BATCH]).collect()
        } else {
            request.batches.clone()
        };
        for batch in wanted {
            if !(1..=LARGEST_BATCH).contains(&batch) {
                let what = format!("A batch of {batch} rows cannot be measured");
                return Err(Problem::new(what, "", format!("Use 1 to {LARGEST_BATCH}.")));
            }
            if !batches.contains(&batch) {
                batches.push(batch);
            }
        }
        if let Some(fixed) = fixed {
            let Some(fixed) = u32::try_from(fixed).ok().filter(|fixed| (1..=LARGEST_BATCH).contains(fixed)) else {
                let what = format!("The model takes only batches of {fixed} rows, which cannot be measured");
                return Err(Problem::new(what, "", "Export it with a batch of any size."));
            };
            if batches != [fixed] {
                notes.push(format!("The model takes only batches of {fixed}, so no other was measured"));
            }
            batches = vec![fixed];
        }
        if MOST_RUNS < batches.len() {
            let what = format!("{} batch sizes are too many", batches.len());
            return Err(Problem::new(what, "", format!("Use at most {MOST_RUNS}.")));
        }
        let mut threads = Vec::new();
        for n in &request.threads {
            if !(1..=MOST_THREADS as u32).contains(n) {
                let what = format!("A model cannot run with {n} threads");
                return Err(Problem::new(what, "", format!("Use 1 to {MOST_THREADS}.")));
            }
            if !threads.contains(n) {
                threads.push(*n);
            }
        }
        if threads.is_empty() {
            threads.push(DEFAULT_THREADS as u32);
        }
        if MOST_RUNS < batches.len() * threads.len() {
            let what = format!("{} batch sizes with {} numbers of threads are too many", batches.len(), threads.len());
            return Err(Problem::new(what, "", format!("Use at most {MOST_RUNS} of both together.")));
        }
        batches.sort_unstable();
        let judged = brief.filter(|brief| batches.contains(brief)).or_else(|| batches.first().copied());
        let weight = |batch: u32| if Some(batch) == judged { JUDGED_WEIGHT } else { 1.0 };
        let total: f64 = batches.iter().map(|batch| weight(*batch)).sum();
        let runs = batches.iter().map(|batch| {
            let all = seconds * weight(*batch) / total / threads.len() as f64;
            (*batch, Duration::from_secs_f64(all * WARM_UP), Duration::from_secs_f64(all * (1.0 - WARM_UP)))
        });
        let preset = if request.seconds.is_some() { format!("{seconds} s") } else { request.length.name().to_owned() };
        Ok(Self { preset, runs: runs.collect(), threads, notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::BenchmarkLength;

    fn request(batches: &[u32]) -> BenchmarkRequest {
        BenchmarkRequest { length: BenchmarkLength::Quick, batches: batches.to_vec(), ..BenchmarkRequest::default() }
    }

    #[track_caller]
    fn check(batches: &[u32], brief: Option<u32>, fixed: Option<u64>, expected: &[u32]) {
        let config = BenchmarkConfig::new(&request(batches), brief, fixed).unwrap();
        let got: Vec<u32> = config.runs.iter().map(|(batch, _, _)| *batch).collect();
        assert_eq!(got, expected, "{batches:?} {brief:?} {fixed:?}");
        let total: Duration = config.runs.iter().map(|(_, warm_up, measure)| *warm_up + *measure).sum();
        assert!((total.as_secs_f64() - 3.0).abs() < 1e-6, "{total:?}");
    }

    #[test]
    fn the_briefs_batch_is_always_measured_and_longest() {
        check(&[], None, None, &[1, 32]);
        check(&[], Some(1), None, &[1, 32]);
        check(&[], Some(8), None, &[1, 8, 32]);
        check(&[], Some(1_000_000), None, &[1, 32]);
        check(&[64, 2, 2], Some(1), None, &[2, 64]);
        let config = BenchmarkConfig::new(&request(&[]), Some(8), None).unwrap();
        let longest = config.runs.iter().max_by_key(|(_, _, measure)| *measure).unwrap();
        assert_eq!(longest.0, 8);
    }

    #[test]
    fn a_fixed_batch_is_the_only_one_and_said() {
        check(&[], Some(1), Some(4), &[4]);
        let config = BenchmarkConfig::new(&request(&[]), Some(1), Some(4)).unwrap();
        assert_eq!(config.notes, ["The model takes only batches of 4, so no other was measured"]);
        assert!(BenchmarkConfig::new(&request(&[]), Some(4), Some(1 << 40)).is_err());
        assert_eq!(BenchmarkConfig::new(&request(&[4]), None, Some(4)).unwrap().notes, Vec::<String>::new());
    }

    #[test]
    fn the_time_is_shared_by_all_numbers_of_threads() {
        let with = |threads: &[u32]| BenchmarkRequest { threads: threads.to_vec(), ..request(&[1]) };
        let one = BenchmarkConfig::new(&with(&[]), None, None).unwrap();
        assert_eq!(one.threads, [1]);
        let two = BenchmarkConfig::new(&with(&[2, 1, 2]), None, None).unwrap();
        assert_eq!(two.threads, [2, 1]);
        assert_eq!(two.runs[0].2, one.runs[0].2 / 2);
        for threads in [&[0][..], &[65], &(1..=20).collect::<Vec<u32>>()] {
            assert!(BenchmarkConfig::new(&with(threads), None, None).is_err(), "{threads:?}");
        }
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let many: Vec<u32> = (1..=20).collect();
        for batches in [&[0][..], &[LARGEST_BATCH + 1], &many] {
            assert!(BenchmarkConfig::new(&request(batches), None, None).is_err(), "{batches:?}");
        }
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY, 3_601.0] {
            let request = BenchmarkRequest { seconds: Some(seconds), ..request(&[]) };
            assert!(BenchmarkConfig::new(&request, None, None).is_err(), "{seconds}");
        }
    }
}
