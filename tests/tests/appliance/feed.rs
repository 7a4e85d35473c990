//! A process that follows market data.

use super::{INSTRUMENTS, market_data, snapshots, subscribe};
use vesta_sim::{NodeId, SimNetwork, SimSubscription, SimTransport};
use vesta_tools::consumer::Consumer;
use vesta_transport::{Duty, Flow, Input, Subscription};

pub struct Feed {
    transport: SimTransport,
    incrementals: SimSubscription,
    snapshots: SimSubscription,
    pub consumer: Consumer,
}

impl Feed {
    pub fn new(network: &SimNetwork) -> Self {
        let mut transport = network.add_node();
        let ids: Vec<_> = INSTRUMENTS.iter().map(|(id, ..)| *id).collect();
        Self {
            incrementals: subscribe(&mut transport, &market_data()),
            snapshots: subscribe(&mut transport, &snapshots()),
            consumer: Consumer::new(&ids),
            transport,
        }
    }

    /// The node, to kill it or cut it off.
    pub fn node(&self) -> NodeId {
        self.transport.node()
    }

    pub fn do_work(&mut self) {
        if self.transport.do_work().is_err() {
            return; // killed
        }
        let consumer = &mut self.consumer;
        self.incrementals.poll(64, &mut |input| {
            match input {
                Input::Fragment(fragment) => consumer.on_market_data(fragment.bytes),
                Input::Joined { .. } | Input::Lost { .. } => consumer.on_feed_break(),
            }
            Flow::Taken
        });
        self.snapshots.poll(64, &mut |input| {
            if let Input::Fragment(fragment) = input {
                consumer.on_snapshot(fragment.bytes);
            }
            Flow::Taken
        });
    }

    /// Its books are live and hold all events up to this one.
    pub fn has_heard(&self, event_seq: u64) -> bool {
        self.consumer.is_live() && self.consumer.event_seq() >= event_seq
    }

    pub fn state(&self) -> String {
        let consumer = &self.consumer;
        format!("live {} to {} {:?}", consumer.is_live(), consumer.event_seq(), consumer.counters())
    }
}
