//! x
use super::UringUnavailable;
pub(super) fn probe_uring() -> Result<(), UringUnavailable> {
    Err(UringUnavailable::Broken("not built".into()))
}
