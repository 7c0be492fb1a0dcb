"""Records what Twisted's own parsers make of strings of endpoints inside TLS.

    python tls_strings.py > tables/tls_strings.jsonl

Needs Twisted with its extra `tls`.  In the strings `{dir}` stands for a directory with
`cert.pem`, `key.pem`, `chain.pem`, and a directory `pems` with the first two in it.
"""

import datetime
import json
import os
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import endpoints, reactor

SERVERS = [
    "ssl:443", "ssl", "ssl:443:{dir}/key.pem", "ssl:443:{dir}/key.pem:{dir}/cert.pem",
    "ssl:443:privateKey={dir}/key.pem:certKey={dir}/cert.pem",
    "ssl:443:{dir}/key.pem:{dir}/cert.pem:interface=127.0.0.1",
    "ssl:443:{dir}/key.pem:{dir}/cert.pem:backlog=7",
    "ssl:port=0:certKey={dir}/cert.pem:privateKey={dir}/key.pem:interface=\\:\\:1",
    "ssl:0:privateKey={dir}/both.pem", "ssl:0:privateKey={dir}/both.pem:certKey={dir}/both.pem",
    "ssl:0:{dir}/both.pem:extraCertChain={dir}/chain.pem",
    "ssl:0:{dir}/both.pem:extraCertChain={dir}/none.pem",
    "ssl:0:{dir}/both.pem:extraCertChain={dir}/key.pem",
    "ssl:0:privateKey={dir}/none.pem", "ssl:eighty:privateKey={dir}/both.pem",
    "ssl:0:privateKey={dir}/cert.pem", "ssl:0:{dir}/both.pem:nope=1", "SSL:0:{dir}/both.pem",
    "ssl:0:{dir}/both.pem:backlog=few", "ssl:0:{dir}/both.pem:port=1",
    "tls:{dir}/pems", "tls:{dir}/pems:8443", "tls:{dir}/pems:8443:7:127.0.0.1",
    "tls:path={dir}/pems:port=1:backlog=2:interface=\\:\\:1", "TLS:{dir}/pems:0",
    "tls", "tls:{dir}/pems:eighty", "tls:{dir}/pems:0:nope=1", "tls:{dir}/pems:1:2:h:4",
    "haproxy:tls:{dir}/pems:0", "haproxy:ssl:0:{dir}/both.pem",
]
CLIENTS = [
    "ssl:example.org:443", "ssl:host=example.org:port=443", "ssl:example.org:port=443",
    "ssl:host=example.org:443", "ssl:example.org:443:timeout=5:bindAddress=127.0.0.1",
    "ssl:example.org:443:caCertsDir={dir}/pems", "ssl:example.org:443:hostname=other.example",
    "ssl:example.org:443:certKey={dir}/both.pem:privateKey={dir}/both.pem",
    "ssl:example.org:443:certKey={dir}/cert.pem:privateKey={dir}/key.pem",
    "ssl:example.org:443:certKey={dir}/both.pem", "ssl:example.org", "ssl", "ssl:a:b",
    "ssl:example.org:443:nope=1", "ssl:example.org:443:certKey={dir}/none.pem",
    "ssl:example.org:443:timeout=soon", "SSL:example.org:443",
    "tls:example.org:443", "tls:example.org:443:5", "tls:example.org:443:5:127.0.0.1",
    "tls:host=example.org:port=443:timeout=5:bindAddress=127.0.0.1",
    "tls:example.org:443:certificate={dir}/cert.pem:privateKey={dir}/key.pem",
    "tls:example.org:443:certificate={dir}/both.pem", "tls:example.org:443:trustRoots={dir}/pems",
    "tls:example.org", "tls", "tls:example.org:443:nope=1", "TLS:example.org:443",
    "tls:example.org:443:certificate={dir}/none.pem", "tls:example.org:https",
    "tls:example.org:443:endpoint=tcp\\:proxy.example\\:8080",
    "tls:example.org:443:endpoint=nope\\:proxy.example",
    "tls:example.org:443:endpoint=tcp\\:proxy.example\\:8080\\:timeout=3",
]


def main():
    with tempfile.TemporaryDirectory() as directory:
        make_files(directory)
        for kind, strings in (("server", SERVERS), ("client", CLIENTS)):
            for string in strings:
                print(json.dumps({kind: string, "expect": told(kind, string, directory)}))


def told(kind, string, directory):
    text = string.replace("{dir}", directory)
    try:
        made = (endpoints.serverFromString if kind == "server"
                else endpoints.clientFromString)(reactor, text)
    except Exception:
        return ["error"]
    return server(made, "backlog" in text) if kind == "server" else client(made)


def server(made, with_backlog):
    kind = type(made).__name__
    if kind == "_WrapperServerEndpoint":
        return ["haproxy", server(made._wrappedEndpoint, with_backlog)]
    if kind == "TLSServerEndpoint":
        made = made.endpoint
    backlog = made._backlog if with_backlog else None
    return ["tls", {"port": made._port, "interface": made._interface, "backlog": backlog}]


def client(made):
    below = getattr(made, "_wrappedEndpoint", made)
    bind = below._bindAddress
    host = getattr(below, "_hostText", None) or below._host
    return ["tls", {"host": host, "port": below._port, "timeout": below._timeout,
                    "bind": bind[0] if isinstance(bind, tuple) else bind}]


def make_files(directory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("example.org")]), False)
        .sign(key, hashes.SHA256()))
    cert = certificate.public_bytes(serialization.Encoding.PEM)
    pem = key.private_bytes(serialization.Encoding.PEM,
                            serialization.PrivateFormat.TraditionalOpenSSL,
                            serialization.NoEncryption())
    os.mkdir(os.path.join(directory, "pems"))
    for path, data in (("cert.pem", cert), ("key.pem", pem), ("both.pem", cert + pem),
                       ("chain.pem", cert), ("pems/both.pem", cert + pem)):
        with open(os.path.join(directory, path), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main()
