//! A client that can say anything: real datagrams to a running gateway, and what comes back.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use crate::running::PATIENCE;
use vesta_types::RejectReason;
use vesta_wire::client::{
    AcceptedReport, CancelRequest, CancelledReport, ExecutedReport, MassCancelRequest,
    NewOrderExtendedRequest, NewOrderRequest, Origin, RefusedReport, RejectedReport,
    ReplaceRequest, ReplacedReport, ResentReport,
};
use vesta_wire::{Message, decode, encode, peek};

/// BTC-USD of the default configuration: one tick and one lot, 10^-8.
pub const BTC: u32 = 1;
/// See [`BTC`].
pub const TICK: i64 = 1_000_000;
/// See [`BTC`].
pub const LOT: i64 = 10_000;
/// Its `price_max`, 10^-8.
pub const PRICE_MAX: i64 = 10_000_000 * 100_000_000;
/// Its `qty_max`, 10^-8.
pub const QTY_MAX: i64 = 100_000 * 100_000_000;
/// XRP-USD, which only [`trade`] trades.
pub const XRP: u32 = 4;
/// One tick of it, 10^-8.
pub const XRP_TICK: i64 = 10_000;
/// At this price and quantity, 10^-8.
const XRP_PRICE: i64 = 50_000_000;
const XRP_QTY: i64 = 10 * 100_000_000;

/// What a gateway says to a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// A primary reply.
    Accepted(AcceptedReport),
    /// A primary reply.
    Rejected(RejectedReport),
    /// A fill.
    Executed(ExecutedReport),
    /// An order is gone.
    Cancelled(CancelledReport),
    /// An order is another.
    Replaced(ReplacedReport),
    /// It was not sequenced.
    Refused(RefusedReport),
    /// A primary reply once more.
    Resent(ResentReport),
}

impl Heard {
    /// Why the gateway refused: the command was not sequenced.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn refusal(&self) -> RejectReason {
        let Self::Refused(report) = self else { panic!("not refused: {self:?}") };
        RejectReason::from_wire(report.reason.get()).expect("a reason that has a name")
    }

    /// Why the engine rejected: the command has its outcome.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn rejection(&self) -> RejectReason {
        let Self::Rejected(report) = self else { panic!("not rejected: {self:?}") };
        RejectReason::from_wire(report.reason.get()).expect("a reason that has a name")
    }

    /// The reply of an accepted command.
    ///
    /// # Panics
    /// When it was not.
    pub fn accepted(&self) -> &AcceptedReport {
        let Self::Accepted(report) = self else { panic!("not accepted: {self:?}") };
        report
    }
}

fn parse(bytes: &[u8]) -> Heard {
    let good = "a gateway sends good messages";
    match peek(bytes).expect(good).template_id.get() {
        AcceptedReport::TEMPLATE_ID => Heard::Accepted(*decode(bytes).expect(good)),
        RejectedReport::TEMPLATE_ID => Heard::Rejected(*decode(bytes).expect(good)),
        ExecutedReport::TEMPLATE_ID => Heard::Executed(*decode(bytes).expect(good)),
        CancelledReport::TEMPLATE_ID => Heard::Cancelled(*decode(bytes).expect(good)),
        ReplacedReport::TEMPLATE_ID => Heard::Replaced(*decode(bytes).expect(good)),
        RefusedReport::TEMPLATE_ID => Heard::Refused(*decode(bytes).expect(good)),
        ResentReport::TEMPLATE_ID => Heard::Resent(*decode(bytes).expect(good)),
        other => panic!("a gateway does not send template {other}"),
    }
}

/// The bytes of a message.
#[must_use]
pub fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; M::LEN];
    encode(message, &mut bytes);
    bytes
}

/// One session on a socket of its own.
#[derive(Debug)]
pub struct Client {
    socket: UdpSocket,
    /// Which session.
    pub session: u32,
}

