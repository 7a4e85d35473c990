//! Our program on the interface, and what may be there already.
//!
//! It is held by a BPF link, which the kernel closes with the process, however that ends: after
//! `kill -9` the program is gone before another process can ask. A program that *stays* was put there
//! by netlink, as `ip link set dev X xdp` does it and as we never do; one by our name is left over
//! from such a doing, and is replaced. All others have an owner, and are left alone.

use std::io;
use std::time::Duration;

use super::bpf::{self, Link as BpfLink};
use super::netlink::{Link, Netlink};
use super::program::{NAME, Redirect};
use super::settings::XdpUnavailable;

/// `XDP_FLAGS_SKB_MODE`: on the kernel's buffers, with any driver.
const GENERIC: u32 = 1 << 1;
/// `XDP_FLAGS_DRV_MODE`: in the driver, before the kernel makes a buffer.
const NATIVE: u32 = 1 << 2;
/// `XDP_ATTACHED_SKB`, as the kernel tells of a program that is there.
const ATTACHED_GENERIC: u8 = 2;

/// A link of this process that is being closed on another thread is gone within this.
const BUSY_RETRY_COUNT: usize = 20;
const BUSY_RETRY: Duration = Duration::from_millis(5);

/// Where the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Native,
    /// And why not natively.
    Generic(String),
}

/// Attaches the program; true if a stale one had to be replaced.
pub(super) fn attach(
    netlink: &mut Netlink,
    link: &Link,
    redirect: &Redirect,
) -> Result<(BpfLink, Mode, bool), XdpUnavailable> {
    let mut replaced = false;
    let mut retries = BUSY_RETRY_COUNT;
    loop {
        if let Some((id, mode)) = program_on(netlink, link)? {
            let name = bpf::program_name(id).unwrap_or_default();
            let holder = bpf::xdp_link_of(link.index, id).ok().flatten();
            if holder.is_none() && name == NAME && !replaced {
                let flags = if mode == ATTACHED_GENERIC { GENERIC } else { NATIVE };
                let removed = netlink.detach_program(link.index, flags);
                removed
                    .map_err(|source| other(link, "a stale program can not be removed", source))?;
                replaced = true;
                continue;
            }
            if retries == 0 || name != NAME {
                return Err(XdpUnavailable::Occupied {
                    interface: link.name.clone(),
                    by: owner_of(&name, id, holder),
                });
            }
        }
        let native = match redirect.program.attach(link.index, NATIVE) {
            Ok(held) => return Ok((held, Mode::Native, replaced)),
            Err(error) => error,
        };
        if native.raw_os_error() != Some(libc::EBUSY) {
            let generic = redirect.program.attach(link.index, GENERIC);
            return match generic {
                Ok(held) => Ok((held, Mode::Generic(native.to_string()), replaced)),
                Err(source) => Err(other(link, "the program can not be attached", source)),
            };
        }
        if retries == 0 {
            return Err(other(link, "the program can not be attached", native));
        }
        retries -= 1;
        std::thread::sleep(BUSY_RETRY);
    }
}

fn program_on(netlink: &mut Netlink, link: &Link) -> Result<Option<(u32, u8)>, XdpUnavailable> {
    let links = netlink.links().map_err(|e| other(link, "the interface can not be read", e))?;
    Ok(links.into_iter().find(|known| known.index == link.index).and_then(|known| known.program))
}

fn other(link: &Link, what: &'static str, source: io::Error) -> XdpUnavailable {
    match source.kind() {
        io::ErrorKind::PermissionDenied => XdpUnavailable::NotPermitted { what, source },
        _ => XdpUnavailable::Other { interface: link.name.clone(), what, source },
    }
}

fn owner_of(name: &str, id: u32, link: Option<u32>) -> String {
    let process = link.and_then(process_with_link);
    match (process, link) {
        (Some(pid), _) => format!("process {pid} (XDP program {name:?}, id {id})"),
        (None, Some(link)) => format!("XDP program {name:?} (id {id}), held by BPF link {link}"),
        (None, None) => {
            format!("XDP program {name:?} (id {id}; `ip link set dev <it> xdp off` removes it)")
        }
    }
}

/// The process that has BPF link `id` open.
fn process_with_link(id: u32) -> Option<u32> {
    let wanted = format!("link_id:\t{id}");
    let entries = |path: &std::path::Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    for process in entries(std::path::Path::new("/proc")) {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let has_it = entries(&process.path().join("fdinfo")).any(|file| {
            std::fs::read_to_string(file.path())
                .is_ok_and(|text| text.lines().any(|line| line == wanted))
        });
        if has_it {
            return Some(pid);
        }
    }
    None
}
