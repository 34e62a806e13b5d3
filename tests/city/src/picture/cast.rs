//! What movers do to the ground: shadows, the dark at their feet, the light of their lamps.

use glam::{Vec2, Vec3};

use super::backdrop::Backdrop;
use super::beam::Beam;
use super::body::{Body, Shot};
use super::contact;
use super::frame::Frame;
use super::raster::{Area, rows};
use super::statics::Foot;
use super::tiles::{self, Tiles};
use crate::camera::View;
use crate::world::{Actor, ActorKind};

/// How much of the skylight is lost right below something.
const CONTACT: f32 = 0.7;

/// Colour of headlights on the road, where those of many vehicles meet.
const BEAM_TINT: Vec3 = Vec3::new(1.0, 0.97, 0.88);

/// Works on the tiles that something falls on; keeps its memory, which is empty between two pictures.
#[derive(Default)]
pub(crate) struct Caster {
    tiles: Tiles,
    picture: Area,
    /// Part of the sun's light that is kept off, 255 is all.
    shadow: Vec<u8>,
    /// Part of the sky's light that is kept off, 255 is all that can be.
    dark: Vec<u8>,
    /// Light of headlights; nothing by day.
    beam: Vec<f32>,
}

/// The foot of a mover that stands on the ground.
pub(crate) fn foot(actor: &Actor) -> Option<Foot> {
    let size = actor.size_m().truncate();
    let (part, reach_m) = match actor.kind {
        ActorKind::Pedestrian => (Vec2::new(0.5, 0.55), 0.3),
        ActorKind::Cyclist => (Vec2::new(0.85, 0.2), 0.3),
        ActorKind::Car | ActorKind::Bus | ActorKind::Truck => (Vec2::new(0.95, 0.88), 0.45),
        ActorKind::Bag | ActorKind::Bird => (Vec2::ONE, 0.15),
    };
    let (at, heading_rad) = (actor.at, actor.heading_rad);
    (actor.base_m < 0.15).then_some(Foot { at, heading_rad, size_m: size * part, reach_m })
}

impl Caster {
    /// Changes the ground and marks where.
    pub(crate) fn cast(&mut self, shot: &Shot, bodies: &[Body], feet: &[Foot], frame: &mut Frame, dirty: &mut Tiles) {
        let (width, height) = (frame.width_px as i32, frame.height_px as i32);
        self.picture = Area::of_size(width, height);
        self.tiles.fit(width, height);
        self.shadow.resize(frame.y.len(), 0);
        self.dark.resize(frame.y.len(), 0);
        self.beam.resize(if shot.backdrop.illumination.lamps > 0.0 { frame.y.len() } else { 0 }, 0.0);
        for body in bodies {
            self.shade(body);
        }
        for foot in feet {
            contact::around(shot.view, foot, &self.picture, |x, y, dark| {
                let kept = &mut self.dark[(y * width + x) as usize];
                *kept = (*kept).max((dark * 255.0) as u8);
                self.tiles.mark(y, x, x);
            });
        }
        // Less light than this would not change a pixel by one level.
        let least = 0.003 / shot.backdrop.tone.gain();
        for beam in shot.beams {
            self.shine(shot.view, beam, least);
        }
        for tile in self.tiles.marked() {
            self.develop(shot.backdrop, &tile, least, frame);
            dirty.mark_area(&tile);
        }
        self.clean();
    }

    /// Draws a body's shadow.
    fn shade(&mut self, body: &Body) {
        if body.shadow.area.even(2).cut(&self.picture).is_empty() {
            return;
        }
        let strength = (body.shade * 255.0) as u8;
        let (width, height) = (self.picture.x1, self.picture.y1);
        for dots in body.shadow.iter() {
            rows(dots.map(|dot| dot.at - Vec2::splat(0.5)), &self.picture, |y, from, to| {
                let start = (y * width) as usize;
                self.shadow[start + from as usize..start + to as usize].fill(strength);
                // Its borders are soft over one pixel.
                let (first, last) = ((from - 1).max(0), to.min(width - 1));
                self.tiles.mark(y, first, last);
                if y % tiles::HEIGHT == 0 {
                    self.tiles.mark((y - 1).max(0), first, last);
                } else if (y + 1) % tiles::HEIGHT == 0 {
                    self.tiles.mark((y + 1).min(height - 1), first, last);
                }
            });
        }
    }

