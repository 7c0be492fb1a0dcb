//! Log lines, observers and log files.

mod log;
mod log_observer;
mod logfile;
mod support;
mod unformattable;
