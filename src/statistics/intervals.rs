//! Estimates with their 95 % intervals.

/// The 97.5th percentile of the standard normal distribution.
pub const Z95: f64 = 1.959_963_984_540_054;

/// A value estimated from a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its two-sided 95 % interval; `None` where the sample cannot tell how far the value may be off.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// A share of `n`, with Wilson's interval; `None` when `n` is 0.
    pub fn share(k: u64, n: u64) -> Option<Self> {
        let interval = wilson(k, n)?;
        Some(Self { value: k as f64 / n as f64, interval: Some(interval) })
    }

    /// A value with the interval of a normal approximation, cut off at the `bounds` of what the value can be.
    pub(super) fn normal(value: f64, standard_error: f64, bounds: (f64, f64)) -> Self {
        let half = Z95 * standard_error;
        // A sample without any spread says nothing about the spread of others.
        let interval = (0.0 < half && half.is_finite())
            .then(|| ((value - half).clamp(bounds.0, bounds.1), (value + half).clamp(bounds.0, bounds.1)));
        Self { value, interval }
    }

    /// Both ends and the value passed through a function that only grows.
    #[must_use]
    pub(super) fn map(self, grow: impl Fn(f64) -> f64) -> Self {
        Self { value: grow(self.value), interval: self.interval.map(|(low, high)| (grow(low), grow(high))) }
    }
}

/// Wilson's 95 % score interval (1927, without continuity correction) of `k` successes in `n` trials; `None` when
/// `n` is 0.
///
/// `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")` is the same.
pub fn wilson(k: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 || n < k {
        return None;
    }
    let (k, n, z2) = (k as f64, n as f64, Z95 * Z95);
    let p = k / n;
    let center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At 0 and n the ends are 0 and 1 in theory; rounding must not leave them beside it.
    let low = if k <= 0.0 { 0.0 } else { (center - half).max(0.0) };
    let high = if n <= k { 1.0 } else { (center + half).min(1.0) };
    Some((low, high))
}

/// The mean of `n` values with the 95 % interval of its normal approximation, from their sum and the sum of their
/// squares; the mean is known to lie at or above `floor`. `None` when `n` is 0.
pub fn mean_interval(n: u64, sum: f64, sum_of_squares: f64, floor: f64) -> Option<Estimate> {
    if n == 0 {
        return None;
    }
    let count = n as f64;
    let mean = sum / count;
    if n == 1 {
        return Some(Estimate { value: mean, interval: None });
    }
    let variance = ((sum_of_squares - count * mean * mean) / (count - 1.0)).max(0.0);
    Some(Estimate::normal(mean, (variance / count).sqrt(), (floor, f64::INFINITY)))
}
