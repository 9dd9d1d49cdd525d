//! Icons, drawn by the painter on a grid of 16: crisp at any scale and independent of any font.

use egui::epaint::PathStroke;
use egui::{Color32, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2};

/// Everything that is drawn rather than written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Icon {
    /// A circle with a tick: it passes.
    Pass,
    /// A triangle with a stroke: it deserves a look.
    Warn,
    /// A circle with a cross: it fails.
    Fail,
    /// A clock: something has overtaken it.
    Stale,
    /// A circle partly drawn: being found out.
    Running,
    /// A dashed circle: nothing yet.
    NotStarted,
    /// A trestle: the program.
    Trestle,
    /// Opens below; the most first.
    ChevronDown,
    /// Closes upwards; the least first.
    ChevronUp,
    /// Opens, or goes, to the right.
    ChevronRight,
    /// Goes back.
    ChevronLeft,
    /// Closes or removes.
    Close,
    /// Adds.
    Plus,
    /// A folder.
    Folder,
    /// A box: an image or its engine.
    Container,
    /// The light theme.
    Sun,
    /// The dark theme.
    Moon,
    /// Explains.
    Help,
    /// Copies.
    Copy,
    /// Runs again.
    Retry,
    /// An arrow downwards into a tray: what is dropped goes here.
    Drop,
    /// A plain tick: done, copied.
    Tick,
    /// Searches.
    Search,
    /// An i in a circle: for information.
    Info,
}

impl Icon {
    /// Every icon, for the gallery.
    pub const ALL: [Self; 24] = [
        Self::Pass,
        Self::Warn,
        Self::Fail,
        Self::Stale,
        Self::Running,
        Self::NotStarted,
        Self::Trestle,
        Self::ChevronDown,
        Self::ChevronUp,
        Self::ChevronRight,
        Self::ChevronLeft,
        Self::Close,
        Self::Plus,
        Self::Folder,
        Self::Container,
        Self::Sun,
        Self::Moon,
        Self::Help,
        Self::Copy,
        Self::Retry,
        Self::Drop,
        Self::Tick,
        Self::Search,
        Self::Info,
    ];

    /// Draws the icon to fill a square.
    pub fn paint(self, painter: &Painter, rect: Rect, color: Color32) {
        let pen = Pen { painter, origin: rect.min, scale: rect.width() / 16.0, color };
        match self {
            Self::Pass => {
                pen.circle(8.0, 8.0, 6.8);
                pen.line(&[(5.0, 8.2), (7.1, 10.3), (11.0, 6.0)]);
            }
            Self::Warn => {
                pen.closed(&[(8.0, 1.8), (15.0, 14.0), (1.0, 14.0)]);
                pen.line(&[(8.0, 6.0), (8.0, 10.0)]);
                pen.line(&[(8.0, 11.3), (8.0, 12.5)]);
            }
            Self::Fail => {
                pen.circle(8.0, 8.0, 6.8);
                pen.line(&[(5.6, 5.6), (10.4, 10.4)]);
                pen.line(&[(10.4, 5.6), (5.6, 10.4)]);
            }
            Self::Stale => {
                pen.circle(8.0, 8.0, 6.8);
                pen.line(&[(8.0, 4.0), (8.0, 8.3), (10.8, 9.9)]);
            }
            Self::Running => {
                pen.arc(8.0, 8.0, 6.8, -90.0, 180.0);
                pen.dot(8.0, 8.0, 2.2);
            }
            Self::NotStarted => {
                let (dashes, turn) = (9_u8, 360.0 / 9.0);
                for dash in 0..dashes {
                    let from = f32::from(dash) * turn - 90.0;
                    pen.arc(8.0, 8.0, 6.6, from, from + turn * 0.55);
                }
            }
            Self::Trestle => {
                pen.line(&[(1.2, 4.6), (14.8, 4.6)]);
                pen.line(&[(3.0, 4.6), (1.5, 13.0)]);
                pen.line(&[(13.0, 4.6), (14.5, 13.0)]);
                pen.line(&[(6.0, 4.6), (4.5, 13.0)]);
                pen.line(&[(10.0, 4.6), (11.5, 13.0)]);
                pen.line(&[(3.4, 9.2), (12.6, 9.2)]);
            }
            Self::ChevronDown => pen.line(&[(4.0, 6.2), (8.0, 10.2), (12.0, 6.2)]),
            Self::ChevronUp => pen.line(&[(4.0, 9.8), (8.0, 5.8), (12.0, 9.8)]),
            Self::ChevronRight => pen.line(&[(6.2, 4.0), (10.2, 8.0), (6.2, 12.0)]),
            Self::ChevronLeft => pen.line(&[(9.8, 4.0), (5.8, 8.0), (9.8, 12.0)]),
            Self::Close => {
                pen.line(&[(4.0, 4.0), (12.0, 12.0)]);
                pen.line(&[(12.0, 4.0), (4.0, 12.0)]);
            }
            Self::Plus => {
                pen.line(&[(8.0, 3.0), (8.0, 13.0)]);
                pen.line(&[(3.0, 8.0), (13.0, 8.0)]);
            }
            Self::Folder => {
                pen.closed(&[(1.5, 3.2), (6.2, 3.2), (7.8, 5.2), (14.5, 5.2), (14.5, 13.0), (1.5, 13.0)]);
            }
            Self::Container => {
                pen.closed(&[(8.0, 1.5), (14.0, 4.7), (14.0, 11.3), (8.0, 14.5), (2.0, 11.3), (2.0, 4.7)]);
                pen.line(&[(2.0, 4.7), (8.0, 8.0), (14.0, 4.7)]);
                pen.line(&[(8.0, 8.0), (8.0, 14.5)]);
            }
            Self::Sun => {
                pen.circle(8.0, 8.0, 3.2);
                for ray in 0..8_u8 {
                    let direction = Vec2::angled(f32::from(ray) * std::f32::consts::FRAC_PI_4);
                    let at = |radius: f32| (8.0 + direction.x * radius, 8.0 + direction.y * radius);
                    pen.line(&[at(5.3), at(7.2)]);
                }
            }
            Self::Moon => pen.closed(&crescent()),
            Self::Help => {
                pen.circle(8.0, 8.0, 6.8);
                let mut hook = arc_points(8.0, 6.4, 2.1, -170.0, 60.0);
                hook.extend([(8.0, 8.9), (8.0, 9.6)]);
                pen.line(&hook);
                pen.dot(8.0, 11.7, 0.95);
            }
            Self::Copy => {
                pen.closed(&[(5.5, 5.5), (13.5, 5.5), (13.5, 14.0), (5.5, 14.0)]);
                pen.line(&[(10.5, 2.5), (2.5, 2.5), (2.5, 11.0)]);
            }
            Self::Retry => {
                pen.arc(8.0, 8.0, 5.8, -50.0, 250.0);
                pen.line(&[(11.9, 0.8), (11.9, 3.6), (9.0, 3.9)]);
            }
            Self::Drop => {
                pen.line(&[(8.0, 1.8), (8.0, 9.6)]);
                pen.line(&[(4.6, 6.4), (8.0, 9.8), (11.4, 6.4)]);
                pen.line(&[(1.8, 10.0), (1.8, 14.0), (14.2, 14.0), (14.2, 10.0)]);
            }
            Self::Tick => pen.line(&[(3.2, 8.4), (6.5, 11.7), (12.8, 4.6)]),
            Self::Search => {
                pen.circle(6.9, 6.9, 4.7);
                pen.line(&[(10.4, 10.4), (14.2, 14.2)]);
            }
            Self::Info => {
                pen.circle(8.0, 8.0, 6.8);
                pen.line(&[(8.0, 7.3), (8.0, 11.6)]);
                pen.dot(8.0, 4.9, 0.95);
            }
        }
    }
}

