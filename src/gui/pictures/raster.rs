//! Paints egui's triangles on the CPU, as `egui_glow` has the GPU do it: colours are multiplied and blended as they are
//! (gamma space), alpha is premultiplied, a texture is sampled bilinearly and clamped at its edge.

use std::collections::{BTreeSet, HashMap};

use egui::epaint::{ImageData, ImageDelta, Mesh, Primitive, Vertex};
use egui::{ClippedPrimitive, Color32, Rect, TextureFilter, TextureId, TexturesDelta};

use super::Image;

/// Red, green, blue and alpha, each 0 to 255.
type Rgba = [f32; 4];

struct Texture {
    width: u32,
    height: u32,
    filter: TextureFilter,
    pixels: Vec<Color32>,
}

impl Texture {
    fn texel(&self, x: i32, y: i32) -> Rgba {
        let x = x.max(0).cast_unsigned().min(self.width - 1);
        let y = y.max(0).cast_unsigned().min(self.height - 1);
        self.pixels[(y * self.width + x) as usize].to_array().map(f32::from)
    }

    /// The colour at texture coordinates given in texels.
    fn sample(&self, u: f32, v: f32) -> Rgba {
        if self.filter == TextureFilter::Nearest {
            return self.texel(u.floor() as i32, v.floor() as i32);
        }
        let (u, v) = (u - 0.5, v - 0.5);
        let (x, y) = (u.floor(), v.floor());
        let (fx, fy) = (u - x, v - y);
        let (x, y) = (x as i32, y as i32);
        let near = self.texel(x, y);
        // Text is aligned to texels: most samples need one only.
        if fx < 1e-3 && fy < 1e-3 {
            return near;
        }
        let (right, below, both) = (self.texel(x + 1, y), self.texel(x, y + 1), self.texel(x + 1, y + 1));
        std::array::from_fn(|c| {
            let top = near[c] + (right[c] - near[c]) * fx;
            let bottom = below[c] + (both[c] - below[c]) * fx;
            top + (bottom - top) * fy
        })
    }
}

/// Holds the textures between passes and paints into an image.
#[derive(Default)]
pub(super) struct Raster {
    textures: HashMap<TextureId, Texture>,
}

impl Raster {
    /// Takes over new and changed textures; freed ones stay until the end, the picture is painted right after.
    pub(super) fn apply(&mut self, mut delta: TexturesDelta) {
        // Each texture's changes are in order; between textures order does not matter.
        let ids: BTreeSet<TextureId> = delta.set.keys().copied().collect();
        for id in ids {
            for change in delta.set.remove(&id).unwrap_or_default() {
                self.change(id, &change);
            }
        }
        delta.clear();
    }

    fn change(&mut self, id: TextureId, change: &ImageDelta) {
        let ImageData::Color(image) = &change.image;
        let [width, height] = image.size;
        if let Some([left, top]) = change.pos
            && let Some(texture) = self.textures.get_mut(&id)
        {
            for row in 0..height {
                let to = (top + row) * texture.width as usize + left;
                texture.pixels[to..to + width].copy_from_slice(&image.pixels[row * width..][..width]);
            }
        } else {
            let (width, height, filter) = (width as u32, height as u32, change.options.magnification);
            self.textures.insert(id, Texture { width, height, filter, pixels: image.pixels.clone() });
        }
    }

    /// Paints everything, first to last.
    pub(super) fn paint(&self, image: &mut Image, pixels_per_point: f32, primitives: &[ClippedPrimitive]) {
        for primitive in primitives {
            if let Primitive::Mesh(mesh) = &primitive.primitive
                && let Some(texture) = self.textures.get(&mesh.texture_id)
            {
                let clip = Clip::new(primitive.clip_rect, pixels_per_point, image);
                paint_mesh(image, &clip, texture, mesh, pixels_per_point);
            }
        }
    }
}

