//! Ethernet, IPv4 and UDP around one datagram.
//!
//! ```text
//!   Ethernet  | to 6 | from 6 | (tag 4) | 0x0800 |
//!   IPv4      | 45 tos | length | id | flags, offset | ttl 17 | checksum | from 4 | to 4 |
//!   UDP       | from | to | length | checksum |
//!   payload   ...
//! ```
//!
//! What comes in is a stranger's: every length is checked against what was received before it is
//! used, and the first rule that a frame breaks is named.

use std::net::{Ipv4Addr, SocketAddrV4};

pub(super) const ETHERNET_BYTES: usize = 14;
const TAG_BYTES: usize = 4;
const IPV4_BYTES: usize = 20;
const UDP_BYTES: usize = 8;
/// Before the payload of a frame without a tag.
pub(super) const HEADERS_BYTES: usize = ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES;
/// Of that, what counts for the MTU of a link.
pub(super) const IP_HEADERS_BYTES: usize = IPV4_BYTES + UDP_BYTES;

const ETHER_IPV4: [u8; 2] = [0x08, 0x00];
const ETHER_VLAN: [u8; 2] = [0x81, 0x00];
const IPV4_NO_OPTIONS: u8 = 0x45;
const UDP: u8 = 17;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mac(pub(super) [u8; 6]);

impl Mac {
    /// Where a multicast group is on Ethernet (RFC 1112, 6.4): the low 23 bits of the group.
    pub(super) fn of_group(group: Ipv4Addr) -> Self {
        let [_, b, c, d] = group.octets();
        Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }

    fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }
}

/// What a frame to be sent is to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    pub(super) mac_from: Mac,
    pub(super) mac_to: Mac,
    pub(super) from: SocketAddrV4,
    pub(super) to: SocketAddrV4,
    pub(super) type_of_service: u8,
    pub(super) time_to_live: u8,
}

impl Outgoing {
    /// Writes headers and payload to the start of `frame`; returns how many bytes that are.
    ///
    /// # Panics
    /// When the frame is too small or the payload too long for UDP: the caller knows both.
    pub(super) fn write(&self, frame: &mut [u8], payload: &[u8]) -> usize {
        let total = HEADERS_BYTES + payload.len();
        let frame = &mut frame[..total];
        let udp_length = u16::try_from(UDP_BYTES + payload.len()).expect("fits a frame");
        let ip_length = udp_length + IPV4_BYTES as u16;

        frame[0..6].copy_from_slice(&self.mac_to.0);
        frame[6..12].copy_from_slice(&self.mac_from.0);
        frame[12..14].copy_from_slice(&ETHER_IPV4);

        let ip = &mut frame[ETHERNET_BYTES..][..IPV4_BYTES];
        ip[0] = IPV4_NO_OPTIONS;
        ip[1] = self.type_of_service;
        ip[2..4].copy_from_slice(&ip_length.to_be_bytes());
        // What may not be fragmented needs no identification (RFC 6864, 4.1).
        ip[4..6].copy_from_slice(&[0, 0]);
        ip[6..8].copy_from_slice(&DONT_FRAGMENT.to_be_bytes());
        ip[8] = self.time_to_live;
        ip[9] = UDP;
        ip[10..12].copy_from_slice(&[0, 0]);
        ip[12..16].copy_from_slice(&self.from.ip().octets());
        ip[16..20].copy_from_slice(&self.to.ip().octets());
        let checksum = !fold(sum(ip));
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());

        let (head, tail) = frame.split_at_mut(HEADERS_BYTES);
        tail.copy_from_slice(payload);
        let udp = &mut head[ETHERNET_BYTES + IPV4_BYTES..];
        udp[0..2].copy_from_slice(&self.from.port().to_be_bytes());
        udp[2..4].copy_from_slice(&self.to.port().to_be_bytes());
        udp[4..6].copy_from_slice(&udp_length.to_be_bytes());
        udp[6..8].copy_from_slice(&[0, 0]);
        let pseudo = pseudo_header(*self.from.ip(), *self.to.ip(), udp_length);
        let checksum = match !fold(pseudo + sum(udp) + sum(tail)) {
            // Zero would say that there is none; its other form says the same number.
            0 => u16::MAX,
            checksum => checksum,
        };
        udp[6..8].copy_from_slice(&checksum.to_be_bytes());
        total
    }
}

