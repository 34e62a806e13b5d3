//! A hub's web side in this process, and clients for it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use ureq::http;
use yiwang_hub::desk::Desk;
use yiwang_hub::feed::Ring;
use yiwang_hub::log::{Log, SqliteLog, SqliteLogSettings};
use yiwang_hub::metrics::Metrics;
use yiwang_hub::registry::{Presence, now_us};
use yiwang_hub::store::sqlite::SqliteStore;
use yiwang_hub::store::{NewFeedToken, NewUser, Role, Store, StoredEvent, conformance};
use yiwang_hub::web::{self, AppState, Parts, Tls, WebSettings, secret};

/// Nothing here takes longer than this; whoever waits longer waits for nothing.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Known in every hub: Argon2id of "correct horse" with the least work, so that tests of other things are fast.
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct Hub {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) ring: Arc<Ring>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) base: String,
    pub(crate) agent: ureq::Agent,
    shutdown: CancellationToken,
    _runtime: tokio::runtime::Runtime,
    _dir: TempDir,
}

pub(crate) struct Options {
    pub(crate) settings: WebSettings,
    pub(crate) ring_events: usize,
    pub(crate) tls: Option<(Tls, ureq::tls::TlsConfig)>,
}

impl Default for Options {
    fn default() -> Self {
        let settings = WebSettings { secure_cookies: false, heartbeat_ms: 200, ..WebSettings::default() };
        Self { settings, ring_events: 1_000, tls: None }
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) enum As {
    Nobody,
    Cookie(String),
    Bearer(String),
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Hub {
    /// With departments `police` and `traffic`, each with a gateway, a camera and one event; users `root`, `police` and
    /// `traffic`.
    pub(crate) fn start() -> Self {
        Self::start_with(Options::default())
    }

    pub(crate) fn start_with(options: Options) -> Self {
        let hub = Self::start_empty(options);
        for department in ["police", "traffic"] {
            conformance::add_sample_department(&*hub.store, department).unwrap();
            hub.add_user(department, Role::Department, department);
        }
        hub.add_user("root", Role::Administrator, "operations");
        hub.publish(&[
            conformance::sample_event(1, "police", 1_790_000_000_000_000),
            conformance::sample_event(2, "traffic", 1_790_000_001_000_000),
        ]);
        hub
    }

    pub(crate) fn start_empty(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&dir.path().join("store.db")).unwrap());
        let log: Arc<dyn Log> =
            Arc::new(SqliteLog::open(&dir.path().join("log.db"), SqliteLogSettings::default()).unwrap());
        let ring = Arc::new(Ring::with_capacity(store.applied_position().unwrap(), options.ring_events));
        let desk = Arc::new(Desk::open(store.clone()).unwrap());
        let presence = Arc::new(Presence::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let shutdown = CancellationToken::new();
        let mut agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(DEADLINE));
        let (tls, scheme) = match options.tls {
            Some((server, client)) => {
                agent = agent.tls_config(client);
                (Some(server), "https")
            }
            None => (None, "http"),
        };
        let parts = Parts {
            store: store.clone(),
            log,
            ring: ring.clone(),
            desk: desk.clone(),
            presence: presence.clone(),
            pictures: Arc::default(),
            metrics: Arc::new(Metrics::new()),
            settings: options.settings,
        };
        let app = runtime.block_on(async { AppState::new(parts) }).unwrap();
        runtime.spawn(web::serve(app, listener, tls, shutdown.clone()));
        Self {
            store,
            ring,
            desk,
            presence,
            base: format!("{scheme}://{address}"),
            agent: agent.build().into(),
            shutdown,
            _runtime: runtime,
            _dir: dir,
        }
    }

    pub(crate) fn publish(&self, events: &[StoredEvent]) {
        let events: Vec<_> = events.iter().cloned().map(Arc::new).collect();
        let last = events.last().unwrap().position;
        self.desk.apply(&events, last, now_us()).unwrap();
        self.ring.publish(&events, last);
    }

