//! Layers that answer, fail, panic, hold back and set time limits where it is least
//! convenient.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::support::{Event, Log, Recorder, connect as connect_tcp, drive, turns};
use deferred::Panic;
use reactor_compat::log::LogCapture;
use reactor_compat::testing::connect;
use reactor_compat::{
    Address, ConnectionDone, Layer, LayerHeldBack, LayerIo, LayerTimeout, Stream, WaterMarks,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Sleep, sleep};

type On = Box<dyn FnMut(&mut LayerIo<'_>)>;
type OnData = Box<dyn FnMut(&mut LayerIo<'_>, &[u8])>;

/// A layer that is made of functions.
struct Made {
    opens: bool,
    answered: bool,
    begin: On,
    receive: OnData,
    send: OnData,
    ended: On,
    finish: On,
    timed_out: On,
    ready: Box<dyn Fn() -> bool>,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            opens: false,
            answered: false,
            begin: Box::new(|_| ()),
            receive: Box::new(|io, data| io.deliver(data)),
            send: Box::new(|io, data| io.write(data)),
            ended: Box::new(|io| io.end()),
            finish: Box::new(|_| ()),
            timed_out: Box::new(|io| io.fail(LayerTimeout)),
            ready: Box::new(|| true),
        }
    }
}

impl Layer for Made {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        (self.receive)(io, data);
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        (self.send)(io, data);
    }

    fn begin(&mut self, io: &mut LayerIo<'_>) {
        (self.begin)(io);
    }

    fn opens(&self) -> bool {
        self.opens
    }

    fn ended(&mut self, io: &mut LayerIo<'_>) {
        (self.ended)(io);
    }

    fn finish(&mut self, io: &mut LayerIo<'_>) {
        (self.finish)(io);
    }

    fn ready(&self) -> bool {
        (self.ready)()
    }

    fn is_answered(&self) -> bool {
        assert!(!self.answered || self.opens, "boom");
        self.answered
    }

    fn timed_out(&mut self, io: &mut LayerIo<'_>) {
        (self.timed_out)(io);
    }
}

/// A protocol with a layer.
fn over(log: &Log, layer: Made) -> Recorder {
    let mut layer = Some(layer);
    Recorder::new(log).made(move |me, ()| me.push_layer(layer.take().unwrap()).unwrap())
}

const TICK: Duration = Duration::from_millis(20);

#[test]
fn a_time_limit_that_is_set_when_one_is_over_counts() {
    let ticks = Rc::new(Cell::new(0));
    let count = ticks.clone();
    let layer = Made {
        begin: Box::new(|io| io.set_timeout(TICK)),
        timed_out: Box::new(move |io| {
            count.set(count.get() + 1);
            io.set_timeout(TICK);
        }),
        ..Made::default()
    };
    let pair = connect(over(&Log::default(), layer), Recorder::default());
    for _ in 0..100 {
        pair.advance(TICK).unwrap();
    }
    assert!(ticks.get() >= 50, "{}", ticks.get());
}

#[test]
fn a_time_limit_that_is_set_with_nothing_delivered_counts() {
    let layer = Made { receive: Box::new(|io, _| io.set_timeout(TICK)), ..Made::default() };
    let pair = connect(over(&Log::default(), layer), Recorder::default());
    pair.client().write("half");
    pair.flush().unwrap();
    pair.advance(2 * TICK).unwrap();
    assert!(pair.server().reason().unwrap().is::<LayerTimeout>());
}

/// Waits for the peer's answer to its end, for so long.
#[test]
fn a_time_limit_that_is_set_at_the_end_counts() {
    let layer = Made {
        opens: true,
        answered: true,
        begin: Box::new(|io| io.open()),
        finish: Box::new(|io| io.set_timeout(TICK)),
        ..Made::default()
    };
    let server = over(&Log::default(), layer);
    let pair = connect(server, Recorder::default().made(|me, ()| me.pause_producing()));
    pair.flush().unwrap();
    pair.server().lose_connection();
    pair.flush().unwrap();
    pair.advance(2 * TICK).unwrap();
    assert!(pair.server().reason().unwrap().is::<LayerTimeout>());
}

