//! What the driver of an interface says of itself (ethtool).

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const GET_DRIVER: u32 = 0x03;
const GET_CHANNELS: u32 = 0x3c;
const SIOCETHTOOL: libc::c_ulong = 0x8946;

/// `struct ethtool_channels`.
#[repr(C)]
#[derive(Default)]
struct Channels {
    command: u32,
    max: [u32; 4],
    receive: u32,
    transmit: u32,
    other: u32,
    combined: u32,
}

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct Driver {
    command: u32,
    name: [u8; 32],
    rest: [u8; 160],
}

const _: () = assert!(size_of::<Channels>() == 36 && size_of::<Driver>() == 196);

/// How many receive queues are in use; `None` where the driver does not say.
pub(super) fn receive_queue_count(interface: &str) -> Option<u32> {
    let mut channels = Channels { command: GET_CHANNELS, ..Channels::default() };
    // SAFETY: the command writes this struct.
    unsafe { ethtool(interface, (&raw mut channels).cast()).ok()? };
    Some(channels.receive + channels.combined).filter(|count| *count > 0)
}

/// The name of its driver.
pub(super) fn driver(interface: &str) -> Option<String> {
    let mut driver = Driver { command: GET_DRIVER, name: [0; 32], rest: [0; 160] };
    // SAFETY: the command writes this struct.
    unsafe { ethtool(interface, (&raw mut driver).cast()).ok()? };
    let length = driver.name.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&driver.name[..length]).into_owned())
}

/// # Safety
/// `data` is the struct of the command that it begins with.
unsafe fn ethtool(interface: &str, data: *mut c_void) -> io::Result<()> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: makes a new descriptor, which is then ours; all-zero is a valid request.
    let (socket, mut request) = unsafe {
        let fd = libc::socket(libc::AF_INET, kind, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        (OwnedFd::from_raw_fd(fd), std::mem::zeroed::<libc::ifreq>())
    };
    // The last byte stays NUL.
    for (to, from) in request.ifr_name[..libc::IFNAMSIZ - 1].iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = data.cast();
    // SAFETY: as the caller promises; the request outlives the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
