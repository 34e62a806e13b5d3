//! A camera's calibration as its table gives it: how it is mounted, or points of the ground that are known. What
//! follows from it is `yiwang_inference::ground`'s business.

use yiwang_inference::ground::{self, Calibration, KnownPoint, Mounting};

use crate::config::RawCamera;

const TOGETHER: &str = "height_m and tilt_deg calibrate together with heading_deg and field_of_view_deg";

/// The calibration, if the camera has one. Places on the ground are metres from the camera's position.
pub(crate) fn of(raw: &RawCamera) -> Result<Option<Calibration>, String> {
    let mounted = raw.height_m.is_some() || raw.tilt_deg.is_some();
    let calibration = match (mounted, raw.ground_points.is_empty()) {
        (false, true) => return Ok(None),
        (true, false) => return Err("ground_points are given beside height_m and tilt_deg; keep one".into()),
        (true, true) => {
            let need = |key: &str, value: Option<f64>| value.ok_or_else(|| format!("{key} is missing; {TOGETHER}"));
            Calibration::Mounted(Mounting {
                height_m: need("height_m", raw.height_m)?,
                heading_deg: need("heading_deg", raw.heading_deg)?,
                tilt_deg: need("tilt_deg", raw.tilt_deg)?,
                field_of_view_deg: need("field_of_view_deg", raw.field_of_view_deg)?,
            })
        }
        (false, false) => {
            let origin = raw.position.ok_or("ground_points need the camera's position beside them")?;
            let known = |&[x, y, longitude, latitude]: &[f64; 4]| KnownPoint {
                picture: [x, y],
                ground_m: ground::local_m(origin, [longitude, latitude]),
            };
            Calibration::Known(raw.ground_points.iter().map(known).collect())
        }
    };
    calibration.ground(16.0 / 9.0).map_err(|e| format!("the calibration: {e}"))?;
    Ok(Some(calibration))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(keys: &str) -> Result<Option<Calibration>, String> {
        of(&toml::from_str(&format!("id = 'a'\nurl = 'rtsp://h/x'\n{keys}")).expect("a camera's table"))
    }

    #[test]
    fn a_camera_is_calibrated_by_its_mounting_or_by_known_points() {
        assert_eq!(calibration("heading_deg = 90\nfield_of_view_deg = 70"), Ok(None));
        let mounted = calibration("heading_deg = 90\nfield_of_view_deg = 70\nheight_m = 5.5\ntilt_deg = 25");
        assert!(matches!(mounted, Ok(Some(Calibration::Mounted(mounting))) if mounting.height_m == 5.5), "{mounted:?}");
        let known = "position = [120.0, 30.0]\nground_points = [[0.1, 0.9, 120.0, 30.0], [0.9, 0.9, 120.0001, 30.0], \
                     [0.7, 0.4, 120.0001, 30.0002], [0.3, 0.4, 120.0, 30.0002]]";
        let Ok(Some(Calibration::Known(points))) = calibration(known) else { panic!("four known points") };
        assert!((points[1].ground_m[0] - 9.65).abs() < 0.01 && points[1].ground_m[1].abs() < 1e-9, "{points:?}");
    }

    #[test]
    fn half_a_calibration_is_refused_with_what_it_lacks() {
        let cases = [
            ("height_m = 5.5\ntilt_deg = 25\nheading_deg = 90", "field_of_view_deg is missing"),
            ("height_m = 5.5\nheading_deg = 90\nfield_of_view_deg = 70", "tilt_deg is missing"),
            ("height_m = 5.5\nground_points = [[0.1, 0.9, 120.0, 30.0]]", "keep one"),
            ("ground_points = [[0.1, 0.9, 120.0, 30.0]]", "position"),
            ("position = [120.0, 30.0]\nground_points = [[0.1, 0.9, 120.0, 30.0]]", "1 known points"),
            ("height_m = -1\ntilt_deg = 25\nheading_deg = 90\nfield_of_view_deg = 70", "height_m = -1 must lie"),
        ];
        for (keys, part) in cases {
            let error = calibration(keys).expect_err(keys);
            assert!(error.contains(part), "{keys}: {error}");
        }
    }
}
