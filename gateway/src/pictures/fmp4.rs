//! Fragmented MP4 (ISO/IEC 14496-12 and -15) with one track of H.264, as browsers take it piece by piece: a head, then one
//! fragment a picture. Written here because it is two dozen boxes of fixed shape. Bytes in, bytes out.

use super::h264::{Parameters, slices};

/// Ticks a second, as RTP has them.
const TIMESCALE: u32 = 90_000;
/// Flags of a picture that depends on no other, and of one that does.
const INDEPENDENT: u32 = 0x0200_0000;
const DEPENDENT: u32 = 0x0101_0000;
/// How long pictures are taken to last until a group of them has told.
const DURATION_FIRST: u32 = TIMESCALE / 25;
const DURATION_MAX: u32 = TIMESCALE;

/// The head: what a player needs before the first fragment.
pub fn head(parameters: &Parameters) -> Vec<u8> {
    head_lasting(parameters, 0)
}

/// The head of what is over: it says how long all fragments last together. 0: it is not over.
pub fn head_lasting(parameters: &Parameters, lasts_us: u64) -> Vec<u8> {
    let lasts_ms = u32::try_from(lasts_us / 1000).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(768);
    boxed(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"iso5");
        word(out, 512);
        out.extend_from_slice(b"iso5iso6mp41avc1");
    });
    boxed(&mut out, b"moov", |out| {
        full(out, b"mvhd", 0, 0, |out| {
            words(out, &[0, 0, 1000, lasts_ms, 0x0001_0000, 0x0100_0000, 0, 0]);
            matrix(out);
            words(out, &[0, 0, 0, 0, 0, 0, 2]);
        });
        boxed(out, b"trak", |out| track(out, parameters));
        boxed(out, b"mvex", |out| {
            if lasts_ms > 0 {
                full(out, b"mehd", 0, 0, |out| word(out, lasts_ms));
            }
            full(out, b"trex", 0, 0, |out| words(out, &[1, 1, 0, 0, 0]));
        });
    });
    out
}

fn track(out: &mut Vec<u8>, parameters: &Parameters) {
    let (width, height) = parameters.size_px;
    full(out, b"tkhd", 0, 3, |out| {
        words(out, &[0, 0, 1, 0, 0, 0, 0, 0, 0]);
        matrix(out);
        words(out, &[width << 16, height << 16]);
    });
    boxed(out, b"mdia", |out| {
        // Language: undetermined.
        full(out, b"mdhd", 0, 0, |out| words(out, &[0, 0, TIMESCALE, 0, 0x55c4_0000]));
        full(out, b"hdlr", 0, 0, |out| {
            word(out, 0);
            out.extend_from_slice(b"vide");
            words(out, &[0, 0, 0]);
            out.extend_from_slice(b"video\0");
        });
        boxed(out, b"minf", |out| {
            full(out, b"vmhd", 0, 1, |out| words(out, &[0, 0]));
            boxed(out, b"dinf", |out| {
                full(out, b"dref", 0, 0, |out| {
                    word(out, 1);
                    full(out, b"url ", 0, 1, |_| ());
                });
            });
            boxed(out, b"stbl", |out| {
                full(out, b"stsd", 0, 0, |out| {
                    word(out, 1);
                    boxed(out, b"avc1", |out| sample_entry(out, parameters));
                });
                full(out, b"stts", 0, 0, |out| word(out, 0));
                full(out, b"stsc", 0, 0, |out| word(out, 0));
                full(out, b"stsz", 0, 0, |out| words(out, &[0, 0]));
                full(out, b"stco", 0, 0, |out| word(out, 0));
            });
        });
    });
}

fn sample_entry(out: &mut Vec<u8>, parameters: &Parameters) {
    let (width, height) = parameters.size_px;
    words(out, &[0, 1, 0, 0, 0, 0]);
    word(out, width << 16 | height & 0xffff);
    // 72 dots an inch, one picture a sample, no name.
    words(out, &[0x0048_0000, 0x0048_0000, 0]);
    half(out, 1);
    out.extend_from_slice(&[0; 32]);
    out.extend_from_slice(&[0x00, 0x18, 0xff, 0xff]);
    boxed(out, b"avcC", |out| {
        let Parameters { sps, pps, .. } = parameters;
        // Four bytes a length, one set of each.
        out.extend_from_slice(&[1, sps[1], sps[2], sps[3], 0xff, 0xe1]);
        half(out, sps.len() as u16);
        out.extend_from_slice(sps);
        out.push(1);
        half(out, pps.len() as u16);
        out.extend_from_slice(pps);
        if matches!(sps[1], 100 | 110 | 122 | 144) {
            // High profiles say their chroma and depth: 4:2:0, 8 bit is all that cameras send and browsers take.
            out.extend_from_slice(&[0xfd, 0xf8, 0xf8, 0]);
        }
    });
}

