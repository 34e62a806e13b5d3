//! Clips: what the gateway kept around an event comes as one file that another decoder plays, with the hash that was made
//! where it was cut, for whoever may look and nobody else.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use yiwang_tests::process::wait_for;

use crate::media::decoded;
use crate::site::{Answer, Desk, LONG, Site};

/// A clip as it was downloaded.
struct Taken {
    manifest: Value,
    file: Vec<u8>,
    sha256: String,
}

impl Taken {
    fn number(&self, pointer: &str) -> u64 {
        self.manifest.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer}: {}", self.manifest))
    }

    fn text(&self, pointer: &str) -> &str {
        self.manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {}", self.manifest))
    }
}

/// Unpacks a download and hashes it with the system's own programs; none where it is a refusal.
fn unpack(desk: &Desk, answer: &Answer) -> Option<Taken> {
    if answer.header("content-type") != Some("application/x-tar") {
        return None;
    }
    let folder = desk.folder.join(uuid::Uuid::now_v7().to_string());
    std::fs::create_dir(&folder).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::write(folder.join("clip.tar"), &answer.body).unwrap();
    assert_eq!(run("tar", &["-tf", "clip.tar"]), "manifest.json\nclip.mp4\n");
    run("tar", &["-xf", "clip.tar"]);
    let read = |name: &str| std::fs::read(Path::new(&folder).join(name)).unwrap();
    let sha256 = run("sha256sum", &["clip.mp4"]).split(' ').next().unwrap().to_owned();
    Some(Taken { manifest: serde_json::from_slice(&read("manifest.json")).unwrap(), file: read("clip.mp4"), sha256 })
}

fn us(text: &str) -> i64 {
    yiwang_tests::check::parse_time(text).unwrap_or_else(|| panic!("{text} is no time"))
}

#[test]
fn a_clip_around_an_event_is_what_its_gateway_hashed_for_whoever_may_look() {
    let name = "a_clip_around_an_event_is_what_its_gateway_hashed_for_whoever_may_look";
    let cameras = ["people", "people-masked", "private"];
    let Some(Site { desk, config, gateway, cameras }) = Site::with(name, &cameras, |hub| hub) else { return };
    let (police, op) = (desk.log_in("wang"), desk.log_in("op"));
    let end = wait_for("somebody to have come and gone", 3 * LONG, || {
        desk.event(&police, "people", "end").filter(|end| end["attributes"]["clip_sha256"].is_string())
    });
    assert_eq!(desk.said("a clip was asked for"), 0, "nothing goes unasked");

    let taken = wait_for("the clip around it", LONG, || {
        unpack(&desk, &desk.clip(&police, "people", json!({"event": end["id"]})))
    });
    assert_eq!(
        (taken.sha256.as_str(), taken.file.len() as u64),
        (taken.text("/clip/sha256"), taken.number("/clip/bytes"))
    );
    let (pictures, span_ms) = decoded(taken.file.clone());
    let announced = usize::try_from(taken.number("/clip/pictures")).unwrap();
    assert!(pictures > 20 && pictures + 3 >= announced, "{pictures} of {announced} decode");
    // It covers what was asked for, as far as was kept: from a keyframe before, to the event's end.
    let (from, to) = (us(taken.text("/clip/from")), us(taken.text("/clip/to")));
    let (asked_from, asked_to) = (us(taken.text("/clip/asked_from")), us(taken.text("/clip/asked_to")));
    assert!(asked_to - to <= 200_000 && to - asked_to < 200_000, "{}", taken.manifest);
    assert!(from <= asked_from || taken.manifest["clip"]["begins_late"] == true, "{}", taken.manifest);
    // Played by the camera's own clock; the times of its first seconds are corrected as sender reports come.
    assert!((span_ms as i64 - (to - from) / 1000).abs() < 1_500, "{span_ms} ms decode of {} ms", (to - from) / 1000);
    assert_eq!((taken.text("/asked/by"), taken.text("/camera/camera")), ("wang", "people"));
    assert_eq!(taken.text("/event/id"), end["id"].as_str().unwrap());
    // The event carries the hash of the clip around it, made when it ended: this is that clip.
    assert_eq!(taken.text("/event/clip_sha256"), taken.sha256, "{}", taken.manifest);
    assert_eq!(taken.manifest["event"]["same_clip"], true);

    // The record has the ask before the taking, and both stand where the manifest says.
    let list = desk.hub.command(&["audit", "list"]);
    assert!(taken.number("/record/asked/seq") < taken.number("/record/taken/seq"));
    assert!(list.contains("pictures.clip ") && list.contains("pictures.clip_taken"), "{list}");
    desk.hub.command(&["audit", "verify"]);

    // Between two moments; and again, which is the same file.
    let wish = || json!({"from": taken.text("/clip/from"), "to": taken.text("/clip/to")});
    let again = unpack(&desk, &desk.clip(&police, "people", wish())).expect("a clip between two moments");
    assert!(again.number("/clip/pictures") > 20);

    // Refused in words; of what is refused at the hub no gateway hears.
    let asked = desk.said("a clip was asked for");
    let code = |jar: &Path, camera: &str, wish: Value| desk.clip(jar, camera, wish).refused();
    assert_eq!(code(&police, "people-masked", wish()), "masked");
    assert_eq!(code(&police, "private", wish()), "pictures_off");
    let long_ago = json!({"from": "2020-01-01T00:00:00Z", "to": "2020-01-01T00:00:09Z"});
    assert_eq!(code(&police, "people", long_ago), "clip_not_kept");
    assert_eq!(code(&police, "people", json!({})), "bad_request");
    assert_eq!(code(&police, "people", json!({"event": uuid::Uuid::now_v7().to_string()})), "not_found");
    assert_eq!(code(&op, "people", json!({"event": end["id"], "reason": "an alarm"})), "pictures_not_granted");
    let grant = ["grant", "add", "--department", "operations", "--sees", "pictures/police"];
    desk.hub.command(&grant);
    wait_for("the grant to hold", LONG, || (code(&op, "people", wish()) == "reason_needed").then_some(()));
    assert_eq!(desk.said("a clip was asked for"), asked);
    let mut reasoned = wish();
    reasoned["reason"] = "who fell at the gate?".into();
    let granted = unpack(&desk, &desk.clip(&op, "people", reasoned)).expect("a clip for who has a grant and a reason");
    assert_eq!(granted.text("/asked/why"), "who fell at the gate?");

    // The site keeps none any more: what was kept is forgotten with it.
    desk.reload(&config, |text| text + "\n[pictures]\nclip_s = 0\n");
    wait_for("the site to keep none", LONG, || match code(&police, "people", wish()).as_str() {
        "clips_off" => Some(()),
        other => {
            assert!(matches!(other, "gateway_offline" | "no refusal"), "{other}");
            None
        }
    });
    drop((gateway, cameras));
}