#[test]
fn all_that_was_delivered_comes_before_a_failure() {
    let log = Log::default();
    let layer = Made {
        receive: Box::new(|io, _| {
            io.deliver(&[7; 200_000]);
            io.fail(LayerTimeout);
        }),
        ..Made::default()
    };
    let server = over(&log, layer).data(|me, _| me.write("an answer that goes nowhere"));
    let pair = connect(server, Recorder::default());
    pair.client().write("x");
    pair.flush().unwrap();
    assert_eq!(log.data().len(), 200_000);
    assert!(pair.server().reason().unwrap().is::<LayerTimeout>());
}

#[test]
fn what_was_written_goes_out_before_a_failure() {
    for (opens, timed) in [(false, false), (true, false), (false, true), (true, true)] {
        let theirs = Log::default();
        let refuse = |io: &mut LayerIo<'_>| {
            io.write(b"407 no");
            io.fail(LayerTimeout);
        };
        let layer = Made {
            opens,
            begin: Box::new(move |io| io.set_timeout(timed.then_some(TICK))),
            receive: Box::new(move |io, _| refuse(io)),
            timed_out: Box::new(refuse),
            ..Made::default()
        };
        let pair = connect(over(&Log::default(), layer), Recorder::new(&theirs));
        if !timed {
            pair.client().write("x");
        }
        pair.flush().unwrap();
        pair.advance(2 * TICK).unwrap();
        pair.flush().unwrap();
        assert_eq!(theirs.data(), b"407 no", "opens {opens}, timed {timed}");
        assert!(pair.server().reason().unwrap().is::<LayerTimeout>());
    }
}

#[test]
fn a_peer_that_takes_no_answers_of_a_layer_is_read_no_more_and_given_up() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let answered = Rc::new(Cell::new(0));
        let count = answered.clone();
        let (mut stream, _) = connect_tcp(&reactor, move || {
            let count = count.clone();
            let layer = Made {
                receive: Box::new(move |io, data| {
                    count.set(count.get() + data.len());
                    io.write(data);
                }),
                ..Made::default()
            };
            let mut layer = Some(layer);
            Recorder::new(&seen).made(move |me, ()| {
                let marks = WaterMarks::new(1, 2).with_growth(100_000);
                let now = Duration::ZERO;
                me.set_water_marks(marks.with_stall_after(now).with_give_up_after(now));
                me.push_layer(layer.take().unwrap()).unwrap();
            })
        })
        .await;
        while stream.write_all(&[1; 65_536]).await.is_ok() {}
        let Event::Other(reason) = log.ended().await else { panic!("{:?}", log.end()) };
        let waiting = reason.split(' ').find_map(|word| word.parse::<usize>().ok()).unwrap();
        assert!(waiting > 0 && waiting < 200_000, "{reason}");
        assert!(answered.get() >= waiting);
    });
}

/// It takes 16 KiB, and then waits for the peer's leave, which is in what is read.
#[test]
fn leave_to_send_is_read_though_much_is_unsent_or_the_protocol_is_paused() {
    for paused in [false, true] {
        drive(move |reactor| async move {
            let log = Log::default();
            let seen = log.clone();
            let (mut stream, _) = connect_tcp(&reactor, move || {
                let leave = Rc::new(Cell::new(true));
                let (given, taken, known) = (leave.clone(), leave.clone(), leave);
                let layer = Made {
                    receive: Box::new(move |_, _| given.set(true)),
                    send: Box::new(move |io, data| {
                        taken.set(false);
                        io.write(data);
                    }),
                    ready: Box::new(move || known.get()),
                    ..Made::default()
                };
                let mut layer = Some(layer);
                Recorder::new(&seen).made(move |me, ()| {
                    let never = Duration::from_secs(100_000);
                    me.set_water_marks(WaterMarks::new(1, 2).with_stall_after(never));
                    me.push_layer(layer.take().unwrap()).unwrap();
                    me.write([1; 200_000]);
                    if paused {
                        me.pause_producing();
                    }
                })
            })
            .await;
            let mut rest = 200_000;
            let mut place = [0; 20_000];
            while rest > 0 {
                rest -= stream.read(&mut place).await.unwrap();
                stream.write_all(b"+").await.unwrap();
            }
            assert_eq!(log.end(), None);
        });
    }
}

