//! `tests/bench hub`: durable events through QUIC ingest with one gateway and with 200, what an event weighs, and the
//! feed's fan-out to 500 subscribers. Load and hub share the machine.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use quinn::Endpoint;
use tokio::task::JoinSet;
use yiwang_wire::codec::BatchEncoder;
use yiwang_wire::event::Record;

use super::Report;
use super::subscribers::Subscribers;
use crate::check::percentile;
use crate::events;
use crate::link::{Identity, Link, LinkError, endpoint, now_us};
use crate::process::Hub;

/// How long each load lasts, and how big it is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Each phase.
    pub seconds: u64,
    /// Gateways at once.
    pub gateways: usize,
    /// Subscribers at once.
    pub subscribers: usize,
}

/// Runs all of it.
pub async fn run(report: &mut Report, size: Size) -> Result<(), LinkError> {
    payload(report);
    let directory = tempfile::tempdir()?;
    let mut hub = Hub::start(directory.path());
    let endpoint = endpoint()?;
    let mut identities = Vec::new();
    for number in 0..size.gateways.max(1) {
        let token = hub.join_token("bench");
        identities.push(Identity::join(&endpoint, hub.quic, &token, &format!("gateway {number}")).await?);
    }
    let lone =
        ingest(&mut hub, &endpoint, &identities[..1], Load { batch: 1, window: 1, seconds: size.seconds }).await?;
    let one =
        ingest(&mut hub, &endpoint, &identities[..1], Load { batch: 256, window: 8, seconds: size.seconds }).await?;
    let many = ingest(&mut hub, &endpoint, &identities, Load { batch: 32, window: 2, seconds: size.seconds }).await?;
    let disk = disk_alone(directory.path(), 256, Duration::from_secs(2))?;
    report.add(
        "disk_alone_events_per_s",
        "the disk alone, 256 events a sync",
        disk,
        "events/s",
        "a bare file: the same bytes, written and synced",
    );
    let beside = format!("{:.2} of the disk alone; load and hub on the same cores", one.per_s / disk);
    report.add("ingest_1_gateway_events_per_s", "durable, 1 gateway, batches of 256", one.per_s, "events/s", &beside);
    let beside = format!("{:.2} of one gateway", many.per_s / one.per_s);
    let what = format!("durable, {} gateways, batches of 32", size.gateways);
    report.add(&format!("ingest_{}_gateways_events_per_s", size.gateways), &what, many.per_s, "events/s", &beside);
    report.add(
        "ingest_one_by_one_events_per_s",
        "durable, 1 gateway, one event a batch, each awaited",
        lone.per_s,
        "events/s",
        "what batches are compared with",
    );
    report.add(
        "hub_cpu_us_per_event",
        "hub's CPU per event, 1 gateway",
        one.cpu_s * 1e6 / one.events,
        "µs",
        &format!("{:.1} µs with {} gateways", many.cpu_s * 1e6 / many.events, size.gateways),
    );
    #[allow(clippy::cast_precision_loss, reason = "bytes of memory")]
    let rss_mib = hub.process().rss_bytes() as f64 / 1024.0 / 1024.0;
    report.add(
        "hub_rss_mib",
        "hub's memory after it",
        rss_mib,
        "MiB",
        &format!("{} gateways connected before", size.gateways),
    );
    catch_up(report, &hub).await?;
    fan_out(report, &hub, &endpoint, &identities[0], size).await
}

/// What is durable is not yet in the store and the feed: how long these take to follow after the loads above.
async fn catch_up(report: &mut Report, hub: &Hub) -> Result<(), LinkError> {
    let watcher = Subscribers::start(&hub.web, &hub.feed_token(), 1).await?;
    let begun = Instant::now();
    let (mut delivered, mut last) = (0, begun);
    while last.elapsed() < Duration::from_secs(1) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if watcher.delivered() > delivered {
            (delivered, last) = (watcher.delivered(), Instant::now());
        }
    }
    let beside = "from the last acknowledgement of the loads above";
    report.add(
        "feed_catch_up_s",
        "store and feed have caught up after",
        last.duration_since(begun).as_secs_f64(),
        "s",
        beside,
    );
    Ok(())
}

