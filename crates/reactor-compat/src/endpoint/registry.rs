//! The types of endpoints that users add to the strings of a reactor.
//!
//! Mirrors `IStreamServerEndpointStringParser` and
//! `IStreamClientEndpointStringParserWithReactor` of `twisted.internet.interfaces`. Tested
//! in `tests/network/endpoint.rs`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use thiserror::Error;

use super::{Description, EndpointError, StreamClientEndpoint, StreamServerEndpoint};
use super::{client, server};
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
    servers: RefCell<BTreeMap<String, ServerParser>>,
    clients: RefCell<BTreeMap<String, ClientParser>>,
}

impl Extension for Types {}

impl Types {
    /// The parser of a type of server, whose name is in small letters.
    pub(super) fn server(&self, name: &str) -> Option<ServerParser> {
        self.servers.borrow().get(name).cloned()
    }

    pub(super) fn client(&self, name: &str) -> Option<ClientParser> {
        self.clients.borrow().get(name).cloned()
    }

    pub(super) fn servers(&self) -> Vec<String> {
        self.servers.borrow().keys().cloned().collect()
    }

    pub(super) fn clients(&self) -> Vec<String> {
        self.clients.borrow().keys().cloned().collect()
    }
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
        let key = name.to_lowercase();
        let types = self.extension::<Types>();
        let taken = server::TYPES.contains(&key.as_str()) || types.server(&key).is_some();
        if taken {
            return Err(EndpointTypeTaken(key));
        }
        types.servers.borrow_mut().insert(key, Rc::new(parse));
        Ok(())
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
        let key = name.to_lowercase();
        let types = self.extension::<Types>();
        let taken = client::TYPES.contains(&key.as_str()) || types.client(&key).is_some();
        if taken {
            return Err(EndpointTypeTaken(key));
        }
        types.clients.borrow_mut().insert(key, Rc::new(parse));
        Ok(())
    }
}
