//! Where the load comes from: a runtime of its own, on the other core.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};

fn block_on<R>(future: impl Future<Output = R>) -> io::Result<R> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    Ok(runtime.block_on(future))
}

/// How many echoes there were, and how long it took.
pub(crate) fn echo(
    server: SocketAddr,
    connections: usize,
    size: usize,
    time: Duration,
) -> io::Result<(u64, f64)> {
    block_on(async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(server).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let count = Rc::new(Cell::new(0));
        let begin = Instant::now();
        let end = begin + time;
        let tasks: Vec<_> = streams
            .into_iter()
            .map(|stream| tokio::task::spawn_local(ping(stream, size, end, count.clone())))
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok((count.get(), begin.elapsed().as_secs_f64()))
    })?
}

async fn ping(
    mut stream: TcpStream,
    size: usize,
    end: Instant,
    count: Rc<Cell<u64>>,
) -> io::Result<()> {
    let message = vec![b'x'; size];
    let mut answer = vec![0; size];
    while Instant::now() < end {
        stream.write_all(&message).await?;
        stream.read_exact(&mut answer).await?;
        count.set(count.get() + 1);
    }
    assert!(answer == message, "an echo is what was sent");
    Ok(())
}

/// How many KiB the server took, and how long it took.
pub(crate) fn send(server: SocketAddr, time: Duration) -> io::Result<(u64, f64)> {
    block_on(async {
        let mut stream = TcpStream::connect(server).await?;
        let data = vec![b'x'; 256 * 1024];
        let (begin, mut count) = (Instant::now(), 0);
        while begin.elapsed() < time {
            stream.write_all(&data).await?;
            count += data.len() as u64 / 1024;
        }
        // The server closes when it has read all.
        stream.shutdown().await?;
        assert_eq!(stream.read(&mut [0]).await?, 0, "a sink says nothing");
        Ok((count, begin.elapsed().as_secs_f64()))
    })?
}

/// How many KiB the server sent, and how long it took.
pub(crate) fn receive(server: SocketAddr, time: Duration) -> io::Result<(u64, f64)> {
    block_on(async {
        let mut stream = TcpStream::connect(server).await?;
        let mut buffer = vec![0; 256 * 1024];
        let (begin, mut count) = (Instant::now(), 0);
        while begin.elapsed() < time {
            count += stream.read(&mut buffer).await? as u64;
        }
        Ok((count / 1024, begin.elapsed().as_secs_f64()))
    })?
}

/// How many KiB came back, and how long it took.
pub(crate) fn bulk(server: SocketAddr, time: Duration) -> io::Result<(u64, f64)> {
    block_on(async {
        let stream = TcpStream::connect(server).await?;
        let (mut reader, mut writer) = stream.into_split();
        let begin = Instant::now();
        let end = begin + time;
        let writing = tokio::task::spawn_local(async move {
            let data = vec![b'x'; 256 * 1024];
            while Instant::now() < end {
                writer.write_all(&data).await?;
            }
            writer.shutdown().await
        });
        let (mut count, mut buffer) = (0, vec![0; 256 * 1024]);
        loop {
            match reader.read(&mut buffer).await? {
                0 => break,
                some => count += some as u64,
            }
        }
        writing.await??;
        Ok((count / 1024, begin.elapsed().as_secs_f64()))
    })?
}

/// How many connections were made and closed, and how long it took.
pub(crate) fn connect(server: SocketAddr, time: Duration) -> io::Result<(u64, f64)> {
    block_on(async {
        let count = Rc::new(Cell::new(0));
        let begin = Instant::now();
        let end = begin + time;
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let count = count.clone();
                tokio::task::spawn_local(async move {
                    while Instant::now() < end {
                        let mut stream = TcpStream::connect(server).await?;
                        // A reset leaves nothing behind that would run out.
                        stream.set_zero_linger()?;
                        stream.write_all(b"x").await?;
                        stream.read_exact(&mut [0]).await?;
                        count.set(count.get() + 1);
                    }
                    io::Result::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok((count.get(), begin.elapsed().as_secs_f64()))
    })?
}

/// What `look` sees while so many connections are open.
pub(crate) fn idle(
    server: SocketAddr,
    connections: usize,
    echoes: usize,
    look: impl Fn() -> io::Result<f64>,
) -> io::Result<f64> {
    block_on(async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(TcpStream::connect(server).await?);
        }
        for stream in &mut streams {
            for _ in 0..echoes {
                stream.write_all(&[b'x'; 64]).await?;
                stream.read_exact(&mut [0; 64]).await?;
            }
        }
        // The last of them has been accepted when it has been answered.
        if let Some(last) = streams.last_mut() {
            last.write_all(b"x").await?;
            last.read_exact(&mut [0]).await?;
        }
        look()
    })?
}
