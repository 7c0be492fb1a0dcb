//! Has a server add and divide: `ampclient [ENDPOINT]`, `tcp:127.0.0.1:1234`
//! unless told otherwise. `ampserver`, or Twisted's, answers.
//!
//! ```sh
//! cargo run --example ampclient
//! ```
//!
//! With `ampserver` running it says `Divided by zero: returning INF`, and then
//! `Done with math: [94.0, inf]`.

use std::env;
use std::error::Error;
use std::fmt;
use std::process;

use deferred::{Failure, FirstError, gather_results};
use protocols::amp::{Amp, CallRemote, Command, CommandError, NoError};
use reactor_compat::endpoint::client_from_string;
use reactor_compat::{Address, reactor};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Sum {
    a: i64,
    b: i64,
}

#[derive(Serialize, Deserialize)]
struct Total {
    total: i64,
}

impl Command for Sum {
    const NAME: &str = "Sum";
    type Response = Total;
    type Error = NoError;
}

#[derive(Serialize, Deserialize)]
struct Divide {
    numerator: i64,
    denominator: i64,
}

#[derive(Serialize, Deserialize)]
struct Quotient {
    result: f64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename = "ZERO_DIVISION")]
struct ZeroDivision;

impl fmt::Display for ZeroDivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("division by zero")
    }
}

impl Error for ZeroDivision {}

impl CommandError for ZeroDivision {}

impl Command for Divide {
    const NAME: &str = "Divide";
    type Response = Quotient;
    type Error = ZeroDivision;
}

fn give_up(failure: Failure) {
    let why = failure.check::<FirstError>().map_or(&failure, FirstError::sub_failure);
    eprintln!("ampclient: {why}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:127.0.0.1:1234".to_owned());
    let server = client_from_string(&reactor(), &description)?;

    let sum = server
        .connect(|_peer: Address| Amp::new())
        .add_callback(|amp| amp.call_remote(Sum { a: 13, b: 81 }))
        .add_callback(|Total { total }| Ok(total as f64));

    let quotient = server
        .connect(|_peer: Address| Amp::new())
        .add_callback(|amp| amp.call_remote(Divide { numerator: 1234, denominator: 0 }))
        .add_callback(|Quotient { result }| Ok(result))
        .add_errback(|failure| {
            failure.trap::<ZeroDivision>()?;
            println!("Divided by zero: returning INF");
            Ok(f64::INFINITY)
        });

    let _done = gather_results([sum, quotient])
        .add_callback(|results| {
            println!("Done with math: {results:?}");
            Ok(reactor().stop()?)
        })
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
