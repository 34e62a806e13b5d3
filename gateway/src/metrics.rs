//! Every metric of the gateway, by name, in this one file. Labels are camera ids and kinds from the configuration,
//! never anything that a camera sent.

use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::shadow::Differences;

/// The gateway's metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    /// 1 while frames flow.
    pub camera_up: IntGaugeVec,
    /// Pictures that came out of the decoder.
    pub pictures_decoded: IntCounterVec,
    /// Pictures that were looked at.
    pub pictures_analysed: IntCounterVec,
    /// Those of them that the model was not asked about, because nothing had changed.
    pub pictures_unchanged: IntCounterVec,
    /// Pictures that were due and not looked at.
    pub pictures_skipped: IntCounterVec,
    /// Part of what is due that is analysed.
    pub analysed_share: Gauge,
    /// Objects by who of the model in force and a candidate saw them.
    pub shadow_objects: IntGaugeVec,
    /// Pictures that a candidate has looked at, or not.
    pub shadow_pictures: IntGaugeVec,
    /// 1 while only keyframes are decoded.
    pub camera_idle: IntGaugeVec,
    /// What became of coded pictures.
    pub coded_pictures: IntCounterVec,
    /// How often an idle camera was woken.
    pub wakes: IntCounterVec,
    /// Events that the rules and the health of the cameras made.
    pub events: IntCounterVec,
    /// From capture of the picture to its events in the spool's hands.
    pub capture_to_spool_seconds: Histogram,
    /// One inference, waiting for the session included.
    pub inference_seconds: Histogram,
    /// The camera's clock against ours, where measured.
    pub camera_clock_offset_ms: IntGaugeVec,
    /// Everything before this moment is analysed and spooled, Unix seconds.
    pub camera_complete_to: GaugeVec,
    /// Bytes of the spool on disk.
    pub spool_bytes: IntGauge,
    /// Events in the spool that the hub has not acknowledged.
    pub spool_events: IntGauge,
    /// Events that the spool had to drop.
    pub spool_dropped: IntGauge,
    /// 1 while the hub has welcomed us.
    pub uplink_connected: IntGauge,
    /// Round trip to the hub.
    pub uplink_rtt_ms: Gauge,
    /// Events that a rule made and that the spool could not take at all.
    pub events_lost: IntCounter,
}

