//! TLS 1.2 and 1.3: our certificate, whom we trust, the handshakes in both directions.
//!
//! A peer that we connect to is verified by name or address; one that connects to us proves himself by digest.

use crate::net::validity;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::InvalidDnsNameError;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::TlsConnector;
use tokio_rustls::client;
use tokio_rustls::server;

/// The files that TLS is made of, as the configuration names them.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The certificate chain and its private key, PEM.
    pub own: Option<(PathBuf, PathBuf)>,
    /// Certificates of authorities that are trusted beside the system's, PEM.
    pub ca: Option<PathBuf>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or may not be read.
    #[error("{what} {path} cannot be read: {why}; check the path and that this user may read it")]
    Unreadable {
        /// Which of the files.
        what: &'static str,
        /// Its path.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// A file has not what it should have.
    #[error("{what} {path} has no {wanted} in PEM form; it begins with `-----BEGIN`")]
    Empty {
        /// Which of the files.
        what: &'static str,
        /// Its path.
        path: String,
        /// What it should have.
        wanted: &'static str,
    },
    /// The key is another certificate's.
    #[error(
        "the key {key} does not belong to the certificate {certificate}; name the two that were made together"
    )]
    Mismatch {
        /// The certificate's path.
        certificate: String,
        /// The key's path.
        key: String,
    },
    /// The library refuses the certificate or the key.
    #[error("the certificate {certificate} cannot be used: {why}")]
    Unusable {
        /// The certificate's path.
        certificate: String,
        /// What the library says.
        why: String,
    },
}

/// Why a connection of ours did not come to be.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The name that was expected can't be one.
    #[error("`{0}` is no name that a certificate could bear")]
    BadName(String, #[source] InvalidDnsNameError),
    /// The certificate is not to be trusted, or the peer speaks no TLS that we do.
    #[error(
        "the peer {name} failed the TLS handshake: {source}; is its certificate valid, for this name, and issued by an authority that `[tls] ca` or the system knows?"
    )]
    Handshake {
        /// The expected name, or the address where none was.
        name: String,
        /// What the library says.
        source: io::Error,
    },
}

/// Both directions.
#[derive(Clone)]
pub struct Tls {
    acceptor: Option<TlsAcceptor>,
    connector: TlsConnector,
    expires: Option<i64>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

type Chain = Vec<CertificateDer<'static>>;

impl Tls {
    /// Reads the files, and the system's authorities. Without a certificate of ours connections are only opened.
    ///
    /// # Errors
    /// A file that is not what it should be.
    pub fn load(files: &Files) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let own = files.own.as_ref().map(|(certificate, key)| read_own(certificate, key)).transpose()?;
        let roots = roots(files.ca.as_deref())?;
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_root_certificates(roots);
        let Some((chain, key)) = own else {
            let connector = TlsConnector::from(Arc::new(client.with_no_client_auth()));
            return Ok(Self { acceptor: None, connector, expires: None });
        };
        let expires = chain.first().and_then(|first| validity::not_after(first));
        let unusable = |error: rustls::Error| refused(files, &error);
        let server = server_config(provider, chain.clone(), key.clone_key()).map_err(unusable)?;
        // A carrier may ask for our certificate; nobody sees it unasked.
        let client = client.with_client_auth_cert(chain, key).map_err(unusable)?;
        Ok(Self {
            acceptor: Some(TlsAcceptor::from(Arc::new(server))),
            connector: TlsConnector::from(Arc::new(client)),
            expires,
        })
    }

    /// When our certificate ends, in seconds since 1970.
    pub fn expires(&self) -> Option<i64> {
        self.expires
    }

    /// The handshake with a peer that connected to us.
    pub(in crate::net) async fn accept(&self, stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        let acceptor = self.acceptor.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        acceptor.accept(stream).await
    }

