//! Who may look through a camera, and that it is on the record before anything is asked of a gateway.

use serde_json::{Value, json};
use yiwang_hub::store::Role;

use crate::harness::{As, Hub};

const TRAFFICS: &str = "/api/v1/cameras/gw-traffic/cam-1/still";
const POLICES: &str = "/api/v1/cameras/gw-police/cam-1/still";

fn look(hub: &Hub, who: &As, camera: &str, reason: &str) -> String {
    hub.ask("POST", who, camera, Some(json!({"reason": reason}))).code()
}

fn grant(hub: &Hub, grants: &[(&str, &str)]) {
    let grants: Vec<_> = grants.iter().map(|(who, sees)| json!({"department": who, "sees": sees})).collect();
    assert_eq!(hub.ask("PUT", &hub.cookie("root"), "/api/v1/grants", Some(json!({"grants": grants}))).status, 200);
}

/// What stands in the record of looking, newest first: who, what about, why.
fn recorded(hub: &Hub) -> Vec<(String, String, Option<String>)> {
    let text = |record: &Value, key: &str| record[key].as_str().map(str::to_owned);
    let answer = hub.get(&hub.cookie("root"), "/api/v1/audit").json();
    let records = answer["records"].as_array().unwrap().iter().filter(|record| record["what"] == "pictures.still");
    records.map(|r| (text(r, "by").unwrap(), text(r, "about").unwrap(), text(r, "why"))).collect()
}

#[test]
fn a_person_looks_through_the_own_departments_cameras_and_what_a_grant_of_pictures_names() {
    let hub = Hub::start();
    hub.add_user("op", Role::Operator, "operations");
    let (police, op, root) = (hub.cookie("police"), hub.cookie("op"), hub.cookie("root"));
    // Nobody is connected here: who is let through meets that, and nothing else.
    let cases = [
        (&police, POLICES, "gateway_offline"),
        (&police, TRAFFICS, "not_found"),
        (&op, POLICES, "pictures_not_granted"),
        (&root, POLICES, "pictures_not_granted"),
        (&op, "/api/v1/cameras/gw-police/nothing/still", "not_found"),
    ];
    for (who, camera, expected) in cases {
        assert_eq!(look(&hub, who, camera, "an alarm"), expected, "{who:?} {camera}");
    }
    grant(&hub, &[("operations", "all"), ("operations", "pictures/police"), ("traffic", "pictures/police")]);
    assert_eq!(look(&hub, &op, POLICES, "an alarm"), "gateway_offline");
    assert_eq!(look(&hub, &op, TRAFFICS, "an alarm"), "pictures_not_granted");
    assert_eq!(
        look(&hub, &hub.cookie("traffic"), POLICES, "an alarm"),
        "not_found",
        "what is not seen is not looked at"
    );
    let session = hub.get(&op, "/api/v1/session").json();
    assert_eq!(session["looks"], json!(["operations", "police"]));
    grant(&hub, &[("operations", "all")]);
    assert_eq!(look(&hub, &op, POLICES, "an alarm"), "pictures_not_granted", "a grant that ends closes it");
}

#[test]
fn who_looks_across_departments_says_why_and_stands_in_the_record_before_the_gateway_is_asked() {
    let hub = Hub::start();
    hub.add_user("op", Role::Operator, "operations");
    grant(&hub, &[("operations", "all"), ("operations", "pictures/all")]);
    let (police, op) = (hub.cookie("police"), hub.cookie("op"));
    assert_eq!(look(&hub, &op, POLICES, "  "), "reason_needed");
    assert_eq!(look(&hub, &op, POLICES, &"x".repeat(501)), "bad_request");
    assert_eq!(recorded(&hub), []);
    assert_eq!(look(&hub, &op, POLICES, " who fell? "), "gateway_offline");
    assert_eq!(look(&hub, &police, POLICES, ""), "gateway_offline");
    let about = || "gw-police/cam-1".to_owned();
    assert_eq!(recorded(&hub), [("police".into(), about(), None), ("op".into(), about(), Some("who fell?".into()))]);
}
