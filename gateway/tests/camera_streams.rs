//! Real streams from a real server: every codec over every transport, and each way to fail with its cause.

#![allow(clippy::unwrap_used, reason = "what fails in a helper of a test fails the test")]

mod camera_world;

use std::time::Duration;

use camera_world::{Log, PASSWORD, Server, USER, Watch, lock, source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yiwang_gateway::camera::{self, Cause, Session, TimeSource, Transport, try_once};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_codec_over_every_transport_gives_pictures_with_their_times() {
    let server = Server::open();
    let cases = [
        ("/h264", Transport::Tcp),
        ("/h264", Transport::Udp),
        ("/h265", Transport::Tcp),
        ("/h265", Transport::Udp),
        ("/bframes", Transport::Tcp),
    ];
    for (path, transport) in cases {
        let watch = Watch::start(source(&server.url(path), transport, None));
        watch.pictures(30).await;
        let now_us = camera::Now::read().wall_us;
        let seen = std::mem::take(&mut *lock(&watch.seen));
        watch.stop().await;
        for pair in seen.pictures.windows(2) {
            let ((before, size, _), (after, _, _)) = (&pair[0], &pair[1]);
            let case = format!("{path} {transport:?}: {before:?} {after:?}");
            assert_eq!(*size, (368, 200), "{case}");
            let step_us = after.media_us - before.media_us;
            assert!((39_000..=41_000).contains(&step_us), "{case}");
            assert!(after.capture_us > before.capture_us, "{case}");
            assert!((now_us - after.capture_us).abs() < 20_000_000, "{case}");
            assert!(after.time_error_ms < 2_000, "{case}");
        }
        // A decoder that writes into memory of its own choice leaves room at the end of each row; a copy has none.
        assert!(seen.strides[2..].iter().all(|&stride| stride > 368), "{path}: copied, {:?}", seen.strides);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sender_reports_give_the_capture_time_of_a_synchronised_camera() {
    let server = Server::open();
    let watch = Watch::start(source(&server.url("/h264"), Transport::Tcp, None));
    let reported = watch
        .until("a sender report", Duration::from_secs(20), |seen| {
            seen.pictures.iter().find(|(times, ..)| times.time_source == TimeSource::SenderReport).map(|seen| seen.0)
        })
        .await;
    assert!(reported.time_error_ms <= 1_000, "{reported:?}");
    let offset_ms = watch.board.snapshot()["gate"].clock_offset_ms.unwrap();
    assert!(offset_ms.abs() < 1_000, "{offset_ms}");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_says_what_a_camera_offers() {
    let server = Server::locked(true);
    let camera = source(&server.url("/h264"), Transport::Tcp, Some((USER, PASSWORD)));
    let report = try_once(&camera, Duration::from_secs(10)).await.unwrap();
    assert_eq!(report.frame_px, Some((368, 200)), "{report:?}");
    let fps = report.fps.unwrap();
    assert!((24.0..26.0).contains(&fps), "{report:?}");
}

/// What a camera that is wrong is asked, and what must come of it.
struct Wrong {
    case: &'static str,
    url: String,
    credentials: Option<(&'static str, &'static str)>,
    cause: Cause,
    says: &'static str,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_to_fail_has_its_cause_and_no_secret_is_shown() {
    let log = Log::capture();
    let (free, digest, basic) = (Server::open(), Server::locked(true), Server::locked(false));
    let shut = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = talker(|_| None).await;
    let garbage = talker(|_| Some(b"HTTP/1.1 200 OK\r\n\r\nhello\r\n\r\n".to_vec())).await;
    let busy = talker(|_| Some(b"RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: 1\r\n\r\n".to_vec())).await;
    let good = Some((USER, PASSWORD));
    let wrong = |case, url: String, credentials, cause, says| Wrong { case, url, credentials, cause, says };
    let cases = [
        wrong("refused", format!("rtsp://{shut}/h264"), good, Cause::Refused, "refuses the connection"),
        wrong("unknown host", "rtsp://camera.invalid/h264".into(), good, Cause::UnknownHost, "`camera.invalid`"),
        wrong("digest", digest.url("/h264"), Some((USER, "wrongS3cret")), Cause::WrongPassword, "does not accept"),
        wrong("basic", basic.url("/h264"), Some(("wrongS3cret", PASSWORD)), Cause::WrongPassword, "does not accept"),
        wrong("none given", digest.url("/h264"), None, Cause::WrongPassword, "none are configured"),
        wrong("path", free.url("/nowhere"), None, Cause::NoSuchPath, "/nowhere"),
        wrong("codec", free.url("/jpeg"), None, Cause::UnsupportedCodec, "video jpeg"),
        wrong("silent", format!("rtsp://{silent}/h264"), good, Cause::Stalled, "did not answer"),
        wrong("garbage", format!("rtsp://{garbage}/h264"), good, Cause::Protocol, "makes no sense"),
        wrong("busy", format!("rtsp://{busy}/h264"), good, Cause::Protocol, "busy"),
        wrong("no file", "file:///nowhere/clip.mp4".into(), None, Cause::NotFound, "/nowhere/clip.mp4"),
    ];
    for Wrong { case, url, credentials, cause, says } in cases {
        let camera = source(&url, Transport::Tcp, credentials);
        let error = match camera::open(&camera, Session::default()).await {
            Err(error) => error,
            Ok(_) => panic!("{case}: it opened"),
        };
        assert_eq!(error.cause, cause, "{case}: {error:?}");
        assert!(error.text.contains(says), "{case}: {error}");
        assert!(!format!("{error} {error:?} {camera:?}").contains("S3cret"), "{case}: {error:?}");
        tracing::warn!(?camera, ?error, %error, "{case}");
    }
    for (server, method) in [(&digest, "digest"), (&basic, "basic")] {
        let watch = Watch::start(source(&server.url("/h264"), Transport::Tcp, good));
        watch.pictures(1).await;
        let lines = format!("{:?} {:?}", watch.board.snapshot(), lock(&watch.seen).notes);
        assert!(!lines.contains("S3cret"), "{method}: {lines}");
        watch.stop().await;
    }
    let text = log.text();
    assert!(text.contains("unknown host"), "nothing was logged");
    let shown = text.lines().find(|line| line.contains("S3cret") || line.contains("Authorization:"));
    assert_eq!(shown, None);
}

/// A server that answers each connection's first bytes with whatever it likes.
async fn talker(answer: impl Fn(u64) -> Option<Vec<u8>> + Send + 'static) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        for n in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0_u8; 2048];
            let _ = stream.read(&mut request).await;
            if let Some(answer) = answer(n) {
                let _ = stream.write_all(&answer).await;
            } else {
                open.push(stream);
            }
        }
    });
    address
}

/// An answer to DESCRIBE, SETUP and PLAY in one, and after that packets that make no sense.
fn hostile(seed: u64) -> Vec<u8> {
    let sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
               a=fmtp:96 packetization-mode=1\r\na=control:t\r\n";
    let mut bytes = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
    .into_bytes();
    bytes.extend_from_slice(
        b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 1;timeout=4294967295\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n\
          RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 1\r\n\r\n",
    );
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for n in 0..200_u16 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let noise = random.to_le_bytes();
        let channel = u8::from(noise[0] & 7 == 0);
        let mut packet = if channel == 0 { vec![0x80, 0x60] } else { vec![0x80, 0xC8] };
        packet.extend_from_slice(&n.to_be_bytes());
        packet.extend_from_slice(&noise[..4]);
        packet.extend_from_slice(&[0, 0, 0, 1]);
        packet.extend_from_slice(&noise);
        packet.extend_from_slice(&noise[..usize::from(noise[1] & 7)]);
        bytes.extend_from_slice(&[b'$', channel, 0, packet.len() as u8]);
        bytes.extend_from_slice(&packet);
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_camera_costs_its_own_session_and_nothing_else() {
    let address = talker(|n| Some(hostile(n))).await;
    let watch = Watch::start(source(&format!("rtsp://{address}/h264"), Transport::Tcp, None));
    watch.until("it is given up", Duration::from_secs(20), |seen| (!seen.notes.is_empty()).then_some(())).await;
    let mut sessions = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let camera = source(&format!("rtsp://{address}/h264"), Transport::Tcp, None);
        sessions.spawn(async move {
            use futures_util::StreamExt;
            let Ok(mut units) = camera::open(&camera, Session::default()).await else { return };
            while let Ok(Some(Ok(_))) = tokio::time::timeout(Duration::from_secs(3), units.next()).await {}
        });
    }
    while let Some(done) = sessions.join_next().await {
        done.expect("no session panics");
    }
    watch.stop().await;
}
