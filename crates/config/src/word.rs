//! Keys that take one word of the vocabulary of `vesta-types`, under the name that it has there.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use vesta_types::{
    AuctionKind, BandAction, HiddenPriority, IcebergRefresh, ReplaceShrink, SelfTrade,
    SelfTradeDecides, StopTrigger, TradingState,
};

/// A closed list of the vocabulary, as far as a file may name its values.
pub trait Vocabulary: Copy + 'static {
    /// What a file may say.
    const WORDS: &'static [Self];
    /// The word for it.
    fn word(self) -> &'static str;
}

macro_rules! vocabulary {
    ($($name:ty: $words:expr;)*) => {$(
        impl Vocabulary for $name {
            const WORDS: &'static [Self] = $words;
            fn word(self) -> &'static str {
                self.name()
            }
        }
    )*};
}

vocabulary! {
    AuctionKind: Self::ALL;
    BandAction: Self::ALL;
    HiddenPriority: Self::ALL;
    IcebergRefresh: Self::ALL;
    ReplaceShrink: Self::ALL;
    SelfTradeDecides: Self::ALL;
    StopTrigger: Self::ALL;
    TradingState: Self::ALL;
    // `default` is what an order says; the instrument is the one that it leaves it to.
    SelfTrade: &[Self::CancelNewest, Self::CancelOldest, Self::CancelBoth, Self::Decrement];
}

/// One value of `T`, by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T: Vocabulary> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<'de, T: Vocabulary> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(std::marker::PhantomData<T>);
        impl<T: Vocabulary> de::Visitor<'_> for Text<T> {
            type Value = Word<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word in quotes: ")?;
                f.write_str(&words::<T>())
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Word<T>, E> {
                let known = T::WORDS.iter().find(|value| value.word() == text);
                known.map(|value| Word(*value)).ok_or_else(|| {
                    E::custom(format!("\"{text}\" is not known here; use {}", words::<T>()))
                })
            }
        }
        deserializer.deserialize_str(Text(std::marker::PhantomData))
    }
}

fn words<T: Vocabulary>() -> String {
    let quoted: Vec<_> = T::WORDS.iter().map(|value| format!("\"{}\"", value.word())).collect();
    quoted.join(" or ")
}
