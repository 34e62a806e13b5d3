//! One gateway's connection: carries bytes between the QUIC streams and the session, and does what the session says.
//! No decision is made here beyond how to reach the disk and the registry.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use yiwang_wire::close::CloseCode;
use yiwang_wire::codec;
use yiwang_wire::picture::GROUP_HEADER_BYTES;

use super::action::Action;
use super::listener::Hub;
use super::live::close;
use super::session::{Session, Settings};
use crate::error::chain;
use crate::log::{AppendOutcome, LogEntry, LogError};
use crate::merge::Told;
use crate::pictures::Pictures;
use crate::registry::ca::GATEWAY_DAYS;
use crate::registry::now_us;
use crate::store::StoreError;

/// Pieces of event streams that wait for the session. When full the streams' readers wait, and QUIC's flow control tells
/// the gateway.
const PIECES: usize = 4;
const PIECE_BYTES: usize = 64 * 1024;
/// A gateway that does not take an answer for this long is cut off.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// An append that failed for now is tried again this often.
const APPEND_AGAIN: Duration = Duration::from_secs(1);
const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// A piece of an event stream.
enum Piece {
    Bytes(u64, quinn::Chunk),
    /// The stream's first bytes.
    First(u64, Vec<u8>),
    /// The stream's end: finished (true) or reset.
    End(u64, bool),
}

type Appended = (u64, Result<AppendOutcome, LogError>);
type Appends = FuturesOrdered<Pin<Box<dyn Future<Output = Appended> + Send>>>;

/// Serves the connection to its end; returns the code's word for the metrics.
pub(super) async fn run(hub: &Arc<Hub>, gateway: &str, connection: &Connection) -> &'static str {
    let address = connection.remote_address();
    let ended = match look_up(hub, gateway).await {
        Ok(settings) => {
            let task = Task::new(hub.clone(), settings, connection.clone());
            // Boxed: the state of a whole connection is large to move about.
            Box::pin(task.run()).await
        }
        Err(failure) => failure,
    };
    hub.presence.disconnected(gateway, connection.stable_id() as u64);
    hub.pictures.disconnected(gateway, connection.stable_id());
    let word = match connection.close_reason() {
        // Somebody closed it from outside (revoked, superseded, shutting down), or the gateway left.
        Some(ConnectionError::LocallyClosed) => "by_hub",
        Some(ConnectionError::ApplicationClosed(_)) => "by_gateway",
        Some(ConnectionError::TimedOut) => "timed_out",
        Some(_) => "lost",
        None => {
            close(connection, ended.0, &ended.1);
            ended.0.as_str()
        }
    };
    tracing::info!(%gateway, %address, how = word, reason = %ended.1, "a gateway's connection ended");
    word
}

type Ended = (CloseCode, String);

/// What the registry knows of it: is it (still) one of ours?
async fn look_up(hub: &Arc<Hub>, gateway: &str) -> Result<Settings, Ended> {
    let (asked, id) = (hub.clone(), gateway.to_owned());
    let look = move || -> Result<Result<Settings, CloseCode>, StoreError> {
        let row = match asked.store.gateway(&id)? {
            None => return Ok(Err(CloseCode::UnknownGateway)),
            Some(row) if row.revoked_us.is_some() => return Ok(Err(CloseCode::Revoked)),
            Some(row) => row,
        };
        let cameras = asked.store.cameras()?;
        let own = cameras.into_iter().filter(|camera| camera.gateway == id);
        Ok(Ok(Settings {
            hub: asked.name.clone(),
            known_cameras: own.map(|camera| camera.info.id).collect(),
            renew_now: row.certificate_ends_us - now_us() < GATEWAY_DAYS * DAY_US / 3,
            gateway: id.into(),
        }))
    };
    match blocking(look).await? {
        Ok(settings) => settings.map_err(|code| (code, code.text().to_owned())),
        Err(error) => Err(store_failed(&error)),
    }
}

struct Task {
    hub: Arc<Hub>,
    gateway: Arc<str>,
    session: Session,
    connection: Connection,
    id: u64,
    /// Bound: the session's bytes in flight.
    appends: Appends,
    /// The newest watermarks that are stored.
    stored: watch::Sender<i64>,
}

impl Task {
    fn new(hub: Arc<Hub>, settings: Settings, connection: Connection) -> Self {
        Self {
            hub,
            gateway: settings.gateway.clone(),
            session: Session::new(settings, now_us()),
            id: connection.stable_id() as u64,
            connection,
            appends: FuturesOrdered::new(),
            stored: watch::Sender::new(0),
        }
    }