    /// The handshake with a peer that we connected to: its certificate bears `name`, or the address without one.
    pub(in crate::net) async fn connect(
        &self,
        stream: TcpStream,
        address: IpAddr,
        name: Option<&str>,
    ) -> Result<client::TlsStream<TcpStream>, PeerError> {
        let expected = match name {
            Some(name) => ServerName::try_from(name.to_owned())
                .map_err(|error| PeerError::BadName(name.to_owned(), error))?,
            None => ServerName::from(address),
        };
        let name = || name.map_or_else(|| address.to_string(), str::to_owned);
        let shaken = self.connector.connect(expected, stream).await;
        shaken.map_err(|source| PeerError::Handshake { name: name(), source })
    }
}

fn server_config(
    provider: Arc<CryptoProvider>,
    chain: Chain,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
}

fn refused(files: &Files, error: &rustls::Error) -> TlsError {
    let (certificate, key) = files.own.clone().unwrap_or_default();
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    if matches!(error, rustls::Error::InconsistentKeys(_)) {
        TlsError::Mismatch { certificate, key }
    } else {
        TlsError::Unusable { certificate, why: error.to_string() }
    }
}

fn read_own(certificate: &Path, key: &Path) -> Result<(Chain, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(certificate, "the certificate")?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable("the key", key, "private key", &error))?;
    Ok((chain, private))
}

fn certificates(path: &Path, what: &'static str) -> Result<Chain, TlsError> {
    let wrong = |error: pem::Error| unreadable(what, path, "certificate", &error);
    let all = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let all: Chain = all.collect::<Result<_, _>>().map_err(wrong)?;
    if all.is_empty() {
        return Err(unreadable(what, path, "certificate", &pem::Error::NoItemsFound));
    }
    Ok(all)
}

fn unreadable(what: &'static str, path: &Path, wanted: &'static str, error: &pem::Error) -> TlsError {
    let path = path.display().to_string();
    if matches!(error, pem::Error::NoItemsFound) {
        return TlsError::Empty { what, path, wanted };
    }
    let why = if let pem::Error::Io(error) = error { error.to_string() } else { error.to_string() };
    TlsError::Unreadable { what, path, why }
}

/// The system's authorities and those of the configuration.
fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    // One that can't be read is one that is not trusted; the rest serves.
    for error in &system.errors {
        tracing::debug!(%error, "an authority of the system cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = ca {
        let own = certificates(path, "the authorities' file")?;
        let count = own.len();
        let (taken, _) = roots.add_parsable_certificates(own);
        if taken < count {
            let why = "it has a certificate that cannot be understood".to_owned();
            return Err(TlsError::Unreadable {
                what: "the authorities' file",
                path: path.display().to_string(),
                why,
            });
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A folder of its own for each test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicUsize = AtomicUsize::new(0);
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("strowger-tls-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["pbx.example.com".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[track_caller]
    fn fails(own: (PathBuf, PathBuf), words: &[&str]) {
        let error = Tls::load(&Files { own: Some(own), ca: None }).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let folder = Folder::new();
        let ((certificate, key), (_, other)) = (pair(), pair());
        let (certificate, key) = (folder.file("cert.pem", &certificate), folder.file("key.pem", &key));
        let other = folder.file("other.pem", &other);
        let nothing = folder.file("nothing.pem", "not PEM at all\n");
        let missing = folder.0.join("missing.pem");
        let good = Tls::load(&Files { own: Some((certificate.clone(), key.clone())), ca: None }).unwrap();
        assert!(good.expires().is_some_and(|at| at > 1_700_000_000));
        fails((missing.clone(), key.clone()), &["the certificate", "missing.pem", "No such file"]);
        fails((certificate.clone(), missing.clone()), &["the key", "missing.pem", "No such file"]);
        fails((nothing.clone(), key.clone()), &["the certificate", "no certificate in PEM"]);
        fails((certificate.clone(), nothing), &["the key", "no private key in PEM"]);
        fails((certificate, other), &["does not belong to the certificate"]);
        let error = Tls::load(&Files { own: None, ca: Some(missing) }).unwrap_err().to_string();
        assert!(error.contains("the authorities' file"), "{error}");
        assert!(Tls::load(&Files::default()).unwrap().expires().is_none());
    }
}
