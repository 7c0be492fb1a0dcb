//! A finger server, after Twisted's `test_finger`.

use protocols::basic::Lines;
use protocols::finger::{Denied, Finger, FingerHandler};
use reactor_compat::Transport;
use reactor_compat::testing::StringTransport;

fn ask(query: &[u8]) -> Vec<u8> {
    let transport = StringTransport::new(Lines::new(Finger::new(Denied)));
    transport.data_received(query);
    assert!(transport.disconnecting());
    transport.take_value()
}

#[test]
fn a_user_is_not_known() {
    assert_eq!(ask(b"moshez\r\n"), b"Login: moshez\nNo such user\n");
    assert_eq!(ask(b"/w moshez\r\n"), b"Login: moshez\nNo such user\n");
}

#[test]
fn the_list_of_users_is_denied() {
    assert_eq!(ask(b"\r\n"), b"Finger online list denied\n");
    assert_eq!(ask(b"  \t\r\n"), b"Finger online list denied\n");
}

#[test]
fn forwarding_is_denied() {
    assert_eq!(ask(b"moshez@example.com\r\n"), b"Finger forwarding service denied\n");
}

#[test]
fn a_handler_gets_what_was_asked() {
    struct Tell;
    impl FingerHandler for Tell {
        fn forward_query(
            &mut self,
            transport: &Transport,
            verbose: bool,
            user: &[u8],
            host: &[u8],
        ) {
            let (user, host) = (String::from_utf8_lossy(user), String::from_utf8_lossy(host));
            transport.write(format!("{user} at {host}, {verbose}\n"));
        }
        fn get_domain(&mut self, transport: &Transport, verbose: bool) {
            transport.write(format!("all, {verbose}\n"));
        }
    }
    let transport = StringTransport::new(Lines::new(Finger::new(Tell)));
    transport.data_received(b"/W ada@one@two\r\nbob@three\r\n\r\n");
    assert_eq!(transport.take_value(), b"ada@one at two, true\nbob at three, false\nall, false\n");
}
