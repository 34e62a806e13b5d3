//! Joining and the uplink's shell over real QUIC, against the smallest hub that keeps to the contract.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, ServerConfig, VarInt};
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use yiwang_gateway::board::Board;
use yiwang_gateway::spool::{Spool, SpoolLimits};
use yiwang_gateway::uplink::join::{JoinError, join};
use yiwang_gateway::uplink::session::SessionSettings;
use yiwang_gateway::uplink::{self, CameraInfo, Declared, Identity, UplinkSettings, UplinkStatus};
use yiwang_wire::close::CloseCode;
use yiwang_wire::codec::{self, BatchDecoder};
use yiwang_wire::event::{Event, Phase, Severity, TimeSource};
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::pb::{self, down, up};
use yiwang_wire::ranges::RangeSet;
use yiwang_wire::token::JoinToken;
use yiwang_wire::{ALPN, ALPN_JOIN, HUB_NAME, limits};

const NOW_US: i64 = 1_800_000_000_000_000;

/// What the hub has: by epoch, as its log would.
#[derive(Default)]
struct Log {
    durable: std::collections::BTreeMap<u64, RangeSet>,
    doubled: u64,
}

struct MiniHub {
    ca: Issuer<'static, KeyPair>,
    ca_der: CertificateDer<'static>,
    ca_pem: String,
    log: Arc<Mutex<Log>>,
    refuse: Arc<Mutex<Option<CloseCode>>>,
    /// The cameras of each hello.
    hellos: Mutex<Vec<String>>,
    clock_off_us: i64,
    lifetime: (time::OffsetDateTime, time::OffsetDateTime),
}

