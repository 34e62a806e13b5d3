//! Every metric of the hub: names, help and the one registry. Modules count through the fields of [`Metrics`]; nobody
//! registers a metric elsewhere.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// All metrics of one hub.
pub struct Metrics {
    registry: Registry,
    /// Connections of gateways by how they ended.
    pub connections_closed: IntCounterVec,
    /// Connections of gateways that are open.
    pub connections: IntGauge,
    /// Handshakes turned away because too many were under way.
    pub handshakes_refused: IntCounter,
    /// Joining requests by outcome.
    pub joins: IntCounterVec,
    /// Events that came in, by whether they are `new` or `known`.
    pub events: IntCounterVec,
    /// Bytes of event streams that came in.
    pub event_bytes: IntCounter,
    /// Appends to the log that failed and are tried again.
    pub log_failures: IntCounter,
    /// 1 while the log cannot take anything.
    pub log_stuck: IntGauge,
    /// Newest position of the log.
    pub log_newest: IntGauge,
    /// Entries that retention removed.
    pub log_removed: IntCounter,
    /// Seconds from handing events to the log until they are on the disk.
    pub log_append_seconds: Histogram,
    /// Position up to which the log is applied to the store.
    pub applied: IntGauge,
    /// Attempts to apply the log that failed and are made again.
    pub apply_failures: IntCounter,
    /// Records of the log that cannot be read.
    pub undecodable: IntCounter,
    /// Gateways by state.
    pub gateways: IntGaugeVec,
    /// Subscribers of the feed.
    pub feed_subscribers: IntGauge,
    /// Events sent to subscribers.
    pub feed_events: IntCounter,
    /// Subscribers cut off, by reason.
    pub feed_ended: IntCounterVec,
    /// HTTP answers by class of status.
    pub http_answers: IntCounterVec,
    /// Log-ins by outcome.
    pub logins: IntCounterVec,
    /// When the hub's own certificate ends, seconds since 1970 UTC.
    pub certificate_ends: IntGauge,
}

impl Metrics {
    /// A registry of its own: several hubs in one process (tests) do not meet.
    pub fn new() -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        Self {
            connections_closed: make.counters(
                "connections_closed_total",
                "Connections of gateways that ended, by code",
                "code",
            ),
            connections: make.gauge("connections", "Open connections of gateways"),
            handshakes_refused: make.counter("handshakes_refused_total", "Handshakes turned away under load"),
            joins: make.counters("joins_total", "Joining requests by outcome", "outcome"),
            events: make.counters("events_total", "Events that came in, new or known already", "what"),
            event_bytes: make.counter("event_bytes_total", "Bytes of event streams that came in"),
            log_failures: make
                .counter("log_append_failures_total", "Appends to the log that failed and are tried again"),
            log_stuck: make.gauge("log_stuck", "1 while the log takes nothing and nothing is acknowledged"),
            log_newest: make.gauge("log_newest_position", "Newest position of the log"),
            log_removed: make.counter("log_removed_total", "Entries of the log that retention removed"),
            log_append_seconds: make
                .histogram("log_append_seconds", "From handing events to the log until they are on the disk"),
            applied: make.gauge("applied_position", "Position up to which the log is applied to the store"),
            apply_failures: make
                .counter("apply_failures_total", "Attempts to apply the log that failed and are made again"),
            undecodable: make.counter("undecodable_total", "Records of the log that cannot be read"),
            gateways: make.gauges("gateways", "Gateways by state", "state"),
            feed_subscribers: make.gauge("feed_subscribers", "Subscribers of the feed"),
            feed_events: make.counter("feed_events_total", "Events sent to subscribers"),
            feed_ended: make.counters("feed_ended_total", "Subscriptions that ended, by reason", "reason"),
            http_answers: make.counters("http_answers_total", "HTTP answers by class of status", "class"),
            logins: make.counters("logins_total", "Log-ins by outcome", "outcome"),
            certificate_ends: make
                .gauge("certificate_ends_seconds", "When the hub's own certificate ends, seconds since 1970 UTC"),
            registry,
        }
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("names and labels are fixed and well formed")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn add<T: prometheus::core::Collector + Clone + 'static>(&self, metric: prometheus::Result<T>) -> T {
        let metric = metric.expect("names are fixed and well formed");
        self.0.register(Box::new(metric.clone())).expect("names differ");
        metric
    }

    fn opts(name: &str, help: &str) -> Opts {
        Opts::new(name, help).namespace("yiwang_hub")
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::with_opts(Self::opts(name, help)))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        self.add(IntCounterVec::new(Self::opts(name, help), &[label]))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::with_opts(Self::opts(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> IntGaugeVec {
        self.add(IntGaugeVec::new(Self::opts(name, help), &[label]))
    }

    fn histogram(&self, name: &str, help: &str) -> Histogram {
        let buckets = vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];
        let opts = HistogramOpts::new(name, help).namespace("yiwang_hub").buckets(buckets);
        self.add(Histogram::with_opts(opts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_be_read_by_prometheus_and_hubs_do_not_meet() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.log_newest.set(7);
        one.joins.with_label_values(&["granted"]).inc();
        assert!(one.render().contains("yiwang_hub_log_newest_position 7"));
        assert!(other.render().contains("yiwang_hub_log_newest_position 0"));
    }
}
