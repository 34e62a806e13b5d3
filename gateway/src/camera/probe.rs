//! Is the camera back? One connection and one `OPTIONS` line without credentials, below a second, on the runtime's own
//! threads: cheap enough to be asked each second of every camera that is off.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Source;

/// The longest a probe may take.
pub const PROBE_TIMEOUT: Duration = Duration::from_millis(800);

/// How far a probe got, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// No connection.
    Closed,
    /// The connection is taken and nothing answers: a frozen process, or one that is starting.
    Silent,
    /// It answers.
    Answers,
}

/// Asks an RTSP camera. The port alone is not enough: the kernel of a frozen camera goes on taking connections.
pub async fn rtsp(source: Source) -> Reach {
    let mut reach = Reach::Closed;
    // The time-out drops the connection wherever it stands; `reach` remembers how far it got.
    let _ = timeout(PROBE_TIMEOUT, ask(&source, &mut reach)).await;
    reach
}

async fn ask(source: &Source, reach: &mut Reach) -> std::io::Result<()> {
    let mut stream = connect(source).await?;
    *reach = Reach::Silent;
    let host = source.shown_host();
    let request = format!("OPTIONS rtsp://{host}/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: yiwang-gateway\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0_u8; 64];
    if stream.read(&mut answer).await? > 0 {
        *reach = Reach::Answers;
    }
    Ok(())
}

async fn connect(source: &Source) -> std::io::Result<TcpStream> {
    let port = source.url().port().unwrap_or(super::rtsp::PORT);
    match source.url().host() {
        Some(url::Host::Ipv4(ip)) => TcpStream::connect(SocketAddr::from((ip, port))).await,
        Some(url::Host::Ipv6(ip)) => TcpStream::connect(SocketAddr::from((ip, port))).await,
        // A name costs a thread of the runtime's pool for the look-up; an address costs none.
        Some(url::Host::Domain(name)) => TcpStream::connect((name, port)).await,
        None => Err(std::io::ErrorKind::InvalidInput.into()),
    }
}

/// Asks whether a file is there.
pub async fn file(source: Source) -> Reach {
    match source.url().to_file_path() {
        Ok(path) if tokio::fs::metadata(&path).await.is_ok() => Reach::Answers,
        _ => Reach::Closed,
    }
}
