//! Who owns a connection by the tables in `/proc/net`, after Twisted's
//! `ProcMixinTests`.

use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;

use deferred::testing::failure_result_of;
use deferred::{Deferred, Failure};
use protocols::basic::Lines;
use protocols::ident::{
    End, IdentClient, IdentError, IdentServer, Identity, ProcEntry, proc_lookup,
};
use reactor_compat::{Address, Reactor};

fn v4(bytes: [u8; 4]) -> String {
    format!("{:08X}", u32::from_ne_bytes(bytes))
}

fn line(local: &str, remote: &str, uid: &str, inode: &str) -> String {
    format!(
        "4: {local} {remote} 0A 00000000:00000000 00:00000000 00000000     \
         {uid}        0 {inode} 1 f72a5b80 3000 0 0 2 -1"
    )
}

#[test]
fn a_line_is_read() {
    let local = format!("{}:0019", v4([127, 0, 0, 1]));
    let remote = format!("{}:02FA", v4([1, 2, 3, 4]));
    let entry = ProcEntry::parse(&line(&local, &remote, "0", "10927")).unwrap();
    assert_eq!(entry.local, "127.0.0.1:25".parse().unwrap());
    assert_eq!(entry.remote, "1.2.3.4:762".parse().unwrap());
    assert_eq!(entry.uid, Some(0));
}

#[test]
fn so_is_one_with_long_addresses() {
    let one = [v4([0; 4]), v4([0; 4]), v4([0; 4]), v4([0, 0, 0, 1])].concat();
    let mapped = [v4([0; 4]), v4([0; 4]), v4([0, 0, 255, 255]), v4([1, 2, 3, 4])].concat();
    let (local, remote) = (format!("{one}:0016"), format!("{mapped}:FFFF"));
    let entry = ProcEntry::parse(&line(&local, &remote, "1000", "1")).unwrap();
    assert_eq!(entry.local, "[::1]:22".parse().unwrap());
    assert_eq!(entry.remote, "1.2.3.4:65535".parse().unwrap());
}

/// The kernel shows the connections that nobody has any more as root's.
#[test]
fn what_has_no_socket_has_no_owner() {
    let end = format!("{}:0019", v4([127, 0, 0, 1]));
    assert_eq!(ProcEntry::parse(&line(&end, &end, "0", "0")).unwrap().uid, None);
}

#[test]
fn what_is_no_line_is_none() {
    let end = format!("{}:0019", v4([127, 0, 0, 1]));
    let whole = line(&end, &end, "0", "10927");
    let short: String = whole.split_inclusive(' ').take(5).collect();
    for text in [
        "",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
        &short,
        &line("0100007F", &end, "0", "1"),
        &line("0100007:0019", &end, "0", "1"),
        &line("0100007G:0019", &end, "0", "1"),
        &line("0100007F:10019", &end, "0", "1"),
        &line("é00007F:0019", &end, "0", "1"),
        &line(&format!("{}é:0019", "0".repeat(30)), &end, "0", "1"),
        &line(&end, &end, "-1", "1"),
        &line(&end, &end, "0", "x"),
    ] {
        assert_eq!(ProcEntry::parse(text), None, "{text}");
    }
}

#[test]
fn what_has_no_address_is_nobodys() {
    let lookup = proc_lookup(&Reactor::new());
    let end = End { host: Address::Pipe, port: 1 };
    assert_eq!(failure_result_of(lookup(&end, &end)).check(), Some(&IdentError::NoUser));
}

/// Asks a server about the connection on which it asks, as it is or with
/// another port, and stops the reactor.
fn ask(interface: &str, ask_about: fn(u16) -> u16) -> Result<Identity, Failure> {
    type Answer = Rc<RefCell<Option<Result<Identity, Failure>>>>;
    let (reactor, answer) = (Reactor::new(), Answer::default());
    let lookup = proc_lookup(&reactor);
    let serve = move |_: Address| {
        let lookup = lookup.clone();
        Lines::new(IdentServer::new(move |ours: &End, theirs: &End| lookup(ours, theirs)))
    };
    let port = reactor.listen_tcp((interface, 0), serve).unwrap();
    let number = port.get_host().port().unwrap();
    let client = reactor.connect_tcp((interface, number), |_| Lines::new(IdentClient::default()));
    let (heard, stop) = (answer.clone(), reactor.clone());
    let asked = client.when_connected().add_callback(move |lines| -> Deferred<Identity> {
        let ours = ask_about(lines.get_host().port().unwrap());
        lines.project(Lines::handler_mut).call(move |client, _| client.lookup(number, ours))
    });
    drop(asked.add_both(move |result| {
        heard.replace(Some(result));
        Ok(stop.stop()?)
    }));
    reactor.run().unwrap();
    answer.take().unwrap()
}

/// What the system says that we are called, if we have a name.
fn me() -> Option<String> {
    let id = Command::new("id").arg("-un").output().unwrap();
    id.status.success().then(|| String::from_utf8(id.stdout).unwrap().trim().to_owned())
}

#[test]
fn our_own_connections_are_ours() {
    let found = ask("127.0.0.1", |port| port);
    match me() {
        Some(name) => assert_eq!(found.unwrap(), Identity::new("LINUX", name)),
        None => assert_eq!(found.unwrap_err().check(), Some(&IdentError::NoUser)),
    }
}

#[test]
fn what_does_not_exist_is_nobodys() {
    let found = ask("127.0.0.1", |port| port ^ 1);
    assert_eq!(found.unwrap_err().check(), Some(&IdentError::NoUser));
}
