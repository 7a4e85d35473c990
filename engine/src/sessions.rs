//! Exactly once: what each session has asked, and what became of it.
//!
//! ```text
//!   rows      sorted by session:  [session, gateway, epoch, last_client_seq, rights]
//!   outcomes  row r, client_seq c -> [r * kept + c % kept] = [client_order_id, order_id, meta, seq]
//! ```
//! The table is replicated state of the engine: it is in the state hash, and no cache elsewhere
//! takes part.

use std::sync::Arc;
use vesta_types::state_hash::{hash_pairs, hash_words};
use vesta_types::{
    AccountId, ClientOrderId, ClientSeq, Command, CommandKind, GatewayId, OrderId, RejectReason,
    Seq, SessionEpoch, SessionId, StpGroup,
};

/// A session of this shard, the gateway that it is reached by, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOwner {
    /// The session.
    pub session: SessionId,
    /// Its gateway.
    pub gateway: GatewayId,
    /// Live orders that it may have.
    pub open_order_max: u32,
    /// The accounts that its orders may trade for, ascending.
    pub accounts: Arc<[AccountId]>,
    /// The self-trade groups that its orders may name, ascending; 0 is always allowed.
    pub stp_groups: Arc<[StpGroup]>,
}

impl SessionOwner {
    /// A session without accounts and self-trade groups, and without a limit of its own.
    #[must_use]
    pub fn plain(session: SessionId, gateway: GatewayId) -> Self {
        let (accounts, stp_groups) = ([AccountId(0)].into(), [].into());
        Self { session, gateway, open_order_max: u32::MAX, accounts, stp_groups }
    }
}

/// The epoch of every session until sessions are opened by the log.
pub const FIRST_SESSION_EPOCH: SessionEpoch = SessionEpoch(1);

/// What became of a command: enough to answer its repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The record that it was.
    pub seq: Seq,
    /// What it was.
    pub command: CommandKind,
    /// The order concerned, as the primary reply named it.
    pub client_order_id: ClientOrderId,
    /// The order concerned, as the primary reply named it.
    pub order_id: OrderId,
    /// Why it was rejected; `None` when it was accepted.
    pub rejected: Option<RejectReason>,
}

/// What the table makes of a command's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is the next one: execute it.
    Execute(Row),
    /// It was executed before: answer with what became of it then.
    Resend(Outcome),
    /// It is refused, and leaves no state.
    Refuse(RejectReason),
}

/// A session's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row(usize);

#[derive(Clone, Debug)]
struct Session {
    session: SessionId,
    gateway: GatewayId,
    epoch: SessionEpoch,
    last: ClientSeq,
    accounts: Arc<[AccountId]>,
    stp_groups: Arc<[StpGroup]>,
}

impl Session {
    /// All but `last`, which the outcomes that are kept say.
    fn hash(&self) -> u64 {
        let Self { session, gateway, epoch, .. } = self;
        hash_words(&[u64::from(session.0), u64::from(gateway.0), u64::from(epoch.0)])
    }
}

/// The session table of a shard.
#[derive(Debug)]
pub struct Sessions {
    rows: Vec<Session>,
    outcomes: Vec<[u64; 4]>,
    outcomes_kept: u64,
    hash: u64,
}

