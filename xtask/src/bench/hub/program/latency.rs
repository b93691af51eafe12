//! How long a command and an event are on their way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};

use crate::client::Connection;
use crate::figures::{Any, Dice, Times};
use crate::machine::Machine;
use crate::server::Server;
use crate::sessions::Session;

/// Taps in each session, one after the other.
const TAPS: usize = 100;
/// Sessions that ask now and then, all at the same time.
const POLLING: usize = 100;
/// How long the CLI waits between polls when there is nothing.
const PLAIN_STEP: Duration = Duration::from_secs(3);
/// How long it waits where the hub told it so after a held poll.
const NATIVE_STEP: Duration = Duration::from_secs(1);
/// The same, and the time for which the hub holds a poll.
const NATIVE_CYCLE: Duration = Duration::from_secs(9);
/// Sessions that upload in the background, each so often.
const BUSY: (usize, Duration) = (100, Duration::from_millis(200));

/// From the tap to the exporter: held polls, alone and beside others; plain polling; the CLI's own polling.
pub async fn taps(dir: &Path) -> Any<Value> {
    let server = Server::start(dir).await?;
    let machine = Machine::watch(&dir.join("machine"))?;
    let mut held = Times::default();
    for n in 0..4 {
        held.extend(held_taps(&server, &format!("held-{n}")).await?);
    }
    let busy = Busy::start(&server).await?;
    let mut beside = Times::default();
    for n in 0..4 {
        beside.extend(held_taps(&server, &format!("beside-{n}")).await?);
    }
    busy.stop().await?;
    let machine = machine.told()?;
    let plain = polled(&server, "plain", PLAIN_STEP, "?wait=0", PLAIN_STEP).await?;
    let native = polled(&server, "native", NATIVE_STEP, "", NATIVE_CYCLE).await?;
    server.stop().await?;
    Ok(json!({
        "held_poll": held.json(),
        "held_poll_beside_100_busy_sessions": beside.json(),
        "the_machine_meanwhile": machine,
        "polling_every_3_s": plain.json(),
        "native_path": native.json(),
    }))
}

/// Asks for a permission, and gives the command that grants it.
async fn ask(session: &mut Session, n: usize) -> Any<String> {
    let request = format!("{}-r{n}", session.id);
    let asked = json!({"kind": "shell", "toolCallId": request, "fullCommandText": "echo hi", "intention": "Say hi"});
    let event = session.passing("permission.requested", &json!({"requestId": request, "permissionRequest": asked}));
    session.upload(&[event]).await?;
    Ok(json!({"client_id": request, "type": "permission_response", "request_id": request, "approved": true})
        .to_string())
}

async fn completed(session: &mut Session, n: usize) -> Any<()> {
    let data = json!({"requestId": format!("{}-r{n}", session.id), "result": {"kind": "approved"}});
    let event = session.passing("permission.completed", &data);
    session.upload(&[event]).await
}

async fn held_taps(server: &Server, id: &str) -> Any<Times> {
    let mut session = Session::attach(server, id).await?;
    let mut phone = Connection::open(&server.host).await?;
    let path = session.api("/commands");
    let mut poller = session.poller().await?;
    let mut times = Times::default();
    for n in 0..TAPS {
        let tap = ask(&mut session, n).await?;
        let poll = async {
            let brought = poller.brings("?wait=30").await?;
            Any::Ok((brought, Instant::now()))
        };
        let tapping = async {
            // Until the poll is held. Taps also come no faster than a session may be tapped.
            tokio::time::sleep(Duration::from_millis(120)).await;
            let at = Instant::now();
            phone.call("POST", &path, "", &tap).await?.json()?;
            Any::Ok(at)
        };
        let ((brought, arrived), tapped) = tokio::try_join!(poll, tapping)?;
        if !brought {
            return Err("a held poll brought nothing".into());
        }
        times.push(arrived - tapped);
        completed(&mut session, n).await?;
    }
    Ok(times)
}

/// Taps at any time, at exporters that ask, wait for `step` and ask again.
async fn polled(server: &Server, name: &str, step: Duration, query: &'static str, cycle: Duration) -> Any<Times> {
    let mut tasks = JoinSet::new();
    for n in 0..POLLING {
        let mut session = Session::attach(server, &format!("{name}-{n}")).await?;
        let mut phone = Connection::open(&server.host).await?;
        let mut dice = Dice::new(n as u64 + 1);
        tasks.spawn(async move {
            let path = session.api("/commands");
            let mut poller = session.poller().await?;
            tokio::time::sleep(dice.below(cycle)).await;
            let mut times = Times::default();
            for n in 0..3 {
                let tap = ask(&mut session, n).await?;
                let polling = async {
                    while !poller.brings(query).await? {
                        tokio::time::sleep(step).await;
                    }
                    Any::Ok(Instant::now())
                };
                let tapping = async {
                    tokio::time::sleep(dice.below(cycle)).await;
                    let at = Instant::now();
                    phone.call("POST", &path, "", &tap).await?.json()?;
                    Any::Ok(at)
                };
                let (arrived, tapped) = tokio::try_join!(polling, tapping)?;
                times.push(arrived - tapped);
                completed(&mut session, n).await?;
            }
            Any::Ok(times)
        });
    }
    let mut all = Times::default();
    while let Some(times) = tasks.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}

/// From the upload to the page: one viewer, alone and beside busy sessions.
pub async fn pages(dir: &Path) -> Any<Value> {
    let server = Server::start(dir).await?;
    let machine = Machine::watch(&dir.join("machine"))?;
    let alone = page(&server, "alone").await?;
    let busy = Busy::start(&server).await?;
    let beside = page(&server, "beside").await?;
    busy.stop().await?;
    let machine = machine.told()?;
    server.stop().await?;
    Ok(json!({
        "alone": alone.json(),
        "beside_100_busy_sessions": beside.json(),
        "the_machine_meanwhile": machine,
    }))
}

async fn page(server: &Server, id: &str) -> Any<Times> {
    let mut session = Session::attach(server, id).await?;
    let mut viewer = session.viewer().await?;
    let mut times = Times::default();
    for n in 0..300 {
        let mark = format!("mark{n}end");
        let event =
            session.event("assistant.message", &json!({"messageId": mark, "content": mark, "toolRequests": []}));
        let events = [event];
        let at = Instant::now();
        let (_, arrived) = tokio::try_join!(session.upload(&events), async {
            viewer.until(&mark).await?;
            Any::Ok(Instant::now())
        })?;
        times.push(arrived - at);
    }
    Ok(times)
}

/// Sessions that upload all the time.
struct Busy {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Any<()>>>,
}

impl Busy {
    async fn start(server: &Server) -> Any<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for n in 0..BUSY.0 {
            let mut session = Session::attach(server, &format!("busy-{n}-{}", server.host)).await?;
            let (stop, mut dice) = (stop.clone(), Dice::new(n as u64 + 7));
            tasks.push(tokio::spawn(async move {
                tokio::time::sleep(dice.below(BUSY.1)).await;
                while !stop.load(Ordering::Relaxed) {
                    let data = json!({"messageId": "m", "content": "word ".repeat(40), "toolRequests": []});
                    let event = session.event("assistant.message", &data);
                    session.upload(&[event]).await?;
                    tokio::time::sleep(BUSY.1).await;
                }
                Ok(())
            }));
        }
        Ok(Self { stop, tasks })
    }

    async fn stop(self) -> Any<()> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await??;
        }
        Ok(())
    }
}
