//! A shared RTSP medium whose sender reports say the camera's time of day. GStreamer's default is the time of sending
//! by the machine's clock; here the report maps an RTP timestamp to the time at which its picture was captured, by the
//! camera's own clock, which may be wrong on purpose.

#![allow(unsafe_code, reason = "glib's macro for a subclass writes `unsafe impl`; nothing unsafe is written here")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

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
    /// From now on sender reports say what a clock says that is so far ahead; RTP timestamps go on as they were, as
    /// those of a camera do whose clock somebody has set.
    pub(super) fn set_ahead(&self, ahead_us: i64) {
        self.imp().ahead_us.store(ahead_us, Ordering::Relaxed);
    }
}

/// Moves the time of day of a compound RTCP packet's sender report, which comes first (RFC 3550, 6.1 and 6.4.1).
fn shift_report(packet: &mut [u8], ahead_us: i64) {
    const SENDER_REPORT: u8 = 200;
    let Some(ntp) = packet.get_mut(8..16).filter(|_| ahead_us != 0) else { return };
    let now = ntp.iter().fold(0u64, |now, byte| now << 8 | u64::from(*byte));
    // Seconds in the upper half, 2⁻³² s in the lower; whoever wraps around is in the next era.
    let seconds = ahead_us.div_euclid(1_000_000) << 32;
    let rest = (ahead_us.rem_euclid(1_000_000) << 32) / 1_000_000;
    let shifted = now.wrapping_add_signed(seconds.wrapping_add(rest)).to_be_bytes();
    if packet[1] == SENDER_REPORT {
        packet[8..16].copy_from_slice(&shifted);
    }
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
        pub(super) ahead_us: Arc<AtomicI64>,
    }

    fn shifted(info: &mut gst::PadProbeInfo<'_>, ahead_us: &AtomicI64) -> gst::PadProbeReturn {
        if let Some(mut packet) = info.buffer_mut().and_then(|buffer| buffer.make_mut().map_writable().ok()) {
            shift_report(&mut packet, ahead_us.load(Ordering::Relaxed));
        }
        gst::PadProbeReturn::Ok
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
            let ahead_us = Arc::clone(&self.ahead_us);
            rtpbin.connect_pad_added(move |_, pad| {
                if pad.name().starts_with("send_rtcp_src") {
                    let ahead_us = Arc::clone(&ahead_us);
                    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| shifted(info, &ahead_us));
                }
            });
            rtpbin.set_property_from_str("ntp-time-source", "clock-time");
            rtpbin.set_property("rtcp-sync-send-time", false);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_report_is_moved_by_seconds_and_fractions_and_nothing_else_is() {
        let report: Vec<u8> = [[0x80, 200, 0, 6], [1, 2, 3, 4], [0, 0, 0, 10], [0x80, 0, 0, 0], [9, 9, 9, 9]].concat();
        let moved = |ahead_us| {
            let mut packet = report.clone();
            shift_report(&mut packet, ahead_us);
            assert_eq!((&packet[..8], &packet[16..]), (&report[..8], &report[16..]));
            packet[8..16].to_vec()
        };
        assert_eq!(moved(0), report[8..16]);
        assert_eq!(moved(95_250_000), [0, 0, 0, 105, 0xC0, 0, 0, 0]);
        assert_eq!(moved(-750_000), [0, 0, 0, 9, 0xC0, 0, 0, 0]);
        for other in [vec![0x80, 201, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], vec![0x80, 200, 0]] {
            let mut packet = other.clone();
            shift_report(&mut packet, 1_000_000);
            assert_eq!(packet, other);
        }
    }
}
