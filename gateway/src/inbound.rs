//! A client's datagram becomes a record, a refusal, or a counted drop.

use crate::convert;
use crate::sessions::SessionTable;
use std::net::SocketAddr;
use std::time::Duration;
use vesta_types::{ClientSeq, GatewayId, InstrumentId, RejectReason, Scale, SessionId};
use vesta_wire::client::{
    AcceptedReport, CancelRequest, CancelledReport, ExecutedReport, MassCancelRequest,
    NewOrderExtendedRequest, NewOrderRequest, Origin, RefusedReport, RejectedReport,
    ReplaceRequest, ReplacedReport, RepricedReport, ResentReport, SelfTradePreventedReport,
    TriggeredReport,
};
use vesta_wire::record::{
    CancelOrder, MassCancel, NewOrder, NewOrderExtended, ReplaceOrder, Stamp,
};
use vesta_wire::{CommitLevel, Message, SbeHeader, decode, encode, peek};
use zerocopy::FromBytes;

/// What a gateway is made for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which gateway.
    pub gateway: GatewayId,
    /// Its sessions.
    pub sessions: Vec<SessionId>,
    /// The instruments, and the size of their ticks and lots.
    pub instruments: Vec<(InstrumentId, Scale)>,
    /// Most commands of a session that may be unanswered.
    pub window: u32,
    /// How many more a session may have of cancels: they are the last to be refused.
    pub cancel_reserve: u32,
    /// How long it waits at its end for what is unanswered.
    pub drain_max: Duration,
}

/// Why a datagram gets no answer: there is nobody to answer, or an answer would be longer than the
/// question, which a forged source address could turn against a bystander.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Too short to hold a header and an origin.
    Runt,
    /// It is a report: only gateways send those. Two gateways that answer each other would never
    /// stop, and one datagram with a forged source address could start them.
    Report,
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// To be sent to the sequencer.
    Forward(&'a [u8]),
    /// To be sent back: `not_sequenced`.
    Refuse(RefusedReport),
    /// To be counted.
    Drop(DropReason),
}

/// The longest record that a request becomes.
const RECORD_LEN_MAX: usize = NewOrderExtended::LEN;
const _: () = assert!(NewOrder::LEN <= RECORD_LEN_MAX && ReplaceOrder::LEN <= RECORD_LEN_MAX);

/// Header and origin: with fewer bytes a datagram can not be answered.
const ADDRESSED_LEN: usize = SbeHeader::LEN + size_of::<Origin>();
const _: () = assert!(RefusedReport::LEN <= ADDRESSED_LEN, "an answer never amplifies");

/// The templates of what a gateway sends.
const REPORTS: [u16; 10] = [
    AcceptedReport::TEMPLATE_ID,
    RejectedReport::TEMPLATE_ID,
    ExecutedReport::TEMPLATE_ID,
    CancelledReport::TEMPLATE_ID,
    ReplacedReport::TEMPLATE_ID,
    RefusedReport::TEMPLATE_ID,
    ResentReport::TEMPLATE_ID,
    TriggeredReport::TEMPLATE_ID,
    RepricedReport::TEMPLATE_ID,
    SelfTradePreventedReport::TEMPLATE_ID,
];

/// The gateway proper.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) sessions: SessionTable,
    pub(crate) commit_level: Option<CommitLevel>,
    /// Commands that it passed on, and that were answered: by the books, or by the sequencer.
    pub(crate) answered: u64,
    record: [u8; RECORD_LEN_MAX],
}

impl Gateway {
    /// A gateway that has heard nothing yet.
    #[must_use]
    pub fn new(mut settings: Settings) -> Self {
        settings.instruments.sort_by_key(|(instrument, _)| *instrument);
        let sessions = SessionTable::new(&settings.sessions);
        Self { settings, sessions, commit_level: None, answered: 0, record: [0; RECORD_LEN_MAX] }
    }

    /// True from when the sequencer says that it takes commands; until then all are refused.
    pub(crate) const fn is_admitting(&self) -> bool {
        self.commit_level.is_some()
    }

