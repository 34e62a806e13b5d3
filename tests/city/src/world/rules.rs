//! A camera's rules as a gateway reads them: ground turned into fractions of the camera's picture.

use glam::Vec2;
use toml::{Table, Value};

use super::plan::Zone;
use crate::camera::{Camera, View};

/// Draws ground into the picture of one camera.
pub(super) struct Drawer {
    view: View,
}

const VEHICLES: [&str; 2] = ["car", "large_vehicle"];
/// Geometry stays so far from the picture's edge.
const EDGE: f32 = 0.004;

impl Drawer {
    pub(super) fn new(camera: &Camera) -> Drawer {
        Drawer { view: camera.view() }
    }

    pub(super) fn crowd(&self, id: &str, zone: Zone, count: i64, seconds: f64) -> Table {
        let mut table = self.zone("crowd", id, zone, &["person"]);
        table.insert("count".to_owned(), Value::Integer(count));
        table.insert("seconds".to_owned(), Value::Float(seconds));
        table
    }

    pub(super) fn loiter(&self, id: &str, zone: Zone, seconds: f64) -> Table {
        self.lasting("loiter", id, zone, &["person"], seconds)
    }

    pub(super) fn occupancy(&self, id: &str, zone: Zone) -> Table {
        self.zone("occupancy", id, zone, &["person"])
    }

    pub(super) fn intrusion(&self, id: &str, zone: Zone) -> Table {
        self.zone("intrusion", id, zone, &["person"])
    }

    /// Vehicles drive north in this zone.
    pub(super) fn wrong_way(&self, id: &str, zone: Zone) -> Table {
        let mut table = self.zone("wrong_way", id, zone, &VEHICLES);
        let (middle, reach) = (zone.middle(), Vec2::new(0.0, (zone.to.y - zone.from.y) / 4.0));
        let along = [middle - reach, middle + reach].map(|end| fraction(self.pixel(end), self.view.size_px));
        table.insert("along".to_owned(), Value::Array(along.map(value).to_vec()));
        table
    }

    /// Faster than so many kilometres an hour over so many seconds; for a camera that is calibrated.
    pub(super) fn speed(&self, id: &str, zone: Zone, kmh: f64, seconds: f64) -> Table {
        let mut table = self.lasting("speed_over", id, zone, &VEHICLES, seconds);
        table.insert("kmh".to_owned(), Value::Float(kmh));
        table
    }

    pub(super) fn stopped(&self, id: &str, zone: Zone, seconds: f64) -> Table {
        self.lasting("stopped_vehicle", id, zone, &VEHICLES, seconds)
    }

    pub(super) fn abandoned(&self, id: &str, zone: Zone, seconds: f64) -> Table {
        self.lasting("abandoned_object", id, zone, &["bag"], seconds)
    }

    pub(super) fn removed(&self, id: &str, zone: Zone, seconds: f64) -> Table {
        self.lasting("removed_object", id, zone, &["bag"], seconds)
    }

    /// Vehicles over a line on the ground.
    pub(super) fn count(&self, id: &str, ends: [Vec2; 2], interval_s: f64) -> Table {
        let mut table = self.line("count", id, ends, &["car", "large_vehicle", "two_wheeler"]);
        table.insert("interval_s".to_owned(), Value::Float(interval_s));
        table
    }

    /// A line on the ground; its left side as one looks from the first end to the second is a.
    pub(super) fn line_cross(&self, id: &str, ends: [Vec2; 2], direction: &str) -> Table {
        let mut table = self.line("line_cross", id, ends, &["person"]);
        table.insert("direction".to_owned(), Value::String(direction.to_owned()));
        table
    }

    fn line(&self, kind: &str, id: &str, ends: [Vec2; 2], classes: &[&str]) -> Table {
        let mut table = head(kind, id, classes);
        let ends = ends.map(|end| fraction(self.pixel(end), self.view.size_px));
        table.insert("line".to_owned(), Value::Array(ends.map(value).to_vec()));
        table
    }

    /// A rule about a stay of so many seconds.
    fn lasting(&self, kind: &str, id: &str, zone: Zone, classes: &[&str], seconds: f64) -> Table {
        let mut table = self.zone(kind, id, zone, classes);
        table.insert("seconds".to_owned(), Value::Float(seconds));
        table
    }

    fn zone(&self, kind: &str, id: &str, zone: Zone, classes: &[&str]) -> Table {
        let mut table = head(kind, id, classes);
        let corners = zone.corners().map(|corner| fraction(self.pixel(corner), self.view.size_px));
        let corners = clip(corners.to_vec());
        table.insert("zone".to_owned(), Value::Array(corners.into_iter().map(value).collect()));
        table
    }

    /// Posts are set so that all ground that matters is before the lens; what is not becomes the picture's middle.
    fn pixel(&self, ground: Vec2) -> Vec2 {
        let middle = Vec2::new(self.view.size_px.0 as f32, self.view.size_px.1 as f32) / 2.0;
        self.view.project(ground.extend(0.0)).map_or(middle, |point| point.truncate())
    }
}

fn head(kind: &str, id: &str, classes: &[&str]) -> Table {
    let mut table = Table::new();
    table.insert("id".to_owned(), Value::String(id.to_owned()));
    table.insert("kind".to_owned(), Value::String(kind.to_owned()));
    let classes = classes.iter().map(|class| Value::String((*class).to_owned())).collect();
    table.insert("classes".to_owned(), Value::Array(classes));
    table
}

fn fraction(pixel: Vec2, (width, height): (u32, u32)) -> Vec2 {
    pixel / Vec2::new(width as f32, height as f32)
}

/// Four digits are a tenth of a pixel.
fn value(point: Vec2) -> Value {
    let digits = |part: f32| (f64::from(part.clamp(0.0, 1.0)) * 1e4).round() / 1e4;
    Value::Array(vec![Value::Float(digits(point.x)), Value::Float(digits(point.y))])
}

/// The part of a convex polygon that is in the picture (Sutherland and Hodgman 1974).
fn clip(mut corners: Vec<Vec2>) -> Vec<Vec2> {
    let borders = [(Vec2::X, EDGE), (-Vec2::X, EDGE - 1.0), (Vec2::Y, EDGE), (-Vec2::Y, EDGE - 1.0)];
    for (normal, least) in borders {
        let mut kept = Vec::with_capacity(corners.len() + 1);
        for (index, &to) in corners.iter().enumerate() {
            let from = corners[(index + corners.len() - 1) % corners.len()];
            let (a, b) = (from.dot(normal) - least, to.dot(normal) - least);
            if (a < 0.0) != (b < 0.0) {
                kept.push(from.lerp(to, a / (a - b)));
            }
            if b >= 0.0 {
                kept.push(to);
            }
        }
        corners = kept;
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_the_picture_is_cut_off() {
        let corners = vec![Vec2::new(-0.5, 0.5), Vec2::new(0.5, 0.5), Vec2::new(0.5, 1.5), Vec2::new(-0.5, 1.5)];
        let cut = clip(corners);
        assert_eq!(cut.len(), 4);
        assert!(cut.iter().all(|corner| corner.x >= 0.0 && corner.y <= 1.0), "{cut:?}");
        assert!(cut.contains(&Vec2::new(0.5, 0.5)));
        assert_eq!(clip(vec![Vec2::new(2.0, 2.0), Vec2::new(3.0, 2.0), Vec2::new(3.0, 3.0)]), []);
    }
}
