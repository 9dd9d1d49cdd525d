//! Two-sample Kolmogorov–Smirnov test.

use super::TestResult;
use super::kolmogorov::kolmogorov_sf;

/// Products of sample sizes up to which p is exact: 2,000 × 2,000 takes a few milliseconds.
const EXACT_PRODUCT: u64 = 4_000_000;

/// Whether two samples come from one distribution, two-sided; both sorted and without NaN. `None` when one is empty.
///
/// The statistic is the largest distance between the two empirical distribution functions. While the sizes' product is
/// at most 4,000,000, p is exact, as `scipy.stats.ks_2samp(method="exact")`; above, it is that of a one-sample test of
/// round(n·m / (n+m)) values, as `method="asymp"`.
pub fn ks(reference: &[f64], current: &[f64]) -> Option<TestResult> {
    if reference.is_empty() || current.is_empty() {
        return None;
    }
    let (n, m) = (reference.len() as u64, current.len() as u64);
    let distance = largest_distance(reference, current);
    let statistic = distance as f64 / (n as f64 * m as f64);
    let p = if n.saturating_mul(m) <= EXACT_PRODUCT {
        share_of_paths_outside(n as i64, m as i64, distance as i64)
    } else {
        let (n, m) = (n as f64, m as f64);
        kolmogorov_sf((n * m / (n + m)).round_ties_even(), statistic)
    };
    Some(TestResult { statistic, p: p.clamp(0.0, 1.0) })
}

/// The largest |i/n − j/m| over all values, times n·m, where i and j values of each sample are not above it.
fn largest_distance(a: &[f64], b: &[f64]) -> u64 {
    let (mut n_below_a, mut n_below_b, mut largest) = (0, 0, 0_u64);
    while let (Some(next_a), Some(next_b)) = (a.get(n_below_a), b.get(n_below_b)) {
        let value = next_a.min(*next_b);
        while a.get(n_below_a).is_some_and(|next| *next <= value) {
            n_below_a += 1;
        }
        while b.get(n_below_b).is_some_and(|next| *next <= value) {
            n_below_b += 1;
        }
        let (at_a, at_b) = (n_below_a as u64 * b.len() as u64, n_below_b as u64 * a.len() as u64);
        largest = largest.max(at_a.abs_diff(at_b));
    }
    largest
}

/// Share of the lattice paths from (0, 0) to (n, m) that touch or leave the band |x·m − y·n| < `distance`.
///
/// Under the null hypothesis every order of the pooled sample is equally likely, so the last step to (x, y) came from
/// (x−1, y) with probability x/(x+y) (Hodges 1958). All terms are positive: small shares keep their digits.
fn share_of_paths_outside(n: i64, m: i64, distance: i64) -> f64 {
    if distance <= 0 {
        return 1.0;
    }
    let (n, m) = (n.max(m), n.min(m));
    // The share for paths to (x, y), for the x at hand; points outside of the band stay at 1.
    let mut share = vec![1.0_f64; m as usize + 1];
    for x in 0..=n {
        let first = ((x * m - distance).div_euclid(n) + 1).max(0);
        let last = ((x * m + distance - 1).div_euclid(n)).min(m);
        let mut below = 1.0;
        for y in first..=last {
            let place = &mut share[y as usize];
            *place = if x + y == 0 { 0.0 } else { (x as f64 * *place + y as f64 * below) / (x + y) as f64 };
            below = *place;
        }
    }
    share[m as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_samples_have_no_distance() {
        let values = [1.0, 2.0, 2.0, 3.0];
        assert_eq!(ks(&values, &values), Some(TestResult { statistic: 0.0, p: 1.0 }));
        assert_eq!((ks(&[], &values), ks(&values, &[])), (None, None));
    }

    #[test]
    fn samples_without_overlap_are_as_far_apart_as_can_be() {
        // Two of C(4, 2) = 6 orders keep the samples apart.
        let result = ks(&[1.0, 2.0], &[3.0, 4.0]).unwrap();
        assert!((result.statistic - 1.0).abs() < 1e-15 && (result.p - 1.0 / 3.0).abs() < 1e-15, "{result:?}");
    }

    #[test]
    fn the_test_is_the_same_both_ways() {
        let (a, b) = ([0.1, 0.4, 0.4, 0.9, 2.0], [0.3, 0.4, 1.5]);
        assert_eq!(ks(&a, &b), ks(&b, &a));
    }
}
