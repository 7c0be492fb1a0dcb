//! File descriptors of any kind, as `twisted.internet.test.test_fdset` asks of
//! Twisted's; on real pipes, sockets, event counters and terminals.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use crate::support::{drive, turns, until};
use deferred::{Failure, Panic};
use reactor_compat::log::LogCapture;
use reactor_compat::{
    ConnectionDone, ConnectionLost, FileDescriptor, Reactor, ReadDescriptor, WriteDescriptor,
};

type Work = Box<dyn Fn(&Descriptor) -> Result<(), Failure>>;

/// A descriptor that counts what happens to it, and does what it is told.
struct Descriptor {
    fd: OwnedFd,
    reads: Cell<u32>,
    writes: Cell<u32>,
    lost: RefCell<Vec<Failure>>,
    on_read: Work,
    on_write: Work,
}

impl Descriptor {
    fn new(fd: impl Into<OwnedFd>) -> Self {
        Self {
            fd: fd.into(),
            reads: Cell::new(0),
            writes: Cell::new(0),
            lost: RefCell::default(),
            on_read: Box::new(|_| Ok(())),
            on_write: Box::new(|_| Ok(())),
        }
    }

    fn read(mut self, work: impl Fn(&Self) -> Result<(), Failure> + 'static) -> Self {
        self.on_read = Box::new(work);
        self
    }

    fn write(mut self, work: impl Fn(&Self) -> Result<(), Failure> + 'static) -> Self {
        self.on_write = Box::new(work);
        self
    }

    /// Reads one byte.
    fn take(&self) -> usize {
        File::from(self.fd.try_clone().unwrap()).read(&mut [0]).unwrap()
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl FileDescriptor for Descriptor {
    fn connection_lost(&self, reason: Failure) {
        self.lost.borrow_mut().push(reason);
    }

    fn log_prefix(&self) -> String {
        "Descriptor".to_owned()
    }
}

impl ReadDescriptor for Descriptor {
    fn do_read(&self) -> Result<(), Failure> {
        self.reads.set(self.reads.get() + 1);
        (self.on_read)(self)
    }
}

impl WriteDescriptor for Descriptor {
    fn do_write(&self) -> Result<(), Failure> {
        self.writes.set(self.writes.get() + 1);
        (self.on_write)(self)
    }
}

fn pipe_with(data: &[u8]) -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    writer.write_all(data).unwrap();
    (reader, writer)
}

#[test]
fn a_reader_is_called_as_long_as_there_is_more() {
    drive(|reactor| async move {
        let (pipe, mut writer) = pipe_with(b"abc");
        let reader = Rc::new(Descriptor::new(pipe).read(|this| {
            this.take();
            Ok(())
        }));
        reactor.add_reader(reader.clone());
        assert_eq!(reader.reads.get(), 0, "nothing is called inside of add_reader");
        until(|| reader.reads.get() == 3).await;
        turns(5).await;
        assert_eq!(reader.reads.get(), 3, "there is no more");
        writer.write_all(b"d").unwrap();
        until(|| reader.reads.get() == 4).await;
    });
}

#[test]
fn one_that_does_not_read_is_called_once_a_turn_and_others_as_well() {
    drive(|reactor| async move {
        let (pipe, _writer) = pipe_with(b"abc");
        let lazy = Rc::new(Descriptor::new(pipe));
        reactor.add_reader(lazy.clone());
        until(|| lazy.reads.get() >= 10).await;
        reactor.remove_reader(&*lazy);
        let before = lazy.reads.get();
        turns(5).await;
        assert_eq!(lazy.reads.get(), before);
    });
}

#[test]
fn what_was_removed_is_not_called() {
    drive(|reactor| async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let both = Rc::new(Descriptor::new(ours));
        reactor.add_reader(both.clone());
        reactor.add_writer(both.clone());
        theirs.write_all(b"x").unwrap();
        reactor.remove_reader(&*both);
        reactor.remove_writer(&*both);
        turns(5).await;
        assert_eq!((both.reads.get(), both.writes.get()), (0, 0));
        assert!(both.lost.borrow().is_empty());
        reactor.remove_reader(&*both);
        reactor.remove_writer(&*both);
    });
}

