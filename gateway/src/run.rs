//! Puts the parts together, in the order in which data flows, and takes them apart again at the end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use yiwang_inference::model::Model;
use yiwang_wire::event::Phase;

use crate::admin::{self, Shown};
use crate::analyse;
use crate::analyse::window::Windows;
use crate::board::Board;
use crate::config::change::Changes;
use crate::config::{Config, RawModel, Secrets};
use crate::control::{self, Answer, Asked, Order};
use crate::decode;
use crate::error::RunError;
use crate::fleet::{self, Fleet, Models, Parts, Tallies};
use crate::health::{self, Note};
use crate::metrics::Metrics;
use crate::outlet::Outlet;
use crate::page;
use crate::pictures::Pictures;
use crate::schedule::{self, Budget, Share};
use crate::shadow::Shadow;
use crate::spool::{Spool, SpoolLimits};
use crate::uplink::session::SessionSettings;
use crate::uplink::{self, CameraInfo, Declared, Identity, UplinkSettings, UplinkStatus};
use crate::{model, now_us, with_causes};

/// How often the spool's losses and the use of the processor are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long the end waits for the parts to say good-bye.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Runs the gateway until `shutdown`. Everything that a person can get wrong is found before the first camera is tried.
/// SIGHUP and the control socket make it read its configuration again.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), RunError> {
    decode::check_installed()?;
    let model = model::open(&config.model, &config.state_dir)?;
    fleet::check(&config, &model.info().classes)?;
    let metrics = Metrics::new()?;
    let listener = admin::bind(config.admin_listen).await.map_err(RunError::Admin)?;
    let admin_address = listener.local_addr().map_err(|e| RunError::Admin(e.to_string()))?;
    let page = page::bind(&config).map_err(RunError::Page)?;
    let limits = SpoolLimits {
        bytes_max: config.spool_bytes_max,
        age_max_us: config.spool_age_max_us,
        ..SpoolLimits::default()
    };
    let spool = Spool::open(&config.state_dir.join("spool"), limits, now_us())?;
    let identity = Identity::load(&config.state_dir)?;
    let status = Arc::new(UplinkStatus::default());
    tracing::info!(
        cameras = config.cameras.len(),
        model = model.info().name,
        config = config.revision,
        status = %format!("http://{admin_address}/status"),
        page = page.as_ref().map(|page| page.address.as_str()),
        "gateway started"
    );
    write_addresses(&config.state_dir, admin_address, page.as_ref());
    let (in_force, watched) = watch::channel(Arc::new(config));
    let config = watched.borrow().clone();
    let models = Models::new(model);
    let board = Arc::<Board>::default();
    let parts = Parts {
        pictures: Pictures::new(board.clone()),
        board,
        outlet: Outlet::new(&config.revision, spool.clone(), metrics.clone()),
        metrics: metrics.clone(),
        share: Share::default(),
        tallies: Tallies::default(),
        models: models.clone(),
        windows: Windows::default(),
    };
    let windows = parts.windows.clone();
    let mut fleet = Fleet::new(parts.clone(), shutdown.clone());
    match start_shadow(&config).await {
        Ok(shadow) => fleet.set_shadow(shadow),
        // It is a trial: the cameras do not wait for it.
        Err(reason) => tracing::error!("the candidate in [shadow] does not run: {reason}"),
    }
    declare(&config, None);
    for camera in &config.cameras {
        fleet.start(camera, &config.revision, None)?;
    }
    let mut tasks = JoinSet::new();
    tasks.spawn(keep_budget(parts.share.clone(), watched.clone(), shutdown.clone()));
    tasks.spawn(watch_spool(spool.clone(), parts.outlet, shutdown.clone()));
    let shown = Shown {
        gateway: identity.as_ref().map(|i| i.gateway.clone()),
        department: identity.as_ref().map(|i| i.department.clone()),
        config: watched,
        board: parts.board.clone(),
        spool: spool.clone(),
        uplink: status.clone(),
        metrics,
        tallies: parts.tallies,
        models,
        share: parts.share,
    };
    let said = match identity {
        Some(identity) => {
            let (said, heard) = watch::channel(session_settings(&config));
            let mut settings = UplinkSettings::said(identity, &config.state_dir, said.borrow().clone());
            settings.pictures = Some(parts.pictures);
            tasks.spawn(uplink::run_following(settings, heard, spool, parts.board, status, shutdown.clone()));
            Some(said)
        }
        None => {
            status.set_error("not joined to a hub: run yiwang-gateway join ADDRESS TOKEN; events are kept until then");
            tracing::warn!("not joined to a hub; events are kept in the spool. Run: yiwang-gateway join ADDRESS TOKEN");
            None
        }
    };
    let (admin_shown, admin_shutdown) = (shown.clone(), shutdown.clone());
    tasks.spawn(async move {
        if let Err(error) = admin::serve(listener, admin_shown, admin_shutdown).await {
            tracing::error!(%error, "the status page ended");
        }
    });
    let (ask, orders) = mpsc::channel(control::ORDERS_MAX);
    if let Some(bound) = page {
        tasks.spawn(keep_page(page::serve(bound, shown.clone(), windows, ask.clone(), shutdown.clone())));
    }
    match control::bind(&config.state_dir) {
        Ok(listener) => drop(tasks.spawn(control::serve(listener, ask, shutdown.clone()))),
        Err(error) => tracing::warn!(%error, "no control socket in the state folder: SIGHUP still reloads"),
    }
    let mut gateway = Gateway { fleet, models: shown.models.clone(), in_force, said };
    gateway.serve(orders, &shown, &shutdown).await;
    let ended = tokio::time::timeout(STOP_WAIT, async {
        gateway.fleet.ended().await;
        while tasks.join_next().await.is_some() {}
    });
    if ended.await.is_err() {
        tracing::warn!("some parts did not end within {} s and are cut off", STOP_WAIT.as_secs());
    }
    Ok(())
}

