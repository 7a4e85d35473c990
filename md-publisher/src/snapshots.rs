//! Rounds of snapshots for consumers that join late or have missed something (stream 41).

use crate::publisher::Publisher;
use vesta_types::{InstrumentId, ShardId, Side, TimeNs};
use vesta_wire::Outbox;
use vesta_wire::md::{MdFrame, SnapshotBegin, SnapshotEnd, SnapshotOrder};

/// One round: every instrument once, each whole before the next begins.
#[derive(Debug)]
pub(crate) struct SnapshotRound {
    outbox: Outbox<MdFrame>,
    interval_ns: u64,
    begun: TimeNs,
    left: Vec<InstrumentId>,
    /// What the snapshot that is on its way holds.
    holds: (u64, TimeNs),
}

impl SnapshotRound {
    pub(crate) fn new(interval_ns: u64, frame_len_max: usize) -> Self {
        let outbox = Outbox::new(1, frame_len_max, 64 * 1024);
        Self { outbox, interval_ns, begun: TimeNs(0), left: Vec::new(), holds: (0, TimeNs(0)) }
    }

    /// Begins a round when one is due, and writes out the next instrument when the one before has
    /// left. A snapshot is written whole, so that it shows the book at one moment.
    pub(crate) fn advance(&mut self, now: TimeNs, publisher: &Publisher) {
        if !self.outbox.is_empty() {
            return;
        }
        if self.left.is_empty() {
            if now.0.saturating_sub(self.begun.0) < self.interval_ns {
                return;
            }
            if publisher.instruments.is_empty() {
                return;
            }
            self.begun = now;
            self.left.extend(publisher.instruments.keys().rev());
        }
        if let Some(instrument) = self.left.pop() {
            self.write(instrument, publisher);
        }
    }

    fn write(&mut self, id: InstrumentId, publisher: &Publisher) {
        let Some(instrument) = publisher.instruments.get(&id) else { return };
        let order_count = instrument.book.order_count() as u32;
        let feed_seq = publisher.feed_seq();
        self.holds = (publisher.event_seq().0, publisher.time());
        self.outbox.push(&instrument.info);
        self.outbox.push(&SnapshotBegin {
            feed_seq: feed_seq.into(),
            event_seq: self.holds.0.into(),
            order_count: order_count.into(),
            instrument: id.0.into(),
            reserved: [0; 8],
        });
        self.outbox.push(&instrument.status);
        if let Some(indicative) = &instrument.indicative {
            self.outbox.push(indicative);
        }
        for side in Side::BOTH {
            for order in instrument.book.orders(side) {
                self.outbox.push(&SnapshotOrder {
                    order_id: order.order_id.0.into(),
                    price: order.price.0.into(),
                    qty: order.qty.0.into(),
                    instrument: id.0.into(),
                    side: side as u8,
                    reserved: [0; 3],
                });
            }
        }
        self.outbox.push(&SnapshotEnd {
            feed_seq: feed_seq.into(),
            order_count: order_count.into(),
            instrument: id.0.into(),
        });
    }

    pub(crate) fn flush<E>(
        &mut self,
        shard: ShardId,
        offer: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let (event_seq, time) = self.holds;
        let header = |_: u64, count: u16| MdFrame {
            // Snapshots are not numbered: each says what it holds.
            feed_seq: 0.into(),
            event_seq: event_seq.into(),
            time_ns: time.0.into(),
            shard: shard.0.into(),
            count: count.into(),
            reserved: [0; 2],
        };
        self.outbox.flush(header, offer)
    }

    /// Nobody listens: the round is over, and the next one begins as soon as somebody does.
    pub(crate) fn cancel(&mut self) {
        self.outbox.discard();
        self.left.clear();
        self.begun = TimeNs(0);
    }
}
