//! Bodies as samples: which is nearest, what each one's whole silhouette is, and the pixels that come of it.

use glam::{Vec2, Vec4};
use yiwang_inference::picture::Rect;

use super::backdrop::{Backdrop, SAMPLES};
use super::body::Body;
use super::frame::Frame;
use super::raster::{Area, Dot, may_cover, rows};
use super::tiles::Tiles;
use crate::truth::Seen;
use crate::world::Actor;

/// Less movement than this while the shutter is open does not blur, pixels.
const BLUR_PX: f32 = 1.5;
/// Side of the grid on which the part of a silhouette beyond the picture is estimated, one bit a column.
const OUTSIDE_GRID: i32 = 64;

/// The samples of one picture; keeps its memory. Between two pictures it is as if nobody had been there, and only the
/// tiles that were touched are cleaned for it.
#[derive(Default)]
pub(crate) struct Canvas {
    /// Columns and rows of samples.
    size: (i32, i32),
    /// The backdrop that `near` is of.
    serial: u64,
    samples: Vec<Sample>,
    tiles: Tiles,
}

/// All of a sample side by side: triangles are small, and memory that is far apart is slow.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// One over the depth of what is seen, 1/m.
    near: f32,
    colour: u32,
    /// Number of the body that is seen, plus one.
    owner: u16,
    /// Number of the body that touched it last, plus one.
    touched: u16,
}

impl Sample {
    /// Of the backdrop.
    fn empty(near: &f32) -> Sample {
        Sample { near: *near, colour: 0, owner: 0, touched: 0 }
    }
}

/// What a body left on the samples.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    /// Samples that its silhouette covers in the picture, box in samples and count.
    area: Area,
    covered: u32,
    shown: u32,
}

impl Trace {
    /// What is to be told of the actor; `size` is the picture's in samples.
    pub(crate) fn seen(&self, actor: &Actor, body: &Body, size: Vec2) -> Option<Seen> {
        let class = actor.class()?;
        if self.area.is_empty() {
            return None;
        }
        let bbox = Rect::new(
            self.area.x0 as f32 / size.x,
            self.area.y0 as f32 / size.y,
            self.area.x1 as f32 / size.x,
            self.area.y1 as f32 / size.y,
        );
        let inside = part_inside(body, size / SAMPLES as f32);
        let visible = inside * self.shown as f32 / self.covered.max(1) as f32;
        Some(Seen { id: actor.id, class, bbox, visible })
    }

    fn grow(&mut self, y: i32, from: i32, to: i32) {
        let area = &mut self.area;
        (area.x0, area.x1) = (area.x0.min(from), area.x1.max(to));
        (area.y0, area.y1) = (area.y0.min(y), area.y1.max(y + 1));
    }
}

/// A triangle on the samples, and what changes over it: one over the depth, luma and colours as they are packed.
struct Sweep {
    corners: [Vec2; 3],
    at_origin: Vec4,
    across: Vec4,
    down: Vec4,
}

impl Sweep {
    fn new(dots: &[Dot<3>; 3]) -> Sweep {
        let corners = dots.map(|dot| dot.at * SAMPLES as f32 - Vec2::splat(0.5));
        let scaled = |dot: &Dot<3>| {
            let [luma, u, v] = dot.values;
            Vec4::new(dot.near, luma * LUMA_SCALE, u * COLOUR_SCALE, v * COLOUR_SCALE)
        };
        let [a, b, c] = [scaled(&dots[0]), scaled(&dots[1]), scaled(&dots[2])];
        let (p, q) = (corners[1] - corners[0], corners[2] - corners[0]);
        let scale = 1.0 / p.perp_dot(q);
        let across = ((b - a) * q.y - (c - a) * p.y) * scale;
        let down = ((c - a) * p.x - (b - a) * q.x) * scale;
        Sweep { corners, at_origin: a, across, down }
    }

    fn at(&self, sample: Vec2) -> Vec4 {
        let offset = sample - self.corners[0];
        self.at_origin + self.across * offset.x + self.down * offset.y
    }
}

