//! Who is told when a deadline passed, and whose the incident is from then on: one rung for each time that it passed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clock::ESCALATE_MAX;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Tell {
    /// Everybody who works in the centre.
    #[default]
    Operators,
    /// Whoever leads it.
    Administrators,
}

impl Tell {
    /// As written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Tell::Operators => "operators",
            Tell::Administrators => "administrators",
        }
    }
}

/// Whose it is from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum NewOwner {
    /// Whose it was.
    #[default]
    Stays,
    /// Nobody's: whoever is there takes it.
    Nobody,
    /// This person's.
    Person(String),
}

/// What happens when a deadline passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Rung {
    /// Who is told.
    pub tell: Tell,
    /// Whose it is then.
    pub owner: NewOwner,
}

/// Everybody in the centre hears of it first. An owner under whom it passes a second time has lost it: it waits for
/// whoever takes it, and those who lead hear of that.
pub fn usual() -> Vec<Rung> {
    let lead = Rung { tell: Tell::Administrators, owner: NewOwner::Nobody };
    vec![Rung::default(), lead]
}

/// The rung for the how many-th time, the first is 1; above the last it is the last.
pub fn rung(ladder: &[Rung], time: u32) -> Rung {
    let index = usize::try_from(time.saturating_sub(1)).unwrap_or(usize::MAX);
    ladder.get(index).or(ladder.last()).cloned().unwrap_or_default()
}

/// What is wrong with a ladder, in words.
pub fn wrong(ladder: &[Rung]) -> Option<String> {
    if ladder.len() > ESCALATE_MAX as usize {
        return Some(format!("nothing is escalated more than {ESCALATE_MAX} times"));
    }
    let unnamed = |rung: &Rung| matches!(&rung.owner, NewOwner::Person(name) if name.trim().is_empty());
    ladder.iter().any(unnamed).then(|| "a new owner has no name".to_owned())
}
