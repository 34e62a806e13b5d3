//! Months of events without a picture: for load, for search, for baselines. For each hour of the day some minutes of the
//! city are really lived through, several times over, seen as outlines and put through the gateway's own rules; the
//! days are then put together from these blocks by chance, so that each hour has its usual traffic and no two days are
//! alike. What is one block to one camera is the same block to all cameras of its city: incidents that several see stay
//! together.

use std::fmt::Write as _;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use yiwang_inference::rules::RuleError;

use crate::camera::Camera;
use crate::truth::{EventTruth, Sight, TrueEvent};
use crate::world::{Options, World};

/// Pictures are five a second, as gateways analyse them.
const STEP_US: i64 = 200_000;
const HOUR_US: i64 = 3_600_000_000;

/// What is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How many days.
    pub days: u32,
    /// How many cameras; beyond those of one city there are more cities.
    pub cameras: usize,
    /// The same seed gives the same events.
    pub seed: u64,
    /// Midnight of the first day, microseconds since 1970 UTC.
    pub from_utc_us: i64,
    /// How long a block is that is lived through, seconds.
    pub block_s: u32,
    /// How many blocks each hour of the day has to choose from.
    pub blocks: u32,
    /// Incidents in one city.
    pub incidents_per_min: f32,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            days: 1,
            cameras: 12,
            seed: 1,
            from_utc_us: 1_790_006_400_000_000, // 2026-09-22, midnight at +08:00
            block_s: 300,
            blocks: 2,
            incidents_per_min: 1.0,
        }
    }
}

/// One event, as a line of JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// UUID of version 7, from the capture time and the seed.
    pub id: String,
    /// The id of the begin, of updates and ends.
    pub cause: Option<String>,
    /// Who has the camera; a gateway each.
    pub gateway: String,
    /// Which camera.
    pub camera: String,
    /// Its rule.
    pub rule: String,
    /// The rule's kind.
    pub kind: String,
    /// `begin`, `update` or `end`.
    pub phase: String,
    /// Microseconds since 1970 UTC.
    pub captured_us: i64,
    /// Of a crossing.
    pub direction: Option<String>,
    /// Number of the object among those of its camera.
    pub track: Option<u64>,
    /// Its class.
    pub class: Option<String>,
    /// Where in the picture.
    pub point: Option<[f32; 2]>,
}

/// A line that is no event.
#[derive(Debug, thiserror::Error)]
#[error("{name}, line {line}: this is not an event of `yiwang-city events`")]
pub struct LineError {
    /// The file.
    pub name: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

/// Reads one line of a file, counted from 1.
pub fn read_line(name: &str, line: usize, text: &str) -> Result<Line, LineError> {
    serde_json::from_str(text).map_err(|source| LineError { name: name.to_owned(), line, source })
}

/// What happens in one block before each camera of a city, times counted from its beginning.
type Block = Vec<Vec<TrueEvent>>;

/// Blocks that were lived through, for each hour of the day.
#[derive(Debug)]
pub struct Library {
    plan: Plan,
    cameras: Vec<Camera>,
    hours: Vec<Vec<Block>>,
}

impl Library {
    /// Lives through the blocks of every hour of the day; `progress` is told after each hour.
    pub fn live(plan: &Plan, mut progress: impl FnMut(u32)) -> Result<Library, RuleError> {
        let cameras = World::new(options(plan, 0, 0)).cameras().to_vec();
        let mut hours = Vec::new();
        for hour in 0..24 {
            let blocks = (0..plan.blocks.max(1)).map(|block| live(plan, hour, block)).collect::<Result<_, _>>()?;
            hours.push(blocks);
            progress(hour + 1);
        }
        Ok(Library { plan: plan.clone(), cameras, hours })
    }

