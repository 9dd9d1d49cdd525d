//! Latencies as an HDR histogram: every percentile of any number of samples, in bounded memory.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};

use super::binomial::quantile_ranks;

/// Significant figures kept of each latency: it is known to 0.1 %.
const FIGURES: u8 = 3;
/// The longest latency kept apart, one hour; longer ones are counted as this.
const LONGEST_NANOS: u64 = 3_600_000_000_000;
/// More text than any of these histograms encodes to.
const LONGEST_TEXT_BYTES: usize = 1 << 20;
/// More bytes than any of these histograms inflates to: nine for each of its 33,000 counts.
const LONGEST_BYTES: u64 = 1 << 20;
/// First word and length of the header of HDR histograms in their V2 format.
const V2: (u32, usize) = (0x1c84_9313, 40);
/// The same of the wrapper that holds a compressed one.
const V2_DEFLATE: (u32, usize) = (0x1c84_9314, 8);
/// More samples than anyone takes; below it, counts are exact as `f64` and their sum cannot overflow.
const MOST_SAMPLES: u64 = 1 << 53;
/// Samples that must lie beyond a quantile before it is stated as known.
const SAMPLES_BEYOND: f64 = 10.0;
/// Probability with which an interval holds the true percentile.
const CONFIDENCE: f64 = 0.95;

/// Why a text is not a histogram of latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LatencyError {
    /// Not what an encoder wrote.
    #[error("the histogram is damaged")]
    Damaged,
    /// An HDR histogram with other bounds or figures.
    #[error("the histogram is of another kind")]
    Foreign,
    /// The library refused.
    #[error("the histogram could not be made")]
    Refused,
}

/// A distribution of latencies in nanoseconds, each known to three figures.
#[derive(Clone, PartialEq)]
pub struct LatencyHistogram {
    counts: Histogram<u64>,
}

impl std::fmt::Debug for LatencyHistogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LatencyHistogram").field("n", &self.n()).finish_non_exhaustive()
    }
}

impl LatencyHistogram {
    /// Without a sample.
    pub fn new() -> Result<Self, LatencyError> {
        let counts = Histogram::new_with_bounds(1, LONGEST_NANOS, FIGURES);
        counts.map(|counts| Self { counts }).map_err(|_impossible| LatencyError::Refused)
    }

