//! A gateway without cameras: makes events at a rate, hands them to the product's own spool and uplink, and writes beside
//! it what it did, so that a test can hold what arrived against an independent record: `try ID` before an event is handed
//! over, `done ID` once the spool says that it is on the disk. Both are synced.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio_util::sync::CancellationToken;
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
    /// Events a second; 0 makes none and only sends what is spooled.
    #[arg(long, default_value_t = 100)]
    rate: u32,
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let options = Options::parse();
    let spool = Spool::open(&options.state.join("spool"), SpoolLimits::default(), now_us())?;
    let board = Arc::new(Board::new(["camera".to_owned()], now_us()));
    let record = OpenOptions::new().create(true).append(true).open(&options.record)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let shutdown = CancellationToken::new();
    let settings = uplink::settings(&options.state)?;
    let running = uplink::spawn(&runtime, settings, spool.clone(), Arc::clone(&board), shutdown);
    emit(&options, &spool, &board, record)?;
    runtime.block_on(running)?;
    Ok(())
}

fn emit(options: &Options, spool: &Spool, board: &Board, mut record: File) -> Result<(), AnyError> {
    // A line that the end of the process before cut in two must not swallow the next one.
    record.write_all(b"\n")?;
    let begun = Instant::now();
    for number in 0.. {
        if options.rate == 0 {
            return Ok(());
        }
        let due = Duration::from_secs(number) / options.rate;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        let event = events::crossing("camera", number, now_us());
        note(&mut record, "try", &event.id.to_string())?;
        spool.append_durable(&event, now_us(), Duration::from_secs(30))?;
        note(&mut record, "done", &event.id.to_string())?;
        board.complete("camera", event.captured_us + 1);
    }
    Ok(())
}

fn note(record: &mut File, word: &str, id: &str) -> std::io::Result<()> {
    record.write_all(format!("{word} {id}\n").as_bytes())?;
    record.sync_data()
}
