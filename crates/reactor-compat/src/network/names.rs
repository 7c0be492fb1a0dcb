//! [`names_of`]: a network as a resolver.
//!
//! Tested in `tests/network/resolver.rs` and `tests/network/own_network.rs`.

use std::rc::Rc;

use super::Network;
use crate::resolver::{Resolution, Resolver, SharedResolver};

/// The resolver that looks names up in a network.
pub(crate) fn names_of(network: Rc<dyn Network>) -> SharedResolver {
    SharedResolver::new(NamesOf(network))
}

struct NamesOf(Rc<dyn Network>);

impl Resolver for NamesOf {
    fn resolve_host_name(&self, name: &str, port: u16) -> Resolution {
        self.0.resolve(name, port)
    }
}
