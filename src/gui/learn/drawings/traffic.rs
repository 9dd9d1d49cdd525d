//! Drawings of requests on their way.

use egui::Align2;

use super::sketch::{Block, Sketch, around};

/// Many rows at once above, one request below.
pub(super) fn batch_real_time(pen: &Sketch<'_>) {
    let t = pen.t;
    pen.note((10.0, 15.0), Align2::LEFT_CENTER, "batch");
    for row in 0..3_u8 {
        let y = 24.0 + f32::from(row) * 7.0;
        pen.fill((14.0, y), (44.0, 5.0), t.reference);
        pen.fill((202.0, y), (44.0, 5.0), t.pass);
    }
    pen.arrow((64.0, 33.0), (98.0, 33.0), t.mute);
    pen.block(Block { center: (130.0, 33.0), size: (60.0, 24.0), words: "model", color: t.accent });
    pen.arrow((162.0, 33.0), (196.0, 33.0), t.mute);
    pen.note((246.0, 15.0), Align2::RIGHT_CENTER, "at night");
    pen.line(&[(10.0, 56.0), (250.0, 56.0)], 1.0, t.line);
    pen.note((10.0, 69.0), Align2::LEFT_CENTER, "real time");
    pen.person((36.0, 99.0), t.current);
    pen.arrow((64.0, 84.0), (98.0, 84.0), t.mute);
    pen.arrow((98.0, 92.0), (64.0, 92.0), t.pass);
    pen.block(Block { center: (130.0, 88.0), size: (60.0, 24.0), words: "model", color: t.accent });
    // A clock: somebody waits.
    pen.ring((224.0, 86.0), 13.0, t.mute);
    let hand = around(0.16, 9.0);
    pen.line(&[(224.0, 77.0), (224.0, 86.0), (224.0 + hand.x, 86.0 + hand.y)], 1.5, t.mute);
    pen.note((206.0, 88.0), Align2::RIGHT_CENTER, "ms");
}

/// A copy that answers nobody.
pub(super) fn shadow(pen: &Sketch<'_>) {
    let t = pen.t;
    pen.person((24.0, 46.0), t.mute);
    pen.note((24.0, 58.0), Align2::CENTER_CENTER, "users");
    pen.arrow((40.0, 32.0), (98.0, 32.0), t.mute);
    pen.arrow((98.0, 42.0), (40.0, 42.0), t.pass);
    pen.block(Block { center: (134.0, 37.0), size: (68.0, 28.0), words: "1.0.0", color: t.reference });
    pen.dashed(&[(70.0, 32.0), (70.0, 86.0)], t.mute);
    pen.dashed_arrow((70.0, 86.0), (98.0, 86.0), t.mute);
    pen.block(Block { center: (134.0, 86.0), size: (68.0, 28.0), words: "1.1.0", color: t.current });
    pen.note((62.0, 86.0), Align2::RIGHT_CENTER, "copy");
    pen.arrow((170.0, 42.0), (196.0, 56.0), t.mute);
    pen.arrow((170.0, 82.0), (196.0, 68.0), t.mute);
    pen.note((226.0, 62.0), Align2::CENTER_CENTER, "compared");
}

/// Growing shares.
pub(super) fn canary(pen: &Sketch<'_>) {
    let t = pen.t;
    let (top, height) = (12.0, 62.0);
    for (idx, share) in (0_u8..).zip([5.0, 10.0, 25.0, 50.0, 100.0]) {
        let x = 14.0 + f32::from(idx) * 48.0;
        let new = height * share / 100.0;
        pen.fill((x, top), (36.0, height - new), pen.faint(t.reference));
        pen.fill((x, top + height - new), (36.0, new), t.current);
        pen.words((x + 18.0, 85.0), Align2::CENTER_CENTER, &format!("{share} %"), t.text);
        if idx < 4 {
            pen.arrow((x + 38.0, 43.0), (x + 46.0, 43.0), t.mute);
        }
    }
    pen.note((14.0, 101.0), Align2::LEFT_CENTER, "share of the new version");
}

/// A switch between two.
pub(super) fn blue_green(pen: &Sketch<'_>) {
    let t = pen.t;
    pen.person((24.0, 64.0), t.mute);
    pen.note((24.0, 76.0), Align2::CENTER_CENTER, "users");
    pen.line(&[(40.0, 56.0), (84.0, 56.0)], 1.5, t.mute);
    pen.dot((86.0, 56.0), 4.0, t.accent);
    // The switch has moved from blue to green.
    pen.dashed(&[(86.0, 56.0), (144.0, 32.0)], t.reference);
    pen.arrow((86.0, 56.0), (144.0, 82.0), t.pass);
    pen.block(Block { center: (196.0, 29.0), size: (96.0, 32.0), words: "blue, 1.0.0", color: t.reference });
    pen.block(Block { center: (196.0, 84.0), size: (96.0, 32.0), words: "green, 1.1.0", color: t.pass });
    pen.note((80.0, 36.0), Align2::CENTER_CENTER, "switch");
}

/// Two halves and their outcomes.
pub(super) fn ab_test(pen: &Sketch<'_>) {
    let t = pen.t;
    for (row, (name, color, share)) in (0_u8..).zip([("A", t.reference, 0.42), ("B", t.current, 0.58)]) {
        let y = 32.0 + f32::from(row) * 48.0;
        for person in 0..4_u8 {
            pen.person((18.0 + f32::from(person) * 14.0, y + 7.0), color);
        }
        pen.arrow((78.0, y), (102.0, y), t.mute);
        pen.block(Block { center: (123.0, y), size: (36.0, 26.0), words: name, color });
        pen.fill((158.0, y - 8.0), (88.0, 16.0), pen.faint(color));
        pen.fill((158.0, y - 8.0), (88.0 * share, 16.0), color);
    }
    pen.note((158.0, 56.0), Align2::LEFT_CENTER, "what users then do");
    pen.note((10.0, 56.0), Align2::LEFT_CENTER, "half each");
}