impl MiniHub {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let now = time::OffsetDateTime::now_utc();
        Self {
            ca_der: certificate.der().clone(),
            ca_pem: certificate.pem(),
            ca: Issuer::new(params, key),
            log: Arc::default(),
            refuse: Arc::default(),
            hellos: Mutex::default(),
            clock_off_us: 0,
            lifetime: (now - Duration::from_secs(3600), now + Duration::from_secs(86400)),
        }
    }

    fn token(&self) -> String {
        JoinToken { secret: [7; 16], ca_sha256: Sha256::digest(&self.ca_der).into() }.encode()
    }

    fn start(self: &Arc<Self>, address: SocketAddr) -> (Endpoint, SocketAddr) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![HUB_NAME.to_owned()]).unwrap();
        (params.not_before, params.not_after) = self.lifetime;
        let leaf = params.signed_by(&key, &self.ca).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.ca_der.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
            .with_single_cert(
                vec![leaf.der().clone(), self.ca_der.clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        tls.alpn_protocols = vec![ALPN.to_vec(), ALPN_JOIN.to_vec()];
        let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
        let endpoint = Endpoint::server(config, address).unwrap();
        let (hub, accepting) = (self.clone(), endpoint.clone());
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                let hub = hub.clone();
                tokio::spawn(async move {
                    let Ok(connection) = incoming.await else { return };
                    let data = connection.handshake_data().unwrap();
                    let data = data.downcast::<quinn::crypto::rustls::HandshakeData>().unwrap();
                    if data.protocol.as_deref() == Some(ALPN_JOIN) {
                        hub.let_in(&connection).await;
                    } else {
                        let _ = hub.serve(&connection).await;
                    }
                });
            }
        });
        let address = endpoint.local_addr().unwrap();
        (endpoint, address)
    }

    async fn let_in(&self, connection: &Connection) {
        let (mut send, mut receive) = connection.accept_bi().await.unwrap();
        let mut framer = Framer::new(limits::MAX_CONTROL_BYTES);
        let request = loop {
            if let Some(payload) = framer.next().unwrap() {
                break codec::decode_join(&payload).unwrap();
            }
            framer.push(&receive.read_chunk(9999, true).await.unwrap().unwrap().bytes);
        };
        let csr = CertificateSigningRequestDer::from(request.csr_der);
        let certificate = CertificateSigningRequestParams::from_der(&csr).unwrap().signed_by(&self.ca).unwrap();
        let joined = pb::Joined {
            gateway: "gw-1".into(),
            department: "police".into(),
            chain_pem: (certificate.pem() + &self.ca_pem).into_bytes(),
            clock_us: request.clock_us + self.clock_off_us,
            refused: String::new(),
        };
        let mut bytes = Vec::new();
        frame::encode(&codec::encode_joined(&joined), &mut bytes);
        send.write_all(&bytes).await.unwrap();
        send.finish().unwrap();
        connection.closed().await;
    }

    async fn serve(&self, connection: &Connection) -> Option<()> {
        if let Some(code) = *self.refuse.lock().unwrap() {
            connection.close(VarInt::from_u32(code.as_u32()), b"");
            return None;
        }
        let (send, mut receive) = connection.accept_bi().await.ok()?;
        let send = Arc::new(tokio::sync::Mutex::new(send));
        let (log, answer, incoming) = (self.log.clone(), send.clone(), connection.clone());
        tokio::spawn(async move {
            while let Ok(stream) = incoming.accept_uni().await {
                tokio::spawn(take_events(stream, log.clone(), answer.clone()));
            }
        });
        let mut framer = Framer::new(limits::MAX_CONTROL_BYTES);
        loop {
            framer.push(&receive.read_chunk(9999, true).await.ok()??.bytes);
            while let Some(payload) = framer.next().unwrap() {
                if let up::Message::Hello(hello) = codec::decode_up(&payload).unwrap().unwrap() {
                    let cameras: Vec<_> = hello.cameras.iter().map(|camera| camera.id.as_str()).collect();
                    self.hellos.lock().unwrap().push(cameras.join(" "));
                    let known = {
                        let log = self.log.lock().unwrap();
                        let none = RangeSet::new();
                        let durable =
                            |epoch: &u64| codec::durable_to_pb(*epoch, log.durable.get(epoch).unwrap_or(&none));
                        hello.epochs_held.iter().map(durable).collect()
                    };
                    let welcome = pb::Welcome {
                        version: 1,
                        hub: "mini".into(),
                        clock_us: NOW_US,
                        durable: known,
                        renew_now: false,
                    };
                    say(&send, down::Message::Welcome(welcome)).await;
                }
            }
        }
    }
}

async fn say(send: &tokio::sync::Mutex<quinn::SendStream>, message: down::Message) {
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_down(message), &mut bytes);
    let _ = send.lock().await.write_all(&bytes).await;
}

async fn take_events(
    mut stream: quinn::RecvStream,
    log: Arc<Mutex<Log>>,
    answer: Arc<tokio::sync::Mutex<quinn::SendStream>>,
) -> Option<()> {
    let mut framer = Framer::new(limits::MAX_FRAME_BYTES);
    let mut decoder = BatchDecoder::new();
    loop {
        framer.push(&stream.read_chunk(9999, true).await.ok()??.bytes);
        while let Some(payload) = framer.next().unwrap() {
            let batch = decoder.decode(&payload).unwrap();
            let ranges: RangeSet = batch.records.iter().map(|record| (record.sequence, record.sequence)).collect();
            {
                let mut log = log.lock().unwrap();
                for record in &batch.records {
                    let fresh = log.durable.entry(batch.epoch).or_default().insert(record.sequence);
                    log.doubled += u64::from(!fresh);
                }
            }
            let durable = vec![codec::durable_to_pb(batch.epoch, &ranges)];
            say(&answer, down::Message::Ack(pb::Ack { durable, watermarks_us: 0 })).await;
        }
    }
}

