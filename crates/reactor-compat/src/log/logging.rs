//! [`Logging`]: a log, before it is started.
//!
//! Mirrors the arguments of `twisted.python.log.startLogging`, and what
//! `twisted.logger` has `FilteringLogObserver` for. Tested in `tests/logging/log.rs`.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use super::error::LoggingError;
use super::event::LogEvent;
use super::format::{Format, JsonFormat, TwistedFormat};
use super::hub::Hub;
use super::layer::LogLayer;
use super::lines::{Delivery, HandOver, Writer};
use super::sink::{Observer, Sink, WallClock};
use super::zone::Zone;

/// A log, before it is started: where it goes, what it looks like, and what
/// is in it.
///
/// Unless told otherwise it has Twisted's lines, in local time, of level
/// `INFO` and up.
///
/// ```
/// use reactor_compat::log::{self, Logging, Zone};
/// use std::io::{self, Read};
/// use std::time::SystemTime;
///
/// let (mut read, write) = io::pipe()?;
/// let log = Logging::to(write)
///     .zone(Zone::utc())
///     .clock(|| SystemTime::UNIX_EPOCH)
///     .start_on_this_thread();
/// log::msg("hello");
/// drop(log);
///
/// let mut lines = String::new();
/// read.read_to_string(&mut lines)?;
/// assert_eq!(
///     lines,
///     "1970-01-01 00:00:00+0000 [-] Log opened.\n1970-01-01 00:00:00+0000 [-] hello\n"
/// );
/// # Ok::<(), io::Error>(())
/// ```
#[must_use = "a log does nothing until it is started"]
pub struct Logging {
    destination: Destination,
    json: bool,
    format: TwistedFormat,
    zone: Option<Zone>,
    targets: Option<Targets>,
    clock: Option<WallClock>,
}

enum Destination {
    Writer(Writer, Delivery),
    Observer(Observer),
}

