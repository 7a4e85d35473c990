//! An engine: nine C functions, found by name in a shared library, or our own.

use crate::abi::{Cancel, Order, Transport};
use crate::null_engine::NULL_ENGINE;
use core::ffi::c_void;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::io;
use std::path::{Path, PathBuf};

/// The functions of an engine. What each must do is in the public header; they are called from one
/// thread.
#[derive(Clone, Copy, Debug)]
pub struct EngineFunctions {
    /// Called first, once: a nonce, the transport for reports, and its handle.
    pub init: unsafe extern "C" fn(seed: u64, transport: *const Transport, handle: *mut c_void),
    /// Called last, once.
    pub shutdown: unsafe extern "C" fn(),
    /// One new order.
    pub on_new_order: unsafe extern "C" fn(order: *const Order),
    /// One cancel.
    pub on_cancel: unsafe extern "C" fn(cancel: *const Cancel),
    /// One modify.
    pub on_modify: unsafe extern "C" fn(modify: *const Order),
    /// Returns when all that was said has been done, and reported.
    pub flush: unsafe extern "C" fn(),
    /// Best bid in ticks, or [`NO_BID`](crate::abi::NO_BID).
    pub query_best_bid: unsafe extern "C" fn() -> i64,
    /// Best ask in ticks, or [`NO_ASK`](crate::abi::NO_ASK).
    pub query_best_ask: unsafe extern "C" fn() -> i64,
    /// Open quantity at a price, on a side.
    pub query_depth_at: unsafe extern "C" fn(price_ticks: i64, side: u8) -> u64,
    /// Optional: called for each message before the first, outside of the measurement, with the
    /// message's kind.
    pub prebuild: Option<unsafe extern "C" fn(kind: u8, message: *const c_void)>,
}

/// Why a file is no engine.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not there, or may not be read.
    #[error("{}: {error}", path.display())]
    Missing {
        /// As it was given.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The dynamic linker refuses it: not a shared library, of another machine, or in want of
    /// another library.
    #[error("{}: not a library that can be loaded: {error}", path.display())]
    NotLoadable {
        /// The file.
        path: PathBuf,
        /// What the linker says.
        error: libloading::Error,
    },
    /// A library, but not an engine.
    #[error("{}: no engine of this ABI: it does not export {symbol}", path.display())]
    MissingSymbol {
        /// The file.
        path: PathBuf,
        /// The first of the required names that it lacks.
        symbol: &'static str,
    },
}

/// An engine that has not been started.
#[derive(Debug)]
pub struct Engine {
    pub(crate) functions: EngineFunctions,
}

impl Engine {
    /// Loads a shared library, which runs whatever code it has for that. Load only what you would
    /// run: if it exports these names for something else, this process will misbehave.
    ///
    /// The library is never unloaded: an engine may have threads of its own that outlive it.
    ///
    /// # Errors
    /// When there is no such file, or it is not an engine.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        // The linker looks for a bare name in the system's folders, which is never what was meant.
        let path = path
            .canonicalize()
            .map_err(|error| LoadError::Missing { path: path.to_owned(), error })?;
        // All symbols now: one that is resolved at its first call is resolved in measured time.
        // SAFETY: runs the library's constructors, which this function says.
        let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) };
        let library =
            library.map_err(|error| LoadError::NotLoadable { path: path.clone(), error })?;
        let functions =
            find_all(&library).map_err(|symbol| LoadError::MissingSymbol { path, symbol })?;
        std::mem::forget(library);
        Ok(Self { functions })
    }

    /// The engine that only acknowledges: what the driver and the transport cost by themselves.
    #[must_use]
    pub fn null() -> Self {
        Self { functions: NULL_ENGINE }
    }

    /// An engine of functions that are at hand.
    ///
    /// # Safety
    /// They do what the public header says, and nothing else is going on in them.
    #[must_use]
    pub const unsafe fn from_functions(functions: EngineFunctions) -> Self {
        Self { functions }
    }
}

fn find_all(library: &Library) -> Result<EngineFunctions, &'static str> {
    Ok(EngineFunctions {
        init: find(library, "engine_init")?,
        shutdown: find(library, "engine_shutdown")?,
        on_new_order: find(library, "engine_on_new_order")?,
        on_cancel: find(library, "engine_on_cancel")?,
        on_modify: find(library, "engine_on_modify")?,
        flush: find(library, "engine_flush")?,
        query_best_bid: find(library, "engine_query_best_bid")?,
        query_best_ask: find(library, "engine_query_best_ask")?,
        query_depth_at: find(library, "engine_query_depth_at")?,
        prebuild: find(library, "engine_prebuild").ok(),
    })
}

/// The function of that name, as the type that the public header gives to it.
fn find<F: Copy>(library: &Library, symbol: &'static str) -> Result<F, &'static str> {
    // SAFETY: every `F` here is a function pointer of the header's type for that name, and stays
    // valid because the library is never unloaded. That the library means the same by the name
    // can not be checked: see `Engine::open`.
    let found = unsafe { library.get::<F>(symbol.as_bytes()) };
    found.map(|function| *function).map_err(|_| symbol)
}
