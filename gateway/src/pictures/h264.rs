//! Just enough of H.264 (ITU-T H.264, 7.3 and annex B) to put a camera's pictures into a container as they are: its NAL
//! units, the parameter sets, and how large the picture is. Reads what a stranger sent: never panics, allocates no more than
//! it was given.

/// NAL unit types that are used here.
const SLICE_MIN: u8 = 1;
const SLICE_MAX: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
/// Profiles whose sequence parameter sets tell of chroma and scaling lists.
const HIGH_PROFILES: [u8; 10] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138];
/// Largest side of a picture, macroblocks: 16,384 pixels.
const SIDE_MAX: u32 = 1024;

/// What decoding begins with: the newest parameter sets of a keyframe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Sequence parameter set, with its header byte.
    pub sps: Vec<u8>,
    /// Picture parameter set.
    pub pps: Vec<u8>,
    /// Width and height, cropped.
    pub size_px: (u32, u32),
}

impl Parameters {
    /// The parameter sets that stand in an access unit, where both do and can be read.
    pub fn of(annex_b: &[u8]) -> Option<Self> {
        let newest = |kind: u8| nals(annex_b).filter(|nal| nal[0] & 0x1f == kind && nal.len() >= 4).last();
        let (sps, pps) = (newest(SPS)?, newest(PPS)?);
        // Lengths are written with 16 bits.
        if sps.len() > usize::from(u16::MAX) || pps.len() > usize::from(u16::MAX) {
            return None;
        }
        Some(Self { size_px: size_px(sps)?, sps: sps.to_vec(), pps: pps.to_vec() })
    }

    /// As browsers name it (RFC 6381): profile, constraints, level.
    pub fn codec(&self) -> String {
        format!("avc1.{:02x}{:02x}{:02x}", self.sps[1], self.sps[2], self.sps[3])
    }
}

/// The slices of an access unit, each with its length before it (ISO/IEC 14496-15): parameter sets stand in the container's
/// head, delimiters and what makers add are left out.
pub fn slices(annex_b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(annex_b.len() + 16);
    for nal in nals(annex_b).filter(|nal| (SLICE_MIN..=SLICE_MAX).contains(&(nal[0] & 0x1f))) {
        let Ok(bytes) = u32::try_from(nal.len()) else { continue };
        out.extend_from_slice(&bytes.to_be_bytes());
        out.extend_from_slice(nal);
    }
    out
}

/// The NAL units between start codes; none is empty.
fn nals(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b);
    std::iter::from_fn(move || {
        loop {
            let from = rest?;
            let end = from.windows(3).position(|three| three == [0, 0, 1]).unwrap_or(from.len());
            rest = from.get(end + 3..);
            // The zero of a four-byte start code, and zeros that trail, belong to no unit.
            let zeros = from[..end].iter().rev().take_while(|byte| **byte == 0).count();
            if end > zeros {
                return Some(&from[..end - zeros]);
            }
        }
    })
}

fn after_start_code(annex_b: &[u8]) -> Option<&[u8]> {
    let at = annex_b.windows(3).position(|three| three == [0, 0, 1])?;
    annex_b.get(at + 3..)
}

/// Width and height out of a sequence parameter set.
fn size_px(sps: &[u8]) -> Option<(u32, u32)> {
    let payload = without_emulation(sps.get(1..)?);
    let profile = *payload.first()?;
    let mut bits = Bits { bytes: payload.get(3..)?, at: 0 };
    bits.ue()?;
    let mut chroma = 1;
    if HIGH_PROFILES.contains(&profile) {
        chroma = bits.ue()?;
        if chroma == 3 {
            bits.one()?;
        }
        bits.ue()?;
        bits.ue()?;
        bits.one()?;
        if bits.one()? == 1 {
            skip_scaling_lists(&mut bits, if chroma == 3 { 12 } else { 8 })?;
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => drop(bits.ue()?),
        1 => {
            bits.one()?;
            bits.ue()?;
            bits.ue()?;
            for _ in 0..bits.ue().filter(|count| *count <= 255)? {
                bits.ue()?;
            }
        }
        _ => {}
    }
    bits.ue()?;
    bits.one()?;
    let side = |blocks: u32| Some(blocks.checked_add(1)?).filter(|blocks| *blocks <= SIDE_MAX);
    let (columns, rows) = (side(bits.ue()?)?, side(bits.ue()?)?);
    let frames_only = bits.one()?;
    if frames_only == 0 {
        bits.one()?;
    }
    bits.one()?;
    let (mut width, mut height) = (columns * 16, rows * 16 * (2 - frames_only));
    if bits.one()? == 1 {
        let (x, y) = (if matches!(chroma, 1 | 2) { 2 } else { 1 }, if chroma == 1 { 2 } else { 1 } * (2 - frames_only));
        let mut cropped = |unit: u32| bits.ue()?.checked_add(bits.ue()?)?.checked_mul(unit);
        (width, height) = (width.checked_sub(cropped(x)?)?, height.checked_sub(cropped(y)?)?);
    }
    (width > 0 && height > 0).then_some((width, height))
}

fn skip_scaling_lists(bits: &mut Bits<'_>, lists: usize) -> Option<()> {
    for list in 0..lists {
        if bits.one()? == 0 {
            continue;
        }
        let mut next = 8_i64;
        let mut last = 8_i64;
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.se()? + 256).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Some(())
}

/// Takes out the byte that keeps start codes from appearing in what is coded.
fn without_emulation(coded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(coded.len());
    let mut zeros = 0;
    for &byte in coded {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Reads bits from the highest on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn one(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = (byte >> (7 - self.at % 8)) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    /// Exp-Golomb, unsigned.
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.one()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let mut value = 1_u64;
        for _ in 0..zeros {
            value = value << 1 | u64::from(self.one()?);
        }
        u32::try_from(value - 1).ok()
    }

    /// Exp-Golomb, signed.
    fn se(&mut self) -> Option<i64> {
        let value = i64::from(self.ue()?);
        Some(if value % 2 == 1 { (value + 1) / 2 } else { -value / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_cut_at_start_codes_of_three_and_four_bytes() {
        let stream = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0, 0, 1, 0x65, 4, 5, 0, 0];
        let cut: Vec<_> = nals(&stream).collect();
        assert_eq!(cut, [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 4, 5]]);
        assert_eq!(slices(&stream), [0, 0, 0, 3, 0x65, 4, 5]);
        assert_eq!((nals(&[]).count(), nals(&[0, 0, 1]).count(), nals(&[1, 2, 3]).count()), (0, 0, 0));
    }

    #[test]
    fn the_picture_is_as_large_as_x264_says() {
        // x264, 1280x720, High, and 368x200 (cropped from 208), Constrained Baseline.
        let high = unhex("6764001facd9405005bb011000000300100000030320f1831960");
        assert_eq!(size_px(&high), Some((1280, 720)));
        let codec = Parameters { sps: high, pps: vec![0x68], size_px: (1280, 720) }.codec();
        assert_eq!(codec, "avc1.64001f");
        assert_eq!(size_px(&[0x67]), None);
        assert_eq!(size_px(&[0x67, 66, 0, 30, 0, 0, 0, 0, 0]), None, "a number of more than 32 bits");
    }

    #[test]
    fn damaged_parameter_sets_never_panic() {
        let sps = unhex("6764001facd9405005bb011000000300100000030320f1831960");
        for at in 0..sps.len() * 8 {
            let mut damaged = sps.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            let _ = size_px(&damaged);
            let _ = size_px(&damaged[..at / 8]);
        }
    }

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }
}
