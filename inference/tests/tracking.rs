//! The tracker on made-up motion with known truth: objects keep their number through crossing, hiding, flicker and
//! missing pictures, at any sample rate.

use yiwang_inference::{
    detect::Detection,
    model::coco80,
    picture::{Point, Rect},
    track::{Tracker, TrackerConfig},
};

const PERSON: u16 = 0;
const CAR: u16 = 2;
const TRUCK: u16 = 7;

fn at(x: f32, y: f32, class: u16, score: f32) -> Detection {
    Detection { bbox: Rect::around(Point::new(x, y), 0.08, 0.2), class, score }
}

/// The number of the seen track whose centre is nearest to x.
fn number_at(tracker: &Tracker, x: f32) -> Option<u64> {
    let distance = |centre: f32| (centre - x).abs();
    tracker
        .tracks()
        .iter()
        .filter(|track| !track.predicted && distance(track.bbox.centre().x) < 0.05)
        .min_by(|a, b| distance(a.bbox.centre().x).total_cmp(&distance(b.bbox.centre().x)))
        .map(|track| track.id)
}

#[test]
fn two_who_cross_keep_their_numbers() {
    for step_us in [100_000i64, 200_000, 333_333] {
        let mut tracker = Tracker::for_classes(TrackerConfig::default(), &coco80());
        let (right, left) = (|t: f32| 0.1 + 0.1 * t, |t: f32| 0.9 - 0.1 * t);
        let mut t_us = 0;
        while t_us <= 8_000_000 {
            let t = t_us as f32 / 1e6;
            tracker.update(t_us, &[at(right(t), 0.5, PERSON, 0.8), at(left(t), 0.52, PERSON, 0.8)]);
            t_us += step_us;
        }
        let t = (t_us - step_us) as f32 / 1e6;
        assert_eq!(tracker.tracks().len(), 2, "every {step_us} µs");
        assert_eq!(
            (number_at(&tracker, right(t)), number_at(&tracker, left(t))),
            (Some(1), Some(2)),
            "every {step_us} µs"
        );
    }
}

#[test]
fn one_who_is_hidden_comes_back_under_the_same_number_or_is_given_up() {
    for (hidden_s, same) in [(1.0f32, true), (2.0, true), (4.0, false)] {
        let mut tracker = Tracker::new(TrackerConfig::default());
        let x = |t: f32| 0.1 + 0.05 * t;
        for i in 0..60 {
            let t = i as f32 * 0.2;
            let seen = t <= 3.0 || t > 3.0 + hidden_s;
            let boxes = if seen { vec![at(x(t), 0.5, PERSON, 0.8)] } else { vec![] };
            tracker.update(i * 200_000, &boxes);
            if !seen && t < 3.0 + 2.4 {
                let track = &tracker.tracks()[0];
                assert!(track.predicted && track.last_seen_us == 3_000_000, "{track:?}");
                assert_eq!(tracker.settled_us(), Some(3_000_000));
            }
        }
        let number = tracker.tracks().first().map(|track| track.id);
        assert_eq!(number == Some(1), same, "hidden for {hidden_s} s: {number:?}");
        assert_eq!(tracker.tracks().len(), 1);
    }
}

#[test]
fn weak_boxes_keep_a_track_and_start_none() {
    let mut tracker = Tracker::new(TrackerConfig::default());
    for i in 0..50 {
        let score = if i < 3 { 0.8 } else { 0.15 };
        tracker.update(i * 200_000, &[at(0.3, 0.5, PERSON, score), at(0.7, 0.5, PERSON, 0.3)]);
    }
    assert_eq!(tracker.tracks().len(), 1);
    assert_eq!((tracker.tracks()[0].id, tracker.tracks()[0].predicted), (1, false));
}

#[test]
fn weak_boxes_alone_keep_who_stands_and_not_what_drifts() {
    for (speed, kept) in [(0.0f32, true), (0.05, false)] {
        let mut tracker = Tracker::new(TrackerConfig::default());
        for i in 0..60 {
            let t = i as f32 * 0.2;
            let score = if t < 4.0 { 0.8 } else { 0.2 };
            tracker.update(i * 200_000, &[at(0.2 + speed * t, 0.5, PERSON, score)]);
        }
        assert_eq!(tracker.tracks().len() == 1, kept, "at {speed} pictures a second");
    }
}

#[test]
fn who_stands_half_hidden_for_a_moment_does_not_rise_while_out_of_sight() {
    let mut tracker = Tracker::new(TrackerConfig::default());
    let standing = at(0.5, 0.5, PERSON, 0.8);
    let upper = Rect { y1: standing.bbox.y1 - 0.08, ..standing.bbox };
    for i in 0..30 {
        let boxes = match i {
            0..=20 | 26.. => vec![standing],
            21 => vec![Detection { bbox: upper, score: 0.2, ..standing }],
            _ => vec![],
        };
        tracker.update(i * 200_000, &boxes);
        for track in tracker.tracks().iter().filter(|_| i != 21) {
            let risen = standing.bbox.y1 - track.bbox.y1;
            assert!(risen.abs() < 0.1, "{risen} pictures in sample {i}");
        }
    }
    assert_eq!((tracker.tracks().len(), number_at(&tracker, 0.5)), (1, Some(1)));
}

#[test]
fn a_box_that_flickers_once_is_nobody_and_one_that_flickers_on_and_off_is_one() {
    let mut tracker = Tracker::new(TrackerConfig::default());
    for i in 0..50 {
        let mut boxes = if i % 3 == 0 { vec![at(0.3, 0.5, PERSON, 0.7)] } else { vec![] };
        if i == 20 {
            boxes.push(at(0.8, 0.5, PERSON, 0.9));
        }
        tracker.update(i * 200_000, &boxes);
        assert!(tracker.tracks().len() <= 1);
    }
    assert_eq!(tracker.tracks()[0].id, 1);
    assert_eq!(tracker.tracks()[0].sightings, 17);
}

