//! SIP over WebSocket (RFC 7118): the handshake with the subprotocol `sip`, one message in each WebSocket message.
//!
//! Pings of WebSocket are answered by the library; double CRLFs as on any other connection.

use crate::net::connections::Limits;
use crate::net::link::Link;
use crate::net::link::Outbox;
use crate::net::link::Patience;
use crate::sip::msg::frame;
use crate::sip::msg::frame::Whole;
use crate::sip::msg::limits::MESSAGE_LEN_MAX;
use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::StreamExt;
use futures_util::stream::SplitSink;
use futures_util::stream::SplitStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::handshake::server::ErrorResponse;
use tokio_tungstenite::tungstenite::handshake::server::Request;
use tokio_tungstenite::tungstenite::handshake::server::Response;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::http::header::ORIGIN;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// A WebSocket after its handshake.
pub(in crate::net) type Socket<S> = WebSocketStream<S>;

/// RFC 7118 section 4: the subprotocol's name.
const SUBPROTOCOL: &str = "sip";
/// Small, for thousands of connections have one each.
const BUFFER_BYTES: usize = 4096;

/// The server's side of the handshake.
#[expect(clippy::result_large_err, reason = "the library's own error")]
pub(in crate::net) async fn accept<S>(stream: S, origins: &[String]) -> Result<Socket<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * MESSAGE_LEN_MAX)
        .max_message_size(Some(MESSAGE_LEN_MAX))
        .max_frame_size(Some(MESSAGE_LEN_MAX));
    let agree = |request: &Request, response: Response| agree(request, response, origins);
    accept_hdr_async_with_config(stream, agree, Some(config)).await
}

#[expect(clippy::result_large_err, reason = "the library's own type for a refusal")]
fn agree(request: &Request, mut response: Response, origins: &[String]) -> Result<Response, ErrorResponse> {
    // RFC 7118 section 5: a client that does not offer the subprotocol does not speak SIP.
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if !offered.any(|word| word.trim().eq_ignore_ascii_case(SUBPROTOCOL)) {
        return Err(refusal(StatusCode::BAD_REQUEST, "this WebSocket speaks the subprotocol `sip` only"));
    }
    // RFC 6455 section 10.2: a page of somebody else must not use its visitor's connection.
    let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if !may_open(origin, origins) {
        return Err(refusal(StatusCode::FORBIDDEN, "pages of this origin may not connect"));
    }
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

/// A client that is no browser has no origin, and could say any.
fn may_open(origin: Option<&str>, origins: &[String]) -> bool {
    let Some(origin) = origin else { return true };
    origins.is_empty() || origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

fn refusal(status: StatusCode, why: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(why.to_owned()));
    *response.status_mut() = status;
    response
}

/// The two halves.
pub(in crate::net) fn halves<S>(socket: Socket<S>) -> (SplitSink<Socket<S>, Message>, SplitStream<Socket<S>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.split()
}

/// Reads until the peer closes, breaks the framing or is silent for too long.
pub(in crate::net) async fn read<S>(mut reader: SplitStream<Socket<S>>, link: &Link, limits: &Limits)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut patience = Patience::new(limits);
    loop {
        let read = tokio::time::timeout_at(patience.until(), reader.next()).await;
        let Ok(Some(Ok(message))) = read else { return };
        let bytes = match message {
            Message::Text(text) => Bytes::from(text),
            Message::Binary(bytes) => bytes,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                patience.read(false, false);
                continue;
            }
            Message::Close(_) => return,
        };
        // RFC 7118 section 5.1: "Each SIP message MUST be carried within a single WebSocket message".
        let whole = match frame::whole(bytes) {
            Ok(Whole::Message(bytes)) => {
                link.received(bytes);
                true
            }
            Ok(Whole::Ping) => {
                link.ping();
                false
            }
            Ok(Whole::Pong) => false,
            Err(broken) => {
                link.broken(&broken);
                return;
            }
        };
        link.sink.flush();
        patience.read(whole, false);
    }
}

/// Writes until the queue or the connection ends.
pub(in crate::net) async fn write<S>(mut writer: SplitSink<Socket<S>, Message>, mut outbox: Outbox)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(bytes) = outbox.next().await {
        // RFC 7118 section 5.1: text where the message is text, which is what libraries of browsers expect.
        let message = match Utf8Bytes::try_from(bytes.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(bytes),
        };
        if writer.send(message).await.is_err() {
            return;
        }
    }
    let _ = writer.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_checked_where_there_is_a_list() {
        let list = ["https://phone.example.com".to_owned()];
        assert!(may_open(Some("https://anywhere.example"), &[]));
        assert!(may_open(Some("HTTPS://phone.example.com"), &list));
        assert!(may_open(None, &list), "no browser");
        assert!(!may_open(Some("https://evil.example"), &list));
        assert!(!may_open(Some("null"), &list));
    }
}
