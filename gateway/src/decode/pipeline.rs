//! One decoder. Access units go in as they are (moved, not copied), pictures come out in the order of presentation
//! with the times of the unit that they were coded in, matched by timestamp, so that B-frames keep theirs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::{DecodeError, Picture, PictureSink, Purpose, decoder_of, element};
use crate::camera::{AccessUnit, Codec, Times};

/// Units whose picture has not come out yet, of which the times are kept. Far above what a decoder holds back and a
/// queue of a second takes; when full the oldest is forgotten, and its picture, should it still come, is left out.
const PENDING_MAX: usize = 512;
/// Decoded pictures that wait for whoever pulls them (blocking mode only). When full the decoder waits.
const PICTURES_MAX: u32 = 2;
/// Units that wait for the decoder in blocking mode. When full, pushing waits.
const BLOCKING_UNITS_MAX: u64 = 8;

/// Between the timestamps of what was decoded last and of what is decoded again.
const REWIND_STEP_NS: u64 = 1_000_000;

/// A unit's bytes, shared by the decoder and whoever keeps it to decode it again.
#[derive(Clone)]
pub struct Data(Arc<Vec<u8>>);

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

/// A coded picture on its way into a decoder. Cloning it copies no bytes.
#[derive(Clone)]
pub struct Unit {
    /// Its bytes.
    pub data: Data,
    /// Decoding can begin with it.
    pub keyframe: bool,
    /// When it was taken.
    pub times: Times,
}

impl From<AccessUnit> for Unit {
    fn from(unit: AccessUnit) -> Self {
        Self { data: unit.data.into(), keyframe: unit.keyframe, times: unit.times }
    }
}

/// A sink that the decoder's thread and its owner share.
pub type SharedSink = Arc<Mutex<dyn PictureSink>>;

/// A decoder for one camera and one codec.
pub struct Decoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    state: Arc<Shared>,
    clock: Mutex<Clock>,
}

/// The decoder's own timestamps: media time, but for what is decoded once more. They never go back, because a decoder
/// takes that for a broken stream.
#[derive(Default)]
struct Clock {
    shift_ns: u64,
    newest_ns: Option<u64>,
}

impl Clock {
    fn pts_ns(&mut self, media_us: i64, keyframe: bool) -> u64 {
        let media_ns = u64::try_from(media_us).unwrap_or(0).saturating_mul(1_000);
        let mut pts_ns = media_ns.saturating_add(self.shift_ns);
        if let Some(newest_ns) = self.newest_ns.filter(|newest_ns| keyframe && pts_ns <= *newest_ns) {
            self.shift_ns += newest_ns - pts_ns + REWIND_STEP_NS;
            pts_ns = newest_ns + REWIND_STEP_NS;
        }
        self.newest_ns = Some(self.newest_ns.map_or(pts_ns, |newest_ns| newest_ns.max(pts_ns)));
        pts_ns
    }
}

/// How much waits for the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Access units.
    pub units: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From the oldest to the newest.
    pub time_us: u64,
}

/// What the decoder's thread and its owner both touch.
#[derive(Default)]
pub(super) struct Shared {
    pending: Mutex<VecDeque<(u64, Times, Purpose)>>,
    failure: Mutex<Option<DecodeError>>,
    pictures: AtomicU64,
    /// A picture is being shown.
    showing: AtomicBool,
}

impl Shared {
    fn lock<'a, T: ?Sized>(mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
        // What is kept under these locks is valid after every statement; a panic elsewhere does not spoil it.
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The times of the unit whose picture came out, and an end to every unit that should have come before it.
    fn times_of(&self, pts_ns: u64) -> Option<(Times, Purpose)> {
        let mut pending = Self::lock(&self.pending);
        let found = pending.iter().find(|(pending_ns, ..)| *pending_ns == pts_ns);
        let found = found.map(|(_, times, purpose)| (*times, *purpose));
        pending.retain(|(pending_ns, ..)| *pending_ns > pts_ns);
        found
    }

    fn fail(&self, error: DecodeError) {
        Self::lock(&self.failure).get_or_insert(error);
    }

    pub(super) fn failure(&self) -> Option<DecodeError> {
        Self::lock(&self.failure).clone()
    }
}

