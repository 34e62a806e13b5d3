//! Until when something must happen, and what happens where it does not.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{State, Work};
use crate::merge::Level;

/// Nothing is escalated more often.
pub const ESCALATE_MAX: u32 = 3;

/// Deadlines of one severity, seconds from the last change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// Until somebody has seen it.
    pub acknowledge_s: u32,
    /// Until it is dispatched, or resolved.
    pub dispatch_s: u32,
    /// Until it is resolved once dispatched.
    pub resolve_s: u32,
    /// Until it is closed once resolved.
    pub close_s: u32,
}

/// Deadlines of every severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllDeadlines {
    /// For the record.
    pub low: Deadlines,
    /// To be looked at.
    pub medium: Deadlines,
    /// To be acted on.
    pub high: Deadlines,
    /// To be acted on now.
    pub urgent: Deadlines,
}

const HOUR_S: u32 = 3600;
const DAY_S: u32 = 24 * HOUR_S;

impl Default for AllDeadlines {
    fn default() -> Self {
        let of =
            |acknowledge_s, dispatch_s, resolve_s, close_s| Deadlines { acknowledge_s, dispatch_s, resolve_s, close_s };
        AllDeadlines {
            low: of(HOUR_S, DAY_S, 3 * DAY_S, 14 * DAY_S),
            medium: of(600, HOUR_S, DAY_S, 7 * DAY_S),
            high: of(180, 900, 4 * HOUR_S, 2 * DAY_S),
            urgent: of(60, 300, HOUR_S, DAY_S),
        }
    }
}

/// A deadline that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Until then.
    pub at_us: i64,
    /// The step that it is for.
    pub for_step: &'static str,
    /// When it is escalated next; none where that is over.
    pub escalate_us: Option<i64>,
}

/// The deadline that runs; none while shelved and once closed.
pub fn deadline(work: &Work, created_us: i64, level: Level, all: &AllDeadlines) -> Option<Deadline> {
    if work.shelved.is_some() {
        return None;
    }
    let of = match level {
        Level::Low => all.low,
        Level::Medium => all.medium,
        Level::High => all.high,
        Level::Urgent => all.urgent,
    };
    let (seconds, for_step) = match work.state {
        State::New => (of.acknowledge_s, "acknowledge"),
        State::Acknowledged => (of.dispatch_s, "dispatch"),
        State::Dispatched => (of.resolve_s, "resolve"),
        State::Resolved => (of.close_s, "close"),
        State::Closed => return None,
    };
    let period_us = i64::from(seconds.max(1)) * 1_000_000;
    let at_us = work.since_us.unwrap_or(created_us).saturating_add(period_us);
    let next_us = at_us.saturating_add(period_us.saturating_mul(i64::from(work.escalated)));
    Some(Deadline { at_us, for_step, escalate_us: (work.escalated < ESCALATE_MAX).then_some(next_us) })
}
