//! A hub's ingest in this process and a gateway that speaks to it over real QUIC, for the ingest tests.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test's helper: a panic is the test's failure")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use yiwang_hub::ingest::tls::{Shown, provider};
use yiwang_hub::ingest::{Hub, Listener, ListenerSettings};
use yiwang_hub::log::{Log, SqliteLog, SqliteLogSettings};
use yiwang_hub::merge::{Applier, Waiting};
use yiwang_hub::metrics::Metrics;
use yiwang_hub::registry::{Authority, Presence, now_us};
use yiwang_hub::store::{self, NewJoinToken};
use yiwang_wire::close::CloseCode;
use yiwang_wire::event::{Event, Phase, Record, Severity, TimeSource};
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::pb::{self, down, up};
use yiwang_wire::token::JoinToken;
use yiwang_wire::{ALPN, ALPN_JOIN, codec, limits};

/// Longest that a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running ingest with its own folder.
pub struct Site {
    pub hub: Arc<Hub>,
    pub address: SocketAddr,
    pub listener: Option<Listener>,
    pub stop: CancellationToken,
    pub dir: tempfile::TempDir,
}

impl Site {
    pub fn start() -> Self {
        Self::start_with(SqliteLogSettings::default())
    }

    pub fn start_with(log: SqliteLogSettings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Arc::new(Authority::open(&dir.path().join("ca"), now_us()).unwrap());
        let store = (store::BACKENDS[0].open)(dir.path()).unwrap();
        let hub = Arc::new(Hub {
            name: "test hub".into(),
            log: Arc::new(SqliteLog::open(&dir.path().join("log.db"), log).unwrap()),
            store,
            authority: authority.clone(),
            presence: Arc::default(),
            waiting: Arc::new(Waiting::default()),
            pictures: Arc::default(),
            metrics: Arc::new(Metrics::new()),
        });
        let shown = Shown::new(authority.server_leaf(&[], now_us()).unwrap()).unwrap();
        let settings = ListenerSettings { address: ([127, 0, 0, 1], 0).into(), shown };
        let listener = Listener::start(hub.clone(), settings).unwrap();
        let stop = CancellationToken::new();
        let (log, kept) = (hub.log.clone(), hub.store.clone());
        let desk = Arc::new(yiwang_hub::desk::Desk::open(kept.clone()).unwrap());
        let applier = Applier::new(log, kept, desk, hub.waiting.clone(), hub.metrics.clone()).unwrap();
        tokio::spawn(applier.run(stop.clone()));
        Self { address: listener.address(), hub, listener: Some(listener), stop, dir }
    }

    pub fn presence(&self) -> &Presence {
        &self.hub.presence
    }

    /// A token that expires at this time.
    pub fn token(&self, department: &str, expires_us: i64) -> JoinToken {
        let token = JoinToken { secret: rand::random(), ca_sha256: self.hub.authority.fingerprint() };
        self.hub.store.ensure_department(department, now_us()).unwrap();
        let new = NewJoinToken { hash: Sha256::digest(token.secret).into(), department: department.into(), expires_us };
        self.hub.store.add_join_token(&new, now_us()).unwrap();
        token
    }

    /// Joins a gateway over QUIC.
    pub async fn joined(&self, department: &str) -> Identity {
        let token = self.token(department, i64::MAX);
        join(self.address, self.hub.authority.ca_der(), &token).await.unwrap()
    }

    /// Entries of the log, after everything was closed and opened again.
    pub async fn reopened_log(mut self) -> Vec<yiwang_hub::log::Stored> {
        if let Some(listener) = self.listener.take() {
            listener.shut_down().await;
        }
        self.stop.cancel();
        let path = self.dir.path().join("log.db");
        SqliteLog::open(&path, SqliteLogSettings::default()).unwrap().read(0, 100_000).unwrap()
    }
}

/// What a gateway has after joining.
pub struct Identity {
    pub gateway: String,
    pub department: String,
    pub key: rcgen::KeyPair,
    pub chain: Vec<CertificateDer<'static>>,
}

/// Joins; the error is what the hub said.
pub async fn join(address: SocketAddr, ca: &CertificateDer<'static>, token: &JoinToken) -> Result<Identity, String> {
    let connection = connect(address, ca, None, ALPN_JOIN).await.map_err(|e| e.to_string())?;
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    let request = pb::Join {
        secret: token.secret_text(),
        csr_der: csr.der().to_vec(),
        clock_us: now_us(),
        name: "Gate".into(),
        software: "test".into(),
    };
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_join(&request), &mut bytes);
    send.write_all(&bytes).await.unwrap();
    let answer = receive.read_to_end(64 * 1024).await.map_err(|e| e.to_string())?;
    let mut framer = Framer::new(64 * 1024);
    framer.push(&answer);
    let joined = codec::decode_joined(&framer.next().unwrap().unwrap()).unwrap();
    if !joined.refused.is_empty() {
        return Err(joined.refused);
    }
    let chain = CertificateDer::pem_slice_iter(&joined.chain_pem).collect::<Result<_, _>>().unwrap();
    Ok(Identity { gateway: joined.gateway, department: joined.department, key, chain })
}

/// A QUIC connection with or without a certificate.
pub async fn connect(
    address: SocketAddr,
    ca: &CertificateDer<'static>,
    identity: Option<&Identity>,
    alpn: &[u8],
) -> Result<Connection, ConnectionError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
            builder.with_client_auth_cert(identity.chain.clone(), key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
    endpoint.connect_with(config, address, yiwang_wire::HUB_NAME).unwrap().await
}

