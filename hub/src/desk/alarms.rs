//! What counts as alarms for one who looks: the live incidents in few words, from memory. A flood is measured without reading
//! it from the store, and without a bound that would cut it off just then.

use uuid::Uuid;

use super::{Desk, summary};
use crate::merge::Level;
use crate::store::{IncidentRow, StoreResult};
use crate::work::State;

/// Who looks.
pub(crate) struct Looker<'a> {
    /// May an incident be shown at all?
    pub(crate) sees: &'a dyn Fn(&IncidentRow) -> bool,
    /// May what a department's cameras saw be shown?
    pub(crate) sees_department: &'a dyn Fn(&str) -> bool,
    /// Was it sent to the one who looks?
    pub(crate) is_sent: &'a dyn Fn(&IncidentRow) -> bool,
}

/// An incident as the numbers need it, as far as the one who looks may see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Brief {
    pub(crate) id: Uuid,
    pub(crate) created_us: i64,
    pub(crate) level: Level,
    pub(crate) state: State,
    /// Kept out of the queue.
    pub(crate) suppressed: bool,
    /// Sources that told the same again.
    pub(crate) told_again: usize,
    /// `<gateway>/<camera>` of the first source in view; empty where it has none.
    pub(crate) camera: String,
    pub(crate) kind: String,
}

impl Brief {
    /// True while somebody still has to do something.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, State::Resolved | State::Closed)
    }
}

impl Desk {
    /// The live incidents that may be shown, in no order.
    pub(crate) fn briefs(&self, looker: &Looker<'_>) -> StoreResult<Vec<Brief>> {
        self.with(|_, live| {
            let seen = live.rows.values().filter(|row| (looker.sees)(row));
            Ok(seen.map(|row| brief(row, looker, &|id| live.engine.sources(id))).collect())
        })
    }
}

type Sources<'a> = Vec<(&'a crate::merge::Thread, Option<&'a crate::merge::Link>)>;

/// What is hidden of it is not counted either.
fn brief<'a>(row: &IncidentRow, looker: &Looker<'_>, sources: &dyn Fn(Uuid) -> Sources<'a>) -> Brief {
    let whole = row.summary.departments.iter().all(|department| (looker.sees_department)(department));
    let sent = (looker.is_sent)(row);
    let part = (!whole).then(|| {
        let seen = sources(row.id).into_iter().filter(|(thread, _)| (looker.sees_department)(&thread.department));
        summary(&seen.collect::<Vec<_>>())
    });
    let shown = part.as_ref().filter(|_| !sent).unwrap_or(&row.summary);
    let cameras = part.as_ref().map_or(&row.summary.cameras, |part| &part.cameras);
    // What a rule made of sources out of view would tell of them.
    let told = whole || sent || row.work.severity.is_some();
    Brief {
        id: row.id,
        created_us: row.created_us,
        level: if told { row.level } else { shown.level.unwrap_or(row.level) },
        state: row.work.state,
        suppressed: row.summary.suppressed.is_some(),
        told_again: shown.chatter + shown.duplicates,
        camera: cameras.first().cloned().unwrap_or_default(),
        kind: shown.kind.clone(),
    }
}
