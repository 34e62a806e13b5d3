//! Looking through what goes wrong: a line that loses, one that is thin, a hub that restarts, a camera that stops. Each ends
//! or goes on as `gateway/DESIGN.md` says. (A right that is lost while watching is proved in `main.rs`.)

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use yiwang_tests::process::wait_for;
use yiwang_tests::proxy::{Impairment, Proxy};
use yiwang_tests::viewer::Viewer;

use crate::media::played;
use crate::site::{LONG, PASSWORD, Record, Site, Watching, records};

/// A site with one camera behind a line that can be made bad.
fn behind(name: &str) -> Option<(Site, Proxy, Runtime)> {
    let runtime = Runtime::new().unwrap();
    let mut line = None;
    let site = Site::with(name, &["people"], |hub| {
        let proxy = runtime.block_on(Proxy::start(hub, Impairment::default(), 7)).unwrap();
        line.insert(proxy).address()
    })?;
    Some((site, line.expect("the gateway has an address"), runtime))
}

fn pictures(records: &[Record]) -> Vec<&Record> {
    records.iter().filter(|record| record.kind == b'm').collect()
}

fn captured_us(picture: &Record) -> i64 {
    i64::from_be_bytes(picture.body[1..9].try_into().unwrap())
}

/// Somebody who watches, once a picture has come.
fn watched(site: &Site, jar: &std::path::Path, seconds: u32) -> Watching {
    wait_for("somebody watches", LONG, || {
        let watching = site.desk.watch(jar, "people", "", seconds);
        watching.has_begun().then_some(watching)
    })
}

#[test]
fn nothing_is_sent_unwatched_and_loss_costs_pictures_and_not_the_present() {
    let name = "nothing_is_sent_unwatched_and_loss_costs_pictures_and_not_the_present";
    let Some((site, line, _runtime)) = behind(name) else { return };
    let jar = site.desk.log_in("wang");
    wait_for("a still of the camera", LONG, || site.desk.still(&jar, "people", "").picture());

    // Unwatched: heartbeats, watermarks and events only, far below what a camera sends.
    let during = |seconds: u64, act: &mut dyn FnMut()| {
        let (before, begun) = (line.up_bytes(), Instant::now());
        act();
        std::thread::sleep(Duration::from_secs(seconds).saturating_sub(begun.elapsed()));
        (line.up_bytes() - before) as f64 / begun.elapsed().as_secs_f64()
    };
    let unwatched = during(4, &mut || ());
    line.set(Impairment { loss: 0.05, delay_us: 20_000, jitter_us: 2_000, ..Impairment::default() });
    let mut seen = Vec::new();
    let watched = during(0, &mut || seen = records(&watched(&site, &jar, 10).wait()));
    assert!(unwatched * 3.0 < watched, "{unwatched:.0} B/s unwatched, {watched:.0} watched");
    // What is lost is sent again: the pictures go on and are of now.
    let shown = pictures(&seen);
    let span_us = captured_us(shown.last().unwrap()) - captured_us(shown[0]);
    assert!(span_us >= 5_000_000, "{} pictures of {span_us} µs", shown.len());
    let mut ages_ms: Vec<u32> = shown.iter().map(|p| u32::from_be_bytes(p.body[9..13].try_into().unwrap())).collect();
    ages_ms.sort_unstable();
    assert!(ages_ms[ages_ms.len() / 2] < 2_000, "{ages_ms:?}");
    let (decoded, _) = played(&seen);
    assert!(decoded + 5 >= shown.len(), "{decoded} of {} decode", shown.len());
}

#[test]
fn a_thin_line_loses_pictures_and_brings_the_events() {
    let name = "a_thin_line_loses_pictures_and_brings_the_events";
    let Some((site, line, _runtime)) = behind(name) else { return };
    let jar = site.desk.log_in("wang");
    let _watching = watched(&site, &jar, 600);
    // Less than half of what the camera sends.
    line.set(Impairment { rate_bytes: 12_000, delay_us: 20_000, ..Impairment::default() });
    let newest = || site.desk.event(&jar, "people", "begin").map(|event| event["id"].clone());
    let before = newest();
    wait_for("an event of what happened while somebody watches", 3 * LONG, || {
        newest().filter(|now| Some(now) != before.as_ref())
    });
}

#[test]
fn one_who_does_not_read_slows_nobody_who_does() {
    let name = "one_who_does_not_read_slows_nobody_who_does";
    let Some((site, _line, _runtime)) = behind(name) else { return };
    let jar = site.desk.log_in("wang");
    wait_for("a still of the camera", LONG, || site.desk.still(&jar, "people", "").picture());
    let viewer = Viewer::log_in(&site.desk.hub.web, "wang", PASSWORD).unwrap();
    // Their answers fill up the way to them and stay there.
    let _stuck: Vec<_> = (0..3).map(|_| viewer.watch(&site.desk.gateway, "people").unwrap()).collect();
    let seen = records(&site.desk.watch(&jar, "people", "", 8).wait());
    let shown = pictures(&seen);
    assert!(shown.len() >= 30, "{} pictures in 8 s", shown.len());
    assert!(captured_us(shown.last().unwrap()) - captured_us(shown[0]) >= 4_000_000, "time goes on");
}

#[test]
fn a_camera_that_stops_is_quiet_and_goes_on_and_a_hub_that_restarts_ends_it_until_asked_again() {
    let name = "a_camera_that_stops_is_quiet_and_goes_on_and_a_hub_that_restarts_ends_it_until_asked_again";
    let Some((mut site, _line, _runtime)) = behind(name) else { return };
    let jar = site.desk.log_in("wang");
    let mut watching = watched(&site, &jar, 600);
    let seen = |watching: &Watching| records(&std::fs::read(&watching.file).unwrap());

    // Each second without a picture is told as such, so that a page never takes the last one for now.
    site.cameras.stop("people").unwrap();
    let quiet = |seen: &[Record]| seen.iter().rev().take_while(|record| record.kind == b'h').count();
    wait_for("silence to be told", LONG, || (quiet(&seen(&watching)) >= 3).then_some(()));
    let before = seen(&watching).len();
    site.cameras.go("people").unwrap();
    wait_for("pictures again, in the same answer", 2 * LONG, || {
        (pictures(&seen(&watching)[before..]).len() > 20).then_some(())
    });

    // The hub goes: the answer ends. It comes back: whoever asks again sees again, on the same account.
    site.desk.hub.restart();
    watching.wait();
    drop(watching);
    watched(&site, &jar, 20);
}
