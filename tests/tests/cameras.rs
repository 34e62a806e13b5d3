//! The tests' cameras are what they claim: read back with another RTSP implementation than the one that serves.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use retina::client::{
    PlayOptions, Session, SessionOptions, SetupOptions, TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat};
use yiwang_city::picture::Frame;
use yiwang_city::rtsp::{CameraSpec, Codec, LiveSpec, Server, ServerSettings};
use yiwang_city::stream::{Coding, Encoder};
use yiwang_tests::assets;

/// What a client saw.
#[derive(Default)]
struct Watched {
    /// (time of capture by the sender reports in µs, keyframe), once a report has come.
    frames: Vec<(i64, bool)>,
    /// Frames before the first report.
    untimed: usize,
    /// How far the RTP timestamp of a report was from those of the frames, at most, microseconds.
    report_far_us: i64,
}

fn serve(cameras: Vec<CameraSpec>) -> Server {
    Server::start(&ServerSettings { listen: "127.0.0.1:0".parse().unwrap(), cameras, schedule: None }).unwrap()
}

async fn open(
    url: &str,
    transport: Transport,
    login: Option<(&str, &str)>,
) -> Result<retina::client::Demuxed, retina::Error> {
    let creds =
        login.map(|(user, password)| retina::client::Credentials { username: user.into(), password: password.into() });
    let options = SessionOptions::default().creds(creds);
    let mut session = Session::describe(url::Url::parse(url).unwrap(), options).await?;
    session.setup(0, SetupOptions::default().transport(transport).frame_format(FrameFormat::SIMPLE)).await?;
    session.play(PlayOptions::default()).await?.demuxed()
}

/// Watches until `frames` frames with a known time of capture have come.
async fn watch(url: &str, transport: Transport, frames: usize) -> Watched {
    let mut session = open(url, transport, None).await.unwrap();
    let (mut watched, mut report) = (Watched::default(), None);
    let deadline = Instant::now() + Duration::from_secs(40);
    while watched.frames.len() < frames {
        assert!(Instant::now() < deadline, "only {} frames and {} untimed", watched.frames.len(), watched.untimed);
        let Ok(item) = tokio::time::timeout(Duration::from_secs(10), session.next()).await else {
            panic!("nothing for 10 s")
        };
        match item.unwrap().unwrap() {
            CodecItem::VideoFrame(frame) => match report {
                Some((ntp_us, rtp)) => {
                    let since_90k: i64 = frame.timestamp().timestamp() - rtp;
                    watched.report_far_us = watched.report_far_us.max((since_90k * 100 / 9).abs());
                    watched.frames.push((ntp_us + since_90k * 100 / 9, frame.is_random_access_point()));
                }
                None => watched.untimed += 1,
            },
            CodecItem::Rtcp(packet) => {
                let rtp = packet.rtp_timestamp().map(|at| at.timestamp());
                let sender = packet.pkts().find_map(|one| one.as_sender_report().ok().flatten());
                if let (Some(rtp), Some(sender)) = (rtp, sender) {
                    report = Some((unix_us(sender.ntp_timestamp().0), rtp));
                }
            }
            _ => {}
        }
    }
    watched
}

fn unix_us(ntp: u64) -> i64 {
    let seconds = i64::try_from(ntp >> 32).unwrap() - 2_208_988_800;
    seconds * 1_000_000 + i64::try_from(((ntp & 0xffff_ffff) * 1_000_000) >> 32).unwrap()
}

