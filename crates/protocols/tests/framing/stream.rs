//! Lines and strings as streams and sinks, with Tokio's own code at the other
//! end.

use std::future::Future;
use std::net::SocketAddr;
use std::task::Poll;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure, ensure_deferred};
use futures::executor::block_on;
use futures::future::{join, poll_fn};
use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use protocols::basic::{
    Int8, Int32, LineStream, LineTooLong, Netstring, NetstringParseError, StringStream,
    StringTooLongError,
};
use protocols::policies::{ProtocolWrapper, Spew};
#[cfg(feature = "testing")]
use reactor_compat::ConnectError;
#[cfg(feature = "testing")]
use reactor_compat::endpoint::client_from_string;
#[cfg(feature = "testing")]
use reactor_compat::testing::MemoryReactor;
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, ConnectionDone, ConnectionGone, ConnectionLost, Protocol, Reactor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec, LinesCodec};

// ----- Tokio at the other end -----

/// Runs Tokio's code on a thread of its own.
fn tokio<F: Future<Output: Send> + 'static>(
    code: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<F::Output> {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(code())
    })
}

/// Serves one connection with Tokio's code; where it listens.
fn tokio_server<F: Future<Output: Send> + 'static>(
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, JoinHandle<F::Output>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio(move || async move {
        let (stream, _) = TcpListener::from_std(listener).unwrap().accept().await.unwrap();
        serve(stream).await
    });
    (address, served)
}

/// Runs a coroutine in a reactor, to its end.
fn run<R: 'static, F: Future<Output = Result<R, Failure>> + 'static>(
    reactor: &Reactor,
    coroutine: impl FnOnce() -> F + 'static,
) -> R {
    let (done, trigger) = Deferred::new();
    let stop = reactor.clone();
    reactor.call_when_running(move || {
        let ended = ensure_deferred(coroutine()).add_both(move |result| {
            stop.stop()?;
            trigger.fire(result)?;
            Ok(())
        });
        drop(ended);
    });
    reactor.run().unwrap();
    success_result_of(done)
}

/// Connects a protocol.
fn connect<P: Protocol>(reactor: &Reactor, address: SocketAddr, protocol: P) {
    let mut protocol = Some(protocol);
    drop(reactor.connect_tcp(address, move |_: Address| protocol.take()));
}

#[test]
fn a_client_of_lines_talks_to_tokio() {
    let (address, served) = tokio_server(|stream| async move {
        let mut lines = Framed::new(stream, LinesCodec::new());
        while let Some(line) = lines.next().await {
            lines.send(line.unwrap().to_uppercase()).await.unwrap();
        }
    });
    let reactor = Reactor::new();
    let (mut lines, protocol) = LineStream::channel();
    connect(&reactor, address, protocol.delimiter("\n"));
    let heard = run(&reactor, move || async move {
        let mut heard = Vec::new();
        for line in ["one", "two", "", "three"] {
            lines.send(line).await?;
            heard.push(lines.next().await.unwrap()?);
        }
        SinkExt::<&str>::close(&mut lines).await?;
        assert!(lines.next().await.is_none(), "they have ended, as we have");
        Ok(heard)
    });
    assert_eq!(heard, ["ONE", "TWO", "", "THREE"]);
    served.join().unwrap();
}

#[test]
fn a_server_of_strings_talks_to_tokio() {
    let reactor = Reactor::new();
    let serve = |_: Address| {
        let (strings, protocol) = StringStream::channel::<Int32>();
        // A wrapper, as around any other protocol.
        drop(ensure_deferred(async move {
            let (sink, stream) = strings.split();
            stream.forward(sink).await
        }));
        ProtocolWrapper::new(Spew, protocol)
    };
    let port = reactor.listen_tcp(("127.0.0.1", 0), serve).unwrap();
    let address = port.get_host().socket_addr().unwrap();
    let stop = reactor.remote();
    let client = tokio(move || async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut strings = Framed::new(stream, LengthDelimitedCodec::new());
        let mut heard = Vec::new();
        for size in [0, 1, 1000, 70_000] {
            strings.send(Bytes::from(vec![b'x'; size])).await.unwrap();
            heard.push(strings.next().await.unwrap().unwrap().len());
        }
        drop(strings);
        stop.stop().unwrap();
        heard
    });
    reactor.run().unwrap();
    assert_eq!(client.join().unwrap(), [0, 1, 1000, 70_000]);
}