/// The parts that a new configuration goes to.
struct Gateway {
    fleet: Fleet,
    models: Models,
    in_force: watch::Sender<Arc<Config>>,
    /// What the hub is told; none where this gateway has not joined one.
    said: Option<watch::Sender<SessionSettings>>,
}

impl Gateway {
    /// Does what was asked for, until `shutdown`. A signal is an order whose answer goes to the log.
    async fn serve(&mut self, mut orders: mpsc::Receiver<Asked>, shown: &Shown, shutdown: &CancellationToken) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        loop {
            let (order, answer) = tokio::select! {
                () = shutdown.cancelled() => return,
                Some((order, answer)) = orders.recv() => (order, Some(answer)),
                () = hung_up(hangup.as_mut()) => (Order::Reload, None),
            };
            let text = match order {
                Order::Reload => self.reload().await,
                Order::Status => Ok(admin::status_json(shown).to_string()),
            };
            if let Some(answer) = answer {
                let _ = answer.send(text);
            }
        }
    }

    /// Reads the configuration again and brings it into force. A faulty one changes nothing.
    async fn reload(&mut self) -> Answer {
        let changed = self.try_reload().await;
        match &changed {
            Ok(lines) if lines.is_empty() => tracing::info!("configuration read again: nothing has changed"),
            Ok(lines) => lines.iter().for_each(|line| tracing::info!("configuration: {line}")),
            Err(reason) => tracing::error!("the new configuration is not used, the one in force stays: {reason}"),
        }
        let lines = changed?;
        let revision = self.in_force.borrow().revision.clone();
        let what = if lines.is_empty() { "nothing has changed".to_owned() } else { lines.join("\n") };
        Ok(format!("{what}\nrevision {revision} is in force\n"))
    }

    async fn try_reload(&mut self) -> Result<Vec<String>, String> {
        let old = self.in_force.borrow().clone();
        let new = Config::load(&old.path, Secrets::Read).map_err(|error| error.to_string())?;
        let changes = Changes::between(&old, &new);
        let model = if changes.model { Some(open_model(&new.model, &new.state_dir).await?) } else { None };
        let shadow = if changes.shadow { Some(start_shadow(&new).await?) } else { None };
        let classes = model.as_ref().unwrap_or(&self.models.get().0).info().classes.clone();
        fleet::check(&new, &classes).map_err(|error| with_causes(&error))?;
        // From here on nothing can fail. The hub hears of a camera before its first event comes.
        let new = Arc::new(Config { state_dir: old.state_dir.clone(), ..new });
        self.fleet.remove(&changes).await;
        declare(&new, self.said.as_ref());
        let changed = self.fleet.change(&changes, &new, model).await;
        if let Some(shadow) = shadow {
            self.fleet.set_shadow(shadow);
        }
        self.in_force.send_replace(new);
        changed.map_err(|error| with_causes(&error))?;
        Ok(changes.lines())
    }
}

