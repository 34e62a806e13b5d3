//! What people on a site live through, with the real programs: a certificate near its end, a camera that goes and comes
//! back, a gateway that dies, a page over TLS.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use yiwang_city::rtsp::{CameraSpec, Server, ServerSettings};
use yiwang_gateway::uplink::{Identity, renew};
use yiwang_hub::registry::Authority;
use yiwang_tests::feed;
use yiwang_tests::process::{Hub, Process, binary, wait_for};

const DAY_US: i64 = 86_400_000_000;
const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_certificate_near_its_end_is_renewed_and_used_from_the_next_connection_on() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(&directory.path().join("hub"));
    let state = directory.path().join("gateway");
    join(&hub, "site", &state);
    // The certificate that this gateway would hold had it joined 28 days ago: two days are left.
    let gateway = Identity::load(&state).unwrap().unwrap().gateway;
    let key_pem = std::fs::read_to_string(state.join("gateway.key")).unwrap();
    let request = renew::request(&key_pem, &gateway).unwrap();
    let authority = Authority::open(&directory.path().join("hub/data/ca"), now_us()).unwrap();
    let old = authority.issue_gateway(&request, &gateway, now_us() - 28 * DAY_US).unwrap();
    assert!(old.ends_us < now_us() + 3 * DAY_US);
    std::fs::write(state.join("chain.pem"), &old.chain_pem).unwrap();

    let emit = || {
        let mut command = Command::new(binary("yiwang-emit"));
        command.arg("--state").arg(&state).arg("--record").arg(directory.path().join("record")).args(["--rate", "5"]);
        Process::start(&mut command, &directory.path().join("emit.log"))
    };
    let running = emit();
    let chain = wait_for("another certificate in the state folder", LONG, || {
        let chain = std::fs::read_to_string(state.join("chain.pem")).ok()?;
        (chain != old.chain_pem && chain.contains("END CERTIFICATE")).then_some(chain)
    });
    drop(running);
    let _again = emit();
    let token = hub.feed_token();
    wait_for("the gateway to be connected with it", LONG, || {
        let found = list(&hub, &token, "gateways").into_iter().find(|g| g["id"] == gateway.as_str())?;
        (found["state"] == "connected").then_some(())
    });
    assert_eq!(chain, std::fs::read_to_string(state.join("chain.pem")).unwrap(), "a good one is not renewed again");
}

#[test]
fn a_camera_that_goes_is_down_with_its_cause_and_a_gateway_that_dies_is_no_contact() {
    let name = "a_camera_that_goes_is_down_with_its_cause_and_a_gateway_that_dies_is_no_contact";
    let Some(clips) = yiwang_tests::assets::clips(name) else { return };
    let Some(models) = yiwang_tests::assets::models(name) else { return };
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(&directory.path().join("hub"));
    let state = directory.path().join("gateway");
    join(&hub, "site", &state);
    let serve = |address: SocketAddr| {
        Server::start(&ServerSettings {
            listen: address,
            cameras: vec![CameraSpec::new("east", clips.join("one-by-one-person-detection.mp4"))],
            schedule: None,
        })
        .unwrap()
    };
    let cameras = serve("127.0.0.1:0".parse().unwrap());
    let (address, url) = (cameras.address(), cameras.url("east"));
    let config = directory.path().join("gateway.toml");
    let model = models.join("yolox_nano_416.onnx");
    let text = format!(
        "state_dir = {state:?}\n[model]\nfile = {model:?}\nfamily = \"yolox\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [[camera]]\nid = \"east\"\nname = \"东门\"\nurl = \"{url}\"\nposition = [120.15, 30.28]\n"
    );
    std::fs::write(&config, text).unwrap();
    let start = || {
        let mut command = Command::new(binary("yiwang-gateway"));
        command.arg("run").arg("--config").arg(&config);
        Process::start(&mut command, &directory.path().join("gateway.log"))
    };
    let gateway = start();
    let token = hub.feed_token();
    let camera = || list(&hub, &token, "cameras").into_iter().next();
    let until = |what: &str, right: &dyn Fn(&Value) -> bool| wait_for(what, LONG, || camera().filter(right));

    until("the camera is ok and complete", &|c| c["state"] == "ok" && !c["complete_to"].is_null());
    drop(cameras);
    let down = until("the camera is down", &|c| c["state"] == "down" && c["cause"] == "refused");
    assert!(down["cause_text"].as_str().unwrap().contains("refuses the connection"), "{down}");
    let cameras = serve(address);
    let back = until("the camera is back, with its gap", &|c| {
        c["state"] == "ok" && c["gaps"].as_array().is_some_and(|gaps| !gaps.is_empty())
    });
    let told: Vec<String> = kinds(&hub, &token);
    assert!(told.contains(&"camera.signal_lost begin".into()) && told.contains(&"camera.signal_lost end".into()));

    drop(gateway);
    let gone = until("no contact", &|c| c["state"] == "no_contact");
    assert!(gone["complete_to"].as_str() >= back["complete_to"].as_str(), "what was complete stays so");
    // Started again: what lay between the two runs was analysed by nobody, and is said so.
    let _gateway = start();
    until("the gap between the two runs", &|c| {
        c["state"] == "ok" && c["gaps"].as_array().is_some_and(|gaps| gaps.iter().any(|g| g["reason"] == "not_running"))
    });
    drop(cameras);
}

#[test]
fn the_page_is_served_over_tls_with_the_hubs_own_ca_unless_told_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut command = Command::new(binary("yiwang-hub"));
    command.arg("serve").arg("--data").arg(&data).args(["--quic", "127.0.0.1:0", "--web", "127.0.0.1:0"]);
    let _hub = Process::start(&mut command, &directory.path().join("hub.log"));
    let web = wait_for("the hub's address", LONG, || {
        let addresses: Value =
            serde_json::from_str(&std::fs::read_to_string(data.join("addresses.json")).ok()?).ok()?;
        Some(addresses["web"].as_str()?.to_owned())
    });
    assert!(web.starts_with("https://"), "{web}");
    let ask = |with_ca: bool| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-m", "10", &format!("{web}/healthz")]);
        if with_ca {
            curl.arg("--cacert").arg(data.join("ca/ca.pem"));
        }
        curl.output().unwrap()
    };
    let trusted = ask(true);
    assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stderr));
    assert!(String::from_utf8_lossy(&trusted.stdout).contains("\"ok\""));
    assert!(!ask(false).status.success(), "a stranger's CA must not be believed");
}

fn join(hub: &Hub, department: &str, state: &Path) {
    let mut command = Command::new(binary("yiwang-gateway"));
    command.args(["join", &hub.quic.to_string(), &hub.join_token(department), "--name", "site", "--state-dir"]);
    let output = command.arg(state).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn kinds(hub: &Hub, token: &str) -> Vec<String> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    list(hub, token, "events").iter().map(|e| format!("{} {}", text(e, "kind"), text(e, "phase"))).collect()
}

/// What `/api/v1/NAME` lists.
fn list(hub: &Hub, token: &str, name: &str) -> Vec<Value> {
    let answer = feed::get(&format!("{}/api/v1/{name}", hub.web), token).unwrap_or_default();
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    answer[name].as_array().cloned().unwrap_or_default()
}

fn now_us() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}
