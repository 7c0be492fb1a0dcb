//! Networks of a user's own, over the system's and by themselves.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::support::{Event, Log, Recorder, drive_on};
use deferred::Panic;
use deferred::testing::{failure_result_of, success_result_of};
use reactor_compat::log::LogCapture;
use reactor_compat::network::{
    Connecting, Datagrams, DialRequest, ListenRequest, Listener, Network, SystemNetwork,
};
use reactor_compat::resolver::{HostsResolver, Resolution};
use reactor_compat::testing::{MemoryNetwork, MemoryReactor};
use reactor_compat::{
    Address, CannotListenError, ConnectError, ConnectOptions, DatagramOptions, DatagramProtocol,
    ListenOptions, Protocol, Reactor, SharedStream, Stream, UnixAddress,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

struct Silent;
impl Protocol for Silent {}
impl DatagramProtocol for Silent {}
impl DatagramProtocol<UnixAddress> for Silent {}

/// Counts what passes through it.
#[derive(Default)]
struct Counting {
    system: SystemNetwork,
    connected: Cell<usize>,
    bound: Cell<usize>,
    accepted: Rc<Cell<usize>>,
    registered: Rc<Cell<usize>>,
    resolved: RefCell<Vec<String>>,
}

fn one_more(count: &Cell<usize>) {
    count.set(count.get() + 1);
}

struct CountedListener {
    inner: Box<dyn Listener>,
    accepted: Rc<Cell<usize>>,
    registered: Rc<Cell<usize>>,
}

impl Listener for CountedListener {
    fn get_host(&self) -> Address {
        self.inner.get_host()
    }

    fn register(&mut self) -> io::Result<()> {
        one_more(&self.registered);
        self.inner.register()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        let accepted = self.inner.poll_accept(cx);
        if let Poll::Ready(Ok(_)) = &accepted {
            one_more(&self.accepted);
        }
        accepted
    }
}

impl Network for Counting {
    fn below(&self) -> Option<&dyn Network> {
        Some(&self.system)
    }

    fn bind_tcp(
        &self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Box<dyn Listener>> {
        one_more(&self.bound);
        let inner = self.system.bind_tcp(address, options)?;
        let (accepted, registered) = (self.accepted.clone(), self.registered.clone());
        Ok(Box::new(CountedListener { inner, accepted, registered }))
    }

    fn connect_tcp(&self, to: SocketAddr, options: &ConnectOptions) -> Connecting<'_> {
        let options = *options;
        Box::pin(async move {
            let stream = self.system.connect_tcp(to, &options).await?;
            one_more(&self.connected);
            Ok(stream)
        })
    }

    fn resolve(&self, name: &str, port: u16) -> Resolution {
        self.resolved.borrow_mut().push(format!("{name}:{port}"));
        self.system.resolve(name, port)
    }
}

#[test]
fn a_network_that_stands_over_the_systems_sees_what_passes_and_nothing_changes() {
    let network = Rc::new(Counting::default());
    let seen = network.clone();
    drive_on(Reactor::with_network(network), |reactor| async move {
        let log = Log::default();
        let its = log.clone();
        let port = reactor.listen_tcp(("127.0.0.1", 0), move |_: Address| Recorder::echo(&its));
        let port = port.unwrap();
        let number = port.get_host().port().unwrap();
        let client = Log::default();
        let its = client.clone();
        // By name: the race of its addresses, and the network's own lookup.
        let connector =
            reactor.connect_tcp(("localhost", number), move |_: Address| Recorder::new(&its));
        let connection = connector.when_connected().await.unwrap();
        connection.write("hello");
        crate::support::until(|| client.data() == b"hello").await;
        connection.lose_connection();
        assert_eq!(log.ended().await, Event::Done);
        port.stop_listening().await.unwrap();
        assert_eq!((seen.connected.get(), seen.bound.get()), (1, 1));
        assert_eq!((seen.accepted.get(), seen.registered.get()), (1, 1));
        assert_eq!(*seen.resolved.borrow(), [format!("localhost:{number}")]);
        // What it does not speak of goes to the system.
        let udp = reactor.listen_udp(("127.0.0.1", 0), Silent).unwrap();
        assert_ne!(udp.get_host().port(), 0);
        udp.stop_listening().await.unwrap();
    });
}

#[test]
fn an_installed_resolver_goes_before_the_network() {
    let network = Rc::new(Counting::default());
    let seen = network.clone();
    drive_on(Reactor::with_network(network), |reactor| async move {
        let here = std::net::Ipv4Addr::LOCALHOST;
        let hosts = HostsResolver::new().host("db.test", [here]).otherwise(reactor.name_resolver());
        reactor.install_resolver(hosts);
        assert_eq!(reactor.resolve("db.test").await.unwrap(), here);
        assert!(seen.resolved.borrow().is_empty());
        assert!(reactor.resolve("localhost").await.unwrap().is_loopback());
        assert_eq!(*seen.resolved.borrow(), ["localhost:0"]);
    });
}

/// Has nothing.
struct Nothing;
impl Network for Nothing {}

#[test]
fn what_a_network_does_not_have_it_says() {
    drive_on(Reactor::with_network(Rc::new(Nothing)), |reactor| async move {
        let unsupported = |error: CannotListenError| {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            error.to_string()
        };
        let error = unsupported(reactor.listen_tcp(0, |_: Address| Silent).unwrap_err());
        assert_eq!(error, "couldn't listen on 0.0.0.0:0: this network has no TCP ports");
        let error =
            unsupported(reactor.listen_tcp(("here.test", 0), |_: Address| Silent).unwrap_err());
        assert_eq!(
            error,
            "couldn't listen on here.test:0: this network has no names of interfaces"
        );
        unsupported(reactor.listen_udp(0, Silent).unwrap_err());
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        unsupported(reactor.adopt_datagram_port(socket, Silent).unwrap_err());
        let refused = reactor.connect_tcp(("127.0.0.1", 1), |_: Address| Silent).when_connected();
        let refused = refused.await.unwrap_err();
        let Some(ConnectError::Other(error)) = refused.check() else { panic!("{refused}") };
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let unknown = reactor.connect_tcp(("name.test", 1), |_: Address| Silent).when_connected();
        let unknown = unknown.await.unwrap_err().to_string();
        assert!(unknown.contains("this network knows no names"), "{unknown}");
    });
}

#[cfg(unix)]
#[test]
fn a_network_without_unix_sockets_refuses_them_by_name() {
    use std::os::unix::net::{UnixListener, UnixStream};

    use reactor_compat::AdoptError;

    drive_on(Reactor::with_network(Rc::new(Nothing)), |reactor| async move {
        let error = reactor.listen_unix("/run/a.sock", |_: Address| Silent).unwrap_err();
        assert_eq!(
            error.to_string(),
            "couldn't listen on /run/a.sock: this network has no UNIX sockets"
        );
        let error = reactor.listen_unix_datagram("/run/a.sock", Silent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let error = reactor.connect_unix("/run/a.sock", |_: Address| Silent).when_connected();
        assert!(error.await.unwrap_err().to_string().contains("no UNIX sockets"));
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("s")).unwrap();
        let unsupported = |error| matches!(error, AdoptError::System(error) if error.kind() == ErrorKind::Unsupported);
        let adopted = reactor.adopt_stream_port(listener, |_: Address| Silent);
        assert!(unsupported(adopted.unwrap_err()));
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let adopted = reactor.adopt_stream_connection(ours, |_: Address| Silent);
        assert!(unsupported(adopted.unwrap_err()));
    });
}

/// Cannot be used for now.
struct Down;

impl Network for Down {
    fn ready(&self) -> io::Result<()> {
        Err(io::Error::new(ErrorKind::NetworkDown, "the cable is out"))
    }

    fn dial<'a>(&'a self, _: &'a DialRequest) -> Connecting<'a> {
        unreachable!("it is not ready")
    }

    fn listen(&self, _: &ListenRequest) -> Result<Box<dyn Listener>, CannotListenError> {
        unreachable!("it is not ready")
    }
}

#[test]
fn nothing_is_asked_of_a_network_that_is_not_ready() {
    let reactor = MemoryReactor::with_network(|_| Rc::new(Down));
    let error = reactor.listen_tcp(80, |_: Address| Silent).unwrap_err();
    assert_eq!(error.to_string(), "couldn't listen on 0.0.0.0:80: the cable is out");
    assert_eq!(error.kind(), ErrorKind::NetworkDown);
    let error = reactor.listen_udp(80, Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkDown);
    let connected = reactor.connect_tcp(("name.test", 80), |_: Address| Silent).when_connected();
    reactor.settle().unwrap();
    assert!(failure_result_of(connected).to_string().contains("the cable is out"));
}

/// Has ports that cannot be registered.
struct Unregistered(MemoryNetwork);

struct Stubborn(Box<dyn Listener>);

impl Listener for Stubborn {
    fn get_host(&self) -> Address {
        self.0.get_host()
    }

    fn register(&mut self) -> io::Result<()> {
        Err(io::Error::other("no room"))
    }

    fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        unreachable!("it is not registered")
    }
}

