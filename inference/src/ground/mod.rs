//! Where on the ground a point of the picture is, and how wrong that may be: from how the camera is mounted, or from
//! points whose place on the ground is known. The ground is a plane, the lens is taken to be free of distortion; where
//! either is not so, known points around the place that matters are the better calibration.
//!
//! Each calibration comes down to one homography from the picture to the ground (Hartley and Zisserman, Multiple View
//! Geometry, 2nd ed., 2.3 and 8.1.1), and to others beside it that hold when one of its measurements is off by its
//! usual error. How far their answers lie apart is the error that is told.

mod homography;
mod wgs84;

use thiserror::Error;

use crate::picture::Point;
use homography::Homography;

/// How wrong a mounting is usually known, one standard deviation: what a technician reaches with tape measure, compass
/// and the angle gauge of a telephone.
const HEIGHT_ERROR_PART: f64 = 0.03;
const HEADING_ERROR_DEG: f64 = 2.0;
const TILT_ERROR_DEG: f64 = 1.0;
const FIELD_OF_VIEW_ERROR_PART: f64 = 0.02;
/// The same of a point marked in the picture (parts of it), and of its place on the ground, metres.
const MARK_ERROR: f64 = 0.004;
const KNOWN_ERROR_M: f64 = 0.2;
/// Most known points.
const POINTS_MAX: usize = 32;

/// How a camera's picture is tied to the ground.
#[derive(Debug, Clone, PartialEq)]
pub enum Calibration {
    /// By how the camera is mounted.
    Mounted(Mounting),
    /// By at least four points that are known.
    Known(Vec<KnownPoint>),
}

/// How a camera is mounted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mounting {
    /// Height of the lens above the ground, metres.
    pub height_m: f64,
    /// Where it looks, degrees clockwise from north.
    pub heading_deg: f64,
    /// How far it looks down, degrees below the horizon.
    pub tilt_deg: f64,
    /// Horizontal angle of view, degrees.
    pub field_of_view_deg: f64,
}

/// A point that is known in the picture and on the ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownPoint {
    /// Fractions of the picture from its top left.
    pub picture: [f64; 2],
    /// East and north of the origin, metres.
    pub ground_m: [f64; 2],
}

/// A calibration that can't be right.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GroundError {
    /// A value of the mounting is outside what there is.
    #[error("{key} = {value} must lie between {least} and {most}")]
    Mounting {
        /// The key.
        key: &'static str,
        /// Its value.
        value: f64,
        /// The least that can be used.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Too few points, or too many.
    #[error("{count} known points; give 4 to {POINTS_MAX}, spread over the ground that matters")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A point is nowhere in the picture, or not a number.
    #[error("known point {number} is not in the picture, 0–1 from its top left, or has no place on the ground")]
    Outside {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// The points do not determine the ground.
    #[error("the known points do not tell the ground: three of four lie on one line, or two are swapped")]
    Degenerate,
}

/// A place on the ground, east and north of the origin, which is below the camera, or that of the known points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Metres east.
    pub east_m: f64,
    /// Metres north.
    pub north_m: f64,
    /// How wrong this may be in any direction, one standard deviation, metres.
    pub error_m: f64,
}

/// A length on the ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Length {
    /// Metres.
    pub m: f64,
    /// How wrong it may be through the calibration, one standard deviation, metres.
    pub error_m: f64,
}

/// A calibrated picture.
#[derive(Debug, Clone)]
pub struct Ground {
    best: Homography,
    /// With one measurement off by its usual error each.
    others: Vec<Homography>,
}

impl Calibration {
    /// The ground in a picture of `aspect` (width by height, as displayed).
    pub fn ground(&self, aspect: f64) -> Result<Ground, GroundError> {
        match self {
            Calibration::Mounted(mounting) => mounting.ground(aspect),
            Calibration::Known(points) => known(points),
        }
    }
}

impl Mounting {
    fn ground(&self, aspect: f64) -> Result<Ground, GroundError> {
        let within = |key, value: f64, least, most| {
            let fits = (least..=most).contains(&value);
            if fits { Ok(()) } else { Err(GroundError::Mounting { key, value, least, most }) }
        };
        within("height_m", self.height_m, 0.5, 500.0)?;
        within("heading_deg", self.heading_deg, -360.0, 360.0)?;
        within("tilt_deg", self.tilt_deg, 1.0, 90.0)?;
        within("field_of_view_deg", self.field_of_view_deg, 1.0, 170.0)?;
        let others = [
            Mounting { height_m: self.height_m * (1.0 + HEIGHT_ERROR_PART), ..*self },
            Mounting { heading_deg: self.heading_deg + HEADING_ERROR_DEG, ..*self },
            Mounting { tilt_deg: self.tilt_deg + TILT_ERROR_DEG, ..*self },
            Mounting { field_of_view_deg: self.field_of_view_deg * (1.0 + FIELD_OF_VIEW_ERROR_PART), ..*self },
        ];
        let others = others.iter().map(|other| other.homography(aspect)).collect();
        Ok(Ground { best: self.homography(aspect), others })
    }

