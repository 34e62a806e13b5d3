//! How many alarms come to an operator, by the numbers of ISA-18.2 and EEMUA 191: what may come in ten minutes, when a
//! flood begins and ends, how urgency is spread, which sources are the worst. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::merge::Level;

const MINUTE_US: i64 = 60_000_000;
const WINDOW_US: i64 = 10 * MINUTE_US;
/// A flood begins when more than so many have come within ten minutes.
pub const FLOOD_STARTS: usize = 10;
/// It ends when fewer than so many have.
pub const FLOOD_ENDS_BELOW: usize = 5;
/// A source that tells so often within ten minutes chatters.
pub const CHATTER: usize = 6;

/// An incident as it came to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// When it came.
    pub at_us: i64,
    /// How urgent.
    pub level: Level,
    /// Camera and rule.
    pub source: (String, String),
}

/// The numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Load {
    /// Since when there is a flood.
    pub flood_since_us: Option<i64>,
    /// In the last ten minutes.
    pub last_10_min: usize,
    /// In the last hour.
    pub last_hour: usize,
    /// Mean over the time looked at.
    pub per_10_min: f64,
    /// Share of ten-minute windows with more than ten.
    pub windows_over_share: f64,
    /// Share of the time in flood.
    pub flood_time_share: f64,
    /// Most in one minute.
    pub peak_per_min: usize,
    /// Most in one hour.
    pub peak_per_hour: usize,
    /// Shares of low, medium, high, urgent.
    pub shares: [f64; 4],
    /// Sources with the most, most first; at most ten.
    pub top: Vec<((String, String), usize)>,
    /// Their share of all.
    pub top_share: f64,
    /// Sources that chatter now.
    pub chattering: Vec<((String, String), usize)>,
}

/// Most within any so long time that ends with an alarm.
fn peak(alarms: &[Alarm], span_us: i64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (index, alarm) in alarms.iter().enumerate() {
        while alarms[first].at_us <= alarm.at_us - span_us {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}

/// Works the numbers out for `(from, now]`; `alarms` in the order of time.
pub fn load(alarms: &[Alarm], from_us: i64, now_us: i64) -> Load {
    let within = |span_us: i64| alarms.iter().filter(|alarm| alarm.at_us > now_us - span_us).count();
    let span_us = (now_us - from_us).max(1);
    let mut load = Load {
        last_10_min: within(WINDOW_US),
        last_hour: within(6 * WINDOW_US),
        per_10_min: alarms.len() as f64 * WINDOW_US as f64 / span_us as f64,
        peak_per_min: peak(alarms, MINUTE_US),
        peak_per_hour: peak(alarms, 6 * WINDOW_US),
        ..Load::default()
    };
    let mut windows: BTreeMap<i64, usize> = BTreeMap::new();
    let mut sources: BTreeMap<&(String, String), usize> = BTreeMap::new();
    let mut recent: BTreeMap<&(String, String), usize> = BTreeMap::new();
    for alarm in alarms {
        *windows.entry((alarm.at_us - from_us).div_euclid(WINDOW_US)).or_default() += 1;
        *sources.entry(&alarm.source).or_default() += 1;
        if alarm.at_us > now_us - WINDOW_US {
            *recent.entry(&alarm.source).or_default() += 1;
        }
        load.shares[alarm.level as usize] += 1.0 / alarms.len() as f64;
    }
    let windows_all = (span_us as f64 / WINDOW_US as f64).ceil().max(1.0);
    load.windows_over_share = windows.values().filter(|count| **count > FLOOD_STARTS).count() as f64 / windows_all;
    let sorted = |counts: BTreeMap<&(String, String), usize>| {
        let mut list: Vec<((String, String), usize)> = counts.into_iter().map(|(s, n)| (s.clone(), n)).collect();
        list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        list
    };
    load.top = sorted(sources).into_iter().take(10).collect();
    load.top_share = load.top.iter().map(|(_, count)| count).sum::<usize>() as f64 / alarms.len().max(1) as f64;
    load.chattering = sorted(recent).into_iter().filter(|(_, count)| *count >= CHATTER).collect();
    let (since, flooded_us) = flood(alarms, now_us);
    (load.flood_since_us, load.flood_time_share) = (since, flooded_us as f64 / span_us as f64);
    load
}

/// Since when there is a flood now, and how long there was one in all: it begins above ten within ten minutes and ends
/// below five, so that the page does not flap.
fn flood(alarms: &[Alarm], now_us: i64) -> (Option<i64>, i64) {
    let mut window: VecDeque<i64> = VecDeque::new();
    let (mut since, mut flooded_us) = (None, 0);
    for at_us in alarms.iter().map(|alarm| alarm.at_us).chain([now_us]) {
        // What leaves the window before this alarm may end the flood.
        while window.front().is_some_and(|first| *first <= at_us - WINDOW_US) {
            let left_us = window.pop_front().unwrap_or(at_us) + WINDOW_US;
            if window.len() < FLOOD_ENDS_BELOW
                && let Some(begun_us) = since.take()
            {
                flooded_us += left_us - begun_us;
            }
        }
        window.push_back(at_us);
        if window.len() > FLOOD_STARTS && since.is_none() {
            since = Some(at_us);
        }
    }
    // The last was no alarm but the present.
    if window.len() == FLOOD_STARTS + 1 && since == Some(now_us) {
        since = None;
    }
    (since, flooded_us + since.map_or(0, |begun_us| now_us - begun_us))
}
