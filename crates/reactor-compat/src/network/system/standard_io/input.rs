//! Standard input, read by a thread.

use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::io::ReadBuf;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::byte_queue::ByteQueue;

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// Standard input. The thread reads one piece ahead, and waits.
pub(super) struct Input {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: ByteQueue,
    /// The thread ends when this is closed, though nothing comes.
    #[cfg(unix)]
    _wanted: OwnedFd,
}

impl Input {
    pub(super) fn start() -> io::Result<Self> {
        let (sender, pieces) = channel(1);
        #[cfg(unix)]
        let (unwanted, wanted) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        thread::Builder::new().name("standard input".to_owned()).spawn(move || {
            #[cfg(unix)]
            read_all(&sender, || read_when_ready(&unwanted));
            #[cfg(not(unix))]
            read_all(&sender, read_some);
        })?;
        Ok(Self {
            pieces,
            piece: ByteQueue::default(),
            #[cfg(unix)]
            _wanted: wanted,
        })
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.piece.is_empty() {
            match ready!(self.pieces.poll_recv(cx)) {
                Some(piece) => self.piece = ByteQueue::with_memory(piece?),
                None => return Poll::Ready(Ok(())),
            }
        }
        let rest = self.piece.as_slice();
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.piece.consume(count);
        Poll::Ready(Ok(()))
    }
}

/// Reads until there is an end, an error, or nobody who wants it.
fn read_all(sender: &Sender<io::Result<Vec<u8>>>, mut read: impl FnMut() -> io::Result<Vec<u8>>) {
    loop {
        let piece = match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            piece => piece,
        };
        let over = piece.as_ref().map_or(true, Vec::is_empty);
        if matches!(&piece, Ok(data) if data.is_empty()) || sender.blocking_send(piece).is_err() {
            return;
        }
        if over {
            return;
        }
    }
}

/// Reads, once there is something; nothing at the end, or when it is unwanted.
#[cfg(unix)]
fn read_when_ready(unwanted: &OwnedFd) -> io::Result<Vec<u8>> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::stdio::stdin;

    let input = stdin();
    let mut ready = [PollFd::new(&input, PollFlags::IN), PollFd::new(unwanted, PollFlags::IN)];
    poll(&mut ready, None)?;
    if !ready[1].revents().is_empty() {
        return Ok(Vec::new());
    }
    let mut piece = vec![0; PIECE];
    match rustix::io::read(stdin(), &mut piece) {
        Ok(count) => {
            piece.truncate(count);
            Ok(piece)
        }
        // Somebody who shares it has made it so.
        Err(rustix::io::Errno::AGAIN) => Err(io::ErrorKind::Interrupted.into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn read_some() -> io::Result<Vec<u8>> {
    use std::io::Read;

    let mut piece = vec![0; PIECE];
    let count = io::stdin().lock().read(&mut piece)?;
    piece.truncate(count);
    Ok(piece)
}

/// Whoever writes into the pipe hears that nobody reads it any more.
#[cfg(unix)]
impl Drop for Input {
    fn drop(&mut self) {
        super::output::let_go_of_pipe(rustix::stdio::stdin(), |null| {
            rustix::stdio::dup2_stdin(null)
        });
    }
}