/// How far the captures are from the clip's grid of pictures as the schedule puts it, at most.
fn worst_us(server: &Server, camera: &str, watched: &Watched, keyframes_only: bool, grid_us: i64, ahead_s: i64) -> i64 {
    let start_us = server.loops().iter().find(|one| one.camera == camera).unwrap().start_us + ahead_s * 1_000_000;
    let off = |at_us: i64| {
        let rest = (at_us - start_us).rem_euclid(grid_us);
        rest.min(grid_us - rest)
    };
    let chosen = watched.frames.iter().filter(|(_, keyframe)| !keyframes_only || *keyframe);
    chosen.map(|(at_us, _)| off(*at_us)).max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sender_reports_say_the_scheduled_time_of_capture_over_tcp_and_udp() {
    let Some(clips) = assets::clips("sender_reports_say_the_scheduled_time_of_capture_over_tcp_and_udp") else {
        return;
    };
    let person = clips.join("one-by-one-person-detection.mp4");
    let wrong = CameraSpec { clock_offset_s: -3600, ..CameraSpec::new("wrong", &person) };
    let server = serve(vec![CameraSpec::new("gate", &person), wrong]);
    let (gate, late) = (server.url("gate"), server.url("wrong"));
    let tcp = || Transport::Tcp(TcpTransportOptions::default());
    let udp = || Transport::Udp(UdpTransportOptions::default());
    let (over_tcp, over_udp, other) =
        tokio::join!(watch(&gate, tcp(), 60), watch(&gate, udp(), 60), watch(&late, tcp(), 40));
    for watched in [&over_tcp, &over_udp] {
        // Keyframes stand each second of this clip, pictures each tenth of a second.
        assert!(worst_us(&server, "gate", watched, true, 1_000_000, 0) < 5_000);
        assert!(worst_us(&server, "gate", watched, false, 100_000, 0) < 5_000);
    }
    assert!(worst_us(&server, "wrong", &other, true, 1_000_000, -3600) < 5_000);
    let behind_s = (unix_now_us() - other.frames.last().unwrap().0) / 1_000_000;
    assert!((3595..3630).contains(&behind_s), "an hour behind: {behind_s} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_goes_on_across_loops_for_either_codec() {
    let Some(clips) = assets::clips("time_goes_on_across_loops_for_either_codec") else {
        return;
    };
    // Each starts shortly before the end of its clip, so that a loop ends while it is watched.
    let table = [
        ("car-detection.mp4", Codec::H265, 28.0, 30_160_000, 80_000),
        ("car-detection.mp4", Codec::H264, 28.0, 30_160_000, 80_000),
        ("one-by-one-person-detection.mp4", Codec::H264, 137.0, 139_400_000, 100_000),
    ];
    for (clip, codec, offset_s, loop_us, frame_us) in table {
        let spec = CameraSpec { codec, offset_s, ..CameraSpec::new("road", clips.join(clip)) };
        let server = serve(vec![spec]);
        let url = server.url("road");
        let watched = watch(&url, Transport::Tcp(TcpTransportOptions::default()), 50).await;
        // With B-pictures the order of decoding is not the order of capture.
        let mut captured_us: Vec<i64> = watched.frames.iter().map(|(at_us, _)| *at_us).collect();
        captured_us.sort_unstable();
        // The last few may still lack what was decoded before them.
        captured_us.truncate(45);
        let even = |two: &[i64]| (two[1] - two[0] - frame_us).abs() < 2_000;
        assert!(captured_us.windows(2).skip(4).all(even), "{clip} {codec:?}: {captured_us:?}");
        let loops = server.loops();
        assert!(loops.len() >= 2, "{loops:?}");
        assert_eq!(loops[1].start_us - loops[0].start_us, loop_us);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_are_asked_for_and_faults_are_obeyed() {
    let Some(clips) = assets::clips("logins_are_asked_for_and_faults_are_obeyed") else {
        return;
    };
    let person = clips.join("one-by-one-person-detection.mp4");
    let spec = CameraSpec { login: Some(("yi".into(), "wang".into())), ..CameraSpec::new("gate", &person) };
    let server = serve(vec![spec, CameraSpec::new("open", &person)]);
    let tcp = || Transport::Tcp(TcpTransportOptions::default());
    for login in [None, Some(("yi", "wrong"))] {
        let error = open(&server.url("gate"), tcp(), login).await.err().unwrap();
        assert_eq!(error.status_code(), Some(401), "{error}");
    }
    let error = open(&server.url("nowhere"), tcp(), None).await.err().unwrap();
    assert_eq!(error.status_code(), Some(404), "{error}");
    let mut session = open(&server.url("gate"), tcp(), Some(("yi", "wang"))).await.unwrap();
    assert!(comes(&mut session, 5000).await);
    server.stop("gate").unwrap();
    while comes(&mut session, 1000).await {}
    server.go("gate").unwrap();
    assert!(comes(&mut session, 5000).await);
    // A client that goes away without a word holds nobody up.
    let mut other = open(&server.url("gate"), tcp(), Some(("yi", "wang"))).await.unwrap();
    drop(session);
    assert!(comes(&mut other, 5000).await);
    server.hang_up();
    while comes(&mut other, 5000).await {}
    let mut again = open(&server.url("open"), tcp(), None).await.unwrap();
    assert!(comes(&mut again, 5000).await);
}

/// Pictures of one grey each 80 ms, coded and sent as they are made, until `over`.
fn go_live(server: &Server, spec: &LiveSpec, over: &AtomicBool) {
    let outlet = server.outlet(&spec.name).unwrap().clone();
    let send = outlet.clone();
    let coding = Coding { keyframe_s: 600.0, ..Coding::usual(spec.codec, (320, 180), 12.5) };
    let encoder = Encoder::live(&spec.name, &coding, move |one| send.send(&one.data, one.keyframe, one.t_us)).unwrap();
    let mut frame = Frame::new(320, 180);
    let begun_us = unix_now_us();
    for number in 0.. {
        let t_us = begun_us + number * 80_000;
        std::thread::sleep(Duration::from_micros(u64::try_from(t_us - unix_now_us()).unwrap_or_default()));
        if over.load(Ordering::Relaxed) {
            return;
        }
        frame.y.fill(u8::try_from(60 + number % 100).unwrap());
        encoder.push(&frame, t_us, outlet.wants_keyframe()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_camera_shows_at_once_whoever_comes_and_tells_the_time_by_its_own_clock() {
    for codec in [Codec::H264, Codec::H265] {
        let spec = LiveSpec { name: "square".into(), codec };
        let server = Server::live("127.0.0.1:0".parse().unwrap(), std::slice::from_ref(&spec)).unwrap();
        let over = AtomicBool::new(false);
        let url = server.url("square");
        let tcp = || Transport::Tcp(TcpTransportOptions::default());
        std::thread::scope(|scope| {
            scope.spawn(|| go_live(&server, &spec, &over));
            let handle = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| {
                let _ends = Ends(&over);
                handle.block_on(async {
                    // Keyframes are ten minutes apart: whoever sees a picture was given one.
                    let mut first = open(&url, tcp(), None).await.unwrap();
                    assert!(comes(&mut first, 3000).await, "{codec:?}: the first");
                    let mut second = open(&url, tcp(), None).await.unwrap();
                    assert!(comes(&mut second, 3000).await, "{codec:?}: beside the first");
                    drop((first, second));
                    tokio::time::sleep(Duration::from_millis(300)).await; // nobody watches for a while
                    let mut later = open(&url, tcp(), None).await.unwrap();
                    assert!(comes(&mut later, 3000).await, "{codec:?}: after everyone has left");
                    drop(later);
                    if codec == Codec::H265 {
                        return;
                    }
                    let ahead = |watched: &Watched| (watched.frames.last().unwrap().0 - unix_now_us()) / 1_000_000;
                    assert_eq!(ahead(&watch(&url, tcp(), 5).await), 0);
                    server.outlet("square").unwrap().set_clock_ahead(95_000_000);
                    let watched = watch(&url, tcp(), 5).await;
                    assert!((93..=95).contains(&ahead(&watched)), "{} s ahead", ahead(&watched));
                    assert!(watched.report_far_us < 10_000_000, "the report speaks of these frames");
                });
            });
        });
    }
}

/// Ends the camera's thread, also where the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn unix_now_us() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap()
}

/// True where a picture comes in time; false where none does or the connection is over.
async fn comes(session: &mut retina::client::Demuxed, wait_ms: u64) -> bool {
    let frame = async {
        loop {
            match session.next().await {
                Some(Ok(CodecItem::VideoFrame(_))) => return true,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return false,
            }
        }
    };
    tokio::time::timeout(Duration::from_millis(wait_ms), frame).await.unwrap_or(false)
}
