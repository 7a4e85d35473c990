//! IPv4 networks, as lists of them say who may talk to us.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address (`10.0.0.5`), or all that begin like it (`10.0.0.0/24`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    /// The address.
    pub address: Ipv4Addr,
    /// How many of its bits count, 0 to 32.
    pub prefix_bits: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
        let address = address.parse::<Ipv4Addr>().ok().filter(|address| !address.is_multicast());
        let prefix_bits = prefix.parse::<u8>().ok().filter(|&bits| bits <= 32);
        match (address, prefix_bits) {
            (Some(address), Some(prefix_bits)) => Ok(Self { address, prefix_bits }),
            _ => Err(format!(
                "\"{text}\" is not an IPv4 address or a network; write it as \"10.0.0.5\" or \
                 \"10.0.0.0/24\""
            )),
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix_bits {
            32 => write!(f, "{}", self.address),
            bits => write!(f, "{}/{bits}", self.address),
        }
    }
}
