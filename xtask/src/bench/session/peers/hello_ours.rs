use groundlink_session::{ApproveAll, Client, SessionConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), groundlink_session::SessionError> {
    let client = Client::builder().start().await?;
    let session = client.create_session(SessionConfig::new().on_permission(ApproveAll)).await?;
    session.send("hello").await?;
    client.stop().await;
    Ok(())
}