struct Load {
    batch: usize,
    window: usize,
    seconds: u64,
}

struct Carried {
    events: f64,
    per_s: f64,
    cpu_s: f64,
}

#[allow(clippy::cast_precision_loss, reason = "counts of one run")]
async fn ingest(hub: &mut Hub, endpoint: &Endpoint, identities: &[Identity], load: Load) -> Result<Carried, LinkError> {
    let epoch = u64::try_from(now_us() / 1000)?;
    let mut links = Vec::new();
    for identity in identities {
        links.push(Link::open(endpoint, hub.quic, identity, epoch, "camera").await?);
    }
    let cpu_before_s = hub.process().cpu_s();
    let begun = Instant::now();
    let deadline = begun + Duration::from_secs(load.seconds);
    let mut tasks = JoinSet::new();
    for link in links {
        tasks.spawn(drive(link, epoch, load.batch as u64, load.window as u64, deadline));
    }
    let mut events = 0;
    while let Some(count) = tasks.join_next().await {
        events += count??;
    }
    let took_s = begun.elapsed().as_secs_f64();
    let cpu_s = hub.process().cpu_s() - cpu_before_s;
    Ok(Carried { events: events as f64, per_s: events as f64 / took_s, cpu_s })
}

/// Keeps `window` batches under way until the deadline, then waits for the rest; returns how many are durable.
async fn drive(mut link: Link, epoch: u64, batch: u64, window: u64, deadline: Instant) -> Result<u64, LinkError> {
    let mut sequence = 0;
    while Instant::now() < deadline {
        while sequence - link.durable.count() < window * batch {
            link.send(&records(epoch, sequence + 1, batch)).await?;
            sequence += batch;
        }
        link.acknowledged().await?;
    }
    while link.durable.count() < sequence {
        link.acknowledged().await?;
    }
    Ok(sequence)
}

fn records(epoch: u64, first: u64, count: u64) -> Vec<Record> {
    let record = |sequence| Record { epoch, sequence, event: events::crossing("camera", sequence, now_us()) };
    (first..first + count).map(record).collect()
}

/// What an event weighs on the wire once the names are known, beside the same event as JSON.
#[allow(clippy::cast_precision_loss, reason = "bytes of one batch")]
fn payload(report: &mut Report) {
    let plain: usize = records(1, 1, 256).iter().map(|record| as_json(record).len()).sum();
    let json_bytes = plain as f64 / 256.0;
    for batch in [1, 32, 256] {
        let mut encoder = BatchEncoder::new();
        let mut bytes = 0;
        for round in 0..11 {
            let (payload, taken) = encoder.encode(1, false, &records(1, 1 + round * batch, batch));
            assert_eq!(taken as u64, batch, "a batch of this size fits into one frame");
            // The first carries the names.
            bytes += if round == 0 { 0 } else { payload.len() };
        }
        let each = bytes as f64 / (10 * batch) as f64;
        let beside = format!("{json_bytes:.0} bytes as JSON: {:.1} times", json_bytes / each);
        report.add(
            &format!("payload_bytes_batch_{batch}"),
            &format!("payload, batches of {batch}"),
            each,
            "bytes",
            &beside,
        );
    }
}

/// The event's fields as plainly as JSON can have them.
fn as_json(record: &Record) -> String {
    let event = &record.event;
    let subject = event.subject.as_ref().map(|subject| {
        let bbox = [subject.bbox.x0, subject.bbox.y0, subject.bbox.x1, subject.bbox.y1];
        serde_json::json!({ "track": subject.track, "class": subject.class, "confidence": subject.confidence, "bbox": bbox })
    });
    let measures: Vec<_> = event.measures.iter().map(|one| serde_json::json!({ "name": one.name, "value": one.value, "threshold": one.threshold, "unit": one.unit })).collect();
    let model = event.model.as_ref().map(|model| serde_json::json!({ "name": model.name, "sha256": model.sha256, "input_px": [model.input_px.0, model.input_px.1] }));
    serde_json::json!({
        "id": event.id, "camera": event.camera, "kind": event.kind, "phase": "begin", "severity": "low", "rule": event.rule,
        "config_revision": event.config_revision, "captured_us": event.captured_us, "time_source": "sender_report",
        "time_error_ms": event.time_error_ms, "direction": event.direction, "subject": subject, "point": event.point,
        "frame_px": [1920, 1080], "measures": measures, "model": model, "epoch": record.epoch, "sequence": record.sequence,
    })
    .to_string()
}

