//! A loss generator for drills and tests: the kernel drops datagrams at random before anyone
//! sees them, as a network would.

use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, PoisonError};

/// "Accept all of it": any length above a datagram's.
const KEEP: u32 = u32::MAX;
const DROP: u32 = 0;

/// Drops a share of what a driver's *receiving* sockets get (data; not the status messages and
/// NAKs that its senders get). A handle to the driver's generator: clones act on the same
/// sockets, from any thread.
#[derive(Clone, Debug, Default)]
pub struct ReceiveLoss(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    loss: f64,
    sockets: Vec<RawFd>,
}

impl ReceiveLoss {
    /// Drops each datagram with probability `loss` from now on, on present and future sockets:
    /// 0.0 drops nothing, 1.0 everything; what is outside (or not a number) counts as the nearer
    /// end (as 0.0).
    ///
    /// # Errors
    /// When the kernel refuses the filter on some socket.
    pub fn set(&self, loss: f64) -> std::io::Result<()> {
        let mut state = self.lock();
        state.loss = if loss.is_nan() { 0.0 } else { loss.clamp(0.0, 1.0) };
        state.sockets.iter().try_for_each(|&socket| attach(socket, state.loss))
    }

    /// The share in force.
    #[must_use]
    pub fn get(&self) -> f64 {
        self.lock().loss
    }

    /// Takes in a socket that was just opened.
    pub(super) fn on_open(&self, socket: RawFd) -> std::io::Result<()> {
        let mut state = self.lock();
        state.sockets.push(socket);
        if state.loss > 0.0 { attach(socket, state.loss) } else { Ok(()) }
    }

    /// Forgets a socket, then lets `close` close it: no other thread can set a filter on a
    /// descriptor that means something else by then.
    pub(super) fn on_close<T>(&self, socket: RawFd, close: impl FnOnce() -> T) -> T {
        let mut state = self.lock();
        state.sockets.retain(|&known| known != socket);
        close()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets, replaces or removes the filter on one socket.
fn attach(socket: RawFd, loss: f64) -> std::io::Result<()> {
    if loss <= 0.0 {
        return match set_option(socket, libc::SO_DETACH_FILTER, &0_i32) {
            // None was attached.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            result => result,
        };
    }
    let mut program = program(loss);
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(u16::MAX),
        filter: program.as_mut_ptr(),
    };
    set_option(socket, libc::SO_ATTACH_FILTER, &filter)
}

/// Classic BPF: a random 32-bit number below `loss x 2^32` means drop.
fn program(loss: f64) -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let threshold = (loss * 4_294_967_296.0) as u64;
    let Ok(threshold) = u32::try_from(threshold) else {
        return vec![statement(libc::BPF_RET | libc::BPF_K, DROP)];
    };
    let random = (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM) as u32;
    vec![
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, random),
        libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16,
            jt: 0,
            jf: 1,
            k: threshold,
        },
        statement(libc::BPF_RET | libc::BPF_K, KEEP),
        statement(libc::BPF_RET | libc::BPF_K, DROP),
    ]
}

fn set_option<T>(socket: RawFd, option: libc::c_int, value: &T) -> std::io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is readable for its length, and a filter's program outlives the call; the
    // kernel copies both. A descriptor that is no socket is an error, not a fault.
    let result = unsafe {
        libc::setsockopt(socket, libc::SOL_SOCKET, option, (&raw const *value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    /// How many of `sent` datagrams arrive on loopback, where delivery is synchronous.
    fn arrived(receiver: &UdpSocket, sent: usize) -> std::io::Result<usize> {
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        let to = receiver.local_addr()?;
        let mut count = 0;
        for _ in 0..sent {
            sender.send_to(b"x", to)?;
            count += usize::from(receiver.recv(&mut [0; 8]).is_ok());
        }
        Ok(count)
    }

    fn receiver() -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    #[test]
    fn loss_is_none_all_or_a_share_on_present_and_future_sockets() -> std::io::Result<()> {
        let loss = ReceiveLoss::default();
        let present = receiver()?;
        loss.on_open(present.as_raw_fd())?;
        assert_eq!(arrived(&present, 100)?, 100);

        loss.set(1.0)?;
        let future = receiver()?;
        loss.on_open(future.as_raw_fd())?;
        assert_eq!((arrived(&present, 100)?, arrived(&future, 100)?), (0, 0));

        loss.set(0.5)?;
        let half = arrived(&present, 1_000)?;
        assert!((350..650).contains(&half), "half of 1000 gave {half}");

        loss.set(0.0)?;
        assert_eq!((arrived(&present, 100)?, arrived(&future, 100)?), (100, 100));
        loss.set(0.0)?;
        Ok(())
    }

    #[test]
    fn a_closed_socket_is_forgotten() -> std::io::Result<()> {
        let loss = ReceiveLoss::default();
        let socket = receiver()?;
        let fd = socket.as_raw_fd();
        loss.on_open(fd)?;
        loss.on_close(fd, || drop(socket));
        loss.set(1.0)
    }

    #[test]
    fn nonsense_is_clamped() -> std::io::Result<()> {
        let loss = ReceiveLoss::default();
        for (given, in_force) in [(f64::NAN, 0.0), (-1.0, 0.0), (7.0, 1.0)] {
            loss.set(given)?;
            assert_eq!(loss.get().to_bits(), f64::to_bits(in_force));
        }
        Ok(())
    }
}
