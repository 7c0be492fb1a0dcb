//! Sends as many random numbers as it is asked for, a line each:
//! `streaming [ADDRESS]`, `0.0.0.0:1234` unless told otherwise.
//!
//! What makes them is a push producer: however many are asked for, and however
//! slowly they are read, there are never more of them in memory than the
//! connection's high-water mark.
//!
//! ```sh
//! cargo run --example streaming
//! ```
//!
//! Then `telnet localhost 1234`: it asks `How many random integers do you
//! want?`, and sends them. It says when it pauses, until Ctrl-C.

use std::cell::Cell;
use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::{Address, Producer, ProducerKind, Protocol, Transport, reactor};

/// Makes the numbers that are still to be sent.
#[derive(Clone)]
struct Numbers {
    transport: Transport,
    left: Rc<Cell<u64>>,
    paused: Rc<Cell<bool>>,
}

impl Producer for Numbers {
    /// Called from inside the write that is too much.
    fn pause_producing(&self) {
        self.paused.set(true);
        println!("pausing connection from {}", self.transport.get_peer());
    }

    fn resume_producing(&self) {
        self.paused.set(false);
        while !self.paused.get() && self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            self.transport.write(format!("{}\r\n", fastrand::u16(..10_000)));
        }
        if self.left.get() == 0 {
            self.transport.unregister_producer();
            self.transport.lose_connection();
        }
    }

    fn stop_producing(&self) {
        self.left.set(0);
    }
}

struct ServeRandom;

impl Protocol<LineTransport> for ServeRandom {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        println!("connection made from {}", transport.get_peer());
        transport.send_line("How many random integers do you want?");
    }

    fn connection_lost(&mut self, transport: &LineConnection<Self>, _reason: Failure) {
        println!("connection lost from {}", transport.get_peer());
    }
}

impl LineReceiver for ServeRandom {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        if let Err(error) = serve(transport, line) {
            println!("not served: {error}");
            transport.lose_connection();
        }
    }
}

fn serve(transport: &LineConnection<ServeRandom>, line: &[u8]) -> Result<(), Box<dyn Error>> {
    let count = str::from_utf8(line)?.trim().parse()?;
    println!("client requested {count} random integers");
    let numbers = Numbers {
        transport: Transport::clone(transport),
        left: Rc::new(Cell::new(count)),
        paused: Rc::default(),
    };
    transport.register_producer(numbers.clone(), ProducerKind::Push)?;
    numbers.resume_producing();
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "0.0.0.0:1234".to_owned());
    let address: SocketAddr = address.parse()?;
    let port = reactor().listen_tcp(address, |_peer: Address| Lines::new(ServeRandom))?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