fn event(number: u64) -> Event {
    Event {
        id: uuid::Uuid::from_u128(u128::from(number)),
        cause: None,
        camera: Some("east".into()),
        kind: "intrusion".into(),
        phase: Phase::Begin,
        severity: Severity::High,
        rule: None,
        config_revision: String::new(),
        captured_us: NOW_US,
        time_source: TimeSource::Arrival,
        time_error_ms: 0,
        direction: None,
        subject: None,
        point: None,
        frame_px: None,
        measures: vec![],
        model: None,
        attributes: vec![],
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(40);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn joined(hub: &MiniHub, address: SocketAddr, dir: &Path) -> Identity {
    join(&address.to_string(), &hub.token(), "east gateway", dir, false).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_joins_once_and_keeps_its_key_to_itself() {
    let hub = Arc::new(MiniHub::new());
    let (_endpoint, address) = hub.start(loopback());
    let dir = tempfile::tempdir().unwrap();
    let identity = joined(&hub, address, dir.path()).await;
    assert_eq!((identity.gateway.as_str(), identity.department.as_str()), ("gw-1", "police"));
    assert_eq!(Identity::load(dir.path()).unwrap(), Some(identity));
    use std::os::unix::fs::PermissionsExt as _;
    let key = std::fs::metadata(dir.path().join("gateway.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let again = join(&address.to_string(), &hub.token(), "x", dir.path(), false).await.unwrap_err();
    assert!(again.to_string().contains("--force"), "{again}");
    join(&address.to_string(), &hub.token(), "x", dir.path(), true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_a_gateway_from_joining_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, other) = (Arc::new(MiniHub::new()), MiniHub::new());
    let (_endpoint, address) = hub.start(loopback());
    let error = join(&address.to_string(), &other.token(), "x", dir.path(), false).await.unwrap_err();
    assert!(matches!(error, JoinError::WrongHub { .. }), "{error}");
    let error = join(&address.to_string(), "hello", "x", dir.path(), false).await.unwrap_err();
    assert!(matches!(error, JoinError::Token(_)), "{error}");
    let mut off = MiniHub::new();
    off.clock_off_us = -3_600_000_000;
    let off = Arc::new(off);
    let (_endpoint, address) = off.start(loopback());
    let error = join(&address.to_string(), &off.token(), "x", dir.path(), false).await.unwrap_err();
    assert!(matches!(error, JoinError::Clock { off_s: 3600, .. }), "{error}");
    let mut future = MiniHub::new();
    future.lifetime = (future.lifetime.1, future.lifetime.1 + Duration::from_secs(86400));
    let future = Arc::new(future);
    let (_endpoint, address) = future.start(loopback());
    let error = join(&address.to_string(), &future.token(), "x", dir.path(), false).await.unwrap_err();
    assert!(error.to_string().contains("the clock is wrong"), "{error}");
    assert_eq!(Identity::load(dir.path()).unwrap(), None, "nothing was left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_once_across_a_hub_that_goes_and_comes_back() {
    let hub = Arc::new(MiniHub::new());
    let (endpoint, address) = hub.start(loopback());
    let dir = tempfile::tempdir().unwrap();
    let identity = joined(&hub, address, dir.path()).await;
    let spool = Spool::open(&dir.path().join("spool"), SpoolLimits::default(), NOW_US).unwrap();
    let board = Arc::new(Board::new(["east".to_owned()], NOW_US));
    let (status, shutdown) = (Arc::new(UplinkStatus::default()), CancellationToken::new());
    let settings = UplinkSettings::new(identity, dir.path(), vec![], vec![], String::new());
    let running = tokio::spawn(uplink::run(settings, spool.clone(), board, status.clone(), shutdown.clone()));
    let count = |hub: &MiniHub| hub.log.lock().unwrap().durable.values().map(RangeSet::count).sum::<u64>();

    for number in 1..=500 {
        spool.append(&event(number), NOW_US).unwrap();
    }
    until("the first events", || count(&hub) == 500 && spool.stats().events == 0).await;
    assert!(status.snapshot().connected);
    *hub.refuse.lock().unwrap() = Some(CloseCode::Revoked);
    endpoint.close(VarInt::from_u32(CloseCode::ShuttingDown.as_u32()), b"");
    until("the loss is noticed", || !status.snapshot().connected).await;
    for number in 501..=900 {
        spool.append(&event(number), NOW_US).unwrap();
    }
    drop(endpoint);
    *hub.refuse.lock().unwrap() = None;
    let (_endpoint, _) = loop {
        // The port is free once the old endpoint's tasks have ended.
        match std::net::UdpSocket::bind(address) {
            Ok(socket) => {
                drop(socket);
                break hub.start(address);
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    until("the rest", || count(&hub) == 900 && spool.stats().events == 0).await;
    assert_eq!(hub.log.lock().unwrap().doubled, 0);
    until("the count", || status.snapshot().acknowledged_events == 900).await;
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_in_plain_words() {
    let hub = Arc::new(MiniHub::new());
    let (_endpoint, address) = hub.start(loopback());
    let dir = tempfile::tempdir().unwrap();
    let identity = joined(&hub, address, dir.path()).await;
    *hub.refuse.lock().unwrap() = Some(CloseCode::Revoked);
    let spool = Spool::open(&dir.path().join("spool"), SpoolLimits::default(), NOW_US).unwrap();
    let (status, shutdown) = (Arc::new(UplinkStatus::default()), CancellationToken::new());
    let settings = UplinkSettings::new(identity, dir.path(), vec![], vec![], String::new());
    let running =
        tokio::spawn(uplink::run(settings, spool, Arc::new(Board::default()), status.clone(), shutdown.clone()));
    until("the reason", || status.snapshot().last_error.is_some_and(|error| error.contains("was revoked on the hub")))
        .await;
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hub_hears_at_once_of_cameras_that_come_and_of_those_that_went_before_it_was_there() {
    let hub = Arc::new(MiniHub::new());
    let (_endpoint, address) = hub.start(loopback());
    let dir = tempfile::tempdir().unwrap();
    let camera = |id: &str| CameraInfo {
        id: id.into(),
        name: id.into(),
        position: None,
        heading_deg: None,
        field_of_view_deg: None,
    };
    // It ran before there was a hub, made events and was taken out.
    Declared::note(dir.path(), &[camera("gone"), camera("east")]).unwrap();
    let identity = joined(&hub, address, dir.path()).await;
    let spool = Spool::open(&dir.path().join("spool"), SpoolLimits::default(), NOW_US).unwrap();
    let settings =
        |cameras: &[&str]| SessionSettings::new("r".into(), cameras.iter().map(|id| camera(id)).collect(), Vec::new());
    let (said, heard) = tokio::sync::watch::channel(settings(&["east"]));
    let (status, shutdown) = (Arc::new(UplinkStatus::default()), CancellationToken::new());
    let running = tokio::spawn(uplink::run_following(
        UplinkSettings::said(identity, dir.path(), settings(&[])),
        heard,
        spool.clone(),
        Arc::new(Board::default()),
        status.clone(),
        shutdown.clone(),
    ));
    let hellos = || hub.hellos.lock().unwrap().clone();
    until("it is named once, and then no more", || hellos() == ["east gone", "east"]).await;
    until("the welcome", || status.snapshot().connected).await;
    for number in 1..=200 {
        spool.append(&event(number), NOW_US).unwrap();
        if number == 100 {
            said.send_replace(settings(&["east", "west"]));
        }
    }
    let count = || hub.log.lock().unwrap().durable.values().map(RangeSet::count).sum::<u64>();
    until("every event", || count() == 200 && spool.stats().events == 0).await;
    until("the new one", || hellos().last().is_some_and(|last| last == "east west")).await;
    assert_eq!((hellos().len(), hub.log.lock().unwrap().doubled), (3, 0));
    shutdown.cancel();
    running.await.unwrap();
}
