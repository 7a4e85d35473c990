//! Plain UDP for clients that do not speak Aeron.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use vesta_transport::{DatagramSocket, SendOutcome};

/// Errors of a peer's making that one `receive` steps over before it gives the caller a turn.
/// Each takes a pending ICMP error off the socket, so more than a few in a row means a flood.
const SKIP_MAX: usize = 8;

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum UdpError {
    /// Somebody else has the port.
    #[error(
        "UDP {address} is taken by another socket: stop its owner (`ss -lunp`) or configure another port"
    )]
    InUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address is none of this host's.
    #[error(
        "UDP {address} is not an address of this host (`ip -br addr` lists them): configure one that is"
    )]
    NotLocal {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The port is reserved to root.
    #[error("UDP {address} needs privileges (ports below 1024): configure a higher port")]
    Privileged {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("UDP {address} can not be opened: {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A bound, non-blocking UDP socket.
#[derive(Debug)]
pub struct UdpSocket {
    socket: Socket,
    local: SocketAddr,
}

impl UdpSocket {
    /// Binds to `address` (port 0: any free one) with a receive buffer of `receive_buffer_bytes`,
    /// which the kernel caps at `net.core.rmem_max`.
    ///
    /// # Errors
    /// A typed reason that names the address and the fix.
    pub fn bind(address: SocketAddr, receive_buffer_bytes: usize) -> Result<Self, UdpError> {
        Self::open(address, receive_buffer_bytes).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => UdpError::InUse { address },
            io::ErrorKind::AddrNotAvailable => UdpError::NotLocal { address },
            io::ErrorKind::PermissionDenied => UdpError::Privileged { address },
            _ => UdpError::Other { address, source },
        })
    }

    fn open(address: SocketAddr, receive_buffer_bytes: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(receive_buffer_bytes)?;
        socket.bind(&SockAddr::from(address))?;
        let local = socket
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::other("the socket has no IP address"))?;
        Ok(Self { socket, local })
    }

    /// The address it is bound to, with the port that was chosen for it.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// The receive buffer that the kernel gave, in bytes of its own book-keeping (Linux counts
    /// twice what was asked for).
    ///
    /// # Errors
    /// When the operating system can not say.
    pub fn receive_buffer_bytes(&self) -> io::Result<usize> {
        self.socket.recv_buffer_size()
    }
}

impl DatagramSocket for UdpSocket {
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let length = buffer.len();
        for _ in 0..SKIP_MAX {
            // SAFETY: `u8` and `MaybeUninit<u8>` have one layout, the slice is borrowed for the
            // call alone, and `recv_from` only ever writes initialised bytes into it.
            let target = unsafe {
                std::slice::from_raw_parts_mut(
                    buffer.as_mut_ptr().cast::<MaybeUninit<u8>>(),
                    length,
                )
            };
            // MSG_TRUNC: the datagram's length, not what was copied of it.
            match self.socket.recv_from_with_flags(target, libc::MSG_TRUNC) {
                Ok((received, from)) => {
                    if let Some(from) = from.as_socket() {
                        return Some((received, from));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // ECONNREFUSED and its like: a peer went away after a send to it. EINTR.
                Err(_) => {}
            }
        }
        None
    }

    fn send(&mut self, datagram: &[u8], to: SocketAddr) -> SendOutcome {
        let to = SockAddr::from(to);
        for _ in 0..SKIP_MAX {
            match self.socket.send_to(datagram, &to) {
                Ok(_) => return SendOutcome::Sent,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return SendOutcome::Full,
                    // ENOBUFS: the interface's queue is full, which is the same to the caller.
                    _ if error.raw_os_error() == Some(libc::ENOBUFS) => return SendOutcome::Full,
                    // An earlier datagram's ICMP error is reported on this call, which sent nothing.
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused => {}
                    _ => return SendOutcome::Refused,
                },
            }
        }
        SendOutcome::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn loopback() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }

    fn receive(socket: &mut UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        for _ in 0..1_000 {
            if let Some(found) = socket.receive(buffer) {
                return Some(found);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }

    #[test]
    fn a_datagram_arrives_with_its_source_and_an_oversized_one_with_its_full_length()
    -> Result<(), UdpError> {
        let mut a = UdpSocket::bind(loopback(), 1 << 16)?;
        let mut b = UdpSocket::bind(loopback(), 1 << 16)?;
        assert_eq!(b.receive(&mut [0; 8]), None, "never blocks");

        assert_eq!(a.send(b"hello", b.local_address()), SendOutcome::Sent);
        let mut buffer = [0; 8];
        assert_eq!(receive(&mut b, &mut buffer), Some((5, a.local_address())));
        assert_eq!(&buffer[..5], b"hello");

        assert_eq!(a.send(&[7; 100], b.local_address()), SendOutcome::Sent);
        assert_eq!(receive(&mut b, &mut buffer), Some((100, a.local_address())));
        assert_eq!(buffer, [7; 8]);
        Ok(())
    }

    #[test]
    fn a_peer_that_went_away_breaks_neither_sending_nor_receiving() -> Result<(), UdpError> {
        let mut a = UdpSocket::bind(loopback(), 1 << 16)?;
        let mut b = UdpSocket::bind(loopback(), 1 << 16)?;
        let gone = UdpSocket::bind(loopback(), 1 << 16)?.local_address();
        for _ in 0..4 {
            assert_ne!(a.send(b"x", gone), SendOutcome::Full);
        }
        assert_eq!(b.send(b"y", a.local_address()), SendOutcome::Sent);
        assert_eq!(receive(&mut a, &mut [0; 8]), Some((1, b.local_address())));
        Ok(())
    }

    #[test]
    fn what_can_not_be_sent_is_refused() -> Result<(), UdpError> {
        let mut a = UdpSocket::bind(loopback(), 1 << 16)?;
        let to = a.local_address();
        assert_eq!(a.send(&[0; 70_000], to), SendOutcome::Refused);
        Ok(())
    }

    #[test]
    fn a_taken_port_and_a_foreign_address_are_named_with_the_fix() -> Result<(), UdpError> {
        let a = UdpSocket::bind(loopback(), 1 << 16)?;
        let taken = UdpSocket::bind(a.local_address(), 1 << 16).expect_err("taken").to_string();
        assert!(taken.contains(&a.local_address().to_string()), "{taken}");
        assert!(taken.contains("taken by another socket"), "{taken}");

        let foreign = SocketAddr::from(([198, 51, 100, 1], 0));
        let error = UdpSocket::bind(foreign, 1 << 16).expect_err("TEST-NET is nobody's");
        assert!(matches!(error, UdpError::NotLocal { .. }), "{error}");
        Ok(())
    }
}
