//! Names and their addresses: what a reactor does with its resolver, and what
//! the resolvers do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use crate::support::{drive, turns, until};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, Failure};
use reactor_compat::resolver::{
    DnsLookupError, HostsResolver, Resolver, SharedResolver, SystemResolver,
};
use reactor_compat::{Reactor, ReactorStopped};

const FOUR: Ipv4Addr = Ipv4Addr::LOCALHOST;
const SIX: Ipv6Addr = Ipv6Addr::LOCALHOST;

fn hosts() -> HostsResolver {
    HostsResolver::new()
        .host("both.test", [IpAddr::from(SIX), FOUR.into()])
        .host("four.test", [FOUR])
        .host("none.test", [] as [IpAddr; 0])
}

#[test]
fn addresses_are_not_looked_up() {
    // The reactor does not even run.
    let reactor = Reactor::new();
    reactor.install_resolver(|name: String, _: u16| async move {
        Err::<Vec<_>, _>(DnsLookupError::new(name, "nobody should have asked"))
    });
    assert_eq!(success_result_of(reactor.resolve("127.0.0.1")), FOUR);
    assert_eq!(success_result_of(reactor.resolve("::1")), SIX);
    assert_eq!(success_result_of(reactor.resolve("")), Ipv4Addr::UNSPECIFIED);
    let all = success_result_of(reactor.resolve_host_name("::1", 7));
    assert_eq!(all, [SocketAddr::from((SIX, 7))]);
}

#[test]
fn a_name_stands_for_its_ipv4_address_and_in_full_for_all() {
    drive(|reactor| async move {
        reactor.install_resolver(hosts());
        assert_eq!(reactor.resolve("both.test").await.unwrap(), FOUR);
        let all = reactor.resolve_host_name("both.test", 7).await.unwrap();
        assert_eq!(all, [SocketAddr::from((SIX, 7)), SocketAddr::from((FOUR, 7))]);
    });
}

#[test]
fn a_name_without_addresses_is_an_error() {
    drive(|reactor| async move {
        reactor.install_resolver(hosts());
        let failure = reactor.resolve("none.test").await.unwrap_err();
        assert_eq!(failure.check(), Some(&DnsLookupError::new("none.test", "no addresses")));
        let failure = reactor.resolve("nowhere.test").await.unwrap_err();
        assert_eq!(failure.check::<DnsLookupError>().unwrap().name(), "nowhere.test");
    });
}

#[test]
fn a_lookup_before_the_reactor_runs_waits_for_it() {
    let reactor = Reactor::new();
    reactor.install_resolver(hosts());
    let stop = reactor.clone();
    let address = reactor.resolve("four.test").add_callback(move |address| {
        stop.stop()?;
        Ok(address)
    });
    assert!(!address.has_result());
    reactor.run().unwrap();
    assert_eq!(success_result_of(address), FOUR);
}

#[test]
fn the_resolver_that_was_there_before_can_be_put_back() {
    drive(|reactor| async move {
        reactor.install_resolver(hosts());
        let before = reactor.install_resolver(HostsResolver::new());
        assert!(reactor.resolve("four.test").await.is_err());
        reactor.install_resolver(before);
        assert_eq!(reactor.resolve("four.test").await.unwrap(), FOUR);
    });
}

/// A resolver that never answers, and says whether lookups are under way.
fn silent() -> (impl Resolver, Rc<Cell<usize>>) {
    struct UnderWay(Rc<Cell<usize>>);
    impl Drop for UnderWay {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }

    let count = Rc::new(Cell::new(0));
    let counter = count.clone();
    let resolver = move |_: String, _: u16| {
        counter.set(counter.get() + 1);
        let under_way = UnderWay(counter.clone());
        async move {
            let _under_way = under_way;
            pending::<Result<Vec<SocketAddr>, Failure>>().await
        }
    };
    (resolver, count)
}

#[test]
fn cancelling_ends_the_lookup() {
    drive(|reactor| async move {
        let (resolver, under_way) = silent();
        reactor.install_resolver(resolver);
        let address = reactor.resolve("slow.test");
        until(|| under_way.get() == 1).await;
        address.cancel();
        assert!(failure_result_of(address).is::<CancelledError>());
        until(|| under_way.get() == 0).await;
    });
}

#[test]
fn a_lookup_goes_on_when_its_deferred_is_dropped() {
    drive(|reactor| async move {
        let (resolver, under_way) = silent();
        reactor.install_resolver(resolver);
        drop(reactor.resolve("slow.test"));
        until(|| under_way.get() == 1).await;
        turns(10).await;
        assert_eq!(under_way.get(), 1);
    });
}

#[test]
fn a_lookup_ends_with_the_reactor() {
    let (resolver, under_way) = silent();
    let asked = Rc::new(RefCell::new(None));
    let (place, count) = (asked.clone(), under_way.clone());
    drive(|reactor| async move {
        reactor.install_resolver(resolver);
        place.replace(Some(reactor.resolve("slow.test")));
        until(|| count.get() == 1).await;
    });
    let address = asked.take().unwrap();
    assert!(failure_result_of(address).is::<ReactorStopped>());
    assert_eq!(under_way.get(), 0);
}

