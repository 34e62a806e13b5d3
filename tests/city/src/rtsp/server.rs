//! The server: one shared medium a camera, so that a hundred watchers cost one reading and none of them can hold up
//! another; digest logins; and the faults that tests ask for. Its cameras play clips, or whatever is sent to their
//! outlets.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_rtsp_server as gst_rtsp_server;
use gstreamer_rtsp_server::prelude::*;

use super::clip::{Clip, ClipError};
use super::door::{self, Door};
use super::feeder::Feeder;
use super::media::{CameraClock, CameraMedia};
use super::outlet::Outlet;
use super::schedule::{Loop, Schedule};
use super::spec::{CameraSpec, Codec};

/// What to serve.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Where; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The cameras.
    pub cameras: Vec<CameraSpec>,
    /// Where to write the schedule as JSON lines, if anywhere.
    pub schedule: Option<PathBuf>,
}

/// A camera that shows what is sent to its outlet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSpec {
    /// Last part of its address.
    pub name: String,
    /// What it sends.
    pub codec: Codec,
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// GStreamer itself.
    #[error("GStreamer does not start: run deploy/setup")]
    GStreamer(#[source] glib::Error),
    /// A clip.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// The schedule's file.
    #[error("could not create the schedule {path}")]
    Schedule {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The port.
    #[error("could not listen on {listen}: is the port in use?")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// GStreamer's own words.
        #[source]
        source: glib::BoolError,
    },
    /// A camera that is not there.
    #[error("there is no camera {0:?}")]
    NoCamera(String),
}

/// A running server; dropping it ends it, as pulling its plug would.
pub struct Server {
    address: SocketAddr,
    server: gst_rtsp_server::RTSPServer,
    mounts: gst_rtsp_server::RTSPMountPoints,
    context: glib::MainContext,
    main_loop: glib::MainLoop,
    accepting: Option<glib::SourceId>,
    outlets: BTreeMap<String, Outlet>,
    schedule: Arc<Schedule>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Reads the clips (each file once) and serves them.
    pub fn start(settings: &ServerSettings) -> Result<Self, ServerError> {
        gst::init().map_err(ServerError::GStreamer)?;
        let file = settings
            .schedule
            .as_ref()
            .map(|path| File::create(path).map_err(|source| ServerError::Schedule { path: path.clone(), source }));
        let schedule = Arc::new(Schedule::new(file.transpose()?));
        let clips = read_clips(&settings.cameras)?;
        let mut started = Self::open(settings.listen, &Door::new(&settings.cameras), schedule)?;
        for (spec, clip) in settings.cameras.iter().zip(clips) {
            started.add_clip(spec, clip);
        }
        started.run();
        Ok(started)
    }