/// A datagram that was received, and where its payload is in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) from: SocketAddrV4,
    pub(super) to: SocketAddrV4,
    pub(super) payload_at: usize,
    pub(super) payload_bytes: usize,
}

/// The rule that a received frame breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not a whole IPv4 datagram of UDP, or lengths that contradict each other.
    Malformed,
    /// Not to our Ethernet address, nor to a group.
    NotToUs,
    /// The header's or the datagram's checksum is wrong.
    Checksum,
    /// From an address that no other host has.
    Source,
}

/// Reads a frame that came in on an interface whose address is `mac`.
pub(super) fn parse(frame: &[u8], mac: Mac) -> Result<Incoming, Refused> {
    let (ethernet, mut rest) =
        frame.split_first_chunk::<ETHERNET_BYTES>().ok_or(Refused::Malformed)?;
    let [a, b, c, d, e, f, ..] = *ethernet;
    let to = Mac([a, b, c, d, e, f]);
    if to != mac && !to.is_group() {
        return Err(Refused::NotToUs);
    }
    let mut ether_type = [ethernet[12], ethernet[13]];
    let mut payload_at = HEADERS_BYTES;
    if ether_type == ETHER_VLAN {
        let tag = rest.split_first_chunk::<TAG_BYTES>().ok_or(Refused::Malformed)?;
        ether_type = [tag.0[2], tag.0[3]];
        rest = tag.1;
        payload_at += TAG_BYTES;
    }
    let (ip, _) = rest.split_first_chunk::<IPV4_BYTES>().ok_or(Refused::Malformed)?;
    let half = |at: usize| u16::from_be_bytes([ip[at], ip[at + 1]]);
    let ip_length = usize::from(half(2));
    // Ethernet pads short frames, so what was received may be longer than the datagram.
    if ether_type != ETHER_IPV4
        || ip[0] != IPV4_NO_OPTIONS
        || ip[9] != UDP
        || half(6) & MORE_FRAGMENTS_OR_OFFSET != 0
        || ip_length < IP_HEADERS_BYTES
        || ip_length > rest.len()
    {
        return Err(Refused::Malformed);
    }
    if fold(sum(ip)) != u16::MAX {
        return Err(Refused::Checksum);
    }
    let udp = &rest[IPV4_BYTES..ip_length];
    let port = |at: usize| u16::from_be_bytes([udp[at], udp[at + 1]]);
    let udp_length = port(4);
    if usize::from(udp_length) != udp.len() {
        return Err(Refused::Malformed);
    }
    let from_ip = Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]);
    let to_ip = Ipv4Addr::new(ip[16], ip[17], ip[18], ip[19]);
    // The kernel drops these as martians, but a redirected frame never gets there; and what follows
    // takes loopback for this host.
    if from_ip.is_loopback()
        || from_ip.is_unspecified()
        || from_ip.is_multicast()
        || from_ip.is_broadcast()
    {
        return Err(Refused::Source);
    }
    let written = port(6);
    if written != 0 {
        let pseudo = pseudo_header(from_ip, to_ip, udp_length);
        // Between virtual interfaces of one machine the kernel leaves the sum to be finished by a
        // NIC that never comes: then it is that of the pseudo header alone.
        if fold(pseudo + sum(udp)) != u16::MAX && written != fold(pseudo) {
            return Err(Refused::Checksum);
        }
    }
    Ok(Incoming {
        from: SocketAddrV4::new(from_ip, port(0)),
        to: SocketAddrV4::new(to_ip, port(2)),
        payload_at,
        payload_bytes: udp.len() - UDP_BYTES,
    })
}

/// What UDP's checksum covers beside the datagram.
fn pseudo_header(from: Ipv4Addr, to: Ipv4Addr, udp_length: u16) -> u64 {
    sum(&from.octets()) + sum(&to.octets()) + u64::from(UDP) + u64::from(udp_length)
}

