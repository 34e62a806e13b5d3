//! Leaves and flags in the wind: their pixels of the backdrop are pushed about, most in the middle and not at all at
//! the rim, so that nothing has to be drawn again.

use glam::{Vec2, Vec3};

use super::frame::Frame;
use super::raster::Area;
use crate::camera::View;
use crate::world::{Layout, PropKind};

/// Smaller ones are not seen to move, pixels.
const SMALLEST_PX: f32 = 3.0;
/// Farthest that a pixel is pushed in a storm, part of the radius.
const FARTHEST: f32 = 0.11;

/// Something on the picture that the wind moves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Swaying {
    middle: Vec2,
    radius_px: f32,
    /// Slower for what is large, turns a second.
    pace_hz: f32,
    /// Part of a turn by which it is ahead of others.
    ahead: f32,
}

impl Swaying {
    /// What sways in a camera's picture.
    pub(crate) fn all(layout: &Layout, view: &View) -> Vec<Swaying> {
        let swaying = layout.props.iter().filter_map(|prop| {
            // Height of its middle and radius, metres, as the meshes are; and its pace.
            let (height_m, radius_m, pace_hz) = match prop.kind {
                PropKind::Tree => (4.9, 2.3, 0.35),
                PropKind::Bush => (0.6, 0.8, 0.7),
                PropKind::Flag => (6.2, 1.2, 1.1),
                _ => return None,
            };
            // A flag hangs to one side of its mast.
            let aside = if prop.kind == PropKind::Flag { Vec2::from_angle(prop.heading_rad) * 0.9 } else { Vec2::ZERO };
            let shown = view.project((prop.at + aside * prop.scale).extend(height_m * prop.scale))?;
            let radius_px = radius_m * prop.scale * view.focal_px / shown.z;
            let ahead = (prop.look & 0xFF) as f32 / 256.0;
            (radius_px > SMALLEST_PX && shown.z > 1.0).then_some(Swaying {
                middle: shown.truncate(),
                radius_px,
                pace_hz,
                ahead,
            })
        });
        let picture = Area::of_size(view.size_px.0 as i32, view.size_px.1 as i32);
        swaying.filter(|swaying| !swaying.area(&picture).is_empty()).collect()
    }

    /// The pixels that it moves.
    pub(crate) fn area(&self, picture: &Area) -> Area {
        let half = Vec2::splat(self.radius_px);
        Area::NONE.with(self.middle - half).with(self.middle + half).cut(picture).even(0).cut(picture)
    }

    /// Pushes its pixels, from the still picture into another.
    pub(crate) fn push(&self, wind: f32, t_us: i64, still: &Frame, frame: &mut Frame) {
        let picture = Area::of_size(frame.width_px as i32, frame.height_px as i32);
        let area = self.area(&picture);
        // Gusts come and go; leaves also move by themselves.
        let t_s = (t_us % 3_600_000_000) as f32 * 1e-6;
        let turn = |hz: f32, ahead: f32| (std::f32::consts::TAU * (t_s * hz + ahead)).sin();
        let gust = 0.55 + 0.45 * turn(0.11, self.ahead);
        let push = wind * gust * FARTHEST * self.radius_px;
        let whole = Vec3::new(turn(self.pace_hz, self.ahead), 0.35 * turn(self.pace_hz * 1.3, self.ahead), 0.0) * push;
        let waves = |count: usize, start: i32, hz: f32| -> Vec<f32> {
            let wave = |at: usize| turn(hz, (start as f32 + at as f32) * 0.9 / self.radius_px);
            (0..count).map(|at| wave(at) * push * 0.5).collect()
        };
        let columns = waves(area.width(), area.x0, self.pace_hz * 2.3);
        let rows = waves(area.height(), area.y0, self.pace_hz * 3.1);
        let width = frame.width_px as usize;
        for (row, y) in (area.y0..area.y1).enumerate() {
            for (column, x) in (area.x0..area.x1).enumerate() {
                let offset = Vec2::new(x as f32 + 0.5, y as f32 + 0.5) - self.middle;
                let inside = 1.0 - offset.length_squared() / (self.radius_px * self.radius_px);
                if inside <= 0.0 {
                    continue;
                }
                let weight = (inside * 2.0).min(1.0);
                let shift = (whole.truncate() + Vec2::new(rows[row], columns[column] * 0.6)) * weight;
                let from = Vec2::new(x as f32, y as f32) - shift;
                let index = y as usize * width + x as usize;
                frame.y[index] = between(&still.y, width, from);
                if (x | y) & 1 == 0 {
                    let index = y as usize / 2 * (width / 2) + x as usize / 2;
                    frame.u[index] = between(&still.u, width / 2, from * 0.5);
                    frame.v[index] = between(&still.v, width / 2, from * 0.5);
                }
            }
        }
    }
}

/// A plane between its pixels.
fn between(plane: &[u8], width: usize, at: Vec2) -> u8 {
    let height = plane.len() / width;
    let x = at.x.clamp(0.0, (width - 1) as f32 - 0.01);
    let y = at.y.clamp(0.0, (height - 1) as f32 - 0.01);
    let (left, top) = (x as usize, y as usize);
    let (right, down) = (((x - left as f32) * 16.0) as u32, ((y - top as f32) * 16.0) as u32);
    let first = top * width + left;
    let row = |index: usize| u32::from(plane[index]) * (16 - right) + u32::from(plane[index + 1]) * right;
    let below = if top + 1 < height { first + width } else { first };
    ((row(first) * (16 - down) + row(below) * down + 128) / 256) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Prop;

    #[test]
    fn a_tree_moves_inside_its_crown_only_and_not_without_wind() {
        let view = View::new(Vec3::new(0.0, -14.0, 6.0), 0.0, 12.0, 60.0, (320, 180));
        let tree = Prop { kind: PropKind::Tree, at: Vec2::ZERO, heading_rad: 0.0, scale: 1.0, look: 40 };
        let layout = Layout { props: vec![tree], ..Layout::default() };
        let swaying = Swaying::all(&layout, &view);
        assert_eq!(swaying.len(), 1);
        let mut still = Frame::new(320, 180);
        still.y.iter_mut().enumerate().for_each(|(index, luma)| *luma = (index * 37 % 199) as u8 + 20);
        let mut frame = still.clone();
        swaying[0].push(0.0, 700_000, &still, &mut frame);
        assert_eq!(frame, still);
        swaying[0].push(1.0, 700_000, &still, &mut frame);
        let area = swaying[0].area(&Area::of_size(320, 180));
        let mut moved = 0;
        for (index, (now, before)) in frame.y.iter().zip(&still.y).enumerate() {
            let (x, y) = (index as i32 % 320, index as i32 / 320);
            let inside = (area.x0..area.x1).contains(&x) && (area.y0..area.y1).contains(&y);
            assert!(inside || now == before);
            moved += usize::from(now != before);
        }
        assert!(moved > 200, "{moved}");
    }
}
