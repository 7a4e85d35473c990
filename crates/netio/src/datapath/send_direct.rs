//! Sending by system calls of its own.

use std::io;
use std::os::fd::RawFd;

/// Sends the messages of `headers`, in order; how many the kernel took, and why not the next, where
/// it says so (a batch that ends early does not).
///
/// # Safety
/// What the headers refer to must be readable for the call.
pub(super) unsafe fn send(
    socket: RawFd,
    headers: &mut [libc::mmsghdr],
) -> (usize, Option<io::Error>) {
    const FLAGS: libc::c_int = libc::MSG_DONTWAIT;
    let is_one = headers.len() == 1;
    // SAFETY: as the caller promises. Each message has one vector.
    let result = unsafe {
        match headers {
            // The kernel copies in less: no header, no vector.
            [message] if message.msg_hdr.msg_controllen == 0 => {
                let header = &message.msg_hdr;
                let vector = &*header.msg_iov;
                let (name, len) = (header.msg_name.cast_const().cast(), header.msg_namelen);
                libc::sendto(socket, vector.iov_base, vector.iov_len, FLAGS, name, len)
            }
            [message] => libc::sendmsg(socket, &raw const message.msg_hdr, FLAGS),
            many => {
                let count = many.len() as libc::c_uint;
                libc::sendmmsg(socket, many.as_mut_ptr(), count, FLAGS) as isize
            }
        }
    };
    match usize::try_from(result) {
        // Bytes for one, messages for many.
        Ok(sent) => (if is_one { 1 } else { sent }, None),
        Err(_) => (0, Some(io::Error::last_os_error())),
    }
}
