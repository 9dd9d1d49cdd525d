//! PSI, KS, chi-square and bins against `SciPy` and `NumPy`, as computed by `tests/statistics/drift_reference.py`.

use serde_json::Value;

use super::*;

fn reference() -> Value {
    serde_json::from_str(include_str!("../../tests/statistics/drift_reference.json")).unwrap()
}

/// The sample that the script made by the same rule, sorted.
fn sequence(side: &Value) -> Vec<f64> {
    let number = |key: &str| side[key].as_f64().unwrap();
    let (scale, shift, step) = (number("scale"), number("shift"), number("step"));
    let mut state = side["seed"].as_u64().unwrap();
    let mut values: Vec<f64> = (0..side["n"].as_u64().unwrap())
        .map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            let u = (z >> 11) as f64 / 2_f64.powi(53);
            let value = u * u * scale + shift;
            if step == 0.0 { value } else { (value / step).floor() * step }
        })
        .collect();
    values.sort_by(f64::total_cmp);
    values
}

fn counts(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

#[track_caller]
fn close(found: f64, expected: &Value, relative: f64, absolute: f64, case: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= absolute + relative * expected.abs(), "{found} is not {expected}: {case}");
}

#[test]
fn ks_agrees_with_scipy() {
    let reference = reference();
    for case in reference["ks"].as_array().unwrap() {
        let (a, b) = (sequence(&case["reference"]), sequence(&case["current"]));
        let result = ks(&a, &b).unwrap();
        close(result.statistic, &case["statistic"], 1e-12, 1e-15, case);
        let product = a.len() * b.len();
        assert_eq!(case["method"] == "exact", product <= 4_000_000, "the case is of the other kind: {case}");
        // Our expansion stands for SciPy's exact one-sample distribution below 140 values.
        let few = a.len() * b.len() < 140 * (a.len() + b.len());
        let (relative, absolute) = if case["method"] == "exact" {
            (1e-9, 1e-300)
        } else if few {
            (1e-4, 1e-5)
        } else {
            (1e-6, 1e-300)
        };
        close(result.p, &case["p"], relative, absolute, case);
    }
}

#[test]
fn chi_square_psi_and_its_noise_agree_with_scipy() {
    let reference = reference();
    for case in reference["counts"].as_array().unwrap() {
        let (a, b) = (counts(&case["reference"]), counts(&case["current"]));
        let result = chi_square(&a, &b).unwrap();
        close(result.statistic, &case["chi_square"]["statistic"], 1e-12, 1e-12, case);
        close(result.p, &case["chi_square"]["p"], 1e-8, 1e-300, case);
        close(psi(&a, &b).unwrap(), &case["psi"], 1e-12, 1e-15, case);
        close(psi_noise(&a, &b), &case["psi_noise"], 1e-9, 0.0, case);
    }
}

#[test]
fn bins_and_their_counts_agree_with_numpy() {
    let reference = reference();
    for case in reference["bins"].as_array().unwrap() {
        let (a, b) = (sequence(&case["reference"]), sequence(&case["current"]));
        let edges = quantile_edges(&a, case["n_bins"].as_u64().unwrap() as usize);
        let expected: Vec<f64> = case["edges"].as_array().unwrap().iter().map(|edge| edge.as_f64().unwrap()).collect();
        assert_eq!(edges, expected, "{case}");
        let (a, b) = (count_sorted(&a, &edges), count_sorted(&b, &edges));
        assert_eq!((&a, &b), (&counts(&case["counts"][0]), &counts(&case["counts"][1])), "{case}");
        close(psi(&a, &b).unwrap(), &case["psi"], 1e-12, 1e-15, case);
    }
}

#[test]
fn the_noise_level_is_exceeded_by_five_of_a_hundred_equal_pairs() {
    let side = |seed: u64, n: u64| {
        sequence(&serde_json::json!({"n": n, "seed": seed, "scale": 1.0, "shift": 0.0, "step": 0.0}))
    };
    let n_pairs = 1_000;
    let n_above = (0..n_pairs)
        .filter(|pair| {
            let (a, b) = (side(1_000_000 + pair * 7919, 500), side(9_000_000 + pair * 104_729, 400));
            let edges = quantile_edges(&a, 10);
            let (a, b) = (count_sorted(&a, &edges), count_sorted(&b, &edges));
            psi_noise(&a, &b) < psi(&a, &b).unwrap()
        })
        .count();
    // Seeded: 5 % of 1,000 is 50, and three standard deviations are 21.
    assert!((29..=71).contains(&n_above), "{n_above} of {n_pairs}");
}
