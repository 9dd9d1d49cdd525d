//! The two faces of the window, one for text and one for code, and egui's own and the system's behind them.
//!
//! egui has no OpenType feature switches, so tabular figures come from a copy of Inter
//! whose `tnum` feature carries a name that is always on.

use std::sync::Arc;

use damascene_fonts_inter::INTER_VARIABLE;
use damascene_fonts_jetbrains_mono::JETBRAINS_MONO_VARIABLE;
use egui::epaint::text::VariationCoords;
use egui::{FontData, FontDefinitions, FontFamily, FontTweak};

/// The height of a line of Inter, as a share of the text size.
pub(super) const INTER_HEIGHT: f32 = (1984.0 + 494.0) / 2048.0;

/// A weight of Inter: its family's name and its place on the `wght` axis.
const WEIGHTS: [(&str, f32); 3] = [("regular", 400.0), ("medium", 500.0), ("semibold", 600.0)];

/// Inter medium.
pub(super) fn medium() -> FontFamily {
    FontFamily::Name("medium".into())
}

/// Inter semibold.
pub(super) fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// Inter regular with figures of equal width.
pub(super) fn tabular() -> FontFamily {
    FontFamily::Name("tabular".into())
}

/// Inter semibold with figures of equal width.
pub(super) fn tabular_semibold() -> FontFamily {
    FontFamily::Name("tabular-semibold".into())
}

/// The fonts of the window: ours first, egui's behind them; a real window adds the system's behind those.
pub(super) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let behind = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let tabular = tabular_figures(INTER_VARIABLE);
    let mut add = |name: &str, family: FontFamily, data: FontData| {
        let mut names = vec![name.to_owned()];
        names.extend(behind.iter().cloned());
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
        fonts.families.insert(family, names);
    };
    for (name, weight) in WEIGHTS {
        // Hinting would crisp the stems and swallow the dots: "fails" must not read "falls".
        let tweak = || FontTweak {
            coords: VariationCoords::new([(b"wght", weight)]),
            hinting: Some(false),
            ..FontTweak::default()
        };
        let family = if name == "regular" { FontFamily::Proportional } else { FontFamily::Name(name.into()) };
        add(&format!("inter-{name}"), family, FontData::from_static(INTER_VARIABLE).tweak(tweak()));
        let name = if name == "regular" { "tabular".to_owned() } else { format!("tabular-{name}") };
        let data = FontData::from_blob(Arc::<Vec<u8>>::clone(&tabular), 0).tweak(tweak());
        add(&format!("inter-{name}"), FontFamily::Name(name.into()), data);
    }
    fonts.font_data.insert("jetbrains-mono".to_owned(), Arc::new(FontData::from_static(JETBRAINS_MONO_VARIABLE)));
    fonts.families.entry(FontFamily::Monospace).or_default().insert(0, "jetbrains-mono".to_owned());
    fonts
}

/// A copy of a font with its `tnum` feature renamed to `rclt`, which every shaper applies and Inter does not use.
///
/// An unexpected layout of the file leaves the font as it is: figures are then proportional, nothing else changes.
fn tabular_figures(font: &[u8]) -> Arc<Vec<u8>> {
    let mut font = font.to_vec();
    if let Some(at) = feature_record(&font, *b"tnum")
        && feature_record(&font, *b"rclt").is_none()
    {
        font[at..at + 4].copy_from_slice(b"rclt");
    }
    Arc::new(font)
}

/// Where in the file the tag of a glyph substitution feature stands.
fn feature_record(font: &[u8], tag: [u8; 4]) -> Option<usize> {
    let u16_at = |at: usize| Some(usize::from(u16::from_be_bytes(font.get(at..at + 2)?.try_into().ok()?)));
    let u32_at = |at: usize| Some(u32::from_be_bytes(font.get(at..at + 4)?.try_into().ok()?) as usize);
    let table = (0..u16_at(4)?).map(|idx| 12 + 16 * idx).find(|&at| font.get(at..at + 4) == Some(b"GSUB"))?;
    let table = u32_at(table + 8)?;
    let features = table + u16_at(table + 6)?;
    (0..u16_at(features)?).map(|idx| features + 2 + 6 * idx).find(|&at| font.get(at..at + 4) == Some(&tag))
}

#[cfg(test)]
mod tests {
    use egui::FontId;

    use super::*;

    fn with_fonts<R>(check: impl FnOnce(&mut egui::epaint::text::FontsView<'_>) -> R) -> R {
        let ctx = egui::Context::default();
        ctx.set_fonts(definitions());
        let (mut check, mut result) = (Some(check), None);
        ctx.run_ui(egui::RawInput::default(), |ui| {
            if let Some(check) = check.take() {
                result = Some(ui.fonts_mut(check));
            }
        })
        .drop_without_applying_deltas();
        result.unwrap()
    }

    #[test]
    fn tabular_figures_are_equally_wide_and_the_others_are_not() {
        with_fonts(|fonts| {
            let mut width = |family: FontFamily, text: &str| {
                fonts.layout_no_wrap(text.to_owned(), FontId::new(13.0, family), egui::Color32::WHITE).size().x
            };
            for family in [tabular(), tabular_semibold()] {
                let zeros = width(family.clone(), "0000000000");
                assert!((width(family.clone(), "1111111111") - zeros).abs() < 0.01, "{family:?}");
                assert!((width(family.clone(), "4747474747") - zeros).abs() < 0.01, "{family:?}");
            }
            let zeros = width(FontFamily::Proportional, "0000000000");
            assert!(width(FontFamily::Proportional, "1111111111") < zeros - 10.0);
        });
    }

    #[test]
    fn heavier_weights_are_wider() {
        with_fonts(|fonts| {
            let mut width = |family: FontFamily| {
                fonts.layout_no_wrap("Benchmark".to_owned(), FontId::new(13.0, family), egui::Color32::WHITE).size().x
            };
            let widths = [width(FontFamily::Proportional), width(medium()), width(semibold())];
            assert!(widths.is_sorted_by(|a, b| a < b), "{widths:?}");
        });
    }

    #[test]
    fn letters_beyond_latin_are_there() {
        with_fonts(|fonts| {
            for family in [FontFamily::Proportional, medium(), semibold(), tabular(), FontFamily::Monospace] {
                let id = FontId::new(13.0, family);
                assert!(fonts.has_glyphs(&id, "Ελληνικά Кириллица ≤ ≥ → × · – “ ” …"), "{id:?}");
            }
        });
    }
}
