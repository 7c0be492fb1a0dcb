//! Log lines, observers and log files.

mod hand_over;
mod log;
mod log_observer;
mod logfile;
mod support;
mod unformattable;
