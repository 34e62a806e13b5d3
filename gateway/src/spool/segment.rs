//! The spool's segment files: layout, encoding, scanning. Pure functions over bytes; files are `store`'s, what is held
//! is `index`'s.
//!
//! ```text
//! segment  = header record*
//! header   = "YWSPOOL1" | epoch u64 | number u64 | first sequence u64 | crc32c u32 of these | 0 u32   40 bytes
//! record   = length u32 | crc32c u32 | sequence u64 | captured_us i64 | spooled_us i64 |
//!            severity u8 | 0 0 0 | payload of that length                                             36 bytes + payload
//! ```
//! All numbers are little endian. The record's checksum covers everything of it except itself. The payload is what
//! `yiwang_wire::codec::encode_record` makes.
//!
//! Invariants: sequences grow within a segment, and from segment to segment of an epoch; a segment is only ever
//! appended to; a record counts as written once the segment was synced after it. So a reader may trust every record
//! whose checksum holds and whose sequence grows, and what follows the last such record is a torn write. Bytes in
//! between that are no record are damage: they are skipped to the next record, byte by byte, and counted.

use yiwang_wire::event::Severity;

/// What a segment begins with; the last digit is the version of the layout.
const MAGIC: &[u8; 8] = b"YWSPOOL1";
/// Bytes of a segment's header.
pub const HEADER_BYTES: usize = 40;
/// Bytes in front of a record's payload.
pub const RECORD_HEADER_BYTES: usize = 36;
/// Longest payload; as long as the longest frame, which every event fits into.
pub const PAYLOAD_BYTES_MAX: usize = yiwang_wire::limits::MAX_FRAME_BYTES;

/// A segment's name of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Header {
    /// Epoch of all its records.
    pub epoch: u64,
    /// Number of the segment within the epoch.
    pub number: u64,
}

impl Header {
    /// The header's bytes. `first` is the sequence that is written first: what is missing behind it was damaged.
    pub fn encode(self, first: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&first.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..32]);
        bytes[32..36].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads a header and the first sequence; none where it is damaged or cut.
    pub fn decode(bytes: &[u8]) -> Option<(Self, u64)> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let number = |at| field(bytes, at).map(u64::from_le_bytes);
        let sum = u32::from_le_bytes(field(bytes, 32)?);
        if &bytes[..8] != MAGIC || sum != crc32c::crc32c(&bytes[..32]) {
            return None;
        }
        Some((Self { epoch: number(8)?, number: number(16)? }, number(24)?))
    }

    /// The file's name; names sort as segments follow each other.
    pub fn file_name(self) -> String {
        format!("{:020}-{:010}.seg", self.epoch, self.number)
    }

    /// Reads a file's name.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let (epoch, number) = name.strip_suffix(".seg")?.split_once('-')?;
        let header = Self { epoch: epoch.parse().ok()?, number: number.parse().ok()? };
        (header.file_name() == name).then_some(header)
    }
}

/// A record as it stands in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Where it begins in the bytes that were read.
    pub offset: usize,
    /// Its sequence.
    pub sequence: u64,
    /// When the picture was taken.
    pub captured_us: i64,
    /// When it was handed to the spool, by the gateway's clock.
    pub spooled_us: i64,
    /// How urgent.
    pub severity: Severity,
    /// The encoded event.
    pub payload: &'a [u8],
}

impl Stored<'_> {
    /// Where the next record begins.
    pub fn end(&self) -> usize {
        self.offset + RECORD_HEADER_BYTES + self.payload.len()
    }
}

/// Appends a record; `offset` does not matter.
pub fn encode(record: &Stored<'_>, out: &mut Vec<u8>) {
    let length = u32::try_from(record.payload.len()).expect("payloads are bounded by PAYLOAD_BYTES_MAX");
    let start = out.len();
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.sequence.to_le_bytes());
    out.extend_from_slice(&record.captured_us.to_le_bytes());
    out.extend_from_slice(&record.spooled_us.to_le_bytes());
    out.extend_from_slice(&[record.severity as u8, 0, 0, 0]);
    out.extend_from_slice(record.payload);
    let sum = checksum(&out[start..]);
    out[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
}

/// Walks over the records in `bytes`, which begin at a record (after the header, or at a known offset).
#[derive(Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    offset: usize,
    after: u64,
    /// Bytes that were skipped between good records.
    pub skipped_bytes: u64,
    /// How often something was skipped.
    pub damages: u64,
}

/// Begins a walk at `offset`; only records with a sequence above `after` count.
pub fn records(bytes: &[u8], offset: usize, after: u64) -> Records<'_> {
    Records { bytes, offset, after, skipped_bytes: 0, damages: 0 }
}

