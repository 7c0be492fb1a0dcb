//! Waits for a file `mail` and prints it: with callbacks, and without a
//! reactor. Nothing else can happen meanwhile.
//!
//! The first program of "Twisted - hello, asynchronous programming".
//!
//! ```sh
//! cargo run --example mail_poller_callback
//! ```
//!
//! After `echo Hello > mail`, in the same folder, it says `["Hello\n"]`.

use std::path::Path;
use std::{fs, io, process};

fn read_mail(mailitems: String) -> ! {
    println!("{:?}", mailitems.split_inclusive('\n').collect::<Vec<_>>());
    process::exit(0)
}

fn read_error(error: io::Error) -> ! {
    eprintln!("error: {error}");
    process::exit(1)
}

fn wait_for_mail(callback: fn(String) -> !, errback: fn(io::Error) -> !) -> ! {
    loop {
        if Path::new("mail").is_file() {
            match fs::read_to_string("mail") {
                Ok(mailitems) => callback(mailitems),
                Err(error) => errback(error),
            }
        }
    }
}

fn main() {
    wait_for_mail(read_mail, read_error)
}
