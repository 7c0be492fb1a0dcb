//! Connections as streams, and protocol code that is an `async fn`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use crate::support::reserved::Reserved;
use crate::support::{Event, Log, Recorder, drive, listen, turns, until};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{CancelledError, Failure, Panic};
use futures::{FutureExt, SinkExt, StreamExt};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::StringTransport;
use reactor_compat::{
    Address, ConnectError, ConnectingCancelledError, ConnectionAborted, ConnectionDone,
    ConnectionEnded, ConnectionGone, ConnectionLost, ConnectionStream, Reactor, StreamProtocol,
    StreamTaken, async_factory,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::bytes;
use tokio_util::codec::{Framed, LengthDelimitedCodec, LinesCodec};

async fn echo(mut stream: ConnectionStream, _: Address) -> Result<(), Failure> {
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

/// A stream, and the double of the connection that it is of.
fn stream() -> (ConnectionStream, StringTransport<StreamProtocol>) {
    let transport = StringTransport::new(StreamProtocol::new());
    let stream = success_result_of(ConnectionStream::of(transport.connection().clone()));
    (stream, transport)
}

/// Serves one connection with `serve`; the other end is a plain Tokio socket.
async fn served<F, R>(reactor: &Reactor, serve: F) -> TcpStream
where
    F: Fn(ConnectionStream, Address) -> R + 'static,
    R: Future<Output = Result<(), Failure>> + 'static,
{
    TcpStream::connect(listen(reactor, async_factory(serve))).await.unwrap()
}

#[test]
fn many_connections_are_served_at_once() {
    drive(|reactor| async move {
        let address = listen(&reactor, async_factory(echo));
        let mut streams = Vec::new();
        for _ in 0..50 {
            streams.push(reactor.connect_tcp_stream(address).await.unwrap());
        }
        for (n, stream) in streams.iter_mut().enumerate() {
            stream.write_all(format!("message {n:2}").as_bytes()).await.unwrap();
        }
        for (n, stream) in streams.iter_mut().enumerate() {
            let mut answer = [0; 10];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, format!("message {n:2}").as_bytes());
        }
    });
}

#[cfg(unix)]
#[test]
fn a_unix_connection_is_a_stream_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    drive(|reactor| async move {
        reactor.listen_unix(&path, async_factory(echo)).unwrap();
        let mut stream = reactor.connect_unix_stream(&path).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"hello");
    });
}

#[test]
fn the_server_is_told_who_its_peer_is() {
    drive(|reactor| async move {
        let told = Rc::new(RefCell::new(None));
        let place = told.clone();
        let client = served(&reactor, move |stream, peer| {
            let place = place.clone();
            async move {
                assert_eq!(stream.transport().get_peer(), &peer);
                place.replace(Some(peer));
                Ok(())
            }
        })
        .await;
        until(|| told.borrow().is_some()).await;
        assert_eq!(told.take(), Some(Address::Tcp(client.local_addr().unwrap())));
    });
}

#[test]
fn a_codec_makes_a_stream_and_a_sink_of_it() {
    drive(|reactor| async move {
        let address = listen(
            &reactor,
            async_factory(|stream: ConnectionStream, _: Address| async move {
                let mut lines = Framed::new(stream, LinesCodec::new());
                while let Some(line) = lines.next().await {
                    lines.send(line?.chars().rev().collect::<String>()).await?;
                }
                lines.send("that was all").await?;
                Ok(())
            }),
        );
        let stream = reactor.connect_tcp_stream(address).await.unwrap();
        let mut lines = Framed::new(stream, LinesCodec::new());
        for (line, reversed) in [("abc", "cba"), ("", ""), ("level", "level")] {
            lines.send(line).await.unwrap();
            assert_eq!(lines.next().await.unwrap().unwrap(), reversed);
        }
        lines.get_mut().shutdown().await.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), "that was all");
        assert!(lines.next().await.is_none());
    });
}

