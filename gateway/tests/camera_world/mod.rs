//! The cameras of these tests: a real RTSP server with streams of every codec, and a door in front of it that can be
//! shut (the camera is off), frozen (it stops without a word) and opened again.
#![allow(dead_code, unreachable_pub, reason = "each test file takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test helper: what fails here fails the test")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer_rtsp_server as rtsp;
use gstreamer_rtsp_server::prelude::*;
use tokio::net::{TcpListener, TcpStream};
use yiwang_gateway::board::Board;
use yiwang_gateway::camera::{CameraTask, Counters, Credentials, HealthNote, Source, Times, Transport, supervise};
use yiwang_gateway::decode::{Feeder, Picture, PictureSink};

/// Who may see the pictures behind a password. Nothing that is printed may hold either.
pub const USER: &str = "operatorS3cretUser";
pub const PASSWORD: &str = "hunterS3cretPass";

/// A server on a free port, with its own main loop.
pub struct Server {
    pub port: u16,
    main_loop: glib::MainLoop,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Every stream: path and what is behind it. 368×200, 25 pictures a second, a keyframe
/// each 0.4 s.
const STREAMS: &[(&str, &str)] = &[
    (
        "/h264",
        "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 bitrate=300 ! rtph264pay name=pay0 pt=96",
    ),
    (
        "/h265",
        "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 bitrate=300 ! rtph265pay name=pay0 pt=96",
    ),
    (
        "/bframes",
        "x264enc speed-preset=ultrafast b-adapt=false bframes=3 key-int-max=10 bitrate=300 ! video/x-h264,profile=main \
         ! rtph264pay name=pay0 pt=96",
    ),
    ("/jpeg", "jpegenc ! rtpjpegpay name=pay0 pt=26"),
];

impl Server {
    /// Streams for everybody.
    pub fn open() -> Self {
        Self::start(None)
    }

    /// Streams behind digest or basic authentication.
    pub fn locked(digest: bool) -> Self {
        Self::start(Some(digest))
    }

    fn start(digest: Option<bool>) -> Self {
        gst::init().unwrap();
        let context = glib::MainContext::new();
        let main_loop = glib::MainLoop::new(Some(&context), false);
        let server = rtsp::RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service("0");
        let mounts = rtsp::RTSPMountPoints::new();
        for (path, encoded) in STREAMS {
            let factory = rtsp::RTSPMediaFactory::new();
            factory.set_launch(&format!(
                "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=368,height=200,framerate=25/1 \
                 ! {encoded} )"
            ));
            if digest.is_some() {
                let role = gst::Structure::builder("viewer")
                    .field("media.factory.access", true)
                    .field("media.factory.construct", true)
                    .build();
                factory.add_role_from_structure(&role);
            }
            mounts.add_factory(path, factory);
        }
        server.set_mount_points(Some(&mounts));
        if let Some(digest) = digest {
            let auth = rtsp::RTSPAuth::new();
            let token = rtsp::RTSPToken::builder().field("media.factory.role", "viewer").build();
            if digest {
                auth.set_supported_methods(rtsp::gst_rtsp::RTSPAuthMethod::Digest);
                auth.add_digest(USER, PASSWORD, &token);
            } else {
                auth.add_basic(&rtsp::RTSPAuth::make_basic(USER, PASSWORD), &token);
            }
            server.set_auth(Some(&auth));
        }
        let source = server.attach(Some(&context)).unwrap();
        let port = u16::try_from(server.bound_port()).unwrap();
        let running = main_loop.clone();
        let thread = std::thread::spawn(move || {
            context.with_thread_default(|| running.run()).unwrap();
            drop((source, server));
        });
        Self { port, main_loop, thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("rtsp://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.main_loop.quit();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A door in front of a server: a TCP relay that can be shut, frozen and opened.
pub struct Door {
    pub address: SocketAddr,
    to: u16,
    frozen: Arc<AtomicBool>,
    /// Connections that came through it.
    pub passed: Arc<AtomicUsize>,
    open: Option<tokio::task::JoinHandle<()>>,
}

impl Door {
    pub async fn open(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Self { address, to, frozen: Arc::default(), passed: Arc::default(), open: None };
        door.serve(listener);
        door
    }

    fn serve(&mut self, listener: TcpListener) {
        let (to, frozen, passed) = (self.to, Arc::clone(&self.frozen), Arc::clone(&self.passed));
        self.open = Some(tokio::spawn(async move {
            // Dropped with this task: every connection dies when the door is shut.
            let mut relays = tokio::task::JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                passed.fetch_add(1, Ordering::SeqCst);
                relays.spawn(relay(client, to, Arc::clone(&frozen)));
            }
        }));
    }

    /// As a camera without power: connections break, new ones are refused.
    pub async fn shut(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
            let _ = open.await;
        }
    }

    /// As a camera that has power again.
    pub async fn reopen(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    /// As a camera whose process is stopped: connections stay and are taken, nothing moves.
    pub fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
    }

    pub fn url(&self, path: &str) -> String {
        format!("rtsp://{}{path}", self.address)
    }
}

async fn relay(mut client: TcpStream, to: u16, frozen: Arc<AtomicBool>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let (mut up, mut down) = ([0_u8; 4096], vec![0_u8; 65_536]);
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        if frozen.load(Ordering::SeqCst) {
            tick.tick().await;
            continue;
        }
        let done = tokio::select! {
            n = client.read(&mut up) => match n {
                Ok(n) if n > 0 => server.write_all(&up[..n]).await.is_err(),
                _ => true,
            },
            n = server.read(&mut down) => match n {
                Ok(n) if n > 0 => client.write_all(&down[..n]).await.is_err(),
                _ => true,
            },
            _ = tick.tick() => false,
        };
        if done {
            return;
        }
    }
}

/// A camera of these tests.
pub fn source(url: &str, transport: Transport, credentials: Option<(&str, &str)>) -> Source {
    let credentials = credentials.map(|(user, password)| Credentials::new(user, password));
    Source::new("gate", url, transport, credentials).unwrap()
}

/// Everything a supervised camera gave.
#[derive(Default)]
pub struct Seen {
    pub pictures: Vec<(Times, (u32, u32), Instant)>,
    pub notes: Vec<(HealthNote, Instant)>,
    pub strides: Vec<usize>,
    pub overs: u32,
}

/// A camera under supervision, with all that came of it.
pub struct Watch {
    pub seen: Arc<Mutex<Seen>>,
    pub board: Arc<Board>,
    pub counters: Arc<Counters>,
    shutdown: tokio_util::sync::CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

struct Look(Arc<Mutex<Seen>>);

impl PictureSink for Look {
    fn picture(&mut self, picture: &Picture<'_>) {
        let planes = picture.i420();
        planes.check().unwrap();
        assert!(planes.y.iter().any(|&y| y != planes.y[0]), "an empty picture");
        lock(&self.0).strides.push(planes.y_stride);
        lock(&self.0).pictures.push((*picture.times(), picture.size_px(), Instant::now()));
    }

