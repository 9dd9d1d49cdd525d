//! The distribution of the one-sample two-sided Kolmogorov–Smirnov statistic.

use std::f64::consts::PI;

use statrs::function::gamma::ln_gamma;

/// P(Dₙ ≥ x) for n values.
///
/// In the tail it is twice the one-sided probability (exact for x ≥ ½, and at n·x² ≥ 2.2 the chance of both sides is
/// below 5·10⁻⁸); elsewhere the expansion of Pelz and Good (1976), as in Simard and L'Ecuyer (2011). Where `SciPy` has
/// an exact algorithm instead, this differs from it by less than 2·10⁻⁴ from n = 20 on, and 4·10⁻⁶ from n = 140 on.
pub(super) fn kolmogorov_sf(n: f64, x: f64) -> f64 {
    let n_x_squared = n * x * x;
    if x <= 0.0 || n * x <= 0.5 {
        1.0
    } else if 1.0 <= x || 370.0 <= n_x_squared {
        0.0
    } else if 0.5 <= x || 2.2 <= n_x_squared {
        (2.0 * smirnov_sf(n, x)).min(1.0)
    } else {
        (1.0 - pelz_good(n, x)).clamp(0.0, 1.0)
    }
}

/// P(Dₙ⁺ ≥ x), one-sided, by Smirnov's sum.
///
/// Σⱼ C(n,j) · x · (x + j/n)^(j−1) · (1 − x − j/n)^(n−j). Each term is x / (x + j/n) times a binomial probability, which
/// is taken by its saddle point (Loader 2000), so that nothing is lost for large n.
fn smirnov_sf(n: f64, x: f64) -> f64 {
    let shift = n * x;
    let n_terms = (n - shift).floor();
    let mut sum = (n * (-x).ln_1p()).exp();
    let whole = stirling_error(n);
    let mut j = 1.0;
    while j <= n_terms {
        let rest = n - j;
        if 0.0 < rest && shift < rest {
            let exponent = whole - stirling_error(j) - stirling_error(rest)
                + j * (shift / j).ln_1p()
                + rest * (-shift / rest).ln_1p();
            sum += x / (x + j / n) * exponent.exp() * (n / (2.0 * PI * j * rest)).sqrt();
        }
        j += 1.0;
    }
    sum
}

/// ln n! minus Stirling's formula for it.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        return ln_gamma(n + 1.0) - (n + 0.5) * n.ln() + n - 0.5 * (2.0 * PI).ln();
    }
    let squared = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * squared)) / squared) / squared) / n
}

/// P(Dₙ ≤ x) = K₀ + K₁/√n + K₂/n + K₃/n^1.5 at z = x√n, each in the form that converges fast for small z.
fn pelz_good(n: f64, x: f64) -> f64 {
    let z = n.sqrt() * x;
    let (z2, z4, z6) = (z.powi(2), z.powi(4), z.powi(6));
    let (pi2, pi4, pi6) = (PI.powi(2), PI.powi(4), PI.powi(6));
    let q = (-pi2 / (8.0 * z2)).exp();
    if q <= 0.0 {
        return 0.0;
    }
    let n_terms = (16.0 * z / PI).ceil() as i32;
    let mut terms = [0.0; 4];
    for odd in (1..=n_terms).map(|term| f64::from(2 * term - 1)) {
        let (m2, m4, m6) = (odd.powi(2), odd.powi(4), odd.powi(6));
        let power = q.powf(m2);
        terms[0] += power;
        terms[1] += power * (-z2 + pi2 / 4.0 * m2);
        terms[2] +=
            power * (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * pi2 / 4.0 * m2 + pi4 * (1.0 - 2.0 * z2) / 16.0 * m4);
        terms[3] += power
            * (-30.0 * z6 - 90.0 * z.powi(8)
                + pi2 * (135.0 * z4 - 96.0 * z6) / 4.0 * m2
                + pi4 * (-60.0 * z2 + 212.0 * z4) / 16.0 * m4
                + pi6 * (5.0 - 30.0 * z2) / 64.0 * m6);
    }
    let root = (2.0 * PI).sqrt();
    for (term, divisor) in terms.iter_mut().zip([z, 6.0 * z4, 72.0 * z.powi(7), 6480.0 * z.powi(10)]) {
        *term *= root / divisor;
    }
    let q = (-pi2 / (2.0 * z2)).exp();
    for term in (1..=n_terms).map(f64::from) {
        let weight = term.powi(2) * q.powf(term.powi(2)) * pi2 * root;
        terms[2] -= weight / (36.0 * z.powi(3));
        terms[3] += weight * (3.0 * z2 - pi2 * term.powi(2)) / (216.0 * z6);
    }
    terms[0] + terms[1] / n.sqrt() + terms[2] / n + terms[3] / n.powf(1.5)
}
