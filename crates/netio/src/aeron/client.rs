//! The transport: one Aeron client on an embedded driver, or on one that somebody else runs.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use vesta_transport::{Duty, StreamId, Transport, TransportError};

use super::driver::{DriverError, MediaDriver};
use super::explain;
use super::ffi::{self, c};
use super::publication::AeronPublication;
use super::settings::DriverSettings;
use super::shared::{SharedDriver, Watch};
use super::subscription::{AeronSubscription, ImageChanges};
use crate::clock::Deadline;

/// Between looks at a driver that runs on another thread.
const WAIT_STEP: Duration = Duration::from_micros(200);

/// Settings of a client. [`Default`] gives the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// Shows in the driver's counters.
    pub name: String,
    /// Touch the pages of a log when it is mapped, instead of on the path of its first messages.
    pub pre_touch_mapped_memory: bool,
    /// How long to wait for a stream to open, in milliseconds.
    pub add_timeout_ms: u64,
    /// Silence of the driver after which it is taken for dead, in milliseconds; also how long to
    /// wait for one to appear when attaching.
    pub driver_timeout_ms: u64,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            name: "vesta".to_owned(),
            pre_touch_mapped_memory: true,
            add_timeout_ms: 10_000,
            driver_timeout_ms: 10_000,
        }
    }
}

/// Aeron behind the [`Transport`] seam.
///
/// It belongs to the thread that made it, which must call [`Duty::do_work`] every cycle: that runs
/// the client's conductor and, on an embedded driver in invoker mode, the driver itself.
/// Publications and subscriptions may outlive it, and then keep client and driver alive, but
/// nothing moves any more.
#[derive(Debug)]
pub struct AeronTransport {
    core: Rc<ClientCore>,
    settings: ClientSettings,
}

/// What the transport shares with its streams: the client, then its driver, closed in that order.
#[derive(Debug)]
pub(super) struct ClientCore {
    client: NonNull<c::aeron_t>,
    context: NonNull<c::aeron_context_t>,
    driver: RefCell<Option<MediaDriver>>,
    reported: Box<Reported>,
    /// Over a driver that somebody else hosts, and the name of its datapath, where that is known.
    watch: RefCell<Option<Watch>>,
    shared_datapath: Option<String>,
    /// Notified by streams that never opened, should the driver answer late.
    orphans: RefCell<Vec<Rc<ImageChanges>>>,
}

/// What Aeron's error handler was told since the last look.
#[derive(Debug, Default)]
struct Reported(RefCell<Option<String>>);

impl AeronTransport {
    /// Starts a driver of its own and connects to it.
    ///
    /// # Errors
    /// When the driver does not start or the client can not connect; nothing is left behind.
    pub fn embed(driver: &DriverSettings, client: ClientSettings) -> Result<Self, DriverError> {
        Self::on_driver(MediaDriver::start(driver)?, client)
    }

    /// Connects to `driver`, and owns it from now on.
    ///
    /// # Errors
    /// When the client can not connect.
    pub fn on_driver(driver: MediaDriver, client: ClientSettings) -> Result<Self, DriverError> {
        let directory = driver.directory().to_owned();
        Self::connect(&directory, Some(driver), None, None, client)
    }

    /// Connects to a driver that another thread or process runs in `directory`.
    ///
    /// # Errors
    /// When there is none within the client's `driver_timeout_ms`.
    pub fn attach(directory: &Path, client: ClientSettings) -> Result<Self, DriverError> {
        ffi::silence();
        Self::connect(directory, None, None, None, client)
    }

    /// Connects to a driver that another process hosts, and watches it: once it is gone,
    /// [`Duty::do_work`] fails with that reason.
    ///
    /// # Errors
    /// When the client can not connect.
    pub fn share(driver: SharedDriver, client: ClientSettings) -> Result<Self, DriverError> {
        ffi::silence();
        let (directory, datapath) =
            (driver.directory.clone(), driver.note.get("datapath").cloned());
        Self::connect(&directory, None, driver.into_watch(), datapath, client)
    }

