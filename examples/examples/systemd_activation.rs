//! A server whose socket systemd opens: it is started when the first client comes.
//!
//! ```sh
//! cargo run --example systemd_activation tcp:8000
//! systemd-socket-activate --listen=8000 target/debug/examples/systemd_activation
//! ```
//!
//! The first opens a socket itself; the second is how systemd has it. Then
//! `telnet localhost 8000` sends back what it is told. In earnest two units say the same:
//!
//! ```ini
//! # echo.socket
//! [Socket]
//! ListenStream=8000
//! FileDescriptorName=echo
//!
//! # echo.service
//! [Service]
//! ExecStart=/usr/local/bin/systemd_activation systemd:domain=INET:name=echo
//! ```

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use reactor_compat::endpoint::server_from_string;
use reactor_compat::{Connection, Protocol, reactor};

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

fn give_up(failure: Failure) {
    eprintln!("systemd_activation: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description =
        env::args().nth(1).unwrap_or_else(|| "systemd:domain=INET:index=0".to_owned());
    let _listening = server_from_string(&reactor(), &description)?
        .listen(|_peer| Echo)
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
