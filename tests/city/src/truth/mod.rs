//! What is true, as JSON lines in the time base of the streams.

/// An object in one camera's picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The actor's identity.
    pub id: u32,
    /// Its class.
    pub class: &'static str,
    /// Box around its whole silhouette, fractions of the picture, clipped to it.
    pub bbox: yiwang_inference::picture::Rect,
    /// Part of its silhouette that is in the picture and not hidden, 0–1.
    pub visible: f32,
}
