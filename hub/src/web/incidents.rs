//! Reading incidents: the queue, one incident with its sources and history, how many alarms come.

use std::collections::{BTreeMap, HashSet};

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::incident_json::{self, Around, Viewer, actor};
use super::incident_shapes::*;
use super::{AppState, json};
use crate::desk::{Brief, Looker, SETTING, Settings};
use crate::merge::Level;
use crate::registry::now_us;
use crate::store::{IncidentQuery, IncidentRow, MAX_PAGE, Source, Store, StoreResult};
use crate::work;
use crate::work::load::{self, Alarm};

/// Incidents of a page where the request names no number.
const PAGE: usize = 100;
/// Incidents that one request looks at; whoever has more narrows the question.
const MAX_LOOKED_AT: usize = 5_000;
/// Rows read at a time.
const STEP: usize = 500;
/// The numbers look back so far, microseconds.
const DAY_US: i64 = 24 * 3_600_000_000;
/// Groups that are told, and incidents of a group that are named.
const MAX_GROUPS: usize = 20;
const MAX_NAMED: usize = 500;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(incidents)).routes(routes!(incident)).routes(routes!(alarm_load))
}

/// Filters of the incidents.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Words of `state` or `shown_as`, parted by commas; all but closed where it is left out.
    pub(super) state: Option<String>,
    /// `low`, `medium`, `high`, `urgent`, parted by commas.
    pub(super) severity: Option<String>,
    /// Kind.
    pub(super) kind: Option<String>,
    /// Department whose camera saw it; it must be in view.
    pub(super) department: Option<String>,
    /// `<gateway>/<camera>`.
    pub(super) camera: Option<String>,
    /// A name, `me`, or `none`.
    pub(super) owner: Option<String>,
    /// Begun at or after, RFC 3339.
    pub(super) from: Option<String>,
    /// Begun before, RFC 3339.
    pub(super) to: Option<String>,
    /// Words that stand in it: places, kinds, comments, `#number`.
    pub(super) q: Option<String>,
    /// West, south, east, north.
    pub(super) bbox: Option<String>,
    /// Corners of a polygon: `lon,lat;lon,lat;…`.
    pub(super) area: Option<String>,
    /// `urgent` (where it is left out: most urgent first, then longest waiting) or `newest`.
    pub(super) order: Option<String>,
    /// At most this many: 1 to 500, 100 where it is left out.
    pub(super) limit: Option<usize>,
    /// `next` of the page before.
    pub(super) cursor: Option<String>,
}

/// A filter that was read.
pub(super) struct Wanted {
    query: IncidentQuery,
    states: Vec<String>,
    severities: Vec<String>,
    kind: Option<String>,
    department: Option<String>,
    camera: Option<String>,
    owner: Option<Option<String>>,
    area: Option<Area>,
    newest: bool,
    offset: usize,
    limit: usize,
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|part| part.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect()
}

fn wrong(name: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!("{name} can't be read."), format!("Give {expected}."))
}

impl Wanted {
    /// Reads a filter for a caller.
    pub(super) fn read(filter: Filter, caller: &Caller) -> Result<Wanted, ApiError> {
        let list = |text: Option<String>| -> Vec<String> {
            text.unwrap_or_default().split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
        };
        if filter.department.as_ref().is_some_and(|department| !caller.view.sees(department)) {
            return Err(ApiError::out_of_view());
        }
        let time = |name: &str, text: Option<String>| match text {
            None => Ok(None),
            Some(text) => {
                json::us_from_rfc3339(&text).map(Some).ok_or_else(|| wrong(name, "a time such as 2026-05-01T08:00:00Z"))
            }
        };
        let area = filter.area.as_deref().map(read_area).transpose()?;
        let bbox = match &filter.bbox {
            None => area.as_ref().map(Area::around),
            Some(text) => Some(
                numbers(text).and_then(|n| n.try_into().ok()).ok_or_else(|| wrong("bbox", "west,south,east,north"))?,
            ),
        };
        let newest = match filter.order.as_deref() {
            None | Some("urgent") => false,
            Some("newest") => true,
            Some(_) => return Err(wrong("order", "urgent or newest")),
        };
        let limit = filter.limit.unwrap_or(PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(wrong("limit", "a number from 1 to 500"));
        }
        let offset = match filter.cursor.as_deref().map(str::parse) {
            None => 0,
            Some(Ok(offset)) if offset <= MAX_LOOKED_AT => offset,
            Some(_) => return Err(wrong("cursor", "`next` of the page before")),
        };
        let severities = list(filter.severity);
        if severities.iter().any(|text| Level::parse(text).is_none()) {
            return Err(wrong("severity", "low, medium, high or urgent"));
        }
        let states = list(filter.state);
        let me = caller.session.as_ref().map(|session| session.user.clone());
        let owner = filter.owner.map(|owner| match owner.as_str() {
            "me" => me,
            "none" => None,
            _ => Some(owner),
        });
        let query = IncidentQuery {
            scope: caller.view.scope(),
            dispatched_to: caller.principal.department().to_owned(),
            closed: states.iter().any(|state| state == "closed" || state == "all"),
            from_us: time("from", filter.from)?,
            to_us: time("to", filter.to)?,
            bbox,
            words: filter.q.unwrap_or_default().split_whitespace().take(10).map(str::to_owned).collect(),
            after: None,
            limit: STEP,
        };
        Ok(Wanted {
            query,
            states: states.into_iter().filter(|state| state != "all").collect(),
            severities,
            kind: filter.kind,
            department: filter.department,
            camera: filter.camera,
            owner,
            area,
            newest,
            offset,
            limit,
        })
    }

