//! Each fault is found on a street by seed, at once and alone; what happens on a street every day is none.

use super::{
    testing::{SIZE_PX, Still, add_noise, chance, street},
    *,
};
use crate::picture::Rect;

/// Pictures a second.
const FPS: f32 = 2.0;
/// When a fault comes and goes.
const FROM_S: f32 = 25.0;
const TO_S: f32 = 42.0;

/// What was found in so many seconds of pictures: kind, phase and second.
fn examine(
    examiner: &mut Examiner,
    until_s: f32,
    picture: impl FnMut(f32) -> Still,
) -> Vec<(&'static str, Phase, f32)> {
    examine_at(FPS, examiner, until_s, picture)
}

fn examine_at(
    fps: f32,
    examiner: &mut Examiner,
    until_s: f32,
    mut picture: impl FnMut(f32) -> Still,
) -> Vec<(&'static str, Phase, f32)> {
    let mut found = Vec::new();
    for index in 0..(until_s * fps) as i64 {
        let t_s = index as f32 / fps;
        let findings = examiner.observe((t_s * 1e6) as i64, &picture(t_s).i420(), &[]);
        found.extend(findings.into_iter().map(|finding| (finding.descriptor.kind, finding.phase, t_s)));
    }
    found
}

/// A street on an ordinary day: a sensor's noise and something that walks by.
fn day(seed: u32, t_s: f32) -> Still {
    let mut still = street(seed, (0, 0));
    walk(&mut still, seed, t_s);
    still.paint(|x, y| colour(seed, x, y));
    still
}

fn walk(still: &mut Still, seed: u32, t_s: f32) {
    let at = (t_s * 60.0) as usize % (SIZE_PX.0 as usize + 200);
    still.each(|x, y, luma| if x + 100 > at && x + 70 < at && (150..260).contains(&y) { 50.0 } else { luma });
    add_noise(still, seed ^ (t_s * 1000.0) as u32, 2.0);
}

fn noisy(mut still: Still, seed: u32, t_s: f32) -> Still {
    add_noise(&mut still, seed ^ (t_s * 1000.0) as u32, 2.0);
    still
}

fn changed(mut still: Still, change: impl Fn(usize, usize, f32) -> f32) -> Still {
    still.each(change);
    still
}

type Picture = fn(u32, f32) -> Still;

const FAULTS: &[(&str, &str, Picture)] = &[
    ("camera.covered", "a hand", |seed, t_s| {
        noisy(changed(street(seed, (0, 0)), |x, y, _| 60.0 + x as f32 / 30.0 + y as f32 / 60.0), seed, t_s)
    }),
    ("camera.covered", "a cloth, and a coder that leaves its noise in patches", |seed, t_s| {
        let noise = |x: usize, y: usize| if chance(seed, x / 16, y / 16) > 0.6 { 5.0 } else { 0.0 };
        let picture = seed ^ (t_s * 1000.0) as u32;
        changed(Still::even(SIZE_PX, 70), |x, y, luma| luma + noise(x, y) * (chance(picture, x, y) - 0.5))
    }),
    ("camera.covered", "paint on a third", |seed, t_s| {
        let painted = |x: usize, y: usize| (x as f32 - 250.0).hypot(y as f32 - 200.0) < 150.0;
        noisy(changed(day(seed, t_s), |x, y, luma| if painted(x, y) { 95.0 } else { luma }), seed, t_s)
    }),
    ("camera.blurred", "out of focus", |seed, t_s| {
        let mut still = street(seed, (0, 0));
        still.blur(3);
        noisy(still, seed, t_s)
    }),
    ("camera.moved", "a little", |seed, t_s| noisy(street(seed, (45, 8)), seed, t_s)),
    ("camera.moved", "far", |seed, t_s| noisy(street(seed, (700, 500)), seed, t_s)),
    ("camera.too_dark", "no light", |seed, t_s| {
        noisy(changed(street(seed, (0, 0)), |_, _, luma| 16.0 + (luma - 16.0) * 0.05), seed, t_s)
    }),
    ("camera.too_bright", "blinded", |seed, t_s| {
        noisy(changed(street(seed, (0, 0)), |_, _, luma| luma + 150.0), seed, t_s)
    }),
    ("camera.too_bright", "a low sun in the lens, which leaves half of the detail", |seed, t_s| {
        let sun = |x: usize, y: usize| 70.0 * (-(x as f32 - 480.0).hypot(y as f32 - 90.0) / 220.0).exp();
        noisy(changed(street(seed, (0, 0)), |x, y, luma| luma * 0.5 + 108.0 + sun(x, y)), seed, t_s)
    }),
    ("camera.frozen", "to the pixel", |seed, _| day(seed, FROM_S)),
    ("camera.frozen", "but its clock ticks and the coder wobbles", |seed, t_s| {
        let group = (t_s * FPS) as u32 % 5;
        let still = changed(day(seed, FROM_S), |x, y, luma| luma + (chance(group, x, y) - 0.5).round());
        changed(still, |x, y, luma| if x > 500 && y < 25 { chance(t_s as u32, x / 6, y / 8) * 235.0 } else { luma })
    }),
    ("camera.noise", "gain run away", |seed, t_s| {
        let mut still = street(seed, (0, 0));
        add_noise(&mut still, seed ^ (t_s * 1000.0) as u32, 22.0);
        still
    }),
    ("camera.colour_cast", "all is green", |seed, t_s| {
        let mut still = day(seed, t_s);
        still.paint(|x, y| [(colour(seed, x, y)[0] - 18), colour(seed, x, y)[1] - 22]);
        still
    }),
];

