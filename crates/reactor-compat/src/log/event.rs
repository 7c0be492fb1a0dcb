//! [`LogEvent`]: an event, as observers and formats see it.
//!
//! Mirrors the `eventDict` of `twisted.python.log` and `textFromEventDict`.
//! Tested in `tests/logging/log_observer.rs`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use deferred::Failure;
use tracing::field::Field;
use tracing::{Event, Level, Metadata};

use super::emit::SYSTEM;
use super::fields::{Fields, Visitor};
use super::records;
use super::span_data::SpanData;
use super::traceback;
use super::value::FieldValue;

/// Something that was logged.
///
/// ```
/// use reactor_compat::log::{LogCapture, TARGET};
/// use tracing::Level;
///
/// let capture = LogCapture::start();
/// reactor_compat::log::msg("hello");
/// let event = &capture.take()[0];
/// assert_eq!((event.message(), event.system()), ("hello", "-"));
/// assert_eq!((event.target(), event.level()), (TARGET, Level::INFO));
/// assert!(event.time() <= std::time::SystemTime::now());
/// ```
#[derive(Clone)]
#[doc(alias = "eventDict")]
pub struct LogEvent {
    time: SystemTime,
    level: Level,
    target: Cow<'static, str>,
    system: Option<String>,
    message: String,
    failure: Option<Failure>,
    traceback: Option<String>,
    fields: Vec<(&'static str, FieldValue)>,
    spans: Vec<LogSpan>,
}

/// A span that an event is in.
///
/// ```
/// use reactor_compat::log::{self, LogCapture};
///
/// let capture = LogCapture::start();
/// tracing::info_span!("job", number = 4).in_scope(|| log::msg("hello"));
/// let event = &capture.take()[0];
/// assert_eq!(event.spans()[0].name(), "job");
/// assert_eq!(event.spans()[0].fields().len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LogSpan {
    name: &'static str,
    system: Option<String>,
    fields: Vec<(&'static str, FieldValue)>,
}

impl LogSpan {
    /// Its name.
    ///
    /// See the [type's example](Self).
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whom it lets speak; see [`SYSTEM`].
    ///
    /// ```
    /// use reactor_compat::log::{self, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// let span = log::system_span("Mail");
    /// span.in_scope(|| log::msg("hello"));
    /// assert_eq!(capture.take()[0].spans()[0].system(), Some("Mail"));
    /// ```
    pub fn system(&self) -> Option<&str> {
        self.system.as_deref()
    }

    /// Its other fields.
    ///
    /// See the [type's example](Self).
    pub fn fields(&self) -> &[(&'static str, FieldValue)] {
        &self.fields
    }
}

impl LogEvent {
    /// Reads a `tracing` event; the spans are added by who knows them.
    pub(super) fn read(event: &Event<'_>) -> Self {
        records::with_metadata(event, |metadata| {
            let mut reader = Reader { event: Self::blank(metadata), chain: None };
            event.record(&mut Visitor(&mut reader));
            reader.finish()
        })
    }

    /// An event of our own making.
    pub(super) fn own(level: Level, message: String) -> Self {
        Self { message, ..Self::empty(level, Cow::Borrowed(super::TARGET)) }
    }

    fn blank(metadata: &Metadata<'_>) -> Self {
        Self::empty(*metadata.level(), Cow::Owned(metadata.target().to_owned()))
    }

