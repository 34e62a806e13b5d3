//! The sockets around `impair`: one for the clients, one a client towards the server, so that the server sees as many
//! peers as there are.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::impair::{Impair, Impairment};

/// Datagrams on their way in one direction of one client; what comes when it is full is dropped.
const UNDER_WAY_MAX: usize = 16_384;

/// A running proxy; it ends when dropped.
pub struct Proxy {
    address: SocketAddr,
    how: Arc<Mutex<Directions>>,
    server: Arc<Mutex<SocketAddr>>,
    up_bytes: Arc<AtomicU64>,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Directions {
    up: Impairment,
    down: Impairment,
}

impl Proxy {
    /// Listens on a free port of loopback and relays to `server`; must be called within a tokio runtime.
    pub async fn start(server: SocketAddr, how: Impairment, seed: u64) -> std::io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let proxy = Self {
            address: socket.local_addr()?,
            how: Arc::new(Mutex::new(Directions { up: how, down: how })),
            server: Arc::new(Mutex::new(server)),
            up_bytes: Arc::default(),
            tasks: Arc::default(),
        };
        let relay = Relay {
            socket,
            how: Arc::clone(&proxy.how),
            server: Arc::clone(&proxy.server),
            up_bytes: Arc::clone(&proxy.up_bytes),
            tasks: Arc::clone(&proxy.tasks),
            seed,
        };
        relay.spawn(relay.clone().accept());
        Ok(proxy)
    }

    /// Where clients send.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes of datagrams that clients have sent so far, those that were lost too.
    pub fn up_bytes(&self) -> u64 {
        self.up_bytes.load(Ordering::Relaxed)
    }

    /// Changes both directions from now on.
    pub fn set(&self, how: Impairment) {
        *self.how.lock().expect("no holder panics") = Directions { up: how, down: how };
    }

    /// Changes what clients send (`up`) and what they get (`down`).
    pub fn set_each(&self, up: Impairment, down: Impairment) {
        *self.how.lock().expect("no holder panics") = Directions { up, down };
    }

    /// Cuts the wire or mends it.
    pub fn cut(&self, cut: bool) {
        let mut how = self.how.lock().expect("no holder panics");
        how.up.cut = cut;
        how.down.cut = cut;
    }

    /// The server has moved: clients that are new from now on go there.
    pub fn move_server(&self, server: SocketAddr) {
        *self.server.lock().expect("no holder panics") = server;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        for task in self.tasks.lock().expect("no holder panics").drain(..) {
            task.abort();
        }
    }
}

#[derive(Clone)]
struct Relay {
    socket: Arc<UdpSocket>,
    how: Arc<Mutex<Directions>>,
    server: Arc<Mutex<SocketAddr>>,
    up_bytes: Arc<AtomicU64>,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
    seed: u64,
}

struct Client {
    server: SocketAddr,
    up: Line,
}

/// One direction of one client.
struct Line {
    impair: Impair,
    /// Bound: `UNDER_WAY_MAX`; full: the datagram is dropped.
    queue: mpsc::Sender<(Instant, Vec<u8>)>,
}

impl Line {
    fn take(&mut self, how: &Impairment, begun: Instant, datagram: &[u8]) {
        let now_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        for at_us in self.impair.decide(how, now_us, datagram.len()) {
            let _ = self.queue.try_send((begun + Duration::from_micros(at_us), datagram.to_vec()));
        }
    }
}