impl Decoder {
    /// A decoder that calls the sink from its own thread. Its input queue is unbounded here: the owner looks at
    /// [`Decoder::level`] before each push and decides what to leave out ([`Feeder`](super::Feeder) does).
    ///
    /// # Errors
    /// Something is not installed.
    pub fn new(codec: Codec, sink: SharedSink) -> Result<Self, DecodeError> {
        let (decoder, appsink) = Self::build(codec, false)?;
        let mut output = Output::new(Arc::clone(&decoder.state));
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample(move |appsink| {
                let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                output.show(&sample, &mut *Shared::lock(&*sink)).map_err(|()| gst::FlowError::Error)?;
                Ok(gst::FlowSuccess::Ok)
            })
            .build();
        appsink.set_callbacks(callbacks);
        decoder.start()?;
        Ok(decoder)
    }

    /// A decoder whose pictures are pulled, and into which pushing waits.
    pub(super) fn pulled(codec: Codec) -> Result<(Self, gst_app::AppSink, Output), DecodeError> {
        let (decoder, appsink) = Self::build(codec, true)?;
        let output = Output::new(Arc::clone(&decoder.state));
        decoder.start()?;
        Ok((decoder, appsink, output))
    }

    fn build(codec: Codec, blocking: bool) -> Result<(Self, gst_app::AppSink), DecodeError> {
        super::init()?;
        let media = match codec {
            Codec::H264 => "video/x-h264",
            Codec::H265 => "video/x-h265",
        };
        let caps = gst::Caps::builder(media).field("stream-format", "byte-stream").field("alignment", "au").build();
        let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).block(blocking).build();
        source.set_max_bytes(0);
        if blocking {
            source.set_property("max-buffers", BLOCKING_UNITS_MAX);
        }
        let decode = element(decoder_of(codec))?;
        // One thread: frame threads would add a delay of a picture each, and cameras are what runs in parallel.
        decode.set_property("max-threads", 1_i32);
        // Left to itself it takes a pipeline that does not call itself live as one that may wait, and holds back as many
        // pictures as the standard allows to be reordered: 1.5 s at 10 fps.
        // Older releases of the plug-in have no such property, and setting it there would be a panic.
        if decode.has_property("std-compliance") {
            decode.set_property_from_str("std-compliance", "normal");
        }
        // Damaged data is what a network brings: it costs its own pictures, never the pipeline.
        decode.set_property("max-errors", -1_i32);
        decode.set_property("output-corrupt", false);
        decode.set_property("qos", false);
        let appsink = gst_app::AppSink::builder().sync(false).drop(false).max_buffers(PICTURES_MAX).build();
        appsink.set_property("enable-last-sample", false);
        accept_strides(&appsink);

        let pipeline = gst::Pipeline::new();
        pipeline
            .add_many([source.upcast_ref(), &decode, appsink.upcast_ref()])
            .and_then(|()| gst::Element::link_many([source.upcast_ref(), &decode, appsink.upcast_ref()]))
            .map_err(DecodeError::Build)?;
        let state = Arc::new(Shared::default());
        listen(&pipeline, &state);
        Ok((Self { pipeline, source, state, clock: Mutex::default() }, appsink))
    }

    fn start(&self) -> Result<(), DecodeError> {
        match self.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.failure()),
        }
    }

    /// Hands a unit to the decoder.
    ///
    /// # Errors
    /// The decoder broke off; it is of no more use.
    pub fn push(&self, unit: impl Into<Unit>, purpose: Purpose) -> Result<(), DecodeError> {
        let unit: Unit = unit.into();
        if let Some(error) = self.state.failure() {
            return Err(error);
        }
        let pts_ns = Shared::lock(&self.clock).pts_ns(unit.times.media_us, unit.keyframe);
        let mut buffer = gst::Buffer::from_slice(unit.data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(pts_ns));
            if !unit.keyframe {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        {
            let mut pending = Shared::lock(&self.state.pending);
            if pending.len() >= PENDING_MAX {
                pending.pop_front();
            }
            pending.push_back((pts_ns, unit.times, purpose));
        }
        self.source.push_buffer(buffer).map(|_| ()).map_err(|_| self.failure())
    }

    /// Says that no more units come; what the decoder holds back comes out.
    pub(super) fn end(&self) {
        // A pipeline that failed has ended already.
        let _ = self.source.end_of_stream();
    }

    /// Stops at once, whatever waits; for an owner that found the pictures of no use.
    pub(super) fn abandon(&self) {
        // Dropping it does the same again and reports nothing either.
        let _ = self.pipeline.set_state(gst::State::Null);
    }

    /// How much waits for the decoder.
    pub fn level(&self) -> Level {
        Level {
            units: self.source.property("current-level-buffers"),
            bytes: self.source.property("current-level-bytes"),
            time_us: self.source.property::<u64>("current-level-time") / 1_000,
        }
    }

    /// Pictures that came out.
    pub fn pictures(&self) -> u64 {
        self.state.pictures.load(Ordering::Relaxed)
    }

    /// Whether everything that went in has come out, been seen, or been given up.
    pub fn is_drained(&self) -> bool {
        let waiting = Shared::lock(&self.state.pending).is_empty();
        waiting && !self.state.showing.load(Ordering::Acquire)
    }

    /// Why it broke off.
    pub(super) fn failure(&self) -> DecodeError {
        self.state.failure().unwrap_or_else(|| DecodeError::Failed { reason: "it stopped without a word".into() })
    }

    pub(super) fn has_failed(&self) -> bool {
        self.state.failure().is_some()
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // Waits for the decoder's thread, that is for the picture it is at. An owner that must not wait drops it
        // elsewhere.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Tells the decoder that rows may be farther apart than the picture is wide. It then decodes into memory of the kind that
/// is handed on. Pictures that it still refers to are copied once all the same (`gateway/DESIGN.md`, what is decoded);
/// without this every picture is.
fn accept_strides(appsink: &gst_app::AppSink) {
    let Some(pad) = appsink.static_pad("sink") else {
        return;
    };
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        if let Some(query) = info.query_mut()
            && let gst::QueryViewMut::Allocation(allocation) = query.view_mut()
        {
            let info = allocation.get().0.and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok());
            let Some(size) = info.and_then(|info| u32::try_from(info.size()).ok()) else {
                return gst::PadProbeReturn::Ok;
            };
            // The decoder looks for both: a proposal of a pool, though it names none, and leave to say its strides.
            allocation.add_allocation_pool(gst::BufferPool::NONE, size, 0, 0);
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
}

/// Keeps the pipeline's first error; every other message is dropped, so that none pile up.
fn listen(pipeline: &gst::Pipeline, state: &Arc<Shared>) {
    let state = Arc::clone(state);
    let Some(bus) = pipeline.bus() else { return };
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            state.fail(DecodeError::Failed { reason: error.error().to_string() });
        }
        gst::BusSyncReply::Drop
    });
}

