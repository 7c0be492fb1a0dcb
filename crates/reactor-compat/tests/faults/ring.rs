//! Protocols that write to, close, abort and visit each other from inside their
//! callbacks, in rings of two and three.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::support::{Event, Log, drive, listen, until};
use deferred::Failure;
use reactor_compat::{Address, Connection, Protocol, Reactor};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

type Act = Rc<dyn Fn(&Ring, usize)>;

/// Connections of which each knows all.
#[derive(Clone)]
struct Ring {
    members: Rc<RefCell<Vec<Connection<Member>>>>,
    logs: Rc<[Log]>,
    /// How deep in each other's callbacks they are, and were.
    depth: Rc<Cell<usize>>,
    deepest: Rc<Cell<usize>>,
    on_data: Act,
    on_lost: Act,
}

impl Ring {
    /// The one that comes so many after another.
    fn after(&self, place: usize, count: usize) -> Connection<Member> {
        let members = self.members.borrow();
        members[(place + count) % members.len()].clone()
    }

    async fn ends(&self) -> Vec<Event> {
        until(|| self.logs.iter().all(|log| log.end().is_some())).await;
        crate::support::turns(50).await;
        for log in self.logs.iter() {
            let events = log.events();
            let ends = events.iter().filter(|event| !matches!(event, Event::Made | Event::Data(_)));
            assert_eq!(ends.count(), 1, "{events:?}");
        }
        self.logs.iter().map(|log| log.end().unwrap()).collect()
    }
}

struct Member {
    ring: Ring,
    place: usize,
    visits: usize,
    busy: bool,
}

impl Member {
    /// Runs a callback that nobody must get in the way of.
    fn alone(&mut self, act: impl FnOnce(&mut Self)) {
        assert!(!std::mem::replace(&mut self.busy, true), "two callbacks at a time");
        act(self);
        self.busy = false;
    }
}

impl Protocol for Member {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.ring.logs[self.place].push(Event::Made);
        self.ring.members.borrow_mut().push(transport.clone());
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.alone(|this| {
            this.ring.logs[this.place].push(Event::Data(data.to_vec()));
            let ring = this.ring.clone();
            (ring.on_data)(&ring, this.place);
        });
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.alone(|this| {
            this.ring.logs[this.place].push(crate::support::reason(&reason));
            let ring = this.ring.clone();
            (ring.on_lost)(&ring, this.place);
        });
    }
}

/// So many connections in a ring, and the plain sockets at their other ends.
async fn ring(
    reactor: &Reactor,
    size: usize,
    on_data: impl Fn(&Ring, usize) + 'static,
    on_lost: impl Fn(&Ring, usize) + 'static,
) -> (Ring, Vec<TcpStream>) {
    let ring = Ring {
        members: Rc::default(),
        logs: (0..size).map(|_| Log::default()).collect(),
        depth: Rc::default(),
        deepest: Rc::default(),
        on_data: Rc::new(on_data),
        on_lost: Rc::new(on_lost),
    };
    let (inner, mut place) = (ring.clone(), 0);
    let address = listen(reactor, move |_: Address| {
        place += 1;
        Member { ring: inner.clone(), place: place - 1, visits: 0, busy: false }
    });
    let mut streams = Vec::new();
    for count in 1..=size {
        streams.push(TcpStream::connect(address).await.unwrap());
        until(|| ring.members.borrow().len() == count).await;
    }
    (ring, streams)
}

async fn read_all(stream: &mut TcpStream) -> Result<String, std::io::ErrorKind> {
    let mut all = String::new();
    stream.read_to_string(&mut all).await.map_err(|error| error.kind())?;
    Ok(all)
}

fn poke(stream: &TcpStream) {
    assert_eq!(stream.try_write(b"!").unwrap(), 1);
}

#[test]
fn each_writes_to_all_and_closes_the_next_from_inside_data_received() {
    for size in [2, 3] {
        drive(move |reactor| async move {
            let on_data = |ring: &Ring, place: usize| {
                for member in ring.members.borrow().iter() {
                    member.write(place.to_string());
                }
                ring.after(place, 1).lose_connection();
                ring.after(place, 1).write("never");
            };
            let on_lost = |ring: &Ring, place: usize| ring.after(place, 1).lose_connection();
            let (ring, mut streams) = ring(&reactor, size, on_data, on_lost).await;
            poke(&streams[0]);
            assert_eq!(ring.ends().await, vec![Event::Done; size]);
            for stream in &mut streams {
                assert_eq!(read_all(stream).await.as_deref(), Ok("0"));
            }
        });
    }
}

