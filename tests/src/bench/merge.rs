//! `tests/bench merge`: which events a real hub puts into one incident, held against the city's truth on seeds that nobody
//! has seen (they come from the commit's hash), and how long it takes from a gateway's event to the incident on the feed.
//!
//! The events are the true ones of every camera's rules, placed on the ground as a calibrated gateway places them, with a
//! calibration that is as wrong as a technician's measurements are. They are sent by one gateway a department; one of them
//! is cut off and sends everything last. Then the same end to end: the events that the default model, tracker and rules
//! make of the city's pictures (`merge_watch.rs`).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use quinn::Endpoint;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;
use yiwang_city::camera::Camera;
use yiwang_city::stream::gateway_table;
use yiwang_city::truth::{EventTruth, Sight, TrueEvent};
use yiwang_city::world::{Incident, Options, World};
use yiwang_inference::ground::{Calibration, Ground, Mounting};
use yiwang_inference::picture::Point;
use yiwang_wire::event::{Event, Phase, Record, Severity, Subject, TimeSource};
use yiwang_wire::pb;

use super::merge_score::{Pairs, about};
use super::model::{commit, seed};
use super::{Report, merge_watch};
use crate::check::percentile;
use crate::events;
use crate::feed::{self, Body, SseParser};
use crate::link::{Identity, Link, LinkError, endpoint, now_us};
use crate::process::Hub;

/// How many cities, and how long each is lived through.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Cities.
    pub cities: usize,
    /// Seconds of each.
    pub seconds: u64,
    /// Seconds of each that are watched through the model; 0 leaves that out.
    pub watched_s: u64,
}

/// Pictures are five a second, as gateways analyse them.
const STEP_US: i64 = 200_000;
/// When the first city begins: any time that has passed.
const EPOCH_US: i64 = 1_790_000_000_000_000;
/// Between two cities.
const CITY_US: i64 = 24 * 3_600_000_000;
/// How wrong a box is, parts of the picture.
const BOX_ERROR: f32 = 0.01;
/// Events whose way to an incident is timed, and how many come a second.
const TIMED: u64 = 600;
const TIMED_PER_S: u64 = 50;

/// What happens in a city.
pub(super) struct City {
    pub(super) cameras: Vec<Camera>,
    pub(super) events: Vec<Sent>,
    pub(super) incidents: Vec<Incident>,
}

/// An event with the number that its camera's tracker gives what it is about.
pub(super) struct Sent {
    pub(super) event: TrueEvent,
    pub(super) track: Option<u64>,
}

/// Runs it.
pub async fn run(report: &mut Report, size: Size) -> Result<(), LinkError> {
    let hash = commit()?;
    let directory = tempfile::tempdir()?;
    let hub = Hub::start(directory.path());
    let endpoint = endpoint()?;
    let token = hub.feed_token();
    let (mut all, mut across, mut watched) = (Pairs::default(), Pairs::default(), Pairs::default());
    for number in 0..size.cities {
        let seed = seed(&hash, number);
        let city = live(seed, size.seconds)?;
        let (pairs, over) = merge(&hub, &endpoint, &token, &city, number, seed).await?;
        eprintln!("  seed {seed}: precision {:.3}, recall {:.3}, {pairs:?}", pairs.precision(), pairs.recall());
        report.add(
            &format!("pairwise_precision_{number}"),
            &format!("precision, seed {seed}"),
            pairs.precision(),
            "",
            "",
        );
        report.add(&format!("pairwise_recall_{number}"), &format!("recall, seed {seed}"), pairs.recall(), "", "");
        all.add(pairs);
        across.add(over);
        if size.watched_s > 0 {
            let city = merge_watch::watch(seed, size.watched_s)?;
            let (pairs, _) = merge(&hub, &endpoint, &token, &city, size.cities + number, seed).await?;
            eprintln!("  end to end: precision {:.3}, recall {:.3}, {pairs:?}", pairs.precision(), pairs.recall());
            watched.add(pairs);
        }
    }
    if size.watched_s > 0 {
        let beside = format!("{} of {} pairs; goal 0.95", watched.right, watched.found);
        report.add("end_to_end_precision", "from detected events: precision", watched.precision(), "", &beside);
        let beside = format!("{} of {} pairs; goal 0.90", watched.right, watched.true_ones);
        report.add("end_to_end_recall", "from detected events: recall", watched.recall(), "", &beside);
    }
    let beside = format!("{} of {} pairs; goal 0.98", all.right, all.found);
    report.add("pairwise_precision", "pairs put together that belong together", all.precision(), "", &beside);
    let beside = format!("{} of {} pairs; goal 0.95", all.right, all.true_ones);
    report.add("pairwise_recall", "pairs that belong together put together", all.recall(), "", &beside);
    let beside = format!("{} of {} found, {} true", across.right, across.found, across.true_ones);
    report.add("across_precision", "of these between two cameras: precision", across.precision(), "", &beside);
    report.add("across_recall", "between two cameras: recall", across.recall(), "", "");
    timed(report, &hub, &endpoint, &token).await
}

