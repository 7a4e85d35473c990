//! What the tests of the check share: a venue made of the matching library, and a made-up market.

pub mod market;
pub mod venue;
