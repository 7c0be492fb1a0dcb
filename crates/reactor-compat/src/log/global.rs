//! The log of the whole process: [`start_logging`], [`LogHandle`].
//!
//! Mirrors `startLogging` and `startLoggingWithObserver` of
//! `twisted.python.log`, and `twisted.logger.LogBeginner`. Tested in
//! `tests/logging/log.rs`.

use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level};
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::error::LoggingError;
use super::event::LogEvent;
use super::filter::HubFilter;
use super::hub::Hub;
use super::layer::LogLayer;
use super::lines;
use super::logging::Logging;
use super::sink::Sink;

/// Starts to log, to standard output, a file, a [`LogFile`](super::LogFile),
/// or whatever can be written to: Twisted's lines, of level `INFO` and up, of
/// the whole process. The first one is `Log opened.`
///
/// It goes on until the [`LogHandle`] is [stopped](LogHandle::stop); dropping
/// that changes nothing. [`Logging`] has what can be chosen.
///
/// # Errors
///
/// [`LoggingError::OtherSubscriber`] if the process has a global `tracing`
/// subscriber that is not ours. Add a [`layer`](super::layer()) to that.
///
/// ```
/// use reactor_compat::log;
///
/// let handle = log::start_logging(std::io::stdout())?;
/// log::msg("hello"); // 2015-02-17 11:46:16-0500 [-] hello
/// handle.stop();
/// # Ok::<(), log::LoggingError>(())
/// ```
#[doc(alias = "startLogging")]
#[track_caller]
pub fn start_logging(writer: impl Write + Send + 'static) -> Result<LogHandle, LoggingError> {
    Logging::to(writer).start()
}

/// The same, with a function that is called for each event.
///
/// # Errors
///
/// As [`start_logging`].
///
/// ```
/// use reactor_compat::log;
/// use std::sync::mpsc;
///
/// let (send, receive) = mpsc::channel();
/// log::start_logging_with_observer(move |event| send.send(event.text()).unwrap())?;
/// log::msg("hello");
/// assert_eq!(receive.try_iter().collect::<Vec<_>>(), ["Log opened.", "hello"]);
/// # Ok::<(), log::LoggingError>(())
/// ```
#[doc(alias = "startLoggingWithObserver")]
#[track_caller]
pub fn start_logging_with_observer(
    observer: impl Fn(&LogEvent) + Send + Sync + 'static,
) -> Result<LogHandle, LoggingError> {
    Logging::observer(observer).start()
}

/// The hub of the process, and who began to log last.
struct Global {
    hub: Arc<Hub>,
    begun: Option<(LogHandle, &'static Location<'static>)>,
}

static GLOBAL: Mutex<Option<Global>> = Mutex::new(None);

/// The hub of the process, made the process's subscriber if need be.
pub(super) fn hub() -> Result<Arc<Hub>, LoggingError> {
    let mut global = GLOBAL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(global) = &*global {
        return Ok(global.hub.clone());
    }
    let hub = Arc::new(Hub::of_our_own());
    tracing::dispatcher::set_global_default(dispatch(&hub))
        .map_err(|_| LoggingError::OtherSubscriber)?;
    *global = Some(Global { hub: hub.clone(), begun: None });
    Ok(hub)
}

/// A subscriber that gives everything to `hub`.
pub(super) fn dispatch(hub: &Arc<Hub>) -> Dispatch {
    let layer = LogLayer { hub: hub.clone() }.with_filter(HubFilter(hub.clone()));
    Dispatch::new(tracing_subscriber::registry().with(layer))
}

impl Logging {
    /// Starts the log, for the whole process; see [`start_logging`].
    ///
    /// Where one is started already both get everything, and a warning says
    /// where they were started, as in Twisted.
    ///
    /// # Errors
    ///
    /// As [`start_logging`].
    ///
    /// ```
    /// use reactor_compat::log::Logging;
    ///
    /// Logging::to(std::io::stdout()).targets("info,hyper=warn")?.start()?;
    /// # Ok::<(), reactor_compat::log::LoggingError>(())
    /// ```
    #[track_caller]
    pub fn start(self) -> Result<LogHandle, LoggingError> {
        let here = Location::caller();
        let hub = hub()?;
        let handle = LogHandle::begin(&hub, self);
        let begun = GLOBAL
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
            .and_then(|global| global.begun.replace((handle.clone(), here)));
        if let Some((previous, there)) = begun
            && previous.active()
        {
            warn_of_two(&hub, here, there);
        }
        handle.open();
        Ok(handle)
    }
}

