//! `[media]`: RTP.

use crate::config::network;
use crate::config::network::PortRange;
use crate::config::reader::Reader;
use crate::config::sip::Sip;
use crate::config::words::words;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::time::Duration;

words! {
    /// An audio codec.
    Codec {
        /// Opus (RFC 7587).
        "opus" => Opus,
        /// G.722, wide band.
        "g722" => G722,
        /// G.711 A-law.
        "pcma" => Pcma,
        /// G.711 µ-law.
        "pcmu" => Pcmu,
    }
}

words! {
    /// How the sockets of media are arranged.
    Sockets {
        /// One for all ports where the process may, else one for each.
        "auto" => Auto,
        /// One for each port.
        "each" => Each,
        /// One for all ports.
        "shared" => Shared,
    }
}

words! {
    /// A country whose call progress tones are played.
    Tones {
        /// France.
        "fr" => Fr,
        /// United Kingdom.
        "uk" => Uk,
        /// United States and Canada.
        "us" => Us,
        /// Germany.
        "de" => De,
        /// Switzerland.
        "ch" => Ch,
        /// Spain.
        "es" => Es,
        /// Italy.
        "it" => It,
    }
}

/// `[media]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// Where RTP is received, and what SDP says to local peers.
    pub address: IpAddr,
    /// The ports of RTP and RTCP.
    pub ports: PortRange,
    /// How their sockets are arranged.
    pub sockets: Sockets,
    /// Codecs in order of preference, each once, those not built yet included.
    pub codecs: Vec<Codec>,
    /// A call without a packet from one side for so long is ended; `None`: never.
    pub no_media_timeout: Option<Duration>,
    /// Whose tones.
    pub tones: Tones,
    /// The class of music that the first in a conference hears until somebody comes; empty: silence.
    pub conference_music: String,
    /// Voices in a room are brought to a common level.
    pub automatic_level: bool,
}

/// A class that does not exist is the default one, as everywhere.
fn class(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

impl Media {
    pub(crate) fn read(reader: &mut Reader<'_, '_>, sip: Option<&Sip>) -> Option<Self> {
        let address_at = reader.place_of("address");
        let sockets_at = reader.place_of("sockets");
        let ports_at = reader.place_of("ports");
        if reader.has("codecs") && reader.is_empty("codecs") {
            let at = reader.place_of("codecs");
            reader.cx.fault(&at, "`codecs` must name at least one codec");
        }
        let first_udp = sip.and_then(|sip| sip.udp.first()).map(std::net::SocketAddr::ip);
        let address = reader.parsed("address", network::ip).or(first_udp);
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let ports = reader.parsed("ports", PortRange::parse);
        let media = Self {
            address,
            ports: ports.unwrap_or(PortRange { first: u16::MAX, last: u16::MAX }),
            sockets: reader.word("sockets").unwrap_or(Sockets::Auto),
            codecs: reader.words("codecs"),
            no_media_timeout: reader.seconds_or_none("no_media_timeout_seconds"),
            tones: reader.word("tones").unwrap_or(Tones::Fr),
            conference_music: reader.parsed("conference_music", class).unwrap_or_default(),
            automatic_level: reader.flag("automatic_level"),
        };
        if media.sockets == Sockets::Shared && (address.is_ipv6() || address.is_unspecified()) {
            let what =
                format!("`sockets` can be `shared` with one IPv4 address alone, and `address` is {address}");
            reader.cx.fault(&sockets_at, what);
        }
        if let Some(sip) = sip {
            media.check_ports(reader, sip, &ports_at);
            if address.is_unspecified() && sip.advertised.is_none() {
                let what = format!(
                    "RTP is received at {address} and `sip.advertised` is not set: peers have no address to send to"
                );
                reader.cx.doubt(&address_at, what);
            }
        }
        Some(media)
    }

    fn check_ports(&self, reader: &mut Reader<'_, '_>, sip: &Sip, at: &crate::config::fault::Place) {
        let same_host =
            |host: IpAddr| host == self.address || host.is_unspecified() || self.address.is_unspecified();
        let clash = sip.udp.iter().find(|udp| same_host(udp.ip()) && self.ports.contains(udp.port()));
        if let Some(udp) = clash {
            let (first, last) = (self.ports.first, self.ports.last);
            reader.cx.fault(at, format!("`ports` {first}-{last} overlaps `sip.udp` {udp}"));
        }
    }
}
