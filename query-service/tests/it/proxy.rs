//! Stands before a server and lets it die and come back.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Alive,
    /// Connections end at once.
    Dead,
    /// Connections are taken, and nothing ever comes back.
    Silent,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    mood: Arc<watch::Sender<Mood>>,
}

impl Proxy {
    /// Before the server at this port of this host.
    pub(crate) async fn before(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let mood = Arc::new(watch::channel(Mood::Alive).0);
        tokio::spawn(accept(listener, ([127, 0, 0, 1], port).into(), Arc::clone(&mood)));
        Proxy { port: own, mood }
    }

    /// Ends every connection and takes no new one.
    pub(crate) fn dies(&self) {
        self.mood.send_replace(Mood::Dead);
    }

    /// Stops answering without ending anything.
    pub(crate) fn falls_silent(&self) {
        self.mood.send_replace(Mood::Silent);
    }

    pub(crate) fn comes_back(&self) {
        self.mood.send_replace(Mood::Alive);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, mood: Arc<watch::Sender<Mood>>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, server, mood.subscribe()));
    }
}

async fn forward(mut client: TcpStream, server: SocketAddr, mut mood: watch::Receiver<Mood>) {
    loop {
        let now = *mood.borrow_and_update();
        match now {
            Mood::Dead => return,
            Mood::Silent => drop(mood.changed().await),
            Mood::Alive => {
                let Ok(mut upstream) = TcpStream::connect(server).await else { return };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => return,
                    _ = mood.changed() => {}
                }
                if *mood.borrow() == Mood::Silent {
                    drop(mood.wait_for(|mood| *mood != Mood::Silent).await);
                }
                return;
            }
        }
    }
}
