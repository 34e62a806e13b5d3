//! The gateway's own three addresses: `/healthz`, `/status` (JSON) and `/metrics`. On loopback unless configured; they
//! show states and counts, never a picture, never a password.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::board::{self, Board};
use crate::config::Config;
use crate::fleet::{Models, Tallies};
use crate::gate::Tally;
use crate::metrics::Metrics;
use crate::schedule::Share;
use crate::shadow::Differences;
use crate::spool::Spool;
use crate::time_text;
use crate::uplink::UplinkStatus;

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Gateway id, once joined.
    pub gateway: Option<String>,
    /// Department, once joined.
    pub department: Option<String>,
    /// Which configuration is in force.
    pub config: watch::Receiver<Arc<Config>>,
    /// The cameras.
    pub board: Arc<Board>,
    /// What waits.
    pub spool: Spool,
    /// The way to the hub.
    pub uplink: Arc<UplinkStatus>,
    /// The metrics.
    pub metrics: Metrics,
    /// What is decoded.
    pub tallies: Tallies,
    /// What looks at the pictures.
    pub models: Models,
    /// How much of what is due is analysed.
    pub share: Share,
}

/// Serves until `shutdown`. Fails where the address cannot be had.
pub async fn serve(
    listener: tokio::net::TcpListener,
    shown: Shown,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(shown));
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

/// Binds the address; the error names it and the key.
pub async fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener, String> {
    tokio::net::TcpListener::bind(address)
        .await
        .map_err(|e| format!("cannot listen on {address}: {e}. Choose another address under [admin] listen"))
}

/// Alive; 503 with the reason where the spool cannot write.
async fn healthz(State(shown): State<Arc<Shown>>) -> Response {
    match shown.spool.stats().fault {
        None => "ok\n".into_response(),
        Some(fault) => (StatusCode::SERVICE_UNAVAILABLE, format!("spool: {fault}\n")).into_response(),
    }
}

async fn status(State(shown): State<Arc<Shown>>) -> Response {
    let text = serde_json::to_string_pretty(&status_json(&shown)).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], text + "\n").into_response()
}

async fn metrics(State(shown): State<Arc<Shown>>) -> Response {
    gather(&shown);
    match shown.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Everything that `/status` tells.
pub fn status_json(shown: &Shown) -> Value {
    let spool = shown.spool.stats();
    let uplink = shown.uplink.snapshot();
    let tallies = shown.tallies.snapshot();
    let cameras: Vec<Value> = shown
        .board
        .snapshot()
        .into_iter()
        .map(|(id, line)| {
            json!({
                "id": id,
                "state": line.state.as_str(),
                "cause": line.cause,
                "cause_text": line.cause_text,
                "since": time_text(line.since_us),
                "complete_to": line.complete_to_us.map(time_text),
                "gaps_not_yet_reported": line.gaps.len(),
                "analysed_fps": (f64::from(line.analysed_fps) * 100.0).round() / 100.0,
                "clock_offset_ms": line.clock_offset_ms,
                "skipped_for_the_processor": shown.metrics.pictures_skipped.with_label_values(&[id.as_str(), "budget"]).get(),
                "decoding": tallies.get(&id).map(|tally| decoding_json(tally)),
            })
        })
        .collect();
    let (model, shadow) = shown.models.get();
    json!({
        "gateway": shown.gateway,
        "department": shown.department,
        "software": crate::SOFTWARE,
        "config_revision": shown.config.borrow().revision,
        "model": { "name": model.info().name, "sha256": model.info().sha256 },
        "shadow": shadow.map(|shadow| shadow.status()),
        "cameras": cameras,
        "processor": {
            "cores_used": (f64::from(shown.share.cores_used()) * 100.0).round() / 100.0,
            "analysed_percent_of_due": (shown.share.get() * 100.0).round(),
        },
        "spool": { "events": spool.events, "bytes": spool.bytes, "dropped_events": spool.dropped_events, "fault": spool.fault },
        "uplink": {
            "connected": uplink.connected,
            "since": uplink.since_us.map(time_text),
            "hub": uplink.hub,
            "last_error": uplink.last_error,
            "rtt_ms": uplink.rtt_ms,
            "acknowledged_events": uplink.acknowledged_events,
        },
    })
}

/// Whether a camera is decoded whole, why, and what became of its coded pictures.
fn decoding_json(tally: &Tally) -> Value {
    let (code, zh, en) = tally.reason().words();
    let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    json!({
        "state": if tally.reason().is_idle() { "idle" } else { "live" },
        "why": code,
        "why_zh": zh,
        "why_en": en,
        "decoded": count(&tally.decoded),
        "held": count(&tally.held),
        "replayed": count(&tally.replayed),
        "keyframes_looked_at": count(&tally.glances),
        "woken_by_sizes": count(&tally.woken_by_sizes),
        "woken_by_keyframes": count(&tally.woken_by_keyframes),
    })
}

/// What others keep is copied into the gauges when somebody asks.
fn gather(shown: &Shown) {
    let metrics = &shown.metrics;
    for (id, line) in shown.board.snapshot() {
        metrics.camera_up.with_label_values(&[&id]).set(i64::from(line.state == board::State::Ok));
        if let Some(offset_ms) = line.clock_offset_ms {
            metrics.camera_clock_offset_ms.with_label_values(&[&id]).set(offset_ms);
        }
        if let Some(us) = line.complete_to_us {
            #[allow(
                clippy::cast_precision_loss,
                reason = "a gauge in seconds; microseconds of this century fit in 53 bits"
            )]
            metrics.camera_complete_to.with_label_values(&[&id]).set(us as f64 / 1e6);
        }
    }
    if let (_, Some(shadow)) = shown.models.get() {
        metrics.set_shadow(&shadow.differences());
    } else {
        metrics.set_shadow(&Differences::default());
    }
    metrics.analysed_share.set(f64::from(shown.share.get()));
    for (id, tally) in shown.tallies.snapshot() {
        metrics.camera_idle.with_label_values(&[&id]).set(i64::from(tally.reason().is_idle()));
        let counts = [
            ("decoded", &tally.decoded),
            ("held", &tally.held),
            ("replayed", &tally.replayed),
            ("glanced", &tally.glances),
        ];
        for (fate, count) in counts {
            let counter = metrics.coded_pictures.with_label_values(&[id.as_str(), fate]);
            counter.inc_by(count.load(Ordering::Relaxed).saturating_sub(counter.get()));
        }
        for (reason, count) in [("sizes", &tally.woken_by_sizes), ("keyframe", &tally.woken_by_keyframes)] {
            let counter = metrics.wakes.with_label_values(&[id.as_str(), reason]);
            counter.inc_by(count.load(Ordering::Relaxed).saturating_sub(counter.get()));
        }
    }
    let spool = shown.spool.stats();
    let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    metrics.spool_bytes.set(gauge(spool.bytes));
    metrics.spool_events.set(gauge(spool.events));
    metrics.spool_dropped.set(gauge(spool.dropped_events));
    let uplink = shown.uplink.snapshot();
    metrics.uplink_connected.set(i64::from(uplink.connected));
    metrics.uplink_rtt_ms.set(uplink.rtt_ms.unwrap_or(f64::NAN));
}
