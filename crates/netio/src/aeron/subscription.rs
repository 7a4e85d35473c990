//! The reading end of a stream.
//!
//! The client's conductor tells of images that come and go; it runs inside `do_work`, on the
//! thread that polls, so what it says is queued and taken up by the next poll. An image that went
//! is out of the list before the conductor may free it: it frees none that this subscription has
//! not looked away from (`aeron_subscription_image_count` is that look).

use std::any::Any;
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::rc::Rc;

use vesta_transport::{Flow, Fragment, ImageId, Input, MESSAGE_LEN_MAX, Subscription};
use vesta_types::StreamPosition;

use super::client::ClientCore;
use super::ffi::c;

/// Frame flags of a message's first and last fragment.
const BEGIN: u8 = 0x80;
const END: u8 = 0x40;
/// Fragments that a poll takes beyond its limit, of all images together, to have the rest of messages
/// that have begun: more than the longest has in datagrams of 1,408 bytes. What is left over comes at
/// the next polls.
/// Too low -> a long message takes polls that return 0; too high -> so long a publisher that begins
/// messages and ends none can hold one poll.
const EXTRA_FRAGMENTS_MAX: usize = 1024;
/// Room for a message that is kept when there is none, in bytes, of each image.
const IDLE_ROOM_MAX: usize = 64 << 10;

/// A subscription over all of its publishers, closed on drop.
#[derive(Debug)]
pub struct AeronSubscription {
    subscription: NonNull<c::aeron_subscription_t>,
    images: Vec<Image>,
    /// Where the next poll starts, so that no publisher starves another.
    next_image: usize,
    changes: Rc<ImageChanges>,
    core: Rc<ClientCore>,
}

/// Images that came and went since the last poll, as the conductor told.
#[derive(Debug, Default)]
pub(super) struct ImageChanges(RefCell<Vec<Change>>);

#[derive(Debug)]
enum Change {
    Available { image: NonNull<c::aeron_image_t>, id: ImageId, position: i64 },
    Unavailable { id: ImageId, gone: Gone },
}

#[derive(Clone, Copy, Debug)]
struct Gone {
    position: i64,
    end_of_stream: bool,
}

#[derive(Debug)]
struct Image {
    id: ImageId,
    /// `None` once it is gone: nothing more can be read from it.
    image: Option<NonNull<c::aeron_image_t>>,
    join_position: i64,
    joined_delivered: bool,
    gone: Option<Gone>,
    lost_delivered: bool,
    assembly: Assembly,
}

impl ImageChanges {
    pub(super) unsafe extern "C" fn on_available(
        told: *mut c_void,
        _subscription: *mut c::aeron_subscription_t,
        image: *mut c::aeron_image_t,
    ) {
        // SAFETY: `told` is a live `ImageChanges` (see `add_subscription`), the image is live
        // during the call and after it, until this subscription has looked away from it.
        unsafe {
            let mut constants = std::mem::MaybeUninit::uninit();
            if let Some(image) = NonNull::new(image)
                && c::aeron_image_constants(image.as_ptr(), constants.as_mut_ptr()) == 0
            {
                let constants = constants.assume_init();
                let id = ImageId(constants.correlation_id);
                let position = constants.join_position;
                (*told.cast::<Self>()).0.borrow_mut().push(Change::Available {
                    image,
                    id,
                    position,
                });
            }
        }
    }

    pub(super) unsafe extern "C" fn on_unavailable(
        told: *mut c_void,
        _subscription: *mut c::aeron_subscription_t,
        image: *mut c::aeron_image_t,
    ) {
        // SAFETY: as above; the image is closed but not yet freed.
        unsafe {
            let mut constants = std::mem::MaybeUninit::uninit();
            if c::aeron_image_constants(image, constants.as_mut_ptr()) == 0 {
                let id = ImageId(constants.assume_init().correlation_id);
                let gone = Gone {
                    position: c::aeron_image_position(image),
                    end_of_stream: c::aeron_image_is_end_of_stream(image),
                };
                (*told.cast::<Self>()).0.borrow_mut().push(Change::Unavailable { id, gone });
            }
        }
    }
}

impl AeronSubscription {
    pub(super) fn new(
        subscription: NonNull<c::aeron_subscription_t>,
        changes: Rc<ImageChanges>,
        core: Rc<ClientCore>,
    ) -> Self {
        Self { subscription, images: Vec::new(), next_image: 0, changes, core }
    }

