//! One realistic sample of every message. Neighbouring fields differ, so that swapped ones show.

use vesta_types::{
    AccountId, AuctionKind, BandAction, CancelReason, CommandKind, IcebergRefresh, InstrumentRules,
    KillScope, OrderType, PegReference, PostOnly, PriceTicks, QtyLots, RejectReason, ReplaceShrink,
    SelfTrade, Side, StopTrigger, TimeInForce, TradingState,
};
use vesta_wire::client::{self, Origin};
use vesta_wire::event::{self, EventStamp, FillParty};
use vesta_wire::record::{self, Stamp};
use vesta_wire::{CommitLevel, Decimal, FieldLayout, Message, Rules, Symbol, control, md};

/// Template, name, block length and fields of each message of a module.
type Catalogue = &'static [(u16, &'static str, u16, &'static [FieldLayout])];

/// Every message that there is, as the modules list them.
pub const CATALOGUES: [Catalogue; 5] =
    [client::CATALOGUE, record::CATALOGUE, event::CATALOGUE, control::CATALOGUE, md::CATALOGUE];

/// What a test does with each sample.
pub trait Visitor {
    /// Looks at the sample of `M`.
    fn visit<M: Message + PartialEq>(&mut self, sample: &M);
}

const TIME_NS: u64 = 1_340_285_400_004_241_176;
const BUY: u8 = Side::Buy as u8;
const SELL: u8 = Side::Sell as u8;
const LIMIT: u8 = OrderType::Limit as u8;
const RECEIVED: u8 = CommitLevel::Received as u8;
const REPLICATED: u8 = CommitLevel::Replicated as u8;
const NEW: u8 = CommandKind::New as u8;
const INSTRUMENT: u32 = 7;
const SESSION: u32 = 1001;
const GATEWAY: u32 = 3;
/// 585.33 dollars, as a client writes it and in ticks of a cent.
const PRICE_8: i64 = 58_533_000_000;
const PRICE: i64 = 58_533;
const ACCOUNT: u64 = 5_550_001;
const STP_GROUP: u32 = 17;
/// 18 shares, as a client writes them.
const QTY_8: i64 = 1_800_000_000;

fn origin(client_seq: u64) -> Origin {
    Origin { client_seq: client_seq.into(), session: SESSION.into(), session_epoch: 2.into() }
}

fn own() -> Origin {
    Origin { client_seq: 0.into(), session: 0.into(), session_epoch: 0.into() }
}

fn stamp(seq: u64) -> Stamp {
    Stamp { seq: seq.into(), time_ns: TIME_NS.into(), epoch: 5.into(), gateway: GATEWAY.into() }
}

fn event(event_seq: u64) -> EventStamp {
    EventStamp { event_seq: event_seq.into(), seq: 640.into(), time_ns: TIME_NS.into() }
}

fn symbol() -> Symbol {
    Symbol::new("AAPL").expect("four letters fit")
}

fn rules() -> Rules {
    let mut rules = InstrumentRules {
        notional_max: 5_000_000_000,
        reference_price: PriceTicks(58_500),
        static_band_ticks: 6_000,
        dynamic_band_ticks: 500,
        dynamic_band_action: BandAction::Interrupt,
        market_protection_ticks: 250,
        stop_cascade_max: 64,
        match_count_max: 2_048,
        self_trade: SelfTrade::CancelOldest,
        replace_shrink: ReplaceShrink::LosesPriority,
        stop_trigger: StopTrigger::Touch,
        iceberg_refresh: IcebergRefresh::KeepsPriority,
        initial_state: TradingState::PreOpen,
        ..InstrumentRules::new(PriceTicks(1 << 40), QtyLots(1_000_000))
    };
    rules.tick_steps[0] = vesta_types::TickStep { from: PriceTicks(10_000), ticks: 5 };
    (&rules).into()
}

fn decimal(mantissa: i64, exponent: i8) -> Decimal {
    Decimal { mantissa: mantissa.into(), exponent }
}

/// Shows `visitor` every sample, in the order of the catalogues.
pub fn each(visitor: &mut impl Visitor) {
    requests(visitor);
    reports(visitor);
    records(visitor);
    events(visitor);
    control(visitor);
    market_data(visitor);
}

