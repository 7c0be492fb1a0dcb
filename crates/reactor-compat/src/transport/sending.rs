//! Sending: its end, its pauses, and the taps that look at it.

use std::rc::Rc;

use deferred::Deferred;

use super::Transport;
use super::state::{Event, Sending};

impl Transport {
    /// Ends our half of the connection when all that was written has been
    /// sent: the peer reads to its end, and may go on sending.
    ///
    /// Nothing more can be written. The protocol's
    /// [`write_connection_lost`](crate::Protocol::write_connection_lost) is
    /// called when the peer has been told. With a registered producer, that is
    /// once it is unregistered.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write("that is all");
    /// transport.lose_write_connection();
    /// transport.write("too late");
    /// assert!(transport.connected());
    /// assert_eq!(transport.take_value(), b"that is all");
    /// ```
    #[doc(alias = "loseWriteConnection")]
    #[doc(alias = "IHalfCloseableDescriptor")]
    pub fn lose_write_connection(&self) {
        self.link().request(Event::EndOutput);
    }

    /// Waits until no more is unsent than the low-water mark: at once, unless
    /// the high-water mark was passed. For code that writes much in a loop, and
    /// awaits this in between.
    ///
    /// It fails with the reason if the connection is lost first, and with
    /// [`ConnectionGone`](crate::ConnectionGone) if it was lost before.
    ///
    /// ```
    /// use deferred::testing::{assert_no_result, success_result_of};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// let transport = StringTransport::new(Silent);
    /// success_result_of(transport.drain());
    /// transport.write(vec![0; 100_000]);
    /// let drained = transport.drain();
    /// assert_no_result(&drained);
    /// transport.take_value();
    /// success_result_of(drained);
    /// ```
    pub fn drain(&self) -> Deferred<()> {
        self.link().drain()
    }

    /// Keeps what is written until [`resume_sending`](Self::resume_sending).
    /// What piles up counts against the [marks](crate::WaterMarks), and so
    /// holds up whoever writes; a close waits, for no longer than its grace.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.pause_sending();
    /// transport.write("later");
    /// assert_eq!(transport.unsent(), 5);
    /// ```
    #[doc(alias = "throttleWrites")]
    pub fn pause_sending(&self) {
        self.link().request(Event::Hold);
    }

    /// Sends what was kept, and what is written from now on.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.pause_sending();
    /// transport.resume_sending();
    /// assert!(transport.connected());
    /// ```
    #[doc(alias = "unthrottleWrites")]
    pub fn resume_sending(&self) {
        self.link().request(Event::Release);
    }

    /// Whether what is written is sent, and not
    /// [kept](Self::pause_sending).
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.pause_sending();
    /// assert!(!transport.sending());
    /// ```
    pub fn sending(&self) -> bool {
        self.link().state().sending == Sending::Free
    }

    /// How many bytes were written since the connection was made.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write("four");
    /// transport.lose_connection();
    /// transport.write("not any more");
    /// assert_eq!(transport.written(), 4);
    /// ```
    pub fn written(&self) -> u64 {
        self.link().written()
    }

    /// Shows `tap` all that is written from now on, as it is written: for logs
    /// of traffic, and for accounts of it. Several may look; the last to come
    /// is the first to see.
    ///
    /// # Re-entrancy
    ///
    /// It is called from inside [`write`](Self::write), before the data is
    /// taken, and may write itself: that goes out first, and is shown, too.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # use std::{cell::RefCell, rc::Rc};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// let log = Rc::new(RefCell::new(Vec::new()));
    /// let seen = log.clone();
    /// transport.tap_writes(move |data| seen.borrow_mut().push(data.len()));
    /// transport.write("four");
    /// assert_eq!(*log.borrow(), [4]);
    /// ```
    pub fn tap_writes(&self, tap: impl Fn(&[u8]) + 'static) {
        self.link().set_tap(Rc::new(tap));
    }
}
