//! What the datapath `uring` is told.

use std::fmt;

use super::napi;
use crate::aeron::{SharedIdle, Threading};
use crate::core::core_count;

/// How a busy socket is received from, in every cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HotReceive {
    /// By requests on the ring: one system call for all busy sockets of a thread.
    Ring,
    /// By a system call for each.
    Direct,
}

/// How datagrams are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendVia {
    /// By requests on a ring: one system call for a batch.
    Ring,
    /// By `sendmsg` and `sendmmsg`: one system call for a batch, too.
    Direct,
}

/// Settings of the datapath `uring`. [`Default`] gives the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UringSettings {
    /// How busy sockets are received from.
    pub hot_receive: HotReceive,
    /// How many sockets of a thread may be hot at once; 0: none ever is. Too low -> busy sockets
    /// share the slower path; too high -> each costs a receive in every cycle.
    pub hot_sockets_max: usize,
    /// Without a datagram for this long, a hot socket becomes cold, in microseconds (it may take
    /// twice as long). Too low -> sockets go back and forth, at some system calls each time; too
    /// high -> sockets that went quiet cost a receive in every cycle.
    pub hot_quiet_us: u64,
    /// Let the kernel hand over several datagrams in one receive, where sockets are hot.
    pub gro: bool,
    /// How datagrams are sent.
    pub send: SendVia,
    /// Hand the kernel several datagrams of a burst as one.
    pub gso: bool,
    /// Poll the network card in receives that find nothing, for up to this long, in microseconds;
    /// 0: never. Only cards with NAPI can be polled.
    pub busy_poll_us: u32,
    /// A thread of the kernel receives for each agent thread, which then makes no system call to
    /// receive at all. It spins, so it is refused where no core is spare.
    pub sqpoll: bool,
}

impl Default for UringSettings {
    fn default() -> Self {
        Self {
            hot_receive: HotReceive::Direct,
            hot_sockets_max: 16,
            hot_quiet_us: 10_000,
            gro: true,
            send: SendVia::Direct,
            gso: true,
            busy_poll_us: 0,
            sqpoll: false,
        }
    }
}

impl UringSettings {
    /// What this kernel does not do of it, for the start-up log.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Some(Err(error)) = (self.busy_poll_us > 0).then(napi::probe) else { return Vec::new() };
        vec![format!(
            "busy_poll_us = {}, but rings of this kernel can not poll network cards ({error}; since \
             Linux 6.9, with CONFIG_NET_RX_BUSY_POLL): only hot sockets do",
            self.busy_poll_us
        )]
    }

    /// Refuses `sqpoll` where it would share its core: on one core the two threads take turns at
    /// the pace of the scheduler.
    pub(crate) fn check_sqpoll(&self, threading: Threading) -> Result<(), String> {
        // The kernel's thread does not inherit that its owner is pinned.
        match self.sqpoll {
            true => spare_core(threading, core_count()),
            false => Ok(()),
        }
    }
}

impl fmt::Display for UringSettings {
    /// For the start-up line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let via = |direct: bool| if direct { "by direct calls" } else { "through the ring" };
        if self.sqpoll {
            f.write_str("received by a thread of the kernel")?;
        } else if self.hot_sockets_max == 0 {
            f.write_str("all sockets cold")?;
        } else {
            write!(f, "busy sockets {}", via(self.hot_receive == HotReceive::Direct))?;
        }
        write!(f, ", sent {}", via(self.send == SendVia::Direct))?;
        let on = |on: bool| if on { "on" } else { "off" };
        write!(f, ", GRO {}, GSO {}", on(self.gro), on(self.gso))
    }
}

/// `Err` says how many cores are missing.
fn spare_core(threading: Threading, cpu_count: usize) -> Result<(), String> {
    // The owner's thread, which is taken to spin, and the kernel's thread of each one that polls.
    let spinning = match threading {
        Threading::Invoker => 1 + 1,
        Threading::Shared(SharedIdle::Spin) => 1 + 1 + 1,
        Threading::Shared(SharedIdle::Backoff { .. }) => 1 + 1,
        Threading::Dedicated(SharedIdle::Spin) => 1 + 3 + 2,
        Threading::Dedicated(SharedIdle::Backoff { .. }) => 1 + 2,
    };
    if cpu_count > spinning {
        return Ok(());
    }
    Err(format!(
        "sqpoll = true wants more cores than threads that spin: this process may use {cpu_count}, \
         and {spinning} would spin, the kernel's included. Set sqpoll = false, or give it more cores"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_up_line_says_what_is_done() {
        let settings = UringSettings::default();
        let line = settings.to_string();
        assert_eq!(line, "busy sockets by direct calls, sent by direct calls, GRO on, GSO on");
        let settings = UringSettings { hot_sockets_max: 0, gro: false, ..settings };
        assert!(settings.to_string().starts_with("all sockets cold, "), "{settings}");
        assert!(settings.to_string().contains("GRO off"), "{settings}");
    }

    #[test]
    fn sqpoll_is_refused_where_no_core_is_spare() {
        let backoff =
            SharedIdle::Backoff { spin_count: 1, yield_count: 1, sleep_min_us: 1, sleep_max_us: 1 };
        for (threading, enough) in [
            (Threading::Invoker, 3),
            (Threading::Shared(SharedIdle::Spin), 4),
            (Threading::Shared(backoff), 3),
            (Threading::Dedicated(SharedIdle::Spin), 7),
            (Threading::Dedicated(backoff), 4),
        ] {
            assert_eq!(spare_core(threading, enough), Ok(()), "{threading:?}");
            let why = spare_core(threading, enough - 1).expect_err("too few");
            assert!(why.contains("sqpoll") && why.contains(&(enough - 1).to_string()), "{why}");
        }
        let off = UringSettings::default();
        assert_eq!(off.check_sqpoll(Threading::Dedicated(SharedIdle::Spin)), Ok(()));
    }
}