/// What the disk would take if nothing else were to be done.
#[allow(clippy::cast_precision_loss, reason = "counts of one run")]
fn disk_alone(directory: &std::path::Path, batch: u64, time: Duration) -> Result<f64, LinkError> {
    let mut file = File::create(directory.join("bare"))?;
    let bytes: Vec<u8> = records(1, 1, batch).iter().flat_map(yiwang_wire::codec::encode_record).collect();
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < time {
        file.write_all(&bytes)?;
        file.sync_data()?;
        count += batch;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// One gateway reports, many watch: the delay at a calm pace, then how fast a burst gets out.
#[allow(clippy::cast_precision_loss, reason = "counts of one run")]
async fn fan_out(
    report: &mut Report,
    hub: &Hub,
    endpoint: &Endpoint,
    identity: &Identity,
    size: Size,
) -> Result<(), LinkError> {
    let token = hub.feed_token();
    let epoch = u64::try_from(now_us() / 1000)?;
    let mut link = Link::open(endpoint, hub.quic, identity, epoch, "camera").await?;
    let mut next = 1;
    let mut alone_ms = 0.0;
    for count in [1, size.subscribers] {
        let all = Subscribers::start(&hub.web, &token, count).await?;
        let paced = 20 * size.seconds;
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..paced {
            tick.tick().await;
            link.send(&records(epoch, next, 1)).await?;
            next += 1;
        }
        let expected = count * usize::try_from(paced)?;
        let got = all.wait(expected, Duration::from_secs(30)).await;
        let latencies_us = all.take_latencies_us();
        let p99_ms = percentile(&latencies_us, 0.99).unwrap_or_default() as f64 / 1000.0;
        if count == 1 {
            alone_ms = p99_ms;
            report.add(
                "fanout_1_p99_ms",
                "gateway → 1 subscriber, p99, 20 events/s",
                p99_ms,
                "ms",
                "what the many are compared with",
            );
            continue;
        }
        let beside = format!("{:.1} times one subscriber's; {got} of {expected} delivered", p99_ms / alone_ms.max(0.1));
        report.add(
            &format!("fanout_{count}_p99_ms"),
            &format!("gateway → {count} subscribers, p99, 20 events/s"),
            p99_ms,
            "ms",
            &beside,
        );
        report.add(
            &format!("fanout_{count}_lost"),
            "of these not delivered",
            (expected - got.min(expected)) as f64,
            "events",
            "0 is right",
        );
        burst(report, &mut link, &all, epoch, next, count).await?;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "counts of one run")]
async fn burst(
    report: &mut Report,
    link: &mut Link,
    all: &Subscribers,
    epoch: u64,
    first: u64,
    count: usize,
) -> Result<(), LinkError> {
    let before = all.delivered();
    let events = 400;
    let begun = Instant::now();
    link.send(&records(epoch, first, events)).await?;
    let expected = before + count * usize::try_from(events)?;
    let got = all.wait(expected, Duration::from_secs(60)).await;
    let per_s = (got - before) as f64 / begun.elapsed().as_secs_f64();
    let latencies_us = all.take_latencies_us();
    let p99_ms = percentile(&latencies_us, 0.99).unwrap_or_default() as f64 / 1000.0;
    let beside = format!("a burst of {events} events, {} of {} delivered", got - before, expected - before);
    report.add(
        &format!("fanout_{count}_deliveries_per_s"),
        &format!("deliveries to {count} subscribers"),
        per_s,
        "events/s",
        &beside,
    );
    report.add(&format!("fanout_{count}_burst_p99_ms"), "p99 in the burst", p99_ms, "ms", "calm p99 above");
    Ok(())
}
