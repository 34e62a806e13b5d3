//! What was drawn for one camera goes into `gateway.toml` as a person would write it: only keys that changed are touched,
//! comments and order stay. Pure; what comes out is parsed before it is used, and every other camera must be as it was.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value};

use super::change::Changes;
use super::{Config, ConfigError, Secrets};

/// Most rules and masks that are taken from a page.
const ITEMS_MAX: usize = 128;
/// Coordinates are written with so many digits: a five thousandth of a picture is less than a pixel.
const DIGITS: f64 = 1e4;

/// A camera's rules, masks and place as somebody wants them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Its rules.
    pub rules: Vec<DraftRule>,
    /// Its masks.
    pub masks: Vec<DraftMask>,
    /// WGS-84 longitude, latitude.
    pub position: Option<[f64; 2]>,
    /// Degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// Horizontal angle.
    pub field_of_view_deg: Option<f64>,
    /// Metres above the ground.
    pub height_m: Option<f64>,
    /// Degrees below the horizon.
    pub tilt_deg: Option<f64>,
    /// x, y, longitude, latitude.
    pub ground_points: Vec<[f64; 4]>,
}

/// A rule's table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftRule {
    /// Its place in the file, from 0; none for a new one.
    pub was: Option<usize>,
    /// Its keys.
    pub table: Map<String, Json>,
}

/// A mask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftMask {
    /// Its place in the file, from 0; none for a new one.
    pub was: Option<usize>,
    /// What it hides.
    pub name: String,
    /// Its corners.
    pub polygon: Vec<[f64; 2]>,
}

/// It cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The camera is not in the file.
    #[error("the file has no camera {0:?} any more")]
    NoCamera(String),
    /// The file is written in a way that this does not know.
    #[error("{0}: write it into the file by hand, then run yiwang-gateway reload")]
    ByHand(&'static str),
    /// What was drawn does not fit the file.
    #[error("{0}")]
    Misfit(String),
    /// It would not be a configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// A table as it is wanted: its place in the file where it has one, and its keys.
type Wanted = (Option<usize>, Vec<(String, Value)>);

/// The text of `path` with what was drawn for a camera, and the configuration that it is.
///
/// # Errors
/// What was drawn is wrong, or the file cannot be changed without touching more than this camera.
pub fn apply(text: &str, path: &Path, camera: &str, draft: &Draft) -> Result<(String, Config), DrawError> {
    let before = Config::parse(text, path, Secrets::Skip)?;
    let mut document: DocumentMut =
        text.parse().map_err(|_| DrawError::ByHand("the file cannot be read with its comments"))?;
    let cameras = document.get_mut("camera").ok_or_else(|| DrawError::NoCamera(camera.into()))?;
    let cameras = cameras.as_array_of_tables_mut().ok_or(DrawError::ByHand("cameras stand in one line"))?;
    let table = cameras.iter_mut().find(|table| table.get("id").and_then(Item::as_str) == Some(camera));
    let table = table.ok_or_else(|| DrawError::NoCamera(camera.into()))?;
    place(table, draft);
    let rules = draft.rules.iter().map(|rule| Ok((rule.was, of_rule(&rule.table)?)));
    items(table, "rule", rules.collect::<Result<_, DrawError>>()?)?;
    items(table, "mask", draft.masks.iter().map(|mask| (mask.was, of_mask(mask))).collect())?;
    let after = document.to_string();
    let config = Config::parse(&after, path, Secrets::Skip)?;
    let changes = Changes::between(&before, &config);
    let other = changes.cameras.iter().any(|(changed, _)| changed != camera);
    if other || changes.model || changes.shadow || !changes.restart.is_empty() {
        return Err(DrawError::ByHand("more than this camera would change"));
    }
    Ok((after, config))
}

fn place(table: &mut Table, draft: &Draft) {
    // Whole degrees are written as people write them.
    let number = |value: f64| {
        if value.fract() == 0.0 && value.abs() < 1e6 { Value::from(value as i64) } else { Value::from(value) }
    };
    let pair = |[a, b]: [f64; 2]| Value::from(Array::from_iter([a, b]));
    let points = (!draft.ground_points.is_empty())
        .then(|| Value::from(Array::from_iter(draft.ground_points.iter().map(|point| Array::from_iter(*point)))));
    let keys = [
        ("position", draft.position.map(pair)),
        ("heading_deg", draft.heading_deg.map(number)),
        ("field_of_view_deg", draft.field_of_view_deg.map(number)),
        ("height_m", draft.height_m.map(number)),
        ("tilt_deg", draft.tilt_deg.map(number)),
        ("ground_points", points),
    ];
    for (key, value) in keys {
        set(table, key, value);
    }
}

/// Brings the tables of one kind to those that are wanted: those that were there keep their place and their comments.
fn items(table: &mut Table, key: &str, wanted: Vec<Wanted>) -> Result<(), DrawError> {
    if wanted.len() > ITEMS_MAX {
        return Err(DrawError::Misfit(format!("{} tables of one kind; a camera takes {ITEMS_MAX} here", wanted.len())));
    }
    if wanted.is_empty() {
        table.remove(key);
        return Ok(());
    }
    let item = table.entry(key).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let list = item.as_array_of_tables_mut().ok_or(DrawError::ByHand("the camera's tables stand in one line"))?;
    let places: Vec<usize> = wanted.iter().filter_map(|(was, _)| *was).collect();
    let in_order = places.windows(2).all(|two| two[0] < two[1]) && places.last().is_none_or(|last| *last < list.len());
    if !in_order {
        return Err(DrawError::Misfit("it was drawn over another version of the file: load it again".into()));
    }
    for (was, keys) in &wanted {
        match was.and_then(|was| list.get_mut(was)) {
            Some(known) => bring(known, keys),
            None => list.push(fresh(keys)),
        }
    }
    let first_new = list.len() - wanted.iter().filter(|(was, _)| was.is_none()).count();
    for gone in (0..first_new).rev().filter(|index| !places.contains(index)) {
        list.remove(gone);
    }
    Ok(())
}

/// A table that was there: keys that are not wanted any more go, others change where they differ.
fn bring(table: &mut Table, keys: &[(String, Value)]) {
    let gone: Vec<String> = table
        .iter()
        .map(|(key, _)| key.to_owned())
        .filter(|key| keys.iter().all(|(wanted, _)| wanted != key))
        .collect();
    gone.iter().for_each(|key| drop(table.remove(key)));
    for (key, value) in keys {
        set(table, key, Some(value.clone()));
    }
}

fn fresh(keys: &[(String, Value)]) -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    for (key, value) in keys {
        table.insert(key, Item::Value(value.clone()));
    }
    table
}