/// The street's own colours.
fn colour(seed: u32, x: usize, y: usize) -> [u8; 2] {
    [110 + (chance(seed ^ 3, x / 30, y / 22) * 24.0) as u8, 118 + (chance(seed ^ 4, x / 30, y / 22) * 24.0) as u8]
}

#[test]
fn each_fault_begins_and_ends_within_ten_seconds_and_no_other_does() {
    for seed in 1..3 {
        for &(kind, what, fault) in FAULTS {
            let mut examiner = Examiner::new(&[]);
            let found = examine(&mut examiner, TO_S + 11.0, |t_s| {
                if (FROM_S..TO_S).contains(&t_s) { fault(seed, t_s) } else { day(seed, t_s) }
            });
            let told: Vec<_> = found.iter().map(|&(kind, phase, _)| (kind, phase)).collect();
            assert_eq!(told, [(kind, Phase::Begin), (kind, Phase::End)], "{what}, seed {seed}: {found:?}");
            assert!((FROM_S..FROM_S + 10.0).contains(&found[0].2), "{what}, seed {seed}: {found:?}");
            assert!((TO_S..TO_S + 10.0).contains(&found[1].2), "{what}, seed {seed}: {found:?}");
        }
    }
}

/// Time and name, as cameras write them: white, with a dark edge, a line at the top and one at the bottom.
fn written(mut still: Still) -> Still {
    still.each(|x, y, luma| {
        let line =
            |from: usize, (left, right): (usize, usize)| (from..from + 16).contains(&y) && (left..right).contains(&x);
        let stroke = chance(9, x / 3, y / 4);
        match line(12, (12, 240)) || line(332, (360, 628)) {
            true if stroke > 0.55 => 235.0,
            true if stroke > 0.2 => 16.0,
            _ => luma,
        }
    });
    still
}

/// A street by night: little light, and what a coder leaves of much noise.
fn night(seed: u32, t_s: f32, gain: f32) -> Still {
    noisy(changed(street(seed, (0, 0)), |_, _, luma| 16.0 + (luma - 16.0) * gain), seed, t_s)
}

