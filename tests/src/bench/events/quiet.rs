//! Hours in which nothing is put on: whatever a rule tells then that is not true is a false alarm. Blocks of two minutes
//! from all hours of a day, every sixth in rain, painted and analysed in this process, without a coder between: seconds
//! of that are several times as cheap as seconds of clips, and hours are what a rate is known by. As a gateway does,
//! a camera before which nothing moves is looked at every two seconds.

use std::time::{Duration, Instant};

use yiwang_city::camera::{Camera, View};
use yiwang_city::score::{self, Clock, Terms, Told, Truth};
use yiwang_city::truth::{Line, Start, TrueCamera};
use yiwang_city::world::{Actor, Options, World};
use yiwang_inference::model::Model;
use yiwang_inference::quality::Examiner;
use yiwang_inference::rules::Phase;

use super::super::model::{Eye, default_model, first_of_each_device, told};
use super::super::watcher::Watcher;
use crate::link::LinkError;

/// As gateways sample.
const STEP_US: i64 = 200_000;
/// A camera goes on being looked at for so long after the last movement …
const AWAKE_US: i64 = 3_000_000;
/// … and then so often.
const IDLE_US: i64 = 2_000_000;
/// A picture that differs from the one before by so many levels, in the part of its pixels that differ at all, shows
/// movement: an insect, a tree.
const STIR_LEVELS: u8 = 40;
const STIR_PART: f32 = 0.0005;
const BLOCK_US: i64 = 120_000_000;
/// The first block's hour and the step to the next: coprime with 24, so that early and late take turns.
const HOUR_STEP: usize = 7;
const RAIN_EACH: usize = 6;
/// Slower than this is no movement.
const MOVES_MPS: f32 = 0.05;

/// Watches blocks until `seconds` are over.
pub(super) fn watch(seed: u64, seconds: u64) -> Result<score::Report, LinkError> {
    let model = default_model()?;
    let (begun, limit) = (Instant::now(), Duration::from_secs(seconds));
    let mut all = score::Report::default();
    for number in 0.. {
        if begun.elapsed() >= limit {
            break;
        }
        let hour = (number * HOUR_STEP % 24) as f32 + 0.3;
        let rain = if number % RAIN_EACH == RAIN_EACH - 1 { 0.6 } else { 0.0 };
        let options = Options {
            seed: seed + number as u64,
            hour,
            cloud: if rain > 0.0 { 1.0 } else { 0.3 },
            rain,
            incidents_per_min: 0.0,
            ..Options::default()
        };
        let report = block(&model, options)?;
        for remark in report
            .remarks
            .iter()
            .filter(|remark| ["not true", "without", "(count)"].iter().any(|word| remark.contains(word)))
        {
            eprintln!("    quiet, seed {}, {hour:.1} h: {remark}", seed + number as u64);
        }
        all.join(&report);
    }
    eprintln!("  quiet: {:.2} camera-hours in {} s", all.camera_hours(), begun.elapsed().as_secs());
    Ok(all)
}

/// A camera that is watched.
struct Watch {
    eye: Eye,
    view: View,
    watcher: Watcher,
    examiner: Examiner,
    awake_until_us: i64,
    looked_us: i64,
    before: Vec<u8>,
}

fn block(model: &Model, options: Options) -> Result<score::Report, LinkError> {
    let (seed, rain) = (options.seed, options.rain);
    let mut world = World::new(options);
    let light = world.light();
    let cameras = first_of_each_device(world.cameras());
    let mut watches: Vec<Watch> =
        cameras.iter().map(|camera| Watch::new(&world, camera, model, seed)).collect::<Result<_, _>>()?;
    let mut lines = vec![Line::Start(Start { seed, epoch_us: 0 })];
    lines.extend(cameras.iter().map(|camera| Line::Camera(TrueCamera::of(camera, 0))));
    let mut feed = Vec::new();
    for t_us in (0..BLOCK_US).step_by(STEP_US as usize) {
        world.advance(t_us);
        for (watch, camera) in watches.iter_mut().zip(&cameras) {
            if rain > 0.0 || world.actors().iter().any(|actor| watch.sees_move(actor)) {
                watch.awake_until_us = t_us + AWAKE_US;
            }
            if t_us > watch.awake_until_us && t_us - watch.looked_us < IDLE_US {
                continue;
            }
            watch.looked_us = t_us;
            lines.extend(watch.eye.watch(&world, &light, t_us).into_iter().map(Line::Event));
            watch.look(model, t_us, &camera.id, &mut feed)?;
        }
    }
    for (watch, camera) in watches.iter_mut().zip(&cameras) {
        lines.extend(watch.eye.finish().into_iter().map(Line::Event));
        feed.extend(watch.watcher.finish(BLOCK_US).into_iter().map(|event| told(&camera.id, event)));
    }
    lines.push(Line::Told { to_us: BLOCK_US });
    Ok(score::judge(&Truth::new(lines), &feed, &Terms::default()))
}

impl Watch {
    fn new(world: &World, camera: &Camera, model: &Model, seed: u64) -> Result<Watch, LinkError> {
        Ok(Watch {
            eye: Eye::new(world, camera, seed)?,
            view: camera.view(),
            watcher: Watcher::new(camera, model)?,
            examiner: Examiner::new(&[]),
            awake_until_us: 0,
            looked_us: i64::MIN / 2,
            before: Vec::new(),
        })
    }

    fn sees_move(&self, actor: &Actor) -> bool {
        let Some(px) = self.view.project(actor.at.extend(actor.base_m + 0.5)) else { return false };
        let (width, height) = (self.view.size_px.0 as f32, self.view.size_px.1 as f32);
        let near = |value: f32, size: f32| (-0.1 * size..1.1 * size).contains(&value);
        actor.velocity_mps.length() > MOVES_MPS && near(px.x, width) && near(px.y, height)
    }

    fn look(&mut self, model: &Model, t_us: i64, camera: &str, feed: &mut Vec<Told>) -> Result<(), LinkError> {
        let picture = self.eye.picture();
        let detections = self.watcher.detect(model, &picture, t_us)?;
        let findings = self.examiner.observe(t_us, &picture, &detections);
        let events = self.watcher.judge(&picture, t_us, detections)?;
        feed.extend(events.into_iter().map(|event| told(camera, event)));
        for finding in findings {
            feed.push(Told {
                id: None,
                camera: camera.to_owned(),
                rule: None,
                kind: finding.descriptor.kind.to_owned(),
                phase: if finding.phase == Phase::Begin { "begin" } else { "end" }.to_owned(),
                direction: None,
                counted: None,
                clock: Clock::Utc,
                t_us: finding.media_time_us,
            });
        }
        let stirred = picture.y.iter().zip(&self.before).filter(|(now, before)| now.abs_diff(**before) > STIR_LEVELS);
        if stirred.count() as f32 > STIR_PART * picture.y.len() as f32 {
            self.awake_until_us = t_us + AWAKE_US;
        }
        self.before.clear();
        self.before.extend_from_slice(picture.y);
        Ok(())
    }
}
