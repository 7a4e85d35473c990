//! What is counted.

macro_rules! tags {
    ($($(#[$doc:meta])* $tag:ident = $name:literal,)*) => {
        /// Something that fires in a step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Tag { $($(#[$doc])* $tag,)* }

        impl Tag {
            pub const ALL: &'static [Self] = &[$(Self::$tag,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$tag => $name,)* }
            }
        }
    };
}

tags! {
    // Of the order of a command that was accepted, new or replaced: its type,
    Limit = "limit",
    Market = "market",
    Stop = "stop",
    StopLimit = "stop_limit.",
    TrailingStop = "trailing_stop.",
    TrailingStopLimit = "trailing_stop_limit.",
    PegPrimary = "peg_primary",
    PegMarket = "peg_market",
    // its time in force,
    Gtc = "gtc",
    Ioc = "ioc",
    Fok = "fok",
    Day = "day.",
    Gtd = "gtd",
    AtOpen = "at_open",
    AtClose = "at_close",
    FokBudget = "fok_budget",
    // how it shows,
    Iceberg = "iceberg.",
    Hidden = "hidden.",
    AllOrNone = "all_or_none",
    MinQty = "min_qty",
    PostOnlyReject = "post_only_reject",
    PostOnlyReprice = "post_only_reprice",
    // and whether it was replaced.
    KeepsPriority = "replace_keeps_priority",
    LosesPriority = "replace_loses_priority",

    // Which makers were met, or passed over.
    NextTip = "tip_loses_priority",
    TipStays = "tip_keeps_priority",
    HiddenMaker = "hidden",
    AllOrNoneMaker = "all_or_none_maker",
    MinQtyMaker = "min_qty_maker",
    PeggedMaker = "pegged_maker",
    AllOrNoneWaits = "all_or_none_waits",
    MinQtyWaits = "minimum_quantity_waits",
    HiddenAfterDisplayed = "hidden_after_displayed",
    HiddenByTime = "hidden_by_time",

    CancelNewest = "cancel_newest",
    CancelOldest = "cancel_oldest",
    CancelBoth = "cancel_both",
    Decrement = "decrement",
    TakerDecides = "taker_decides",
    MakerDecides = "maker_decides",

    // Where an aggressor ended.
    Protection = "market_protection",
    BandCancels = "dynamic_band",
    Interruption = "volatility_interruption",
    MatchLimit = "match_limit",
    Unfilled = "unfilled_remainder",
    FokKilled = "fill_or_kill",
    BudgetKilled = "fill_or_kill_budget",
    MinQtyMissed = "minimum_quantity_missed",

    OnArrival = "trigger_on_arrival",
    ElectedStop = "stop_order",
    ElectedStopLimit = "elected_stop_limit",
    ElectedTrailing = "elected_trailing_stop",
    ElectedTrailingLimit = "elected_trailing_stop_limit",
    Trails = "trailing_stop",
    InTurn = "stops_act_in_turn",
    CascadeHalts = "stop_cascade_halts",
    ByTouch = "stop_by_touch",
    OnResume = "stops_on_resume",
    NoLevel = "stop_without_level",

    PegsFollow = "pegs_follow",
    PegParked = "peg_parked",

    Collects = "call_collects",
    UncrossTrades = "uncross",
    UncrossIdle = "uncross_without_a_trade",
    AuctionOnlyTrades = "auction_only",
    AuctionRemainder = "auction_remainder",
    AuctionRefresh = "auction_refresh",
    DayEnds = "day",
    Expires = "expiry",

    // From here on nothing is counted in pairs.
    PrimaryReply = "primary_reply",
    AnIceberg = "iceberg",
    ByLastTrade = "stop_by_last_trade",
    OrderIds = "order_ids",
    AdmissionByState = "admission_by_state",
    WhatGoesTogether = "what_goes_together",
    LimitOrder = "limit_order",
    MarketOrder = "market_order",
    PriceTime = "price_time_priority",
    MakerPrice = "maker_price",
    KeepsPlace = "partial_fill_keeps_place",
    EligibleMaker = "eligible_maker",
    Bounds = "bounds",
    Remainder = "remainder",
    DryRun = "dry_run",
    AllOrNoneArrival = "all_or_none_arrival",
    MinQtyArrival = "minimum_quantity_arrival",
    MayOverlap = "undisplayed_orders_may_overlap",
    PostOnly = "post_only",
    SelfTradePrevention = "self_trade_prevention",
    StopLimitActs = "stop_limit",
    TrailingStopLimitActs = "trailing_stop_limit",
    Election = "election",
    Pegged = "pegged",
    Cancel = "cancel",
    Replace = "replace",
    MassCancel = "mass_cancel",
    KillSwitch = "kill_switch",
    Transitions = "transitions",
    AuctionPrice = "auction_price",
    AuctionAllocation = "auction_allocation",
    AuctionSetsPrices = "auction_sets_prices",
    Indicative = "indicative",
    Bounded = "bounded",
    StateHash = "state_hash",

    // Within rules.
    CancelInAnyPhase = "cancel/waiting",
    CancelForAuction = "cancel/for_auction",
    CancelParked = "cancel/parked",
    CancelInHalt = "cancel/halt",
    CancelAfterClose = "cancel/close",
    MassCancelAccount = "mass_cancel/account",
    MassCancelInstrument = "mass_cancel/instrument",
    MassCancelSide = "mass_cancel/side",
    MassCancelAll = "mass_cancel/three_filters",
    MassCancelNone = "mass_cancel/fits_none",
    MassCancelMany = "mass_cancel/several",
    KillAll = "kill_switch/all",
    KillSession = "kill_switch/session",
    KillAccount = "kill_switch/account",
    KillInstrument = "kill_switch/instrument",
    KillTwice = "kill_switch/twice",
    Release = "kill_switch/released",
    FokFilled = "fill_or_kill/filled",
    FokPastSelf = "fill_or_kill/filled_past_own",
    BudgetFilled = "fill_or_kill_budget/filled",
    BudgetTooDear = "fill_or_kill_budget/enough_but_too_dear",
    AllOrNoneFilled = "all_or_none_arrival/filled",
    AllOrNoneRests = "all_or_none_arrival/rests",
    MinQtyTrades = "minimum_quantity_arrival/trades",
    MinQtyRests = "minimum_quantity_arrival/rests",
    PostOnlyRepriced = "post_only/repriced",
    ReplaceOfStop = "replace/trigger",
    ReplaceTrailing = "replace/trailing",
    ReplaceForAuction = "replace/for_auction",
    ReplacePegged = "replace/pegged",
    ReplaceTrades = "replace/trades",
    ReplaceShrinksIceberg = "replace_keeps_priority/iceberg",
    ReplaceIntoTip = "replace_keeps_priority/into_the_tip",
    StopCrossesBands = "dynamic_band/of_a_stop",
    ProtectedStop = "market_protection/of_a_stop",
    AuctionHidden = "uncross/hidden",
    AuctionIceberg = "uncross/iceberg_beyond_its_tip",
    AuctionTipStays = "tip_keeps_priority/in_an_uncross",
    FokBeyondLimit = "match_limit/of_a_fok",
    HaltsAtLimit = "match_limit/halts",
    AuctionMarket = "uncross/market_order",
    AuctionCloses = "uncross/closing",
    AuctionFromHalt = "uncross/from_halt",
    AuctionVolatility = "uncross/volatility",
    TrailsInUncross = "trailing_stop/after_an_uncross",
    IndicativeNone = "indicative/nothing_would_trade",
    DefinedAgain = "bounded/defined_again",
    TakesAllLevels = "price_time_priority/several_prices",
}

impl Tag {
    /// The first that is not counted in pairs.
    pub const PAIR_END: usize = Self::PrimaryReply as usize;
}
