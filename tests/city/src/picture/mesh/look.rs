//! A look: one number that every choice of an appearance is drawn from, each choice by its name, so that adding one
//! does not change the others.

/// Reflected part of red, green and blue, linear.
pub(super) type Colour = [f32; 3];

/// The seed of one appearance.
#[derive(Clone, Copy)]
pub(super) struct Look(pub(super) u32);

impl Look {
    /// 0 to 1, always the same for the same name.
    pub(super) fn unit(self, what: &str) -> f32 {
        // FNV-1a over the name, then the finaliser of MurmurHash3.
        let mut hash = what.bytes().fold(0x811C_9DC5 ^ self.0, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
        hash ^= hash >> 16;
        (hash >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Evenly between two values.
    pub(super) fn between(self, what: &str, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit(what)
    }

    /// True for this part of all looks.
    pub(super) fn chance(self, what: &str, part: f32) -> bool {
        self.unit(what) < part
    }

    /// One of them.
    pub(super) fn pick<T: Copy>(self, what: &str, from: &[T]) -> T {
        let index = (self.unit(what) * from.len() as f32) as usize;
        from[index.min(from.len() - 1)]
    }

    /// One of the colours, a little lighter or darker.
    pub(super) fn shade(self, what: &str, from: &[u32]) -> Colour {
        let factor = 0.8 + 0.4 * Look(self.0 ^ 0x5BD1).unit(what);
        scaled(srgb(self.pick(what, from)), factor)
    }
}

/// A colour as designers write it (sRGB, 0xRRGGBB), made linear (IEC 61966-2-1, as a pure power).
pub(super) fn srgb(code: u32) -> Colour {
    let part = |shift: u32| (((code >> shift) & 0xFF) as f32 / 255.0).powf(2.2);
    [part(16), part(8), part(0)]
}

/// Lighter or darker, at most white.
pub(super) fn scaled(colour: Colour, factor: f32) -> Colour {
    colour.map(|part| (part * factor).clamp(0.0, 0.95))
}

/// Between two colours.
pub(super) fn mixed(a: Colour, b: Colour, part_of_b: f32) -> Colour {
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * part_of_b)
}

/// A value that looks like chance for a place on a surface, -1 to 1: folds of cloth, leaves.
pub(super) fn grain(seed: u32, i: u32, j: u32) -> f32 {
    let mut hash = seed ^ i.wrapping_mul(0x9E37_79B9) ^ j.wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
    hash ^= hash >> 15;
    (hash >> 8) as f32 / (1u32 << 23) as f32 - 1.0
}
