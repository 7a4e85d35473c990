//! The writing end of a stream.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};

use vesta_transport::{MESSAGE_LEN_MAX, OfferError, Publication};
use vesta_types::StreamPosition;

use super::client::ClientCore;
use super::ffi::{self, c};

/// An exclusive publication rotates its terms itself, so one retry is enough; what still asks for
/// another waits for the driver, which in invoker mode only runs when the caller lets it.
const ADMIN_ACTION_RETRY_MAX: usize = 3;

/// An exclusive Aeron publication, closed on drop.
#[derive(Debug)]
pub struct AeronPublication {
    publication: NonNull<c::aeron_exclusive_publication_t>,
    message_len_max: usize,
    fragment_len_max: usize,
    /// The flow control's count of receivers, where it keeps one.
    receivers: Option<NonNull<AtomicI64>>,
    /// Session and stream, as the driver's counters name them.
    stream: StreamKey,
    /// The flow control counts those readers alone that carry its tag.
    is_tagged: bool,
    initial_term_id: i32,
    /// Keeps client and counters alive.
    core: Rc<ClientCore>,
}

impl AeronPublication {
    pub(super) fn new(
        publication: NonNull<c::aeron_exclusive_publication_t>,
        core: Rc<ClientCore>,
    ) -> Result<Self, String> {
        let mut constants = std::mem::MaybeUninit::uninit();
        // SAFETY: the publication is live, and the call fills every field or fails.
        let constants = unsafe {
            let result = c::aeron_exclusive_publication_constants(
                publication.as_ptr(),
                constants.as_mut_ptr(),
            );
            if result < 0 {
                return Err(ffi::last_error());
            }
            constants.assume_init()
        };
        // SAFETY: the channel is a text of the publication's, which is live.
        let channel = unsafe { CStr::from_ptr(constants.channel) }.to_string_lossy();
        let is_tagged = channel.contains("fc=tagged");
        let receivers = find_receivers_counter(&core, constants.registration_id);
        Ok(Self {
            publication,
            // Aeron's own limit for several fragments is an eighth of a term; one may be longer.
            message_len_max: constants
                .max_message_length
                .min(MESSAGE_LEN_MAX)
                .max(constants.max_payload_length),
            fragment_len_max: constants.max_payload_length,
            receivers,
            stream: StreamKey { session_id: constants.session_id, stream_id: constants.stream_id },
            is_tagged,
            initial_term_id: constants.initial_term_id,
            core,
        })
    }

    /// What tells this publisher of the stream from others, and from its own former lives.
    #[must_use]
    pub const fn session_id(&self) -> i32 {
        self.stream.session_id
    }

    /// The id of its first term: positions count from there.
    #[must_use]
    pub const fn initial_term_id(&self) -> i32 {
        self.initial_term_id
    }

    fn append(&mut self, message: &[u8]) -> Result<StreamPosition, OfferError> {
        for _ in 0..ADMIN_ACTION_RETRY_MAX {
            // SAFETY: the publication is live and used by this thread alone; the message is
            // copied before the call returns.
            let position = unsafe {
                c::aeron_exclusive_publication_offer(
                    self.publication.as_ptr(),
                    message.as_ptr(),
                    message.len(),
                    None,
                    std::ptr::null_mut(),
                )
            };
            return match c_int::try_from(position.min(0)).unwrap_or(c_int::MIN) {
                0 => Ok(StreamPosition(position)),
                c::AERON_PUBLICATION_ADMIN_ACTION => continue,
                c::AERON_PUBLICATION_BACK_PRESSURED => Err(OfferError::BackPressured),
                c::AERON_PUBLICATION_NOT_CONNECTED => Err(OfferError::NotConnected),
                // Closed, out of positions, or an error that no later offer mends.
                _ => Err(OfferError::Closed),
            };
        }
        Err(OfferError::BackPressured)
    }

    fn is_closed(&self) -> bool {
        // SAFETY: the publication is live until `self` is dropped.
        unsafe { c::aeron_exclusive_publication_is_closed(self.publication.as_ptr()) }
    }
}

impl Publication for AeronPublication {
    fn offer(&mut self, message: &[u8]) -> Result<StreamPosition, OfferError> {
        if message.len() > self.message_len_max {
            return Err(OfferError::TooLong { len: message.len(), len_max: self.message_len_max });
        }
        self.append(message)
    }

    fn is_connected(&self) -> bool {
        // SAFETY: the publication is live until `self` is dropped.
        unsafe { c::aeron_exclusive_publication_is_connected(self.publication.as_ptr()) }
    }

