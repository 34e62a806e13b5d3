//! `hub.toml`: read into a raw form that rejects unknown keys, then resolved once, together with the flags of `serve`,
//! into [`Config`], which cannot be wrong.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::basemap::Coordinates;
use crate::{log, store};

/// The commented default file; a test holds it to the defaults.
pub const DEFAULT_FILE: &str = include_str!("../hub.toml");

const DAY_US: i64 = 24 * 3600 * 1_000_000;
const GIB_BYTES: u64 = 1024 * 1024 * 1024;
/// Longest retention that makes sense; keeps the arithmetic far from its bounds.
const DAYS_MAX: u32 = 36_500;

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML, or a value has the wrong type.
    #[error("{path} is not right: {what}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        what: String,
    },
    /// A key that there is not.
    #[error("{path} has the unknown key `{key}`{}", suggest(.suggestion.as_deref()))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// With its table.
        key: String,
        /// The nearest key that there is.
        suggestion: Option<String>,
    },
    /// A value that cannot be.
    #[error("{key} = {value}: {why}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What is wrong and what would be right.
        why: String,
    },
}

/// A hub's configuration.
#[derive(Clone)]
pub struct Config {
    /// Name of the hub.
    pub name: String,
    /// UDP address for gateways.
    pub quic: SocketAddr,
    /// Address of the page.
    pub web: SocketAddr,
    /// Page without TLS; `web` is loopback then.
    pub plain_http: bool,
    /// Names of the hub's own certificate.
    pub names: Vec<String>,
    /// The site's own certificate and key for the page.
    pub site_certificate: Option<(PathBuf, PathBuf)>,
    /// The base map's file, and in which coordinates it is drawn.
    pub basemap: Option<(PathBuf, Coordinates)>,
    /// Backend of the log.
    pub log: &'static log::Backend,
    /// Entries older than this go.
    pub log_age_us: i64,
    /// Above this size the oldest go.
    pub log_bytes: u64,
    /// Backend of the store.
    pub store: &'static store::Backend,
    /// Events older than this go.
    pub store_age_us: i64,
}

/// What flags override.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--quic`
    pub quic: Option<SocketAddr>,
    /// `--web`
    pub web: Option<SocketAddr>,
    /// `--plain-http`
    pub plain_http: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    name: String,
    quic: SocketAddr,
    web: SocketAddr,
    plain_http: bool,
    names: Vec<String>,
    basemap: Option<PathBuf>,
    basemap_coordinates: String,
    tls: RawTls,
    log: RawLog,
    store: RawStore,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLog {
    backend: String,
    keep_days: u32,
    keep_gib: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawStore {
    backend: String,
    keep_days: u32,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            name: "yiwang-hub".into(),
            quic: ([0, 0, 0, 0], 7443).into(),
            web: ([0, 0, 0, 0], 8443).into(),
            plain_http: false,
            names: Vec::new(),
            basemap: None,
            basemap_coordinates: Coordinates::default().as_str().into(),
            tls: RawTls::default(),
            log: RawLog::default(),
            store: RawStore::default(),
        }
    }
}

impl Default for RawLog {
    fn default() -> Self {
        Self { backend: "sqlite".into(), keep_days: 30, keep_gib: 50 }
    }
}

impl Default for RawStore {
    fn default() -> Self {
        Self { backend: "sqlite".into(), keep_days: 90 }
    }
}

/// Every key that there is, for suggestions.
const KEYS: &[&str] = &[
    "name",
    "quic",
    "web",
    "plain_http",
    "names",
    "basemap",
    "basemap_coordinates",
    "tls",
    "tls.certificate",
    "tls.key",
    "log",
    "log.backend",
    "log.keep_days",
    "log.keep_gib",
    "store",
    "store.backend",
    "store.keep_days",
];

/// Reads `hub.toml` below the data folder, where there is one, and resolves it with the flags.
pub fn load(data: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
    let path = data.join("hub.toml");
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text, overrides),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => parse(&path, "", overrides),
        Err(source) => Err(ConfigError::Read { path, source }),
    }
}

/// Resolves the text of a `hub.toml` with the flags.
pub fn parse(path: &Path, text: &str, overrides: &Overrides) -> Result<Config, ConfigError> {
    let wrong = |error: toml::de::Error| ConfigError::Parse { path: path.to_owned(), what: error.to_string() };
    check_keys(path, &text.parse::<toml::Table>().map_err(wrong)?)?;
    let raw: Raw = toml::from_str(text).map_err(wrong)?;
    // A relative path is one beside the file that names it.
    resolve(raw, path.parent().unwrap_or(Path::new("")), overrides)
}

