//! A way to a hub that can fail as a phone's radio does.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

/// Carries bytes between a browser and a hub, until told otherwise. It ends when dropped.
#[derive(Debug)]
pub struct Radio {
    address: SocketAddr,
    /// Connections that were made before this generation are dead without knowing it.
    generation: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Radio {
    /// A way to what listens at the address of this link.
    pub async fn to(link: &str) -> Self {
        let link = Url::parse(link).expect("a link is a URL");
        let (host, port) = (link.host_str().expect("a host").to_owned(), link.port().expect("a port"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let generation = watch::Sender::new(0);
        let news = generation.clone();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect((host.as_str(), port)).await;
                if let Ok(far) = far {
                    tokio::spawn(carry(near, far, news.subscribe()));
                }
            }
        });
        Self { address, generation, task }
    }

    /// The link by this way.
    pub fn link(&self, link: &str) -> String {
        let mut link = Url::parse(link).expect("a link is a URL");
        link.set_ip_host(self.address.ip()).expect("a host");
        link.set_port(Some(self.address.port())).expect("a port");
        link.to_string()
    }

    /// From now on nothing comes through the connections that are open, and nobody is told: half-open sockets. New
    /// connections work.
    pub fn lose(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }
}

impl Drop for Radio {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: TcpStream, far: TcpStream, mut news: watch::Receiver<u64>) {
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    news.mark_unchanged();
    loop {
        tokio::select! {
            // Held open, and deaf, until the test is over.
            _ = news.changed() => return std::future::pending().await,
            read = from_near.read(&mut up) => match read {
                Ok(count) if count > 0 && to_far.write_all(&up[..count]).await.is_ok() => {}
                _ => return,
            },
            read = from_far.read(&mut down) => match read {
                Ok(count) if count > 0 && to_near.write_all(&down[..count]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}