    /// Counts one latency in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        self.counts.saturating_record(nanos);
    }

    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) -> Result<(), LatencyError> {
        self.counts.add(&other.counts).map_err(|_impossible| LatencyError::Refused)
    }

    /// Number of samples.
    pub fn n(&self) -> u64 {
        self.counts.len()
    }

    /// Arithmetic mean in nanoseconds; 0 without a sample.
    pub fn mean_nanos(&self) -> f64 {
        self.counts.mean()
    }

    /// The longest latency in nanoseconds; 0 without a sample.
    pub fn max_nanos(&self) -> u64 {
        self.counts.max()
    }

    /// The shortest latency in nanoseconds; 0 without a sample.
    pub fn min_nanos(&self) -> u64 {
        self.counts.min()
    }

    /// The k-th shortest latency in nanoseconds, counted from 1.
    fn order_statistic(&self, rank: u64) -> u64 {
        // Half a rank below, so that rounding cannot reach the next one.
        self.counts.value_at_quantile((rank as f64 - 0.5) / self.n() as f64)
    }

    /// The latency in nanoseconds that `percentile` percent (0 to 100) of the samples do not exceed; `None` without a
    /// sample.
    pub fn percentile_nanos(&self, percentile: f64) -> Option<u64> {
        let n = self.n();
        if n == 0 || !(0.0..=100.0).contains(&percentile) {
            return None;
        }
        let share = percentile * n as f64 / 100.0;
        // 99.9 % of 1,000 is 999 and not a rounding error more.
        let rank = (share - share * 1e-12).ceil() as u64;
        Some(self.order_statistic(rank.clamp(1, n)))
    }

    /// The 95 % interval of the population's percentile, from order statistics; a side that the samples cannot bound
    /// is `None`.
    ///
    /// It covers chance among independent samples, not what a machine does differently on another day.
    pub fn interval_nanos(&self, percentile: f64) -> (Option<u64>, Option<u64>) {
        let (lower, upper) = quantile_ranks(self.n(), percentile / 100.0, CONFIDENCE);
        (lower.map(|rank| self.order_statistic(rank)), upper.map(|rank| self.order_statistic(rank)))
    }

    /// Whether enough samples lie beyond the percentile to state it: n·(1 − q) ≥ 10.
    pub fn supports(&self, percentile: f64) -> bool {
        Self::samples_for(percentile).is_some_and(|needed| needed <= self.n())
    }

    /// Samples from which a percentile is stated; `None` where no number is enough, as for the maximum.
    pub fn samples_for(percentile: f64) -> Option<u64> {
        let beyond = (100.0 - percentile) / 100.0;
        // 100 − 99.9 is not quite 0.1.
        (0.0..100.0).contains(&percentile).then(|| (SAMPLES_BEYOND / beyond * (1.0 - 1e-9)).ceil() as u64)
    }

    /// Every latency that was counted, in nanoseconds, with its count; ascending.
    pub fn counted(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// Samples of at most so many nanoseconds.
    pub fn n_up_to(&self, nanos: u64) -> u64 {
        self.counts.count_between(0, nanos)
    }

    /// As text: an HDR histogram in its V2 format, compressed, in base 64.
    pub fn encode(&self) -> Result<String, LatencyError> {
        let mut bytes = Vec::new();
        let written = V2DeflateSerializer::new().serialize(&self.counts, &mut bytes);
        written.map_err(|_impossible| LatencyError::Refused)?;
        Ok(BASE64.encode(bytes))
    }

    /// From text; whatever it says, no more than a few megabytes are reserved.
    pub fn decode(text: &str) -> Result<Self, LatencyError> {
        if LONGEST_TEXT_BYTES < text.len() {
            return Err(LatencyError::Damaged);
        }
        let bytes = BASE64.decode(text.trim()).map_err(|_not_base64| LatencyError::Damaged)?;
        if word(&bytes, 0)? != V2_DEFLATE.0 {
            return Err(LatencyError::Foreign);
        }
        let compressed = bytes.get(V2_DEFLATE.1..).ok_or(LatencyError::Damaged)?;
        let mut plain = Vec::new();
        let mut inflate = ZlibDecoder::new(compressed).take(LONGEST_BYTES + 1);
        inflate.read_to_end(&mut plain).map_err(|_not_zlib| LatencyError::Damaged)?;
        if LONGEST_BYTES < plain.len() as u64 {
            return Err(LatencyError::Damaged);
        }
        check(&plain)?;
        let counts: Histogram<u64> =
            Deserializer::new().deserialize(&mut plain.as_slice()).map_err(|_inconsistent| LatencyError::Damaged)?;
        Ok(Self { counts })
    }
}

/// The big-endian word at a place.
fn word(bytes: &[u8], at: usize) -> Result<u32, LatencyError> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(LatencyError::Damaged)?;
    Ok(u32::from_be_bytes(*word))
}

/// Whether a histogram in V2 format has our bounds, all of its counts, and a sum that can be counted with.
///
/// The library's reader reserves whatever the header announces, and adds counts up without a limit.
fn check(plain: &[u8]) -> Result<(), LatencyError> {
    let long = |at: usize| Ok::<u64, LatencyError>(u64::from(word(plain, at)?) << 32 | u64::from(word(plain, at + 4)?));
    if word(plain, 0)? != V2.0 {
        return Err(LatencyError::Foreign);
    }
    let counts = plain.get(V2.1..).ok_or(LatencyError::Damaged)?;
    if word(plain, 4)? as usize != counts.len() {
        return Err(LatencyError::Damaged);
    }
    let kind = (word(plain, 8)?, word(plain, 12)?, long(16)?, long(24)?, long(32)?);
    if kind != (0, u32::from(FIGURES), 1, LONGEST_NANOS, 1.0_f64.to_bits()) {
        return Err(LatencyError::Foreign);
    }
    let mut rest = counts;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let number = varint(&mut rest)?;
        // A negative number skips counts, and one that skips more than there are is as bad as a count beyond all.
        let (skipped, count) = if number & 1 == 1 { ((number >> 1) + 1, 0) } else { (0, number >> 1) };
        total = total.saturating_add(count);
        if MOST_SAMPLES < total || MOST_SAMPLES < skipped {
            return Err(LatencyError::Damaged);
        }
    }
    Ok(())
}

