//! What the hub does by the clock: notes last contacts, escalates incidents that are overdue, keeps gauges true, enforces retention, renews its certificate.
//! Nothing here may end the hub: what fails is said and tried again.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::desk::Desk;
use crate::error::chain;
use crate::ingest::Hub;
use crate::ingest::tls::Shown;
use crate::log::Retention;
use crate::registry::now_us;
use crate::work::baseline::hour_of;

const TICK: Duration = Duration::from_secs(2);
/// Ticks between retentions (a minute) and looks at the certificate (an hour).
const RETENTION_TICKS: u64 = 30;
const CERTIFICATE_TICKS: u64 = 1800;

/// Counts by the hour stay so long, whatever becomes of the events: what is usual is learnt from them.
const HOURLY_AGE_US: i64 = 400 * 24 * 3_600_000_000;

/// Runs until stopped.
pub(super) async fn run(hub: Arc<Hub>, desk: Arc<Desk>, config: Config, shown: Arc<Shown>, stop: CancellationToken) {
    for tick in 0u64.. {
        let (hub, desk, config, shown) = (hub.clone(), desk.clone(), config.clone(), shown.clone());
        let work = tokio::task::spawn_blocking(move || {
            gauges(&hub);
            contacts(&hub);
            if let Err(error) = desk.tick(now_us()) {
                tracing::error!(error = %chain(&error), "what is due is not escalated");
            }
            if tick.is_multiple_of(RETENTION_TICKS) {
                retention(&hub, &config);
            }
            if tick.is_multiple_of(CERTIFICATE_TICKS) {
                certificate(&hub, &config, &shown);
            }
        });
        if let Err(error) = work.await {
            tracing::error!(%error, "housekeeping failed");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

fn gauges(hub: &Hub) {
    let now_us = now_us();
    hub.metrics.log_newest.set(i64::try_from(hub.log.newest_position()).unwrap_or(i64::MAX));
    hub.metrics.log_stuck.set(i64::from(hub.log.trouble().is_some()));
    let presence = hub.presence.snapshot();
    match hub.store.gateways() {
        Ok(gateways) => {
            let (mut connected, mut no_contact, mut revoked) = (0, 0, 0);
            for gateway in gateways {
                let here = presence.get(&gateway.id).is_some_and(|line| line.is_connected(now_us));
                match gateway.revoked_us {
                    Some(_) => revoked += 1,
                    None if here => connected += 1,
                    None => no_contact += 1,
                }
            }
            for (state, count) in [("connected", connected), ("no_contact", no_contact), ("revoked", revoked)] {
                hub.metrics.gateways.with_label_values(&[state]).set(count);
            }
        }
        Err(error) => tracing::error!(error = %chain(&error), "cannot count the gateways"),
    }
}

fn contacts(hub: &Hub) {
    let contacts = hub.presence.last_contacts();
    if !contacts.is_empty()
        && let Err(error) = hub.store.set_last_contact(&contacts)
    {
        tracing::warn!(error = %chain(&error), "last contacts are not noted");
    }
}

fn retention(hub: &Hub, config: &Config) {
    let now_us = now_us();
    let log = hub.store.applied_position().map_err(|e| chain(&e)).and_then(|applied| {
        let retention = Retention { age_us: config.log_age_us, bytes: config.log_bytes, applied };
        hub.log.retain(retention, now_us).map_err(|e| chain(&e))
    });
    match log {
        Ok(0) => {}
        Ok(removed) => {
            hub.metrics.log_removed.inc_by(removed as u64);
            tracing::info!(removed, "entries of the log were removed: too old or too many");
        }
        Err(error) => tracing::error!(%error, "the log is not cleaned"),
    }
    loop {
        match hub.store.retain(now_us - config.store_age_us) {
            Ok(0) => break,
            Ok(removed) => tracing::info!(removed, "events were removed: too old"),
            Err(error) => return tracing::error!(error = %chain(&error), "old events are not removed"),
        }
    }
    loop {
        match hub.store.retain_hourly(hour_of(now_us - HOURLY_AGE_US)) {
            Ok(0) => break,
            Ok(removed) => tracing::info!(removed, "counts by the hour were removed: too old"),
            Err(error) => return tracing::error!(error = %chain(&error), "old counts are not removed"),
        }
    }
    loop {
        match hub.store.retain_incidents(now_us - config.store_age_us) {
            Ok(0) => return,
            Ok(removed) => tracing::info!(removed, "incidents were removed: too old"),
            Err(error) => return tracing::error!(error = %chain(&error), "old incidents are not removed"),
        }
    }
}

fn certificate(hub: &Hub, config: &Config, shown: &Shown) {
    match hub.authority.server_leaf(&config.names, now_us()) {
        Ok(leaf) => {
            hub.metrics.certificate_ends.set(leaf.ends_us / 1_000_000);
            if let Err(error) = shown.replace(leaf) {
                tracing::error!(error = %chain(&error), "the renewed certificate cannot be shown");
            }
        }
        Err(error) => tracing::error!(error = %chain(&error), "the hub's certificate is not renewed"),
    }
}
