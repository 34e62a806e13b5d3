//! The steps that people take, as they send them and as the record keeps them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ladder::{NewOwner, Tell};
use crate::merge::Level;

/// What became of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It happened.
    True,
    /// It did not.
    FalseAlarm,
    /// It was an exercise.
    Exercise,
}

/// How far a department is with its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Sent, not answered.
    Open,
    /// Taken on.
    Accepted,
    /// Done.
    Done,
    /// Not taken on.
    Refused,
}

/// A step. What the hub adds when it is recorded is left out of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Seen.
    Acknowledge {},
    /// It is mine.
    Take {},
    /// It is somebody's, or nobody's.
    Assign {
        /// Who.
        owner: Option<String>,
    },
    /// Departments get a task each.
    Dispatch {
        /// To whom.
        departments: Vec<String>,
        /// What is to be done.
        #[serde(default)]
        note: String,
    },
    /// A department answers its task.
    Task {
        /// Whose task.
        department: String,
        /// How far it is.
        state: TaskState,
        /// In words.
        #[serde(default)]
        answer: String,
    },
    /// It is over.
    Resolve {
        /// How.
        #[serde(default)]
        resolution: String,
        /// Threads that name the incidents that take nothing new from now on; added by the hub.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        founders: Vec<Uuid>,
    },
    /// Done with, and what it was.
    Close {
        /// What it was.
        finding: Finding,
        /// In words.
        #[serde(default)]
        note: String,
        /// As with resolve; added by the hub.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        founders: Vec<Uuid>,
    },
    /// It goes on after all.
    Reopen {
        /// Why.
        reason: String,
        /// As with resolve; added by the hub.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        founders: Vec<Uuid>,
    },
    /// Out of the queue for a while.
    Shelve {
        /// Until when, RFC 3339.
        until: String,
        /// Why.
        reason: String,
        /// The same as a number; added by the hub.
        #[serde(default)]
        until_us: i64,
    },
    /// Back into the queue.
    Unshelve {},
    /// Something worth knowing.
    Comment {
        /// What.
        text: String,
    },
    /// More or less urgent than it seemed.
    Severity {
        /// How urgent.
        severity: Level,
        /// Why.
        reason: String,
    },
    /// Some sources are an incident of their own.
    Split {
        /// These.
        sources: Vec<Uuid>,
        /// Why.
        #[serde(default)]
        reason: String,
        /// The others; added by the hub.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rest: Vec<Uuid>,
    },
    /// Another incident is the same.
    Join {
        /// Which.
        with: Uuid,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Takes back the caller's newest step here.
    Undo {
        /// Its number in the record; added by the hub.
        #[serde(default)]
        seq: i64,
    },
    /// The deadline passed: the hub's own step.
    Escalate {
        /// For the how many-th time.
        level: u32,
        /// Who is told. A record from before says nothing: then it was everybody in the centre.
        #[serde(default)]
        tell: Tell,
        /// Whose it is from then on.
        #[serde(default)]
        owner: NewOwner,
    },
}

impl Step {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Step::Acknowledge {} => "acknowledge",
            Step::Take {} => "take",
            Step::Assign { .. } => "assign",
            Step::Dispatch { .. } => "dispatch",
            Step::Task { .. } => "task",
            Step::Resolve { .. } => "resolve",
            Step::Close { .. } => "close",
            Step::Reopen { .. } => "reopen",
            Step::Shelve { .. } => "shelve",
            Step::Unshelve {} => "unshelve",
            Step::Comment { .. } => "comment",
            Step::Severity { .. } => "severity",
            Step::Split { .. } => "split",
            Step::Join { .. } => "join",
            Step::Undo { .. } => "undo",
            Step::Escalate { .. } => "escalate",
        }
    }

    /// The reason that it gives.
    pub fn why(&self) -> Option<&str> {
        let text = match self {
            Step::Reopen { reason, .. }
            | Step::Shelve { reason, .. }
            | Step::Severity { reason, .. }
            | Step::Split { reason, .. }
            | Step::Join { reason, .. } => reason,
            Step::Resolve { resolution, .. } => resolution,
            Step::Close { note, .. } | Step::Dispatch { note, .. } => note,
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// True where it changes which threads belong together, or which an incident takes.
    pub fn is_of_merge(&self) -> bool {
        matches!(
            self,
            Step::Split { .. } | Step::Join { .. } | Step::Resolve { .. } | Step::Close { .. } | Step::Reopen { .. }
        )
    }
}
