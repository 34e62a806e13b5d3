//! A gateway's end of the wire, written a second time and as small as can be: for load from hundreds of gateways in one
//! process, for hostile ones, and as the plain controller that the product's uplink is compared with.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use yiwang_wire::codec::{self, BatchEncoder};
use yiwang_wire::event::{KindDescriptor, Record};
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::pb::{self, down, up};
use yiwang_wire::ranges::RangeSet;
use yiwang_wire::token::JoinToken;
use yiwang_wire::{ALPN, ALPN_JOIN, VERSION, limits, picture};

use crate::events;

/// Anything that went wrong; the tests print it.
pub type LinkError = Box<dyn std::error::Error + Send + Sync>;

/// What a gateway has after joining.
pub struct Identity {
    /// The id that the hub gave.
    pub gateway: String,
    key: PrivateKeyDer<'static>,
    chain: Vec<CertificateDer<'static>>,
}

impl Identity {
    /// A key with a certificate chain of whoever's making: for hubs that must refuse it.
    pub fn of(gateway: &str, key: PrivateKeyDer<'static>, chain: Vec<CertificateDer<'static>>) -> Self {
        Self { gateway: gateway.to_owned(), key, chain }
    }

    /// Joins with a one-time token.
    pub async fn join(endpoint: &Endpoint, hub: SocketAddr, token: &str, name: &str) -> Result<Self, LinkError> {
        let token = JoinToken::decode(token)?;
        let connection = connect(endpoint, hub, ALPN_JOIN, None).await?;
        let key = rcgen::KeyPair::generate()?;
        let request = rcgen::CertificateParams::new(Vec::<String>::new())?.serialize_request(&key)?;
        let join = pb::Join {
            secret: token.secret_text(),
            csr_der: request.der().to_vec(),
            clock_us: now_us(),
            name: name.to_owned(),
            software: "yiwang-tests".into(),
        };
        let (mut send, mut receive) = connection.open_bi().await?;
        send.write_all(&framed(&codec::encode_join(&join))).await?;
        let mut framer = Framer::new(limits::MAX_CONTROL_BYTES);
        let joined = codec::decode_joined(&next_frame(&mut receive, &mut framer).await?)?;
        if !joined.refused.is_empty() {
            return Err(joined.refused.into());
        }
        let chain = CertificateDer::pem_slice_iter(&joined.chain_pem).collect::<Result<_, _>>()?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Ok(Self { gateway: joined.gateway, key, chain })
    }
}

/// An endpoint for many gateways of one process.
pub fn endpoint() -> Result<Endpoint, LinkError> {
    Ok(Endpoint::client("127.0.0.1:0".parse().expect("an address"))?)
}

/// A QUIC connection under an ALPN; the hub's certificate is not checked, that is the product's part.
pub async fn connect(
    endpoint: &Endpoint,
    hub: SocketAddr,
    alpn: &[u8],
    identity: Option<&Identity>,
) -> Result<Connection, LinkError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody));
    let mut tls = match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?,
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![alpn.to_vec()];
    let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    Ok(endpoint.connect_with(config, hub, "yiwang-hub")?.await?)
}

/// A session after hello and welcome.
pub struct Link {
    /// The connection below.
    pub connection: Connection,
    /// What the hub had of the epoch already.
    pub durable: RangeSet,
    epoch: u64,
    control: SendStream,
    answers: RecvStream,
    framer: Framer,
    events: SendStream,
    encoder: BatchEncoder,
}

impl Link {
    /// Connects and is welcomed; the gateway has one camera, `camera`.
    pub async fn open(
        endpoint: &Endpoint,
        hub: SocketAddr,
        identity: &Identity,
        epoch: u64,
        camera: &str,
    ) -> Result<Self, LinkError> {
        let cameras = vec![pb::Camera { id: camera.into(), name: camera.into(), ..pb::Camera::default() }];
        Self::open_with(endpoint, hub, identity, epoch, cameras, &[events::kind()]).await
    }

    /// Connects and is welcomed, with these cameras and kinds.
    pub async fn open_with(
        endpoint: &Endpoint,
        hub: SocketAddr,
        identity: &Identity,
        epoch: u64,
        cameras: Vec<pb::Camera>,
        kinds: &[KindDescriptor],
    ) -> Result<Self, LinkError> {
        let connection = connect(endpoint, hub, ALPN, Some(identity)).await?;
        let (mut control, mut answers) = connection.open_bi().await?;
        let hello = pb::Hello {
            version: VERSION,
            software: "yiwang-tests".into(),
            epoch,
            clock_us: now_us(),
            config_revision: "0123456789ab".into(),
            cameras,
            kinds: kinds.iter().map(codec::descriptor_to_pb).collect(),
            epochs_held: vec![epoch],
            // Whether it answers is its owner's business.
            pictures: picture::STILLS | picture::LIVE | picture::CLIPS,
        };
        control.write_all(&framed(&codec::encode_up(up::Message::Hello(hello)))).await?;
        let mut framer = Framer::new(limits::MAX_CONTROL_BYTES);
        let durable = loop {
            if let Some(down::Message::Welcome(welcome)) =
                codec::decode_down(&next_frame(&mut answers, &mut framer).await?)?
            {
                let of = |one: &pb::Durable| Some(codec::durable_from_pb(one)).filter(|(of, _)| *of == epoch);
                break welcome.durable.iter().find_map(of).map(|(_, set)| set).unwrap_or_default();
            }
        };
        let events = connection.open_uni().await?;
        Ok(Self { connection, durable, epoch, control, answers, framer, events, encoder: BatchEncoder::new() })
    }

    /// Sends records in as many batches as they need; returns the payload's bytes.
    pub async fn send(&mut self, mut records: &[Record]) -> Result<usize, LinkError> {
        let mut payload_bytes = 0;
        while !records.is_empty() {
            let (payload, taken) = self.encoder.encode(self.epoch, false, records);
            payload_bytes += payload.len();
            self.events.write_all(&framed(&payload)).await?;
            records = &records[taken..];
        }
        Ok(payload_bytes)
    }

    /// Waits for the next acknowledgement; `durable` then holds what is on the hub's disk.
    pub async fn acknowledged(&mut self) -> Result<(), LinkError> {
        loop {
            let payload = next_frame(&mut self.answers, &mut self.framer).await?;
            if let Some(down::Message::Ack(ack)) = codec::decode_down(&payload)? {
                for (_, set) in ack.durable.iter().map(codec::durable_from_pb).filter(|(epoch, _)| *epoch == self.epoch)
                {
                    self.durable.merge(&set);
                }
                return Ok(());
            }
        }
    }

    /// Says that it is alive; silence ends a session after half a minute.
    pub async fn alive(&mut self) -> Result<(), LinkError> {
        let status = pb::Status { clock_us: now_us(), ..pb::Status::default() };
        Ok(self.control.write_all(&framed(&codec::encode_up(up::Message::Status(status)))).await?)
    }
}

/// A payload with its length in front.
pub fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(payload, &mut bytes);
    bytes
}

async fn next_frame(stream: &mut RecvStream, framer: &mut Framer) -> Result<Vec<u8>, LinkError> {
    loop {
        if let Some(payload) = framer.next()? {
            return Ok(payload);
        }
        let chunk = stream.read_chunk(65_536, true).await?.ok_or("the hub ended the stream")?;
        framer.push(&chunk.bytes);
    }
}

/// The time of day, microseconds since 1970.
pub fn now_us() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Takes any hub for the hub.
#[derive(Debug)]
struct Anybody;

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
