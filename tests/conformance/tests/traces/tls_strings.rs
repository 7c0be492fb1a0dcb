//! Strings of endpoints inside TLS: what ours are made of is what Twisted's are made of,
//! by the table that `tls_strings.py` has recorded.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that fails says why")]

use std::fs;
use std::path::{Path, PathBuf};

use reactor_compat::Reactor;
use reactor_compat::endpoint::{
    ClientEndpoint, ServerEndpoint, client_from_string, quote_string_argument, server_from_string,
};
use serde_json::{Value as Json, json};

/// The directory that `{dir}` stands for in the table.
fn files() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["example.org".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let both = format!("{certificate}{key}");
    fs::create_dir(directory.path().join("pems")).unwrap();
    for (name, content) in [
        ("cert.pem", &certificate),
        ("key.pem", &key),
        ("both.pem", &both),
        ("chain.pem", &certificate),
        ("pems/both.pem", &both),
    ] {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

fn server(endpoint: &ServerEndpoint, with_backlog: bool) -> Json {
    match endpoint {
        ServerEndpoint::Proxy(proxy) => json!(["haproxy", server(proxy.inner(), with_backlog)]),
        ServerEndpoint::Tls(tls) => {
            let tcp = tls.inner();
            json!(["tls", {
                "port": tcp.interface().port(),
                "interface": tcp.interface().host(),
                "backlog": with_backlog.then_some(tcp.get_options().get_backlog()),
            }])
        }
        other => panic!("{other}"),
    }
}

fn client(endpoint: &ClientEndpoint) -> Json {
    let ClientEndpoint::Tls(tls) = endpoint else { panic!("{endpoint}") };
    let ClientEndpoint::Tcp(tcp) = tls.inner() else { panic!("{endpoint}") };
    json!(["tls", {
        "host": tcp.destination().host(),
        "port": tcp.destination().port(),
        "timeout": tcp.get_options().get_timeout().as_secs(),
        "bind": tcp.get_bind_address().map(|place| place.host().to_owned()),
    }])
}

fn told(row: &Json, directory: &Path) -> Json {
    let directory = quote_string_argument(directory.to_str().unwrap());
    let reactor = Reactor::new();
    let text = |kind: &str| Some(row.get(kind)?.as_str()?.replace("{dir}", &directory));
    if let Some(text) = text("server") {
        let made = server_from_string(&reactor, &text);
        return made.map_or(json!(["error"]), |made| server(&made, text.contains("backlog")));
    }
    let made = client_from_string(&reactor, &text("client").unwrap());
    made.map_or(json!(["error"]), |made| client(&made))
}

#[test]
fn strings_of_tls_are_what_they_are_in_twisted() {
    let table = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tables/tls_strings.jsonl");
    let directory = files();
    let rows = fs::read_to_string(table).unwrap();
    assert!(rows.lines().count() > 60);
    for line in rows.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        assert_eq!(told(&row, directory.path()), row["expect"], "{line}");
    }
}