#[test]
fn large_frames_pass_whatever_the_marks_are() {
    drive(|reactor| async move {
        let address = listen(
            &reactor,
            async_factory(|stream: ConnectionStream, _: Address| async move {
                let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
                while let Some(frame) = frames.next().await {
                    frames.send(frame?.freeze()).await?;
                }
                Ok(())
            }),
        );
        let stream = reactor.connect_tcp_stream(address).await.unwrap();
        let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
        let frame: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        frames.send(bytes::Bytes::from(frame.clone())).await.unwrap();
        assert_eq!(frames.next().await.unwrap().unwrap(), frame);
    });
}

#[test]
fn what_comes_is_read_in_pieces_of_any_size() {
    for size in [1, 2, 3, 100] {
        let (mut stream, transport) = stream();
        transport.data_received(b"abc");
        transport.data_received(b"defg");
        let mut all = Vec::new();
        let mut buffer = vec![0; size];
        while let Some(read) = stream.read(&mut buffer).now_or_never() {
            all.extend_from_slice(&buffer[..read.unwrap()]);
        }
        assert_eq!(all, b"abcdefg");
    }
}

#[test]
fn the_peer_is_not_read_while_much_waits_to_be_read() {
    let (mut stream, transport) = stream();
    transport.data_received(&[1; 65_535]);
    assert!(transport.reading());
    transport.data_received(&[1; 1]);
    assert!(!transport.reading());
    let mut buffer = vec![0; 40_000];
    stream.read(&mut buffer).now_or_never().unwrap().unwrap();
    assert!(!transport.reading());
    stream.read(&mut buffer).now_or_never().unwrap().unwrap();
    assert!(transport.reading());
}

#[test]
fn writing_waits_while_much_is_unsent() {
    let (mut stream, transport) = stream();
    let data = vec![1; 1_000_000];
    let mut writing = Box::pin(stream.write_all(&data));
    let mut sent = 0;
    while writing.as_mut().now_or_never().is_none() {
        let unsent = transport.unsent();
        assert!(unsent <= 2 * 64 * 1024, "{unsent}");
        assert!(unsent > 0);
        sent += transport.take_value().len();
    }
    sent += transport.take_value().len();
    assert_eq!(sent, 1_000_000);
}

#[test]
fn a_writer_that_waits_does_not_hold_up_the_reader() {
    drive(|reactor| async move {
        // Both send all they have, and read what comes meanwhile.
        async fn exchange(stream: ConnectionStream) -> usize {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let writing = async move {
                writer.write_all(&vec![7; 5_000_000]).await.unwrap();
                writer.shutdown().await.unwrap();
            };
            let mut all = Vec::new();
            let (read, ()) = tokio::join!(reader.read_to_end(&mut all), writing);
            read.unwrap()
        }
        let read = Rc::new(Cell::new(0));
        let there = read.clone();
        let address = listen(
            &reactor,
            async_factory(move |stream: ConnectionStream, _: Address| {
                let there = there.clone();
                async move { there.set(exchange(stream).await) }
            }),
        );
        let stream = reactor.connect_tcp_stream(address).await.unwrap();
        assert_eq!(exchange(stream).await, 5_000_000);
        until(|| read.get() == 5_000_000).await;
    });
}

#[test]
fn two_that_shut_down_before_they_read_do_not_wait_for_each_other() {
    drive(|reactor| async move {
        // More than the marks, and less than the kernel's buffers and the
        // marks together.
        async fn all_at_once(mut stream: ConnectionStream) -> usize {
            stream.transport().set_water_marks(reactor_compat::WaterMarks::UNBOUNDED);
            stream.write_all(&vec![7; 8_000_000]).await.unwrap();
            let mut all = Vec::new();
            let (mut reader, mut writer) = tokio::io::split(stream);
            let (read, ended) = tokio::join!(reader.read_to_end(&mut all), writer.shutdown());
            ended.unwrap();
            read.unwrap()
        }
        let read = Rc::new(Cell::new(0));
        let there = read.clone();
        let address = listen(
            &reactor,
            async_factory(move |stream: ConnectionStream, _: Address| {
                let there = there.clone();
                async move { there.set(all_at_once(stream).await) }
            }),
        );
        let stream = reactor.connect_tcp_stream(address).await.unwrap();
        assert_eq!(all_at_once(stream).await, 8_000_000);
        until(|| read.get() == 8_000_000).await;
    });
}

