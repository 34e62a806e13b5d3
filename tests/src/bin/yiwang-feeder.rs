//! A gateway that fills a hub for the page's tests: joins with a token, reports three cameras in different states, and
//! sends invented events of several kinds, with begin and end, some of them long ago. It ends when it is told to, or after
//! `--seconds`, so that the hub then has a gateway without contact.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use quinn::SendStream;
use uuid::Uuid;
use yiwang_tests::events;
use yiwang_tests::link::{self, Identity, LinkError, framed, now_us};
use yiwang_wire::codec::{self, BatchEncoder};
use yiwang_wire::event::{Event, KindDescriptor, Measure, Phase, Record, Severity, TimeSource};
use yiwang_wire::pb::{self, up};
use yiwang_wire::{ALPN, VERSION};

/// Fills a hub with events.
#[derive(Parser)]
struct Options {
    /// The hub's QUIC address.
    #[arg(long)]
    hub: SocketAddr,
    /// A one-time token.
    #[arg(long)]
    token: String,
    /// The gateway's name.
    #[arg(long)]
    name: String,
    /// Where its cameras stand: longitude and latitude of the first.
    #[arg(long, value_delimiter = ',', default_values_t = [120.16, 30.275])]
    at: Vec<f64>,
    /// Between two events.
    #[arg(long, default_value_t = 1500)]
    every_ms: u64,
    /// Ends after so long; without it, never.
    #[arg(long)]
    seconds: Option<u64>,
}

/// Kind, Chinese, English, severity, momentary: one of each severity.
const KINDS: [(&str, &str, &str, Severity, bool); 5] = [
    ("line_cross", "越线", "Line crossing", Severity::Low, true),
    ("intrusion", "区域入侵", "Intrusion", Severity::High, false),
    ("loiter", "徘徊", "Loitering", Severity::Medium, false),
    ("crowd", "人群聚集", "Crowd", Severity::Urgent, false),
    ("camera.signal_lost", "信号丢失", "Signal lost", Severity::High, false),
];
/// Id, name, state, cause.
const CAMERAS: [(&str, &str, &str, &str); 3] = [
    ("east", "东门 East gate", "ok", ""),
    ("west", "西门 West gate", "down", "wrong_password"),
    ("square", "广场 Square", "ok", ""),
];
/// Sent at once, as if they had waited for the hub.
const BACKLOG: u64 = 40;
const BACKLOG_STEP_US: i64 = 20_000_000;
const SECOND_US: i64 = 1_000_000;
/// Between two tellings of how the cameras are and up to when they are complete, as a gateway does, however many events there are.
const TELL_US: i64 = SECOND_US;

