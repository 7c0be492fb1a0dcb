//! [`IdentClient`]: asks who owns connections.
//!
//! Mirrors `twisted.protocols.ident.IdentClient`. Tested in
//! `tests/servers/ident.rs`.

use std::collections::VecDeque;
use std::fmt;

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::Protocol;

use super::{IdentError, Identity};
use crate::basic::{LineConnection, LineReceiver, LineTransport};

/// How many queries may wait for their answers.
///
/// ```
/// assert_eq!(protocols::ident::MAX_QUERIES, 1024);
/// ```
pub const MAX_QUERIES: usize = 1024;

struct Query {
    ports: (u16, u16),
    trigger: Trigger<Identity>,
}

/// Asks who owns connections: one query at a time, in order.
///
/// ```
/// use deferred::testing::success_result_of;
/// use protocols::{basic::Lines, ident::{IdentClient, Identity}};
/// use reactor_compat::testing::StringTransport;
///
/// let transport = StringTransport::new(Lines::new(IdentClient::default()));
/// let ident = transport.connection().project(Lines::handler_mut);
/// let who = ident.call(|client, _| client.lookup(6191, 23));
/// assert_eq!(transport.take_value(), b"6191, 23\r\n");
/// transport.data_received(b"6191, 23 : USERID : UNIX : ada\r\n");
/// assert_eq!(success_result_of(who), Identity::new("UNIX", "ada"));
/// ```
#[derive(Default)]
pub struct IdentClient {
    connection: Option<LineTransport>,
    queries: VecDeque<Query>,
}

impl IdentClient {
    /// Asks who owns the connection from the server's port `port_on_server` to
    /// our `port_on_client`.
    ///
    /// It fails with what the server says, and with [`IdentError::Unknown`] if
    /// it says nothing that makes sense, if the connection is lost or not
    /// there, and while [`MAX_QUERIES`] others wait.
    ///
    /// See the [type's example](Self).
    pub fn lookup(&mut self, port_on_server: u16, port_on_client: u16) -> Deferred<Identity> {
        if self.connection.is_none() || self.queries.len() >= MAX_QUERIES {
            return Deferred::fail(IdentError::Unknown);
        }
        let (who, trigger) = Deferred::new();
        self.queries.push_back(Query { ports: (port_on_server, port_on_client), trigger });
        if self.queries.len() == 1 {
            self.ask();
        }
        who
    }

    fn ask(&self) {
        if let (Some(connection), Some(Query { ports, .. })) =
            (&self.connection, self.queries.front())
        {
            connection.send_line(format!("{}, {}", ports.0, ports.1));
        }
    }
}

impl Protocol<LineTransport> for IdentClient {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        self.connection = Some(transport.transport().clone());
    }

    fn connection_lost(&mut self, _: &LineConnection<Self>, _: Failure) {
        self.connection = None;
        for query in std::mem::take(&mut self.queries) {
            let _ = query.trigger.errback(IdentError::Unknown);
        }
    }
}

impl LineReceiver for IdentClient {
    /// RFC 1413 has no more than a thousand characters in a line.
    const MAX_LENGTH: usize = 1000;

    fn line_received(&mut self, _: &LineConnection<Self>, line: &[u8]) {
        let Some(query) = self.queries.pop_front() else {
            tracing::debug!("an ident server says something that nobody asked");
            return;
        };
        self.ask();
        // Whoever cancelled it does not want to know.
        let _ = query.trigger.fire(parse_response(line).map_err(Failure::new));
    }
}

impl fmt::Debug for IdentClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentClient").field("queries", &self.queries.len()).finish_non_exhaustive()
    }
}

/// `ports : USERID : system : user`, or `ports : ERROR : error`.
fn parse_response(line: &[u8]) -> Result<Identity, IdentError> {
    let line = String::from_utf8_lossy(line);
    let mut parts = line.splitn(3, ':').map(str::trim);
    let (Some(_ports), Some(kind), Some(info)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(IdentError::Unknown);
    };
    if kind != "USERID" {
        let named = IdentError::ALL.into_iter().find(|error| error.name() == info);
        return Err(named.unwrap_or(IdentError::Unknown));
    }
    let (system, user) = info.split_once(':').ok_or(IdentError::Unknown)?;
    Ok(Identity::new(system.trim(), user.trim()))
}
