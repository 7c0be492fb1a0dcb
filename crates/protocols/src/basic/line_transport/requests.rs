//! [`LineRequests`]: what a handler of lines wants done with the bytes not yet parsed.
//!
//! Tested in `tests/framing/receivers.rs`.

use deferred::Trigger;

use crate::basic::LineParser;
use crate::basic::delimiter::Delimiter;
use crate::basic::requested::Requests;

/// Requests of a handler of lines about the bytes not yet parsed.
#[derive(Debug, Default)]
pub(in crate::basic) struct LineRequests {
    /// The bytes that are cleared, before all that follows.
    cleared: Vec<Cleared>,
    /// To go back this many of the bytes that it was lent raw.
    pub(super) unread: usize,
    /// To parse these.
    pub(super) extra: Vec<u8>,
    /// To let lines be this long.
    pub(super) max_length: Option<usize>,
    /// To have lines end with this.
    pub(super) delimiter: Option<Delimiter>,
}

/// The bytes to be cleared: those at hand, and those that were passed on before.
#[derive(Debug)]
struct Cleared {
    unread: usize,
    extra: Vec<u8>,
    to: Trigger<Vec<u8>>,
}

impl LineRequests {
    /// Asks for all bytes to be given to `to`.
    pub(super) fn clear(&mut self, to: Trigger<Vec<u8>>) {
        let (unread, extra) = (std::mem::take(&mut self.unread), std::mem::take(&mut self.extra));
        self.cleared.push(Cleared { unread, extra, to });
    }

    /// Whether bytes are to be parsed that go behind all that has come.
    pub(in crate::basic) fn adds(&self) -> bool {
        !self.extra.is_empty() || self.cleared.iter().any(|cleared| !cleared.extra.is_empty())
    }

    /// Carries them out; `before` is what the input was when the handler was
    /// called.
    pub(in crate::basic) fn carry_out<'a>(
        self,
        parser: &mut LineParser,
        before: &'a [u8],
        input: &mut &'a [u8],
    ) {
        for Cleared { unread, extra, to } in self.cleared {
            put_back(parser, (unread, &extra), before, input);
            // A Deferred that was cancelled wants nothing.
            let _ = to.callback(parser.take_all(input));
        }
        put_back(parser, (self.unread, &self.extra), before, input);
        if let Some(max_length) = self.max_length {
            parser.set_max_length(max_length);
        }
        if let Some(delimiter) = self.delimiter {
            parser.replace_delimiter(delimiter);
        }
    }
}

impl Requests for LineRequests {
    fn give_up(self) {
        for cleared in self.cleared {
            let _ = cleared.to.callback(Vec::new());
        }
    }
}

fn put_back<'a>(
    parser: &mut LineParser,
    (unread, mut extra): (usize, &[u8]),
    before: &'a [u8],
    input: &mut &'a [u8],
) {
    if unread > 0 {
        parser.unread(unread, before, input);
    }
    parser.hold(&mut extra);
}