    fn take_changes(&mut self) {
        let mut changes = self.changes.0.borrow_mut();
        if changes.is_empty() {
            return;
        }
        for change in changes.drain(..) {
            match change {
                Change::Available { image, id, position } => self.images.push(Image {
                    id,
                    image: Some(image),
                    join_position: position,
                    joined_delivered: false,
                    gone: None,
                    lost_delivered: false,
                    assembly: Assembly::default(),
                }),
                Change::Unavailable { id, gone } => {
                    if let Some(image) = self.images.iter_mut().find(|image| image.id == id) {
                        image.image = None;
                        image.gone = Some(gone);
                    }
                }
            }
        }
        // SAFETY: the subscription is live until `self` is dropped. The call says that no image
        // that went before it is looked at any more, which `image = None` above has made true.
        unsafe { c::aeron_subscription_image_count(self.subscription.as_ptr()) };
    }

    /// The client or its driver is gone, and with it everything not yet read.
    fn lose_all(&mut self) {
        for image in &mut self.images {
            if let Some(raw) = image.image.take() {
                // SAFETY: a client that gave up marks its images closed, and frees them only when
                // it is itself closed, which `core` outlasts.
                let position = unsafe { c::aeron_image_position(raw.as_ptr()) };
                image.gone = Some(Gone { position, end_of_stream: false });
            }
        }
    }
}

impl Subscription for AeronSubscription {
    fn poll(&mut self, limit: usize, handler: &mut dyn FnMut(Input<'_>) -> Flow) -> usize {
        self.take_changes();
        if self.images.is_empty() {
            return 0;
        }
        if self.core.is_closed() {
            self.lose_all();
        }
        let image_count = self.images.len();
        let first = self.next_image % image_count;
        let (mut taken, mut extra) = (0, EXTRA_FRAGMENTS_MAX);
        self.next_image = first + 1;
        for index in (0..image_count).map(|offset| (first + offset) % image_count) {
            if taken >= limit {
                break;
            }
            let (count, flow) = self.images[index].poll(limit - taken, &mut extra, handler);
            taken += count;
            if flow == Flow::Retry {
                // The same input, first thing at the next poll.
                self.next_image = index;
                break;
            }
        }
        if self.images.iter().any(|image| image.lost_delivered) {
            let before =
                self.images.iter().take(self.next_image).filter(|i| i.lost_delivered).count();
            self.next_image -= before;
            self.images.retain(|image| !image.lost_delivered);
        }
        taken
    }
}

impl Drop for AeronSubscription {
    fn drop(&mut self) {
        // SAFETY: closed once; the client is alive (`core`), and its conductor runs on this
        // thread, so that the close, and the last calls on `changes`, happen inside the call.
        unsafe {
            c::aeron_subscription_close(self.subscription.as_ptr(), None, std::ptr::null_mut());
        }
    }
}

impl Image {
    /// Delivers up to `limit` inputs; `extra` is what of [`EXTRA_FRAGMENTS_MAX`] is left.
    fn poll(
        &mut self,
        limit: usize,
        extra: &mut usize,
        handler: &mut dyn FnMut(Input<'_>) -> Flow,
    ) -> (usize, Flow) {
        let mut taken = 0;
        if !self.joined_delivered {
            let position = StreamPosition(self.join_position);
            if handler(Input::Joined { image: self.id, position }) == Flow::Retry {
                return (taken, Flow::Retry);
            }
            self.joined_delivered = true;
            taken += 1;
        }
        let mut fragments_max = limit - taken;
        let mut is_extra = false;
        while let Some(raw) = self.image
            && fragments_max > 0
        {
            let mut walk = Walk {
                handler,
                image: self.id,
                assembly: &mut self.assembly,
                taken: 0,
                flow: Flow::Taken,
                panic: None,
            };
            // SAFETY: the image is live (see the module's head), `walk` outlives the call.
            let fragments = unsafe {
                c::aeron_image_controlled_poll(
                    raw.as_ptr(),
                    Some(on_fragment),
                    (&raw mut walk).cast(),
                    fragments_max,
                )
            };
            if let Some(panic) = walk.panic {
                resume_unwind(panic);
            }
            taken += walk.taken;
            if walk.flow == Flow::Retry {
                return (taken, Flow::Retry);
            }
            // Aeron counts fragments: of a message that has begun, the rest is fetched as far as it is
            // here, or a long one would look like a poll that found nothing. Within bounds: a stranger's
            // need not end.
            if fragments <= 0 || !self.assembly.is_open {
                break;
            }
            if is_extra {
                *extra = extra.saturating_sub(usize::try_from(fragments).unwrap_or(0));
            }
            is_extra = true;
            fragments_max = (limit - taken).min(*extra);
        }
        if let Some(gone) = self.gone
            && taken < limit
        {
            let position = StreamPosition(gone.position);
            let end_of_stream = gone.end_of_stream;
            if handler(Input::Lost { image: self.id, position, end_of_stream }) == Flow::Retry {
                return (taken, Flow::Retry);
            }
            self.lost_delivered = true;
            taken += 1;
        }
        (taken, Flow::Taken)
    }
}

/// One walk over what an image has: the callback's side.
struct Walk<'a> {
    handler: &'a mut dyn FnMut(Input<'_>) -> Flow,
    image: ImageId,
    assembly: &'a mut Assembly,
    taken: usize,
    flow: Flow,
    panic: Option<Box<dyn Any + Send>>,
}

