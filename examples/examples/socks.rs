//! A SOCKS 4 and 4a server: `socks [ENDPOINT [PORT...]]`, on
//! `tcp:1080:interface=127.0.0.1` unless told otherwise.
//!
//! It connects only to the ports that are named, 80 and 443 if none is, and
//! prints who was connected with whom.
//!
//! ```sh
//! cargo run --example socks
//! ```
//!
//! It says `listening on 127.0.0.1:1080`. `curl --socks4a localhost
//! http://example.org/` has it say who asks for what, and shows the page.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use protocols::policies::LimitTotalConnectionsFactory;
use protocols::socks::{Command, Query, SocksFactory};
use reactor_compat::endpoint::server_from_string;
use reactor_compat::reactor;

fn give_up(failure: Failure) {
    eprintln!("socks: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let description = arguments.next().unwrap_or_else(|| "tcp:1080:interface=127.0.0.1".to_owned());
    let mut ports = arguments.map(|port| port.parse()).collect::<Result<Vec<u16>, _>>()?;
    if ports.is_empty() {
        ports = vec![80, 443];
    }
    let socks = SocksFactory::new(&reactor(), move |query: &Query| {
        let allowed = query.command == Command::Connect && ports.contains(&query.port);
        let user = String::from_utf8_lossy(&query.user);
        println!("{user} asks for {}:{}: {allowed}", query.server, query.port);
        Ok(allowed)
    });
    let _listening = server_from_string(&reactor(), &description)?
        .listen(LimitTotalConnectionsFactory::new(socks, 1000))
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