impl Metrics {
    /// All metrics, registered.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("yiwang_gateway".into()), None)?;
        let camera = &["camera"][..];
        let seconds = |name: &str, help: &str| {
            let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))
        };
        let counters = |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let gauges = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), camera);
        let this = Self {
            camera_up: gauges("camera_up", "1 while frames flow")?,
            pictures_decoded: counters("pictures_decoded_total", "Pictures out of the decoder", camera)?,
            pictures_analysed: counters("pictures_analysed_total", "Pictures looked at", camera)?,
            pictures_unchanged: counters(
                "pictures_unchanged_total",
                "Pictures looked at without the model, because nothing had changed",
                camera,
            )?,
            pictures_skipped: counters(
                "pictures_skipped_total",
                "Pictures due and not looked at",
                &["camera", "reason"],
            )?,
            camera_idle: gauges("camera_idle", "1 while nothing moves and only keyframes are decoded")?,
            shadow_objects: IntGaugeVec::new(
                Opts::new("shadow_objects", "Objects since the candidate's start, by who saw them"),
                &["class", "seen_by"],
            )?,
            shadow_pictures: IntGaugeVec::new(
                Opts::new("shadow_pictures", "Pictures since the candidate's start: compared, left_out, failed"),
                &["outcome"],
            )?,
            coded_pictures: counters(
                "coded_pictures_total",
                "What became of coded pictures: decoded (replayed and glanced included), held, replayed, glanced",
                &["camera", "fate"],
            )?,
            wakes: counters("wakes_total", "How often an idle camera was woken, and by what", &["camera", "reason"])?,
            analysed_share: Gauge::new("analysed_share", "Part of the pictures due that the processor allows for")?,
            events: counters("events_total", "Events made", &["camera", "kind", "phase"])?,
            capture_to_spool_seconds: seconds("capture_to_spool_seconds", "From capture to the spool")?,
            inference_seconds: seconds("inference_seconds", "One inference, waiting included")?,
            camera_clock_offset_ms: gauges("camera_clock_offset_ms", "The camera's clock against the gateway's")?,
            camera_complete_to: GaugeVec::new(
                Opts::new("camera_complete_to_seconds", "Everything before this Unix time is analysed and spooled"),
                camera,
            )?,
            spool_bytes: IntGauge::new("spool_bytes", "Bytes of the spool on disk")?,
            spool_events: IntGauge::new("spool_events", "Events that the hub has not acknowledged")?,
            spool_dropped: IntGauge::new("spool_dropped_events", "Events that the spool had to drop since the start")?,
            uplink_connected: IntGauge::new("uplink_connected", "1 while the hub has welcomed this gateway")?,
            uplink_rtt_ms: Gauge::new("uplink_rtt_ms", "Round trip to the hub")?,
            events_lost: IntCounter::new("events_lost_total", "Events that the spool could not take")?,
            registry,
        };
        this.register()?;
        Ok(this)
    }

    /// A camera is not there any more: what says how it is now goes, what was counted stays.
    pub fn forget(&self, camera: &str) {
        for vec in [&self.camera_up, &self.camera_clock_offset_ms, &self.camera_idle] {
            // An error says that it never had one.
            let _ = vec.remove_label_values(&[camera]);
        }
        let _ = self.camera_complete_to.remove_label_values(&[camera]);
    }

    /// What a candidate and the model in force saw so far; it begins at zero with each candidate.
    pub fn set_shadow(&self, differences: &Differences) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.shadow_objects.reset();
        for (class, seen) in &differences.classes {
            for (seen_by, count) in [("both", seen.both), ("current", seen.current), ("candidate", seen.candidate)] {
                self.shadow_objects.with_label_values(&[class.as_str(), seen_by]).set(gauge(count));
            }
        }
        let outcomes =
            [("compared", differences.pictures), ("left_out", differences.left_out), ("failed", differences.failed)];
        for (outcome, count) in outcomes {
            self.shadow_pictures.with_label_values(&[outcome]).set(gauge(count));
        }
    }

    /// The text format that Prometheus reads.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut buffer = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer).into_owned())
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let r = &self.registry;
        for vec in [
            &self.camera_up,
            &self.camera_clock_offset_ms,
            &self.camera_idle,
            &self.shadow_objects,
            &self.shadow_pictures,
        ] {
            r.register(Box::new(vec.clone()))?;
        }
        for vec in [
            &self.pictures_decoded,
            &self.pictures_analysed,
            &self.pictures_unchanged,
            &self.pictures_skipped,
            &self.coded_pictures,
            &self.wakes,
            &self.events,
        ] {
            r.register(Box::new(vec.clone()))?;
        }
        for histogram in [&self.capture_to_spool_seconds, &self.inference_seconds] {
            r.register(Box::new(histogram.clone()))?;
        }
        for gauge in [&self.spool_bytes, &self.spool_events, &self.spool_dropped, &self.uplink_connected] {
            r.register(Box::new(gauge.clone()))?;
        }
        r.register(Box::new(self.camera_complete_to.clone()))?;
        r.register(Box::new(self.analysed_share.clone()))?;
        r.register(Box::new(self.uplink_rtt_ms.clone()))?;
        r.register(Box::new(self.events_lost.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_in_the_text() {
        let metrics = Metrics::new().unwrap();
        metrics.events.with_label_values(&["gate", "intrusion", "begin"]).inc();
        metrics.spool_bytes.set(7);
        let text = metrics.text().unwrap();
        assert!(
            text.contains("yiwang_gateway_events_total{camera=\"gate\",kind=\"intrusion\",phase=\"begin\"} 1"),
            "{text}"
        );
        assert!(text.contains("yiwang_gateway_spool_bytes 7"), "{text}");
    }
}
