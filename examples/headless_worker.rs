//! A worker without a screen: jobs come from a list, and whatever needs a person waits for their phone. No account, no
//! repository, no vendor in between: the hub is the worker's own.
//!
//!     cargo run --example headless_worker

use groundlink::hub::Hub;
use groundlink::prelude::*;
use groundlink_examples::{Result, Stage, answer, somebody_approves};

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    let data = stage.directory().join(".hub");
    let hub = Hub::builder().data_dir(&data).start().await?;
    let client = stage.client_without_account().start().await?;

    for job in ["create-file", "run-shell"] {
        println!("Job: {job}");
        let session = client.create_session(stage.session_without_account()).await?;
        let endpoint = HubEndpoint::new(hub.export_base(), hub.export_token().clone());
        let bridge = Bridge::builder(&session, endpoint).start().await?;
        // Yours: send the link by mail or chat, print the QR code, or open the hub's list of sessions.
        let link = bridge.link().url().to_string();
        println!("  waits for approvals at {link}");
        let (done, approved) = tokio::join!(answer(&session, job), somebody_approves(&link));
        println!("  somebody approved: {approved}");
        println!("  the agent: {}", done?);
        bridge.stop().await;
        session.destroy().await?;
    }
    client.stop().await;
    hub.shutdown().await;
    Ok(())
}