#[test]
fn pieces_are_written_together() {
    let (mut stream, transport) = stream();
    let pieces = [b"ab".as_slice(), b"", b"cde"].map(io::IoSlice::new);
    let written = stream.write_vectored(&pieces).now_or_never().unwrap().unwrap();
    assert_eq!((written, transport.take_value().as_slice()), (5, &b"abcde"[..]));
}

#[test]
fn a_shutdown_ends_our_half_only() {
    drive(|reactor| async move {
        // Set when all that is asserted of the server has held.
        let over = Rc::new(Cell::new(false));
        let place = over.clone();
        let mut client = served(&reactor, move |mut stream, _| {
            let place = place.clone();
            async move {
                stream.write_all(b"said").await?;
                stream.shutdown().await?;
                let error = stream.write(b"more").await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
                // Again, which is nothing new.
                stream.shutdown().await?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await?;
                assert_eq!(answer, "answered");
                place.set(true);
                Ok(())
            }
        })
        .await;
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "said");
        client.write_all(b"answered").await.unwrap();
        client.shutdown().await.unwrap();
        until(|| over.get()).await;
    });
}

#[test]
fn a_peer_that_ends_its_half_is_still_written_to() {
    drive(|reactor| async move {
        let mut client = served(&reactor, |mut stream, _| async move {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await?;
            all.reverse();
            stream.write_all(&all).await?;
            Ok(())
        })
        .await;
        client.write_all(b"abc").await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "cba");
    });
}

#[test]
fn dropping_it_sends_all_and_closes() {
    drive(|reactor| async move {
        let mut client = served(&reactor, |mut stream, _| async move {
            stream.write_all(&vec![9; 2_000_000]).await?;
            Ok(())
        })
        .await;
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, vec![9; 2_000_000]);
    });
}

#[test]
fn a_stream_that_is_given_away_outlives_what_was_given_it() {
    drive(|reactor| async move {
        let mut client = served(&reactor, |mut stream, _| async move {
            tokio::task::spawn_local(async move {
                let mut word = [0; 4];
                stream.read_exact(&mut word).await.unwrap();
                stream.write_all(&word).await.unwrap();
            });
            Ok(())
        })
        .await;
        client.write_all(b"word").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "word");
    });
}

#[test]
fn a_clean_end_is_the_end_of_what_is_read() {
    let (mut stream, transport) = stream();
    transport.data_received(b"last");
    transport.connection_lost(ConnectionDone);
    let mut all = Vec::new();
    stream.read_to_end(&mut all).now_or_never().unwrap().unwrap();
    assert_eq!(all, b"last");
    let error = stream.write(b"x").now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert!(ConnectionEnded::of(&error).unwrap().reason().is::<ConnectionDone>());
    stream.shutdown().now_or_never().unwrap().unwrap();
}

#[test]
fn any_other_end_is_an_error_that_says_which() {
    let reasons: [(Failure, io::ErrorKind); 4] = [
        (
            ConnectionLost::from(io::Error::from(io::ErrorKind::TimedOut)).into(),
            io::ErrorKind::TimedOut,
        ),
        (ConnectionLost::because("the cable").into(), io::ErrorKind::ConnectionReset),
        (ConnectionAborted::default().into(), io::ErrorKind::ConnectionAborted),
        (Failure::msg("else"), io::ErrorKind::Other),
    ];
    for (reason, kind) in reasons {
        let (mut stream, transport) = stream();
        transport.data_received(b"last");
        transport.connection_lost(reason.clone());
        // What came before is read first, and then the error, however often.
        assert_eq!(stream.read(&mut [0; 8]).now_or_never().unwrap().unwrap(), 4);
        for _ in 0..2 {
            let error = stream.read(&mut [0; 8]).now_or_never().unwrap().unwrap_err();
            assert_eq!(error.kind(), kind);
            assert_eq!(error.to_string(), reason.to_string());
            assert!(ConnectionEnded::of(&error).unwrap().reason().same(&reason));
        }
        let error = stream.write(b"x").now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), kind);
        let error = stream.shutdown().now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

