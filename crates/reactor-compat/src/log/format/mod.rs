//! The format of a log's lines.
//!
//! Tested in `tests/logging/log.rs`.

mod json;
mod twisted;

pub use json::JsonFormat;
pub use twisted::TwistedFormat;

use super::event::LogEvent;

/// A format, whichever.
#[derive(Clone, Debug)]
pub(super) enum Format {
    Twisted(TwistedFormat),
    Json(JsonFormat),
}

impl Format {
    /// The line, with its newline.
    pub(super) fn line(&self, event: &LogEvent) -> String {
        match self {
            Self::Twisted(format) => format.line(event),
            Self::Json(format) => format.line(event),
        }
    }
}
