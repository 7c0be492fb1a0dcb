//! Waits for a file `mail` and prints it: in a thread, looking every tenth of
//! a second.
//!
//! The third program of "Twisted - hello, asynchronous programming".
//!
//! ```sh
//! cargo run --example mail_poller_thread
//! ```
//!
//! After `echo Hello > mail`, in the same folder, it says `["Hello\n"]`.

use std::path::Path;
use std::time::Duration;
use std::{fs, io, thread};

fn read_mail(mailitems: String) {
    println!("{:?}", mailitems.split_inclusive('\n').collect::<Vec<_>>());
}

fn wait_for_mail(reader: impl FnOnce(String)) -> io::Result<()> {
    while !Path::new("mail").is_file() {
        thread::sleep(Duration::from_millis(100));
    }

    reader(fs::read_to_string("mail")?);
    Ok(())
}

fn main() -> io::Result<()> {
    let t = thread::spawn(|| wait_for_mail(read_mail));
    t.join().expect("it does not panic")
}
