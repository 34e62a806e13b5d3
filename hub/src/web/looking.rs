//! Looking for events: what words, places and names mean is worked out first, so that each walk follows one index from the
//! newest back; the walks are merged, and none goes on once the page is full of newer ones. How much is looked at is bounded,
//! whatever was asked.

use std::collections::{HashMap, HashSet};

use super::access::Caller;
use super::error::ApiError;
use super::export::Wish;
use super::incidents::{Area, read_area};
use super::json;
use super::views::page_cursor_from;
use crate::store::{EventQuery, MAX_PAGE, PageCursor, Scope, Store, StoreResult, StoredEvent};
use crate::work::baseline::CameraKey;
use yiwang_wire::event::Severity;

/// Words that are looked for.
const MAX_WORDS: usize = 8;
/// Up to so many cameras each have their own walk; above it one walk through time finds them soon enough.
const MAX_WALKS: usize = 512;
/// Least that is read of a walk at once.
const PAGE_MIN: usize = 4;

/// A question about events that was read.
pub(super) struct Asked {
    base: EventQuery,
    words: Vec<String>,
    /// Looked at event by event, because a walk that asks for a rare severity has no bound; empty takes all.
    severities: Vec<Severity>,
    area: Option<Area>,
}

/// The newest that fit.
pub(super) struct Newest {
    pub(super) newest: Vec<StoredEvent>,
    /// Where it was stopped before the page was full.
    pub(super) complete_to_us: Option<i64>,
    /// Where to go on; none where everything was looked at.
    pub(super) next: Option<PageCursor>,
}

impl Newest {
    /// Where the search was stopped, nothing is told of the time that was not looked through: the next page has it whole.
    fn of(mut newest: Vec<StoredEvent>, most: usize, complete_to_us: Option<i64>) -> Newest {
        let next = match complete_to_us {
            Some(to_us) => {
                newest.retain(|stored| stored.event.captured_us > to_us);
                Some(PageCursor { captured_us: to_us, position: i64::MAX.unsigned_abs() })
            }
            None => newest
                .get(most.saturating_sub(1))
                .map(|last| PageCursor { captured_us: last.event.captured_us, position: last.position }),
        };
        Newest { newest, complete_to_us, next }
    }
}

