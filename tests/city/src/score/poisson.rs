//! How sure a rate is that was counted.

/// The upper end of the one-sided 95 % confidence interval of a Poisson count: half of the 95 % quantile of χ² with
/// 2(n + 1) degrees of freedom (Garwood, 1936, Biometrika 28, "Fiducial limits for the Poisson distribution"). Divided
/// by the hours watched it is the rate that can be promised; for no event at all it is 3.0 ("rule of three").
pub fn upper_bound(count: usize) -> f64 {
    // The mean at which so few events or fewer have a probability of 5 %; it falls with the mean, so halving finds it.
    let (mut low, mut high) = (count as f64, count as f64 + 10.0 + 5.0 * (count as f64).sqrt());
    while high - low > 1e-9 * high {
        let middle = (low + high) / 2.0;
        if at_most(count, middle) > 0.05 { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// Probability of at most `count` events at that mean.
fn at_most(count: usize, mean: f64) -> f64 {
    // Summed in logarithms from the greatest term down, as the first ones may be too small for a number.
    let mut log_term = -mean;
    let mut terms = vec![log_term];
    for n in 1..=count {
        log_term += mean.ln() - (n as f64).ln();
        terms.push(log_term);
    }
    let most = terms.iter().copied().fold(f64::MIN, f64::max);
    (most + terms.iter().map(|term| (term - most).exp()).sum::<f64>().ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_tables() {
        // χ²(0.95; 2, 4, 12, 22, 202) / 2.
        for (count, expected) in [(0, 2.9957), (1, 4.7439), (5, 10.5130), (10, 16.9622), (100, 118.0793)] {
            let bound = upper_bound(count);
            assert!((bound - expected).abs() < 2e-3, "{count}: {bound}");
        }
        assert!(upper_bound(20_000) > 20_000.0 && upper_bound(20_000) < 20_300.0);
    }
}
