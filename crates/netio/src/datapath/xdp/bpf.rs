//! The few commands of `bpf(2)` that we need. A descriptor that is closed takes what it holds with
//! it, also when the process is killed: that is how nothing of us stays behind.

use std::ffi::{c_long, c_void};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::assembler::Instruction;

/// Verdicts of an XDP program.
pub(super) const XDP_PASS: i32 = 2;
#[cfg(test)]
pub(super) const XDP_REDIRECT: u32 = 4;

const MAP_CREATE: c_long = 0;
const MAP_UPDATE: c_long = 2;
const MAP_DELETE: c_long = 3;
const PROGRAM_LOAD: c_long = 5;
#[cfg(test)]
const PROGRAM_TEST_RUN: c_long = 10;
const PROGRAM_FD_BY_ID: c_long = 13;
const OBJECT_INFO: c_long = 15;
const LINK_CREATE: c_long = 28;
const LINK_FD_BY_ID: c_long = 30;
const LINK_NEXT_ID: c_long = 31;

const MAP_TYPE_HASH: u32 = 1;
const MAP_TYPE_XSK: u32 = 17;
const PROGRAM_TYPE_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;
const LINK_TYPE_XDP: u32 = 6;

/// Names of objects, with the NUL.
const NAME_BYTES: usize = 16;
/// The verifier's last words are what helps; its log holds the whole walk.
const LOG_BYTES: usize = 64 * 1024;