fn requests(visitor: &mut impl Visitor) {
    visitor.visit(&client::NewOrderRequest {
        origin: origin(41),
        client_order_id: 16_113_575.into(),
        account: ACCOUNT.into(),
        price: PRICE_8.into(),
        qty: QTY_8.into(),
        instrument: INSTRUMENT.into(),
        stp_group: STP_GROUP.into(),
        side: BUY,
        order_type: LIMIT,
        time_in_force: TimeInForce::Gtc as u8,
        flags: client::FLAG_HIDDEN,
        post_only: PostOnly::Reprice as u8,
        self_trade: SelfTrade::CancelBoth as u8,
        reserved: [0; 2],
    });
    visitor.visit(&client::CancelRequest {
        origin: origin(42),
        client_order_id: 16_113_575.into(),
        order_id: 0.into(),
        instrument: INSTRUMENT.into(),
        reserved: [0; 4],
    });
    visitor.visit(&client::ReplaceRequest {
        origin: origin(43),
        client_order_id: 0.into(),
        order_id: 912.into(),
        price: (PRICE_8 - 1_000_000).into(),
        qty: 500_000_000.into(),
        stop_price: (PRICE_8 + 2_000_000).into(),
        instrument: INSTRUMENT.into(),
        reserved: [0; 4],
    });
    visitor.visit(&client::MassCancelRequest {
        origin: origin(44),
        account: ACCOUNT.into(),
        instrument: INSTRUMENT.into(),
        side: SELL,
        reserved: [0; 3],
    });
    visitor.visit(&client::NewOrderExtendedRequest {
        origin: origin(45),
        client_order_id: 16_113_576.into(),
        account: ACCOUNT.into(),
        price: PRICE_8.into(),
        qty: QTY_8.into(),
        display_qty: 300_000_000.into(),
        min_qty: 200_000_000.into(),
        stop_price: (PRICE_8 + 2_000_000).into(),
        trail: 7_000_000.into(),
        offset: 3_000_000.into(),
        expires_ns: (TIME_NS + 1).into(),
        budget: 1_053_594_000_000.into(),
        instrument: INSTRUMENT.into(),
        stp_group: STP_GROUP.into(),
        side: SELL,
        order_type: OrderType::TrailingStopLimit as u8,
        time_in_force: TimeInForce::Gtd as u8,
        flags: client::FLAG_ALL_OR_NONE,
        post_only: PostOnly::Reject as u8,
        self_trade: SelfTrade::Decrement as u8,
        peg: PegReference::Market as u8,
        reserved: 0,
    });
}

