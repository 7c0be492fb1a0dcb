//! Forwards a port: `portforward LISTEN CONNECT`, `tcp:8001` and
//! `tcp:127.0.0.1:8000` unless told otherwise.
//!
//! Each side is the producer of the other, so that neither gets ahead of a
//! slow reader, however much there is to forward.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use reactor_compat::endpoint::{ClientEndpoint, client_from_string, server_from_string};
use reactor_compat::{Address, BringHome, Connection, ProducerKind, Protocol, Transport, reactor};

/// The side that somebody connected to.
struct Front {
    target: ClientEndpoint,
    back: Option<Transport>,
}

impl Protocol for Front {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.pause_producing();
        let front = transport.transport().clone();
        let connecting = self
            .target
            .connect(move |_peer: Address| Back { front: front.clone() })
            .add_callback_at(transport, Self::connected)
            .add_errback_at(transport, |_this, transport, failure| {
                eprintln!("portforward: {failure}");
                transport.lose_connection();
            });
        drop(connecting);
    }

    fn data_received(&mut self, _transport: &Connection<Self>, data: &[u8]) {
        if let Some(back) = &self.back {
            back.write(data);
        }
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, _reason: Failure) {
        if let Some(back) = self.back.take() {
            back.unregister_producer();
            back.lose_connection();
        }
    }
}

impl Front {
    fn connected(
        &mut self,
        transport: &Connection<Self>,
        back: Connection<Back>,
    ) -> Result<(), Failure> {
        back.register_producer(transport.transport().clone(), ProducerKind::Push)?;
        transport.register_producer(back.transport().clone(), ProducerKind::Push)?;
        self.back = Some(back.transport().clone());
        transport.resume_producing();
        Ok(())
    }
}

/// The side that connected to the target.
struct Back {
    front: Transport,
}

impl Protocol for Back {
    fn data_received(&mut self, _transport: &Connection<Self>, data: &[u8]) {
        self.front.write(data);
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, _reason: Failure) {
        self.front.unregister_producer();
        self.front.lose_connection();
    }
}

fn give_up(failure: Failure) {
    eprintln!("portforward: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let from = arguments.next().unwrap_or_else(|| "tcp:8001".to_owned());
    let to = arguments.next().unwrap_or_else(|| "tcp:127.0.0.1:8000".to_owned());
    let target = client_from_string(&reactor(), &to)?;
    let listening = server_from_string(&reactor(), &from)?
        .listen(move |_peer: Address| Front { target: target.clone(), back: None })
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    drop(listening);
    Ok(())
}