    fn over(&mut self) {
        lock(&self.0).overs += 1;
    }
}

impl Watch {
    pub fn start(source: Source) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let board = Arc::new(Board::new([source.id().to_owned()], 0));
        let counters = Arc::new(Counters::default());
        let notes = Arc::clone(&seen);
        let task = CameraTask {
            source,
            board: Arc::clone(&board),
            notify: Arc::new(move |camera, note| {
                assert_eq!(camera, "gate");
                lock(&notes).notes.push((note, Instant::now()));
            }),
            sink: Box::new(Feeder::new(Look(Arc::clone(&seen)))),
            counters: Arc::clone(&counters),
            seed: 7,
            unwatched_since_us: None,
        };
        let shutdown = tokio_util::sync::CancellationToken::new();
        let task = tokio::spawn(supervise::run(task, shutdown.clone()));
        Self { seen, board, counters, shutdown, task }
    }

    /// Waits until what was seen answers.
    pub async fn until<T>(&self, what: &str, within: Duration, find: impl Fn(&Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + within;
        loop {
            if let Some(found) = find(&lock(&self.seen)) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{what}: not within {within:?}; board {:?}, notes {:?}",
                self.board.snapshot(),
                lock(&self.seen).notes
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn pictures(&self, count: usize) {
        self.until("pictures", Duration::from_secs(20), |seen| (seen.pictures.len() >= count).then_some(())).await;
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.task).await.expect("it stops").unwrap();
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that is logged in this process, at every level, whoever says it.
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn capture() -> Self {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let writer = Arc::clone(&bytes);
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || Tee(Arc::clone(&writer)))
            .try_init();
        Self(bytes)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

struct Tee(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A clip of the assets, or `None` where they are absent (which is an error where they are required).
pub fn clip(test: &str, name: &str) -> Option<PathBuf> {
    let assets = std::env::var_os("YIWANG_ASSETS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = assets.join("clips").join(name);
    if path.exists() {
        return Some(path.canonicalize().unwrap());
    }
    assert!(std::env::var("YIWANG_REQUIRE_ASSETS").as_deref() != Ok("1"), "{test}: {} is not there", path.display());
    eprintln!("SKIPPED {test}: no assets under {}", assets.display());
    None
}