    /// Runs until the session or the connection ends.
    async fn run(mut self) -> Ended {
        let lost = |error: ConnectionError| (CloseCode::Done, error.to_string());
        let (mut send, mut receive) = tokio::select! {
            streams = self.connection.accept_bi() => match streams {
                Ok(streams) => streams,
                Err(error) => return lost(error),
            },
            () = until(self.session.due_us()) => return (CloseCode::Silent, "no hello came".into()),
        };
        let (pieces_in, mut pieces) = mpsc::channel(PIECES);
        let mut stored = self.stored.subscribe();
        loop {
            tokio::select! {
                chunk = receive.read_chunk(PIECE_BYTES, true) => match chunk {
                    Ok(Some(chunk)) => self.session.control(now_us(), &chunk.bytes),
                    Ok(None) => return (CloseCode::Done, "the gateway closed its control stream".into()),
                    Err(error) => return (CloseCode::Done, error.to_string()),
                },
                stream = self.connection.accept_uni() => match stream {
                    Ok(stream) => {
                        let pictures = self.hub.pictures.clone();
                        drop(tokio::spawn(read_stream(stream, self.id, pictures, pieces_in.clone())));
                    }
                    Err(error) => return lost(error),
                },
                Some(piece) = pieces.recv(), if self.session.wants_events() => self.piece(piece),
                Some((token, outcome)) = self.appends.next(), if !self.appends.is_empty() => self.appended(token, outcome),
                Ok(()) = stored.changed() => {
                    let sent_us = *stored.borrow_and_update();
                    self.session.watermarks_stored(sent_us);
                }
                () = until(self.session.due_us()) => self.session.tick(now_us()),
            }
            if let Err(ended) = self.act(&mut send).await {
                return ended;
            }
            self.hub.presence.contact(&self.gateway, self.id, self.session.heard_us());
        }
    }

    fn piece(&mut self, piece: Piece) {
        match piece {
            Piece::Bytes(stream, chunk) => {
                self.hub.metrics.event_bytes.inc_by(chunk.bytes.len() as u64);
                self.session.events(now_us(), stream, &chunk.bytes);
            }
            Piece::First(stream, bytes) => {
                self.hub.metrics.event_bytes.inc_by(bytes.len() as u64);
                self.session.events(now_us(), stream, &bytes);
            }
            Piece::End(stream, whole) => self.session.events_ended(stream, whole),
        }
    }

    fn appended(&mut self, token: u64, outcome: Result<AppendOutcome, LogError>) {
        match outcome {
            Ok(outcome) => {
                let events = &self.hub.metrics.events;
                events.with_label_values(&["new"]).inc_by(outcome.added as u64);
                events.with_label_values(&["known"]).inc_by(outcome.known as u64);
                self.session.committed(token);
            }
            Err(error) => {
                let code = match error {
                    LogError::Closed => CloseCode::ShuttingDown,
                    LogError::TooManyGaps { .. } => CloseCode::TooLarge,
                    _ => CloseCode::Protocol,
                };
                self.session.append_failed(token, code, &error.to_string());
            }
        }
    }

    /// Does everything that the session wants done.
    async fn act(&mut self, send: &mut SendStream) -> Result<(), Ended> {
        while let Some(action) = self.session.poll() {
            match action {
                Action::Send(bytes) => match timeout(SEND_WITHIN, send.write_all(&bytes)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Err((CloseCode::Done, error.to_string())),
                    Err(_) => return Err((CloseCode::Silent, "the gateway does not read its answers".into())),
                },
                Action::Append { token, entries } => {
                    self.appends.push_back(Box::pin(append(self.hub.clone(), token, entries)));
                }
                Action::Status(status) => self.hub.presence.status(&self.gateway, self.id, &status, now_us()),
                Action::Watermarks(marks) => {
                    let told = Told { marks, stored: self.stored.clone() };
                    self.hub.waiting.push(&self.gateway, self.hub.log.newest_position(), told);
                }
                hello @ Action::Hello { .. } => self.hello(hello).await?,
                Action::Sign { csr_der } => self.sign(csr_der).await?,
                Action::Close { code, reason } => return Err((code, reason)),
            }
        }
        Ok(())
    }

