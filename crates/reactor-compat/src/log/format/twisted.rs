//! [`TwistedFormat`]: Twisted's own lines.
//!
//! Mirrors `formatTime` and `emit` of `twisted.python.log.FileLogObserver`.
//! Tested in `tests/logging/log.rs`.

use std::fmt;
use std::time::SystemTime;

use jiff::Zoned;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::super::event::LogEvent;
use super::super::layer::add_spans;
use super::super::zone::Zone;

/// Twisted's own lines: the time, with the offset of its zone, the system in
/// brackets, the text; if that has several lines, the others are indented with
/// a tab.
///
/// [`start_logging`](super::super::start_logging) uses it. It is a
/// [`FormatEvent`] as well, for the `fmt` layer of `tracing_subscriber`; add
/// [`spans`](super::super::spans) beside that, so that the system is known.
///
/// ```
/// use reactor_compat::log::{self, LogCapture, TwistedFormat, Zone};
///
/// let capture = LogCapture::start();
/// log::call_with_system("Echo,0,127.0.0.1", || log::msg("one\ntwo"));
/// let format = TwistedFormat::new().zone(Zone::utc()).time_format("%H o'clock");
/// let line = format.line(&capture.take()[0]);
/// assert!(line.ends_with(" o'clock [Echo,0,127.0.0.1] one\n\ttwo\n"));
/// ```
///
/// ```
/// use reactor_compat::log::{self, TwistedFormat};
/// use tracing_subscriber::prelude::*;
///
/// let lines = tracing_subscriber::fmt::layer().event_format(TwistedFormat::new());
/// tracing_subscriber::registry().with(log::spans()).with(lines).init();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "FileLogObserver")]
pub struct TwistedFormat {
    zone: Zone,
    time_format: Option<String>,
}

impl TwistedFormat {
    /// With local time.
    ///
    /// ```
    /// let format = reactor_compat::log::TwistedFormat::new();
    /// let time = format.format_time(std::time::SystemTime::now());
    /// assert_eq!(time.len(), "2015-02-17 11:46:16-0500".len());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// With the time of another zone.
    ///
    /// ```
    /// use reactor_compat::log::{TwistedFormat, Zone};
    /// use std::time::SystemTime;
    ///
    /// let format = TwistedFormat::new().zone(Zone::offset(5400));
    /// assert_eq!(format.format_time(SystemTime::UNIX_EPOCH), "1970-01-01 01:30:00+0130");
    /// ```
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// With the time as `strftime` writes it; where it cannot, times are
    /// written as if this had not been called.
    ///
    /// ```
    /// use reactor_compat::log::{TwistedFormat, Zone};
    /// use std::time::SystemTime;
    ///
    /// let format = TwistedFormat::new().zone(Zone::utc()).time_format("%d.%m.%y");
    /// assert_eq!(format.format_time(SystemTime::UNIX_EPOCH), "01.01.70");
    /// ```
    #[must_use]
    #[doc(alias = "timeFormat")]
    pub fn time_format(mut self, strftime: impl Into<String>) -> Self {
        self.time_format = Some(strftime.into());
        self
    }

    /// A time as lines have it.
    ///
    /// ```
    /// use reactor_compat::log::{TwistedFormat, Zone};
    /// use std::time::SystemTime;
    ///
    /// let format = TwistedFormat::new().zone(Zone::utc());
    /// assert_eq!(format.format_time(SystemTime::UNIX_EPOCH), "1970-01-01 00:00:00+0000");
    /// ```
    #[doc(alias = "formatTime")]
    pub fn format_time(&self, time: SystemTime) -> String {
        let Some(time) = self.zone.at(time) else { return "-".to_owned() };
        let own = self.time_format.as_ref();
        own.and_then(|own| jiff::fmt::strtime::format(own, &time).ok())
            .unwrap_or_else(|| classic(&time))
    }

    /// The line of an event, with its newline.
    ///
    /// ```
    /// use reactor_compat::log::{self, LogCapture, TwistedFormat};
    ///
    /// let capture = LogCapture::start();
    /// log::msg("hello");
    /// assert!(TwistedFormat::new().line(&capture.take()[0]).ends_with(" [-] hello\n"));
    /// ```
    #[doc(alias = "emit")]
    pub fn line(&self, event: &LogEvent) -> String {
        let text = event.text().replace('\n', "\n\t");
        format!("{} [{}] {text}\n", self.format_time(event.time()), event.system())
    }
}

fn classic(time: &Zoned) -> String {
    let offset = time.offset().seconds();
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02}{sign}{:02}{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        minutes / 60,
        minutes % 60,
    )
}

impl<S, N> FormatEvent<S, N> for TwistedFormat
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut read = LogEvent::read(event);
        add_spans(&mut read, context.event_scope());
        writer.write_str(&self.line(&read))
    }
}