/// The next number: seven bits a byte, low bits first, eight bits in the ninth.
fn varint(rest: &mut &[u8]) -> Result<u64, LatencyError> {
    let mut number = 0;
    for idx in 0..9 {
        let (byte, after) = rest.split_first().ok_or(LatencyError::Damaged)?;
        *rest = after;
        if idx == 8 || byte & 0x80 == 0 {
            return Ok(number | u64::from(*byte) << (7 * idx));
        }
        number |= u64::from(byte & 0x7f) << (7 * idx);
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by `SciPy` and `NumPy`; see `tests/statistics/latency_reference.py`.
    const REFERENCE: &str = include_str!("../../tests/statistics/latency_reference.json");

    fn of(samples: impl IntoIterator<Item = u64>) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new().unwrap();
        samples.into_iter().for_each(|nanos| histogram.record(nanos));
        histogram
    }

    #[track_caller]
    fn check_close(got: f64, expected: f64, what: &str) {
        assert!((got - expected).abs() <= 1e-3 * expected, "{what}: {got} is not {expected}");
    }

    #[test]
    fn percentiles_and_intervals_are_those_of_numpy_and_scipy() {
        let reference: serde_json::Value = serde_json::from_str(REFERENCE).unwrap();
        let samples = reference["samples"].as_array().unwrap();
        assert_eq!(samples.len(), 3);
        for sample in samples {
            let nanos = sample["nanos"].as_array().unwrap();
            let histogram = of(nanos.iter().map(|nanos| nanos.as_u64().unwrap()));
            check_close(histogram.mean_nanos(), sample["mean"].as_f64().unwrap(), "mean");
            for row in sample["percentiles"].as_array().unwrap() {
                let percentile = row["percentile"].as_f64().unwrap();
                let what = format!("{} p{percentile}", sample["name"]);
                let value = histogram.percentile_nanos(percentile).unwrap();
                check_close(value as f64, row["value"].as_f64().unwrap(), &what);
                let (lower, upper) = histogram.interval_nanos(percentile);
                for (got, side) in [(lower, "lower"), (upper, "upper")] {
                    match (got, row[side].as_f64()) {
                        (Some(got), Some(expected)) => check_close(got as f64, expected, &what),
                        (got, expected) => assert_eq!((got, expected), (None, None), "{what} {side}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_percentile_is_supported_from_ten_samples_beyond_it() {
        for (percentile, needed) in [(50.0, 20), (90.0, 100), (95.0, 200), (99.0, 1_000), (99.9, 10_000)] {
            assert_eq!(LatencyHistogram::samples_for(percentile), Some(needed), "{percentile}");
            assert!(of((0..needed).map(|_| 5)).supports(percentile), "{percentile}");
            assert!(!of((0..needed - 1).map(|_| 5)).supports(percentile), "{percentile}");
        }
        for never in [100.0, 101.0, -1.0, f64::NAN] {
            assert_eq!(LatencyHistogram::samples_for(never), None, "{never}");
        }
    }

    #[test]
    fn the_rank_of_a_percentile_is_not_moved_by_rounding() {
        let histogram = of(1..=1_000);
        for (percentile, expected) in [(0.0, 1), (0.1, 1), (50.0, 500), (95.0, 950), (99.9, 999), (100.0, 1_000)] {
            assert_eq!(histogram.percentile_nanos(percentile), Some(expected), "{percentile}");
        }
        for none in [-0.1, 100.1, f64::NAN] {
            assert_eq!(histogram.percentile_nanos(none), None, "{none}");
        }
        assert_eq!(of([]).percentile_nanos(50.0), None);
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for histogram in [of([]), of([1, 1, 2_047, 40_000, 40_001, 7_000_000]), of([u64::MAX, LONGEST_NANOS])] {
            let decoded = LatencyHistogram::decode(&histogram.encode().unwrap()).unwrap();
            assert_eq!(decoded, histogram);
            assert_eq!((decoded.n(), decoded.max_nanos()), (histogram.n(), histogram.max_nanos()));
            assert!(decoded.counted().eq(histogram.counted()));
        }
    }

    #[test]
    fn merging_is_counting_together() {
        let mut both = of([10, 20, 30]);
        both.merge(&of([20, 5_000])).unwrap();
        assert_eq!(both, of([10, 20, 20, 30, 5_000]));
        assert_eq!(both.n_up_to(20), 3);
    }

    fn deflated(header: [u64; 6], counts: &[u8]) -> String {
        use std::io::Write as _;
        let [cookie, length, offset, figures, low, high] = header;
        let mut plain = Vec::new();
        for word in [cookie, length, offset, figures] {
            plain.extend((word as u32).to_be_bytes());
        }
        for long in [low, high, 1.0_f64.to_bits()] {
            plain.extend(long.to_be_bytes());
        }
        plain.extend(counts);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(&plain).unwrap();
        let zlib = zlib.finish().unwrap();
        let bytes = [&V2_DEFLATE.0.to_be_bytes()[..], &(zlib.len() as u32).to_be_bytes(), &zlib].concat();
        BASE64.encode(bytes)
    }

    #[test]
    fn hostile_text_is_an_error_and_reserves_little() {
        use LatencyError::{Damaged, Foreign};
        let good = of([1, 2, 3]).encode().unwrap();
        let cookie = u64::from(V2.0);
        let with = |header: [u64; 6], counts: &[u8]| deflated(header, counts);
        let ours = |length: u64, counts: &[u8]| with([cookie, length, 0, 3, 1, LONGEST_NANOS], counts);
        assert_eq!(LatencyHistogram::decode(&ours(1, &[2])).unwrap().n(), 1, "the header of this test is right");
        for (text, expected) in [
            (String::new(), Damaged),
            ("no base 64 at all".to_owned(), Damaged),
            (good[..good.len() / 2].to_owned(), Damaged),
            (BASE64.encode([0; 64]), Foreign),
            ("A".repeat(LONGEST_TEXT_BYTES + 1), Damaged),
            // Announces four gigabytes.
            (ours(0xffff_ffff, &[2]), Damaged),
            // Five figures up to the largest number would reserve a hundred megabytes.
            (with([cookie, 1, 0, 5, 1, u64::MAX], &[2]), Foreign),
            (with([cookie, 1, 0, 255, 1, LONGEST_NANOS], &[2]), Foreign),
            (with([cookie, 1, 0, 3, 0, LONGEST_NANOS], &[2]), Foreign),
            (with([cookie + 1, 1, 0, 3, 1, LONGEST_NANOS], &[2]), Foreign),
            // Inflates to more than is ever written.
            (ours(4 << 20, &vec![0; 4 << 20]), Damaged),
            // A number that goes on beyond the end, one that cannot be negated, and counts that overflow.
            (ours(1, &[0x80]), Damaged),
            (ours(9, &[0xff; 9]), Damaged),
            (ours(9, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Damaged),
            // Counts beyond the last place.
            (ours(40_000, &vec![2; 40_000]), Damaged),
            (ours(5, &[0xff, 0xff, 0xff, 0x7f, 2]), Damaged),
        ] {
            assert_eq!(LatencyHistogram::decode(&text).unwrap_err(), expected, "{text:.60}");
        }
    }

    #[test]
    fn any_bytes_at_all_are_an_error_or_a_histogram() {
        let good = BASE64.decode(of([1, 70, 5_000, 5_000]).encode().unwrap()).unwrap();
        for at in 0..good.len() {
            for flip in [1, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= flip;
                if let Ok(histogram) = LatencyHistogram::decode(&BASE64.encode(bytes)) {
                    assert!(histogram.n() <= MOST_SAMPLES);
                }
            }
        }
    }
}
