//! Puts the parts together, in the order in which data flows, and takes them apart again at the end.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use yiwang_inference::model::Model;
use yiwang_wire::event::{Event, Phase};

use crate::admin::{self, Shown, Tallies};
use crate::analyse::live::{Emit, Live};
use crate::analyse::{self, Analyst, Plan};
use crate::board::Board;
use crate::camera::{self, CameraTask, Counters, HealthNote, Notify};
use crate::config::{Camera, Config, Decoding};
use crate::decode::{self, Feeder};
use crate::error::RunError;
use crate::health::{self, Note, Reporter};
use crate::metrics::Metrics;
use crate::schedule::{self, Budget, Priority, Share, Turn};
use crate::spool::{Spool, SpoolLimits};
use crate::uplink::{self, CameraInfo, Identity, UplinkSettings, UplinkStatus};
use crate::{model, now_us, with_causes};

/// How often silence and the spool's losses are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long the end waits for the parts to say good-bye.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Runs the gateway until `shutdown`. Everything that a person can get wrong is found before the first camera is tried.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), RunError> {
    decode::check_installed()?;
    let model = model::open(&config.model, &config.state_dir)?;
    let metrics = Metrics::new()?;
    let listener = admin::bind(config.admin_listen).await.map_err(RunError::Admin)?;
    let admin_address = listener.local_addr().map_err(|e| RunError::Admin(e.to_string()))?;
    let limits = SpoolLimits {
        bytes_max: config.spool_bytes_max,
        age_max_us: config.spool_age_max_us,
        ..SpoolLimits::default()
    };
    let spool = Spool::open(&config.state_dir.join("spool"), limits, now_us())?;
    let board = Arc::new(Board::new(config.cameras.iter().map(|c| c.id.clone()), now_us()));
    let outlet = Outlet::new(&config, spool.clone(), metrics.clone());
    let share = Share::default();
    let (cameras, tallies) = cameras(&config, &model, &board, &outlet, &metrics, &share)?;
    let identity = Identity::load(&config.state_dir)?;
    let status = Arc::new(UplinkStatus::default());

    tracing::info!(
        cameras = config.cameras.len(),
        model = model.info().name,
        config = config.revision,
        status = %format!("http://{admin_address}/status"),
        "gateway started"
    );
    write_addresses(&config.state_dir, admin_address);
    let mut parts = JoinSet::new();
    for (task, live) in cameras {
        parts.spawn(camera::supervise::run(task, shutdown.clone()));
        parts.spawn(tick(live, shutdown.clone()));
    }
    parts.spawn(keep_budget(share.clone(), config.cpu_cores_max, shutdown.clone()));
    parts.spawn(watch_spool(spool.clone(), outlet, shutdown.clone()));
    let shown = Shown {
        gateway: identity.as_ref().map(|i| i.gateway.clone()),
        department: identity.as_ref().map(|i| i.department.clone()),
        config_revision: config.revision.clone(),
        board: board.clone(),
        spool: spool.clone(),
        uplink: status.clone(),
        metrics,
        tallies: Arc::new(tallies),
        share,
    };
    match identity {
        Some(identity) => {
            let settings = uplink_settings(&config, identity);
            parts.spawn(uplink::run(settings, spool, board, status, shutdown.clone()));
        }
        None => {
            status.set_error("not joined to a hub: run yiwang-gateway join ADDRESS TOKEN; events are kept until then");
            tracing::warn!("not joined to a hub; events are kept in the spool. Run: yiwang-gateway join ADDRESS TOKEN");
        }
    }
    let admin_shutdown = shutdown.clone();
    parts.spawn(async move {
        if let Err(error) = admin::serve(listener, shown, admin_shutdown).await {
            tracing::error!(%error, "the status page ended");
        }
    });
    shutdown.cancelled().await;
    let ended = tokio::time::timeout(STOP_WAIT, async { while parts.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!("some parts did not end within {} s and are cut off", STOP_WAIT.as_secs());
    }
    Ok(())
}

/// Where events go: into the spool, counted.
#[derive(Clone)]
struct Outlet {
    emit: Emit,
    reporter: Arc<Mutex<Reporter>>,
}

impl Outlet {
    fn new(config: &Config, spool: Spool, metrics: Metrics) -> Self {
        let emit: Emit = Arc::new(move |event: Event| {
            let camera = event.camera.as_deref().unwrap_or("");
            let phase = match event.phase {
                Phase::Begin => "begin",
                Phase::Update => "update",
                Phase::End => "end",
            };
            metrics.events.with_label_values(&[camera, &event.kind, phase]).inc();
            if let Err(error) = spool.append(&event, now_us()) {
                metrics.events_lost.inc();
                tracing::error!(camera, kind = event.kind, error = with_causes(&error), "an event was not spooled");
            }
        });
        Self { emit, reporter: Arc::new(Mutex::new(Reporter::new(config.revision.clone()))) }
    }

    fn note(&self, note: Note) {
        let event = self.reporter.lock().unwrap_or_else(PoisonError::into_inner).event(note, Uuid::now_v7());
        if let Some(event) = event {
            (self.emit)(event);
        }
    }