/// Calls `bpf` with an attribute struct of a command. The kernel takes the struct's missing tail for
/// zero.
///
/// # Safety
/// `attributes` is what `command` wants, and pointers in it are valid for the call.
unsafe fn bpf<T>(command: c_long, attributes: &mut T) -> io::Result<c_long> {
    // SAFETY: as the caller promises; the size is that of the struct.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, (&raw mut *attributes), size_of::<T>() as c_long)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The same, for commands that return a descriptor (the kernel sets close-on-exec).
///
/// # Safety
/// As [`bpf`], and `command` returns a descriptor.
unsafe fn bpf_fd<T>(command: c_long, attributes: &mut T) -> io::Result<OwnedFd> {
    // SAFETY: as the caller promises; the descriptor is new and ours.
    unsafe {
        let fd = bpf(command, attributes)?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

fn name_of(text: &str) -> [u8; NAME_BYTES] {
    let mut name = [0; NAME_BYTES];
    let length = text.len().min(NAME_BYTES - 1);
    name[..length].copy_from_slice(&text.as_bytes()[..length]);
    name
}

/// A table that the program reads and we write.
#[derive(Debug)]
pub(super) struct Map {
    fd: OwnedFd,
    key_bytes: usize,
    value_bytes: usize,
}

impl Map {
    pub(super) fn hash(
        name: &str,
        key_bytes: usize,
        value_bytes: usize,
        entry_count_max: u32,
    ) -> io::Result<Self> {
        Self::create(MAP_TYPE_HASH, name, key_bytes, value_bytes, entry_count_max)
    }

    /// From a receive queue to the AF_XDP socket that is bound to it.
    pub(super) fn of_xdp_sockets(name: &str, queue_count: u32) -> io::Result<Self> {
        Self::create(MAP_TYPE_XSK, name, 4, 4, queue_count)
    }

    fn create(
        map_type: u32,
        name: &str,
        key_bytes: usize,
        value_bytes: usize,
        entry_count_max: u32,
    ) -> io::Result<Self> {
        #[repr(C)]
        struct Create {
            map_type: u32,
            key_bytes: u32,
            value_bytes: u32,
            entry_count_max: u32,
            flags: u32,
            inner_map_fd: u32,
            numa_node: u32,
            name: [u8; NAME_BYTES],
        }
        let mut create = Create {
            map_type,
            key_bytes: key_bytes as u32,
            value_bytes: value_bytes as u32,
            entry_count_max,
            flags: 0,
            inner_map_fd: 0,
            numa_node: 0,
            name: name_of(name),
        };
        // SAFETY: the fields are those of the command, without pointers.
        let fd = unsafe { bpf_fd(MAP_CREATE, &mut create)? };
        Ok(Self { fd, key_bytes, value_bytes })
    }

    /// Puts `value` under `key`, whether or not there is one.
    pub(super) fn set(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        assert_eq!((key.len(), value.len()), (self.key_bytes, self.value_bytes));
        self.element(MAP_UPDATE, key.as_ptr(), value.as_ptr())
    }

    /// Removes `key`; an error where it is not there.
    pub(super) fn remove(&self, key: &[u8]) -> io::Result<()> {
        assert_eq!(key.len(), self.key_bytes);
        self.element(MAP_DELETE, key.as_ptr(), std::ptr::null())
    }

    fn element(&self, command: c_long, key: *const u8, value: *const u8) -> io::Result<()> {
        #[repr(C)]
        struct Element {
            map_fd: u64,
            key: u64,
            value: u64,
            flags: u64,
        }
        let map_fd = self.fd.as_raw_fd() as u64;
        let mut element = Element { map_fd, key: key as u64, value: value as u64, flags: 0 };
        // SAFETY: key and value are as long as the map's (asserted by the callers), and are only
        // read.
        unsafe { bpf(command, &mut element).map(drop) }
    }
}

impl AsRawFd for Map {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// A loaded program.
#[derive(Debug)]
pub(super) struct Program(OwnedFd);

impl Program {
    /// # Errors
    /// What the kernel said, with the verifier's last line where it has one.
    pub(super) fn load_xdp(name: &str, code: &[Instruction]) -> io::Result<Self> {
        #[repr(C)]
        struct Load {
            program_type: u32,
            instruction_count: u32,
            instructions: u64,
            license: u64,
            log_level: u32,
            log_bytes: u32,
            log: u64,
            kernel_version: u32,
            flags: u32,
            name: [u8; NAME_BYTES],
            ifindex: u32,
            expected_attach_type: u32,
        }
        let mut log = vec![0_u8; LOG_BYTES];
        let mut load = Load {
            program_type: PROGRAM_TYPE_XDP,
            instruction_count: code.len() as u32,
            instructions: code.as_ptr() as u64,
            // The helpers that we call are open to every licence.
            license: c"Apache-2.0".as_ptr() as u64,
            log_level: 1,
            log_bytes: log.len() as u32,
            log: log.as_mut_ptr() as u64,
            kernel_version: 0,
            flags: 0,
            name: name_of(name),
            ifindex: 0,
            expected_attach_type: ATTACH_XDP,
        };
        // SAFETY: code, licence and log outlive the call and are as long as stated.
        let result = unsafe { bpf_fd(PROGRAM_LOAD, &mut load) };
        result.map(Self).map_err(|error| {
            let text = String::from_utf8_lossy(&log);
            let words = text.trim_end_matches('\0').trim_end().lines().last().unwrap_or_default();
            match words.is_empty() {
                true => error,
                false => io::Error::new(error.kind(), format!("{error}: {words}")),
            }
        })
    }

    /// Attaches it to an interface until the link is closed, or the process ends in whatever way.
    pub(super) fn attach(&self, ifindex: u32, flags: u32) -> io::Result<Link> {
        #[repr(C)]
        struct Create {
            program_fd: u32,
            ifindex: u32,
            attach_type: u32,
            flags: u32,
        }
        let program_fd = self.0.as_raw_fd() as u32;
        let mut create = Create { program_fd, ifindex, attach_type: ATTACH_XDP, flags };
        // SAFETY: the fields are those of the command, without pointers.
        unsafe { bpf_fd(LINK_CREATE, &mut create).map(Link) }
    }

    /// Runs the program on `frame` as if it came in on queue 0 of `ifindex`; the verdict.
    #[cfg(test)]
    pub(super) fn test_run(&self, frame: &[u8]) -> io::Result<u32> {
        #[repr(C)]
        struct Run {
            program_fd: u32,
            verdict: u32,
            input_bytes: u32,
            output_bytes: u32,
            input: u64,
            output: u64,
            repeat: u32,
            duration: u32,
        }
        let mut run = Run {
            program_fd: self.0.as_raw_fd() as u32,
            verdict: u32::MAX,
            input_bytes: frame.len() as u32,
            output_bytes: 0,
            input: frame.as_ptr() as u64,
            output: 0,
            repeat: 1,
            duration: 0,
        };
        // SAFETY: the frame is readable for its length; no output is asked for.
        unsafe { bpf(PROGRAM_TEST_RUN, &mut run)? };
        Ok(run.verdict)
    }
}

impl AsRawFd for Program {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Holds a program on an interface; dropping it takes the program off.
#[derive(Debug)]
pub(super) struct Link(#[expect(dead_code, reason = "held for its Drop")] OwnedFd);

/// The name of the loaded program `id`.
pub(super) fn program_name(id: u32) -> io::Result<String> {
    /// The beginning of `struct bpf_prog_info`.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        before: [u64; 8],
        name: [u8; NAME_BYTES],
    }
    let mut info = Info::default();
    object_info(&object_by_id(PROGRAM_FD_BY_ID, id)?, &mut info)?;
    let length = info.name.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
    Ok(String::from_utf8_lossy(&info.name[..length]).into_owned())
}

/// The link that holds program `id` on the interface, if it is held by one. Links are those of all
/// network namespaces, in which interfaces have the same numbers; the program tells them apart.
pub(super) fn xdp_link_of(ifindex: u32, id: u32) -> io::Result<Option<u32>> {
    #[repr(C)]
    struct Next {
        after: u32,
        found: u32,
        flags: u32,
    }
    /// The beginning of `struct bpf_link_info`, as it is for XDP.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        link_type: u32,
        id: u32,
        program_id: u32,
        pad: u32,
        ifindex: u32,
        pad_end: u32,
    }
    let mut next = Next { after: 0, found: 0, flags: 0 };
    loop {
        // SAFETY: the fields are those of the command, without pointers.
        match unsafe { bpf(LINK_NEXT_ID, &mut next) } {
            Ok(_) => next.after = next.found,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
            Err(error) => return Err(error),
        }
        // One that went away meanwhile is not it.
        let Ok(link) = object_by_id(LINK_FD_BY_ID, next.found) else { continue };
        let mut info = Info::default();
        object_info(&link, &mut info)?;
        if (info.link_type, info.ifindex, info.program_id) == (LINK_TYPE_XDP, ifindex, id) {
            return Ok(Some(info.id));
        }
    }
}

fn object_by_id(command: c_long, id: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct ById {
        id: u32,
        next_id: u32,
        flags: u32,
    }
    // SAFETY: the fields are those of the commands, without pointers.
    unsafe { bpf_fd(command, &mut ById { id, next_id: 0, flags: 0 }) }
}

fn object_info<T>(object: &OwnedFd, info: &mut T) -> io::Result<()> {
    #[repr(C)]
    struct Query {
        fd: u32,
        bytes: u32,
        info: u64,
    }
    let info: *mut c_void = (&raw mut *info).cast();
    let mut query =
        Query { fd: object.as_raw_fd() as u32, bytes: size_of::<T>() as u32, info: info as u64 };
    // SAFETY: the kernel writes at most as many bytes as the struct has, all of which are plain
    // numbers; it takes a struct shorter than its own.
    unsafe { bpf(OBJECT_INFO, &mut query).map(drop) }
}
