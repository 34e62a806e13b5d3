//! One shift hands over to the next: made and signed in the record, each in one transaction with what it changes.

use serde_json::{Value, json};

use super::{By, Desk};
use crate::ledger::{NewRecord, Record};
use crate::store::{IncidentWrites, Store, StoreError, StoreResult};
use crate::work::handover::{Handover, NotTaken, Pack, Signature};

/// Hand-overs that an open item is looked for in.
const LOOKED_BACK: usize = 100;

/// What a shift hands over.
#[derive(Debug, Clone, PartialEq)]
pub struct NewHandover {
    /// The shift began.
    pub from_us: i64,
    /// Who is to take over; none: whoever comes.
    pub to_person: Option<String>,
    /// In words.
    pub note: String,
    /// What is handed over.
    pub pack: Pack,
}

/// Why nobody took over.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// It may not be.
    #[error("it cannot be taken over: {0:?}")]
    Not(NotTaken),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    /// Makes a hand-over; whoever makes it has signed as the outgoing side.
    pub fn hand_over(&self, new: NewHandover, by: &By, now_us: i64) -> StoreResult<Handover> {
        self.with(|store, _| {
            let detail = json!({"from_us": new.from_us, "to_person": new.to_person, "sha256": new.pack.sha256()});
            let record = record(by, now_us, "handover.create", String::new(), &new.note, detail);
            let mut made = Handover {
                id: 0,
                department: by.department.clone(),
                from_us: new.from_us,
                to_us: now_us,
                to_person: new.to_person,
                outgoing: Signature { by: by.name.clone(), at_us: now_us, note: new.note },
                incoming: None,
                pack: new.pack,
            };
            write(store, record, &mut made)?;
            Ok(made)
        })
    }

    /// Takes a hand-over over: signs as the incoming side.
    pub fn take_over(&self, id: i64, note: &str, by: &By, now_us: i64) -> Result<Handover, TakeOverError> {
        // Under the desk's lock: of two who sign at once one is told that it is signed.
        self.with(|store, _| {
            let found = handover(store, &by.department, id)?;
            let mut one = found.ok_or(TakeOverError::Not(NotTaken::Unknown))?;
            one.take(&by.name, &by.department, note, now_us).map_err(TakeOverError::Not)?;
            let detail = json!({"sha256": one.pack.sha256(), "outgoing": one.outgoing.by});
            let record = record(by, now_us, "handover.sign", id.to_string(), note, detail);
            write(store, record, &mut one)?;
            Ok(one)
        })
    }
}

/// One hand-over of a department.
pub fn handover(store: &dyn Store, department: &str, id: i64) -> StoreResult<Option<Handover>> {
    let found = store.handovers(department, id.saturating_add(1), 1)?;
    Ok(found.into_iter().find(|one| one.id == id))
}

/// Says of each open item of a pack which earlier hand-overs held it.
pub fn count_handovers(store: &dyn Store, department: &str, pack: &mut Pack) -> StoreResult<()> {
    let earlier = store.handovers(department, i64::MAX, LOOKED_BACK)?;
    pack.count_handovers(earlier.iter());
    Ok(())
}

fn record(by: &By, now_us: i64, what: &str, about: String, note: &str, detail: Value) -> NewRecord {
    NewRecord {
        at_us: now_us,
        by: by.name.clone(),
        department: by.department.clone(),
        from: by.from.clone(),
        what: what.to_owned(),
        about,
        why: (!note.is_empty()).then(|| note.to_owned()),
        detail,
    }
}

/// A new one gets the number of its record.
fn write(store: &dyn Store, record: NewRecord, one: &mut Handover) -> StoreResult<()> {
    store.record(&[record], &mut |records: &[Record]| {
        if let Some(record) = records.first().filter(|_| one.id == 0) {
            one.id = record.seq;
        }
        IncidentWrites { handovers: vec![one.clone()], ..IncidentWrites::default() }
    })?;
    Ok(())
}