/// The sum of `bytes` as 16-bit numbers of the wire, not yet folded. Far from overflow for anything
/// that fits a datagram.
fn sum(bytes: &[u8]) -> u64 {
    // By 32 bits in the machine's own order, which the compiler turns into wide additions; the sum
    // does not care where carries come in (RFC 1071, 2).
    let mut chunks = bytes.chunks_exact(4);
    // Wrapping, as the check of an overflow that can not be would keep the additions narrow.
    let wide = chunks
        .by_ref()
        .map(|chunk| u64::from(u32::from_ne_bytes([chunk[0], chunk[1], chunk[2], chunk[3]])))
        .fold(0, u64::wrapping_add);
    let mut last = [0; 4];
    let rest = chunks.remainder();
    last[..rest.len()].copy_from_slice(rest);
    let sum = wide + u64::from(u32::from_ne_bytes(last));
    u64::from(u16::from_be(fold(sum)))
}

fn fold(mut sum: u64) -> u16 {
    while sum > u64::from(u16::MAX) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn outgoing() -> Outgoing {
        Outgoing {
            mac_from: Mac([2, 0, 0, 0, 0, 9]),
            mac_to: OURS,
            from: "192.168.0.1:40000".parse().unwrap(),
            to: "192.168.0.199:24010".parse().unwrap(),
            type_of_service: 0,
            time_to_live: 64,
        }
    }

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0xee; HEADERS_BYTES + payload.len()];
        assert_eq!(outgoing().write(&mut frame, payload), frame.len());
        frame
    }

    /// The checksum as RFC 1071 words it, two bytes at a time.
    fn slow_sum(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn a_frame_is_these_bytes() {
        let golden: [u8; 46] = [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x08, 0x00, // Ethernet
            0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0xb8, 0xb4, // IPv4
            192, 168, 0, 1, 192, 168, 0, 199, //
            0x9c, 0x40, 0x5d, 0xca, 0, 12, 0xbe, 0xeb, // UDP
            b'a', b'b', b'c', b'd',
        ];
        assert_eq!(frame(b"abcd"), golden);
    }

    #[test]
    fn a_header_of_the_literature_sums_to_what_it_says() {
        // The example of RFC 1071's descendants: IPv4 header with checksum 0xb861.
        let header = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,
            0xc7,
        ];
        assert_eq!(!fold(sum(&header)), 0xb861);
    }

    #[test]
    fn groups_map_to_their_ethernet_addresses() {
        let mac = |group: [u8; 4]| Mac::of_group(group.into()).0;
        assert_eq!(mac([239, 86, 1, 21]), [0x01, 0x00, 0x5e, 86, 1, 21]);
        // 32 groups share one address: the high bit of the second byte is not in it.
        assert_eq!(mac([224, 128 + 5, 6, 7]), [0x01, 0x00, 0x5e, 5, 6, 7]);
    }

    #[test]
    fn a_checksum_of_zero_is_written_as_its_other_form_and_none_is_accepted() {
        // Two bytes that make the sum come out as zero.
        let mut payload = [0, 0];
        let plain = frame(&payload);
        payload.copy_from_slice(&plain[40..42]);
        let mut zero = frame(&payload);
        assert_eq!(zero[40..42], [0xff, 0xff]);
        assert!(parse(&zero, OURS).is_ok());
        zero[40..42].copy_from_slice(&[0, 0]);
        assert!(parse(&zero, OURS).is_ok(), "the sender made no checksum");
    }

    #[test]
    fn a_sum_left_to_a_nic_is_accepted() {
        let mut frame = frame(b"left to be finished");
        let out = outgoing();
        let udp_length = (frame.len() - 34) as u16;
        let partial = fold(pseudo_header(*out.from.ip(), *out.to.ip(), udp_length));
        frame[40..42].copy_from_slice(&partial.to_be_bytes());
        assert!(parse(&frame, OURS).is_ok());
    }

    #[test]
    fn what_breaks_a_rule_is_refused_by_its_name() {
        let good = frame(b"payload");
        let broken = |at: usize, value: u8| {
            let mut frame = good.clone();
            frame[at] = value;
            // The header's own checksum is put right, so that the rule is what is met.
            frame[24..26].copy_from_slice(&[0, 0]);
            let checksum = !fold(sum(&frame[14..34]));
            frame[24..26].copy_from_slice(&checksum.to_be_bytes());
            parse(&frame, OURS)
        };
        assert_eq!(broken(0, 4), Err(Refused::NotToUs));
        assert_eq!(broken(12, 0x86), Err(Refused::Malformed), "not IPv4");
        assert_eq!(broken(14, 0x46), Err(Refused::Malformed), "options");
        assert_eq!(broken(20, 0x20), Err(Refused::Malformed), "a fragment");
        assert_eq!(broken(23, 6), Err(Refused::Malformed), "TCP");
        assert_eq!(broken(17, 27), Err(Refused::Malformed), "shorter than its headers");
        assert_eq!(broken(16, 0xff), Err(Refused::Malformed), "longer than the frame");
        assert_eq!(broken(38, 0xff), Err(Refused::Malformed), "UDP longer than IP");
        assert_eq!(broken(39, 3), Err(Refused::Malformed), "UDP shorter than its header");
        assert_eq!(broken(45, b'x'), Err(Refused::Checksum));
        let mut frame = good.clone();
        frame[22] = 63;
        assert_eq!(parse(&frame, OURS), Err(Refused::Checksum), "of the IP header");
        for length in 0..good.len() {
            assert!(parse(&good[..length], OURS).is_err(), "cut to {length} bytes");
        }
        assert!(parse(&good, OURS).is_ok());
    }

    #[test]
    fn sources_that_are_no_other_host_are_refused() {
        let from = |ip: [u8; 4]| {
            let out = Outgoing { from: SocketAddrV4::new(ip.into(), 40000), ..outgoing() };
            let mut frame = vec![0; HEADERS_BYTES + 4];
            out.write(&mut frame, b"abcd");
            parse(&frame, OURS).map(|incoming| incoming.from.ip().octets())
        };
        for ip in
            [[127, 0, 0, 1], [127, 9, 9, 9], [0; 4], [224, 0, 0, 1], [239, 86, 1, 21], [255; 4]]
        {
            assert_eq!(from(ip), Err(Refused::Source), "{ip:?}");
        }
        for ip in [[126, 0, 0, 1], [128, 0, 0, 1], [223, 255, 0, 1], [10, 0, 0, 255]] {
            assert_eq!(from(ip), Ok(ip));
        }
    }

    #[test]
    fn padding_and_a_priority_tag_change_nothing() {
        let mut padded = frame(b"pad me");
        padded.extend([0xaa; 12]);
        let plain = parse(&padded, OURS).unwrap();
        assert_eq!((plain.payload_at, plain.payload_bytes), (42, 6));
        let mut tagged = padded.clone();
        tagged.splice(12..12, [0x81, 0x00, 0xe0, 0x00]);
        let tagged = parse(&tagged, OURS).unwrap();
        assert_eq!((tagged.payload_at, tagged.payload_bytes, tagged.to), (46, 6, plain.to));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(payload in proptest::collection::vec(any::<u8>(), 0..1500)) {
            let frame = frame(&payload);
            let read = parse(&frame, OURS).unwrap();
            prop_assert_eq!((read.from, read.to), (outgoing().from, outgoing().to));
            prop_assert_eq!(&frame[read.payload_at..][..read.payload_bytes], &payload[..]);
        }

        #[test]
        fn the_sum_is_that_of_the_rfc(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(fold(sum(&bytes)), slow_sum(&bytes));
        }

        #[test]
        fn one_flipped_bit_is_noticed(at in 14_usize..60, bit in 0..8) {
            let mut frame = frame(b"eighteen bytes ...");
            frame[at] ^= 1_u8 << bit;
            prop_assert!(parse(&frame, OURS).is_err());
        }

        #[test]
        fn no_frame_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse(&bytes, OURS);
        }
    }
}