#[test]
fn what_a_layer_answers_after_our_half_has_ended_is_let_go() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, _) = connect_tcp(&reactor, move || {
            let layer = Made {
                receive: Box::new(|io, data| {
                    io.write(b"heard");
                    io.deliver(data);
                }),
                ..Made::default()
            };
            let mut layer = Some(layer);
            Recorder::new(&seen).made(move |me, ()| {
                me.push_layer(layer.take().unwrap()).unwrap();
                me.lose_write_connection();
            })
        })
        .await;
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "our half has ended");
        for piece in ["one", "two"] {
            stream.write_all(piece.as_bytes()).await.unwrap();
            turns(50).await;
        }
        stream.shutdown().await.unwrap();
        assert_eq!(log.ended().await, Event::Done);
        assert_eq!(log.data(), b"onetwo");
    });
}

#[test]
fn a_peer_that_goes_before_a_layer_is_open_ends_it_though_the_layer_says_nothing() {
    let layer = Made { opens: true, ended: Box::new(|_| ()), ..Made::default() };
    let pair = connect(over(&Log::default(), layer), Recorder::default());
    pair.client().lose_connection();
    pair.flush().unwrap();
    assert!(pair.server().reason().is_some());
}

#[test]
fn a_layer_that_fails_at_the_end_is_the_reason() {
    let layer = Made { finish: Box::new(|io| io.fail(LayerTimeout)), ..Made::default() };
    let pair = connect(over(&Log::default(), layer), Recorder::default());
    pair.flush().unwrap();
    pair.server().lose_connection();
    pair.flush().unwrap();
    assert!(pair.server().reason().unwrap().is::<LayerTimeout>());
}

#[test]
fn a_panic_anywhere_in_a_layer_is_the_reason_and_logged() {
    for place in ["finish", "ready", "is_answered"] {
        let log = LogCapture::start();
        let layer = match place {
            "finish" => Made { finish: Box::new(|_| panic!("boom")), ..Made::default() },
            "ready" => Made { ready: Box::new(|| panic!("boom")), ..Made::default() },
            _ => Made { answered: true, ..Made::default() },
        };
        let pair = connect(over(&Log::default(), layer), Recorder::default());
        pair.server().write("x");
        pair.server().lose_connection();
        pair.flush().unwrap();
        let reason = pair.server().reason().unwrap_or_else(|| panic!("{place}: it lives"));
        assert!(reason.is::<Panic>(), "{place}: {reason}");
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 1, "{place}");
    }
}

#[test]
fn a_panic_in_a_users_stream_is_the_reason_and_logged() {
    for place in ["read", "write", "shutdown", "open"] {
        drive(move |reactor| async move {
            tokio::time::pause();
            let capture = LogCapture::start();
            let log = Log::default();
            let recorder = Recorder::new(&log).made(|me, ()| {
                me.write("x");
                me.lose_connection();
            });
            let recorder = match place {
                "open" => Recorder::new(&log).made(|me, ()| {
                    me.push_stream(|_| Slow { panics: "open", wait: None }).unwrap();
                }),
                _ => recorder,
            };
            reactor.serve_stream(Slow { panics: place, wait: None }, recorder);
            let end = log.ended_in_time().await;
            assert!(format!("{end:?}").contains("boom"), "{place}: {end:?}");
            assert_eq!(capture.flush_logged_errors::<Panic>().len(), 1, "{place}");
        });
    }
}

/// Takes a thousand bytes a second, and gives none; or panics.
struct Slow {
    panics: &'static str,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.at("drop");
    }
}

impl Slow {
    fn at(&self, place: &str) {
        assert_ne!(self.panics, place, "boom");
    }
}

impl AsyncRead for Slow {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.at("read");
        Poll::Pending
    }
}

impl AsyncWrite for Slow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.at("write");
        let second = Duration::from_secs(1);
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(second)));
        std::task::ready!(wait.as_mut().poll(cx));
        self.wait = None;
        Poll::Ready(Ok(data.len().min(1000)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.at("shutdown");
        Poll::Ready(Ok(()))
    }
}

impl Stream for Slow {
    fn get_host(&self) -> Address {
        Address::Pipe
    }

    fn get_peer(&self) -> Address {
        Address::Pipe
    }

    fn poll_open(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.at("open");
        Poll::Ready(Ok(()))
    }
}