impl Canvas {
    /// Takes the depths of a backdrop where it has not done so yet.
    pub(crate) fn open(&mut self, backdrop: &Backdrop) {
        if self.serial != backdrop.serial {
            let (width, height) = (backdrop.still.width_px as i32, backdrop.still.height_px as i32);
            self.serial = backdrop.serial;
            self.size = (width * SAMPLES, height * SAMPLES);
            self.tiles.fit(width, height);
            self.samples.clear();
            self.samples.extend(backdrop.near.iter().map(Sample::empty));
        }
    }

    /// Draws a body with its number.
    pub(crate) fn draw(&mut self, number: usize, body: &Body) -> Trace {
        let mark = u16::try_from(number + 1).unwrap_or(u16::MAX);
        let mut trace = Trace::default();
        let blurs = body.motion_px.length() >= BLUR_PX;
        for dots in body.faces.iter() {
            let sweep = Sweep::new(&dots);
            if !blurs {
                self.fill::<1>(&mut trace, mark, &sweep, (0, 0), Vec2::ZERO);
                continue;
            }
            // Each of a pixel's samples is taken at another time while the shutter is open.
            for (index, time) in [-0.375, 0.125, 0.375, -0.125].into_iter().enumerate() {
                let first = (index as i32 % SAMPLES, index as i32 / SAMPLES);
                let shift = body.motion_px * (time * SAMPLES as f32);
                self.fill::<{ SAMPLES as usize }>(&mut trace, mark, &sweep, first, shift);
            }
        }
        trace
    }

    /// Draws a triangle, moved by so many samples, on the samples that start at `first` and are `STEP` apart.
    fn fill<const STEP: usize>(&mut self, trace: &mut Trace, mark: u16, sweep: &Sweep, first: (i32, i32), shift: Vec2) {
        let step = STEP as i32;
        let moved = shift - Vec2::new(first.0 as f32, first.1 as f32);
        let corners = sweep.corners.map(|at| (at + moved) * (1.0 / step as f32));
        if !may_cover(corners) {
            return;
        }
        let (width, area) = (self.size.0 as usize, Area::of_size(self.size.0 / step, self.size.1 / step));
        let across = sweep.across * step as f32;
        rows(corners, &area, |y, from, to| {
            let (left, row) = (from * step + first.0, y * step + first.1);
            let right = (to - 1) * step + first.0 + 1;
            trace.grow(row, left, right);
            self.tiles.mark(row / SAMPLES, left / SAMPLES, (right - 1) / SAMPLES);
            let mut values = sweep.at(Vec2::new(left as f32, row as f32) - shift);
            let start = row as usize * width + left as usize;
            let end = start + (right - left) as usize;
            for sample in self.samples[start..end].iter_mut().step_by(STEP) {
                trace.covered += u32::from(sample.touched != mark);
                sample.touched = mark;
                if values.x > sample.near {
                    *sample = Sample { near: values.x, colour: pack(values), owner: mark, touched: mark };
                }
                values += across;
            }
        });
    }

    /// Puts the samples into the picture, counts what is seen of each body, and forgets all.
    pub(crate) fn close(&mut self, backdrop: &Backdrop, frame: &mut Frame, traces: &mut [Trace], dirty: &mut Tiles) {
        let columns = self.size.0 as usize;
        for tile in self.tiles.marked() {
            dirty.mark_area(&tile);
            for y in (tile.y0..tile.y1).step_by(2) {
                for x in (tile.x0..tile.x1).step_by(2) {
                    block(&self.samples, columns, (x as usize, y as usize), frame, traces);
                }
            }
            for row in tile.y0 * SAMPLES..tile.y1 * SAMPLES {
                let start = row as usize * columns;
                let range = start + (tile.x0 * SAMPLES) as usize..start + (tile.x1 * SAMPLES) as usize;
                for (sample, near) in self.samples[range.clone()].iter_mut().zip(&backdrop.near[range]) {
                    *sample = Sample::empty(near);
                }
            }
        }
        self.tiles.clear();
    }
}

