//! The scripted model for programs in any language: prints its address and serves until its input ends.
//!
//!     cargo run -p groundlink-testkit --example scripted_model

use groundlink_testkit::scripted::{ScriptOptions, ScriptedModel};
use tokio::io::AsyncReadExt as _;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let model = ScriptedModel::start_with(ScriptOptions::new().hurry(true)).await?;
    println!("{}", model.base_url());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    model.stop().await;
    Ok(())
}
