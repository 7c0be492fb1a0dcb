//! The servers that an expert writes by hand on Tokio.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::thread;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use crate::server::{CALLERS, CHUNK, Role};

/// What is read into.
#[derive(Clone, Copy)]
pub(crate) enum Buffers {
    /// 8 KiB for each connection.
    Own,
    /// One of 64 KiB for all.
    Shared,
}

pub(crate) fn serve(role: Role, buffers: Buffers) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        rustix::net::listen(&listener, 1024)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        println!("{}", listener.local_addr()?.port());
        if role == Role::Flooded {
            flood();
        }
        loop {
            let (stream, _) = listener.accept().await?;
            // Else what is sent in pieces would wait for the peer's word.
            stream.set_nodelay(true)?;
            match (role, buffers) {
                (Role::Echo | Role::Flooded, Buffers::Own) => drop(spawn_local(echo(stream))),
                (Role::Echo | Role::Flooded, Buffers::Shared) => {
                    drop(spawn_local(echo_shared(stream)))
                }
                (Role::Sink, Buffers::Own) => drop(spawn_local(sink(stream))),
                (Role::Sink, Buffers::Shared) => drop(spawn_local(sink_shared(stream))),
                (Role::Source, _) => drop(spawn_local(source(stream))),
            }
        }
    })
}

/// Starts the threads that send functions without pause, and the task that calls
/// them.
fn flood() {
    let (sender, mut calls) = mpsc::unbounded_channel::<Box<dyn FnOnce() + Send>>();
    spawn_local(async move {
        while let Some(call) = calls.recv().await {
            call();
        }
    });
    for _ in 0..CALLERS {
        let sender = sender.clone();
        thread::spawn(move || while sender.send(Box::new(|| {})).is_ok() {});
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

async fn sink(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 8 * 1024];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn source(mut stream: TcpStream) -> io::Result<()> {
    let data = vec![b'x'; CHUNK];
    loop {
        stream.write_all(&data).await?;
    }
}

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// Reads into the buffer that all share.
async fn read_shared(stream: &mut TcpStream) -> io::Result<usize> {
    poll_fn(|cx| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut room = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut room))?;
            Poll::Ready(Ok(room.filled().len()))
        })
    })
    .await
}

async fn sink_shared(mut stream: TcpStream) -> io::Result<()> {
    while read_shared(&mut stream).await? > 0 {}
    Ok(())
}

/// What of an answer the kernel did not take at once is kept by the task.
async fn echo_shared(mut stream: TcpStream) -> io::Result<()> {
    loop {
        let count = read_shared(&mut stream).await?;
        if count == 0 {
            return Ok(());
        }
        let rest = BUFFER.with_borrow(|buffer| match stream.try_write(&buffer[..count]) {
            Ok(sent) => Ok(buffer[sent..count].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(buffer[..count].to_vec()),
            Err(error) => Err(error),
        })?;
        stream.write_all(&rest).await?;
    }
}