impl Client {
    /// A session of a gateway.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn new(gateway: SocketAddrV4, session: u32) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.connect(gateway).expect("an address");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time above 0");
        Self { socket, session }
    }

    /// Whose command it is.
    #[must_use]
    pub fn origin(&self, client_seq: u64) -> Origin {
        Origin {
            client_seq: client_seq.into(),
            session: self.session.into(),
            session_epoch: 1.into(),
        }
    }

    /// A good order to buy one lot of BTC-USD at 100 ticks, named after its `client_seq`.
    #[must_use]
    pub fn order(&self, client_seq: u64) -> NewOrderRequest {
        NewOrderRequest {
            origin: self.origin(client_seq),
            client_order_id: client_seq.into(),
            account: 0.into(),
            price: (100 * TICK).into(),
            qty: LOT.into(),
            instrument: BTC.into(),
            stp_group: 0.into(),
            side: 1,
            order_type: 1,
            time_in_force: 1,
            flags: 0,
            post_only: 0,
            self_trade: 0,
            reserved: [0; 2],
        }
    }

    /// The same in the longer message.
    #[must_use]
    pub fn extended(&self, client_seq: u64) -> NewOrderExtendedRequest {
        let order = self.order(client_seq);
        NewOrderExtendedRequest {
            origin: order.origin,
            client_order_id: order.client_order_id,
            account: order.account,
            price: order.price,
            qty: order.qty,
            display_qty: 0.into(),
            min_qty: 0.into(),
            stop_price: 0.into(),
            trail: 0.into(),
            offset: 0.into(),
            expires_ns: 0.into(),
            budget: 0.into(),
            instrument: order.instrument,
            stp_group: order.stp_group,
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            flags: order.flags,
            post_only: order.post_only,
            self_trade: order.self_trade,
            peg: 0,
            reserved: 0,
        }
    }

    /// A cancel of an order.
    #[must_use]
    pub fn cancel(&self, client_seq: u64, client_order_id: u64) -> CancelRequest {
        CancelRequest {
            origin: self.origin(client_seq),
            client_order_id: client_order_id.into(),
            order_id: 0.into(),
            instrument: BTC.into(),
            reserved: [0; 4],
        }
    }

    /// A replace of an order, by one lot at 101 ticks.
    #[must_use]
    pub fn replace(&self, client_seq: u64, client_order_id: u64) -> ReplaceRequest {
        ReplaceRequest {
            origin: self.origin(client_seq),
            client_order_id: client_order_id.into(),
            order_id: 0.into(),
            price: (101 * TICK).into(),
            qty: LOT.into(),
            stop_price: 0.into(),
            instrument: BTC.into(),
            reserved: [0; 4],
        }
    }

    /// A cancel of all.
    #[must_use]
    pub fn mass_cancel(&self, client_seq: u64) -> MassCancelRequest {
        let origin = self.origin(client_seq);
        MassCancelRequest {
            origin,
            account: 0.into(),
            instrument: 0.into(),
            side: 0,
            reserved: [0; 3],
        }
    }

    /// One good request of each kind.
    #[must_use]
    pub fn requests(&self) -> [Vec<u8>; 5] {
        [
            bytes(&self.order(1)),
            bytes(&self.cancel(1, 1)),
            bytes(&self.replace(1, 1)),
            bytes(&self.mass_cancel(1)),
            bytes(&self.extended(1)),
        ]
    }

    /// Sends a datagram.
    ///
    /// # Panics
    /// When loopback does not take it.
    pub fn send(&self, datagram: &[u8]) {
        let sent = self.socket.send(datagram).expect("loopback takes any datagram");
        assert_eq!(sent, datagram.len());
    }

    /// What the gateway says next.
    ///
    /// # Panics
    /// When it says nothing in time, or what is no report.
    #[must_use]
    pub fn hear(&self) -> Heard {
        let mut buffer = [0; 2_048];
        let len = self.socket.recv(&mut buffer).expect("an answer in time");
        parse(&buffer[..len])
    }

    /// Sends, and returns what the gateway says next.
    ///
    /// # Panics
    /// As [`send`](Self::send) and [`hear`](Self::hear).
    #[must_use]
    pub fn ask(&self, datagram: &[u8]) -> Heard {
        self.send(datagram);
        self.hear()
    }
}

/// Two sessions that nobody else uses trade with each other: both orders are accepted, and the
/// second executes against the first, once, in full.
///
/// # Panics
/// When they do not.
pub fn trade(gateway: SocketAddrV4) {
    let order = |client: &Client, side: u8| {
        bytes(&NewOrderRequest {
            instrument: XRP.into(),
            price: XRP_PRICE.into(),
            qty: XRP_QTY.into(),
            side,
            ..client.order(1)
        })
    };
    let (seller, buyer) = (Client::new(gateway, 99), Client::new(gateway, 100));
    let resting = *seller.ask(&order(&seller, 2)).accepted();
    assert_eq!(resting.client_seq.get(), 1);
    let crossing = *buyer.ask(&order(&buyer, 1)).accepted();
    assert!(crossing.order_id > resting.order_id, "{crossing:?}");
    for (client, order_id, maker) in
        [(&buyer, crossing.order_id, 0), (&seller, resting.order_id, 1)]
    {
        let Heard::Executed(fill) = client.hear() else { panic!("no execution") };
        assert_eq!((fill.order_id, fill.maker), (order_id, maker));
        assert_eq!((fill.price.get(), fill.qty.get()), (XRP_PRICE, XRP_QTY));
        assert_eq!(fill.leaves.get(), 0);
    }
}

/// Commands that [`trade`] sends.
pub const TRADE_COMMANDS: u64 = 2;
/// Reports that it hears.
pub const TRADE_REPORTS: u64 = 4;
