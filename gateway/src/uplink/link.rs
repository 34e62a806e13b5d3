//! The shell around the session: connects, moves bytes, tells the time. `run` retries, `run_once` is one
//! connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use yiwang_wire::close::CloseCode;
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::{limits, picture};

use super::dial::{dial, resolve};
use super::identity::Credentials;
use super::marks::Report;
use super::plain_words::{self, Ended};
use super::retry::Backoff;
use super::session::{Action, Lane, Session, SessionSettings};
use super::{CameraInfo, Declared, UplinkSettings, UplinkStatus, renew, tls};
use crate::board::Board;
use crate::pictures;
use crate::spool::{Spool, now_us, with_causes};

/// A connection that held for this long was a good one: the next failure is a first one.
const STEADY: Duration = Duration::from_secs(5);
/// A close is given this time to get out.
const GOODBYE: Duration = Duration::from_millis(500);
/// After a failed read of the spool.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Keeps this gateway connected until `shutdown`. Never returns because of an error: each is in `status`, in plain
/// words, and is tried again.
pub async fn run(
    settings: UplinkSettings,
    spool: Spool,
    board: Arc<Board>,
    status: Arc<UplinkStatus>,
    shutdown: CancellationToken,
) {
    let (_said, heard) = watch::channel(settings.session.clone());
    run_following(settings, heard, spool, board, status, shutdown).await;
}

