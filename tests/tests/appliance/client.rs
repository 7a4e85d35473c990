//! A trading client: sends what it thinks of, and sends it again until it is answered.

use super::{INSTRUMENTS, PRICE_MAX, QTY_MAX, WINDOW, address, session_id};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use vesta_sim::{Random, SimDatagrams, SimNetwork, SimTransport};
use vesta_transport::DatagramSocket;
use vesta_types::{RejectReason, SessionId, TimeNs};
use vesta_wire::client::{
    AcceptedReport, CancelRequest, CancelledReport, ExecutedReport, MassCancelRequest,
    NewOrderRequest, Origin, RefusedReport, RejectedReport, ReplaceRequest, ReplacedReport,
    ResentReport,
};
use vesta_wire::{Message, decode, encode, peek};

/// An answer that has not come after this time is asked for again, ns.
const RESEND_NS: u64 = 3_000_000;

/// What the client was told of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    pub trade_id: u64,
    pub order_id: u64,
    pub client_order_id: u64,
    pub instrument: u32,
    pub price_e8: i64,
    pub qty_e8: i64,
    pub leaves_e8: i64,
    pub side: u8,
    pub maker: bool,
}

pub struct Client {
    socket: SimDatagrams,
    /// Its node lives as long as this.
    _transport: SimTransport,
    pub session: SessionId,
    gateway: SocketAddr,
    random: Random,
    commands: u64,
    /// What was sent and is not answered: when to send it again, and its bytes.
    unanswered: BTreeMap<u64, (u64, Vec<u8>)>,
    sent: u64,
    /// `None` for accepted, by `client_seq`.
    pub answers: BTreeMap<u64, Option<RejectReason>>,
    /// By trade and role.
    pub fills: BTreeMap<(u64, bool), Fill>,
    /// Events that a report came of twice or more.
    pub repeats: u64,
    /// Times that an answer was repeated from the table.
    pub resents: u64,
    /// Times that a command was refused at the edge.
    pub refusals: u64,
}

impl Client {
    pub fn new(
        network: &SimNetwork,
        n: usize,
        gateway: SocketAddr,
        seed: u64,
        commands: u64,
    ) -> Self {
        let transport = network.add_node();
        let socket = network.bind(transport.node(), address(2, 5_000 + n)).expect("free");
        Self {
            socket,
            _transport: transport,
            session: session_id(n),
            gateway,
            random: Random::new(seed ^ (0xc11e_0000 + n as u64)),
            commands,
            unanswered: BTreeMap::new(),
            sent: 0,
            answers: BTreeMap::new(),
            fills: BTreeMap::new(),
            repeats: 0,
            resents: 0,
            refusals: 0,
        }
    }

    pub fn is_done(&self) -> bool {
        self.answers.len() as u64 == self.commands
    }

    pub fn state(&self) -> String {
        format!("{} of {} answered, {} sent", self.answers.len(), self.commands, self.sent)
    }

    pub fn do_work(&mut self, now: TimeNs) {
        let mut buffer = [0; 256];
        while let Some((len, from)) = self.socket.receive(&mut buffer) {
            assert_eq!(from, self.gateway);
            self.on_report(&buffer[..len]);
        }
        let first = self.unanswered.keys().next().copied().unwrap_or(self.sent + 1);
        if self.sent < self.commands && self.sent + 1 - first < u64::from(WINDOW) {
            // Not in every cycle, so that the clients do not march in step.
            if self.random.chance(250_000) {
                self.sent += 1;
                let bytes = self.think();
                self.unanswered.insert(self.sent, (now.0, bytes));
            }
        }
        for (due_ns, bytes) in self.unanswered.values_mut() {
            if now.0 >= *due_ns {
                *due_ns = now.0 + RESEND_NS;
                let _ = self.socket.send(bytes, self.gateway);
            }
        }
        if self.random.chance(10_000) {
            self.send_nonsense();
        }
    }

    /// Nothing that the gateway is told may hurt anybody.
    fn send_nonsense(&mut self) {
        let mut bytes = self.think();
        let at = self.random.between(0, bytes.len() as u64 - 1) as usize;
        match self.random.between(0, 2) {
            0 => bytes.truncate(at),
            1 => bytes.resize(bytes.len() + 1 + at, 0),
            // The header: a message, version or length that there is not.
            _ => bytes[at % 8] ^= 0x55,
        }
        let _ = self.socket.send(&bytes, self.gateway);
    }

