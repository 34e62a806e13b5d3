//! What a pack for the next shift is made of.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::incident_json::Viewer;
use super::incident_shapes::Incident;
use super::json::{camera_id, rfc3339, us_from_rfc3339};
use crate::store::{Store, StoreResult};
use crate::work::handover::{Item, Pack, Silent, Totals};

/// What people said that is shown.
const MAX_COMMENTS: usize = 200;
/// Records that are looked through for it.
const MAX_RECORDS: usize = 10_000;
const STEP: usize = 500;
/// Cameras that are told of by name.
const MAX_SILENT: usize = 1_000;

/// Something that was said.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Comment {
    /// About which incident.
    incident: String,
    /// Its number.
    number: i64,
    /// When.
    at: String,
    /// Who.
    by: String,
    /// What.
    text: String,
}

fn item(one: &Incident) -> Option<Item> {
    Some(Item {
        incident: Uuid::parse_str(&one.id).ok()?,
        number: one.number,
        shown_as: one.shown_as.to_owned(),
        state: one.state.to_owned(),
        severity: one.severity.to_owned(),
        owner: one.owner.clone(),
        handed_over: 0,
        first_handover: None,
    })
}

/// A pack of what is open and what was closed since.
pub(super) fn of(open: &[Incident], closed: &[Incident], from_us: i64, now_us: i64) -> Pack {
    // What chatters was never in the queue.
    let open: Vec<&Incident> = open.iter().filter(|one| one.shown_as != "suppressed").collect();
    // It has waited since it was closed.
    let in_shift = |one: &&Incident| now_us - one.waiting_s * 1_000_000 >= from_us;
    let closed: Vec<&Incident> = closed.iter().filter(in_shift).collect();
    let came = |one: &&&Incident| us_from_rfc3339(&one.created).is_some_and(|at_us| at_us >= from_us);
    let found = |finding: &str| closed.iter().filter(|one| one.finding == Some(finding)).count();
    let items =
        |shelved: bool| open.iter().filter(move |one| one.shelved.is_some() == shelved).filter_map(|one| item(one));
    Pack {
        counts: Totals {
            came: open.iter().chain(&closed).filter(came).count(),
            closed: closed.len(),
            true_ones: found("true"),
            false_alarms: found("false_alarm"),
            exercises: found("exercise"),
            open: open.len(),
            overdue: open.iter().filter(|one| one.overdue).count(),
            escalated: open.iter().filter(|one| one.escalated > 0).count(),
        },
        open: items(false).collect(),
        shelved: items(true).collect(),
        false_alarms: closed
            .iter()
            .filter(|one| one.finding == Some("false_alarm"))
            .filter_map(|one| item(one))
            .collect(),
        silent_cameras: Vec::new(),
    }
}

/// Cameras in view from which nothing is heard now.
pub(super) fn silent(app: &AppState, viewer: &Viewer, now_us: i64) -> StoreResult<Vec<Silent>> {
    let presence = app.presence.snapshot();
    let gateways = app.store.gateways()?;
    let cameras = app.store.cameras()?.into_iter().filter(|c| c.present && viewer.view.sees(&c.department));
    let silent = cameras.filter_map(|camera| {
        let here = presence.get(&camera.gateway);
        let connected = here.filter(|here| here.is_connected(now_us));
        let down = connected.and_then(|here| here.cameras.get(&camera.info.id)).is_some_and(|c| c.state == "down");
        let why = match connected {
            None => "gateway_away",
            Some(_) if down => "signal_lost",
            Some(_) => return None,
        };
        let stored_us = gateways.iter().find(|gateway| gateway.id == camera.gateway).and_then(|g| g.last_contact_us);
        Some(Silent {
            camera: camera_id(&camera.gateway, &camera.info.id),
            name: camera.info.name,
            department: camera.department,
            last_contact_us: stored_us.max(here.map(|here| here.last_contact_us)),
            complete_to_us: camera.complete_to_us,
            why: why.to_owned(),
        })
    });
    Ok(silent.take(MAX_SILENT).collect())
}

/// What the reader may see of what people said in the shift, newest first.
pub(super) fn comments(store: &dyn Store, viewer: &Viewer, from_us: i64, to_us: i64) -> StoreResult<Vec<Comment>> {
    let (mut all, mut before) = (Vec::new(), i64::MAX);
    for _ in 0..MAX_RECORDS / STEP {
        let records = store.records_before(before, STEP)?;
        let Some(last) = records.last().map(|record| (record.seq, record.new.at_us)) else { break };
        for record in records {
            let new = record.new;
            let is_it = new.what == "incident.comment" && (from_us..=to_us).contains(&new.at_us);
            let readable = new.department == viewer.department || viewer.view.sees(&new.department);
            let Some(text) = new.detail["text"].as_str().filter(|_| is_it && readable) else { continue };
            let about = Uuid::parse_str(&new.about).ok().map(|id| store.incident(id)).transpose()?.flatten();
            let Some(row) = about.filter(|row| viewer.sees(row)) else { continue };
            all.push(Comment {
                incident: row.id.to_string(),
                number: row.number,
                at: rfc3339(new.at_us),
                by: new.by,
                text: text.to_owned(),
            });
        }
        if last.1 < from_us || all.len() >= MAX_COMMENTS {
            break;
        }
        before = last.0;
    }
    all.truncate(MAX_COMMENTS);
    Ok(all)
}