impl Asked {
    pub(super) fn read(wish: &Wish, caller: &Caller, limit: usize) -> Result<Asked, ApiError> {
        let scope = match &wish.department {
            Some(department) => caller.view.scope_of(department).ok_or_else(ApiError::out_of_view)?,
            None => caller.view.scope(),
        };
        let time = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => json::us_from_rfc3339(text)
                .map(Some)
                .ok_or_else(|| ApiError::bad_request("A time can't be read.", "Give such as 2026-05-01T08:00:00Z.")),
        };
        let camera = match wish.camera.as_deref().map(|text| text.split_once('/')) {
            None => None,
            Some(Some((gateway, camera))) => Some((gateway.to_owned(), camera.to_owned())),
            Some(None) => return Err(ApiError::bad_request("camera can't be read.", "Give <gateway>/<camera>.")),
        };
        let severities = wish.severity.as_deref().unwrap_or_default().split(',').filter(|word| !word.is_empty());
        let severities: Option<Vec<Severity>> = severities.map(json::severity_from).collect();
        let severities = severities.ok_or_else(|| {
            ApiError::bad_request("severity can't be read.", "Give low, medium, high or urgent, parted by commas.")
        })?;
        let after = match wish.cursor.as_deref().map(page_cursor_from) {
            Some(None) => {
                return Err(ApiError::bad_request("cursor can't be read.", "Give `next` of the page before."));
            }
            after => after.flatten(),
        };
        let words = wish.q.as_deref().unwrap_or_default().split_whitespace().take(MAX_WORDS);
        let base = EventQuery {
            scope,
            from_us: time(&wish.from)?,
            to_us: time(&wish.to)?,
            gateway: None,
            camera,
            kind: wish.kind.clone(),
            severity: None,
            phase: None,
            limit,
            after,
        };
        let area = wish.area.as_deref().map(read_area).transpose()?;
        Ok(Asked { base, words: words.map(str::to_lowercase).collect(), severities, area })
    }

    /// The newest that fit, at most so many, looking at so many at most.
    pub(super) fn newest(&self, store: &dyn Store, most: usize, looked_at_max: usize) -> StoreResult<Newest> {
        let meanings = Meanings::of(store, &self.words)?;
        let mut walks = self.walks(store, &meanings)?;
        let fits = |stored: &StoredEvent| {
            meanings.fit(stored)
                && (self.severities.is_empty() || self.severities.contains(&stored.event.severity))
                && self.area.as_ref().is_none_or(|area| stored.place.is_some_and(|p| area.contains(p.into())))
        };
        let mut found: Vec<StoredEvent> = Vec::new();
        let mut looked_at = 0;
        loop {
            found.sort_by_key(|stored| std::cmp::Reverse((stored.event.captured_us, stored.position)));
            found.dedup_by_key(|stored| stored.position);
            found.truncate(most);
            // A walk goes on while it may still find something newer than the last that is needed.
            let last_us =
                if found.len() == most { found.last().map_or(i64::MIN, |s| s.event.captured_us) } else { i64::MIN };
            let going_on: Vec<&mut Walk> =
                walks.iter_mut().filter(|walk| walk.to_us.is_some_and(|to| to >= last_us)).collect();
            if going_on.is_empty() || looked_at >= looked_at_max {
                let complete_to_us = going_on.iter().filter_map(|walk| walk.to_us).max();
                return Ok(Newest::of(found, most, complete_to_us));
            }
            for walk in going_on {
                let page = store.events(&walk.query)?;
                looked_at += page.events.len();
                walk.to_us = page.next.map(|next| next.captured_us);
                walk.query.after = page.next;
                walk.query.limit = (walk.query.limit * 4).min(MAX_PAGE);
                found.extend(page.events.into_iter().filter(|stored| fits(stored)));
            }
        }
    }

    /// Which indexes are walked.
    fn walks(&self, store: &dyn Store, meanings: &Meanings) -> StoreResult<Vec<Walk>> {
        let cameras = self.cameras(store, meanings)?;
        let mut queries = match cameras {
            Some(cameras) if cameras.len() <= MAX_WALKS => {
                cameras.into_iter().map(|camera| EventQuery { camera: Some(camera), ..self.base.clone() }).collect()
            }
            Some(_) => vec![self.base.clone()],
            None => match meanings.narrowest() {
                Some(meaning) if self.base.kind.is_none() && self.base.camera.is_none() => {
                    let kinds = meaning.kinds.iter().cloned();
                    let by_kind = kinds.map(|kind| EventQuery { kind: Some(kind), ..self.base.clone() });
                    let cameras = meaning.cameras().cloned();
                    let by_camera = cameras.map(|camera| EventQuery { camera: Some(camera), ..self.base.clone() });
                    by_kind.chain(by_camera).collect()
                }
                _ => vec![self.base.clone()],
            },
        };
        let page = (2 * self.base.limit / queries.len().max(1)).clamp(PAGE_MIN, self.base.limit.max(PAGE_MIN));
        queries.iter_mut().for_each(|query| query.limit = page);
        Ok(queries.into_iter().map(|query| Walk { query, to_us: Some(i64::MAX) }).collect())
    }

    /// The only cameras that can fit; none where it may be any.
    fn cameras(&self, store: &dyn Store, meanings: &Meanings) -> StoreResult<Option<HashSet<CameraKey>>> {
        let mut sets: Vec<HashSet<CameraKey>> = Vec::new();
        sets.extend(self.base.camera.clone().map(|camera| HashSet::from([camera])));
        if let Some(area) = &self.area {
            // Where it stands now; where it stood then is looked at event by event.
            let inside = store.cameras()?.into_iter().filter(|camera| {
                in_scope(&self.base.scope, &camera.department)
                    && camera.info.place.is_some_and(|place| area.contains(place.into()))
            });
            sets.push(inside.map(|camera| (camera.gateway, camera.info.id)).collect());
        }
        let no_kind = meanings.words.iter().filter(|meaning| meaning.kinds.is_empty());
        sets.extend(no_kind.map(|meaning| meaning.cameras().cloned().collect()));
        let Some(mut all) = sets.pop() else { return Ok(None) };
        for set in sets {
            all.retain(|camera| set.contains(camera));
        }
        Ok(Some(all))
    }
}