    fn empty(level: Level, target: Cow<'static, str>) -> Self {
        Self {
            time: SystemTime::now(),
            level,
            target,
            system: None,
            message: String::new(),
            failure: None,
            traceback: None,
            fields: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// The same event at another time.
    pub(super) fn at(&self, time: SystemTime) -> Self {
        Self { time, ..self.clone() }
    }

    /// Adds a span, the innermost first.
    pub(super) fn add_span(&mut self, name: &'static str, data: Option<&SpanData>) {
        let (system, fields) =
            data.map_or((None, Vec::new()), |data| (data.system.clone(), data.fields.clone()));
        if self.system.is_none() {
            self.system.clone_from(&system);
        }
        self.spans.push(LogSpan { name, system, fields });
    }

    /// The message, without fields and errors.
    ///
    /// ```
    /// use reactor_compat::log::{self, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// log::msg("hello");
    /// assert_eq!(capture.take()[0].message(), "hello");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The speaker, which a line has in brackets. See [`SYSTEM`].
    ///
    /// ```
    /// use reactor_compat::log::{self, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// log::msg("hello");
    /// assert_eq!(capture.take()[0].system(), "-");
    /// ```
    pub fn system(&self) -> &str {
        self.system.as_deref().unwrap_or("-")
    }

    /// How much it matters.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "isError")]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The target: [`TARGET`](super::TARGET), or for events of `tracing` and
    /// records of `log` usually the module.
    ///
    /// ```
    /// use reactor_compat::log::{self, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// log::msg("hello");
    /// tracing::info!(target: "mail", "sent");
    /// let targets: Vec<_> = capture.take().iter().map(|event| event.target().to_owned()).collect();
    /// assert_eq!(targets, [log::TARGET, "mail"]);
    /// ```
    pub fn target(&self) -> &str {
        &self.target
    }

    /// When it was said.
    ///
    /// ```
    /// use reactor_compat::log::{self, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// let before = std::time::SystemTime::now();
    /// log::msg("hello");
    /// assert!(capture.take()[0].time() >= before);
    /// ```
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// The error, if [`err`](super::err) logged it, or a Deferred that it was
    /// left in.
    ///
    /// ```
    /// use reactor_compat::log::{self, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// log::err(std::fmt::Error, "while printing");
    /// let event = &capture.take()[0];
    /// assert!(event.failure().unwrap().is::<std::fmt::Error>());
    /// ```
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The error as the log shows it: for what [`err`](super::err) logged,
    /// and for every event of level `ERROR` with a field that is an error.
    ///
    /// ```
    /// use reactor_compat::log::LogCapture;
    /// use std::error::Error;
    ///
    /// let capture = LogCapture::start();
    /// tracing::error!(error = &std::fmt::Error as &dyn Error, "while printing");
    /// let event = &capture.take()[0];
    /// assert!(event.traceback().unwrap().contains("Failure: an error occurred"));
    /// ```
    pub fn traceback(&self) -> Option<&str> {
        self.traceback.as_deref()
    }

    /// The other fields, in their order.
    ///
    /// ```
    /// use reactor_compat::log::LogCapture;
    ///
    /// let capture = LogCapture::start();
    /// tracing::info!(bytes = 3, from = "here", "read");
    /// let names = capture.take()[0].fields().iter().map(|(name, _)| *name).collect::<Vec<_>>();
    /// assert_eq!(names, ["bytes", "from"]);
    /// ```
    pub fn fields(&self) -> &[(&'static str, FieldValue)] {
        &self.fields
    }

    /// One of them.
    ///
    /// ```
    /// use reactor_compat::log::{FieldValue, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// tracing::info!(bytes = 3, "read");
    /// assert_eq!(capture.take()[0].field("bytes"), Some(&FieldValue::Signed(3)));
    /// ```
    pub fn field(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    /// The spans it is in, the innermost first.
    ///
    /// See the example of [`LogSpan`].
    pub fn spans(&self) -> &[LogSpan] {
        &self.spans
    }

    /// All that a line says after the brackets: the message, the fields, and
    /// the traceback on lines of its own.
    ///
    /// ```
    /// use reactor_compat::log::LogCapture;
    ///
    /// let capture = LogCapture::start();
    /// tracing::info!(bytes = 3, peer = %"[::1]:80", "read");
    /// assert_eq!(capture.take()[0].text(), "read bytes=3 peer=[::1]:80");
    /// ```
    #[doc(alias = "textFromEventDict")]
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.fields {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&format!("{name}={value}"));
        }
        if let Some(traceback) = &self.traceback {
            text.push('\n');
            text.push_str(traceback);
        }
        text
    }
}

impl fmt::Debug for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogEvent")
            .field("level", &self.level)
            .field("target", &self.target)
            .field("system", &self.system())
            .field("text", &self.text())
            .finish_non_exhaustive()
    }
}

/// Reads the fields of a `tracing` event.
struct Reader {
    event: LogEvent,
    /// The error and its causes in one line.
    chain: Option<String>,
}

impl Reader {
    /// Leaves out fields that say once more what the traceback says.
    fn finish(self) -> LogEvent {
        let Self { mut event, chain } = self;
        let carried = event.failure.is_some();
        event.fields.retain(|(name, value)| {
            let again = chain.is_some() && value.as_str() == chain.as_deref();
            !(again || carried && *name == "backtrace")
        });
        event
    }
}

impl Fields for Reader {
    fn set(&mut self, field: &Field, value: FieldValue) {
        match field.name() {
            "message" => self.event.message = value.into_text(),
            SYSTEM => self.event.system = Some(value.into_text()),
            name if name.starts_with("log.") => {}
            name => self.event.fields.push((name, value)),
        }
    }

    fn set_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        let chain = traceback::chain(error, ": ");
        if self.event.level != Level::ERROR || self.event.traceback.is_some() {
            return self.set(field, FieldValue::Shown(chain));
        }
        self.event.failure = Failure::find(error).cloned();
        self.event.traceback = Some(match &self.event.failure {
            Some(failure) => traceback::of(failure),
            None => traceback::without_frames(error),
        });
        self.chain = Some(chain);
    }
}
