//! Descriptors that arrive between lines, on a pair of UNIX sockets.

use std::fs::File;
use std::io::{PipeReader, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use deferred::testing::success_result_of;
use deferred::{Deferred, Trigger};
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::{Address, Protocol, Reactor};

/// Sends the reading end of a pipe with the first of two lines.
struct Sender(Option<PipeReader>);

impl Protocol<LineTransport> for Sender {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.send_file_descriptor(self.0.take().unwrap()).unwrap();
        transport.send_line("with");
        transport.send_line("without");
        transport.lose_connection();
    }
}

impl LineReceiver for Sender {
    fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
}

/// What came, in its order; a descriptor as what can be read from it.
struct Receiver {
    came: Vec<String>,
    done: Trigger<Vec<String>>,
}

impl Protocol<LineTransport> for Receiver {
    fn receives_descriptors(&self) -> bool {
        true
    }

    fn file_descriptor_received(&mut self, _: &LineConnection<Self>, descriptor: OwnedFd) {
        let mut text = String::new();
        File::from(descriptor).read_to_string(&mut text).unwrap();
        self.came.push(text);
    }
}

impl LineReceiver for Receiver {
    fn line_received(&mut self, _: &LineConnection<Self>, line: &[u8]) {
        self.came.push(String::from_utf8_lossy(line).into_owned());
        if line == b"without" {
            self.done.callback(self.came.clone()).unwrap();
        }
    }
}

/// Says that it wants descriptors, and takes none.
struct Careless(Trigger<()>);

impl Protocol<LineTransport> for Careless {
    fn receives_descriptors(&self) -> bool {
        true
    }
}

impl LineReceiver for Careless {
    fn line_received(&mut self, _: &LineConnection<Self>, line: &[u8]) {
        if line == b"without" {
            self.0.callback(()).unwrap();
        }
    }
}

/// Sends `reader` to `receiver`, until `came` has a result.
fn pass<H: LineReceiver, T: 'static>(reader: PipeReader, receiver: H, came: Deferred<T>) -> T {
    let reactor = Reactor::new();
    let (one, other) = UnixStream::pair().unwrap();
    let (mut sender, mut receiver) =
        (Some(Lines::new(Sender(Some(reader)))), Some(Lines::new(receiver)));
    reactor.adopt_stream_connection(one, move |_: Address| sender.take()).unwrap();
    reactor.adopt_stream_connection(other, move |_: Address| receiver.take()).unwrap();
    let stop = reactor.clone();
    let came = came.add_timeout(Duration::from_secs(60), &reactor).add_both(move |result| {
        stop.stop()?;
        result
    });
    reactor.run().unwrap();
    success_result_of(came)
}

#[test]
fn a_descriptor_comes_before_the_line_that_it_was_sent_with() {
    let (reader, mut writer) = pipe().unwrap();
    writer.write_all(b"from the pipe").unwrap();
    drop(writer);
    let (came, done) = Deferred::new();
    let came = pass(reader, Receiver { came: Vec::new(), done }, came);
    assert_eq!(came, ["from the pipe", "with", "without"]);
}

#[test]
fn a_descriptor_that_is_wanted_and_not_taken_is_closed() {
    let (reader, mut writer) = pipe().unwrap();
    let (came, done) = Deferred::new();
    pass(reader, Careless(done), came);
    assert!(writer.write_all(b"x").is_err(), "no end is left that could read it");
}
