//! Reads what a product told: lines of the hub's feed (CloudEvents), of `yiwang-gateway analyze --format jsonl`, or of
//! `yiwang-city events`. Which it is each line says itself.

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::truth::COUNT;

/// What an event's time is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// 1970 UTC.
    Utc,
    /// The first picture of the camera's clip.
    Media,
}

/// One event as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Names it; what comes again with the same is the same.
    pub id: Option<String>,
    /// The camera's id, without its gateway.
    pub camera: String,
    /// The rule; none for health.
    pub rule: Option<String>,
    /// Its kind.
    pub kind: String,
    /// `begin`, `update` or `end`.
    pub phase: String,
    /// Of a crossing.
    pub direction: Option<String>,
    /// How many went over a line from its left to its right and back, where it is a count.
    pub counted: Option<[u32; 2]>,
    /// What `t_us` is counted from.
    pub clock: Clock,
    /// When.
    pub t_us: i64,
}

/// A line that is no event.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// No JSON, or a field is missing or of the wrong type.
    #[error("{name}, line {line}: this is not an event")]
    Parse {
        /// The file.
        name: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// No time that can be read.
    #[error("{name}, line {line}: {problem}")]
    Time {
        /// The file.
        name: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// The fields of all forms.
#[derive(Deserialize)]
struct Raw {
    id: Option<String>,
    camera: Option<String>,
    rule: Option<String>,
    kind: String,
    phase: String,
    direction: Option<String>,
    captured: Option<String>,
    captured_us: Option<i64>,
    media_time_s: Option<f64>,
    #[serde(default)]
    measures: Vec<RawMeasure>,
}

#[derive(Deserialize)]
struct RawMeasure {
    name: String,
    value: f64,
}

/// The hub's envelope; the rest of it is not needed.
#[derive(Deserialize)]
struct Envelope {
    data: Raw,
}

/// Reads lines; `name` is told in errors, `camera` is whose lines they are that name no camera. Empty lines are passed
/// over, events about a gateway too, and a last line that is still being written.
pub fn read(name: &str, text: &str, camera: Option<&str>) -> Result<Vec<Told>, FeedError> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut told = Vec::new();
    for (line, text) in (1..).zip(whole.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let wrong = |source| FeedError::Parse { name: name.to_owned(), line, source };
        let raw = if is_envelope(text) {
            serde_json::from_str::<Envelope>(text).map_err(wrong)?.data
        } else {
            serde_json::from_str::<Raw>(text).map_err(wrong)?
        };
        let time = |problem| FeedError::Time { name: name.to_owned(), line, problem };
        let (clock, t_us) = raw.time().map_err(time)?;
        let full = raw.camera.as_deref().or(camera);
        // `<gateway>/<camera>` in the feed.
        let Some(camera) = full.and_then(|full| full.rsplit('/').next()).map(str::to_owned) else { continue };
        let counted = raw.counted();
        let Raw { id, rule, kind, phase, direction, .. } = raw;
        told.push(Told { id, camera, rule, kind, phase, direction, counted, clock, t_us });
    }
    Ok(told)
}

/// Told by its keys rather than by trying both, so that an error is about the right one.
fn is_envelope(text: &str) -> bool {
    text.contains("\"specversion\"")
}

impl Raw {
    fn counted(&self) -> Option<[u32; 2]> {
        let value = |name: &str| self.measures.iter().find(|measure| measure.name == name).map(|m| m.value as u32);
        if self.kind == COUNT { Some([value("a_to_b")?, value("b_to_a")?]) } else { None }
    }

    fn time(&self) -> Result<(Clock, i64), String> {
        if let Some(t_us) = self.captured_us {
            return Ok((Clock::Utc, t_us));
        }
        if let Some(captured) = &self.captured {
            let time = OffsetDateTime::parse(captured, &Rfc3339)
                .map_err(|error| format!("`captured` is not a time of RFC 3339: {error}"))?;
            let us = i64::try_from(time.unix_timestamp_nanos() / 1000);
            return Ok((Clock::Utc, us.map_err(|_| "`captured` is beyond all bounds".to_owned())?));
        }
        match self.media_time_s {
            Some(t_s) if t_s.abs() < 1e12 => Ok((Clock::Media, (t_s * 1e6).round() as i64)),
            Some(t_s) => Err(format!("`media_time_s` is {t_s}, which is no time")),
            None => Err("none of `captured`, `captured_us`, `media_time_s` is there".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_read() {
        let text = concat!(
            r#"{"specversion":"1.0","id":"x","data":{"id":"a","camera":"gw/gate","rule":"fence","kind":"intrusion","phase":"begin","captured":"2026-09-21T14:13:20.123Z","more":1}}"#,
            "\n",
            r#"{"specversion":"1.0","id":"y","data":{"id":"b","camera":null,"kind":"gateway.lost","phase":"begin","captured":"2026-09-21T14:13:20Z"}}"#,
            "\n\n",
            r#"{"kind":"line_cross","rule":"line","phase":"begin","media_time_s":12.345,"direction":"a_to_b","id":"c","camera":"gate"}"#,
            "\n",
            r#"{"kind":"loiter","rule":"zone","phase":"end","captured_us":1790000000000000,"direction":null}"#,
            "\n{\"kind\":",
        );
        let told = read("feed", text, Some("square")).unwrap();
        let short: Vec<(&str, &str, Clock, i64)> =
            told.iter().map(|one| (one.camera.as_str(), one.kind.as_str(), one.clock, one.t_us)).collect();
        assert_eq!(
            short,
            [
                ("gate", "intrusion", Clock::Utc, 1_790_000_000_123_000),
                ("square", "gateway.lost", Clock::Utc, 1_790_000_000_000_000),
                ("gate", "line_cross", Clock::Media, 12_345_000),
                ("square", "loiter", Clock::Utc, 1_790_000_000_000_000),
            ]
        );
        assert_eq!(read("feed", text, None).unwrap().len(), 2, "whose they are nobody knows");
        assert_eq!(told[2].direction.as_deref(), Some("a_to_b"));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let cases = [
            ("\n{\"kind\":3}\n", "feed, line 2: this is not an event"),
            ("nonsense\n", "feed, line 1: this is not an event"),
            ("{\"kind\":\"a\",\"phase\":\"begin\"}\n", "feed, line 1: none of `captured`"),
            ("{\"kind\":\"a\",\"phase\":\"begin\",\"captured\":\"noon\"}\n", "feed, line 1: `captured` is not a time"),
            ("{\"kind\":\"a\",\"phase\":\"begin\",\"media_time_s\":1e300}\n", "feed, line 1: `media_time_s`"),
        ];
        for (text, expected) in cases {
            let error = read("feed", text, Some("gate")).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
