use std::sync::Arc;

use github_copilot_sdk::handler::ApproveAllHandler;
use github_copilot_sdk::{Client, ClientOptions, types::SessionConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), github_copilot_sdk::Error> {
    let client = Client::start(ClientOptions::default()).await?;
    let config = SessionConfig::default().with_permission_handler(Arc::new(ApproveAllHandler));
    let session = client.create_session(config).await?;
    session.send("hello").await?;
    client.stop().await.ok();
    Ok(())
}
