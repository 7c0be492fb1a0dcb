//! A chat server: `chatserver [ENDPOINT]`, `tcp:8000` unless told otherwise.
//!
//! The protocols of one factory share who is there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::process;
use std::rc::Rc;

use deferred::Failure;
use reactor_compat::endpoint::server_from_string;
use reactor_compat::{Address, Connection, Factory, Protocol, Transport, reactor};

/// The longest line that is listened to.
const LONGEST: usize = 1024;

/// Everybody by name.
type Room = Rc<RefCell<BTreeMap<String, Transport>>>;

/// Somebody who chats.
struct Chat {
    room: Room,
    name: Option<String>,
    buffer: Vec<u8>,
}

impl Chat {
    fn line_received(&mut self, transport: &Connection<Self>, line: &str) {
        match &self.name {
            Some(name) => self.tell_others(name, &format!("<{name}> {line}\r\n")),
            None => self.introduce(transport, line),
        }
    }

    fn introduce(&mut self, transport: &Connection<Self>, name: &str) {
        if name.is_empty() || self.room.borrow().contains_key(name) {
            return transport.write("Name taken, please choose another.\r\n");
        }
        transport.write(format!("Welcome, {name}!\r\n"));
        self.tell_others(name, &format!("* {name} has joined\r\n"));
        self.room.borrow_mut().insert(name.to_owned(), transport.transport().clone());
        self.name = Some(name.to_owned());
    }

    fn tell_others(&self, from: &str, text: &str) {
        for (name, transport) in &*self.room.borrow() {
            if name != from {
                transport.write(text);
            }
        }
    }
}

impl Protocol for Chat {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write("What's your name?\r\n");
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.buffer.extend_from_slice(data);
        while let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            self.line_received(transport, String::from_utf8_lossy(&line).trim_end());
        }
        if self.buffer.len() > LONGEST {
            transport.abort_connection();
        }
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, _reason: Failure) {
        if let Some(name) = self.name.take() {
            self.room.borrow_mut().remove(&name);
            self.tell_others(&name, &format!("* {name} has left\r\n"));
        }
    }
}

#[derive(Default)]
struct ChatFactory {
    room: Room,
}

impl Factory for ChatFactory {
    type Protocol = Chat;

    fn build_protocol(&mut self, _peer: Address) -> Option<Chat> {
        Some(Chat { room: self.room.clone(), name: None, buffer: Vec::new() })
    }
}

fn give_up(failure: Failure) {
    eprintln!("chatserver: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:8000".to_owned());
    let listening = server_from_string(&reactor(), &description)?
        .listen(ChatFactory::default())
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    drop(listening);
    Ok(())
}
