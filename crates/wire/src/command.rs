//! From a record of the input log to what the matching core is told.

use crate::client::{FLAG_ALL_OR_NONE, FLAG_HIDDEN};
use crate::gate::{WireError, decode, peek};
use crate::layout::Message;
use crate::record::{
    CancelOrder, Kill, MassCancel, NewOrder, NewOrderExtended, ReplaceOrder, SetState,
};
use vesta_types::{
    AccountId, AuctionKind, Cancel, ClientOrderId, Command, InstrumentId, OrderId, OrderRef,
    OrderType, PegReference, PostOnly, PriceTicks, QtyLots, Replace, SelfTrade, SessionId, Side,
    StpGroup, TimeInForce, TimeNs, TradingState,
};

/// The command that a record in bytes is; `None` for a record of another kind.
///
/// # Errors
/// The first rule of its message that the record breaks.
#[inline]
pub fn command(record: &[u8]) -> Result<Option<Command>, WireError> {
    Ok(Some(match peek(record)?.template_id.get() {
        NewOrder::TEMPLATE_ID => Command::New(decode::<NewOrder>(record)?.order()?),
        NewOrderExtended::TEMPLATE_ID => Command::New(decode::<NewOrderExtended>(record)?.order()?),
        CancelOrder::TEMPLATE_ID => {
            let r: &CancelOrder = decode(record)?;
            Command::Cancel(Cancel {
                session: SessionId(r.origin.session.get()),
                instrument: InstrumentId(r.instrument.get()),
                target: order_ref(r.client_order_id.get(), r.order_id.get()),
            })
        }
        ReplaceOrder::TEMPLATE_ID => {
            let r: &ReplaceOrder = decode(record)?;
            Command::Replace(Replace {
                session: SessionId(r.origin.session.get()),
                instrument: InstrumentId(r.instrument.get()),
                target: order_ref(r.client_order_id.get(), r.order_id.get()),
                price: PriceTicks(r.price.get()),
                qty: QtyLots(r.qty.get()),
                stop_price: PriceTicks(r.stop_price.get()),
            })
        }
        MassCancel::TEMPLATE_ID => {
            let r: &MassCancel = decode(record)?;
            let (account, instrument) = (r.account.get(), r.instrument.get());
            Command::MassCancel(vesta_types::MassCancel {
                session: SessionId(r.origin.session.get()),
                account: (account != 0).then_some(AccountId(account)),
                instrument: (instrument != 0).then_some(InstrumentId(instrument)),
                side: Side::from_wire(r.side),
            })
        }
        Kill::TEMPLATE_ID => {
            let r: &Kill = decode(record)?;
            let scope = r.target.scope().ok_or(WireError::InvalidField("target"))?;
            Command::Kill(vesta_types::Kill { scope, engaged: r.engaged == 1 })
        }
        SetState::TEMPLATE_ID => {
            let r: &SetState = decode(record)?;
            Command::SetState(vesta_types::SetState {
                instrument: InstrumentId(r.instrument.get()),
                state: named(TradingState::from_wire, r.state, "state")?,
                auction: named(AuctionKind::from_wire, r.auction, "auction")?,
            })
        }
        _ => return Ok(None),
    }))
}

/// What a byte names. The gate has checked it, so the error is never seen; it saves a panic.
fn named<T>(
    from_wire: impl Fn(u8) -> Option<T>,
    byte: u8,
    field: &'static str,
) -> Result<T, WireError> {
    from_wire(byte).ok_or(WireError::InvalidField(field))
}

/// The client's name wins where both are given; the gateway lets only one pass.
fn order_ref(client_order_id: u64, order_id: u64) -> OrderRef {
    match client_order_id {
        0 => OrderRef::Order(OrderId(order_id)),
        id => OrderRef::Client(ClientOrderId(id)),
    }
}

impl NewOrder {
    fn order(&self) -> Result<vesta_types::NewOrder, WireError> {
        Ok(vesta_types::NewOrder {
            account: AccountId(self.account.get()),
            order_type: named(OrderType::from_wire, self.order_type, "order_type")?,
            time_in_force: named(TimeInForce::from_wire, self.time_in_force, "time_in_force")?,
            post_only: named(PostOnly::from_wire, self.post_only, "post_only")?,
            hidden: self.flags & FLAG_HIDDEN != 0,
            all_or_none: self.flags & FLAG_ALL_OR_NONE != 0,
            stp_group: StpGroup(self.stp_group.get()),
            self_trade: named(SelfTrade::from_wire, self.self_trade, "self_trade")?,
            ..vesta_types::NewOrder::limit(
                SessionId(self.origin.session.get()),
                ClientOrderId(self.client_order_id.get()),
                InstrumentId(self.instrument.get()),
                named(Side::from_wire, self.side, "side")?,
                PriceTicks(self.price.get()),
                QtyLots(self.qty.get()),
            )
        })
    }
}

