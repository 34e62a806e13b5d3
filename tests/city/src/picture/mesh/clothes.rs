//! What somebody wears: drawn from a look.

use super::look::{Colour, Look, grain, mixed, scaled, srgb};

/// Hair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Hair {
    None,
    Short,
    Bob,
    Long,
    Bun,
    Ponytail,
}

/// On the head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Hat {
    None,
    Cap,
    Brimmed,
    Hood,
    /// A building worker's or a rider's.
    Helmet,
}

/// Pattern of what is worn above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pattern {
    Plain,
    Stripes,
    /// Other sleeves than the trunk.
    Sleeves,
    /// Shoulders in the second colour.
    Yoke,
    Checks,
    /// An open jacket over the second colour.
    Open,
    /// A print on the chest.
    Print,
    /// Bands that reflect.
    Reflecting,
}

/// Worn above.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upper {
    pub(super) colour: Colour,
    pub(super) second: Colour,
    pub(super) pattern: Pattern,
    /// Part of the arm that is covered.
    pub(super) sleeve: f32,
    /// Factor on the body's girth.
    pub(super) bulk: f32,
    /// How far below the hips it reaches, part of the stature; a coat or a dress to the knees.
    pub(super) hem: f32,
}

/// Worn below.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lower {
    pub(super) colour: Colour,
    /// Part of the leg that is covered.
    pub(super) length: f32,
    /// Factor on the leg's girth.
    pub(super) bulk: f32,
    /// A skirt: how far below the hips it reaches, part of the stature.
    pub(super) skirt: Option<f32>,
}

/// Everything about somebody that is not how they move.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wardrobe {
    pub(super) female: bool,
    /// Factor on the girth of the body.
    pub(super) build: f32,
    pub(super) skin: Colour,
    pub(super) hair: Hair,
    pub(super) hair_colour: Colour,
    pub(super) hat: Hat,
    pub(super) hat_colour: Colour,
    pub(super) upper: Upper,
    pub(super) lower: Lower,
    pub(super) shoes: Colour,
    pub(super) stockings: Colour,
    pub(super) backpack: Option<Colour>,
    pub(super) shoulder_bag: Option<Colour>,
    pub(super) umbrella: Colour,
    pub(super) seed: u32,
}

const DARK: [u32; 12] = [
    0x17181c, 0x22242a, 0x2b2e36, 0x1d2740, 0x26304a, 0x33373d, 0x3b2f2a, 0x1e3a2f, 0x4a1f28, 0x3c4a5c, 0x2a2a2a,
    0x463c32,
];
const LIGHT: [u32; 9] = [0xf2f2ee, 0xe8e4da, 0xcfd4d8, 0xb9c4cf, 0xd8c8b0, 0xa8b7c4, 0xe9d9d9, 0xbfb8ac, 0xffffff];
const BRIGHT: [u32; 14] = [
    0xb3202a, 0xd2453a, 0x1f5fae, 0x2f86c9, 0x2f8a4e, 0xe0a526, 0xe27d2c, 0x7b3f8c, 0xd76a8f, 0x3aa6a0, 0xf0c9d2,
    0x9bc3e0, 0x8aa83c, 0xc94f6d,
];
const LEGS: [u32; 14] = [
    0x27364f, 0x3a4d6b, 0x5c7595, 0x1a1b1f, 0x23252b, 0x2d2f33, 0x15161a, 0x6d6f72, 0x8f8674, 0xb5a88d, 0x4a4438,
    0x39424e, 0x7e93ad, 0xd9d6cc,
];
const SKIN: [u32; 7] = [0xe8bf9f, 0xdcae8a, 0xcf9b76, 0xc48a63, 0xe3b592, 0xa9714b, 0x7a4c32];
const HAIR: [u32; 8] = [0x12100f, 0x18130f, 0x1d1612, 0x2a1d15, 0x3d2a1c, 0x16161a, 0x8b8782, 0x6b4a2c];

impl Wardrobe {
    /// Somebody in the street.
    pub(super) fn of(look: Look) -> Wardrobe {
        let female = look.chance("female", 0.5);
        let upper = upper(look, female);
        let lower = lower(look, female, &upper);
        let (hair, hat) = head(look, female, &upper);
        let skin = look.shade("skin", &SKIN);
        let stockings = if lower.skirt.is_some() && look.chance("stockings", 0.35) { srgb(0x1c1a1c) } else { skin };
        Wardrobe {
            female,
            build: look.between("build", 0.88, 1.12) + if look.chance("stout", 0.12) { 0.16 } else { 0.0 },
            skin,
            hair,
            hair_colour: look.shade("hair colour", &HAIR),
            hat,
            hat_colour: if upper.pattern == Pattern::Reflecting {
                look.shade("helmet", &[0xf2c21a, 0xd93a22, 0xf0f0f0, 0x2a63b8])
            } else {
                colour(look, "hat colour")
            },
            upper,
            lower,
            shoes: look
                .shade("shoes", &[0x141414, 0x1d1b1a, 0xe9e9e6, 0x3d2c20, 0x6b6f75, 0x8c2b2b, 0xd8d2c6, 0x23304a]),
            stockings,
            backpack: look.chance("backpack", 0.2).then(|| colour(look, "backpack colour")),
            shoulder_bag: look.chance("shoulder bag", 0.22).then(|| colour(look, "shoulder bag colour")),
            umbrella: look
                .shade("umbrella", &[0x1d222e, 0x31456b, 0x8c1f2b, 0x3c3c3c, 0x2f6f6a, 0xc8a3b4, 0xd5c14e, 0x7a8fa8]),
            seed: look.0,
        }
    }

