//! A shared RTSP medium whose sender reports say the camera's time of day. GStreamer's default is the time of sending
//! by the machine's clock; here the report maps an RTP timestamp to the time at which its picture was captured, by the
//! camera's own clock, which may be wrong on purpose.

#![allow(unsafe_code, reason = "glib's macro for a subclass writes `unsafe impl`; nothing unsafe is written here")]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

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

    /// From now on packets get lost on the way, or not any more.
    pub(super) fn set_lossy(&self, lossy: bool) {
        self.imp().lossy.store(lossy, Ordering::Relaxed);
    }
}

/// One packet of so many does not arrive.
const LOST_ONE_OF: u32 = 33;

/// Whether a lossy line loses an RTP packet: by its sequence number (RFC 3550, 5.1), so that packets of one picture fare
/// differently and every watcher misses the same ones.
fn is_lost(packet: &[u8]) -> bool {
    let Some(&[high, low]) = packet.get(2..4) else { return false };
    let number = u32::from(high) << 8 | u32::from(low);
    (number.wrapping_mul(2_654_435_761) >> 16).is_multiple_of(LOST_ONE_OF)
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
        pub(super) lossy: Arc<AtomicBool>,
    }

    fn keeps(buffer: &gst::Buffer) -> bool {
        buffer.map_readable().is_ok_and(|packet| !is_lost(&packet))
    }

    /// A pay loader hands over single packets, or all of a picture in a list.
    fn thinned(info: &mut gst::PadProbeInfo<'_>, lossy: &AtomicBool) -> gst::PadProbeReturn {
        if !lossy.load(Ordering::Relaxed) {
            return gst::PadProbeReturn::Ok;
        }
        if let Some(list) = info.buffer_list_mut() {
            list.make_mut().foreach_mut(|buffer, _| ControlFlow::Continue(keeps(&buffer).then_some(buffer)));
        } else if info.buffer().is_some_and(|buffer| !keeps(buffer)) {
            return gst::PadProbeReturn::Drop;
        }
        gst::PadProbeReturn::Ok
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
            let (ahead_us, lossy) = (Arc::clone(&self.ahead_us), Arc::clone(&self.lossy));
            rtpbin.connect_pad_added(move |_, pad| {
                if pad.name().starts_with("send_rtcp_src") {
                    let ahead_us = Arc::clone(&ahead_us);
                    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| shifted(info, &ahead_us));
                } else if pad.name().starts_with("send_rtp_src") {
                    let (lossy, all) = (Arc::clone(&lossy), gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST);
                    pad.add_probe(all, move |_, info| thinned(info, &lossy));
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
    fn a_lossy_line_loses_some_packets_of_a_hundred_and_no_two_pictures_the_same() {
        let lost: Vec<u16> = (0..=u16::MAX)
            .filter(|number| is_lost(&[&[0x80, 96][..], &number.to_be_bytes(), &[0; 8]].concat()))
            .collect();
        let share = lost.len() as f64 / 65_536.0;
        assert!((0.02..0.04).contains(&share), "{share}");
        // A picture of seven packets is damaged now and then, not each time and not never.
        let damaged = (0..9362u16).filter(|picture| lost.iter().any(|number| number / 7 == *picture)).count();
        assert!((0.1..0.35).contains(&(damaged as f64 / 9362.0)), "{damaged}");
        assert!(!is_lost(&[0x80]));
    }

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
