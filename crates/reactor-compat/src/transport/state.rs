//! [`State`]: the state of a connection, and what each event makes of it.
//!
//! The whole machine: no I/O, no user code. `docs/transports.md` has the same
//! as a table; the tests below read it there, and go through every pair of a
//! state and an event.
//!
//! ```text
//! close    Open ──lose──▶ Closing ──shut down──▶ Answering ──lost──▶ Lost
//!           │ └───abort──────▼─────────▼──▶ Aborting ──lost──────────▲
//!           └─────stop───────▼─────────▼──▶ Stopping ──lost──────────┘
//! input    Flowing ──pause──▶ Paused ──resume──▶ Interrupted ──told──▶ Flowing
//!           └──refused──────────────────────────────▲     any ──peer ended──▶ Ended
//! output   Open ──end output──▶ Ending ──output shut──▶ Ended
//! sending  Free ◀──release── ──hold──▶ Held
//! switch   None ──push──▶ Draining ──layer in──▶ Opening ──layer open──▶ None
//! ```

/// How far the connection is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Close {
    /// Data flows.
    Open,
    /// To be closed when all has been sent.
    Closing,
    /// All is sent and the stream shut down; the peer's answer is waited for.
    Answering,
    /// To be cut.
    Aborting,
    /// To be cut, because the reactor stops.
    Stopping,
    /// Gone.
    Lost,
}

/// The peer's data: is it wanted, and will there be more?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    Flowing,
    /// By [`pause_producing`](super::Transport::pause_producing).
    Paused,
    /// It was held up, and the protocol is to hear when it goes on.
    Interrupted,
    /// The peer sends no more.
    Ended,
}

/// How far our half is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Output {
    Open,
    /// The written bytes are sent, and then the end.
    Ending,
    /// The peer has been told.
    Ended,
}

/// The written bytes: sent, or kept until they are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sending {
    Free,
    Held,
}

/// A layer that is being put under the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Switch {
    None,
    /// The bytes written before it are being sent as they are.
    Draining,
    /// It is there, and has a conversation of its own first.
    Opening,
}

/// Something that changes the state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// `lose_connection`.
    Lose,
    /// `abort_connection`, or a limit that cuts.
    Abort,
    /// The reactor stops.
    Stop,
    /// `pause_producing`.
    Pause,
    /// `resume_producing`.
    Resume,
    /// Data is not read, and this was asked for.
    Refused,
    /// The protocol heard that reading goes on.
    Told,
    /// The peer sends no more.
    PeerEnded,
    /// `lose_write_connection`.
    EndOutput,
    /// Our half was shut down.
    OutputShut,
    /// `pause_sending`.
    Hold,
    /// `resume_sending`.
    Release,
    /// `push_layer`, `start_tls`.
    Push,
    /// All that was written before the layer is sent, and the layer is in.
    LayerIn,
    /// The layer's own conversation is over.
    LayerOpen,
    /// All is sent, and the stream is shut down.
    ShutDown,
    /// The connection is gone.
    Lost,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) close: Close,
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) sending: Sending,
    pub(crate) switch: Switch,
}

impl State {
    pub(crate) const NEW: Self = Self {
        close: Close::Open,
        input: Input::Flowing,
        output: Output::Open,
        sending: Sending::Free,
        switch: Switch::None,
    };

    /// The state after `event`.
    #[inline]
    pub(crate) fn after(mut self, event: Event) -> Self {
        match event {
            Event::Lose if self.close == Close::Open => self.close = Close::Closing,
            Event::Abort if self.may_be_cut() => self.close = Close::Aborting,
            Event::Stop if self.close != Close::Lost => self.close = Close::Stopping,
            Event::Lost => self.close = Close::Lost,
            Event::ShutDown if self.close == Close::Closing => self.close = Close::Answering,
            Event::Pause if self.input != Input::Ended => self.input = Input::Paused,
            Event::Resume if self.input == Input::Paused => self.input = Input::Interrupted,
            Event::Refused if self.may_be_refused() => self.input = Input::Interrupted,
            Event::Told if self.input == Input::Interrupted => self.input = Input::Flowing,
            Event::PeerEnded => self.input = Input::Ended,
            Event::EndOutput if self.output_is_open() => self.output = Output::Ending,
            Event::OutputShut if self.output == Output::Ending => self.output = Output::Ended,
            Event::Hold => self.sending = Sending::Held,
            Event::Release => self.sending = Sending::Free,
            Event::Push if self.switch == Switch::None => self.switch = Switch::Draining,
            Event::LayerIn if self.switch == Switch::Draining => self.switch = Switch::Opening,
            Event::LayerOpen if self.switch == Switch::Opening => self.switch = Switch::None,
            _ => {}
        }
        self
    }

    fn may_be_cut(self) -> bool {
        matches!(self.close, Close::Open | Close::Closing | Close::Answering)
    }

    fn may_be_refused(self) -> bool {
        self.close == Close::Open && self.input == Input::Flowing
    }

    fn output_is_open(self) -> bool {
        self.close == Close::Open && self.output == Output::Open
    }

    /// Whether the protocol gets what the peer sends, as far as too much unsent
    /// does not speak against it.
    #[inline]
    pub(crate) fn reads(self) -> bool {
        self.close == Close::Open
            && matches!(self.input, Input::Flowing | Input::Interrupted)
            && self.switch == Switch::None
    }

    /// Whether what the peer sends is read and let go: a connection that is
    /// closing has to notice that the peer is gone.
    pub(crate) fn discards(self) -> bool {
        matches!(self.close, Close::Closing | Close::Answering) && self.input != Input::Ended
    }

