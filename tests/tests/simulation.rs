//! Two hundred seeds of cuts, loss, overtaking, crashes and restarts: nothing lost, nothing doubled, no promise broken.
//!
//! `YIWANG_SEED` runs one of them again, `YIWANG_SEEDS` another number of them.

use yiwang_tests::sim::{self, Summary};

#[test]
fn nothing_is_lost_or_doubled_whatever_breaks() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (first, count) = match number("YIWANG_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("YIWANG_SEEDS").unwrap_or(200)),
    };
    let mut total = Summary::default();
    for seed in first..first + count {
        let one = sim::run(seed).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}; again: YIWANG_SEED={seed}"));
        total.add(&one);
    }
    println!("{count} seeds: {total:?}");
    assert_eq!((total.lost, total.doubled), (0, 0));
    // A simulation in which nothing breaks proves nothing.
    let tried = [total.cuts, total.gateway_crashes, total.hub_crashes, total.watermarks];
    assert!(tried.iter().all(|tried| *tried as u64 >= count), "{total:?}");
}

#[test]
fn a_seed_runs_the_same_twice() {
    assert_eq!(sim::run(7), sim::run(7));
}