fn in_scope(scope: &Scope, department: &str) -> bool {
    match scope {
        Scope::All => true,
        Scope::Departments(ids) => ids.iter().any(|id| id == department),
    }
}

/// One index, walked from the newest back.
struct Walk {
    query: EventQuery,
    /// Everything newer was read; none once it has ended.
    to_us: Option<i64>,
}

/// What a word may mean.
#[derive(Default)]
struct Meaning {
    word: String,
    kinds: HashSet<String>,
    /// Cameras by their names, their gateways and departments.
    named: HashSet<CameraKey>,
    /// Cameras that have told of a rule or a class by that name.
    told: HashSet<CameraKey>,
}

impl Meaning {
    fn cameras(&self) -> impl Iterator<Item = &CameraKey> {
        self.named.union(&self.told)
    }

    fn fits(&self, stored: &StoredEvent) -> bool {
        let event = &stored.event;
        let has = |text: &str| text.to_lowercase().contains(&self.word);
        let camera = event.camera.as_ref().map(|camera| (stored.gateway.to_string(), camera.clone()));
        self.kinds.contains(&event.kind)
            || camera.is_some_and(|camera| self.named.contains(&camera))
            || event.rule.as_deref().is_some_and(has)
            || event.subject.as_ref().is_some_and(|subject| has(&subject.class))
    }
}

/// What each word may mean.
struct Meanings {
    words: Vec<Meaning>,
}

impl Meanings {
    fn of(store: &dyn Store, words: &[String]) -> StoreResult<Meanings> {
        if words.is_empty() {
            return Ok(Meanings { words: Vec::new() });
        }
        let (kinds, cameras, told) = (store.kinds()?, store.cameras()?, store.told()?);
        let gateways: HashMap<String, String> = store.gateways()?.into_iter().map(|g| (g.id, g.name)).collect();
        let of = |word: &String| {
            let has = |text: &str| text.to_lowercase().contains(word.as_str());
            let kinds = kinds.iter().filter(|k| has(&k.kind) || has(&k.label_zh) || has(&k.label_en));
            let named = cameras.iter().filter(|camera| {
                let (info, gateway) = (&camera.info, &camera.gateway);
                let of_gateway = has(gateway) || gateways.get(gateway).is_some_and(|name| has(name));
                has(&info.name) || has(&info.id) || has(&camera.department) || of_gateway
            });
            Meaning {
                word: word.clone(),
                kinds: kinds.map(|kind| kind.kind.clone()).collect(),
                named: named.map(|camera| (camera.gateway.clone(), camera.info.id.clone())).collect(),
                told: told.iter().filter(|(_, text)| has(text)).map(|(camera, _)| camera.clone()).collect(),
            }
        };
        Ok(Meanings { words: words.iter().map(of).collect() })
    }

    /// The word with the fewest walks, where that are few.
    fn narrowest(&self) -> Option<&Meaning> {
        let walks = |meaning: &&Meaning| meaning.kinds.len() + meaning.cameras().count();
        self.words.iter().min_by_key(walks).filter(|meaning| walks(meaning) <= MAX_WALKS)
    }

    fn fit(&self, stored: &StoredEvent) -> bool {
        self.words.iter().all(|meaning| meaning.fits(stored))
    }
}
