//! [`JsonFormat`]: a line of JSON for each event.
//!
//! Mirrors `twisted.logger.jsonFileLogObserver`. Tested in `tests/logging/log.rs`.

use std::fmt::{self, Write};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::super::emit::SYSTEM;
use super::super::event::{LogEvent, LogSpan};
use super::super::layer::add_spans;
use super::super::value::FieldValue;
use super::super::zone::Zone;

/// A line of JSON for each event: an object with `time` (RFC 3339, with
/// microseconds), `level`, `target`, `system`, `message`; `failure`, the
/// traceback, if there is one; `fields`, an object, if there are any; `spans`,
/// a list of objects with `name` and the span's fields, the outermost first,
/// if there are any.
///
/// [`Logging::json`](super::super::Logging::json) uses it. It is a
/// [`FormatEvent`] as well, as [`TwistedFormat`](super::TwistedFormat) is.
///
/// ```
/// use reactor_compat::log::{JsonFormat, LogCapture, Zone};
///
/// let capture = LogCapture::start();
/// tracing::info!(target: "mail", bytes = 3, "read");
/// let line = JsonFormat::new().zone(Zone::utc()).line(&capture.take()[0]);
/// let (time, rest) = line.split_once("+00:00\",").unwrap();
/// assert!(time.starts_with("{\"time\":\"20"));
/// assert_eq!(
///     rest,
///     "\"level\":\"INFO\",\"target\":\"mail\",\"system\":\"-\",\"message\":\"read\",\
///      \"fields\":{\"bytes\":3}}\n"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "jsonFileLogObserver")]
pub struct JsonFormat {
    zone: Zone,
}

impl JsonFormat {
    /// With local time.
    ///
    /// ```
    /// use reactor_compat::log::{JsonFormat, Zone};
    ///
    /// assert_eq!(JsonFormat::new(), JsonFormat::new().zone(Zone::local()));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// With the time of another zone.
    ///
    /// ```
    /// use reactor_compat::log::{JsonFormat, Zone};
    ///
    /// assert_ne!(JsonFormat::new().zone(Zone::offset(60)), JsonFormat::new().zone(Zone::utc()));
    /// ```
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// The line of an event, with its newline.
    ///
    /// ```
    /// use reactor_compat::log::{self, JsonFormat, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// log::msg("one\ntwo");
    /// assert!(JsonFormat::new().line(&capture.take()[0]).contains(r#""one\ntwo""#));
    /// ```
    pub fn line(&self, event: &LogEvent) -> String {
        let time = self.zone.at(event.time()).map_or_else(
            || "-".to_owned(),
            |time| time.strftime("%Y-%m-%dT%H:%M:%S.%6f%:z").to_string(),
        );
        let mut object = Object::new();
        object.text("time", &time);
        object.text("level", event.level().as_str());
        object.text("target", event.target());
        object.text(SYSTEM, event.system());
        object.text("message", event.message());
        if let Some(traceback) = event.traceback() {
            object.text("failure", traceback);
        }
        if !event.fields().is_empty() {
            let mut fields = Object::new();
            fields.fields(event.fields());
            object.raw("fields", &fields.finish());
        }
        if !event.spans().is_empty() {
            let spans: Vec<String> = event.spans().iter().rev().map(span).collect();
            object.raw("spans", &format!("[{}]", spans.join(",")));
        }
        object.finish() + "\n"
    }
}

fn span(span: &LogSpan) -> String {
    let mut object = Object::new();
    object.text("name", span.name());
    if let Some(system) = span.system() {
        object.text(SYSTEM, system);
    }
    object.fields(span.fields());
    object.finish()
}

/// A JSON object in the making.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn raw(&mut self, key: &str, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, key);
        self.0.push(':');
        self.0.push_str(json);
    }

    fn text(&mut self, key: &str, text: &str) {
        let mut quoted = String::with_capacity(text.len() + 2);
        quote(&mut quoted, text);
        self.raw(key, &quoted);
    }

    fn fields(&mut self, fields: &[(&'static str, FieldValue)]) {
        for (name, value) in fields {
            match value {
                FieldValue::Str(text) | FieldValue::Shown(text) => self.text(name, text),
                // JSON has no word for what is not a number.
                FieldValue::Float(number) if !number.is_finite() => {
                    self.text(name, &number.to_string());
                }
                other => self.raw(name, &other.to_string()),
            }
        }
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Adds a JSON string.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

impl<S, N> FormatEvent<S, N> for JsonFormat
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
