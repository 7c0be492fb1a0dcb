//! Forwards a port: `portforward LISTEN CONNECT`, `tcp:8001` and
//! `tcp:127.0.0.1:8000` unless told otherwise.
//!
//! Each side is the producer of the other, so that neither gets ahead of a
//! slow reader, however much there is to forward.
//!
//! ```sh
//! cargo run --example portforward
//! ```
//!
//! With `echoserv` running, `cargo run --example echoclient tcp:127.0.0.1:8001`
//! says the same as without a port between them, until Ctrl-C.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use protocols::portforward::ProxyFactory;
use reactor_compat::endpoint::{client_from_string, server_from_string};
use reactor_compat::reactor;

fn give_up(failure: Failure) {
    eprintln!("portforward: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let from = arguments.next().unwrap_or_else(|| "tcp:8001".to_owned());
    let to = arguments.next().unwrap_or_else(|| "tcp:127.0.0.1:8000".to_owned());
    let target = client_from_string(&reactor(), &to)?;
    let _listening = server_from_string(&reactor(), &from)?
        .listen(ProxyFactory::to(target))
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
