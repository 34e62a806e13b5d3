//! Chance that depends on nothing but its arguments: what an actor does by itself stays the same whoever else is there.

/// Mixes two numbers (the finaliser of MurmurHash3, Appleby).
pub(super) fn hash(seed: u32, n: u32) -> u32 {
    let mut h = seed ^ n.wrapping_mul(0x9E37_79B9);
    h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// 0–1.
pub(super) fn unit(seed: u32, n: u32) -> f32 {
    (hash(seed, n) >> 8) as f32 / 16_777_216.0
}

/// Between two values.
pub(super) fn between(seed: u32, n: u32, from: f32, to: f32) -> f32 {
    from + (to - from) * unit(seed, n)
}