/// Twisted's warning, to the letter but for the name of the function.
fn warn_of_two(hub: &Hub, here: &Location<'_>, there: &Location<'_>) {
    let (file_now, line_now) = (here.file(), here.line());
    let (file_then, line_then) = (there.file(), there.line());
    let text = format!(
        "Warning: primary log target selected twice at <{file_now}:{line_now}> - previously \
         selected at <{file_then}:{line_then}>.  Remove one of the calls to start_logging."
    );
    hub.publish(super::TARGET, Level::WARN, || LogEvent::own(Level::WARN, text));
}

/// A log that was started. Clones are the same log; dropping them changes
/// nothing.
///
/// ```
/// use reactor_compat::log;
///
/// let handle = log::add_observer(|event| drop(event.text()))?.detach();
/// handle.stop();
/// assert!(!handle.active());
/// # Ok::<(), log::LoggingError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "FileLogObserver")]
pub struct LogHandle {
    hub: Arc<Hub>,
    sink: Arc<Sink>,
}

impl LogHandle {
    /// Adds a log to a hub.
    pub(super) fn begin(hub: &Arc<Hub>, logging: Logging) -> Self {
        let sink = Arc::new(logging.into_sink(LevelFilter::INFO));
        hub.add(sink.clone());
        lines::flush_when_main_ends();
        Self { hub: hub.clone(), sink }
    }

    /// Says that there is a new log, as Twisted does, to all of them.
    pub(super) fn open(&self) {
        let opened = || LogEvent::own(Level::INFO, "Log opened.".to_owned());
        self.hub.publish(super::TARGET, Level::INFO, opened);
    }

    /// Ends it. What was handed over to a thread is written first, if that does
    /// not take longer than its [`HandOver`](super::HandOver) says; then what it was
    /// written to is dropped.
    ///
    /// ```
    /// use reactor_compat::log;
    /// use std::io::{self, Read};
    ///
    /// let (mut read, write) = io::pipe()?;
    /// let handle = log::start_logging(write)?;
    /// assert!(handle.active());
    /// handle.stop();
    /// log::msg("nobody hears this");
    /// let mut lines = String::new();
    /// drop(handle);
    /// read.read_to_string(&mut lines)?;
    /// assert!(lines.ends_with("Log opened.\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop(&self) {
        self.hub.remove(&self.sink);
    }

    /// Whether it goes on.
    ///
    /// ```
    /// let handle = reactor_compat::log::start_logging(std::io::sink())?;
    /// handle.stop();
    /// assert!(!handle.active());
    /// # Ok::<(), reactor_compat::log::LoggingError>(())
    /// ```
    pub fn active(&self) -> bool {
        self.hub.has(&self.sink)
    }

    /// The last error of writing a line, if there was one since this was called
    /// last. The line is lost then; those that follow are tried. It is here once
    /// the line was tried: [`stop`](Self::stop) and [`flush`](super::flush) wait for
    /// that.
    ///
    /// ```
    /// use std::io::{self, Write};
    ///
    /// let (read, write) = io::pipe()?;
    /// drop(read);
    /// let handle = reactor_compat::log::start_logging(write)?;
    /// handle.stop();
    /// assert_eq!(handle.take_write_error().unwrap().kind(), io::ErrorKind::BrokenPipe);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_write_error(&self) -> Option<io::Error> {
        self.sink.take_error()
    }

    /// How many lines were lost so far because nobody read them, those of an end
    /// that took too long included; see [`HandOver`](super::HandOver).
    ///
    /// ```
    /// let handle = reactor_compat::log::start_logging(std::io::stdout())?;
    /// assert_eq!(handle.lost_lines(), 0);
    /// # Ok::<(), reactor_compat::log::LoggingError>(())
    /// ```
    pub fn lost_lines(&self) -> u64 {
        self.sink.lost()
    }
}

impl fmt::Debug for LogHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogHandle").field("active", &self.active()).finish_non_exhaustive()
    }
}
