//! Population stability index.

use statrs::distribution::{ChiSquared, ContinuousCDF as _};

/// PSI = Σ (cᵢ − rᵢ) · ln(cᵢ / rᵢ) over the shares of both samples in the same bins; `None` when a sample is empty.
///
/// A bin that one sample does not reach counts as if half a value were in it: a share of 0.5/N, since all that N values
/// tell about a bin without any is that its share is of the order of 1/N. At 5,000 rows that is the fixed share of
/// 0.0001 which Evidently and others put there; unlike that, it never exceeds the share of one value. The other shares
/// stay as they are, so that without empty bins this is the textbook's number, and each term remains ≥ 0.
/// A bin that neither sample reaches counts nothing.
pub fn psi(reference: &[u64], current: &[u64]) -> Option<f64> {
    let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
    if n == 0 || m == 0 {
        return None;
    }
    let share = |count: u64, total: u64| if count == 0 { 0.5 / total as f64 } else { count as f64 / total as f64 };
    let filled = reference.iter().zip(current).filter(|(r, c)| 0 < **r + **c);
    Some(
        filled
            .map(|(r, c)| {
                let (r, c) = (share(*r, n), share(*c, m));
                (c - r) * (c / r).ln()
            })
            .sum(),
    )
}

/// PSI that two samples of one distribution exceed in 5 of 100 cases.
///
/// (1/N + 1/M) · χ²₀.₉₅ with B − 1 degrees of freedom, where B is the number of bins that at least one sample reaches
/// (Yurdakul 2018, WMU dissertation 3208).
pub fn psi_noise(reference: &[u64], current: &[u64]) -> f64 {
    let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
    let n_bins = reference.iter().zip(current).filter(|(r, c)| 0 < **r + **c).count();
    if n == 0 || m == 0 || n_bins < 2 {
        return 0.0;
    }
    let critical = ChiSquared::new((n_bins - 1) as f64).map_or(f64::NAN, |chi_square| chi_square.inverse_cdf(0.95));
    (1.0 / n as f64 + 1.0 / m as f64) * critical
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psi_is_zero_for_equal_shares_and_the_same_both_ways() {
        assert_eq!(psi(&[10, 20, 30], &[100, 200, 300]), Some(0.0));
        let (a, b) = ([5, 0, 70, 3], [9, 14, 2, 0]);
        assert_eq!(psi(&a, &b), psi(&b, &a));
        assert!(psi(&a, &b).is_some_and(|psi| 0.0 < psi && psi.is_finite()));
    }

    #[test]
    fn a_bin_that_nobody_reaches_changes_nothing() {
        assert_eq!(psi(&[4, 6, 0], &[5, 5, 0]), psi(&[4, 6], &[5, 5]));
        assert_eq!(psi_noise(&[4, 6, 0], &[5, 5, 0]).to_bits(), psi_noise(&[4, 6], &[5, 5]).to_bits());
    }

    #[test]
    fn nothing_can_be_said_without_values() {
        assert_eq!((psi(&[], &[]), psi(&[0, 0], &[1, 2]), psi(&[1], &[0])), (None, None, None));
        assert_eq!((psi_noise(&[], &[]).to_bits(), psi_noise(&[5], &[5]).to_bits()), (0, 0));
    }
}
