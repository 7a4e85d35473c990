//! The suite that holds every [`Transport`] to the same behaviour.
//!
//! An implementation writes a [`Harness`] and calls [`contract_tests!`](crate::contract_tests) in
//! an integration test: each clause becomes a `#[test]`. Where tests in parallel would be in each
//! other's way (real drivers on few cores), it calls [`run_all`] from one test instead.
//!
//! Every wait calls `do_work` on every side and idles through the harness, so the same suite runs
//! in simulated and in real time; every wait has a deadline and says what it waited for.
//!
//! ```text
//!   delivery    in order, once, intact; long, too long; two readers, two publishers
//!   connection  no reader, early and late readers, readers that leave
//!   flow        Retry, poll limits, back-pressure
//!   lifecycle   orderly close, abrupt death, restart
//! ```

mod connection;
mod delivery;
mod flow;
mod lifecycle;
mod rig;

pub use connection::*;
pub use delivery::*;
pub use flow::*;
pub use lifecycle::*;

use crate::{StreamId, Transport};

/// Makes the transports that the suite tests, and moves their time.
pub trait Harness {
    /// The transport under test.
    type Transport: Transport;

    /// A fresh node that publishes. Several live at once in some clauses.
    fn publisher_side(&mut self) -> Self::Transport;

    /// A fresh node that reads what publisher sides send. Several live at once only if
    /// [`Limits::many_reader_nodes`].
    fn reader_side(&mut self) -> Self::Transport;

    /// A channel and stream that no clause has used before. Its window must be small enough to be
    /// filled in a test (see [`Limits::unread_bytes_max`]).
    fn link(&mut self) -> Link;

    /// The time that deadlines are measured in, in nanoseconds from any origin, never decreasing.
    fn now_ns(&self) -> u64;

    /// Lets time pass while nothing is to be done: sleeps or yields for a moment (well below a
    /// millisecond), or advances the simulated clock. `now_ns` must grow over repeated calls.
    fn idle(&mut self);

    /// Ends a publisher side as a crash would: no goodbye leaves it, and nothing that it had not
    /// sent is sent. Its publications are handed over because they die with it.
    fn kill(
        &mut self,
        side: Self::Transport,
        publications: Vec<<Self::Transport as Transport>::Publication>,
    );

    /// What the suite needs to know of the transport under test.
    fn limits(&self) -> Limits;
}

/// Where a publication and a subscription meet.
#[derive(Clone, Debug)]
pub struct Link {
    /// The channel to publish on.
    pub publication: String,
    /// The channel to subscribe to; often the same.
    pub subscription: String,
    /// The stream.
    pub stream: StreamId,
}

/// Timing and size limits of a transport under test.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest that one wait may take, in nanoseconds: above every timeout of the transport
    /// (image liveness, connection, linger) with room for a slow machine. Too low: false alarms;
    /// too high: a broken transport takes long to fail.
    pub wait_max_ns: u64,
    /// After this long with nothing new offered, all that can move has moved, in nanoseconds. Well
    /// below the liveness timeout. Too low: back-pressure is declared while bytes still flow; too
    /// high: a slow suite.
    pub settle_ns: u64,
    /// The most bytes of messages that a publication takes while its only reader does not poll:
    /// the sender's window and the receiver's together, at least
    /// 32 KiB. The suite sends a few times as much.
    pub unread_bytes_max: usize,
    /// Whether two reader sides can read one link (true for multicast). If not, clauses with two
    /// readers put both on one side.
    pub many_reader_nodes: bool,
}

/// Makes each clause of the contract a `#[test]`; the argument is an expression that makes a fresh
/// [`Harness`], evaluated once for each.
///
/// ```text
/// vesta_transport::contract_tests!(MyHarness::new());
/// ```
#[macro_export]
macro_rules! contract_tests {
    (@list $then:ident $harness:tt) => {
        $crate::contract_tests! { @$then $harness
            messages_arrive_in_order_once_and_intact
            long_messages_arrive_whole
            a_message_too_long_is_refused_and_nothing_of_it_sent
            two_publishers_are_two_images
            two_readers_each_get_everything
            without_a_reader_nothing_is_taken
            an_early_reader_joins_at_zero
            a_late_reader_joins_above_zero
            a_reader_that_leaves_does_not_stop_the_others
            the_last_reader_to_leave_disconnects
            retry_redelivers_the_same_fragment
            retry_redelivers_a_long_message
            retry_redelivers_joined
            retry_redelivers_lost
            poll_takes_at_most_its_limit
            back_pressure_is_bounded_and_recovers
            an_orderly_close_ends_the_stream
            a_close_right_after_joining_ends_the_stream
            an_abrupt_death_loses_the_image
            a_restarted_publisher_is_a_new_image
        }
    };
    (@tests ($harness:expr) $($clause:ident)+) => {
        $(
            #[test]
            fn $clause() {
                $crate::contract::$clause(&mut $harness);
            }
        )+
    };
    (@run ($harness:expr) $($clause:ident)+) => {
        $($crate::contract::$clause($harness);)+
    };
    ($harness:expr) => {
        $crate::contract_tests! { @list tests ($harness) }
    };
}

/// Runs every clause, one after the other.
///
/// # Panics
/// On the first clause that does not hold; the text names it.
pub fn run_all<H: Harness>(harness: &mut H) {
    contract_tests! { @list run (harness) }
}