    /// Colour of the trunk at a height above the hips (part of the stature) and a part of the turn from ahead.
    pub(super) fn trunk_colour(&self, height: f32, turn: f32, row: u32, side: u32) -> Colour {
        let upper = &self.upper;
        // Turn 0 is ahead, ½ the back.
        let ahead = (turn - 0.5).abs() * 2.0;
        let base = match upper.pattern {
            Pattern::Plain | Pattern::Sleeves => upper.colour,
            Pattern::Stripes if row.is_multiple_of(2) => upper.second,
            Pattern::Yoke if height > 0.2 => upper.second,
            Pattern::Checks if (row + side).is_multiple_of(2) => mixed(upper.colour, upper.second, 0.6),
            Pattern::Open if ahead > 0.8 => upper.second,
            Pattern::Print if ahead > 0.62 && (0.13..0.24).contains(&height) => upper.second,
            Pattern::Reflecting if (0.09..0.125).contains(&height) || (ahead < 0.8 && ahead > 0.7) => upper.second,
            _ => upper.colour,
        };
        // Folds of the cloth; the waist lies a little in its own shadow.
        scaled(base, 1.0 + 0.1 * grain(self.seed, row, side) - if height < 0.1 { 0.06 } else { 0.0 })
    }
}

fn colour(look: Look, what: &str) -> Colour {
    let kind = Look(look.0 ^ 0x77).unit(what);
    let from: &[u32] = match kind {
        kind if kind < 0.45 => &DARK,
        kind if kind < 0.72 => &LIGHT,
        _ => &BRIGHT,
    };
    look.shade(what, from)
}

fn upper(look: Look, female: bool) -> Upper {
    let plain = Upper {
        colour: colour(look, "upper"),
        second: colour(look, "second"),
        pattern: look.pick(
            "pattern",
            &[
                Pattern::Plain,
                Pattern::Plain,
                Pattern::Plain,
                Pattern::Print,
                Pattern::Stripes,
                Pattern::Checks,
                Pattern::Yoke,
                Pattern::Sleeves,
            ],
        ),
        sleeve: 0.32,
        bulk: 1.04,
        hem: 0.02,
    };
    match (look.unit("upper kind") * 100.0) as u32 {
        // A shirt or blouse with long sleeves.
        0..22 => Upper { sleeve: 0.97, bulk: 1.06, ..plain },
        // A jacket, half of them open.
        22..44 => {
            let pattern = if look.chance("open", 0.5) { Pattern::Open } else { plain.pattern };
            Upper { sleeve: 0.98, bulk: look.between("jacket", 1.1, 1.24), hem: 0.03, pattern, ..plain }
        }
        // A coat.
        44..54 => {
            let pattern = if look.chance("open", 0.4) { Pattern::Open } else { Pattern::Plain };
            Upper { sleeve: 0.98, bulk: 1.16, hem: look.between("coat", 0.12, 0.3), pattern, ..plain }
        }
        // A dress, or a sleeveless shirt.
        54..66 => {
            let hem = if female { look.between("dress", 0.2, 0.36) } else { 0.02 };
            Upper { sleeve: if look.chance("sleeveless", 0.4) { 0.02 } else { 0.25 }, hem, ..plain }
        }
        // A vest that reflects, of workers and wardens.
        66..71 => Upper {
            colour: look.shade("vest", &[0xd8e02a, 0xf07a1e]),
            second: srgb(0xe6e6e6),
            pattern: Pattern::Reflecting,
            sleeve: 0.97,
            bulk: 1.12,
            ..plain
        },
        _ => plain,
    }
}

fn lower(look: Look, female: bool, upper: &Upper) -> Lower {
    let colour = look.shade("lower", &LEGS);
    let trousers = Lower { colour, length: 0.96, bulk: look.between("trousers", 1.05, 1.35), skirt: None };
    let dress = female && upper.hem > 0.1 && upper.sleeve < 0.5;
    match (look.unit("lower kind") * 100.0) as u32 {
        _ if dress => Lower { length: 0.0, bulk: 1.0, ..trousers },
        _ if upper.pattern == Pattern::Reflecting => trousers,
        0..16 => Lower { length: look.between("shorts", 0.36, 0.52), bulk: 1.25, ..trousers },
        16..42 if female => {
            let colour = if look.chance("skirt of colour", 0.5) { self::colour(look, "skirt") } else { colour };
            Lower { colour, length: 0.0, bulk: 1.0, skirt: Some(look.between("skirt length", 0.14, 0.4)) }
        }
        // Leggings.
        42..58 if female => Lower { bulk: 1.02, ..trousers },
        _ => trousers,
    }
}

fn head(look: Look, female: bool, upper: &Upper) -> (Hair, Hat) {
    let hair = if female {
        look.pick("hair", &[Hair::Long, Hair::Long, Hair::Ponytail, Hair::Ponytail, Hair::Bob, Hair::Bun, Hair::Short])
    } else {
        look.pick("hair", &[Hair::Short, Hair::Short, Hair::Short, Hair::Short, Hair::Short, Hair::Short, Hair::None])
    };
    let hat = match (look.unit("hat") * 100.0) as u32 {
        _ if upper.pattern == Pattern::Reflecting && look.chance("works", 0.7) => Hat::Helmet,
        0..8 => Hat::Cap,
        8..12 => Hat::Brimmed,
        12..16 if upper.sleeve > 0.9 => Hat::Hood,
        _ => Hat::None,
    };
    (hair, hat)
}
