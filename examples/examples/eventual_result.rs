//! A blocking program that waits for a reactor in the background: downloads
//! what a TCP server says, at 127.0.0.1:8000 unless told otherwise.
//!
//! "Example #1" of "Twisted Mixing".
//!
//! ```sh
//! cargo run --example eventual_result 127.0.0.1:8000
//! ```
//!
//! With `echo a page | nc -l 8000` as the server it says `a page`.

use std::env;
use std::time::Duration;

use deferred::{Deferred, Failure, ensure_deferred};
use reactor_compat::blocking::{EventualResult, run_in_reactor, setup};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

fn get_page(address: String) -> Deferred<String> {
    ensure_deferred(async move {
        let mut page = String::new();
        TcpStream::connect(address).await?.read_to_string(&mut page).await?;
        Ok::<_, Failure>(page)
    })
}

fn download_page(address: String) -> EventualResult<String> {
    run_in_reactor(|| get_page(address))
}

fn main() -> Result<(), Failure> {
    setup()?;
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let result = download_page(address);
    print!("{}", result.wait(Duration::MAX)?);
    Ok(())
}
