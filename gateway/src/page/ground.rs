//! Four points or more whose place on the ground is known, tried before they are saved: how far the ground that follows
//! from them misses each, and how wrong places around it may be. Pure.

use serde_json::{Value, json};
use yiwang_inference::ground::{Calibration, KnownPoint, local_m};
use yiwang_inference::picture::Point;

/// The picture's aspect does not matter to points that are given in it.
const ASPECT: f64 = 16.0 / 9.0;
/// Fractions of the picture at which the error is told besides: down its middle.
const DOWN: [f32; 4] = [0.4, 0.55, 0.7, 0.9];

/// Tries points (x, y, longitude, latitude) seen from a camera's position.
///
/// # Errors
/// They do not tell the ground; the text says why.
pub(super) fn tried(position: [f64; 2], points: &[[f64; 4]]) -> Result<Value, String> {
    let known: Vec<KnownPoint> = points
        .iter()
        .map(|&[x, y, longitude, latitude]| KnownPoint {
            picture: [x, y],
            ground_m: local_m(position, [longitude, latitude]),
        })
        .collect();
    let ground = Calibration::Known(known.clone()).ground(ASPECT).map_err(|error| error.to_string())?;
    let place = |x: f32, y: f32| ground.place(Point::new(x, y), 0.0);
    let of_points: Vec<Value> = known
        .iter()
        .map(|point| {
            let place = place(point.picture[0] as f32, point.picture[1] as f32);
            let misses = place.map(|p| (p.east_m - point.ground_m[0]).hypot(p.north_m - point.ground_m[1]));
            json!({
                "east_m": point.ground_m[0], "north_m": point.ground_m[1],
                "misses_m": misses.map(centimetres), "error_m": place.map(|p| centimetres(p.error_m)),
            })
        })
        .collect();
    let down: Vec<Value> = DOWN
        .iter()
        .filter_map(|&y| {
            let place = place(0.5, y)?;
            Some(json!({
                "y": y, "away_m": centimetres(place.east_m.hypot(place.north_m)), "error_m": centimetres(place.error_m)
            }))
        })
        .collect();
    Ok(json!({ "points": of_points, "down_the_middle": down }))
}

fn centimetres(m: f64) -> f64 {
    (m * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_tell_their_error_and_a_swapped_pair_is_refused() {
        let points = [
            [0.1, 0.9, 120.0, 30.0],
            [0.9, 0.9, 120.0001, 30.0],
            [0.7, 0.4, 120.0001, 30.0002],
            [0.3, 0.4, 120.0, 30.0002],
        ];
        let told = tried([120.0, 30.0], &points).unwrap();
        assert_eq!(told["points"].as_array().unwrap().len(), 4);
        assert!(told["points"][2]["misses_m"].as_f64().unwrap() < 0.05, "four points are met exactly: {told:#}");
        assert!(told["points"][2]["error_m"].as_f64().unwrap() > told["points"][0]["error_m"].as_f64().unwrap());
        let mut five = points.to_vec();
        five.push([0.5, 0.6, 120.00009, 30.00008]);
        let told = tried([120.0, 30.0], &five).unwrap();
        assert!(told["points"][4]["misses_m"].as_f64().unwrap() > 0.5, "the one that is wrong is seen: {told:#}");
        assert!(tried([120.0, 30.0], &points[..3]).unwrap_err().contains("3 known points"));
    }
}
