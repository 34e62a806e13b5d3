//! A clip from a gateway: what it says of it, then the file itself, held against the hash that was made where it was cut.
//! Nothing of it is kept here once it is handed on.

use std::time::Duration;

use quinn::{Connection, RecvStream};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::pb::{self, answer, ask};
use yiwang_wire::picture::NoPicture;
use yiwang_wire::{codec, limits};

use super::{Unseen, WITHIN};

/// A file that has not grown for so long does not come.
const STALLED: Duration = Duration::from_secs(20);
/// A whole file must be here within this time.
const WHOLE_WITHIN: Duration = Duration::from_secs(120);
const CHUNK_BYTES: usize = 64 * 1024;

/// A clip whose bytes are those that the gateway hashed.
#[derive(Debug)]
pub struct Clip {
    /// What the gateway says of it.
    pub begins: pb::ClipBegins,
    /// Fragmented MP4.
    pub file: Vec<u8>,
}

/// Asks for what was taken between two moments. Dropped amid it, the gateway is told to stop.
pub(super) async fn ask(connection: &Connection, camera: &str, from_us: i64, to_us: i64) -> Result<Clip, Unseen> {
    let what = ask::What::Clip(pb::AskClip { from_us, to_us });
    let asked = pb::Ask { camera: camera.to_owned(), what: Some(what) };
    let begun = async {
        let (mut send, receive) = connection.open_bi().await.map_err(|_| Unseen::Offline)?;
        let mut bytes = Vec::new();
        frame::encode(&codec::encode_ask(&asked), &mut bytes);
        send.write_all(&bytes).await.map_err(|error| broken(&error))?;
        send.finish().map_err(|error| broken(&error))?;
        begins(receive).await
    };
    let (begins, receive, first) = timeout(WITHIN, begun).await.map_err(|_| Unseen::Late)??;
    let file = timeout(WHOLE_WITHIN, rest(receive, first, begins.bytes as usize)).await.map_err(|_| Unseen::Late)??;
    if Sha256::digest(&file)[..] != begins.sha256[..] {
        return Err(Unseen::Broken("the clip is not the one that the gateway hashed".into()));
    }
    Ok(Clip { begins, file })
}

/// What the gateway says of it, and what has come of the file along with that.
async fn begins(mut receive: RecvStream) -> Result<(pb::ClipBegins, RecvStream, Vec<u8>), Unseen> {
    let mut framer = Framer::new(limits::MAX_ASK_BYTES);
    loop {
        if let Some(payload) = framer.next().map_err(|error| broken(&error))? {
            return match codec::decode_answer(&payload).map_err(|error| broken(&error))? {
                Some(answer::Answer::Clip(begins)) => Ok((begins, receive, framer.into_rest())),
                Some(answer::Answer::None(none)) => {
                    let cause = NoPicture::from_u32(none.cause).unwrap_or(NoPicture::Failed);
                    Err(Unseen::None { cause, exactly: none.text })
                }
                _ => Err(Unseen::Broken("something else than a clip came".into())),
            };
        }
        let chunk = receive.read_chunk(CHUNK_BYTES, true).await.map_err(|error| broken(&error))?;
        framer.push(&chunk.ok_or_else(|| Unseen::Broken("the answer is cut".into()))?.bytes);
    }
}

/// The file, which is as long as was said.
async fn rest(mut receive: RecvStream, first: Vec<u8>, bytes: usize) -> Result<Vec<u8>, Unseen> {
    let mut file = first;
    // Grows as it comes: a gateway that announces much and sends little costs little.
    while file.len() <= bytes {
        match timeout(STALLED, receive.read_chunk(CHUNK_BYTES, true)).await.map_err(|_| Unseen::Late)? {
            Ok(Some(chunk)) => file.extend_from_slice(&chunk.bytes),
            Ok(None) => break,
            Err(error) => return Err(broken(&error)),
        }
    }
    if file.len() == bytes { Ok(file) } else { Err(Unseen::Broken("the clip is not as long as was said".into())) }
}

fn broken(error: &dyn std::fmt::Display) -> Unseen {
    Unseen::Broken(error.to_string())
}