#[test]
fn a_writer_is_called_until_it_is_removed_by_itself() {
    drive(|reactor| async move {
        let (_reader, pipe) = pipe().unwrap();
        let inner = reactor.clone();
        let writer = Rc::new(Descriptor::new(pipe).write(move |this| {
            if this.writes.get() == 3 {
                inner.remove_writer(this);
            }
            Ok(())
        }));
        reactor.add_writer(writer.clone());
        until(|| reactor.get_writers().is_empty()).await;
        turns(5).await;
        assert_eq!(writer.writes.get(), 3);
    });
}

#[test]
fn a_writer_waits_for_room() {
    drive(|reactor| async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let sender = Rc::new(Descriptor::new(ours).write(|this| {
            // What does not fit is no matter here.
            let _ = UnixStream::from(this.fd.try_clone()?).write_all(&[0; 65_536]);
            Ok(())
        }));
        reactor.add_writer(sender.clone());
        until(|| sender.writes.get() > 0).await;
        // More than enough to fill it.
        turns(50).await;
        let before = sender.writes.get();
        turns(10).await;
        assert_eq!(sender.writes.get(), before);
        theirs.set_nonblocking(true).unwrap();
        while theirs.read(&mut [0; 65_536]).is_ok() {}
        until(|| sender.writes.get() > before).await;
    });
}

#[test]
fn readers_and_writers_can_be_asked_for() {
    let reactor = Reactor::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (ours, theirs) = (Rc::new(Descriptor::new(ours)), Rc::new(Descriptor::new(theirs)));
    let reads = |one: &Rc<Descriptor>| {
        let address: *const Descriptor = Rc::as_ptr(one);
        reactor.get_readers().iter().any(|reader| std::ptr::addr_eq(Rc::as_ptr(reader), address))
    };
    assert!(!reads(&ours) && !reads(&theirs));
    reactor.add_reader(ours.clone());
    reactor.add_reader(ours.clone());
    assert!(reads(&ours) && !reads(&theirs));
    assert_eq!((reactor.get_readers().len(), reactor.get_writers().len()), (1, 0));
    reactor.add_writer(ours.clone());
    reactor.add_writer(theirs.clone());
    assert_eq!((reactor.get_readers().len(), reactor.get_writers().len()), (1, 2));

    let open = reactor.inventory().descriptors;
    assert_eq!(open.len(), 2);
    assert!(open.iter().any(|one| one.reading && one.writing && one.name == "Descriptor"));
    assert!(reactor.inventory().to_string().contains("descriptor Descriptor, reading"));

    reactor.remove_reader(&*ours);
    assert!(!reads(&ours));
    assert_eq!(reactor.get_writers().len(), 2);
}

#[test]
fn all_can_be_removed_and_are_given_back() {
    drive(|reactor| async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"x").unwrap();
        let both = Rc::new(Descriptor::new(ours));
        reactor.add_reader(both.clone());
        reactor.add_writer(both.clone());
        let removed = reactor.remove_all();
        assert_eq!(removed.len(), 1);
        assert!(std::ptr::addr_eq(Rc::as_ptr(&removed[0]), Rc::as_ptr(&both)));
        turns(5).await;
        assert_eq!((both.reads.get(), both.writes.get()), (0, 0));
        assert!(reactor.get_readers().is_empty() && reactor.get_writers().is_empty());
        // Once removed nobody holds it, and it can come back.
        drop(removed);
        turns(2).await;
        assert_eq!(Rc::strong_count(&both), 1);
        reactor.add_reader(both.clone());
        until(|| both.reads.get() > 0).await;
    });
}

