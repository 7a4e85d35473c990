//! A command as a client writes it: in decimals, in the shorter message where that says it all.

use super::Unsendable;
use std::collections::BTreeMap;
use vesta_types::{
    Command, InstrumentId, NewOrder, OrderRef, PriceTicks, QtyLots, Scale, Side, TimeNs,
};
use vesta_wire::client::{
    CancelRequest, FLAG_ALL_OR_NONE, FLAG_HIDDEN, MassCancelRequest, NewOrderExtendedRequest,
    NewOrderRequest, Origin, ReplaceRequest,
};
use vesta_wire::{Message, encode};

/// Bytes of the longest request.
pub(super) const REQUEST_LEN_MAX: usize = NewOrderExtendedRequest::LEN;
const _: () = assert!(NewOrderRequest::LEN <= REQUEST_LEN_MAX);
const _: () = assert!(ReplaceRequest::LEN <= REQUEST_LEN_MAX);

/// Writes `command` to the front of `buffer`, and returns the bytes written.
pub(super) fn write(
    scales: &BTreeMap<InstrumentId, Scale>,
    origin: Origin,
    command: &Command,
    buffer: &mut [u8; REQUEST_LEN_MAX],
) -> Result<usize, Unsendable> {
    let scale = |instrument: InstrumentId| {
        scales.get(&instrument).copied().ok_or(Unsendable::UnknownInstrument(instrument))
    };
    let written = match command {
        Command::New(c) => {
            let scale = scale(c.instrument)?;
            let plain = plain(scale, origin, c)?;
            if says_more(c) {
                encode(&extended(scale, &plain, c)?, buffer).len()
            } else {
                encode(&plain, buffer).len()
            }
        }
        Command::Cancel(c) => {
            let (client_order_id, order_id) = names(c.target);
            let request = CancelRequest {
                origin,
                client_order_id: client_order_id.into(),
                order_id: order_id.into(),
                instrument: c.instrument.0.into(),
                reserved: [0; 4],
            };
            encode(&request, buffer).len()
        }
        Command::Replace(c) => {
            let scale = scale(c.instrument)?;
            let (client_order_id, order_id) = names(c.target);
            let request = ReplaceRequest {
                origin,
                client_order_id: client_order_id.into(),
                order_id: order_id.into(),
                price: price(scale, c.price)?.into(),
                qty: qty(scale, c.qty)?.into(),
                stop_price: price(scale, c.stop_price)?.into(),
                instrument: c.instrument.0.into(),
                reserved: [0; 4],
            };
            encode(&request, buffer).len()
        }
        Command::MassCancel(c) => {
            let request = MassCancelRequest {
                origin,
                account: c.account.map_or(0, |account| account.0).into(),
                instrument: c.instrument.map_or(0, |id| id.0).into(),
                side: c.side.map_or(0, |side| side as u8),
                reserved: [0; 3],
            };
            encode(&request, buffer).len()
        }
        Command::Kill(_) | Command::SetState(_) => return Err(Unsendable::Operators),
    };
    Ok(written)
}

fn price(scale: Scale, price: PriceTicks) -> Result<i64, Unsendable> {
    scale.checked_price_e8(price).ok_or(Unsendable::TooLarge("price"))
}

fn distance(scale: Scale, ticks: u64) -> Result<i64, Unsendable> {
    let ticks = i64::try_from(ticks).map_err(|_| Unsendable::TooLarge("distance"))?;
    scale.checked_price_e8(PriceTicks(ticks)).ok_or(Unsendable::TooLarge("distance"))
}

fn qty(scale: Scale, qty: QtyLots) -> Result<i64, Unsendable> {
    scale.checked_qty_e8(qty).ok_or(Unsendable::TooLarge("quantity"))
}

