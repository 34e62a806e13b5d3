//! The simulated city as others see it: its streams read back with another RTSP implementation than the one that serves.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

use std::process::Command;
use std::time::Duration;

use futures_util::StreamExt;
use retina::client::{PlayOptions, Session, SessionOptions, SetupOptions, TcpTransportOptions, Transport};
use retina::codec::{CodecItem, FrameFormat};
use yiwang_city::truth::{self, Line};
use yiwang_tests::process::{Process, binary, wait_for};

const LONG: Duration = Duration::from_secs(60);

async fn open(url: &str) -> retina::client::Demuxed {
    let mut session = Session::describe(url::Url::parse(url).unwrap(), SessionOptions::default()).await.unwrap();
    let tcp = Transport::Tcp(TcpTransportOptions::default());
    session.setup(0, SetupOptions::default().transport(tcp).frame_format(FrameFormat::SIMPLE)).await.unwrap();
    session.play(PlayOptions::default()).await.unwrap().demuxed().unwrap()
}

/// The next picture's size, or none where there is none for `limit`. Pictures before the first parameter sets have no
/// size yet: who joins between two keyframes waits for the next.
async fn picture(session: &mut retina::client::Demuxed, limit: Duration) -> Option<(u32, u32)> {
    let frame = async {
        loop {
            if let CodecItem::VideoFrame(_) = session.next().await.unwrap().unwrap()
                && let Some(retina::codec::ParametersRef::Video(video)) = session.streams()[0].parameters()
            {
                return video.pixel_dimensions();
            }
        }
    };
    tokio::time::timeout(limit, frame).await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_streams_main_and_sub_loses_its_signal_when_told_and_writes_what_is_true() {
    let directory = tempfile::tempdir().unwrap();
    let (log, truth_dir) = (directory.path().join("log"), directory.path().join("truth"));
    let mut command = Command::new(binary("yiwang-city"));
    command.args(["serve", "--seed", "3", "--cameras", "trf-side", "--listen", "127.0.0.1:0", "--codec", "h265"]);
    command.args(["--sub", "--fault", "trf-side:signal_lost:12:17", "--truth"]).arg(&truth_dir);
    let mut city = Process::start(&mut command, &log);
    let words = wait_for("the city's streams", LONG, || {
        city.assert_running();
        std::fs::read_to_string(&log).ok().filter(|text| text.contains("\nready "))
    });
    let url = |kind: &str| words.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(" trf-side ")).unwrap();
    let (mut main, mut sub) = (open(url("camera")).await, open(url("sub")).await);
    let second = Duration::from_secs(1);
    assert_eq!(picture(&mut main, 5 * second).await, Some((640, 360)));
    assert_eq!(picture(&mut sub, 5 * second).await, Some((320, 180)));
    // Pictures come each 80 ms until the signal is lost.
    while picture(&mut main, 2 * second).await.is_some() {}
    assert_eq!(picture(&mut main, 10 * second).await, Some((640, 360)), "the signal is back on the same connection");
    let fault = wait_for("the fault in the truth", LONG, || {
        let lines = truth::read("city", &std::fs::read_to_string(truth_dir.join("city.jsonl")).ok()?).ok()?;
        lines.into_iter().find_map(|line| match line {
            Line::Fault(fault) => Some(fault),
            _ => None,
        })
    });
    assert_eq!((fault.camera.as_str(), fault.from_us, fault.to_us), ("trf-side", 12_000_000, 17_000_000));
}
