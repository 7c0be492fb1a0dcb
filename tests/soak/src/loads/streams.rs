//! Echoes over each kind of stream: connect, send, read it back, close.

use std::rc::Rc;

use deferred::Failure;
use reactor_compat::{Address, ConnectionStream, Reactor, StreamProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::load::soon;
use crate::servers::Servers;

pub(crate) async fn tcp(reactor: Reactor, servers: Rc<Servers>) -> Result<(), Failure> {
    echo(soon(reactor.connect_tcp_stream(servers.echo)).await?).await
}

pub(crate) async fn unix(reactor: Reactor, servers: Rc<Servers>) -> Result<(), Failure> {
    echo(soon(reactor.connect_unix_stream(&servers.unix)).await?).await
}

pub(crate) async fn tls(reactor: Reactor, servers: Rc<Servers>) -> Result<(), Failure> {
    let options = servers.client_options()?;
    let connector =
        reactor.connect_ssl(servers.tls, |_: Address| StreamProtocol::new(), options)?;
    let connection = soon(connector.when_connected()).await?;
    echo(soon(ConnectionStream::of(connection)).await?).await
}

/// Sends a little, often, or a lot; and one in eight goes without a farewell.
async fn echo(stream: ConnectionStream) -> Result<(), Failure> {
    let transport = stream.transport().clone();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let size = if fastrand::u8(..) == 0 { 2 << 20 } else { 1 << fastrand::u32(..14) };
    for _ in 0..fastrand::usize(1..8) {
        let data = vec![fastrand::u8(..); size];
        let mut answer = vec![0; size];
        let both =
            async { tokio::try_join!(writing.write_all(&data), reading.read_exact(&mut answer)) };
        tokio::time::timeout(std::time::Duration::from_secs(60), both).await??;
        if answer != data {
            return Err(Failure::msg("an echo differs from what was sent"));
        }
    }
    if fastrand::u8(..8) == 0 {
        transport.abort_connection();
        return Ok(());
    }
    writing.shutdown().await?;
    match reading.read(&mut [0]).await? {
        0 => Ok(()),
        _ => Err(Failure::msg("more came back than was sent")),
    }
}
