//! How answers look: columns that line up, times that people read.
#![allow(clippy::print_stdout, reason = "the commands' answers")]

use time::OffsetDateTime;
use time::macros::format_description;

/// Rows under a heading; each column as wide as its widest cell.
pub(super) fn table(heading: &[&str], rows: &[Vec<String>]) {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let width = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let widths: Vec<usize> = heading
        .iter()
        .enumerate()
        .map(|(column, name)| cells(column).map(|cell| width(cell)).max().unwrap_or(0).max(width(name)))
        .collect();
    let line = |row: Vec<&str>| {
        let padded = row.iter().zip(&widths).map(|(cell, wide)| format!("{cell}{}", " ".repeat(wide - width(cell))));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(heading.to_vec());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// `2026-11-23 12:00:00Z`.
pub(super) fn time(us: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    OffsetDateTime::from_unix_timestamp(us / 1_000_000)
        .ok()
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_else(|| "?".into())
}

/// The time, or a dash.
pub(super) fn time_or_dash(us: Option<i64>) -> String {
    us.map_or_else(|| "-".into(), time)
}