    /// What to do with `datagram`, which came from `from`. `ready` says whether a record can go to
    /// the sequencer now.
    pub fn on_datagram(&mut self, from: SocketAddr, datagram: &[u8], ready: bool) -> Inbound<'_> {
        let origin = datagram.get(SbeHeader::LEN..).and_then(|b| Origin::ref_from_prefix(b).ok());
        let Some((&origin, _)) = origin else {
            return Inbound::Drop(DropReason::Runt);
        };
        if is_report(datagram) {
            return Inbound::Drop(DropReason::Report);
        }
        match self.admit(from, &origin, datagram, ready) {
            Ok(len) => Inbound::Forward(&self.record[..len]),
            Err(reason) => Inbound::Refuse(refusal(&origin, reason)),
        }
    }

    /// The guard ladder; leaves the record in `self.record` and returns its length.
    fn admit(
        &mut self,
        from: SocketAddr,
        origin: &Origin,
        datagram: &[u8],
        ready: bool,
    ) -> Result<usize, RejectReason> {
        let session = SessionId(origin.session.get());
        let gate = |error: vesta_wire::WireError| error.reject_reason();
        let template = peek(datagram).map_err(gate)?.template_id.get();
        let stamp = Stamp { gateway: self.settings.gateway.0.into(), ..Stamp::default() };
        let mut record = [0; RECORD_LEN_MAX];
        let len = match template {
            NewOrderRequest::TEMPLATE_ID => {
                let request: &NewOrderRequest = decode(datagram).map_err(gate)?;
                let scale = self.known(request.instrument.get())?;
                encode(&convert::new_order(scale, stamp, request)?, &mut record).len()
            }
            NewOrderExtendedRequest::TEMPLATE_ID => {
                let request: &NewOrderExtendedRequest = decode(datagram).map_err(gate)?;
                let scale = self.known(request.instrument.get())?;
                encode(&convert::new_order_extended(scale, stamp, request)?, &mut record).len()
            }
            CancelRequest::TEMPLATE_ID => {
                let message = cancel(stamp, decode(datagram).map_err(gate)?)?;
                encode(&message, &mut record).len()
            }
            ReplaceRequest::TEMPLATE_ID => {
                let request: &ReplaceRequest = decode(datagram).map_err(gate)?;
                let scale = self.known(request.instrument.get())?;
                one_name(request.client_order_id.get(), request.order_id.get())?;
                encode(&convert::replace(scale, stamp, request)?, &mut record).len()
            }
            MassCancelRequest::TEMPLATE_ID => {
                let message = mass_cancel(stamp, decode(datagram).map_err(gate)?);
                encode(&message, &mut record).len()
            }
            _ => return Err(RejectReason::UnknownTemplate),
        };
        if !self.sessions.contains(session) {
            return Err(RejectReason::UnknownSession);
        }
        if !self.sessions.bind(session, from) {
            return Err(RejectReason::SessionBoundElsewhere);
        }
        if !ready || !self.is_admitting() {
            return Err(RejectReason::NotReady);
        }
        let takes_risk_off =
            matches!(template, CancelRequest::TEMPLATE_ID | MassCancelRequest::TEMPLATE_ID);
        let reserve = if takes_risk_off { self.settings.cancel_reserve } else { 0 };
        let window = u64::from(self.settings.window) + u64::from(reserve);
        if self.sessions.unanswered(session, ClientSeq(origin.client_seq.get())) > window {
            return Err(RejectReason::WindowFull);
        }
        self.record = record;
        Ok(len)
    }

    pub(crate) fn scale(&self, instrument: InstrumentId) -> Option<Scale> {
        let table = &self.settings.instruments;
        let at = table.binary_search_by_key(&instrument, |(id, _)| *id).ok()?;
        Some(table[at].1)
    }

    fn known(&self, instrument: u32) -> Result<Scale, RejectReason> {
        self.scale(InstrumentId(instrument)).ok_or(RejectReason::UnknownInstrument)
    }
}

fn cancel(stamp: Stamp, r: &CancelRequest) -> Result<CancelOrder, RejectReason> {
    one_name(r.client_order_id.get(), r.order_id.get())?;
    Ok(CancelOrder {
        stamp,
        origin: r.origin,
        client_order_id: r.client_order_id,
        order_id: r.order_id,
        instrument: r.instrument,
        reserved: [0; 4],
    })
}

const fn mass_cancel(stamp: Stamp, r: &MassCancelRequest) -> MassCancel {
    MassCancel {
        stamp,
        origin: r.origin,
        account: r.account,
        instrument: r.instrument,
        side: r.side,
        reserved: [0; 3],
    }
}

/// By its template alone: a report of another version is one too.
fn is_report(datagram: &[u8]) -> bool {
    let header = SbeHeader::ref_from_prefix(datagram).ok();
    header.is_some_and(|(header, _)| REPORTS.contains(&header.template_id.get()))
}

/// A cancel or replace names its order by one of its two names.
const fn one_name(client_order_id: u64, order_id: u64) -> Result<(), RejectReason> {
    if (client_order_id == 0) == (order_id == 0) {
        return Err(RejectReason::InvalidField);
    }
    Ok(())
}

/// The message that tells a client that its command was not sequenced.
pub(crate) fn refusal(origin: &Origin, reason: RejectReason) -> RefusedReport {
    RefusedReport {
        client_seq: origin.client_seq,
        session: origin.session,
        reason: (reason as u16).into(),
        reserved: [0; 2],
    }
}

#[cfg(test)]
mod tests;
