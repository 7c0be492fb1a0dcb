//! Log files that rotate: one machine, [`RotatingLogFile`], and two rules when
//! to rotate, [`BySize`] and [`ByDay`].
//!
//! Mirrors `twisted.python.logfile`. Tested in `tests/logging/logfile.rs`.

mod builder;
mod by_day;
mod by_size;
mod error;
mod open_file;
mod reader;
mod rotating_file;
mod rotation;

pub use builder::RotatingLogFileBuilder;
pub use by_day::{ByDay, DailyLogFile, DailyLogFileBuilder, LogDate};
pub use by_size::{BySize, LogFile, LogFileBuilder};
pub use error::LogFileError;
pub use reader::LogReader;
pub use rotating_file::RotatingLogFile;
pub use rotation::Rotation;