    fn connect(
        directory: &Path,
        driver: Option<MediaDriver>,
        watch: Option<Watch>,
        shared_datapath: Option<String>,
        settings: ClientSettings,
    ) -> Result<Self, DriverError> {
        let path = directory.to_str().ok_or_else(|| {
            DriverError::Settings(format!("{} is not UTF-8", directory.display()))
        })?;
        let path = ffi::c_string(path).map_err(DriverError::Settings)?;
        let name = ffi::c_string(&settings.name).map_err(DriverError::Settings)?;
        let reported = Box::<Reported>::default();

        let mut context = std::ptr::null_mut();
        // SAFETY: the out-pointer is valid for the call.
        if unsafe { c::aeron_context_init(&raw mut context) } < 0 {
            return Err(DriverError::Settings(ffi::last_error()));
        }
        let mut client = std::ptr::null_mut();
        // SAFETY: the context is live; Aeron copies the strings; `reported` is boxed and kept
        // until the client is closed. On failure the context is closed here and nowhere else.
        let result = unsafe {
            c::aeron_context_set_dir(context, path.as_ptr());
            c::aeron_context_set_client_name(context, name.as_ptr());
            c::aeron_context_set_driver_timeout_ms(context, settings.driver_timeout_ms);
            c::aeron_context_set_pre_touch_mapped_memory(context, settings.pre_touch_mapped_memory);
            c::aeron_context_set_use_conductor_agent_invoker(context, true);
            let told = (&raw const *reported).cast_mut().cast();
            c::aeron_context_set_error_handler(context, Some(on_error), told);
            match c::aeron_init(&raw mut client, context) {
                0 => c::aeron_start(client),
                error => error,
            }
        };
        match (NonNull::new(client), NonNull::new(context)) {
            (Some(client), Some(context)) if result == 0 => {
                let core = Rc::new(ClientCore {
                    client,
                    context,
                    driver: RefCell::new(driver),
                    reported,
                    watch: RefCell::new(watch),
                    shared_datapath,
                    orphans: RefCell::new(Vec::new()),
                });
                Ok(Self { core, settings })
            }
            _ => {
                let error = ffi::last_error();
                // SAFETY: the context was made above, and no client uses it.
                unsafe { c::aeron_context_close(context) };
                Err(DriverError::Settings(format!(
                    "no driver answers in {}: {error}",
                    directory.display()
                )))
            }
        }
    }

    /// Looks at the embedded driver; `None` on a driver that somebody else runs.
    pub fn with_driver<T>(&self, look: impl FnOnce(&MediaDriver) -> T) -> Option<T> {
        self.core.driver.borrow().as_ref().map(look)
    }

    /// Name of the driver's datapath; `None` where nobody told.
    #[must_use]
    pub fn datapath(&self) -> Option<String> {
        let embedded = self.with_driver(|driver| driver.datapath().datapath.to_string());
        embedded.or_else(|| self.core.shared_datapath.clone())
    }

    /// Datagrams that the driver dropped because they are no frames of its protocol, since it
    /// started.
    #[must_use]
    pub fn malformed_count(&self) -> u64 {
        use c::aeron_system_counter_enum_t as counter;
        let id = counter::AERON_SYSTEM_COUNTER_INVALID_PACKETS as i32;
        // SAFETY: the reader is live with the client, and maps the driver's counters, which are
        // aligned and written by atomic stores alone; the address of a counter that is not there is
        // null.
        let value = unsafe {
            let address = c::aeron_counters_reader_addr(self.core.counters(), id);
            address.cast::<AtomicI64>().as_ref().map_or(0, |value| value.load(Ordering::Relaxed))
        };
        u64::try_from(value).unwrap_or(0)
    }

    /// Stops the embedded driver at once, as a crash would: readers elsewhere get no goodbye, and
    /// the next [`Duty::do_work`] fails. For drills and tests.
    pub fn crash_driver(&mut self) {
        drop(self.core.driver.borrow_mut().take());
    }

    /// Works for `duration`, so that what was closed just before is told to its readers: without
    /// it, a process that ends at once looks to them like one that died.
    ///
    /// # Errors
    /// When the transport fails meanwhile.
    pub fn linger(&mut self, duration: Duration) -> Result<(), TransportError> {
        let deadline = Deadline::after(duration);
        while !deadline.is_over() {
            if self.do_work()? == 0 {
                std::thread::sleep(WAIT_STEP);
            }
        }
        Ok(())
    }

    /// Works until `poll` has the stream (1), refuses it (below 0), or time is up.
    fn await_stream(
        &mut self,
        channel: &str,
        stream: StreamId,
        what: &str,
        mut poll: impl FnMut() -> c_int,
    ) -> Result<(), TransportError> {
        let deadline = Deadline::after(Duration::from_millis(self.settings.add_timeout_ms));
        loop {
            let work_count = self.do_work()?;
            match poll() {
                0 => {}
                1.. => return Ok(()),
                _ => return Err(refused(channel, stream, what, &ffi::last_error())),
            }
            if deadline.is_over() {
                let waited =
                    format!("the driver gave no answer in {} ms", self.settings.add_timeout_ms);
                return Err(refused(channel, stream, what, &waited));
            }
            if work_count == 0 {
                std::thread::sleep(WAIT_STEP);
            }
        }
    }
}

fn refused(channel: &str, stream: StreamId, what: &str, message: &str) -> TransportError {
    let cause =
        explain::cause(channel, message).map_or(String::new(), |cause| format!("{cause}. "));
    TransportError(format!(
        "{what} of stream {} on {channel} can not be opened: {cause}Aeron says: {message}",
        stream.0
    ))
}

impl Duty for AeronTransport {
    fn do_work(&mut self) -> Result<usize, TransportError> {
        let mut work_count = 0;
        if let Some(driver) = self.core.driver.borrow_mut().as_mut() {
            work_count += driver.do_work().map_err(|error| TransportError(error.to_string()))?;
        }
        if let Some(watch) = self.core.watch.borrow_mut().as_mut()
            && let Some(gone) = watch.gone()
        {
            return Err(TransportError(gone));
        }
        // SAFETY: the client is live, and its conductor runs on this thread alone (`Self` is not
        // `Send`, and the context asks for an invoker).
        let result = unsafe { c::aeron_main_do_work(self.core.client.as_ptr()) };
        match usize::try_from(result) {
            Ok(count) if !self.core.is_closed() => Ok(work_count + count),
            _ => Err(self.core.failure()),
        }
    }
}

