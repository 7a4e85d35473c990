//! The real Aeron: its C media driver embedded, its C client behind the `Transport` seam.

mod client;
mod cnc;
mod directory;
mod driver;
mod explain;
pub(crate) mod ffi;
mod files;
mod owner;
mod publication;
mod settings;
mod shared;
mod space;
mod subscription;

pub use client::{AeronTransport, ClientSettings};
pub use cnc::{AeronCounter, CounterKey, DriverCounts, DriverReading, StreamPositions};
pub use directory::{DriverDirectory, Removed};
pub use driver::{DriverError, MediaDriver};
pub use publication::AeronPublication;
pub use settings::{DriverSettings, FlowControl, SharedIdle, Threading};
pub use shared::{NoDriver, SharedDriver};
pub use space::Space;
pub use subscription::AeronSubscription;
