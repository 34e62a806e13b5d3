//! `model`: which detectors there are, and bringing one here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{ConfigArg, Fault, out};
use crate::config::{Config, RawModel, Secrets, edit};
use crate::control::{self, ControlError, Order};
use crate::model::{self, Known, add};
use crate::uplink::files;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy a model into the state folder, once its hash is right and it opens; then [model] name = "…" chooses it.
    Add(Add),
    /// Make the candidate in [shadow] the model in force: changes gateway.toml, then reloads the gateway that runs.
    Promote(ConfigArg),
    /// Take the candidate in [shadow] out: changes gateway.toml, then reloads the gateway that runs.
    Discard(ConfigArg),
    /// Each model by name, with its file or where to get it.
    List(Place),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// An ONNX file, or the https address of one.
    #[arg(value_name = "FILE|URL")]
    source: String,
    /// How it is read: yolox, picodet, nanodet or fcos.
    #[arg(long)]
    family: String,
    /// SHA-256 that the file must have, from where you trust it: `sha256sum` prints it.
    #[arg(long)]
    sha256: String,
    /// Text file with its class names, one a line, in the model's order; default: the 80 of COCO.
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
    /// What it is called in configuration and events; default: the file's name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    config: ConfigArg,
    /// State folder; default: that of the configuration, or /var/lib/yiwang-gateway without one.
    #[arg(long)]
    state_dir: Option<PathBuf>,
}

pub(super) fn main(args: &Args) -> Result<ExitCode, Fault> {
    match &args.command {
        Command::Add(args) => add(args),
        Command::List(place) => list(place),
        Command::Promote(config) => change(&config.config, edit::promote),
        Command::Discard(config) => change(&config.config, edit::discard),
    }
}

fn add(args: &Add) -> Result<ExitCode, Fault> {
    let (raw, state_dir) = args.place.resolve()?;
    let request = add::Request {
        source: args.source.clone(),
        family: args.family.clone(),
        sha256: args.sha256.clone(),
        classes: args.classes.clone(),
        name: args.name.clone(),
    };
    let (entry, path) = add::add(&request, &state_dir, raw.onnxruntime.as_deref())?;
    out(&format!(
        "added {} ({}, input {}×{}) as {}",
        entry.name,
        entry.family,
        entry.input_px[0],
        entry.input_px[1],
        path.display()
    ));
    if raw.manifest.is_some() {
        out("this configuration names a manifest of its own, which is the only one it uses: take [model] manifest out");
    }
    out(&format!("to use it, put this into gateway.toml:\n[model]\nname = {:?}", entry.name));
    Ok(ExitCode::SUCCESS)
}

fn list(place: &Place) -> Result<ExitCode, Fault> {
    let (raw, state_dir) = place.resolve()?;
    let known = Known::of(&raw, &state_dir)?;
    let chosen = if raw.file.is_some() { None } else { Some(raw.name.as_deref().unwrap_or(model::DEFAULT)) };
    for entry in &known.manifest.models {
        let mark = if chosen == Some(entry.name.as_str()) { '*' } else { ' ' };
        let size = format!("{}×{}", entry.input_px[0], entry.input_px[1]);
        let file = match known.manifest.resolve(&entry.name, &known.folders) {
            Ok(spec) => spec.path.display().to_string(),
            Err(_) => format!(
                "no file {}{}",
                entry.file,
                entry.url.as_ref().map_or(String::new(), |url| format!(", see {url}"))
            ),
        };
        out(&format!("{mark} {:<20} {:<8} {size:<9} {file}", entry.name, entry.family));
    }
    match &raw.file {
        Some(file) => out(&format!("* {} (named as a file in the configuration)", file.display())),
        None => out("* is the one that this configuration uses"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Changes the configuration and brings it into force where a gateway runs. One that the gateway refuses is put back.
fn change(path: &Path, edit: fn(&str) -> Result<String, String>) -> Result<ExitCode, Fault> {
    let before = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let after = edit(&before)?;
    let state_dir = Config::parse(&after, path, Secrets::Skip)?.state_dir;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    let write = |text: &str| {
        files::replace(path, text.as_bytes(), mode).map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    write(&after)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(control::ask(&state_dir, Order::Reload)) {
        Ok(answer) => out(answer.trim_end()),
        Err(ControlError::Connect { .. }) => {
            out(&format!("{} is changed; no gateway runs with it here, the next start uses it", path.display()));
        }
        Err(error) => {
            write(&before)?;
            return Err(format!("{error}\n{} is as it was", path.display()).into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Place {
    /// What the configuration says of the model, and the state folder. Without a configuration the defaults hold.
    fn resolve(&self) -> Result<(RawModel, PathBuf), Fault> {
        let (raw, state_dir) = if self.config.config.exists() {
            let config = Config::load(&self.config.config, Secrets::Skip)?;
            (config.model, config.state_dir)
        } else {
            (RawModel::default(), "/var/lib/yiwang-gateway".into())
        };
        Ok((raw, self.state_dir.clone().unwrap_or(state_dir)))
    }
}
