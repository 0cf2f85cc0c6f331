//! Draws egui's triangles on the CPU: the same picture on every machine, without a driver.

use std::collections::HashMap;

use egui::epaint::{ColorImage, ImageData, Mesh, Primitive, TextureId, Vertex};
use egui::{Color32, Context, FullOutput, Pos2, Rect, TexturesDelta};
use egui_kittest::TestRenderer;
use image::{Rgba, RgbaImage};

/// The fraction of a pixel to which corners are rounded.
const PARTS: f32 = 256.0;

/// A renderer for kittest.
#[derive(Default)]
pub(crate) struct Software {
    textures: HashMap<TextureId, ColorImage>,
}

impl TestRenderer for Software {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        for (id, images) in delta.set.drain() {
            for delta in images {
                let ImageData::Color(image) = &delta.image;
                let Some([left, top]) = delta.pos else {
                    self.textures.insert(id, (**image).clone());
                    continue;
                };
                let whole = self.textures.get_mut(&id).expect("a texture that is there");
                for (row, pixels) in image.pixels.chunks(image.width()).enumerate() {
                    let start = (top + row) * whole.width() + left;
                    whole.pixels[start..start + pixels.len()].copy_from_slice(pixels);
                }
            }
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    fn render(&mut self, context: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let scale = context.pixels_per_point();
        let size = context.content_rect().size() * scale;
        let mut picture = RgbaImage::new(size.x.round() as u32, size.y.round() as u32);
        for clipped in context.tessellate(output.shapes.clone(), scale) {
            let Primitive::Mesh(mesh) = &clipped.primitive else {
                return Err("a callback cannot be drawn".to_owned());
            };
            let texture = self.textures.get(&mesh.texture_id);
            let texture = texture.ok_or("a texture that was never given")?;
            draw(
                &mut picture,
                mesh,
                texture,
                clipped.clip_rect * scale,
                scale,
            );
        }
        Ok(picture)
    }
}

fn draw(picture: &mut RgbaImage, mesh: &Mesh, texture: &ColorImage, clip: Rect, scale: f32) {
    let limit = |value: f32, most: u32| (value.round().max(0.0) as u32).min(most);
    let (width, height) = picture.dimensions();
    let columns = limit(clip.left(), width)..limit(clip.right(), width);
    let rows = limit(clip.top(), height)..limit(clip.bottom(), height);
    for corners in mesh.indices.chunks_exact(3) {
        let corner = |at: usize| mesh.vertices[corners[at] as usize];
        let triangle = Triangle::new([corner(0), corner(1), corner(2)], scale);
        let Some(triangle) = triangle else {
            continue;
        };
        let [left, top, right, bottom] = triangle.bounds();
        for y in rows.start.max(top)..rows.end.min(bottom) {
            for x in columns.start.max(left)..columns.end.min(right) {
                if let Some(color) = triangle.color_at(x, y, texture) {
                    blend(picture.get_pixel_mut(x, y), color);
                }
            }
        }
    }
}

/// Colours are premultiplied, and blended as they are stored.
fn blend(under: &mut Rgba<u8>, over: [f32; 4]) {
    let through = 1.0 - over[3] / 255.0;
    for (under, over) in under.0.iter_mut().zip(over) {
        *under = (over + f32::from(*under) * through)
            .round()
            .clamp(0.0, 255.0) as u8;
    }
}

/// A triangle whose corners go round clockwise.
struct Triangle {
    corners: [Vertex; 3],
    /// In parts of a pixel.
    at: [[i64; 2]; 3],
    area: i64,
}

impl Triangle {
    fn new(mut corners: [Vertex; 3], scale: f32) -> Option<Self> {
        let part = |value: f32| (value * scale * PARTS).round() as i64;
        let place = |corner: Vertex| [part(corner.pos.x), part(corner.pos.y)];
        let mut area = edge(place(corners[0]), place(corners[1]), place(corners[2]));
        if area < 0 {
            corners.swap(1, 2);
            area = -area;
        }
        (area > 0).then(|| Self {
            at: corners.map(place),
            corners,
            area,
        })
    }

    /// Left, top, right and bottom, in pixels.
    fn bounds(&self) -> [u32; 4] {
        let pixel = |parts: i64| u32::try_from(parts / PARTS as i64).unwrap_or(0);
        let of = |axis: usize| self.at.map(|place| place[axis]);
        let (x, y) = (of(0), of(1));
        let (least, most) = (
            |all: [i64; 3]| all.into_iter().min(),
            |all: [i64; 3]| all.into_iter().max(),
        );
        [
            pixel(least(x).unwrap_or(0)),
            pixel(least(y).unwrap_or(0)),
            pixel(most(x).unwrap_or(0)) + 1,
            pixel(most(y).unwrap_or(0)) + 1,
        ]
    }

    /// The colour at the middle of a pixel, if that is inside. A pixel between two triangles belongs to one of them.
    fn color_at(&self, x: u32, y: u32, texture: &ColorImage) -> Option<[f32; 4]> {
        let middle = |pixel: u32| i64::from(pixel) * PARTS as i64 + PARTS as i64 / 2;
        let at = [middle(x), middle(y)];
        let mut weights = [0.0; 3];
        for (side, weight) in weights.iter_mut().enumerate() {
            let (from, to) = (self.at[(side + 1) % 3], self.at[(side + 2) % 3]);
            let distance = edge(from, to, at);
            let is_top_or_left = to[1] < from[1] || (to[1] == from[1] && to[0] > from[0]);
            if distance < 0 || (distance == 0 && !is_top_or_left) {
                return None;
            }
            *weight = distance as f32 / self.area as f32;
        }
        let sum = |of: &dyn Fn(&Vertex) -> f32| -> f32 {
            self.corners
                .iter()
                .zip(weights)
                .map(|(corner, weight)| of(corner) * weight)
                .sum()
        };
        let uv = Pos2::new(sum(&|corner| corner.uv.x), sum(&|corner| corner.uv.y));
        let texel = sample(texture, uv);
        let color = |channel: usize| sum(&|corner| f32::from(corner.color.to_array()[channel]));
        Some(std::array::from_fn(|channel| {
            color(channel) * texel[channel] / 255.0
        }))
    }
}

/// Twice the area of the triangle; positive if it goes round clockwise.
fn edge(a: [i64; 2], b: [i64; 2], c: [i64; 2]) -> i64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The texture's colour, mixed from the four texels around.
fn sample(texture: &ColorImage, uv: Pos2) -> [f32; 4] {
    let [width, height] = texture.size;
    let (x, y) = (uv.x * width as f32 - 0.5, uv.y * height as f32 - 0.5);
    let texel = |x: f32, y: f32| -> Color32 {
        let (x, y) = (x.max(0.0) as usize, y.max(0.0) as usize);
        texture.pixels[y.min(height - 1) * width + x.min(width - 1)]
    };
    let (left, top) = (x.floor(), y.floor());
    let (right_share, bottom_share) = (x - left, y - top);
    let mut mixed = [0.0; 4];
    for (at, share) in [
        ([left, top], (1.0 - right_share) * (1.0 - bottom_share)),
        ([left + 1.0, top], right_share * (1.0 - bottom_share)),
        ([left, top + 1.0], (1.0 - right_share) * bottom_share),
        ([left + 1.0, top + 1.0], right_share * bottom_share),
    ] {
        let color = texel(at[0], at[1]).to_array();
        for (mixed, channel) in mixed.iter_mut().zip(color) {
            *mixed += f32::from(channel) * share;
        }
    }
    mixed
}
