//! A TCP proxy between a client and a server, with which a test simulates failures of the server without affecting the server,
//! which all tests share.
//!
//! A frozen server behaves like a stopped process: connections stay open, the kernel accepts new connections, and no data is read
//! or written until the server is thawed. A lost connection behaves as if the network dropped all packets: no data is read or
//! written any more, while new connections work. Only [`Proxy::stop`] and the two ends close connections.

use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Largest response of Kafka, in bytes; consumers request a few megabytes.
const RESPONSE_BYTES_MAX: usize = 64 << 20;

/// A running proxy; it ends with the async runtime of the test.
#[derive(Debug, Clone)]
pub struct Proxy {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    server: Server,
    /// How often all open connections were lost.
    losses: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Running,
    Frozen,
    Stopped,
}

/// How a proxy forwards the data of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Responses {
    /// Unchanged.
    Unchanged,
    /// Responses of a Kafka broker, in which the address of the broker is replaced with the address of the proxy.
    OfBroker(Advertised),
}

/// Port that a Kafka broker advertises, and port of the proxy that replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Advertised {
    broker: u16,
    proxy: u16,
}

impl Proxy {
    /// Starts a proxy for the server at this URL (`scheme://user:password@host:port/path`). Returns the proxy and the URL of the
    /// server through the proxy. The directory of a Unix socket in the query is removed, so the server must listen on 127.0.0.1.
    pub async fn to_server(url: &str) -> anyhow::Result<(Proxy, String)> {
        let (scheme, rest) = url.split_once("://").context("a URL starts with its scheme")?;
        let (login, rest) = rest.split_once('@').context("the URL of a test server has a login")?;
        let (authority, path) = rest.split_once('/').context("the URL of a test server has a path")?;
        let path = path.split('?').next().unwrap_or_default();
        let (listener, own) = listen().await?;
        let proxy = Proxy::start(listener, port_of(authority)?, Responses::Unchanged);
        Ok((proxy, format!("{scheme}://{login}@127.0.0.1:{own}/{path}")))
    }

    /// Starts a proxy for the only Kafka broker, which has this address (`127.0.0.1:port`). Returns the proxy and its address. A
    /// broker advertises its address to clients, so the proxy replaces the address in responses.
    pub async fn to_kafka(broker: &str) -> anyhow::Result<(Proxy, String)> {
        let (listener, own) = listen().await?;
        let broker = port_of(broker)?;
        let responses = Responses::OfBroker(Advertised { broker, proxy: own });
        Ok((Proxy::start(listener, broker, responses), format!("127.0.0.1:{own}")))
    }

    /// Freezes the server: no connection transfers data, and new connections are accepted without a response.
    pub fn freeze(&self) {
        self.set(Server::Frozen);
    }

    /// Thaws a frozen server: data that was sent meanwhile arrives now.
    pub fn thaw(&self) {
        self.set(Server::Running);
    }

    /// Stops the server: closes all connections, and closes new connections immediately.
    pub fn stop(&self) {
        self.set(Server::Stopped);
    }

    /// Starts a stopped server: accepts connections again.
    pub fn restart(&self) {
        self.set(Server::Running);
    }

    /// Loses all open connections: they never transfer data again. New connections work.
    pub fn lose_connections(&self) {
        self.state.send_modify(|state| state.losses += 1);
    }

    fn set(&self, server: Server) {
        self.state.send_modify(|state| state.server = server);
    }

    fn start(listener: TcpListener, server_port: u16, responses: Responses) -> Proxy {
        let state = Arc::new(watch::channel(State { server: Server::Running, losses: 0 }).0);
        tokio::spawn(accept(listener, ([127, 0, 0, 1], server_port).into(), responses, Arc::clone(&state)));
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

async fn accept(listener: TcpListener, server: SocketAddr, responses: Responses, state: Arc<watch::Sender<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, server, responses, state.subscribe()));
    }
}

async fn forward(mut client: TcpStream, server: SocketAddr, responses: Responses, mut state: watch::Receiver<State>) {
    let losses = state.borrow_and_update().losses;
    // A frozen server accepts the connection, but does not read from it until it is thawed.
    if state.wait_for(|state| state.server != Server::Frozen).await.is_err() {
        return;
    }
    if state.borrow().server == Server::Stopped {
        return;
    }
    let Ok(mut upstream) = TcpStream::connect(server).await else { return };
    let mut copying = pin!(copy_both(&mut client, &mut upstream, responses));
    loop {
        let State { server, losses: now } = *state.borrow_and_update();
        match server {
            Server::Stopped => return,
            _ if now != losses => pending().await,
            // The copying future is not polled, so no data is transferred.
            Server::Frozen if state.changed().await.is_err() => return,
            Server::Frozen => {}
            Server::Running => tokio::select! {
                _ = &mut copying => return,
                changed = state.changed() => if changed.is_err() { return },
            },
        }
    }
}

/// Copies data in both directions until both ends have closed their side.
async fn copy_both(client: &mut TcpStream, server: &mut TcpStream, responses: Responses) -> std::io::Result<()> {
    let (mut from_client, to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let requests = async {
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let responses = async {
        match responses {
            Responses::Unchanged => copy_unchanged(from_server, to_client).await,
            Responses::OfBroker(advertised) => copy_responses(from_server, to_client, advertised).await,
        }
    };
    tokio::try_join!(requests, responses).map(|_| ())
}

async fn copy_unchanged(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> std::io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}

/// Copies the responses of a Kafka broker one by one: a length of four bytes, then this number of bytes.
async fn copy_responses(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, advertised: Advertised) -> std::io::Result<()> {
    let mut response = Vec::new();
    while let Ok(length) = from.read_u32().await {
        if length as usize > RESPONSE_BYTES_MAX {
            return Err(std::io::Error::other(format!("a response of {length} bytes")));
        }
        // Length and response are written together; otherwise the response would wait until the client acknowledges the length.
        response.clear();
        response.extend(length.to_be_bytes());
        (&mut from).take(u64::from(length)).read_to_end(&mut response).await?;
        advertised.replace(&mut response);
        to.write_all(&response).await?;
    }
    to.shutdown().await
}

impl Advertised {
    /// In every version of the responses that contain a broker (Metadata, FindCoordinator, DescribeCluster), the host is text,
    /// followed by the port in four bytes. The address of the proxy has the same length.
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

/// Host and port in the format of Kafka.
fn address(port: u16) -> Vec<u8> {
    [b"127.0.0.1".as_slice(), &u32::from(port).to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_replaced_after_every_host_of_the_broker() {
        let wrap = |port: u16| [b"\x00\x09".as_slice(), &address(port), b"rest", &address(port)].concat();
        let mut response = wrap(9_092);
        Advertised { broker: 9_092, proxy: 40_001 }.replace(&mut response);
        assert_eq!(response, wrap(40_001));
        let mut other = wrap(9_093);
        Advertised { broker: 9_092, proxy: 40_001 }.replace(&mut other);
        assert_eq!(other, wrap(9_093));
    }
}
