//! Frames on a stream: the payload's length as u32, little endian, then the payload. Bytes in, frames out; it neither
//! reads nor writes a socket. What is inside is `codec`'s.

/// Bytes of the length in front of a frame.
pub const HEADER_BYTES: usize = 4;

/// Why a stream of frames cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The announced length is above the stream's bound.
    #[error("a frame of {bytes} bytes was announced, at most {max} are allowed")]
    TooLarge {
        /// Announced.
        bytes: usize,
        /// Allowed.
        max: usize,
    },
    /// A frame without content.
    #[error("an empty frame was announced")]
    Empty,
}

/// Cuts a stream of bytes into frames.
///
/// Bound: one frame of `max_bytes` plus what one `push` brings, as long as the caller takes every frame out before the
/// next push. A length above the bound is refused as soon as its four bytes are there.
#[derive(Debug)]
pub struct Framer {
    max_bytes: usize,
    buffer: Vec<u8>,
    taken: usize,
}

impl Framer {
    /// A framer for a stream whose frames have at most `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, buffer: Vec::new(), taken: 0 }
    }

    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, if it is there. After an error the stream is of no use.
    #[allow(clippy::should_implement_trait, reason = "an iterator would promise that None is the end")]
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let rest = &self.buffer[self.taken..];
        let Some((header, payload)) = rest.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let bytes = u32::from_le_bytes(*header) as usize;
        if bytes > self.max_bytes {
            return Err(FrameError::TooLarge { bytes, max: self.max_bytes });
        }
        if bytes == 0 {
            return Err(FrameError::Empty);
        }
        let Some(payload) = payload.get(..bytes) else {
            return Ok(None);
        };
        let payload = payload.to_vec();
        self.taken += HEADER_BYTES + bytes;
        Ok(Some(payload))
    }

    /// Bytes held that are not a whole frame yet. Not zero at the end of a stream: it was cut.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// What came behind the frames that were taken, for a stream on which something else follows them.
    pub fn into_rest(mut self) -> Vec<u8> {
        self.buffer.split_off(self.taken)
    }
}

/// Appends a frame with this payload to `out`.
pub fn encode(payload: &[u8], out: &mut Vec<u8>) {
    let bytes = u32::try_from(payload.len()).expect("payloads are bounded far below 4 GiB");
    out.extend_from_slice(&bytes.to_le_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_survive_any_cut(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..8),
            chunk in 1usize..20,
        ) {
            let mut bytes = Vec::new();
            for payload in &payloads {
                encode(payload, &mut bytes);
            }
            let mut framer = Framer::new(64);
            let mut got = Vec::new();
            for piece in bytes.chunks(chunk) {
                framer.push(piece);
                while let Some(frame) = framer.next().unwrap() {
                    got.push(frame);
                }
            }
            prop_assert_eq!(got, payloads);
            prop_assert_eq!(framer.pending_bytes(), 0);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut framer = Framer::new(64);
            framer.push(&bytes);
            while let Ok(Some(frame)) = framer.next() {
                prop_assert!(frame.len() <= 64);
            }
        }
    }

    #[test]
    fn a_length_above_the_bound_is_refused_before_its_payload_comes() {
        let mut framer = Framer::new(64);
        framer.push(&65u32.to_le_bytes());
        assert_eq!(framer.next(), Err(FrameError::TooLarge { bytes: 65, max: 64 }));
    }

    #[test]
    fn an_empty_frame_is_refused() {
        let mut framer = Framer::new(64);
        framer.push(&[0; 4]);
        assert_eq!(framer.next(), Err(FrameError::Empty));
    }
}
