//! [`LogLayer`]: a log as a layer of `tracing`.
//!
//! Tested in `tests/logging/log.rs`.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::event::LogEvent;
use super::hub::Hub;
use super::logging::Logging;
use super::records;
use super::span_data::{self, SpanData};

/// Twisted's lines, for a subscriber of your own. They show what the
/// subscriber lets through; its filters are yours.
///
/// For other formats, or levels a target, there is
/// [`Logging::into_layer`].
///
/// ```
/// use reactor_compat::log;
/// use std::io::{self, Read};
/// use tracing_subscriber::prelude::*;
///
/// let (mut read, write) = io::pipe()?;
/// let subscriber = tracing_subscriber::registry().with(log::layer(write));
/// tracing::subscriber::with_default(subscriber, || log::msg("hello"));
///
/// let mut lines = String::new();
/// read.read_to_string(&mut lines)?;
/// assert!(lines.ends_with(" [-] hello\n"));
/// # Ok::<(), io::Error>(())
/// ```
pub fn layer(writer: impl Write + Send + 'static) -> LogLayer {
    Logging::to(writer).into_layer()
}

/// A layer that does nothing but remember which system speaks in which span,
/// for [`TwistedFormat`](super::TwistedFormat) and
/// [`JsonFormat`](super::JsonFormat) in the `fmt` layer of
/// `tracing_subscriber`.
///
/// ```
/// use reactor_compat::log::{self, TwistedFormat};
/// use tracing_subscriber::prelude::*;
///
/// let lines = tracing_subscriber::fmt::layer().event_format(TwistedFormat::new());
/// let subscriber = tracing_subscriber::registry().with(log::spans()).with(lines);
/// tracing::subscriber::with_default(subscriber, || log::msg("hello"));
/// ```
pub fn spans() -> SpanLayer {
    SpanLayer { _private: () }
}

/// The layer that [`spans`] gives.
///
/// See the example of [`spans`].
#[derive(Debug)]
pub struct SpanLayer {
    _private: (),
}

impl<S> Layer<S> for SpanLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        span_data::remember(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        span_data::amend(id, values, &context);
    }
}

/// The layer that [`layer`] and [`Logging::into_layer`] give: a
/// [`Layer`] that writes a log.
///
/// See the example of [`layer`].
#[must_use = "a layer has to be added to a subscriber"]
pub struct LogLayer {
    pub(super) hub: Arc<Hub>,
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        span_data::remember(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        span_data::amend(id, values, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let make = || {
            let mut read = LogEvent::read(event);
            add_spans(&mut read, context.event_scope(event));
            read
        };
        let (target, level) = records::with_metadata(event, |metadata| {
            (metadata.target().to_owned(), *metadata.level())
        });
        self.hub.publish(&target, level, make);
    }
}

/// Adds to an event the spans that it is in.
pub(super) fn add_spans<'a, S>(event: &mut LogEvent, scope: Option<Scope<'a, S>>)
where
    S: for<'lookup> LookupSpan<'lookup>,
{
    for span in scope.into_iter().flatten() {
        event.add_span(span.name(), span.extensions().get::<SpanData>());
    }
}

impl fmt::Debug for LogLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLayer").finish_non_exhaustive()
    }
}