const FAULTS_BY_NIGHT: &[(&str, &str, Picture)] = &[
    ("camera.covered", "a cloth", |seed, t_s| {
        noisy(changed(Still::even(SIZE_PX, 23), |x, _, luma| luma + 4.0 * (x as f32 / 90.0).sin()), seed, t_s)
    }),
    ("camera.covered", "paint", |seed, t_s| {
        let painted = |x: usize, y: usize| (x as f32 - 300.0).hypot(y as f32 - 180.0) < 130.0;
        let luma = |x: usize, y: usize, luma: f32| if painted(x, y) { 60.0 } else { 16.0 + (luma - 16.0) * 0.5 };
        noisy(changed(street(seed, (0, 0)), luma), seed, t_s)
    }),
    ("camera.moved", "far", |seed, t_s| {
        noisy(changed(street(seed, (700, 500)), |_, _, luma| 16.0 + (luma - 16.0) * 0.5), seed, t_s)
    }),
    ("camera.too_dark", "the lamps go out", |seed, t_s| night(seed, t_s, 0.06)),
    ("camera.too_bright", "somebody shines a lamp at it", |seed, t_s| {
        changed(night(seed, t_s, 0.15), |x, y, luma| {
            luma + 135.0 + 90.0 * (-(x as f32 - 500.0).hypot(y as f32 - 180.0) / 150.0).exp()
        })
    }),
];

#[test]
fn by_night_the_letters_on_the_picture_do_not_hide_a_fault() {
    for &(kind, what, fault) in FAULTS_BY_NIGHT {
        let mut examiner = Examiner::new(&[]);
        let found = examine(&mut examiner, TO_S + 11.0, |t_s| {
            written(if (FROM_S..TO_S).contains(&t_s) { fault(5, t_s) } else { night(5, t_s, 0.5) })
        });
        let told: Vec<_> = found.iter().map(|&(kind, phase, _)| (kind, phase)).collect();
        assert_eq!(told, [(kind, Phase::Begin), (kind, Phase::End)], "{what}: {found:?}");
        assert!((FROM_S..FROM_S + 10.0).contains(&found[0].2), "{what}: {found:?}");
    }
}

#[test]
fn an_idle_camera_that_freezes_is_suspected_at_the_first_repetition_and_nothing_is_without_a_fault() {
    for period_s in [2.0_f32, 4.0] {
        let mut examiner = Examiner::new(&[]);
        let mut suspected_s = None;
        let mut told_s = None;
        let look = |examiner: &mut Examiner, t_s: f32| {
            let still = if t_s < 200.0 { day(1, t_s) } else { day(1, 200.0) };
            !examiner.observe((t_s * 1e6) as i64, &still.i420(), &[]).is_empty()
        };
        // Awake, then a keyframe each period; awake again, as the gateway is, once something is suspected.
        let mut t_s = 0.0;
        while t_s < 230.0 && told_s.is_none() {
            let told = look(&mut examiner, t_s);
            if examiner.is_undecided() && t_s > 60.0 {
                suspected_s.get_or_insert(t_s);
            }
            told_s = told.then_some(t_s);
            let awake = t_s < 60.0 || suspected_s.is_some();
            t_s += if awake { 0.4 } else { period_s };
        }
        let (suspected_s, told_s) = (suspected_s.expect("suspected"), told_s.expect("told"));
        assert!(suspected_s >= 200.0 && told_s <= 210.0 + 0.5, "each {period_s} s: {suspected_s}, {told_s}");
    }
}

