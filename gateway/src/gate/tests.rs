//! The gate before simulated streams, by seed: a decoder that wants its pictures without a hole, an analysis that comes a
//! little later, noise, losses, groups of changing length, rate control. A failing seed is printed.

use std::collections::VecDeque;
use std::ops::Range;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

const PERIOD_US: i64 = 40_000;
/// The analysis takes every fifth picture and thinks of what is out of sight for so long.
const PATIENCE_US: i64 = 2_500_000;

/// What a stream is like.
struct Stream {
    pictures: i64,
    /// Length of the groups, by picture.
    group: fn(i64) -> i64,
    /// Constant bit rate: sizes say nothing of movement.
    constant: bool,
    noise: f32,
    loss: f64,
    reordered: bool,
    /// In which pictures something moves.
    moves: Vec<Range<i64>>,
    /// By how many pictures the analysis is behind.
    lag: i64,
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    /// Pictures decoded, those decoded twice counted twice.
    decoded: usize,
    idle: usize,
    /// The first picture of each movement that was analysed as one.
    begins: Vec<Option<i64>>,
    analysed: Vec<i64>,
    reasons: Vec<Reason>,
}

struct Simulation {
    stream: Stream,
    attention: Attention,
    gate: Gate,
    ring: Ring<(i64, bool)>,
    /// Decoded and not yet looked at: number, whether a glance, when it went in.
    queue: VecDeque<(i64, bool, i64)>,
    /// Where the decoder stands.
    decoder: Option<i64>,
    analysed_us: i64,
    moved_us: Option<i64>,
    outcome: Outcome,
}

impl Stream {
    fn moves(&self, number: i64) -> bool {
        self.moves.iter().any(|range| range.contains(&number))
    }
}

impl Simulation {
    fn run(stream: Stream, seed: u64) -> Outcome {
        let mut random = StdRng::seed_from_u64(seed);
        let begins = vec![None; stream.moves.len()];
        let mut this = Self {
            stream,
            attention: Attention::default(),
            gate: Gate::default(),
            ring: Ring::default(),
            queue: VecDeque::new(),
            decoder: None,
            analysed_us: -1,
            moved_us: None,
            outcome: Outcome { begins, ..Outcome::default() },
        };
        let mut next_key = 0;
        for number in 0..this.stream.pictures {
            let keyframe = number == next_key;
            if keyframe {
                next_key += (this.stream.group)(number);
            }
            let coded = this.coded(number, keyframe, &mut random);
            this.step(number, &coded);
        }
        this.outcome
    }

    fn coded(&self, number: i64, keyframe: bool, random: &mut StdRng) -> Coded {
        let noise = 1.0 + self.stream.noise * random.random_range(-1.0..1.0f32);
        let movement = if self.stream.moves(number) && !self.stream.constant { 2.5 } else { 1.0 };
        let base = if keyframe { 40_000.0 } else { 3_000.0 * movement };
        let swap = if self.stream.reordered && !keyframe && number % 3 == 0 { -2 } else { 0 };
        Coded {
            bytes: (base * noise) as usize,
            keyframe,
            media_us: (number + swap) * PERIOD_US,
            lost: random.random_bool(self.stream.loss),
        }
    }

    fn step(&mut self, number: i64, coded: &Coded) {
        let fits = self.ring.fits(coded.bytes, coded.keyframe, coded.media_us);
        let verdict = self.gate.decide(coded, &self.attention.view(), fits);
        let mut now = match verdict {
            Verdict::Newest(count) => self.ring.newest(count),
            Verdict::Rewind => self.ring.all(),
            _ => Vec::new(),
        };
        if verdict != Verdict::Hold {
            now.push((number, coded.keyframe));
        }
        self.ring.push((number, coded.keyframe), coded.bytes, coded.keyframe, coded.media_us);
        for (unit, keyframe) in now {
            assert!(keyframe || self.decoder == Some(unit - 1), "{unit} after {:?}", self.decoder);
            self.decoder = Some(unit);
            self.outcome.decoded += 1;
            self.queue.push_back((unit, verdict == Verdict::Glance, number));
        }
        self.outcome.idle += usize::from(self.gate.is_idle());
        self.outcome.reasons.push(self.gate.reason());
        // The analysis is faster than the stream, and behind by its lag.
        for _ in 0..6 {
            if self.queue.front().is_some_and(|(.., came)| came + self.stream.lag <= number) {
                self.look();
            }
        }
    }

    fn look(&mut self) {
        let Some((number, glance, _)) = self.queue.pop_front() else { return };
        let (t_us, moves) = (number * PERIOD_US, self.stream.moves(number));
        if glance {
            self.attention.glanced(t_us, moves);
            if moves {
                return;
            }
        } else if t_us <= self.analysed_us || number % 5 != 0 {
            return;
        }
        assert!(t_us > self.analysed_us, "the analysis never goes back");
        self.analysed_us = t_us;
        self.outcome.analysed.push(number);
        if moves {
            self.moved_us = Some(t_us);
            for (range, begin) in self.stream.moves.iter().zip(&mut self.outcome.begins) {
                if range.contains(&number) {
                    begin.get_or_insert(number);
                }
            }
        }
        let moving = self.moved_us.is_some_and(|moved_us| t_us - moved_us < PATIENCE_US);
        self.attention.observed(t_us, if moving { Stir::Moving } else { Stir::Empty });
    }
}

