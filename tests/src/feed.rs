//! Reads the hub's feed as a subscriber outside would: server-sent events over plain HTTP (the demo and the tests run on
//! loopback), with resumption by `Last-Event-ID`. `SseParser` and `Body` are pure, `Feed` is the socket around them.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// One server-sent event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// Position in the feed; empty for a heartbeat.
    pub id: String,
    /// `event` or `heartbeat`.
    pub event: String,
    /// JSON.
    pub data: String,
}

/// Why there is no feed (any more).
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The address can't be used.
    #[error("{0:?} is no address of the form http://HOST:PORT/PATH")]
    Address(String),
    /// The connection failed or broke.
    #[error("the connection to {address} failed")]
    Connection {
        /// Host and port.
        address: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The hub said no.
    #[error("the hub answered {status}: {body}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
}

/// Turns the bytes of an event stream into events.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    item: Item,
    ready: VecDeque<Item>,
}

impl SseParser {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.take_line(String::from_utf8_lossy(&line).trim_end_matches('\r'));
            } else {
                self.line.push(byte);
            }
        }
    }

    /// The next whole event.
    pub fn pop(&mut self) -> Option<Item> {
        self.ready.pop_front()
    }

    fn take_line(&mut self, line: &str) {
        if line.is_empty() {
            let item = std::mem::take(&mut self.item);
            if !item.data.is_empty() {
                self.ready.push_back(item);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.item.id = value.to_owned(),
            "event" => self.item.event = value.to_owned(),
            "data" if self.item.data.is_empty() => self.item.data = value.to_owned(),
            "data" => self.item.data = format!("{}\n{value}", self.item.data),
            _ => {}
        }
    }
}

/// The body of an HTTP/1.1 answer: takes the chunk sizes out where there are any.
#[derive(Debug, Default)]
pub struct Body {
    chunked: bool,
    raw: Vec<u8>,
    left: usize,
}

impl Body {
    /// A body, chunked or plain.
    pub fn new(chunked: bool) -> Self {
        Self { chunked, ..Self::default() }
    }

    /// Takes raw bytes, gives what they hold of the content.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if !self.chunked {
            return bytes.to_vec();
        }
        self.raw.extend_from_slice(bytes);
        let (mut content, mut at) = (Vec::new(), 0);
        while at < self.raw.len() {
            if self.left > 0 {
                let part = self.left.min(self.raw.len() - at);
                content.extend_from_slice(&self.raw[at..at + part]);
                self.left -= part;
                at += part;
                continue;
            }
            let Some(end) = self.raw[at..].windows(2).position(|pair| pair == b"\r\n") else {
                break;
            };
            let size = String::from_utf8_lossy(&self.raw[at..at + end]).into_owned();
            // An empty line is the end of the chunk before.
            self.left = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
            at += end + 2;
        }
        self.raw.drain(..at);
        content
    }
}

/// Host and port, and path, of `http://HOST:PORT/PATH`.
pub fn split_url(url: &str) -> Result<(String, String), FeedError> {
    let rest = url.strip_prefix("http://").ok_or_else(|| FeedError::Address(url.into()))?;
    let (host, path) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, path.to_owned()));
    Ok((host.to_owned(), format!("/{path}")))
}

/// The head of a request for the feed; `after` resumes behind that position.
pub fn request(host: &str, path: &str, token: &str, after: Option<&str>) -> String {
    let resume = after.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n{resume}\r\n"
    )
}

/// Status and whether the body is chunked, of the head of an answer.
pub fn read_head(head: &str) -> (u16, bool) {
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    (status, head.to_ascii_lowercase().contains("transfer-encoding: chunked"))
}

/// Gets a whole answer (JSON of the REST routes).
pub fn get(url: &str, token: &str) -> Result<String, FeedError> {
    let (host, path) = split_url(url)?;
    let fail = |source| FeedError::Connection { address: host.clone(), source };
    let mut stream = TcpStream::connect(&host).map_err(fail)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(fail)?;
    let head = request(&host, &path, token, None).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(fail)?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).map_err(fail)?;
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").map_or(raw.len(), |at| at + 4);
    let (status, chunked) = read_head(&String::from_utf8_lossy(&raw[..end]));
    let body = String::from_utf8_lossy(&Body::new(chunked).push(&raw[end..])).into_owned();
    if status == 200 { Ok(body) } else { Err(FeedError::Refused { status, body }) }
}

