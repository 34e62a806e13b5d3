//! Somebody who looks through cameras by the hub's API, as small as can be and with the time of every piece that arrives:
//! plain HTTP over a socket of its own, as the tests' hubs speak it on loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::feed::{self, Body};
use crate::link::{LinkError, now_us};

/// Silence after which an answer is given up.
const WAIT: Duration = Duration::from_secs(30);

/// A person who has logged in.
#[derive(Debug, Clone)]
pub struct Viewer {
    web: String,
    cookie: String,
}

/// A record of live video, with when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `i`, `m`, `h`, `e`.
    pub kind: u8,
    /// What it says.
    pub body: Vec<u8>,
    /// When the last byte of it was here.
    pub arrived_us: i64,
}

impl Record {
    /// When the picture was taken; none where it is none.
    pub fn captured_us(&self) -> Option<i64> {
        let bytes = self.body.get(1..9).filter(|_| self.kind == b'm')?;
        Some(i64::from_be_bytes(bytes.try_into().ok()?))
    }
}

impl Viewer {
    /// Logs in at `http://HOST:PORT`.
    pub fn log_in(web: &str, user: &str, password: &str) -> Result<Self, LinkError> {
        let mut viewer = Self { web: web.to_owned(), cookie: String::new() };
        let answer = viewer.open("/api/v1/login", &serde_json::json!({"user": user, "password": password}))?;
        let cookies = answer.head.lines().filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("set-cookie").then(|| value.trim().split(';').next().unwrap_or_default())
        });
        viewer.cookie = cookies.collect::<Vec<_>>().join("; ");
        if answer.status != 200 {
            return Err(format!("logging in was answered {}", answer.status).into());
        }
        Ok(viewer)
    }

    /// The newest picture: the status of the answer, and how many bytes came.
    pub fn still(&self, gateway: &str, camera: &str) -> Result<(u16, usize), LinkError> {
        let mut answer = self.open(&path(gateway, camera, "still"), &serde_json::json!({}))?;
        let mut bytes = 0;
        while let Some(piece) = answer.read()? {
            bytes += piece.len();
        }
        Ok((answer.status, bytes))
    }

    /// Begins to watch; an error where it is refused.
    pub fn watch(&self, gateway: &str, camera: &str) -> Result<Watch, LinkError> {
        let mut answer = self.open(&path(gateway, camera, "live"), &serde_json::json!({}))?;
        if answer.status != 200 {
            let text = answer.read()?.unwrap_or_default();
            return Err(format!("answered {}: {}", answer.status, String::from_utf8_lossy(&text)).into());
        }
        Ok(Watch { answer, rest: Vec::new() })
    }

    fn open(&self, path: &str, body: &serde_json::Value) -> Result<Answer, LinkError> {
        let (host, path) = feed::split_url(&format!("{}{path}", self.web))?;
        let mut stream = TcpStream::connect(&host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WAIT))?;
        let (cookie, body) = (&self.cookie, body.to_string());
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\nx-yiwang: 1\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )?;
        Answer::begin(stream)
    }
}

fn path(gateway: &str, camera: &str, what: &str) -> String {
    format!("/api/v1/cameras/{gateway}/{camera}/{what}")
}

struct Answer {
    stream: TcpStream,
    status: u16,
    head: String,
    body: Body,
    first: Vec<u8>,
}

impl Answer {
    fn begin(mut stream: TcpStream) -> Result<Self, LinkError> {
        let (mut raw, mut bytes) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let count = stream.read(&mut bytes)?;
            if count == 0 {
                return Err("closed before an answer".into());
            }
            raw.extend_from_slice(&bytes[..count]);
            if let Some(at) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&raw[..at + 4]).into_owned();
                let (status, chunked) = feed::read_head(&head);
                let mut body = Body::new(chunked);
                let first = body.push(&raw[at + 4..]);
                return Ok(Self { stream, status, head, body, first });
            }
        }
    }

    /// What came next; none at the end.
    fn read(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        if !self.first.is_empty() {
            return Ok(Some(std::mem::take(&mut self.first)));
        }
        let mut bytes = vec![0; 64 * 1024];
        let count = self.stream.read(&mut bytes)?;
        Ok((count > 0).then(|| self.body.push(&bytes[..count])))
    }
}

/// Live video as it comes.
pub struct Watch {
    answer: Answer,
    rest: Vec<u8>,
}

impl Watch {
    /// The next record; none at the end.
    pub fn next_record(&mut self) -> Result<Option<Record>, LinkError> {
        loop {
            if let Some((length, rest)) = self.rest.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if let Some((kind, body)) = rest.get(..length).and_then(|record| record.split_first()) {
                    let record = Record { kind: *kind, body: body.to_vec(), arrived_us: now_us() };
                    self.rest.drain(..4 + length);
                    return Ok(Some(record));
                }
            }
            match self.answer.read()? {
                Some(bytes) => self.rest.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}
