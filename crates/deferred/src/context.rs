//! The current `tracing` span: something runs in the one in which it was set up.
//!
//! Mirrors what `twisted.python.context` is used for. Tested in
//! `tests/chains/spans.rs`.

use tracing::Span;
use tracing::level_filters::LevelFilter;

/// The span we are in; `None` when there is none, and, at the price of looking
/// at one number, when nobody subscribes.
#[inline]
pub(crate) fn current() -> Option<Span> {
    if LevelFilter::current() == LevelFilter::OFF {
        return None;
    }
    let span = Span::current();
    (!span.is_none()).then_some(span)
}