/// Draws in units of a sixteenth of the icon.
struct Pen<'a> {
    painter: &'a Painter,
    origin: Pos2,
    scale: f32,
    color: Color32,
}

impl Pen<'_> {
    fn at(&self, x: f32, y: f32) -> Pos2 {
        self.origin + vec2(x, y) * self.scale
    }

    fn stroke(&self) -> Stroke {
        // Never finer than a pixel and a bit: small glyphs must hold their colour.
        Stroke::new((1.45 * self.scale).max(1.1), self.color)
    }

    fn line(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        self.painter.add(Shape::line(points, PathStroke::from(self.stroke())));
    }

    fn closed(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        self.painter.add(Shape::closed_line(points, PathStroke::from(self.stroke())));
    }

    fn circle(&self, x: f32, y: f32, radius: f32) {
        self.painter.circle_stroke(self.at(x, y), radius * self.scale, self.stroke());
    }

    fn arc(&self, x: f32, y: f32, radius: f32, from: f32, to: f32) {
        self.line(&arc_points(x, y, radius, from, to));
    }

    fn dot(&self, x: f32, y: f32, radius: f32) {
        self.painter.circle_filled(self.at(x, y), radius * self.scale, self.color);
    }
}

/// Points along a circle, angles in degrees clockwise from the right.
fn arc_points(x: f32, y: f32, radius: f32, from: f32, to: f32) -> Vec<(f32, f32)> {
    let steps = ((to - from).abs() / 12.0).ceil().max(2.0) as u16;
    (0..=steps)
        .map(|step| {
            let angle = (from + (to - from) * f32::from(step) / f32::from(steps)).to_radians();
            (x + radius * angle.cos(), y + radius * angle.sin())
        })
        .collect()
}

/// A disc without a second one that covers its upper right.
fn crescent() -> Vec<(f32, f32)> {
    let (x, y, radius) = (7.6_f32, 8.4_f32, 6.4_f32);
    let (away, cover) = (5.2_f32, 4.9_f32);
    let towards = -45.0_f32;
    // Where the two circles meet, seen from the middle of each.
    let near = (away * away + radius * radius - cover * cover) / (2.0 * away);
    let (outer, inner) = ((near / radius).acos().to_degrees(), ((away - near) / cover).acos().to_degrees());
    let direction = Vec2::angled(towards.to_radians()) * away;
    let mut outline = arc_points(x, y, radius, towards + outer, towards + 360.0 - outer);
    let hollow = arc_points(x + direction.x, y + direction.y, cover, towards + 180.0 + inner, towards + 180.0 - inner);
    let inside = 1..hollow.len() - 1;
    outline.extend_from_slice(&hollow[inside]);
    outline
}

/// An icon in the flow of a layout; `name` is what a screen reader says.
pub fn icon_ui(ui: &mut Ui, icon: Icon, size: f32, color: Color32, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    if ui.is_rect_visible(rect) {
        icon.paint(ui.painter(), rect, color);
    }
    if !name.is_empty() {
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    }
    response
}

/// An icon beside text, in the middle of its first line.
pub(super) fn lead_icon(ui: &mut Ui, icon: Icon, color: Color32, line_height: f32) {
    let (rect, _) = ui.allocate_exact_size(vec2(16.0, line_height), Sense::hover());
    icon.paint(ui.painter(), square(rect.center(), 16.0), color);
}

/// A square of a size around a place, on whole points so that strokes stay crisp.
pub(super) fn square(center: Pos2, size: f32) -> Rect {
    let min = center - Vec2::splat(size / 2.0);
    Rect::from_min_size(pos2(min.x.round(), min.y.round()), Vec2::splat(size))
}
