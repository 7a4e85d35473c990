//! The embedded Aeron media driver.

use std::io::ErrorKind;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use super::directory::{DriverDirectory, Removed};
use super::ffi::{self, c};
use super::settings::{DriverSettings, Threading};
use super::shared::NoDriver;
use super::space::Space;
use crate::datapath::{
    Datapath, DatapathCounters, DatapathError, DriverBindings, Dropped, ReceiveLoss, Selected,
    XdpCounters, XdpFallback, XdpInterface, XdpUnavailable, select,
};

/// Why a driver did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// Its directory could not be made.
    #[error(
        "the driver's directory under {parent} can not be made: {source}; name a folder that is there and can be written to"
    )]
    Directory {
        /// Where it was to be.
        parent: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A driver that lives has its directory.
    #[error(
        "the driver's directory {directory} is in use: {source}; stop that one, or name another directory"
    )]
    InUse {
        /// The directory.
        directory: String,
        /// Who has it.
        source: std::io::Error,
    },
    /// Something that no driver made is where its directory was to be.
    #[error(
        "the driver's directory {directory} is not the driver's: {source}; name another directory, or remove what is in this one"
    )]
    NotOurs {
        /// The directory.
        directory: String,
        /// What is there.
        source: std::io::Error,
    },
    /// Its files would not fit.
    #[error(
        "the driver would take {needed} bytes under {parent}, which has {free} free: free some, configure shorter term buffers (streams.*.term_length_bytes), or another folder"
    )]
    NoSpace {
        /// Where they were to be.
        parent: String,
        /// Bytes that it would take.
        needed: u64,
        /// Bytes that there are.
        free: u64,
    },
    /// Nobody hosts the driver that was to be shared.
    #[error(
        "{0}. Start `vesta driver` with this configuration, or set transport.driver = \"embedded\""
    )]
    NoDriver(#[from] NoDriver),
    /// The datapath that the settings insist on is not to be had.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// `xdp` is configured without a fallback, and is not to be had.
    #[error(
        "datapath = \"xdp\" is configured, but {0} (or set transport.xdp_fallback = \"socket\")"
    )]
    Xdp(#[from] XdpUnavailable),
    /// A setting is wrong; the text names it.
    #[error("the Aeron driver can not start: {0}")]
    Settings(String),
    /// Aeron failed at work.
    #[error("the Aeron driver failed: {0}")]
    Work(String),
}

/// A running driver. It belongs to the thread that started it, which in invoker mode also runs
/// it: rings are bound to their thread. Dropping it stops it and removes its directory.
#[derive(Debug)]
pub struct MediaDriver {
    // Fields are dropped in this order, after `Drop::drop` has closed the driver.
    driver: NonNull<c::aeron_driver_t>,
    _context: Context,
    bindings: Option<Box<DriverBindings>>,
    directory: DriverDirectory,
    threading: Threading,
    selected: Selected,
    xdp_counters: Option<Arc<XdpCounters>>,
    receive_loss: Option<ReceiveLoss>,
    removed: Vec<Removed>,
    warnings: Vec<String>,
    space: Space,
}

/// A driver context, closed on drop.
#[derive(Debug)]
struct Context(NonNull<c::aeron_driver_context_t>);

