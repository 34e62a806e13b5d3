//! `audit`: holds the record's hashes against each other, without the hub.
#![allow(clippy::print_stdout, reason = "the commands' answers")]

use super::show;
use super::{AuditCommand, CliError, Outcome};
use crate::ledger::{Follower, hex};
use crate::store::Store;

/// Records read at a time.
const STEP: usize = 1_000;

/// Does it.
pub(super) fn run(store: &dyn Store, command: AuditCommand) -> Outcome {
    match command {
        AuditCommand::Verify { expect } => verify(store, expect.as_deref()),
        AuditCommand::List { last } => list(store, last),
    }
}

fn verify(store: &dyn Store, expect: Option<&str>) -> Outcome {
    let mut follower = Follower::default();
    let mut expected = expect.is_none();
    loop {
        let records = store.records_after(follower.seq, STEP)?;
        for record in &records {
            follower.take(record).map_err(|broken| {
                CliError::Other(format!(
                    "the record is broken: {broken}. What stands before it, up to number {}, fits.",
                    follower.seq
                ))
            })?;
            expected |= expect.is_some_and(|expect| expect.trim().eq_ignore_ascii_case(&hex(&follower.hash)));
        }
        if records.len() < STEP {
            break;
        }
    }
    if !expected {
        return Err(CliError::Other(format!(
            "the {} records fit each other, but none has the hash that was kept: the end was cut off, or all of it was made again",
            follower.seq
        )));
    }
    println!("{} records, each fits the one before.", follower.seq);
    println!("The newest hash: {}", hex(&follower.hash));
    println!("Keep it elsewhere: `audit verify --expect HASH` then also finds what is cut off at the end.");
    Ok(())
}

fn list(store: &dyn Store, last: usize) -> Outcome {
    let rows: Vec<Vec<String>> = store
        .records_before(i64::MAX, last)?
        .into_iter()
        .rev()
        .map(|record| {
            let new = record.new;
            let why = new.why.unwrap_or_default();
            vec![
                record.seq.to_string(),
                show::time(new.at_us),
                new.by,
                new.department,
                new.from,
                new.what,
                new.about,
                why,
            ]
        })
        .collect();
    show::table(&["NUMBER", "WHEN", "WHO", "DEPARTMENT", "FROM", "WHAT", "ABOUT", "WHY"], &rows);
    Ok(())
}