#[test]
fn whoever_waits_is_woken_by_the_end() {
    drive(|reactor| async move {
        let ended = Rc::new(RefCell::new(None));
        let place = ended.clone();
        let client = served(&reactor, move |mut stream, _| {
            let place = place.clone();
            async move {
                let error = stream.read(&mut [0]).await.unwrap_err();
                place.replace(Some(error));
                Ok(())
            }
        })
        .await;
        client.set_zero_linger().unwrap();
        turns(10).await;
        drop(client);
        until(|| ended.borrow().is_some()).await;
        let error = ended.take().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(ConnectionEnded::of(&error).unwrap().reason().is::<ConnectionLost>());
    });
}

#[test]
fn an_error_is_logged_and_ends_its_connection_only() {
    let errors = LogCapture::start();
    drive(|reactor| async move {
        let address = listen(
            &reactor,
            async_factory(|mut stream: ConnectionStream, _: Address| async move {
                let word = stream.read_u8().await?;
                if word == b'!' {
                    return Err(Failure::new(std::fmt::Error));
                }
                stream.write_u8(word).await?;
                Ok(())
            }),
        );
        let mut other = TcpStream::connect(address).await.unwrap();
        let mut failing = TcpStream::connect(address).await.unwrap();
        failing.write_u8(b'!').await.unwrap();
        assert_eq!(failing.read(&mut [0]).await.unwrap(), 0);
        other.write_u8(b'.').await.unwrap();
        assert_eq!(other.read_u8().await.unwrap(), b'.');
    });
    assert_eq!(errors.flush_logged_errors::<std::fmt::Error>().len(), 1);
}

#[test]
fn a_panic_is_logged_and_ends_its_connection() {
    for late in [false, true] {
        let errors = LogCapture::start();
        drive(move |reactor| async move {
            let mut client = served(&reactor, move |mut stream, _| async move {
                if late {
                    let _ = stream.read_u8().await;
                }
                panic!("with a stream in hand");
            })
            .await;
            client.write_u8(b'!').await.unwrap();
            let ended = client.read(&mut [0]).await;
            // With a byte unread, the system may say so by a reset.
            assert!(!matches!(ended, Ok(1..)));
        });
        assert_eq!(errors.flush_logged_errors::<Panic>().len(), 1);
    }
}

#[test]
fn an_error_ends_the_connection_of_a_stream_that_was_given_away() {
    let errors = LogCapture::start();
    drive(|reactor| async move {
        let kept = Rc::new(RefCell::new(None));
        let place = kept.clone();
        let mut client = served(&reactor, move |stream, _| {
            place.replace(Some(stream));
            async { Err(Failure::new(std::fmt::Error)) }
        })
        .await;
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        drop(kept.take());
    });
    assert_eq!(errors.flush_logged_errors::<std::fmt::Error>().len(), 1);
}

#[test]
fn that_a_connection_has_ended_is_not_logged() {
    let errors = LogCapture::start();
    drive(|reactor| async move {
        let over = Rc::new(Cell::new(false));
        let place = over.clone();
        let client = served(&reactor, move |mut stream, _| {
            let place = place.clone();
            async move {
                let read = stream.read_u8().await;
                place.set(true);
                read?;
                Ok(())
            }
        })
        .await;
        client.set_zero_linger().unwrap();
        drop(client);
        until(|| over.get()).await;
        turns(10).await;
    });
    assert_eq!(errors.flush(|event| event.level() == tracing::Level::ERROR).len(), 0);
}

