//! How the command line speaks to the gateway that runs: a socket in the state folder, which only the gateway's own user
//! and root can open. A connection brings one line, an order, and gets one answer: `ok` or `fault` in the first line,
//! then text for people.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Orders that wait. When full, who asks waits.
pub const ORDERS_MAX: usize = 4;
/// Longest order.
const ORDER_BYTES_MAX: u64 = 64;
/// Longest answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// Who opens the socket must say what it wants within this time.
const SAY_WITHIN: Duration = Duration::from_secs(5);
/// How long the command line waits: a model may have to be loaded.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Read the configuration again and bring it into force.
    Reload,
    /// Tell how everything is.
    Status,
}

const WORDS: &[(Order, &str)] = &[(Order::Reload, "reload"), (Order::Status, "status")];

impl Order {
    /// The word for it on the socket.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(order, _)| *order == self).map_or("", |(_, word)| word)
    }

    fn of(word: &str) -> Option<Order> {
        WORDS.iter().find(|(_, known)| *known == word.trim()).map(|(order, _)| *order)
    }
}

/// Text for people; an error where nothing was done.
pub type Answer = Result<String, String>;

/// An order and who waits for its answer.
pub type Asked = (Order, oneshot::Sender<Answer>);

/// No gateway answers there.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens, or it is not ours to open.
    #[error(
        "no gateway answers at {path}: {source}. It must run with this configuration, and you must be root or its user"
    )]
    Connect {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It was cut.
    #[error("the gateway did not answer: {0}; its log says more")]
    Cut(std::io::Error),
    /// What was asked was not done.
    #[error("{0}")]
    Refused(String),
}

fn socket(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// Opens the socket. One that a killed gateway left is taken away.
///
/// # Errors
/// It cannot be had; signals work without it.
pub fn bind(state_dir: &Path) -> std::io::Result<UnixListener> {
    let path = socket(state_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Takes orders until `shutdown`.
pub async fn serve(listener: UnixListener, orders: mpsc::Sender<Asked>, shutdown: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        // One after the other: whoever may open it is no stranger, and an order is short.
        if let Ok((stream, _)) = accepted
            && let Err(error) = answer(stream, &orders).await
        {
            tracing::debug!(%error, "an order broke off");
        }
    }
}

async fn answer(mut stream: UnixStream, orders: &mpsc::Sender<Asked>) -> std::io::Result<()> {
    let mut word = String::new();
    tokio::time::timeout(SAY_WITHIN, (&mut stream).take(ORDER_BYTES_MAX).read_to_string(&mut word)).await??;
    let answer = match Order::of(&word) {
        None => Err("this gateway does not know that order; is the command of another version?".to_owned()),
        Some(order) => {
            let (send, receive) = oneshot::channel();
            let _ = orders.send((order, send)).await;
            receive.await.unwrap_or_else(|_| Err("the gateway ends".to_owned()))
        }
    };
    let (head, text) = match &answer {
        Ok(text) => ("ok", text),
        Err(text) => ("fault", text),
    };
    stream.write_all(format!("{head}\n{text}").as_bytes()).await?;
    stream.shutdown().await
}

/// Asks the gateway that runs with this state folder.
///
/// # Errors
/// There is none, or it did not do it; the text says why.
pub async fn ask(state_dir: &Path, order: Order) -> Result<String, ControlError> {
    let path = socket(state_dir);
    let mut stream = UnixStream::connect(&path).await.map_err(|source| ControlError::Connect { path, source })?;
    let asked = async {
        stream.write_all(order.word().as_bytes()).await?;
        stream.shutdown().await?;
        let mut text = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text).await?;
        Ok(text)
    };
    let text = match tokio::time::timeout(ANSWER_WITHIN, asked).await {
        Ok(answer) => answer.map_err(ControlError::Cut)?,
        Err(_) => return Err(ControlError::Cut(std::io::ErrorKind::TimedOut.into())),
    };
    match text.split_once('\n') {
        Some(("ok", text)) => Ok(text.to_owned()),
        Some((_, text)) => Err(ControlError::Refused(text.to_owned())),
        None => Err(ControlError::Cut(std::io::ErrorKind::UnexpectedEof.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_gets_its_answer_and_only_its_own_user_may_give_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(ask(dir.path(), Order::Status).await.unwrap_err().to_string().contains("no gateway answers"));
        std::fs::write(dir.path().join("control.sock"), "left by a killed gateway").unwrap();
        let listener = bind(dir.path()).unwrap();
        let mode = std::fs::metadata(dir.path().join("control.sock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (send, mut receive) = mpsc::channel::<Asked>(ORDERS_MAX);
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, send, shutdown.clone()));
        tokio::spawn(async move {
            while let Some((order, answer)) = receive.recv().await {
                let _ = answer.send(if order == Order::Status { Ok("all is well".into()) } else { Err("no".into()) });
            }
        });
        assert_eq!(ask(dir.path(), Order::Status).await.unwrap(), "all is well");
        assert_eq!(ask(dir.path(), Order::Reload).await.unwrap_err().to_string(), "no");
        let mut stranger = UnixStream::connect(dir.path().join("control.sock")).await.unwrap();
        stranger.write_all(b"dance").await.unwrap();
        stranger.shutdown().await.unwrap();
        let mut text = String::new();
        stranger.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("fault\n"), "{text}");
        shutdown.cancel();
        serving.await.unwrap();
    }
}
