//! What one shift leaves to the next: what is open and since how many hand-overs, who has signed. Only names and how things
//! stood are kept; what a reader sees of them is made anew, cut to its view. Pure.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::ledger::{canonical, hex};

/// An incident as it stood when the shift ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Incident.
    pub incident: Uuid,
    /// Its number.
    pub number: i64,
    /// How it was shown.
    pub shown_as: String,
    /// Its state.
    pub state: String,
    /// How urgent.
    pub severity: String,
    /// Who had it.
    pub owner: Option<String>,
    /// How many earlier hand-overs held it open.
    pub handed_over: u32,
    /// The first of them.
    pub first_handover: Option<i64>,
}

/// A camera from which nothing was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silent {
    /// `<gateway>/<camera>`.
    pub camera: String,
    /// Name.
    pub name: String,
    /// Whose.
    pub department: String,
    /// When its gateway was last heard.
    pub last_contact_us: Option<i64>,
    /// Complete up to here.
    pub complete_to_us: Option<i64>,
    /// `gateway_away` or `signal_lost`.
    pub why: String,
}

/// How much there was in the shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Incidents that came.
    pub came: usize,
    /// Closed in the shift.
    pub closed: usize,
    /// Of these: true.
    #[serde(rename = "true")]
    pub true_ones: usize,
    /// Of these: false alarms.
    pub false_alarms: usize,
    /// Of these: exercises.
    pub exercises: usize,
    /// Open at its end.
    pub open: usize,
    /// Of these: overdue.
    pub overdue: usize,
    /// Of these: escalated.
    pub escalated: usize,
}

/// What is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pack {
    /// In numbers.
    pub counts: Totals,
    /// Open and in the queue.
    pub open: Vec<Item>,
    /// Open and out of the queue for a while.
    pub shelved: Vec<Item>,
    /// Closed as false alarms in the shift.
    pub false_alarms: Vec<Item>,
    /// Cameras from which nothing is heard.
    pub silent_cameras: Vec<Silent>,
}

impl Pack {
    /// What is open, in the queue or out of it.
    pub fn all_open(&self) -> impl Iterator<Item = &Item> {
        self.open.iter().chain(&self.shelved)
    }

    /// SHA-256 over all of it: the record holds it, so that a pack cannot be changed unseen.
    pub fn sha256(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        hex(&Sha256::digest(canonical(&value)))
    }

    /// Says of each open item how many earlier hand-overs held it open. `earlier`: newest first.
    pub fn count_handovers<'a>(&mut self, earlier: impl Iterator<Item = &'a Handover>) {
        for one in earlier {
            for item in self.open.iter_mut().chain(&mut self.shelved) {
                if one.pack.all_open().any(|held| held.incident == item.incident) {
                    item.handed_over += 1;
                    item.first_handover = Some(one.id);
                }
            }
        }
    }
}

/// Somebody's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Who.
    pub by: String,
    /// When.
    pub at_us: i64,
    /// In words.
    pub note: String,
}

/// A hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Its number in the record.
    pub id: i64,
    /// Whose shift.
    pub department: String,
    /// The shift began.
    pub from_us: i64,
    /// It ended.
    pub to_us: i64,
    /// Who takes over, where it is said.
    pub to_person: Option<String>,
    /// Who made it, and with that signed.
    pub outgoing: Signature,
    /// Who took over.
    pub incoming: Option<Signature>,
    /// What is handed over.
    pub pack: Pack,
}

/// Why somebody cannot take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// Of another department: not there for them.
    Unknown,
    /// It is signed.
    Signed,
    /// Nobody hands over to themselves.
    Oneself,
    /// It is for somebody else.
    Somebody,
}

impl Handover {
    /// Signs as who takes over.
    pub fn take(&mut self, by: &str, department: &str, note: &str, now_us: i64) -> Result<(), NotTaken> {
        match () {
            () if department != self.department => Err(NotTaken::Unknown),
            () if self.incoming.is_some() => Err(NotTaken::Signed),
            () if by == self.outgoing.by => Err(NotTaken::Oneself),
            () if self.to_person.as_deref().is_some_and(|person| person != by) => Err(NotTaken::Somebody),
            () => {
                self.incoming = Some(Signature { by: by.to_owned(), at_us: now_us, note: note.to_owned() });
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: i64) -> Item {
        Item {
            incident: Uuid::from_u128(number as u128),
            number,
            shown_as: "new".into(),
            state: "new".into(),
            severity: "high".into(),
            owner: None,
            handed_over: 0,
            first_handover: None,
        }
    }

    fn handover(id: i64, open: &[i64]) -> Handover {
        Handover {
            id,
            department: "operations".into(),
            from_us: 0,
            to_us: 10,
            to_person: None,
            outgoing: Signature { by: "wang".into(), at_us: 10, note: String::new() },
            incoming: None,
            pack: Pack { open: open.iter().map(|number| item(*number)).collect(), ..Pack::default() },
        }
    }

    #[test]
    fn open_items_return_and_say_since_when() {
        let earlier = [handover(9, &[1, 2]), handover(5, &[1])];
        let mut pack = handover(0, &[1, 2, 3]).pack;
        pack.count_handovers(earlier.iter());
        let counted: Vec<_> = pack.open.iter().map(|item| (item.handed_over, item.first_handover)).collect();
        assert_eq!(counted, [(2, Some(5)), (1, Some(9)), (0, None)]);
        assert_ne!(pack.sha256(), handover(0, &[1, 2, 3]).pack.sha256());
    }

    #[test]
    fn another_person_of_the_department_takes_over_once() {
        let mut one = handover(9, &[1]);
        assert_eq!(one.take("li", "police", "", 20), Err(NotTaken::Unknown));
        assert_eq!(one.take("wang", "operations", "", 20), Err(NotTaken::Oneself));
        one.to_person = Some("li".into());
        assert_eq!(one.take("zhao", "operations", "", 20), Err(NotTaken::Somebody));
        assert_eq!(one.take("li", "operations", "看过", 20), Ok(()));
        assert_eq!(one.take("li", "operations", "", 30), Err(NotTaken::Signed));
        assert_eq!(one.incoming.map(|signed| (signed.by, signed.at_us)), Some(("li".to_owned(), 20)));
    }
}
