//! Where a latency stands on the plot: evenly where most of the answers are, by its logarithm beyond.

/// Share of the width for the even part.
const EVEN: f64 = 0.7;
/// Ticks closer than this share of the width would write over each other.
const CLOSEST_TICKS: f64 = 0.055;

/// An axis in milliseconds whose left part is even and whose right part is logarithmic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    start: f64,
    split: f64,
    /// `None` when everything is in the even part.
    end: Option<f64>,
}

impl Scale {
    /// A scale on which everything from `low` to `bulk` stands evenly, and `far` and the `limit` are still on it.
    pub(super) fn new(low: f64, bulk: f64, far: f64, limit: Option<f64>) -> Self {
        let bulk = bulk.max(1e-6);
        let step = nice(bulk / 5.0);
        let split = ((bulk / step).ceil() * step).max(step);
        // A distribution far from 0 has the room for itself, unless the limit lies below it.
        let has_room = low.is_finite() && split / 2.0 < low && limit.is_none_or(|limit| low <= limit);
        let start = if has_room {
            // A single value has no width of its own.
            let step = nice(((split - low) / 5.0).max(low * 1e-3));
            (low / step).floor() * step
        } else {
            0.0
        };
        // In a narrow distribution the end of the even part is as close as its start.
        let split = if 0.0 < start { (bulk + (bulk - start) * 0.1).max(start * 1.000_1) } else { split };
        let end = far.max(limit.unwrap_or(0.0));
        let end = (split < end && end.is_finite()).then_some(end * 1.1);
        Self { start, split, end }
    }

    /// Where the even part begins, in milliseconds.
    pub(super) fn start(&self) -> f64 {
        self.start
    }

    /// Where the even part ends, in milliseconds.
    pub(super) fn split(&self) -> f64 {
        self.split
    }

    fn even_width(&self) -> f64 {
        if self.end.is_some() { EVEN } else { 1.0 }
    }

    /// Where a latency stands, 0 at the left to 1 at the right.
    pub(super) fn place(&self, ms: f64) -> f64 {
        let width = self.even_width();
        match self.end {
            Some(end) if self.split < ms => {
                let along = (ms.min(end) / self.split).ln() / (end / self.split).ln();
                width + along * (1.0 - width)
            }
            _ => ((ms - self.start) / (self.split - self.start)).clamp(0.0, 1.0) * width,
        }
    }

    /// The latency that stands at a place between 0 and 1; the inverse of [`Scale::place`].
    pub(super) fn at(&self, place: f64) -> f64 {
        let width = self.even_width();
        match self.end {
            Some(end) if width < place => self.split * (end / self.split).powf((place - width) / (1.0 - width)),
            _ => self.start + place / width * (self.split - self.start),
        }
    }

    /// Round latencies to write under the axis.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let step = nice((self.split - self.start) / 6.0);
        let mut ticks: Vec<f64> = Vec::new();
        let first = (self.start / step).ceil() as u64;
        ticks.extend((first..first + 16).map(|k| k as f64 * step).take_while(|tick| *tick <= self.split * 1.000_001));
        if let Some(end) = self.end {
            let decade = 10_f64.powf(self.split.log10().floor());
            let beyond = (0..16).flat_map(|k| [1.0, 2.0, 5.0].map(|digit| decade * digit * 10_f64.powi(k)));
            // Decades first: where there is no room for all, 2 and 5 give way.
            let mut rounds: Vec<f64> = beyond.filter(|tick| self.split < *tick && *tick <= end).collect();
            rounds.sort_by_key(|tick| (1e-6 < (tick.log10() - tick.log10().round()).abs(), tick.to_bits()));
            for tick in rounds {
                let place = self.place(tick);
                if ticks.iter().all(|other| CLOSEST_TICKS < (self.place(*other) - place).abs()) {
                    ticks.push(tick);
                }
            }
        }
        ticks.sort_by(f64::total_cmp);
        ticks
    }

    /// What the axis is called.
    pub(super) fn label(&self) -> String {
        if self.end.is_some() {
            format!("latency, ms (logarithmic beyond {})", crate::judge::millis(self.split))
        } else {
            "latency, ms".to_owned()
        }
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is not less.
fn nice(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let digit = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|digit| value <= digit * decade * 1.000_001);
    digit.unwrap_or(10.0) * decade
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: Scale, values: &[f64]) {
        let mut last = -1.0;
        for value in values {
            let place = scale.place(*value);
            assert!((0.0..=1.0).contains(&place) && last <= place, "{scale:?}: {value} at {place}");
            assert!((scale.at(place) - value).abs() <= 1e-9 * value.max(1.0), "{scale:?}: {value}");
            last = place;
        }
        let ticks = scale.ticks();
        assert!((3..=14).contains(&ticks.len()), "{scale:?}: {ticks:?}");
        let places: Vec<f64> = ticks.iter().map(|tick| scale.place(*tick)).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{ticks:?}");
    }

    #[test]
    fn the_bulk_is_never_squeezed_by_a_distant_limit() {
        let scale = Scale::new(0.001, 5.0, 12.0, Some(200.0));
        check(scale, &[0.0, 1.0, 5.0, 12.0, 200.0]);
        assert!(scale.place(5.0) >= 0.6, "{scale:?}");
        assert!(scale.place(200.0) < 1.0 && scale.place(200.0) > 0.9);
        check(Scale::new(0.02, 0.03, 4.0, Some(60_000.0)), &[0.02, 0.03, 4.0, 60_000.0]);
    }

    #[test]
    fn without_anything_beyond_the_whole_axis_is_even() {
        let scale = Scale::new(0.5, 5.0, 5.0, Some(4.0));
        check(scale, &[0.0, 4.0, 5.0]);
        assert_eq!((scale.label().as_str(), scale.place(5.0)), ("latency, ms", 1.0));
    }

    #[test]
    fn a_narrow_distribution_has_the_room_for_itself() {
        let scale = Scale::new(20.0, 23.0, 23.5, None);
        check(scale, &[20.0, 21.0, 23.0, 23.5]);
        assert!(scale.start() > 19.0, "{scale:?}");
        // A limit below it must still be seen.
        let scale = Scale::new(20.0, 23.0, 23.5, Some(1.0));
        check(scale, &[1.0, 20.0, 23.0]);
        assert!(scale.start() < 0.5, "{scale:?}");
    }

    #[test]
    fn odd_values_do_not_break_it() {
        for (low, bulk, far) in [(0.0, 0.0, 0.0), (1e-6, 1e-6, 1e-6), (3.6e6, 3.6e6, 3.6e6)] {
            let scale = Scale::new(low, bulk, far, None);
            for value in [low, bulk, far, f64::MAX] {
                assert!(scale.place(value).is_finite(), "{scale:?} {value}");
            }
            assert!(scale.ticks().len() < 40);
        }
    }
}
