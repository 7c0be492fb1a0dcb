//! A program of services: an echo server that drains its connections, and a timer.
//!
//! ```sh
//! cargo run --example echo_service tcp:8000
//! ```
//!
//! It says `listening on 0.0.0.0:8000`, echoes, and counts its connections now and then.
//! Ctrl-C closes the port and tells the clients `bye`, each of which has ten seconds to go;
//! a second Ctrl-C means now. The last line says how many went and how many had to be
//! thrown out.

use std::env;
use std::error::Error;
use std::time::Duration;

use reactor_compat::service::{Application, TimerService, service_fn, strports};
use reactor_compat::{Connection, Protocol, Reactor};

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:8000".to_owned());
    let reactor = Reactor::new();
    let application = Application::new(&reactor, "echo");

    let server = strports(&reactor, &description, |_peer| Echo)?
        .drain_with(Duration::from_secs(10), |client| client.write("bye\n"));
    application.add_named_service("server", server.clone())?;

    let counted = server.clone();
    let minute = Duration::from_secs(60);
    application.add_named_service(
        "counter",
        TimerService::new(&reactor, minute, move || {
            println!("{} connections", counted.connections());
            Ok(())
        }),
    )?;

    // The last to start is the first to stop.
    let listening = server.clone();
    application.add_service(service_fn(
        move || {
            if let Some(port) = listening.port() {
                println!("listening on {}", port.get_host());
            }
            Ok(())
        },
        |()| {
            println!("stopping");
            Ok(())
        },
    ));

    application.run()?;
    if let Some(drained) = server.last_drain() {
        println!("{} went, {} were thrown out", drained.finished, drained.aborted);
    }
    Ok(())
}
