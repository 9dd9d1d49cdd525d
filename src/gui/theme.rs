//! Design tokens: every colour, distance, text size and radius of the window, and the egui style made of them.
//!
//! Views name a meaning (`tokens.mute`, `space::L`, `text::title`), never a colour or a number of their own.

use egui::epaint::FontColorTransferFunction;
use egui::style::{NumericColorSpace, ScrollStyle, WidgetVisuals};
use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle, Theme, Visuals, vec2};

use super::fonts;
use super::widgets::Icon;

/// Distances between things, in points.
pub mod space {
    /// Between a thing and what belongs to it.
    pub const XS: f32 = 4.0;
    /// Between parts of one line.
    pub const S: f32 = 8.0;
    /// Between cards, and between fields.
    pub const M: f32 = 12.0;
    /// The inside of a card.
    pub const L: f32 = 16.0;
    /// The inside of a page.
    pub const XL: f32 = 24.0;
    /// Between regions of an empty page.
    pub const XXL: f32 = 32.0;
}

/// Text sizes and the line heights that go with them, in points.
pub mod size {
    /// Labels, hints, remarks, chips.
    pub const SMALL: f32 = 12.0;
    /// Everything else.
    pub const BODY: f32 = 13.0;
    /// Card titles.
    pub const CARD: f32 = 14.0;
    /// Drawer titles.
    pub const HEADING: f32 = 16.0;
    /// Page titles.
    pub const TITLE: f32 = 20.0;
    /// The large number of a stat.
    pub const NUMBER: f32 = 28.0;

    /// The distance from one line to the next at a text size.
    pub fn line(size: f32) -> f32 {
        match size {
            s if s <= SMALL => 17.0,
            s if s <= BODY => 19.0,
            s if s <= CARD => 20.0,
            s if s <= HEADING => 22.0,
            s if s <= TITLE => 26.0,
            _ => 34.0,
        }
    }
}

/// Corner radius of cards, buttons and fields.
pub const RADIUS: u8 = 6;
/// Corner radius of chips and other small parts.
pub const RADIUS_SMALL: u8 = 4;
/// Height of buttons, fields and other controls.
pub const CONTROL_HEIGHT: f32 = 32.0;
/// Width of the left rail.
pub const RAIL_WIDTH: f32 = 220.0;
/// Width of the learn drawer.
pub const LEARN_WIDTH: f32 = 300.0;
/// Height of the line that leads to the next step.
pub const NEXT_HEIGHT: f32 = 48.0;
/// Height of the activity bar.
pub const ACTIVITY_HEIGHT: f32 = 30.0;

/// The colours of one theme, by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Behind the page, and inside fields.
    pub bg: Color32,
    /// The rail, the drawer and the activity bar.
    pub panel: Color32,
    /// Cards and quiet buttons.
    pub card: Color32,
    /// What is selected or under the pointer.
    pub raise: Color32,
    /// Hairlines and borders.
    pub line: Color32,
    /// Borders under the pointer.
    pub line_strong: Color32,
    /// Text.
    pub text: Color32,
    /// Labels, remarks and other text that steps back.
    pub mute: Color32,
    /// The one accent: primary actions, selection, focus, progress.
    pub accent: Color32,
    /// The accent under the pointer.
    pub accent_hover: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// A verdict that passes.
    pub pass: Color32,
    /// A verdict that deserves a look.
    pub warn: Color32,
    /// A verdict that fails.
    pub fail: Color32,
    /// A verdict that something has overtaken.
    pub stale: Color32,
    /// Charts: the reference (Okabe–Ito).
    pub reference: Color32,
    /// Charts: the current (Okabe–Ito).
    pub current: Color32,
    /// Laid over the window behind a question.
    pub dim: Color32,
}

const fn rgb(red: u8, green: u8, blue: u8) -> Color32 {
    Color32::from_rgb(red, green, blue)
}

static DARK: Tokens = Tokens {
    bg: rgb(0x0F, 0x12, 0x16),
    panel: rgb(0x13, 0x17, 0x1C),
    card: rgb(0x18, 0x1D, 0x24),
    raise: rgb(0x1F, 0x25, 0x2E),
    line: rgb(0x2A, 0x31, 0x3C),
    line_strong: rgb(0x3C, 0x46, 0x55),
    text: rgb(0xE6, 0xEA, 0xF0),
    mute: rgb(0x98, 0xA4, 0xB3),
    accent: rgb(0x5B, 0x9B, 0xFF),
    accent_hover: rgb(0x7A, 0xAF, 0xFF),
    on_accent: rgb(0x0B, 0x14, 0x20),
    pass: rgb(0x4C, 0xC3, 0x8A),
    warn: rgb(0xE5, 0xB4, 0x54),
    fail: rgb(0xFF, 0x7B, 0x72),
    stale: rgb(0xB3, 0x92, 0xF0),
    reference: rgb(0x56, 0xB4, 0xE9),
    current: rgb(0xE6, 0x9F, 0x00),
    dim: Color32::from_rgba_premultiplied(4, 5, 6, 165),
};

