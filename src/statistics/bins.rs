//! Bins over a scale, frozen on one sample.

/// Inner edges of `n_bins` bins that hold about equally many of the sorted, NaN-free values.
///
/// Bin `i` holds `edge[i-1] ≤ x < edge[i]`; the first and the last bin are open, so that every later value has a bin.
/// Where there are at most `n_bins` distinct values, each has a bin of its own, cut halfway to its neighbours.
/// Edges that ties would make equal are one edge, and no edge leaves the first bin empty: there may be fewer bins.
pub fn quantile_edges(sorted: &[f64], n_bins: usize) -> Vec<f64> {
    let Some(&smallest) = sorted.first() else { return Vec::new() };
    let mut distinct = vec![smallest];
    for value in sorted.iter().copied().filter(|value| value.is_finite()) {
        if distinct.last().is_some_and(|last| *last < value) {
            distinct.push(value);
            if n_bins < distinct.len() {
                break;
            }
        }
    }
    let mut edges: Vec<f64> = if distinct.len() <= n_bins {
        distinct.windows(2).map(|pair| halfway(pair[0], pair[1])).collect()
    } else {
        (1..n_bins).map(|bin| sorted[sorted.len() * bin / n_bins]).collect()
    };
    edges.retain(|edge| edge.is_finite() && smallest < *edge);
    edges.dedup();
    edges
}

/// The middle of two values, or the upper one where no number lies between.
fn halfway(low: f64, high: f64) -> f64 {
    let middle = f64::midpoint(low, high);
    if low < middle && middle <= high { middle } else { high }
}

/// How many of the sorted values are in each bin between the inner edges; one count more than edges.
pub fn count_sorted(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let below = edges.iter().map(|edge| sorted.partition_point(|value| value < edge));
    let mut start = 0;
    let ends = below.chain([sorted.len()]);
    ends.map(|end| (end - std::mem::replace(&mut start, end)) as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sorted: &[f64], n_bins: usize, edges: &[f64], counts: &[u64]) {
        let found = quantile_edges(sorted, n_bins);
        assert_eq!(found, edges);
        assert_eq!(count_sorted(sorted, &found), counts);
    }

    #[test]
    fn bins_hold_equally_many_values_unless_ties_forbid_it() {
        check(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 4, &[3.0, 5.0, 7.0], &[2, 2, 2, 2]);
        // Six zeros of ten reach over two of four edges, at ranks 2, 5 and 7: only the last is left.
        check(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0], 4, &[2.0], &[7, 3]);
        check(&[0.0, 0.0, 1.0, 1.0, 1.0, 5.0], 3, &[0.5, 3.0], &[2, 3, 1]);
        check(&[7.0, 7.0], 10, &[], &[2]);
        check(&[], 10, &[], &[0]);
    }

    #[test]
    fn infinite_values_have_a_bin_and_make_no_edge() {
        let values = [f64::NEG_INFINITY, 1.0, 2.0, f64::INFINITY];
        let edges = quantile_edges(&values, 10);
        assert!(edges.iter().all(|edge| edge.is_finite()), "{edges:?}");
        assert_eq!(count_sorted(&values, &edges).iter().sum::<u64>(), 4);
    }
}
