//! [`SafeStr`], [`SafeRepr`]: values of a user, written without failing.
//!
//! Mirrors `twisted.python.reflect.safe_str` and `safe_repr`. Tested in
//! `tests/logging/unformattable.rs`.

use std::fmt::{self, Debug, Display, Write};

use crate::panics;

/// A value as its `Display` writes it. Where that fails or panics, a remark
/// says so in place of what is missing.
pub(super) struct SafeStr<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Display + ?Sized> Display for SafeStr<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_safely(f, |out| write!(out, "{}", self.0))
    }
}

/// A value as its `Debug` writes it, likewise.
pub(super) struct SafeRepr<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Debug + ?Sized> Display for SafeRepr<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_safely(f, |out| write!(out, "{:?}", self.0))
    }
}

/// The writer, which knows if it was itself that failed.
struct Out<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    failed: bool,
}

impl Write for Out<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.to.write_str(text).inspect_err(|_| self.failed = true)
    }
}

/// Writes a value; adds a remark where that cannot be done, unless it is what
/// it is written to that cannot.
fn write_safely(
    to: &mut fmt::Formatter<'_>,
    write: impl FnOnce(&mut Out<'_, '_>) -> fmt::Result,
) -> fmt::Result {
    let mut out = Out { to, failed: false };
    let why: &dyn Display = match panics::catch(|| write(&mut out)) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(_)) if out.failed => return Err(fmt::Error),
        Ok(Err(_)) => &fmt::Error,
        // The message of a panic is text already.
        Err(ref panic) => &panic.to_string(),
    };
    write!(out, "<a value that cannot be formatted: {why}>")
}
