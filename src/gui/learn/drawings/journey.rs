//! Drawings of the way to production and of what is carried along it.

use egui::Align2;

use super::sketch::{At, Block, Sketch};

/// A bridge between two banks.
pub(super) fn gap(pen: &Sketch<'_>) {
    let t = pen.t;
    let deck = 46.0;
    let ground = pen.t.bg.lerp_to_gamma(t.mute, 0.28);
    for (left, right, slope) in [(1.0, 56.0, 14.0), (204.0, 259.0, -14.0)] {
        let edge = if 0.0 < slope { right } else { left };
        let bank = [(if 0.0 < slope { left } else { edge }, deck), (if 0.0 < slope { edge } else { right }, deck)];
        pen.area(&bank, 111.0, ground);
        let foot = [(edge, deck), (edge + slope, 111.0)];
        pen.area(&if 0.0 < slope { [foot[0], foot[1]] } else { [foot[1], foot[0]] }, 111.0, ground);
    }
    pen.line(&[(1.0, deck), (259.0, deck)], 2.5, t.accent);
    for x in [86.0, 130.0, 174.0] {
        pen.line(&[(x - 4.0, deck), (x - 11.0, 104.0)], 1.5, t.accent);
        pen.line(&[(x + 4.0, deck), (x + 11.0, 104.0)], 1.5, t.accent);
        pen.line(&[(x - 6.5, 66.0), (x + 6.5, 66.0)], 1.25, t.accent);
        pen.line(&[(x - 9.0, 86.0), (x + 9.0, 86.0)], 1.25, t.accent);
    }
    let wave: Vec<At> = (0..=60_u8)
        .map(|step| {
            let x = 71.0 + 118.0 * f32::from(step) / 60.0;
            (x, 105.0 + 1.6 * (x / 5.0).sin())
        })
        .collect();
    pen.line(&wave, 1.25, t.reference);
    pen.block(Block { center: (97.0, 33.0), size: (52.0, 20.0), words: "model", color: t.accent });
    pen.arrow((128.0, 33.0), (152.0, 33.0), t.mute);
    pen.note((10.0, 16.0), Align2::LEFT_CENTER, "notebook");
    pen.note((250.0, 16.0), Align2::RIGHT_CENTER, "production");
    pen.line(&[(20.0, 26.0), (20.0, 44.0), (44.0, 44.0), (44.0, 26.0), (20.0, 26.0)], 1.25, t.mute);
    pen.line(&[(25.0, 32.0), (39.0, 32.0)], 1.25, t.mute);
    pen.line(&[(25.0, 37.0), (35.0, 37.0)], 1.25, t.mute);
    for x in [218.0, 231.0, 244.0] {
        pen.person((x, 44.5), t.mute);
    }
}

/// Five levels.
pub(super) fn stairs(pen: &Sketch<'_>) {
    let t = pen.t;
    for level in 0..5_u8 {
        let step = f32::from(level);
        let (x, top) = (8.0 + step * 49.0, 78.0 - step * 14.5);
        let color = t.bg.lerp_to_gamma(t.accent, 0.14 + 0.09 * step);
        pen.fill((x, top), (48.0, 90.0 - top), color);
        pen.line(&[(x, top), (x + 48.0, top)], 2.0, t.accent);
        pen.words((x + 24.0, top - 8.0), Align2::CENTER_CENTER, &level.to_string(), t.text);
        // Words beside the highest and lowest stairs only: the rest is in the text.
        if level == 0 {
            pen.note((x, 101.0), Align2::LEFT_CENTER, "by hand");
        } else if level == 4 {
            pen.note((x + 48.0, 101.0), Align2::RIGHT_CENTER, "starts itself");
        }
    }
}

/// A fence around what is in.
pub(super) fn scope(pen: &Sketch<'_>) {
    let t = pen.t;
    pen.frame((14.0, 16.0), (128.0, 80.0), pen.faint(t.accent), t.accent);
    pen.words((22.0, 29.0), Align2::LEFT_CENTER, "in scope", t.text);
    pen.note((166.0, 29.0), Align2::LEFT_CENTER, "out of scope");
    for at in [(34.0, 58.0), (62.0, 76.0), (78.0, 54.0), (106.0, 70.0), (122.0, 50.0), (40.0, 84.0), (94.0, 86.0)] {
        pen.dot(at, 3.4, t.accent);
    }
    for at in [(172.0, 56.0), (198.0, 78.0), (222.0, 54.0), (240.0, 84.0)] {
        pen.ring(at, 3.4, t.mute);
    }
    pen.dashed_arrow((163.0, 68.0), (146.0, 68.0), t.mute);
}