    /// The events of an hour of a day, over all cameras, in the order of time.
    pub fn hour(&self, day: u32, hour: u32) -> Vec<Line> {
        let mut lines = Vec::new();
        let blocks = &self.hours[hour as usize % self.hours.len()];
        let block_us = i64::from(self.plan.block_s) * 1_000_000;
        let from_us = self.plan.from_utc_us + i64::from(day * 24 + hour) * HOUR_US;
        for city in 0..self.plan.cameras.div_ceil(self.cameras.len()) {
            for (slot, offset_us) in (0..).zip((0..HOUR_US).step_by(block_us.max(1) as usize)) {
                let mut random =
                    StdRng::seed_from_u64(mixed(&[self.plan.seed, day.into(), hour.into(), city as u64, slot]));
                let block = &blocks[random.random_range(0..blocks.len())];
                for (camera, events) in
                    self.cameras.iter().zip(block).take(self.plan.cameras - city * self.cameras.len())
                {
                    self.place(city, camera, events, from_us + offset_us, &mut random, &mut lines);
                }
            }
        }
        lines.sort_by(|a, b| (a.captured_us, &a.id).cmp(&(b.captured_us, &b.id)));
        lines
    }

    /// Puts a camera's events of a block to a time. Those beyond the hour belong to a block that is cut there.
    fn place(
        &self,
        city: usize,
        camera: &Camera,
        events: &[TrueEvent],
        from_us: i64,
        random: &mut StdRng,
        lines: &mut Vec<Line>,
    ) {
        let suffix = if city == 0 { String::new() } else { format!("-{}", city + 1) };
        let mut begun: Vec<(u64, String)> = Vec::new();
        for event in events {
            let captured_us = from_us + event.t_us;
            let id = uuid7(captured_us, random);
            let cause = begun.iter().find(|(key, _)| *key == event.key).map(|(_, id)| id.clone());
            if event.phase == "begin" {
                begun.push((event.key, id.clone()));
            }
            lines.push(Line {
                id,
                cause: cause.filter(|_| event.phase != "begin"),
                gateway: format!("{}{suffix}", camera.department),
                camera: format!("{}{suffix}", camera.id),
                rule: event.rule.clone(),
                kind: event.kind.clone(),
                phase: event.phase.clone(),
                captured_us,
                direction: event.direction.clone(),
                // Numbers of a block would come again: a gateway's never do.
                track: event.actor.map(|actor| (from_us / 1_000_000) as u64 * 10_000 + u64::from(actor % 10_000)),
                class: event.class.clone(),
                point: event.point,
            });
        }
    }
}

fn options(plan: &Plan, hour: u32, block: u32) -> Options {
    Options {
        seed: mixed(&[plan.seed, hour.into(), block.into()]),
        hour: hour as f32 + 0.5,
        incidents_per_min: plan.incidents_per_min,
        ..Options::default()
    }
}

fn live(plan: &Plan, hour: u32, block: u32) -> Result<Block, RuleError> {
    let mut world = World::new(options(plan, hour, block));
    let sights: Vec<Sight> = world.cameras().iter().map(|camera| Sight::new(world.layout(), &camera.view())).collect();
    let mut truths = world.cameras().iter().map(EventTruth::plain).collect::<Result<Vec<_>, _>>()?;
    let heights: Vec<u32> = world.cameras().iter().map(|camera| camera.size_px.1).collect();
    let mut events: Block = vec![Vec::new(); truths.len()];
    let end_us = i64::from(plan.block_s) * 1_000_000;
    for t_us in (0..end_us).step_by(STEP_US as usize) {
        world.advance(t_us);
        for (((sight, truth), height_px), events) in sights.iter().zip(&mut truths).zip(&heights).zip(&mut events) {
            events.append(&mut truth.picture(t_us, &sight.look(world.actors()), *height_px));
        }
    }
    for (truth, events) in truths.iter_mut().zip(&mut events) {
        events.append(&mut truth.finish());
    }
    Ok(events)
}

/// A UUID of version 7 (RFC 9562, 5.7) from a time and a generator of chance: the same seed gives the same ids.
fn uuid7(t_us: i64, random: &mut StdRng) -> String {
    let (a, b): (u16, u64) = (random.random(), random.random());
    let ms = (t_us / 1000) as u64 & 0xFFFF_FFFF_FFFF;
    let high = ms << 16 | 0x7000 | u64::from(a & 0x0FFF);
    let low = b >> 2 | 1 << 63;
    let mut text = String::with_capacity(36);
    let _ = write!(
        text,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    );
    text
}

/// One number from many: SplitMix64's finaliser (Steele, Lea and Flood, 2014) over each.
fn mixed(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9E37_79B9_7F4A_7C15, |state, part| {
        let mut z = (state ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten stays before the second camera of a city, each 20 s long.
    fn block() -> Block {
        let event = |number: u64, phase: &str, t_s: i64| TrueEvent {
            camera: String::new(),
            rule: "fence".into(),
            kind: "intrusion".into(),
            phase: phase.into(),
            direction: None,
            t_us: t_s * 1_000_000,
            slack_us: 0,
            key: number,
            counted: None,
            actor: Some(7),
            class: Some("person".into()),
            point: None,
            optional: false,
            why: None,
        };
        let stays = (0..10).flat_map(|n| [event(n, "begin", n as i64 * 30), event(n, "end", n as i64 * 30 + 20)]);
        vec![Vec::new(), stays.collect()]
    }

    #[test]
    fn an_hour_is_made_of_blocks_and_the_same_seed_gives_the_same_hour() {
        let plan = Plan { cameras: 20, ..Plan::default() };
        let cameras = World::new(options(&plan, 0, 0)).cameras().to_vec();
        let second = cameras[1].id.clone();
        let library = Library { plan: plan.clone(), cameras, hours: vec![vec![block(), vec![]]; 24] };
        let lines = library.hour(3, 17);
        assert_eq!(lines, library.hour(3, 17));
        let from_us = plan.from_utc_us + (3 * 24 + 17) * HOUR_US;
        assert!(lines.is_sorted_by_key(|line| line.captured_us));
        assert!(lines.iter().all(|line| (from_us..from_us + HOUR_US).contains(&line.captured_us)));
        let mut ids: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), lines.len());
        for end in lines.iter().filter(|line| line.phase == "end") {
            let begin = lines.iter().find(|line| Some(&line.id) == end.cause.as_ref());
            assert!(begin.is_some_and(|begin| begin.camera == end.camera && begin.track == end.track), "{end:?}");
        }
        for camera in [second.clone(), format!("{second}-2")] {
            let count = lines.iter().filter(|line| line.camera == camera).count();
            assert!(count % 20 == 0 && (20..240).contains(&count), "{camera}: {count}, one of the two blocks is empty");
        }
        assert_ne!(library.hour(4, 17), lines);
    }

    #[test]
    fn an_id_is_of_version_7_and_sorts_by_time() {
        let mut random = StdRng::seed_from_u64(1);
        let (first, second) = (uuid7(1_790_000_000_000_000, &mut random), uuid7(1_790_000_000_001_000, &mut random));
        assert!(first < second && first.len() == 36);
        assert_eq!(
            (&first[14..15], first[19..20].parse::<u8>().is_ok() || "89ab".contains(&first[19..20])),
            ("7", true)
        );
    }

    #[test]
    fn a_line_is_read_back_and_a_wrong_one_named() {
        let line = Line {
            id: "a".into(),
            cause: None,
            gateway: "police".into(),
            camera: "gate".into(),
            rule: "fence".into(),
            kind: "intrusion".into(),
            phase: "begin".into(),
            captured_us: 5,
            direction: None,
            track: Some(3),
            class: Some("person".into()),
            point: Some([0.5, 0.25]),
        };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(read_line("file", 1, &text).unwrap(), line);
        let error = read_line("file", 7, "{\"id\":1}").unwrap_err();
        assert_eq!(error.to_string(), "file, line 7: this is not an event of `yiwang-city events`");
    }
}
