//! The lists of `vesta.toml`: instruments, gateways and sessions. A file that gives one entry of a
//! list gives the whole list.

use std::fmt;
use std::net::SocketAddrV4;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de};
use vesta_types::{
    GatewayId, InstrumentId, Limits, PriceTicks, QtyLots, RejectReason, Scale, SessionId,
};
use vesta_wire::Symbol;

use crate::error::Broken;

/// Digits after the point that clients' numbers have: they count units of 10^-8.
const CLIENT_DIGITS: u32 = 8;

/// Most sessions of a shard. Each takes `sessions.window` stored outcomes in the engine; a million
/// of them is beyond what one shard serves, and more likely a slip of the pen.
pub const SESSION_COUNT_MAX: u32 = 1_000_000;

/// A tradable instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its id, from 1.
    pub id: InstrumentId,
    /// Its ticker, 1 to 16 printable ASCII characters.
    pub symbol: String,
    /// Size of a tick in quote currency, for printing.
    pub tick_size: Decimal,
    /// Size of a lot in base currency, for printing.
    pub lot_size: Decimal,
    /// Size of tick and lot in the 10^-8 units of clients.
    pub scale: Scale,
    /// Highest price of an order.
    pub price_max: PriceTicks,
    /// Largest quantity of an order.
    pub qty_max: QtyLots,
}

impl Instrument {
    /// What the book admits.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits { price_max: self.price_max, qty_max: self.qty_max }
    }

    /// The ticker as messages carry it.
    #[must_use]
    pub fn wire_symbol(&self) -> Symbol {
        Symbol::new(&self.symbol).expect("the length was checked when the file was read")
    }

    /// A price as people write it.
    #[must_use]
    pub fn price_decimal(&self, price: PriceTicks) -> Decimal {
        self.tick_size * Decimal::from(price.0)
    }

    /// A quantity as people write it.
    #[must_use]
    pub fn qty_decimal(&self, qty: QtyLots) -> Decimal {
        self.lot_size * Decimal::from(qty.0)
    }
}

/// A gateway process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its id, from 1.
    pub id: GatewayId,
    /// Where it takes clients' datagrams.
    pub listen: SocketAddrV4,
    /// Where it listens to the sequencer (stream `sequencer_back`).
    pub back_endpoint: SocketAddrV4,
    /// SO_RCVBUF of the clients' socket, bytes.
    pub receive_buffer_bytes: u32,
}

/// A client session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id, from 1.
    pub id: SessionId,
    /// The one gateway that it may use.
    pub gateway: GatewayId,
}

/// A decimal in quotes: a bare number would be read as binary floating point, which has no 0.1.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct DecimalText(pub String);

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = DecimalText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal in quotes, such as \"0.01\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<DecimalText, E> {
                Ok(DecimalText(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawInstrument {
    id: u32,
    symbol: String,
    tick_size: DecimalText,
    lot_size: DecimalText,
    price_max: DecimalText,
    qty_max: DecimalText,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawGateway {
    id: u32,
    listen: SocketAddrV4,
    back_endpoint: SocketAddrV4,
    receive_buffer_bytes: u32,
}

/// One session (`id`) or a run of them (`first`, `count`).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawSession {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    gateway: u32,
}

/// Reads a decimal of at most eight digits after the point, above 0: its value, and in 10^-8.
fn positive(key: &str, text: &DecimalText) -> Result<(Decimal, i64), Broken> {
    let broken = |rule: &str, fix: &str| Broken::new(key, format!("{:?}", text.0), rule, fix);
    let value = Decimal::from_str_exact(&text.0)
        .map_err(|_| broken("must be a decimal number", "write digits and a point, as \"0.01\""))?;
    if value <= Decimal::ZERO {
        return Err(broken("must be above 0", "write a positive number"));
    }
    let value = value.normalize();
    if value.scale() > CLIENT_DIGITS {
        return Err(broken(
            "may have 8 digits after the point, because clients count units of 10^-8",
            "write fewer digits",
        ));
    }
    let units = value
        .checked_mul(Decimal::from(10_i64.pow(CLIENT_DIGITS)))
        .and_then(|units| i64::try_from(units).ok())
        .ok_or_else(|| {
            broken("must be at most 92233720368.54775807, or clients can not write it", "lower it")
        })?;
    Ok((value, units))
}

/// Says in words why a limit is not one.
fn limit(key: &str, text: &DecimalText, reason: RejectReason, unit: &str, max: u64) -> Broken {
    let value = format!("{:?}", text.0);
    match reason {
        RejectReason::OffTick | RejectReason::OffLot => Broken::new(
            key,
            value,
            format!("must be a whole number of {unit}s"),
            format!("write a multiple of {unit}_size"),
        ),
        _ => Broken::new(
            key,
            value,
            format!("must be at most {max} {unit}s"),
            format!("lower it, or choose a coarser {unit}_size"),
        ),
    }
}

/// Refuses an id that is 0 or was seen before.
fn new_id(key: String, id: u32, seen: impl IntoIterator<Item = u32>) -> Result<(), Broken> {
    if id == 0 {
        return Err(Broken::new(key, id, "ids start at 1; 0 means none", "number from 1"));
    }
    if seen.into_iter().any(|other| other == id) {
        return Err(Broken::new(key, id, "this id is taken by an earlier entry", "choose another"));
    }
    Ok(())
}

pub fn instruments(raw: &[RawInstrument]) -> Result<Vec<Instrument>, Broken> {
    let mut out: Vec<Instrument> = Vec::with_capacity(raw.len());
    for (i, raw) in raw.iter().enumerate() {
        let key = |name: &str| format!("instrument[{i}].{name}");
        new_id(key("id"), raw.id, out.iter().map(|o| o.id.0))?;
        let symbol = &raw.symbol;
        if !(1..=16).contains(&symbol.len()) || !symbol.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Broken::new(
                key("symbol"),
                format!("{symbol:?}"),
                "must be 1 to 16 printable ASCII characters, which is what messages have room for",
                "shorten or respell it",
            ));
        }
        if out.iter().any(|o| o.symbol == *symbol) {
            return Err(Broken::new(
                key("symbol"),
                format!("{symbol:?}"),
                "this symbol is taken by an earlier entry",
                "choose another",
            ));
        }
        let (tick_size, tick_e8) = positive(&key("tick_size"), &raw.tick_size)?;
        let (lot_size, lot_e8) = positive(&key("lot_size"), &raw.lot_size)?;
        let scale = Scale::new(tick_e8, lot_e8).expect("both are above 0");
        let (_, price_e8) = positive(&key("price_max"), &raw.price_max)?;
        let price_max = scale.price_ticks(price_e8).map_err(|reason| {
            let max = PriceTicks::MAX.0.unsigned_abs();
            limit(&key("price_max"), &raw.price_max, reason, "tick", max)
        })?;
        let (_, qty_e8) = positive(&key("qty_max"), &raw.qty_max)?;
        let qty_max = scale.qty_lots(qty_e8).map_err(|reason| {
            limit(&key("qty_max"), &raw.qty_max, reason, "lot", QtyLots::MAX.0)
        })?;
        let (id, symbol) = (InstrumentId(raw.id), symbol.clone());
        out.push(Instrument { id, symbol, tick_size, lot_size, scale, price_max, qty_max });
    }
    Ok(out)
}