/// Both send very much before they read: neither direction waits for the other,
/// and no more waits than may.
#[test]
fn much_goes_both_ways_at_once() {
    const LINES: usize = 20_000;
    let (address, served) = tokio_server(|stream| async move {
        let (mut sink, stream) = Framed::new(stream, LinesCodec::new()).split();
        let send = async {
            for number in 0..LINES {
                sink.feed(format!("{number:0100}")).await.unwrap();
            }
            sink.flush().await.unwrap();
        };
        join(send, stream.take(LINES).map(Result::unwrap).count()).await.1
    });
    let reactor = Reactor::new();
    let (lines, protocol) = LineStream::channel();
    connect(&reactor, address, protocol.delimiter("\n"));
    let heard = run(&reactor, move || async move {
        let (mut sink, mut stream) = lines.split();
        let send = async {
            for number in 0..LINES {
                sink.send(format!("{number:0100}")).await?;
            }
            Ok::<_, Failure>(())
        };
        let hear = async {
            let mut heard = 0;
            while let Some(line) = stream.next().await {
                assert_eq!(line?, format!("{heard:0100}"));
                heard += 1;
                if heard == LINES {
                    break;
                }
            }
            Ok::<_, Failure>(heard)
        };
        let (sent, heard) = join(send, hear).await;
        sent?;
        heard
    });
    assert_eq!(heard, LINES);
    assert_eq!(served.join().unwrap(), LINES);
}

/// A peer that does not read holds up who sends, and loses nothing.
#[test]
fn a_peer_that_does_not_read_holds_up_the_sink() {
    const LINES: usize = 100_000;
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let (address, served) = tokio_server(move |mut stream| async move {
        wait.recv().unwrap();
        let mut count = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut buffer).await.unwrap() {
                0 => break count,
                read => count += buffer[..read].iter().filter(|byte| **byte == b'\n').count(),
            }
        }
    });
    let reactor = Reactor::new();
    let (mut lines, protocol) = LineStream::channel();
    connect(&reactor, address, protocol);
    run(&reactor, move || async move {
        let mut held_up = false;
        for _ in 0..LINES {
            let mut sent = lines.send([b'x'; 200]);
            if (&mut sent).now_or_never().is_none() {
                // It is time that somebody reads.
                if !held_up {
                    go_on.send(()).unwrap();
                }
                held_up = true;
                sent.await?;
            }
            let unsent = lines.transport().unwrap().unsent();
            assert!(unsent <= 64 * 1024 + 300, "{unsent} bytes are unsent");
        }
        assert!(held_up);
        SinkExt::<&str>::close(&mut lines).await?;
        assert!(lines.next().await.is_none());
        Ok(())
    });
    assert_eq!(served.join().unwrap(), LINES);
}

/// Tokio's client ends its half; we answer, and close.
#[test]
fn a_half_closed_connection_is_answered() {
    let reactor = Reactor::new();
    let serve = |_: Address| {
        let (lines, protocol) = LineStream::channel();
        drop(ensure_deferred(async move {
            let mut lines = lines;
            let mut count = 0;
            while let Some(line) = lines.next().await {
                line?;
                count += 1;
            }
            lines.send(count.to_string()).await
        }));
        protocol
    };
    let port = reactor.listen_tcp(("127.0.0.1", 0), serve).unwrap();
    let address = port.get_host().socket_addr().unwrap();
    let stop = reactor.remote();
    let client = tokio(move || async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"one\r\ntwo\r\nthree\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        stop.stop().unwrap();
        answer
    });
    reactor.run().unwrap();
    assert_eq!(client.join().unwrap(), "3\r\n");
}

// ----- in memory -----

fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    block_on(stream.next())
}

fn is_ready<S: Sink<&'static str, Error = Failure> + Unpin>(sink: &mut S) -> bool {
    block_on(poll_fn(|cx| Poll::Ready(sink.poll_ready_unpin(cx).is_ready())))
}