#[test]
fn all_close_each_other_at_once() {
    for size in [2, 3] {
        drive(move |reactor| async move {
            let on_data = |ring: &Ring, place: usize| {
                for member in ring.members.borrow().iter() {
                    member.write(place.to_string());
                    member.lose_connection();
                }
            };
            let (ring, mut streams) = ring(&reactor, size, on_data, on_data).await;
            streams.iter().for_each(poke);
            assert_eq!(ring.ends().await, vec![Event::Done; size]);
            for stream in &mut streams {
                assert_eq!(read_all(stream).await.unwrap().len(), 1, "the first that wrote");
            }
        });
    }
}

#[test]
fn each_aborts_the_next_from_inside_data_received_and_connection_lost() {
    for size in [2, 3] {
        drive(move |reactor| async move {
            let abort_next = |ring: &Ring, place: usize| {
                ring.after(place, 1).write("never");
                ring.after(place, 1).abort_connection();
            };
            let (ring, mut streams) = ring(&reactor, size, abort_next, abort_next).await;
            poke(&streams[0]);
            // It goes all the way round.
            assert_eq!(ring.ends().await, vec![Event::Aborted(None); size]);
            for stream in &mut streams {
                let reset = Err(std::io::ErrorKind::ConnectionReset);
                assert_eq!(read_all(stream).await, reset);
            }
        });
    }
}

#[test]
fn one_is_closed_by_one_and_aborted_by_another_in_the_same_turn() {
    drive(|reactor| async move {
        let on_data = |ring: &Ring, place: usize| match place {
            0 => ring.after(0, 2).lose_connection(),
            1 => ring.after(1, 1).abort_connection(),
            _ => {}
        };
        let (ring, mut streams) = ring(&reactor, 3, on_data, |ring, place| {
            if place == 2 {
                ring.members.borrow().iter().for_each(|member| member.lose_connection());
            }
        })
        .await;
        poke(&streams[0]);
        poke(&streams[1]);
        let ends = ring.ends().await;
        // Whose word came first is the kernel's affair; that it is one is not.
        assert!(matches!(ends[2], Event::Done | Event::Aborted(None)), "{ends:?}");
        assert_eq!(ends[..2], [Event::Done, Event::Done]);
        assert_eq!(read_all(&mut streams[0]).await.as_deref(), Ok(""));
    });
}

#[test]
fn each_visits_the_next_from_inside_its_callbacks_and_all_the_way_round() {
    for size in [2, 3] {
        drive(move |reactor| async move {
            fn go_round(ring: &Ring, from: usize, left: usize) {
                ring.depth.set(ring.depth.get() + 1);
                ring.deepest.set(ring.deepest.get().max(ring.depth.get()));
                if left > 0 {
                    let next = ring.after(from, 1);
                    drop(next.call(move |member, transport| {
                        member.visits += 1;
                        transport.write(left.to_string());
                        let ring = member.ring.clone();
                        go_round(&ring, member.place, left - 1);
                    }));
                }
                ring.depth.set(ring.depth.get() - 1);
            }
            let on_data = |ring: &Ring, place: usize| go_round(ring, place, 9);
            let (ring, mut streams) = ring(&reactor, size, on_data, |_, _| {}).await;
            poke(&streams[0]);
            let visits = || {
                let members = ring.members.borrow().clone();
                let count = Rc::new(Cell::new(0));
                for member in members {
                    let count = count.clone();
                    drop(member.call(move |member, _| count.set(count.get() + member.visits)));
                }
                count.get()
            };
            until(|| visits() == 9).await;
            // A busy one is visited when it is done: there is no way deeper.
            assert!(ring.deepest.get() <= size, "{}", ring.deepest.get());
            ring.members.borrow().iter().for_each(|member| member.lose_connection());
            let mut all = String::new();
            for stream in &mut streams {
                all += &read_all(stream).await.unwrap();
            }
            assert_eq!(ring.ends().await, vec![Event::Done; size]);
            let mut digits: Vec<char> = all.chars().collect();
            digits.sort_unstable();
            assert_eq!(digits.iter().collect::<String>(), "123456789");
        });
    }
}

#[test]
fn visits_to_those_that_are_lost_come_to_an_end() {
    drive(|reactor| async move {
        let missed = Rc::new(Cell::new(0));
        let miss = missed.clone();
        let on_lost = move |ring: &Ring, place: usize| {
            for member in ring.members.borrow().iter() {
                let miss = miss.clone();
                drop(member.call(|_, _| Ok::<_, Failure>(())).add_errback(move |_| {
                    miss.set(miss.get() + 1);
                    Ok(())
                }));
            }
            ring.after(place, 1).abort_connection();
        };
        let (ring, streams) = ring(&reactor, 3, |_, _| {}, on_lost).await;
        drop(streams);
        assert_eq!(ring.ends().await.len(), 3);
        // By the last of them, two are gone; by the second, one.
        assert!((3..=9).contains(&missed.get()), "{}", missed.get());
    });
}