/// The pixels that may be touched.
struct Clip {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl Clip {
    fn new(rect: Rect, pixels_per_point: f32, image: &Image) -> Self {
        let pixel = |points: f32, limit: usize| (points * pixels_per_point).round().clamp(0.0, limit as f32) as usize;
        Self {
            left: pixel(rect.left(), image.width),
            right: pixel(rect.right(), image.width),
            top: pixel(rect.top(), image.height),
            bottom: pixel(rect.bottom(), image.height),
        }
    }
}

/// A corner of a triangle, in pixels and texels: x, y, and what varies over the triangle.
#[derive(Clone, Copy)]
struct Corner {
    x: f32,
    y: f32,
    /// Red, green, blue, alpha, u, v.
    values: [f32; 6],
}

fn paint_mesh(image: &mut Image, clip: &Clip, texture: &Texture, mesh: &Mesh, pixels_per_point: f32) {
    let corner = |vertex: &Vertex| {
        let [r, g, b, a] = vertex.color.to_array().map(f32::from);
        Corner {
            x: vertex.pos.x * pixels_per_point,
            y: vertex.pos.y * pixels_per_point,
            values: [r, g, b, a, vertex.uv.x * texture.width as f32, vertex.uv.y * texture.height as f32],
        }
    };
    for triangle in mesh.indices.as_chunks::<3>().0 {
        let corners = triangle.map(|idx| corner(&mesh.vertices[idx as usize]));
        paint_triangle(image, clip, texture, corners);
    }
}

/// Fills the pixels whose centre lies inside, row by row; triangles that share an edge neither overlap nor leave a gap,
/// because an edge is crossed at the same place from both sides.
fn paint_triangle(image: &mut Image, clip: &Clip, texture: &Texture, mut corners: [Corner; 3]) {
    corners.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    let [a, b, c] = corners;
    let first = |edge: f32, low: usize, high: usize| ((edge - 0.5).ceil().max(low as f32) as usize).min(high);
    let (top, bottom) = (first(a.y, clip.top, clip.bottom), first(c.y, clip.top, clip.bottom));
    let area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
    if bottom <= top || area == 0.0 {
        return;
    }
    let slope = |idx: usize| {
        let (ab, ac) = (b.values[idx] - a.values[idx], c.values[idx] - a.values[idx]);
        let dx = (ab * (c.y - a.y) - ac * (b.y - a.y)) / area;
        let dy = (ac * (b.x - a.x) - ab * (c.x - a.x)) / area;
        (dx, dy)
    };
    let slopes: [(f32, f32); 6] = std::array::from_fn(slope);
    let flat = slopes.iter().all(|&(dx, dy)| dx == 0.0 && dy == 0.0);
    let solid = flat.then(|| shade(texture, &a.values));
    let cross = |p: &Corner, q: &Corner, y: f32| p.x + (y - p.y) * ((q.x - p.x) / (q.y - p.y));

    for row in top..bottom {
        let y = row as f32 + 0.5;
        let long = cross(&a, &c, y);
        let short = if y < b.y { cross(&a, &b, y) } else { cross(&b, &c, y) };
        let left = first(long.min(short), clip.left, clip.right);
        let right = first(long.max(short), clip.left, clip.right);
        if right <= left {
            continue;
        }
        let pixels = &mut image.pixels[row * image.width..][left..right];
        if let Some(color) = solid {
            blend_span(pixels, color);
            continue;
        }
        let at = |x: f32, idx: usize| a.values[idx] + (x - a.x) * slopes[idx].0 + (y - a.y) * slopes[idx].1;
        let start = left as f32 + 0.5;
        let mut values: [f32; 6] = std::array::from_fn(|idx| at(start, idx));
        for pixel in pixels {
            blend(pixel, shade(texture, &values));
            for (value, slope) in values.iter_mut().zip(&slopes) {
                *value += slope.0;
            }
        }
    }
}

/// Vertex colour times texture colour.
fn shade(texture: &Texture, values: &[f32; 6]) -> Rgba {
    let sample = texture.sample(values[4], values[5]);
    std::array::from_fn(|c| values[c].clamp(0.0, 255.0) * sample[c] / 255.0)
}

fn blend_span(pixels: &mut [[u8; 4]], color: Rgba) {
    if 254.5 <= color[3] {
        pixels.fill(color.map(|value| value.round() as u8));
    } else if 0.0 < color[3] || color[..3].iter().any(|&value| 0.0 < value) {
        for pixel in pixels {
            blend(pixel, color);
        }
    }
}

fn blend(pixel: &mut [u8; 4], color: Rgba) {
    let keep = 1.0 - color[3] / 255.0;
    for (below, above) in pixel.iter_mut().zip(color) {
        *below = (above + f32::from(*below) * keep).round().min(255.0) as u8;
    }
}

#[cfg(test)]
mod tests {
    use egui::epaint::{ClippedShape, ColorImage, Shape, TextureManager, textures::TextureOptions};
    use egui::{Pos2, pos2, vec2};

    use super::*;

    fn white() -> Texture {
        Texture { width: 1, height: 1, filter: TextureFilter::Linear, pixels: vec![Color32::WHITE] }
    }

    fn image() -> Image {
        Image::new(8, 8, Color32::BLACK)
    }

    fn everywhere() -> Clip {
        Clip { left: 0, right: 8, top: 0, bottom: 8 }
    }

    fn rect_mesh(rect: Rect, color: Color32) -> Mesh {
        let mut mesh = Mesh::default();
        mesh.add_colored_rect(rect, color);
        mesh
    }

    fn lit(image: &Image) -> Vec<(usize, usize)> {
        (0..64).map(|i| (i % 8, i / 8)).filter(|&(x, y)| image.pixel(x, y) != [0, 0, 0, 255]).collect()
    }