/// More than 64 KiB that nobody takes pause reading; when half of it is taken,
/// reading goes on.
#[test]
fn what_waits_to_be_taken_is_bounded() {
    let (mut lines, protocol) = LineStream::channel();
    let transport = StringTransport::new(protocol);
    let line = [&[b'x'; 1022][..], b"\r\n"].concat();
    let mut came = 0;
    while transport.reading() {
        transport.data_received(&line);
        came += 1;
    }
    assert!((60..=64).contains(&came), "{came} lines of a KiB wait");
    let mut taken = 0;
    while !transport.reading() {
        assert_eq!(next(&mut lines).unwrap().unwrap().len(), 1022);
        taken += 1;
    }
    assert!((28..=36).contains(&taken), "{taken} were taken");
}

/// Lines that are empty are bounded as well, and what is behind a pause in one
/// read is not lost.
#[test]
fn a_read_of_empty_lines_is_held_up_in_its_middle() {
    let (mut lines, protocol) = LineStream::channel();
    let transport = StringTransport::new(protocol);
    transport.data_received(&b"\r\n".repeat(30_000));
    assert!(!transport.reading());
    assert!(transport.inspect(protocols::basic::Lines::held).unwrap() > 50_000);
    for _ in 0..30_000 {
        assert_eq!(next(&mut lines).unwrap().unwrap(), "");
        // Has the protocol hear that reading goes on.
        transport.resume_producing();
    }
    assert!(transport.reading());
    assert_eq!(transport.inspect(protocols::basic::Lines::held), Some(0));
}

#[test]
fn the_sink_is_ready_as_the_marks_allow() {
    let (mut lines, protocol) = LineStream::channel();
    assert!(!is_ready(&mut lines), "there is no connection");
    let transport = StringTransport::new(protocol);
    assert!(is_ready(&mut lines));
    block_on(lines.send([b'x'; 100_000])).unwrap();
    assert!(!is_ready(&mut lines));
    assert!(transport.reading(), "it is not reading that is held up");
    transport.take_value();
    assert!(is_ready(&mut lines));
}

#[test]
fn what_ends_a_connection_ends_the_stream() {
    // Cleanly, after what has come.
    let (mut lines, protocol) = LineStream::channel();
    let transport = StringTransport::new(protocol);
    transport.data_received(b"one\r\n");
    transport.connection_lost(ConnectionDone);
    assert_eq!(next(&mut lines).unwrap().unwrap(), "one");
    assert!(next(&mut lines).is_none());
    assert!(block_on(lines.send("late")).unwrap_err().is::<ConnectionDone>());
    block_on(SinkExt::<&str>::close(&mut lines)).unwrap();

    // By an error, which is the last item.
    let (mut lines, protocol) = LineStream::channel();
    let transport = StringTransport::new(protocol);
    transport.data_received(b"one\r\n");
    transport.connection_lost(ConnectionLost::default());
    assert_eq!(next(&mut lines).unwrap().unwrap(), "one");
    assert!(next(&mut lines).unwrap().unwrap_err().is::<ConnectionLost>());
    assert!(next(&mut lines).is_none());
    assert!(block_on(lines.send("late")).unwrap_err().is::<ConnectionLost>());
    assert!(block_on(SinkExt::<&str>::close(&mut lines)).is_err());
}

#[test]
fn what_is_refused_is_the_last_item() {
    let (mut lines, protocol) = LineStream::channel();
    let transport = StringTransport::new(protocol.max_length(4));
    transport.data_received(b"one\r\nthree\r\n");
    assert!(transport.disconnecting());
    transport.connection_lost(ConnectionDone);
    assert_eq!(next(&mut lines).unwrap().unwrap(), "one");
    let refused = next(&mut lines).unwrap().unwrap_err();
    assert_eq!(refused.check(), Some(&LineTooLong { max_length: 4 }));

    let (mut strings, protocol) = StringStream::channel::<Netstring>();
    let transport = StringTransport::new(protocol);
    transport.data_received(b"nonsense");
    transport.connection_lost(ConnectionDone);
    let refused = next(&mut strings).unwrap().unwrap_err();
    assert_eq!(refused.check(), Some(&NetstringParseError::MissingLength));
}

