//! A receiver of lines on a connection, which does what the lines say: it
//! pauses, goes raw and back, sends much, clears and closes. Whatever that is,
//! the same bytes give the same, however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use protocols_fuzz::{cut, plan, relieve};
use reactor_compat::{ConnectionDone, Protocol};
use reactor_compat::testing::StringTransport;

#[derive(Default)]
struct Obedient {
    lines: Vec<Vec<u8>>,
    raw: Vec<u8>,
    missing: usize,
}

impl Protocol<LineTransport> for Obedient {}

impl LineReceiver for Obedient {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.lines.push(line.to_vec());
        match line.first() {
            Some(b'p') => transport.pause_producing(),
            Some(b'l') => transport.lose_connection(),
            Some(b'm') => transport.send_line(vec![b'x'; 70_000]),
            Some(b'r') => {
                self.missing = line.len();
                transport.set_raw_mode();
            }
            _ => {}
        }
    }

    fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
        let (data, rest) = data.split_at(self.missing.min(data.len()));
        self.raw.extend_from_slice(data);
        self.missing -= data.len();
        if self.missing == 0 {
            if rest.len() % 2 == 0 {
                transport.set_line_mode(rest);
            } else {
                transport.set_line_mode(&rest.to_vec());
            }
        }
    }
}

fn run(limit: usize, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>, bool) {
    let lines = Lines::new(Obedient::default()).delimiter(b"\n").max_length(limit);
    let transport = StringTransport::new(lines);
    for piece in pieces {
        transport.data_received(piece);
        relieve(&transport);
        if transport.disconnecting() {
            break;
        }
        let held = transport.inspect(Lines::held).unwrap_or_default();
        assert!(held <= limit, "{held} bytes are held");
    }
    let seen =
        |lines: &Lines<Obedient>| (lines.handler().lines.clone(), lines.handler().raw.clone());
    let (lines, raw) = transport.inspect(seen).unwrap_or_default();
    let disconnecting = transport.disconnecting();
    // A protocol that keeps its own connection lives as long as that does.
    transport.connection_lost(ConnectionDone);
    (lines, raw, disconnecting)
}

fuzz_target!(|data: &[u8]| {
    let Some((limit, sizes, bytes)) = plan(data) else { return };
    assert_eq!(run(limit, &[bytes]), run(limit, &cut(bytes, sizes)));
});
