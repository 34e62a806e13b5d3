//! A gateway that answers wrongly: what is not the clip that it hashed is not handed to anybody, and the refusal says so.

use quinn::Connection;
use serde_json::json;
use tokio::runtime::Runtime;
use yiwang_tests::link::{self, Identity, Link};
use yiwang_tests::process::{Hub, wait_for};
use yiwang_wire::pb::{self, answer};
use yiwang_wire::picture::NoPicture;
use yiwang_wire::{codec, frame};

use crate::site::{Desk, LONG, PASSWORD};

const FILE: &[u8] = b"this stands for a clip";
/// Of [`FILE`], by `sha256sum`.
const SHA256: &str = "4b449b9d7266d8c9793e75a643933042ac01311344c883ca8f75c64cfee3d545";

/// What it answers, and what the person is told; none where the clip comes.
type Case = (&'static str, fn() -> Vec<u8>, Option<&'static str>);

const CASES: [Case; 6] = [
    ("the truth", || with(|_| (), FILE), None),
    ("another hash", || with(|begins| begins.sha256[0] ^= 1, FILE), Some("answer_broken")),
    ("less than announced", || with(|begins| begins.bytes += 1, FILE), Some("answer_broken")),
    ("more than announced", || with(|begins| begins.bytes -= 1, FILE), Some("answer_broken")),
    ("something else", || framed(answer::Answer::Live(pb::LiveBegins {})), Some("answer_broken")),
    ("nothing kept", || framed(codec::no_picture(NoPicture::NotKept, "")), Some("clip_not_kept")),
];

fn framed(answer: answer::Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_answer(answer), &mut bytes);
    bytes
}

fn with(change: fn(&mut pb::ClipBegins), file: &[u8]) -> Vec<u8> {
    let hash = (0..32).map(|at| u8::from_str_radix(&SHA256[2 * at..2 * at + 2], 16).unwrap()).collect();
    let mut begins = pb::ClipBegins {
        from_us: 1_000_000,
        to_us: 2_000_000,
        sent_us: 3_000_000,
        bytes: u32::try_from(FILE.len()).unwrap(),
        sha256: hash,
        codec: "avc1.64001f".into(),
        width_px: 640,
        height_px: 360,
        pictures: 25,
        time_error_ms: 1,
    };
    change(&mut begins);
    let mut bytes = framed(answer::Answer::Clip(begins));
    bytes.extend_from_slice(file);
    bytes
}

/// Answers each ask with the next case.
async fn answer(connection: Connection) {
    for (_, bytes, _) in CASES {
        let Ok((mut send, mut receive)) = connection.accept_bi().await else { return };
        receive.read_to_end(4096).await.unwrap();
        send.write_all(&bytes()).await.unwrap();
        send.finish().unwrap();
    }
}

#[test]
fn what_is_not_the_clip_that_was_hashed_is_not_handed_on() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().to_owned();
    let hub = Hub::start(&folder.join("hub"));
    let runtime = Runtime::new().unwrap();
    let (link, gateway) = runtime.block_on(async {
        let endpoint = link::endpoint().unwrap();
        let identity = Identity::join(&endpoint, hub.quic, &hub.join_token("police"), "liar").await.unwrap();
        let link = Link::open(&endpoint, hub.quic, &identity, 7, "camera").await.unwrap();
        (link, identity.gateway)
    });
    hub.add_user("wang", "department", "police", PASSWORD);
    let _answering = runtime.spawn(answer(link.connection.clone()));
    let desk = Desk { hub, folder, gateway, _directory: directory };
    let jar = desk.log_in("wang");
    for (what, _, expected) in CASES {
        let answer = wait_for(what, LONG, || {
            let wish = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:09Z"});
            // The hub hears of the camera a moment after it has welcomed the gateway.
            Some(desk.clip(&jar, "camera", wish)).filter(|answer| answer.refused() != "not_found")
        });
        match expected {
            Some(code) => assert_eq!(answer.refused(), code, "{what}"),
            None => assert_eq!(answer.header("content-type"), Some("application/x-tar"), "{what}"),
        }
    }
    drop(link);
}