    fn reader_count(&self) -> usize {
        if self.is_closed() || !self.is_connected() {
            return 0;
        }
        let Some(counter) = self.receivers else { return 1 };
        // SAFETY: the counter is in the driver's counters file, mapped while the client lives
        // (`core`), aligned by Aeron, and written by atomic stores alone.
        let count = unsafe { counter.as_ref() }.load(Ordering::Acquire);
        let receivers = usize::try_from(count).unwrap_or(0);
        // Flow control knows a driver as one receiver, however many read there. Of our own driver
        // we can tell.
        let here = Here::look(&self.core, self.stream, self.is_tagged);
        match receivers {
            0 => 0,
            _ => receivers.saturating_sub(here.images) + here.subscribers,
        }
    }

    fn message_len_max(&self) -> usize {
        self.message_len_max
    }

    fn fragment_len_max(&self) -> usize {
        self.fragment_len_max
    }
}

impl Drop for AeronPublication {
    fn drop(&mut self) {
        // SAFETY: closed once; the client is alive (`core`), and its conductor runs on this
        // thread, so that the close happens inside the call.
        unsafe {
            c::aeron_exclusive_publication_close(
                self.publication.as_ptr(),
                None,
                std::ptr::null_mut(),
            );
        }
    }
}

/// How counters of positions name a stream of one publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StreamKey {
    session_id: i32,
    stream_id: i32,
}

/// The readers of a stream on the publisher's own driver.
#[derive(Debug)]
struct Here {
    stream: StreamKey,
    /// Receivers of theirs, as flow control counts.
    images: usize,
    /// Subscriptions that read from these.
    subscribers: usize,
}

impl Here {
    /// With `is_tagged` only those are seen whose channel carries a tag, as their labels tell.
    fn look(core: &ClientCore, stream: StreamKey, is_tagged: bool) -> Self {
        let mut here = Self { stream, images: 0, subscribers: 0 };
        let tag = b"gtag=";
        for_each_counter(core, |counter| {
            if is_tagged && !counter.label.windows(tag.len()).any(|part| part == tag) {
                return;
            }
            let ids = counter.key.get(8..16).map(|ids| ids.split_at(4));
            let Some((session, stream)) = ids else { return };
            let is_ours = session == here.stream.session_id.to_le_bytes()
                && stream == here.stream.stream_id.to_le_bytes();
            match u32::try_from(counter.type_id) {
                Ok(c::AERON_COUNTER_RECEIVER_HWM_TYPE_ID) if is_ours => here.images += 1,
                Ok(c::AERON_COUNTER_SUBSCRIPTION_POSITION_TYPE_ID) if is_ours => {
                    here.subscribers += 1;
                }
                _ => {}
            }
        });
        here
    }
}

/// Finds the "fc-receivers" counter of a publication: its key begins with the registration id.
fn find_receivers_counter(core: &ClientCore, registration_id: i64) -> Option<NonNull<AtomicI64>> {
    let mut found = None;
    for_each_counter(core, |counter| {
        let is_of_type =
            u32::try_from(counter.type_id) == Ok(c::AERON_COUNTER_FC_NUM_RECEIVERS_TYPE_ID);
        if is_of_type && counter.key.first_chunk() == Some(&registration_id.to_le_bytes()) {
            found = Some(counter.id);
        }
    });
    // SAFETY: the reader is live with the client; the address is null for an id that is out of
    // bounds.
    NonNull::new(unsafe { c::aeron_counters_reader_addr(core.counters(), found?) }.cast())
}

/// A counter of the driver.
struct Counter<'a> {
    id: i32,
    type_id: i32,
    key: &'a [u8],
    label: &'a [u8],
}

/// Visits every counter that is in use.
fn for_each_counter(core: &ClientCore, mut look: impl FnMut(Counter<'_>)) {
    type Look<'a> = &'a mut dyn FnMut(Counter<'_>);
    unsafe extern "C" fn visit(
        _value: i64,
        id: i32,
        type_id: i32,
        key: *const u8,
        key_length: usize,
        label: *const c_char,
        label_length: usize,
        look: *mut c_void,
    ) {
        // SAFETY: `look` is the closure below, borrowed for the walk; Aeron's key and label are
        // readable for their lengths.
        unsafe {
            let key = std::slice::from_raw_parts(key, key_length);
            let label = std::slice::from_raw_parts(label.cast(), label_length);
            (*look.cast::<Look<'_>>())(Counter { id, type_id, key, label });
        }
    }
    let mut look: Look<'_> = &mut look;
    // SAFETY: the reader is live with the client; `look` outlives the walk.
    unsafe {
        c::aeron_counters_reader_foreach_counter(
            core.counters(),
            Some(visit),
            (&raw mut look).cast(),
        );
    }
}