/// Sets a key where it differs; what stands behind it in its line stays.
fn set(table: &mut Table, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(known) if same(known, &value) => {}
        Some(known) => {
            *value.decor_mut() = known.decor().clone();
            *known = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
}

/// Whether two values say the same, however they are written.
fn same(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return (one - other).abs() < 1e-9;
    }
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::String(one), Value::String(other)) => one.value() == other.value(),
        (Value::Boolean(one), Value::Boolean(other)) => one.value() == other.value(),
        _ => false,
    }
}

/// The keys in the order in which a person writes them: what it is, where, then the rest.
fn of_rule(table: &Map<String, Json>) -> Result<Vec<(String, Value)>, DrawError> {
    let rank = |key: &str| ["id", "kind", "line", "zone", "along"].iter().position(|first| *first == key).unwrap_or(9);
    let mut keys = Vec::new();
    for (key, json) in table.iter().filter(|(_, json)| !json.is_null()) {
        let drawn = matches!(key.as_str(), "line" | "zone" | "along");
        let value = value(json, drawn).ok_or_else(|| {
            DrawError::Misfit(format!("key `{key}`: a number, a word, yes or no, or a list of them can be set here"))
        })?;
        keys.push((key.clone(), value));
    }
    keys.sort_by_key(|(key, _)| rank(key));
    Ok(keys)
}

fn of_mask(mask: &DraftMask) -> Vec<(String, Value)> {
    let corners = mask.polygon.iter().map(|corner| Array::from_iter(corner.map(rounded)));
    let polygon = ("polygon".to_owned(), Value::from(Array::from_iter(corners)));
    let name = (!mask.name.is_empty()).then(|| ("name".to_owned(), Value::from(mask.name.clone())));
    std::iter::once(polygon).chain(name).collect()
}

fn value(json: &Json, drawn: bool) -> Option<Value> {
    match json {
        Json::Bool(yes) => Some((*yes).into()),
        Json::String(text) => Some(text.as_str().into()),
        Json::Number(number) if drawn => number.as_f64().map(|number| rounded(number).into()),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Some(whole.into()),
            None => number.as_f64().map(Value::from),
        },
        Json::Array(list) => list.iter().map(|json| value(json, drawn)).collect::<Option<Array>>().map(Value::from),
        Json::Null | Json::Object(_) => None,
    }
}

