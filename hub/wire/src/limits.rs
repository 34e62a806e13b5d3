//! The bounds of everything that travels. Decoders enforce them before they allocate; encoders keep within them. A
//! bound may grow in a later version, it never shrinks.

/// A frame on an event stream, without its length.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;
/// A frame on the control or the joining stream, without its length. A hello of [`MAX_CAMERAS`] cameras and
/// [`MAX_KINDS`] kinds with the longest names fits.
pub const MAX_CONTROL_BYTES: usize = 1024 * 1024;
/// Events in one batch.
pub const MAX_BATCH_EVENTS: usize = 1024;
/// Numbers that names may have on one event stream. A number given again replaces the name, so a stream may live on.
pub const MAX_NAMES_PER_STREAM: usize = 4096;
/// Numbers that models may have on one event stream.
pub const MAX_MODELS_PER_STREAM: usize = 64;
/// An identifier or name: camera, rule, kind, class, unit, attribute name.
pub const MAX_NAME_BYTES: usize = 256;
/// A text for people: attribute values, cause texts.
pub const MAX_TEXT_BYTES: usize = 1024;
/// Cameras of one gateway.
pub const MAX_CAMERAS: usize = 1024;
/// Kinds that one gateway describes.
pub const MAX_KINDS: usize = 256;
/// Epochs in one message.
pub const MAX_EPOCHS: usize = 64;
/// Ranges of one epoch in one message. Whoever has more sends the lowest: what is left out is sent again, no more.
pub const MAX_RANGES: usize = 1024;
/// Measures of one event.
pub const MAX_MEASURES: usize = 32;
/// Attributes of one event.
pub const MAX_ATTRIBUTES: usize = 32;
/// Gaps of one camera in one message; the gateway's board holds no more.
pub const MAX_GAPS: usize = 64;
/// Embedded messages and texts in one control message, all levels that may repeat together.
pub const MAX_CONTROL_FIELDS: usize = 16 * 1024;
/// Width or height of a picture.
pub const MAX_PICTURE_PX: u32 = 65_536;
/// A certificate signing request.
pub const MAX_CSR_BYTES: usize = 8 * 1024;
/// A certificate chain.
pub const MAX_CHAIN_BYTES: usize = 32 * 1024;
/// Times lie within ± this, the end of the year 9999: what comes after cannot be written as RFC 3339.
pub const MAX_TIME_US: i64 = 253_402_300_799_999_999;
/// An ask for pictures, without its length.
pub const MAX_ASK_BYTES: usize = 4 * 1024;
/// An answer with a still, without its length.
pub const MAX_STILL_BYTES: usize = 2 * 1024 * 1024;
/// A fragment of live video, without its length: one coded picture.
pub const MAX_FRAGMENT_BYTES: usize = 1024 * 1024;
/// The head of live video.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;
/// A clip.
pub const MAX_CLIP_BYTES: usize = 32 * 1024 * 1024;
/// The longest time that is asked for in one clip, microseconds.
pub const MAX_CLIP_US: i64 = 120_000_000;
/// Cameras of one gateway that are watched live at a time.
pub const MAX_LIVE: u32 = 4;
/// Asks that a gateway answers at a time; the hub opens no further stream until one ends.
pub const MAX_ASKS: u32 = 8;