fn reports(visitor: &mut impl Visitor) {
    visitor.visit(&client::AcceptedReport {
        event_seq: 2001.into(),
        seq: 640.into(),
        time_ns: TIME_NS.into(),
        client_seq: 41.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        price: PRICE_8.into(),
        qty: QTY_8.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        command: NEW,
        side: SELL,
        order_type: LIMIT,
        time_in_force: TimeInForce::Fok as u8,
        commit_level: REPLICATED,
        reserved: [0; 3],
    });
    visitor.visit(&client::RejectedReport {
        event_seq: 2002.into(),
        seq: 640.into(),
        time_ns: TIME_NS.into(),
        client_seq: 42.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        session: SESSION.into(),
        reason: (RejectReason::UnknownOrder as u16).into(),
        command: CommandKind::Cancel as u8,
        commit_level: RECEIVED,
    });
    visitor.visit(&client::ExecutedReport {
        event_seq: 2003.into(),
        seq: 640.into(),
        time_ns: TIME_NS.into(),
        trade_id: 77.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        price: PRICE_8.into(),
        qty: 1_300_000_000.into(),
        leaves: 500_000_000.into(),
        displayed: 200_000_000.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        side: SELL,
        maker: 1,
        auction: 0,
        commit_level: CommitLevel::Journaled as u8,
        reserved: [0; 4],
    });
    visitor.visit(&client::CancelledReport {
        event_seq: 2004.into(),
        seq: 640.into(),
        time_ns: TIME_NS.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        price: PRICE_8.into(),
        qty: 500_000_000.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        side: BUY,
        reason: CancelReason::ImmediateOrCancel as u8,
        commit_level: REPLICATED,
        reserved: [0; 5],
    });
    visitor.visit(&client::ReplacedReport {
        event_seq: 2005.into(),
        seq: 640.into(),
        time_ns: TIME_NS.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        price: PRICE_8.into(),
        qty: 500_000_000.into(),
        displayed: 200_000_000.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        side: SELL,
        priority_kept: 1,
        commit_level: REPLICATED,
        reserved: [0; 5],
    });
    visitor.visit(&client::RefusedReport {
        client_seq: 45.into(),
        session: SESSION.into(),
        reason: (RejectReason::OffTick as u16).into(),
        reserved: [0; 2],
    });
    visitor.visit(&client::ResentReport {
        event_seq: 2006.into(),
        seq: 641.into(),
        time_ns: TIME_NS.into(),
        client_seq: 41.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        session: SESSION.into(),
        reason: 0.into(),
        command: NEW,
        commit_level: REPLICATED,
        first_seq: 600.into(),
    });
    visitor.visit(&client::TriggeredReport {
        event_seq: 2007.into(),
        seq: 642.into(),
        time_ns: TIME_NS.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        stop_price: (PRICE_8 + 2_000_000).into(),
        price: PRICE_8.into(),
        qty: QTY_8.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        side: BUY,
        commit_level: REPLICATED,
        reserved: [0; 6],
    });
    visitor.visit(&client::RepricedReport {
        event_seq: 2008.into(),
        seq: 642.into(),
        time_ns: TIME_NS.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        old_price: 0.into(),
        price: PRICE_8.into(),
        qty: QTY_8.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        side: SELL,
        commit_level: REPLICATED,
        reserved: [0; 6],
    });
    visitor.visit(&client::SelfTradePreventedReport {
        event_seq: 2009.into(),
        seq: 642.into(),
        time_ns: TIME_NS.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        price: PRICE_8.into(),
        qty: QTY_8.into(),
        leaves: 500_000_000.into(),
        displayed: 200_000_000.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        side: SELL,
        commit_level: REPLICATED,
        maker: 1,
        reserved: [0; 5],
    });
}

