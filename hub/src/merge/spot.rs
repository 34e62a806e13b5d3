//! Where something happened, as well as it is known: on the ground with an error where the camera is calibrated, else
//! somewhere in the camera's view. Pure geometry on a plane; a city is small enough for that.

use serde::{Deserialize, Serialize};

/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_320.0;
/// How far a camera sees usefully where nobody says, metres.
pub const USUAL_RANGE_M: f64 = 35.0;
/// Horizontal angle of view where nobody says.
const USUAL_VIEW_DEG: f64 = 70.0;
/// How wrong a place is that is only known to be near a camera, metres.
const NEAR_CAMERA_M: f64 = 20.0;
/// The same of somewhere in its view.
const IN_VIEW_M: f64 = 10.0;
/// How wrong a mounting is usually known, one standard deviation, as the gateway takes it: parts and degrees.
const HEIGHT_ERROR_PART: f64 = 0.03;
const ANGLE_ERROR_DEG: f64 = 1.5;
/// How wrong the bottom of a box is, part of the picture's height.
const POINT_ERROR: f64 = 0.02;

/// How a place was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Located {
    /// A point of the ground, through the calibration.
    Ground,
    /// Somewhere in the camera's view: position and heading are known.
    View,
    /// Somewhere near the camera: only its position is known.
    Camera,
}

/// A place on the ground with its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// WGS-84.
    pub longitude: f64,
    /// WGS-84.
    pub latitude: f64,
    /// One standard deviation, metres.
    pub error_m: f64,
    /// How it was found.
    pub by: Located,
}

/// What is known of how a camera stands.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Stand {
    /// WGS-84 longitude and latitude.
    pub position: Option<(f64, f64)>,
    /// Where it looks, degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// Horizontal angle of view.
    pub field_of_view_deg: Option<f64>,
    /// Height of the lens above the ground.
    pub height_m: Option<f64>,
    /// How far it looks down, degrees below the horizon.
    pub tilt_deg: Option<f64>,
    /// How far it sees usefully.
    pub range_m: Option<f64>,
}

/// East and north from one place to another, metres.
pub fn apart_m(from: (f64, f64), to: (f64, f64)) -> [f64; 2] {
    let east = (to.0 - from.0 + 540.0).rem_euclid(360.0) - 180.0;
    [east * DEGREE_M * from.1.midpoint(to.1).to_radians().cos(), (to.1 - from.1) * DEGREE_M]
}

/// The place so many metres east and north of another.
pub fn moved(from: (f64, f64), [east_m, north_m]: [f64; 2]) -> (f64, f64) {
    let east = DEGREE_M * from.1.to_radians().cos().max(1e-6);
    (from.0 + east_m / east, from.1 + north_m / DEGREE_M)
}

impl Spot {
    /// Longitude and latitude.
    pub fn position(&self) -> (f64, f64) {
        (self.longitude, self.latitude)
    }

    /// Metres to another.
    pub fn distance_m(&self, other: &Spot) -> f64 {
        let [east, north] = apart_m(self.position(), other.position());
        east.hypot(north)
    }
}

impl Stand {
    /// True where a point of the picture is a point of the ground.
    pub fn is_calibrated(&self) -> bool {
        let all = [self.heading_deg, self.field_of_view_deg, self.height_m, self.tilt_deg];
        self.position.is_some() && all.iter().all(Option::is_some)
    }

    /// Where a point of the picture (fractions from the top left, `aspect` width by height) is; none where not even the
    /// camera's place is known.
    pub fn spot(&self, point: Option<[f32; 2]>, aspect: f64) -> Option<Spot> {
        let position = self.position?;
        let spot = |(longitude, latitude): (f64, f64), error_m, by| Spot { longitude, latitude, error_m, by };
        if let Some((offset, error_m)) = point.and_then(|point| self.ground(point.map(f64::from), aspect)) {
            return Some(spot(moved(position, offset), error_m, Located::Ground));
        }
        let Some(heading_deg) = self.heading_deg else {
            return Some(spot(position, NEAR_CAMERA_M, Located::Camera));
        };
        let (sin, cos) = heading_deg.to_radians().sin_cos();
        let middle_m = self.range_m.unwrap_or(USUAL_RANGE_M) * 0.45;
        Some(spot(moved(position, [sin * middle_m, cos * middle_m]), IN_VIEW_M, Located::View))
    }