impl Logging {
    /// A log that is written to standard output, a file, a
    /// [`LogFile`](super::LogFile), a pipe. Each line is one write and a
    /// flush; give it no buffer if you want none to be lost.
    ///
    /// A regular file is written to by whoever logs, as with
    /// [`direct`](Self::direct): it never waits for a reader. Anything else is
    /// written to by a thread, so that a reader who has stopped stops nobody else;
    /// see [`HandOver`].
    ///
    /// ```
    /// let log = reactor_compat::log::Logging::to(std::io::sink()).start_on_this_thread();
    /// reactor_compat::log::msg("hello");
    /// assert!(log.take_write_error().is_none());
    /// ```
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        let delivery = Delivery::fitting(&writer);
        Self::new(Destination::Writer(Box::new(writer), delivery))
    }

    /// A log that is given to a function.
    ///
    /// ```
    /// use reactor_compat::log::{self, Logging};
    /// use std::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::channel();
    /// let log = Logging::observer(move |event| send.send(event.level()).unwrap())
    ///     .start_on_this_thread();
    /// log::msg("hello");
    /// drop(log);
    /// assert_eq!(receive.iter().collect::<Vec<_>>(), [tracing::Level::INFO; 2]);
    /// ```
    pub fn observer(observer: impl Fn(&LogEvent) + Send + Sync + 'static) -> Self {
        Self::new(Destination::Observer(Arc::new(observer)))
    }

    fn new(destination: Destination) -> Self {
        Self {
            destination,
            json: false,
            format: TwistedFormat::new(),
            zone: None,
            targets: None,
            clock: None,
        }
    }

    /// Written by whoever logs, whatever it is written to: no line is ever lost,
    /// and who logs waits for as long as that takes. For a program that has to
    /// stand still rather than go on without its log.
    ///
    /// ```
    /// use reactor_compat::log::{self, Logging};
    /// use std::io::{self, Read};
    ///
    /// let (mut read, write) = io::pipe()?;
    /// let log = Logging::to(write).direct().start_on_this_thread();
    /// let mut first = [0; 10];
    /// read.read_exact(&mut first)?;
    /// assert_eq!(log.lost_lines(), 0);
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn direct(self) -> Self {
        self.delivered(Delivery::Direct)
    }

    /// Handed over to a thread that writes it, within these bounds.
    ///
    /// See the example of [`HandOver`].
    pub fn hand_over(self, bounds: HandOver) -> Self {
        self.delivered(Delivery::HandedOver(bounds))
    }

    /// A function is called at once, whatever is chosen.
    fn delivered(mut self, by: Delivery) -> Self {
        if let Destination::Writer(_, delivery) = &mut self.destination {
            *delivery = by;
        }
        self
    }

    /// In the format of [`JsonFormat`] instead of Twisted's.
    ///
    /// ```
    /// use reactor_compat::log::Logging;
    /// use std::io::{self, BufRead};
    ///
    /// let (read, write) = io::pipe()?;
    /// let log = Logging::to(write).json().start_on_this_thread();
    /// let mut line = String::new();
    /// io::BufReader::new(read).read_line(&mut line)?;
    /// assert!(line.ends_with("\"message\":\"Log opened.\"}\n"));
    /// # drop(log);
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn json(mut self) -> Self {
        self.json = true;
        self
    }

    /// In Twisted's format, with the time as `strftime` writes it.
    ///
    /// ```
    /// use reactor_compat::log::Logging;
    /// use std::io::{self, BufRead};
    ///
    /// let (read, write) = io::pipe()?;
    /// let log = Logging::to(write).time_format("on day %j:").start_on_this_thread();
    /// let mut line = String::new();
    /// io::BufReader::new(read).read_line(&mut line)?;
    /// assert!(line.starts_with("on day ") && line.ends_with(": [-] Log opened.\n"));
    /// # drop(log);
    /// # Ok::<(), io::Error>(())
    /// ```
    #[doc(alias = "timeFormat")]
    pub fn time_format(mut self, strftime: impl Into<String>) -> Self {
        self.format = self.format.time_format(strftime);
        self
    }

    /// In the time of another zone.
    ///
    /// ```
    /// use reactor_compat::log::{Logging, Zone};
    /// use std::io::{self, BufRead};
    ///
    /// let (read, write) = io::pipe()?;
    /// let log = Logging::to(write).zone(Zone::offset(3600)).start_on_this_thread();
    /// let mut line = String::new();
    /// io::BufReader::new(read).read_line(&mut line)?;
    /// assert!(line.contains("+0100 [-] "));
    /// # drop(log);
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = Some(zone);
        self
    }

    /// With times from a clock of your own, for tests.
    ///
    /// ```
    /// use reactor_compat::log::Logging;
    /// use std::sync::mpsc;
    /// use std::time::SystemTime;
    ///
    /// let (send, receive) = mpsc::channel();
    /// let log = Logging::observer(move |event| send.send(event.time()).unwrap())
    ///     .clock(|| SystemTime::UNIX_EPOCH)
    ///     .start_on_this_thread();
    /// drop(log);
    /// assert_eq!(receive.iter().collect::<Vec<_>>(), [SystemTime::UNIX_EPOCH]);
    /// ```
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// With everything of this level and up, whoever says it.
    ///
    /// ```
    /// use reactor_compat::log::Logging;
    /// use std::sync::mpsc;
    /// use tracing::level_filters::LevelFilter;
    ///
    /// let (send, receive) = mpsc::channel();
    /// let log = Logging::observer(move |event| send.send(event.text()).unwrap())
    ///     .level(LevelFilter::WARN)
    ///     .start_on_this_thread();
    /// tracing::info!("hello");
    /// tracing::warn!("careful");
    /// drop(log);
    /// assert_eq!(receive.iter().collect::<Vec<_>>(), ["careful"]);
    /// ```
    pub fn level(mut self, level: LevelFilter) -> Self {
        self.targets = Some(Targets::new().with_default(level));
        self
    }

    /// With a level for each target: `info,hyper=warn,my_app::mail=debug`.
    ///
    /// # Errors
    ///
    /// [`LoggingError::BadTargets`] if it cannot be read so.
    ///
    /// ```
    /// use reactor_compat::log::Logging;
    /// use std::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::channel();
    /// let log = Logging::observer(move |event| send.send(event.text()).unwrap())
    ///     .targets("warn,mail=debug")?
    ///     .start_on_this_thread();
    /// tracing::debug!(target: "mail", "one");
    /// tracing::debug!(target: "news", "two");
    /// drop(log);
    /// assert_eq!(receive.iter().collect::<Vec<_>>(), ["one"]);
    /// # Ok::<(), reactor_compat::log::LoggingError>(())
    /// ```
    pub fn targets(mut self, targets: &str) -> Result<Self, LoggingError> {
        let read = targets.parse().map_err(|_| LoggingError::BadTargets(targets.to_owned()))?;
        self.targets = Some(read);
        Ok(self)
    }

    /// As a layer for a subscriber of your own. Without levels of its own the
    /// log has everything that the subscriber lets through.
    ///
    /// ```
    /// use reactor_compat::log::Logging;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let lines = Logging::to(std::io::stdout()).json().into_layer();
    /// tracing_subscriber::registry().with(lines).init();
    /// ```
    pub fn into_layer(self) -> LogLayer {
        let hub = Arc::new(Hub::of_others());
        hub.add(Arc::new(self.into_sink(LevelFilter::TRACE)));
        LogLayer { hub }
    }

    pub(super) fn into_sink(self, level: LevelFilter) -> Sink {
        let targets = self.targets.unwrap_or_else(|| Targets::new().with_default(level));
        let zone = self.zone.unwrap_or_default();
        let format = if self.json {
            Format::Json(JsonFormat::new().zone(zone))
        } else {
            Format::Twisted(self.format.zone(zone))
        };
        match self.destination {
            Destination::Writer(writer, delivery) => {
                Sink::lines(targets, self.clock, format, writer, delivery)
            }
            Destination::Observer(observer) => Sink::observer(targets, self.clock, observer),
        }
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging")
            .field("json", &self.json)
            .field("format", &self.format)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