fn records(visitor: &mut impl Visitor) {
    visitor.visit(&record::LogFrame {
        first_seq: 640.into(),
        commit_seq: 639.into(),
        epoch: 5.into(),
        shard: 9.into(),
        count: 12.into(),
        reserved: [0; 6],
    });
    visitor.visit(&record::NewOrder {
        stamp: stamp(640),
        origin: origin(41),
        client_order_id: 16_113_575.into(),
        account: ACCOUNT.into(),
        price: PRICE.into(),
        qty: 18.into(),
        instrument: INSTRUMENT.into(),
        stp_group: STP_GROUP.into(),
        side: SELL,
        order_type: LIMIT,
        time_in_force: TimeInForce::Fok as u8,
        flags: 0,
        post_only: PostOnly::Off as u8,
        self_trade: SelfTrade::Default as u8,
        reserved: [0; 2],
    });
    visitor.visit(&record::CancelOrder {
        stamp: stamp(641),
        origin: origin(42),
        client_order_id: 16_113_575.into(),
        order_id: 0.into(),
        instrument: INSTRUMENT.into(),
        reserved: [0; 4],
    });
    visitor.visit(&record::ReplaceOrder {
        stamp: stamp(642),
        origin: origin(43),
        client_order_id: 0.into(),
        order_id: 912.into(),
        price: (PRICE - 1).into(),
        qty: 5.into(),
        stop_price: (PRICE + 2).into(),
        instrument: INSTRUMENT.into(),
        reserved: [0; 4],
    });
    visitor.visit(&record::MassCancel {
        stamp: stamp(643),
        origin: origin(44),
        account: ACCOUNT.into(),
        instrument: 0.into(),
        side: 0,
        reserved: [0; 3],
    });
    visitor.visit(&record::DefineInstrument {
        stamp: stamp(1),
        origin: own(),
        rules: rules(),
        symbol: symbol(),
        instrument: INSTRUMENT.into(),
        tick_size: decimal(1, -2),
        lot_size: decimal(5, -1),
        reserved: [0; 2],
    });
    visitor.visit(&record::SessionOpen {
        stamp: stamp(644),
        origin: origin(0),
        cancel_grace_ns: 5_000_000_000.into(),
        window: 256.into(),
        reserved: [0; 4],
    });
    visitor.visit(&record::SessionClose { stamp: stamp(645), origin: origin(0) });
    visitor.visit(&record::GatewayDown {
        stamp: stamp(646),
        origin: own(),
        grace_ns: 2_000_000_000.into(),
    });
    visitor.visit(&record::Tick { stamp: stamp(647), origin: own() });
    visitor.visit(&record::Commit {
        commit_seq: 647.into(),
        epoch: 5.into(),
        shard: 9.into(),
        reserved: [0; 8],
    });
    visitor.visit(&record::EpochStart {
        stamp: stamp(648),
        origin: own(),
        start_seq: 648.into(),
        commit_level: REPLICATED,
        reserved: [0; 7],
    });
    visitor.visit(&record::Activate {
        stamp: stamp(649),
        origin: own(),
        engine: 2.into(),
        reserved: [0; 4],
    });
    visitor.visit(&record::Halt {
        stamp: stamp(650),
        origin: own(),
        instrument: INSTRUMENT.into(),
        reserved: [0; 4],
    });
    visitor.visit(&record::FeatureLevel {
        stamp: stamp(651),
        origin: own(),
        feature_level: 4.into(),
        reserved: [0; 4],
    });
    visitor.visit(&record::NewOrderExtended {
        stamp: stamp(652),
        origin: origin(45),
        client_order_id: 16_113_576.into(),
        account: ACCOUNT.into(),
        price: PRICE.into(),
        qty: 18.into(),
        display_qty: 3.into(),
        min_qty: 2.into(),
        stop_price: (PRICE + 2).into(),
        trail_ticks: 7.into(),
        offset_ticks: 4.into(),
        expires_ns: (TIME_NS + 1).into(),
        budget: 1_053_594.into(),
        instrument: INSTRUMENT.into(),
        stp_group: STP_GROUP.into(),
        side: BUY,
        order_type: OrderType::StopLimit as u8,
        time_in_force: TimeInForce::FokBudget as u8,
        flags: client::FLAG_HIDDEN | client::FLAG_ALL_OR_NONE,
        post_only: PostOnly::Reprice as u8,
        self_trade: SelfTrade::CancelNewest as u8,
        peg: PegReference::Primary as u8,
        reserved: 0,
    });
    visitor.visit(&record::Kill {
        stamp: stamp(653),
        origin: own(),
        target: KillScope::Account(AccountId(ACCOUNT)).into(),
        engaged: 1,
        reserved: [0; 6],
    });
    visitor.visit(&record::SetState {
        stamp: stamp(654),
        origin: own(),
        instrument: INSTRUMENT.into(),
        state: TradingState::AuctionCall as u8,
        auction: AuctionKind::Closing as u8,
        reserved: [0; 2],
    });
}

