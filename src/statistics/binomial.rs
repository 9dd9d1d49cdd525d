//! The binomial distribution behind the interval of a quantile.

/// Weights below this share of the largest are left out of the sums; far less than any probability asked for.
const NEGLIGIBLE: f64 = 1e-20;

/// The order statistics between which a quantile of the population lies with `confidence`, counted from 1.
///
/// With B ~ Bin(n, q), the number of samples below the quantile, the ranks are the largest l with
/// P(B ≤ l − 1) ≤ (1 − confidence) / 2 and the smallest u with P(B ≤ u − 1) ≥ (1 + confidence) / 2; no assumption is
/// made about the population (David and Nagaraja, *Order Statistics*, 3rd ed., section 7.1). A side that n samples
/// cannot bound is `None`, as are both for a quantile that does not lie between 0 and 1.
pub fn quantile_ranks(n: u64, quantile: f64, confidence: f64) -> (Option<u64>, Option<u64>) {
    if n == 0 || !(0.0 < quantile && quantile < 1.0) {
        return (None, None);
    }
    let tail = (1.0 - confidence) / 2.0;
    let (first, weights) = weights(n, quantile);
    let total: f64 = weights.iter().sum();
    let mut below = 0.0;
    let (mut lower, mut upper) = (None, None);
    for (offset, weight) in weights.iter().enumerate() {
        let k = first + offset as u64;
        if lower.is_none() && tail * total < below + weight {
            lower = Some(k);
        }
        below += weight;
        if (1.0 - tail) * total <= below {
            upper = Some(k + 1);
            break;
        }
    }
    (lower.filter(|rank| 0 < *rank), upper.filter(|rank| *rank <= n))
}

/// P(B = k) for the k that matter, up to a common factor, and the first of these k.
fn weights(n: u64, quantile: f64) -> (u64, Vec<f64>) {
    let odds = quantile / (1.0 - quantile);
    let mode = (((n + 1) as f64 * quantile) as u64).min(n);
    let mut down = Vec::new();
    let (mut k, mut weight) = (mode, 1.0);
    while 0 < k && NEGLIGIBLE < weight {
        weight *= k as f64 / (n - k + 1) as f64 / odds;
        k -= 1;
        down.push(weight);
    }
    down.reverse();
    let first = k;
    let mut weights = down;
    weights.push(1.0);
    let (mut k, mut weight) = (mode, 1.0);
    while k < n && NEGLIGIBLE < weight {
        weight *= (n - k) as f64 / (k + 1) as f64 * odds;
        k += 1;
        weights.push(weight);
    }
    (first, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by `SciPy`; see `tests/statistics/latency_reference.py`.
    const REFERENCE: &str = include_str!("../../tests/statistics/latency_reference.json");

    #[test]
    fn ranks_are_those_of_scipy() {
        let reference: serde_json::Value = serde_json::from_str(REFERENCE).unwrap();
        let rows = reference["ranks"].as_array().unwrap();
        assert!(40 < rows.len());
        for row in rows {
            let (n, quantile) = (row["n"].as_u64().unwrap(), row["quantile"].as_f64().unwrap());
            let expected = (row["lower"].as_u64(), row["upper"].as_u64());
            assert_eq!(quantile_ranks(n, quantile, 0.95), expected, "{row}");
        }
    }

    #[test]
    fn what_has_no_quantile_has_no_ranks() {
        for (n, quantile) in [(0, 0.5), (10, 0.0), (10, 1.0), (10, f64::NAN), (10, -1.0)] {
            assert_eq!(quantile_ranks(n, quantile, 0.95), (None, None), "{n} {quantile}");
        }
    }
}
