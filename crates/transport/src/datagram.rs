//! Plain datagrams: the clients' side of the gateway, which speaks UDP without Aeron.

use std::net::SocketAddr;

/// What became of a datagram that was handed over for sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The kernel has it.
    Sent,
    /// The socket's buffer is full: it was not sent. The caller counts it; the client asks again.
    Full,
    /// The peer or the network refused it (unreachable, too long): it was not sent.
    Refused,
}

/// A bound datagram socket that never blocks.
pub trait DatagramSocket {
    /// Receives one datagram into `buffer`, if one is waiting: its full length, which may be above
    /// `buffer.len()` for one that did not fit (the rest is lost), and its source. Errors that a
    /// peer can provoke are skipped, not returned.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)>;

    /// Sends one datagram.
    fn send(&mut self, datagram: &[u8], to: SocketAddr) -> SendOutcome;
}
