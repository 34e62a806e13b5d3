//! Longitude and latitude to metres around an origin and back, on the WGS-84 ellipsoid's tangent plane: within a
//! camera's view, some hundred metres, exact to millimetres.

/// Semi-major axis, metres, and the square of the first eccentricity (NIMA TR8350.2, table 3.1 and 3.3).
const AXIS_M: f64 = 6_378_137.0;
const ECCENTRICITY_SQUARED: f64 = 6.694_379_990_14e-3;

/// East and north of the origin, metres.
pub(super) fn to_local(origin: [f64; 2], position: [f64; 2]) -> [f64; 2] {
    let [east, north] = metres_per_degree(origin[1]);
    // The short way around, so that an origin beside the date line is none.
    let longitude = (position[0] - origin[0] + 540.0).rem_euclid(360.0) - 180.0;
    [longitude * east, (position[1] - origin[1]) * north]
}

/// Longitude and latitude.
pub(super) fn from_local(origin: [f64; 2], [east_m, north_m]: [f64; 2]) -> [f64; 2] {
    let [east, north] = metres_per_degree(origin[1]);
    let longitude = origin[0] + east_m / east.max(1e-6);
    [(longitude + 540.0).rem_euclid(360.0) - 180.0, origin[1] + north_m / north]
}

/// Lengths of a degree of longitude and of latitude: the radii of curvature in the prime vertical and in the meridian.
fn metres_per_degree(latitude_deg: f64) -> [f64; 2] {
    let (sin, cos) = latitude_deg.to_radians().sin_cos();
    let flat = 1.0 - ECCENTRICITY_SQUARED * sin * sin;
    let (vertical_m, meridian_m) = (AXIS_M / flat.sqrt(), AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / (flat * flat.sqrt()));
    [vertical_m * cos, meridian_m].map(|radius_m| radius_m * 1f64.to_radians())
}
