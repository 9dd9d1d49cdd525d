//! Chi-square test of homogeneity.

use statrs::distribution::{ChiSquared, ContinuousCDF as _};

use super::TestResult;

/// Whether two samples of categories come from one distribution, from their counts in the same categories.
///
/// Pearson's statistic on the 2×k table without Yates's correction, as `scipy.stats.chi2_contingency` with
/// `correction=False`; categories that neither sample has are left out. `None` when a sample is empty.
pub fn chi_square(reference: &[u64], current: &[u64]) -> Option<TestResult> {
    let (n, m) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    if n <= 0.0 || m <= 0.0 {
        return None;
    }
    let mut statistic = 0.0;
    let mut n_categories = 0;
    for (r, c) in reference.iter().zip(current).filter(|(r, c)| 0 < **r + **c) {
        n_categories += 1;
        let both = (r + c) as f64;
        for (observed, size) in [(*r as f64, n), (*c as f64, m)] {
            let expected = both * size / (n + m);
            statistic += (observed - expected).powi(2) / expected;
        }
    }
    if n_categories < 2 {
        return Some(TestResult { statistic: 0.0, p: 1.0 });
    }
    let p = ChiSquared::new(f64::from(n_categories - 1)).map_or(f64::NAN, |chi_square| chi_square.sf(statistic));
    Some(TestResult { statistic, p: p.clamp(0.0, 1.0) })
}