static LIGHT: Tokens = Tokens {
    bg: rgb(0xF4, 0xF6, 0xF8),
    panel: rgb(0xFB, 0xFC, 0xFD),
    card: rgb(0xFF, 0xFF, 0xFF),
    raise: rgb(0xF0, 0xF3, 0xF6),
    line: rgb(0xDD, 0xE2, 0xE8),
    line_strong: rgb(0xB9, 0xC2, 0xCD),
    text: rgb(0x1B, 0x23, 0x30),
    mute: rgb(0x58, 0x64, 0x74),
    accent: rgb(0x1F, 0x66, 0xD6),
    accent_hover: rgb(0x18, 0x55, 0xB8),
    on_accent: rgb(0xFF, 0xFF, 0xFF),
    pass: rgb(0x17, 0x74, 0x3A),
    warn: rgb(0x8A, 0x5A, 0x00),
    fail: rgb(0xC4, 0x23, 0x2B),
    stale: rgb(0x6B, 0x3F, 0xC4),
    reference: rgb(0x00, 0x72, 0xB2),
    current: rgb(0xB3, 0x59, 0x00),
    dim: Color32::from_rgba_premultiplied(13, 17, 24, 120),
};

impl Tokens {
    /// The tokens of a theme.
    pub fn of(theme: Theme) -> &'static Self {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// A faint ground in a verdict's colour, on a card.
    pub fn tint(&self, color: Color32) -> Color32 {
        self.card.lerp_to_gamma(color, 0.08)
    }

    /// The hairline stroke.
    pub fn hairline(&self) -> Stroke {
        Stroke::new(1.0, self.line)
    }
}

/// Gives the tokens of the theme in use.
pub trait Look {
    /// The tokens of the theme in use.
    fn tokens(&self) -> &'static Tokens;
}

impl Look for egui::Ui {
    fn tokens(&self) -> &'static Tokens {
        Tokens::of(if self.visuals().dark_mode { Theme::Dark } else { Theme::Light })
    }
}

impl Look for egui::Context {
    fn tokens(&self) -> &'static Tokens {
        Tokens::of(self.theme())
    }
}

/// What a step, an item or a comparison came to; always shown as glyph, word and colour together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It holds, with something to look at.
    Warn,
    /// It does not hold.
    Fail,
    /// It held or failed for something that has changed since.
    Stale,
    /// Being found out right now.
    Running,
    /// Nothing is known yet.
    #[default]
    None,
}

impl Verdict {
    /// Every kind, for galleries and tests.
    pub const ALL: [Self; 6] = [Self::Pass, Self::Warn, Self::Fail, Self::Stale, Self::Running, Self::None];

    /// The word where no better one is at hand.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "passes",
            Self::Warn => "warns",
            Self::Fail => "fails",
            Self::Stale => "stale",
            Self::Running => "running",
            Self::None => "not started",
        }
    }

    /// The colour in a theme.
    pub fn color(self, tokens: &Tokens) -> Color32 {
        match self {
            Self::Pass => tokens.pass,
            Self::Warn => tokens.warn,
            Self::Fail => tokens.fail,
            Self::Stale => tokens.stale,
            Self::Running => tokens.accent,
            Self::None => tokens.mute,
        }
    }

    /// The glyph.
    pub fn icon(self) -> Icon {
        match self {
            Self::Pass => Icon::Pass,
            Self::Warn => Icon::Warn,
            Self::Fail => Icon::Fail,
            Self::Stale => Icon::Stale,
            Self::Running => Icon::Running,
            Self::None => Icon::NotStarted,
        }
    }
}

/// Puts fonts and both themes into a context; once, at the start.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts::definitions());
    ctx.all_styles_mut(style);
    ctx.set_visuals_of(Theme::Dark, visuals(Theme::Dark));
    ctx.set_visuals_of(Theme::Light, visuals(Theme::Light));
}

fn style(style: &mut egui::Style) {
    style.text_styles = [
        (TextStyle::Small, FontId::new(size::SMALL, FontFamily::Proportional)),
        (TextStyle::Body, FontId::new(size::BODY, FontFamily::Proportional)),
        (TextStyle::Button, FontId::new(size::BODY, FontFamily::Proportional)),
        (TextStyle::Heading, FontId::new(size::TITLE, fonts::semibold())),
        (TextStyle::Monospace, FontId::new(size::SMALL, FontFamily::Monospace)),
    ]
    .into();
    style.interaction.selectable_labels = false; // An instrument; what is worth copying has a copy button.
    style.interaction.tooltip_delay = 0.4;
    style.animation_time = 0.1;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::S);
    spacing.button_padding = vec2(space::M, 6.0);
    spacing.interact_size = vec2(40.0, CONTROL_HEIGHT);
    spacing.window_margin = Margin::same(16);
    spacing.menu_margin = Margin::same(6);
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 10.0;
    spacing.icon_spacing = space::S;
    spacing.combo_width = 120.0;
    spacing.tooltip_width = 320.0;
    // Inter is 15.73 points high at 13 points: this makes 19.
    spacing.extra_text_line_spacing = size::line(size::BODY) - size::BODY * fonts::INTER_HEIGHT;
    spacing.scroll = ScrollStyle { bar_width: 8.0, floating_width: 4.0, ..ScrollStyle::floating() };
    spacing.scroll.fade.strength = 0.0;
}

