//! Where on earth the city lies.

use glam::Vec2;

/// The city's middle, WGS-84 longitude and latitude: in Hangzhou, as the demo's real clips always were.
const MIDDLE_DEG: (f64, f64) = (120.163_2, 30.274_1);
/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_320.0;

/// WGS-84 longitude and latitude of a point, metres east and north of the middle. A plane is good enough for half a
/// kilometre.
pub fn position_deg(at: Vec2) -> (f64, f64) {
    let (longitude, latitude) = MIDDLE_DEG;
    let (east_m, north_m) = (f64::from(at.x), f64::from(at.y));
    (longitude + east_m / (DEGREE_M * latitude.to_radians().cos()), latitude + north_m / DEGREE_M)
}
