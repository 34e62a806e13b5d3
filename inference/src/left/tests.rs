//! Things before a drawn camera: a pavement with joints, people and things of other levels, noise, light.

use super::*;
use crate::{picture::Point, quality::testing::chance};

const WIDTH: usize = 384;
const HEIGHT: usize = 216;
const BAG: u16 = 4;

/// Something in the picture: left, top, width and height in pixels, and its luma.
type Drawn = ([usize; 4], u8);

/// What is there at a time.
type Scene = fn(f32) -> Vec<Drawn>;

fn classes() -> Vec<String> {
    ["person", "two_wheeler", "car", "large_vehicle", "bag"].map(str::to_owned).into()
}

fn draw(things: &[Drawn], light: i16, seed: u32) -> Vec<u8> {
    let mut luma = vec![0u8; WIDTH * HEIGHT];
    for (at, pixel) in luma.iter_mut().enumerate() {
        let (x, y) = (at % WIDTH, at / WIDTH);
        let inside = |frame: &[usize; 4]| {
            (frame[0]..frame[0] + frame[2]).contains(&x) && (frame[1]..frame[1] + frame[3]).contains(&y)
        };
        let ground = if x % 24 == 0 || y % 18 == 0 { 118 } else { 125 };
        let level = things.iter().rev().find(|(frame, _)| inside(frame)).map_or(ground, |(_, level)| i16::from(*level));
        *pixel = (level + light + (chance(seed, x, y) * 7.0) as i16 - 3).clamp(16, 235) as u8;
    }
    luma
}

/// What was told of bags: from when until when, seconds, and where.
#[derive(Debug, Default)]
struct Told {
    bags: Vec<(f32, Rect)>,
    people: usize,
}

impl Told {
    fn between(&self, from_s: f32, to_s: f32) -> usize {
        self.bags.iter().filter(|(t_s, _)| (from_s..to_s).contains(t_s)).count()
    }
}

/// Shows a scene at five pictures a second to a model that finds every person and no bag.
fn watch(seconds: i64, scene: impl Fn(f32) -> (Vec<Drawn>, i16), people: impl Fn(f32) -> Vec<Rect>) -> Told {
    let mut left = LeftThings::new(&classes()).expect("people and bags");
    let (mut told, chroma) = (Told::default(), vec![128u8; WIDTH * HEIGHT / 4]);
    for n in 0..seconds * 5 {
        let t_s = n as f32 / 5.0;
        let (things, light) = scene(t_s);
        let luma = draw(&things, light, n as u32);
        let picture = I420 {
            width_px: WIDTH as u32,
            height_px: HEIGHT as u32,
            y: &luma,
            y_stride: WIDTH,
            u: &chroma,
            u_stride: WIDTH / 2,
            v: &chroma,
            v_stride: WIDTH / 2,
        };
        let mut found: Vec<_> = people(t_s).iter().map(|&bbox| Detection { bbox, class: 0, score: 0.7 }).collect();
        left.observe(&picture, n * 200_000, &mut found).expect("a picture");
        told.bags.extend(found.iter().filter(|found| found.class == BAG).map(|found| (t_s, found.bbox)));
        told.people += found.iter().filter(|found| found.class == 0).count();
    }
    told
}

/// A person of 20 × 60 pixels whose feet are at (x, 150).
fn person(x: usize) -> Drawn {
    ([x - 10, 90, 20, 60], 60)
}

fn box_of((frame, _): Drawn) -> Rect {
    let [left, top, width, height] = frame.map(|edge| edge as f32);
    let (wide, high) = (WIDTH as f32, HEIGHT as f32);
    Rect::new(left / wide, top / high, (left + width) / wide, (top + height) / high)
}

/// Something of 12 × 16 pixels on the ground at 200.
const THING: Drawn = ([194, 136, 12, 16], 190);
/// It is put down at 12 s by somebody who comes from the left at 10 pixels a second and goes back.
fn walks(t_s: f32) -> Option<Drawn> {
    (2.0..22.0).contains(&t_s).then(|| person((182.0 - 10.0 * (t_s - 12.0).abs()) as usize))
}

/// He takes it again at `taken_s`.
fn puts_down(t_s: f32, taken_s: f32) -> Vec<Drawn> {
    let comes_back = (taken_s - 10.0..taken_s + 10.0).contains(&t_s);
    let back = comes_back.then(|| person((182.0 - 10.0 * (t_s - taken_s).abs()) as usize));
    let thing = (12.0..taken_s).contains(&t_s).then_some(THING);
    thing.into_iter().chain(walks(t_s)).chain(back).collect()
}

fn people_of(things: &[Drawn]) -> Vec<Rect> {
    things.iter().filter(|(frame, _)| frame[3] == 60).map(|&thing| box_of(thing)).collect()
}