fn visuals(theme: Theme) -> Visuals {
    let tokens = Tokens::of(theme);
    let mut visuals = theme.default_visuals();
    // egui thickens light text on dark ground until regular looks like medium: a touch is enough.
    visuals.text_options.color_transfer_function = match theme {
        Theme::Dark => FontColorTransferFunction::Gamma(0.88),
        Theme::Light => FontColorTransferFunction::Off,
    };
    let radius = CornerRadius::same(RADIUS);
    let widget = |fill: Color32, line: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, line),
        fg_stroke: Stroke::new(1.0, text),
        corner_radius: radius,
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = widget(tokens.card, tokens.line, tokens.text);
    visuals.widgets.inactive = widget(tokens.card, tokens.line, tokens.text);
    visuals.widgets.hovered = widget(tokens.raise, tokens.line_strong, tokens.text);
    visuals.widgets.active = widget(tokens.raise, tokens.accent, tokens.text);
    visuals.widgets.open = widget(tokens.raise, tokens.line_strong, tokens.text);
    visuals.selection.bg_fill = tokens.bg.lerp_to_gamma(tokens.accent, 0.35);
    visuals.selection.stroke = Stroke::new(1.5, tokens.accent);
    visuals.weak_text_color = Some(tokens.mute);
    visuals.hyperlink_color = tokens.accent;
    visuals.faint_bg_color = tokens.raise;
    visuals.extreme_bg_color = tokens.bg;
    visuals.text_edit_bg_color = Some(tokens.bg);
    visuals.code_bg_color = tokens.bg;
    visuals.warn_fg_color = tokens.warn;
    visuals.error_fg_color = tokens.fail;
    visuals.window_fill = tokens.card;
    visuals.window_stroke = Stroke::new(1.0, tokens.line);
    visuals.window_corner_radius = CornerRadius::same(RADIUS + 2);
    visuals.menu_corner_radius = radius;
    visuals.panel_fill = tokens.bg;
    let shadow = |alpha: u8| Shadow { offset: [0, 8], blur: 24, spread: 0, color: Color32::from_black_alpha(alpha) };
    visuals.window_shadow = shadow(if theme == Theme::Dark { 120 } else { 40 });
    visuals.popup_shadow = shadow(if theme == Theme::Dark { 100 } else { 32 });
    visuals.text_cursor.stroke = Stroke::new(1.5, tokens.accent);
    visuals.numeric_color_space = NumericColorSpace::GammaByte;
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Color32) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_reads_on_every_ground_in_both_themes() {
        for theme in [Theme::Dark, Theme::Light] {
            let t = Tokens::of(theme);
            let verdicts = Verdict::ALL.map(|verdict| ("verdict", verdict.color(t)));
            let texts = [("text", t.text), ("mute", t.mute), ("accent", t.accent)];
            let grounds = [("bg", t.bg), ("panel", t.panel), ("card", t.card), ("raise", t.raise)];
            let mut pairs: Vec<(String, f64)> = Vec::new();
            for (text, text_color) in texts.into_iter().chain(verdicts) {
                for (ground, ground_color) in grounds {
                    pairs.push((format!("{text} on {ground}"), contrast(text_color, ground_color)));
                }
            }
            for verdict in Verdict::ALL {
                let color = verdict.color(t);
                let ground = t.tint(color);
                pairs.push((format!("{verdict:?} on its tint"), contrast(color, ground)));
                pairs.push((format!("text on the tint of {verdict:?}"), contrast(t.text, ground)));
                pairs.push((format!("mute on the tint of {verdict:?}"), contrast(t.mute, ground)));
            }
            for (ground, color) in [("accent", t.accent), ("accent_hover", t.accent_hover), ("fail", t.fail)] {
                pairs.push((format!("on_accent on {ground}"), contrast(t.on_accent, color)));
            }
            let selection = visuals(theme).selection.bg_fill;
            pairs.push(("text on the selection".to_owned(), contrast(t.text, selection)));
            let low: Vec<_> = pairs.iter().filter(|(_, ratio)| *ratio < 4.5).collect();
            assert!(low.is_empty(), "{theme:?}: {low:?}");
        }
    }

    #[test]
    fn every_verdict_has_a_glyph_a_word_and_a_colour_of_its_own() {
        for (idx, a) in Verdict::ALL.iter().enumerate() {
            for b in &Verdict::ALL[idx + 1..] {
                assert_ne!(a.word(), b.word());
                assert_ne!(a.icon(), b.icon());
                assert_ne!(a.color(&DARK), b.color(&DARK));
                assert_ne!(a.color(&LIGHT), b.color(&LIGHT));
            }
        }
    }
}