impl Relay {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let handle = tokio::spawn(work).abort_handle();
        self.tasks.lock().expect("no holder panics").push(handle);
    }

    async fn accept(self) {
        let begun = Instant::now();
        let mut clients: HashMap<SocketAddr, Client> = HashMap::new();
        let mut bytes = vec![0; 65_536];
        loop {
            let Ok((length, from)) = self.socket.recv_from(&mut bytes).await else {
                continue;
            };
            self.up_bytes.fetch_add(length as u64, Ordering::Relaxed);
            let server = *self.server.lock().expect("no holder panics");
            if clients.get(&from).is_none_or(|client| client.server != server) {
                let Ok(client) = self.connect(from, server, clients.len() as u64).await else {
                    continue;
                };
                clients.insert(from, client);
            }
            let how = self.how.lock().expect("no holder panics").up;
            if let Some(client) = clients.get_mut(&from) {
                client.up.take(&how, begun, &bytes[..length]);
            }
        }
    }

    async fn connect(&self, client: SocketAddr, server: SocketAddr, number: u64) -> std::io::Result<Client> {
        let upstream = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        upstream.connect(server).await?;
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(2 * number);
        let up = self.line(seed, Arc::clone(&upstream), None);
        let mut down = self.line(seed + 1, Arc::clone(&self.socket), Some(client));
        let how = Arc::clone(&self.how);
        self.spawn(async move {
            let begun = Instant::now();
            let mut bytes = vec![0; 65_536];
            loop {
                // A refused port shows here as an error; the server may come back.
                let Ok(length) = upstream.recv(&mut bytes).await else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                let how = how.lock().expect("no holder panics").down;
                down.take(&how, begun, &bytes[..length]);
            }
        });
        Ok(Client { server, up })
    }

    /// Sends what is put into the line when its time has come.
    fn line(&self, seed: u64, socket: Arc<UdpSocket>, to: Option<SocketAddr>) -> Line {
        let (queue, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY_MAX);
        let deliver = async move |datagram: &[u8]| {
            let _ = match to {
                Some(to) => socket.send_to(datagram, to).await,
                None => socket.send(datagram).await,
            };
        };
        self.spawn(async move {
            let mut waiting: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>> = BinaryHeap::new();
            let mut order = 0;
            loop {
                let next = waiting.peek().map(|Reverse((at, ..))| *at);
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                        let Reverse((_, _, datagram)) = waiting.pop().expect("checked by the branch's condition");
                        deliver(&datagram).await;
                    }
                    taken = under_way.recv(), if waiting.len() < UNDER_WAY_MAX => match taken {
                        Some((at, datagram)) => {
                            waiting.push(Reverse((at, order, datagram)));
                            order += 1;
                        }
                        None => return,
                    },
                }
            }
        });
        Line { impair: Impair::new(seed), queue }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo_server() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut bytes = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                socket.send_to(&bytes[..length], from).await.unwrap();
            }
        });
        address
    }

    async fn answer(client: &UdpSocket, wait_ms: u64) -> Option<Vec<u8>> {
        let mut bytes = [0; 2048];
        let got = tokio::time::timeout(Duration::from_millis(wait_ms), client.recv(&mut bytes)).await;
        got.ok().map(|length| bytes[..length.unwrap()].to_vec())
    }

    #[tokio::test]
    async fn datagrams_go_through_both_ways_delayed_and_in_order() {
        let how = Impairment { delay_us: 20_000, jitter_us: 5_000, ..Impairment::default() };
        let proxy = Proxy::start(echo_server().await, how, 1).await.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(proxy.address()).await.unwrap();
        let begun = Instant::now();
        for number in 0..50_u8 {
            client.send(&[number]).await.unwrap();
        }
        for number in 0..50_u8 {
            assert_eq!(answer(&client, 5000).await, Some(vec![number]));
        }
        assert!(begun.elapsed() >= Duration::from_millis(40));
    }

    #[tokio::test]
    async fn a_cut_wire_is_silent_until_it_is_mended() {
        let proxy = Proxy::start(echo_server().await, Impairment::default(), 1).await.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(proxy.address()).await.unwrap();
        proxy.cut(true);
        client.send(b"lost").await.unwrap();
        assert_eq!(answer(&client, 100).await, None);
        proxy.cut(false);
        client.send(b"through").await.unwrap();
        assert_eq!(answer(&client, 5000).await, Some(b"through".to_vec()));
    }
}
