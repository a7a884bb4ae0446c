//! Certificates made at test time: an authority that only these tests trust, and what it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// A certificate of ours with its key, as files and as the client needs it.
pub struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Certificate {
    /// Signed by itself, for these names and addresses, as two files in the folder.
    pub fn make(folder: &Path, names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("names and addresses");
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::create_dir_all(folder).expect("the test's folder can be made");
        std::fs::write(&certificate, made.cert.pem()).expect("the test's folder can be written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("the test's folder can be written");
        let key_der = made.signing_key.serialize_der();
        Self { certificate, key, der: made.cert.der().clone(), key_der }
    }

    /// A client that trusts this certificate and no other.
    pub fn client(&self) -> Arc<rustls::ClientConfig> {
        self.client_of(rustls::DEFAULT_VERSIONS)
    }

    /// The same that speaks these versions of TLS alone.
    pub fn client_of(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.der.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }

    /// A server that shows this certificate.
    pub fn server(&self) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(self.key_der.clone()).into();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .expect("a certificate and its key");
        Arc::new(config)
    }
}
