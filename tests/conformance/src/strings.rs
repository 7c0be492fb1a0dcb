//! Family `strings`: the endpoints that strings describe.

use reactor_compat::Reactor;
use reactor_compat::endpoint::{
    ClientEndpoint, ServerEndpoint, TcpServerEndpoint, client_from_string, quote_string_argument,
    server_from_string,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::error::ProgramError;
use crate::program::{Reply, Trace};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Program {
    Server(String),
    Client(String),
    Quote(String),
}

/// Runs one program.
pub(crate) fn run(body: Json) -> Result<Reply, ProgramError> {
    let program: Program = serde_json::from_value(body).map_err(ProgramError::Malformed)?;
    Ok(Reply::Trace(trace(&program)))
}

fn trace(program: &Program) -> Trace {
    let reactor = Reactor::new();
    vec![match program {
        Program::Quote(text) => json!(["quoted", quote_string_argument(text)]),
        Program::Server(text) => match server_from_string(&reactor, text) {
            Ok(endpoint) => server(&endpoint, text.contains("backlog")),
            Err(_) => json!(["error"]),
        },
        Program::Client(text) => match client_from_string(&reactor, text) {
            Ok(endpoint) => client(&endpoint),
            Err(_) => json!(["error"]),
        },
    }]
}

/// What a server endpoint says of itself; of its backlog only if the string has one.
fn server(endpoint: &ServerEndpoint, with_backlog: bool) -> Json {
    match endpoint {
        ServerEndpoint::Tcp(tcp) => json!(["tcp", tcp_server(tcp, with_backlog)]),
        ServerEndpoint::Tcp6(tcp) => json!(["tcp6", tcp_server(tcp, with_backlog)]),
        ServerEndpoint::Unix(unix) => {
            let options = unix.get_options();
            json!(["unix", {
                "path": unix.address().path().unwrap_or("".as_ref()),
                "backlog": with_backlog.then_some(options.get_backlog()),
                "mode": options.get_mode(),
                "lock": options.get_lock(),
            }])
        }
        ServerEndpoint::StandardIo(_) => json!(["stdio", {}]),
        ServerEndpoint::Proxy(proxy) => {
            json!(["haproxy", { "of": server(proxy.inner(), with_backlog) }])
        }
        other => json!([other.to_string()]),
    }
}

fn tcp_server(endpoint: &TcpServerEndpoint, with_backlog: bool) -> Json {
    json!({
        "port": endpoint.interface().port(),
        "backlog": with_backlog.then_some(endpoint.get_options().get_backlog()),
        "interface": endpoint.interface().host(),
    })
}

fn client(endpoint: &ClientEndpoint) -> Json {
    match endpoint {
        ClientEndpoint::Tcp(tcp) => json!(["tcp", {
            "host": tcp.destination().host(),
            "port": tcp.destination().port(),
            "timeout": tcp.get_options().get_timeout().as_secs(),
            "bind": tcp.get_bind_address().map(|place| place.host().to_owned()),
        }]),
        ClientEndpoint::Unix(unix) => json!(["unix", {
            "path": unix.address().path().unwrap_or("".as_ref()),
            "timeout": unix.get_options().get_timeout().as_secs(),
            "lock": unix.get_options().get_check_lock(),
        }]),
        other => json!([other.to_string()]),
    }
}
