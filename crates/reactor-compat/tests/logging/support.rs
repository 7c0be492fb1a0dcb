//! What the tests of logging share: something to write to, and what is written.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use reactor_compat::log::{Logging, Zone};

/// The time of the lecture in which the lines of the seeds were printed.
const LECTURE: u64 = 1_424_191_576;

pub(crate) fn lecture() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(LECTURE)
}

/// Something to write to, and to look at.
#[derive(Clone, Default)]
pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Paper {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[derive(Debug)]
pub(crate) struct Broken(pub(crate) Option<Box<Self>>);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "the outer" } else { "the inner" })
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|inner| inner as &dyn Error)
    }
}

/// What is written while `body` runs, with the clock of the lecture.
pub(crate) fn written(set: impl FnOnce(Logging) -> Logging, body: impl FnOnce()) -> String {
    let paper = Paper::default();
    let logging = Logging::to(paper.clone())
        .zone(Zone::named("America/New_York").expect("there should be a time zone database"))
        .clock(lecture);
    let log = set(logging).start_on_this_thread();
    body();
    drop(log);
    paper.text()
}

/// The lines after the first one, without time stamps.
pub(crate) fn said(body: impl FnOnce()) -> String {
    let text = written(|logging| logging, body);
    let text = text.replace("2015-02-17 11:46:16-0500 ", "");
    text.strip_prefix("[-] Log opened.\n").expect("the log should be opened").to_owned()
}
