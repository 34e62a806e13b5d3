//! Figures for people as a table and for machines as one flat object.

use std::fmt::Write;

/// What was measured so far.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    key: String,
    what: String,
    value: f64,
    unit: &'static str,
    beside: String,
}

impl Report {
    /// Adds a figure; `beside` says what it is compared with, and how it compares.
    pub fn add(&mut self, key: &str, what: &str, value: f64, unit: &'static str, beside: &str) {
        let line = Line { key: key.into(), what: what.into(), value, unit, beside: beside.into() };
        eprintln!("  {what}: {} {unit}", shown(value));
        self.lines.push(line);
    }

    /// A figure that was added.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.lines.iter().find(|line| line.key == key).map(|line| line.value)
    }

    /// The table.
    pub fn table(&self) -> String {
        let width = self.lines.iter().map(|line| line.what.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for line in &self.lines {
            let gap = " ".repeat(width - line.what.chars().count());
            let _ = writeln!(text, "{}{gap}  {:>11} {:<9} {}", line.what, shown(line.value), line.unit, line.beside);
        }
        text
    }

    /// One flat object of numbers.
    pub fn json(&self) -> String {
        let pairs = self.lines.iter().map(|line| (line.key.clone(), serde_json::json!(line.value)));
        serde_json::Value::Object(pairs.collect()).to_string() + "\n"
    }
}

fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_flat_and_holds_every_figure() {
        let mut report = Report::default();
        report.add("a_per_s", "a", 1234.5, "1/s", "as b");
        report.add("b_ms", "b", 0.25, "ms", "");
        let value: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(value, serde_json::json!({ "a_per_s": 1234.5, "b_ms": 0.25 }));
        assert!(report.table().contains("1234"));
    }
}
