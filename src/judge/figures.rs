//! Numbers in words, never rounded onto the wrong side of their limit.

use crate::project::brief::Metric;

/// Most decimals shown.
const MAX_DECIMALS: usize = 8;

/// How many decimals a metric's value needs: two for a share, four significant digits otherwise, and more where the
/// rounded value would stand on another side of `limit` than the value itself.
pub(super) fn decimals(metric: Metric, value: f64, limit: Option<f64>) -> usize {
    let is_share = metric.greater_is_better() && metric != Metric::R2;
    let usual =
        if is_share || value.abs() < 1e-9 { 2 } else { (3.0 - value.abs().log10().floor()).clamp(0.0, 6.0) as usize };
    let Some(limit) = limit else { return usual };
    let stands = |decimals: &usize| {
        let decimals = *decimals;
        let rounded: f64 = format!("{value:.decimals$}").parse().unwrap_or(value);
        rounded.total_cmp(&limit) == value.total_cmp(&limit)
    };
    (usual..MAX_DECIMALS).find(stands).unwrap_or(MAX_DECIMALS)
}

/// A number with so many decimals and its thousands marked; never minus zero.
pub(super) fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    let text = if is_zero { text.trim_start_matches('-') } else { text.as_str() };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    format!("{sign}{}{rest}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) && digit.is_ascii_digit() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things, its thousands marked: `1 row`, `1,500 rows`.
pub fn counted(n: u64, one: &str) -> String {
    let plural = match n {
        1 => "",
        _ if one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {one}{plural}", grouped(&n.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(metric: Metric, value: f64, limit: Option<f64>, expected: &str) {
        assert_eq!(rounded(value, decimals(metric, value, limit)), expected, "{value} {limit:?}");
    }

    #[test]
    fn a_value_is_shown_on_its_own_side_of_the_limit() {
        check(Metric::RocAuc, 0.925_204, Some(0.85), "0.93");
        check(Metric::RocAuc, 0.849_6, Some(0.85), "0.8496");
        check(Metric::Precision, 0.800_000_4, Some(0.8), "0.8000004");
        check(Metric::Precision, 0.8, Some(0.8), "0.80");
        check(Metric::Rmse, 1_234.567, Some(1_500.0), "1,235");
        check(Metric::Rmse, 0.012_345_6, None, "0.01235");
        check(Metric::Rmse, 12_345_678.9, None, "12,345,679");
        check(Metric::R2, -0.000_01, None, "-0.000010");
        check(Metric::R2, -0.000_000_001, None, "0.000000");
        check(Metric::Mae, 0.0, None, "0.00");
        check(Metric::Rmse, f64::INFINITY, Some(3.0), "inf");
    }

    #[test]
    fn counts_are_in_the_right_number() {
        assert_eq!(
            [counted(1, "row"), counted(1_500, "row"), counted(3, "class")],
            ["1 row", "1,500 rows", "3 classes"]
        );
    }
}
