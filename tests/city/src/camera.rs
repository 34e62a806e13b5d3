//! A camera: where it stands, what it sees of the plane, and when it is faulty.

use glam::{Vec2, Vec3};
use yiwang_inference::ground::{Calibration, Mounting};

/// What can be wrong with a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A cloth or a hand before the lens.
    Covered,
    /// Paint on the lens, in part.
    Sprayed,
    /// Out of focus.
    Blurred,
    /// Turned away by some degrees.
    Moved,
    /// The same picture again and again.
    Frozen,
    /// Next to no light.
    Dark,
    /// Blinded.
    Glare,
    /// Much more sensor noise.
    Noise,
    /// No stream.
    SignalLost,
    /// Its clock is wrong.
    ClockDrift,
    /// Its white balance has run away.
    ColourCast,
    /// Packets get lost on the way; shows in streams only, a file loses none.
    PacketLoss,
    /// Few pictures come.
    LowFrameRate,
}

/// A fault and its time.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// From when, microseconds since the world began.
    pub from_us: i64,
    /// Until when.
    pub to_us: i64,
}

/// One registered camera. Two with the same `physical` are one device that two departments have registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// Id in streams, rules and truth.
    pub id: String,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// Department that has it: `police`, `traffic`, `city-management`.
    pub department: String,
    /// Which device it is.
    pub physical: String,
    /// Where it stands, metres east and north.
    pub at: Vec2,
    /// Height of the lens above the ground, metres.
    pub height_m: f32,
    /// Where it looks, degrees clockwise from north.
    pub heading_deg: f32,
    /// How far it looks down, degrees below the horizon.
    pub tilt_deg: f32,
    /// Horizontal field of view, degrees.
    pub fov_deg: f32,
    /// Width and height of its picture, pixels; both even.
    pub size_px: (u32, u32),
    /// Pictures a second.
    pub fps: f32,
    /// Rules as in a gateway's `[[camera.rule]]` tables.
    pub rules: Vec<toml::Table>,
    /// Its faults.
    pub faults: Vec<Fault>,
}

impl Camera {
    /// Its projection.
    pub fn view(&self) -> View {
        View::new(self.at.extend(self.height_m), self.heading_deg, self.tilt_deg, self.fov_deg, self.size_px)
    }

    /// How its picture is tied to the ground, as a technician measures it.
    pub fn calibration(&self) -> Calibration {
        Calibration::Mounted(Mounting {
            height_m: f64::from(self.height_m),
            heading_deg: f64::from(self.heading_deg),
            tilt_deg: f64::from(self.tilt_deg),
            field_of_view_deg: f64::from(self.fov_deg),
        })
    }

    /// The fault of that kind that holds at a time.
    pub fn fault(&self, kind: FaultKind, t_us: i64) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.kind == kind && (fault.from_us..fault.to_us).contains(&t_us))
    }
}

/// A pinhole camera without distortion (Hartley and Zisserman, Multiple View Geometry, 6.1): from the world to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Where the lens is.
    pub eye: Vec3,
    /// To the right of the picture.
    pub right: Vec3,
    /// Downwards in the picture.
    pub down: Vec3,
    /// Into the picture.
    pub forward: Vec3,
    /// Focal length, pixels.
    pub focal_px: f32,
    /// Width and height, pixels.
    pub size_px: (u32, u32),
}

impl View {
    /// Looks from `eye`; angles as in [`Camera`].
    pub fn new(eye: Vec3, heading_deg: f32, tilt_deg: f32, fov_deg: f32, size_px: (u32, u32)) -> View {
        let (heading, tilt) = (heading_deg.to_radians(), tilt_deg.to_radians());
        let level = Vec3::new(heading.sin(), heading.cos(), 0.0);
        let forward = level * tilt.cos() - Vec3::Z * tilt.sin();
        let right = Vec3::new(heading.cos(), -heading.sin(), 0.0);
        let down = forward.cross(right);
        let focal_px = size_px.0 as f32 / 2.0 / (fov_deg.to_radians() / 2.0).tan();
        View { eye, right, down, forward, focal_px, size_px }
    }

    /// A point of the world as pixels (x, y) from the top left and its depth in metres; none behind the lens.
    pub fn project(&self, point: Vec3) -> Option<Vec3> {
        let offset = point - self.eye;
        let depth = offset.dot(self.forward);
        (depth > 0.05).then(|| {
            let scale = self.focal_px / depth;
            Vec3::new(
                self.size_px.0 as f32 / 2.0 + offset.dot(self.right) * scale,
                self.size_px.1 as f32 / 2.0 + offset.dot(self.down) * scale,
                depth,
            )
        })
    }

    /// Direction from the lens through a pixel; its part along `forward` is 1.
    pub fn ray(&self, pixel: Vec2) -> Vec3 {
        let x = (pixel.x - self.size_px.0 as f32 / 2.0) / self.focal_px;
        let y = (pixel.y - self.size_px.1 as f32 / 2.0) / self.focal_px;
        self.forward + self.right * x + self.down * y
    }

    /// The point of the ground that a pixel shows; none above the horizon.
    pub fn ground(&self, pixel: Vec2) -> Option<Vec2> {
        let ray = self.ray(pixel);
        (ray.z < -1e-4).then(|| (self.eye - ray * (self.eye.z / ray.z)).truncate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ahead_is_in_the_middle_and_the_ground_finds_its_way_back() {
        let view = View::new(Vec3::new(0.0, 0.0, 6.0), 0.0, 20.0, 70.0, (640, 360));
        let ahead = view.project(Vec3::new(0.0, 6.0 / 20f32.to_radians().tan(), 0.0)).expect("in front");
        assert!((ahead.x - 320.0).abs() < 0.01 && (ahead.y - 180.0).abs() < 0.01, "{ahead}");
        let east = view.project(Vec3::new(3.0, 20.0, 0.0)).expect("in front");
        let higher = view.project(Vec3::new(0.0, 20.0, 3.0)).expect("in front");
        assert!(east.x > 320.0 && higher.y < east.y);
        let back = view.ground(east.truncate()).expect("below the horizon");
        assert!((back - Vec2::new(3.0, 20.0)).length() < 1e-3, "{back}");
        assert_eq!(view.project(Vec3::new(0.0, -20.0, 6.0)), None);
        assert_eq!(
            view.ground(Vec2::new(320.0, 0.0)),
            None,
            "70° wide at 16:9 sees 43° high: the top is above the horizon"
        );
    }
}
