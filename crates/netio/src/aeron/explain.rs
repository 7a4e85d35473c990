//! From what Aeron says to what an operator can act on.

/// A sentence that names the typical cause of Aeron's `message` for `channel`, and the fix.
pub(super) fn cause(channel: &str, message: &str) -> Option<String> {
    let has = |needle: &str| message.to_ascii_lowercase().contains(needle);
    if has("address already in use") {
        // With both, the one is the reader's own, and the other the publisher's, elsewhere.
        let address = parameter(channel, "endpoint")
            .or_else(|| parameter(channel, "control"))
            .unwrap_or("the port");
        return Some(format!(
            "UDP {address} is taken by another socket: stop its owner (`ss -lunp`) or configure \
             another port"
        ));
    }
    if has("cannot assign requested address") {
        return Some(
            "the address is none of this host's (`ip -br addr` lists them): configure one that is"
                .to_owned(),
        );
    }
    if has("interface") || has("no such device") {
        let interface = parameter(channel, "interface").unwrap_or("(none given)");
        return Some(format!(
            "no network interface matches interface={interface} (`ip -br addr` lists them): \
             configure one that is up, and for multicast able to"
        ));
    }
    if has("no space left") || has("cannot allocate memory") {
        return Some(
            "the driver's directory is out of space (`df /dev/shm`): free it, or configure shorter \
             term buffers"
                .to_owned(),
        );
    }
    if has("network is unreachable") {
        return Some("there is no route to the address (`ip route`)".to_owned());
    }
    if has("unknown host") || has("name or service not known") || has("could not be resolved") {
        return Some("a host name does not resolve: configure an address".to_owned());
    }
    if has("uri") || has("invalid") || has("parse") {
        return Some("the channel is not a valid Aeron URI".to_owned());
    }
    None
}

/// The value of `key` in an Aeron URI (`aeron:udp?key=value|...`).
fn parameter<'a>(channel: &'a str, key: &str) -> Option<&'a str> {
    let (_, parameters) = channel.split_once('?')?;
    parameters.split('|').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name == key).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named() {
        let cause = cause("aeron:udp?endpoint=127.0.0.1:40001", "(98) Address already in use");
        assert!(cause.is_some_and(|text| text.contains("127.0.0.1:40001")));
    }

    #[test]
    fn with_mdc_the_end_that_is_bound_here_is_named() {
        let control = "control=10.0.0.1:40002|control-mode=dynamic";
        let reader = format!("aeron:udp?endpoint=10.0.0.2:40001|{control}");
        let publisher = format!("aeron:udp?{control}|fc=max");
        for (channel, bound) in [(reader, "10.0.0.2:40001"), (publisher, "10.0.0.1:40002")] {
            let cause = cause(&channel, "(98) Address already in use");
            assert!(cause.is_some_and(|text| text.contains(&format!("UDP {bound} is taken"))));
        }
    }

    #[test]
    fn a_missing_interface_is_named() {
        let cause = cause(
            "aeron:udp?endpoint=239.1.1.1:1|interface=10.9.9.9",
            "could not find interface for 10.9.9.9",
        );
        assert!(cause.is_some_and(|text| text.contains("interface=10.9.9.9")));
    }

    #[test]
    fn an_unknown_failure_has_no_made_up_cause() {
        assert_eq!(cause("aeron:ipc", "something else"), None);
    }
}
