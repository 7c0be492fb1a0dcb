//! The data of a span that the log remembers.
//!
//! Tested in `tests/logging/log.rs` and `tests/logging/log_observer.rs`.

use tracing::Subscriber;
use tracing::field::Field;
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::emit::SYSTEM;
use super::fields::{Fields, Visitor};
use super::value::FieldValue;

/// The fields of a span, by name, the system apart.
#[derive(Default)]
pub(super) struct SpanData {
    pub(super) system: Option<String>,
    pub(super) fields: Vec<(&'static str, FieldValue)>,
}

impl Fields for SpanData {
    fn set(&mut self, field: &Field, value: FieldValue) {
        if field.name() == SYSTEM {
            self.system = Some(value.into_text());
            return;
        }
        match self.fields.iter_mut().find(|(name, _)| *name == field.name()) {
            Some((_, old)) => *old = value,
            None => self.fields.push((field.name(), value)),
        }
    }
}

/// Remembers the fields of a new span. Where two layers do so, the second
/// finds it done.
pub(super) fn remember<S>(attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let Some(span) = context.span(id) else { return };
    if span.extensions().get::<SpanData>().is_some() {
        return;
    }
    let mut data = SpanData::default();
    attributes.record(&mut Visitor(&mut data));
    span.extensions_mut().replace(data);
}

/// Remembers fields that a span got later.
pub(super) fn amend<S>(id: &Id, values: &Record<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    // What records may log, so it is asked before the span's data are locked.
    let mut news = SpanData::default();
    values.record(&mut Visitor(&mut news));
    let Some(span) = context.span(id) else { return };
    let mut extensions = span.extensions_mut();
    if let Some(data) = extensions.get_mut::<SpanData>() {
        data.system = news.system.or_else(|| data.system.take());
        data.fields.retain(|(name, _)| news.fields.iter().all(|(new, _)| new != name));
        data.fields.append(&mut news.fields);
    }
}
