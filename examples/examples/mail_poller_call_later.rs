//! Waits for a file `mail` and prints it: with `call_later`, looking every
//! second, for at most a minute (or as many seconds as the two arguments say).
//!
//! The second program of "Twisted - hello, asynchronous programming".
//!
//! ```sh
//! cargo run --example mail_poller_call_later
//! ```
//!
//! After `echo Hello > mail`, in the same folder, it says `["Hello\n"]`.

mod seconds;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::reactor;

fn read_mail(mailitems: String) -> Result<(), Failure> {
    println!("{:?}", mailitems.split_inclusive('\n').collect::<Vec<_>>());
    Ok(reactor().stop()?)
}

fn wait_for_mail(every: Duration) -> Deferred<String> {
    let (mail, trigger) = Deferred::new();
    look_for_mail(every, trigger);
    mail
}

fn look_for_mail(every: Duration, trigger: Trigger<String>) {
    if Path::new("mail").is_file() {
        let mail = fs::read_to_string("mail").map_err(Failure::from);
        trigger.fire(mail).expect("it is fired once");
    } else {
        reactor().call_later(every, move || look_for_mail(every, trigger));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (every, limit) = (seconds::argument(1, 1)?, seconds::argument(2, 60)?);
    // Its callback needs a reactor that runs, which in the original it does not
    // yet if the mail is there at once.
    reactor().call_when_running(move || {
        let _done = wait_for_mail(every).add_callback(read_mail);
    });
    reactor().call_later(limit, || reactor().stop().expect("it is running"));
    reactor().run()?;
    Ok(())
}
