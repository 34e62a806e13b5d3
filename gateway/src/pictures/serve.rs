//! Answers the hub's asks on the gateway's own connection. What is asked arrives on a stream that the hub opened; the
//! answer goes back on the same one, below events in priority.
//!
//! Bounds: the transport lets [`limits::MAX_ASKS`] streams be open; one still is decoded at a time and one is under way,
//! the others wait; so it is with clips. What is written takes of the hub's credit for the whole connection, whatever its
//! priority: two large stills on a thin line would hold events back, and a clip takes no more than the window of a stream.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::SemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::timeout;
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::pb::{self, answer, ask};
use yiwang_wire::picture::NoPicture;
use yiwang_wire::{codec, limits};

use super::{Pictures, clip, live, still};
use crate::camera::Codec;
use crate::decode::pipeline::Unit;
use crate::{now_us, with_causes};

/// An ask is a few bytes: what is longer under way is no hub.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// A hub that does not take its answer for so long does not get it.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
/// Below live events (1) and back-fill (0): a thin uplink sends events first.
const PRIORITY: i32 = -1;
/// Below live video: what is over can wait for what is now.
const PRIORITY_CLIP: i32 = -4;
/// Of a clip so much is handed to the connection at once.
const CLIP_CHUNK_BYTES: usize = 64 * 1024;

/// Serves the connection until it ends.
pub(crate) async fn run(pictures: &Pictures, connection: &Connection) {
    // Dropped with the connection: nothing is decoded for nobody.
    let mut asks = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_bi() => match stream {
                Ok((send, receive)) => drop(asks.spawn(one(pictures.clone(), connection.clone(), send, receive))),
                Err(_) => return,
            },
            Some(ended) = asks.join_next(), if !asks.is_empty() => {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    tracing::error!("answering an ask for pictures has panicked: this is a defect, please report it");
                }
            }
        }
    }
}

async fn one(pictures: Pictures, connection: Connection, mut send: SendStream, receive: RecvStream) {
    let _ = send.set_priority(PRIORITY);
    let answer = match timeout(ASK_WITHIN, read(receive)).await {
        Ok(Ok(pb::Ask { camera, what: Some(ask::What::Live(live)) })) => {
            return watched(&pictures, &connection, send, &camera, live.number).await;
        }
        Ok(Ok(pb::Ask { camera, what: Some(ask::What::Clip(span)) })) => {
            return past(&pictures, send, &camera, &span).await;
        }
        Ok(Ok(ask)) => tokio::select! {
            answer = pictures.answer(&ask) => answer,
            // The hub does not want it any more.
            _ = send.stopped() => return,
        },
        Ok(Err(text)) => codec::no_picture(NoPicture::NotUnderstood, &text),
        Err(_) => codec::no_picture(NoPicture::NotUnderstood, "the ask did not come whole"),
    };
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_answer(answer), &mut bytes);
    let Ok(_turn) = pictures.sending().acquire().await else { return };
    let sent = async {
        send.write_all(&bytes).await.ok()?;
        send.finish().ok()?;
        send.stopped().await.ok()
    };
    if timeout(TAKEN_WITHIN, sent).await.is_err() {
        let _ = send.reset(0u32.into());
    }
}

/// Live video until the hub stops listening, or it may be watched no longer: then it is told why.
async fn watched(pictures: &Pictures, connection: &Connection, mut send: SendStream, camera: &str, number: u32) {
    let begun = match (pictures.watched().try_acquire(), pictures.sight(camera)) {
        (Err(_), _) => Err(NoPicture::TooMany),
        (_, None) => Err(NoPicture::UnknownCamera),
        (Ok(permit), Some(sight)) => sight.watch().map(|feed| (permit, sight, feed)),
    };
    let refused = match begun {
        Err(cause) => cause,
        Ok((_permit, sight, feed)) => {
            if write(&mut send, answer::Answer::Live(pb::LiveBegins {})).await.is_none() {
                return;
            }
            tracing::info!(camera, "live video goes to the hub");
            // The camera's pictures hold the feed open; a reference here would too.
            let camera_sight = Arc::downgrade(&sight);
            drop(sight);
            tokio::select! {
                () = live::send(connection, number, feed) => {}
                _ = send.stopped() => {}
            }
            tracing::info!(camera, "live video has ended");
            camera_sight.upgrade().and_then(|sight| sight.withheld()).unwrap_or(NoPicture::NothingCame)
        }
    };
    let exactly = if refused == NoPicture::NothingCame { pictures.cause_of(camera) } else { String::new() };
    if write(&mut send, codec::no_picture(refused, &exactly)).await.is_some() {
        let _ = send.finish();
    }
}

