//! Pictures of the window without a display or a driver: egui lays out and tessellates, [`raster`] paints, `png` writes.

mod raster;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use egui::{Color32, Context, Event, Modifiers, PointerButton, Pos2, RawInput, Rect, Theme, Ui, Vec2};

use self::raster::Raster;
use super::theme::{self, Tokens};

/// Passes after which a layout that still changes is painted as it is.
const MAX_PASSES: usize = 12;

/// How a picture is taken.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    /// Width and height in points.
    pub size: Vec2,
    /// Pixels per point: 1 for an ordinary display, 2 for a dense one.
    pub pixels_per_point: f32,
    /// Dark or light.
    pub theme: Theme,
    /// Where the pointer rests, if anywhere.
    pub pointer: Option<Pos2>,
    /// Whether the pointer pressed there, before the picture was taken.
    pub clicked: bool,
}

impl Camera {
    /// The window's usual size, 1440 × 900 points.
    pub fn new(theme: Theme) -> Self {
        Self { size: Vec2::new(1440.0, 900.0), pixels_per_point: 1.0, theme, pointer: None, clicked: false }
    }

    /// Another size in points.
    #[must_use]
    pub fn size(self, width: f32, height: f32) -> Self {
        Self { size: Vec2::new(width, height), ..self }
    }

    /// Another density.
    #[must_use]
    pub fn pixels_per_point(self, pixels_per_point: f32) -> Self {
        Self { pixels_per_point, ..self }
    }

    /// With the pointer resting at a place.
    #[must_use]
    pub fn pointer(self, pointer: Pos2) -> Self {
        Self { pointer: Some(pointer), ..self }
    }

    /// After a click at a place: with the menu or the page open that it opens.
    #[must_use]
    pub fn click(self, pointer: Pos2) -> Self {
        Self { pointer: Some(pointer), clicked: true, ..self }
    }

    /// Shows `ui` until its layout rests, then paints it.
    pub fn render(&self, mut ui: impl FnMut(&mut Ui)) -> Image {
        let ctx = Context::default();
        theme::install(&ctx);
        ctx.set_theme(self.theme);
        // A picture has no time: nothing moves, nothing blinks, tooltips are there at once.
        ctx.all_styles_mut(|style| {
            style.animation_time = 0.0;
            style.interaction.tooltip_delay = 0.0;
            style.visuals.text_cursor.blink = false;
        });
        let mut raster = Raster::default();
        let mut shapes = Vec::new();
        for pass in 0..MAX_PASSES {
            let output = ctx.run_ui(self.input(pass), &mut ui);
            let resting = output.viewport_output.values().all(|viewport| !viewport.repaint_delay.is_zero());
            raster.apply(output.textures_delta);
            shapes = output.shapes;
            // The first passes measure, the next two press and release: what comes of it stands right from the fifth on.
            if resting && 4 <= pass {
                break;
            }
        }
        let pixels = self.size * self.pixels_per_point;
        let mut image = Image::new(pixels.x.round() as usize, pixels.y.round() as usize, Tokens::of(self.theme).bg);
        let primitives = ctx.tessellate(shapes, self.pixels_per_point);
        raster.paint(&mut image, self.pixels_per_point, &primitives);
        image
    }

    fn input(&self, pass: usize) -> RawInput {
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            time: Some(pass as f64 * 0.1),
            focused: true,
            ..RawInput::default()
        };
        input.viewports.entry(input.viewport_id).or_default().native_pixels_per_point = Some(self.pixels_per_point);
        if let Some(pos) = self.pointer {
            let press = |pressed| Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            };
            match pass {
                0 => input.events.push(Event::PointerMoved(pos)),
                1 if self.clicked => input.events.push(press(true)),
                2 if self.clicked => input.events.push(press(false)),
                _ => {}
            }
        }
        input
    }
}

/// An opaque picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Red, green, blue, alpha, row by row.
    pixels: Vec<[u8; 4]>,
}

impl Image {
    fn new(width: usize, height: usize, ground: Color32) -> Self {
        Self { width, height, pixels: vec![ground.to_array(); width * height] }
    }

    /// Red, green, blue and alpha of one pixel.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 4] {
        self.pixels[y * self.width + x]
    }

    /// Writes the picture as PNG.
    pub fn write_png(&self, output: impl io::Write) -> io::Result<()> {
        let mut encoder = png::Encoder::new(output, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        let opaque: Vec<u8> = self.pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&opaque)?;
        Ok(writer.finish()?)
    }

    /// Saves the picture as a PNG file.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        self.write_png(BufWriter::new(File::create(path)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        Camera::new(Theme::Dark).size(80.0, 40.0)
    }

    #[test]
    fn text_appears_in_its_colour() {
        let image = camera().render(|ui| {
            ui.label(egui::RichText::new("Trestle").color(Color32::from_rgb(255, 0, 0)));
        });
        let red = image.pixels.iter().filter(|&&[r, g, ..]| 200 < r && g < 60).count();
        assert!(20 < red, "{red} red pixels");
        assert_eq!(image.pixel(79, 39), Tokens::of(Theme::Dark).bg.to_array());
    }

    #[test]
    fn a_denser_picture_has_more_pixels_and_the_same_layout() {
        let picture = |density| {
            camera().pixels_per_point(density).render(|ui| {
                let rect = Rect::from_min_size(egui::pos2(10.0, 10.0), Vec2::splat(20.0));
                ui.painter().rect_filled(rect, 0.0, Color32::WHITE);
            })
        };
        let (coarse, dense) = (picture(1.0), picture(2.0));
        assert_eq!((dense.width, dense.height), (160, 80));
        for (x, y) in [(9, 20), (11, 20), (28, 28), (31, 31)] {
            assert_eq!(coarse.pixel(x, y), dense.pixel(2 * x, 2 * y), "at {x}, {y}");
        }
    }

    #[test]
    fn the_file_is_a_png_of_the_right_size() {
        let mut file = Vec::new();
        camera().render(|_| {}).write_png(&mut file).unwrap();
        let reader = png::Decoder::new(io::Cursor::new(file)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (80, 40));
    }
}
