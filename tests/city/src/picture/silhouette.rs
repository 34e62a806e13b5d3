//! Bodies as samples: which is nearest, what each one's whole silhouette is, and the pixels that come of it.

use glam::Vec2;
use yiwang_inference::picture::Rect;

use super::backdrop::{Backdrop, SAMPLES};
use super::body::Body;
use super::frame::Frame;
use super::raster::{Area, Dot, Slope, may_cover, rows};
use crate::truth::Seen;
use crate::world::Actor;

/// Less movement than this while the shutter is open does not blur, pixels.
const BLUR_PX: f32 = 1.5;
/// Side of the grid on which the part of a silhouette beyond the picture is estimated.
const OUTSIDE_GRID: i32 = 64;

/// The samples of one rectangle of the picture; keeps its memory.
#[derive(Default)]
pub(crate) struct Canvas {
    /// In samples.
    area: Area,
    near: Vec<f32>,
    colour: Vec<u32>,
    /// Number of the body that is seen, plus one.
    owner: Vec<u16>,
    /// Number of the body that touched it last, plus one.
    touched: Vec<u16>,
}

/// What a body left on the samples.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    /// Samples that its silhouette covers in the picture, box in samples and count.
    area: Option<Area>,
    covered: u32,
    shown: u32,
}

impl Trace {
    /// What is to be told of the actor; `size` is the picture's in samples.
    pub(crate) fn seen(&self, actor: &Actor, body: &Body, size: Vec2) -> Option<Seen> {
        let class = actor.class()?;
        let area = self.area?;
        let bbox = Rect::new(
            area.x0 as f32 / size.x,
            area.y0 as f32 / size.y,
            area.x1 as f32 / size.x,
            area.y1 as f32 / size.y,
        );
        let inside = part_inside(body, size / SAMPLES as f32);
        let visible = inside * self.shown as f32 / self.covered.max(1) as f32;
        Some(Seen { id: actor.id, class, bbox, visible })
    }
}

impl Canvas {
    /// Takes a rectangle of pixels; before it is only the backdrop.
    pub(crate) fn open(&mut self, backdrop: &Backdrop, pixels: &Area, picture_width: usize) {
        let scale = |x: i32| x * SAMPLES;
        let area = Area { x0: scale(pixels.x0), y0: scale(pixels.y0), x1: scale(pixels.x1), y1: scale(pixels.y1) };
        let count = area.width() * area.height();
        self.area = area;
        self.near.clear();
        let columns = picture_width * SAMPLES as usize;
        for y in area.y0 as usize..area.y1 as usize {
            let start = y * columns;
            self.near.extend_from_slice(&backdrop.near[start + area.x0 as usize..start + area.x1 as usize]);
        }
        self.colour.resize(count, 0);
        self.owner.clear();
        self.owner.resize(count, 0);
        self.touched.clear();
        self.touched.resize(count, 0);
    }

    /// Draws a body with its number.
    pub(crate) fn draw(&mut self, number: usize, body: &Body) -> Trace {
        let mark = u16::try_from(number + 1).unwrap_or(u16::MAX);
        let mut trace = Trace::default();
        if body.motion_px.length() < BLUR_PX {
            for dots in body.faces.iter() {
                self.fill::<1>(&mut trace, mark, dots, (0, 0), Vec2::ZERO);
            }
            return trace;
        }
        // Each of a pixel's samples is taken at another time while the shutter is open.
        for (index, time) in [-0.375, 0.125, 0.375, -0.125].into_iter().enumerate() {
            let first = (index as i32 % SAMPLES, index as i32 / SAMPLES);
            for dots in body.faces.iter() {
                self.fill::<{ SAMPLES as usize }>(&mut trace, mark, dots, first, body.motion_px * time);
            }
        }
        trace
    }

