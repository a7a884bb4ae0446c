//! `[http]` and `[tls]`: the API, the metrics, the web page, and the certificate.

use crate::config::context::Listener;
use crate::config::context::Spot;
use crate::config::network;
use crate::config::reader::Reader;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[http]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Plain HTTP. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// HTTPS.
    pub tls_listen: Option<SocketAddr>,
}

impl Http {
    pub(crate) fn read(reader: &mut Reader<'_, '_>, has_tls: bool) -> Option<Self> {
        let tls_at = reader.place_of("tls_listen");
        let listen = listener(reader, "listen", "http.listen");
        let tls_listen = listener(reader, "tls_listen", "http.tls_listen");
        if tls_listen.is_some() && !has_tls {
            reader.cx.fault(&tls_at, "`tls_listen` needs a section [tls] with `certificate` and `key`");
        }
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Some(Self { listen: listen.unwrap_or(nowhere), tls_listen })
    }
}

fn listener(reader: &mut Reader<'_, '_>, name: &str, key: &'static str) -> Option<SocketAddr> {
    let spot: Option<(Spot, SocketAddr)> = {
        let spot = reader.spot(name)?;
        let parsed = network::socket(&spot.text);
        match parsed {
            Ok(address) => Some((spot, address)),
            Err(what) => {
                reader.cx.fault(&spot.at, format!("`{name}`: {what}"));
                None
            }
        }
    };
    let (spot, address) = spot?;
    reader.cx.listeners.push(Listener { at: spot.at, address, is_udp: false, key });
    Some(address)
}

/// `[tls]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Authorities that are trusted beside the system's when we connect to a peer, PEM.
    pub ca: Option<PathBuf>,
}

impl Tls {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let (certificate, key) = (reader.parsed("certificate", path), reader.parsed("key", path));
        let ca = reader.parsed("ca", path);
        Some(Self { certificate: certificate?, key: key?, ca })
    }
}

/// A path that names something.
pub(crate) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("must be a path".to_string());
    }
    Ok(PathBuf::from(text))
}
