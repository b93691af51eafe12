//! The hub's process, and its handle on this side.

use std::path::Path;
use std::process::Stdio;

use groundlink_hub::Hub;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::figures::Any;

/// Runs a hub until the input ends.
pub async fn serve(dir: &Path) -> Any<()> {
    let hub = Hub::builder().data_dir(dir).start().await?;
    println!("{}", json!({"host": hub.local_addr().to_string(), "token": hub.export_token().expose_secret()}));
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    hub.shutdown().await;
    Ok(())
}

/// A hub that runs.
pub struct Server {
    pub host: String,
    pub token: String,
    child: Child,
    input: ChildStdin,
}

impl Server {
    /// Starts one over a directory.
    pub async fn start(dir: &Path) -> Any<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("hub").arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let (input, output) = (child.stdin.take().ok_or("no input")?, child.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let told: Value = serde_json::from_str(&line)?;
        let word = |name: &str| told[name].as_str().map(str::to_owned).ok_or("the hub did not start");
        Ok(Self { host: word("host")?, token: word("token")?, child, input })
    }

    /// Its memory, in KiB, where the system tells.
    pub fn memory(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
    }

    /// Ends it.
    pub async fn stop(mut self) -> Any<()> {
        drop(self.input);
        self.child.wait().await?;
        Ok(())
    }
}
