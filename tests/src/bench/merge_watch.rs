//! A city as gateways see it, for `tests/bench merge`: what the default model, tracker and rules make of its cameras'
//! pictures, and to which true event each of their events belongs. The tracker's numbers are what is sent; the truth's
//! identities are for the score alone.

use yiwang_city::truth::TrueEvent;
use yiwang_city::world::{Options, World};
use yiwang_inference::rules::{Phase, RuleEvent};

use super::merge::{City, Sent};
use super::model::{Eye, default_model};
use super::watcher::Watcher;
use crate::link::LinkError;

/// A detected begin belongs to a true one that is not farther from it than this.
const SAME_US: i64 = 5_000_000;
/// As gateways sample.
const STEP_US: i64 = 200_000;
/// Identities from here on are nobody's: each stands for one event that is not true.
const NOBODY: u32 = u32::MAX;

/// Watches a city for so long.
pub(super) fn watch(seed: u64, seconds: u64) -> Result<City, LinkError> {
    let model = default_model()?;
    let mut world = World::new(Options { seed, ..Options::default() });
    let (light, cameras) = (world.light(), world.cameras().to_vec());
    let mut eyes: Vec<Eye> = cameras.iter().map(|camera| Eye::new(&world, camera, seed)).collect::<Result<_, _>>()?;
    let mut watchers: Vec<Watcher> =
        cameras.iter().map(|camera| Watcher::new(camera, &model)).collect::<Result<_, _>>()?;
    let (mut truth, mut events) = (Vec::new(), Vec::new());
    let end_us = i64::try_from(seconds)? * 1_000_000;
    for t_us in (0..end_us).step_by(STEP_US as usize) {
        world.advance(t_us);
        for ((eye, watcher), camera) in eyes.iter_mut().zip(&mut watchers).zip(&cameras) {
            truth.append(&mut eye.watch(&world, &light, t_us));
            let detections = watcher.detect(&model, &eye.picture(), t_us)?;
            let made = watcher.judge(&eye.picture(), t_us, detections)?;
            events.extend(made.into_iter().map(|event| sent(&camera.id, &event, &model.info().classes)));
        }
    }
    for (watcher, camera) in watchers.iter_mut().zip(&cameras) {
        let made = watcher.finish(end_us);
        events.extend(made.into_iter().map(|event| sent(&camera.id, &event, &model.info().classes)));
    }
    events.retain(|sent| sent.event.kind != "count");
    events.sort_by_key(|sent| sent.event.t_us);
    adopt(&mut events, &truth);
    Ok(City { cameras, events, incidents: world.incidents().to_vec() })
}

fn sent(camera: &str, made: &RuleEvent, classes: &[String]) -> Sent {
    let class = made.track.as_ref().and_then(|track| classes.get(usize::from(track.class)).cloned());
    let event = TrueEvent {
        camera: camera.to_owned(),
        rule: made.rule.clone(),
        kind: made.kind.to_owned(),
        phase: match made.phase {
            Phase::Begin => "begin",
            Phase::Update => "update",
            Phase::End => "end",
        }
        .to_owned(),
        direction: made.direction.map(str::to_owned),
        t_us: made.media_time_us,
        slack_us: 0,
        key: made.open_key,
        counted: None,
        actor: None,
        class,
        point: made.point,
        optional: false,
        why: None,
    };
    Sent { event, track: made.track.as_ref().map(|track| track.id) }
}

/// Gives each detected begin the identity of the true begin that is nearest in time, of the same camera and kind; one
/// that has none gets an identity of its own, so that it belongs together with nothing.
fn adopt(events: &mut [Sent], truth: &[TrueEvent]) {
    let mut taken = vec![false; truth.len()];
    let mut nobody = NOBODY;
    for Sent { event, .. } in events.iter_mut().filter(|sent| sent.event.phase == "begin") {
        let near = |index: &usize| (truth[*index].t_us - event.t_us).abs();
        let same = |index: &usize| {
            let one = &truth[*index];
            !taken[*index] && one.phase == "begin" && one.camera == event.camera && one.kind == event.kind
        };
        match (0..truth.len()).filter(same).min_by_key(near).filter(|index| near(index) <= SAME_US) {
            Some(index) => {
                taken[index] = true;
                event.actor = truth[index].actor;
            }
            None => {
                event.actor = Some(nobody);
                nobody -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(camera: &str, t_s: i64, actor: Option<u32>) -> TrueEvent {
        TrueEvent {
            camera: camera.into(),
            rule: "fence".into(),
            kind: "intrusion".into(),
            phase: "begin".into(),
            direction: None,
            t_us: t_s * 1_000_000,
            slack_us: 0,
            key: 1,
            counted: None,
            actor,
            class: None,
            point: None,
            optional: false,
            why: None,
        }
    }

    #[test]
    fn what_is_detected_takes_the_nearest_true_identity_once_and_what_is_not_true_one_of_its_own() {
        let truth = [begin("a", 10, Some(7)), begin("a", 12, Some(8)), begin("b", 10, Some(9))];
        let mut events: Vec<Sent> = [("a", 12), ("a", 11), ("a", 13), ("b", 40)]
            .map(|(camera, t_s)| Sent { event: begin(camera, t_s, None), track: Some(1) })
            .into();
        adopt(&mut events, &truth);
        let actors: Vec<Option<u32>> = events.iter().map(|sent| sent.event.actor).collect();
        assert_eq!(actors, [Some(8), Some(7), Some(NOBODY), Some(NOBODY - 1)]);
    }
}
