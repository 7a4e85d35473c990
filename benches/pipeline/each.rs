//! Wall time, shown per element: criterion times a whole pass over a recording, and its own
//! throughput is elements per second, where nanoseconds per command are what one thinks in.

use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// Wall time whose throughput line reads `ns each`.
pub struct TimeEach;

impl Measurement for TimeEach {
    type Intermediate = <WallTime as Measurement>::Intermediate;
    type Value = <WallTime as Measurement>::Value;

    fn start(&self) -> Self::Intermediate {
        WallTime.start()
    }

    fn end(&self, start: Self::Intermediate) -> Self::Value {
        WallTime.end(start)
    }

    fn add(&self, a: &Self::Value, b: &Self::Value) -> Self::Value {
        WallTime.add(a, b)
    }

    fn zero(&self) -> Self::Value {
        WallTime.zero()
    }

    fn to_f64(&self, value: &Self::Value) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &NanosecondsEach
    }
}

struct NanosecondsEach;

impl ValueFormatter for NanosecondsEach {
    fn scale_values(&self, typical_value: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical_value, values)
    }

    /// Values are nanoseconds per pass.
    fn scale_throughputs(
        &self,
        typical_value: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let Throughput::Elements(count) = throughput else {
            return WallTime.formatter().scale_throughputs(typical_value, throughput, values);
        };
        values.iter_mut().for_each(|value| *value /= *count as f64);
        "ns each"
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}