/// An amount that the gateway turns into the same number of ticks x lots again.
fn budget(scale: Scale, order: &NewOrder) -> Result<i64, Unsendable> {
    if order.budget == 0 {
        return Ok(0);
    }
    let is_sell = order.side == Side::Sell;
    let down = scale.notional_e8(order.budget).ok_or(Unsendable::TooLarge("budget"))?;
    // Where a tick x lot is no multiple of 10^-8, the nearest amount may lie on either side.
    let amounts = [down, down.saturating_add(1)];
    let same = amounts.into_iter().find(|e8| scale.notional(*e8, is_sell) == Some(order.budget));
    same.ok_or(Unsendable::TooFine)
}

/// True for an order that only the longer message can carry.
fn says_more(order: &NewOrder) -> bool {
    let said = NewOrder {
        display_qty: QtyLots::ZERO,
        min_qty: QtyLots::ZERO,
        stop_price: PriceTicks(0),
        trail_ticks: 0,
        offset_ticks: 0,
        peg: None,
        expires: TimeNs(0),
        budget: 0,
        ..*order
    };
    said != *order
}

fn plain(scale: Scale, origin: Origin, c: &NewOrder) -> Result<NewOrderRequest, Unsendable> {
    let hidden = if c.hidden { FLAG_HIDDEN } else { 0 };
    let all_or_none = if c.all_or_none { FLAG_ALL_OR_NONE } else { 0 };
    Ok(NewOrderRequest {
        origin,
        client_order_id: c.client_order_id.0.into(),
        account: c.account.0.into(),
        price: price(scale, c.price)?.into(),
        qty: qty(scale, c.qty)?.into(),
        instrument: c.instrument.0.into(),
        stp_group: c.stp_group.0.into(),
        side: c.side as u8,
        order_type: c.order_type as u8,
        time_in_force: c.time_in_force as u8,
        flags: hidden | all_or_none,
        post_only: c.post_only as u8,
        self_trade: c.self_trade as u8,
        reserved: [0; 2],
    })
}

fn extended(
    scale: Scale,
    plain: &NewOrderRequest,
    c: &NewOrder,
) -> Result<NewOrderExtendedRequest, Unsendable> {
    Ok(NewOrderExtendedRequest {
        origin: plain.origin,
        client_order_id: plain.client_order_id,
        account: plain.account,
        price: plain.price,
        qty: plain.qty,
        display_qty: qty(scale, c.display_qty)?.into(),
        min_qty: qty(scale, c.min_qty)?.into(),
        stop_price: price(scale, c.stop_price)?.into(),
        trail: distance(scale, c.trail_ticks)?.into(),
        offset: distance(scale, c.offset_ticks)?.into(),
        expires_ns: c.expires.0.into(),
        budget: budget(scale, c)?.into(),
        instrument: plain.instrument,
        stp_group: plain.stp_group,
        side: plain.side,
        order_type: plain.order_type,
        time_in_force: plain.time_in_force,
        flags: plain.flags,
        post_only: plain.post_only,
        self_trade: plain.self_trade,
        peg: c.peg.map_or(0, |peg| peg as u8),
        reserved: 0,
    })
}

