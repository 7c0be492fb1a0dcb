//! Descriptors as arguments, over UNIX connections; and where there are none.

use std::cell::RefCell;
use std::fmt;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::unix::net::UnixStream;

use deferred::testing::failure_result_of;
use deferred::{Deferred, Failure, gather_results};
use protocols::amp::{
    Amp, AmpBox, AmpTransport, ArgumentError, BadLocalReturn, CallRemote, Command, Descriptor,
    Limits, NoError, Responders, TooLong, TooManyDescriptors, UnknownRemoteError,
};
use reactor_compat::{Address, Connection, Protocol, Reactor, SendDescriptorError, Transport};
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use serde::{Deserialize, Serialize, Serializer};

use crate::support::tcp::run;
use crate::support::{Pair, logged};

/// Has the other side write `text` to the pipe, and the same backwards to the
/// other one.
#[derive(Debug, Serialize, Deserialize)]
struct Tell {
    // They are numbered in this order, and come in that of their names.
    to: Descriptor,
    backwards: Option<Descriptor>,
    text: String,
}

impl Command for Tell {
    const NAME: &str = "Tell";
    type Response = ();
    type Error = NoError;
}

fn tell(Tell { to, backwards, text }: Tell) -> Result<(), Failure> {
    PipeWriter::from(to.0).write_all(text.as_bytes())?;
    if let Some(backwards) = backwards {
        let text: String = text.chars().rev().collect();
        PipeWriter::from(backwards.0).write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Asks for pipes from which one can read what they are called.
#[derive(Serialize, Deserialize)]
struct Open {
    names: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Opened {
    rows: Vec<Row>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    pipe: Descriptor,
}

impl Command for Open {
    const NAME: &str = "Open";
    type Response = Opened;
    type Error = NoError;
}

fn open(Open { names }: Open) -> Result<Opened, Failure> {
    let open = |name: String| {
        let (reader, mut writer) = pipe()?;
        writer.write_all(name.as_bytes())?;
        Ok(Row { pipe: reader.into() })
    };
    Ok(Opened { rows: names.into_iter().map(open).collect::<Result<_, Failure>>()? })
}

/// What a list of descriptors would be.
#[derive(Debug, Serialize, Deserialize)]
struct Several {
    list: Vec<Descriptor>,
}

impl Command for Several {
    const NAME: &str = "Several";
    type Response = ();
    type Error = NoError;
}

fn responders() -> Responders {
    Responders::new().function(tell).function(open).function(|Several { .. }| Ok(()))
}

/// What came through a pipe whose other ends are all closed.
fn all(mut reader: PipeReader) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

/// The two ends of a UNIX connection, both of them in `reactor`.
fn connect<A: Protocol, B: Protocol>(
    reactor: &Reactor,
    ours: impl Fn() -> A + 'static,
    theirs: impl Fn() -> B + 'static,
) -> (Connection<A>, Connection<B>) {
    let (near, far) = UnixStream::pair().unwrap();
    let near = reactor.adopt_stream_connection(near, move |_: Address| ours()).unwrap();
    let far = reactor.adopt_stream_connection(far, move |_: Address| theirs()).unwrap();
    (near, far)
}

/// One end of such a connection, at the other end of which `responders` answer.
async fn client_of(reactor: &Reactor, responders: Responders) -> Result<AmpTransport, Failure> {
    let serve = move || Amp::with_responders(&responders);
    connect(reactor, Amp::new, serve).0.remote().await
}

/// Says only what the test has it say.
struct Mute;

impl Protocol for Mute {}

/// A client, and the transport of what is at the other end.
async fn client_of_mute(
    reactor: &Reactor,
    limits: Limits,
) -> Result<(AmpTransport, Transport), Failure> {
    let (near, far) = connect(reactor, move || Amp::new().with_limits(limits), || Mute);
    Ok((near.remote().await?, far.transport().clone()))
}

/// A box on the wire.
fn wire<const N: usize>(entries: [(&str, &str); N]) -> Vec<u8> {
    AmpBox::from(entries).serialize().unwrap()
}

#[test]
fn descriptors_go_with_a_call_and_come_with_its_answer() {
    run(|reactor| async move {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("socket");
        let responders = responders();
        let _port =
            reactor.listen_unix(&path, move |_: Address| Amp::with_responders(&responders))?;
        let connector = reactor.connect_unix(&path, |_: Address| Amp::new());
        let remote = connector.when_connected().await?.remote().await?;

        let ((heard, to), (drawkcab, backwards)) = (pipe()?, pipe()?);
        let backwards = Some(backwards.into());
        remote.call_remote(Tell { to: to.into(), backwards, text: "hello".to_owned() }).await?;
        // That these end shows that no copy is open any more, on either side.
        assert_eq!((all(heard).as_str(), all(drawkcab).as_str()), ("hello", "olleh"));

        let names = ["a", "b"].map(str::to_owned).to_vec();
        let Opened { rows } = remote.call_remote(Open { names }).await?;
        let read: Vec<_> = rows.into_iter().map(|row| all(row.pipe.0.into())).collect();
        assert_eq!(read, ["a", "b"]);
        Ok(())
    });
}

#[test]
fn each_of_many_calls_and_answers_has_its_own_descriptors() {
    run(|reactor| async move {
        let remote = client_of(&reactor, responders()).await?;
        let (mut told, mut opened, mut pipes) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..100 {
            let (heard, to) = pipe()?;
            pipes.push(heard);
            let text = number.to_string();
            told.push(remote.call_remote(Tell { to: to.into(), backwards: None, text }));
            opened.push(remote.call_remote(Open { names: vec![number.to_string()] }));
        }
        gather_results(told).await?;
        let opened = gather_results(opened).await?;
        for (number, (heard, Opened { rows })) in pipes.into_iter().zip(opened).enumerate() {
            assert_eq!(all(heard), number.to_string());
            for row in rows {
                assert_eq!(all(row.pipe.0.into()), number.to_string());
            }
        }
        Ok(())
    });
}

#[test]
fn the_value_is_the_number_of_the_descriptor() {
    run(|reactor| async move {
        let (remote, theirs) = client_of_mute(&reactor, Limits::default()).await?;
        let opened = remote.call_remote(Open { names: vec![] });
        let ((first, _first), (second, mut writer)) = (pipe()?, pipe()?);
        theirs.send_file_descriptors([first.into(), second.into()])?;
        writer.write_all(b"the second")?;
        drop(writer);
        let rows = b"\0\x04pipe\0\x02 1\0\0"; // as Python's `int` has it
        let rows = std::str::from_utf8(rows)?;
        theirs.write(wire([("_answer", "1"), ("rows", rows)]));
        let [row] = <[Row; 1]>::try_from(opened.await?.rows).unwrap();
        assert_eq!(all(row.pipe.0.into()), "the second");
        Ok(())
    });
}

/// What a call fails with whose answer has `rows`, after one descriptor.
async fn answered_with(reactor: &Reactor, rows: &str) -> Result<ArgumentError, Failure> {
    let (remote, theirs) = client_of_mute(reactor, Limits::default()).await?;
    let opened = remote.call_remote(Open { names: vec![] });
    theirs.send_file_descriptor(pipe()?.0)?;
    theirs.write(wire([("_answer", "1"), ("rows", rows)]));
    Ok(opened.await.unwrap_err().check::<ArgumentError>().unwrap().clone())
}

#[test]
fn a_box_that_names_what_has_not_come_is_refused() {
    run(|reactor| async move {
        let missing = |number| ArgumentError::NoDescriptor { number };
        assert_eq!(answered_with(&reactor, "\0\x04pipe\0\x011\0\0").await?, missing(1));
        let twice = "\0\x04pipe\0\x010\0\0".repeat(2);
        assert_eq!(answered_with(&reactor, &twice).await?, missing(0));
        let odd = ArgumentError::Value { expected: "an integer", found: "-1".to_owned() };
        assert_eq!(answered_with(&reactor, "\0\x04pipe\0\x02-1\0\0").await?, odd);
        Ok(())
    });
    // A command is answered with `UNKNOWN`, as in Twisted.
    let pair = Pair::of(&responders());
    let arguments = AmpBox::from([("to", "0"), ("text", "")]);
    let told = pair.remote().call_remote_string("Tell", arguments);
    let errors = logged::<ArgumentError>(|| pair.pump());
    assert_eq!(errors, [ArgumentError::NoDescriptor { number: 0 }]);
    assert!(failure_result_of(told).to_string().contains("UNKNOWN"));
}

#[test]
fn what_is_not_of_unix_carries_no_descriptors() {
    let refused = ArgumentError::Descriptor(SendDescriptorError::NotUnix);
    let pair = Pair::of(&responders());
    let (heard, to) = pipe().unwrap();
    let command = Tell { to: to.into(), backwards: None, text: String::new() };
    let told = pair.remote().call_remote(command);
    assert_eq!(failure_result_of(told).check(), Some(&refused));
    assert!(pair.client.take_value().is_empty(), "nothing is sent");
    assert_eq!(all(heard), "", "it is closed");

    let opened = pair.remote().call_remote(Open { names: vec!["a".to_owned()] });
    let errors = logged::<BadLocalReturn>(|| pair.pump());
    let [error] = <[BadLocalReturn; 1]>::try_from(errors).unwrap();
    assert!(error.to_string().ends_with(&refused.to_string()), "{error}");
    assert!(failure_result_of(opened).is::<UnknownRemoteError>());
}

#[cfg(feature = "tls")]
#[test]
fn a_connection_about_to_turn_to_tls_carries_no_descriptors() {
    use reactor_compat::tls::ClientOptions;

    run(|reactor| async move {
        let remote = client_of(&reactor, responders()).await?;
        let started = remote.start_tls(ClientOptions::new("example.org")?);
        let text = "hello".to_owned();
        let tell = |to: PipeWriter| Tell { to: to.into(), backwards: None, text: text.clone() };
        let told = failure_result_of(remote.call_remote(tell(pipe()?.1)));
        let refused = ArgumentError::Descriptor(SendDescriptorError::NotUnix);
        assert_eq!(told.check(), Some(&refused));
        // The other side does not want to, and so they go again.
        assert!(started.await.is_err());
        let (heard, to) = pipe()?;
        remote.call_remote(tell(to)).await?;
        assert_eq!(all(heard), text);
        Ok(())
    });
}

#[test]
fn a_call_that_is_not_sent_sends_no_descriptors() {
    run(|reactor| async move {
        let remote = client_of(&reactor, responders()).await?;
        let (heard, to) = pipe()?;
        let text = "x".repeat(70_000);
        let told = remote.call_remote(Tell { to: to.into(), backwards: None, text }).await;
        assert!(told.unwrap_err().is::<TooLong>());
        assert_eq!(all(heard), "");

        let list = (0..3).map(|_| pipe().unwrap().0.into()).collect();
        let error = remote.call_remote(Several { list }).await.unwrap_err();
        assert!(error.to_string().contains("a descriptor in a list"), "{error}");

        // One more than may wait.
        let rows = (0..257).map(|_| Row { pipe: pipe().unwrap().0.into() }).collect();
        let error = remote.call_remote(TakeMany { rows }).await.unwrap_err();
        let full = ArgumentError::Descriptor(SendDescriptorError::Full);
        assert_eq!(error.check(), Some(&full));

        // Those that come after them have the right numbers.
        let (heard, to) = pipe()?;
        let text = "hello".to_owned();
        remote.call_remote(Tell { to: to.into(), backwards: None, text }).await?;
        assert_eq!(all(heard), "hello");
        Ok(())
    });
}

#[derive(Serialize, Deserialize)]
struct TakeMany {
    rows: Vec<Row>,
}

impl Command for TakeMany {
    const NAME: &str = "TakeMany";
    type Response = ();
    type Error = NoError;
}

#[test]
fn a_list_of_descriptors_is_refused_where_it_comes() {
    let refused = AmpBox::from([("list", "\0\x010")]).to_value::<Several>().unwrap_err();
    assert!(refused.to_string().contains("a descriptor in a list"), "{refused}");
}

#[test]
fn too_many_descriptors_that_no_box_names_end_the_connection() {
    run(|reactor| async move {
        let limits = Limits { descriptors: 5, ..Limits::default() };
        let (remote, theirs) = client_of_mute(&reactor, limits).await?;
        let opened = remote.call_remote(Open { names: vec![] });
        let (heard, writer) = pipe()?;
        for _ in 0..6 {
            theirs.send_file_descriptor(writer.try_clone()?)?;
        }
        drop(writer);
        theirs.write(b"\0\x01k\0\x01v"); // no end of a box
        let failure = opened.await.unwrap_err();
        assert_eq!(failure.check(), Some(&TooManyDescriptors { limit: 5 }));
        assert_eq!(all(heard), "", "all of them are closed");
        Ok(())
    });
}

#[test]
fn as_many_as_are_allowed_wait_and_are_closed_with_the_connection() {
    run(|reactor| async move {
        let limits = Limits { descriptors: 5, ..Limits::default() };
        let (remote, theirs) = client_of_mute(&reactor, limits).await?;
        let (heard, writer) = pipe()?;
        for _ in 0..5 {
            theirs.send_file_descriptor(writer.try_clone()?)?;
        }
        drop(writer);
        // The answer to a call that nobody waits for any more takes one.
        let cancelled = remote.call_remote(Open { names: vec![] });
        cancelled.cancel();
        drop(cancelled);
        theirs.write(wire([("_answer", "1"), ("rows", "\0\x04pipe\0\x010\0\0")]));
        let next = remote.call_remote(Open { names: vec![] });
        theirs.write(wire([("_answer", "2"), ("rows", "")]));
        next.await?;
        // So there is room for one more.
        theirs.send_file_descriptor(pipe()?.0)?;
        let opened = remote.call_remote(Open { names: vec![] });
        theirs.write(wire([("_answer", "3"), ("rows", "\0\x04pipe\0\x015\0\0")]));
        assert_eq!(opened.await?.rows.len(), 1);

        let last = remote.call_remote(Open { names: vec![] });
        theirs.abort_connection();
        assert!(last.await.is_err());
        drop(remote);
        assert_eq!(all(heard), "");
        Ok(())
    });
}

#[test]
fn after_a_switch_descriptors_are_closed() {
    #[derive(Serialize, Deserialize)]
    struct BeMute;

    impl Command for BeMute {
        const NAME: &str = "BeMute";
        type Response = ();
        type Error = NoError;
    }

    /// Tells when something comes.
    struct Wait(deferred::Trigger<()>);

    impl Protocol for Wait {
        fn data_received(&mut self, _: &Connection<Self>, _: &[u8]) {
            let _ = self.0.callback(());
        }
    }

    run(|reactor| async move {
        let (remote, theirs) = client_of_mute(&reactor, Limits::default()).await?;
        let (came, trigger) = Deferred::new();
        let switched = remote.call_remote_switch(BeMute, move |_| Wait(trigger));
        let (heard, writer) = pipe()?;
        theirs.send_file_descriptor(writer.try_clone()?)?;
        theirs.write(wire([("_answer", "1")]));
        switched.await?;
        theirs.send_file_descriptor(writer)?;
        theirs.write("x");
        came.await?;
        assert_eq!(all(heard), "");
        Ok(())
    });
}

#[test]
fn a_call_from_inside_another_ones_box_keeps_the_numbers_right() {
    thread_local! {
        static REMOTE: RefCell<Option<(AmpTransport, PipeWriter)>> = const { RefCell::new(None) };
        static CALLED: RefCell<Option<Deferred<()>>> = const { RefCell::new(None) };
    }

    /// Calls while it is written.
    #[derive(Deserialize)]
    struct Calling;

    impl Serialize for Calling {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if let Some((remote, to)) = REMOTE.take() {
                let text = "inside".to_owned();
                let told = remote.call_remote(Tell { to: to.into(), backwards: None, text });
                CALLED.set(Some(told));
            }
            serializer.serialize_str("")
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Around {
        to: Descriptor,
        text: Calling,
    }

    impl Command for Around {
        const NAME: &str = "Tell";
        type Response = ();
        type Error = NoError;
    }

    run(|reactor| async move {
        let remote = client_of(&reactor, responders()).await?;
        let ((inner, to_inner), (outer, to)) = (pipe()?, pipe()?);
        REMOTE.set(Some((remote.clone(), to_inner)));
        let around = remote.call_remote(Around { to: to.into(), text: Calling });
        let error = around.await.unwrap_err();
        assert!(error.to_string().contains("around another"), "{error}");
        CALLED.take().unwrap().await?;
        assert_eq!((all(inner).as_str(), all(outer).as_str()), ("inside", ""));
        Ok(())
    });
}

#[test]
fn apart_from_a_connection_there_are_no_descriptors() {
    struct Shown(Descriptor);

    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.serialize(f)
        }
    }

    let (heard, writer) = pipe().unwrap();
    let row = Row { pipe: writer.into() };
    let refused = AmpBox::from_value(&row).unwrap_err();
    assert!(refused.to_string().contains("apart from a connection"), "{refused}");
    let refused = AmpBox::from([("pipe", "0")]).to_value::<Row>().unwrap_err();
    assert!(refused.to_string().contains("apart from a connection"), "{refused}");

    // Other formats do not write them, nor read any; and none is left behind.
    use std::fmt::Write as _;
    let mut text = String::new();
    assert!(write!(text, "{}", Shown(row.pipe)).is_err());
    assert_eq!(all(heard), "");
    let read: Result<Descriptor, ValueError> = Descriptor::deserialize(0_u64.into_deserializer());
    assert!(read.is_err());
    let read: Result<Descriptor, ValueError> = Descriptor::deserialize(().into_deserializer());
    assert!(read.is_err());
}

#[test]
fn a_closing_connection_takes_no_box_with_descriptors() {
    run(|reactor| async move {
        let remote = client_of(&reactor, responders()).await?;
        remote.transport().lose_connection();
        let (heard, to) = pipe()?;
        let told = remote.call_remote(Tell { to: to.into(), backwards: None, text: "x".into() });
        // It fails as any other call does.
        assert!(told.await.unwrap_err().is::<reactor_compat::ConnectionDone>());
        assert_eq!(all(heard), "");
        Ok(())
    });
}