/// Lives through a city.
fn live(seed: u64, seconds: u64) -> Result<City, LinkError> {
    let mut world = World::new(Options { seed, ..Options::default() });
    let cameras = world.cameras().to_vec();
    let sights: Vec<Sight> = cameras.iter().map(|camera| Sight::new(world.layout(), &camera.view())).collect();
    let mut truths = cameras.iter().map(EventTruth::plain).collect::<Result<Vec<_>, _>>()?;
    let mut events = Vec::new();
    for t_us in (0..i64::try_from(seconds)? * 1_000_000).step_by(STEP_US as usize) {
        world.advance(t_us);
        for ((sight, truth), camera) in sights.iter().zip(&mut truths).zip(&cameras) {
            events.append(&mut truth.picture(t_us, &sight.look(world.actors()), camera.size_px.1));
        }
    }
    for truth in &mut truths {
        events.append(&mut truth.finish());
    }
    events.retain(|event| event.kind != "count");
    events.sort_by_key(|event| event.t_us);
    // The tracker's number is the camera's own: no two cameras share one.
    let number = |event: &TrueEvent| Some(u64::from(event.actor?) * 31 + event.camera.len() as u64);
    let events = events.into_iter().map(|event| Sent { track: number(&event), event }).collect();
    Ok(City { cameras, events, incidents: world.incidents().to_vec() })
}

/// A camera as its gateway knows it: somebody measured it, about as well as one can.
struct Installed {
    pb: pb::Camera,
    position: [f64; 2],
    ground: Ground,
}

fn installed(camera: &Camera, random: &mut StdRng) -> Result<Installed, LinkError> {
    let table: toml::Table = gateway_table(camera, "rtsp://127.0.0.1:1/x").parse()?;
    let table = &table["camera"][0];
    let number = |value: &toml::Value| value.as_float().ok_or("no number");
    let position = table["position"].as_array().ok_or("no position")?;
    let position = [number(&position[0])?, number(&position[1])?];
    // The errors that `inference::ground` takes for usual, as standard deviations; the sum of twelve is near enough normal.
    let mut normal = || (0..12).map(|_| random.random_range(-0.5..0.5)).sum::<f64>();
    let mounting = Mounting {
        height_m: f64::from(camera.height_m) * (1.0 + 0.03 * normal()),
        heading_deg: f64::from(camera.heading_deg) + 2.0 * normal(),
        tilt_deg: f64::from(camera.tilt_deg) + 1.0 * normal(),
        field_of_view_deg: f64::from(camera.fov_deg) * (1.0 + 0.02 * normal()),
    };
    let (width, height) = camera.size_px;
    let ground = Calibration::Mounted(mounting).ground(f64::from(width) / f64::from(height))?;
    let pb = pb::Camera {
        id: camera.id.clone(),
        name: camera.name_zh.clone(),
        longitude: Some(position[0]),
        latitude: Some(position[1]),
        heading_deg: Some(mounting.heading_deg),
        field_of_view_deg: Some(mounting.field_of_view_deg),
    };
    Ok(Installed { pb, position, ground })
}