/// Makes fragments of a stream's pictures, in decoding order.
///
/// Browsers take a picture that is decoded later than twice the length of the one before for the sign of a gap, and leave
/// out everything up to the next keyframe. So decoding times follow the order of decoding, in which a picture that others
/// refer to is early: between keyframes they never grow by more than that, whatever the pictures' own times do.
#[derive(Debug, Default)]
pub struct Fragments {
    base_us: Option<i64>,
    sequence: u32,
    /// Decoding time of the picture before; it only grows.
    decoded: Option<u64>,
    /// How long each picture is said to last: what it was on average in the group before.
    duration: u32,
    /// When the newest keyframe is shown, and how many pictures came since, itself counted.
    group: Option<(u64, u64)>,
}

impl Fragments {
    /// One picture as a fragment; none where nothing of it can be shown. `media_us` is when it is to be shown.
    pub fn fragment(&mut self, annex_b: &[u8], keyframe: bool, media_us: i64) -> Option<Vec<u8>> {
        let data = slices(annex_b);
        let bytes = u32::try_from(data.len()).ok().filter(|bytes| *bytes > 0)?;
        let base_us = *self.base_us.get_or_insert(media_us);
        let shown = u64::try_from(media_us.saturating_sub(base_us)).unwrap_or(0).saturating_mul(9) / 100;
        if keyframe || self.group.is_none() {
            self.begin_group(shown);
        }
        let decoded = match self.decoded {
            None => shown,
            Some(before) if keyframe => shown.max(before + 1),
            Some(before) => shown.clamp(before + 1, before + 2 * u64::from(self.duration)),
        };
        self.group = self.group.map(|(from, count)| (from, count + 1));
        self.decoded = Some(decoded);
        self.sequence = self.sequence.wrapping_add(1);
        let offset = i32::try_from(i128::from(shown) - i128::from(decoded)).unwrap_or(0);
        let flags = if keyframe { INDEPENDENT } else { DEPENDENT };
        let mut out = Vec::with_capacity(data.len() + 128);
        boxed(&mut out, b"moof", |out| {
            full(out, b"mfhd", 0, 0, |out| word(out, self.sequence));
            boxed(out, b"traf", |out| {
                // Offsets count from the fragment's own beginning.
                full(out, b"tfhd", 0, 0x02_0000, |out| word(out, 1));
                full(out, b"tfdt", 1, 0, |out| out.extend_from_slice(&decoded.to_be_bytes()));
                // Data offset; duration, size, flags and composition offset of each sample.
                full(out, b"trun", 1, 0x0f01, |out| {
                    words(out, &[1, MOOF_BYTES + 8, self.duration, bytes, flags]);
                    out.extend_from_slice(&offset.to_be_bytes());
                });
            });
        });
        debug_assert_eq!(out.len(), MOOF_BYTES as usize);
        boxed(&mut out, b"mdat", |out| out.extend_from_slice(&data));
        Some(out)
    }

    fn begin_group(&mut self, shown: u64) {
        self.duration = match self.group {
            // One picture tells of no rate: the rest of its group was left out.
            Some((from, count)) if count > 1 => {
                let ticks = shown.saturating_sub(from) / count;
                u32::try_from(ticks).map_or(DURATION_MAX, |ticks| ticks.clamp(1, DURATION_MAX))
            }
            Some(_) => self.duration,
            None => DURATION_FIRST,
        };
        self.group = Some((shown, 0));
    }
}

/// Bytes of a fragment's head: its boxes are of fixed size.
const MOOF_BYTES: u32 = 8 + 16 + 8 + 16 + 20 + 12 + 24;

fn boxed(out: &mut Vec<u8>, kind: &[u8; 4], content: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    word(out, 0);
    out.extend_from_slice(kind);
    content(out);
    // One picture is far below 4 GiB.
    let bytes = (out.len() - at) as u32;
    out[at..at + 4].copy_from_slice(&bytes.to_be_bytes());
}

