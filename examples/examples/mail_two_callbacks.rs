//! Waits for a file `mail`, looking every second (or every so many as the
//! argument says); what the first callback makes of it goes to the second.
//!
//! The last program of "Twisted - hello, asynchronous programming".
//!
//! ```sh
//! cargo run --example mail_two_callbacks
//! ```
//!
//! After `echo Hello > mail`, in the same folder, it says `letter`, and
//! `buzzzzz: this letter is junk`.

mod seconds;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::reactor;

fn read_mail(mailitems: &str) -> Result<String, Failure> {
    println!("{mailitems}");
    Ok(format!("this {mailitems} is junk"))
}

fn shred_mail(mailitems: String) -> Result<(), Failure> {
    println!("buzzzzz: {mailitems}");
    Ok(reactor().stop()?)
}

fn wait_for_mail(every: Duration) -> Deferred<&'static str> {
    let (mail, trigger) = Deferred::new();
    look_for_mail(every, trigger);
    mail
}

fn look_for_mail(every: Duration, trigger: Trigger<&'static str>) {
    if Path::new("mail").is_file() {
        trigger.callback("letter").expect("it is fired once");
    } else {
        reactor().call_later(every, move || look_for_mail(every, trigger));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let every = seconds::argument(1, 1)?;
    reactor().call_when_running(move || {
        let _done = wait_for_mail(every).add_callback(read_mail).add_callback(shred_mail);
    });
    reactor().run()?;
    Ok(())
}
