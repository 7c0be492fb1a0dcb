//! Each protocol that runs another one, with each event: what it overrides
//! nothing of, it passes on.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::success_result_of;
use deferred::time::Clock;
use protocols::amp::{Amp, AmpBox, AmpConnection, CallRemote, Command, NoError, Responders};
use protocols::basic::{
    Int8Strings, Int16Strings, Int32Strings, LineConnection, LineReceiver, Lines, Netstrings,
    StringConnection, StringReceiver,
};
use protocols::htb::{Bucket, FilterByHost, ShapedProtocolFactory};
use protocols::policies::{
    LimitConnectionsByPeer, LimitTotalConnectionsFactory, ProtocolWrapper, SpewingFactory,
    Throttle, ThrottlingFactory, TimeoutFactory, TrafficLoggingFactory, Watcher,
};
use protocols::stateful::{State, Stateful, StatefulProtocol};
use reactor_compat::Transport;
use reactor_compat::testing::StringTransport;
use reactor_compat::{
    Address, AnyProtocol, Connection, ConnectionDone, ConnectionEvent, Factory, Protocol,
    ProtocolSwitch,
};

/// The name of an event.
fn name_of(event: &ConnectionEvent<'_>) -> String {
    let text = format!("{event:?}");
    text.split('(').next().unwrap().to_owned()
}

/// Notes the events that it handles or sees.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Vec<String>>>);

impl<T: AsRef<Transport> + 'static> Protocol<T> for Recorder {
    fn receives_descriptors(&self) -> bool {
        true
    }

    fn handle(&mut self, _: &Connection<Self, T>, event: ConnectionEvent<'_>) {
        self.0.borrow_mut().push(name_of(&event));
    }
}

impl LineReceiver for Recorder {
    fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
}

impl StringReceiver for Recorder {
    fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
}

impl StatefulProtocol for Recorder {
    fn initial_state(&mut self) -> State<Self> {
        State::new(1, |_, _, _| None)
    }
}

impl Watcher for Recorder {
    fn watch(&mut self, _: &Connection<Self>, event: &ConnectionEvent<'_>) {
        self.0.borrow_mut().push(name_of(event));
    }
}

/// Sees nothing.
#[derive(Clone)]
struct Blind;

impl Watcher for Blind {}

/// What takes an event.
type Handle = Box<dyn Fn(ConnectionEvent<'static>)>;

/// One event of each kind.
fn events() -> Vec<ConnectionEvent<'static>> {
    vec![
        ConnectionEvent::ConnectionMade,
        ConnectionEvent::DataReceived(b"5:hello,"),
        #[cfg(unix)]
        ConnectionEvent::FileDescriptorReceived(std::io::pipe().unwrap().0.into()),
        ConnectionEvent::HandshakeCompleted,
        ConnectionEvent::LayerPushed,
        ConnectionEvent::Resumed,
        ConnectionEvent::ReadConnectionLost,
        ConnectionEvent::WriteConnectionLost,
        ConnectionEvent::ConnectionLost(ConnectionDone.into()),
    ]
}

/// Gives `protocol` the events of its connection; it stays as it is made.
fn connected<P: Protocol>(protocol: P) -> Handle {
    on(StringTransport::new(protocol))
}

fn on<P: Protocol>(transport: StringTransport<P>) -> Handle {
    let receives = transport.inspect(P::receives_descriptors).unwrap();
    assert!(receives, "{} takes no descriptors", std::any::type_name::<P>());
    Box::new(move |event| {
        let handled = transport.connection().call(|protocol, me| protocol.handle(me, event));
        success_result_of(handled);
    })
}

/// What becomes of the data that comes.
#[derive(Clone, Copy, PartialEq)]
enum Data {
    PassedOn,
    /// The handler gets what was found in it.
    Parsed,
}

type Make = Box<dyn Fn(Recorder) -> Handle>;

