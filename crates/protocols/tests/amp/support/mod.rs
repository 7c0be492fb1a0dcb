//! Two AMP connections that talk to each other, by the test's hand.

#[allow(dead_code, reason = "the examples of the documentation use it, too")]
pub(crate) mod math;
pub(crate) mod tcp;

use deferred::testing::success_result_of;
use protocols::amp::{Amp, AmpTransport, CallRemote, Responders};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::StringTransport;
use reactor_compat::{ConnectionDone, Protocol};

pub(crate) struct Pair<C: Protocol<AmpTransport> = (), S: Protocol<AmpTransport> = ()> {
    pub(crate) client: StringTransport<Amp<C>>,
    pub(crate) server: StringTransport<Amp<S>>,
}

impl Pair {
    pub(crate) fn of(responders: &Responders) -> Self {
        Self::new(Amp::new(), Amp::with_responders(responders))
    }
}

impl<C: Protocol<AmpTransport>, S: Protocol<AmpTransport>> Pair<C, S> {
    pub(crate) fn new(client: Amp<C>, server: Amp<S>) -> Self {
        Self { client: StringTransport::new(client), server: StringTransport::new(server) }
    }

    pub(crate) fn remote(&self) -> AmpTransport {
        success_result_of(self.client.connection().remote())
    }

    /// The client, as the server sees it.
    pub(crate) fn back(&self) -> AmpTransport {
        success_result_of(self.server.connection().remote())
    }

    /// Carries bytes to and fro until there are none; then closes what is to
    /// be closed.
    pub(crate) fn pump(&self) {
        loop {
            let (asked, answered) = (self.client.take_value(), self.server.take_value());
            if asked.is_empty() && answered.is_empty() {
                break;
            }
            if !asked.is_empty() {
                self.server.data_received(&asked);
            }
            if !answered.is_empty() {
                self.client.data_received(&answered);
            }
        }
        if self.closing() {
            self.end();
        }
    }

    pub(crate) fn closing(&self) -> bool {
        self.client.disconnecting() || self.server.disconnecting()
    }

    pub(crate) fn end(&self) {
        self.client.connection_lost(ConnectionDone);
        self.server.connection_lost(ConnectionDone);
    }
}

/// What `code` logs as errors of type `E`; anything else that it logs as an
/// error fails the test.
pub(crate) fn logged<E: std::error::Error + Clone + 'static>(code: impl FnOnce()) -> Vec<E> {
    let capture = LogCapture::start();
    code();
    let failures = capture.flush_logged_errors::<E>();
    failures.iter().filter_map(|failure| failure.check::<E>().cloned()).collect()
}
