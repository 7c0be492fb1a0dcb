//! [`Authority`]: certificates for tests.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};

/// An authority, and what it signs.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub fn roots(&self) -> TrustRoots {
        TrustRoots::from_pem(self.issuer.pem()).unwrap()
    }

    /// The certificate for some names, and its key, as PEM.
    pub fn pem(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> [String; 2] {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        [certificate.pem(), key.serialize_pem()]
    }

    /// Its own certificate, as PEM.
    pub fn own_pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn identity(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let [certificate, key] = self.pem(&["localhost"], change);
        Identity::from_pem(certificate, key).unwrap()
    }

    pub fn server(&self) -> ServerOptions {
        ServerOptions::new(self.identity(|_| {})).unwrap()
    }

    pub fn client(&self) -> ClientOptions {
        ClientOptions::new("localhost").unwrap().trust_roots(self.roots())
    }
}