/// What runs a protocol: its name, what it does with data, and how one is made.
type Runner = (&'static str, Data, Make);

fn runner(name: &'static str, data: Data, make: impl Fn(Recorder) -> Handle + 'static) -> Runner {
    (name, data, Box::new(make))
}

fn policy<F: Factory>(name: &'static str, make: impl Fn(Recorder) -> F + 'static) -> Runner {
    runner(name, Data::PassedOn, move |recorder| {
        connected(make(recorder).build_protocol(Address::Pipe).unwrap())
    })
}

/// The factory of one recorder.
fn of(recorder: Recorder) -> impl Fn(Address) -> Recorder {
    move |_| recorder.clone()
}

fn wrappers() -> Vec<Runner> {
    let wrapper = |name, make: fn(Recorder) -> Handle| runner(name, Data::PassedOn, make);
    vec![
        wrapper("wrapper", |it| connected(ProtocolWrapper::new(Blind, it))),
        wrapper("two wrappers", |it| {
            connected(ProtocolWrapper::new(Blind, ProtocolWrapper::new(Blind, it)))
        }),
        // It is the watcher that notes, here.
        wrapper("watcher", |it| connected(ProtocolWrapper::new(it, Recorder::default()))),
    ]
}

fn policies() -> Vec<Runner> {
    let clock = Clock::new();
    let (idle, throttled) = (clock.clone(), clock.clone());
    let nobody = || of(Recorder::default());
    vec![
        policy("by peer", |it| LimitConnectionsByPeer::new(of(it), 1)),
        policy("regular", move |it| {
            LimitTotalConnectionsFactory::new(of(it), 1).overflow(nobody())
        }),
        policy("overflow", move |it| {
            LimitTotalConnectionsFactory::new(nobody(), 0).overflow(of(it))
        }),
        policy("idle", move |it| TimeoutFactory::new(of(it), &idle, Duration::from_secs(1))),
        policy("throttled", move |it| {
            ThrottlingFactory::new(of(it), Throttle::new(&throttled).read_limit(1))
        }),
        policy("traffic", |it| TrafficLoggingFactory::opening(of(it), |_| Ok(std::io::sink()))),
        policy("spewing", |it| SpewingFactory::new(of(it))),
        policy("shaped", move |it| {
            let clock = clock.clone();
            let filter = FilterByHost::new(move || Bucket::new(&clock).rate(1.0));
            ShapedProtocolFactory::new(of(it), &filter)
        }),
    ]
}

/// What takes over in mid-connection, and what is chosen when there is one.
fn switched() -> Vec<Runner> {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Switch;

    impl Command for Switch {
        const NAME: &str = "Switch";
        type Response = ();
        type Error = NoError;
    }

    /// Has the recorder take over at the first data.
    struct First(ProtocolSwitch, Recorder);

    impl Protocol for First {
        fn data_received(&mut self, _: &Connection<Self>, _: &[u8]) {
            self.0.switch_to(self.1.clone(), "").unwrap();
        }
    }

    let wrapper = |name, make: fn(Recorder) -> Handle| runner(name, Data::PassedOn, make);
    vec![
        wrapper("any", |it| connected(AnyProtocol::new(it))),
        wrapper("any of any", |it| connected(AnyProtocol::new(AnyProtocol::new(it)))),
        wrapper("any, switched", |it| {
            let transport = StringTransport::new(AnyProtocol::with_switch(|to| First(to, it)));
            transport.data_received(b"switch");
            on(transport)
        }),
        wrapper("any, watched", |it| connected(ProtocolWrapper::new(Blind, AnyProtocol::new(it)))),
        wrapper("AMP's responder", |it| {
            let responders = Responders::new()
                .switch(move |_: &mut (), _: &AmpConnection<()>, Switch| Ok(it.clone()));
            let transport = StringTransport::new(Amp::with_responders(&responders));
            let call = AmpBox::from([("_ask", "1"), ("_command", "Switch")]);
            transport.data_received(&call.serialize().unwrap());
            on(transport)
        }),
        wrapper("AMP's caller", |it| {
            let transport = StringTransport::new(Amp::new());
            let remote = success_result_of(transport.connection().remote());
            let switched = remote.call_remote_switch(Switch, move |_| it);
            transport.data_received(&AmpBox::from([("_answer", "1")]).serialize().unwrap());
            success_result_of(switched);
            on(transport)
        }),
    ]
}

/// The handler of AMP hears all that is not in boxes.
#[test]
fn the_handler_of_amp_hears_what_is_not_in_boxes() {
    let recorder = Recorder::default();
    let handle = connected(Amp::with_handler(recorder.clone(), &Responders::new()));
    events().into_iter().skip(1).for_each(|event| {
        if !matches!(event, ConnectionEvent::DataReceived(_)) {
            handle(event);
        }
    });
    let mut expected: Vec<_> = events().iter().map(name_of).collect();
    expected.retain(|name| name != "DataReceived" && name != "FileDescriptorReceived");
    assert_eq!(*recorder.0.borrow(), expected);
}

fn receivers() -> Vec<Runner> {
    let receiver = |name, make: fn(Recorder) -> Handle| runner(name, Data::Parsed, make);
    vec![
        receiver("lines", |it| connected(Lines::new(it))),
        receiver("lines only", |it| connected(Lines::only(it))),
        receiver("netstrings", |it| connected(Netstrings::new(it))),
        receiver("int8", |it| connected(Int8Strings::new(it))),
        receiver("int16", |it| connected(Int16Strings::new(it))),
        receiver("int32", |it| connected(Int32Strings::new(it))),
        receiver("stateful", |it| connected(Stateful::new(it))),
        receiver("watched lines", |it| connected(ProtocolWrapper::new(Blind, Lines::new(it)))),
    ]
}

/// All that runs a protocol.
fn runners() -> impl Iterator<Item = Runner> {
    [wrappers(), policies(), switched(), receivers()].into_iter().flatten()
}

#[test]
fn each_event_is_passed_on_once_by_each_protocol_that_runs_another() {
    let total = events().len();
    for (runner, data, make) in runners() {
        for which in 1..total {
            let recorder = Recorder::default();
            let handle = make(recorder.clone());
            assert_eq!(recorder.0.take(), ["ConnectionMade"], "{runner}");
            let event = events().swap_remove(which);
            let name = name_of(&event);
            handle(event);
            let parsed = data == Data::Parsed && name == "DataReceived";
            let expected = if parsed { vec![] } else { vec![name] };
            assert_eq!(*recorder.0.borrow(), expected, "{runner}");
        }
    }
}

/// All of them on one connection, in their order, and nothing after its end.
#[test]
fn all_events_are_passed_on_in_their_order() {
    for (runner, data, make) in runners() {
        let recorder = Recorder::default();
        let handle = make(recorder.clone());
        let heard = || events().into_iter().skip(1);
        heard().for_each(&handle);
        let mut expected: Vec<_> = events().iter().map(name_of).collect();
        expected.retain(|name| data == Data::PassedOn || name != "DataReceived");
        assert_eq!(*recorder.0.borrow(), expected, "{runner}");
        heard().for_each(&handle);
        assert_eq!(*recorder.0.borrow(), expected, "{runner}, after the end");
    }
}

/// The events above are those that there are.
#[test]
fn no_event_is_forgotten() {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../reactor-compat/src/protocol/event.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let body = source.split_once("pub enum ConnectionEvent").unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let variants: Vec<&str> = body
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| line.split(['(', ',']).next().unwrap())
        .collect();
    assert_eq!(variants, events().iter().map(name_of).collect::<Vec<_>>());
}

/// A socket that nobody wants descriptors of is not asked for them.
#[test]
fn who_wants_no_descriptors_gets_none() {
    struct Plain;
    impl Protocol for Plain {}

    assert!(!ProtocolWrapper::new(Recorder::default(), Plain).receives_descriptors());
    let mut factory = LimitTotalConnectionsFactory::new(|_: Address| Plain, 1);
    assert!(!factory.build_protocol(Address::Pipe).unwrap().receives_descriptors());
}