/// A subscription that resumes where it stood after a broken connection.
pub struct Feed {
    host: String,
    path: String,
    token: String,
    last: Option<String>,
    open: Option<Open>,
}

struct Open {
    stream: TcpStream,
    body: Body,
    parser: SseParser,
}

impl Feed {
    /// Subscribes: `url` is the address of the feed, with its query; `after` resumes behind that position.
    pub fn connect(url: &str, token: &str, after: Option<&str>) -> Result<Self, FeedError> {
        let (host, path) = split_url(url)?;
        let mut feed = Self { host, path, token: token.to_owned(), last: after.map(str::to_owned), open: None };
        feed.reopen()?;
        Ok(feed)
    }

    /// The position of the last event that was handed out.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// The next event or heartbeat, or none after `wait`. A connection that broke is opened again behind the last event;
    /// an answer that is not the feed (410 for a position too old) is an error.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Item>, FeedError> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(item) = self.open.as_mut().and_then(|open| open.parser.pop()) {
                if !item.id.is_empty() {
                    self.last = Some(item.id.clone());
                }
                return Ok(Some(item));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            if self.open.is_none() {
                match self.reopen() {
                    Err(FeedError::Connection { .. }) => std::thread::sleep(left.min(Duration::from_millis(200))),
                    other => other?,
                }
            } else if !self.fill(left) {
                self.open = None;
            }
        }
    }

    /// Reads once; false where the connection is over.
    fn fill(&mut self, wait: Duration) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        let mut bytes = [0; 16 * 1024];
        let _ = open.stream.set_read_timeout(Some(wait.max(Duration::from_millis(1))));
        match open.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(count) => {
                let content = open.body.push(&bytes[..count]);
                open.parser.push(&content);
                true
            }
            Err(error) => matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
        }
    }

    fn reopen(&mut self) -> Result<(), FeedError> {
        let fail = |source| FeedError::Connection { address: self.host.clone(), source };
        let mut stream = TcpStream::connect(&self.host).map_err(fail)?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(fail)?;
        let head = request(&self.host, &self.path, &self.token, self.last.as_deref());
        stream.write_all(head.as_bytes()).map_err(fail)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).map_err(fail)?;
            head.push(byte[0]);
        }
        let (status, chunked) = read_head(&String::from_utf8_lossy(&head));
        if status != 200 {
            let mut rest = vec![0; 2048];
            let count = stream.read(&mut rest).unwrap_or(0);
            return Err(FeedError::Refused { status, body: String::from_utf8_lossy(&rest[..count]).into_owned() });
        }
        self.open = Some(Open { stream, body: Body::new(chunked), parser: SseParser::default() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "id: a-1\nevent: event\ndata: {\"x\":1}\n\n: comment\n\nevent: heartbeat\ndata: {}\r\n\r\n";

    #[test]
    fn events_come_whole_however_the_bytes_are_cut() {
        for size in 1..=STREAM.len() {
            let mut parser = SseParser::default();
            STREAM.as_bytes().chunks(size).for_each(|part| parser.push(part));
            let first = parser.pop().unwrap();
            assert_eq!((first.id.as_str(), first.event.as_str(), first.data.as_str()), ("a-1", "event", "{\"x\":1}"));
            assert_eq!(parser.pop().unwrap().event, "heartbeat");
            assert_eq!(parser.pop(), None);
        }
    }

    #[test]
    fn chunk_sizes_are_taken_out_however_the_bytes_are_cut() {
        let raw = b"5\r\nhello\r\n10\r\n, you in a chunk\r\n0\r\n\r\n";
        for size in 1..=raw.len() {
            let mut body = Body::new(true);
            let content: Vec<u8> = raw.chunks(size).flat_map(|part| body.push(part)).collect();
            assert_eq!(content, b"hello, you in a chunk", "cut by {size}");
        }
    }
}
