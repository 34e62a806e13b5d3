//! The same ground by mounting and by known points, and how wrong it is told to be.

use super::*;

const WIDE: f64 = 16.0 / 9.0;
const POLE: Mounting = Mounting { height_m: 6.0, heading_deg: 30.0, tilt_deg: 25.0, field_of_view_deg: 70.0 };

/// A pixel's ray, written out: right, ahead and down of the camera, turned into east, north and down.
fn traced(mounting: &Mounting, point: Point) -> [f64; 2] {
    let half = (mounting.field_of_view_deg.to_radians() / 2.0).tan();
    let (x, y) = ((2.0 * f64::from(point.x) - 1.0) * half, (2.0 * f64::from(point.y) - 1.0) * half / WIDE);
    let (sin, cos) = mounting.tilt_deg.to_radians().sin_cos();
    let (ahead, down) = (cos - y * sin, sin + y * cos);
    let (right_m, ahead_m) = (mounting.height_m * x / down, mounting.height_m * ahead / down);
    let (sin, cos) = mounting.heading_deg.to_radians().sin_cos();
    [right_m * cos + ahead_m * sin, ahead_m * cos - right_m * sin]
}

#[test]
fn a_mounting_gives_the_place_that_its_rays_meet() {
    let ground = Calibration::Mounted(POLE).ground(WIDE).expect("a calibration");
    for (x, y) in [(0.5, 0.5), (0.1, 0.9), (0.9, 0.3), (0.5, 1.0), (0.0, 0.4)] {
        let (point, expected) = (Point::new(x, y), traced(&POLE, Point::new(x, y)));
        let place = ground.place(point, 0.0).expect("below the horizon");
        assert!(apart([place.east_m, place.north_m], expected) < 1e-4, "{point:?}: {place:?}, not {expected:?}");
    }
    // The middle of the picture is tan(90° − tilt) heights away, in the direction of the heading.
    let middle = ground.place(Point::new(0.5, 0.5), 0.0).expect("below the horizon");
    assert!((middle.east_m.hypot(middle.north_m) - 6.0 / 25f64.to_radians().tan()).abs() < 1e-4);
    assert!((middle.east_m.atan2(middle.north_m).to_degrees() - 30.0).abs() < 1e-4);
    let level = Calibration::Mounted(Mounting { tilt_deg: 5.0, ..POLE }).ground(WIDE).expect("a calibration");
    assert_eq!(level.place(Point::new(0.5, 0.2), 0.0), None, "above the horizon");
}

#[test]
fn known_points_give_the_same_ground() {
    let at = |x: f64, y: f64| {
        let ground_m = traced(&POLE, Point::new(x as f32, y as f32));
        KnownPoint { picture: [x, y], ground_m }
    };
    let four = vec![at(0.1, 0.95), at(0.9, 0.9), at(0.8, 0.3), at(0.25, 0.35)];
    let six = [four.clone(), vec![at(0.5, 0.6), at(0.4, 0.8)]].concat();
    for points in [four, six] {
        // The aspect has no part in it.
        let ground = Calibration::Known(points).ground(1.0).expect("a calibration");
        for (x, y) in [(0.5, 0.5), (0.2, 0.7), (0.7, 0.95), (0.5, 0.25)] {
            let (point, expected) = (Point::new(x, y), traced(&POLE, Point::new(x, y)));
            let place = ground.place(point, 0.0).expect("below the horizon");
            assert!(apart([place.east_m, place.north_m], expected) < 1e-3, "{point:?}: {place:?}, not {expected:?}");
        }
    }
}

