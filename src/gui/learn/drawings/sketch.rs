//! The pen that drawings are made with: a paper of 260 by 112 points, scaled to the width there is.

use egui::epaint::PathStroke;
use egui::{Align2, Color32, CornerRadius, Mesh, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};

use crate::gui::text;
use crate::gui::theme::{Look as _, Tokens};

/// Width of the paper, in points.
pub(super) const WIDTH: f32 = 260.0;
/// Height of the paper, in points.
pub(super) const HEIGHT: f32 = 112.0;

/// A place on the paper, from its upper left corner.
pub(super) type At = (f32, f32);

pub(super) struct Sketch<'a> {
    ui: &'a Ui,
    origin: Pos2,
    scale: f32,
    pub(super) t: &'static Tokens,
}

/// A box with words: its middle, its size, and whether it stands out.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) center: At,
    pub(super) size: At,
    pub(super) words: &'a str,
    pub(super) color: Color32,
}

impl<'a> Sketch<'a> {
    pub(super) fn new(ui: &'a Ui, rect: Rect) -> Self {
        Self { ui, origin: rect.min, scale: rect.width() / WIDTH, t: ui.tokens() }
    }

    fn at(&self, (x, y): At) -> Pos2 {
        self.origin + vec2(x, y) * self.scale
    }

    fn rect(&self, (x, y): At, (width, height): At) -> Rect {
        Rect::from_min_size(self.at((x, y)), vec2(width, height) * self.scale)
    }

    pub(super) fn line(&self, points: &[At], width: f32, color: Color32) {
        let points = points.iter().map(|point| self.at(*point)).collect();
        self.ui.painter().add(Shape::line(points, PathStroke::new(width, color)));
    }

    pub(super) fn dashed(&self, points: &[At], color: Color32) {
        let points: Vec<Pos2> = points.iter().map(|point| self.at(*point)).collect();
        self.ui.painter().extend(Shape::dashed_line(&points, Stroke::new(1.25, color), 4.0, 3.0));
    }

    /// A line that ends in a point.
    pub(super) fn arrow(&self, from: At, to: At, color: Color32) {
        self.line(&[from, to], 1.25, color);
        self.arrow_head(from, to, color);
    }

    /// A dashed line that ends in a point.
    pub(super) fn dashed_arrow(&self, from: At, to: At, color: Color32) {
        self.dashed(&[from, to], color);
        self.arrow_head(from, to, color);
    }

    fn arrow_head(&self, from: At, to: At, color: Color32) {
        let (from, tip) = (self.at(from), self.at(to));
        let along = (tip - from).normalized() * 5.5 * self.scale;
        let across = along.rot90() * 0.55;
        let points = vec![tip, tip - along + across, tip - along - across];
        self.ui.painter().add(Shape::convex_polygon(points, color, Stroke::NONE));
    }

    pub(super) fn dot(&self, center: At, radius: f32, color: Color32) {
        self.ui.painter().circle_filled(self.at(center), radius * self.scale, color);
    }

    pub(super) fn ring(&self, center: At, radius: f32, color: Color32) {
        self.ui.painter().circle_stroke(self.at(center), radius * self.scale, Stroke::new(1.25, color));
    }

    /// A filled rectangle: upper left corner and size.
    pub(super) fn fill(&self, corner: At, size: At, color: Color32) {
        self.ui.painter().rect_filled(self.rect(corner, size), CornerRadius::ZERO, color);
    }

    /// A rounded rectangle with an outline: upper left corner and size.
    pub(super) fn frame(&self, corner: At, size: At, fill: Color32, line: Color32) {
        let stroke = Stroke::new(1.25, line);
        self.ui.painter().rect(self.rect(corner, size), 4.0, fill, stroke, StrokeKind::Inside);
    }

    /// The area between a curve and a level below it.
    pub(super) fn area(&self, curve: &[At], level: f32, color: Color32) {
        let mut mesh = Mesh::default();
        for (idx, (x, y)) in curve.iter().enumerate() {
            mesh.colored_vertex(self.at((*x, *y)), color);
            mesh.colored_vertex(self.at((*x, level)), color);
            if let Some(before) = (2 * idx as u32).checked_sub(2) {
                mesh.add_triangle(before, before + 1, before + 2);
                mesh.add_triangle(before + 1, before + 2, before + 3);
            }
        }
        self.ui.painter().add(Shape::mesh(mesh));
    }

    /// Words; they keep their size however wide the paper is.
    pub(super) fn words(&self, at: At, align: Align2, words: &str, color: Color32) {
        let galley = text::line(self.ui, text::small(words), f32::INFINITY);
        let place = align.anchor_size(self.at(at), galley.size());
        self.ui.painter().galley_with_override_text_color(place.min.round(), galley, color);
    }

    /// A quiet remark.
    pub(super) fn note(&self, at: At, align: Align2, words: &str) {
        self.words(at, align, words, self.t.mute);
    }

    /// A box with words in its middle.
    pub(super) fn block(&self, block: Block<'_>) {
        let Block { center: (x, y), size: (width, height), words, color } = block;
        let fill = self.t.bg.lerp_to_gamma(color, 0.12);
        self.frame((x - width / 2.0, y - height / 2.0), (width, height), fill, color);
        self.words((x, y), Align2::CENTER_CENTER, words, self.t.text);
    }

    /// A person, standing on a place.
    pub(super) fn person(&self, (x, y): At, color: Color32) {
        self.dot((x, y - 11.0), 3.2, color);
        let shoulders = self.rect((x - 4.5, y - 7.0), (9.0, 7.0));
        let radius = CornerRadius { nw: 4, ne: 4, sw: 0, se: 0 };
        self.ui.painter().rect_filled(shoulders, radius, color);
    }

    /// A colour that steps back towards the ground.
    pub(super) fn faint(&self, color: Color32) -> Color32 {
        self.t.bg.lerp_to_gamma(color, 0.22)
    }
}

/// Points of a bell curve standing on `level`, `height` high, from `left` to `right`.
pub(super) fn bell(middle: f32, spread: f32, height: f32, level: f32, (left, right): At) -> Vec<At> {
    let n = 60_u16;
    (0..=n)
        .map(|step| {
            let x = left + (right - left) * f32::from(step) / f32::from(n);
            let z = (x - middle) / spread;
            (x, level - height * (-z * z / 2.0).exp())
        })
        .collect()
}

/// A whole turn is 1; from the top, clockwise.
pub(super) fn around(turn: f32, radius: f32) -> Vec2 {
    let angle = (turn - 0.25) * std::f32::consts::TAU;
    pos2(radius * angle.cos(), radius * angle.sin()).to_vec2()
}
