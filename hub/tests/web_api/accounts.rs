//! Setting up, logging in and out, what cookies look like, what guessing costs.

use serde_json::json;
use yiwang_hub::registry::now_us;
use yiwang_hub::store::Store as _;
use yiwang_hub::web::secret;

use crate::harness::{As, Hub, Options, PASSWORD};

fn set_cookie(answer: &crate::harness::Answer) -> String {
    answer.headers.get("set-cookie").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn session_of(answer: &crate::harness::Answer) -> As {
    let cookie = set_cookie(answer);
    As::Cookie(cookie.strip_prefix("yw_session=").unwrap().split(';').next().unwrap().to_owned())
}

#[test]
fn the_set_up_link_makes_one_administrator_once() {
    let hub = Hub::start_empty(Options::default());
    let setup = |token: &str, user: &str, password: &str| {
        let body = json!({"token": token, "user": user, "password": password});
        hub.ask("POST", &As::Nobody, "/api/v1/setup", Some(body))
    };
    assert_eq!(hub.get(&As::Nobody, "/api/v1/setup").json(), json!({"needed": true}));
    let link = secret::generate();
    hub.store.set_setup_token(&link.hash, now_us() + 60_000_000).unwrap();
    assert_eq!(setup("guess", "root", PASSWORD).code(), "setup_refused");
    assert_eq!(setup(&link.text, "root", "short").code(), "bad_password");
    assert_eq!(setup(&link.text, "ro/ot", PASSWORD).code(), "bad_name");
    let made = setup(&link.text, "root", PASSWORD);
    assert_eq!(made.status, 204, "{}", made.text);
    let session = hub.get(&session_of(&made), "/api/v1/session").json();
    assert_eq!((&session["user"], &session["role"]), (&json!("root"), &json!("administrator")));
    assert_eq!(session["sees"], json!(["operations"]));
    assert_eq!(hub.get(&As::Nobody, "/api/v1/setup").json(), json!({"needed": false}));
    assert_eq!(setup(&link.text, "second", PASSWORD).code(), "setup_refused");
    assert_eq!(hub.store.users().unwrap().len(), 1);
}

#[test]
fn a_session_begins_with_the_password_and_ends_with_log_out_or_the_account() {
    let hub = Hub::start();
    let login = |user: &str, password: &str| {
        hub.ask("POST", &As::Nobody, "/api/v1/login", Some(json!({"user": user, "password": password})))
    };
    let answer = login("police", PASSWORD);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["sees"], json!(["police"]));
    assert!(!answer.text.contains("argon2"));
    let cookie = set_cookie(&answer);
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain HTTP on loopback");
    let session = session_of(&answer);
    assert_eq!(hub.get(&session, "/api/v1/session").status, 200);
    // Another site's form can't send the header.
    let forged = hub.ask_with("POST", &session, "/api/v1/logout", None, &[]);
    assert_eq!((forged.status, forged.code()), (403, "header_missing".into()));
    assert_eq!(hub.ask("POST", &session, "/api/v1/logout", None).status, 204);
    assert_eq!(hub.get(&session, "/api/v1/session").status, 401);
    let session = session_of(&login("traffic", PASSWORD));
    hub.store.remove_user("traffic").unwrap();
    assert_eq!(hub.get(&session, "/api/v1/session").status, 401);
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same_and_guessing_is_slowed() {
    let hub = Hub::start();
    let login = |user: &str, password: &str| {
        hub.ask("POST", &As::Nobody, "/api/v1/login", Some(json!({"user": user, "password": password})))
    };
    let (wrong, unknown) = (login("root", "wrong password"), login("nobody", "wrong password"));
    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert_eq!(wrong.text, unknown.text);
    for _ in 0..4 {
        assert_eq!(login("root", "wrong password").status, 401);
    }
    let limited = login("root", PASSWORD);
    assert_eq!((limited.status, limited.code()), (429, "too_many_tries".into()), "the right one waits as well");
    assert!(limited.headers.contains_key("retry-after"));
    assert_eq!(login("police", PASSWORD).status, 200, "others are not held up");
}

#[test]
fn what_does_not_read_is_refused_in_the_same_shape_and_nothing_large_is_read() {
    let hub = Hub::start();
    let post = |body| hub.ask("POST", &As::Nobody, "/api/v1/login", Some(body));
    for body in [json!({}), json!([]), json!({"user": "a", "password": "b", "extra": 1})] {
        let answer = post(body);
        assert_eq!((answer.status, answer.code()), (422, "bad_request".into()), "{}", answer.text);
    }
    assert_eq!(post(json!({"user": "a", "password": "x".repeat(100_000)})).status, 413);
    assert_eq!(hub.get(&hub.cookie("root"), "/api/v1/events?severty=high").status, 400, "a mistyped filter");
}

#[test]
fn administrators_manage_users_and_feed_tokens_and_secrets_are_shown_once() {
    let hub = Hub::start();
    let root = hub.cookie("root");
    let user = json!({"name": "op", "role": "operator"});
    let made = hub.ask("POST", &root, "/api/v1/users", Some(user.clone()));
    assert_eq!((made.status, made.json()["department"].clone()), (201, json!("operations")));
    let password = made.json()["password"].as_str().unwrap().to_owned();
    let login = hub.ask("POST", &As::Nobody, "/api/v1/login", Some(json!({"user": "op", "password": password})));
    assert_eq!(login.status, 200);
    assert_eq!(hub.ask("POST", &root, "/api/v1/users", Some(user)).code(), "exists");
    let nowhere = json!({"name": "x", "role": "department", "department": "nowhere"});
    assert_eq!(hub.ask("POST", &root, "/api/v1/users", Some(nowhere)).code(), "not_found");
    assert_eq!(hub.ask("DELETE", &root, "/api/v1/users/root", None).code(), "last_administrator");
    assert_eq!(hub.ask("DELETE", &root, "/api/v1/users/op", None).status, 204);

    let wish = json!({"department": "police", "note": "wall"});
    let made = hub.ask("POST", &root, "/api/v1/feed-tokens", Some(wish));
    let (id, token) = (made.json()["id"].clone(), made.json()["token"].as_str().unwrap().to_owned());
    assert!(token.starts_with("ywf_"));
    let program = As::Bearer(token.clone());
    assert_eq!(hub.get(&program, "/api/v1/cameras").json()["cameras"].as_array().unwrap().len(), 1);
    let listed = hub.get(&root, "/api/v1/feed-tokens");
    assert!(!listed.text.contains(&token));
    assert_eq!(listed.json()["feed_tokens"][0]["id"], id);
    assert!(listed.json()["feed_tokens"][0]["last_used"].is_string());
    // A token with another secret is none, whatever its id.
    let forged = As::Bearer(format!("ywf_{}_guess", id.as_str().unwrap()));
    assert_eq!(hub.get(&forged, "/api/v1/cameras").status, 401);
    let path = format!("/api/v1/feed-tokens/{}", id.as_str().unwrap());
    assert_eq!(hub.ask("DELETE", &root, &path, None).status, 204);
    assert_eq!(hub.get(&program, "/api/v1/cameras").status, 401);
    assert_eq!(hub.get(&root, "/api/v1/feed-tokens").json(), json!({"feed_tokens": []}));
}

#[test]
fn over_tls_cookies_are_secure() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let root = ureq::tls::Certificate::from_der(made.cert.der()).to_owned();
    let client = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::Specific(std::sync::Arc::new(vec![root])))
        .build();
    let mut options = Options { tls: Some((std::sync::Arc::new(server), client)), ..Options::default() };
    options.settings.secure_cookies = true;
    let hub = Hub::start_with(options);
    let body = json!({"user": "police", "password": PASSWORD});
    let answer = hub.ask("POST", &As::Nobody, "/api/v1/login", Some(body));
    assert_eq!(answer.status, 200);
    assert!(set_cookie(&answer).contains("; Secure"));
}
