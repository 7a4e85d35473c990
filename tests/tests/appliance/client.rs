//! A trading client: sends what it thinks of, and sends it again until it is answered.

use super::{ACCOUNT, INSTRUMENTS, PRICE_MAX, QTY_MAX, STP_GROUP, WINDOW, address, session_id};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use vesta_sim::{Random, SimDatagrams, SimNetwork, SimTransport};
use vesta_transport::DatagramSocket;
use vesta_types::{OrderType, RejectReason, SessionId, TimeInForce, TimeNs};
use vesta_wire::client::{
    AcceptedReport, CancelRequest, CancelledReport, ExecutedReport, FLAG_ALL_OR_NONE, FLAG_HIDDEN,
    MassCancelRequest, NewOrderExtendedRequest, NewOrderRequest, Origin, RefusedReport,
    RejectedReport, ReplaceRequest, ReplacedReport, RepricedReport, ResentReport,
    SelfTradePreventedReport, TriggeredReport,
};
use vesta_wire::{Message, decode, encode, peek};

/// An answer that has not come after this time is asked for again, ns.
const RESEND_NS: u64 = 3_000_000;

/// The names that clients give to orders: with a mark that is found again in bytes.
pub const NAMES: std::ops::RangeInclusive<u64> = 0xc0de_0000_0000_0001..=0xc0de_0000_0000_0028;

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
                let bytes = self.think(now);
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
            self.send_nonsense(now);
        }
    }

    /// Nothing that the gateway is told may hurt anybody.
    fn send_nonsense(&mut self, now: TimeNs) {
        let mut bytes = self.think(now);
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
    fn think(&mut self, now: TimeNs) -> Vec<u8> {
        let origin = Origin {
            client_seq: self.sent.into(),
            session: self.session.0.into(),
            session_epoch: 1.into(),
        };
        let (instrument, tick_e8, lot_e8) = INSTRUMENTS[self.random.between(0, 1) as usize];
        let price_ticks = self.random.between(10, PRICE_MAX as u64 - 8) as i64;
        let qty_lots = self.random.between(1, QTY_MAX) as i64;
        // Now and then one that is live already.
        let name = self.random.between(*NAMES.start(), *NAMES.end());
        let side = self.random.between(1, 2) as u8;
        // Now and then what the session may not.
        let rare = self.random.between(0, 49);
        let is_plain = self.random.chance(300_000);
        let account = if rare == 0 { 9 } else { u64::from(!is_plain) * ACCOUNT };
        let stp_group = if rare == 1 { 9 } else { u32::from(!is_plain) * STP_GROUP };
        let plain = NewOrderRequest {
            origin,
            client_order_id: name.into(),
            account: account.into(),
            price: (price_ticks * tick_e8).into(),
            qty: (qty_lots * lot_e8).into(),
            instrument: instrument.0.into(),
            stp_group: stp_group.into(),
            side,
            order_type: 1,
            time_in_force: 1,
            flags: 0,
            post_only: 0,
            self_trade: self.random.between(0, 4) as u8,
            reserved: [0; 2],
        };
        match self.random.between(0, 99) {
            0..25 => bytes_of(&self.think_of_more(now, &plain, tick_e8, lot_e8)),
            25..70 => {
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
                let is_passive = time_in_force == 1 && self.random.chance(100_000);
                let may_hide = order_type == 1 && time_in_force == 1 && !is_passive;
                let flags = match self.random.between(0, 19) {
                    0 | 1 if may_hide => FLAG_HIDDEN,
                    2 if may_hide => FLAG_ALL_OR_NONE,
                    _ => 0,
                };
                bytes_of(&NewOrderRequest {
                    price: if order_type == 2 { 0 } else { price_ticks * tick_e8 }.into(),
                    order_type,
                    time_in_force,
                    flags,
                    post_only: if is_passive { self.random.between(1, 2) as u8 } else { 0 },
                    ..plain
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
                    stop_price: 0.into(),
                    instrument: instrument.0.into(),
                    reserved: [0; 4],
                })
            }
            _ => bytes_of(&MassCancelRequest {
                origin,
                account: if self.random.chance(500_000) { ACCOUNT } else { 0 }.into(),
                instrument: if side == 1 { instrument.0 } else { 0 }.into(),
                side: self.random.between(0, 2) as u8,
                reserved: [0; 3],
            }),
        }
    }

    /// An order of the longer message.
    fn think_of_more(
        &mut self,
        now: TimeNs,
        plain: &NewOrderRequest,
        tick_e8: i64,
        lot_e8: i64,
    ) -> NewOrderExtendedRequest {
        let mut order = NewOrderExtendedRequest {
            origin: plain.origin,
            client_order_id: plain.client_order_id,
            account: plain.account,
            price: plain.price,
            qty: plain.qty,
            display_qty: 0.into(),
            min_qty: 0.into(),
            stop_price: 0.into(),
            trail: 0.into(),
            offset: 0.into(),
            expires_ns: 0.into(),
            budget: 0.into(),
            instrument: plain.instrument,
            stp_group: plain.stp_group,
            side: plain.side,
            order_type: plain.order_type,
            time_in_force: plain.time_in_force,
            flags: 0,
            post_only: 0,
            self_trade: plain.self_trade,
            peg: 0,
            reserved: 0,
        };
        let (price, qty) = (plain.price.get(), plain.qty.get());
        let some_lots = (self.random.between(1, 5) as i64 * lot_e8).min(qty);
        let some_ticks = self.random.between(1, 4) as i64 * tick_e8;
        match self.random.between(0, 11) {
            0 | 1 => order.display_qty = some_lots.min(qty - lot_e8).into(),
            2 => order.min_qty = some_lots.into(),
            3 => {
                order.order_type = OrderType::Stop as u8;
                (order.price, order.stop_price) = (0.into(), price.into());
            }
            4 => {
                order.order_type = OrderType::StopLimit as u8;
                order.stop_price = price.into();
            }
            5 => {
                order.order_type = OrderType::TrailingStop as u8;
                (order.price, order.trail) = (0.into(), some_ticks.into());
            }
            6 => {
                order.order_type = OrderType::TrailingStopLimit as u8;
                (order.price, order.stop_price) = (0.into(), price.into());
                (order.trail, order.offset) = (some_ticks.into(), tick_e8.into());
            }
            7 | 8 => {
                order.order_type = OrderType::Pegged as u8;
                (order.price, order.offset) = (0.into(), some_ticks.into());
                order.peg = self.random.between(1, 2) as u8;
            }
            9 => {
                order.time_in_force = TimeInForce::Gtd as u8;
                order.expires_ns = (now.0 + self.random.between(300_000, 3_000_000)).into();
            }
            10 => {
                order.time_in_force = TimeInForce::FokBudget as u8;
                // In 10^-8: price and quantity are both, so one of them comes off again.
                let notional = i128::from(price) * i128::from(qty) / 100_000_000;
                order.budget = (notional as i64).into();
            }
            _ => {
                let auctions = [TimeInForce::AtOpen, TimeInForce::AtClose, TimeInForce::Day];
                order.time_in_force = auctions[self.random.between(0, 2) as usize] as u8;
            }
        }
        order
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
            TriggeredReport::TEMPLATE_ID => {
                let report = decode::<TriggeredReport>(bytes).expect("whole");
                assert_eq!(report.session.get(), self.session.0);
            }
            RepricedReport::TEMPLATE_ID => {
                let report = decode::<RepricedReport>(bytes).expect("whole");
                assert_eq!(report.session.get(), self.session.0);
            }
            SelfTradePreventedReport::TEMPLATE_ID => {
                let report = decode::<SelfTradePreventedReport>(bytes).expect("whole");
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
