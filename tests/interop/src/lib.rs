//! A peer in C, called as a function by a process that a test starts.
//!
//! # Why this crate may use `unsafe`
//! It calls C: one function of ours, which is compiled from `peer.c`.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int};

// So that its library is linked: the peer calls it.
use rusteron_media_driver as _;

unsafe extern "C" {
    fn vesta_c_peer(
        directory: *const c_char,
        is_publisher: bool,
        channel: *const c_char,
        stream: i32,
        count: u64,
        lengths: *const i32,
        lengths_count: usize,
        patience_ms: i64,
    ) -> c_int;
}

/// What a peer is to do.
#[derive(Clone, Debug)]
pub struct Task {
    /// Directory of the driver that it attaches to.
    pub directory: String,
    /// Publish, or subscribe and check.
    pub is_publisher: bool,
    /// Aeron URI.
    pub channel: String,
    /// Aeron stream id.
    pub stream: i32,
    /// Messages.
    pub count: u64,
    /// Lengths of the messages in turn, bytes, 8 to 1 MiB.
    pub lengths: Vec<i32>,
    /// Time for all of it, ms.
    pub patience_ms: u64,
}

/// Message `n`: its number, and then `(n + offset) % 251`.
#[must_use]
pub fn message(n: u64, lengths: &[i32]) -> Vec<u8> {
    let length = lengths[n as usize % lengths.len()] as usize;
    let byte = |i: usize| n.to_le_bytes().get(i).copied().unwrap_or(((n + i as u64) % 251) as u8);
    (0..length).map(byte).collect()
}

/// Does the task with Aeron's client for C; false when it is not done in time, or what came was
/// wrong, which stderr tells.
///
/// # Panics
/// When a text has a NUL inside.
#[must_use]
pub fn run_in_c(task: &Task) -> bool {
    let directory = CString::new(task.directory.as_str()).expect("a path");
    let channel = CString::new(task.channel.as_str()).expect("a channel");
    // SAFETY: all pointers are valid for the call, which keeps none of them; lengths are positive
    // and below the size of its buffers, as `Task` says.
    let result = unsafe {
        vesta_c_peer(
            directory.as_ptr(),
            task.is_publisher,
            channel.as_ptr(),
            task.stream,
            task.count,
            task.lengths.as_ptr(),
            task.lengths.len(),
            i64::try_from(task.patience_ms).unwrap_or(i64::MAX),
        )
    };
    result == 0
}