    pub(crate) fn add_user(&self, name: &str, role: Role, department: &str) {
        // Hashed once: it takes long on purpose.
        static HASH: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| web::password::hash_new(PASSWORD).unwrap());
        let user = NewUser { name: name.into(), password_hash: HASH.clone(), role, department: department.into() };
        self.store.add_user(&user, now_us()).unwrap();
    }

    /// A session of a user, made beside the log-in.
    pub(crate) fn cookie(&self, user: &str) -> As {
        let new = secret::generate();
        self.store.add_session(&new.hash, user, now_us() + 3_600_000_000, now_us()).unwrap();
        As::Cookie(new.text)
    }

    /// A feed token of a department.
    pub(crate) fn token(&self, department: &str) -> (String, As) {
        let (id, new) = secret::generate_feed_token();
        let token = NewFeedToken {
            id: id.clone(),
            hash: new.hash,
            department: department.into(),
            note: String::new(),
            created_by: "test".into(),
        };
        self.store.add_feed_token(&token, now_us()).unwrap();
        (id, As::Bearer(new.text))
    }

    pub(crate) fn get(&self, who: &As, path: &str) -> Answer {
        self.ask("GET", who, path, None)
    }

    pub(crate) fn ask(&self, method: &str, who: &As, path: &str, body: Option<Value>) -> Answer {
        self.ask_with(method, who, path, body, &[("x-yiwang", "1")])
    }

    pub(crate) fn ask_with(
        &self,
        method: &str,
        who: &As,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.request(method, who, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let outcome = match body {
            Some(body) => {
                self.agent.run(request.header("content-type", "application/json").body(body.to_string()).unwrap())
            }
            None if method == "GET" || method == "DELETE" => self.agent.run(request.body(()).unwrap()),
            None => self.agent.run(request.body(String::new()).unwrap()),
        };
        let mut response = outcome.unwrap();
        // What is packed is no text.
        let text = String::from_utf8_lossy(&response.body_mut().read_to_vec().unwrap()).into_owned();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    fn request(&self, method: &str, who: &As, path: &str) -> http::request::Builder {
        let request = http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        match who {
            As::Nobody => request,
            As::Cookie(value) => request.header("cookie", format!("other=1; yw_session={value}")),
            As::Bearer(token) => request.header("authorization", format!("Bearer {token}")),
        }
    }

    /// Opens a feed; a refusal is an answer.
    pub(crate) fn feed(&self, who: &As, query: &str, headers: &[(&str, &str)]) -> Result<Feed, Box<Answer>> {
        self.feed_at(who, &format!("/api/v1/feed{query}"), headers)
    }

    /// Opens a feed at an address.
    pub(crate) fn feed_at(&self, who: &As, address: &str, headers: &[(&str, &str)]) -> Result<Feed, Box<Answer>> {
        let mut request = self.request("GET", who, address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(()).unwrap()).unwrap();
        if response.status() != 200 {
            let text = response.body_mut().read_to_string().unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            return Err(Box::new(Answer { status, headers, text }));
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut message = Message::default();
            for line in BufReader::new(response.into_body().into_reader()).lines() {
                let Ok(line) = line else { return };
                match line.split_once(": ") {
                    Some(("id", id)) => message.id = id.into(),
                    Some(("event", name)) => message.name = name.into(),
                    Some(("data", data)) => message.data = data.into(),
                    _ if line.is_empty() => {
                        if sender.send(std::mem::take(&mut message)).is_err() {
                            return;
                        }
                    }
                    _ => panic!("a line that is no SSE: {line:?}"),
                }
            }
        });
        Ok(Feed { messages })
    }
}

impl Hub {
    /// Begins the shut-down.
    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// One SSE message.
#[derive(Debug, Default, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Message {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }

    /// The position in the log.
    pub(crate) fn position(&self) -> u64 {
        self.id.rsplit_once('-').unwrap().1.parse().unwrap()
    }
}

/// A feed that is read by its own thread.
pub(crate) struct Feed {
    messages: Receiver<Message>,
}

impl Feed {
    /// The next message within the deadline; none where the hub closed the stream.
    pub(crate) fn next(&self) -> Option<Message> {
        match self.messages.recv_timeout(DEADLINE) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the feed said nothing"),
        }
    }

    /// The next event; heartbeats are passed over.
    pub(crate) fn event(&self) -> Message {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            let message = self.next().expect("the feed goes on");
            match message.name.as_str() {
                "event" => return message,
                "heartbeat" => {}
                other => panic!("{other}: {}", message.data),
            }
        }
        panic!("no event within the deadline");
    }

    /// Everything up to the second heartbeat after which nothing came.
    pub(crate) fn until_quiet(&self) -> Vec<Message> {
        let mut events = Vec::new();
        let mut beats = 0;
        while beats < 3 {
            let Some(message) = self.next() else { break };
            if message.name == "heartbeat" {
                beats += 1;
            } else {
                beats = 0;
                events.push(message);
            }
        }
        events
    }
}

/// Waits until it holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within the deadline: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