/// What comes out of a decoder, with its times.
pub(super) struct Output {
    state: Arc<Shared>,
    info: Option<(gst::Caps, gst_video::VideoInfo)>,
    newest_ns: Option<u64>,
}

impl Output {
    fn new(state: Arc<Shared>) -> Self {
        Self { state, info: None, newest_ns: None }
    }

    /// Shows a decoded picture to the sink, if it wants it. `Err` where the pictures cannot be used at all; the
    /// decoder then holds the reason.
    pub(super) fn show(&mut self, sample: &gst::Sample, sink: &mut dyn PictureSink) -> Result<(), ()> {
        let (Some(buffer), Some(caps)) = (sample.buffer(), sample.caps()) else {
            return Ok(());
        };
        let Some(pts_ns) = buffer.pts().map(gst::ClockTime::nseconds) else {
            return Ok(());
        };
        // Before it is taken off the list, so that nobody finds the decoder drained meanwhile.
        self.state.showing.store(true, Ordering::Release);
        let shown = self.show_at(pts_ns, buffer, caps, sink);
        self.state.showing.store(false, Ordering::Release);
        shown
    }

    fn show_at(
        &mut self,
        pts_ns: u64,
        buffer: &gst::BufferRef,
        caps: &gst::CapsRef,
        sink: &mut dyn PictureSink,
    ) -> Result<(), ()> {
        let Some((times, purpose)) = self.state.times_of(pts_ns) else {
            return Ok(());
        };
        if self.newest_ns.is_some_and(|newest_ns| pts_ns <= newest_ns) {
            return Ok(());
        }
        self.newest_ns = Some(pts_ns);
        if sink.wants(&times, purpose)
            && let Some(picture) = Picture::map(buffer, self.info(caps)?, times, purpose)
        {
            sink.picture(&picture);
        }
        // Counted once it was seen: a sink that panics over each picture must not look like a decoder at work.
        self.state.pictures.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn info(&mut self, caps: &gst::CapsRef) -> Result<&gst_video::VideoInfo, ()> {
        let known = self.info.as_ref().is_some_and(|(known, _)| known.as_ptr() == caps.as_ptr());
        if !known {
            let info = gst_video::VideoInfo::from_caps(caps).map_err(|_| {
                self.state.fail(DecodeError::Format { format: caps.to_string() });
            })?;
            if info.format() != gst_video::VideoFormat::I420 {
                self.state.fail(DecodeError::Format { format: info.format().to_str().to_string() });
                return Err(());
            }
            self.info = Some((caps.to_owned(), info));
        }
        self.info.as_ref().map(|(_, info)| info).ok_or(())
    }
}