fn events(visitor: &mut impl Visitor) {
    visitor.visit(&event::EventFrame {
        first_event_seq: 2001.into(),
        shard: 9.into(),
        count: 3.into(),
        reserved: [0; 10],
    });
    visitor.visit(&event::CommandAccepted {
        stamp: event(2001),
        client_seq: 41.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        price: PRICE.into(),
        qty: 18.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        command: CommandKind::Replace as u8,
        side: SELL,
        order_type: 0,
        time_in_force: 0,
        reserved: [0; 8],
    });
    visitor.visit(&event::CommandRejected {
        stamp: event(2002),
        client_seq: 42.into(),
        client_order_id: 16_113_575.into(),
        order_id: 0.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        reason: (RejectReason::UnknownOrder as u16).into(),
        command: CommandKind::Cancel as u8,
        reserved: [0; 5],
    });
    visitor.visit(&event::OrderRested {
        stamp: event(2003),
        order_id: 912.into(),
        client_order_id: 16_113_575.into(),
        price: PRICE.into(),
        qty: 18.into(),
        displayed: 6.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        side: BUY,
        reserved: [0; 3],
    });
    visitor.visit(&event::OrderExecuted {
        stamp: event(2004),
        trade_id: 77.into(),
        price: PRICE.into(),
        qty: 13.into(),
        taker: FillParty {
            order_id: 913.into(),
            client_order_id: 4.into(),
            leaves: 0.into(),
            displayed: 0.into(),
            session: 1002.into(),
            gateway: 4.into(),
        },
        maker: FillParty {
            order_id: 912.into(),
            client_order_id: 16_113_575.into(),
            leaves: 5.into(),
            displayed: 2.into(),
            session: SESSION.into(),
            gateway: GATEWAY.into(),
        },
        instrument: INSTRUMENT.into(),
        taker_side: SELL,
        auction: 1,
        taker_was_displayed: 0,
        maker_was_displayed: 1,
    });
    visitor.visit(&event::OrderCancelled {
        stamp: event(2005),
        order_id: 912.into(),
        client_order_id: 16_113_575.into(),
        price: PRICE.into(),
        qty: 5.into(),
        displayed: 2.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        side: BUY,
        reason: CancelReason::MassCancel as u8,
        reserved: [0; 2],
    });
    visitor.visit(&event::OrderReplaced {
        stamp: event(2006),
        order_id: 912.into(),
        client_order_id: 16_113_575.into(),
        old_price: PRICE.into(),
        old_qty: 18.into(),
        old_displayed: 6.into(),
        price: (PRICE - 1).into(),
        qty: 5.into(),
        displayed: 2.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        side: SELL,
        priority_kept: 0,
        reserved: [0; 2],
    });
    visitor.visit(&event::Resent {
        stamp: event(2007),
        client_seq: 42.into(),
        client_order_id: 16_113_575.into(),
        order_id: 912.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        reason: (RejectReason::PostOnlyWouldCross as u16).into(),
        command: NEW,
        reserved: [0; 5],
        first_seq: 600.into(),
    });
    visitor
        .visit(&event::StateHash { stamp: event(2008), state_hash: 0x9ca0_66f1_a4ab_2eea.into() });
    visitor.visit(&event::InstrumentDefined {
        stamp: event(1),
        rules: rules(),
        symbol: symbol(),
        instrument: INSTRUMENT.into(),
        tick_size: decimal(1, -2),
        lot_size: decimal(5, -1),
        reserved: [0; 2],
    });
    visitor.visit(&event::EpochStarted {
        stamp: event(2009),
        start_seq: 648.into(),
        epoch: 5.into(),
        commit_level: REPLICATED,
        reserved: [0; 3],
    });
    visitor.visit(&event::OrderTriggered {
        stamp: event(2010),
        order_id: 912.into(),
        client_order_id: 16_113_575.into(),
        stop_price: (PRICE + 2).into(),
        price: PRICE.into(),
        qty: 18.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        side: BUY,
        reserved: [0; 3],
    });
    visitor.visit(&event::OrderRepriced {
        stamp: event(2011),
        order_id: 912.into(),
        client_order_id: 16_113_575.into(),
        old_price: 0.into(),
        price: PRICE.into(),
        qty: 18.into(),
        instrument: INSTRUMENT.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        side: SELL,
        reserved: [0; 3],
    });
    visitor.visit(&event::SelfTradePrevented {
        stamp: event(2012),
        price: PRICE.into(),
        qty: 13.into(),
        taker: FillParty {
            order_id: 913.into(),
            client_order_id: 4.into(),
            leaves: 1.into(),
            displayed: 0.into(),
            session: 1002.into(),
            gateway: 4.into(),
        },
        maker: FillParty {
            order_id: 912.into(),
            client_order_id: 16_113_575.into(),
            leaves: 5.into(),
            displayed: 2.into(),
            session: SESSION.into(),
            gateway: GATEWAY.into(),
        },
        instrument: INSTRUMENT.into(),
        taker_side: BUY,
        taker_was_displayed: 0,
        maker_was_displayed: 1,
        reserved: 0,
    });
    visitor.visit(&event::TradingStateChanged {
        stamp: event(2013),
        instrument: INSTRUMENT.into(),
        state: TradingState::VolatilityInterruption as u8,
        auction: AuctionKind::Volatility as u8,
        reserved: [0; 2],
    });
    visitor.visit(&event::IndicativeChanged {
        stamp: event(2014),
        price: PRICE.into(),
        qty: 168.into(),
        imbalance: 12.into(),
        instrument: INSTRUMENT.into(),
        imbalance_side: SELL,
        reserved: [0; 3],
    });
}

