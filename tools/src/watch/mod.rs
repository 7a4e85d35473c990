//! A running venue as its counters show it: what `vesta top` and `vesta inspect counters` are made of.
//!
//! ```text
//!   counters files, drivers' cnc.dat --Look::take--> Look --Grids::between two--> tables --draw--> screen
//! ```
//! Nobody is asked anything: roles do not notice that they are looked at.

mod controls;
mod grid;
mod grids;
mod look;
mod print;
mod screen;
#[cfg(test)]
mod tests;

pub use controls::{Controls, Key};
pub use grid::{Cell, Grid};
pub use grids::Grids;
pub use look::{Driver, Look};
pub use print::{to_json, to_text};
pub use screen::draw;