pub fn gateways(raw: &[RawGateway]) -> Result<Vec<Gateway>, Broken> {
    let mut out: Vec<Gateway> = Vec::with_capacity(raw.len());
    for (i, raw) in raw.iter().enumerate() {
        new_id(format!("gateway[{i}].id"), raw.id, out.iter().map(|o| o.id.0))?;
        out.push(Gateway {
            id: GatewayId(raw.id),
            listen: raw.listen,
            back_endpoint: raw.back_endpoint,
            receive_buffer_bytes: raw.receive_buffer_bytes,
        });
    }
    Ok(out)
}

pub fn sessions(raw: &[RawSession], gateways: &[Gateway]) -> Result<Vec<Session>, Broken> {
    let mut out: Vec<Session> = Vec::new();
    for (i, raw) in raw.iter().enumerate() {
        let key = |name: &str| format!("session[{i}].{name}");
        let (first_key, first, count) = match (raw.id, raw.first, raw.count) {
            (Some(id), None, None) => ("id", id, 1),
            (None, Some(first), Some(count)) => ("first", first, count),
            _ => {
                return Err(Broken::new(
                    format!("session[{i}]"),
                    format!("{:?}", (raw.id, raw.first, raw.count)),
                    "an entry is one session (id) or a run of them (first and count)",
                    "give id alone, or first and count together",
                ));
            }
        };
        if first == 0 {
            return Err(Broken::new(key(first_key), 0, "ids start at 1; 0 means none", "use 1"));
        }
        let room = SESSION_COUNT_MAX - out.len() as u32;
        if count == 0 || count > room || first.checked_add(count - 1).is_none() {
            return Err(Broken::new(
                key("count"),
                count,
                format!("a shard has 1 to {SESSION_COUNT_MAX} sessions, with ids below 2^32"),
                match room.min(u32::MAX - first + 1) {
                    0 => "take sessions out of the entries before it".to_owned(),
                    most => format!("use 1 to {most}"),
                },
            ));
        }
        let gateway = GatewayId(raw.gateway);
        if !gateways.iter().any(|g| g.id == gateway) {
            return Err(Broken::new(
                key("gateway"),
                raw.gateway,
                "no [[gateway]] has this id",
                "name one that is there, or add it (a file without [[session]] has the default one)",
            ));
        }
        out.extend((0..count).map(|n| Session { id: SessionId(first + n), gateway }));
    }
    out.sort_by_key(|session| session.id);
    if let Some(twice) = out.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(Broken::new(
            "session",
            twice[0].id,
            "this session is in two entries",
            "take it out of one",
        ));
    }
    Ok(out)
}

impl From<&Instrument> for RawInstrument {
    fn from(instrument: &Instrument) -> Self {
        let text = |value: Decimal| DecimalText(value.normalize().to_string());
        Self {
            id: instrument.id.0,
            symbol: instrument.symbol.clone(),
            tick_size: text(instrument.tick_size),
            lot_size: text(instrument.lot_size),
            price_max: text(instrument.price_decimal(instrument.price_max)),
            qty_max: text(instrument.qty_decimal(instrument.qty_max)),
        }
    }
}

impl From<&Gateway> for RawGateway {
    fn from(gateway: &Gateway) -> Self {
        Self {
            id: gateway.id.0,
            listen: gateway.listen,
            back_endpoint: gateway.back_endpoint,
            receive_buffer_bytes: gateway.receive_buffer_bytes,
        }
    }
}

/// Sorted sessions as runs, so that ten thousand print as one entry.
pub fn session_runs(sessions: &[Session]) -> Vec<RawSession> {
    sessions
        .chunk_by(|a, b| a.gateway == b.gateway && a.id.0 + 1 == b.id.0)
        .map(|run| RawSession {
            id: None,
            first: Some(run[0].id.0),
            count: Some(run.len() as u32),
            gateway: run[0].gateway.0,
        })
        .collect()
}
