//! A mail filter for Courier: `courier [SOCKET]`,
//! `/var/lib/courier/allfilters/twisted` unless told otherwise.
//!
//! Courier connects, and says in lines where the message is, and where its
//! control files are; an empty line is the last. The filter reads the message,
//! on another thread, and answers `200 Ok`, or why it refuses it.
//!
//! ```sh
//! cargo run --example courier /tmp/filter
//! ```
//!
//! It says `listening on /tmp/filter`, and for each message what it answered.
//! Without Courier, `printf '/tmp/message\n\n' | nc -U /tmp/filter` asks about
//! a file.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::{Address, Protocol, ProtocolCallbacks, defer_to_thread, reactor};

/// How much of a message is looked at, and how many files may be named.
const MAX_HEADERS: u64 = 1 << 20;
const MAX_FILES: usize = 1000;

#[derive(Default)]
struct MailFilter {
    files: Vec<String>,
}

impl Protocol<LineTransport> for MailFilter {}

impl LineReceiver for MailFilter {
    const DELIMITER: &'static [u8] = b"\n";

    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        if !line.is_empty() && self.files.len() < MAX_FILES {
            return self.files.push(String::from_utf8_lossy(line).into_owned());
        }
        let Some(message) = self.files.drain(..).next() else { return transport.lose_connection() };
        let _answered = defer_to_thread(move || judge(&message)).add_both_at(
            transport,
            |_this, transport, verdict| {
                let verdict = verdict.unwrap_or_else(|failure| format!("450 {failure}"));
                println!("{verdict}");
                transport.write(verdict + "\n");
                transport.lose_connection();
            },
        );
    }
}

/// What is to be done with a message: one that offers something for free is
/// refused.
fn judge(message: &str) -> Result<String, Failure> {
    for line in BufReader::new(File::open(message)?.take(MAX_HEADERS)).split(b'\n') {
        let line = line?.to_ascii_lowercase();
        if line.trim_ascii().is_empty() {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        if text.strip_prefix("subject:").is_some_and(|subject| subject.contains("free")) {
            return Ok("554 Nothing is free.".to_owned());
        }
    }
    Ok("200 Ok".to_owned())
}

fn main() -> Result<(), Box<dyn Error>> {
    let socket =
        env::args().nth(1).unwrap_or_else(|| "/var/lib/courier/allfilters/twisted".to_owned());
    let filter = |_peer: Address| Lines::new(MailFilter::default());
    let port = reactor().listen_unix(socket.as_str(), filter)?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