    async fn hello(&mut self, action: Action) -> Result<(), Ended> {
        let Action::Hello { hello, kinds, clock_offset_us, epochs, pictures } = action else { return Ok(()) };
        let (hub, gateway) = (self.hub.clone(), self.gateway.clone());
        let software = hello.software.clone();
        let keep = move || -> Result<_, Ended> {
            hub.store.set_hello(&gateway, &hello, now_us()).map_err(|e| store_failed(&e))?;
            hub.store.upsert_kinds(&kinds).map_err(|e| store_failed(&e))?;
            let durable = epochs.into_iter().map(|epoch| Ok((epoch, hub.log.durable(&gateway, epoch)?)));
            durable.collect::<Result<Vec<_>, LogError>>().map_err(|e| (CloseCode::Overloaded, chain(&e)))
        };
        let durable = blocking(keep).await??;
        self.session.durable(now_us(), durable);
        let address = self.connection.remote_address();
        self.hub.presence.connected(&self.gateway, self.id, address, now_us());
        self.hub.pictures.connected(&self.gateway, self.connection.clone(), pictures, clock_offset_us);
        let (gateway, clock_offset_ms) = (&self.gateway, clock_offset_us / 1000);
        tracing::info!(%gateway, %address, %software, clock_offset_ms, "a gateway connected");
        Ok(())
    }

    async fn sign(&mut self, csr_der: Vec<u8>) -> Result<(), Ended> {
        let (hub, gateway) = (self.hub.clone(), self.gateway.clone());
        let sign = move || -> Result<String, String> {
            let issued = hub.authority.issue_gateway(&csr_der, &gateway, now_us()).map_err(|e| chain(&e))?;
            hub.store.set_certificate_end(&gateway, issued.ends_us).map_err(|e| chain(&e))?;
            Ok(issued.chain_pem)
        };
        let signed = blocking(sign).await?;
        tracing::info!(gateway = %self.gateway, granted = signed.is_ok(), "a gateway asked for its next certificate");
        self.session.signed(signed);
        Ok(())
    }
}

/// Appends, again and again while what fails may pass: nothing is acknowledged meanwhile, and the gateway keeps it too.
async fn append(hub: Arc<Hub>, token: u64, entries: Arc<Vec<LogEntry>>) -> Appended {
    let timer = hub.metrics.log_append_seconds.start_timer();
    loop {
        match hub.log.append(entries.clone()).await {
            Err(error) if error.is_passing() => {
                // The log itself says what is wrong, once; here it is only counted.
                hub.metrics.log_failures.inc();
                tokio::time::sleep(APPEND_AGAIN).await;
            }
            outcome => {
                timer.observe_duration();
                return (token, outcome);
            }
        }
    }
}

/// Reads one stream to its end. It ends with the connection: then reading fails or nobody takes the pieces. What begins as
/// a group of live video is one; everything else are events.
async fn read_stream(mut stream: RecvStream, connection: u64, pictures: Arc<Pictures>, pieces: mpsc::Sender<Piece>) {
    let id = u64::from(stream.id());
    let mut first = [0; GROUP_HEADER_BYTES];
    let got = match stream.read_exact(&mut first).await {
        Ok(()) => GROUP_HEADER_BYTES,
        // A stream that is shorter: the session says whether that can be.
        Err(quinn::ReadExactError::FinishedEarly(bytes)) => bytes,
        Err(quinn::ReadExactError::ReadError(_)) => {
            let _ = pieces.send(Piece::End(id, false)).await;
            return;
        }
    };
    if let Some((number, group)) = codec::decode_group(&first) {
        return pictures.group(connection, number, group, stream).await;
    }
    if pieces.send(Piece::First(id, first[..got].to_vec())).await.is_err() {
        return;
    }
    loop {
        let (piece, more) = match stream.read_chunk(PIECE_BYTES, true).await {
            Ok(Some(chunk)) => (Piece::Bytes(id, chunk), true),
            Ok(None) => (Piece::End(id, true), false),
            Err(_) => (Piece::End(id, false), false),
        };
        if pieces.send(piece).await.is_err() || !more {
            return;
        }
    }
}

/// Sleeps until the session's clock says so; for ever where it has no deadline.
async fn until(due_us: Option<i64>) {
    match due_us {
        Some(due_us) => {
            let left_us = u64::try_from(due_us - now_us()).unwrap_or(0);
            tokio::time::sleep(Duration::from_micros(left_us)).await;
        }
        None => std::future::pending().await,
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Ended> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work for a gateway failed");
        (CloseCode::Overloaded, "the hub failed at this request".to_owned())
    })
}

fn store_failed(error: &StoreError) -> Ended {
    tracing::error!(error = %chain(error), "the registry cannot be used");
    (CloseCode::Overloaded, "the hub cannot use its registry just now".to_owned())
}
