//! Drawings of distributions, scores and counts.

use egui::Align2;

use super::sketch::{At, Sketch, bell};

/// Answer times with a tail, the median and p95.
pub(super) fn percentile(pen: &Sketch<'_>) {
    let t = pen.t;
    let level = 84.0;
    let heights = [4.0, 16.0, 40.0, 54.0, 48.0, 36.0, 26.0, 18.0, 13.0, 9.0, 7.0, 5.0, 4.0, 3.0, 2.0, 2.0, 1.5, 1.5];
    for (idx, height) in (0_u8..).zip(heights) {
        // Nineteen twentieths of the area lie left of the line.
        let color = if idx < 12 { t.reference } else { t.current };
        pen.fill((14.0 + f32::from(idx) * 13.0, level - height), (12.0, height), color);
    }
    pen.line(&[(12.0, level), (250.0, level)], 1.0, t.line_strong);
    pen.dashed(&[(74.0, 14.0), (74.0, level)], t.mute);
    pen.note((79.0, 20.0), Align2::LEFT_CENTER, "p50, the median");
    pen.line(&[(169.5, 30.0), (169.5, level)], 1.75, t.accent);
    pen.words((174.0, 40.0), Align2::LEFT_CENTER, "p95", t.text);
    pen.note((250.0, 98.0), Align2::RIGHT_CENTER, "answer time");
    pen.note((14.0, 98.0), Align2::LEFT_CENTER, "fast");
}

/// Four cells.
pub(super) fn confusion_matrix(pen: &Sketch<'_>) {
    let t = pen.t;
    let cells = [
        ("found", 84.0, 24.0, t.pass),
        ("missed", 170.0, 24.0, t.fail),
        ("false alarm", 84.0, 66.0, t.fail),
        ("left alone", 170.0, 66.0, t.pass),
    ];
    for (words, x, y, color) in cells {
        pen.frame((x, y), (82.0, 38.0), pen.t.bg.lerp_to_gamma(color, 0.14), color);
        pen.words((x + 41.0, y + 19.0), Align2::CENTER_CENTER, words, t.text);
    }
    pen.note((125.0, 12.0), Align2::CENTER_CENTER, "called yes");
    pen.note((211.0, 12.0), Align2::CENTER_CENTER, "called no");
    pen.note((76.0, 43.0), Align2::RIGHT_CENTER, "truly yes");
    pen.note((76.0, 85.0), Align2::RIGHT_CENTER, "truly no");
}

/// Two heaps of scores and a cut.
pub(super) fn threshold(pen: &Sketch<'_>) {
    let t = pen.t;
    let level = 88.0;
    let negative = bell(92.0, 30.0, 52.0, level, (14.0, 246.0));
    let positive = bell(164.0, 32.0, 46.0, level, (14.0, 246.0));
    let cut = 136.0;
    let missed: Vec<At> = positive.iter().copied().filter(|(x, _)| *x <= cut).collect();
    let alarms: Vec<At> = negative.iter().copied().filter(|(x, _)| cut <= *x).collect();
    pen.area(&missed, level, pen.faint(t.fail));
    pen.area(&alarms, level, pen.faint(t.warn));
    pen.line(&negative, 1.75, t.reference);
    pen.line(&positive, 1.75, t.current);
    pen.line(&[(12.0, level), (248.0, level)], 1.0, t.line_strong);
    pen.line(&[(cut, 22.0), (cut, level)], 1.75, t.accent);
    pen.words((cut, 13.0), Align2::CENTER_CENTER, "threshold", t.text);
    pen.note((38.0, 40.0), Align2::CENTER_CENTER, "negative");
    pen.note((222.0, 40.0), Align2::CENTER_CENTER, "positive");
    pen.note((118.0, 100.0), Align2::RIGHT_CENTER, "missed");
    pen.note((146.0, 100.0), Align2::LEFT_CENTER, "false alarms");
}

/// A curve above the diagonal.
pub(super) fn roc(pen: &Sketch<'_>) {
    let t = pen.t;
    let (left, right, top, level) = (84.0, 172.0, 8.0, 94.0);
    let curve: Vec<At> = (0..=40_u8)
        .map(|step| {
            let share = f32::from(step) / 40.0;
            // A smooth rise to one; the area under 1 - (1 - x)^5 is 5/6.
            (left + (right - left) * share, level - (level - top) * (1.0 - (1.0 - share).powi(5)))
        })
        .collect();
    pen.area(&curve, level, pen.faint(t.reference));
    pen.dashed(&[(left, level), (right, top)], t.mute);
    pen.line(&curve, 2.0, t.reference);
    pen.line(&[(left, top), (left, level), (right, level)], 1.0, t.line_strong);
    pen.note((78.0, 44.0), Align2::RIGHT_CENTER, "positives");
    pen.note((78.0, 58.0), Align2::RIGHT_CENTER, "found");
    pen.note((178.0, 87.0), Align2::LEFT_CENTER, "false alarms");
    pen.words((138.0, 62.0), Align2::CENTER_CENTER, "AUC", t.text);
    pen.note((178.0, 14.0), Align2::LEFT_CENTER, "chance");
}