    /// East and north of the camera, metres, and the error: a pinhole above a plane. None above the horizon, where the
    /// camera is not calibrated, and where the error is larger than not knowing.
    fn ground(&self, point: [f64; 2], aspect: f64) -> Option<([f64; 2], f64)> {
        let (height_m, tilt, heading) = (self.height_m?, self.tilt_deg?.to_radians(), self.heading_deg?.to_radians());
        let width = 2.0 * (self.field_of_view_deg?.to_radians() / 2.0).tan();
        let at = |height_m: f64, tilt: f64, heading: f64, y: f64| {
            let (right, down) = ((point[0] - 0.5) * width, (y - 0.5) * width / aspect.max(0.1));
            let fall = tilt.sin() + down * tilt.cos();
            (fall > 1e-3).then(|| {
                let (ahead_m, right_m) = ((tilt.cos() - down * tilt.sin()) * height_m / fall, right * height_m / fall);
                let (sin, cos) = heading.sin_cos();
                [sin * ahead_m + cos * right_m, cos * ahead_m - sin * right_m]
            })
        };
        let here = at(height_m, tilt, heading, point[1])?;
        let off = ANGLE_ERROR_DEG.to_radians();
        let others = [
            at(height_m * (1.0 + HEIGHT_ERROR_PART), tilt, heading, point[1]),
            at(height_m, tilt + off, heading, point[1]),
            at(height_m, tilt, heading + off, point[1]),
            at(height_m, tilt, heading, point[1] + POINT_ERROR),
        ];
        let square = |there: Option<[f64; 2]>| {
            there.map_or(f64::INFINITY, |there| (there[0] - here[0]).powi(2) + (there[1] - here[1]).powi(2))
        };
        let error_m = others.into_iter().map(square).sum::<f64>().sqrt();
        (error_m < IN_VIEW_M).then_some((here, error_m))
    }

    /// What it sees of the ground: a convex polygon, east and north of the camera in metres, counter-clockwise; none
    /// where heading or position are not known, or where it sees all around.
    pub fn footprint_m(&self) -> Option<Vec<[f64; 2]>> {
        self.position?;
        let heading = self.heading_deg?.to_radians();
        let half = (self.field_of_view_deg.unwrap_or(USUAL_VIEW_DEG) / 2.0).clamp(1.0, 85.0).to_radians();
        let range_m = self.range_m.unwrap_or(USUAL_RANGE_M);
        // What is right below the camera is out of its picture: at 16:9 the lower edge looks half · 9/16 farther down.
        let near_m = match (self.height_m, self.tilt_deg) {
            (Some(height_m), Some(tilt_deg)) => {
                let lower = tilt_deg.to_radians() + (half.tan() * 9.0 / 16.0).atan();
                if lower < std::f64::consts::FRAC_PI_2 { height_m / lower.tan() } else { 0.0 }
            }
            _ => 0.0,
        };
        let near_m = near_m.clamp(0.5, range_m * 0.9);
        let corner = |ahead_m: f64, side: f64| {
            let right_m = ahead_m * half.tan() * side;
            let (sin, cos) = heading.sin_cos();
            [sin * ahead_m + cos * right_m, cos * ahead_m - sin * right_m]
        };
        let far_m = range_m * half.cos();
        Some(vec![
            corner(near_m, -1.0),
            corner(near_m, 1.0),
            corner(far_m.max(near_m), 1.0),
            {
                let (sin, cos) = heading.sin_cos();
                [sin * range_m, cos * range_m]
            },
            corner(far_m.max(near_m), -1.0),
        ])
    }
}

/// Twice the area inside a polygon, positive where it runs counter-clockwise.
fn twice_area(polygon: &[[f64; 2]]) -> f64 {
    let next = polygon.iter().cycle().skip(1);
    polygon.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}

/// Area of a polygon, square metres.
pub fn area_m2(polygon: &[[f64; 2]]) -> f64 {
    twice_area(polygon).abs() / 2.0
}

/// What two convex polygons have in common (Sutherland and Hodgman, 1974).
pub fn common(a: &[[f64; 2]], b: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let turn = twice_area(b).signum();
    let mut left = a.to_vec();
    for (from, to) in b.iter().zip(b.iter().cycle().skip(1)) {
        let side = |p: &[f64; 2]| turn * ((to[0] - from[0]) * (p[1] - from[1]) - (to[1] - from[1]) * (p[0] - from[0]));
        let mut kept = Vec::with_capacity(left.len() + 1);
        for (p, q) in left.iter().zip(left.iter().cycle().skip(1)) {
            let (sp, sq) = (side(p), side(q));
            if sp >= 0.0 {
                kept.push(*p);
            }
            if (sp >= 0.0) != (sq >= 0.0) {
                let part = sp / (sp - sq);
                kept.push([p[0] + (q[0] - p[0]) * part, p[1] + (q[1] - p[1]) * part]);
            }
        }
        left = kept;
    }
    left
}