/// Three numbers with what each stands for.
pub(super) fn versions(pen: &Sketch<'_>) {
    let t = pen.t;
    let parts = [
        ("1", "major", "contract", t.fail),
        ("4", "minor", "model", t.accent),
        ("2", "patch", "preprocessing", t.mute),
    ];
    for (idx, (number, name, changed, color)) in (0_u8..).zip(parts) {
        let x = 46.0 + f32::from(idx) * 84.0;
        pen.block(Block { center: (x, 30.0), size: (40.0, 30.0), words: number, color });
        if idx < 2 {
            pen.dot((x + 42.0, 42.0), 2.0, t.text);
        }
        pen.line(&[(x, 49.0), (x, 60.0)], 1.25, color);
        pen.words((x, 72.0), Align2::CENTER_CENTER, name, t.text);
        pen.note((x, 90.0), Align2::CENTER_CENTER, changed);
    }
}

/// One store, two readers.
pub(super) fn feature_store(pen: &Sketch<'_>) {
    let t = pen.t;
    pen.block(Block { center: (38.0, 56.0), size: (58.0, 26.0), words: "raw data", color: t.mute });
    pen.arrow((69.0, 56.0), (88.0, 56.0), t.mute);
    pen.frame((90.0, 26.0), (66.0, 60.0), pen.faint(t.accent), t.accent);
    pen.words((123.0, 44.0), Align2::CENTER_CENTER, "feature", t.text);
    pen.words((123.0, 58.0), Align2::CENTER_CENTER, "store", t.text);
    for (idx, color) in (0_u8..).zip([t.accent, t.reference, t.current]) {
        pen.fill((104.0 + f32::from(idx) * 14.0, 71.0), (10.0, 5.0), color);
    }
    pen.block(Block { center: (222.0, 27.0), size: (58.0, 26.0), words: "training", color: t.reference });
    pen.block(Block { center: (222.0, 85.0), size: (58.0, 26.0), words: "serving", color: t.current });
    pen.arrow((158.0, 46.0), (190.0, 30.0), t.mute);
    pen.arrow((158.0, 66.0), (190.0, 82.0), t.mute);
    pen.note((150.0, 14.0), Align2::CENTER_CENTER, "history");
    pen.note((150.0, 98.0), Align2::CENTER_CENTER, "latest");
}

/// Five stages in a row.
pub(super) fn pipeline(pen: &Sketch<'_>) {
    let t = pen.t;
    let stages = ["data", "features", "train", "evaluate", "deliver"];
    let widths = [36.0, 52.0, 36.0, 54.0, 46.0];
    let mut left = 6.0;
    for (idx, (words, width)) in stages.iter().zip(widths).enumerate() {
        let color = if idx == 4 { t.pass } else { t.accent };
        pen.block(Block { center: (left + width / 2.0, 44.0), size: (width, 28.0), words, color });
        left += width;
        if idx < 4 {
            pen.line(&[(left, 44.0), (left + 6.0, 44.0)], 1.25, t.mute);
            left += 6.0;
        }
    }
    // What production teaches goes back to the beginning.
    pen.line(&[(231.0, 60.0), (231.0, 82.0), (24.0, 82.0)], 1.25, t.mute);
    pen.arrow((24.0, 82.0), (24.0, 62.0), t.mute);
    pen.note((128.0, 94.0), Align2::CENTER_CENTER, "run again on new data");
}

/// What lies in an image.
pub(super) fn layers(pen: &Sketch<'_>) {
    let t = pen.t;
    let parts = [("libraries", t.mute), ("executable", t.mute), ("model", t.accent), ("documents", t.accent)];
    for (idx, (words, color)) in (0_u8..).zip(parts) {
        let y = 88.0 - f32::from(idx) * 22.0;
        pen.block(Block { center: (86.0, y), size: (128.0, 19.0), words, color });
    }
    pen.line(&[(158.0, 13.0), (163.0, 13.0), (163.0, 53.0), (158.0, 53.0)], 1.25, t.accent);
    pen.note((170.0, 26.0), Align2::LEFT_CENTER, "changes with");
    pen.note((170.0, 40.0), Align2::LEFT_CENTER, "each version");
    pen.line(&[(158.0, 57.0), (163.0, 57.0), (163.0, 97.0), (158.0, 97.0)], 1.25, t.mute);
    pen.note((170.0, 77.0), Align2::LEFT_CENTER, "stays the same");
}
