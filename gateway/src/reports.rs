//! An event of the log becomes the reports of the sessions that it concerns.

mod orders;

use crate::inbound::Gateway;
use std::net::SocketAddr;
use vesta_types::{ClientSeq, InstrumentId, PriceTicks, QtyLots, RejectReason, Scale, SessionId};
use vesta_wire::client::{AcceptedReport, RefusedReport, RejectedReport, ResentReport};
use vesta_wire::control::{SequencerRefusal, SequencerStatus};
use vesta_wire::event::{
    CommandAccepted, CommandRejected, EpochStarted, IndicativeChanged, InstrumentDefined,
    OrderCancelled, OrderExecuted, OrderReplaced, OrderRepriced, OrderRested, OrderTriggered,
    Resent, SelfTradePrevented, StateHash, TradingStateChanged,
};
use vesta_wire::{CommitLevel, Message, WireError, decode, encode, peek};

/// Takes reports: address and bytes.
pub(crate) type Reports<'a> = dyn FnMut(SocketAddr, &[u8]) + 'a;

/// Rejections that leave no state: the command has no outcome yet.
const STATELESS: [RejectReason; 4] = [
    RejectReason::UnknownSession,
    RejectReason::StaleSessionEpoch,
    RejectReason::ClientSeqGap,
    RejectReason::OutcomeExpired,
];

/// Ticks and lots as they are.
const RAW: Scale = match Scale::new(1, 1) {
    Some(scale) => scale,
    None => unreachable!(),
};

/// A price of the log as clients count it. The configuration bounds what this shard's engine trades;
/// the event came over the network all the same.
fn price_e8(scale: Scale, ticks: i64) -> Result<i64, WireError> {
    scale.checked_price_e8(PriceTicks(ticks)).ok_or(WireError::InvalidField("price"))
}

/// The same for a quantity.
fn qty_e8(scale: Scale, lots: u64) -> Result<i64, WireError> {
    scale.checked_qty_e8(QtyLots(lots)).ok_or(WireError::InvalidField("qty"))
}

impl Gateway {
    /// Reports one event of the log to those of its sessions that are this gateway's.
    ///
    /// # Errors
    /// When the event is not one, or its figures do not fit the instrument.
    pub fn on_event(&mut self, event: &[u8], reports: &mut Reports<'_>) -> Result<(), WireError> {
        match peek(event)?.template_id.get() {
            CommandAccepted::TEMPLATE_ID => self.accepted(decode(event)?, reports)?,
            CommandRejected::TEMPLATE_ID => self.rejected(decode(event)?, reports),
            OrderExecuted::TEMPLATE_ID => self.executed(decode(event)?, reports)?,
            OrderCancelled::TEMPLATE_ID => self.cancelled(decode(event)?, reports)?,
            OrderReplaced::TEMPLATE_ID => self.replaced(decode(event)?, reports)?,
            OrderTriggered::TEMPLATE_ID => self.triggered(decode(event)?, reports)?,
            OrderRepriced::TEMPLATE_ID => self.repriced(decode(event)?, reports)?,
            SelfTradePrevented::TEMPLATE_ID => self.prevented(decode(event)?, reports)?,
            Resent::TEMPLATE_ID => self.resent(decode(event)?, reports),
            // The owner of a resting order has had its primary reply; the rest is for others, and
            // what an instrument does is told in public.
            OrderRested::TEMPLATE_ID
            | TradingStateChanged::TEMPLATE_ID
            | IndicativeChanged::TEMPLATE_ID
            | InstrumentDefined::TEMPLATE_ID
            | StateHash::TEMPLATE_ID
            | EpochStarted::TEMPLATE_ID => {}
            template => return Err(WireError::UnknownTemplate(template)),
        }
        Ok(())
    }