    /// A beam's light on the ground. It changes slowly, so it is worked out at every fourth pixel of every fourth row.
    fn shine(&mut self, view: &View, beam: &Beam, least: f32) {
        const STEP: usize = 4;
        let lit = contact::ground_area(view, &beam.outline()).even(0).cut(&self.picture);
        if lit.is_empty() {
            return;
        }
        let (width, columns) = (self.picture.width(), lit.width().div_ceil(STEP) + 1);
        let node = |column: usize, row: usize| {
            let at = Vec2::new(lit.x0 as f32 + (column * STEP) as f32, lit.y0 as f32 + (row * STEP) as f32);
            view.ground(at).map_or(0.0, |ground| beam.onto_ground(ground))
        };
        let mut above: Vec<f32> = (0..columns).map(|column| node(column, 0)).collect();
        for row in 0..lit.height().div_ceil(STEP) {
            let below: Vec<f32> = (0..columns).map(|column| node(column, row + 1)).collect();
            for column in 0..columns - 1 {
                let corners = [above[column], above[column + 1], below[column], below[column + 1]];
                // Several beams that each are less than can be seen are left out: they hardly ever meet.
                if corners.iter().all(|light| *light < least * 0.5) {
                    continue;
                }
                let (left, top) = (lit.x0 as usize + column * STEP, lit.y0 as usize + row * STEP);
                let (right, bottom) = ((left + STEP).min(lit.x1 as usize), (top + STEP).min(lit.y1 as usize));
                for y in top..bottom {
                    let down = (y - top) as f32 / STEP as f32;
                    let from = corners[0] + (corners[2] - corners[0]) * down;
                    let to = corners[1] + (corners[3] - corners[1]) * down;
                    for x in left..right {
                        self.beam[y * width + x] += from + (to - from) * ((x - left) as f32 / STEP as f32);
                    }
                }
                self.tiles.mark(top as i32, left as i32, right as i32 - 1);
                self.tiles.mark(bottom as i32 - 1, left as i32, right as i32 - 1);
            }
            above = below;
        }
    }

    /// Writes the ground that changed, by blocks of two by two pixels as colour needs.
    fn develop(&self, backdrop: &Backdrop, tile: &Area, least: f32, frame: &mut Frame) {
        let width = frame.width_px as usize;
        let soft = self.soft(tile);
        let changed = |soft: u8, pixel: usize| {
            (soft > 0 || self.dark[pixel] > 0 || self.beam.get(pixel).is_some_and(|&light| light > least))
                && backdrop.ground[pixel] >= 0.0
        };
        for (y, x) in (tile.y0..tile.y1).step_by(2).flat_map(|y| (tile.x0..tile.x1).step_by(2).map(move |x| (y, x))) {
            let (row, column) = ((y - tile.y0) as usize, (x - tile.x0) as usize);
            let block = [(0, 0), (1, 0), (0, 1), (1, 1)];
            let pixels = block.map(|(dx, dy)| (y as usize + dy) * width + x as usize + dx);
            let soft = block.map(|(dx, dy)| soft[row + dy][column + dx]);
            if !soft.iter().zip(pixels).any(|(&soft, pixel)| changed(soft, pixel)) {
                continue;
            }
            let (mut u_sum, mut v_sum) = (0.0, 0.0);
            for (soft, pixel) in soft.into_iter().zip(pixels) {
                let mut light = backdrop.light[pixel];
                let change = changed(soft, pixel);
                if change {
                    let sun = backdrop.sun[pixel];
                    let shaded = 1.0 - f32::from(soft) / 255.0;
                    let dark = f32::from(self.dark[pixel]) / 255.0;
                    light *= sun * shaded + (1.0 - sun) * (1.0 - CONTACT * dark);
                    if let Some(&beam) = self.beam.get(pixel) {
                        light += BEAM_TINT * (beam * backdrop.ground[pixel]);
                    }
                }
                let [y, u, v] = backdrop.tone.map(light);
                if change {
                    frame.y[pixel] = (y + 0.5) as u8;
                }
                u_sum += u;
                v_sum += v;
            }
            let colour = y as usize / 2 * (width / 2) + x as usize / 2;
            frame.u[colour] = (u_sum * 0.25 + 0.5) as u8;
            frame.v[colour] = (v_sum * 0.25 + 0.5) as u8;
        }
    }

    /// The shadow of a tile with its borders smoothed over one pixel to each side.
    fn soft(&self, tile: &Area) -> [[u8; tiles::WIDTH as usize]; tiles::HEIGHT as usize] {
        const WIDTH: usize = tiles::WIDTH as usize;
        const HEIGHT: usize = tiles::HEIGHT as usize;
        let mean = |a: u8, b: u8, c: u8| ((u32::from(a) + 2 * u32::from(b) + u32::from(c) + 2) / 4) as u8;
        let (right, bottom) = (self.picture.x1 - 1, self.picture.y1 - 1);
        let mut across = [[0; WIDTH]; HEIGHT + 2];
        for (row, out) in across.iter_mut().enumerate() {
            let y = (tile.y0 - 1 + row as i32).clamp(0, bottom);
            let line = &self.shadow[(y * (right + 1)) as usize..][..=right as usize];
            for (column, out) in out.iter_mut().enumerate().take(tile.width()) {
                let x = tile.x0 as usize + column;
                *out = mean(line[x.saturating_sub(1)], line[x], line[(x + 1).min(right as usize)]);
            }
        }
        let mut soft = [[0; WIDTH]; HEIGHT];
        for (row, out) in soft.iter_mut().enumerate() {
            for (column, out) in out.iter_mut().enumerate() {
                *out = mean(across[row][column], across[row + 1][column], across[row + 2][column]);
            }
        }
        soft
    }

    /// Empties what was marked.
    fn clean(&mut self) {
        let width = self.picture.width();
        for tile in self.tiles.marked() {
            for y in tile.y0 as usize..tile.y1 as usize {
                let range = y * width + tile.x0 as usize..y * width + tile.x1 as usize;
                self.shadow[range.clone()].fill(0);
                self.dark[range.clone()].fill(0);
                if !self.beam.is_empty() {
                    self.beam[range].fill(0.0);
                }
            }
        }
        self.tiles.clear();
    }
}