fn rounded(part: f64) -> f64 {
    (part * DIGITS).round() / DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\nstate_dir = \"x\"\n\n# the yard\n[[camera]]\nid = \"a\"   # by the gate\nurl = \"rtsp://h/a\"\n\
        heading_deg = 90 # about\n\n# nobody stands here\n[[camera.rule]]\nid = \"z\"\nkind = \"intrusion\"\n\
        zone = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]] # the lawn\nclasses = [\"person\"]\n\n[[camera.rule]]\nid = \"l\"\n\
        kind = \"line_cross\"\nline = [[0, 0.5], [1, 0.5]]\n\n# the other one\n[[camera]]\nid = \"b\"\nurl = \"rtsp://h/b\"\n# the end\n";

    fn draft(json: Json) -> Draft {
        let mut all = serde_json::json!({ "rules": [], "masks": [], "position": null, "heading_deg": 90,
            "field_of_view_deg": null, "height_m": null, "tilt_deg": null, "ground_points": [] });
        all.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn rules() -> [Json; 2] {
        [
            serde_json::json!({ "was": 0, "table": { "id": "z", "kind": "intrusion", "classes": ["person"],
                "zone": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]] } }),
            serde_json::json!({ "was": 1, "table": { "id": "l", "kind": "line_cross", "line": [[0.0, 0.5], [1.0, 0.5]] } }),
        ]
    }

    fn applied(json: Json) -> Result<String, DrawError> {
        apply(FILE, Path::new("/etc/gateway.toml"), "a", &draft(json)).map(|(text, _)| text)
    }

    #[test]
    fn what_did_not_change_stays_to_the_letter() {
        assert_eq!(applied(serde_json::json!({ "rules": rules() })).unwrap(), FILE);
    }

    #[test]
    fn a_zone_that_moves_changes_its_own_line_and_keeps_the_remark() {
        let mut rules = rules();
        rules[0]["table"]["zone"][0] = serde_json::json!([0.200_000_1, 0.1]);
        let expected = FILE.replace("zone = [[0.1, 0.1]", "zone = [[0.2, 0.1]");
        assert_eq!(applied(serde_json::json!({ "rules": rules })).unwrap(), expected);
    }

    #[test]
    fn what_is_new_stands_behind_what_was_there_and_what_goes_leaves_the_rest() {
        let [first, second] = rules();
        let new = serde_json::json!({ "was": null, "table": { "kind": "loiter", "seconds": 5, "id": "n",
            "zone": [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]] } });
        let mask =
            serde_json::json!([{ "was": null, "name": "window", "polygon": [[0.0, 0.0], [0.1, 0.0], [0.1, 0.1]] }]);
        let text = applied(serde_json::json!({ "rules": [first, second, new], "masks": mask })).unwrap();
        let added = "\n[[camera.rule]]\nid = \"n\"\nkind = \"loiter\"\nzone = [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]\nseconds = 5\n\
            \n[[camera.mask]]\npolygon = [[0.0, 0.0], [0.1, 0.0], [0.1, 0.1]]\nname = \"window\"\n";
        assert_eq!(
            text,
            FILE.replace("line = [[0, 0.5], [1, 0.5]]\n", &format!("line = [[0, 0.5], [1, 0.5]]\n{added}"))
        );
        let [_, second] = rules();
        let text = applied(serde_json::json!({ "rules": [second], "heading_deg": 80.5 })).unwrap();
        assert!(
            !text.contains("the lawn") && text.contains("line = [[0, 0.5]") && text.contains("# the end"),
            "{text}"
        );
        assert!(text.contains("heading_deg = 80.5 # about"), "{text}");
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        let [first, second] = rules();
        let swapped = applied(serde_json::json!({ "rules": [second, first] })).unwrap_err().to_string();
        assert!(swapped.contains("load it again"), "{swapped}");
        let mut crossing = rules();
        crossing[1]["table"]["line"] = serde_json::json!({ "a": 1 });
        assert!(applied(serde_json::json!({ "rules": crossing })).unwrap_err().to_string().contains("`line`"));
        let outside = serde_json::json!([{ "was": null, "name": "", "polygon": [[0.0, 0.0], [3.0, 0.0], [0.1, 0.1]] }]);
        let error = applied(serde_json::json!({ "rules": rules(), "masks": outside })).unwrap_err().to_string();
        assert!(error.contains("mask 1") && error.contains("0–1"), "{error}");
        let one_line = "camera = [{ id = 'a', url = 'rtsp://h/a' }]\n";
        let error = apply(one_line, Path::new("g.toml"), "a", &draft(serde_json::json!({}))).unwrap_err().to_string();
        assert!(error.contains("by hand"), "{error}");
        let error = apply(FILE, Path::new("g.toml"), "c", &draft(serde_json::json!({}))).unwrap_err().to_string();
        assert!(error.contains("no camera \"c\""), "{error}");
    }
}