    /// Hears the sequencer (stream 11): where it stands, and what it refused.
    ///
    /// # Errors
    /// When the message is not one.
    pub fn on_sequencer(
        &mut self,
        message: &[u8],
        reports: &mut Reports<'_>,
    ) -> Result<(), WireError> {
        match peek(message)?.template_id.get() {
            SequencerStatus::TEMPLATE_ID => {
                let status: &SequencerStatus = decode(message)?;
                let accepting = status.accepting == 1;
                self.commit_level =
                    CommitLevel::from_wire(status.commit_level).filter(|_| accepting);
            }
            SequencerRefusal::TEMPLATE_ID => {
                let refusal: &SequencerRefusal = decode(message)?;
                self.answered += 1;
                let report = RefusedReport {
                    client_seq: refusal.client_seq,
                    session: refusal.session,
                    reason: refusal.reason,
                    reserved: [0; 2],
                };
                self.send(SessionId(refusal.session.get()), &report, reports);
            }
            template => return Err(WireError::UnknownTemplate(template)),
        }
        Ok(())
    }

    fn mine(&self, gateway: u32) -> bool {
        gateway == self.settings.gateway.0
    }

    fn level(&self) -> u8 {
        self.commit_level.unwrap_or(CommitLevel::Received) as u8
    }

    fn send<M: Message>(&self, session: SessionId, report: &M, reports: &mut Reports<'_>) {
        let mut bytes = [0; 128];
        const { assert!(M::LEN <= 128, "the scratch buffer holds every report") };
        if let Some(address) = self.sessions.address(session) {
            reports(address, encode(report, &mut bytes));
        }
    }

    /// The scale of an instrument that an event names. The engine trades only instruments that
    /// every role of the shard has in its configuration; a report of another one shows raw units.
    fn units(&self, instrument: u32) -> Scale {
        self.scale(InstrumentId(instrument)).unwrap_or(RAW)
    }

    fn accepted(
        &mut self,
        e: &CommandAccepted,
        reports: &mut Reports<'_>,
    ) -> Result<(), WireError> {
        if !self.mine(e.gateway.get()) {
            return Ok(());
        }
        let session = SessionId(e.session.get());
        self.answered += 1;
        self.sessions.answered(session, ClientSeq(e.client_seq.get()));
        let scale = self.units(e.instrument.get());
        let report = AcceptedReport {
            event_seq: e.stamp.event_seq,
            seq: e.stamp.seq,
            time_ns: e.stamp.time_ns,
            client_seq: e.client_seq,
            client_order_id: e.client_order_id,
            order_id: e.order_id,
            price: price_e8(scale, e.price.get())?.into(),
            qty: qty_e8(scale, e.qty.get())?.into(),
            instrument: e.instrument,
            session: e.session,
            command: e.command,
            side: e.side,
            order_type: e.order_type,
            time_in_force: e.time_in_force,
            commit_level: self.level(),
            reserved: [0; 3],
        };
        self.send(session, &report, reports);
        Ok(())
    }

    fn rejected(&mut self, e: &CommandRejected, reports: &mut Reports<'_>) {
        if !self.mine(e.gateway.get()) {
            return;
        }
        let session = SessionId(e.session.get());
        let reason = RejectReason::from_wire(e.reason.get());
        self.answered += 1;
        if reason.is_some_and(|reason| !STATELESS.contains(&reason)) {
            self.sessions.answered(session, ClientSeq(e.client_seq.get()));
        }
        let report = RejectedReport {
            event_seq: e.stamp.event_seq,
            seq: e.stamp.seq,
            time_ns: e.stamp.time_ns,
            client_seq: e.client_seq,
            client_order_id: e.client_order_id,
            order_id: e.order_id,
            session: e.session,
            reason: e.reason,
            command: e.command,
            commit_level: self.level(),
        };
        self.send(session, &report, reports);
    }

    fn resent(&mut self, e: &Resent, reports: &mut Reports<'_>) {
        if !self.mine(e.gateway.get()) {
            return;
        }
        let session = SessionId(e.session.get());
        self.answered += 1;
        self.sessions.answered(session, ClientSeq(e.client_seq.get()));
        let report = ResentReport {
            event_seq: e.stamp.event_seq,
            seq: e.stamp.seq,
            time_ns: e.stamp.time_ns,
            client_seq: e.client_seq,
            client_order_id: e.client_order_id,
            order_id: e.order_id,
            session: e.session,
            reason: e.reason,
            command: e.command,
            commit_level: self.level(),
            first_seq: e.first_seq,
        };
        self.send(session, &report, reports);
    }
}

#[cfg(test)]
mod tests;