const NORMAL: &[(&str, f32, Picture)] = &[
    ("nothing but noise, for minutes", 120.0, |seed, t_s| noisy(street(seed, (0, 0)), seed, t_s)),
    ("a busy street and then nobody", 110.0, |seed, t_s| {
        let crowd = |x: usize, y: usize| t_s < 50.0 && chance(seed ^ (t_s * 2.0) as u32, x / 24, y / 60) > 0.6;
        changed(
            day(seed, t_s),
            |x, y, luma| if crowd(x, y) { luma * 0.4 + 40.0 * chance(seed, x / 3, y / 3) } else { luma },
        )
    }),
    ("a bus fills the picture for 12 s", 60.0, |seed, t_s| {
        let bus = |x: usize, y: usize| {
            let window = (80..170).contains(&y) && x % 90 > 12;
            if window { 50.0 + 60.0 * chance(seed, x / 9, y / 9) } else { 150.0 + 20.0 * chance(seed, x / 80, y / 40) }
        };
        let there = (30.0..42.0).contains(&t_s);
        noisy(
            changed(street(seed, (0, 0)), |x, y, luma| if there && y > 40 && x > 60 { bus(x, y) } else { luma }),
            seed,
            t_s,
        )
    }),
    ("night falls and the lamps are lit", 330.0, |seed, t_s| {
        let day = (1.0 - t_s / 280.0).max(0.0);
        let lamps = if day < 0.4 { 1.0 } else { 0.0 };
        let lit = |x: usize, y: usize| {
            let pool = |at: f32| (-((x as f32 - at) / 90.0).powi(2) - ((y as f32 - 240.0) / 70.0).powi(2)).exp();
            (0.08 + 0.92 * day + lamps * 0.5 * (pool(160.0) + pool(460.0))).min(1.0)
        };
        let mut still = changed(street(seed, (0, 0)), |x, y, luma| 16.0 + (luma - 16.0) * lit(x, y));
        add_noise(&mut still, seed ^ (t_s * 1000.0) as u32, 2.0 + 3.0 * (1.0 - day));
        still
    }),
    ("a cloud leaves the sun", 60.0, |seed, t_s| {
        let gain = if (t_s as u32 / 20).is_multiple_of(2) { 0.7 } else { 1.15 };
        noisy(changed(street(seed, (0, 0)), |_, _, luma| 16.0 + (luma - 16.0) * gain), seed, t_s)
    }),
    ("headlights at night", 60.0, |seed, t_s| {
        let at = 640.0 - (t_s % 12.0) * 60.0;
        let glow = |x: usize, y: usize| 400.0 * (-((x as f32 - at).hypot(y as f32 - 220.0) / 70.0)).exp();
        noisy(changed(street(seed, (0, 0)), |x, y, luma| 16.0 + (luma - 16.0) * 0.25 + glow(x, y)), seed, t_s)
    }),
    ("heavy rain", 60.0, |seed, t_s| {
        let rain = if t_s > 25.0 { 1.0 } else { 0.0 };
        let streak =
            |x: usize, y: usize| if chance(seed ^ (t_s * 1000.0) as u32, x, y / 20) > 0.97 { 50.0 } else { 0.0 };
        noisy(
            changed(street(seed, (0, 0)), |x, y, luma| {
                (luma - 120.0 * rain) * (1.0 - 0.3 * rain) + 120.0 * rain + rain * streak(x, y)
            }),
            seed,
            t_s,
        )
    }),
    ("a red bus fills half the picture, and at night the camera turns grey", 90.0, |seed, t_s| {
        let mut still = day(seed, t_s);
        if (25.0..40.0).contains(&t_s) {
            still.paint(|x, y| if x > 160 { [110, 190] } else { colour(seed, x, y) });
        } else if t_s > 60.0 {
            still.paint(|_, _| [128, 128]);
        }
        still
    }),
    ("a pole that sways", 50.0, |seed, t_s| {
        noisy(
            street(seed, (10 + (3.0 * (t_s * 2.1).sin()) as usize, 10 + (2.0 * (t_s * 3.3).cos()) as usize)),
            seed,
            t_s,
        )
    }),
    ("a clip of six seconds that is played over and over", 60.0, |seed, t_s| day(seed, t_s % 6.0)),
];

#[test]
fn what_happens_every_day_is_no_fault() {
    for (seed, &(what, until_s, picture)) in (1..).zip(NORMAL) {
        let found = examine(&mut Examiner::new(&[]), until_s, |t_s| picture(seed, t_s));
        assert_eq!(found, [], "{what}, seed {seed}");
    }
}

#[test]
fn a_view_that_stays_becomes_the_usual_one() {
    let found = examine_at(0.5, &mut Examiner::new(&[]), 700.0, |t_s| {
        noisy(street(1, if t_s < 40.0 { (0, 0) } else { (700, 500) }), 1, t_s)
    });
    let told: Vec<_> = found.iter().map(|&(kind, phase, _)| (kind, phase)).collect();
    assert_eq!(told, [("camera.moved", Phase::Begin), ("camera.moved", Phase::End)], "{found:?}");
    assert!(found[1].2 > 640.0, "{found:?}");
}

