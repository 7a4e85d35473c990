//! From what a client writes to what the log holds: decimals become ticks and lots, exactly, or the
//! request is refused with the figure that does not fit.
//!
//! Zero stands for "none" on both sides. Whether an order may, or must, have a figure is the book's
//! to say.

use vesta_types::{RejectReason, Scale, Side};
use vesta_wire::client::{NewOrderExtendedRequest, NewOrderRequest, ReplaceRequest};
use vesta_wire::record::{NewOrder, NewOrderExtended, ReplaceOrder, Stamp};

/// A price, or none.
fn price(scale: Scale, e8: i64) -> Result<i64, RejectReason> {
    if e8 == 0 { Ok(0) } else { Ok(scale.price_ticks(e8)?.0) }
}

/// A figure that fits the grid, or is refused as `off_tick` or `off_lot`, or else as `reason`.
fn fit<T>(figure: Result<T, RejectReason>, reason: RejectReason) -> Result<T, RejectReason> {
    figure.map_err(|error| match error {
        RejectReason::OffTick | RejectReason::OffLot => error,
        _ => reason,
    })
}

/// A quantity, or none.
fn qty(scale: Scale, e8: i64, reason: RejectReason) -> Result<u64, RejectReason> {
    if e8 == 0 { Ok(0) } else { Ok(fit(scale.qty_lots(e8), reason)?.0) }
}

/// An amount, or none. Rounded so that it admits exactly the same fills: they are whole ticks x lots.
fn budget(scale: Scale, e8: i64, side: u8) -> Result<u64, RejectReason> {
    if e8 == 0 {
        return Ok(0);
    }
    let at_least = side == Side::Sell as u8;
    match scale.notional(e8, at_least) {
        // What is below one tick x lot buys nothing; as 0 it would say that there is no budget.
        None | Some(0) => Err(RejectReason::InvalidBudget),
        Some(budget) => Ok(budget),
    }
}

pub(crate) fn new_order(
    scale: Scale,
    stamp: Stamp,
    r: &NewOrderRequest,
) -> Result<NewOrder, RejectReason> {
    Ok(NewOrder {
        stamp,
        origin: r.origin,
        client_order_id: r.client_order_id,
        account: r.account,
        price: price(scale, r.price.get())?.into(),
        qty: scale.qty_lots(r.qty.get())?.0.into(),
        instrument: r.instrument,
        stp_group: r.stp_group,
        side: r.side,
        order_type: r.order_type,
        time_in_force: r.time_in_force,
        flags: r.flags,
        post_only: r.post_only,
        self_trade: r.self_trade,
        reserved: [0; 2],
    })
}

pub(crate) fn new_order_extended(
    scale: Scale,
    stamp: Stamp,
    r: &NewOrderExtendedRequest,
) -> Result<NewOrderExtended, RejectReason> {
    use RejectReason::{InvalidDisplayQty, InvalidMinQty, InvalidPeg, InvalidStop};
    Ok(NewOrderExtended {
        stamp,
        origin: r.origin,
        client_order_id: r.client_order_id,
        account: r.account,
        price: price(scale, r.price.get())?.into(),
        qty: scale.qty_lots(r.qty.get())?.0.into(),
        display_qty: qty(scale, r.display_qty.get(), InvalidDisplayQty)?.into(),
        min_qty: qty(scale, r.min_qty.get(), InvalidMinQty)?.into(),
        stop_price: fit(price(scale, r.stop_price.get()), InvalidStop)?.into(),
        trail_ticks: fit(scale.distance_ticks(r.trail.get()), InvalidStop)?.into(),
        offset_ticks: fit(scale.distance_ticks(r.offset.get()), InvalidPeg)?.into(),
        expires_ns: r.expires_ns,
        budget: budget(scale, r.budget.get(), r.side)?.into(),
        instrument: r.instrument,
        stp_group: r.stp_group,
        side: r.side,
        order_type: r.order_type,
        time_in_force: r.time_in_force,
        flags: r.flags,
        post_only: r.post_only,
        self_trade: r.self_trade,
        peg: r.peg,
        reserved: 0,
    })
}

pub(crate) fn replace(
    scale: Scale,
    stamp: Stamp,
    r: &ReplaceRequest,
) -> Result<ReplaceOrder, RejectReason> {
    Ok(ReplaceOrder {
        stamp,
        origin: r.origin,
        client_order_id: r.client_order_id,
        order_id: r.order_id,
        price: price(scale, r.price.get())?.into(),
        qty: scale.qty_lots(r.qty.get())?.0.into(),
        stop_price: fit(price(scale, r.stop_price.get()), RejectReason::InvalidStop)?.into(),
        instrument: r.instrument,
        reserved: [0; 4],
    })
}