impl Network for Unregistered {
    fn below(&self) -> Option<&dyn Network> {
        Some(&self.0)
    }

    fn bind_tcp(
        &self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(Stubborn(self.0.bind_tcp(address, options)?)))
    }
}

#[test]
fn a_port_that_cannot_be_registered_is_closed() {
    let reactor = MemoryReactor::with_network(|memory| Rc::new(Unregistered(memory)));
    let port = reactor.listen_tcp(80, |_: Address| Silent).unwrap();
    assert!(reactor.tcp_servers()[0].listening(), "it is registered when the reactor runs");
    reactor.settle().unwrap();
    assert!(!reactor.tcp_servers()[0].listening());
    success_result_of(port.stop_listening());
}

/// Where a network panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Connect,
    Connecting,
    GetPeer,
    Register,
    Accept,
    Accepted,
}

impl At {
    fn reached(self, at: Self) {
        assert_ne!(self, at, "as it is told");
    }
}

/// Panics at one place.
struct Panics {
    memory: MemoryNetwork,
    at: At,
}

struct PanickingListener(Box<dyn Listener>, At);

/// Panics when its peer is asked for.
struct Nameless(SharedStream);

impl Listener for PanickingListener {
    fn get_host(&self) -> Address {
        self.0.get_host()
    }