/// Ten seconds, with a grace of three, in which the layer holds all that is unsent.
#[test]
fn a_close_goes_on_while_the_peer_takes_what_a_layer_holds() {
    drive(|reactor| async move {
        tokio::time::pause();
        let log = Log::default();
        let layer = Made {
            send: Box::new(|io, data| (0..10).for_each(|_| io.write(data))),
            ..Made::default()
        };
        let mut layer = Some(layer);
        let recorder = Recorder::new(&log).made(move |me, ()| {
            me.set_close_grace(Duration::from_secs(3));
            me.push_layer(layer.take().unwrap()).unwrap();
            me.write([1; 1000]);
            me.lose_connection();
        });
        reactor.serve_stream(Slow { panics: "", wait: None }, recorder);
        assert_eq!(log.ended_in_time().await, Event::Done);
    });
}

/// The layer finds the end in what the peer sends, which goes on sending: what we
/// sent last is not overtaken by a reset.
#[test]
fn an_end_that_a_layer_finds_is_not_the_peers() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, _) = connect_tcp(&reactor, move || {
            let layer = Made {
                receive: Box::new(|io, data| {
                    io.deliver(data);
                    io.end();
                }),
                ..Made::default()
            };
            over(&seen, layer).data(|me, _| {
                me.write([7; 100_000]);
                me.lose_connection();
            })
        })
        .await;
        stream.write_all(b"ask").await.unwrap();
        assert_eq!(log.ended().await, Event::Done);
        for _ in 0..3 {
            stream.write_all(&[0; 20_000]).await.unwrap();
            turns(50).await;
        }
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard.len(), 100_000);
    });
}

#[test]
fn a_layers_callback_may_set_the_options_of_the_socket() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, _) = connect_tcp(&reactor, move || {
            Recorder::new(&seen).made(|me, ()| {
                let own = me.transport().clone();
                let layer = Made {
                    receive: Box::new(move |io, data| {
                        own.set_tcp_no_delay(true).unwrap();
                        io.deliver(data);
                    }),
                    ..Made::default()
                };
                me.push_layer(layer).unwrap();
            })
        })
        .await;
        stream.write_all(b"x").await.unwrap();
        crate::support::until(|| log.data() == b"x").await;
        assert_eq!(log.end(), None);
    });
}

/// A layer that may send once for each byte that comes.
fn for_leave() -> Made {
    let leave = Rc::new(Cell::new(0));
    let (more, less) = (leave.clone(), leave.clone());
    Made {
        receive: Box::new(move |_, data| more.set(more.get() + data.len())),
        send: Box::new(move |io, data| {
            less.set(less.get() - 1);
            io.write(data);
        }),
        ready: Box::new(move || leave.get() > 0),
        ..Made::default()
    }
}

#[test]
fn what_no_leave_can_come_for_ends_the_connection_by_name() {
    let log = Log::default();
    let pair = connect(over(&log, for_leave()), Recorder::default());
    pair.server().write("held back");
    pair.flush().unwrap();
    pair.client().lose_write_connection();
    pair.flush().unwrap();
    assert!(pair.server().reason().unwrap().is::<LayerHeldBack>());
}

#[test]
fn the_answers_of_a_layer_to_a_peer_that_has_ended_are_let_go() {
    let log = Log::default();
    let upper = Made { finish: Box::new(|io| io.write(b"good-bye")), ..Made::default() };
    let mut layers = vec![upper, for_leave()];
    let server = Recorder::new(&log).made(move |me, ()| {
        while let Some(layer) = layers.pop() {
            me.push_layer(layer).unwrap();
        }
    });
    let pair = connect(server, Recorder::default());
    pair.client().lose_write_connection();
    pair.flush().unwrap();
    assert!(pair.server().reason().unwrap().is::<ConnectionDone>());
}

#[test]
fn a_panic_in_the_destructor_of_a_users_stream_is_logged_and_ends_nothing_else() {
    drive(|reactor| async move {
        tokio::time::pause();
        let capture = LogCapture::start();
        let log = Log::default();
        let recorder = Recorder::new(&log).made(|me, ()| {
            me.write("x");
            me.lose_connection();
        });
        reactor.serve_stream(Slow { panics: "drop", wait: None }, recorder);
        assert_eq!(log.ended_in_time().await, Event::Done);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(capture.flush_logged_errors::<Panic>().len(), 1);
    });
}
