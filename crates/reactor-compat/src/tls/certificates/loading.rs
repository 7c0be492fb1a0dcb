//! Reading certificates and keys, and putting together what belongs together.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::Source;
use crate::tls::TlsConfigError;
use crate::tls::identity::{certificates_of, read};

/// How deep a directory is gone into, and how many files are read.
const DEEPEST: usize = 8;
const MOST_FILES: usize = 10_000;

/// The files as they are: which, how long, and when they were changed.
pub(super) type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Certificates with their keys, by the names that they are for.
pub(super) struct Loaded {
    by_name: BTreeMap<String, Arc<CertifiedKey>>,
    /// Whether any name gets the one that there is.
    only_one: bool,
    expiries: Vec<(String, SystemTime)>,
}

impl Loaded {
    /// No certificate, and one that expires.
    #[cfg(all(test, feature = "logging"))]
    pub(super) fn expiring(name: &str, not_after: SystemTime) -> Self {
        let expiries = vec![(name.to_owned(), not_after)];
        Self { by_name: BTreeMap::new(), only_one: false, expiries }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    pub(super) fn expiries(&self) -> impl Iterator<Item = (&str, SystemTime)> {
        self.expiries.iter().map(|(name, expiry)| (name.as_str(), *expiry))
    }

    /// The certificate for a name; the first if none is said.
    pub(super) fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let first = || self.by_name.values().next();
        let found = match name {
            None => first(),
            Some(name) => {
                let wildcard = || {
                    let (_, rest) = name.split_once('.')?;
                    self.by_name.get(&format!("*.{rest}"))
                };
                let found = self.by_name.get(name).or_else(wildcard);
                found.or_else(|| first().filter(|_| self.only_one))
            }
        };
        found.cloned()
    }
}

/// A certificate as far as it matters here.
struct Parsed {
    der: CertificateDer<'static>,
    names: Vec<String>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    key: Vec<u8>,
    not_after: SystemTime,
}

impl Parsed {
    fn new(der: CertificateDer<'static>) -> Result<Self, TlsConfigError> {
        let bad = |error: &dyn std::fmt::Display| TlsConfigError::BadPem(error.to_string());
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|error| bad(&error))?;
        let alternatives = parsed.subject_alternative_name().map_err(|error| bad(&error))?;
        let alternatives = alternatives.iter().flat_map(|names| &names.value.general_names);
        let names: Vec<_> = alternatives
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
                _ => None,
            })
            .collect();
        let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
        Ok(Self {
            names,
            subject: parsed.subject().as_raw().to_vec(),
            issuer: parsed.issuer().as_raw().to_vec(),
            key: parsed.public_key().raw.to_vec(),
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
            der,
        })
    }
}

impl Source {
    /// The files as they are now.
    pub(super) fn stamp(&self) -> Stamp {
        let files = match self {
            Self::Directory(path) => pem_files(path).unwrap_or_default(),
            Self::Files { certificates, key, chain } => {
                let mut files = vec![certificates.clone(), key.clone()];
                files.extend(chain.clone());
                files
            }
        };
        let stamp = |path: PathBuf| {
            let about = fs::metadata(&path).ok()?;
            Some((path, about.len(), about.modified().ok()))
        };
        files.into_iter().filter_map(stamp).collect()
    }

    pub(super) fn load(&self) -> Result<Loaded, TlsConfigError> {
        match self {
            Self::Directory(path) => load_directory(path),
            Self::Files { certificates, key, chain } => {
                load_one(certificates, key, chain.as_deref())
            }
        }
    }
}

