//! Waits for a file `mail` and prints it: in a coroutine, looking every second
//! (or every so many as the argument says).
//!
//! The fifth program of "Twisted - hello, asynchronous programming".
//!
//! ```sh
//! cargo run --example mail_poller_coroutine
//! ```
//!
//! After `echo Hello > mail`, in the same folder, it says `got mail
//! ["Hello\n"]`.

mod seconds;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use deferred::{Deferred, Failure, ensure_deferred};
use reactor_compat::reactor;
use reactor_compat::task::defer_later;

fn deferred_sleep(how_long: Duration) -> Deferred<()> {
    defer_later(&reactor(), how_long, || ())
}

async fn wait_for_mail(every: Duration) -> Result<String, Failure> {
    loop {
        if Path::new("mail").is_file() {
            return Ok(fs::read_to_string("mail")?);
        }
        deferred_sleep(every).await?;
    }
}

async fn check_mail(every: Duration) -> Result<(), Failure> {
    let mail = wait_for_mail(every).await?;
    println!("got mail {:?}", mail.split_inclusive('\n').collect::<Vec<_>>());
    Ok(reactor().stop()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let every = seconds::argument(1, 1)?;
    reactor().call_when_running(move || {
        let _done = ensure_deferred(check_mail(every));
    });
    reactor().run()?;
    Ok(())
}