    /// The next command, in bytes.
    fn think(&mut self) -> Vec<u8> {
        let origin = Origin {
            client_seq: self.sent.into(),
            session: self.session.0.into(),
            session_epoch: 1.into(),
        };
        let (instrument, tick_e8, lot_e8) = INSTRUMENTS[self.random.between(0, 1) as usize];
        let price_ticks = self.random.between(10, PRICE_MAX as u64 - 8) as i64;
        let qty_lots = self.random.between(1, QTY_MAX) as i64;
        // Names with a mark that is found again in bytes; now and then one that is live already.
        let name = 0xc0de_0000_0000_0000 + self.random.between(1, 40);
        let side = self.random.between(1, 2) as u8;
        match self.random.between(0, 99) {
            0..70 => {
                let (order_type, time_in_force) = match self.random.between(0, 9) {
                    0 => (2, 2),
                    1 => (2, 3),
                    2 => (1, 2),
                    3 => (1, 3),
                    _ => (1, 1),
                };
                // Sometimes above the limit, which only the engine knows.
                let price_ticks =
                    if self.random.chance(20_000) { PRICE_MAX + 1 } else { price_ticks };
                bytes_of(&NewOrderRequest {
                    origin,
                    client_order_id: name.into(),
                    price: if order_type == 2 { 0 } else { price_ticks * tick_e8 }.into(),
                    qty: (qty_lots * lot_e8).into(),
                    instrument: instrument.0.into(),
                    side,
                    order_type,
                    time_in_force,
                    flags: u8::from(time_in_force == 1 && self.random.chance(100_000)),
                })
            }
            70..84 => bytes_of(&CancelRequest {
                origin,
                client_order_id: name.into(),
                order_id: 0.into(),
                instrument: instrument.0.into(),
                reserved: [0; 4],
            }),
            84..99 => {
                let by_id = self.random.chance(300_000);
                let order_id = if by_id { self.random.between(1, 100) } else { 0 };
                bytes_of(&ReplaceRequest {
                    origin,
                    client_order_id: if by_id { 0 } else { name }.into(),
                    order_id: order_id.into(),
                    price: (price_ticks * tick_e8).into(),
                    qty: (qty_lots * lot_e8).into(),
                    instrument: instrument.0.into(),
                    reserved: [0; 4],
                })
            }
            _ => bytes_of(&MassCancelRequest {
                origin,
                instrument: if side == 1 { instrument.0 } else { 0 }.into(),
                side: self.random.between(0, 2) as u8,
                reserved: [0; 3],
            }),
        }
    }

    fn on_report(&mut self, bytes: &[u8]) {
        let template = peek(bytes).expect("a report").template_id.get();
        match template {
            AcceptedReport::TEMPLATE_ID => {
                let report = decode::<AcceptedReport>(bytes).expect("whole");
                self.answer(report.session.get(), report.client_seq.get(), None);
            }
            RejectedReport::TEMPLATE_ID => {
                let report = decode::<RejectedReport>(bytes).expect("whole");
                let reason = RejectReason::from_wire(report.reason.get()).expect("a reason");
                // A gap is the network's disorder: what is missing is sent again, then this.
                if reason != RejectReason::ClientSeqGap {
                    self.answer(report.session.get(), report.client_seq.get(), Some(reason));
                }
            }
            ResentReport::TEMPLATE_ID => {
                let report = decode::<ResentReport>(bytes).expect("whole");
                let reason = RejectReason::from_wire(report.reason.get());
                self.resents += 1;
                self.answer(report.session.get(), report.client_seq.get(), reason);
            }
            RefusedReport::TEMPLATE_ID => self.refusals += 1,
            ExecutedReport::TEMPLATE_ID => {
                let report = decode::<ExecutedReport>(bytes).expect("whole");
                self.executed(report);
            }
            CancelledReport::TEMPLATE_ID => {
                let report = decode::<CancelledReport>(bytes).expect("whole");
                assert_eq!(report.session.get(), self.session.0);
            }
            ReplacedReport::TEMPLATE_ID => {
                let report = decode::<ReplacedReport>(bytes).expect("whole");
                assert_eq!(report.session.get(), self.session.0);
            }
            template => panic!("a gateway does not send template {template}"),
        }
    }

    /// The same command never has two different answers.
    fn answer(&mut self, session: u32, client_seq: u64, outcome: Option<RejectReason>) {
        assert_eq!(session, self.session.0, "an answer for somebody else");
        assert!((1..=self.sent).contains(&client_seq), "nobody asked {client_seq}");
        self.unanswered.remove(&client_seq);
        if let Some(before) = self.answers.insert(client_seq, outcome) {
            assert_eq!(before, outcome, "command {client_seq} has two outcomes");
            self.repeats += 1;
        }
    }

    fn executed(&mut self, report: &ExecutedReport) {
        assert_eq!(report.session.get(), self.session.0, "a fill of somebody else");
        let fill = Fill {
            trade_id: report.trade_id.get(),
            order_id: report.order_id.get(),
            client_order_id: report.client_order_id.get(),
            instrument: report.instrument.get(),
            price_e8: report.price.get(),
            qty_e8: report.qty.get(),
            leaves_e8: report.leaves.get(),
            side: report.side,
            maker: report.maker == 1,
        };
        if let Some(before) = self.fills.insert((fill.trade_id, fill.maker), fill) {
            assert_eq!(before, fill, "a fill was told twice, differently");
            self.repeats += 1;
        }
    }
}

fn bytes_of<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; M::LEN];
    encode(message, &mut bytes);
    bytes
}
