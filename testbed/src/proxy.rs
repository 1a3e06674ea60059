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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

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

impl Proxy {
    /// A proxy before the server of this address (`scheme://user:password@host:port/path`), and the address by way of it. A
    /// Unix socket in the query is left out, so the server must listen on 127.0.0.1 too.
    pub async fn before(url: &str) -> anyhow::Result<(Proxy, String)> {
        let (scheme, rest) = url.split_once("://").context("an address begins with its scheme")?;
        let (login, rest) = rest.split_once('@').context("an address of the test's servers has a login")?;
        let (authority, path) = rest.split_once('/').context("an address has a path")?;
        let port = authority.rsplit_once(':').context("an address has a port")?.1.parse()?;
        let path = path.split('?').next().unwrap_or_default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?.port();
        let state = Arc::new(watch::channel(State { server: Server::Alive, cuts: 0 }).0);
        tokio::spawn(accept(listener, ([127, 0, 0, 1], port).into(), Arc::clone(&state)));
        Ok((Proxy { state }, format!("{scheme}://{login}@127.0.0.1:{own}/{path}")))
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
}

async fn accept(listener: TcpListener, server: SocketAddr, state: Arc<watch::Sender<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, server, state.subscribe()));
    }
}

async fn forward(mut client: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>) {
    let cuts = state.borrow_and_update().cuts;
    // Taken by a server that is frozen, it is not looked at until that goes on.
    if state.wait_for(|state| state.server != Server::Frozen).await.is_err() {
        return;
    }
    if state.borrow().server == Server::Dead {
        return;
    }
    let Ok(mut upstream) = TcpStream::connect(server).await else { return };
    let mut copying = pin!(tokio::io::copy_bidirectional(&mut client, &mut upstream));
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
