//! Pairs that the rules make impossible, and why.

use super::Tag;
use Tag::*;

type Tags = &'static [&'static [Tag]];

const STOP_TYPES: &[Tag] = &[Stop, StopLimit, TrailingStop, TrailingStopLimit];
const PEGS: &[Tag] = &[PegPrimary, PegMarket];
const TYPES: Tags = &[&[Limit, Market], STOP_TYPES, PEGS];
const RESTING: &[Tag] = &[Gtc, Day, Gtd];
const IMMEDIATE: &[Tag] = &[Ioc, Fok, FokBudget];
const AUCTION_ONLY: &[Tag] = &[AtOpen, AtClose];
const POST_ONLY: &[Tag] = &[PostOnlyReject, PostOnlyReprice];
const SHOWS: &[Tag] = &[Iceberg, Hidden, AllOrNone];
const ORDER: Tags = &[
    &[Limit, Market],
    STOP_TYPES,
    PEGS,
    RESTING,
    IMMEDIATE,
    AUCTION_ONLY,
    SHOWS,
    POST_ONLY,
    &[MinQty, KeepsPriority, LosesPriority],
];

/// What an aggressor meets.
const FILLS: &[Tag] = &[
    NextTip,
    TipStays,
    HiddenMaker,
    AllOrNoneMaker,
    MinQtyMaker,
    PeggedMaker,
    HiddenAfterDisplayed,
    HiddenByTime,
];
const PASSED: &[Tag] = &[AllOrNoneWaits, MinQtyWaits];
const OWN: &[Tag] =
    &[CancelNewest, CancelOldest, CancelBoth, Decrement, TakerDecides, MakerDecides];
const ENDS: &[Tag] = &[Protection, BandCancels, Interruption, MatchLimit, Unfilled];
/// What does not even begin.
const MISSED: &[Tag] = &[FokKilled, BudgetKilled, MinQtyMissed];
const ELECTED: &[Tag] = &[
    ElectedStop,
    ElectedStopLimit,
    ElectedTrailing,
    ElectedTrailingLimit,
    ByTouch,
    InTurn,
    CascadeHalts,
    NoLevel,
];
const ACTING: &[Tag] = &[OnArrival, OnResume];
const FOLLOWS: &[Tag] = &[PegsFollow, PegParked];
const UNCROSS: &[Tag] =
    &[UncrossTrades, UncrossIdle, AuctionOnlyTrades, AuctionRemainder, AuctionRefresh];
