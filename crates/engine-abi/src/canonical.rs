//! The canonical text of a report stream, and its hash: what the public benchmark compares.
//!
//! One line per report, sorted by `(sequence_number, kind)` and otherwise left in order, joined by
//! line feeds without one at the end; SHA-256 over that, in lower-case hexadecimal digits.
//!
//! ```text
//!   0,seq,side,order_id,price,quantity    accepted       3,seq,side,order_id,price,quantity  modified
//!   1,seq,price,quantity,maker,taker      trade          4,seq,order_id                cancel refused
//!   2,seq,side,order_id,price             cancelled      5,seq,order_id                modify refused
//! ```

use crate::abi::{CANCEL_ACK, CANCEL_REJECT, MODIFY_ACK, MODIFY_REJECT, ORDER_ACK, Report, TRADE};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// How many reports there were of each kind; an unknown kind counts nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportCounts {
    /// By kind: from [`ORDER_ACK`] to [`MODIFY_REJECT`].
    pub by_kind: [u64; 6],
}

/// The reports of one run, in canonical order.
#[derive(Debug)]
pub struct Canonical {
    reports: Vec<Report>,
}

impl Canonical {
    /// Sorts what an engine has reported. Within one message and kind its own order counts.
    #[must_use]
    pub fn new(mut reports: Vec<Report>) -> Self {
        reports.sort_by_key(|report| (report.sequence_number, report.kind));
        Self { reports }
    }

    /// How many there are of each kind.
    #[must_use]
    pub fn counts(&self) -> ReportCounts {
        let mut counts = ReportCounts::default();
        for report in &self.reports {
            if let Some(count) = counts.by_kind.get_mut(usize::from(report.kind)) {
                *count += 1;
            }
        }
        counts
    }

    /// Writes the canonical text.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        // The public harness leaves out kinds that its contract does not have.
        let known = self.reports.iter().filter(|report| report.kind <= MODIFY_REJECT);
        for (index, report) in known.enumerate() {
            if index > 0 {
                out.write_all(b"\n")?;
            }
            write_line(report, out)?;
        }
        Ok(())
    }

    /// The hash of the canonical text, 64 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut out = io::BufWriter::with_capacity(1 << 16, Hashing(Sha256::new()));
        let written = self.write(&mut out).and_then(|()| out.flush());
        // A hasher takes everything.
        assert!(written.is_ok(), "writing into memory failed: {written:?}");
        let digest = out.get_ref().0.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn write_line(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Report { kind, side, sequence_number: seq, order_id, price_ticks, quantity, .. } = report;
    match *kind {
        ORDER_ACK | MODIFY_ACK => {
            write!(out, "{kind},{seq},{side},{order_id},{price_ticks},{quantity}")
        }
        TRADE => {
            let Report { maker_order_id, taker_order_id, .. } = report;
            write!(out, "{kind},{seq},{price_ticks},{quantity},{maker_order_id},{taker_order_id}")
        }
        CANCEL_ACK => write!(out, "{kind},{seq},{side},{order_id},{price_ticks}"),
        CANCEL_REJECT | MODIFY_REJECT => write!(out, "{kind},{seq},{order_id}"),
        unknown => unreachable!("kind {unknown} was left out"),
    }
}

struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reports: Vec<Report>) -> String {
        let mut out = Vec::new();
        Canonical::new(reports).write(&mut out).expect("memory");
        String::from_utf8(out).expect("digits and commas")
    }

    #[test]
    fn lines_are_those_of_the_public_harness() {
        let report = |kind, sequence_number| Report {
            kind,
            side: 1,
            sequence_number,
            order_id: 5,
            price_ticks: -3,
            quantity: 7,
            maker_order_id: 8,
            taker_order_id: 9,
            ..Report::default()
        };
        let trade = |maker_order_id| Report { maker_order_id, ..report(TRADE, 2) };
        let reports = vec![
            report(MODIFY_REJECT, 4),
            report(MODIFY_ACK, 2),
            trade(30),
            trade(20),
            report(200, 1),
            report(CANCEL_REJECT, 3),
            report(CANCEL_ACK, 0),
            report(ORDER_ACK, 0),
        ];
        let counts = Canonical::new(reports.clone()).counts();
        assert_eq!(counts.by_kind, [1, 2, 1, 1, 1, 1]);
        let lines = [
            "0,0,1,5,-3,7",
            "2,0,1,5,-3",
            "1,2,-3,7,30,9",
            "1,2,-3,7,20,9",
            "3,2,1,5,-3,7",
            "4,3,5",
            "5,4,5",
        ];
        assert_eq!(text(reports), lines.join("\n"));
    }

    #[test]
    fn the_hash_is_sha_256() {
        // FIPS 180-4: of the empty text.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Canonical::new(Vec::new()).hash(), empty);
    }
}