impl NewOrderExtended {
    /// What it has in common with a [`NewOrder`].
    #[must_use]
    pub const fn plain(&self) -> NewOrder {
        NewOrder {
            stamp: self.stamp,
            origin: self.origin,
            client_order_id: self.client_order_id,
            account: self.account,
            price: self.price,
            qty: self.qty,
            instrument: self.instrument,
            stp_group: self.stp_group,
            side: self.side,
            order_type: self.order_type,
            time_in_force: self.time_in_force,
            flags: self.flags,
            post_only: self.post_only,
            self_trade: self.self_trade,
            reserved: [0; 2],
        }
    }

    fn order(&self) -> Result<vesta_types::NewOrder, WireError> {
        Ok(vesta_types::NewOrder {
            display_qty: QtyLots(self.display_qty.get()),
            min_qty: QtyLots(self.min_qty.get()),
            stop_price: PriceTicks(self.stop_price.get()),
            trail_ticks: self.trail_ticks.get(),
            offset_ticks: self.offset_ticks.get(),
            peg: PegReference::from_wire(self.peg),
            expires: TimeNs(self.expires_ns.get()),
            budget: self.budget.get(),
            ..self.plain().order()?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Origin;
    use crate::record::{KillTarget, Stamp, Tick};
    use crate::{Message, encode};
    use vesta_types::KillScope;

    fn origin() -> Origin {
        Origin { client_seq: 5.into(), session: 7.into(), session_epoch: 1.into() }
    }

    fn own() -> Origin {
        Origin { client_seq: 0.into(), session: 0.into(), session_epoch: 0.into() }
    }

    fn of<M: Message>(record: &M) -> Option<Command> {
        let mut bytes = vec![0; M::LEN];
        command(encode(record, &mut bytes)).expect("a good record")
    }

    fn extended() -> NewOrderExtended {
        NewOrderExtended {
            stamp: Stamp::default(),
            origin: origin(),
            client_order_id: 1.into(),
            account: 2.into(),
            price: 3.into(),
            qty: 4.into(),
            display_qty: 5.into(),
            min_qty: 6.into(),
            stop_price: 7.into(),
            trail_ticks: 8.into(),
            offset_ticks: 9.into(),
            expires_ns: 10.into(),
            budget: 11.into(),
            instrument: 12.into(),
            stp_group: 13.into(),
            side: 2,
            order_type: 7,
            time_in_force: 5,
            flags: FLAG_HIDDEN,
            post_only: 2,
            self_trade: 4,
            peg: 2,
            reserved: 0,
        }
    }

    fn full() -> vesta_types::NewOrder {
        vesta_types::NewOrder {
            session: SessionId(7),
            client_order_id: ClientOrderId(1),
            account: AccountId(2),
            instrument: InstrumentId(12),
            side: Side::Sell,
            order_type: OrderType::Pegged,
            time_in_force: TimeInForce::Gtd,
            post_only: PostOnly::Reprice,
            hidden: true,
            all_or_none: false,
            stp_group: StpGroup(13),
            self_trade: SelfTrade::Decrement,
            price: PriceTicks(3),
            qty: QtyLots(4),
            display_qty: QtyLots(5),
            min_qty: QtyLots(6),
            stop_price: PriceTicks(7),
            trail_ticks: 8,
            offset_ticks: 9,
            peg: Some(PegReference::Market),
            expires: TimeNs(10),
            budget: 11,
        }
    }

    #[test]
    fn every_term_of_an_order_arrives() {
        assert_eq!(of(&extended()), Some(Command::New(full())));
        let plain = NewOrder { flags: FLAG_ALL_OR_NONE, ..extended().plain() };
        let order = vesta_types::NewOrder {
            hidden: false,
            all_or_none: true,
            display_qty: QtyLots::ZERO,
            min_qty: QtyLots::ZERO,
            stop_price: PriceTicks(0),
            trail_ticks: 0,
            offset_ticks: 0,
            peg: None,
            expires: TimeNs(0),
            budget: 0,
            ..full()
        };
        assert_eq!(of(&plain), Some(Command::New(order)));
    }

    #[test]
    fn an_order_is_named_by_either_name() {
        let cancel = |client_order_id: u64, order_id: u64| CancelOrder {
            stamp: Stamp::default(),
            origin: origin(),
            client_order_id: client_order_id.into(),
            order_id: order_id.into(),
            instrument: 12.into(),
            reserved: [0; 4],
        };
        let (session, instrument) = (SessionId(7), InstrumentId(12));
        for (client, engine, target) in [
            (1, 0, OrderRef::Client(ClientOrderId(1))),
            (0, 2, OrderRef::Order(OrderId(2))),
            (1, 2, OrderRef::Client(ClientOrderId(1))),
        ] {
            let expected = Command::Cancel(Cancel { session, instrument, target });
            assert_eq!(of(&cancel(client, engine)), Some(expected));
        }
        let replace = ReplaceOrder {
            stamp: Stamp::default(),
            origin: origin(),
            client_order_id: 0.into(),
            order_id: 2.into(),
            price: 3.into(),
            qty: 4.into(),
            stop_price: 5.into(),
            instrument: 12.into(),
            reserved: [0; 4],
        };
        let target = OrderRef::Order(OrderId(2));
        let (price, qty, stop_price) = (PriceTicks(3), QtyLots(4), PriceTicks(5));
        let expected = Replace { session, instrument, target, price, qty, stop_price };
        assert_eq!(of(&replace), Some(Command::Replace(expected)));
    }

    #[test]
    fn zero_in_a_mass_cancel_is_no_filter() {
        let mass_cancel = |account: u64, instrument: u32, side| MassCancel {
            stamp: Stamp::default(),
            origin: origin(),
            account: account.into(),
            instrument: instrument.into(),
            side,
            reserved: [0; 3],
        };
        let all = vesta_types::MassCancel {
            session: SessionId(7),
            account: None,
            instrument: None,
            side: None,
        };
        assert_eq!(of(&mass_cancel(0, 0, 0)), Some(Command::MassCancel(all)));
        let some = vesta_types::MassCancel {
            account: Some(AccountId(1)),
            instrument: Some(InstrumentId(2)),
            side: Some(Side::Buy),
            ..all
        };
        assert_eq!(of(&mass_cancel(1, 2, 1)), Some(Command::MassCancel(some)));
    }

    #[test]
    fn the_operators_commands_arrive() {
        for scope in [
            KillScope::All,
            KillScope::Session(SessionId(3)),
            KillScope::Account(AccountId(u64::MAX)),
            KillScope::Instrument(InstrumentId(u32::MAX)),
        ] {
            for engaged in [false, true] {
                let kill = Kill {
                    stamp: Stamp::default(),
                    origin: own(),
                    target: scope.into(),
                    engaged: u8::from(engaged),
                    reserved: [0; 6],
                };
                let expected = vesta_types::Kill { scope, engaged };
                assert_eq!(of(&kill), Some(Command::Kill(expected)));
            }
        }
        let set_state = SetState {
            stamp: Stamp::default(),
            origin: own(),
            instrument: 12.into(),
            state: TradingState::AuctionCall as u8,
            auction: AuctionKind::Closing as u8,
            reserved: [0; 2],
        };
        let expected = vesta_types::SetState {
            instrument: InstrumentId(12),
            state: TradingState::AuctionCall,
            auction: AuctionKind::Closing,
        };
        assert_eq!(of(&set_state), Some(Command::SetState(expected)));
    }

    #[test]
    fn a_kill_switch_is_for_what_there_can_be() {
        let kill = |kind: u8, id: u64| {
            let record = Kill {
                stamp: Stamp::default(),
                origin: own(),
                target: KillTarget { id: id.into(), kind },
                engaged: 1,
                reserved: [0; 6],
            };
            let mut bytes = vec![0; Kill::LEN];
            command(encode(&record, &mut bytes))
        };
        let bad = Err(WireError::InvalidField("target"));
        let beyond = u64::from(u32::MAX) + 1;
        for (kind, id) in [(1, 1), (2, beyond), (4, beyond)] {
            assert_eq!(kill(kind, id), bad, "{kind} {id}");
        }
        assert!(kill(3, beyond).is_ok(), "accounts are longer");
        for kind in (0..=u8::MAX).filter(|kind| !(1..=4).contains(kind)) {
            assert_eq!(kill(kind, 0), bad, "{kind}");
        }
    }

    #[test]
    fn what_is_no_command_is_none_and_what_is_no_record_is_named() {
        assert_eq!(of(&Tick { stamp: Stamp::default(), origin: own() }), None);
        let mut bytes = vec![0; NewOrderExtended::LEN];
        encode(&extended(), &mut bytes);
        for len in 0..bytes.len() {
            assert!(matches!(command(&bytes[..len]), Err(WireError::Truncated { .. })), "{len}");
        }
        let last = bytes.len() - 1;
        bytes[last] = 1;
        assert_eq!(command(&bytes), Err(WireError::InvalidField("reserved")));
    }
}