    fn register(&mut self) -> io::Result<()> {
        self.1.reached(At::Register);
        self.0.register()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        let accepted = self.0.poll_accept(cx);
        if accepted.is_ready() {
            self.1.reached(At::Accept);
        }
        accepted.map_ok(|stream| match self.1 {
            At::Accepted => SharedStream::new(Nameless(stream)),
            _ => stream,
        })
    }
}

impl Network for Panics {
    fn below(&self) -> Option<&dyn Network> {
        Some(&self.memory)
    }

    fn bind_tcp(
        &self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(PanickingListener(self.memory.bind_tcp(address, options)?, self.at)))
    }

    fn connect_tcp(&self, to: SocketAddr, options: &ConnectOptions) -> Connecting<'_> {
        self.at.reached(At::Connect);
        let connecting = self.memory.connect_tcp(to, options);
        Box::pin(async move {
            self.at.reached(At::Connecting);
            let stream = connecting.await?;
            Ok(if self.at == At::GetPeer { SharedStream::new(Nameless(stream)) } else { stream })
        })
    }
}

impl Stream for Nameless {
    fn get_host(&self) -> Address {
        self.0.get_host()
    }

    fn get_peer(&self) -> Address {
        panic!("as it is told")
    }
}

impl AsyncRead for Nameless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Nameless {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn panicking(at: At) -> MemoryReactor {
    MemoryReactor::with_network(move |memory| Rc::new(Panics { memory, at }))
}

#[test]
fn a_network_that_panics_fails_the_attempt_by_name() {
    for at in [At::Connect, At::Connecting, At::GetPeer] {
        let log = LogCapture::start();
        let reactor = panicking(at);
        let destination = ("10.0.0.1", 80);
        let connected = reactor.connect_tcp(destination, |_: Address| Silent).when_connected();
        reactor.settle().unwrap();
        if at == At::GetPeer {
            reactor.tcp_clients()[0].accept().unwrap();
            reactor.settle().unwrap();
        }
        assert!(failure_result_of(connected).is::<Panic>(), "{at:?}");
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 1, "{at:?}");
        assert!(reactor.inventory().connecting.is_empty(), "{at:?}");
    }
}

#[test]
fn a_listener_that_panics_has_its_port_closed() {
    for at in [At::Register, At::Accept] {
        let log = LogCapture::start();
        let reactor = panicking(at);
        let port = reactor.listen_tcp(80, |_: Address| Silent).unwrap();
        reactor.settle().unwrap();
        if at == At::Accept {
            let _peer = reactor.tcp_servers()[0].connect().unwrap();
            reactor.settle().unwrap();
        }
        assert!(!reactor.tcp_servers()[0].listening(), "{at:?}");
        assert!(reactor.inventory().ports.is_empty(), "{at:?}");
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 1, "{at:?}");
        success_result_of(port.stop_listening());
    }
}

