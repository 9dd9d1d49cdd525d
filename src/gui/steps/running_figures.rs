//! What a container used in the last minutes, drawn: processor time, memory with its limit, network.

use std::fmt::Write as _;

use egui::{Color32, FontFamily, FontId, Rangef, Stroke, Ui, Vec2};
use egui_plot::{AxisHints, GridMark, HLine, Line, LineStyle, PlotPoints};

use crate::gui::figure::Figure;
use crate::gui::text;
use crate::gui::theme::{Look as _, size};
use crate::gui::widgets::{legend, plot};
use crate::project::running::{ContainerInfo, Usage};

/// Seconds that are shown.
const SHOWN_SECONDS: f64 = 300.0;

/// The legend and what is between it and the drawing, in points.
const LEGEND_HEIGHT: f32 = 26.0;

/// Bytes of a mebibyte.
const MEBIBYTE: f64 = 1_048_576.0;

/// What is drawn of the use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Used {
    /// Processor time, in percent of one processor.
    Cpu,
    /// Memory, in MiB.
    Memory,
    /// Bytes a second in both directions, in kB/s.
    Network,
}

impl Used {
    pub(super) const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Network];

    /// What it is called.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "Memory",
            Self::Network => "Network",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Network => "network",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Cpu => "% of one CPU",
            Self::Memory => "MiB",
            Self::Network => "kB/s",
        }
    }

    /// The number of a measurement; for the network that which was received.
    fn of(self, usage: &Usage) -> Option<f64> {
        match self {
            Self::Cpu => usage.cpu_percent,
            Self::Memory => Some(usage.memory_bytes as f64 / MEBIBYTE),
            Self::Network => usage.received_per_second.map(|bytes| bytes / 1e3),
        }
    }

    /// The last measurement in words: the number and its unit.
    pub(super) fn now(self, usage: Option<&Usage>, container: &ContainerInfo) -> (String, String) {
        let Some(usage) = usage else { return ("–".to_owned(), String::new()) };
        let number = self.of(usage).map_or_else(|| "–".to_owned(), short);
        let unit = match self {
            Self::Cpu => match container.cpu_limit {
                Some(cpus) => format!("% of {:.0} %", cpus * 100.0),
                None => "%".to_owned(),
            },
            Self::Memory => match container.memory_limit_bytes {
                Some(bytes) => format!("of {:.0} MiB", bytes as f64 / MEBIBYTE),
                None => "MiB".to_owned(),
            },
            Self::Network => {
                let sent = usage.sent_per_second.map_or_else(|| "–".to_owned(), |bytes| short(bytes / 1e3));
                format!("in, {sent} out kB/s")
            }
        };
        (number, unit)
    }
}