    /// A pinhole above a plane: each pixel's ray meets the ground where it has fallen by the height of the lens.
    fn homography(&self, aspect: f64) -> Homography {
        let (heading, tilt) = (self.heading_deg.to_radians(), self.tilt_deg.to_radians());
        let (right, level) = ([heading.cos(), -heading.sin()], [heading.sin(), heading.cos()]);
        let width = 2.0 * (self.field_of_view_deg.to_radians() / 2.0).tan();
        let height = width / aspect;
        // Along the ray: 1 into the picture, (x − ½)·width to the right, (y − ½)·height down the picture.
        let ray = |right: f64, ahead: f64, down: f64| {
            [right * width, down * height, ahead - (right * width + down * height) / 2.0]
        };
        let row = |axis: usize| {
            let ahead = level[axis] * tilt.cos();
            ray(right[axis], ahead, -level[axis] * tilt.sin()).map(|value| value * self.height_m)
        };
        Homography([row(0), row(1), ray(0.0, tilt.sin(), tilt.cos())])
    }
}

fn known(points: &[KnownPoint]) -> Result<Ground, GroundError> {
    if !(4..=POINTS_MAX).contains(&points.len()) {
        return Err(GroundError::Count { count: points.len() });
    }
    let is_fit = |point: &KnownPoint| {
        point.picture.iter().all(|value| (0.0..=1.0).contains(value))
            && point.ground_m.iter().all(|value| value.abs() <= 1e5)
    };
    if let Some(index) = points.iter().position(|point| !is_fit(point)) {
        return Err(GroundError::Outside { number: index + 1 });
    }
    let best = Homography::through(points).ok_or(GroundError::Degenerate)?;
    let mut others = Vec::with_capacity(4 * points.len());
    for index in 0..points.len() {
        for axis in 0..2 {
            let mut moved = points.to_vec();
            moved[index].picture[axis] += MARK_ERROR;
            others.extend(Homography::through(&moved));
            moved[index].picture[axis] = points[index].picture[axis];
            moved[index].ground_m[axis] += KNOWN_ERROR_M;
            others.extend(Homography::through(&moved));
        }
    }
    Ok(Ground { best, others })
}

impl Ground {
    /// The place that a point of the picture shows; `off` is how wrong the point itself may be, fractions of the
    /// picture. None at the horizon and above it.
    pub fn place(&self, point: Point, off: f32) -> Option<Place> {
        let here = self.best.apply(point)?;
        let off = f64::from(off);
        let beside = |dx: f64, dy: f64| {
            let moved = Point::new(point.x + dx as f32, point.y + dy as f32);
            self.best.apply(moved).map_or(f64::INFINITY, |there| apart(here, there).powi(2))
        };
        // Towards the horizon and from it differ; the mean of the two is what is told.
        let by_point = beside(off, 0.0) + f64::midpoint(beside(0.0, off), beside(0.0, -off).min(1e12));
        let by_calibration: f64 =
            self.others.iter().map(|other| other.apply(point).map_or(1e12, |there| apart(here, there).powi(2))).sum();
        let error_m = (by_point + by_calibration).sqrt();
        error_m.is_finite().then_some(Place { east_m: here[0], north_m: here[1], error_m })
    }

    /// The straight way between two points of the picture. Its error is that of the calibration only.
    pub fn length(&self, from: Point, to: Point) -> Option<Length> {
        let length = |homography: &Homography| Some(apart(homography.apply(from)?, homography.apply(to)?));
        let m = length(&self.best)?;
        let error: f64 = self.others.iter().map(|other| length(other).map_or(1e12, |other| (other - m).powi(2))).sum();
        Some(Length { m, error_m: error.sqrt() })
    }
}

impl Place {
    /// Longitude and latitude, WGS-84, where the origin is at these.
    pub fn wgs84(&self, origin: [f64; 2]) -> [f64; 2] {
        wgs84::from_local(origin, [self.east_m, self.north_m])
    }
}

/// East and north of an origin, metres, of a longitude and latitude, WGS-84: for known points read off a map.
pub fn local_m(origin: [f64; 2], position: [f64; 2]) -> [f64; 2] {
    wgs84::to_local(origin, position)
}

fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests;