#[test]
fn a_connection_that_cannot_be_made_says_why() {
    drive(|reactor| async move {
        let closed = Reserved::new();
        let failure = reactor.connect_tcp_stream(closed.address).await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    });
}

#[test]
fn an_attempt_can_be_cancelled() {
    let reactor = Reactor::new();
    let connecting = reactor.connect_tcp_stream(("192.0.2.1", 1));
    connecting.cancel();
    let failure = failure_result_of(connecting);
    assert!(failure.is::<ConnectingCancelledError>() || failure.is::<CancelledError>());
}

#[test]
fn a_stream_can_be_taken_once() {
    let (first, transport) = stream();
    let second = ConnectionStream::of(transport.connection().clone());
    assert!(failure_result_of(second).is::<StreamTaken>());
    // Nor can it be taken when it is over and done with.
    drop(first);
    let third = ConnectionStream::of(transport.connection().clone());
    assert!(failure_result_of(third).is::<StreamTaken>());
    transport.connection_lost(ConnectionDone);
    let fourth = ConnectionStream::of(transport.connection().clone());
    assert!(failure_result_of(fourth).is::<ConnectionGone>());
}

#[test]
fn what_comes_before_the_stream_is_taken_is_kept() {
    let transport = StringTransport::new(StreamProtocol::new());
    transport.data_received(b"early");
    let mut stream = success_result_of(ConnectionStream::of(transport.connection().clone()));
    let mut word = [0; 5];
    stream.read_exact(&mut word).now_or_never().unwrap().unwrap();
    assert_eq!(&word, b"early");
}

#[test]
fn a_stream_that_nobody_takes_does_not_keep_its_connection_from_closing() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let address = listen(&reactor, move |_: Address| Recorder::new(&seen));
        let connector = reactor.connect_tcp(address, |_: Address| StreamProtocol::new());
        connector.when_connected().await.unwrap().lose_connection();
        assert_eq!(log.ended().await, Event::Done);
    });
}

#[test]
fn a_connector_with_an_async_factory_connects_again() {
    drive(|reactor| async move {
        let address = listen(&reactor, async_factory(echo));
        let rounds = Rc::new(Cell::new(0));
        let count = rounds.clone();
        let connector = reactor.connect_tcp(
            address,
            async_factory(move |mut stream: ConnectionStream, _: Address| {
                let count = count.clone();
                async move {
                    stream.write_u8(1).await?;
                    stream.read_u8().await?;
                    count.set(count.get() + 1);
                    Ok(())
                }
            }),
        );
        for round in 1..=3 {
            until(|| rounds.get() == round).await;
            until(|| connector.connect().is_ok()).await;
        }
    });
}

#[test]
fn what_serves_a_connection_logs_in_its_span() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let mut client = served(&reactor, |mut stream, _| async move {
            let word = stream.read_u8().await?;
            reactor_compat::log::msg("heard a word");
            stream.write_u8(word).await?;
            Ok(())
        })
        .await;
        client.write_u8(1).await.unwrap();
        client.read_u8().await.unwrap();
    });
    let events = capture.take();
    let heard = events.iter().find(|event| event.message() == "heard a word");
    assert_eq!(heard.unwrap().system(), "StreamProtocol,0,127.0.0.1");
}

#[test]
fn a_reactor_that_stops_ends_the_streams() {
    let ended = Rc::new(RefCell::new(None));
    let place = ended.clone();
    drive(|reactor| async move {
        let client = served(&reactor, move |mut stream, _| {
            let place = place.clone();
            async move {
                place.replace(Some(stream.read_u8().await.unwrap_err()));
                Ok(())
            }
        })
        .await;
        turns(10).await;
        std::mem::forget(client);
    });
    let error = ended.take().unwrap();
    assert!(ConnectionEnded::of(&error).unwrap().reason().is::<ConnectionLost>());
}