fn full(out: &mut Vec<u8>, kind: &[u8; 4], version: u8, flags: u32, content: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, kind, |out| {
        word(out, u32::from(version) << 24 | flags);
        content(out);
    });
}

fn word(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn words(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| word(out, *value));
}

fn half(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// No turn, no scale.
fn matrix(out: &mut Vec<u8>) {
    words(out, &[0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The boxes of a file, kind and content.
    fn boxes(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
        let mut found = Vec::new();
        while let Some((size, rest)) = bytes.split_first_chunk::<4>() {
            let size = u32::from_be_bytes(*size) as usize;
            found.push((String::from_utf8_lossy(&rest[..4]).into_owned(), &bytes[8..size]));
            bytes = &bytes[size..];
        }
        found
    }

    fn kinds(bytes: &[u8]) -> Vec<String> {
        boxes(bytes).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn the_head_names_one_track_with_the_cameras_own_parameter_sets() {
        let parameters = Parameters { sps: vec![0x67, 100, 0, 31, 9], pps: vec![0x68, 1, 2, 3], size_px: (1280, 720) };
        let head = head(&parameters);
        assert_eq!(kinds(&head), ["ftyp", "moov"]);
        let moov = boxes(&head)[1].1;
        assert_eq!(kinds(moov), ["mvhd", "trak", "mvex"]);
        let of = |bytes: &[u8]| head.windows(bytes.len()).any(|window| window == bytes);
        assert!(of(&parameters.sps) && of(&parameters.pps));
        assert!(of(&[0x05, 0x00, 0x02, 0xd0]), "1280 and 720, side by side");
    }

    #[test]
    fn each_picture_is_a_fragment_whose_decoding_time_only_grows() {
        let unit = [0, 0, 0, 1, 0x65, 1, 2, 3];
        let mut fragments = Fragments::default();
        let mut decoded = Vec::new();
        // Shown at 0, 120, 40, 80 and 200 ms: a camera that sends pictures out of order.
        for (media_us, expected) in [(0, 0), (120_000, 10_800), (40_000, 3_600), (80_000, 7_200), (200_000, 18_000)] {
            let fragment = fragments.fragment(&unit, media_us == 0, 5_000_000 + media_us).unwrap();
            assert_eq!(kinds(&fragment), ["moof", "mdat"]);
            assert_eq!(boxes(&fragment)[1].1, [0, 0, 0, 4, 0x65, 1, 2, 3]);
            let moof = boxes(&fragment)[0].1;
            assert_eq!(moof.len() + 8, MOOF_BYTES as usize);
            let at = |from: usize| u64::from_be_bytes(fragment[from..from + 8].try_into().unwrap());
            // Where the page reads it: all boxes before are of fixed size.
            decoded.push(at(60));
            let offset = i32::from_be_bytes(moof[moof.len() - 4..].try_into().unwrap());
            assert_eq!(decoded[decoded.len() - 1] as i64 + i64::from(offset), expected);
        }
        assert!(decoded.windows(2).all(|two| two[0] < two[1]), "{decoded:?}");
        assert_eq!(fragments.fragment(&[0, 0, 1, 0x67, 1, 2, 3], true, 6_000_000), None, "nothing to show in it");
    }

    #[test]
    fn no_browser_takes_reordered_pictures_for_a_gap() {
        let unit = [0, 0, 0, 1, 0x65, 1, 2, 3];
        let number = |fragment: &[u8], at: usize| u32::from_be_bytes(fragment[at..at + 4].try_into().unwrap());
        let mut fragments = Fragments::default();
        let mut before: Option<(u64, u32)> = None;
        // Ten a second, keyframes each second; two pictures in three refer to one that is shown three later.
        for group in 0..5 {
            for (place, shown) in [0, 3, 1, 2, 6, 4, 5, 9, 7, 8].into_iter().enumerate() {
                let fragment = fragments.fragment(&unit, place == 0, 100_000 * (10 * group + shown)).unwrap();
                let decoded = u64::from_be_bytes(fragment[60..68].try_into().unwrap());
                let duration = number(&fragment, 88);
                if let Some((last, lasted)) = before.filter(|_| place > 0) {
                    let step = decoded - last;
                    assert!(
                        step > 0 && step <= 2 * u64::from(lasted),
                        "group {group}, place {place}: {step} of {lasted}"
                    );
                }
                assert!(group == 0 || duration == 9_000, "a tenth of a second: {duration}");
                before = Some((decoded, duration));
            }
        }
    }
}
