//! "Did you mean": the parser answers an unknown key with all that a table may hold, and thirty names
//! help nobody who has mistyped one.

/// What the parser says of a key that it does not know.
const UNKNOWN: &str = "unknown field `";
/// What stands between the key and the names.
const EXPECTED: &str = "`, expected one of ";
/// So many names are read at a glance, and stay.
const NAME_COUNT_SHOWN: usize = 8;
/// Least likeness, 0 to 1, of Jaro-Winkler. Too low -> names are offered that have nothing in common;
/// too high -> two slips of the pen find nothing.
const LIKENESS_MIN: f64 = 0.8;

/// The parser's message, with the nearest name in it, and without names that are too many.
pub fn shorten(message: &str) -> String {
    let Some((before, rest)) = message.split_once(UNKNOWN) else { return message.to_owned() };
    let Some((key, rest)) = rest.split_once(EXPECTED) else { return message.to_owned() };
    let (names, after) = rest.split_once('\n').map_or((rest, ""), |(names, after)| (names, after));
    let known: Vec<&str> = names.split(", ").map(|name| name.trim_matches('`')).collect();
    let near = known.iter().map(|name| (strsim::jaro_winkler(key, name), name));
    let near = near.filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
    let near = near.max_by(|(one, _), (other, _)| one.total_cmp(other));
    let guess = near.map_or(String::new(), |(_, name)| format!("; did you mean `{name}`?"));
    let names = match known.len() {
        0..=NAME_COUNT_SHOWN => format!(" (there are {names})"),
        count => format!(" (`vesta inspect config` prints all {count} that there are)"),
    };
    let after = if after.is_empty() { String::new() } else { format!("\n{after}") };
    format!("{before}{UNKNOWN}{key}`{guess}{names}{after}")
}