#[test]
fn what_somebody_puts_down_is_a_thing_until_it_is_taken() {
    for light in [0, -20] {
        // A cloud passes at 30 s.
        let lit = |t_s: f32| if t_s > 30.0 { light } else { 0 };
        let told = watch(80, |t_s| (puts_down(t_s, 60.0), lit(t_s)), |t_s| people_of(&puts_down(t_s, 60.0)));
        assert_eq!(told.between(0.0, 13.0), 0, "light {light}");
        let seconds: Vec<_> = (12..62).map(|t_s| told.between(t_s as f32, t_s as f32 + 1.0)).collect();
        assert!(told.between(16.0, 60.0) >= 215, "light {light}: {seconds:?}");
        assert_eq!(told.between(60.4, 80.0), 0, "light {light}");
        let (_, bbox) = told.bags[told.bags.len() / 2];
        assert!(bbox.iou(&box_of(THING)) > 0.7, "{bbox:?}");
    }
}

#[test]
fn a_thing_whose_middle_looks_like_the_ground_is_one() {
    let scene = |t_s: f32| {
        let parts = [([194, 128, 12, 8], 190), ([194, 144, 12, 8], 60)];
        let things = if t_s < 12.0 { vec![] } else { parts.to_vec() };
        things.into_iter().chain(walks(t_s)).collect::<Vec<Drawn>>()
    };
    let told = watch(40, |t_s| (scene(t_s), 0), |t_s| people_of(&scene(t_s)));
    let whole = box_of(([194, 128, 12, 24], 0));
    let late: Vec<_> = told.bags.iter().filter(|(t_s, _)| *t_s > 20.0).collect();
    assert!((95..=100).contains(&late.len()), "one in a picture: {}", late.len());
    assert!(late.iter().all(|(_, bbox)| bbox.iou(&whole) > 0.7), "{:?}", late.last());
}

#[test]
fn a_person_that_it_is_mistaken_for_is_none_and_the_others_stay() {
    let mistaken = |t_s: f32| {
        let mut people = people_of(&puts_down(t_s, 500.0));
        if t_s > 25.0 {
            people.push(box_of(THING));
        }
        people.push(Rect::around(Point::new(0.8, 0.3), 0.05, 0.25));
        people
    };
    let told = watch(40, |t_s| (puts_down(t_s, 500.0), 0), mistaken);
    assert!(told.between(16.0, 40.0) > 110);
    assert_eq!(told.people, 200 + 100, "the one who stands elsewhere in all, the one who left it for 20 s");
}

#[test]
fn what_was_there_before_and_what_nobody_brought_is_none() {
    let cases: [(&str, Scene); 4] = [
        ("it was there from the start and is taken away", |t_s| {
            (t_s < 12.0).then_some(THING).into_iter().chain(walks(t_s)).collect()
        }),
        ("nobody was near", |t_s| (t_s > 12.0).then_some(THING).into_iter().collect()),
        ("somebody who stands still", |t_s| vec![person(if t_s < 12.0 { 82 + (t_s * 10.0) as usize } else { 202 })]),
        ("a car that parks where somebody goes", |t_s| {
            (t_s > 12.0).then_some(([190, 100, 110, 50], 200)).into_iter().chain(walks(t_s)).collect()
        }),
    ];
    for (name, scene) in cases {
        let told = watch(60, |t_s| (scene(t_s), 0), |t_s| people_of(&scene(t_s)));
        assert!(told.bags.is_empty(), "{name}: {:?}", told.bags.first());
    }
}

#[test]
fn who_passes_before_it_hides_it_and_it_is_the_same_afterwards() {
    let scene = |t_s: f32| {
        let passer = (30.0..50.0).contains(&t_s).then(|| person((100.0 + (t_s - 30.0) * 10.0) as usize));
        puts_down(t_s, 500.0).into_iter().chain(passer).collect::<Vec<_>>()
    };
    // Who comes last is drawn first: before the others.
    let told = watch(70, |t_s| (scene(t_s), 0), |t_s| people_of(&scene(t_s)));
    assert!(told.between(16.0, 39.0) > 110 && told.between(42.0, 70.0) > 135, "{}", told.bags.len());
}

#[test]
fn a_new_stream_a_new_size_and_a_model_without_bags_do_no_harm() {
    assert!(LeftThings::new(&["person".to_owned(), "car".to_owned()]).is_none());
    let mut left = LeftThings::new(&classes()).expect("people and bags");
    for (n, (width, height)) in (0i64..).zip([(384usize, 216usize), (64, 64), (4, 4), (1920, 1080), (384, 216)]) {
        let (luma, chroma) = (vec![90u8; width * height], vec![128u8; width * height]);
        let picture = I420 {
            width_px: width as u32,
            height_px: height as u32,
            y: &luma,
            y_stride: width,
            u: &chroma,
            u_stride: width,
            v: &chroma,
            v_stride: width,
        };
        for t_us in [n * 1_000_000, n * 1_000_000 + 200_000, -5, i64::MAX, i64::MIN] {
            left.observe(&picture, t_us, &mut Vec::new()).expect("a picture");
        }
        left.forget();
    }
}