/// How far a place is from a convex polygon, metres; 0 inside.
pub fn outside_m(polygon: &[[f64; 2]], p: [f64; 2]) -> f64 {
    let turn = twice_area(polygon).signum();
    let mut inside = true;
    let mut nearest = f64::INFINITY;
    for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
        let (along, to) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
        inside &= turn * (along[0] * to[1] - along[1] * to[0]) >= 0.0;
        let length2 = (along[0] * along[0] + along[1] * along[1]).max(1e-12);
        let part = ((to[0] * along[0] + to[1] * along[1]) / length2).clamp(0.0, 1.0);
        nearest = nearest.min((to[0] - along[0] * part).hypot(to[1] - along[1] * part));
    }
    if inside { 0.0 } else { nearest }
}

/// The share of the smaller of two views that the other sees too, 0–1.
pub fn overlap(a: &Stand, b: &Stand) -> Option<f64> {
    let (first, second) = (a.footprint_m()?, b.footprint_m()?);
    let [east, north] = apart_m(a.position?, b.position?);
    let second: Vec<[f64; 2]> = second.into_iter().map(|p| [p[0] + east, p[1] + north]).collect();
    let least = area_m2(&first).min(area_m2(&second));
    (least > 0.0).then(|| (area_m2(&common(&first, &second)) / least).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (f64, f64) = (120.1632, 30.2741);

    fn stand(at: [f64; 2], heading_deg: f64) -> Stand {
        Stand {
            position: Some(moved(HERE, at)),
            heading_deg: Some(heading_deg),
            field_of_view_deg: Some(62.0),
            height_m: Some(6.0),
            tilt_deg: Some(25.0),
            range_m: None,
        }
    }

    #[test]
    fn the_middle_of_the_picture_is_where_the_optical_axis_meets_the_ground() {
        let spot = stand([0.0, 0.0], 90.0).spot(Some([0.5, 0.5]), 16.0 / 9.0).unwrap();
        let [east, north] = apart_m(HERE, spot.position());
        let ahead_m = 6.0 / 25f64.to_radians().tan();
        assert!((east - ahead_m).abs() < 0.05 && north.abs() < 0.05, "{east} {north}");
        assert!(spot.by == Located::Ground && (0.3..2.5).contains(&spot.error_m), "{spot:?}");
        let farther = stand([0.0, 0.0], 90.0).spot(Some([0.5, 0.3]), 16.0 / 9.0).unwrap();
        assert!(farther.error_m > spot.error_m, "farther off is less sure");
        let sky = stand([0.0, 0.0], 90.0).spot(Some([0.5, 0.0]), 1.0).unwrap();
        assert_eq!(sky.by, Located::View, "above the horizon there is no ground");
    }

    #[test]
    fn two_calibrated_cameras_find_the_same_point_from_two_sides() {
        // Both look at the point 13 m ahead of the first, from opposite sides.
        let ahead_m = 6.0 / 25f64.to_radians().tan();
        let first = stand([0.0, 0.0], 0.0).spot(Some([0.5, 0.5]), 1.7).unwrap();
        let second = stand([0.0, 2.0 * ahead_m], 180.0).spot(Some([0.5, 0.5]), 1.7).unwrap();
        assert!(first.distance_m(&second) < 0.1, "{}", first.distance_m(&second));
    }

    #[test]
    fn without_calibration_a_view_or_a_position_is_left() {
        let bare = Stand { position: Some(HERE), ..Stand::default() };
        assert_eq!(bare.spot(Some([0.5, 0.5]), 1.7).unwrap().by, Located::Camera);
        let turned = Stand { heading_deg: Some(0.0), ..bare };
        assert_eq!(turned.spot(None, 1.7).unwrap().by, Located::View);
        assert_eq!(Stand::default().spot(Some([0.5, 0.5]), 1.7), None);
    }

    #[test]
    fn views_overlap_by_what_both_see() {
        let same = overlap(&stand([0.0, 0.0], 30.0), &stand([0.1, 0.0], 30.0)).unwrap();
        assert!(same > 0.97, "{same}");
        let away = overlap(&stand([0.0, 0.0], 0.0), &stand([0.0, -5.0], 180.0)).unwrap();
        assert!(away < 0.01, "{away}");
        let facing = overlap(&stand([0.0, 0.0], 0.0), &stand([0.0, 40.0], 180.0)).unwrap();
        assert!((0.2..0.9).contains(&facing), "{facing}");
        let square = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]];
        let shifted = square.map(|[x, y]| [x + 1.0, y + 1.0]);
        assert!((area_m2(&common(&square, &shifted)) - 1.0).abs() < 1e-9);
        assert_eq!(outside_m(&square, [1.0, 1.0]), 0.0);
        assert!((outside_m(&square, [4.0, 1.0]) - 2.0).abs() < 1e-9);
    }
}
