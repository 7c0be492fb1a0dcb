//! Giving a connection to another protocol.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Trigger};
use protocols::amp::{
    AmpBox, AmpConnection, Command, CommandError, ProtocolSwitched, Responders, UnhandledCommand,
};
use reactor_compat::{Connection, ConnectionDone, Protocol};
use serde::{Deserialize, Serialize};

use crate::support::Pair;
use crate::support::math::{Sum, Total};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no")
    }
}

impl std::error::Error for Refused {}

impl CommandError for Refused {}

#[derive(Serialize, Deserialize)]
struct BeOther;

impl Command for BeOther {
    const NAME: &str = "BeOther";
    type Response = ();
    type Error = Refused;
}

type Diary = Rc<RefCell<Vec<String>>>;

/// Writes down what it hears, and says hello.
#[derive(Clone)]
struct Other {
    name: &'static str,
    diary: Diary,
}

impl Other {
    fn note(&self, what: &str) {
        self.diary.borrow_mut().push(format!("{} {what}", self.name));
    }
}

impl Protocol for Other {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.note("made");
        transport.write(format!("hello from {}", self.name));
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let text = String::from_utf8_lossy(data).into_owned();
        drop(transport.call(move |this, _| this.note(&text)));
    }

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.note("lost");
    }
}

fn switching(diary: &Diary) -> Responders {
    let diary = diary.clone();
    Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b })).switch(
        move |_: &mut (), _: &AmpConnection<()>, BeOther| {
            Ok(Other { name: "server", diary: diary.clone() })
        },
    )
}

#[test]
fn both_sides_switch() {
    let diary = Diary::default();
    let pair = Pair::of(&switching(&diary));
    let remote = pair.remote();
    let before = remote.call_remote(Sum { a: 1, b: 2 });
    let client = Other { name: "client", diary: diary.clone() };
    let switched = remote.call_remote_switch(BeOther, move |_| client);
    let after = failure_result_of(remote.call_remote(Sum { a: 1, b: 2 }));
    assert!(after.is::<ProtocolSwitched>());
    assert_no_result(&switched);

    pair.pump();
    assert_eq!(success_result_of(before).total, 3);
    success_result_of(switched);
    assert_eq!(
        *diary.borrow(),
        ["server made", "client made", "client hello from server", "server hello from client"]
    );
    let late = failure_result_of(remote.call_remote(Sum { a: 1, b: 2 }));
    assert!(late.is::<ProtocolSwitched>());
    let late = failure_result_of(pair.back().call_remote(Sum { a: 1, b: 2 }));
    assert!(late.is::<ProtocolSwitched>());

    pair.end();
    assert_eq!(diary.borrow()[4..], ["client lost", "server lost"]);
}

#[test]
fn bytes_behind_the_command_belong_to_the_new_protocol() {
    let diary = Diary::default();
    let pair = Pair::of(&switching(&diary));
    let ask = AmpBox::from([("_ask", "1"), ("_command", "BeOther")]).serialize().unwrap();
    pair.server.data_received(&[&ask, &b"\xff no box"[..]].concat());
    assert_eq!(*diary.borrow(), ["server made", "server \u{fffd} no box"]);
}

#[test]
fn a_responder_may_take_its_time_to_switch() {
    let waiting: Rc<RefCell<Option<Trigger<Other>>>> = Rc::default();
    let keep = waiting.clone();
    let responders = Responders::new().switch(move |_: &mut (), _: &AmpConnection<()>, BeOther| {
        let (other, trigger) = Deferred::new();
        keep.replace(Some(trigger));
        other
    });
    let pair = Pair::of(&responders);
    let diary = Diary::default();
    let client = Other { name: "client", diary: diary.clone() };
    let switched = pair.remote().call_remote_switch(BeOther, move |_| client);
    pair.pump();
    assert_no_result(&switched);
    let server = Other { name: "server", diary: diary.clone() };
    waiting.take().unwrap().callback(server).unwrap();
    pair.pump();
    success_result_of(switched);
    assert_eq!(diary.borrow().len(), 4);
}

#[test]
fn where_the_other_side_does_not_agree_boxes_go_on() {
    let responders = Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b })).switch(
        |_: &mut (), _: &AmpConnection<()>, BeOther| -> Result<Other, Failure> {
            Err(Refused.into())
        },
    );
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let diary = Diary::default();
    let client = Other { name: "client", diary: diary.clone() };
    let switched = remote.call_remote_switch(BeOther, move |_| client);
    pair.pump();
    assert_eq!(failure_result_of(switched).check(), Some(&Refused));
    let total = remote.call_remote(Sum { a: 1, b: 2 });
    pair.pump();
    assert_eq!(success_result_of(total).total, 3);
    assert!(diary.borrow().is_empty());
}

#[test]
fn where_nobody_knows_the_command_boxes_go_on() {
    let pair = Pair::of(&Responders::new());
    let client = Other { name: "client", diary: Diary::default() };
    let switched = pair.remote().call_remote_switch(BeOther, move |_| client);
    pair.pump();
    assert!(failure_result_of(switched).is::<UnhandledCommand>());
}

#[test]
fn a_connection_that_is_lost_before_the_switch_fails_it() {
    let pair = Pair::of(&Responders::new());
    let diary = Diary::default();
    let client = Other { name: "client", diary: diary.clone() };
    let switched = pair.remote().call_remote_switch(BeOther, move |_| client);
    pair.end();
    assert!(failure_result_of(switched).is::<ConnectionDone>());
    assert!(diary.borrow().is_empty());
}

/// What came behind the command waits for the end of a pause, as all that comes
/// does.
#[test]
fn what_is_handed_over_during_a_pause_waits_for_its_end() {
    let diary = Diary::default();
    let pages = diary.clone();
    let responders =
        Responders::new().switch(move |_: &mut (), amp: &AmpConnection<()>, BeOther| {
            amp.pause_producing();
            Ok(Other { name: "server", diary: pages.clone() })
        });
    let pair = Pair::of(&responders);
    let call = AmpBox::from([("_ask", "1"), ("_command", "BeOther")]).serialize().unwrap();
    pair.server.data_received(&[&call, &b"behind"[..]].concat());
    assert_eq!(*diary.borrow(), ["server made"]);
    pair.server.resume_producing();
    assert_eq!(*diary.borrow(), ["server made", "server behind"]);
}

/// Two commands ask for it, and both responders take their time.
#[test]
fn only_the_first_of_two_takes_over() {
    let waiting: Rc<RefCell<Vec<Trigger<Other>>>> = Rc::default();
    let keep = waiting.clone();
    let responders = Responders::new().switch(move |_: &mut (), _: &AmpConnection<()>, BeOther| {
        let (other, trigger) = Deferred::new();
        keep.borrow_mut().push(trigger);
        other
    });
    let pair = Pair::of(&responders);
    for tag in ["1", "2"] {
        let call = AmpBox::from([("_ask", tag), ("_command", "BeOther")]);
        pair.server.data_received(&call.serialize().unwrap());
    }
    let diary = Diary::default();
    for (name, trigger) in ["first", "second"].into_iter().zip(waiting.take()) {
        trigger.callback(Other { name, diary: diary.clone() }).unwrap();
    }
    pair.server.data_received(b"data");
    pair.end();
    assert_eq!(*diary.borrow(), ["first made", "first data", "first lost"]);
}