#[test]
fn what_cannot_be_sent_fails_alone() {
    let (mut strings, protocol) = StringStream::channel::<Int8>();
    let transport = StringTransport::new(protocol);
    let failure = block_on(strings.send([0; 256])).unwrap_err();
    assert!(failure.is::<StringTooLongError>());
    block_on(strings.send([1; 2])).unwrap();
    assert_eq!(transport.take_value(), [2, 1, 1]);
}

#[test]
fn a_stream_that_is_dropped_closes_its_connection() {
    let (mut lines, protocol) = LineStream::channel();
    let transport = StringTransport::new(protocol);
    block_on(lines.send("last words")).unwrap();
    drop(lines);
    assert_eq!(transport.take_value(), b"last words\r\n");
    assert!(transport.disconnecting());

    // And one that comes when nobody is there any more.
    let (lines, protocol) = LineStream::channel();
    drop(lines);
    assert!(StringTransport::new(protocol).disconnecting());
}

#[test]
fn a_connection_that_is_never_made_is_an_error() {
    let (mut lines, protocol) = LineStream::channel();
    drop(protocol);
    assert!(next(&mut lines).unwrap().unwrap_err().is::<ConnectionGone>());
    assert!(block_on(lines.send("to nobody")).unwrap_err().is::<ConnectionGone>());
}

/// A test's coroutine beside a reactor in memory: it goes on when that is driven.
#[cfg(feature = "testing")]
#[test]
fn a_coroutine_of_a_test_reads_lines() {
    let reactor = MemoryReactor::new();
    let (ours, mut theirs) = tokio::io::duplex(64);
    let (mut lines, protocol) = LineStream::channel();
    reactor.serve(ours, protocol);
    let heard = ensure_deferred(async move {
        let first = lines.next().await.unwrap()?;
        lines.send("and?").await?;
        Ok::<_, Failure>([first, lines.next().await.unwrap()?])
    });
    for line in ["one\r\n", "two\r\n"] {
        theirs.write_all(line.as_bytes()).now_or_never().unwrap().unwrap();
        reactor.settle().unwrap();
    }
    assert_eq!(success_result_of(heard), ["one", "two"]);
}

/// Refuses the last attempt.
#[cfg(feature = "testing")]
fn refuse(reactor: &MemoryReactor) {
    reactor.settle().unwrap();
    reactor.tcp_clients().last().unwrap().refuse().unwrap();
    reactor.settle().unwrap();
}

#[cfg(feature = "testing")]
#[test]
fn a_client_that_is_refused_hears_it_though_the_connector_is_kept() {
    let reactor = MemoryReactor::new();
    let (mut lines, protocol) = LineStream::channel();
    // Inside of whatever runs it.
    let factory = lines.client_factory(ProtocolWrapper::new(Spew, protocol));
    let connector = reactor.connect_tcp(("localhost", 79), factory);
    let mut waits = Box::pin(lines.send("x"));
    assert!(waits.as_mut().now_or_never().is_none());
    refuse(&reactor);
    let failure = waits.now_or_never().unwrap().unwrap_err();
    assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    let failure = next(&mut lines).unwrap().unwrap_err();
    assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    assert!(next(&mut lines).is_none());
    // It stays so.
    connector.connect().unwrap();
    reactor.settle().unwrap();
    let peer = reactor.tcp_clients().last().unwrap().accept().unwrap();
    reactor.flush().unwrap();
    assert!(peer.ended());
    assert!(block_on(lines.send("x")).unwrap_err().is::<ConnectError>());
}

#[cfg(feature = "testing")]
#[test]
fn an_endpoint_tells_the_stream_as_well() {
    let reactor = MemoryReactor::new();
    let endpoint = client_from_string(&reactor, "tcp:localhost:79").unwrap();
    let (mut lines, protocol) = LineStream::channel();
    let connected = endpoint.connect(lines.client_factory(protocol));
    refuse(&reactor);
    assert!(failure_result_of(connected).is::<ConnectError>());
    let failure = next(&mut lines).unwrap().unwrap_err();
    assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
}