/// A round distance between marks, so that there are two to five of them up to `top`.
fn step(top: f64) -> f64 {
    let power = 10_f64.powf((top / 4.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| top / step < 5.0).unwrap_or(10.0 * power)
}

/// A number with as many digits as a glance takes in.
fn short(number: f64) -> String {
    if number < 9.95 { format!("{number:.1}") } else { format!("{number:.0}") }
}

/// One use over time.
#[derive(Debug)]
pub(super) struct UsageFigure {
    name: String,
    used: Used,
    usage: Vec<Usage>,
    limit: Option<f64>,
}

impl UsageFigure {
    pub(super) fn new(used: Used, usage: impl IntoIterator<Item = Usage>, container: &ContainerInfo) -> Self {
        let limit = match used {
            Used::Cpu => container.cpu_limit.map(|cpus| cpus * 100.0),
            Used::Memory => container.memory_limit_bytes.map(|bytes| bytes as f64 / MEBIBYTE),
            Used::Network => None,
        };
        Self { name: container.name.clone(), used, usage: usage.into_iter().collect(), limit }
    }

    /// Seconds before the last measurement, and the number, where there is one.
    fn points(&self, of: impl Fn(&Usage) -> Option<f64>) -> Vec<[f64; 2]> {
        let Some(last) = self.usage.last() else { return Vec::new() };
        let point = |usage: &Usage| Some([usage.at.duration_since(last.at).as_secs_f64(), of(usage)?]);
        self.usage.iter().filter_map(point).collect()
    }
}

impl Figure for UsageFigure {
    fn file_stem(&self) -> String {
        format!("{}-{}", self.name, self.used.id())
    }

    fn ui(&self, ui: &mut Ui, height: f32) {
        let t = ui.tokens();
        let used = self.used;
        let name = if used == Used::Network { "received" } else { "used" };
        let mut lines = vec![(name, t.reference, self.points(|usage| used.of(usage)))];
        if used == Used::Network {
            lines.push(("sent", t.current, self.points(|usage| usage.sent_per_second.map(|bytes| bytes / 1e3))));
        }
        let mut entries: Vec<(&str, Color32)> = lines.iter().map(|(name, color, _)| (*name, *color)).collect();
        entries.extend(self.limit.map(|_| ("limit", t.fail)));
        legend(ui, &entries);
        let highest = lines.iter().flat_map(|(_, _, points)| points).map(|point| point[1]).fold(0.0, f64::max);
        let least = if used == Used::Memory { 8.0 } else { 1.0 };
        let top = highest.max(self.limit.unwrap_or(0.0)).max(least) * 1.12;
        let step = step(top);
        let marks = move |_| {
            let n_marks = (top / step).floor() as u32;
            (0..=n_marks).map(|n| GridMark { value: f64::from(n) * step, step_size: step }).collect()
        };
        let minutes = |_| (0..=5).map(|n| GridMark { value: f64::from(n) * -60.0, step_size: 60.0 }).collect();
        let limit = self.limit;
        let font = FontId::new(size::SMALL, FontFamily::Proportional);
        // Room of its own, so that the words do not move when the numbers become longer.
        let axis = |hints: AxisHints<'static>, words: &str, thickness: f32| {
            let hints = hints.label(text::small(words)).tick_label_color(t.mute).tick_label_font(font.clone());
            // Marks are few: none of them is to fade.
            vec![hints.min_thickness(thickness).label_spacing(Rangef::new(8.0, 16.0))]
        };
        let minute = |mark: GridMark| format!("{:.0}", (mark.value / 60.0).abs());
        let number =
            move |mark: GridMark| if step < 1.0 { format!("{:.1}", mark.value) } else { format!("{:.0}", mark.value) };
        plot(ui, used.id(), height - LEGEND_HEIGHT, "", "")
            .custom_x_axes(axis(AxisHints::new_x().formatter(move |mark, _| minute(mark)), "minutes ago", 36.0))
            .custom_y_axes(axis(AxisHints::new_y().formatter(move |mark, _| number(mark)), used.unit(), 48.0))
            .set_margin_fraction(Vec2::ZERO)
            .x_grid_spacer(minutes)
            .y_grid_spacer(marks)
            .label_formatter(|_| None)
            .show(ui, |plot_ui| {
                plot_ui.set_plot_bounds_x(-SHOWN_SECONDS..=0.0);
                plot_ui.set_plot_bounds_y(0.0..=top);
                if let Some(limit) = limit {
                    let line = HLine::new("limit", limit).stroke(Stroke::new(1.0, t.fail)).allow_hover(false);
                    plot_ui.hline(line.style(LineStyle::Dashed { length: 5.0 }));
                }
                for (name, color, points) in lines {
                    plot_ui.line(Line::new(name, PlotPoints::from(points)).stroke(Stroke::new(1.5, color)));
                }
            });
    }

    fn csv(&self) -> String {
        let text = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut csv = match self.used {
            Used::Cpu => "time,cpu_percent\n",
            Used::Memory => "time,memory_bytes,limit_bytes\n",
            Used::Network => "time,received_bytes_per_second,sent_bytes_per_second\n",
        }
        .to_owned();
        for usage in &self.usage {
            let rest = match self.used {
                Used::Cpu => text(usage.cpu_percent),
                Used::Memory => format!("{},{}", usage.memory_bytes, usage.memory_limit_bytes),
                Used::Network => format!("{},{}", text(usage.received_per_second), text(usage.sent_per_second)),
            };
            // Writing to a string does not fail.
            let _written = writeln!(csv, "{},{rest}", usage.at);
        }
        csv
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::running::{Maker, Phase};

    fn container() -> ContainerInfo {
        ContainerInfo {
            id: "1".to_owned(),
            name: "one".to_owned(),
            maker: Maker::Run,
            orphan: false,
            image: String::new(),
            project: String::new(),
            version: String::new(),
            phase: Phase::Running,
            health: None,
            exit_code: None,
            out_of_memory: false,
            addresses: Vec::new(),
            started: None,
            finished: None,
            memory_limit_bytes: Some(64 << 20),
            cpu_limit: None,
        }
    }

    fn usage(second: i64, cpu_percent: Option<f64>) -> Usage {
        Usage {
            at: jiff::Timestamp::from_second(second).unwrap(),
            cpu_percent,
            memory_bytes: 16 << 20,
            memory_limit_bytes: 64 << 20,
            received_per_second: cpu_percent.map(|_| 1_500.0),
            sent_per_second: None,
        }
    }

    #[test]
    fn what_is_drawn_ends_now_and_has_no_made_up_points() {
        let usages = [usage(10, None), usage(11, Some(5.0)), usage(13, Some(7.5))];
        let figure = UsageFigure::new(Used::Cpu, usages, &container());
        assert_eq!(figure.points(|usage| usage.cpu_percent), [[-2.0, 5.0], [0.0, 7.5]]);
        assert_eq!(figure.limit, None);
        assert_eq!(
            figure.csv(),
            "time,cpu_percent\n1970-01-01T00:00:10Z,\n1970-01-01T00:00:11Z,5\n1970-01-01T00:00:13Z,7.5\n"
        );
        let memory = UsageFigure::new(Used::Memory, usages, &container());
        assert_eq!(memory.limit, Some(64.0));
        assert!(memory.csv().starts_with("time,memory_bytes,limit_bytes\n1970-01-01T00:00:10Z,16777216,67108864\n"));
        assert_eq!(memory.file_stem(), "one-memory");
    }

    #[test]
    fn marks_are_round_and_few() {
        for (top, expected) in [(1.12, 0.5), (56.0, 20.0), (71.7, 20.0), (112.0, 50.0), (460.0, 100.0), (9.0, 2.0)] {
            assert!((step(top) - expected).abs() < 1e-9, "{top}: {}", step(top));
        }
    }

    #[test]
    fn the_last_measurement_is_told_with_its_limit() {
        #[track_caller]
        fn check(used: Used, container: &ContainerInfo, number: &str, unit: &str) {
            let found = used.now(Some(&usage(1, Some(12.3))), container);
            assert_eq!((found.0.as_str(), found.1.as_str()), (number, unit));
        }
        check(Used::Cpu, &container(), "12", "%");
        check(Used::Cpu, &ContainerInfo { cpu_limit: Some(0.5), ..container() }, "12", "% of 50 %");
        check(Used::Memory, &container(), "16", "of 64 MiB");
        check(Used::Memory, &ContainerInfo { memory_limit_bytes: None, ..container() }, "16", "MiB");
        check(Used::Network, &container(), "1.5", "in, – out kB/s");
        assert_eq!(Used::Cpu.now(None, &container()).0, "–");
    }
}