#[test]
fn one_vehicle_called_car_and_truck_in_turn_is_one_and_is_called_what_it_mostly_was() {
    let mut tracker = Tracker::for_classes(TrackerConfig::default(), &coco80());
    for i in 0..20i64 {
        let class = if i % 3 == 1 { TRUCK } else { CAR };
        tracker.update(i * 200_000, &[at(0.2 + 0.02 * i as f32, 0.5, class, 0.7)]);
    }
    let track = &tracker.tracks()[0];
    assert_eq!((tracker.tracks().len(), track.id, track.class), (1, 1, CAR));
}

#[test]
fn a_row_of_parked_cars_does_not_move_up_while_one_of_them_is_missed() {
    let mut tracker = Tracker::for_classes(TrackerConfig::default(), &coco80());
    // Each hides a good part of the next.
    let parked = |n: i32| Detection {
        bbox: Rect::around(Point::new(0.3 + 0.06 * n as f32, 0.3 + 0.05 * n as f32), 0.16, 0.16),
        class: CAR,
        score: 0.8,
    };
    for i in 0..60i64 {
        let boxes: Vec<Detection> = (0..5).filter(|n| *n != 4 || !(25..45).contains(&i)).map(parked).collect();
        tracker.update(i * 200_000, &boxes);
        for track in tracker.tracks().iter().filter(|track| track.id < 5) {
            let place = 0.3 + 0.06 * (track.id - 1) as f32;
            assert!((track.bbox.centre().x - place).abs() < 0.01, "picture {i}: {track:?}");
        }
    }
}

#[test]
fn two_boxes_of_one_person_are_one_and_two_cars_that_hide_each_other_are_two() {
    let pair = |class: u16, width: f32, height: f32, apart: f32| {
        let mut tracker = Tracker::for_classes(TrackerConfig::default(), &coco80());
        for i in 0..20i64 {
            let one =
                |x: f32, score: f32| Detection { bbox: Rect::around(Point::new(x, 0.5), width, height), class, score };
            tracker.update(i * 200_000, &[one(0.4, 0.8), one(0.4 + apart, 0.6)]);
        }
        tracker.tracks().len()
    };
    assert_eq!(pair(PERSON, 0.06, 0.3, 0.03), 1);
    assert_eq!(pair(PERSON, 0.06, 0.3, 0.04), 2);
    assert_eq!(pair(CAR, 0.2, 0.15, 0.1), 2);
}

#[test]
fn a_box_between_two_cars_and_one_around_a_bicycle_are_none() {
    let car =
        |x: f32, y: f32, score: f32| Detection { bbox: Rect::around(Point::new(x, y), 0.3, 0.2), class: CAR, score };
    let cases = [
        ("between two", vec![car(0.4, 0.4, 0.8), car(0.42, 0.6, 0.8), car(0.41, 0.5, 0.6)]),
        (
            "around one",
            vec![
                at(0.5, 0.5, PERSON, 0.8),
                Detection { bbox: Rect::new(0.38, 0.28, 0.62, 0.64), class: PERSON, score: 0.6 },
            ],
        ),
    ];
    for (name, boxes) in cases {
        let mut tracker = Tracker::for_classes(TrackerConfig::default(), &coco80());
        (0..10).for_each(|i| tracker.update(i * 200_000, &boxes));
        assert_eq!(tracker.tracks().len(), boxes.len() - 1, "{name}");
    }
}

#[test]
fn a_person_does_not_become_the_car_behind() {
    let mut tracker = Tracker::for_classes(TrackerConfig::default(), &coco80());
    for i in 0..20 {
        let boxes = if i < 10 { at(0.5, 0.5, PERSON, 0.8) } else { at(0.5, 0.5, CAR, 0.8) };
        tracker.update(i * 200_000, &[boxes]);
    }
    let classes: Vec<u16> = tracker.tracks().iter().map(|track| track.class).collect();
    assert_eq!(classes, [PERSON, CAR]);
}

#[test]
fn a_fast_object_with_no_overlap_between_samples_is_one() {
    let mut tracker = Tracker::new(TrackerConfig::default());
    for i in 0..8i64 {
        tracker.update(i * 200_000, &[at(0.05 + 0.1 * i as f32, 0.5, CAR, 0.8)]);
    }
    assert_eq!(tracker.tracks().len(), 1);
    assert_eq!(tracker.tracks()[0].sightings, 8);
    assert!((tracker.tracks()[0].velocity[0] - 0.5).abs() < 0.1);
}

#[test]
fn pictures_out_of_order_and_floods_of_boxes_do_no_harm() {
    let mut tracker = Tracker::new(TrackerConfig::default());
    tracker.update(1_000_000, &[at(0.5, 0.5, PERSON, 0.8)]);
    tracker.update(1_000_000, &[at(0.1, 0.5, PERSON, 0.8)]);
    tracker.update(500_000, &[at(0.1, 0.5, PERSON, 0.8)]);
    tracker.update(1_200_000, &[at(0.5, 0.5, PERSON, 0.8)]);
    assert_eq!(tracker.tracks().len(), 1);
    for i in 0..4i64 {
        let flood: Vec<Detection> =
            (0..200).map(|n| at(f32::from(n % 20) / 20.0, f32::from(n / 20) / 10.0, n, 0.9)).collect();
        tracker.update(2_000_000 + i * 200_000, &flood);
    }
    assert!(tracker.tracks().len() <= 400);
    tracker.update(60_000_000, &[]);
    assert!(tracker.tracks().is_empty());
}
