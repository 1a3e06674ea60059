//! Answers HTTP/1.1 within limits and stops in order: our own accept loop, because `axum::serve` sets no timers, counts no
//! connections and knows no deadline.
//!
//! `limits` are the numbers, `admission` counts connections, `connection` drives one of them, `head` checks what hyper does not,
//! `shell` and `guarded` are what happens around every request, `version` the version of the API that it means, `observe` its metrics.

mod admission;
mod connection;
mod guarded;
mod head;
mod limits;
mod observe;
mod shell;
mod version;

pub use limits::{Limits, RouteLimits, Unpacking};
pub use shell::shell;
pub use version::API_VERSIONS;

use crate::shutdown::Shutdown;
use admission::{Admission, Admitted};
use axum::Router;
use connection::Connections;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections that the kernel holds for us until they are accepted: a burst of clients that reconnect all at once.
const BACKLOG: u32 = 4096;
/// Pause when the process is out of file descriptors: others must close before accepting makes sense.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at the deadline and were cut off.
    pub cut_off: usize,
}

/// Listens on an address that a predecessor may just have left.
pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Serves until asked to stop, then lets running requests finish within [`Limits::drain_timeout`].
///
/// Sets the router's fallbacks (404 and 405 problems) and wraps it in the [`shell`]. After the wish to stop it still accepts
/// for [`Limits::drain_notice`], so that load balancers can see the readiness probe fail first. While running requests
/// finish, new ones are answered 503.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: Shutdown) -> Drained {
    let (stop, stopping) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
    let router = shell::until(Arc::clone(&stopping), router, &limits);
    let connections = Connections::new(router, &limits, stop.clone());
    let mut running = JoinSet::new();

    let admission = accept_until_asked(&listener, &connections, &limits, &shutdown, &mut running).await;
    stopping.store(true, Ordering::Relaxed);
    stop.cancel();
    let refusing = connections.for_one_request();
    tokio::select! {
        biased;
        drained = drain(running, limits.drain_timeout) => drained,
        never = refuse(&listener, &refusing, &admission) => never,
    }
}

/// Lets everybody who comes now know that nothing is begun any more.
async fn refuse(listener: &TcpListener, connections: &Connections, admission: &Arc<Admission>) -> ! {
    let mut refused = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(admitted) = admission.admit(peer.ip()) else { continue };
                refused.spawn(serve_one(connections.clone(), stream, peer, admitted));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while let Some(ended) = refused.try_join_next() {
            log_panic(ended);
        }
    }
}

async fn accept_until_asked(
    listener: &TcpListener,
    connections: &Connections,
    limits: &Limits,
    shutdown: &Shutdown,
    running: &mut JoinSet<()>,
) -> Arc<Admission> {
    let admission = Arc::new(Admission::new(limits));
    let mut asked_and_noticed = pin!(async {
        shutdown.requested().await;
        tokio::time::sleep(limits.drain_notice).await;
    });
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut asked_and_noticed => return admission,
            Some(ended) = running.join_next() => { log_panic(ended); continue; }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(admitted) = admission.admit(peer.ip()) else { continue };
                running.spawn(serve_one(connections.clone(), stream, peer, admitted));
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_one(connections: Connections, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
    connections.run(stream, peer).await;
    drop(admitted);
}

/// Waits for the connections that still run; at the deadline the rest is cut off.
async fn drain(mut running: JoinSet<()>, timeout: Duration) -> Drained {
    let all_ended = async {
        while let Some(ended) = running.join_next().await {
            log_panic(ended);
        }
    };
    if tokio::time::timeout(timeout, all_ended).await.is_ok() {
        return Drained { cut_off: 0 };
    }
    let cut_off = running.len();
    tracing::warn!(connections = cut_off, "cutting off connections at the deadline");
    running.shutdown().await;
    Drained { cut_off }
}

/// Panics in handlers are answered; one that gets here is a fault of the server itself and has been logged by the hook.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task ended early");
    }
}

/// The connection was gone before we took it; the next one may be fine.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