/// What comes with a change of state, or with time.
const WITHOUT_ORDER: Tags = &[UNCROSS, &[OnResume, DayEnds, Expires]];
/// Each of the first with each of the second.
const ROWS: &[(Tags, Tags, &str)] = &[
    (TYPES, TYPES, "an order has one type"),
    (
        &[RESTING, IMMEDIATE, AUCTION_ONLY],
        &[RESTING, IMMEDIATE, AUCTION_ONLY],
        "an order has one time in force",
    ),
    (&[POST_ONLY], &[POST_ONLY], "an order is post-only in one way"),
    (&[&[KeepsPriority]], &[&[LosesPriority]], "a replace does one of the two"),
    (&[&[Market]], &[RESTING], "market_must_be_immediate"),
    (&[STOP_TYPES, PEGS], &[IMMEDIATE, AUCTION_ONLY], "what_goes_together"),
    (&[&[Market], STOP_TYPES, PEGS], &[SHOWS, POST_ONLY], "what_goes_together"),
    (&[STOP_TYPES, PEGS], &[&[MinQty]], "what_goes_together"),
    (&[IMMEDIATE, AUCTION_ONLY], &[SHOWS, POST_ONLY], "what_goes_together"),
    (&[&[Fok, FokBudget], AUCTION_ONLY], &[&[MinQty]], "what_goes_together"),
    (&[&[Iceberg]], &[&[Hidden, AllOrNone, MinQty]], "what_goes_together"),
    (&[&[AllOrNone]], &[&[MinQty]], "what_goes_together"),
    (&[POST_ONLY], &[&[AllOrNone, MinQty]], "what_goes_together"),
    (&[IMMEDIATE], &[&[KeepsPriority, LosesPriority]], "what does not stay is not replaced"),
    (ORDER, WITHOUT_ORDER, "a change of state, or time, brings no order"),
    (
        &[&[KeepsPriority]],
        &[FILLS, PASSED, OWN, ENDS, MISSED, ELECTED, FOLLOWS, &[OnArrival, Trails, Collects]],
        "an order that shrinks in place does not act, and moves no touch",
    ),
    (
        &[AUCTION_ONLY],
        &[FILLS, PASSED, OWN, ENDS, MISSED, ELECTED, FOLLOWS, &[OnArrival, Trails, Collects]],
        "an auction-only order waits for its auction",
    ),
    (
        &[POST_ONLY],
        &[MISSED, &[OnArrival, Collects]],
        "a post-only order does not trade on arrival, and is not admitted in a call",
    ),
    (
        &[&[FokKilled]],
        &[
            &[Ioc, FokBudget],
            RESTING,
            STOP_TYPES,
            PEGS,
            SHOWS,
            &[MinQty, LosesPriority, Trails, Collects],
            FOLLOWS,
            UNCROSS,
            FILLS,
            PASSED,
            OWN,
            ENDS,
            MISSED,
            ELECTED,
            ACTING,
            &[DayEnds, Expires],
        ],
        "a FOK order that is killed does nothing else",
    ),
    (
        &[&[BudgetKilled]],
        &[
            &[Ioc, Fok],
            RESTING,
            STOP_TYPES,
            PEGS,
            SHOWS,
            &[MinQty, LosesPriority, Trails, Collects],
            FOLLOWS,
            UNCROSS,
            FILLS,
            PASSED,
            OWN,
            ENDS,
            MISSED,
            ELECTED,
            ACTING,
            &[DayEnds, Expires],
        ],
        "a FOK order that is killed does nothing else",
    ),
    (
        &[&[MinQtyMissed]],
        &[
            &[Fok, FokBudget],
            RESTING,
            STOP_TYPES,
            PEGS,
            SHOWS,
            &[LosesPriority, Trails, Collects],
            FOLLOWS,
            UNCROSS,
            FILLS,
            PASSED,
            OWN,
            ENDS,
            MISSED,
            ELECTED,
            ACTING,
            &[DayEnds, Expires],
        ],
        "an IOC order that misses its minimum does nothing else",
    ),
    (
        &[&[OnArrival]],
        &[&[Limit, Market, MinQty], PEGS, IMMEDIATE, SHOWS, UNCROSS, &[OnResume, DayEnds]],
        "it is the order of the command that is a stop",
    ),
    (
        &[&[Collects]],
        &[
            &[Market, LosesPriority],
            STOP_TYPES,
            PEGS,
            IMMEDIATE,
            FILLS,
            PASSED,
            OWN,
            ENDS,
            MISSED,
            ELECTED,
            ACTING,
            FOLLOWS,
            UNCROSS,
            &[Trails, DayEnds, Expires],
        ],
        "in a call nothing acts (and it is counted of new limit orders)",
    ),
    (
        &[&[DayEnds]],
        &[FILLS, PASSED, OWN, ENDS, MISSED, ELECTED, ACTING, FOLLOWS],
        "at the close nothing acts any more",
    ),
    (
        &[&[Expires]],
        &[FILLS, PASSED, OWN, ENDS, MISSED, ELECTED, ACTING, UNCROSS, &[Trails, DayEnds]],
        "time cancels, and nothing acts but pegs",
    ),
    (&[&[HiddenByTime]], &[&[HiddenAfterDisplayed]], "an instrument has one of the two"),
    (&[&[TakerDecides]], &[&[MakerDecides]], "an instrument has one of the two"),
    (&[&[TipStays]], &[&[NextTip, AuctionRefresh]], "an instrument has one of the two"),
    (&[&[BandCancels]], &[&[Interruption]], "an instrument has one of the two"),
    (&[&[Interruption]], &[&[CascadeHalts]], "after the one, trading is not continuous"),
    (&[&[Interruption]], &[&[MatchLimit]], "after either nobody acts any more"),
    (&[&[Interruption, CascadeHalts]], &[FOLLOWS], "pegs follow in continuous trading"),
    (
        &[&[UncrossIdle]],
        &[&[UncrossTrades, AuctionOnlyTrades, AuctionRefresh]],
        "nothing traded in the uncross",
    ),
];

/// Why the two never fire in one step; `None` where they may.
pub fn reason(a: Tag, b: Tag) -> Option<&'static str> {
    let has = |tags: Tags, tag: Tag| tags.iter().any(|of| of.contains(&tag));
    let fits = |(firsts, seconds, _): &&(Tags, Tags, &str)| {
        (has(firsts, a) && has(seconds, b)) || (has(firsts, b) && has(seconds, a))
    };
    ROWS.iter().find(fits).map(|row| row.2)
}