unsafe extern "C-unwind" fn on_fragment(
    walk: *mut c_void,
    buffer: *const u8,
    length: usize,
    header: *mut c::aeron_header_t,
) -> c::aeron_controlled_fragment_handler_action_t {
    use c::aeron_controlled_fragment_handler_action_en as action;
    let mut values = std::mem::MaybeUninit::uninit();
    // SAFETY: `walk` is the `Walk` of the poll that called this; Aeron's buffer is readable for
    // its length during the call, and its header can be asked.
    let (walk, bytes, flags, position) = unsafe {
        c::aeron_header_values(header, values.as_mut_ptr());
        (
            &mut *walk.cast::<Walk<'_>>(),
            std::slice::from_raw_parts(buffer, length),
            values.assume_init_ref().frame.flags,
            StreamPosition(c::aeron_header_position(header)),
        )
    };
    // A panic must not cross the C frames between here and `poll`.
    match catch_unwind(AssertUnwindSafe(|| walk.deliver(bytes, flags, position))) {
        Ok(Flow::Taken) => action::AERON_ACTION_CONTINUE,
        Ok(Flow::Retry) => {
            walk.flow = Flow::Retry;
            action::AERON_ACTION_ABORT
        }
        Err(panic) => {
            walk.assembly.take_back(bytes.len(), flags);
            walk.panic = Some(panic);
            action::AERON_ACTION_ABORT
        }
    }
}

impl Walk<'_> {
    fn deliver(&mut self, bytes: &[u8], flags: u8, position: StreamPosition) -> Flow {
        let whole = match self.assembly.add(bytes, flags) {
            Assembled::Whole(whole) => whole,
            Assembled::Part => return Flow::Taken,
        };
        let fragment = Fragment { image: self.image, position, bytes: whole };
        let flow = (self.handler)(Input::Fragment(fragment));
        match flow {
            Flow::Taken => {
                self.taken += 1;
                self.assembly.forget();
            }
            // Aeron will hand over this last fragment again.
            Flow::Retry => self.assembly.take_back(bytes.len(), flags),
        }
        flow
    }
}

/// Puts fragmented messages of one image together.
#[derive(Debug, Default)]
struct Assembly {
    buffer: Vec<u8>,
    /// Between a first fragment and its last.
    is_open: bool,
}

enum Assembled<'a> {
    Whole(&'a [u8]),
    Part,
}

impl Assembly {
    fn add<'a>(&'a mut self, bytes: &'a [u8], flags: u8) -> Assembled<'a> {
        if flags & (BEGIN | END) == (BEGIN | END) {
            return Assembled::Whole(bytes);
        }
        if flags & BEGIN != 0 {
            self.buffer.clear();
            self.is_open = true;
        }
        // Joined in the middle of a message, or it grew too long: skip what is left of it.
        if !self.is_open {
            return Assembled::Part;
        }
        let len = self.buffer.len() + bytes.len();
        if len > MESSAGE_LEN_MAX {
            self.forget();
            return Assembled::Part;
        }
        let capacity = self.buffer.capacity();
        if len > capacity {
            // By doubling, as it does by itself, but never beyond the longest message.
            let room = (2 * capacity).clamp(len, MESSAGE_LEN_MAX);
            self.buffer.reserve_exact(room - self.buffer.len());
        }
        self.buffer.extend_from_slice(bytes);
        if flags & END == 0 {
            return Assembled::Part;
        }
        Assembled::Whole(&self.buffer)
    }