/// Two intervals and a limit.
pub(super) fn interval(pen: &Sketch<'_>) {
    let t = pen.t;
    let limit = 116.0;
    pen.dashed(&[(limit, 22.0), (limit, 92.0)], t.accent);
    pen.words((limit, 12.0), Align2::CENTER_CENTER, "limit in the brief", t.text);
    for (y, from, to, color, words) in
        [(40.0, 136.0, 172.0, t.pass, "2,000 rows"), (74.0, 96.0, 212.0, t.warn, "200 rows")]
    {
        pen.line(&[(from, y), (to, y)], 2.0, color);
        for end in [from, to] {
            pen.line(&[(end, y - 5.0), (end, y + 5.0)], 2.0, color);
        }
        pen.dot((f32::midpoint(from, to), y), 3.5, color);
        pen.note((14.0, y), Align2::LEFT_CENTER, words);
    }
    pen.line(&[(88.0, 92.0), (248.0, 92.0)], 1.0, t.line_strong);
    pen.note((248.0, 102.0), Align2::RIGHT_CENTER, "better");
}

/// Two lines of cost that cross.
pub(super) fn cpu_gpu(pen: &Sketch<'_>) {
    let t = pen.t;
    let (left, level) = (20.0, 90.0);
    pen.line(&[(left, 10.0), (left, level), (246.0, level)], 1.0, t.line_strong);
    pen.line(&[(left, 84.0), (218.0, 16.0)], 2.0, t.reference);
    pen.line(&[(left, 58.0), (218.0, 46.0)], 2.0, t.current);
    pen.words((224.0, 16.0), Align2::LEFT_CENTER, "CPU", t.text);
    pen.words((224.0, 46.0), Align2::LEFT_CENTER, "GPU", t.text);
    // Where 84 - x·68/198 meets 58 - x·12/198.
    pen.ring((left + 91.9, 52.4), 4.0, t.accent);
    pen.dashed(&[(left + 91.9, 58.0), (left + 91.9, level)], t.accent);
    pen.note((26.0, 14.0), Align2::LEFT_CENTER, "time");
    pen.note((246.0, 101.0), Align2::RIGHT_CENTER, "batch size");
    pen.note((left + 91.9, 101.0), Align2::CENTER_CENTER, "crossover");
}

/// One bell that moved.
pub(super) fn data_drift(pen: &Sketch<'_>) {
    let t = pen.t;
    let level = 90.0;
    let reference = bell(98.0, 27.0, 58.0, level, (14.0, 246.0));
    let current = bell(152.0, 33.0, 50.0, level, (14.0, 246.0));
    pen.area(&reference, level, pen.faint(t.reference));
    pen.area(&current, level, pen.faint(t.current));
    pen.line(&reference, 2.0, t.reference);
    pen.line(&current, 2.0, t.current);
    pen.line(&[(12.0, level), (248.0, level)], 1.0, t.line_strong);
    pen.words((64.0, 22.0), Align2::CENTER_CENTER, "reference", t.reference);
    pen.words((192.0, 28.0), Align2::CENTER_CENTER, "current", t.current);
    pen.arrow((104.0, 18.0), (146.0, 18.0), t.mute);
    pen.note((248.0, 101.0), Align2::RIGHT_CENTER, "value of a feature");
}

/// The same points, another line.
pub(super) fn concept_drift(pen: &Sketch<'_>) {
    let t = pen.t;
    let points: [At; 12] = [
        (14.0, 18.0),
        (30.0, 40.0),
        (22.0, 62.0),
        (44.0, 22.0),
        (43.0, 50.0),
        (62.0, 36.0),
        (70.0, 66.0),
        (40.0, 70.0),
        (82.0, 20.0),
        (88.0, 48.0),
        (98.0, 66.0),
        (66.0, 14.0),
    ];
    let panels: [(f32, &str, At, At); 2] =
        [(8.0, "then", (58.0, 6.0), (48.0, 78.0)), (142.0, "now", (8.0, 64.0), (104.0, 24.0))];
    for (x, name, from, to) in panels {
        pen.frame((x, 6.0), (110.0, 84.0), t.bg, t.line);
        for (px, py) in points {
            // The sign of the cross product tells the side of the line.
            let side = (to.0 - from.0) * (py - from.1) - (to.1 - from.1) * (px - from.0);
            let at = (x + px, 6.0 + py);
            if side < 0.0 { pen.dot(at, 3.2, t.current) } else { pen.ring(at, 3.0, t.reference) }
        }
        pen.line(&[(x + from.0, 6.0 + from.1), (x + to.0, 6.0 + to.1)], 2.0, t.accent);
        pen.note((x + 55.0, 101.0), Align2::CENTER_CENTER, name);
    }
    pen.arrow((122.0, 48.0), (138.0, 48.0), t.mute);
}

/// Two bars of outcomes.
pub(super) fn label_drift(pen: &Sketch<'_>) {
    let t = pen.t;
    for (y, name, share, words) in [(18.0, "reference", 0.10, "10 %"), (58.0, "current", 0.25, "25 %")] {
        let (left, width) = (76.0, 138.0);
        let leaves = width * share;
        pen.fill((left, y), (width - leaves, 26.0), pen.faint(t.reference));
        pen.fill((left + width - leaves, y), (leaves, 26.0), t.current);
        pen.note((68.0, y + 13.0), Align2::RIGHT_CENTER, name);
        pen.words((left + width + 7.0, y + 13.0), Align2::LEFT_CENTER, words, t.text);
    }
    pen.note((76.0, 98.0), Align2::LEFT_CENTER, "stays");
    pen.note((214.0, 98.0), Align2::RIGHT_CENTER, "leaves");
}