/// The next one; never where signals cannot be had.
async fn hung_up(hangup: Option<&mut Signal>) {
    match hangup {
        Some(hangup) => match hangup.recv().await {
            Some(()) => {}
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// Opens a model and runs it once, away from the cameras.
async fn open_model(raw: &RawModel, state_dir: &Path) -> Result<Arc<Model>, String> {
    let (raw, state_dir) = (raw.clone(), state_dir.to_owned());
    let open = move || {
        let model = model::open(&raw, &state_dir).map_err(|error| with_causes(&error))?;
        model.warm().map_err(|error| with_causes(&error))?;
        Ok(model)
    };
    tokio::task::spawn_blocking(open).await.unwrap_or_else(|error| Err(format!("opening the model broke off: {error}")))
}

/// The candidate that a configuration names, at work.
async fn start_shadow(config: &Config) -> Result<Option<Shadow>, String> {
    let Some(candidate) = &config.shadow else { return Ok(None) };
    let model = open_model(&candidate.model, &config.state_dir).await?;
    Shadow::start(model, candidate.cores_max).map(Some).map_err(|error| format!("no thread for the candidate: {error}"))
}

/// Notes which cameras there are, and tells the hub.
fn declare(config: &Config, said: Option<&watch::Sender<SessionSettings>>) {
    let settings = session_settings(config);
    if let Err(error) = Declared::note(&config.state_dir, &settings.cameras) {
        tracing::warn!(%error, "which cameras there are cannot be noted in the state folder");
    }
    if let Some(said) = said {
        said.send_replace(settings);
    }
}

fn session_settings(config: &Config) -> SessionSettings {
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
    SessionSettings::new(config.revision.clone(), cameras, kinds)
}

/// How much of what is due is analysed, by what the gateway uses of the processor.
async fn keep_budget(share: Share, config: watch::Receiver<Arc<Config>>, shutdown: CancellationToken) {
    let cores_max = || config.borrow().cpu_cores_max;
    let (mut budget, mut before) = (Budget::new(cores_max()), schedule::cpu_s().zip(Some(Instant::now())));
    let mut told = false;
    while tokio::time::timeout(TICK, shutdown.cancelled()).await.is_err() {
        budget.set_cores_max(cores_max());
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

/// The page for the technician; the gateway goes on without it.
async fn keep_page(serving: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = serving.await {
        tracing::error!(%error, "the gateway's page ended");
    }
}

/// Where the status and the page are, for scripts that asked for port 0.
fn write_addresses(state_dir: &Path, admin: std::net::SocketAddr, page: Option<&page::Bound>) {
    let page = page.map(|page| &page.address);
    let text = serde_json::json!({ "admin": format!("http://{admin}"), "page": page }).to_string();
    if let Err(error) = std::fs::write(state_dir.join("addresses.json"), text) {
        tracing::warn!(%error, "cannot write addresses.json into the state folder");
    }
}
