//! A TCP proxy that can cut what goes through it, or go deaf.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is to become of the connections that are open.
#[derive(Debug, Clone, Copy)]
enum End {
    Cut,
    Deaf,
}

/// Passes connections on to another address until it is told to cut them. It ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    /// A new value is for the connections that are open then.
    end: Arc<watch::Sender<End>>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// A proxy on a free port of this machine, to `target` (`HOST:PORT`).
    pub async fn start(target: impl Into<String>) -> Self {
        let target = target.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let end = Arc::new(watch::Sender::new(End::Cut));
        let ends = Arc::clone(&end);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (target, end) = (target.clone(), ends.subscribe());
                tokio::spawn(pass_on(client, target, end));
            }
        });
        Self { address, end, task }
    }

    /// Where it listens, as `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Cuts every connection. New ones go through.
    pub fn cut(&self) {
        self.end.send_replace(End::Cut);
    }

    /// From now on nothing comes through the connections that are open, and nobody is told: half-open sockets. New
    /// ones work.
    pub fn deafen(&self) {
        self.end.send_replace(End::Deaf);
    }
}

async fn pass_on(mut client: TcpStream, target: String, mut end: watch::Receiver<End>) {
    let Ok(mut server) = TcpStream::connect(&target).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = end.changed() => {
            if matches!(*end.borrow_and_update(), End::Deaf) {
                // Held open until it is cut.
                let _ = end.changed().await;
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}