fn main() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system gives a thread");
    match runtime.block_on(run(Options::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("yiwang-feeder: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), LinkError> {
    let endpoint = link::endpoint()?;
    let identity = Identity::join(&endpoint, options.hub, &options.token, &options.name).await?;
    let connection = link::connect(&endpoint, options.hub, ALPN, Some(&identity)).await?;
    let (mut control, mut answers) = connection.open_bi().await?;
    let begun_us = now_us();
    let epoch = begun_us.unsigned_abs() / 1000;
    tell(&mut control, up::Message::Hello(hello(epoch, &options.at))).await?;
    // Welcome and acknowledgements are of no use here; unread they would close the stream's window.
    tokio::spawn(async move { while let Ok(Some(_)) = answers.read_chunk(65_536, true).await {} });
    let mut feeder =
        Feeder { events: connection.open_uni().await?, encoder: BatchEncoder::new(), epoch, sequence: 0, open: None };

    for number in 0..BACKLOG {
        let age = i64::try_from(BACKLOG - number).expect("a few");
        feeder.round(number, begun_us - age * BACKLOG_STEP_US, true).await?;
    }
    feeder.send(signal_lost(begun_us), true).await?;
    let mut tick = tokio::time::interval(Duration::from_millis(options.every_ms));
    let mut told_us = 0;
    for number in BACKLOG.. {
        tick.tick().await;
        let now_us = now_us();
        feeder.round(number, now_us, false).await?;
        if now_us - told_us >= TELL_US {
            told_us = now_us;
            tell(&mut control, up::Message::Status(status(begun_us))).await?;
            tell(&mut control, up::Message::Watermarks(watermarks(&feeder, begun_us, now_us))).await?;
        }
        if options.seconds.is_some_and(|seconds| now_us - begun_us > seconds.cast_signed() * SECOND_US) {
            break;
        }
    }
    connection.close(0_u32.into(), b"");
    endpoint.wait_idle().await;
    Ok(())
}

struct Feeder {
    events: SendStream,
    encoder: BatchEncoder,
    epoch: u64,
    sequence: u64,
    open: Option<Event>,
}

impl Feeder {
    /// Ends what is open and begins the next: mostly crossings, each eighth of another kind, seldom a crowd.
    async fn round(&mut self, number: u64, at_us: i64, backfill: bool) -> Result<(), LinkError> {
        if number.is_multiple_of(2)
            && let Some(begun) = self.open.take()
        {
            let end =
                Event { id: Uuid::now_v7(), cause: Some(begun.id), phase: Phase::End, captured_us: at_us, ..begun };
            self.send(end, backfill).await?;
        }
        let kind = match number % 16 {
            3 => 1,
            7 | 11 => 2,
            15 => 3,
            _ => 0,
        };
        let event = event(kind, ["east", "square"][number as usize % 2], number, at_us);
        if kind != 0 {
            self.open = Some(event.clone());
        }
        self.send(event, backfill).await
    }

    async fn send(&mut self, event: Event, backfill: bool) -> Result<(), LinkError> {
        self.sequence += 1;
        let record = Record { epoch: self.epoch, sequence: self.sequence, event };
        let (payload, _) = self.encoder.encode(self.epoch, backfill, &[record]);
        Ok(self.events.write_all(&framed(&payload)).await?)
    }
}

fn event(kind: usize, camera: &str, number: u64, at_us: i64) -> Event {
    let (kind, _, _, severity, momentary) = KINDS[kind];
    let event = events::crossing(camera, number, at_us);
    if momentary {
        return event;
    }
    let measure = |name: &str, value, threshold, unit: &str| Measure {
        name: name.into(),
        value,
        threshold: Some(threshold),
        unit: unit.into(),
    };
    Event {
        kind: kind.into(),
        severity,
        direction: None,
        measures: vec![measure("seconds_in_zone", 12.4, 10.0, "s"), measure("objects", 7.0, 5.0, "objects")],
        // Above a second the page has to show it.
        time_error_ms: if number.is_multiple_of(3) { 1800 } else { 40 },
        ..event
    }
}

fn signal_lost(at_us: i64) -> Event {
    Event {
        kind: KINDS[4].0.into(),
        severity: KINDS[4].3,
        rule: None,
        time_source: TimeSource::GatewayClock,
        direction: None,
        subject: None,
        point: None,
        frame_px: None,
        measures: Vec::new(),
        model: None,
        attributes: vec![("cause".into(), "wrong_password".into())],
        ..events::crossing("west", 0, at_us)
    }
}

fn hello(epoch: u64, at: &[f64]) -> pb::Hello {
    let (longitude, latitude) = (at.first().copied().unwrap_or(0.0), at.get(1).copied().unwrap_or(0.0));
    let camera = |(number, &(id, name, ..)): (u8, &(&str, &str, &str, &str))| pb::Camera {
        id: id.into(),
        name: name.into(),
        longitude: Some(longitude + 0.004 * f64::from(number)),
        latitude: Some(latitude + 0.003 * f64::from(number % 2)),
        heading_deg: Some(90.0 * f64::from(number)),
        field_of_view_deg: Some(70.0),
    };
    let kind = |&(kind, zh, en, severity, momentary): &(&str, &str, &str, Severity, bool)| KindDescriptor {
        kind: kind.into(),
        label_zh: zh.into(),
        label_en: en.into(),
        severity,
        merge_family: "movement".into(),
        momentary,
    };
    pb::Hello {
        version: VERSION,
        software: "yiwang-feeder".into(),
        epoch,
        clock_us: now_us(),
        config_revision: "0123456789ab".into(),
        cameras: (0..).zip(&CAMERAS).map(camera).collect(),
        kinds: KINDS.iter().map(|one| codec::descriptor_to_pb(&kind(one))).collect(),
        epochs_held: vec![epoch],
        pictures: 0,
    }
}

fn status(since_us: i64) -> pb::Status {
    let camera = |&(id, _, state, cause): &(&str, &str, &str, &str)| pb::CameraStatus {
        camera: id.into(),
        state: state.into(),
        cause: cause.into(),
        cause_text: if cause.is_empty() { String::new() } else { "the camera answered 401 to DESCRIBE".into() },
        since_us,
        analysed_fps: if state == "ok" { 5.0 } else { 0.0 },
        ..pb::CameraStatus::default()
    };
    pb::Status { clock_us: now_us(), cameras: CAMERAS.iter().map(camera).collect(), ..pb::Status::default() }
}

fn watermarks(feeder: &Feeder, begun_us: i64, now_us: i64) -> pb::Watermarks {
    let camera = |&(id, _, state, cause): &(&str, &str, &str, &str)| pb::Watermark {
        camera: id.into(),
        complete_to_us: if state == "ok" { now_us } else { begun_us },
        gaps: match state {
            "ok" => Vec::new(),
            _ => vec![pb::Gap { from_us: begun_us - 60 * SECOND_US, to_us: begun_us, reason: cause.into() }],
        },
        complete_from_us: None,
    };
    pb::Watermarks {
        epoch: feeder.epoch,
        after_sequence: feeder.sequence,
        cameras: CAMERAS.iter().map(camera).collect(),
        sent_us: now_us,
        ..pb::Watermarks::default()
    }
}

async fn tell(control: &mut SendStream, message: up::Message) -> Result<(), LinkError> {
    Ok(control.write_all(&framed(&codec::encode_up(message))).await?)
}
