//! [`Certificate`]: files for TLS.

use std::fs;
use std::path::{Path, PathBuf};

use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
use tempfile::TempDir;

/// A certificate for `localhost`, in files of its own.
pub struct Certificate {
    _folder: TempDir,
    trusted: PathBuf,
    server: PathBuf,
}

impl Certificate {
    /// Makes one.
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let folder = tempfile::tempdir().unwrap();
        let trusted = folder.path().join("trusted");
        let server = folder.path().join("server.pem");
        fs::create_dir(&trusted).unwrap();
        fs::write(trusted.join("public.pem"), &certificate).unwrap();
        fs::write(&server, certificate + &key).unwrap();
        Self { _folder: folder, trusted, server }
    }

    /// A file with the certificate and its key.
    pub fn server(&self) -> &Path {
        &self.server
    }

    /// A file with the certificate alone.
    pub fn public(&self) -> PathBuf {
        self.trusted.join("public.pem")
    }

    /// Twisted's description of an endpoint that listens with it.
    pub fn server_endpoint(&self) -> String {
        let pem = self.server.display();
        format!("ssl:0:interface=127.0.0.1:privateKey={pem}:certKey={pem}")
    }

    /// Twisted's description of an endpoint that connects to whoever has it.
    pub fn client_endpoint(&self, port: impl std::fmt::Display) -> String {
        format!("tls:localhost:{port}:trustRoots={}", self.trusted.display())
    }

    /// Our options for a server that has it.
    pub fn server_options(&self) -> ServerOptions {
        ServerOptions::new(Identity::from_pem_files(&self.server, &self.server).unwrap()).unwrap()
    }

    /// Our options for a client that believes it.
    pub fn client_options(&self) -> ClientOptions {
        let roots = TrustRoots::from_pem_file(self.public()).unwrap();
        ClientOptions::new("localhost").unwrap().trust_roots(roots)
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}