/// An event as the gateway of a camera would tell it.
fn told(
    Sent { event: true_event, track }: &Sent,
    installed: &Installed,
    camera: &Camera,
    from_us: i64,
    id: Uuid,
    cause: Option<Uuid>,
) -> Event {
    let descriptor = events::kinds().into_iter().find(|known| known.kind == true_event.kind);
    let place = true_event.point.and_then(|[x, y]| installed.ground.place(Point::new(x, y), BOX_ERROR));
    let attributes = place.map_or_else(Vec::new, |place| {
        let [longitude, latitude] = place.wgs84(installed.position);
        vec![
            ("latitude".into(), format!("{latitude:.7}")),
            ("longitude".into(), format!("{longitude:.7}")),
            ("position_error_m".into(), format!("{:.1}", place.error_m)),
        ]
    });
    let subject = track.zip(true_event.class.clone()).map(|(track, class)| Subject {
        track,
        class,
        confidence: 0.9,
        bbox: yiwang_wire::event::Rect { x0: 0.4, y0: 0.4, x1: 0.6, y1: 0.6 },
        predicted: false,
    });
    Event {
        id,
        cause,
        camera: Some(camera.id.clone()),
        kind: true_event.kind.clone(),
        phase: match true_event.phase.as_str() {
            "begin" => Phase::Begin,
            "update" => Phase::Update,
            _ => Phase::End,
        },
        severity: descriptor.map_or(Severity::Low, |descriptor| descriptor.severity),
        rule: Some(true_event.rule.clone()),
        config_revision: "0123456789ab".into(),
        captured_us: from_us + true_event.t_us,
        time_source: TimeSource::SenderReport,
        time_error_ms: 40,
        direction: true_event.direction.clone(),
        subject,
        point: true_event.point,
        frame_px: Some(camera.size_px),
        measures: Vec::new(),
        model: None,
        attributes,
    }
}

/// Sends a city's events through the hub and holds its incidents against the truth; also over pairs of two cameras only.
async fn merge(
    hub: &Hub,
    endpoint: &Endpoint,
    token: &str,
    city: &City,
    number: usize,
    seed: u64,
) -> Result<(Pairs, Pairs), LinkError> {
    let from_us = EPOCH_US + i64::try_from(number)? * CITY_US;
    let mut random = StdRng::seed_from_u64(seed);
    let all: Vec<Installed> =
        city.cameras.iter().map(|camera| installed(camera, &mut random)).collect::<Result<_, _>>()?;
    let mut ids: HashMap<(String, u64), Uuid> = HashMap::new();
    let mut begins: Vec<(Uuid, &TrueEvent)> = Vec::new();
    let mut departments: Vec<&str> = city.cameras.iter().map(|camera| camera.department.as_str()).collect();
    departments.sort_unstable();
    departments.dedup();
    let mut by_department: HashMap<&str, Vec<Event>> = HashMap::new();
    for sent in &city.events {
        let event = &sent.event;
        let at = city.cameras.iter().position(|camera| camera.id == event.camera).ok_or("an unknown camera")?;
        let id = Uuid::now_v7();
        let cause = ids.get(&(event.camera.clone(), event.key)).copied().filter(|_| event.phase != "begin");
        if event.phase == "begin" {
            ids.insert((event.camera.clone(), event.key), id);
            begins.push((id, event));
        }
        let camera = &city.cameras[at];
        let made = told(sent, &all[at], camera, from_us, id, cause);
        by_department.entry(&camera.department).or_default().push(made);
    }
    let epoch = u64::try_from(now_us() / 1000)?;
    // The last department's gateway was cut off: everything of it comes when the others are done.
    for department in &departments {
        let join = hub.join_token(department);
        let identity = Identity::join(endpoint, hub.quic, &join, &format!("{department} {number}")).await?;
        let mine = city.cameras.iter().zip(&all).filter(|(camera, _)| camera.department == **department);
        let cameras = mine.map(|(_, installed)| installed.pb.clone()).collect();
        let mut link = Link::open_with(endpoint, hub.quic, &identity, epoch, cameras, &events::kinds()).await?;
        let made = by_department.remove(department).unwrap_or_default();
        let records: Vec<Record> = (1..).zip(made).map(|(sequence, event)| Record { epoch, sequence, event }).collect();
        for part in records.chunks(64) {
            link.send(part).await?;
        }
        while link.durable.count() < records.len() as u64 {
            link.acknowledged().await?;
        }
    }
    let found = wait_for_incidents(hub, token, from_us, begins.len()).await?;
    let of = |id: &Uuid| found.get(&id.to_string()).cloned().unwrap_or_else(|| format!("none {id}"));
    let events: Vec<&TrueEvent> = begins.iter().map(|(_, event)| *event).collect();
    let truth = about(&events, &city.incidents);
    let groups: Vec<String> = begins.iter().map(|(id, _)| of(id)).collect();
    tell_mistakes(&events, &truth, &groups);
    let mut across = Pairs::default();
    for a in 0..events.len() {
        for b in a + 1..events.len() {
            if events[a].camera != events[b].camera {
                across.add(Pairs::count(&[&truth[a], &truth[b]], &[&groups[a], &groups[b]]));
            }
        }
    }
    Ok((Pairs::count(&truth, &groups), across))
}

