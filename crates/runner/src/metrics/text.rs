//! Samples as OpenMetrics text, by `prometheus-client`.

use super::gather::{Samples, Value};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, text::encode};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use vesta_hotmem::Kind;

/// What `encode` may write: the media type of a scrape.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text of a scrape.
#[must_use]
pub fn to_text(samples: Samples) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(samples)));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes whatever is written to it");
    text
}

#[derive(Debug)]
struct Scrape(Samples);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        const BUILD: &str = "What runs.";
        let mut builds = encoder.encode_descriptor("vesta_build", BUILD, None, MetricType::Info)?;
        for labels in &self.0.builds {
            builds.encode_info(labels)?;
        }
        for (metric, samples) in self.0.families() {
            let unit = metric.unit().map(|unit| Unit::Other(unit.to_owned()));
            let kind = match metric.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge | Kind::Touch => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let help = format!("{}.", metric.help);
            let mut family = encoder.encode_descriptor(metric.name, &help, unit.as_ref(), kind)?;
            for (labels, value) in samples {
                write(&mut family.encode_family(labels)?, metric.kind, value)?;
            }
        }
        Ok(())
    }
}

/// Of the two that every sample might have, none has an exemplar.
type NoLabels = Vec<(&'static str, &'static str)>;

fn write(to: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Count(n)) => to.encode_counter::<NoLabels, u64, f64>(n, None),
        (Kind::Counter, Value::Number(n)) => to.encode_counter::<NoLabels, f64, f64>(n, None),
        (_, Value::Count(n)) => to.encode_gauge(n),
        (_, Value::Number(n)) => to.encode_gauge(n),
        (_, Value::Durations(buckets, sum)) => {
            let count = buckets.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
            to.encode_histogram::<NoLabels>(*sum, count, buckets, None)
        }
    }
}
