//! [`Fields`]: reading the fields of an event or a span.
//!
//! Tested in `tests/logging/log.rs` and `tests/logging/log_observer.rs`.

use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};

use super::safe_format::SafeRepr;
use super::traceback;
use super::value::FieldValue;

/// A reader of fields, one by one.
pub(super) trait Fields {
    /// Reads a field.
    fn set(&mut self, field: &Field, value: FieldValue);

    /// Reads an error: as the text of it and its causes, unless there is more
    /// to be known of it.
    fn set_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.set(field, FieldValue::Shown(traceback::chain(error, ": ")));
    }
}

/// The [`Visit`] of a reader.
pub(super) struct Visitor<'a, F>(pub(super) &'a mut F);

impl<F: Fields> Visit for Visitor<'_, F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.set(field, FieldValue::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.set(field, FieldValue::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.set(field, FieldValue::Unsigned(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.set(field, FieldValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.set(field, FieldValue::Str(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.set_error(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.set(field, FieldValue::Shown(SafeRepr(value).to_string()));
    }
}
