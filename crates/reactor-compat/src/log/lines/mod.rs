//! Lines on their way to what a log is written to, so that nobody who logs waits
//! for somebody who does not read.
//!
//! | here | |
//! |---|---|
//! | [`HandOver`] | the bounds: how long it is waited, how much may wait |
//! | `outlet` | the way of a log's lines: written at once, or handed over |
//! | `thread` | the thread that writes what was handed over; [`flush`] |
//! | `queue` | what waits between them |
//! | `sync` | locks and time, for which a model has others |
//!
//! No counterpart in Twisted, whose logs block. Tested in
//! `tests/logging/hand_over.rs`; all interleavings of a few threads in the package
//! `models`.

mod hand_over;
mod outlet;
mod queue;
mod sync;
mod thread;

pub use hand_over::HandOver;
pub(super) use outlet::{Delivery, Lines, LostLine, Writer};
pub use thread::flush;
pub(super) use thread::flush_when_main_ends;
