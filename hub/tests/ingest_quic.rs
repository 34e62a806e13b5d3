//! Ingest over real QUIC on loopback: who is let in, what ends a connection, what is acknowledged, what is seen.

mod ingest_support;

use std::time::{Duration, Instant};

use ingest_support::*;
use yiwang_hub::log::SqliteLogSettings;
use yiwang_hub::registry::{Authority, now_us};
use yiwang_wire::close::CloseCode;
use yiwang_wire::pb::{self, down, up};
use yiwang_wire::{ALPN, limits};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_nothing_is_read() {
    let site = Site::start();
    let connection = connect(site.address, site.hub.authority.ca_der(), None, ALPN).await.unwrap();
    assert_eq!(closed(&connection).await, CloseCode::CertificateRequired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_does_not_shake_hands() {
    let site = Site::start();
    let mine = site.joined("police").await;
    let foreign_dir = tempfile::tempdir().unwrap();
    let foreign = Authority::open(foreign_dir.path(), now_us()).unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&mine.key).unwrap();
    let issued = foreign.issue_gateway(csr.der(), &mine.gateway, now_us()).unwrap();
    let chain = rustls::pki_types::pem::PemObject::pem_slice_iter(issued.chain_pem.as_bytes());
    let stranger = Identity { chain: chain.collect::<Result<_, _>>().unwrap(), ..mine };
    // The client may believe that it is connected until the hub has seen the certificate.
    let refused = match connect(site.address, site.hub.authority.ca_der(), Some(&stranger), ALPN).await {
        Ok(connection) => tokio::time::timeout(PATIENCE, connection.closed()).await.unwrap(),
        Err(error) => error,
    };
    let text = refused.to_string();
    assert!(matches!(refused, quinn::ConnectionError::ConnectionClosed(_)), "{text}");
    assert!(site.presence().get(&stranger.gateway).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_the_registry_does_not_know_is_refused() {
    let site = Site::start();
    let mut identity = site.joined("police").await;
    let csr = rcgen::CertificateParams::default().serialize_request(&identity.key).unwrap();
    let issued = site.hub.authority.issue_gateway(csr.der(), "gw-nobody22", now_us()).unwrap();
    identity.chain = rustls::pki_types::pem::PemObject::pem_slice_iter(issued.chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap();
    let connection = connect(site.address, site.hub.authority.ca_der(), Some(&identity), ALPN).await.unwrap();
    assert_eq!(closed(&connection).await, CloseCode::UnknownGateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_ends_a_live_connection_within_two_seconds_and_refuses_the_next() {
    let site = Site::start();
    let (revoked, other) = (site.joined("police").await, site.joined("police").await);
    let client = Client::open(&site, &revoked, &["east"]).await;
    let stays = Client::open(&site, &other, &["east"]).await;
    // As `yiwang-hub gateway revoke` does it: another handle on the same database.
    let cli = (yiwang_hub::store::BACKENDS[0].open)(site.dir.path()).unwrap();
    assert!(cli.revoke_gateway(&revoked.gateway, now_us()).unwrap());
    let since = Instant::now();
    assert_eq!(client.closed().await, CloseCode::Revoked);
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    let again = connect(site.address, site.hub.authority.ca_der(), Some(&revoked), ALPN).await.unwrap();
    assert_eq!(closed(&again).await, CloseCode::Revoked);
    assert!(stays.connection.close_reason().is_none());
    until("presence follows", || site.presence().get(&revoked.gateway).unwrap().connection.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_ends_its_own_connection_only() {
    let site = Site::start();
    let (bad, good) = (site.joined("police").await, site.joined("traffic").await);
    let mut bystander = Client::open(&site, &good, &["west"]).await;
    let oversized_control = u32::try_from(limits::MAX_CONTROL_BYTES + 1).unwrap().to_le_bytes().to_vec();
    let oversized_events = u32::try_from(limits::MAX_FRAME_BYTES + 1).unwrap().to_le_bytes().to_vec();
    let nonsense = [vec![8, 0, 0, 0], vec![0xff; 8]].concat();
    let other_camera = batch(&records("south", 1..=1));
    let others_camera = batch(&records(&format!("{}/west", good.gateway), 1..=1));
    let cases: [(&str, bool, Vec<u8>, CloseCode); 6] = [
        ("control above its bound", true, oversized_control, CloseCode::TooLarge),
        ("control that is no message", true, nonsense.clone(), CloseCode::Protocol),
        ("events above their bound", false, oversized_events, CloseCode::TooLarge),
        ("events that are no message", false, nonsense, CloseCode::Protocol),
        ("a camera that it did not declare", false, other_camera, CloseCode::NotYours),
        ("another gateway's camera", false, others_camera, CloseCode::NotYours),
    ];
    for (what, control, bytes, code) in cases {
        let mut client = Client::open(&site, &bad, &["east"]).await;
        if control {
            client.raw(&bytes).await;
        } else {
            let mut stream = client.connection.open_uni().await.unwrap();
            stream.write_all(&bytes).await.unwrap();
        }
        assert_eq!(client.closed().await, code, "{what}");
    }
    assert_eq!(site.hub.log.newest_position(), 0, "nothing of it is kept");
    bystander.send(&records("west", 1..=3)).await;
    bystander.acknowledged(1, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_in_the_log_once_after_reopening() {
    let site = Site::start();
    let identity = site.joined("police").await;
    let mut client = Client::open(&site, &identity, &["east"]).await;
    assert!(client.welcome.durable.iter().all(|durable| durable.ranges.is_empty()));
    client.send(&records("east", 1..=500)).await;
    client.send(&records("east", 400..=900)).await;
    client.acknowledged(1, 900).await;
    client.connection.close(0u32.into(), b"");

    let mut again = Client::open(&site, &identity, &["east"]).await;
    let ranges: Vec<_> = again.welcome.durable[0].ranges.iter().map(|range| (range.first, range.last)).collect();
    assert_eq!((again.welcome.durable[0].epoch, ranges), (EPOCH, vec![(1, 900)]));
    again.send(&records("east", 1..=1000)).await;
    again.acknowledged(1, 1000).await;

    let stored = site.reopened_log().await;
    // Streams overtake each other, so the log's order is not the sequences' order.
    let mut sequences: Vec<u64> = stored.iter().map(|entry| entry.sequence).collect();
    sequences.sort_unstable();
    assert!(sequences.iter().copied().eq(1..=1000), "each once: {} entries", sequences.len());
    let first = stored.iter().find(|entry| entry.sequence == 1).unwrap();
    assert_eq!(yiwang_wire::codec::decode_record(&first.record).unwrap(), record("east", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn watermarks_wait_until_what_is_before_them_is_durable() {
    let site = Site::start();
    let identity = site.joined("police").await;
    let mut client = Client::open(&site, &identity, &["east"]).await;
    let camera = || site.hub.store.cameras().unwrap().into_iter().find(|camera| camera.info.id == "east").unwrap();
    client.up(watermarks("east", 10, 1000, 77)).await;
    client.send(&records("east", 2..=10)).await;
    client.acknowledged(2, 10).await;
    assert_eq!(camera().complete_to_us, None, "sequence 1 is missing");
    client.send(&records("east", 1..=1)).await;
    let stored_us = loop {
        match client.down().await {
            down::Message::Ack(ack) if ack.watermarks_us != 0 => break ack.watermarks_us,
            _ => {}
        }
    };
    assert_eq!((stored_us, camera().complete_to_us), (77, Some(1000)));
    assert_eq!(camera().gaps.len(), 1);
    // What the spool lost holds nothing back.
    let up::Message::Watermarks(mut marks) = watermarks("east", 20, 2000, 78) else { unreachable!() };
    marks.lost = vec![pb::Durable { epoch: EPOCH, ranges: vec![pb::Range { first: 11, last: 20 }] }];
    client.up(up::Message::Watermarks(marks)).await;
    until("complete to 2000", || camera().complete_to_us == Some(2000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_one_gateway_in_even_where_many_show_it_at_once() {
    let site = Site::start();
    let token = site.token("police", i64::MAX);
    let ca = site.hub.authority.ca_der();
    let attempts = futures_util::future::join_all((0..8).map(|_| join(site.address, ca, &token))).await;
    let (granted, refused): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(granted.len(), 1);
    for reason in refused.into_iter().filter_map(Result::err) {
        assert!(reason.contains("used already") && reason.contains("token create"), "{reason}");
    }
    let identity = granted.into_iter().next().unwrap().unwrap();
    assert_eq!(identity.department, "police");
    assert_eq!(site.hub.store.gateways().unwrap().len(), 1);
    Client::open(&site, &identity, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_and_expired_tokens_are_refused_in_plain_words_and_guessing_is_slowed() {
    let site = Site::start();
    let ca = site.hub.authority.ca_der();
    let expired = site.token("police", now_us() - 1);
    assert!(join(site.address, ca, &expired).await.err().unwrap().contains("expired"));
    let mut unknown = expired;
    let mut refusals = Vec::new();
    for guess in 0..30u8 {
        unknown.secret[0] = guess;
        refusals.push(join(site.address, ca, &unknown).await.err().unwrap());
    }
    assert!(refusals[0].contains("does not know this token"), "{}", refusals[0]);
    assert!(!refusals[29].contains("does not know"), "{}", refusals[29]);
    assert!(site.hub.store.gateways().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_connection_of_a_gateway_counts() {
    let site = Site::start();
    let identity = site.joined("police").await;
    let older = Client::open(&site, &identity, &["east"]).await;
    let newer = Client::open(&site, &identity, &["east"]).await;
    assert_eq!(older.closed().await, CloseCode::Superseded);
    until("the older one is gone", || site.hub.metrics.connections.get() == 1).await;
    assert!(newer.connection.close_reason().is_none());
    assert!(site.presence().get(&identity.gateway).unwrap().is_connected(now_us()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_seen_and_a_certificate_is_renewed_on_the_open_connection() {
    let site = Site::start();
    let identity = site.joined("police").await;
    let mut client = Client::open(&site, &identity, &["east"]).await;
    let camera =
        pb::CameraStatus { camera: "east".into(), state: "ok".into(), analysed_fps: 5.0, ..Default::default() };
    let status = pb::Status { clock_us: now_us(), cameras: vec![camera], spooled_events: 4, ..Default::default() };
    client.up(up::Message::Status(status)).await;
    until("the status is seen", || {
        let line = site.presence().get(&identity.gateway).unwrap();
        line.spooled_events == 4 && line.cameras["east"].state == "ok"
    })
    .await;
    let csr = rcgen::CertificateParams::default().serialize_request(&identity.key).unwrap();
    client.up(up::Message::Renew(pb::Renew { csr_der: csr.der().to_vec() })).await;
    let down::Message::Renewed(renewed) = client.down().await else { panic!("a certificate was expected") };
    let chain = rustls::pki_types::pem::PemObject::pem_slice_iter(&renewed.chain_pem);
    let renewed = Identity { chain: chain.collect::<Result<_, _>>().unwrap(), ..identity };
    Client::open(&site, &renewed, &["east"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_acknowledges_nothing_and_goes_on_when_there_is_room() {
    let site = Site::start_with(SqliteLogSettings { bytes_max: Some(200 * 1024) });
    let identity = site.joined("police").await;
    let mut client = Client::open(&site, &identity, &["east"]).await;
    let mut sent = 0;
    while site.hub.log.trouble().is_none() {
        client.send(&records("east", sent + 1..=sent + 100)).await;
        sent += 100;
        assert!(sent < 20_000, "the bound has no effect");
        let newest = site.hub.log.newest_position();
        until("kept or stuck", || site.hub.log.newest_position() > newest || site.hub.log.trouble().is_some()).await;
    }
    let kept = site.hub.log.newest_position();
    client.acknowledged(1, kept).await;
    let retention = yiwang_hub::log::Retention { age_us: i64::MAX, bytes: 50 * 1024, applied: kept };
    let log = site.hub.log.clone();
    tokio::task::spawn_blocking(move || log.retain(retention, now_us())).await.unwrap().unwrap();
    client.acknowledged(kept + 1, sent).await;
    assert_eq!(site.hub.log.newest_position(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_says_so() {
    let mut site = Site::start();
    let identity = site.joined("police").await;
    let client = Client::open(&site, &identity, &["east"]).await;
    site.listener.take().unwrap().shut_down().await;
    assert_eq!(client.closed().await, CloseCode::ShuttingDown);
}