    fn takes(&self, one: &Incident) -> bool {
        let among =
            |list: &[String], words: &[&str]| list.is_empty() || words.iter().any(|w| list.iter().any(|l| l == w));
        among(&self.states, &[one.state, one.shown_as])
            && among(&self.severities, &[one.severity])
            && self.kind.as_ref().is_none_or(|kind| one.kinds.contains(kind))
            && self.department.as_ref().is_none_or(|department| one.departments.contains(department))
            && self.camera.as_ref().is_none_or(|camera| one.cameras.contains(camera))
            && self.owner.as_ref().is_none_or(|owner| one.owner == *owner)
            && self.area.as_ref().is_none_or(|area| one.position.is_some_and(|position| area.contains(position)))
    }

    /// All that it takes, in its order.
    pub(super) fn all(&self, app: &AppState, viewer: &Viewer) -> StoreResult<Vec<Incident>> {
        self.some(app, viewer, MAX_LOOKED_AT)
    }

    /// The newest so many that it takes, in its order.
    pub(super) fn some(&self, app: &AppState, viewer: &Viewer, most: usize) -> StoreResult<Vec<Incident>> {
        let (store, around, now_us) = (&*app.store, around(app)?, now_us());
        let mut query = self.query.clone();
        let mut all = Vec::new();
        loop {
            let rows = store.incidents(&query)?;
            let more = rows.len() == query.limit;
            query.after = rows.last().map(|row| (row.summary.begin_us, row.id));
            for row in rows.iter().filter(|row| viewer.sees(row)) {
                all.push(incident_json::incident(row, &hidden_from(store, row, viewer)?, viewer, &around, now_us));
            }
            all.retain(|one| self.takes(one));
            if !more || all.len() >= most {
                break;
            }
        }
        all.truncate(most);
        if !self.newest {
            // Most urgent first, and of these the one that has waited longest.
            let rank = |one: &Incident| (Level::parse(one.severity), one.state == "new", one.waiting_s);
            all.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.number.cmp(&b.number)));
        }
        Ok(all)
    }
}

/// A polygon of longitudes and latitudes, of any shape.
#[derive(Debug, Clone)]
pub(super) struct Area(Vec<[f64; 2]>);

/// Reads `lon,lat;lon,lat;…`.
pub(super) fn read_area(text: &str) -> Result<Area, ApiError> {
    let corners: Option<Vec<[f64; 2]>> = text.split(';').map(|corner| numbers(corner)?.try_into().ok()).collect();
    let corners = corners.filter(|corners| (3..=200).contains(&corners.len()));
    corners.map(Area).ok_or_else(|| wrong("area", "3 to 200 corners `lon,lat;lon,lat;…`"))
}

impl Area {
    /// West, south, east, north.
    fn around(&self) -> [f64; 4] {
        let side = |axis: usize, pick: fn(f64, f64) -> f64, from: f64| self.0.iter().map(|c| c[axis]).fold(from, pick);
        [
            side(0, f64::min, f64::INFINITY),
            side(1, f64::min, f64::INFINITY),
            side(0, f64::max, f64::NEG_INFINITY),
            side(1, f64::max, f64::NEG_INFINITY),
        ]
    }

    /// Whether a point is in it: a ray from there crosses the border an odd number of times.
    pub(super) fn contains(&self, [x, y]: [f64; 2]) -> bool {
        let edges = self.0.iter().zip(self.0.iter().cycle().skip(1));
        let crossed =
            edges.filter(|(a, b)| (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]);
        crossed.count() % 2 == 1
    }
}

