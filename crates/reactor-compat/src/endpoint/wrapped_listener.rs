//! [`WrappedListener`]: a listener whose connections have a stream put over them.
//!
//! Mirrors `_WrapperServerEndpoint` of `twisted.internet.endpoints`. Tested in
//! `tests/network/endpoint_kinds.rs`.

use std::io;
use std::task::{Context, Poll};

use deferred::Deferred;

use super::StreamServerEndpoint;
use crate::address::Address;
use crate::network::{Listener, SharedStream};

/// A listener whose connections have a stream put over them.
struct WrappedListener<W> {
    below: Box<dyn Listener>,
    wrap: W,
}

/// Binds an endpoint, and has `wrap` put a stream over each connection.
pub(super) fn bind_wrapped<W>(
    endpoint: &(impl StreamServerEndpoint + ?Sized),
    wrap: W,
) -> Deferred<Box<dyn Listener>>
where
    W: Fn(SharedStream) -> SharedStream + 'static,
{
    endpoint.bind().add_callback(|below| {
        let listener: Box<dyn Listener> = Box::new(WrappedListener { below, wrap });
        Ok(listener)
    })
}

impl<W: Fn(SharedStream) -> SharedStream + 'static> Listener for WrappedListener<W> {
    fn get_host(&self) -> Address {
        self.below.get_host()
    }

    fn register(&mut self) -> io::Result<()> {
        self.below.register()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        self.below.poll_accept(cx).map_ok(&self.wrap)
    }
}