fn control(visitor: &mut impl Visitor) {
    visitor.visit(&control::GatewayHello { gateway: GATEWAY.into(), reserved: [0; 4] });
    visitor.visit(&control::ReplicaAck { seq: 640.into(), epoch: 5.into(), member: 2.into() });
    visitor.visit(&control::SequencerStatus {
        next_seq: 641.into(),
        epoch: 5.into(),
        shard: 9.into(),
        commit_level: RECEIVED,
        accepting: 1,
        reserved: [0; 6],
    });
    visitor.visit(&control::SequencerRefusal {
        client_seq: 45.into(),
        session: SESSION.into(),
        gateway: GATEWAY.into(),
        reason: (RejectReason::Overloaded as u16).into(),
        reserved: [0; 6],
    });
}

fn market_data(visitor: &mut impl Visitor) {
    visitor.visit(&md::MdFrame {
        feed_seq: 3001.into(),
        event_seq: 2009.into(),
        time_ns: TIME_NS.into(),
        shard: 9.into(),
        count: 4.into(),
        reserved: [0; 2],
    });
    visitor.visit(&md::AddOrder {
        order_id: 912.into(),
        price: PRICE.into(),
        qty: 18.into(),
        instrument: INSTRUMENT.into(),
        side: BUY,
        reserved: [0; 3],
    });
    visitor.visit(&md::ExecuteOrder {
        order_id: 912.into(),
        trade_id: 77.into(),
        qty: 13.into(),
        leaves: 5.into(),
        instrument: INSTRUMENT.into(),
        refreshed: 1,
        reserved: [0; 3],
    });
    visitor.visit(&md::ReduceOrder {
        order_id: 912.into(),
        qty: 3.into(),
        leaves: 2.into(),
        instrument: INSTRUMENT.into(),
        refreshed: 0,
        reserved: [0; 3],
    });
    visitor.visit(&md::DeleteOrder {
        order_id: 912.into(),
        instrument: INSTRUMENT.into(),
        reserved: [0; 4],
    });
    visitor.visit(&md::PriceLevel {
        price: PRICE.into(),
        qty: 168.into(),
        order_count: 2.into(),
        instrument: INSTRUMENT.into(),
        side: SELL,
        reserved: [0; 7],
    });
    visitor.visit(&md::Trade {
        trade_id: 77.into(),
        time_ns: TIME_NS.into(),
        price: PRICE.into(),
        qty: 13.into(),
        instrument: INSTRUMENT.into(),
        aggressor_side: SELL,
        auction: 1,
        reserved: [0; 2],
    });
    visitor.visit(&md::SnapshotBegin {
        feed_seq: 3004.into(),
        event_seq: 2009.into(),
        order_count: 20.into(),
        instrument: INSTRUMENT.into(),
        reserved: [0; 8],
    });
    visitor.visit(&md::SnapshotOrder {
        order_id: 912.into(),
        price: PRICE.into(),
        qty: 2.into(),
        instrument: INSTRUMENT.into(),
        side: BUY,
        reserved: [0; 3],
    });
    visitor.visit(&md::SnapshotEnd {
        feed_seq: 3004.into(),
        order_count: 20.into(),
        instrument: INSTRUMENT.into(),
    });
    visitor.visit(&md::Heartbeat {
        next_feed_seq: 3005.into(),
        event_seq: 2009.into(),
        time_ns: TIME_NS.into(),
        shard: 9.into(),
        reserved: [0; 4],
    });
    visitor.visit(&md::InstrumentInfo {
        rules: rules(),
        symbol: symbol(),
        instrument: INSTRUMENT.into(),
        tick_size: decimal(1, -2),
        lot_size: decimal(5, -1),
        reserved: [0; 2],
    });
    visitor.visit(&md::TradingStatus {
        instrument: INSTRUMENT.into(),
        state: TradingState::AuctionCall as u8,
        auction: AuctionKind::Opening as u8,
        reserved: [0; 2],
    });
    visitor.visit(&md::Indicative {
        price: PRICE.into(),
        qty: 168.into(),
        imbalance: 12.into(),
        instrument: INSTRUMENT.into(),
        imbalance_side: BUY,
        reserved: [0; 3],
    });
}
