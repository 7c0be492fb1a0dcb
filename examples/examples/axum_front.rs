//! A web service of axum's, on Tokio's threads, in front of a service that speaks
//! a protocol of its own over one connection, on a reactor's thread.
//!
//! ```sh
//! cargo run --example axum_front
//! curl http://127.0.0.1:8080/greet/Ada
//! ```
//!
//! It says where it listens; curl says `Hello, Ada!`. An argument is another
//! address to listen on.

use std::collections::VecDeque;
use std::error::Error;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use deferred::{Deferred, Failure, Trigger};
use reactor_compat::{Address, Connection, Protocol, Reactor, RemoteObject, reactor};

/// The service: it greets whoever is named in a line.
#[derive(Default)]
struct Greeter {
    line: Vec<u8>,
}

impl Protocol for Greeter {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.line.extend_from_slice(data);
        while let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
            let name: Vec<u8> = self.line.drain(..=end).take(end).collect();
            transport.write(format!("Hello, {}!\n", String::from_utf8_lossy(&name)));
        }
    }
}

/// Its client: answers come in the order of the questions.
#[derive(Default)]
struct Client {
    line: Vec<u8>,
    asked: VecDeque<Trigger<String>>,
}

impl Client {
    fn greet(&mut self, transport: &Connection<Self>, name: &str) -> Deferred<String> {
        let (greeting, trigger) = Deferred::new();
        self.asked.push_back(trigger);
        transport.write(format!("{name}\n"));
        greeting
    }
}

impl Protocol for Client {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.line.extend_from_slice(data);
        while let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).take(end).collect();
            if let Some(trigger) = self.asked.pop_front() {
                // Only a request that was cancelled has no use for it.
                let _ = trigger.callback(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        for trigger in self.asked.drain(..) {
            let _ = trigger.errback(reason.clone());
        }
    }
}

/// Starts the service on the reactor's thread, and connects to it.
fn connect() -> Deferred<Connection<Client>> {
    let listening = reactor().listen_tcp(("127.0.0.1", 0), |_: Address| Greeter::default());
    match listening.map(|port| port.get_host().socket_addr()) {
        Ok(Some(address)) => {
            reactor().connect_tcp(address, |_: Address| Client::default()).when_connected()
        }
        Ok(None) => Deferred::fail(std::fmt::Error),
        Err(error) => Deferred::fail(error),
    }
}

/// What all requests share: it goes from thread to thread, the connection stays.
type Greetings = RemoteObject<Connection<Client>>;

async fn greet(
    State(greetings): State<Greetings>,
    Path(name): Path<String>,
) -> Result<String, (StatusCode, String)> {
    let greeting = greetings
        .call(move |connection| {
            connection.call(move |client, transport| client.greet(transport, &name))
        })
        // The browser may have gone: then nobody wants it.
        .cancel_on_drop();
    greeting.await.map_err(|failure| (StatusCode::BAD_GATEWAY, failure.to_string()))
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let background = Reactor::spawn_thread()?;
    let greetings: Greetings = background.remote().keep(connect).await?;

    let app = Router::new().route("/greet/{name}", get(greet)).with_state(greetings);
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    background.stop_and_join()?;
    Ok(())
}
