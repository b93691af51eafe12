//! Measures a hub: it runs as a process of its own, with its database on disk; here are all exporters and viewers.

mod client;
mod figures;
mod latency;
mod load;
mod machine;
mod server;
mod sessions;

use std::path::Path;

use serde_json::{Value, json};

use crate::figures::Any;

/// Files that may be open: thousands of streams are as many sockets, on both sides.
const FILES: u64 = 16_384;

fn main() -> Any<()> {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = limit.maximum.unwrap_or(FILES).min(FILES);
    limit.current = Some(most);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["hub", dir] => runtime.block_on(server::serve(Path::new(dir))),
        [dir, streams] => {
            let streams = streams.parse::<usize>()?;
            // Some for the rest.
            if most < streams as u64 + 2_000 {
                return Err(
                    format!("{streams} streams need more open files than the {most} that `ulimit -Hn` allows").into()
                );
            }
            let report = runtime.block_on(measure(Path::new(dir), streams))?;
            println!("{report}");
            Ok(())
        }
        _ => Err("usage: bench-hub DIR STREAMS".into()),
    }
}

/// All figures, each part with a fresh hub.
async fn measure(dir: &Path, streams: usize) -> Any<Value> {
    eprintln!("==> a command's way");
    let tap = latency::taps(&dir.join("taps")).await?;
    eprintln!("==> an event's way");
    let page = latency::pages(&dir.join("pages")).await?;
    eprintln!("==> uploads");
    let uploads = load::uploads(&dir.join("uploads")).await?;
    eprintln!("==> one session, many viewers");
    let fan_out = load::fan_out(&dir.join("fan-out")).await?;
    eprintln!("==> memory");
    let memory = load::memory(&dir.join("memory"), streams).await?;
    eprintln!("==> long sessions");
    let mut open = Vec::new();
    for events in [10_000, 100_000] {
        open.push(load::cold_open(&dir.join(format!("open-{events}")), events).await?);
    }
    Ok(json!({
        "tap_to_exporter_ms": tap,
        "event_to_page_ms": page,
        "uploads": uploads,
        "one_session_to_many_viewers": fan_out,
        "memory": memory,
        "open": open,
    }))
}
