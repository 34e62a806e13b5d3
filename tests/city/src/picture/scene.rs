//! Movers over a backdrop, picture after picture. Only the rectangles that movers touch, or touched in the picture
//! before, are drawn.

use glam::Vec2;

use super::backdrop::{Backdrop, SAMPLES};
use super::beam::Beam;
use super::body::{Body, Shot};
use super::cast::{self, Caster};
use super::contact;
use super::frame::Frame;
use super::raster::{Area, merge};
use super::silhouette::{self, Canvas};
use super::statics::Foot;
use crate::camera::View;
use crate::truth::Seen;
use crate::world::{Actor, Light};

/// Paints the pictures of one camera.
pub struct Painter {
    view: View,
    /// The picture without what the sensor and its clock do to it.
    clean: Frame,
    /// The backdrop that `clean` stands on.
    serial: u64,
    /// Where `clean` differs from its backdrop.
    dirty: Vec<Area>,
    caster: Caster,
    canvas: Canvas,
}

impl Painter {
    /// A painter of that camera's pictures.
    pub fn new(view: View) -> Painter {
        let clean = Frame::new(view.size_px.0, view.size_px.1);
        Painter { view, clean, serial: 0, dirty: Vec::new(), caster: Caster::default(), canvas: Canvas::default() }
    }

    /// Paints the actors and tells which of them are in the picture: their silhouettes' boxes, hidden or not, and how
    /// much of each is to be seen. The frame takes the camera's size.
    pub fn paint(
        &mut self,
        backdrop: &Backdrop,
        actors: &[Actor],
        light: &Light,
        _t_us: i64,
        frame: &mut Frame,
    ) -> Vec<Seen> {
        self.restore(backdrop);
        let picture = Area::of_size(self.view.size_px.0 as i32, self.view.size_px.1 as i32);
        let lit = backdrop.illumination.lamps;
        let beams: Vec<Beam> = actors.iter().filter_map(|actor| Beam::new(actor, lit)).collect();
        let view = self.view;
        let shot = Shot { view: &view, backdrop, light, beams: &beams, shutter_s: 0.006 + 0.026 * lit };
        let bodies: Vec<Body> =
            actors.iter().enumerate().filter_map(|(index, actor)| Body::new(&shot, index, actor)).collect();
        self.cast(&shot, actors, &bodies, &picture);
        let seen = self.draw(backdrop, actors, &bodies, &picture);
        frame.clone_from(&self.clean);
        seen
    }

    /// Takes everybody out of the picture again.
    fn restore(&mut self, backdrop: &Backdrop) {
        if self.serial != backdrop.serial {
            self.clean.clone_from(&backdrop.still);
            self.serial = backdrop.serial;
        } else {
            let width = self.clean.width_px as usize;
            for area in &self.dirty {
                copy(&backdrop.still.y, &mut self.clean.y, width, area, 1);
                copy(&backdrop.still.u, &mut self.clean.u, width / 2, area, 2);
                copy(&backdrop.still.v, &mut self.clean.v, width / 2, area, 2);
            }
        }
        self.dirty.clear();
    }

    /// Shadows and lamps on the ground.
    fn cast(&mut self, shot: &Shot, actors: &[Actor], bodies: &[Body], picture: &Area) {
        let mut areas = Vec::new();
        let mut feet: Vec<Foot> = Vec::new();
        for body in bodies {
            let foot = cast::foot(&actors[body.index]);
            areas.push(cast::reach(shot.view, body, foot.as_ref(), picture));
            feet.extend(foot);
        }
        areas.extend(shot.beams.iter().map(|beam| contact::ground_area(shot.view, &beam.outline()).even(0)));
        let areas: Vec<Area> = areas.iter().map(|area| area.cut(picture)).collect();
        for area in merge(areas) {
            self.caster.cast(shot, &area, bodies, &feet, &mut self.clean);
            self.dirty.push(area);
        }
    }

    /// Bodies, those that overlap together.
    fn draw(&mut self, backdrop: &Backdrop, actors: &[Actor], bodies: &[Body], picture: &Area) -> Vec<Seen> {
        let blurred = |body: &Body| {
            let margin = body.motion_px.abs().max_element().ceil() as i32;
            body.area.even(1 + margin).cut(picture)
        };
        let groups = merge(bodies.iter().map(blurred).collect());
        let mut traces = vec![silhouette::Trace::default(); bodies.len()];
        for group in &groups {
            self.canvas.open(backdrop, group, picture.width());
            for (number, body) in bodies.iter().enumerate() {
                if !blurred(body).cut(group).is_empty() {
                    traces[number] = self.canvas.draw(number, body);
                }
            }
            self.canvas.close(&mut self.clean, &mut traces);
        }
        self.dirty.extend(groups);
        let size = Vec2::new(picture.x1 as f32, picture.y1 as f32) * SAMPLES as f32;
        bodies.iter().zip(traces).filter_map(|(body, trace)| trace.seen(&actors[body.index], body, size)).collect()
    }
}

/// Copies a rectangle of a plane that has one sample for `part`² pixels.
fn copy(from: &[u8], to: &mut [u8], width: usize, area: &Area, part: i32) {
    let (x0, x1) = ((area.x0 / part) as usize, (area.x1 / part) as usize);
    for y in area.y0 / part..area.y1 / part {
        let start = y as usize * width;
        to[start + x0..start + x1].copy_from_slice(&from[start + x0..start + x1]);
    }
}
