//! The lists of `vesta.toml` that say who is there: gateways and sessions; and what all lists share.
//! A file that gives one entry of a list gives the whole list.

use std::fmt;
use std::net::SocketAddrV4;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de};
use vesta_types::{AccountId, GatewayId, SessionId, StpGroup};

use crate::error::Broken;

/// Digits after the point that clients' numbers have: they count units of 10^-8.
const CLIENT_DIGITS: u32 = 8;

/// Most sessions of a shard. Each takes `sessions.window` stored outcomes in the engine; a million
/// of them is beyond what one shard serves, and more likely a slip of the pen.
pub const SESSION_COUNT_MAX: u32 = 1_000_000;

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
    /// TCP port of its metrics; 0 stands for `metrics.gateway_port`.
    pub metrics_port: u16,
    /// How long it waits at its end for what is unanswered, ms.
    pub drain_max_ms: u32,
}

/// A client session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id, from 1.
    pub id: SessionId,
    /// The one gateway that it may use.
    pub gateway: GatewayId,
    /// Live orders that it may have. In the file 0 stands for `engine.order_count_max`; here it is
    /// that number.
    pub open_order_max: u32,
    /// The accounts that it may trade for, ascending; `AccountId(0)` alone where none is named. The
    /// sessions of one entry share the list.
    pub accounts: Arc<[AccountId]>,
    /// The self-trade groups that it may use beside 0, ascending; shared likewise.
    pub stp_groups: Arc<[StpGroup]>,
}

/// A decimal in quotes: a bare number would be read as binary floating point, which has no 0.1.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct DecimalText(pub String);

impl DecimalText {
    /// True for a decimal that is 0, however it is written.
    pub fn is_zero(&self) -> bool {
        Decimal::from_str_exact(&self.0).is_ok_and(|value| value.is_zero())
    }
}

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
pub struct RawGateway {
    id: u32,
    listen: SocketAddrV4,
    back_endpoint: SocketAddrV4,
    receive_buffer_bytes: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    metrics_port: u16,
    #[serde(default = "drain_max_ms")]
    drain_max_ms: u32,
}

/// The answer to a command is a hundred microseconds away, where all is well: that much is for a pause.
const fn drain_max_ms() -> u32 {
    2_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(port: &u16) -> bool {
    *port == 0
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
    #[serde(default)]
    open_order_max: u32,
    #[serde(default)]
    accounts: Vec<u64>,
    #[serde(default)]
    stp_groups: Vec<u32>,
}

/// Reads a decimal of at most eight digits after the point, above 0: its value, and in 10^-8.
pub fn positive(key: &str, text: &DecimalText) -> Result<(Decimal, i64), Broken> {
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

/// Refuses an id that is 0 or was seen before.
pub fn new_id(key: String, id: u32, seen: impl IntoIterator<Item = u32>) -> Result<(), Broken> {
    if id == 0 {
        return Err(Broken::new(key, id, "ids start at 1; 0 means none", "number from 1"));
    }
    if seen.into_iter().any(|other| other == id) {
        return Err(Broken::new(key, id, "this id is taken by an earlier entry", "choose another"));
    }
    Ok(())
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
            metrics_port: raw.metrics_port,
            drain_max_ms: raw.drain_max_ms,
        });
    }
    Ok(out)
}

pub fn sessions(
    raw: &[RawSession],
    gateways: &[Gateway],
    order_count_max: u32,
) -> Result<Vec<Session>, Broken> {
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
        let (accounts, stp_groups) = rights(raw, &key)?;
        let open_order_max = match raw.open_order_max {
            0 => order_count_max,
            most => most,
        };
        out.extend((0..count).map(|n| Session {
            id: SessionId(first + n),
            gateway,
            open_order_max,
            accounts: accounts.clone(),
            stp_groups: stp_groups.clone(),
        }));
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

/// The accounts and the self-trade groups of an entry's sessions.
#[expect(clippy::type_complexity, reason = "a pair of lists, taken apart at once")]
fn rights(
    raw: &RawSession,
    key: &dyn Fn(&str) -> String,
) -> Result<(Arc<[AccountId]>, Arc<[StpGroup]>), Broken> {
    let mut accounts = raw.accounts.clone();
    if accounts.is_empty() {
        accounts.push(0);
    }
    let mut stp_groups = raw.stp_groups.clone();
    if stp_groups.contains(&0) {
        return Err(Broken::new(
            key("stp_groups"),
            0,
            "0 means none, and every session may say so",
            "leave it out",
        ));
    }
    ascending(&key("accounts"), &mut accounts)?;
    ascending(&key("stp_groups"), &mut stp_groups)?;
    Ok((
        accounts.into_iter().map(AccountId).collect(),
        stp_groups.into_iter().map(StpGroup).collect(),
    ))
}

/// Sorts a list in which nothing may be twice.
fn ascending<T: Ord + Copy + fmt::Display>(key: &str, list: &mut [T]) -> Result<(), Broken> {
    list.sort_unstable();
    match list.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(Broken::new(key, twice[0], "is in the list twice", "take one out")),
        None => Ok(()),
    }
}

impl From<&Gateway> for RawGateway {
    fn from(gateway: &Gateway) -> Self {
        Self {
            id: gateway.id.0,
            listen: gateway.listen,
            back_endpoint: gateway.back_endpoint,
            receive_buffer_bytes: gateway.receive_buffer_bytes,
            metrics_port: gateway.metrics_port,
            drain_max_ms: gateway.drain_max_ms,
        }
    }
}

/// Sorted sessions as runs, so that ten thousand print as one entry.
pub fn session_runs(sessions: &[Session]) -> Vec<RawSession> {
    let alike = |a: &Session, b: &Session| {
        a.gateway == b.gateway
            && a.open_order_max == b.open_order_max
            && a.accounts == b.accounts
            && a.stp_groups == b.stp_groups
    };
    sessions
        .chunk_by(|a, b| alike(a, b) && a.id.0 + 1 == b.id.0)
        .map(|run| RawSession {
            id: None,
            first: Some(run[0].id.0),
            count: Some(run.len() as u32),
            gateway: run[0].gateway.0,
            open_order_max: run[0].open_order_max,
            accounts: run[0].accounts.iter().map(|account| account.0).collect(),
            stp_groups: run[0].stp_groups.iter().map(|group| group.0).collect(),
        })
        .collect()
}
