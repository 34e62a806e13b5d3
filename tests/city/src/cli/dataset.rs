//! `yiwang-city dataset`: pictures to train a detector on.

use std::path::PathBuf;
use std::process::ExitCode;

use yiwang_city::dataset;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the folder is written.
    #[arg(long)]
    out: PathBuf,
    /// Number of the first sequence. Those below 1000000 are for training and tuning, the others for measuring.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many sequences: each has its own place, camera, light and weather.
    #[arg(long, default_value_t = 200)]
    sequences: u64,
    /// How long each is watched, seconds.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// One of so many pictures, of two and a half a second, is kept.
    #[arg(long, default_value_t = 3)]
    keep_one_of: u64,
    /// Only rooms with people close by, who fill the picture.
    #[arg(long)]
    close: bool,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode, dataset::DatasetError> {
    let plan = dataset::Plan {
        first: args.first,
        sequences: args.sequences,
        seconds: args.seconds,
        keep_one_of: args.keep_one_of.max(1),
        close: args.close,
    };
    let made = dataset::write(&plan, &args.out, |sequences, pictures| {
        if sequences % 10 == 0 {
            eprintln!("{sequences} of {} sequences, {pictures} pictures", args.sequences);
        }
    })?;
    eprintln!("{made} pictures in {}", args.out.display());
    Ok(ExitCode::SUCCESS)
}
