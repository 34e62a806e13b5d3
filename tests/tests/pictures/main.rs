//! Stills, live video and clips from a camera to a person at the centre, with the real programs in between: what is masked is
//! black in the bytes that arrive, what the site keeps to itself does not leave, and everything is on the record.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

mod clips;
mod faults;
mod liar;
mod media;
mod site;

use std::time::{Duration, Instant};

use yiwang_tests::process::wait_for;

use self::media::{decode, inside, played, spread};
use self::site::{LONG, Record, Site, records};

#[test]
fn a_still_is_the_newest_picture_with_its_masks_black_for_whoever_may_look() {
    let name = "a_still_is_the_newest_picture_with_its_masks_black_for_whoever_may_look";
    let Some(Site { desk, config, gateway, cameras }) = Site::open(name) else { return };
    let hub = &desk.hub;
    let (police, op) = (desk.log_in("wang"), desk.log_in("op"));
    let first = wait_for("a still that is new, not the first that came", LONG, || {
        desk.still(&police, "people", "").picture().filter(|shot| shot.age_ms < 5_000)
    });
    assert!(!first.masked);
    let plain = decode(&first.jpeg);
    assert!(spread(&plain) > 50, "there is something in the picture");

    // The same mask over two different scenes: nothing of either is in the bytes.
    for masked in ["people-masked", "cars-masked"] {
        let got = wait_for(masked, LONG, || desk.still(&police, masked, "").picture());
        let picture = decode(&got.jpeg);
        assert!(got.masked);
        assert!(spread(&picture) > 50, "{masked}: the rest is there");
        let levels = inside(&picture);
        let (least, most) = (levels.iter().min().unwrap(), levels.iter().max().unwrap());
        assert!(*most <= 24 && most - least <= 4, "{masked}: {least}–{most} under the mask");
    }
    let seen = inside(&plain);
    assert!(seen.iter().max() > Some(&40), "what the mask hides would be seen without it");

    // Who may, and why not: each refusal names its cause.
    assert_eq!(desk.still(&police, "private", "").refused(), "pictures_off");
    assert_eq!(desk.still(&police, "gone", "").refused(), "no_picture");
    assert_eq!(desk.still(&op, "people", "an alarm").refused(), "pictures_not_granted");
    hub.command(&["grant", "add", "--department", "operations", "--sees", "pictures/police"]);
    assert_eq!(desk.still(&op, "people", "").refused(), "reason_needed");
    let granted = wait_for("the grant to hold", LONG, || desk.still(&op, "people", "who fell at the gate?").picture());
    assert!(spread(&decode(&granted.jpeg)) > 50);
    assert!(hub.command(&["audit", "list"]).contains("who fell at the gate?"));
    hub.command(&["audit", "verify"]);

    // The site changes its mind: it holds from the next ask on, without a restart.
    desk.reload(&config, |text| text.replace("id = \"people\"\n", "id = \"people\"\npictures = false\n"));
    // The gateway greets the hub anew and is away for that moment; a picture is never among the answers.
    wait_for("the hub to have been greeted anew", LONG, || {
        match desk.still(&police, "people", "").refused().as_str() {
            "pictures_off" => Some(()),
            other => {
                assert_eq!(other, "gateway_offline");
                None
            }
        }
    });
    drop(gateway);
    wait_for("the hub to know that the gateway is away", LONG, || {
        (desk.still(&police, "people-masked", "").refused() == "gateway_offline").then_some(())
    });
    drop(cameras);
}

#[test]
fn live_video_is_the_cameras_own_once_for_all_who_watch_until_they_may_no_longer() {
    let name = "live_video_is_the_cameras_own_once_for_all_who_watch_until_they_may_no_longer";
    let Some(Site { desk, config: _, gateway, cameras }) = Site::open(name) else { return };
    let (police, op) = (desk.log_in("wang"), desk.log_in("op"));
    wait_for("a still of the camera", LONG, || desk.still(&police, "people", "").picture());
    wait_for("one of the masked camera", LONG, || desk.still(&police, "people-masked", "").picture());

    // A masked camera is never sent as it is, and everything else is told in words too.
    assert_eq!(desk.ask(&police, "people-masked", "live", "").refused(), "masked");
    assert_eq!(desk.ask(&police, "private", "live", "").refused(), "pictures_off");
    assert_eq!(desk.ask(&police, "gone", "live", "").refused(), "no_picture");
    assert_eq!(desk.ask(&op, "people", "live", "an alarm").refused(), "pictures_not_granted");

    // Four watch at the same time: each gets pictures that decode and go on, the gateway is asked once.
    let watched: Vec<Vec<Record>> = std::thread::scope(|scope| {
        let watch = |_: i32| scope.spawn(|| records(&desk.watch(&police, "people", "", 6).wait()));
        (0..4).map(watch).collect::<Vec<_>>().into_iter().map(|one| one.join().unwrap()).collect()
    });
    for seen in &watched {
        let pictures: Vec<_> = seen.iter().filter(|record| record.kind == b'm').collect();
        assert!(pictures.len() >= 30, "{} pictures in 6 s", pictures.len());
        assert_eq!(pictures[0].body[0], 1, "the first can be shown");
        // In the order of decoding, which is not that of showing where a camera sends pictures out of order.
        let captured = || pictures.iter().map(|p| i64::from_be_bytes(p.body[1..9].try_into().unwrap()));
        assert!(captured().max().unwrap() - captured().min().unwrap() >= 2_000_000, "time goes on");
        let (shown, span_ms) = played(seen);
        assert!(shown + 3 >= pictures.len(), "{shown} of {} decode", pictures.len());
        assert!(span_ms >= 2_000, "what decodes spans {span_ms} ms");
    }
    wait_for("the gateway to be told to stop", LONG, || (desk.said("live video has ended") > 0).then_some(()));
    assert_eq!(desk.said("live video goes to the hub"), 1, "four viewers, one uplink");

    // Whoever loses the right, or leaves, sees nothing from then on.
    let grants = ["grant", "add", "--department", "operations", "--sees", "pictures/police"];
    desk.hub.command(&grants);
    let until = |what: &str, act: &dyn Fn()| {
        let mut watching = wait_for("somebody watches", LONG, || {
            let watching = desk.watch(&op, "people", "who fell?", 30);
            watching.has_begun().then_some(watching)
        });
        let acted = Instant::now();
        act();
        let seen = records(&watching.wait());
        assert!(acted.elapsed() < Duration::from_secs(10), "{what}: it went on for {:?}", acted.elapsed());
        let end = seen.iter().find(|record| record.kind == b'e').unwrap_or_else(|| panic!("{what}: no end"));
        assert!(String::from_utf8_lossy(&end.body).contains("access_ended"), "{what}");
    };
    until("revoked", &|| {
        drop(desk.hub.command(&["grant", "remove", "--department", "operations", "--sees", "pictures/police"]))
    });
    desk.hub.command(&grants);
    until("logged out", &|| drop(desk.post(&op, "/api/v1/logout", &serde_json::json!({}))));
    drop((gateway, cameras));
}