    fn notify(&self) -> Notify {
        let outlet = self.clone();
        Arc::new(move |camera: &str, note: HealthNote| outlet.note(health_note(camera, note)))
    }
}

fn cameras(
    config: &Config,
    model: &Arc<Model>,
    board: &Arc<Board>,
    outlet: &Outlet,
    metrics: &Metrics,
    share: &Share,
) -> Result<(Vec<(CameraTask, Live)>, Tallies), RunError> {
    let mut tallies = Tallies::new();
    let one = |(number, camera): (usize, &Camera)| {
        let plan = Plan::of(camera, &config.revision);
        let analyst = Analyst::new(plan, model.clone())
            .map_err(|source| RunError::Rule { camera: camera.id.clone(), source: Box::new(source) })?;
        let turn = Turn::new(share.clone(), Priority::of(&camera.rules));
        let live = Live::new(camera.id.clone(), analyst, turn, outlet.emit.clone(), board.clone(), metrics.clone());
        let feeder = match camera.decode {
            Decoding::Auto => Feeder::gated(live.clone(), live.attention()),
            Decoding::Always => Feeder::new(live.clone()),
        };
        tallies.insert(camera.id.clone(), feeder.tally());
        let task = CameraTask {
            source: camera.source.clone(),
            board: board.clone(),
            notify: outlet.notify(),
            sink: Box::new(feeder),
            counters: Arc::new(Counters::default()),
            seed: rand::random::<u64>() ^ number as u64,
        };
        Ok((task, live))
    };
    let tasks = config.cameras.iter().enumerate().map(one).collect::<Result<_, RunError>>()?;
    Ok((tasks, tallies))
}

fn uplink_settings(config: &Config, identity: Identity) -> UplinkSettings {
    let cameras = config
        .cameras
        .iter()
        .map(|c| CameraInfo {
            id: c.id.clone(),
            name: c.name.clone(),
            position: c.position,
            heading_deg: c.heading_deg,
            field_of_view_deg: c.field_of_view_deg,
        })
        .collect();
    let kinds = analyse::descriptors().into_iter().chain(health::descriptors()).collect();
    UplinkSettings::new(identity, &config.state_dir, cameras, kinds, config.revision.clone())
}

async fn tick(live: Live, shutdown: CancellationToken) {
    while tokio::time::timeout(TICK, shutdown.cancelled()).await.is_err() {
        live.tick(now_us());
    }
}

/// How much of what is due is analysed, by what the gateway uses of the processor.
async fn keep_budget(share: Share, cores_max: f64, shutdown: CancellationToken) {
    let (mut budget, mut before) = (Budget::new(cores_max), schedule::cpu_s().zip(Some(Instant::now())));
    let mut told = false;
    while tokio::time::timeout(TICK, shutdown.cancelled()).await.is_err() {
        let now = schedule::cpu_s().zip(Some(Instant::now()));
        if let (Some((cpu_s, at)), Some((before_s, before_at))) = (now, before) {
            share.tick(&mut budget, (cpu_s - before_s) / (at - before_at).as_secs_f64().max(1e-3));
        }
        before = now;
        let less = share.get() < 0.9;
        if less && !told {
            let percent = 100.0 * share.get();
            tracing::warn!(
                "there is more to analyse than the processor allows: {percent:.0} % of what is due is analysed"
            );
        }
        told = less;
    }
}

/// What the spool had to drop becomes an event once there is room for one.
async fn watch_spool(spool: Spool, outlet: Outlet, shutdown: CancellationToken) {
    let mut told = 0;
    while tokio::time::timeout(TICK, shutdown.cancelled()).await.is_err() {
        let stats = spool.stats();
        if stats.dropped_events > told && stats.fault.is_none() {
            let attributes = vec![
                ("dropped_events".to_owned(), (stats.dropped_events - told).to_string()),
                ("since_start".to_owned(), stats.dropped_events.to_string()),
            ];
            told = stats.dropped_events;
            let kind = health::SPOOL_DROPPED;
            outlet.note(Note { camera: None, kind, phase: Phase::Begin, at_us: now_us(), attributes });
        }
    }
}

fn health_note(camera: &str, note: HealthNote) -> Note {
    let camera = Some(camera.to_owned());
    match note {
        HealthNote::SignalLost { phase, cause, text, at_us } => {
            let attributes = vec![("cause".to_owned(), cause.code().to_owned()), ("cause_text".to_owned(), text)];
            Note { camera, kind: health::SIGNAL_LOST, phase, at_us, attributes }
        }
        HealthNote::ClockDrift { phase, offset_ms, at_us } => {
            let attributes = vec![("offset_ms".to_owned(), offset_ms.to_string())];
            Note { camera, kind: health::CLOCK_DRIFT, phase, at_us, attributes }
        }
    }
}

/// Where the status page is, for scripts that asked for port 0.
fn write_addresses(state_dir: &Path, admin: std::net::SocketAddr) {
    let text = serde_json::json!({ "admin": format!("http://{admin}") }).to_string();
    if let Err(error) = std::fs::write(state_dir.join("addresses.json"), text) {
        tracing::warn!(%error, "cannot write addresses.json into the state folder");
    }
}
