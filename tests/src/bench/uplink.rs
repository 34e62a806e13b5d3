//! `tests/bench uplink`: the product's spool and uplink over a bad network, against a plain QUIC client with the
//! library's default congestion control that sends the same events through the same kind of proxy.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use yiwang_gateway::board::Board;
use yiwang_gateway::spool::{Spool, SpoolLimits};
use yiwang_gateway::uplink::{UplinkStatus, join};
use yiwang_wire::event::Record;

use super::Report;
use super::subscribers::Subscribers;
use crate::check::percentile;
use crate::events;
use crate::link::{Identity, Link, LinkError, endpoint, now_us};
use crate::process::Hub;
use crate::proxy::{Impairment, Proxy};

/// Half of the round trip.
const ONE_WAY_US: u64 = 40_000;
/// Events of the burst whose throughput is measured.
const BURST: u64 = 20_000;
/// Events a second while the delay is measured.
const CALM_PER_S: u32 = 100;
/// A network that does not get a burst through in this time has failed.
const BURST_LIMIT: Duration = Duration::from_secs(90);

/// Runs it for each share of loss.
pub async fn run(report: &mut Report, losses_percent: &[u32], seconds: u64) -> Result<(), LinkError> {
    let directory = tempfile::tempdir()?;
    let hub = Hub::start(&directory.path().join("hub"));
    for &percent in losses_percent {
        let how = Impairment {
            loss: f64::from(percent) / 100.0,
            delay_us: ONE_WAY_US,
            jitter_us: 2_000,
            ..Impairment::default()
        };
        let state = directory.path().join(format!("gateway-{percent}"));
        let (calm_us, per_s) = product(&hub, &state, how, seconds).await?;
        let plain_per_s = plain(&hub, how).await?;
        add(report, percent, &calm_us, per_s, plain_per_s);
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "for showing")]
fn add(report: &mut Report, percent: u32, calm_us: &[i64], per_s: f64, plain_per_s: f64) {
    let ms = |share| percentile(calm_us, share).unwrap_or_default() as f64 / 1000.0;
    let what = |text: &str| format!("{percent:>2} % loss, 80 ms: {text}");
    let beside = format!("{:.1} times the plain client", per_s / plain_per_s.max(0.001));
    report.add(&format!("uplink_loss_{percent}_events_per_s"), &what("spool → feed"), per_s, "events/s", &beside);
    report.add(
        &format!("uplink_loss_{percent}_plain_events_per_s"),
        &what("plain client"),
        plain_per_s,
        "events/s",
        "quinn as it comes, same events, same network",
    );
    let beside = format!("p50 {:.0} ms; the way alone takes 40 ms", ms(0.50));
    report.add(
        &format!("uplink_loss_{percent}_p99_ms"),
        &what(&format!("p99 at {CALM_PER_S} events/s")),
        ms(0.99),
        "ms",
        &beside,
    );
}

/// Latencies at a calm pace, and a burst's events a second, from the spool to the feed.
async fn product(hub: &Hub, state: &Path, how: Impairment, seconds: u64) -> Result<(Vec<i64>, f64), LinkError> {
    let proxy = Proxy::start(hub.quic, Impairment { loss: 0.0, ..how }, 1).await?;
    join::join(&proxy.address().to_string(), &hub.join_token("bench"), "bench", state, false).await?;
    let limits = SpoolLimits { queue_events: usize::try_from(BURST)?, ..SpoolLimits::default() };
    let spool = Spool::open(&state.join("spool"), limits, now_us())?;
    let board = Arc::new(Board::new(["camera".to_owned()], now_us()));
    let (shutdown, status) = (CancellationToken::new(), Arc::new(UplinkStatus::default()));
    let settings = crate::uplink::settings(state, &["camera".to_owned()])?;
    let running = tokio::spawn(yiwang_gateway::uplink::run(settings, spool.clone(), board, status, shutdown.clone()));
    let subscriber = Subscribers::start(&hub.web, &hub.feed_token(), 1).await?;
    spool.append(&events::crossing("camera", 0, now_us()), now_us())?;
    if subscriber.wait(1, Duration::from_secs(20)).await == 0 {
        return Err("nothing came through in 20 s".into());
    }
    subscriber.take_latencies_us();
    proxy.set(how);

    let calm = u64::from(CALM_PER_S) * seconds;
    let mut tick = tokio::time::interval(Duration::from_secs(1) / CALM_PER_S);
    for number in 1..=calm {
        tick.tick().await;
        spool.append(&events::crossing("camera", number, now_us()), now_us())?;
    }
    let expected = usize::try_from(calm)? + 1;
    let got = subscriber.wait(expected, BURST_LIMIT).await;
    let latencies_us = subscriber.take_latencies_us();
    let begun = Instant::now();
    for number in 0..BURST {
        spool.append(&events::crossing("camera", number, now_us()), now_us())?;
    }
    let all = got + usize::try_from(BURST)?;
    let arrived = subscriber.wait(all, BURST_LIMIT).await - got;
    #[allow(clippy::cast_precision_loss, reason = "counts of one run")]
    let per_s = arrived as f64 / begun.elapsed().as_secs_f64();
    shutdown.cancel();
    let _ = running.await;
    Ok((latencies_us, per_s))
}

/// The same burst by the plain client, until all of it is acknowledged.
#[allow(clippy::cast_precision_loss, reason = "counts of one run")]
async fn plain(hub: &Hub, how: Impairment) -> Result<f64, LinkError> {
    let proxy = Proxy::start(hub.quic, Impairment { loss: 0.0, ..how }, 1).await?;
    let endpoint = endpoint()?;
    let identity = Identity::join(&endpoint, proxy.address(), &hub.join_token("bench"), "plain").await?;
    let epoch = u64::try_from(now_us() / 1000)?;
    let mut link = Link::open(&endpoint, proxy.address(), &identity, epoch, "camera").await?;
    proxy.set(how);
    let record = |sequence| Record { epoch, sequence, event: events::crossing("camera", sequence, now_us()) };
    let records: Vec<Record> = (1..=BURST).map(record).collect();
    let begun = Instant::now();
    let send = async {
        for batch in records.chunks(256) {
            link.send(batch).await?;
        }
        while link.durable.count() < BURST {
            link.acknowledged().await?;
        }
        Ok::<_, LinkError>(())
    };
    let whole = tokio::time::timeout(BURST_LIMIT, send).await;
    let took_s = begun.elapsed().as_secs_f64();
    if let Ok(outcome) = whole {
        outcome?;
    }
    Ok(link.durable.count() as f64 / took_s)
}
