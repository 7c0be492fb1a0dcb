//! Strings of endpoints inside TLS.
//!
//! Mirrors `_parseSSL`, `_parseClientSSL`, `_TLSServerEndpointParser` and
//! `_parseClientTLS` of `twisted.internet.endpoints`. Tested in
//! `tests/network/endpoint_tls.rs`.

use std::path::Path;

use super::string::Arguments;
use super::{
    ClientEndpoint, Description, EndpointError, EndpointErrorKind, HostnameEndpoint,
    TcpServerEndpoint, TlsServerEndpoint, client_from_string, wrap_client_tls, wrap_server_tls,
};
use crate::reactor::Reactor;
use crate::tls::{
    Certificates, ClientOptions, Identity, ServerOptions, TlsConfigError, TrustRoots,
};

/// The names of `sslmethod` that ask for nothing but the versions that are spoken anyway.
const HARMLESS_METHODS: [&str; 4] =
    ["SSLv23_METHOD", "TLS_METHOD", "TLS_SERVER_METHOD", "TLSv1_2_METHOD"];

/// `ssl:` for servers.
pub(super) fn ssl_server(
    reactor: &Reactor,
    description: &Description,
) -> Result<TlsServerEndpoint<TcpServerEndpoint>, EndpointError> {
    let names = [
        "port",
        "privateKey",
        "certKey",
        "sslmethod",
        "interface",
        "backlog",
        "extraCertChain",
        "dhParameters",
    ];
    let arguments = description.arguments(&names, &TcpServerEndpoint::BY_NAME)?;
    let below = TcpServerEndpoint::of_arguments(reactor, &arguments, "")?;
    refuse_openssl(&arguments)?;
    let key = arguments.text("privateKey").unwrap_or("server.pem");
    let certificate = arguments.text("certKey").unwrap_or(key);
    let chain = arguments.text("extraCertChain").map(Path::new);
    let named = if arguments.text("certKey").is_some() { "certKey" } else { "privateKey" };
    serve(&arguments, named, Certificates::in_files(certificate, key, chain), below)
}

/// What only OpenSSL has: said so, unless nothing is lost by its absence.
fn refuse_openssl(arguments: &Arguments<'_>) -> Result<(), EndpointError> {
    let unsupported = |name: &str, why: &str| {
        Err(arguments.fault_of(name, EndpointErrorKind::Unsupported(why.to_owned())))
    };
    if arguments.text("sslmethod").is_some_and(|method| !HARMLESS_METHODS.contains(&method)) {
        return unsupported("sslmethod", "sslmethod cannot be chosen: TLS 1.2 and 1.3 are spoken");
    }
    if arguments.text("dhParameters").is_some() {
        let why = "dhParameters are of no use: keys are exchanged over elliptic curves";
        return unsupported("dhParameters", why);
    }
    Ok(())
}

/// `tls:` for servers.
pub(super) fn tls_server(
    reactor: &Reactor,
    description: &Description,
) -> Result<TlsServerEndpoint<TcpServerEndpoint>, EndpointError> {
    let names = ["path", "port", "backlog", "interface"];
    let arguments = description.arguments(&names, &TcpServerEndpoint::BY_NAME)?;
    let host = arguments.text("interface").unwrap_or("::");
    let port = arguments.number("port", 0..=u16::MAX)?.unwrap_or(443);
    let below = TcpServerEndpoint::on_port(reactor, &arguments, host, port)?;
    let certificates = Certificates::in_directory(arguments.required("path")?);
    serve(&arguments, "path", certificates, below)
}

/// A server with these certificates, which the parameter `name` has named.
fn serve(
    arguments: &Arguments<'_>,
    name: &str,
    certificates: Result<Certificates, TlsConfigError>,
    below: TcpServerEndpoint,
) -> Result<TlsServerEndpoint<TcpServerEndpoint>, EndpointError> {
    let options = certificates.and_then(|found| ServerOptions::with_certificates(&found));
    Ok(wrap_server_tls(options.map_err(at(arguments, name))?, below))
}

/// `ssl:` for clients, whose host and port have their names by now.
pub(super) fn ssl_client(
    reactor: &Reactor,
    description: &Description,
) -> Result<ClientEndpoint, EndpointError> {
    let names = [
        "host",
        "port",
        "timeout",
        "bindAddress",
        "noDelay",
        "keepAlive",
        "certKey",
        "privateKey",
        "caCertsDir",
        "hostname",
    ];
    let arguments = description.arguments(&[], &names)?;
    let below = ClientEndpoint::Tcp(HostnameEndpoint::of_arguments(reactor, &arguments)?);
    // Twisted believes anybody where no `hostname` is given; here `host` is it then.
    let name = if arguments.text("hostname").is_some() { "hostname" } else { "host" };
    let files = Files { certificate: "certKey", roots: "caCertsDir" };
    inside_tls(&arguments, name, &files, below)
}

/// `tls:` for clients.
pub(super) fn tls_client(
    reactor: &Reactor,
    description: &Description,
) -> Result<ClientEndpoint, EndpointError> {
    let names = [
        "host",
        "port",
        "timeout",
        "bindAddress",
        "certificate",
        "privateKey",
        "trustRoots",
        "endpoint",
    ];
    let arguments = description.arguments(&names, &[])?;
    let tcp = HostnameEndpoint::of_arguments(reactor, &arguments)?;
    let below = match arguments.text("endpoint") {
        Some(endpoint) => client_from_string(reactor, endpoint)?,
        None => ClientEndpoint::Tcp(tcp),
    };
    inside_tls(
        &arguments,
        "host",
        &Files { certificate: "certificate", roots: "trustRoots" },
        below,
    )
}

/// The parameters that name files.
struct Files {
    certificate: &'static str,
    roots: &'static str,
}

fn inside_tls(
    arguments: &Arguments<'_>,
    name: &str,
    files: &Files,
    below: ClientEndpoint,
) -> Result<ClientEndpoint, EndpointError> {
    let mut options = ClientOptions::new(arguments.required(name)?).map_err(at(arguments, name))?;
    if let Some(directory) = arguments.text(files.roots) {
        let roots = TrustRoots::in_directory(directory).map_err(at(arguments, files.roots))?;
        options = options.trust_roots(roots);
    }
    if let Some(certificate) = arguments.text(files.certificate) {
        let key = arguments.text("privateKey").unwrap_or(certificate);
        let identity = Identity::from_pem_files(certificate, key);
        options = options.identity(identity.map_err(at(arguments, files.certificate))?);
    }
    let wrapped = wrap_client_tls(options, below).map_err(at(arguments, files.certificate))?;
    Ok(ClientEndpoint::Tls(Box::new(wrapped)))
}

/// Points at the argument that TLS could make nothing of.
fn at(arguments: &Arguments<'_>, name: &str) -> impl FnOnce(TlsConfigError) -> EndpointError {
    move |error| arguments.fault_of(name, EndpointErrorKind::Tls(error))
}
