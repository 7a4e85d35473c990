//! What becomes of orders, told to their owners, whoever's command it was that did it.

use super::{Reports, price_e8, qty_e8};
use crate::inbound::Gateway;
use vesta_types::{SessionId, Side};
use vesta_wire::WireError;
use vesta_wire::client::{
    CancelledReport, ExecutedReport, ReplacedReport, RepricedReport, SelfTradePreventedReport,
    TriggeredReport,
};
use vesta_wire::event::{
    FillParty, OrderCancelled, OrderExecuted, OrderReplaced, OrderRepriced, OrderTriggered,
    SelfTradePrevented,
};

/// Both sides of a fill, or of one that was prevented: the party, its side, and whether it made.
fn parties(
    taker_side: u8,
    taker: &FillParty,
    maker: &FillParty,
) -> Result<[(FillParty, Side, bool); 2], WireError> {
    let side = Side::from_wire(taker_side).ok_or(WireError::InvalidField("taker_side"))?;
    Ok([(*taker, side, false), (*maker, side.opposite(), true)])
}

impl Gateway {
    pub(super) fn executed(
        &self,
        e: &OrderExecuted,
        reports: &mut Reports<'_>,
    ) -> Result<(), WireError> {
        for (party, side, maker) in parties(e.taker_side, &e.taker, &e.maker)? {
            if !self.mine(party.gateway.get()) {
                continue;
            }
            let scale = self.units(e.instrument.get());
            let report = ExecutedReport {
                event_seq: e.stamp.event_seq,
                seq: e.stamp.seq,
                time_ns: e.stamp.time_ns,
                trade_id: e.trade_id,
                client_order_id: party.client_order_id,
                order_id: party.order_id,
                price: price_e8(scale, e.price.get())?.into(),
                qty: qty_e8(scale, e.qty.get())?.into(),
                leaves: qty_e8(scale, party.leaves.get())?.into(),
                displayed: qty_e8(scale, party.displayed.get())?.into(),
                instrument: e.instrument,
                session: party.session,
                side: side as u8,
                maker: u8::from(maker),
                auction: e.auction,
                commit_level: self.level(),
                reserved: [0; 4],
            };
            self.send(SessionId(party.session.get()), &report, reports);
        }
        Ok(())
    }

    pub(super) fn prevented(
        &self,
        e: &SelfTradePrevented,
        reports: &mut Reports<'_>,
    ) -> Result<(), WireError> {
        for (party, side, maker) in parties(e.taker_side, &e.taker, &e.maker)? {
            if !self.mine(party.gateway.get()) {
                continue;
            }
            let scale = self.units(e.instrument.get());
            let report = SelfTradePreventedReport {
                event_seq: e.stamp.event_seq,
                seq: e.stamp.seq,
                time_ns: e.stamp.time_ns,
                client_order_id: party.client_order_id,
                order_id: party.order_id,
                price: price_e8(scale, e.price.get())?.into(),
                qty: qty_e8(scale, e.qty.get())?.into(),
                leaves: qty_e8(scale, party.leaves.get())?.into(),
                displayed: qty_e8(scale, party.displayed.get())?.into(),
                instrument: e.instrument,
                session: party.session,
                side: side as u8,
                commit_level: self.level(),
                maker: u8::from(maker),
                reserved: [0; 5],
            };
            self.send(SessionId(party.session.get()), &report, reports);
        }
        Ok(())
    }

    pub(super) fn cancelled(
        &self,
        e: &OrderCancelled,
        reports: &mut Reports<'_>,
    ) -> Result<(), WireError> {
        if !self.mine(e.gateway.get()) {
            return Ok(());
        }
        let scale = self.units(e.instrument.get());
        let report = CancelledReport {
            event_seq: e.stamp.event_seq,
            seq: e.stamp.seq,
            time_ns: e.stamp.time_ns,
            client_order_id: e.client_order_id,
            order_id: e.order_id,
            price: price_e8(scale, e.price.get())?.into(),
            qty: qty_e8(scale, e.qty.get())?.into(),
            instrument: e.instrument,
            session: e.session,
            side: e.side,
            reason: e.reason,
            commit_level: self.level(),
            reserved: [0; 5],
        };
        self.send(SessionId(e.session.get()), &report, reports);
        Ok(())
    }

    pub(super) fn replaced(
        &self,
        e: &OrderReplaced,
        reports: &mut Reports<'_>,
    ) -> Result<(), WireError> {
        if !self.mine(e.gateway.get()) {
            return Ok(());
        }
        let scale = self.units(e.instrument.get());
        let report = ReplacedReport {
            event_seq: e.stamp.event_seq,
            seq: e.stamp.seq,
            time_ns: e.stamp.time_ns,
            client_order_id: e.client_order_id,
            order_id: e.order_id,
            price: price_e8(scale, e.price.get())?.into(),
            qty: qty_e8(scale, e.qty.get())?.into(),
            displayed: qty_e8(scale, e.displayed.get())?.into(),
            instrument: e.instrument,
            session: e.session,
            side: e.side,
            priority_kept: e.priority_kept,
            commit_level: self.level(),
            reserved: [0; 5],
        };
        self.send(SessionId(e.session.get()), &report, reports);
        Ok(())
    }

    pub(super) fn triggered(
        &self,
        e: &OrderTriggered,
        reports: &mut Reports<'_>,
    ) -> Result<(), WireError> {
        if !self.mine(e.gateway.get()) {
            return Ok(());
        }
        let scale = self.units(e.instrument.get());
        let report = TriggeredReport {
            event_seq: e.stamp.event_seq,
            seq: e.stamp.seq,
            time_ns: e.stamp.time_ns,
            client_order_id: e.client_order_id,
            order_id: e.order_id,
            stop_price: price_e8(scale, e.stop_price.get())?.into(),
            price: price_e8(scale, e.price.get())?.into(),
            qty: qty_e8(scale, e.qty.get())?.into(),
            instrument: e.instrument,
            session: e.session,
            side: e.side,
            commit_level: self.level(),
            reserved: [0; 6],
        };
        self.send(SessionId(e.session.get()), &report, reports);
        Ok(())
    }

    pub(super) fn repriced(
        &self,
        e: &OrderRepriced,
        reports: &mut Reports<'_>,
    ) -> Result<(), WireError> {
        if !self.mine(e.gateway.get()) {
            return Ok(());
        }
        let scale = self.units(e.instrument.get());
        let report = RepricedReport {
            event_seq: e.stamp.event_seq,
            seq: e.stamp.seq,
            time_ns: e.stamp.time_ns,
            client_order_id: e.client_order_id,
            order_id: e.order_id,
            old_price: price_e8(scale, e.old_price.get())?.into(),
            price: price_e8(scale, e.price.get())?.into(),
            qty: qty_e8(scale, e.qty.get())?.into(),
            instrument: e.instrument,
            session: e.session,
            side: e.side,
            commit_level: self.level(),
            reserved: [0; 6],
        };
        self.send(SessionId(e.session.get()), &report, reports);
        Ok(())
    }
}
