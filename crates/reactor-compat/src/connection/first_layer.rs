//! [`FirstLayer`]: the stream that is put over each socket of a port or a
//! connector from the start.
//!
//! Tested in `tests/network/tls.rs`.

use std::rc::Rc;

use crate::network::SharedStream;
use crate::transport::Build;

/// The stream that is put over each socket from the start: none, or TLS.
#[derive(Clone, Default)]
pub(crate) struct FirstLayer(Option<Rc<dyn Fn(SharedStream) -> SharedStream>>);

impl FirstLayer {
    /// Has `wrap` put a stream over each socket.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS is such a stream"))]
    pub(crate) fn new(wrap: impl Fn(SharedStream) -> SharedStream + 'static) -> Self {
        Self(Some(Rc::new(wrap)))
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The stream over `below`, if there is one.
    pub(crate) fn over(&self, below: SharedStream) -> SharedStream {
        match &self.0 {
            Some(wrap) => wrap(below),
            None => below,
        }
    }

    /// The same, to be put in when the connection is made.
    pub(crate) fn build(self) -> Option<Build> {
        let wrap = self.0?;
        Some(Box::new(move |below, _| Ok(wrap(below))))
    }
}
