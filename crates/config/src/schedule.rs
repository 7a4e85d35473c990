//! `[[schedule]]`: which instrument changes its trading state, and when.

use serde::{Deserialize, Serialize};
use vesta_types::{AuctionKind, InstrumentId, TradingState};

use crate::error::Broken;
use crate::instrument::Instrument;
use crate::word::Word;

/// One day, as for every interval: what is later is a slip of the pen.
const AFTER_MS_MAX: u64 = 86_400_000;

/// A change of trading state that the sequencer puts into the log by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Which instrument; `None` for every one.
    pub instrument: Option<InstrumentId>,
    /// When: milliseconds since the first record.
    pub after_ms: u64,
    /// What it shall do.
    pub state: TradingState,
    /// For an auction call: which auction. `None` for anything else.
    pub auction: Option<AuctionKind>,
}

/// An entry as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawScheduled {
    instrument: u32,
    after_ms: u64,
    state: Word<TradingState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auction: Option<Word<AuctionKind>>,
}

/// In the order of time; at one time in the order of the file.
pub fn schedule(
    raw: &[RawScheduled],
    instruments: &[Instrument],
) -> Result<Vec<Scheduled>, Broken> {
    let mut out = Vec::with_capacity(raw.len());
    for (i, raw) in raw.iter().enumerate() {
        let key = |name: &str| format!("schedule[{i}].{name}");
        let instrument = (raw.instrument != 0).then_some(InstrumentId(raw.instrument));
        if instrument.is_some_and(|id| instruments.iter().all(|known| known.id != id)) {
            return Err(Broken::new(
                key("instrument"),
                raw.instrument,
                "no [[instrument]] has this id",
                "name one that is there, or 0 for every one",
            ));
        }
        if raw.after_ms > AFTER_MS_MAX {
            return Err(Broken::new(
                key("after_ms"),
                raw.after_ms,
                format!("must be 0 to {AFTER_MS_MAX}"),
                format!("use {AFTER_MS_MAX} or less"),
            ));
        }
        let (state, auction) = (raw.state.0, raw.auction.map(|word| word.0));
        if (state == TradingState::AuctionCall) != auction.is_some() {
            let value = auction.map_or("nothing".to_owned(), |kind| format!("{:?}", kind.name()));
            return Err(Broken::new(
                key("auction"),
                value,
                format!(
                    "must be given for state = \"auction_call\", and for no other (it is {:?})",
                    state.name()
                ),
                match auction {
                    None => "name the auction that is called",
                    Some(_) => "leave it out, or call an auction",
                },
            ));
        }
        out.push(Scheduled { instrument, after_ms: raw.after_ms, state, auction });
    }
    out.sort_by_key(|scheduled| scheduled.after_ms);
    Ok(out)
}

impl From<&Scheduled> for RawScheduled {
    fn from(scheduled: &Scheduled) -> Self {
        Self {
            instrument: scheduled.instrument.map_or(0, |id| id.0),
            after_ms: scheduled.after_ms,
            state: Word(scheduled.state),
            auction: scheduled.auction.map(Word),
        }
    }
}