/// Mixes the samples of two by two pixels into them, which share one sample of colour.
fn block(samples: &[Sample], columns: usize, (x, y): (usize, usize), frame: &mut Frame, traces: &mut [Trace]) {
    const BLOCK: usize = 2 * SAMPLES as usize;
    let first = y * SAMPLES as usize * columns + x * SAMPLES as usize;
    if (0..BLOCK).all(|row| samples[first + row * columns..][..BLOCK].iter().all(|sample| sample.owner == 0)) {
        return;
    }
    let width = frame.width_px as usize;
    let (mut u_sum, mut v_sum, mut covered) = (0, 0, 0);
    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let first = first + dy * 2 * columns + dx * 2;
        let (mut luma, mut count) = (0, 0);
        for index in [first, first + 1, first + columns, first + columns + 1] {
            let Sample { owner, colour, .. } = samples[index];
            if owner > 0 {
                traces[owner as usize - 1].shown += 1;
                let (y, u, v) = unpack(colour);
                luma += y;
                u_sum += u;
                v_sum += v;
                count += 1;
            }
        }
        if count > 0 {
            let pixel = &mut frame.y[(y + dy) * width + x + dx];
            let kept = u32::from(*pixel) * 16 * (4 - count);
            *pixel = ((luma + kept + 32) / 64) as u8;
            covered += count;
        }
    }
    let index = y / 2 * (width / 2) + x / 2;
    let mix = |kept: &mut u8, sum: u32| {
        *kept = ((sum + u32::from(*kept) * 4 * (16 - covered) + 32) / 64) as u8;
    };
    mix(&mut frame.u[index], u_sum);
    mix(&mut frame.v[index], v_sum);
}

/// Twelve bits of luma in sixteenths, ten of each colour in quarters.
const LUMA_SCALE: f32 = 16.0;
const COLOUR_SCALE: f32 = 4.0;

/// Packs scaled values. Those at a triangle's rim may go a little beyond its corners'.
fn pack(values: Vec4) -> u32 {
    let most = Vec4::new(0.0, 255.0 * LUMA_SCALE, 255.0 * COLOUR_SCALE, 255.0 * COLOUR_SCALE);
    let [_, luma, u, v] = values.max(Vec4::ZERO).min(most).to_array();
    (luma as u32) << 20 | (u as u32) << 10 | v as u32
}

fn unpack(colour: u32) -> (u32, u32, u32) {
    (colour >> 20, colour >> 10 & 0x3FF, colour & 0x3FF)
}

/// Part of a body's silhouette that is in the picture, hidden or not.
fn part_inside(body: &Body, size: Vec2) -> f32 {
    let area = body.faces.area;
    let (right, bottom) = (size.x as i32, size.y as i32);
    if area.x0 >= 0 && area.y0 >= 0 && area.x1 <= right && area.y1 <= bottom {
        return 1.0;
    }
    // What is very near reaches far beyond the picture; more than three pictures away it is not counted.
    let from = Vec2::new(area.x0 as f32, area.y0 as f32).max(size * -3.0);
    let to = Vec2::new(area.x1 as f32, area.y1 as f32).min(size * 4.0);
    let step = (to - from) / OUTSIDE_GRID as f32;
    // A bit for each column.
    let mut grid = [0u64; OUTSIDE_GRID as usize];
    for dots in body.faces.iter() {
        let corners = dots.map(|dot| (dot.at - from) / step - Vec2::splat(0.5));
        rows(corners, &Area::of_size(OUTSIDE_GRID, OUTSIDE_GRID), |y, left, right| {
            grid[y as usize] |= u64::MAX >> (OUTSIDE_GRID - (right - left)) << left;
        });
    }
    let place = |cell: i32| from + (cell as f32 + 0.5) * step;
    let shown = |cell: &i32| (0.0..size.x).contains(&place(*cell).x);
    let columns = (0..OUTSIDE_GRID).filter(shown).fold(0u64, |bits, cell| bits | 1 << cell);
    let (mut all, mut inside) = (0, 0);
    for (cell, bits) in (0..OUTSIDE_GRID).zip(grid) {
        all += bits.count_ones();
        if (0.0..size.y).contains(&place(cell).y) {
            inside += (bits & columns).count_ones();
        }
    }
    if all == 0 { 1.0 } else { inside as f32 / all as f32 }
}