impl Transport for AeronTransport {
    type Publication = AeronPublication;
    type Subscription = AeronSubscription;

    fn add_publication(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<AeronPublication, TransportError> {
        const WHAT: &str = "the publication";
        let uri = ffi::c_string(channel).map_err(TransportError)?;
        let mut pending = std::ptr::null_mut();
        let client = self.core.client.as_ptr();
        // SAFETY: the client is live, and Aeron copies the URI.
        let result = unsafe {
            c::aeron_async_add_exclusive_publication(
                &raw mut pending,
                client,
                uri.as_ptr(),
                stream.0,
            )
        };
        if result < 0 {
            return Err(refused(channel, stream, WHAT, &ffi::last_error()));
        }
        let mut publication = std::ptr::null_mut();
        let opened = self.await_stream(channel, stream, WHAT, || {
            // SAFETY: `pending` is live until a poll answers other than 0, which ends the loop.
            unsafe { c::aeron_async_add_exclusive_publication_poll(&raw mut publication, pending) }
        });
        opened?;
        let publication = NonNull::new(publication)
            .ok_or_else(|| refused(channel, stream, WHAT, "no publication came"))?;
        AeronPublication::new(publication, Rc::clone(&self.core))
            .map_err(|error| refused(channel, stream, WHAT, &error))
    }

    fn add_subscription(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<AeronSubscription, TransportError> {
        const WHAT: &str = "the subscription";
        let uri = ffi::c_string(channel).map_err(TransportError)?;
        let changes = Rc::new(ImageChanges::default());
        let told = Rc::as_ptr(&changes).cast_mut().cast::<c_void>();
        let mut pending = std::ptr::null_mut();
        let client = self.core.client.as_ptr();
        // SAFETY: the client is live, and Aeron copies the URI. `changes` is kept by the
        // subscription until it is closed, or by `orphans` until the client is.
        let result = unsafe {
            c::aeron_async_add_subscription(
                &raw mut pending,
                client,
                uri.as_ptr(),
                stream.0,
                Some(ImageChanges::on_available),
                told,
                Some(ImageChanges::on_unavailable),
                told,
            )
        };
        if result < 0 {
            return Err(refused(channel, stream, WHAT, &ffi::last_error()));
        }
        let mut subscription = std::ptr::null_mut();
        let opened = self.await_stream(channel, stream, WHAT, || {
            // SAFETY: `pending` is live until a poll answers other than 0, which ends the loop.
            unsafe { c::aeron_async_add_subscription_poll(&raw mut subscription, pending) }
        });
        match (opened, NonNull::new(subscription)) {
            (Ok(()), Some(subscription)) => {
                Ok(AeronSubscription::new(subscription, changes, Rc::clone(&self.core)))
            }
            (opened, _) => {
                self.core.orphans.borrow_mut().push(changes);
                opened?;
                Err(refused(channel, stream, WHAT, "no subscription came"))
            }
        }
    }
}

impl ClientCore {
    /// True once the client gave up its driver, or the driver the client.
    pub(super) fn is_closed(&self) -> bool {
        // SAFETY: the client is live until `self` is dropped.
        unsafe { c::aeron_is_closed(self.client.as_ptr()) }
    }

    pub(super) fn counters(&self) -> *mut c::aeron_counters_reader_t {
        // SAFETY: the client is live until `self` is dropped, and the reader is a part of it.
        unsafe { c::aeron_counters_reader(self.client.as_ptr()) }
    }

    fn failure(&self) -> TransportError {
        let text = self.reported.0.borrow_mut().take().unwrap_or_else(ffi::last_error);
        TransportError(format!("the Aeron client failed: {text}"))
    }
}

impl Drop for ClientCore {
    fn drop(&mut self) {
        // SAFETY: both are live and closed once, client first. No stream of theirs is left: each
        // holds an `Rc` of `self`.
        unsafe {
            c::aeron_close(self.client.as_ptr());
            c::aeron_context_close(self.context.as_ptr());
        }
    }
}

/// Replaces Aeron's own handler, which ends the process.
unsafe extern "C" fn on_error(told: *mut c_void, _code: c_int, message: *const c_char) {
    // SAFETY: `told` is the `Reported` of a live core, and handlers run on its thread. The
    // message is NUL-terminated and copied here.
    let (reported, message) = unsafe { (&*told.cast::<Reported>(), CStr::from_ptr(message)) };
    let mut reported = reported.0.borrow_mut();
    // The first is the cause, the rest are its consequences.
    reported.get_or_insert_with(|| ffi::one_line(&message.to_string_lossy()));
}

impl std::fmt::Display for AeronTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.core.driver.borrow().as_ref() {
            None => f.write_str("Aeron client on a driver that another runs"),
            Some(driver) => {
                let threading = driver.threading();
                write!(f, "Aeron driver ({threading}) in {}", driver.directory().display())
            }
        }
    }
}