#[test]
fn a_resolver_may_answer_by_a_deferred() {
    drive(|reactor| async move {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let questions = asked.clone();
        reactor.install_resolver(move |name: String, port: u16| {
            let (answer, trigger) = Deferred::new();
            questions.borrow_mut().push((name, port, trigger));
            answer
        });
        let addresses = reactor.resolve_host_name("later.test", 7);
        until(|| !asked.borrow().is_empty()).await;
        let (name, port, trigger) = asked.borrow_mut().remove(0);
        assert_eq!(name, "later.test");
        trigger.callback(vec![(FOUR, port).into()]).unwrap();
        assert_eq!(addresses.await.unwrap(), [SocketAddr::from((FOUR, 7))]);
    });
}

#[test]
fn whatever_a_resolver_fails_with_is_a_lookup_error() {
    drive(|reactor| async move {
        reactor.install_resolver(|_: String, _: u16| async {
            Err::<Vec<_>, _>(std::io::Error::other("the line is dead"))
        });
        let failure = reactor.resolve("name.test").await.unwrap_err();
        let error = DnsLookupError::new("name.test", "the line is dead");
        assert_eq!(failure.check(), Some(&error));
    });
}

#[test]
fn a_table_asks_another_for_what_it_does_not_have() {
    drive(|reactor| async move {
        let other = HostsResolver::new().host("other.test", [SIX]).host("four.test", [SIX]);
        reactor.install_resolver(hosts().otherwise(other));
        assert_eq!(reactor.resolve("other.test").await.unwrap(), SIX);
        assert_eq!(reactor.resolve("FOUR.test.").await.unwrap(), FOUR);
        let failure = reactor.resolve("none.test").await.unwrap_err();
        assert!(failure.is::<DnsLookupError>(), "an empty entry is an entry");
    });
}

#[test]
fn the_system_knows_this_machine() {
    drive(|reactor| async move {
        assert!(reactor.resolve("localhost").await.unwrap().is_loopback());
    });
}

/// A name that cannot be asked for, so that no name server is.
#[test]
fn the_system_says_what_it_does_not_know() {
    drive(|reactor| async move {
        let name = format!("{}.invalid", "x".repeat(64));
        let failure = reactor.resolve(&name).await.unwrap_err();
        let error = failure.check::<DnsLookupError>().unwrap();
        assert_eq!(error.name(), name);
        assert!(error.source().unwrap().is::<std::io::Error>());
    });
}

#[test]
fn a_lookup_of_the_systems_that_is_cancelled_leaves_its_turn_to_others() {
    drive(|reactor| async move {
        let system = SharedResolver::default();
        for _ in 0..100 {
            // Polled once, so that it has begun or waits; then given up.
            let lookup = system.resolve_host_name("localhost", 0);
            tokio::select! {
                biased;
                _ = lookup => {}
                () = std::future::ready(()) => {}
            }
        }
        let found = SystemResolver::new().resolve_host_name("localhost", 7).await.unwrap();
        assert!(found.iter().all(|address| address.port() == 7));
        assert!(!system.resolve_host_name("localhost", 0).await.unwrap().is_empty());
        drop(reactor);
    });
}

#[cfg(feature = "hickory")]
mod hickory {
    use super::*;
    use hickory_resolver::TokioResolver;
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
    use hickory_resolver::net::runtime::TokioRuntimeProvider;
    use reactor_compat::resolver::HickoryResolver;
    use tokio::net::UdpSocket;

    /// The answer to a question about `four.test`: its address, if it is that
    /// which is asked for; and that there is none to any other.
    fn answer(question: &[u8]) -> Vec<u8> {
        let end = 12 + b"\x04four\x04test\0\0\x01\0\x01".len();
        let known = question.get(12..end) == Some(b"\x04four\x04test\0\0\x01\0\x01");
        let name_is_known = question.get(12..end - 4) == Some(b"\x04four\x04test\0");
        let mut message = question[..2].to_vec();
        message.extend([0x81, if name_is_known { 0x80 } else { 0x83 }]);
        message.extend([0, 1, 0, u8::from(known), 0, 0, 0, 0]);
        let rest = &question[12..];
        let name = rest.iter().position(|byte| *byte == 0).unwrap();
        message.extend(&rest[..name + 5]);
        if known {
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        message
    }

    /// A name server on this machine, and a resolver that asks it.
    async fn resolver() -> HickoryResolver {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut connection = ConnectionConfig::udp();
        connection.port = socket.local_addr().unwrap().port();
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                socket.send_to(&answer(&buffer[..length]), peer).await.unwrap();
            }
        });
        let server = NameServerConfig::new(FOUR.into(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, vec![], vec![server]);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.build().unwrap().into()
    }

    #[test]
    fn a_name_server_is_asked() {
        drive(|reactor| async move {
            reactor.install_resolver(resolver().await);
            let found = reactor.resolve_host_name("four.test", 7).await.unwrap();
            assert_eq!(found, [SocketAddr::from((FOUR, 7))]);
        });
    }

    #[test]
    fn a_name_that_the_server_does_not_know_is_an_error() {
        drive(|reactor| async move {
            reactor.install_resolver(resolver().await);
            let failure = reactor.resolve("nowhere.test").await.unwrap_err();
            assert_eq!(failure.check::<DnsLookupError>().unwrap().name(), "nowhere.test");
        });
    }
}
