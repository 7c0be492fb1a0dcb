//! Lines to a receiver of lines, and back.

use std::rc::Rc;

use deferred::Failure;
use reactor_compat::Reactor;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::load::soon;
use crate::servers::Servers;

const LINES: usize = 500;

pub(crate) async fn round(reactor: Reactor, servers: Rc<Servers>) -> Result<(), Failure> {
    let stream = soon(reactor.connect_tcp_stream(servers.lines)).await?;
    let (reading, mut writing) = tokio::io::split(stream);
    let mut text = "a line of some length\r\n".repeat(LINES);
    text.push_str("QUIT\r\n");
    writing.write_all(text.as_bytes()).await?;
    let mut lines = BufReader::new(reading).lines();
    let mut count = 0;
    while lines.next_line().await?.is_some() {
        count += 1;
    }
    if count == LINES + 1 { Ok(()) } else { Err(Failure::msg(format!("{count} lines came back"))) }
}