#[test]
fn a_stream_that_panics_when_it_is_accepted_leaves_the_port_open() {
    let log = LogCapture::start();
    let reactor = panicking(At::Accepted);
    reactor.listen_tcp(80, |_: Address| Silent).unwrap();
    reactor.settle().unwrap();
    for times in 1..3 {
        let _peer = reactor.tcp_servers()[0].connect().unwrap();
        reactor.settle().unwrap();
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 1, "{times}");
        assert!(reactor.tcp_servers()[0].listening());
    }
}

/// Counts how often a datagram is dropped on its way out.
struct Lossy {
    memory: MemoryNetwork,
    lost: Rc<Cell<usize>>,
}

/// Loses every other one.
struct Losing(Box<dyn Datagrams>, Cell<usize>, Rc<Cell<usize>>);

impl Datagrams for Losing {
    fn get_host(&self) -> SocketAddr {
        self.0.get_host()
    }

    fn connect(&self, peer: &SocketAddr) -> io::Result<()> {
        self.0.connect(peer)
    }

    fn send(&self, data: &[u8], to: Option<&SocketAddr>) -> io::Result<usize> {
        one_more(&self.1);
        if self.1.get() % 2 == 1 {
            return self.0.send(data, to);
        }
        one_more(&self.2);
        Ok(data.len())
    }

    fn poll_send(
        &self,
        _: &mut Context<'_>,
        data: &[u8],
        to: Option<&SocketAddr>,
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.send(data, to))
    }

    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.0.poll_receive(cx, room)
    }
}

impl Network for Lossy {
    fn below(&self) -> Option<&dyn Network> {
        Some(&self.memory)
    }

    fn bind_udp(
        &self,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        let inner = self.memory.bind_udp(address, options)?;
        Ok(Box::new(Losing(inner, Cell::new(0), self.lost.clone())))
    }
}

#[test]
fn datagrams_of_a_network_of_ones_own() {
    let lost = Rc::new(Cell::new(0));
    let count = lost.clone();
    let reactor = MemoryReactor::with_network(move |memory| Rc::new(Lossy { memory, lost: count }));
    let port = reactor.listen_udp(53, Silent).unwrap();
    for text in ["one", "two", "three"] {
        port.write(text, SocketAddr::from(([192, 0, 2, 1], 53))).unwrap();
    }
    let sent: Vec<_> =
        reactor.udp_ports()[0].take_sent().into_iter().map(|(data, _)| data).collect();
    assert_eq!(sent, [b"one".to_vec(), b"three".to_vec()]);
    assert_eq!(lost.get(), 1);
    // There is no socket under it.
    assert!(port.set_broadcast_allowed(true).is_err());
}

/// Datagrams that panic at one place.
struct Exploding(Box<dyn Datagrams>, &'static str);

impl Exploding {
    fn at(&self, place: &str) {
        assert_ne!(self.1, place, "as it is told");
    }
}

impl Drop for Exploding {
    fn drop(&mut self) {
        self.at("drop");
    }
}

impl Datagrams for Exploding {
    fn get_host(&self) -> SocketAddr {
        self.0.get_host()
    }

    fn register(&mut self) -> io::Result<()> {
        self.at("register");
        self.0.register()
    }

    fn connect(&self, peer: &SocketAddr) -> io::Result<()> {
        self.0.connect(peer)
    }

    fn send(&self, data: &[u8], to: Option<&SocketAddr>) -> io::Result<usize> {
        self.at("send");
        self.0.send(data, to)
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
        to: Option<&SocketAddr>,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_send(cx, data, to)
    }

    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.at("receive");
        self.0.poll_receive(cx, room)
    }
}

struct ExplodingNetwork(MemoryNetwork, &'static str);

impl Network for ExplodingNetwork {
    fn below(&self) -> Option<&dyn Network> {
        Some(&self.0)
    }

    fn bind_udp(
        &self,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        Ok(Box::new(Exploding(self.0.bind_udp(address, options)?, self.1)))
    }
}

#[test]
fn datagrams_that_panic_have_their_port_closed() {
    for place in ["register", "send", "receive", "drop"] {
        let log = LogCapture::start();
        let reactor =
            MemoryReactor::with_network(move |memory| Rc::new(ExplodingNetwork(memory, place)));
        let port = reactor.listen_udp(53, Silent).unwrap();
        reactor.settle().unwrap();
        match place {
            "send" => drop(port.write("one", SocketAddr::from(([192, 0, 2, 1], 53))).unwrap_err()),
            "drop" => drop(port.stop_listening()),
            _ => {}
        }
        reactor.settle().unwrap();
        assert!(reactor.inventory().ports.is_empty(), "{place}");
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 1, "{place}");
        success_result_of(port.stop_listening());
    }
}
