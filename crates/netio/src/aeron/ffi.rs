//! The C API as generated, and the little that every caller of it needs.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Once;

pub(crate) use rusteron_media_driver::bindings as c;

/// Keeps Aeron from writing to our standard streams: stdout carries results for programs, and
/// stderr is the log of the process. What Aeron would print is a warning about socket buffers,
/// which the settings check reports in our own words, and errors, which are returned.
pub(crate) fn silence() {
    static ONCE: Once = Once::new();
    // SAFETY: sets a process-wide function pointer before any driver or client of ours exists.
    ONCE.call_once(|| unsafe {
        c::aeron_set_fprintf_handler(Some(discard));
    });
}

unsafe extern "C" fn discard(
    _source: *const c_char,
    _line: u64,
    _stream: *mut c_void,
    _format: *const c_char,
    _arguments: *mut c::__va_list_tag,
) -> c_int {
    0
}

/// Aeron's message for the last error on this thread, on one line and without source positions.
pub(crate) fn last_error() -> String {
    // SAFETY: `aeron_errmsg` returns a NUL-terminated string in thread-local storage, which is
    // copied before anything on this thread can change it.
    let text = unsafe { CStr::from_ptr(c::aeron_errmsg()) }.to_string_lossy();
    one_line(&text)
}

/// Turns Aeron's error trace (`(98) text\n[function, file.c:12] more\n...`) into a sentence.
pub(crate) fn one_line(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for line in text.lines() {
        let line = match line.split_once("] ") {
            Some((position, rest)) if position.starts_with('[') => rest,
            _ => line,
        };
        let line = line.trim();
        let is_noise = line.is_empty() || line == "== Driver Error ==" || line.ends_with(']');
        if !is_noise && !parts.contains(&line) {
            parts.push(line);
        }
    }
    parts.join(": ")
}

/// A path, URI or number for C. The inputs are ours or from the configuration; an inner NUL is
/// the only thing that can be wrong with them.
pub(crate) fn c_string(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| format!("{text:?} has a NUL byte inside"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_trace_becomes_one_line() {
        let trace = "(98) Address already in use\n[aeron_bind, aeron_socket.c:12] bind\n\
                     [outer, x.c:3] \n== Driver Error ==\n[outer, x.c:4] bind\n";
        assert_eq!(one_line(trace), "(98) Address already in use: bind");
    }

    #[test]
    fn an_inner_nul_is_refused() {
        assert!(c_string("a\0b").is_err());
    }
}
