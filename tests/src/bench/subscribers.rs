//! Many subscribers of a feed in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::check::parse_time;
use crate::feed::{self, Body, SseParser};
use crate::link::{LinkError, now_us};

/// Subscribers that count what comes and how long it took.
pub(super) struct Subscribers {
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    ready: AtomicUsize,
    delivered: AtomicUsize,
    latencies_us: std::sync::Mutex<Vec<i64>>,
}

impl Subscribers {
    /// Subscribes `count` times and waits until each has had its first heartbeat.
    pub(super) async fn start(web: &str, token: &str, count: usize) -> Result<Self, LinkError> {
        let mut all = Self { tasks: JoinSet::new(), shared: Arc::default() };
        for _ in 0..count {
            let (host, path) = feed::split_url(&format!("{web}/api/v1/feed"))?;
            let shared = Arc::clone(&all.shared);
            let head = feed::request(&host, &path, token, None);
            all.tasks.spawn(async move {
                if let Err(error) = subscribe(&host, &head, &shared).await {
                    eprintln!("a subscriber ended: {error}");
                }
            });
        }
        let ready = || all.shared.ready.load(Ordering::Relaxed);
        let all_ready = async {
            while ready() < count {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), all_ready)
            .await
            .map_err(|_| format!("only {} of {count} subscribers were served", ready()))?;
        Ok(all)
    }

    /// Events delivered so far, to all together.
    pub(super) fn delivered(&self) -> usize {
        self.shared.delivered.load(Ordering::Relaxed)
    }

    /// Waits until that many were delivered; returns how many were in time.
    pub(super) async fn wait(&self, count: usize, limit: std::time::Duration) -> usize {
        let enough = async {
            while self.delivered() < count {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        let _ = tokio::time::timeout(limit, enough).await;
        self.delivered()
    }

    /// Takes the times from capture to delivery since the last call, sorted.
    pub(super) fn take_latencies_us(&self) -> Vec<i64> {
        let mut taken = std::mem::take(&mut *self.shared.latencies_us.lock().expect("no holder panics"));
        taken.sort_unstable();
        taken
    }
}

async fn subscribe(host: &str, head: &str, shared: &Shared) -> Result<(), LinkError> {
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
        return Err(format!("answered {status}: {}", String::from_utf8_lossy(&raw[body_at..])).into());
    }
    let (mut body, mut parser) = (Body::new(chunked), SseParser::default());
    parser.push(&body.push(&raw[body_at..]));
    let mut greeted = false;
    loop {
        let mut latencies_us = Vec::new();
        while let Some(item) = parser.pop() {
            if !std::mem::replace(&mut greeted, true) {
                shared.ready.fetch_add(1, Ordering::Relaxed);
            }
            if item.event == "event" {
                latencies_us.extend(captured_us(&item.data).map(|captured_us| now_us() - captured_us));
            }
        }
        shared.delivered.fetch_add(latencies_us.len(), Ordering::Relaxed);
        shared.latencies_us.lock().expect("no holder panics").extend(latencies_us);
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Err("closed by the hub".into());
        }
        parser.push(&body.push(&bytes[..count]));
    }
}

/// Without reading the whole JSON: 500 subscribers of one process must not be the slowest part.
fn captured_us(data: &str) -> Option<i64> {
    let rest = data.split_once("\"captured\":\"")?.1;
    parse_time(rest.split_once('"')?.0)
}
