//! The sessions of a gateway: where each is reached, and how far it has been answered.

use std::net::SocketAddr;
use vesta_types::{ClientSeq, SessionId};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    session: SessionId,
    /// The address of its first good datagram; it stays.
    address: Option<SocketAddr>,
    /// The latest command that has an outcome.
    answered: ClientSeq,
}

/// All sessions of a gateway, by id.
#[derive(Debug)]
pub(crate) struct SessionTable {
    rows: Vec<Row>,
}

impl SessionTable {
    pub(crate) fn new(sessions: &[SessionId]) -> Self {
        let mut rows: Vec<Row> = sessions
            .iter()
            .map(|&session| Row { session, address: None, answered: ClientSeq(0) })
            .collect();
        rows.sort_by_key(|row| row.session);
        Self { rows }
    }

    fn find(&self, session: SessionId) -> Option<&Row> {
        let at = self.rows.binary_search_by_key(&session, |row| row.session).ok()?;
        self.rows.get(at)
    }

    fn find_mut(&mut self, session: SessionId) -> Option<&mut Row> {
        let at = self.rows.binary_search_by_key(&session, |row| row.session).ok()?;
        self.rows.get_mut(at)
    }

    pub(crate) fn contains(&self, session: SessionId) -> bool {
        self.find(session).is_some()
    }

    /// Binds the session to its first source address; false when it is bound to another one.
    pub(crate) fn bind(&mut self, session: SessionId, from: SocketAddr) -> bool {
        self.find_mut(session).is_some_and(|row| *row.address.get_or_insert(from) == from)
    }

    /// Where the session is reached, if it ever spoke.
    pub(crate) fn address(&self, session: SessionId) -> Option<SocketAddr> {
        self.find(session)?.address
    }

    /// How far `client_seq` is ahead of the latest answered command; 0 for a repetition.
    pub(crate) fn unanswered(&self, session: SessionId, client_seq: ClientSeq) -> u64 {
        self.find(session).map_or(0, |row| client_seq.0.saturating_sub(row.answered.0))
    }

    /// Command `client_seq` has an outcome.
    pub(crate) fn answered(&mut self, session: SessionId, client_seq: ClientSeq) {
        if let Some(row) = self.find_mut(session) {
            row.answered = row.answered.max(client_seq);
        }
    }
}
