//! Adds and divides for whoever asks: `ampserver [ENDPOINT]`, `tcp:1234` unless
//! told otherwise. `ampclient`, and Twisted's, ask.
//!
//! ```sh
//! cargo run --example ampserver
//! ```
//!
//! It says `listening on 0.0.0.0:1234`, and with each run of `ampclient` that
//! it did a sum, until Ctrl-C.

use std::env;
use std::error::Error;
use std::fmt;
use std::process;

use deferred::Failure;
use protocols::amp::{Amp, Command, CommandError, NoError, Responders};
use reactor_compat::endpoint::server_from_string;
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

fn sum(Sum { a, b }: Sum) -> Result<Total, Failure> {
    let total = a + b;
    println!("Did a sum: {a} + {b} = {total}");
    Ok(Total { total })
}

fn divide(Divide { numerator, denominator }: Divide) -> Result<Quotient, Failure> {
    if denominator == 0 {
        return Err(ZeroDivision.into());
    }
    let result = numerator as f64 / denominator as f64;
    println!("Divided: {numerator} / {denominator} = {result}");
    Ok(Quotient { result })
}

fn give_up(failure: Failure) {
    eprintln!("ampserver: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:1234".to_owned());
    let math = Responders::new().function(sum).function(divide);
    let _listening = server_from_string(&reactor(), &description)?
        .listen(move |_peer: Address| Amp::with_responders(&math))
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
