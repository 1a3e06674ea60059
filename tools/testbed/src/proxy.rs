//! A TCP proxy before a server, with which a test lets the server freeze, be cut off, die and come back, without touching the
//! server that all tests share.
//!
//! A frozen server is one whose process is stopped: connections stay open, are still taken (by the kernel), and nothing is read
//! or written until it goes on. A connection that is cut off is one that a network lost without a word: nothing is read or
//! written any more, and new connections work. Nothing here closes a connection but [`Proxy::dies`] and the two ends.

use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Largest response of Kafka that is taken; consumers ask for a few megabytes.
const RESPONSE_BYTES_MAX: usize = 64 << 20;

/// A proxy, until the runtime of its test ends.
#[derive(Debug, Clone)]
pub struct Proxy {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    server: Server,
    /// How often everything that was open was cut off.
    cuts: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Alive,
    Frozen,
    Dead,
}

/// What a proxy does with what the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// It passes them on as they are.
    AsTheyAre,
    /// It puts the proxy's address in the place of the broker's.
    OfBroker(Advertised),
}

/// Where a Kafka broker says that it is, and what its clients are to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Advertised {
    broker: u16,
    proxy: u16,
}

impl Proxy {
    /// A proxy before the server of this address (`scheme://user:password@host:port/path`), and the address by way of it. A
    /// Unix socket in the query is left out, so the server must listen on 127.0.0.1 too.
    pub async fn before(url: &str) -> anyhow::Result<(Proxy, String)> {
        let (scheme, rest) = url.split_once("://").context("an address begins with its scheme")?;
        let (login, rest) = rest.split_once('@').context("an address of the test's servers has a login")?;
        let (authority, path) = rest.split_once('/').context("an address has a path")?;
        let path = path.split('?').next().unwrap_or_default();
        let (listener, own) = listen().await?;
        let proxy = Proxy::start(listener, port_of(authority)?, Answers::AsTheyAre);
        Ok((proxy, format!("{scheme}://{login}@127.0.0.1:{own}/{path}")))
    }

    /// A proxy before the one Kafka broker of this address (`127.0.0.1:port`), and the address by way of it. A broker tells its
    /// clients where to find it, so the proxy puts its own address into the responses that say so.
    pub async fn before_kafka(broker: &str) -> anyhow::Result<(Proxy, String)> {
        let (listener, own) = listen().await?;
        let broker = port_of(broker)?;
        let answers = Answers::OfBroker(Advertised { broker, proxy: own });
        Ok((Proxy::start(listener, broker, answers), format!("127.0.0.1:{own}")))
    }

    /// Nothing moves any more, on any connection; new ones are taken and get no answer either.
    pub fn freezes(&self) {
        self.becomes(Server::Frozen);
    }

    /// Goes on where it stopped: what was sent meanwhile arrives now.
    pub fn thaws(&self) {
        self.becomes(Server::Alive);
    }

    /// Ends every connection and takes no new one.
    pub fn dies(&self) {
        self.becomes(Server::Dead);
    }

    /// Takes connections again.
    pub fn comes_back(&self) {
        self.becomes(Server::Alive);
    }

    /// The connections that are open now never see another byte; new ones work.
    pub fn cuts_off(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    fn becomes(&self, server: Server) {
        self.state.send_modify(|state| state.server = server);
    }

    fn start(listener: TcpListener, server_port: u16, answers: Answers) -> Proxy {
        let state = Arc::new(watch::channel(State { server: Server::Alive, cuts: 0 }).0);
        tokio::spawn(accept(listener, ([127, 0, 0, 1], server_port).into(), answers, Arc::clone(&state)));
        Proxy { state }
    }
}

async fn listen() -> anyhow::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

fn port_of(authority: &str) -> anyhow::Result<u16> {
    let port = authority.rsplit_once(':').context("an address has a port")?.1;
    port.parse().with_context(|| format!("`{port}` is not a port"))
}

async fn accept(listener: TcpListener, server: SocketAddr, answers: Answers, state: Arc<watch::Sender<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, server, answers, state.subscribe()));
    }
}

async fn forward(mut client: TcpStream, server: SocketAddr, answers: Answers, mut state: watch::Receiver<State>) {
    let cuts = state.borrow_and_update().cuts;
    // Taken by a server that is frozen, it is not looked at until that goes on.
    if state.wait_for(|state| state.server != Server::Frozen).await.is_err() {
        return;
    }
    if state.borrow().server == Server::Dead {
        return;
    }
    let Ok(mut upstream) = TcpStream::connect(server).await else { return };
    let mut copying = pin!(copy_both(&mut client, &mut upstream, answers));
    loop {
        let State { server, cuts: now } = *state.borrow_and_update();
        match server {
            Server::Dead => return,
            _ if now != cuts => pending().await,
            // Not polled, it does not move.
            Server::Frozen if state.changed().await.is_err() => return,
            Server::Frozen => {}
            Server::Alive => tokio::select! {
                _ = &mut copying => return,
                changed = state.changed() => if changed.is_err() { return },
            },
        }
    }
}

/// Copies both ways until both ends have said all they have to say.
async fn copy_both(client: &mut TcpStream, server: &mut TcpStream, answers: Answers) -> std::io::Result<()> {
    let (mut from_client, to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let requests = async {
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let responses = async {
        match answers {
            Answers::AsTheyAre => copy_as_it_is(from_server, to_client).await,
            Answers::OfBroker(advertised) => copy_responses(from_server, to_client, advertised).await,
        }
    };
    tokio::try_join!(requests, responses).map(|_| ())
}

async fn copy_as_it_is(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> std::io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}

/// Copies the responses of a Kafka broker one by one: four bytes of length, then as many bytes.
async fn copy_responses(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, advertised: Advertised) -> std::io::Result<()> {
    let mut response = Vec::new();
    while let Ok(length) = from.read_u32().await {
        if length as usize > RESPONSE_BYTES_MAX {
            return Err(std::io::Error::other(format!("a response of {length} bytes")));
        }
        // Length and response leave in one piece, or the second would wait for the client to acknowledge the first.
        response.clear();
        response.extend(length.to_be_bytes());
        (&mut from).take(u64::from(length)).read_to_end(&mut response).await?;
        advertised.replace(&mut response);
        to.write_all(&response).await?;
    }
    to.shutdown().await
}

impl Advertised {
    /// Every version of the responses that name a broker (Metadata, FindCoordinator, DescribeCluster) has its host as text and
    /// its port right behind it, in four bytes. The address of the proxy takes as many.
    fn replace(self, response: &mut [u8]) {
        let broker = address(self.broker);
        let mut at = 0;
        while let Some(found) = response[at..].windows(broker.len()).position(|window| window == broker) {
            let end = at + found + broker.len();
            response[end - 4..end].copy_from_slice(&u32::from(self.proxy).to_be_bytes());
            at = end;
        }
    }
}

/// A host and its port as Kafka writes them.
fn address(port: u16) -> Vec<u8> {
    [b"127.0.0.1".as_slice(), &u32::from(port).to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_the_broker_is_replaced_wherever_its_host_stands_before_it() {
        let wrap = |port: u16| [b"\x00\x09".as_slice(), &address(port), b"rest", &address(port)].concat();
        let mut response = wrap(9_092);
        Advertised { broker: 9_092, proxy: 40_001 }.replace(&mut response);
        assert_eq!(response, wrap(40_001));
        let mut other = wrap(9_093);
        Advertised { broker: 9_092, proxy: 40_001 }.replace(&mut other);
        assert_eq!(other, wrap(9_093));
    }
}