    /// Whether it still takes what is to be sent; a producer may finish what it
    /// has begun.
    #[inline]
    pub(crate) fn accepts(self, produced: impl FnOnce() -> bool) -> bool {
        match (self.close, self.output) {
            (Close::Open, Output::Open) => true,
            (Close::Closing, Output::Open) | (Close::Open, Output::Ending) => produced(),
            _ => false,
        }
    }

    /// Whether it was told to close, and is not closed yet.
    pub(crate) fn disconnecting(self) -> bool {
        !matches!(self.close, Close::Open | Close::Lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSE: [Close; 6] = [
        Close::Open,
        Close::Closing,
        Close::Answering,
        Close::Aborting,
        Close::Stopping,
        Close::Lost,
    ];
    const INPUT: [Input; 4] = [Input::Flowing, Input::Paused, Input::Interrupted, Input::Ended];
    const OUTPUT: [Output; 3] = [Output::Open, Output::Ending, Output::Ended];
    const SENDING: [Sending; 2] = [Sending::Free, Sending::Held];
    const SWITCH: [Switch; 3] = [Switch::None, Switch::Draining, Switch::Opening];
    const EVENTS: [Event; 17] = [
        Event::Lose,
        Event::Abort,
        Event::Stop,
        Event::Pause,
        Event::Resume,
        Event::Refused,
        Event::Told,
        Event::PeerEnded,
        Event::EndOutput,
        Event::OutputShut,
        Event::Hold,
        Event::Release,
        Event::Push,
        Event::LayerIn,
        Event::LayerOpen,
        Event::ShutDown,
        Event::Lost,
    ];

    fn all() -> impl Iterator<Item = State> {
        CLOSE.into_iter().flat_map(|close| {
            INPUT.into_iter().flat_map(move |input| {
                OUTPUT.into_iter().flat_map(move |output| {
                    SENDING.into_iter().flat_map(move |sending| {
                        SWITCH.map(|switch| State { close, input, output, sending, switch })
                    })
                })
            })
        })
    }

    /// The value of a region, by the name that the page gives it.
    fn value(state: State, region: &str) -> String {
        match region {
            "close" => format!("{:?}", state.close),
            "input" => format!("{:?}", state.input),
            "output" => format!("{:?}", state.output),
            "sending" => format!("{:?}", state.sending),
            "switch" => format!("{:?}", state.switch),
            other => panic!("there is no region {other}"),
        }
    }

    /// A line of the page: what an event makes of a region.
    struct Line {
        event: String,
        region: String,
        from: Vec<String>,
        to: String,
        only_if: Option<(String, String)>,
    }

    fn page() -> Vec<Line> {
        let page = include_str!("../../../../docs/transports.md");
        let table = page.split("<!-- states -->").nth(1).expect("the table of states");
        let cells = |line: &str| -> Vec<String> {
            line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
        };
        let rows = table.lines().filter(|line| line.starts_with('|')).skip(2).map(cells);
        rows.map(|row| {
            let [event, region, from, to, only_if, _] = &row[..] else { panic!("{row:?}") };
            let only_if = only_if.split_once('=');
            Line {
                event: event.clone(),
                region: region.clone(),
                from: from.split(',').map(|one| one.trim().to_owned()).collect(),
                to: to.clone(),
                only_if: only_if.map(|(region, value)| (region.into(), value.into())),
            }
        })
        .collect()
    }

    #[test]
    fn every_pair_of_state_and_event_is_as_the_page_says() {
        let page = page();
        for event in EVENTS {
            let name = format!("{event:?}");
            assert!(page.iter().any(|line| line.event == name), "{name} is not on the page");
            for state in all() {
                let after = state.after(event);
                for region in ["close", "input", "output", "sending", "switch"] {
                    let before = value(state, region);
                    let line = page.iter().find(|line| {
                        let condition = line.only_if.as_ref();
                        line.event == name
                            && line.region == region
                            && line.from.contains(&before)
                            && condition.is_none_or(|(region, is)| value(state, region) == *is)
                    });
                    let expected = line.map_or(before, |line| line.to.clone());
                    assert_eq!(value(after, region), expected, "{state:?} after {name}");
                }
            }
        }
    }

    /// Every state that a connection can come into.
    fn reachable() -> Vec<State> {
        let mut found = vec![State::NEW];
        let mut next = 0;
        while let Some(state) = found.get(next).copied() {
            next += 1;
            for event in EVENTS {
                let after = state.after(event);
                if !found.contains(&after) {
                    found.push(after);
                }
            }
        }
        found
    }

    #[test]
    fn the_end_is_final_and_near() {
        for state in reachable() {
            let lost = state.after(Event::Lost);
            for event in EVENTS {
                assert_eq!(lost.after(event).close, Close::Lost, "{state:?}, {event:?}");
            }
            assert!(!lost.reads() && !lost.discards() && !lost.accepts(|| true));
            // Whatever it was, an abort or a stop leads to the end.
            for cut in [Event::Abort, Event::Stop] {
                let close = state.after(cut).close;
                assert!(matches!(close, Close::Aborting | Close::Stopping | Close::Lost));
            }
        }
    }

    #[test]
    fn what_closes_notices_the_peer_and_hands_over_nothing() {
        for state in reachable().into_iter().filter(|state| state.close == Close::Closing) {
            assert!(!state.reads());
            assert_eq!(state.discards(), state.input != Input::Ended, "{state:?}");
        }
    }

    #[test]
    fn who_is_refused_hears_when_it_goes_on() {
        for state in reachable() {
            let refused = state.after(Event::Refused);
            if refused.reads() && refused != state {
                assert_eq!(refused.input, Input::Interrupted);
                assert!(refused.after(Event::Told).reads());
            }
        }
    }
}