impl Sessions {
    /// A table of `owners`, which keeps the last `outcomes_kept` outcomes of each.
    ///
    /// # Panics
    /// When a session is named twice, or a list of its rights is not ascending, or `outcomes_kept` is
    /// 0: the configuration is checked before.
    #[must_use]
    pub fn new(owners: &[SessionOwner], outcomes_kept: u32) -> Self {
        assert!(outcomes_kept > 0, "a session keeps at least one outcome");
        let mut rows: Vec<Session> = owners
            .iter()
            .map(|owner| Session {
                session: owner.session,
                gateway: owner.gateway,
                epoch: FIRST_SESSION_EPOCH,
                last: ClientSeq(0),
                accounts: owner.accounts.clone(),
                stp_groups: owner.stp_groups.clone(),
            })
            .collect();
        rows.sort_by_key(|row| row.session);
        assert!(rows.windows(2).all(|pair| pair[0].session != pair[1].session), "session twice");
        let is_ascending = |row: &Session| row.accounts.is_sorted() && row.stp_groups.is_sorted();
        assert!(rows.iter().all(is_ascending), "rights are looked up in ascending lists");
        let hash = rows.iter().fold(0_u64, |sum, row| sum.wrapping_add(row.hash()));
        // Zeroed pages cost nothing until a session trades.
        let outcomes = vec![[0; 4]; rows.len() * outcomes_kept as usize];
        Self { rows, outcomes, outcomes_kept: u64::from(outcomes_kept), hash }
    }

    /// The gateway that a session is reached by; 0 for a session that is not of this shard.
    #[inline]
    #[must_use]
    pub fn gateway(&self, session: SessionId) -> GatewayId {
        self.find(session).map_or(GatewayId(0), |at| self.rows[at].gateway)
    }

    /// What to do with command `client_seq` of `session`, which came by `gateway`.
    #[must_use]
    pub fn admit(
        &self,
        session: SessionId,
        epoch: SessionEpoch,
        gateway: GatewayId,
        client_seq: ClientSeq,
    ) -> Admission {
        let Some(at) = self.find(session) else {
            return Admission::Refuse(RejectReason::UnknownSession);
        };
        let row = &self.rows[at];
        if row.gateway != gateway {
            return Admission::Refuse(RejectReason::UnknownSession);
        }
        if row.epoch != epoch {
            return Admission::Refuse(RejectReason::StaleSessionEpoch);
        }
        if client_seq == row.last.next() {
            return Admission::Execute(Row(at));
        }
        if client_seq > row.last {
            return Admission::Refuse(RejectReason::ClientSeqGap);
        }
        match self.outcome(at, client_seq) {
            Some(outcome) => Admission::Resend(outcome),
            None => Admission::Refuse(RejectReason::OutcomeExpired),
        }
    }

    /// Whether the session of a row may give this command: only what a new order says of its
    /// account and its self-trade group depends on the session. Both lists are part of the
    /// configuration, not of the log, and equal on every engine of a shard.
    ///
    /// # Errors
    /// `AccountNotAllowed` or `StpGroupNotAllowed`: an outcome like any rejection by the books.
    pub fn check_rights(&self, Row(at): Row, command: &Command) -> Result<(), RejectReason> {
        let Command::New(order) = command else { return Ok(()) };
        let row = &self.rows[at];
        if row.accounts.binary_search(&order.account).is_err() {
            return Err(RejectReason::AccountNotAllowed);
        }
        let group = order.stp_group;
        if group != StpGroup(0) && row.stp_groups.binary_search(&group).is_err() {
            return Err(RejectReason::StpGroupNotAllowed);
        }
        Ok(())
    }

    /// Stores what became of the command that [`admit`](Self::admit) let through.
    ///
    /// # Panics
    /// When the command is not the session's next one: it was admitted as such.
    pub fn record(&mut self, Row(at): Row, client_seq: ClientSeq, outcome: &Outcome) {
        let row = &mut self.rows[at];
        assert_eq!(client_seq, row.last.next(), "outcomes are stored in order");
        row.last = client_seq;
        let session = row.session;
        let stored =
            [outcome.client_order_id.0, outcome.order_id.0, pack_meta(outcome), outcome.seq.0];
        let slot = self.slot(at, client_seq);
        let place = &mut self.outcomes[slot];
        if client_seq.0 > self.outcomes_kept {
            let evicted = ClientSeq(client_seq.0 - self.outcomes_kept);
            self.hash = self.hash.wrapping_sub(outcome_hash(session, evicted, place));
        }
        self.hash = self.hash.wrapping_add(outcome_hash(session, client_seq, &stored));
        *place = stored;
    }

