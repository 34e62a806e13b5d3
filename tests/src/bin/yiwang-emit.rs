//! A gateway without cameras: makes events at a rate, hands them to the product's own spool and uplink, and writes beside
//! it what it did, so that a test can hold what arrived against an independent record: `try ID` before an event is handed
//! over, `done ID` once the spool says that it is on the disk. Both are synced.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio_util::sync::CancellationToken;
use yiwang_city::without_pixels::{self, Line};
use yiwang_gateway::board::Board;
use yiwang_gateway::spool::{Spool, SpoolLimits};
use yiwang_tests::events;
use yiwang_tests::link::now_us;
use yiwang_tests::uplink;

/// Makes events and records them.
#[derive(Parser)]
struct Options {
    /// State folder of a gateway that has joined.
    #[arg(long)]
    state: PathBuf,
    /// The record to append to.
    #[arg(long)]
    record: PathBuf,
    /// Lines of `yiwang-city events` to hand over in place of made-up crossings; after the last it only sends.
    #[arg(long)]
    events: Option<PathBuf>,
    /// Only lines of this gateway.
    #[arg(long, requires = "events")]
    gateway: Option<String>,
    /// Events a second; 0 makes none and only sends what is spooled.
    #[arg(long, default_value_t = 100)]
    rate: u32,
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let options = Options::parse();
    let spool = Spool::open(&options.state.join("spool"), SpoolLimits::default(), now_us())?;
    let lines = lines(&options)?;
    let cameras: BTreeSet<String> = match &lines {
        Some(lines) => lines.iter().map(|line| line.camera.clone()).collect(),
        None => BTreeSet::from(["camera".to_owned()]),
    };
    let cameras: Vec<String> = cameras.into_iter().collect();
    let board = Arc::new(Board::new(cameras.iter().cloned(), now_us()));
    let record = OpenOptions::new().create(true).append(true).open(&options.record)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let shutdown = CancellationToken::new();
    let settings = uplink::settings(&options.state, &cameras)?;
    let running = uplink::spawn(&runtime, settings, spool.clone(), Arc::clone(&board), shutdown);
    emit(&options, lines.as_deref(), &spool, &board, record)?;
    runtime.block_on(running)?;
    Ok(())
}

/// The lines to hand over, where there is a file of them.
fn lines(options: &Options) -> Result<Option<Vec<Line>>, AnyError> {
    let Some(path) = &options.events else { return Ok(None) };
    let (name, text) = (path.display().to_string(), std::fs::read_to_string(path)?);
    let read = |(number, text)| without_pixels::read_line(&name, number, text);
    let mut lines = (1..).zip(text.lines()).map(read).collect::<Result<Vec<Line>, _>>()?;
    lines.retain(|line| options.gateway.as_ref().is_none_or(|gateway| *gateway == line.gateway));
    Ok(Some(lines))
}

fn emit(
    options: &Options,
    lines: Option<&[Line]>,
    spool: &Spool,
    board: &Board,
    mut record: File,
) -> Result<(), AnyError> {
    // A line that the end of the process before cut in two must not swallow the next one.
    record.write_all(b"\n")?;
    let begun = Instant::now();
    for number in 0.. {
        if options.rate == 0 {
            return Ok(());
        }
        let due = Duration::from_secs(number) / options.rate;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        let event = match lines {
            None => events::crossing("camera", number, now_us()),
            Some(lines) => match lines.get(usize::try_from(number)?) {
                Some(line) => events::made(line).ok_or_else(|| format!("line {} is no gateway's event", number + 1))?,
                None => return Ok(()),
            },
        };
        note(&mut record, "try", &event.id.to_string())?;
        spool.append_durable(&event, now_us(), Duration::from_secs(30))?;
        note(&mut record, "done", &event.id.to_string())?;
        board.complete(event.camera.as_deref().unwrap_or_default(), event.captured_us + 1);
    }
    Ok(())
}

fn note(record: &mut File, word: &str, id: &str) -> std::io::Result<()> {
    record.write_all(format!("{word} {id}\n").as_bytes())?;
    record.sync_data()
}