impl Records<'_> {
    /// The end of the last good record: what follows is torn.
    pub fn good_bytes(&self) -> usize {
        self.offset
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Stored<'a>;

    fn next(&mut self) -> Option<Stored<'a>> {
        let mut at = self.offset;
        while at + RECORD_HEADER_BYTES < self.bytes.len() {
            if let Some(record) = record_at(self.bytes, at, self.after) {
                if at > self.offset {
                    self.damages += 1;
                    self.skipped_bytes += (at - self.offset) as u64;
                }
                self.offset = record.end();
                self.after = record.sequence;
                return Some(record);
            }
            at += 1;
        }
        None
    }
}

/// The record at this offset. The sequence is looked at before the checksum is computed: in a search byte by byte
/// nearly every offset falls there, which keeps the search linear.
fn record_at(bytes: &[u8], offset: usize, after: u64) -> Option<Stored<'_>> {
    let bytes = &bytes[offset..];
    let length = u32::from_le_bytes(field(bytes, 0)?) as usize;
    let sequence = u64::from_le_bytes(field(bytes, 8)?);
    let near = sequence > after && sequence - after <= u64::from(u32::MAX);
    if length == 0 || length > PAYLOAD_BYTES_MAX || !near {
        return None;
    }
    let whole = bytes.get(..RECORD_HEADER_BYTES + length)?;
    let severity = *[Severity::Low, Severity::Medium, Severity::High, Severity::Urgent].get(whole[32] as usize)?;
    if whole[33..36] != [0; 3] || u32::from_le_bytes(field(whole, 4)?) != checksum(whole) {
        return None;
    }
    Some(Stored {
        offset,
        sequence,
        captured_us: i64::from_le_bytes(field(whole, 16)?),
        spooled_us: i64::from_le_bytes(field(whole, 24)?),
        severity,
        payload: &whole[RECORD_HEADER_BYTES..],
    })
}

fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..])
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(sequences: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for sequence in sequences {
            let payload = vec![sequence as u8; 5 + sequence as usize % 7];
            let (captured_us, spooled_us) = (sequence as i64 * 10, sequence as i64 * 10 + 1);
            encode(
                &Stored { offset: 0, sequence, captured_us, spooled_us, severity: Severity::High, payload: &payload },
                &mut bytes,
            );
        }
        bytes
    }

    fn sequences(bytes: &[u8]) -> Vec<u64> {
        records(bytes, 0, 0).map(|record| record.sequence).collect()
    }

    #[test]
    fn headers_and_names_come_back_and_damage_is_seen() {
        let header = Header { epoch: 1_700_000_000_000, number: 7 };
        assert_eq!(Header::decode(&header.encode(9)), Some((header, 9)));
        assert_eq!(Header::from_file_name(&header.file_name()), Some(header));
        for i in 0..36 {
            let mut bytes = header.encode(9);
            bytes[i] ^= 1;
            assert_eq!(Header::decode(&bytes), None, "byte {i}");
        }
        for name in ["epoch", "1-2.seg", "x-y.seg", ".seg"] {
            assert_eq!(Header::from_file_name(name), None);
        }
    }

    #[test]
    fn a_write_torn_at_any_byte_leaves_the_records_before_it() {
        let bytes = sample(1..=4);
        let ends: Vec<usize> = records(&bytes, 0, 0).map(|record| record.end()).collect();
        for cut in 0..=bytes.len() {
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            let mut walk = records(&bytes[..cut], 0, 0);
            assert_eq!(walk.by_ref().count(), whole, "cut at {cut}");
            assert_eq!(walk.good_bytes(), if whole == 0 { 0 } else { ends[whole - 1] });
            assert_eq!(walk.damages, 0);
        }
    }

    #[test]
    fn damage_at_any_byte_costs_one_record_and_is_counted() {
        let bytes = sample(1..=5);
        let ends: Vec<usize> = records(&bytes, 0, 0).map(|record| record.end()).collect();
        for at in 0..ends[3] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            let hit = ends.iter().position(|&end| at < end).unwrap() as u64 + 1;
            let expected: Vec<u64> = (1..=5).filter(|&sequence| sequence != hit).collect();
            let mut walk = records(&damaged, 0, 0);
            let got: Vec<u64> = walk.by_ref().map(|record| record.sequence).collect();
            assert_eq!((got, walk.damages), (expected, 1), "byte {at}");
        }
    }

    #[test]
    fn what_was_read_before_is_not_read_twice() {
        assert_eq!(sequences(&sample([1, 2, 2, 1, 3])), [1, 2, 3]);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_never_count_as_records() {
        let mut state = 7u64;
        for round in 0..2000usize {
            let mut bytes = Vec::new();
            for _ in 0..round % 200 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                bytes.push((state >> 33) as u8);
            }
            assert!(sequences(&bytes).is_empty());
            assert_eq!(Header::decode(&bytes), None);
        }
    }
}
