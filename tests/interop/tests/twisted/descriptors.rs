//! Descriptors as arguments of AMP, with Twisted's `amp.Descriptor` on the
//! other end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};

use deferred::{Failure, gather_results};
use interop::{Peer, drive, python};
use protocols::amp::{Amp, CallRemote, Command, Descriptor, NoError, Responders};
use reactor_compat::Address;
use serde::{Deserialize, Serialize};

/// Has the other side write to what it gets.
#[derive(Serialize, Deserialize)]
struct Tell {
    to: Descriptor,
    backwards: Option<Descriptor>,
    text: String,
}

impl Command for Tell {
    const NAME: &str = "Tell";
    type Response = ();
    type Error = NoError;
}

/// Asks for pipes from which one can read what they are called.
#[derive(Serialize, Deserialize)]
struct Open {
    names: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Opened {
    rows: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    pipe: Descriptor,
}

impl Command for Open {
    const NAME: &str = "Open";
    type Response = Opened;
    type Error = NoError;
}

fn tell(Tell { to, backwards, text }: Tell) -> Result<(), Failure> {
    PipeWriter::from(to.0).write_all(text.as_bytes())?;
    if let Some(backwards) = backwards {
        PipeWriter::from(backwards.0).write_all(reversed(&text).as_bytes())?;
    }
    Ok(())
}

fn open(Open { names }: Open) -> Result<Opened, Failure> {
    let open = |name: String| {
        let (reader, mut writer) = pipe()?;
        writer.write_all(name.as_bytes())?;
        Ok(Row { pipe: reader.into() })
    };
    Ok(Opened { rows: names.into_iter().map(open).collect::<Result<_, Failure>>()? })
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// What came through a pipe whose other ends are all closed.
fn all(mut reader: PipeReader) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn twisted_sends_us_descriptors_and_gets_ours() {
    let Some(python) = python() else { return };
    let lines = drive(move |reactor| async move {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("socket");
        let responders = Responders::new().function(tell).function(open);
        let serve = move |_: Address| Amp::with_responders(&responders);
        let _port = reactor.listen_unix(&socket, serve)?;
        let endpoint = format!("unix:{}", socket.display());
        let peer = Peer::script(python, "descriptors.py", ["client".to_owned(), endpoint]);
        reactor.defer_to_thread(move || Ok(peer.finish())).await
    });
    assert_eq!(lines, ["100 calls are done"]);
}

#[test]
fn we_send_twisted_descriptors_and_get_its_own() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let endpoint = format!("unix:{}", socket.display());
    let mut peer = Peer::script(python, "descriptors.py", ["server".to_owned(), endpoint]);
    peer.says("listening on");
    drive(move |reactor| async move {
        let connector = reactor.connect_unix(socket, |_: Address| Amp::new());
        let remote = connector.when_connected().await?.remote().await?;
        let (mut told, mut opened, mut pipes) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..50 {
            let ((heard, to), (drawkcab, backwards)) = (pipe()?, pipe()?);
            pipes.push((heard, drawkcab));
            let (to, backwards) = (to.into(), Some(backwards.into()));
            told.push(remote.call_remote(Tell { to, backwards, text: format!("call {number}") }));
            let names = vec![number.to_string(), format!("{number} again")];
            opened.push(remote.call_remote(Open { names }));
        }
        gather_results(told).await?;
        let opened = gather_results(opened).await?;
        for (number, ((heard, drawkcab), Opened { rows })) in
            pipes.into_iter().zip(opened).enumerate()
        {
            let text = format!("call {number}");
            assert_eq!(all(heard), text);
            assert_eq!(all(drawkcab), reversed(&text));
            let names: Vec<_> = rows.into_iter().map(|row| all(row.pipe.0.into())).collect();
            assert_eq!(names, [number.to_string(), format!("{number} again")]);
        }
        Ok(())
    });
}
