//! One line of a scenario, word by word. Whatever it can not read it rejects, and says where.

use core::fmt::Display;
use core::str::{FromStr, SplitWhitespace};

use vesta_types::{
    AccountId, ClientOrderId, InstrumentId, OrderId, OrderRef, PriceTicks, QtyLots, SessionId, Side,
};

/// A message that begins with `file:line`.
pub type ParseError = String;

/// The words of one line.
pub struct Words<'a> {
    place: String,
    words: core::iter::Peekable<SplitWhitespace<'a>>,
}

impl<'a> Words<'a> {
    /// The words of `line`, which is at `place` (`file:line`).
    pub fn new(place: &str, line: &'a str) -> Self {
        Self { place: place.to_owned(), words: line.split_whitespace().peekable() }
    }

    /// An error at this line.
    pub fn error(&self, message: impl Display) -> ParseError {
        format!("{}: {message}", self.place)
    }

    /// The next word, of which there must be one.
    pub fn word(&mut self, what: &str) -> Result<&'a str, ParseError> {
        self.words.next().ok_or_else(|| self.error(format_args!("{what} is missing")))
    }

    /// The next word, if any.
    pub fn maybe(&mut self) -> Option<&'a str> {
        self.words.next()
    }

    /// True when `word` is next; then it is taken.
    pub fn takes(&mut self, word: &str) -> bool {
        self.words.next_if_eq(&word).is_some()
    }

    /// Nothing may be left.
    pub fn end(&mut self) -> Result<(), ParseError> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => Err(self.unknown(word)),
        }
    }

    /// An error about a word that has no meaning here.
    pub fn unknown(&self, word: &str) -> ParseError {
        self.error(format_args!("unknown word `{word}`"))
    }

    /// A number.
    pub fn number<T: FromStr>(&self, text: &str) -> Result<T, ParseError> {
        text.parse().map_err(|_| self.error(format_args!("`{text}` is no number that fits")))
    }

    /// A value of one of the enums of the vocabulary, by its name.
    pub fn named<T>(&self, text: &str, from_name: fn(&str) -> Option<T>) -> Result<T, ParseError> {
        from_name(text).ok_or_else(|| self.unknown(text))
    }

    /// `<letter><number>`, such as `s1`.
    fn id<T: FromStr>(&self, word: &str, letter: char) -> Result<T, ParseError> {
        let number = word.strip_prefix(letter);
        self.number(number.ok_or_else(|| {
            self.error(format_args!("`{word}` where `{letter}` and a number should be"))
        })?)
    }

    /// `s1`.
    pub fn session(&mut self) -> Result<SessionId, ParseError> {
        let word = self.word("a session")?;
        self.id(word, 's').map(SessionId)
    }

    /// `#7`.
    pub fn client_order_id(&mut self) -> Result<ClientOrderId, ParseError> {
        let word = self.word("a client_order_id")?;
        self.id(word, '#').map(ClientOrderId)
    }

    /// `#7`, or `o3`.
    pub fn target(&mut self) -> Result<OrderRef, ParseError> {
        let word = self.word("an order")?;
        if word.starts_with('#') {
            return self.id(word, '#').map(|id| OrderRef::Client(ClientOrderId(id)));
        }
        self.id(word, 'o').map(|id| OrderRef::Order(OrderId(id)))
    }

    /// `buy` or `sell`.
    pub fn side(&mut self) -> Result<Side, ParseError> {
        let word = self.word("a side")?;
        self.named(word, Side::from_name)
    }

    /// A quantity.
    pub fn qty(&mut self) -> Result<QtyLots, ParseError> {
        let word = self.word("a quantity")?;
        self.number(word).map(QtyLots)
    }

    /// `@ 101`; 0 when it is not there.
    pub fn price(&mut self) -> Result<PriceTicks, ParseError> {
        if !self.takes("@") {
            return Ok(PriceTicks(0));
        }
        let word = self.word("a price")?;
        self.number(word).map(PriceTicks)
    }

    /// `i2`, if `word` is of that form.
    pub fn instrument_of(&self, word: &str) -> Option<InstrumentId> {
        word.strip_prefix('i')?.parse().ok().map(InstrumentId)
    }

    /// `a5`, if `word` is of that form.
    pub fn account_of(&self, word: &str) -> Option<AccountId> {
        word.strip_prefix('a')?.parse().ok().map(AccountId)
    }

    /// `i2` as the last word of the line; 1 when it is not there.
    pub fn last_instrument(&mut self) -> Result<InstrumentId, ParseError> {
        let Some(word) = self.maybe() else { return Ok(InstrumentId(1)) };
        let instrument = self.instrument_of(word).ok_or_else(|| self.unknown(word))?;
        self.end()?;
        Ok(instrument)
    }

    /// What a list of `key=value` has next.
    pub fn pair(&mut self) -> Result<Option<(&'a str, &'a str)>, ParseError> {
        let Some(word) = self.maybe() else { return Ok(None) };
        word.split_once('=').map(Some).ok_or_else(|| self.unknown(word))
    }
}