#[test]
fn the_error_that_is_told_is_that_of_a_mounting_measured_by_hand() {
    // A hundred mountings that are off by their usual errors: how far their places lie from the true ones, against what
    // each of them tells of itself.
    let mut state = 1u64;
    let mut normal = || {
        // The sum of twelve even chances is normal enough (Irwin–Hall).
        let even = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / (1u64 << 31) as f64
        };
        (0..12).map(even).sum::<f64>() - 6.0
    };
    for (x, y) in [(0.5, 0.3), (0.5, 0.6), (0.9, 0.9)] {
        let point = Point::new(x, y);
        let (mut found, mut told) = (0.0, 0.0);
        for _ in 0..100 {
            let measured = Mounting {
                height_m: POLE.height_m * (1.0 + HEIGHT_ERROR_PART * normal()),
                heading_deg: POLE.heading_deg + HEADING_ERROR_DEG * normal(),
                tilt_deg: POLE.tilt_deg + TILT_ERROR_DEG * normal(),
                field_of_view_deg: POLE.field_of_view_deg * (1.0 + FIELD_OF_VIEW_ERROR_PART * normal()),
            };
            let ground = Calibration::Mounted(measured).ground(WIDE).expect("a calibration");
            let place = ground.place(point, 0.0).expect("below the horizon");
            found += apart([place.east_m, place.north_m], traced(&POLE, point)).powi(2);
            told += place.error_m.powi(2);
        }
        let ratio = (told / found).sqrt();
        assert!((0.75..1.33).contains(&ratio), "{point:?}: told {told}, found {found}");
    }
    let ground = Calibration::Mounted(POLE).ground(WIDE).expect("a calibration");
    let error = |y: f32, off: f32| ground.place(Point::new(0.5, y), off).expect("below the horizon").error_m;
    assert!(error(0.2, 0.0) > error(0.5, 0.0) && error(0.5, 0.0) > error(0.9, 0.0), "far is less certain");
    assert!(error(0.5, 0.01) > error(0.5, 0.0), "so is a box that is off");
}

#[test]
fn lengths_are_as_on_the_ground() {
    let ground = Calibration::Mounted(POLE).ground(WIDE).expect("a calibration");
    let (from, to) = (Point::new(0.3, 0.8), Point::new(0.6, 0.4));
    let length = ground.length(from, to).expect("below the horizon");
    assert!((length.m - apart(traced(&POLE, from), traced(&POLE, to))).abs() < 1e-4);
    assert!((0.02..0.15).contains(&(length.error_m / length.m)), "{length:?}");
}

#[test]
fn what_is_no_calibration_says_why() {
    let mounted = |mounting| Calibration::Mounted(mounting).ground(WIDE).expect_err("no calibration").to_string();
    assert!(mounted(Mounting { height_m: 0.0, ..POLE }).contains("height_m = 0"));
    assert!(mounted(Mounting { tilt_deg: f64::NAN, ..POLE }).contains("tilt_deg"));
    let known = |points: &[([f64; 2], [f64; 2])]| {
        let points = points.iter().map(|&(picture, ground_m)| KnownPoint { picture, ground_m }).collect();
        Calibration::Known(points).ground(WIDE).expect_err("no calibration")
    };
    let square =
        [([0.2, 0.9], [0.0, 0.0]), ([0.8, 0.9], [5.0, 0.0]), ([0.7, 0.4], [5.0, 9.0]), ([0.3, 0.4], [0.0, 9.0])];
    assert_eq!(known(&square[..3]), GroundError::Count { count: 3 });
    let mut outside = square;
    outside[1].0[0] = 1.2;
    assert_eq!(known(&outside), GroundError::Outside { number: 2 });
    let mut in_line = square;
    in_line[2] = ([0.5, 0.9], [2.5, 0.0]);
    assert_eq!(known(&in_line), GroundError::Degenerate);
    let mut swapped = square;
    (swapped[0].1, swapped[1].1) = (swapped[1].1, swapped[0].1);
    assert_eq!(known(&swapped), GroundError::Degenerate);
}

#[test]
fn longitude_and_latitude_there_and_back() {
    let origin = [120.1536, 30.2875];
    // A degree of the meridian at 30.3° is 110.857 km, one of the parallel 96.207 km.
    let [east_m, north_m] = local_m(origin, [origin[0] + 0.001, origin[1] + 0.001]);
    assert!((north_m - 110.857).abs() < 0.01, "{north_m}");
    assert!((east_m - 96.207).abs() < 0.01, "{east_m}");
    let place = Place { east_m, north_m, error_m: 0.0 };
    let back = place.wgs84(origin);
    assert!((back[0] - origin[0] - 0.001).abs() < 1e-9 && (back[1] - origin[1] - 0.001).abs() < 1e-9, "{back:?}");
    assert!((local_m([179.9999, 0.0], [-179.9999, 0.0])[0] - 22.26).abs() < 0.01);
}
