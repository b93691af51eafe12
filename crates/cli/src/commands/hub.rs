//! Starting a hub in a place of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use groundlink::PushOverHttp;
use groundlink::remote::Link;
use groundlink_hub::{Hub, HubError, HubHandle, PushSettings, Retention};
use url::Url;

use crate::args::HubArgs;
use crate::dirs;
use crate::error::Error;
use crate::net;

/// How many commands of one kind can run side by side with one data directory.
const SLOTS: u32 = 16;

/// A running hub, and the directory that belongs to its command.
pub(super) struct Place {
    pub(super) hub: HubHandle,
    pub(super) directory: PathBuf,
}

/// What only `serve` lets people choose.
#[derive(Clone)]
pub(super) struct Choices {
    pub(super) public_url: Option<Url>,
    pub(super) keep: Retention,
    pub(super) push: Option<PushSettings>,
}

impl Default for Choices {
    fn default() -> Self {
        Self { public_url: None, keep: Retention::default(), push: Some(push_settings()) }
    }
}

/// Notifications as they are without being asked for anything.
pub(super) fn push_settings() -> PushSettings {
    PushSettings::new(PushOverHttp::new())
}

/// Starts the hub of `serve`. Its token and its links are those of its data directory, so there is one place for it.
pub(super) async fn start(args: &HubArgs, choices: &Choices) -> Result<Place, Error> {
    start_in(args, data_dir(args)?.join("serve"), choices).await
}

/// Starts a hub for a session of `command`, below the data directory.
///
/// A hub does not share its data with another one. So a second `demo` beside the first takes the next slot,
/// `demo-2`.
pub(super) async fn start_beside_others(args: &HubArgs, command: &str) -> Result<Place, Error> {
    let data = data_dir(args)?;
    let mut slot = 1;
    loop {
        let name = if slot == 1 { command.to_owned() } else { format!("{command}-{slot}") };
        match start_in(args, data.join(name), &Choices::default()).await {
            Err(Error::Hub(HubError::InUse { .. })) if slot < SLOTS => slot += 1,
            other => return other,
        }
    }
}

fn data_dir(args: &HubArgs) -> Result<PathBuf, Error> {
    args.data.clone().map_or_else(|| dirs::data(&dirs::process_env), Ok)
}

async fn start_in(args: &HubArgs, directory: PathBuf, choices: &Choices) -> Result<Place, Error> {
    let wanted = args.address();
    // An address of "everywhere" is no address to put into a link, and the one that is needs the port before
    // the hub has bound it.
    let chosen = wanted.ip().is_unspecified() && wanted.port() == 0;
    let mut attempts = 3;
    loop {
        let address = if chosen { free_port(wanted).map_err(Error::Network)? } else { wanted };
        let here =
            net::reachable(address, net::lan_address).and_then(|address| Url::parse(&format!("http://{address}")).ok());
        let hub = Hub::builder()
            .data_dir(directory.join("hub"))
            .retention(choices.keep)
            .listen(address.to_string())
            .qr(draw)
            .push(choices.push.clone())
            .public_url(choices.public_url.clone().or(here));
        match hub.start().await {
            Ok(hub) => return Ok(Place { hub, directory }),
            // Somebody took the port in between.
            Err(HubError::PortTaken { .. }) if chosen && attempts > 1 => attempts -= 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The QR code of a link, for its page.
fn draw(link: &str) -> String {
    Link::parse(link).map(|link| link.qr().svg()).unwrap_or_default()
}

fn free_port(wanted: SocketAddr) -> std::io::Result<SocketAddr> {
    TcpListener::bind(wanted)?.local_addr()
}