/// The same where what the sessions say changes (cameras come and go): it is said at once, in a new session, and nothing
/// that was made after the change goes out in the old one.
pub async fn run_following(
    settings: UplinkSettings,
    said: watch::Receiver<SessionSettings>,
    spool: Spool,
    board: Arc<Board>,
    status: Arc<UplinkStatus>,
    shutdown: CancellationToken,
) {
    let link = Link { settings, said, spool, board, status, anew: AtomicBool::new(false) };
    let mut backoff = Backoff::default();
    link.status.update(|state| state.since_us = Some(now_us()));
    while !shutdown.is_cancelled() {
        let (mut code, mut again) = (None, false);
        for hub in &link.settings.identity.hubs {
            let ended = link.run_once(hub, &mut backoff, &shutdown).await;
            if link.anew.swap(false, Ordering::Relaxed) {
                tracing::info!(reason = ended.text, "the hub is greeted anew");
                again = true;
                break;
            }
            link.lost(hub, &ended);
            code = ended.code;
            if shutdown.is_cancelled() {
                return;
            }
        }
        if again {
            continue;
        }
        let wait = backoff.failed(code, rand::random::<f64>());
        let wait_us = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        link.status.update(|state| state.next_attempt_us = Some(now_us().saturating_add(wait_us)));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

struct Link {
    settings: UplinkSettings,
    said: watch::Receiver<SessionSettings>,
    /// The session was ended to say something new; nothing is wrong.
    anew: AtomicBool,
    spool: Spool,
    board: Arc<Board>,
    status: Arc<UplinkStatus>,
}

/// What the futures of one connection share.
struct Shared<'a> {
    link: &'a Link,
    /// Seen up to what this session said.
    said: watch::Receiver<SessionSettings>,
    /// The cameras that this session named.
    present: Vec<CameraInfo>,
    /// Those that are not there any more: once the hub has heard of them, the next session does not name them.
    former: Vec<CameraInfo>,
    greet_again: Notify,
    session: Mutex<Session>,
    control: tokio::sync::Mutex<SendStream>,
    /// Something may be wanted again.
    wake: [Notify; 2],
    connection: Connection,
    key_pem: String,
    certificate: Mutex<Certificate>,
    before_acknowledged: u64,
}

struct Certificate {
    validity_us: (i64, i64),
    asked_us: Option<i64>,
    asked_by_hub: bool,
}

impl Link {
    /// One connection, from resolving the name to its end.
    async fn run_once(&self, hub: &str, backoff: &mut Backoff, shutdown: &CancellationToken) -> Ended {
        let connected = tokio::select! {
            connected = self.connect(hub) => connected,
            () = shutdown.cancelled() => Err(Ended::because("this gateway stops")),
        };
        match connected {
            Err(ended) => ended,
            Ok((connection, endpoint, credentials)) => {
                let ended = self.talk(&connection, credentials, hub, backoff, shutdown).await;
                let code = if shutdown.is_cancelled() { CloseCode::ShuttingDown } else { CloseCode::Done };
                connection.close(VarInt::from_u32(ended.code.unwrap_or(code).as_u32()), ended.text.as_bytes());
                let _ = tokio::time::timeout(GOODBYE, endpoint.wait_idle()).await;
                ended
            }
        }
    }

    async fn connect(&self, hub: &str) -> Result<(Connection, quinn::Endpoint, Kept), Ended> {
        let credentials = Credentials::load(&self.settings.state_dir).map_err(|e| Ended::because(with_causes(&e)))?;
        let kept = Kept { key_pem: credentials.key_pem.clone(), validity_us: credentials.validity_us };
        self.status.update(|state| state.certificate_ends_us = Some(kept.validity_us.1));
        let config = tls::uplink_config(credentials, self.settings.congestion).map_err(|error| {
            Ended::because(format!("key and certificates do not work together: {error}; join again"))
        })?;
        let mut last = Ended::because(format!("{hub} has no address"));
        // Resolved anew each time: the hub may have moved.
        for address in resolve(hub).await? {
            match dial(address, hub, config.clone()).await {
                Ok((connection, endpoint)) => return Ok((connection, endpoint, kept)),
                Err(ended) => last = ended,
            }
        }
        Err(last)
    }

    async fn talk(
        &self,
        connection: &Connection,
        kept: Kept,
        hub: &str,
        backoff: &mut Backoff,
        shutdown: &CancellationToken,
    ) -> Ended {
        let started = Instant::now();
        let opened = async {
            let (control, incoming) = connection.open_bi().await?;
            let lanes = [connection.open_uni().await?, connection.open_uni().await?];
            // Control over live over back-fill: acknowledged time matters more than old events.
            let _ = (control.set_priority(2), lanes[0].set_priority(1), lanes[1].set_priority(0));
            Ok((control, incoming, lanes))
        };
        let (control, incoming, [live, backfill]) = match opened.await {
            Ok(streams) => streams,
            Err(error) => return plain_words::ended(&error, hub),
        };
        let mut said = self.said.clone();
        let mut settings = said.borrow_and_update().clone();
        let declared = Declared::load(&self.settings.state_dir);
        let (present, former) = (settings.cameras.clone(), declared.former(&settings.cameras));
        settings.cameras.extend(former.clone());
        let can = picture::STILLS | picture::LIVE | picture::CLIPS;
        settings.pictures = if self.settings.pictures.is_some() { can } else { 0 };
        let shared = Shared {
            link: self,
            said,
            present,
            former,
            session: Mutex::new(Session::new(Arc::new(settings), &self.spool.view())),
            greet_again: Notify::new(),
            control: tokio::sync::Mutex::new(control),
            wake: [Notify::new(), Notify::new()],
            connection: connection.clone(),
            key_pem: kept.key_pem,
            certificate: Mutex::new(Certificate { validity_us: kept.validity_us, asked_us: None, asked_by_hub: false }),
            before_acknowledged: self.status.snapshot().acknowledged_events,
        };
        let hello = shared.session().start(now_us());
        if let Err(ended) = shared.act(hello).await {
            return ended;
        }
        let ended = tokio::select! {
            ended = shared.hear(incoming) => ended,
            ended = shared.keep_time() => ended,
            ended = shared.superseded() => ended,
            ended = shared.watch_spool() => ended,
            ended = shared.send_lane(Lane::Live, live) => ended,
            ended = shared.send_lane(Lane::Backfill, backfill) => ended,
            ended = self.show(connection) => ended,
            () = shutdown.cancelled() => Ended::because("this gateway stops"),
        };
        // A hub that welcomes and hangs up at once is not asked again at once.
        if self.status.snapshot().connected && started.elapsed() > STEADY {
            backoff.succeeded();
        }
        // A stream's error says less than the connection's.
        match connection.close_reason() {
            Some(error) => plain_words::ended(&error, hub),
            None => ended,
        }
    }

    /// Answers asks for pictures; ends only with the connection.
    async fn show(&self, connection: &Connection) -> Ended {
        if let Some(pictures) = &self.settings.pictures {
            pictures::serve(pictures, connection).await;
        }
        // The connection's end is another future's to tell.
        std::future::pending().await
    }

    fn lost(&self, hub: &str, ended: &Ended) {
        let before = self.status.snapshot();
        self.status.update(|state| {
            if state.connected || state.since_us.is_none() {
                state.since_us = Some(now_us());
            }
            state.connected = false;
            state.rtt_ms = None;
            state.hub = Some(hub.into());
            state.last_error = Some(ended.text.clone());
        });
        // The same failure again and again is told once.
        if before.connected || before.last_error.as_deref() != Some(&ended.text) {
            tracing::warn!(hub, reason = ended.text, "no connection to the hub; events are kept");
        }
    }
}

struct Kept {
    key_pem: String,
    validity_us: (i64, i64),
}

impl Shared<'_> {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The control stream, from the hub.
    async fn hear(&self, mut incoming: RecvStream) -> Ended {
        let mut framer = Framer::new(limits::MAX_CONTROL_BYTES);
        loop {
            let chunk = match incoming.read_chunk(64 * 1024, true).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ended::because("the hub ended the control stream"),
                Err(error) => return Ended::because(format!("the control stream was cut: {error}")),
            };
            framer.push(&chunk.bytes);
            loop {
                let payload = match framer.next() {
                    Ok(Some(payload)) => payload,
                    Ok(None) => break,
                    Err(error) => return Ended { code: Some(CloseCode::TooLarge), text: error.to_string() },
                };
                let actions = {
                    let mut session = self.session();
                    // What is back-fill is decided at the welcome: look at the spool as late as possible.
                    session.spool_changed(&self.link.spool.view());
                    session.receive(&payload, now_us())
                };
                if let Err(ended) = self.act(actions).await {
                    return ended;
                }
                let acknowledged = self.before_acknowledged + self.session().acknowledged_events();
                self.link.status.update(|state| state.acknowledged_events = acknowledged);
            }
        }
    }

    /// Ends the session where there is something else to say in a new one.
    async fn superseded(&self) -> Ended {
        let mut said = self.said.clone();
        let changed = async {
            if said.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = changed => self.anew("the configuration has changed"),
            () = self.greet_again.notified() => self.anew("cameras are not there any more"),
        }
    }

    fn anew(&self, why: &str) -> Ended {
        self.link.anew.store(true, Ordering::Relaxed);
        Ended::because(why)
    }

    /// Whether what was just read may be of cameras that this session has not named.
    fn is_superseded(&self) -> bool {
        self.said.has_changed().unwrap_or(false)
    }

    /// Heartbeat, watermarks, renewal.
    async fn keep_time(&self) -> Ended {
        loop {
            let actions = {
                // The board first, then the sequence: that order makes a watermark true.
                let board = self.link.board.snapshot();
                let (stats, dropped) = (self.link.spool.stats(), self.link.spool.dropped());
                let report =
                    Report { board: &board, last_sequence: stats.last_sequence, stats: &stats, dropped: &dropped };
                let mut session = self.session();
                session.spool_changed(&self.link.spool.view());
                let mut actions = session.tick(&report, now_us());
                if let Some(request) = self.renewal_due() {
                    actions.extend(session.renew(request));
                }
                actions
            };
            if self.is_superseded() {
                return self.anew("the configuration has changed");
            }
            if let Err(ended) = self.act(actions).await {
                return ended;
            }
            let rtt_ms = self.connection.rtt().as_secs_f64() * 1000.0;
            self.link.status.update(|state| state.rtt_ms = state.connected.then_some(rtt_ms));
            let now_us = now_us();
            let wait_us = (self.session().next_tick_us(now_us) - now_us).clamp(10_000, 1_000_000);
            tokio::time::sleep(Duration::from_micros(wait_us.unsigned_abs())).await;
        }
    }

    /// The spool has written: something may be wanted.
    async fn watch_spool(&self) -> Ended {
        let mut changed = self.link.spool.changed();
        while changed.changed().await.is_ok() {
            self.session().spool_changed(&self.link.spool.view());
            self.wake.iter().for_each(Notify::notify_one);
        }
        Ended::because("the spool was closed")
    }

    /// One lane: as long as something is wanted, it is read and written; the stream's own flow control holds it back.
    async fn send_lane(&self, lane: Lane, mut stream: SendStream) -> Ended {
        let wake = &self.wake[usize::from(lane == Lane::Backfill)];
        loop {
            let want = self.session().want(lane);
            let Some(want) = want else {
                wake.notified().await;
                continue;
            };
            let spool = self.link.spool.clone();
            let read =
                tokio::task::spawn_blocking(move || spool.read(want.epoch, want.from, want.events_max, want.bytes_max));
            let records = match read.await {
                Ok(Ok(records)) => records,
                Ok(Err(error)) => {
                    tracing::error!(error = with_causes(&error), "the spool cannot be read; it is tried again");
                    tokio::time::sleep(READ_AGAIN).await;
                    continue;
                }
                Err(_) => return Ended::because("reading the spool has panicked"),
            };
            let payloads = {
                let mut session = self.session();
                // What the read found missing is lost now, and must be known before the next want.
                session.spool_changed(&self.link.spool.view());
                session.offer(&want, records)
            };
            if self.is_superseded() {
                return self.anew("the configuration has changed");
            }
            for payload in payloads {
                let mut bytes = Vec::with_capacity(payload.len() + frame::HEADER_BYTES);
                frame::encode(&payload, &mut bytes);
                if let Err(error) = stream.write_all(&bytes).await {
                    return Ended::because(format!("an event stream was cut: {error}"));
                }
            }
            if lane == Lane::Live {
                self.wake[1].notify_one();
            }
        }
    }

    async fn act(&self, actions: Vec<Action>) -> Result<(), Ended> {
        for action in actions {
            match action {
                Action::Control(payload) => {
                    let mut bytes = Vec::with_capacity(payload.len() + frame::HEADER_BYTES);
                    frame::encode(&payload, &mut bytes);
                    let written = self.control.lock().await.write_all(&bytes).await;
                    written.map_err(|error| Ended::because(format!("the control stream was cut: {error}")))?;
                }
                Action::Release { epoch, durable } => {
                    self.link.spool.release(epoch, &durable);
                    self.wake.iter().for_each(Notify::notify_one);
                }
                Action::ForgetGaps { camera, to_us } => self.link.board.forget_gaps(&camera, to_us),
                Action::ForgetDropped(number) => self.link.spool.forget_dropped(number),
                Action::Welcomed { hub, clock_us, renew_now } => self.welcomed(&hub, clock_us, renew_now),
                Action::Renewed(chain_pem) => self.renewed(&chain_pem),
                Action::Refused(reason) => tracing::warn!(reason, "the hub did not do what was asked"),
                Action::Close { code, reason } => return Err(Ended { code: Some(code), text: reason }),
            }
        }
        Ok(())
    }

    fn welcomed(&self, hub: &str, clock_us: i64, renew_now: bool) {
        let (address, now_us) = (self.connection.remote_address(), now_us());
        tracing::info!(hub, %address, "connected to the hub");
        match Declared::welcomed(&self.link.settings.state_dir, &self.present, &self.former) {
            Ok(()) if self.former.is_empty() => {}
            Ok(()) => self.greet_again.notify_one(),
            Err(error) => tracing::warn!(%error, "what the hub has heard of cannot be noted in the state folder"),
        }
        self.certificate().asked_by_hub = renew_now;
        self.link.status.update(|state| {
            state.connected = true;
            state.since_us = Some(now_us);
            state.hub = Some(format!("{address} ({hub})"));
            state.last_error = None;
            state.next_attempt_us = None;
            state.hub_clock_offset_ms = Some((clock_us - now_us) / 1000);
        });
        self.wake.iter().for_each(Notify::notify_one);
    }

    /// The signing request, when it is time.
    fn renewal_due(&self) -> Option<Vec<u8>> {
        let now_us = now_us();
        let mut certificate = self.certificate();
        let due = certificate.asked_by_hub || renew::is_due(certificate.validity_us, now_us);
        let asked_lately = certificate.asked_us.is_some_and(|asked_us| (now_us - asked_us).abs() < renew::AGAIN_US);
        if !due || asked_lately || !self.link.status.snapshot().connected {
            return None;
        }
        certificate.asked_us = Some(now_us);
        let request = renew::request(&self.key_pem, &self.link.settings.identity.gateway);
        request.inspect_err(|error| tracing::error!(%error, "no certificate request could be made")).ok()
    }

    fn renewed(&self, chain_pem: &[u8]) {
        let mut certificate = self.certificate();
        let present_to_us = certificate.validity_us.1;
        let Some(validity_us) = renew::accept(chain_pem, &self.key_pem, present_to_us) else {
            tracing::error!(
                "the hub sent a certificate that is not for this gateway's key, or no newer one; not taken"
            );
            return;
        };
        match Credentials::replace_chain(&self.link.settings.state_dir, chain_pem) {
            Ok(()) => {
                tracing::info!(ends_us = validity_us.1, "the certificate was renewed; the next connection uses it");
                *certificate = Certificate { validity_us, asked_us: certificate.asked_us, asked_by_hub: false };
                self.link.status.update(|state| state.certificate_ends_us = Some(validity_us.1));
            }
            Err(error) => tracing::error!(%error, "the renewed certificate could not be kept; it is asked for again"),
        }
    }

    fn certificate(&self) -> MutexGuard<'_, Certificate> {
        self.certificate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
