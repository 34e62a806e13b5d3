//! `yiwang-city events`: months of events without a picture.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use time::{Date, macros::format_description};
use yiwang_city::without_pixels::{Library, Plan};

use super::Fault;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many days.
    #[arg(long)]
    days: u32,
    /// How many cameras; beyond the twelve of one city there are more cities.
    #[arg(long, default_value_t = 12)]
    cameras: usize,
    /// The same seed gives the same events.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first day, YYYY-MM-DD, at +08:00.
    #[arg(long)]
    from: Option<String>,
    /// Incidents in one city.
    #[arg(long, default_value_t = 1.0)]
    incidents_per_min: f32,
    /// How long a block is that is really lived through, seconds.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(30..=3600))]
    block_s: u32,
    /// How many blocks each hour of the day has to choose from.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    blocks: u32,
    /// Where the lines are written.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let usual = Plan::default();
    let plan = Plan {
        days: args.days,
        cameras: args.cameras,
        seed: args.seed,
        from_utc_us: args.from.as_deref().map_or(Ok(usual.from_utc_us), midnight_us)?,
        block_s: args.block_s,
        blocks: args.blocks,
        incidents_per_min: args.incidents_per_min,
    };
    let unwritable = |error| format!("could not write {}: {error}", args.out.display());
    let mut file = BufWriter::new(File::create(&args.out).map_err(unwritable)?);
    let library = Library::live(&plan, |hours| eprintln!("{hours} of 24 hours of the day lived through"))?;
    let mut count = 0u64;
    for (day, hour) in (0..plan.days).flat_map(|day| (0..24).map(move |hour| (day, hour))) {
        for line in library.hour(day, hour) {
            count += 1;
            writeln!(file, "{}", serde_json::to_string(&line)?).map_err(unwritable)?;
        }
    }
    file.flush().map_err(unwritable)?;
    println!("{count} events of {} cameras in {} days: {}", plan.cameras, plan.days, args.out.display());
    Ok(ExitCode::SUCCESS)
}

/// Midnight at +08:00 of a day.
fn midnight_us(text: &str) -> Result<i64, Fault> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map_err(|error| format!("{text} is not a day: {error}; write YYYY-MM-DD"))?;
    let midnight = day.midnight().assume_offset(time::macros::offset!(+8));
    Ok(midnight.unix_timestamp() * 1_000_000)
}