#[test]
fn a_callback_may_remove_itself_and_another() {
    drive(|reactor| async move {
        let (first, _keep) = pipe_with(b"x");
        let (second, _keep_too) = pipe_with(b"x");
        let make = |pipe: PipeReader| {
            let inner = reactor.clone();
            Rc::new(Descriptor::new(pipe).read(move |this| {
                inner.remove_reader(this);
                for reader in inner.get_readers() {
                    inner.remove_reader(&*reader);
                }
                Ok(())
            }))
        };
        let (first, second) = (make(first), make(second));
        reactor.add_reader(first.clone());
        reactor.add_reader(second.clone());
        until(|| reactor.get_readers().is_empty()).await;
        turns(5).await;
        assert_eq!(first.reads.get() + second.reads.get(), 1);
    });
}

#[test]
fn one_that_removes_itself_and_is_added_again_goes_on() {
    drive(|reactor| async move {
        let (pipe, _writer) = pipe_with(b"abc");
        let me = Rc::new(RefCell::new(None::<Rc<Descriptor>>));
        let (inner, itself) = (reactor.clone(), me.clone());
        let reader = Rc::new(Descriptor::new(pipe).read(move |this| {
            this.take();
            inner.remove_reader(this);
            let again = itself.borrow().clone();
            inner.add_reader(again.unwrap());
            Ok(())
        }));
        me.replace(Some(reader.clone()));
        reactor.add_reader(reader.clone());
        until(|| reader.reads.get() == 3).await;
        reactor.remove_all();
        me.take();
    });
}

#[test]
fn an_error_removes_it_and_is_its_reason() {
    drive(|reactor| async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"x").unwrap();
        let both = Rc::new(Descriptor::new(ours).read(|_| Err(Failure::new(std::fmt::Error))));
        reactor.add_reader(both.clone());
        reactor.add_writer(both.clone());
        until(|| !both.lost.borrow().is_empty()).await;
        turns(5).await;
        let lost = both.lost.take();
        assert!(lost.len() == 1 && lost[0].is::<std::fmt::Error>());
        assert_eq!((both.reads.get(), both.writes.get()), (1, 0), "reading goes first");
        assert!(reactor.get_writers().is_empty());
    });
}

#[test]
fn a_panic_is_logged_and_removes_it() {
    drive(|reactor| async move {
        let log = LogCapture::start();
        let (pipe, _writer) = pipe_with(b"x");
        let reader = Rc::new(Descriptor::new(pipe).read(|_| panic!("on purpose")));
        reactor.add_reader(reader.clone());
        until(|| !reader.lost.borrow().is_empty()).await;
        assert!(reader.lost.borrow()[0].is::<Panic>());
        assert_eq!(log.events()[0].system(), "Descriptor");
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 1);
    });
}

#[test]
fn what_was_written_before_the_end_is_read_first() {
    drive(|reactor| async move {
        let (pipe, writer) = pipe_with(b"ab");
        drop(writer);
        let reader = Rc::new(Descriptor::new(pipe).read(|this| {
            assert_eq!(this.take(), 1);
            Ok(())
        }));
        reactor.add_reader(reader.clone());
        until(|| !reader.lost.borrow().is_empty()).await;
        assert_eq!(reader.reads.get(), 2);
        assert!(reader.lost.borrow()[0].is::<ConnectionDone>());
    });
}

#[test]
fn a_writer_whose_reader_is_gone_is_lost() {
    drive(|reactor| async move {
        let (reader, pipe) = pipe().unwrap();
        let writer = Rc::new(Descriptor::new(pipe).write(|this| {
            let mut pipe = PipeWriter::from(this.fd.try_clone()?);
            Ok(pipe.write_all(&[0; 65_536])?)
        }));
        reactor.add_writer(writer.clone());
        until(|| writer.writes.get() == 1).await;
        drop(reader);
        until(|| !writer.lost.borrow().is_empty()).await;
        turns(3).await;
        assert_eq!(writer.lost.borrow().len(), 1);
        assert!(reactor.get_writers().is_empty());
    });
}

