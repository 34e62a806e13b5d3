//! A camera of the city as a gateway is told of it.

use toml::{Table, Value};

use crate::camera::Camera;
use crate::place::position_deg;

/// A `[[camera]]` table of `gateway.toml`, with the camera's rules.
pub fn gateway_table(camera: &Camera, url: &str) -> String {
    let mut table = Table::new();
    let mut set = |key: &str, value: Value| table.insert(key.to_owned(), value);
    set("id", camera.id.clone().into());
    set("name", camera.name_zh.clone().into());
    set("url", url.into());
    let digits = |degrees: f64| Value::Float((degrees * 1e6).round() / 1e6);
    let (longitude, latitude) = position_deg(camera.at);
    set("position", vec![digits(longitude), digits(latitude)].into());
    let short = |value: f32| Value::Float((f64::from(value) * 10.0).round() / 10.0);
    set("heading_deg", short(camera.heading_deg.rem_euclid(360.0)));
    set("field_of_view_deg", short(camera.fov_deg));
    // A technician calibrates where a rule needs it.
    let needs = |rule: &Table| rule.get("kind").and_then(Value::as_str) == Some("speed_over");
    if camera.rules.iter().any(needs) {
        set("height_m", short(camera.height_m));
        set("tilt_deg", short(camera.tilt_deg));
    }
    set("analysed_fps", Value::Float(5.0));
    let rules = camera.rules.iter().cloned().map(Value::Table).collect();
    table.insert("rule".to_owned(), Value::Array(rules));
    let all = Table::from_iter([("camera".to_owned(), Value::Array(vec![Value::Table(table)]))]);
    format!("\n{all}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Options, World};

    #[test]
    fn a_gateway_reads_every_camera_of_the_city() {
        for camera in World::new(Options::default()).cameras() {
            let text = gateway_table(camera, "rtsp://127.0.0.1:1/x");
            let table: Table = text.parse().expect("TOML");
            let one = &table["camera"][0];
            assert_eq!(one["id"].as_str(), Some(camera.id.as_str()));
            let place = one["position"].as_array().expect("two numbers");
            assert!((place[0].as_float().expect("degrees") - 120.163).abs() < 0.01, "{text}");
            let rules = one["rule"].as_array().map_or(&[][..], Vec::as_slice);
            assert_eq!(rules.len(), camera.rules.len());
        }
    }
}