    /// Serves cameras whose pictures are made as they are sent, each to its [`Server::outlet`]. They have no logins.
    pub fn live(listen: SocketAddr, cameras: &[LiveSpec]) -> Result<Self, ServerError> {
        gst::init().map_err(ServerError::GStreamer)?;
        let mut started = Self::open(listen, &Door::new(&[]), Arc::default())?;
        for spec in cameras {
            started.add_live(spec);
        }
        started.greet();
        started.run();
        Ok(started)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a camera, without its login.
    pub fn url(&self, camera: &str) -> String {
        format!("rtsp://{}/{camera}", self.address)
    }

    /// The loops begun so far.
    pub fn loops(&self) -> Vec<Loop> {
        self.schedule.loops()
    }

    /// The camera sends nothing more; its connections stay.
    pub fn stop(&self, camera: &str) -> Result<(), ServerError> {
        self.outlet(camera).map(|outlet| outlet.hold(true))
    }

    /// The camera sends again.
    pub fn go(&self, camera: &str) -> Result<(), ServerError> {
        self.outlet(camera).map(|outlet| outlet.hold(false))
    }

    /// Closes every connection; new ones are taken.
    pub fn hang_up(&self) {
        let server = self.server.clone();
        let (done, wait) = std::sync::mpsc::channel();
        // Where the connections are served: from elsewhere one would be closed while it is read.
        self.context.invoke(move || {
            let remove = &mut |_: &_, _: &_| gst_rtsp_server::RTSPFilterResult::Remove;
            server.client_filter(Some(remove));
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(Duration::from_secs(5));
    }

    /// Where the pictures of a camera go.
    pub fn outlet(&self, camera: &str) -> Result<&Outlet, ServerError> {
        self.outlets.get(camera).ok_or_else(|| ServerError::NoCamera(camera.to_owned()))
    }

    fn open(listen: SocketAddr, door: &Door, schedule: Arc<Schedule>) -> Result<Self, ServerError> {
        let server = gst_rtsp_server::RTSPServer::new();
        server.set_address(&listen.ip().to_string());
        server.set_service(&listen.port().to_string());
        server.set_auth(Some(door));
        if let Some(pool) = server.thread_pool() {
            // All connections in the thread of this server's own loop, see `hang_up`.
            pool.set_max_threads(0);
        }
        let mounts = gst_rtsp_server::RTSPMountPoints::new();
        server.set_mount_points(Some(&mounts));
        let context = glib::MainContext::new();
        let accepting = server.attach(Some(&context)).map_err(|source| ServerError::Listen { listen, source })?;
        let port = u16::try_from(server.bound_port()).unwrap_or(listen.port());
        Ok(Self {
            address: SocketAddr::new(listen.ip(), port),
            server,
            main_loop: glib::MainLoop::new(Some(&context), false),
            mounts,
            context,
            accepting: Some(accepting),
            outlets: BTreeMap::new(),
            schedule,
            threads: Vec::new(),
        })
    }

    fn run(&mut self) {
        let main_loop = self.main_loop.clone();
        self.spawn("rtsp", move || main_loop.run());
    }

    fn add_clip(&mut self, spec: &CameraSpec, clip: Arc<Clip>) {
        let clock = CameraClock::new(spec.clock_offset_s);
        let outlet = Outlet::new(clock.clone());
        let factory = factory(clip.codec, &clock, &outlet);
        if let Some((user, _)) = &spec.login {
            let permitted = gst::Structure::builder(door::role(user))
                .field(gst_rtsp_server::RTSP_PERM_MEDIA_FACTORY_ACCESS, true)
                .field(gst_rtsp_server::RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, true)
                .build();
            factory.add_role_from_structure(&permitted);
        }
        self.mounts.add_factory(&format!("/{}", spec.name), factory);
        #[allow(clippy::cast_possible_truncation, reason = "an offset of seconds fits")]
        let offset_us = (spec.offset_s * 1e6) as i64;
        let schedule = Arc::clone(&self.schedule);
        let feeder = Feeder { name: spec.name.clone(), clip, outlet: outlet.clone(), schedule, offset_us };
        self.spawn(&spec.name, move || feeder.run());
        self.outlets.insert(spec.name.clone(), outlet);
    }

    fn add_live(&mut self, spec: &LiveSpec) {
        let clock = CameraClock::new(0);
        let outlet = Outlet::new(clock.clone());
        let factory = factory(spec.codec, &clock, &outlet);
        let keeper = outlet.clone();
        factory.connect_media_configure(move |_, media| {
            let keeper = keeper.clone();
            media.connect_prepared(move |media| keeper.keep(media));
        });
        self.mounts.add_factory(&format!("/{}", spec.name), factory);
        self.outlets.insert(spec.name.clone(), outlet);
    }

    /// Tells a live camera of each new watcher, who needs a keyframe. (A clip can't make one; there a new medium does.)
    fn greet(&self) {
        let outlets = self.outlets.clone();
        self.server.connect_client_connected(move |_, client| {
            let outlets = outlets.clone();
            client.connect_play_request(move |_, context| {
                let uri = context.uri().map(|uri| uri.request_uri());
                let camera = uri.as_ref().and_then(|uri| uri.split('/').nth(3));
                if let Some(outlet) = camera.and_then(|camera| outlets.get(camera)) {
                    outlet.joined();
                }
            });
        });
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        self.threads.push(thread.expect("the system gives a thread"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(source) = self.accepting.take().and_then(|id| self.context.find_source_by_id(&id)) {
            source.destroy();
        }
        self.hang_up();
        for outlet in self.outlets.values() {
            outlet.end();
        }
        self.main_loop.quit();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn read_clips(cameras: &[CameraSpec]) -> Result<Vec<Arc<Clip>>, ServerError> {
    let mut clips: Vec<Arc<Clip>> = Vec::new();
    for (index, spec) in cameras.iter().enumerate() {
        let same = cameras[..index].iter().position(|other| other.file == spec.file && other.codec == spec.codec);
        clips.push(match same {
            Some(other) => Arc::clone(&clips[other]),
            None => Arc::new(Clip::read(&spec.file, spec.codec)?),
        });
    }
    Ok(clips)
}

fn factory(codec: Codec, clock: &CameraClock, outlet: &Outlet) -> gst_rtsp_server::RTSPMediaFactory {
    let factory = gst_rtsp_server::RTSPMediaFactory::new();
    let (caps, pay) = match codec {
        Codec::H264 => ("video/x-h264", "rtph264pay"),
        Codec::H265 => ("video/x-h265", "rtph265pay"),
    };
    // Queue: 4 MB, the oldest goes first. It fills only while a medium is being taken down.
    factory.set_launch(&format!(
        "( appsrc name=source is-live=true format=time max-bytes=4000000 leaky-type=downstream \
         caps={caps},stream-format=byte-stream,alignment=au ! {pay} name=pay0 pt=96 config-interval=-1 )"
    ));
    factory.set_shared(true);
    factory.set_media_gtype(CameraMedia::static_type());
    factory.set_clock(Some(clock.clock()));
    let outlet = outlet.clone();
    factory.connect_media_configure(move |_, media| {
        let bin = media.element().downcast::<gst::Bin>().expect("a launch line in brackets is a bin");
        let source = bin.by_name("source").and_then(|element| element.downcast::<gst_app::AppSrc>().ok());
        let source = source.expect("the launch line has it");
        outlet.attach(source.clone());
        let outlet = outlet.clone();
        media.connect_unprepared(move |_| outlet.detach(&source));
    });
    factory
}
