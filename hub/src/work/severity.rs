//! How urgent an incident is: as its events say, unless a rule about kind, camera, place or time says otherwise.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::merge::spot::{apart_m, outside_m};
use crate::merge::{Level, Thread};

/// Rules that are kept.
pub const MAX_RULES: usize = 200;

/// A rule; what it does not name fits all. The first that fits any source decides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeverityRule {
    /// Kind.
    pub kind: Option<String>,
    /// Department whose camera saw it.
    pub department: Option<String>,
    /// `<gateway>/<camera>`.
    pub camera: Option<String>,
    /// Rule id of the gateway's configuration.
    pub rule: Option<String>,
    /// A polygon, WGS-84 longitude and latitude; convex.
    pub area: Option<Vec<[f64; 2]>>,
    /// From this time of day, `HH:MM`.
    pub from: Option<String>,
    /// To this time of day; earlier than `from` goes over midnight.
    pub to: Option<String>,
    /// How urgent: `low`, `medium`, `high` or `urgent`.
    pub severity: String,
}

/// Minutes of the day.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

impl SeverityRule {
    /// What cannot be about it; none where it is right.
    pub fn wrong(&self) -> Option<&'static str> {
        let is_time = |text: &Option<String>| text.as_ref().is_none_or(|text| minutes(text).is_some());
        match () {
            () if Level::parse(&self.severity).is_none() => Some("severity is low, medium, high or urgent"),
            () if !is_time(&self.from) || !is_time(&self.to) => Some("times of day are HH:MM"),
            () if self.from.is_some() != self.to.is_some() => Some("from and to go together"),
            () if self.area.as_ref().is_some_and(|area| area.len() < 3) => Some("an area has at least three corners"),
            () => None,
        }
    }

    fn fits(&self, thread: &Thread, utc_offset_min: i64) -> bool {
        let same = |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|w| is == Some(w));
        let camera = thread.camera.as_ref().map(|camera| format!("{}/{camera}", thread.gateway));
        same(&self.kind, Some(&thread.kind))
            && same(&self.department, Some(&thread.department))
            && same(&self.camera, camera.as_deref())
            && same(&self.rule, thread.rule.as_deref())
            && self.is_time(thread.begin_us, utc_offset_min)
            && self.is_place(thread)
    }

    fn is_time(&self, at_us: i64, utc_offset_min: i64) -> bool {
        let times = self.from.as_deref().and_then(minutes).zip(self.to.as_deref().and_then(minutes));
        let Some((from, to)) = times else { return true };
        let now = (at_us.div_euclid(60_000_000) + utc_offset_min).rem_euclid(24 * 60);
        if from <= to { (from..to).contains(&now) } else { now >= from || now < to }
    }

    fn is_place(&self, thread: &Thread) -> bool {
        let Some([first, rest @ ..]) = self.area.as_deref() else { return true };
        let Some(spot) = &thread.spot else { return false };
        let origin = (first[0], first[1]);
        let polygon: Vec<[f64; 2]> =
            [first].into_iter().chain(rest).map(|corner| apart_m(origin, (corner[0], corner[1]))).collect();
        outside_m(&polygon, apart_m(origin, spot.position())) == 0.0
    }

    fn text(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let named = [("kind", &self.kind), ("department", &self.department), ("camera", &self.camera)];
        for (name, value) in named.into_iter().chain([("rule", &self.rule)]) {
            parts.extend(value.as_ref().map(|value| format!("{name} {value}")));
        }
        parts.extend(self.from.as_ref().zip(self.to.as_ref()).map(|(from, to)| format!("{from}–{to}")));
        parts.extend(self.area.as_ref().map(|_| "area".to_owned()));
        parts.join(", ")
    }
}

/// How urgent sources make an incident, and by which rule where one decides.
pub fn level<'a>(
    threads: impl Iterator<Item = &'a Thread> + Clone,
    rules: &[SeverityRule],
    utc_offset_min: i64,
) -> (Level, Option<String>) {
    for rule in rules {
        if let Some(level) = Level::parse(&rule.severity)
            && threads.clone().any(|thread| rule.fits(thread, utc_offset_min))
        {
            return (level, Some(rule.text()));
        }
    }
    (threads.map(|thread| thread.severity).max().unwrap_or(Level::Low), None)
}