    fn forget(&mut self) {
        if self.buffer.capacity() > IDLE_ROOM_MAX {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
        self.is_open = false;
    }

    fn take_back(&mut self, len: usize, flags: u8) {
        if flags & BEGIN == 0 {
            self.buffer.truncate(self.buffer.len() - len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(assembly: &mut Assembly, bytes: &[u8], flags: u8) -> Option<Vec<u8>> {
        match assembly.add(bytes, flags) {
            Assembled::Whole(whole) => Some(whole.to_vec()),
            Assembled::Part => None,
        }
    }

    #[test]
    fn a_single_fragment_is_a_message_and_three_are_one_message() {
        let mut assembly = Assembly::default();
        assert_eq!(add(&mut assembly, b"one", BEGIN | END), Some(b"one".to_vec()));
        assert_eq!(add(&mut assembly, b"a", BEGIN), None);
        assert_eq!(add(&mut assembly, b"b", 0), None);
        assert_eq!(add(&mut assembly, b"c", END), Some(b"abc".to_vec()));
        assembly.forget();
        assert_eq!(add(&mut assembly, b"x", END), None, "no message is open");
    }

    #[test]
    fn a_message_joined_in_its_middle_is_skipped() {
        let mut assembly = Assembly::default();
        assert_eq!(add(&mut assembly, b"tail", 0), None);
        assert_eq!(add(&mut assembly, b"tail", END), None);
        assert_eq!(add(&mut assembly, b"next", BEGIN), None);
        assert_eq!(add(&mut assembly, b"!", END), Some(b"next!".to_vec()));
    }

    #[test]
    fn the_last_fragment_of_a_refused_message_can_come_again() {
        let mut assembly = Assembly::default();
        assert_eq!(add(&mut assembly, b"ab", BEGIN), None);
        assert_eq!(add(&mut assembly, b"cd", END), Some(b"abcd".to_vec()));
        assembly.take_back(2, END);
        assert_eq!(add(&mut assembly, b"cd", END), Some(b"abcd".to_vec()));
    }

    #[test]
    fn an_endless_message_is_dropped_whole() {
        let mut assembly = Assembly::default();
        let chunk = vec![0; MESSAGE_LEN_MAX / 2];
        assert_eq!(add(&mut assembly, &chunk, BEGIN), None);
        assert_eq!(add(&mut assembly, &chunk, 0), None);
        assert_eq!(add(&mut assembly, b"over", 0), None);
        assert!(assembly.buffer.is_empty());
        assert_eq!(add(&mut assembly, b"tail", END), None);
    }

    #[test]
    fn room_is_that_of_the_longest_message_and_goes_when_it_is_done() {
        let mut assembly = Assembly::default();
        // A whole number of them is not the longest message.
        let fragment = vec![0; 1_376];
        let count = MESSAGE_LEN_MAX / fragment.len();
        for nth in 0..count {
            assert_eq!(add(&mut assembly, &fragment, if nth == 0 { BEGIN } else { 0 }), None);
            assert!(assembly.buffer.capacity() <= MESSAGE_LEN_MAX);
        }
        let rest = vec![0; MESSAGE_LEN_MAX - count * fragment.len()];
        let whole = add(&mut assembly, &rest, END).expect("a message");
        assert_eq!((whole.len(), assembly.buffer.capacity()), (MESSAGE_LEN_MAX, MESSAGE_LEN_MAX));
        assembly.forget();
        assert_eq!(assembly.buffer.capacity(), 0);

        // Short ones do not allocate anew each time.
        assert_eq!(add(&mut assembly, b"ab", BEGIN), None);
        assert_eq!(add(&mut assembly, b"cd", END), Some(b"abcd".to_vec()));
        assembly.forget();
        assert!(assembly.buffer.capacity() >= 4);
    }
}
