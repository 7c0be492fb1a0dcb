//! A chat server: `chatserver [ENDPOINT]`, `tcp:8000` unless told otherwise.
//!
//! The protocols of one factory share who is there.
//!
//! ```sh
//! cargo run --example chatserver
//! ```
//!
//! Then `telnet localhost 8000`, twice: it asks for a name, and each line goes
//! to all the others, until Ctrl-C.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::process;
use std::rc::Rc;

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::endpoint::server_from_string;
use reactor_compat::{Address, Factory, Protocol, reactor};

/// Everybody by name.
type Room = Rc<RefCell<BTreeMap<String, LineConnection<Chat>>>>;

/// Somebody who chats.
struct Chat {
    room: Room,
    name: Option<String>,
}

impl Chat {
    fn introduce(&mut self, transport: &LineConnection<Self>, name: &str) {
        if name.is_empty() || self.room.borrow().contains_key(name) {
            return transport.send_line("Name taken, please choose another.");
        }
        transport.send_line(format!("Welcome, {name}!"));
        self.tell_others(name, &format!("* {name} has joined"));
        self.room.borrow_mut().insert(name.to_owned(), transport.me());
        self.name = Some(name.to_owned());
    }

    fn tell_others(&self, from: &str, text: &str) {
        for (name, transport) in &*self.room.borrow() {
            if name != from {
                transport.send_line(text);
            }
        }
    }
}

impl Protocol<LineTransport> for Chat {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.send_line("What's your name?");
    }

    fn connection_lost(&mut self, _transport: &LineConnection<Self>, _reason: Failure) {
        if let Some(name) = self.name.take() {
            self.room.borrow_mut().remove(&name);
            self.tell_others(&name, &format!("* {name} has left"));
        }
    }
}

impl LineReceiver for Chat {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        match &self.name {
            Some(name) => self.tell_others(name, &format!("<{name}> {line}")),
            None => self.introduce(transport, &line),
        }
    }
}

#[derive(Default)]
struct ChatFactory {
    room: Room,
}

impl Factory for ChatFactory {
    type Protocol = Lines<Chat>;

    fn build_protocol(&mut self, _peer: Address) -> Option<Lines<Chat>> {
        Some(Lines::new(Chat { room: self.room.clone(), name: None }))
    }
}

fn give_up(failure: Failure) {
    eprintln!("chatserver: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:8000".to_owned());
    let _listening = server_from_string(&reactor(), &description)?
        .listen(ChatFactory::default())
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