    /// Draws a triangle on the samples that start at `first` and are `STEP` apart.
    fn fill<const STEP: usize>(
        &mut self,
        trace: &mut Trace,
        mark: u16,
        dots: [Dot<3>; 3],
        first: (i32, i32),
        shift: Vec2,
    ) {
        let step = STEP as i32;
        let lattice = |dot: &Dot<3>| {
            let sample = (dot.at + shift) * SAMPLES as f32 - Vec2::splat(0.5);
            (sample - Vec2::new(first.0 as f32, first.1 as f32)) / step as f32
        };
        let corners = [lattice(&dots[0]), lattice(&dots[1]), lattice(&dots[2])];
        let area =
            Area { x0: self.area.x0 / step, y0: self.area.y0 / step, x1: self.area.x1 / step, y1: self.area.y1 / step };
        if !may_cover(corners) {
            return;
        }
        let values = dots.map(|dot| [dot.near, dot.values[0], dot.values[1], dot.values[2]]);
        let slope = Slope::new(corners, values);
        let width = self.area.width();
        rows(corners, &area, |y, from, to| {
            let [mut near, mut luma, mut u, mut v] = slope.at(from, y);
            let (left, row) = (from * step + first.0, y * step + first.1);
            let right = (to - 1) * step + first.0 + 1;
            let span = Area { x0: left, y0: row, x1: right, y1: row + 1 };
            trace.area = Some(trace.area.map_or(span, |area| area.join(&span)));
            let start = (row - self.area.y0) as usize * width + (left - self.area.x0) as usize;
            let end = start + (right - left) as usize;
            let count = end - start;
            let (depths, colours) = (&mut self.near[start..end], &mut self.colour[start..end]);
            let (owners, touched) = (&mut self.owner[start..end], &mut self.touched[start..end]);
            let mut index = 0;
            while index < count {
                trace.covered += u32::from(touched[index] != mark);
                touched[index] = mark;
                if near > depths[index] {
                    depths[index] = near;
                    owners[index] = mark;
                    colours[index] = pack(luma, u, v);
                }
                near += slope.across[0];
                luma += slope.across[1];
                u += slope.across[2];
                v += slope.across[3];
                index += STEP;
            }
        });
    }

    /// Puts the samples into the picture and counts what is seen of each body.
    pub(crate) fn close(&self, frame: &mut Frame, traces: &mut [Trace]) {
        let width = frame.width_px as usize;
        let columns = self.area.width();
        const BLOCK: usize = 2 * SAMPLES as usize;
        for row in (0..self.area.height()).step_by(BLOCK) {
            for column in (0..columns).step_by(BLOCK) {
                let (x, y) = ((self.area.x0 as usize + column) / 2, (self.area.y0 as usize + row) / 2);
                let (mut u_sum, mut v_sum, mut covered) = (0, 0, 0);
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let first = (row + dy * 2) * columns + column + dx * 2;
                    let (mut luma, mut count) = (0, 0);
                    for index in [first, first + 1, first + columns, first + columns + 1] {
                        if self.owner[index] > 0 {
                            traces[self.owner[index] as usize - 1].shown += 1;
                            let (y, u, v) = unpack(self.colour[index]);
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
                if covered > 0 {
                    let index = y / 2 * (width / 2) + x / 2;
                    let mix = |kept: &mut u8, sum: u32| {
                        *kept = ((sum + u32::from(*kept) * 4 * (16 - covered) + 32) / 64) as u8;
                    };
                    mix(&mut frame.u[index], u_sum);
                    mix(&mut frame.v[index], v_sum);
                }
            }
        }
    }
}

/// Twelve bits of luma in sixteenths, ten of each colour in quarters. Values at a triangle's rim may go a little
/// beyond its corners'.
fn pack(luma: f32, u: f32, v: f32) -> u32 {
    let part = |value: f32, scale: f32| (value * scale).clamp(0.0, 255.0 * scale) as u32;
    part(luma, 16.0) << 20 | part(u, 4.0) << 10 | part(v, 4.0)
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
    let mut grid = vec![false; (OUTSIDE_GRID * OUTSIDE_GRID) as usize];
    for dots in body.faces.iter() {
        let corners = dots.map(|dot| (dot.at - from) / step - Vec2::splat(0.5));
        rows(corners, &Area::of_size(OUTSIDE_GRID, OUTSIDE_GRID), |y, left, right| {
            let start = (y * OUTSIDE_GRID) as usize;
            grid[start + left as usize..start + right as usize].fill(true);
        });
    }
    let (mut all, mut inside) = (0, 0);
    for (index, _) in grid.iter().enumerate().filter(|(_, covered)| **covered) {
        let cell = Vec2::new((index as i32 % OUTSIDE_GRID) as f32, (index as i32 / OUTSIDE_GRID) as f32);
        let at = from + (cell + Vec2::splat(0.5)) * step;
        all += 1;
        inside += i32::from(at.cmpge(Vec2::ZERO).all() && at.cmplt(size).all());
    }
    if all == 0 { 1.0 } else { inside as f32 / all as f32 }
}
