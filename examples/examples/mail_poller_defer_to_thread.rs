//! Waits for a file `mail` and prints it: in a thread of the reactor's, looking
//! every tenth of a second.
//!
//! The fourth program of "Twisted - hello, asynchronous programming".
//!
//! ```sh
//! cargo run --example mail_poller_defer_to_thread
//! ```
//!
//! After `echo Hello > mail`, in the same folder, it says `["Hello\n"]`.

use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use deferred::Failure;
use reactor_compat::{RunError, defer_to_thread, reactor};

fn read_mail(mailitems: String) -> Result<(), Failure> {
    println!("{:?}", mailitems.split_inclusive('\n').collect::<Vec<_>>());
    Ok(reactor().stop()?)
}

fn wait_for_mail() -> Result<String, Failure> {
    while !Path::new("mail").is_file() {
        thread::sleep(Duration::from_millis(100));
    }

    Ok(fs::read_to_string("mail")?)
}

fn main() -> Result<(), RunError> {
    let _done = defer_to_thread(wait_for_mail).add_callback(read_mail);
    reactor().run()
}
