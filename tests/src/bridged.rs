//! A session of the real CLI that a bridge exports to a hub of ours, all within the test.

use groundlink::protocol::mc::{ExporterInfo, ModelChoice};
use groundlink::remote::{Bridge, BridgeHandle, HubEndpoint};
use groundlink::session::{Client, Session};
use groundlink_testkit::Viewer;

use crate::native::Rig;

/// The second model that is on offer, beside the account's own.
pub const OTHER_MODEL: &str = "another-model";

/// The parts of it.
#[derive(Debug)]
pub struct Bridged {
    /// The hub, the account, the repository.
    pub rig: Rig,
    /// The CLI.
    pub client: Client,
    /// The session.
    pub session: Session,
    /// The bridge.
    pub shared: BridgeHandle,
    link: String,
}

impl Bridged {
    /// Starts everything and waits until the session takes commands.
    pub async fn start() -> Self {
        Self::at(Rig::start().await).await
    }

    /// The same at a hub that is there already.
    pub async fn at(rig: Rig) -> Self {
        let client = rig.signed_in(Client::builder()).start().await.expect("the CLI starts");
        Self::share(rig, client).await
    }

    async fn share(rig: Rig, client: Client) -> Self {
        let session = client.create_session(rig.config().ask_elicitation(true)).await.expect("a session");
        let shared = share(&rig, &session).await;
        let link = shared.link().url().to_string();
        Viewer::open_live(&link).await;
        Self { rig, client, session, shared, link }
    }

    /// One more session of the same CLI at the same hub; its link.
    pub async fn another(&self) -> (Session, BridgeHandle) {
        let session = self.client.create_session(self.rig.config()).await.expect("a session");
        let shared = share(&self.rig, &session).await;
        Viewer::open_live(shared.link().url().as_str()).await;
        (session, shared)
    }

    /// The link.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Somebody who has the link.
    pub async fn viewer(&self) -> Viewer {
        Viewer::open_live(&self.link).await
    }

    /// Ends everything.
    pub async fn stop(self) {
        self.shared.stop().await;
        self.client.stop().await;
    }
}

async fn share(rig: &Rig, session: &Session) -> BridgeHandle {
    let hub = rig.hub.handle();
    let mut info = ExporterInfo::new("groundlink");
    info.models = vec![ModelChoice::new(groundlink_testkit::github::MODEL), ModelChoice::new(OTHER_MODEL)];
    Bridge::builder(session, HubEndpoint::new(hub.export_base(), hub.export_token().clone()))
        .info(info)
        .start()
        .await
        .expect("the bridge starts")
}
