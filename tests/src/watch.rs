//! Watching a demo from outside, as a subscriber would: every event of its feeds with its time of arrival, and which
//! cameras the hub says are up.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::feed::{self, Feed, FeedError};

/// Where a hub is, and the tokens that together see every camera.
#[derive(Debug, Clone)]
pub struct Hub {
    web: String,
    tokens: Vec<String>,
}

/// One event as it came.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// JSON of the CloudEvent.
    pub data: String,
    /// When it came, microseconds since 1970.
    pub at_us: i64,
}

impl Hub {
    /// By its address (http://HOST:PORT) or that of its feed.
    pub fn new(address: &str, tokens: &[String]) -> Self {
        let web = address.trim_end_matches('/').trim_end_matches("/api/v1/feed");
        Self { web: web.to_owned(), tokens: tokens.to_vec() }
    }

    /// Subscribes with every token, each on a thread of its own. The channel ends when all feeds have.
    ///
    /// # Errors
    /// A feed does not answer, or refuses its token.
    pub fn subscribe(&self) -> Result<mpsc::Receiver<Arrived>, FeedError> {
        let (sender, arrivals) = mpsc::channel();
        for token in &self.tokens {
            let mut feed = Feed::connect(&format!("{}/api/v1/feed", self.web), token, None)?;
            let sender = sender.clone();
            std::thread::spawn(move || read(&mut feed, &sender));
        }
        Ok(arrivals)
    }

    /// Waits until the hub says of each of `cameras` that it is analysed; gives those of which it does not.
    pub fn wait_ready(&self, cameras: &BTreeSet<String>, limit: Duration) -> Vec<String> {
        let deadline = Instant::now() + limit;
        loop {
            let ready: BTreeSet<String> = self.tokens.iter().flat_map(|token| self.ready(token)).collect();
            let lacking: Vec<String> = cameras.difference(&ready).cloned().collect();
            if lacking.is_empty() || Instant::now() >= deadline {
                return lacking;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn ready(&self, token: &str) -> Vec<String> {
        let text = feed::get(&format!("{}/api/v1/cameras", self.web), token).unwrap_or_default();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let cameras = answer["cameras"].as_array().cloned().unwrap_or_default();
        let up = cameras.iter().filter(|camera| camera["state"] == "ok");
        let name = |camera: &serde_json::Value| {
            camera["camera"].as_str().or(camera["id"].as_str()?.rsplit('/').next()).map(str::to_owned)
        };
        up.filter_map(name).collect()
    }
}

/// Hands on every event until the feed is over.
fn read(feed: &mut Feed, sender: &mpsc::Sender<Arrived>) {
    loop {
        match feed.next(Duration::from_secs(60)) {
            Ok(Some(item)) if item.event == "event" => {
                if sender.send(Arrived { data: item.data, at_us: now_us() }).is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("the feed ended: {error}");
                return;
            }
        }
    }
}

/// The time of day, microseconds since 1970.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