    /// The table's share of the state hash: a sum over sessions and kept outcomes.
    #[must_use]
    pub const fn state_hash(&self) -> u64 {
        self.hash
    }

    #[inline]
    fn find(&self, session: SessionId) -> Option<usize> {
        // Mostly they are numbered without gaps.
        let first = self.rows.first()?.session;
        let guess = session.0.wrapping_sub(first.0) as usize;
        match self.rows.get(guess) {
            Some(row) if row.session == session => Some(guess),
            _ => self.rows.binary_search_by_key(&session, |row| row.session).ok(),
        }
    }

    fn slot(&self, at: usize, client_seq: ClientSeq) -> usize {
        let slot = at as u64 * self.outcomes_kept + client_seq.0 % self.outcomes_kept;
        slot as usize
    }

    fn outcome(&self, at: usize, client_seq: ClientSeq) -> Option<Outcome> {
        let last = self.rows[at].last;
        let kept =
            client_seq.0 > 0 && client_seq <= last && last.0 - client_seq.0 < self.outcomes_kept;
        if !kept {
            return None;
        }
        let [client_order_id, order_id, meta, seq] = self.outcomes[self.slot(at, client_seq)];
        let (command, rejected) = unpack_meta(meta)?;
        Some(Outcome {
            seq: Seq(seq),
            command,
            client_order_id: ClientOrderId(client_order_id),
            order_id: OrderId(order_id),
            rejected,
        })
    }
}

/// What an outcome that is kept adds to the state hash.
#[inline]
fn outcome_hash(session: SessionId, client_seq: ClientSeq, stored: &[u64; 4]) -> u64 {
    let &[client_order_id, order_id, meta, seq] = stored;
    hash_pairs([(session.0.into(), client_seq.0), (client_order_id, order_id), (meta, seq)])
}

fn pack_meta(outcome: &Outcome) -> u64 {
    let reason = outcome.rejected.map_or(0, |reason| reason as u64);
    (outcome.command as u64) << 16 | reason
}

