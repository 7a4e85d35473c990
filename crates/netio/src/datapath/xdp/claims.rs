//! What the program takes for us: the addresses of our sockets, but for groups that others on this
//! host read as well.
//!
//! A frame that goes to our ring goes to nobody else. For a group that another process has joined
//! on the interface that would be theft: its sockets would starve in silence. So such a group is left
//! to the kernel, which gives a copy to everyone, to our own sockets too. The kernel counts the members
//! of each group; where there are more than ours, there are others.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::program::{Redirect, key_of};

/// See the module.
#[derive(Debug)]
pub(super) struct Claims {
    redirect: Redirect,
    claims: Mutex<Vec<Claim>>,
}

#[derive(Debug)]
struct Claim {
    address: SocketAddrV4,
    /// How many sockets of ours are known by it.
    socket_count: usize,
    is_taken: bool,
}

/// A group that this host is a member of, and by how many sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) group: Ipv4Addr,
    pub(super) socket_count: usize,
}

impl Claims {
    pub(super) fn new(redirect: Redirect) -> Self {
        Self { redirect, claims: Mutex::default() }
    }

    /// One more socket is known by `address`.
    pub(super) fn add(&self, address: SocketAddrV4) -> io::Result<()> {
        let mut claims = self.lock();
        if let Some(claim) = claims.iter_mut().find(|claim| claim.address == address) {
            claim.socket_count += 1;
            return Ok(());
        }
        self.redirect.take(key_of(address))?;
        claims.push(Claim { address, socket_count: 1, is_taken: true });
        Ok(())
    }

    /// One less.
    pub(super) fn remove(&self, address: SocketAddrV4) {
        let mut claims = self.lock();
        let Some(place) = claims.iter().position(|claim| claim.address == address) else { return };
        claims[place].socket_count -= 1;
        if claims[place].socket_count == 0 && claims.swap_remove(place).is_taken {
            // It is in the table; an error could only say that it is not.
            let _ = self.redirect.leave(key_of(address));
        }
    }

    /// Leaves the groups that others have joined to the kernel, and takes those back that nobody
    /// else reads any more.
    pub(super) fn review(&self, memberships: &[Membership]) {
        let mut claims = self.lock();
        let ours_in = |claims: &[Claim], group: Ipv4Addr| -> usize {
            let of_group = claims.iter().filter(|claim| *claim.address.ip() == group);
            of_group.map(|claim| claim.socket_count).sum()
        };
        for place in 0..claims.len() {
            let Claim { address, is_taken, .. } = claims[place];
            if !address.ip().is_multicast() {
                continue;
            }
            let ours = ours_in(&claims, *address.ip());
            let has_others = memberships
                .iter()
                .any(|known| known.group == *address.ip() && known.socket_count > ours);
            let changed = match (is_taken, has_others) {
                (true, true) => self.redirect.leave(key_of(address)),
                (false, false) => self.redirect.take(key_of(address)),
                _ => continue,
            };
            if changed.is_ok() {
                claims[place].is_taken = !is_taken;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Claim>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