/// The deadlines and rules in force, read beside the desk so that reading never waits for it.
pub(crate) fn settings(store: &dyn Store) -> StoreResult<Settings> {
    Ok(store.setting(SETTING)?.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default())
}

/// What is needed beside incidents to show them.
pub(crate) fn around(app: &AppState) -> StoreResult<Around> {
    let (settings, labels) = (settings(&*app.store)?, incident_json::labels(&*app.store)?);
    Ok(Around { settings, labels, unusual: app.unusual.borrow().clone() })
}

/// The sources of an incident of which something is hidden; nothing where the row says all.
pub(crate) fn hidden_from(store: &dyn Store, row: &IncidentRow, viewer: &Viewer) -> StoreResult<Vec<Source>> {
    if viewer.sees_whole(row) { Ok(Vec::new()) } else { store.sources(row.id) }
}

/// Incidents in view.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "incidents", params(Filter),
    responses((status = 200, body = Incidents), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
async fn incidents(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(filter): Params<Filter>,
) -> Result<Json<Incidents>, ApiError> {
    let wanted = Wanted::read(filter, &caller)?;
    // Before the rows: what changes in between comes twice rather than never.
    let change = *app.desk.newest().borrow();
    let (offset, limit) = (wanted.offset, wanted.limit);
    let all = app.blocking(move |app| wanted.all(app, &Viewer::of(&caller))).await?;
    let total = all.len();
    let next = (offset + limit < total).then(|| (offset + limit).to_string());
    Ok(Json(Incidents { incidents: all.into_iter().skip(offset).take(limit).collect(), next, change, total }))
}

/// One incident, by its name or by any of its sources.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = IncidentDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn incident(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<IncidentDetail>, ApiError> {
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::not_found("incident"))?;
    detail(&app, &caller, id).await.map(Json)
}

/// An incident as a caller sees it now.
pub(super) async fn detail(app: &AppState, caller: &Caller, id: Uuid) -> Result<IncidentDetail, ApiError> {
    let (viewer, by) = (Viewer::of(caller), actor(caller, String::new()));
    let found = app.blocking(move |app| {
        let around = around(app)?;
        let found = app.desk.incident(id)?.filter(|(row, ..)| viewer.sees(row));
        Ok(found.map(|found| incident_json::detail(&found, &viewer, by.as_ref(), &around, now_us())))
    });
    found.await?.ok_or_else(|| ApiError::not_found("incident"))
}

/// How many alarms come to the caller, by the numbers of ISA-18.2 and EEMUA 191.
#[utoipa::path(get, path = "/api/v1/alarm-load", tag = "incidents",
    responses((status = 200, body = AlarmLoad), (status = 401, body = ErrorBody)))]
