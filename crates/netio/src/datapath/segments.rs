//! Datagrams that lie behind each other in memory, sent as one (UDP GSO).
//!
//! ```text
//!   vectors of one send    [ 1408 ][ 1408 ][ 1408 ][ 640 ]   [ 64 ][ 64 ]
//!   in the term buffer     contiguous ------------------->   elsewhere
//!   runs                   one of 4 datagrams, 4,864 B       one of 2
//! ```
//!
//! A run goes to the kernel as one vector and the length of its first datagram; the kernel cuts
//! it there, so all but the last must be of that length.

/// Datagrams in a run at most: what kernels before 6.9 allow.
const SEGMENT_MAX: usize = 64;
/// Bytes in a run at most. UDP allows 65,507; some less leaves room for IPv6 and options.
const BYTES_MAX: usize = 65_000;

/// Some of the vectors of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How many vectors.
    pub(super) count: usize,
    /// Bytes of all of them.
    pub(super) bytes: usize,
    /// Bytes of the first: what each of them has, but for the last.
    pub(super) segment: usize,
}

/// The run that `vectors` begins with: at least one of them, and only one when not `many`.
pub(super) fn first_run(vectors: &[libc::iovec], many: bool) -> Option<Run> {
    let first = vectors.first()?;
    let segment = first.iov_len;
    let mut run = Run { count: 1, bytes: segment, segment };
    if !many || segment == 0 {
        return Some(run);
    }
    for vector in &vectors[1..] {
        let is_next = std::ptr::eq(first.iov_base.wrapping_byte_add(run.bytes), vector.iov_base);
        let fits = run.count < SEGMENT_MAX && run.bytes.saturating_add(vector.iov_len) <= BYTES_MAX;
        if !is_next || !fits || vector.iov_len > segment || vector.iov_len == 0 {
            break;
        }
        run.count += 1;
        run.bytes += vector.iov_len;
        if vector.iov_len < segment {
            break;
        }
    }
    Some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of these lengths; each follows the one before, unless its length is negative.
    fn vectors(lengths: &[isize]) -> Vec<libc::iovec> {
        let mut at = 4096_usize;
        lengths
            .iter()
            .map(|&len| {
                at += if len < 0 { 32 } else { 0 };
                let vector = libc::iovec {
                    iov_base: std::ptr::without_provenance_mut(at),
                    iov_len: len.unsigned_abs(),
                };
                at += vector.iov_len;
                vector
            })
            .collect()
    }

    fn counts(lengths: &[isize]) -> Vec<usize> {
        let vectors = vectors(lengths);
        let mut rest = &vectors[..];
        let mut counts = Vec::new();
        while let Some(run) = first_run(rest, true) {
            assert_eq!(run.segment, rest[0].iov_len);
            assert_eq!(run.bytes, rest[..run.count].iter().map(|v| v.iov_len).sum::<usize>());
            counts.push(run.count);
            rest = &rest[run.count..];
        }
        counts
    }

    #[test]
    fn a_run_ends_at_a_gap_a_longer_datagram_and_after_a_shorter_one() {
        assert_eq!(counts(&[]), [0; 0]);
        assert_eq!(counts(&[64]), [1]);
        assert_eq!(counts(&[64, 64, 64]), [3]);
        assert_eq!(counts(&[64, 64, -64]), [2, 1]);
        assert_eq!(counts(&[64, 96, 96]), [1, 2]);
        assert_eq!(counts(&[96, 64, 64]), [2, 1]);
        assert_eq!(counts(&[96, 96, 32, 96]), [3, 1]);
        assert_eq!(counts(&[64, 0, 64]), [1, 1, 1]);
    }

    #[test]
    fn a_run_is_bounded_in_datagrams_and_in_bytes() {
        assert_eq!(counts(&[32; 130]), [64, 64, 2]);
        assert_eq!(counts(&[8_128; 9]), [7, 2]);
        assert_eq!(counts(&[65_504; 2]), [1, 1]);
        assert_eq!(counts(&[1_408; 64]), [46, 18]);
    }

    #[test]
    fn one_by_one_where_many_are_not_wanted() {
        assert_eq!(first_run(&vectors(&[64, 64]), false).map(|run| run.count), Some(1));
    }
}
