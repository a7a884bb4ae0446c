//! The proxies between the two ends of a dialog, and how a request names them (RFC 3261 section 12.2.1.1).
//!
//! Not a resolver: it says which URI is the next hop, not at which address that is.

use crate::sip::msg::Defect;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::sip::msg::NameAddr;
use crate::sip::msg::Uri;

/// The route set: `Route` values, next hop first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSet {
    routes: Vec<Box<[u8]>>,
}

/// Where a request in the dialog goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The Request-URI.
    pub request_uri: Vec<u8>,
    /// The values of the Route headers.
    pub routes: Vec<Box<[u8]>>,
}

impl RouteSet {
    /// RFC 3261 section 12.1.1: the UAS takes the Record-Route of the request "in order".
    pub fn uas(request: &Message) -> Result<Self, Defect> {
        let routes = request.record_routes().map(|route| Ok(Box::from(route?.raw)));
        Ok(Self { routes: routes.collect::<Result<_, Defect>>()? })
    }

    /// RFC 3261 section 12.1.2: the UAC takes the Record-Route of the response "in reverse order".
    pub fn uac(response: &Message) -> Result<Self, Defect> {
        let mut set = Self::uas(response)?;
        set.routes.reverse();
        Ok(set)
    }

    /// True without any proxy.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The URI that decides where the request is sent: the first route, or the target itself.
    pub fn next_hop<'a>(&'a self, remote_target: &'a [u8]) -> &'a [u8] {
        self.first().map_or(remote_target, |uri| uri.raw)
    }

    /// Request-URI and Route of a request to `remote_target`.
    pub fn path(&self, remote_target: &[u8]) -> Path {
        match self.first() {
            // RFC 3261 section 12.2.1.1: a strict router is named in the Request-URI, "stripping any parameters that
            // are not allowed" there, and the target goes to the end of the Route.
            Some(first) if !first.is_loose_router() => {
                let mut routes: Vec<Box<[u8]>> = self.routes.iter().skip(1).cloned().collect();
                routes.push([b"<", remote_target, b">"].concat().into_boxed_slice());
                Path { request_uri: as_request_uri(&first), routes }
            }
            Some(_) | None => Path { request_uri: remote_target.to_vec(), routes: self.routes.clone() },
        }
    }

    fn first(&self) -> Option<Uri<'_>> {
        NameAddr::parse(self.routes.first()?, Name::Route).ok().map(|route| route.uri)
    }
}

/// RFC 3261 section 19.1.1, table 1: a Request-URI has neither headers nor a method parameter.
fn as_request_uri(uri: &Uri<'_>) -> Vec<u8> {
    let before_params =
        uri.params.raw().len() + if uri.headers.is_empty() { 0 } else { uri.headers.len() + 1 };
    let mut plain = uri.raw.get(..uri.raw.len().saturating_sub(before_params)).unwrap_or(uri.raw).to_vec();
    for (name, value) in uri.params.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"method")) {
        plain.push(b';');
        plain.extend_from_slice(name);
        if let Some(value) = value {
            plain.push(b'=');
            plain.extend_from_slice(value);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record_routes: &str, reversed: bool, request_uri: &str, next_hop: &str, routes: &[&str]) {
        let text = format!("SIP/2.0 200 OK\r\n{record_routes}\r\n");
        let message = Message::parse(text.into()).unwrap();
        let set = if reversed { RouteSet::uac(&message) } else { RouteSet::uas(&message) }.unwrap();
        let target = b"sip:callee@u2.domain.com";
        let path = set.path(target);
        assert_eq!(String::from_utf8_lossy(&path.request_uri), request_uri);
        let found: Vec<_> =
            path.routes.iter().map(|route| String::from_utf8_lossy(route).into_owned()).collect();
        assert_eq!(found, routes);
        assert_eq!(String::from_utf8_lossy(set.next_hop(target)), next_hop);
    }

    #[test]
    fn loose_and_strict_routers() {
        let target = "sip:callee@u2.domain.com";
        check("X: y\r\n", false, target, target, &[]);
        let loose =
            "Record-Route: <sip:p3.middle.com;lr>\r\nRecord-Route: <sip:p2.example.com;lr>, <sip:p1;lr>\r\n";
        check(
            loose,
            false,
            target,
            "sip:p3.middle.com;lr",
            &["<sip:p3.middle.com;lr>", "<sip:p2.example.com;lr>", "<sip:p1;lr>"],
        );
        check(
            loose,
            true,
            target,
            "sip:p1;lr",
            &["<sip:p1;lr>", "<sip:p2.example.com;lr>", "<sip:p3.middle.com;lr>"],
        );
        let strict = "Record-Route: <sip:p1;transport=tcp;method=INVITE>, <sip:p2;lr>\r\n";
        check(
            strict,
            false,
            "sip:p1;transport=tcp",
            "sip:p1;transport=tcp;method=INVITE",
            &["<sip:p2;lr>", "<sip:callee@u2.domain.com>"],
        );
    }
}