/// With `YIWANG_BENCH_VERBOSE`: which pairs were put together or left apart wrongly.
fn tell_mistakes<T: PartialEq + std::fmt::Debug>(events: &[&TrueEvent], truth: &[T], groups: &[String]) {
    if std::env::var_os("YIWANG_BENCH_VERBOSE").is_none() {
        return;
    }
    let line = |index: usize| {
        let event = events[index];
        let at_s = event.t_us / 1_000_000;
        format!("{at_s} s {} {} {:?} {:?}", event.camera, event.kind, event.actor, truth[index])
    };
    for a in 0..events.len() {
        for b in a + 1..events.len() {
            match (truth[a] == truth[b], groups[a] == groups[b]) {
                (true, false) => eprintln!("  left apart: {} | {}", line(a), line(b)),
                (false, true) => eprintln!("  put together: {} | {}", line(a), line(b)),
                _ => {}
            }
        }
    }
}

/// The incident of every begin, once the hub shows them all.
async fn wait_for_incidents(
    hub: &Hub,
    token: &str,
    from_us: i64,
    begins: usize,
) -> Result<HashMap<String, String>, LinkError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let time = |us: i64| yiwang_hub::web::json::rfc3339(us);
    let list = format!(
        "{}/api/v1/incidents?state=all&order=newest&limit=500&from={}&to={}",
        hub.web,
        time(from_us - CITY_US / 4),
        time(from_us + CITY_US / 2)
    );
    loop {
        let (mut ids, mut sources, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let page: serde_json::Value = serde_json::from_str(&feed::get(&format!("{list}{cursor}"), token)?)?;
            for one in page["incidents"].as_array().into_iter().flatten() {
                sources += usize::try_from(one["sources"].as_u64().unwrap_or(0))?;
                ids.extend(one["id"].as_str().map(str::to_owned));
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if sources >= begins || Instant::now() > deadline {
            if sources < begins {
                eprintln!("  only {sources} of {begins} events are in incidents");
            }
            return details(hub, token, &ids);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn details(hub: &Hub, token: &str, ids: &[String]) -> Result<HashMap<String, String>, LinkError> {
    let mut of = HashMap::new();
    for id in ids {
        let detail: serde_json::Value =
            serde_json::from_str(&feed::get(&format!("{}/api/v1/incidents/{id}", hub.web), token)?)?;
        for source in detail["source_list"].as_array().into_iter().flatten() {
            of.extend(source["event"].as_str().map(|event| (event.to_owned(), id.clone())));
        }
    }
    Ok(of)
}

/// How long from a gateway's event to its incident on the feed, at a steady pace.
#[allow(clippy::cast_precision_loss, reason = "microseconds of one run")]
async fn timed(report: &mut Report, hub: &Hub, endpoint: &Endpoint, token: &str) -> Result<(), LinkError> {
    let join = hub.join_token("timed");
    let identity = Identity::join(endpoint, hub.quic, &join, "timed").await?;
    let epoch = u64::try_from(now_us() / 1000)?;
    let mut link = Link::open(endpoint, hub.quic, &identity, epoch, "timed").await?;
    let (told, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let (host, path) = feed::split_url(&format!("{}/api/v1/incidents/feed", hub.web))?;
    let head = feed::request(&host, &path, token, None);
    let reading = tokio::spawn(async move {
        if let Err(error) = read_incidents(&host, &head, &told).await {
            eprintln!("  the feed of incidents ended: {error}");
        }
    });
    // The first heartbeat: from now on everything comes.
    arrivals.recv().await;
    let mut sent: HashMap<String, i64> = HashMap::new();
    let mut tick = tokio::time::interval(Duration::from_millis(1000 / TIMED_PER_S));
    for sequence in 1..=TIMED {
        tick.tick().await;
        let now = now_us();
        // Far apart in capture time: each is an incident of its own, named by that time.
        let captured_us = EPOCH_US - i64::try_from(sequence)? * 3_600_000_000;
        let event = events::crossing("timed", sequence, captured_us);
        link.send(&[Record { epoch, sequence, event }]).await?;
        sent.insert(yiwang_hub::web::json::rfc3339(captured_us), now);
    }
    let mut latencies_us = Vec::new();
    let enough = async {
        while !sent.is_empty() {
            let Some((begin, at_us)) = arrivals.recv().await else { break };
            latencies_us.extend(sent.remove(&begin).map(|sent_us| at_us - sent_us));
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(30), enough).await;
    reading.abort();
    latencies_us.sort_unstable();
    let at = |part| percentile(&latencies_us, part).unwrap_or_default() as f64 / 1000.0;
    let beside = format!("{} of {TIMED} events, {TIMED_PER_S} a second; goal 300", latencies_us.len());
    report.add("event_to_incident_ms_p99", "event sent → incident on the feed, p99", at(0.99), "ms", &beside);
    report.add("event_to_incident_ms_p50", "the same, p50", at(0.5), "ms", "what p99 is compared with");
    Ok(())
}

/// Tells the begin of each incident as it comes, and once the heartbeat.
async fn read_incidents(
    host: &str,
    head: &str,
    told: &tokio::sync::mpsc::UnboundedSender<(String, i64)>,
) -> Result<(), LinkError> {
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(head.as_bytes()).await?;
    let (mut raw, mut bytes) = (Vec::new(), vec![0; 64 * 1024]);
    let body_at = loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Err("closed before an answer".into());
        }
        raw.extend_from_slice(&bytes[..count]);
        if let Some(at) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let (status, chunked) = feed::read_head(&String::from_utf8_lossy(&raw[..body_at]));
    if status != 200 {
        return Err(format!("answered {status}").into());
    }
    let (mut body, mut parser) = (Body::new(chunked), SseParser::default());
    parser.push(&body.push(&raw[body_at..]));
    loop {
        while let Some(item) = parser.pop() {
            let begin = match item.event.as_str() {
                "incident" => {
                    let value: serde_json::Value = serde_json::from_str(&item.data)?;
                    value["begin"].as_str().unwrap_or_default().to_owned()
                }
                _ => String::new(),
            };
            told.send((begin, now_us())).map_err(|_| "nobody reads on")?;
        }
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Err("closed by the hub".into());
        }
        parser.push(&body.push(&bytes[..count]));
    }
}