    #[test]
    fn a_rect_fills_exactly_its_pixels() {
        let mut image = image();
        let rect = Rect::from_min_max(pos2(2.0, 3.0), pos2(5.0, 4.0));
        paint_mesh(&mut image, &everywhere(), &white(), &rect_mesh(rect, Color32::RED), 1.0);
        assert_eq!(lit(&image), [(2, 3), (3, 3), (4, 3)]);
        assert_eq!(image.pixel(3, 3), [255, 0, 0, 255]);
    }

    #[test]
    fn nothing_is_painted_outside_the_clip() {
        let mut image = image();
        let clip = Clip { left: 4, right: 6, top: 4, bottom: 5 };
        let rect = Rect::from_min_size(Pos2::ZERO, vec2(8.0, 8.0));
        paint_mesh(&mut image, &clip, &white(), &rect_mesh(rect, Color32::RED), 1.0);
        assert_eq!(lit(&image), [(4, 4), (5, 4)]);
    }

    #[test]
    fn a_shared_edge_is_painted_once() {
        // A translucent quad of two triangles: a pixel painted twice would be brighter.
        let mut image = image();
        let mut mesh = Mesh::default();
        for pos in [pos2(0.3, 0.2), pos2(7.7, 1.1), pos2(7.1, 7.6), pos2(0.9, 6.8)] {
            mesh.colored_vertex(pos, Color32::from_white_alpha(100));
        }
        mesh.add_triangle(0, 1, 2);
        mesh.add_triangle(0, 2, 3);
        paint_mesh(&mut image, &everywhere(), &white(), &mesh, 1.0);
        let inside = (0..64).map(|i| image.pixel(i % 8, i / 8)[0]);
        assert!(inside.clone().all(|value| value == 0 || value == 100));
        assert!(30 < inside.filter(|&value| value == 100).count());
    }

    #[test]
    fn colours_run_between_the_corners_and_premultiplied_alpha_lets_the_ground_through() {
        let mut image = Image::new(8, 8, Color32::from_rgb(0, 0, 200));
        let mut mesh = Mesh::default();
        for (pos, color) in [
            (pos2(0.0, 0.0), Color32::TRANSPARENT),
            (pos2(8.0, 0.0), Color32::RED),
            (pos2(8.0, 8.0), Color32::RED),
            (pos2(0.0, 8.0), Color32::TRANSPARENT),
        ] {
            mesh.colored_vertex(pos, color);
        }
        mesh.add_triangle(0, 1, 2);
        mesh.add_triangle(0, 2, 3);
        paint_mesh(&mut image, &everywhere(), &white(), &mesh, 1.0);
        let [r, _, b, a] = image.pixel(3, 4);
        assert!(r.abs_diff(112) <= 1 && b.abs_diff(112) <= 2 && a == 255, "{r} {b} {a}");
        assert!((0..7).all(|x| image.pixel(x, 4)[0] < image.pixel(x + 1, 4)[0]));
    }

    #[test]
    fn a_texture_is_changed_in_part_and_sampled_between_its_texels() {
        let mut textures = TextureManager::default();
        let black = ColorImage::filled([2, 1], Color32::BLACK);
        let id = textures.alloc("t".to_owned(), black.into(), TextureOptions::LINEAR);
        let mut raster = Raster::default();
        raster.apply(textures.take_delta());
        let white = ColorImage::filled([1, 1], Color32::WHITE);
        textures.set(id, ImageDelta::partial([1, 0], white, TextureOptions::LINEAR));
        raster.apply(textures.take_delta());
        let texture = &raster.textures[&id];
        let middle = texture.sample(1.0, 0.5);
        assert!((middle[0] - 127.5).abs() < 0.01);
        assert_eq!((texture.sample(0.5, 0.5)[0], texture.sample(1.5, 0.5)[0]), (0.0, 255.0));
    }

    #[test]
    fn shapes_go_through_the_tessellator_at_any_scale() {
        let ctx = egui::Context::default();
        ctx.run_ui(egui::RawInput::default(), |_| {}).drop_without_applying_deltas();
        let shape = Shape::rect_filled(Rect::from_min_size(pos2(1.0, 1.0), vec2(2.0, 2.0)), 0.0, Color32::RED);
        let primitives = ctx.tessellate(vec![ClippedShape::new(Rect::EVERYTHING, shape)], 2.0);
        let mut raster = Raster::default();
        let mut textures = TextureManager::default();
        textures.alloc("f".to_owned(), ColorImage::filled([1, 1], Color32::WHITE).into(), TextureOptions::LINEAR);
        raster.apply(textures.take_delta());
        let mut image = image();
        raster.paint(&mut image, 2.0, &primitives);
        assert_eq!(image.pixel(3, 3), [255, 0, 0, 255]);
        assert_eq!(image.pixel(7, 7), [0, 0, 0, 255]);
    }
}
