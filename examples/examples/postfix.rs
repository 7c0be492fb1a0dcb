//! Looks keys up for Postfix: `postfix [ENDPOINT]`,
//! `tcp:4242:interface=127.0.0.1` unless told otherwise.
//!
//! Try it with `postmap -q foo tcp:localhost:4242`.
//!
//! ```sh
//! cargo run --example postfix
//! ```
//!
//! It says `listening on 127.0.0.1:4242`, and answers `200 bar` to `get foo`,
//! until Ctrl-C.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use protocols::postfix::PostfixTCPMapFactory;
use reactor_compat::endpoint::server_from_string;
use reactor_compat::reactor;

fn give_up(failure: Failure) {
    eprintln!("postfix: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description =
        env::args().nth(1).unwrap_or_else(|| "tcp:4242:interface=127.0.0.1".to_owned());
    let table = [("foo", "bar"), ("ada@example.org", "ada@mail.example.org")];
    let _listening = server_from_string(&reactor(), &description)?
        .listen(PostfixTCPMapFactory::dict(&reactor(), table))
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
