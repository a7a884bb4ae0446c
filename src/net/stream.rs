//! A byte stream (TCP, TLS) as messages: read, framed and handed over; written in order.

use crate::net::connections::Limits;
use crate::net::link::Link;
use crate::net::link::Outbox;
use crate::net::link::Patience;
use crate::sip::msg::frame::Frame;
use crate::sip::msg::frame::Framer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What one read takes at most. Small, for thousands of connections have one each; a message is mostly smaller.
const READ_MAX: usize = 4096;

/// Reads until the stream ends, breaks its framing or is silent for too long.
pub(in crate::net) async fn read<R: AsyncRead + Unpin>(mut reader: R, link: &Link, limits: &Limits) {
    let mut framer = Framer::new();
    let mut buffer = vec![0; READ_MAX];
    let mut patience = Patience::new(limits);
    loop {
        let read = tokio::time::timeout_at(patience.until(), reader.read(&mut buffer)).await;
        let Ok(Ok(length)) = read else { return };
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { return };
        framer.push(bytes);
        let framed = frames(&mut framer, link);
        link.sink.flush();
        let Some(whole) = framed else { return };
        patience.read(whole, framer.is_within_message());
    }
}

/// Hands over what is whole: whether there was a message, or `None` when the framing is lost.
fn frames(framer: &mut Framer, link: &Link) -> Option<bool> {
    let mut whole = false;
    loop {
        match framer.pop() {
            Ok(Some(Frame::Message(message))) => {
                whole = true;
                link.received(message.as_bytes().clone());
            }
            Ok(Some(Frame::Ping)) => link.ping(),
            Ok(None) => return Some(whole),
            Err(broken) => {
                // What came whole before it is answered first.
                link.sink.flush();
                link.broken(&broken);
                return None;
            }
        }
    }
}

/// Writes until the queue or the stream ends.
pub(in crate::net) async fn write<W: AsyncWrite + Unpin>(mut writer: W, mut outbox: Outbox) {
    while let Some(bytes) = outbox.next().await {
        if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
            return;
        }
    }
    let _ = writer.shutdown().await;
}
