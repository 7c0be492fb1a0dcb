//! A reactor asks a TCP server for an exchange rate every 30 seconds (or as
//! many as the second argument says); a blocking program says the latest one
//! for each line of its standard input. The server is at the first argument,
//! 127.0.0.1:8000 unless told otherwise.
//!
//! "Example #2" of "Twisted Mixing".
//!
//! ```sh
//! cargo run --example exchange_rate 127.0.0.1:8000 1
//! ```
//!
//! With `echo 1.08 | nc -l 8000` as the server, each press of Enter has it say
//! `EUR/USD rate: 1.08.`, or that the rate is unavailable, until Ctrl-D.

mod seconds;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{env, io};

use deferred::{Deferred, Failure, ensure_deferred};
use reactor_compat::blocking::{EventualResult, run_in_reactor, setup};
use reactor_compat::log;
use reactor_compat::task::LoopingCall;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A rate, kept up to date in the reactor's thread, to be read in any.
#[derive(Clone)]
struct ExchangeRate {
    address: String,
    value: Arc<Mutex<Option<f64>>>,
}

impl ExchangeRate {
    fn new(address: String) -> Self {
        Self { address, value: Arc::default() }
    }

    fn start(&self, interval: Duration) -> EventualResult<()> {
        let rate = self.clone();
        run_in_reactor(move || {
            let looping = LoopingCall::new(move || rate.download());
            let _stopped = looping.start(interval, true);
        })
    }

    fn download(&self) -> Deferred<()> {
        let rate = self.clone();
        ensure_deferred(async move {
            let mut text = String::new();
            TcpStream::connect(&rate.address).await?.read_to_string(&mut text).await?;
            rate.set(text.trim().parse()?);
            Ok::<_, Failure>(())
        })
        .add_errback(|failure| log::err(failure, "while asking for the rate"))
    }

    fn set(&self, value: f64) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    fn latest_value(&self) -> Option<f64> {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a web page would be.
fn index(rate: &ExchangeRate) -> String {
    let rate = rate.latest_value().map_or("unavailable".to_owned(), |rate| rate.to_string());
    format!("EUR/USD rate: {rate}.")
}

fn main() -> Result<(), Failure> {
    setup()?;
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let rate = ExchangeRate::new(address);
    rate.start(seconds::argument(2, 30)?).wait(Duration::MAX)?;
    for request in io::stdin().lines() {
        let _ = request?;
        println!("{}", index(&rate));
    }
    Ok(())
}