#[test]
fn a_camera_that_was_moved_while_it_was_off_is_found_and_the_end_of_a_stream_ends_what_is_open() {
    let mut examiner = Examiner::new(&[]);
    assert_eq!(examine(&mut examiner, 40.0, |t_s| day(1, t_s)), []);
    assert_eq!(examiner.finish(40_000_000), []);
    let found = examine(&mut examiner, 20.0, |t_s| noisy(street(1, (700, 500)), 1, t_s));
    assert_eq!(
        found.iter().map(|&(kind, phase, _)| (kind, phase)).collect::<Vec<_>>(),
        [("camera.moved", Phase::Begin)]
    );
    let ends = examiner.finish(20_000_000);
    assert_eq!((ends[0].phase, ends.len()), (Phase::End, 1));
    let told = ends[0].attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>();
    assert_eq!(
        told,
        [("ended_by", "stream_over"), ("onvif_topic", "tns1:VideoSource/GlobalSceneChange/ImagingService")]
    );
    assert_eq!(examiner.finish(20_000_000), []);
}

#[test]
fn a_queue_that_has_stood_there_from_the_beginning_on_uncovers_the_road_and_covers_no_lens() {
    let queue = Rect::new(0.2, 0.25, 0.7, 0.9);
    let road = |x: usize, y: usize| (128..448).contains(&x) && (90..324).contains(&y);
    let cars = street(2, (0, 0));
    let scene = |t_s: f32| {
        let level = |x: usize, y: usize| if t_s < 30.0 { f32::from(cars.luma[y * 640 + x]) } else { 95.0 };
        noisy(changed(street(1, (0, 0)), |x, y, luma| if road(x, y) { level(x, y) } else { luma }), 1, t_s)
    };
    let told = |known: bool| {
        let mut examiner = Examiner::new(&[]);
        let mut begun = Vec::new();
        for step in 0..140 {
            let car = Detection { bbox: queue, class: 2, score: 0.9 };
            let objects = if known && step < 60 { vec![car] } else { Vec::new() };
            let findings = examiner.observe(step * 500_000, &scene(step as f32 / 2.0).i420(), &objects);
            begun.extend(findings.iter().map(|finding| finding.descriptor.kind));
        }
        begun
    };
    assert_eq!(told(false), ["camera.covered"], "who does not know what stood there takes it for the view");
    assert_eq!(told(true), Vec::<&str>::new());
}

#[test]
fn what_is_switched_off_is_not_told_and_tiny_pictures_and_odd_times_do_no_harm() {
    let mut examiner = Examiner::new(&["moved".to_owned()]);
    assert_eq!(
        examine(&mut examiner, 90.0, |t_s| noisy(street(1, if t_s < 40.0 { (0, 0) } else { (45, 8) }), 1, t_s)),
        []
    );
    let mut examiner = Examiner::new(&[]);
    for (size_px, t_us) in
        [((4, 4), 0), ((640, 4), i64::MAX), ((70, 80), i64::MIN), ((70, 80), 0), ((70, 80), i64::MAX)]
    {
        assert_eq!(examiner.observe(t_us, &Still::even(size_px, 99).i420(), &[]), []);
    }
}

#[test]
fn names_are_unique_and_carry_both_labels() {
    let names: std::collections::BTreeSet<&str> = DIAGNOSES.iter().map(Diagnosis::name).collect();
    assert_eq!(names.len(), DIAGNOSES.len());
    for diagnosis in DIAGNOSES {
        let descriptor = diagnosis.descriptor;
        assert!(
            descriptor.kind.starts_with(PREFIX) && !descriptor.label_zh.is_ascii() && descriptor.label_en.is_ascii()
        );
        assert!(diagnosis.topic.is_none_or(|topic| topic.starts_with("tns1:VideoSource/")));
    }
}
