//! Family `framing`: what a receiver makes of a stream of bytes cut into
//! chunks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use protocols::basic::{
    Format, FramedTransport, Int8Strings, Int16Strings, Int32Strings, LineConnection, LineReceiver,
    LineTransport, Lines, Netstrings, StringConnection, StringReceiver, Strings,
};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Protocol, Transport};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::error::ProgramError;
use crate::program::{Reply, Trace};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Framing {
    class: Class,
    delimiter: Option<Bytes>,
    max_length: Option<usize>,
    raw_size: Option<usize>,
    #[serde(default)]
    plan: BTreeMap<usize, Reaction>,
    chunks: Vec<Chunk>,
}

#[derive(Clone, Copy, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "they are called so in the programs")]
enum Class {
    LineReceiver,
    LineOnlyReceiver,
    NetstringReceiver,
    Int8StringReceiver,
    Int16StringReceiver,
    Int32StringReceiver,
}

/// Bytes, written in hexadecimal.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
struct Bytes(Vec<u8>);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let odd = || format!("not hexadecimal: {text}");
        let pair = |at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        (0..text.len()).step_by(2).map(pair).collect::<Option<_>>().map(Self).ok_or_else(odd)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
enum Chunk {
    Resume,
    Data(Bytes),
}

impl TryFrom<String> for Chunk {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "resume" { Ok(Self::Resume) } else { Bytes::try_from(text).map(Self::Data) }
    }
}

/// What the program does at a line or a string; a key that is there counts,
/// whatever its value.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reaction {
    send: Option<Bytes>,
    pause: Option<Json>,
    lose: Option<Json>,
    raw: Option<Json>,
    take: Option<usize>,
}

/// The handler of all receivers.
struct Handler {
    plan: BTreeMap<usize, Reaction>,
    count: usize,
    raw: usize,
    raw_size: usize,
    trace: Rc<RefCell<Trace>>,
}

impl Handler {
    fn emit(&self, event: Json) {
        self.trace.borrow_mut().push(event);
    }

    /// Does what the plan says about this line or string.
    fn react(&mut self, transport: &Transport, send: impl FnOnce(&[u8])) -> Option<Reaction> {
        let reaction = self.plan.get(&self.count).cloned();
        self.count += 1;
        let reaction = reaction?;
        if let Some(Bytes(data)) = &reaction.send {
            send(data);
        }
        if reaction.pause.is_some() && !transport.disconnecting() {
            transport.pause_producing();
        }
        if reaction.lose.is_some() {
            transport.lose_connection();
        }
        Some(reaction)
    }

    /// Adjacent raw data is one event.
    fn emit_raw(&self, data: &[u8]) {
        let mut trace = self.trace.borrow_mut();
        if let Some([kind, text]) =
            trace.last_mut().and_then(Json::as_array_mut).map(Vec::as_mut_slice)
            && kind == "raw"
        {
            *text = json!(text.as_str().unwrap_or_default().to_owned() + &hex(data));
        } else {
            trace.push(json!(["raw", hex(data)]));
        }
    }
}

impl Protocol<LineTransport> for Handler {}

impl LineReceiver for Handler {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.emit(json!(["line", hex(line)]));
        let reaction = self.react(transport, |data| transport.send_line(data));
        if reaction.is_some_and(|reaction| reaction.raw.is_some()) {
            transport.set_raw_mode();
        }
    }

    fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
        let (data, rest) = data.split_at(data.len().min(self.raw_size - self.raw));
        self.raw += data.len();
        self.emit_raw(data);
        if self.raw == self.raw_size {
            self.raw = 0;
            self.emit(json!(["line_mode"]));
            transport.set_line_mode(rest);
        }
    }

    fn line_length_exceeded(&mut self, transport: &LineConnection<Self>, _line: &[u8]) {
        self.emit(json!(["line_too_long"]));
        transport.lose_connection();
    }
}

impl Protocol<FramedTransport> for Handler {}

impl StringReceiver for Handler {
    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        self.emit(json!(["string", hex(string)]));
        let reaction = self.react(transport, |data| {
            // The programs send what can be sent.
            let _ = transport.send_string(data);
        });
        if let Some(count) = reaction.and_then(|reaction| reaction.take) {
            let (framed, trace) = (transport.transport().clone(), self.trace.clone());
            transport.clear_buffer().add_callback(move |rest| {
                trace.borrow_mut().push(json!(["rest", hex(&rest)]));
                framed.set_buffer(rest.get(count..).unwrap_or_default());
            });
        }
    }

    fn length_limit_exceeded(&mut self, transport: &StringConnection<Self>, length: usize) {
        self.emit(json!(["string_too_long", length]));
        if self.plan.get(&self.count).is_some_and(|reaction| reaction.take.is_some()) {
            let trace = self.trace.clone();
            transport.clear_buffer().add_callback(move |rest| {
                trace.borrow_mut().push(json!(["rest", hex(&rest)]));
            });
        }
        transport.lose_connection();
    }
}

/// Runs one program.
pub(crate) fn run(body: Json) -> Result<Reply, ProgramError> {
    let program: Framing = serde_json::from_value(body).map_err(ProgramError::Malformed)?;
    let trace = Rc::default();
    let handler = Handler {
        plan: program.plan.clone(),
        count: 0,
        raw: 0,
        raw_size: program.raw_size.unwrap_or_default(),
        trace: Rc::clone(&trace),
    };
    match program.class {
        Class::LineReceiver => feed(&program, &trace, lines(&program, Lines::new(handler))),
        Class::LineOnlyReceiver => feed(&program, &trace, lines(&program, Lines::only(handler))),
        Class::NetstringReceiver => {
            feed(&program, &trace, strings(&program, Netstrings::new(handler)));
        }
        Class::Int8StringReceiver => {
            feed(&program, &trace, strings(&program, Int8Strings::new(handler)));
        }
        Class::Int16StringReceiver => {
            feed(&program, &trace, strings(&program, Int16Strings::new(handler)));
        }
        Class::Int32StringReceiver => {
            feed(&program, &trace, strings(&program, Int32Strings::new(handler)));
        }
    }
    Ok(Reply::Trace(trace.take()))
}

fn lines(program: &Framing, lines: Lines<Handler>) -> Lines<Handler> {
    let lines = match &program.delimiter {
        Some(Bytes(delimiter)) => lines.delimiter(delimiter),
        None => lines,
    };
    match program.max_length {
        Some(max_length) => lines.max_length(max_length),
        None => lines,
    }
}

fn strings<F: Format>(program: &Framing, strings: Strings<F, Handler>) -> Strings<F, Handler> {
    match program.max_length {
        Some(max_length) => strings.max_length(max_length),
        None => strings,
    }
}

/// Feeds the chunks to a receiver until it asks to lose the connection.
fn feed<P: Protocol>(program: &Framing, trace: &RefCell<Trace>, receiver: P) {
    let transport = StringTransport::new(receiver);
    let emit = |event| trace.borrow_mut().push(event);
    for chunk in &program.chunks {
        if transport.disconnecting() {
            break;
        }
        match chunk {
            Chunk::Resume if !transport.paused() => {}
            Chunk::Resume => {
                emit(json!(["resume"]));
                transport.resume_producing();
            }
            Chunk::Data(Bytes(data)) => transport.data_received(data),
        }
    }
    emit(json!(["written", hex(&transport.take_value())]));
    emit(json!(["disconnecting", transport.disconnecting()]));
}