/// Movements of a length at random times, far enough apart.
fn movements(random: &mut StdRng, pictures: i64, length: Range<i64>) -> Vec<Range<i64>> {
    let mut moves = Vec::new();
    let mut at = 600;
    while at + 1_300 < pictures {
        at += random.random_range(300..900);
        let range = at..at + random.random_range(length.clone());
        at = range.end;
        moves.push(range);
    }
    moves
}

fn check(case: &str, seed: u64, stream: Stream, decoded_max: f64) -> Outcome {
    let (moves, pictures) = (stream.moves.clone(), stream.pictures);
    let outcome = Simulation::run(stream, seed);
    for (range, begin) in moves.iter().zip(&outcome.begins) {
        let late = begin.map(|begin| begin - range.start);
        assert!(late.is_some_and(|late| late <= 6), "{case}, seed {seed}: {range:?} seen {late:?} pictures late");
    }
    let share = outcome.decoded as f64 / pictures as f64;
    assert!(share <= decoded_max, "{case}, seed {seed}: {share:.3} of the pictures decoded");
    outcome
}

#[test]
fn no_movement_is_lost_and_little_is_decoded() {
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let pictures = 15_000;
        let stream = Stream {
            pictures,
            group: |_| 50,
            constant: false,
            noise: random.random_range(0.02..0.3),
            loss: if seed % 3 == 0 { 0.01 } else { 0.0 },
            reordered: false,
            // From a second on: the sizes find what passes between two keyframes.
            moves: movements(&mut random, pictures, 25..250),
            lag: random.random_range(0..10),
        };
        let busy: i64 = stream.moves.iter().map(|range| range.end - range.start + 130).sum();
        check("variable rate", seed, stream, busy as f64 / pictures as f64 + 0.2);
    }
}

#[test]
fn where_sizes_tell_nothing_keyframes_do_and_the_beginning_is_not_lost() {
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let pictures = 15_000;
        let stream = Stream {
            pictures,
            group: |number| {
                if number < 5_000 {
                    50
                } else if number < 9_000 {
                    25
                } else {
                    40
                }
            },
            constant: true,
            noise: 0.4,
            loss: 0.0,
            reordered: false,
            // Two seconds and more: a keyframe falls into it.
            moves: movements(&mut random, pictures, 52..250),
            lag: random.random_range(0..10),
        };
        let busy: i64 = stream.moves.iter().map(|range| range.end - range.start + 130).sum();
        check("constant rate", seed, stream, busy as f64 / pictures as f64 + 0.25);
    }
}

#[test]
fn a_stream_that_does_not_allow_it_is_decoded_whole_and_says_why() {
    let stream = |group: fn(i64) -> i64, reordered| Stream {
        pictures: 3_000,
        group,
        constant: false,
        noise: 0.1,
        loss: 0.0,
        reordered,
        moves: std::iter::once(1_000..1_100).collect(),
        lag: 2,
    };
    for (group, reordered, reason) in
        [((|_| 250) as fn(i64) -> i64, false, Reason::LongGroups), (|_| 50, true, Reason::OutOfOrder)]
    {
        let outcome = Simulation::run(stream(group, reordered), 1);
        assert_eq!((outcome.decoded, outcome.idle), (3_000, 0), "{reason:?}");
        assert!(outcome.reasons[500..].iter().all(|told| *told == reason), "{reason:?}");
    }
    // Groups that become too long while it is idle: what was kept is decoded, without a hole.
    let grows = |number: i64| if number < 1_500 { 50 } else { 200 };
    let outcome = check("growing groups", 1, stream(grows, false), 0.9);
    assert!(outcome.idle > 500 && outcome.reasons[2_500..].iter().all(|told| *told == Reason::LongGroups));
}

#[test]
fn a_decoder_that_keeps_keyframes_back_is_found_out() {
    let mut gate = Gate::default();
    let attention = Attention::default();
    let mut idle = Vec::new();
    for number in 0..1_500 {
        let coded = Coded { bytes: 1_000, keyframe: number % 50 == 0, media_us: number * PERIOD_US, lost: false };
        let verdict = gate.decide(&coded, &attention.view(), true);
        if verdict == Verdict::Decode {
            attention.observed(coded.media_us, Stir::Empty);
        }
        idle.push(gate.is_idle());
    }
    assert!(idle[200] && !idle[1_000..].contains(&true));
    assert_eq!(gate.reason(), Reason::KeptBack);
}

#[test]
fn objects_that_stand_still_need_keyframes_before_the_tracker_gives_them_up() {
    for (group, idle) in [(50, true), (100, false)] {
        let mut gate = Gate::default();
        let attention = Attention::default();
        for number in 0..600 {
            let coded =
                Coded { bytes: 1_000, keyframe: number % group == 0, media_us: number * PERIOD_US, lost: false };
            if gate.decide(&coded, &attention.view(), true) == Verdict::Glance {
                attention.glanced(coded.media_us, false);
            }
            attention.observed(coded.media_us, Stir::Still);
        }
        assert_eq!(gate.is_idle(), idle, "groups of {group}");
        gate.restart();
        assert!(!gate.is_idle());
    }
}
