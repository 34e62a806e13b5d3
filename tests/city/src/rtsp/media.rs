//! A shared RTSP medium whose sender reports say the camera's time of day. GStreamer's default is the time of sending
//! by the machine's clock; here the report maps an RTP timestamp to the time at which its picture was captured, by the
//! camera's own clock, which may be wrong on purpose.

#![allow(unsafe_code, reason = "glib's macro for a subclass writes `unsafe impl`; nothing unsafe is written here")]

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;
use gstreamer_rtsp_server as gst_rtsp_server;
use gstreamer_rtsp_server::subclass::prelude::*;

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;

glib::wrapper! {
    /// The medium.
    pub(super) struct CameraMedia(ObjectSubclass<imp::CameraMedia>) @extends gst_rtsp_server::RTSPMedia;
}

impl CameraMedia {
    /// Its RTP sessions.
    pub(super) fn sessions(&self) -> Vec<gst::Element> {
        let rtpbin = self.imp().rtpbin.upgrade().and_then(|rtpbin| rtpbin.downcast::<gst::Bin>().ok());
        let is_session =
            |element: &gst::Element| element.factory().is_some_and(|made_by| made_by.name() == "rtpsession");
        rtpbin.map_or_else(Vec::new, |rtpbin| {
            rtpbin.iterate_elements().into_iter().flatten().filter(is_session).collect()
        })
    }
}

/// Makes sender reports say that pictures were captured `ahead_us` later than they were, as a camera does whose clock
/// is ahead: their RTP timestamps stay. A session takes the time of the pipeline, which is its clock less `base`, for
/// the RTP timestamp that belongs to what its clock says now; so another base moves the one against the other.
pub(super) fn set_ahead(session: &gst::Element, base: gst::ClockTime, ahead_us: i64) {
    let base_ns = base.nseconds().saturating_add_signed(ahead_us * 1000);
    session.set_base_time(gst::ClockTime::from_nseconds(base_ns));
}

/// A camera's own clock: NTP time, `offset_s` ahead of the time of day.
#[derive(Debug, Clone)]
pub(super) struct CameraClock {
    clock: gst::Clock,
    shift_ns: i64,
}

impl CameraClock {
    /// The clock of a camera that is `offset_s` ahead.
    pub(super) fn new(offset_s: i64) -> Self {
        let clock = glib::Object::builder::<gst::SystemClock>()
            .property("clock-type", gst::ClockType::Realtime)
            .build()
            .upcast::<gst::Clock>();
        let shift_s = NTP_TO_UNIX_S + offset_s;
        let external = gst::ClockTime::from_seconds(u64::try_from(shift_s).unwrap_or_default());
        clock.set_calibration(gst::ClockTime::ZERO, external, 1, 1);
        Self { clock, shift_ns: shift_s * 1_000_000_000 }
    }

    /// For a pipeline.
    pub(super) fn clock(&self) -> &gst::Clock {
        &self.clock
    }

    /// The pipeline time at which a pipeline that began at `base` stands at `utc_us`; none before it began.
    pub(super) fn running(&self, utc_us: i64, base: gst::ClockTime) -> Option<gst::ClockTime> {
        let clock_ns = u64::try_from(utc_us * 1000 + self.shift_ns).ok()?;
        clock_ns.checked_sub(base.nseconds()).map(gst::ClockTime::from_nseconds)
    }
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub(in super::super) struct CameraMedia {
        pub(in super::super) rtpbin: glib::WeakRef<gst::Element>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for CameraMedia {
        const NAME: &'static str = "YiwangCameraMedia";
        type Type = super::CameraMedia;
        type ParentType = gst_rtsp_server::RTSPMedia;
    }

    impl ObjectImpl for CameraMedia {}

    impl RTSPMediaImpl for CameraMedia {
        fn setup_rtpbin(&self, rtpbin: &gst::Element) -> Result<(), gst::LoggableError> {
            self.parent_setup_rtpbin(rtpbin)?;
            self.rtpbin.set(Some(rtpbin));
            rtpbin.set_property_from_str("ntp-time-source", "clock-time");
            rtpbin.set_property("rtcp-sync-send-time", false);
            Ok(())
        }
    }
}
