//! A peer of the tests' own over a real connection: a client over TCP, TLS, WebSocket or WebSocket over TLS, or a server
//! over TLS.

#![allow(clippy::disallowed_methods, reason = "real sockets live in real time")]

use super::certificate::Certificate;
use bytes::Bytes;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use strowger::sip::endpoint::Transport;
use strowger::sip::msg::frame::{Frame, Framer};
use strowger::sip::msg::{Message, Method, Name};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocket;

/// Nothing on loopback takes so long.
const CEILING: Duration = Duration::from_secs(20);
/// How often a read looks at the clock.
const LOOK: Duration = Duration::from_millis(50);

type Secure = StreamOwned<ClientConnection, TcpStream>;

enum Stream {
    Tcp(TcpStream),
    Tls(Box<Secure>),
    /// Opened by the other side.
    Served(Box<StreamOwned<ServerConnection, TcpStream>>),
    Ws(Box<WebSocket<TcpStream>>),
    Wss(Box<WebSocket<Secure>>),
}

/// What came.
#[derive(Clone, Debug)]
pub enum Came {
    Message(Message),
    /// One line end: the answer to a keep-alive.
    Pong,
    /// The connection has ended.
    Closed,
}

/// An open connection.
pub struct Wire {
    pub transport: Transport,
    stream: Stream,
    framer: Framer,
    line_ends: u64,
}

impl Wire {
    /// Connects, with all handshakes. The certificate must bear the name.
    pub fn connect(
        transport: Transport,
        address: SocketAddr,
        trusted: &Certificate,
        name: &str,
    ) -> Result<Self, String> {
        let tcp = TcpStream::connect(address).map_err(|error| error.to_string())?;
        tcp.set_nodelay(true).expect("an option");
        tcp.set_read_timeout(Some(CEILING)).expect("a timeout");
        let secure = |tcp: TcpStream| {
            let name = ServerName::try_from(name.to_owned()).expect("a name");
            let client = ClientConnection::new(trusted.client(), name).expect("a client");
            StreamOwned::new(client, tcp)
        };
        let request = || sip_request(address, Some("sip"), None);
        let stream = match transport {
            Transport::Tcp => Stream::Tcp(tcp),
            Transport::Tls => {
                let mut stream = secure(tcp);
                stream.flush().map_err(|error| error.to_string())?;
                Stream::Tls(Box::new(stream))
            }
            Transport::Ws => {
                let done = tungstenite::client(request(), tcp).map_err(|error| error.to_string())?;
                Stream::Ws(Box::new(done.0))
            }
            Transport::Wss => {
                let done = tungstenite::client(request(), secure(tcp)).map_err(|error| error.to_string())?;
                Stream::Wss(Box::new(done.0))
            }
            Transport::Udp => panic!("no connection"),
        };
        let wire = Self { transport, stream, framer: Framer::new(), line_ends: 0 };
        wire.socket().set_read_timeout(Some(LOOK)).expect("a timeout");
        Ok(wire)
    }

    /// Waits for a connection and shows it this certificate.
    pub fn accept(listener: &TcpListener, certificate: &Certificate) -> Result<Self, String> {
        listener.set_nonblocking(true).expect("an option");
        let began = Instant::now();
        let mut tcp = loop {
            match listener.accept() {
                Ok((tcp, _)) => break tcp,
                Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < CEILING => {
                    std::thread::sleep(LOOK);
                }
                Err(error) => return Err(error.to_string()),
            }
        };
        tcp.set_nonblocking(false).expect("an option");
        tcp.set_nodelay(true).expect("an option");
        tcp.set_read_timeout(Some(CEILING)).expect("a timeout");
        let mut server = ServerConnection::new(certificate.server()).expect("a server");
        while server.is_handshaking() {
            server.complete_io(&mut tcp).map_err(|error| error.to_string())?;
        }
        tcp.set_read_timeout(Some(LOOK)).expect("a timeout");
        let stream = Stream::Served(Box::new(StreamOwned::new(server, tcp)));
        Ok(Self { transport: Transport::Tls, stream, framer: Framer::new(), line_ends: 0 })
    }

    fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Tcp(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
            Stream::Served(stream) => &stream.sock,
            Stream::Ws(socket) => socket.get_ref(),
            Stream::Wss(socket) => &socket.get_ref().sock,
        }
    }

    /// Sends bytes; over WebSocket as one message. False when the connection takes no more.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        let message = || match std::str::from_utf8(bytes) {
            Ok(text) => tungstenite::Message::text(text),
            Err(_) => tungstenite::Message::binary(bytes.to_vec()),
        };
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes).is_ok(),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()).is_ok(),
            Stream::Served(stream) => stream.write_all(bytes).and_then(|()| stream.flush()).is_ok(),
            Stream::Ws(socket) => socket.send(message()).is_ok(),
            Stream::Wss(socket) => socket.send(message()).is_ok(),
        }
    }

    /// The next thing that comes.
    #[track_caller]
    pub fn receive(&mut self) -> Came {
        let began = Instant::now();
        loop {
            if let Some(came) = self.framed() {
                return came;
            }
            let Some(read) = self.read() else {
                assert!(began.elapsed() < CEILING, "{:?}: nothing came", self.transport);
                continue;
            };
            match read {
                Ok(bytes) if bytes.is_empty() => return Came::Closed,
                Ok(bytes) => match self.transport {
                    Transport::Ws | Transport::Wss if bytes == *b"\r\n" => return Came::Pong,
                    Transport::Ws | Transport::Wss => {
                        return Came::Message(Message::parse(Bytes::from(bytes)).expect("a SIP message"));
                    }
                    Transport::Udp | Transport::Tcp | Transport::Tls => self.framer.push(&bytes),
                },
                Err(()) => return Came::Closed,
            }
        }
    }

    fn framed(&mut self) -> Option<Came> {
        let framed = self.framer.pop().expect("the switch frames its messages");
        let line_ends = self.framer.line_ends();
        if std::mem::replace(&mut self.line_ends, line_ends) < line_ends && framed.is_none() {
            return Some(Came::Pong);
        }
        framed.map(|frame| match frame {
            Frame::Message(message) => Came::Message(message),
            Frame::Ping => Came::Pong,
        })
    }

    /// What one read brings; `None` when nothing was there yet.
    fn read(&mut self) -> Option<Result<Vec<u8>, ()>> {
        let mut buffer = vec![0; 65_536];
        let read = match &mut self.stream {
            Stream::Tcp(stream) => stream.read(&mut buffer),
            Stream::Tls(stream) => stream.read(&mut buffer),
            Stream::Served(stream) => stream.read(&mut buffer),
            Stream::Ws(socket) => return of_socket(socket.read()),
            Stream::Wss(socket) => return of_socket(socket.read()),
        };
        match read {
            Ok(length) => {
                buffer.truncate(length);
                Some(Ok(buffer))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(_) => Some(Err(())),
        }
    }

    /// The next message; fails when the connection ends instead.
    #[track_caller]
    pub fn message(&mut self) -> Message {
        match self.receive() {
            Came::Message(message) => message,
            other => panic!("{:?}: a message should have come, not {other:?}", self.transport),
        }
    }

    /// The next request with that method; others are passed over.
    #[track_caller]
    pub fn request(&mut self, method: Method<'_>) -> Message {
        loop {
            let message = self.message();
            if message.is_request() && message.method() == method {
                return message;
            }
        }
    }

    /// The answer to a request: the next response with its Call-ID and a final status.
    #[track_caller]
    pub fn answer(&mut self, call_id: &str) -> Message {
        loop {
            let message = self.message();
            let is_ours = message.header(Name::CallId) == Some(call_id.as_bytes());
            if is_ours && message.status().is_some_and(|status| status >= 200) {
                return message;
            }
        }
    }
}

fn of_socket(read: Result<tungstenite::Message, tungstenite::Error>) -> Option<Result<Vec<u8>, ()>> {
    match read {
        Ok(tungstenite::Message::Text(text)) => Some(Ok(text.as_bytes().to_vec())),
        Ok(tungstenite::Message::Binary(bytes)) => Some(Ok(bytes.to_vec())),
        Ok(tungstenite::Message::Close(_)) => Some(Err(())),
        Ok(_) => None,
        Err(tungstenite::Error::Io(error))
            if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
        {
            None
        }
        Err(_) => Some(Err(())),
    }
}

/// The request of a WebSocket's handshake.
pub fn sip_request(
    address: SocketAddr,
    subprotocol: Option<&'static str>,
    origin: Option<&'static str>,
) -> tungstenite::handshake::client::Request {
    let mut request = format!("ws://{address}/").into_client_request().expect("a URL");
    let headers = request.headers_mut();
    if let Some(word) = subprotocol {
        headers.insert("Sec-WebSocket-Protocol", tungstenite::http::HeaderValue::from_static(word));
    }
    if let Some(origin) = origin {
        headers.insert("Origin", tungstenite::http::HeaderValue::from_static(origin));
    }
    request
}