fn resolve(raw: Raw, folder: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
    let value = |key, value: &dyn ToString, why: String| ConfigError::Value { key, value: value.to_string(), why };
    let web = overrides.web.unwrap_or(raw.web);
    let plain_http = raw.plain_http || overrides.plain_http;
    if plain_http && !web.ip().is_loopback() {
        let why = "without TLS only on loopback: use 127.0.0.1, or leave plain_http out";
        return Err(value("web", &web, why.into()));
    }
    let site_certificate = match (raw.tls.certificate, raw.tls.key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(path), None) | (None, Some(path)) => {
            return Err(value("tls", &path.display(), "give both `certificate` and `key`, or none".into()));
        }
    };
    for (key, days) in [("log.keep_days", raw.log.keep_days), ("store.keep_days", raw.store.keep_days)] {
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(value(key, &days, format!("1 to {DAYS_MAX} days")));
        }
    }
    if !(1..=1024 * 1024).contains(&raw.log.keep_gib) {
        return Err(value("log.keep_gib", &raw.log.keep_gib, "1 to 1048576 GiB".into()));
    }
    if raw.name.trim().is_empty() || raw.name.len() > 100 {
        return Err(value("name", &raw.name, "1 to 100 bytes".into()));
    }
    let coordinates = Coordinates::ALL.into_iter().find(|known| known.as_str() == raw.basemap_coordinates);
    let coordinates = coordinates.ok_or_else(|| {
        let known = Coordinates::ALL.map(Coordinates::as_str).join(", ");
        value("basemap_coordinates", &raw.basemap_coordinates, format!("there is: {known}"))
    })?;
    let log_names: Vec<_> = log::BACKENDS.iter().map(|backend| backend.name).collect();
    let store_names: Vec<_> = store::BACKENDS.iter().map(|backend| backend.name).collect();
    let log = log::BACKENDS.iter().find(|backend| backend.name == raw.log.backend);
    let store = store::BACKENDS.iter().find(|backend| backend.name == raw.store.backend);
    Ok(Config {
        name: raw.name,
        quic: overrides.quic.unwrap_or(raw.quic),
        web,
        plain_http,
        names: raw.names,
        site_certificate,
        basemap: raw.basemap.map(|path| (folder.join(path), coordinates)),
        log: log
            .ok_or_else(|| value("log.backend", &raw.log.backend, format!("there is: {}", log_names.join(", "))))?,
        log_age_us: i64::from(raw.log.keep_days) * DAY_US,
        log_bytes: raw.log.keep_gib * GIB_BYTES,
        store: store.ok_or_else(|| {
            value("store.backend", &raw.store.backend, format!("there is: {}", store_names.join(", ")))
        })?,
        store_age_us: i64::from(raw.store.keep_days) * DAY_US,
    })
}

fn check_keys(path: &Path, table: &toml::Table) -> Result<(), ConfigError> {
    for (name, value) in table {
        check_key(path, name)?;
        for inner in value.as_table().into_iter().flat_map(toml::Table::keys) {
            check_key(path, &format!("{name}.{inner}"))?;
        }
    }
    Ok(())
}

fn check_key(path: &Path, key: &str) -> Result<(), ConfigError> {
    if KEYS.contains(&key) {
        return Ok(());
    }
    let nearest = KEYS.iter().map(|known| (strsim::jaro_winkler(known, key), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    let suggestion = nearest.filter(|(nearness, _)| *nearness > 0.8).map(|(_, known)| (*known).to_owned());
    Err(ConfigError::UnknownKey { path: path.to_owned(), key: key.to_owned(), suggestion })
}

fn suggest(suggestion: Option<&str>) -> String {
    suggestion.map(|known| format!(": did you mean `{known}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Config, ConfigError> {
        parse(Path::new("hub.toml"), text, &Overrides::default())
    }

    #[test]
    fn the_commented_file_says_what_the_defaults_are() {
        let (written, default) = (of(DEFAULT_FILE).unwrap(), of("").unwrap());
        let shown = |config: &Config| {
            format!(
                "{:?}",
                (
                    (&config.name, config.quic, config.web, config.plain_http, &config.names, &config.site_certificate),
                    (config.log.name, config.log_age_us, config.log_bytes, config.store.name, config.store_age_us),
                )
            )
        };
        assert_eq!(shown(&written), shown(&default));
        let commented = DEFAULT_FILE.replace("# certificate", "certificate").replace("# key", "key");
        assert!(of(&commented).unwrap().site_certificate.is_some());
        let commented = DEFAULT_FILE.replace("# basemap =", "basemap =");
        assert_eq!(of(&commented).unwrap().basemap.unwrap().1, Coordinates::Wgs84);
        for key in KEYS {
            let last = key.rsplit('.').next().unwrap();
            assert!(DEFAULT_FILE.contains(last), "{key} is not explained");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let cases = [
            ("nmae = 'x'", "hub.toml has the unknown key `nmae`: did you mean `name`?"),
            ("[log]\nkeep_day = 3", "hub.toml has the unknown key `log.keep_day`: did you mean `log.keep_days`?"),
            ("zzzzzz = 1", "hub.toml has the unknown key `zzzzzz`"),
            ("[log]\nbackend = 'paper'", "log.backend = paper: there is: sqlite"),
            ("plain_http = true", "web = 0.0.0.0:8443: without TLS only on loopback"),
            ("[log]\nkeep_days = 0", "log.keep_days = 0: 1 to 36500 days"),
            ("basemap_coordinates = 'bd09'", "basemap_coordinates = bd09: there is: wgs84, gcj02"),
            ("[tls]\nkey = '/k'", "tls = /k: give both"),
            ("quic = 7", "hub.toml is not right"),
        ];
        for (text, expected) in cases {
            let said = of(text).err().unwrap().to_string();
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn a_base_map_lies_beside_the_file_that_names_it() {
        let config = |name: &str| {
            let text = format!("basemap = '{name}'\nbasemap_coordinates = 'gcj02'");
            parse(Path::new("/data/hub.toml"), &text, &Overrides::default()).unwrap().basemap
        };
        assert_eq!(config("city.pmtiles"), Some(("/data/city.pmtiles".into(), Coordinates::Gcj02)));
        assert_eq!(config("/maps/city.pmtiles"), Some(("/maps/city.pmtiles".into(), Coordinates::Gcj02)));
    }

    #[test]
    fn flags_override() {
        let overrides = Overrides { web: Some(([127, 0, 0, 1], 0).into()), plain_http: true, ..Default::default() };
        let config = parse(Path::new("hub.toml"), "web = '0.0.0.0:1'", &overrides).unwrap();
        assert!(config.plain_http && config.web.ip().is_loopback());
    }
}
