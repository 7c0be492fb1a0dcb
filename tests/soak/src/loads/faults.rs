//! Attempts that fail or are given up, and peers that end as one should not.

use std::rc::Rc;

use deferred::Failure;
use protocols::wire::Echo;
use reactor_compat::{Address, ConnectError, Reactor, StreamProtocol};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::load::soon;
use crate::servers::Servers;

pub(crate) async fn round(reactor: Reactor, servers: Rc<Servers>) -> Result<(), Failure> {
    refused(&reactor).await?;
    given_up(&reactor, &servers);
    reset(&servers).await?;
    no_handshake(&servers).await
}

/// A port that was just closed: nobody listens there, or else another load does.
async fn refused(reactor: &Reactor) -> Result<(), Failure> {
    let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Echo)?;
    let address = port.get_host().socket_addr();
    soon(port.stop_listening()).await?;
    let Some(address) = address else { return Ok(()) };
    match soon(reactor.connect_tcp_stream(address)).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.is::<ConnectError>() => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn given_up(reactor: &Reactor, servers: &Servers) {
    let connector = reactor.connect_tcp(servers.echo, |_: Address| StreamProtocol::new());
    let attempt = connector.when_connected();
    attempt.cancel();
    drop(attempt.add_both(|_| Ok(())));
    connector.disconnect();
}

/// Sends something, and resets the connection while it is answered.
async fn reset(servers: &Servers) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(servers.echo).await?;
    stream.set_zero_linger()?;
    stream.write_all(&[b'x'; 10_000]).await?;
    Ok(())
}

/// Speaks no TLS where that is expected.
async fn no_handshake(servers: &Servers) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(servers.tls).await?;
    stream.write_all(b"no handshake\r\n\r\n").await?;
    Ok(())
}