fn unpack_meta(meta: u64) -> Option<(CommandKind, Option<RejectReason>)> {
    let command = CommandKind::from_wire((meta >> 16) as u8)?;
    Some((command, RejectReason::from_wire(meta as u16)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: SessionId = SessionId(7);
    /// Of 1, 7 and 9 the second.
    const MINE: Row = Row(1);
    const GATEWAY: GatewayId = GatewayId(1);
    const EPOCH: SessionEpoch = FIRST_SESSION_EPOCH;

    fn table(kept: u32) -> Sessions {
        let owner = |session| SessionOwner::plain(session, GATEWAY);
        Sessions::new(&[owner(SessionId(9)), owner(ME), owner(SessionId(1))], kept)
    }

    fn outcome(n: u64) -> Outcome {
        Outcome {
            seq: Seq(n),
            command: CommandKind::New,
            client_order_id: ClientOrderId(n),
            order_id: OrderId(n * 10),
            rejected: n.is_multiple_of(2).then_some(RejectReason::UnknownOrder),
        }
    }

    fn admit(table: &Sessions, n: u64) -> Admission {
        table.admit(ME, EPOCH, GATEWAY, ClientSeq(n))
    }

    #[test]
    fn next_executes_earlier_resends_later_is_a_gap() {
        let mut table = table(4);
        for n in 1..=10 {
            assert_eq!(admit(&table, n), Admission::Execute(MINE));
            assert_eq!(admit(&table, n + 1), Admission::Refuse(RejectReason::ClientSeqGap));
            table.record(MINE, ClientSeq(n), &outcome(n));
            assert_eq!(admit(&table, n), Admission::Resend(outcome(n)));
        }
        for n in 7..=10 {
            assert_eq!(admit(&table, n), Admission::Resend(outcome(n)));
        }
        for n in [0, 1, 6] {
            assert_eq!(admit(&table, n), Admission::Refuse(RejectReason::OutcomeExpired));
        }
        assert_eq!(admit(&table, u64::MAX), Admission::Refuse(RejectReason::ClientSeqGap));
    }

    #[test]
    fn only_new_orders_are_asked_for_their_account_and_group() {
        use vesta_types::{Cancel, InstrumentId, NewOrder, OrderRef, PriceTicks, QtyLots, Side};
        let rights = SessionOwner {
            accounts: [AccountId(5), AccountId(7)].into(),
            stp_groups: [StpGroup(2), StpGroup(9)].into(),
            ..SessionOwner::plain(ME, GATEWAY)
        };
        let plain = SessionOwner::plain(SessionId(8), GATEWAY);
        let table = Sessions::new(&[rights, plain], 4);
        let new = |session, account, stp_group| {
            let order = NewOrder::limit(
                session,
                ClientOrderId(1),
                InstrumentId(1),
                Side::Buy,
                PriceTicks(1),
                QtyLots(1),
            );
            let (account, stp_group) = (AccountId(account), StpGroup(stp_group));
            let row = Row(table.find(session).expect("it is there"));
            table.check_rights(row, &Command::New(NewOrder { account, stp_group, ..order }))
        };
        let account = Err(RejectReason::AccountNotAllowed);
        let group = Err(RejectReason::StpGroupNotAllowed);
        for (order, expected) in [
            (new(ME, 5, 0), Ok(())),
            (new(ME, 7, 9), Ok(())),
            (new(ME, 0, 0), account),
            (new(ME, 6, 2), account),
            (new(ME, 6, 3), account),
            (new(ME, 5, 3), group),
            (new(SessionId(8), 0, 0), Ok(())),
            (new(SessionId(8), 5, 0), account),
            (new(SessionId(8), 0, 2), group),
        ] {
            assert_eq!(order, expected);
        }
        let (instrument, target) = (InstrumentId(1), OrderRef::Order(OrderId(1)));
        let cancel = Cancel { session: ME, instrument, target };
        assert_eq!(table.check_rights(Row(0), &Command::Cancel(cancel)), Ok(()));
    }

    #[test]
    fn strangers_are_refused() {
        let table = table(4);
        let refuse = |session, epoch, gateway| {
            table.admit(SessionId(session), SessionEpoch(epoch), GatewayId(gateway), ClientSeq(1))
        };
        assert_eq!(refuse(2, 1, 1), Admission::Refuse(RejectReason::UnknownSession));
        assert_eq!(refuse(7, 1, 2), Admission::Refuse(RejectReason::UnknownSession));
        assert_eq!(refuse(7, 0, 1), Admission::Refuse(RejectReason::StaleSessionEpoch));
        assert_eq!(refuse(7, 1, 1), Admission::Execute(MINE));
    }

    #[test]
    fn the_hash_is_a_function_of_the_state() {
        let (mut a, mut b) = (table(4), table(4));
        for n in 1..=9 {
            a.record(MINE, ClientSeq(n), &outcome(n));
            assert_ne!(a.state_hash(), b.state_hash());
            b.record(MINE, ClientSeq(n), &outcome(n));
            assert_eq!(a.state_hash(), b.state_hash());
        }
        let recomputed = (0..a.rows.len()).fold(0_u64, |sum, at| {
            let kept = (0..=9).map(ClientSeq).filter(|n| a.outcome(at, *n).is_some());
            let hash = |n| outcome_hash(a.rows[at].session, n, &a.outcomes[a.slot(at, n)]);
            kept.map(hash).fold(sum.wrapping_add(a.rows[at].hash()), u64::wrapping_add)
        });
        assert_eq!(a.state_hash(), recomputed);
        b.record(MINE, ClientSeq(10), &outcome(3));
        a.record(MINE, ClientSeq(10), &outcome(4));
        assert_ne!(a.state_hash(), b.state_hash(), "a stored outcome counts");
    }
}