async fn alarm_load(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<AlarmLoad>, ApiError> {
    let (now_us, newest) = (now_us(), Filter { order: Some("newest".into()), ..Filter::default() });
    let mut wanted = Wanted::read(newest, &caller)?;
    let load = app.blocking(move |app| {
        let viewer = Viewer::of(&caller);
        let looker = Looker {
            sees: &|row| viewer.sees(row),
            sees_department: &|department| viewer.view.sees(department),
            is_sent: &|row| viewer.is_sent(row),
        };
        let live = app.desk.briefs(&looker)?;
        // What is open and so long quiet that the desk does not hold it.
        wanted.query.to_us = Some(now_us - DAY_US);
        let held: HashSet<Uuid> = live.iter().map(|one| one.id).collect();
        let quiet = wanted.all(app, &viewer)?;
        let quiet = quiet
            .iter()
            .filter(|one| one.state != "resolved" && !held.contains(&Uuid::parse_str(&one.id).unwrap_or_default()))
            .count();
        Ok(measure(&live, quiet, now_us))
    });
    load.await.map(Json)
}

/// The numbers of the live incidents, and of so many that are open and quiet for more than a day.
fn measure(live: &[Brief], quiet: usize, now_us: i64) -> AlarmLoad {
    let today = |one: &&Brief| one.created_us > now_us - DAY_US;
    let mut alarms: Vec<Alarm> = live
        .iter()
        .filter(|one| today(one) && !one.suppressed)
        .map(|one| Alarm { at_us: one.created_us, level: one.level, source: (one.camera.clone(), one.kind.clone()) })
        .collect();
    alarms.sort_by_key(|alarm| alarm.at_us);
    let load = load::load(&alarms, now_us - DAY_US, now_us);
    let source = |((camera, rule), count): &((String, String), usize)| LoadSource {
        camera: camera.clone(),
        rule: rule.clone(),
        count: *count,
        share: *count as f64 / alarms.len().max(1) as f64,
    };
    let open: Vec<&Brief> = live.iter().filter(|one| one.is_open()).collect();
    AlarmLoad {
        flood: Flood {
            on: load.flood_since_us.is_some(),
            since: load.flood_since_us.map(json::rfc3339),
            starts_at: load::FLOOD_STARTS,
            ends_below: load::FLOOD_ENDS_BELOW,
        },
        last_10_min: load.last_10_min,
        last_hour: load.last_hour,
        per_10_min_24h: load.per_10_min,
        windows_over_10_share: load.windows_over_share,
        flood_time_share: load.flood_time_share,
        peak_per_min: load.peak_per_min,
        peak_per_hour: load.peak_per_hour,
        priorities: Priorities {
            low: load.shares[0],
            medium: load.shares[1],
            high: load.shares[2],
            urgent: load.shares[3],
        },
        top_sources: load.top.iter().map(source).collect(),
        top_10_share: load.top_share,
        chattering: load.chattering.iter().map(source).collect(),
        stale: quiet + open.iter().filter(|one| one.created_us < now_us - DAY_US).count(),
        open: quiet + open.len(),
        suppressed_24h: live.iter().filter(today).map(|one| usize::from(one.suppressed) + one.told_again).sum(),
        groups: groups(&open),
    }
}

/// What several open incidents have in common: the gateway that they come from, and the kind. The most urgent and newest of
/// a group are named, all are counted.
fn groups(open: &[&Brief]) -> Vec<LoadGroup> {
    let mut groups: BTreeMap<(&'static str, &str), Vec<&Brief>> = BTreeMap::new();
    for one in open.iter().copied().filter(|one| one.state == work::State::New && !one.suppressed) {
        let gateway = one.camera.split('/').next().filter(|gateway| !gateway.is_empty());
        for (by, key) in gateway.map(|key| ("gateway", key)).into_iter().chain([("kind", one.kind.as_str())]) {
            groups.entry((by, key)).or_default().push(one);
        }
    }
    let group = |((by, key), mut of): ((&'static str, &str), Vec<&Brief>)| {
        of.sort_by_key(|one| std::cmp::Reverse((one.level, one.created_us)));
        LoadGroup {
            by,
            key: key.to_owned(),
            count: of.len(),
            urgent: of.iter().filter(|one| one.level == Level::Urgent).count(),
            incidents: of.iter().take(MAX_NAMED).map(|one| one.id.to_string()).collect(),
        }
    };
    let mut groups: Vec<LoadGroup> = groups.into_iter().filter(|(_, of)| of.len() > 1).map(group).collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    groups.truncate(MAX_GROUPS);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_measured_whole_however_large_it_is() {
        let now_us = 10 * DAY_US;
        let brief = |number: usize| Brief {
            id: Uuid::from_u128(number as u128),
            created_us: now_us - 1_000_000 - number as i64 * 10_000,
            level: if number.is_multiple_of(10) { Level::Urgent } else { Level::Low },
            state: if number < 30_000 { work::State::New } else { work::State::Closed },
            suppressed: number % 3 == 1,
            told_again: 2,
            camera: format!("gw-{}/cam", number % 2),
            kind: "crowd".into(),
        };
        let live: Vec<Brief> = (0..40_000).map(brief).collect();
        let load = measure(&live, 7, now_us);
        assert!(load.flood.on);
        let suppressed = live.iter().filter(|one| one.suppressed).count();
        assert_eq!((load.last_10_min, load.open, load.stale), (40_000 - suppressed, 30_007, 7));
        assert_eq!(load.suppressed_24h, suppressed + 80_000);
        let [all, ..] = load.groups.as_slice() else { panic!("{:?}", load.groups) };
        assert_eq!((all.by, all.count, all.urgent, all.incidents.len()), ("kind", 20_000, 2_000, MAX_NAMED));
        assert_eq!(all.incidents[0], Uuid::from_u128(0).to_string(), "the newest of the urgent first");
        assert_eq!(load.groups.len(), 3, "and the two gateways");
        assert!(!measure(&live, 0, now_us + 2 * DAY_US).flood.on);
    }

    #[test]
    fn a_polygon_of_any_shape_holds_what_is_inside() {
        // An L.
        let area = read_area("0,0;4,0;4,1;1,1;1,4;0,4").expect("six corners");
        for (point, inside) in [([0.5, 3.0], true), ([3.0, 0.5], true), ([3.0, 3.0], false), ([-1.0, 0.5], false)] {
            assert_eq!(area.contains(point), inside, "{point:?}");
        }
        assert_eq!(area.around(), [0.0, 0.0, 4.0, 4.0]);
        assert!(read_area("0,0;1,1").is_err());
    }
}
