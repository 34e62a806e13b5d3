//! Movers over a backdrop, picture after picture. Only the tiles that movers touch, or touched in the picture before,
//! are drawn.

use glam::Vec2;

use super::backdrop::{Backdrop, SAMPLES};
use super::beam::Beam;
use super::body::{Body, Shot};
use super::cast::{self, Caster};
use super::frame::Frame;
use super::raster::Area;
use super::silhouette::{self, Canvas};
use super::statics::Foot;
use super::tiles::Tiles;
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
    dirty: Tiles,
    caster: Caster,
    canvas: Canvas,
}

impl Painter {
    /// A painter of that camera's pictures.
    pub fn new(view: View) -> Painter {
        let clean = Frame::new(view.size_px.0, view.size_px.1);
        Painter {
            view,
            clean,
            serial: 0,
            dirty: Tiles::default(),
            caster: Caster::default(),
            canvas: Canvas::default(),
        }
    }

    /// Paints the actors and tells which of them are in the picture: their silhouettes' boxes, hidden or not, and how
    /// much of each is to be seen. The frame takes the camera's size.
    pub fn paint(
        &mut self,
        backdrop: &Backdrop,
        actors: &[Actor],
        light: &Light,
        t_us: i64,
        frame: &mut Frame,
    ) -> Vec<Seen> {
        self.restore(backdrop);
        let picture = Area::of_size(self.view.size_px.0 as i32, self.view.size_px.1 as i32);
        self.sway(backdrop, light.wind, t_us, &picture);
        let lit = backdrop.illumination.lamps;
        let beams: Vec<Beam> = actors.iter().filter_map(|actor| Beam::new(actor, lit)).collect();
        let view = self.view;
        let shot = Shot { view: &view, backdrop, light, beams: &beams, shutter_s: 0.006 + 0.026 * lit };
        let bodies: Vec<Body> =
            actors.iter().enumerate().filter_map(|(index, actor)| Body::new(&shot, index, actor)).collect();
        let feet: Vec<Foot> = bodies.iter().filter_map(|body| cast::foot(&actors[body.index])).collect();
        self.caster.cast(&shot, &bodies, &feet, &mut self.clean, &mut self.dirty);
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
            for area in self.dirty.marked() {
                copy(&backdrop.still.y, &mut self.clean.y, width, &area, 1);
                copy(&backdrop.still.u, &mut self.clean.u, width / 2, &area, 2);
                copy(&backdrop.still.v, &mut self.clean.v, width / 2, &area, 2);
            }
        }
        self.dirty.fit(self.view.size_px.0 as i32, self.view.size_px.1 as i32);
        self.dirty.clear();
    }

    /// Trees and flags in the wind.
    fn sway(&mut self, backdrop: &Backdrop, wind: f32, t_us: i64, picture: &Area) {
        if wind > 0.01 {
            for swaying in &backdrop.swaying {
                swaying.push(wind, t_us, &backdrop.still, &mut self.clean);
                self.dirty.mark_area(&swaying.area(picture));
            }
        }
    }

    /// Bodies, the nearer before the farther.
    fn draw(&mut self, backdrop: &Backdrop, actors: &[Actor], bodies: &[Body], picture: &Area) -> Vec<Seen> {
        let in_picture = |body: &Body| {
            let margin = body.motion_px.abs().max_element().ceil() as i32;
            !body.faces.area.even(1 + margin).cut(picture).is_empty()
        };
        self.canvas.open(backdrop);
        let drawn = bodies.iter().enumerate().map(|(number, body)| {
            if in_picture(body) { self.canvas.draw(number, body) } else { silhouette::Trace::default() }
        });
        let mut traces: Vec<_> = drawn.collect();
        self.canvas.close(backdrop, &mut self.clean, &mut traces, &mut self.dirty);
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

#[cfg(test)]
mod tests {
    use glam::Vec3;

    use super::super::boxes::solid;
    use super::*;
    use crate::world::{ActorKind, Building, Layout, Pose};

    const SIZE: (u32, u32) = (320, 180);

    fn view() -> View {
        View::new(Vec3::new(0.0, -12.0, 6.0), 0.0, 25.0, 60.0, SIZE)
    }

    fn noon() -> Light {
        Light { sun_azimuth_rad: 0.3, sun_elevation_rad: 0.8, cloud: 0.1, rain: 0.0, wind: 0.0 }
    }

    fn car(id: u32, x: f32, y: f32) -> Actor {
        Actor {
            id,
            kind: ActorKind::Car,
            look: 5,
            at: Vec2::new(x, y),
            base_m: 0.0,
            heading_rad: 0.0,
            velocity_mps: Vec2::ZERO,
            pose: Pose::Drive { braking: false },
            carried_by: None,
        }
    }

    /// Draws actors as boxes and tells of each.
    fn boxes(layout: &Layout, actors: &[Actor]) -> (Vec<Seen>, Frame) {
        let (view, light) = (view(), noon());
        let backdrop = Backdrop::new(layout, &view, &light, 1);
        let shot = Shot { view: &view, backdrop: &backdrop, light: &light, beams: &[], shutter_s: 0.01 };
        let grey = |index: usize| solid(actors[index].size_m(), [0.1 + 0.8 * index as f32; 3]);
        let bodies: Vec<Body> = actors
            .iter()
            .enumerate()
            .map(|(index, actor)| Body::of(&shot, index, actor, &grey(index), &grey(index)))
            .collect();
        let mut painter = Painter::new(view);
        painter.restore(&backdrop);
        let picture = Area::of_size(SIZE.0 as i32, SIZE.1 as i32);
        let seen = painter.draw(&backdrop, actors, &bodies, &picture);
        (seen, painter.clean)
    }

    fn corners(actor: &Actor) -> Vec<Vec2> {
        let half = actor.size_m() * Vec3::new(0.5, 0.5, 1.0);
        let signs = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)];
        let points = signs.iter().flat_map(|&(a, b)| [0.0, 1.0].map(|up| half * Vec3::new(a, b, up)));
        let turn = Vec2::from_angle(actor.heading_rad);
        points
            .filter_map(|at| view().project((actor.at + turn.rotate(at.truncate())).extend(at.z)))
            .map(Vec3::truncate)
            .collect()
    }

    #[test]
    fn the_box_of_a_body_is_that_of_its_corners() {
        let mut actor = car(7, 1.3, 4.0);
        actor.heading_rad = 0.7;
        let (seen, _) = boxes(&Layout::default(), std::slice::from_ref(&actor));
        let (from, to) =
            corners(&actor).into_iter().fold((Vec2::MAX, Vec2::MIN), |(from, to), at| (from.min(at), to.max(at)));
        let bbox = seen[0].bbox;
        let made = [bbox.x0 * 320.0, bbox.y0 * 180.0, bbox.x1 * 320.0, bbox.y1 * 180.0];
        for (made, expected) in made.into_iter().zip([from.x, from.y, to.x, to.y]) {
            assert!((made - expected).abs() <= 0.5, "{made} instead of {expected}");
        }
        assert_eq!((seen[0].id, seen[0].class), (7, "car"));
        assert!((seen[0].visible - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_nearer_one_hides_the_farther_whatever_their_order() {
        let (near, far) = (car(1, 0.0, 2.0), car(2, 0.0, 5.0));
        let (seen, frame) = boxes(&Layout::default(), &[near.clone(), far.clone()]);
        let (other, _) = boxes(&Layout::default(), &[far, near]);
        assert_eq!(seen[0].visible, 1.0);
        assert!((0.2..0.9).contains(&seen[1].visible), "{}", seen[1].visible);
        assert_eq!((seen[1].visible, seen[1].bbox), (other[0].visible, other[0].bbox));
        // The nearer is dark: so is the picture where both are.
        let at = view().project(Vec3::new(0.0, 2.0, 0.8)).expect("in front");
        assert!(frame.y[at.y as usize * 320 + at.x as usize] < 110);
    }

    #[test]
    fn a_wall_hides_in_part_and_the_box_stays_whole() {
        let actor = car(1, 0.0, 6.0);
        let (free, _) = boxes(&Layout::default(), std::slice::from_ref(&actor));
        let wall = |x: f32, width: f32| Layout {
            buildings: vec![Building {
                at: Vec2::new(x, 3.0),
                size_m: Vec2::new(width, 0.5),
                heading_rad: 0.0,
                height_m: 3.0,
                look: 1,
            }],
            ..Layout::default()
        };
        let (half, _) = boxes(&wall(5.0, 10.0), std::slice::from_ref(&actor));
        assert!((half[0].visible - 0.5).abs() < 0.08, "{}", half[0].visible);
        assert_eq!(half[0].bbox, free[0].bbox);
        let (none, _) = boxes(&wall(0.0, 20.0), std::slice::from_ref(&actor));
        assert_eq!((none[0].visible, none[0].bbox), (0.0, free[0].bbox));
    }

    #[test]
    fn half_out_of_the_picture_is_half_visible_and_the_box_ends_at_the_border() {
        let edge = view().ground(Vec2::new(0.0, 110.0)).expect("ground");
        let mut actor = car(1, edge.x, edge.y);
        actor.heading_rad = 0.2;
        let (seen, _) = boxes(&Layout::default(), std::slice::from_ref(&actor));
        assert_eq!(seen[0].bbox.x0, 0.0);
        assert!((seen[0].visible - 0.5).abs() < 0.2, "{}", seen[0].visible);
        assert_eq!(boxes(&Layout::default(), &[car(1, -80.0, 0.0)]).0, []);
    }

    #[test]
    fn pixels_far_from_movers_stay_and_all_return_when_they_leave() {
        let (view, light) = (view(), noon());
        let backdrop = Backdrop::new(&Layout::default(), &view, &light, 1);
        let mut painter = Painter::new(view);
        let mut frame = Frame::new(2, 2);
        let seen = painter.paint(&backdrop, &[car(1, 0.0, 4.0)], &light, 0, &mut frame);
        assert_eq!(seen.len(), 1);
        let bbox = seen[0].bbox;
        let mut changed = 0;
        for (index, (now, still)) in frame.y.iter().zip(&backdrop.still().y).enumerate() {
            let (x, y) = ((index % 320) as f32 / 320.0, (index / 320) as f32 / 180.0);
            changed += usize::from(now != still);
            let far = x < bbox.x0 - 0.15 || x > bbox.x1 + 0.15 || y < bbox.y0 - 0.15 || y > bbox.y1 + 0.15;
            assert!(!far || now == still, "pixel {x} {y}");
        }
        assert!(changed > 500, "{changed}");
        frame.y.fill(0);
        assert_eq!(painter.paint(&backdrop, &[], &light, 40_000, &mut frame), []);
        assert_eq!(&frame, backdrop.still());
    }

    #[test]
    fn a_mover_throws_a_shadow_away_from_the_sun() {
        let (view, mut light) = (view(), noon());
        light.sun_azimuth_rad = 0.0;
        let backdrop = Backdrop::new(&Layout::default(), &view, &light, 1);
        let mut frame = Frame::new(2, 2);
        let mut actor = car(1, 0.0, 4.0);
        actor.heading_rad = std::f32::consts::FRAC_PI_2;
        Painter::new(view).paint(&backdrop, &[actor], &light, 0, &mut frame);
        let part = |x: f32| {
            let at = view.project(Vec3::new(x, 4.0, 0.0)).expect("in front");
            let index = at.y as usize * 320 + at.x as usize;
            f32::from(frame.y[index]) / f32::from(backdrop.still().y[index])
        };
        assert!(part(-1.7) < 0.8, "{}", part(-1.7));
        assert!(part(1.9) > 0.97, "{}", part(1.9));
    }

    #[test]
    fn the_same_again_is_the_same_picture_by_day_and_by_night() {
        for hour in [10.0, 23.0] {
            let (view, light) = (view(), Light::at_hour(hour, 0.3, 0.4, 0.2));
            let actors = [car(1, 0.0, 4.0), car(2, 3.0, 9.0)];
            let once = || {
                let backdrop = Backdrop::new(&Layout::default(), &view, &light, 9);
                let mut frame = Frame::new(2, 2);
                let seen = Painter::new(view).paint(&backdrop, &actors, &light, 0, &mut frame);
                (seen, frame)
            };
            assert_eq!(once(), once());
        }
    }

    #[test]
    fn any_size_and_any_tilt_give_a_picture() {
        let light = Light::at_hour(22.0, 0.5, 0.5, 1.0);
        for (size, tilt_deg) in [((384, 216), 90.0), ((64, 48), 60.0), ((130, 74), -10.0), ((960, 540), 35.0)] {
            let view = View::new(Vec3::new(0.0, -4.0, 7.0), 30.0, tilt_deg, 75.0, size);
            let backdrop = Backdrop::new(&Layout::default(), &view, &light, 1);
            let mut frame = Frame::new(2, 2);
            let mut actor = car(1, 1.5, -1.0);
            actor.velocity_mps = Vec2::new(9.0, 0.0);
            let seen = Painter::new(view).paint(&backdrop, &[actor], &light, 500_000, &mut frame);
            assert_eq!((frame.width_px, frame.height_px), size);
            assert_eq!(seen.len(), usize::from(tilt_deg > 0.0), "{size:?}");
        }
    }
}
