//! The types of endpoints that users add to the strings of a reactor.
//!
//! Mirrors `IStreamServerEndpointStringParser` and
//! `IStreamClientEndpointStringParserWithReactor` of `twisted.internet.interfaces`. Tested
//! in `tests/network/endpoint.rs`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use thiserror::Error;

use super::{
    Description, EndpointError, EndpointErrorKind, StreamClientEndpoint, StreamServerEndpoint,
    client, server,
};
use crate::reactor::{Extension, Reactor};

/// Makes a server endpoint of a description.
pub(super) type ServerParser =
    Rc<dyn Fn(&Reactor, &Description) -> Result<Rc<dyn StreamServerEndpoint>, EndpointError>>;

/// Makes a client endpoint of a description.
pub(super) type ClientParser =
    Rc<dyn Fn(&Reactor, &Description) -> Result<Rc<dyn StreamClientEndpoint>, EndpointError>>;

/// The types that users have added to a reactor.
#[derive(Default)]
pub(super) struct Types {
    pub(super) servers: Table<ServerParser>,
    pub(super) clients: Table<ClientParser>,
}

impl Extension for Types {}

/// Parsers, by the names of types in small letters.
pub(super) struct Table<P>(RefCell<BTreeMap<String, P>>);

impl<P> Default for Table<P> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<P: Clone> Table<P> {
    pub(super) fn get(&self, name: &str) -> Option<P> {
        self.0.borrow().get(name).cloned()
    }

    fn add(&self, name: &str, built_in: &[&str], parser: P) -> Result<(), EndpointTypeTaken> {
        let name = name.to_lowercase();
        if built_in.contains(&name.as_str()) || self.0.borrow().contains_key(&name) {
            return Err(EndpointTypeTaken(name));
        }
        self.0.borrow_mut().insert(name, parser);
        Ok(())
    }

    /// An error about a description that begins with no type, or with one that there is
    /// not, or not here.
    pub(super) fn unknown(&self, description: &Description, built_in: &[&str]) -> EndpointError {
        let kind = match description.kind() {
            None => EndpointErrorKind::NoType,
            Some(kind) if built_in.contains(&kind) && !is_here(kind) => {
                return description.fault_of_type(not_here(kind));
            }
            Some(kind) => EndpointErrorKind::UnknownType(kind.to_owned()),
        };
        description.fault_of_type(kind).allowing(self.names(built_in))
    }

    fn names(&self, built_in: &[&str]) -> Vec<String> {
        let here = built_in.iter().copied().filter(|name| is_here(name)).map(str::to_owned);
        let mut names: Vec<_> = self.0.borrow().keys().cloned().chain(here).collect();
        names.sort_unstable();
        names
    }
}

/// Whether a type that there is for all can be had with these features, on this system.
fn is_here(name: &str) -> bool {
    match name {
        "ssl" | "tls" => cfg!(feature = "tls"),
        "unix" | "systemd" => cfg!(unix),
        _ => true,
    }
}

/// The fault of a type that is not here, and what is missing for it.
fn not_here(kind: &str) -> EndpointErrorKind {
    EndpointErrorKind::Unsupported(match kind {
        "ssl" | "tls" => format!("`{kind}` needs the feature `tls` of reactor-compat"),
        _ => format!("this system has no `{kind}`"),
    })
}

/// A type of endpoint was to be added whose name is taken.
///
/// See the example of [`Reactor::add_server_type`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there are `{0}` endpoints already")]
pub struct EndpointTypeTaken(pub String);

impl Reactor {
    /// Adds a type of server endpoint to those that
    /// [`server_from_string`](super::server_from_string) knows, for this reactor. `name` is
    /// what a string begins with, in small or in capital letters; `parse` makes an endpoint
    /// of the rest.
    ///
    /// # Errors
    ///
    /// [`EndpointTypeTaken`] if there is one of that name.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    /// use reactor_compat::endpoint::{TcpServerEndpoint, server_from_string};
    /// use std::rc::Rc;
    ///
    /// let reactor = Reactor::new();
    /// reactor.add_server_type("local", |reactor, description| {
    ///     let arguments = description.arguments(&["port"], &[])?;
    ///     let port = arguments.number("port", 0..=9999)?.unwrap_or(80);
    ///     Ok(Rc::new(TcpServerEndpoint::new(reactor, ("127.0.0.1", port))))
    /// })?;
    /// let endpoint = server_from_string(&reactor, "local:8000")?;
    /// assert_eq!(endpoint.to_string(), "127.0.0.1:8000");
    ///
    /// let error = server_from_string(&reactor, "local:10000").unwrap_err();
    /// assert!(error.to_string().ends_with("a number from 0 to 9999, not `10000`"));
    /// let twice = reactor.add_server_type("local", |reactor, _| {
    ///     Ok(Rc::new(TcpServerEndpoint::new(reactor, 80)))
    /// });
    /// assert_eq!(twice.unwrap_err().to_string(), "there are `local` endpoints already");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "IStreamServerEndpointStringParser")]
    pub fn add_server_type<P>(&self, name: &str, parse: P) -> Result<(), EndpointTypeTaken>
    where
        P: Fn(&Self, &Description) -> Result<Rc<dyn StreamServerEndpoint>, EndpointError> + 'static,
    {
        self.extension::<Types>().servers.add(name, &server::TYPES, Rc::new(parse))
    }

    /// Adds a type of client endpoint to those that
    /// [`client_from_string`](super::client_from_string) knows, for this reactor.
    ///
    /// # Errors
    ///
    /// As [`add_server_type`](Self::add_server_type).
    ///
    /// ```
    /// use reactor_compat::Reactor;
    /// use reactor_compat::endpoint::{HostnameEndpoint, client_from_string};
    /// use std::rc::Rc;
    ///
    /// let reactor = Reactor::new();
    /// reactor.add_client_type("local", |reactor, description| {
    ///     let arguments = description.arguments(&["port"], &[])?;
    ///     let port = arguments.number("port", 0..=9999)?.unwrap_or(80);
    ///     Ok(Rc::new(HostnameEndpoint::new(reactor, ("127.0.0.1", port))))
    /// })?;
    /// assert_eq!(client_from_string(&reactor, "LOCAL:8000")?.to_string(), "127.0.0.1:8000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "IStreamClientEndpointStringParserWithReactor")]
    pub fn add_client_type<P>(&self, name: &str, parse: P) -> Result<(), EndpointTypeTaken>
    where
        P: Fn(&Self, &Description) -> Result<Rc<dyn StreamClientEndpoint>, EndpointError> + 'static,
    {
        self.extension::<Types>().clients.add(name, &client::TYPES, Rc::new(parse))
    }
}
