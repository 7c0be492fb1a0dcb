//! Log files that rotate.
//!
//! Mirrors `twisted.python.logfile`. Tested in `tests/logging/logfile.rs`.

mod base;
mod daily;
mod error;
mod reader;
mod rotating;
mod size;

pub use daily::{DailyLogFile, DailyLogFileBuilder, LogDate};
pub use error::LogFileError;
pub use reader::LogReader;
pub use size::{LogFile, LogFileBuilder};