const fn names(target: OrderRef) -> (u64, u64) {
    match target {
        OrderRef::Client(id) => (id.0, 0),
        OrderRef::Order(id) => (0, id.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_types::{
        AccountId, AuctionKind, ClientOrderId, Kill, KillScope, MassCancel, PegReference, PostOnly,
        Replace, SelfTrade, SessionId, SetState, StpGroup, TradingState,
    };
    use vesta_wire::decode;

    const TICK: i64 = 1_000_000;
    const LOT: i64 = 10_000;

    fn written(command: &Command) -> Result<Vec<u8>, Unsendable> {
        let scale = Scale::new(TICK, LOT).expect("a scale");
        let scales = BTreeMap::from([(InstrumentId(1), scale)]);
        let mut buffer = [0; REQUEST_LEN_MAX];
        let len = write(&scales, Origin::NONE, command, &mut buffer)?;
        Ok(buffer[..len].to_vec())
    }

    fn order() -> NewOrder {
        NewOrder::limit(
            SessionId(1),
            ClientOrderId(2),
            InstrumentId(1),
            Side::Sell,
            PriceTicks(100),
            QtyLots(9),
        )
    }

    #[test]
    fn a_plain_order_is_short() {
        let order = NewOrder {
            account: AccountId(5),
            stp_group: StpGroup(6),
            hidden: true,
            all_or_none: true,
            post_only: PostOnly::Reprice,
            self_trade: SelfTrade::CancelBoth,
            ..order()
        };
        let bytes = written(&Command::New(order)).expect("sendable");
        let request = decode::<NewOrderRequest>(&bytes).expect("the short message");
        assert_eq!((request.account.get(), request.stp_group.get(), request.flags), (5, 6, 3));
        assert_eq!((request.post_only, request.self_trade), (2, 3));
        assert_eq!((request.price.get(), request.qty.get()), (100 * TICK, 9 * LOT));
    }

    #[test]
    fn an_order_that_says_more_is_long() {
        let mut longer = [order(); 8];
        longer[0].display_qty = QtyLots(3);
        longer[1].min_qty = QtyLots(3);
        longer[2].stop_price = PriceTicks(3);
        longer[3].trail_ticks = 3;
        longer[4].offset_ticks = 3;
        longer[5].peg = Some(PegReference::Market);
        longer[6].expires = TimeNs(3);
        longer[7].budget = 3;
        for order in longer {
            let bytes = written(&Command::New(order)).expect("sendable");
            let r = *decode::<NewOrderExtendedRequest>(&bytes).expect("the long message");
            let figures = [r.display_qty.get() / LOT, r.min_qty.get() / LOT];
            let prices = [r.stop_price.get(), r.trail.get(), r.offset.get()].map(|p| p / TICK);
            // A tick x lot is 100 units of 10^-8.
            let others = [i64::from(r.peg) * 3 / 2, r.budget.get() / 100];
            let sum: i64 = figures.iter().chain(&prices).chain(&others).sum();
            assert_eq!(sum + r.expires_ns.get().cast_signed(), 3, "{order:?}");
        }
    }

    #[test]
    fn a_replace_and_a_mass_cancel_say_everything() {
        let replace = Replace {
            session: SessionId(1),
            instrument: InstrumentId(1),
            target: OrderRef::Client(ClientOrderId(2)),
            price: PriceTicks(0),
            qty: QtyLots(4),
            stop_price: PriceTicks(7),
        };
        let bytes = written(&Command::Replace(replace)).expect("sendable");
        let request = decode::<ReplaceRequest>(&bytes).expect("a replace");
        assert_eq!((request.price.get(), request.stop_price.get()), (0, 7 * TICK));
        let mass = MassCancel {
            session: SessionId(1),
            account: Some(AccountId(5)),
            instrument: None,
            side: None,
        };
        let bytes = written(&Command::MassCancel(mass)).expect("sendable");
        let request = decode::<MassCancelRequest>(&bytes).expect("a mass cancel");
        assert_eq!((request.account.get(), request.instrument.get()), (5, 0));
    }

    #[test]
    fn what_a_client_can_not_say_is_named() {
        let foreign = NewOrder { instrument: InstrumentId(2), ..order() };
        let unknown = Unsendable::UnknownInstrument(InstrumentId(2));
        assert_eq!(written(&Command::New(foreign)), Err(unknown));
        let large = NewOrder { price: PriceTicks(i64::MAX), ..order() };
        assert_eq!(written(&Command::New(large)), Err(Unsendable::TooLarge("price")));
        let far = NewOrder { trail_ticks: u64::MAX, ..order() };
        assert_eq!(written(&Command::New(far)), Err(Unsendable::TooLarge("distance")));
        let kill = Kill { scope: KillScope::All, engaged: true };
        assert_eq!(written(&Command::Kill(kill)), Err(Unsendable::Operators));
        let state = SetState {
            instrument: InstrumentId(1),
            state: TradingState::Halt,
            auction: AuctionKind::Opening,
        };
        assert_eq!(written(&Command::SetState(state)), Err(Unsendable::Operators));
    }
}