#[test]
fn each_is_told_once_that_the_reactor_stops() {
    let reactor = Reactor::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (ours, theirs) = (Rc::new(Descriptor::new(ours)), Rc::new(Descriptor::new(theirs)));
    reactor.add_reader(ours.clone());
    reactor.add_reader(theirs.clone());
    reactor.add_writer(theirs.clone());
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    for one in [ours, theirs] {
        let lost = one.lost.take();
        assert!(lost.len() == 1 && lost[0].is::<ConnectionLost>());
    }
    assert!(reactor.get_readers().is_empty() && reactor.get_writers().is_empty());
}

#[test]
fn a_crash_tells_them_too() {
    let reactor = Reactor::new();
    let (pipe, _writer) = pipe_with(b"");
    let idle = Rc::new(Descriptor::new(pipe));
    reactor.add_reader(idle.clone());
    let crash = reactor.clone();
    reactor.call_when_running(move || {
        tokio::task::spawn_local(async move {
            turns(3).await;
            crash.crash().unwrap();
        });
    });
    reactor.run().unwrap();
    assert!(idle.lost.borrow()[0].is::<ConnectionLost>());
}

#[test]
fn nothing_is_kept_by_a_reactor_that_never_ran() {
    let (pipe, _writer) = pipe_with(b"x");
    let idle = Rc::new(Descriptor::new(pipe));
    let reactor = Reactor::new();
    reactor.add_reader(idle.clone());
    drop(reactor);
    assert_eq!(Rc::strong_count(&idle), 1);
    assert!(idle.lost.borrow().is_empty());
}

#[test]
fn one_descriptor_may_be_that_of_two_objects() {
    drive(|reactor| async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let reader = Rc::new(Descriptor::new(ours.try_clone().unwrap()).read(|this| {
            this.take();
            Ok(())
        }));
        let writer = Rc::new(Descriptor::new(ours));
        reactor.add_reader(reader.clone());
        reactor.add_writer(writer.clone());
        theirs.write_all(b"x").unwrap();
        until(|| reader.reads.get() == 1 && writer.writes.get() > 1).await;
        assert_eq!(reader.writes.get() + writer.reads.get(), 0);
    });
}

#[test]
fn files_are_always_ready() {
    drive(|reactor| async move {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"x").unwrap();
        let reader = Rc::new(Descriptor::new(file));
        reactor.add_reader(reader.clone());
        until(|| reader.reads.get() > 2).await;
        reactor.remove_reader(&*reader);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn event_counters_and_terminals_work_alike() {
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    drive(|reactor| async move {
        let counter = eventfd(0, EventfdFlags::NONBLOCK).unwrap();
        let mut signal = File::from(counter.try_clone().unwrap());
        let reader = Rc::new(Descriptor::new(counter).read(|this| {
            let mut count = [0; 8];
            File::from(this.fd.try_clone()?).read_exact(&mut count)?;
            assert_eq!(u64::from_ne_bytes(count), 7);
            Ok(())
        }));
        reactor.add_reader(reader.clone());
        turns(3).await;
        assert_eq!(reader.reads.get(), 0);
        signal.write_all(&7_u64.to_ne_bytes()).unwrap();
        until(|| reader.reads.get() == 1).await;

        let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&control).unwrap();
        unlockpt(&control).unwrap();
        let name = ptsname(&control, Vec::new()).unwrap();
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let line = Rc::new(Descriptor::new(terminal).read(|this| {
            let mut buffer = [0; 16];
            let count = File::from(this.fd.try_clone()?).read(&mut buffer)?;
            assert_eq!(&buffer[..count], b"line\n");
            Ok(())
        }));
        reactor.add_reader(line.clone());
        File::from(control.try_clone().unwrap()).write_all(b"line\n").unwrap();
        until(|| line.reads.get() == 1).await;
    });
}
