//! [`HubFilter`]: the filter of a subscriber of our own.
//!
//! Tested in `tests/logging/log_observer.rs`.

use std::sync::Arc;

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing_subscriber::layer::{Context, Filter};

use super::hub::Hub;

/// Lets through what somebody at the hub wants, and the spans that say who
/// speaks.
pub(super) struct HubFilter(pub(super) Arc<Hub>);

impl<S> Filter<S> for HubFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        self.0.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.0.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // Spans that say who speaks may be of any level.
        let level = self.0.level();
        Some(if level == LevelFilter::OFF { level } else { LevelFilter::TRACE })
    }
}
