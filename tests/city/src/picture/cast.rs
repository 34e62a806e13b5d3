//! What movers do to the ground: shadows, the dark at their feet, the light of their lamps.

use glam::{Vec2, Vec3};

use super::backdrop::Backdrop;
use super::beam::Beam;
use super::body::{Body, Shot};
use super::contact;
use super::frame::Frame;
use super::raster::{Area, rows};
use super::statics::Foot;
use crate::camera::View;
use crate::world::{Actor, ActorKind};

/// How much of the skylight is lost right below something.
const CONTACT: f32 = 0.7;

/// Colour of headlights on the road, where those of many vehicles meet.
const BEAM_TINT: Vec3 = Vec3::new(1.0, 0.97, 0.88);

/// Works on one rectangle of the picture after the other; keeps its memory.
#[derive(Default)]
pub(crate) struct Caster {
    shadow: Vec<u8>,
    blurred: Vec<u8>,
    dark: Vec<f32>,
    beam: Vec<f32>,
}

/// Rectangle of everything that a mover does to the ground.
pub(crate) fn reach(view: &View, body: &Body, foot: Option<&Foot>, picture: &Area) -> Area {
    let shadow = body.shadow.area.cut(picture).even(2);
    let foot = foot.map_or(Area::NONE, |foot| contact::reach(view, foot).even(0));
    shadow.join(&foot).cut(picture)
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
    /// Changes the ground in one rectangle, whose borders are even.
    pub(crate) fn cast(&mut self, shot: &Shot, area: &Area, bodies: &[Body], feet: &[Foot], frame: &mut Frame) {
        let (width, count) = (area.width(), area.width() * area.height());
        self.shadow.clear();
        self.shadow.resize(count, 0);
        self.dark.clear();
        self.dark.resize(count, 0.0);
        self.beam.clear();
        self.beam.resize(if shot.beams.is_empty() { 0 } else { count }, 0.0);
        let at = |x: i32, y: i32| (y - area.y0) as usize * width + (x - area.x0) as usize;
        for body in bodies {
            let strength = (body.shade * 255.0) as u8;
            if body.shadow.area.cut(area).is_empty() {
                continue;
            }
            for dots in body.shadow.iter() {
                rows(dots.map(|dot| dot.at - Vec2::splat(0.5)), area, |y, from, to| {
                    self.shadow[at(from, y)..at(from, y) + (to - from) as usize].fill(strength);
                });
            }
        }
        soften(&mut self.shadow, &mut self.blurred, width);
        for foot in feet {
            contact::around(shot.view, foot, area, |x, y, dark| {
                let kept = &mut self.dark[at(x, y)];
                *kept = kept.max(dark);
            });
        }
        for beam in shot.beams {
            self.shine(shot.view, beam, area);
        }
        self.develop(shot.backdrop, area, frame);
    }

    /// A beam's light on the ground. It changes slowly, so it is worked out at every fourth pixel of every fourth row.
    fn shine(&mut self, view: &View, beam: &Beam, area: &Area) {
        const STEP: usize = 4;
        let lit = contact::ground_area(view, &beam.outline()).cut(area);
        if lit.is_empty() {
            return;
        }
        let (width, columns) = (area.width(), lit.width().div_ceil(STEP) + 1);
        let node = |column: usize, row: usize| {
            let at = Vec2::new(lit.x0 as f32 + (column * STEP) as f32, lit.y0 as f32 + (row * STEP) as f32);
            view.ground(at).map_or(0.0, |ground| beam.onto_ground(ground))
        };
        let mut above: Vec<f32> = (0..columns).map(|column| node(column, 0)).collect();
        for row in 0..lit.height().div_ceil(STEP) {
            let below: Vec<f32> = (0..columns).map(|column| node(column, row + 1)).collect();
            for column in 0..columns - 1 {
                let corners = [above[column], above[column + 1], below[column], below[column + 1]];
                if corners == [0.0; 4] {
                    continue;
                }
                let (left, top) = (column * STEP, row * STEP);
                for y in top..(top + STEP).min(lit.height()) {
                    let down = (y - top) as f32 / STEP as f32;
                    let from = corners[0] + (corners[2] - corners[0]) * down;
                    let to = corners[1] + (corners[3] - corners[1]) * down;
                    let first = ((lit.y0 - area.y0) as usize + y) * width + (lit.x0 - area.x0) as usize;
                    for x in left..(left + STEP).min(lit.width()) {
                        self.beam[first + x] += from + (to - from) * ((x - left) as f32 / STEP as f32);
                    }
                }
            }
            above = below;
        }
    }

    /// Writes the ground that changed, by blocks of two by two pixels as colour needs.
    fn develop(&self, backdrop: &Backdrop, area: &Area, frame: &mut Frame) {
        let picture_width = frame.width_px as usize;
        let width = area.width();
        // Less light than this would not change a pixel by one level.
        let least = 0.003 / backdrop.tone.gain();
        for (row, column) in
            (0..area.height()).step_by(2).flat_map(|row| (0..width).step_by(2).map(move |column| (row, column)))
        {
            let block = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| (column + dx, row + dy));
            let locals = block.map(|(x, y)| y * width + x);
            let pixels = block.map(|(x, y)| (area.y0 as usize + y) * picture_width + area.x0 as usize + x);
            let changed = |local: usize, pixel: usize| {
                (self.shadow[local] > 0
                    || self.dark[local] > 0.0
                    || self.beam.get(local).is_some_and(|&light| light > least))
                    && backdrop.ground[pixel] >= 0.0
            };
            if !locals.iter().zip(pixels).any(|(&local, pixel)| changed(local, pixel)) {
                continue;
            }
            let (mut u_sum, mut v_sum) = (0.0, 0.0);
            for (local, pixel) in locals.into_iter().zip(pixels) {
                let mut light = backdrop.light[pixel];
                let change = changed(local, pixel);
                if change {
                    let sun = backdrop.sun[pixel];
                    let shaded = 1.0 - f32::from(self.shadow[local]) / 255.0;
                    light *= sun * shaded + (1.0 - sun) * (1.0 - CONTACT * self.dark[local]);
                    if let Some(&beam) = self.beam.get(local) {
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
            let colour = (area.y0 as usize + row) / 2 * (picture_width / 2) + (area.x0 as usize + column) / 2;
            frame.u[colour] = (u_sum * 0.25 + 0.5) as u8;
            frame.v[colour] = (v_sum * 0.25 + 0.5) as u8;
        }
    }
}

/// Smooths the borders of a mask over one pixel to each side.
fn soften(mask: &mut [u8], other: &mut Vec<u8>, width: usize) {
    other.clear();
    other.resize(mask.len(), 0);
    let mean = |a: u8, b: u8, c: u8| ((u32::from(a) + 2 * u32::from(b) + u32::from(c) + 2) / 4) as u8;
    for (from, to) in mask.chunks_exact(width).zip(other.chunks_exact_mut(width)) {
        for index in 1..width - 1 {
            to[index] = mean(from[index - 1], from[index], from[index + 1]);
        }
    }
    let last = mask.len() - width;
    for index in width..last {
        mask[index] = mean(other[index - width], other[index], other[index + width]);
    }
}