/// A gateway's side of a connection, by hand.
pub struct Client {
    pub connection: Connection,
    send: SendStream,
    receive: RecvStream,
    framer: Framer,
    pub welcome: pb::Welcome,
}

pub const EPOCH: u64 = 1_700_000_000_000;

impl Client {
    /// Connects and says hello with these cameras.
    pub async fn open(site: &Site, identity: &Identity, cameras: &[&str]) -> Self {
        let connection = connect(site.address, site.hub.authority.ca_der(), Some(identity), ALPN).await.unwrap();
        let (send, receive) = connection.open_bi().await.unwrap();
        let framer = Framer::new(limits::MAX_CONTROL_BYTES);
        let mut client = Self { connection, send, receive, framer, welcome: pb::Welcome::default() };
        client.up(up::Message::Hello(hello(cameras))).await;
        match client.down().await {
            down::Message::Welcome(welcome) => client.welcome = welcome,
            other => panic!("a welcome was expected: {other:?}"),
        }
        client
    }

    pub async fn up(&mut self, message: up::Message) {
        let mut bytes = Vec::new();
        frame::encode(&codec::encode_up(message), &mut bytes);
        self.raw(&bytes).await;
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        self.send.write_all(bytes).await.unwrap();
    }

    pub async fn down(&mut self) -> down::Message {
        let next = async {
            loop {
                if let Some(payload) = self.framer.next().unwrap() {
                    return codec::decode_down(&payload).unwrap().unwrap();
                }
                let chunk = self.receive.read_chunk(64 * 1024, true).await.unwrap().unwrap();
                self.framer.push(&chunk.bytes);
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("the hub answers in time")
    }

    /// Waits until these sequences are acknowledged.
    pub async fn acknowledged(&mut self, first: u64, last: u64) {
        let mut durable = yiwang_wire::ranges::RangeSet::new();
        while !durable.covers(first, last) {
            if let down::Message::Ack(ack) = self.down().await {
                for one in &ack.durable {
                    durable.merge(&codec::durable_from_pb(one).1);
                }
            }
        }
    }

    /// Sends records on a stream of their own.
    pub async fn send(&self, records: &[Record]) {
        let mut stream = self.connection.open_uni().await.unwrap();
        stream.write_all(&batch(records)).await.unwrap();
        stream.finish().unwrap();
    }

    /// The code that the hub closes with.
    pub async fn closed(&self) -> CloseCode {
        closed(&self.connection).await
    }
}

/// The code that the hub closes this connection with.
pub async fn closed(connection: &Connection) -> CloseCode {
    match tokio::time::timeout(PATIENCE, connection.closed()).await.expect("it is closed in time") {
        ConnectionError::ApplicationClosed(close) => {
            CloseCode::from_u32(u32::try_from(close.error_code.into_inner()).unwrap()).unwrap()
        }
        other => panic!("closed by the hub was expected: {other}"),
    }
}

pub fn hello(cameras: &[&str]) -> pb::Hello {
    let camera = |id: &&str| pb::Camera {
        id: (*id).into(),
        name: format!("Camera {id}"),
        longitude: Some(120.0),
        latitude: Some(30.0),
        ..Default::default()
    };
    pb::Hello {
        version: yiwang_wire::VERSION,
        software: "test".into(),
        epoch: EPOCH,
        clock_us: now_us(),
        config_revision: "0123456789ab".into(),
        cameras: cameras.iter().map(camera).collect(),
        kinds: Vec::new(),
        epochs_held: vec![EPOCH],
        pictures: 0,
    }
}

/// Framed, as one batch.
pub fn batch(records: &[Record]) -> Vec<u8> {
    let (payload, count) = codec::BatchEncoder::new().encode(EPOCH, false, records);
    assert_eq!(count, records.len(), "they fit into one frame");
    let mut bytes = Vec::new();
    frame::encode(&payload, &mut bytes);
    bytes
}

pub fn records(camera: &str, sequences: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    sequences.map(|sequence| record(camera, sequence)).collect()
}

pub fn record(camera: &str, sequence: u64) -> Record {
    let captured_us = 1_700_000_000_000_000 + i64::try_from(sequence).unwrap() * 1000;
    let event = Event {
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(sequence)),
        cause: None,
        camera: Some(camera.into()),
        kind: "line_cross".into(),
        phase: Phase::Begin,
        severity: Severity::Medium,
        rule: Some("line".into()),
        config_revision: "0123456789ab".into(),
        captured_us,
        time_source: TimeSource::SenderReport,
        time_error_ms: 40,
        direction: Some("a_to_b".into()),
        subject: None,
        point: None,
        frame_px: Some((1920, 1080)),
        measures: Vec::new(),
        model: None,
        attributes: Vec::new(),
    };
    Record { epoch: EPOCH, sequence, event }
}

pub fn watermarks(camera: &str, after_sequence: u64, complete_to_us: i64, sent_us: i64) -> up::Message {
    let gaps = vec![pb::Gap { from_us: 5, to_us: 9, reason: "stalled".into() }];
    let mark = pb::Watermark { camera: camera.into(), complete_to_us, gaps, complete_from_us: None };
    up::Message::Watermarks(pb::Watermarks {
        epoch: EPOCH,
        after_sequence,
        cameras: vec![mark],
        sent_us,
        lost: Vec::new(),
    })
}

/// Waits for a state.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}