/// The files in a directory whose names end in `.pem`, in order.
fn pem_files(directory: &Path) -> Result<Vec<PathBuf>, TlsConfigError> {
    let mut found = Vec::new();
    walk(directory, DEEPEST, &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn walk(directory: &Path, deeper: usize, found: &mut Vec<PathBuf>) -> Result<(), TlsConfigError> {
    let failed = |error: std::io::Error| TlsConfigError::File {
        path: directory.to_owned(),
        error: error.into(),
    };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            if deeper > 0 {
                walk(&path, deeper - 1, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "pem") {
            if found.len() == MOST_FILES {
                return Ok(());
            }
            found.push(path);
        }
    }
    Ok(())
}

fn load_directory(directory: &Path) -> Result<Loaded, TlsConfigError> {
    let (mut certificates, mut keys) = (Vec::new(), Vec::new());
    for path in pem_files(directory)? {
        let pem = read(&path)?;
        let in_file = |error: TlsConfigError| error.in_file(&path);
        match certificates_of(&pem) {
            Ok(found) => {
                for der in found {
                    certificates.push(Parsed::new(der).map_err(in_file)?);
                }
            }
            Err(TlsConfigError::NoCertificate) => {}
            Err(error) => return Err(in_file(error)),
        }
        for key in PrivateKeyDer::pem_slice_iter(&pem) {
            keys.push((path.clone(), key.map_err(|error| in_file(TlsConfigError::of_key(error)))?));
        }
    }
    let loaded = Loaded::put_together(certificates, keys)?;
    if loaded.by_name.is_empty() {
        return Err(TlsConfigError::NoIdentity { path: directory.to_owned() });
    }
    Ok(loaded)
}

/// One certificate, its key, and those that vouch for it.
fn load_one(
    certificates: &Path,
    key: &Path,
    chain: Option<&Path>,
) -> Result<Loaded, TlsConfigError> {
    let read_all = |path: &Path| certificates_of(&read(path)?).map_err(|e| e.in_file(path));
    let mut all = read_all(certificates)?;
    if let Some(chain) = chain {
        all.extend(read_all(chain)?);
    }
    let in_key = |error: TlsConfigError| error.in_file(key);
    let of_key = |error| in_key(TlsConfigError::of_key(error));
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(of_key)?;
    let signing = any_supported_type(&key_der).map_err(|e| in_key(TlsConfigError::Rejected(e)))?;
    let certified = CertifiedKey::new(all, signing);
    let Some(leaf) = certified.cert.first() else { return Err(TlsConfigError::NoCertificate) };
    let leaf = Parsed::new(leaf.clone()).map_err(|error| error.in_file(certificates))?;
    if certified.keys_match().is_err() {
        let (certificate, key) = (certificates.to_owned(), key.to_owned());
        return Err(TlsConfigError::KeyMismatch { certificate, key });
    }
    let certified = Arc::new(certified);
    let mut names = leaf.names;
    if names.is_empty() {
        names.push(certificates.display().to_string());
    }
    Ok(Loaded {
        expiries: vec![(names.join(", "), leaf.not_after)],
        by_name: names.into_iter().map(|name| (name, certified.clone())).collect(),
        only_one: true,
    })
}

impl Loaded {
    /// Gives each certificate its key, and those that vouch for it.
    fn put_together(
        certificates: Vec<Parsed>,
        keys: Vec<(PathBuf, PrivateKeyDer<'static>)>,
    ) -> Result<Self, TlsConfigError> {
        let mut loaded = Self { by_name: BTreeMap::new(), only_one: false, expiries: Vec::new() };
        let mut of_key = HashMap::new();
        for (path, key) in keys {
            let signing = any_supported_type(&key)
                .map_err(|error| TlsConfigError::Rejected(error).in_file(&path))?;
            match signing.public_key() {
                Some(public) => drop(of_key.insert(public.to_vec(), signing)),
                None => tracing::warn!("{}: a key of a kind that is of no use", path.display()),
            }
        }
        let (own, others): (Vec<_>, Vec<_>) =
            certificates.into_iter().partition(|certificate| of_key.contains_key(&certificate.key));
        let mut own = own;
        // Of several for one name, that which is valid longest is taken.
        own.sort_by_key(|certificate| std::cmp::Reverse(certificate.not_after));
        let by_subject: HashMap<_, _> = others.iter().map(|one| (&one.subject, one)).collect();
        for certificate in own {
            let Some(signing) = of_key.get(&certificate.key) else { continue };
            let chain = chain_of(&certificate, &by_subject);
            let certified = Arc::new(CertifiedKey::new(chain, signing.clone()));
            let before = loaded.by_name.len();
            for name in &certificate.names {
                loaded.by_name.entry(name.clone()).or_insert_with(|| certified.clone());
            }
            if loaded.by_name.len() > before {
                loaded.expiries.push((certificate.names.join(", "), certificate.not_after));
            }
        }
        Ok(loaded)
    }
}

/// A certificate, that of whoever vouches for it, and so on.
fn chain_of(
    certificate: &Parsed,
    by_subject: &HashMap<&Vec<u8>, &Parsed>,
) -> Vec<CertificateDer<'static>> {
    let mut chain = vec![certificate.der.clone()];
    let mut last = certificate;
    while let Some(next) = by_subject.get(&last.issuer) {
        // Those at the top vouch for themselves; and nobody stands in a chain twice.
        if next.subject == last.subject || chain.len() > by_subject.len() {
            break;
        }
        chain.push(next.der.clone());
        last = next;
    }
    chain
}