impl Context {
    fn new() -> Result<Self, DriverError> {
        let mut context = std::ptr::null_mut();
        // SAFETY: the out-pointer is valid for the call.
        let result = unsafe { c::aeron_driver_context_init(&raw mut context) };
        match NonNull::new(context) {
            Some(context) if result == 0 => Ok(Self(context)),
            _ => Err(DriverError::Settings(ffi::last_error())),
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by `aeron_driver_context_init`, and the driver that used it is closed (it
        // is the owner's business to drop it first).
        unsafe { c::aeron_driver_context_close(self.0.as_ptr()) };
    }
}

impl MediaDriver {
    /// Starts a driver, after removing what dead ones left behind.
    ///
    /// # Errors
    /// A typed reason; nothing is left behind.
    pub fn start(settings: &DriverSettings) -> Result<Self, DriverError> {
        ffi::silence();
        let mut warnings = settings.check().map_err(DriverError::Settings)?;
        let mut selected = select(settings.datapath)?;
        if selected.datapath == Datapath::Uring {
            selected.reason = format!("{}; {}", selected.reason, settings.uring);
            warnings.extend(settings.uring.warnings());
        }
        let default_parent = DriverDirectory::default_parent();
        let parent = settings.directory_parent.as_deref().unwrap_or(&default_parent);
        let parent = settings.directory.as_deref().and_then(Path::parent).unwrap_or(parent);
        let removed = DriverDirectory::remove_stale(parent);
        let reserved = match &settings.directory {
            None => DriverDirectory::reserve(parent, &settings.role),
            Some(path) => DriverDirectory::claim(path),
        };
        let refused = |source: std::io::Error| {
            let directory = settings.directory.as_deref().map(|path| path.display().to_string());
            match (directory, source.kind()) {
                (Some(directory), ErrorKind::AddrInUse) => DriverError::InUse { directory, source },
                (Some(directory), ErrorKind::DirectoryNotEmpty) => {
                    DriverError::NotOurs { directory, source }
                }
                _ => DriverError::Directory { parent: parent.display().to_string(), source },
            }
        };
        let mut directory = reserved.map_err(refused)?;
        let space = Space::look(settings, parent)?;
        let context = Context::new()?;
        let path = directory.path().to_str().ok_or_else(|| {
            DriverError::Settings(format!("{} is not UTF-8", directory.path().display()))
        })?;
        settings.apply(context.0.as_ptr(), path).map_err(DriverError::Settings)?;

        let interface = match selected.datapath {
            Datapath::Xdp => open_xdp(settings, &mut selected)?,
            _ => None,
        };
        let xdp_counters = interface.as_ref().map(|interface| Arc::clone(interface.counters()));
        let receive_loss = settings.receive_loss.then(ReceiveLoss::default);
        let bindings = DriverBindings::new(
            selected.datapath,
            settings.datagram_max_bytes(),
            &settings.uring,
            receive_loss.clone(),
            settings.gate.clone(),
            interface,
        );
        if let Some(bindings) = &bindings {
            // SAFETY: the context is live, and the table lives in a box that `Self` keeps until
            // the driver is closed.
            unsafe {
                c::aeron_driver_context_set_udp_channel_transport_bindings(
                    context.0.as_ptr(),
                    bindings.table(),
                );
            }
        }

        if settings.directory.is_some() {
            // Not earlier: only now it is certain which datapath it runs on.
            let note = format!("{}datapath = {}\n", settings.note, selected.datapath);
            directory.write_note(&note).map_err(refused)?;
        }
        directory.begin_use();
        let mut driver = std::ptr::null_mut();
        // SAFETY: the context is live and outlives the driver (see the order of fields).
        let result = unsafe { c::aeron_driver_init(&raw mut driver, context.0.as_ptr()) };
        let driver = match NonNull::new(driver) {
            Some(driver) if result == 0 => driver,
            _ => return Err(DriverError::Settings(ffi::last_error())),
        };
        // From here on `Drop` closes the driver.
        let this = Self {
            driver,
            _context: context,
            bindings,
            directory,
            threading: settings.threading,
            selected,
            xdp_counters,
            receive_loss,
            removed,
            warnings,
            space,
        };
        let manual = settings.threading == Threading::Invoker;
        // SAFETY: the driver was made above and is started once.
        if unsafe { c::aeron_driver_start(this.driver.as_ptr(), manual) } < 0 {
            return Err(DriverError::Work(ffi::last_error()));
        }
        Ok(this)
    }

    /// One duty cycle in invoker mode: sender, receiver, conductor. 0 where the driver has threads
    /// of its own.
    ///
    /// # Errors
    /// When Aeron says that it failed.
    pub fn do_work(&mut self) -> Result<usize, DriverError> {
        if let Some(failure) = self.bindings.as_ref().and_then(|bindings| bindings.failure()) {
            return Err(DriverError::Work(failure.to_owned()));
        }
        if self.threading != Threading::Invoker {
            return Ok(0);
        }
        // SAFETY: the driver is live, and in invoker mode runs on its owner's thread alone, which
        // `Self` not being `Send` sees to.
        let work_count = unsafe { c::aeron_driver_main_do_work(self.driver.as_ptr()) };
        usize::try_from(work_count).map_err(|_| DriverError::Work(ffi::last_error()))
    }

    /// Where clients of this driver find it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Who runs it.
    #[must_use]
    pub fn threading(&self) -> Threading {
        self.threading
    }

    /// The datapath in use, and why: one line for the start-up log.
    #[must_use]
    pub fn datapath(&self) -> &Selected {
        &self.selected
    }

    /// What the datapath counts; all zero on `socket`.
    #[must_use]
    pub fn datapath_counters(&self) -> DatapathCounters {
        self.bindings.as_ref().map(|bindings| bindings.counters().clone()).unwrap_or_default()
    }

    /// Directories of dead drivers that were removed at start, for the start-up log.
    #[must_use]
    pub fn removed_stale(&self) -> &[Removed] {
        &self.removed
    }

    /// Memory that its files take, and that there is for them: for the start-up log.
    #[must_use]
    pub fn space(&self) -> Space {
        self.space
    }

    /// Settings that the kernel does not grant in full, for the start-up log.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Datagrams that were not let in.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.bindings.as_ref().map_or(Dropped::default(), |bindings| bindings.dropped())
    }

    /// What the `xdp` datapath counts, on an interface that other drivers of this process may share;
    /// `None` on any other.
    #[must_use]
    pub fn xdp_counters(&self) -> Option<&XdpCounters> {
        self.xdp_counters.as_deref()
    }

    /// The loss generator, if the settings asked for one.
    #[must_use]
    pub fn receive_loss(&self) -> Option<&ReceiveLoss> {
        self.receive_loss.as_ref()
    }
}

/// Opens the interface, or falls back as configured.
fn open_xdp(
    settings: &DriverSettings,
    selected: &mut Selected,
) -> Result<Option<Arc<XdpInterface>>, XdpUnavailable> {
    match XdpInterface::open(&settings.xdp, settings.datagram_max_bytes()) {
        Ok(interface) => {
            interface.description().clone_into(&mut selected.reason);
            Ok(Some(interface))
        }
        Err(why) if settings.xdp.fallback == XdpFallback::Socket => {
            let reason = format!("fallback, as xdp can not be had: {why}");
            *selected = Selected { datapath: Datapath::Socket, reason };
            Ok(None)
        }
        Err(why) => Err(why),
    }
}

impl Drop for MediaDriver {
    fn drop(&mut self) {
        // SAFETY: the driver is live and closed once. It joins the driver's thread, and closes
        // every socket; the context and the bindings it uses are fields, dropped after this.
        unsafe { c::aeron_driver_close(self.driver.as_ptr()) };
    }
}