/// A clip, or why there is none.
async fn past(pictures: &Pictures, mut send: SendStream, camera: &str, span: &pb::AskClip) {
    let _ = send.set_priority(PRIORITY_CLIP);
    let made = tokio::select! {
        made = pictures.cut(camera, span) => made,
        // The hub does not want it any more.
        _ = send.stopped() => return,
    };
    let (clip, _permit) = match made {
        Ok(made) => made,
        Err(cause) => {
            if write(&mut send, codec::no_picture(cause, "")).await.is_some() {
                let _ = send.finish();
            }
            return;
        }
    };
    let bytes = clip.file.len();
    let begins = pb::ClipBegins {
        from_us: clip.span_us.0,
        to_us: clip.span_us.1,
        sent_us: now_us(),
        // Bounded far below by `limits::MAX_CLIP_BYTES`.
        bytes: bytes as u32,
        sha256: clip.sha256.to_vec(),
        codec: clip.codec,
        width_px: clip.size_px.0,
        height_px: clip.size_px.1,
        pictures: clip.pictures,
        time_error_ms: clip.time_error_ms,
    };
    tracing::info!(camera, bytes, "a clip was asked for and goes to the hub");
    if write(&mut send, answer::Answer::Clip(begins)).await.is_none() {
        return;
    }
    for chunk in clip.file.chunks(CLIP_CHUNK_BYTES) {
        if !matches!(timeout(TAKEN_WITHIN, send.write_all(chunk)).await, Ok(Ok(()))) {
            tracing::info!(camera, "a clip did not get through");
            let _ = send.reset(0u32.into());
            return;
        }
    }
    let _ = send.finish();
    // The next one begins when this one is through, or the line has given it up.
    if timeout(TAKEN_WITHIN, send.stopped()).await.is_err() {
        let _ = send.reset(0u32.into());
    }
}

/// An answer is out; none where the hub does not take it.
async fn write(send: &mut SendStream, answer: answer::Answer) -> Option<()> {
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_answer(answer), &mut bytes);
    timeout(TAKEN_WITHIN, send.write_all(&bytes)).await.ok()?.ok()
}

async fn read(mut receive: RecvStream) -> Result<pb::Ask, String> {
    let most = limits::MAX_ASK_BYTES + frame::HEADER_BYTES;
    let bytes = receive.read_to_end(most).await.map_err(|error| error.to_string())?;
    let mut framer = Framer::new(limits::MAX_ASK_BYTES);
    framer.push(&bytes);
    let payload = framer.next().map_err(|error| error.to_string())?.ok_or("the ask is cut")?;
    codec::decode_ask(&payload).map_err(|error| with_causes(&error))
}

impl Pictures {
    /// Cuts a clip; the permit is held until it is through.
    async fn cut(&self, camera: &str, span: &pb::AskClip) -> Result<(clip::Clip, SemaphorePermit<'_>), NoPicture> {
        let sight = self.sight(camera).ok_or(NoPicture::UnknownCamera)?;
        let permit = self.clips().acquire().await.map_err(|_| NoPicture::Failed)?;
        let (codec, units) = sight.past(span.from_us, span.to_us)?;
        let made = tokio::task::spawn_blocking(move || clip::make(codec, &units)).await;
        let clip = made.map_err(|error| {
            tracing::error!(camera, %error, "making a clip broke off");
            NoPicture::Failed
        })??;
        // A mask or a switch that came into force meanwhile holds.
        sight.withheld().map_or(Ok((clip, permit)), Err)
    }

    async fn answer(&self, ask: &pb::Ask) -> answer::Answer {
        let Some(sight) = self.sight(&ask.camera) else {
            return codec::no_picture(NoPicture::UnknownCamera, &ask.camera);
        };
        let Some(ask::What::Still(wish)) = &ask.what else {
            return codec::no_picture(NoPicture::NotUnderstood, "this gateway sends stills, live video and clips");
        };
        let Some((group, mask)) = sight.newest() else {
            return codec::no_picture(NoPicture::SwitchedOff, "");
        };
        let Some((codec, units)) = group else {
            return codec::no_picture(NoPicture::NothingCame, &self.cause_of(&ask.camera));
        };
        let Ok(_permit) = self.decoding().acquire().await else {
            return codec::no_picture(NoPicture::Failed, "the gateway stops");
        };
        let (masked, width_px_max) = (!mask.is_empty(), wish.width_px_max);
        let made = tokio::task::spawn_blocking(move || still::newest(codec, &units, mask, width_px_max)).await;
        match made {
            Ok(Ok(still)) => {
                let (width_px, height_px) = still.size_px;
                let (camera, bytes) = (&ask.camera, still.jpeg.len());
                tracing::info!(camera, bytes, masked, "a still was asked for and goes to the hub");
                let (captured_us, jpeg) = (still.captured_us, still.jpeg);
                answer::Answer::Still(pb::Still { captured_us, sent_us: now_us(), width_px, height_px, masked, jpeg })
            }
            Ok(Err(error)) => {
                tracing::warn!(camera = ask.camera, error = with_causes(&error), "no still could be made");
                codec::no_picture(NoPicture::NothingCame, &with_causes(&error))
            }
            Err(error) => {
                tracing::error!(camera = ask.camera, %error, "making a still broke off");
                codec::no_picture(NoPicture::Failed, "")
            }
        }
    }
}

/// What a still is made of.
pub(super) type Group = (Codec, Vec<Unit>);
