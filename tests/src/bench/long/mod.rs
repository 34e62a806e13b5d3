//! `tests/bench long`: whether anything grows, sticks or goes missing over time. Two parts: [`recorded`] lets a day of
//! sixteen cameras pass as fast as the machine can, from recorded detections through tracking, rules, spool and uplink
//! to a real hub; [`live`] watches real streams for half an hour, with faults and deaths at random.

mod live;
mod recorded;

use super::Report;
use crate::link::LinkError;

/// How much is lived through.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Hours of recorded detections; 0 leaves them out.
    pub hours: u32,
    /// Seconds of real streams; 0 leaves them out.
    pub seconds: u64,
    /// Which detections and which faults.
    pub seed: u64,
}

/// Runs it.
pub fn run(report: &mut Report, size: Size) -> Result<(), LinkError> {
    if size.hours > 0 {
        recorded::run(report, size.hours, size.seed)?;
    }
    if size.seconds > 0 {
        live::run(report, size.seconds, size.seed)?;
    }
    Ok(())
}

/// Memory at two stretches of a run: what it grew by between their medians, MiB.
fn growth_mib(samples: &[f64]) -> f64 {
    let median = |part: &[f64]| {
        let mut part = part.to_vec();
        part.sort_by(f64::total_cmp);
        part.get(part.len() / 2).copied().unwrap_or(0.0)
    };
    let quarter = samples.len() / 4;
    median(&samples[3 * quarter..]) - median(&samples[quarter..2 * quarter])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_between_the_second_and_the_last_quarter() {
        let flat: Vec<f64> = (0..40).map(|n| if n < 10 { 10.0 * f64::from(n) } else { 120.0 }).collect();
        assert_eq!(growth_mib(&flat), 0.0, "what is set up in the beginning is no growth");
        let leak: Vec<f64> = (0..40).map(f64::from).collect();
        assert_eq!(growth_mib(&leak), 20.0);
        assert_eq!(growth_mib(&[]), 0.0);
    }
}
