//! Large and small quantities with three significant digits: counts, bytes, durations.

use super::millis;

/// Three significant digits; what would round to 1,000 belongs to the next unit.
fn scaled(value: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        if value < 999.5 || units.peek().is_none() {
            let separator = if unit.is_empty() { "" } else { " " };
            return format!("{}{separator}{unit}", millis(value));
        }
        value /= 1_000.0;
    }
    String::new()
}

/// A count in short: `930`, `2.05 k`, `1.82 G`.
pub fn quantity(n: u64) -> String {
    scaled(n as f64, &["", "k", "M", "G", "T", "P", "E"])
}

/// A size in short, a kB being 1,000 bytes: `930 B`, `44.7 MB`.
pub fn bytes(n: u64) -> String {
    scaled(n as f64, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A duration in short: `42 ns`, `1.7 µs`, `29 ms`.
pub fn duration(nanos: f64) -> String {
    if !nanos.is_finite() {
        return "–".to_owned();
    }
    // Fractions of a nanosecond are beyond the clock.
    scaled(if nanos < 100.0 { nanos.max(0.0).round() } else { nanos }, &["ns", "µs", "ms", "s"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_and_the_unit_that_fits() {
        let counts = [0, 7, 999, 1_000, 2_052, 999_499, 999_500, 1_820_000_000, u64::MAX];
        let expected = ["0", "7", "999", "1 k", "2.05 k", "999 k", "1 M", "1.82 G", "18.4 E"];
        assert_eq!(counts.map(quantity), expected);
        assert_eq!([930, 44_700_000, 1_000].map(bytes), ["930 B", "44.7 MB", "1 kB"]);
        assert_eq!(
            [0.0, 41.6, 999.6, 1_730.0, 29e6, 5e12, f64::NAN].map(duration),
            ["0 ns", "42 ns", "1 µs", "1.73 µs", "29 ms", "5,000 s", "–"]
        );
    }
}
