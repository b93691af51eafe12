//! What goes wrong on the CLI's side of the wire: a killed process, two attachments, a hub that restarts.

use std::time::Duration;

use groundlink::protocol::Method;
use groundlink::protocol::events::SessionInfo;
use groundlink::remote::{HubEndpoint, RemoteBuilderExt, RemoteError, RemoteExt};
use groundlink::session::{ApproveAll, Client, Event, Session};
use groundlink_testkit::process::signal;
use groundlink_testkit::{Viewer, eventually_or};
use groundlink_tests::native::{Rig, duplicates, said};
use serde_json::{Value, json};

#[tokio::test]
async fn a_killed_cli_resumes_under_the_same_link_without_duplicates() {
    let rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let id = session.id().to_owned();
    let link = session.remote().enable().await.expect("enabled").link.expect("a link");
    let viewer = Viewer::open_live(link.url().as_str()).await;
    viewer.say("said before the kill").await;
    viewer.until_idle().await;
    let before = viewer.events().await;

    signal("KILL", &[client.pid().expect("a child process")]).await;
    let reason = tokio::time::timeout(Duration::from_secs(10), client.closed()).await;
    assert!(reason.is_ok(), "the client notices that its CLI is gone");

    let client = rig.client().start().await.expect("the CLI starts again");
    let session = client.resume_session(&id, rig.config()).await.expect("the session resumes");
    let again = session.remote().enable().await.expect("enabled again").link.expect("a link");
    assert_eq!(again.url(), link.url(), "the link stays the same");
    viewer.say("said after the kill").await;
    viewer.until_idle().await;

    let events = viewer.events().await;
    assert_eq!(duplicates(&events), []);
    assert_eq!(events[..before.len()], before, "what was there stays where it was");
    assert_eq!(said(&events, "said before the kill"), 1);
    assert_eq!(said(&events, "said after the kill"), 1);
    client.stop().await;
}

/// A method that groundlink itself never calls.
struct StartRemoteControl;

impl Method for StartRemoteControl {
    const NAME: &'static str = "sessions.startRemoteControl";
    type Params = Value;
    type Output = Value;
}

#[tokio::test]
async fn two_attachments_of_one_session_execute_nothing_twice() {
    let rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let link = session.remote().enable().await.expect("enabled").link.expect("a link");
    // The process-wide remote control attaches the same session once more, with a poller of its own.
    let second = json!({
        "sessionId": session.id(),
        "config": {"remote": true, "steerable": true, "explicit": true, "silent": false},
    });
    let answer = client.call::<StartRemoteControl>(&second).await.expect("a second attachment");
    assert_eq!(answer["status"]["state"], "active", "{answer}");

    nothing_happens_twice(&rig, link.url().as_str()).await;

    // Asked for at its creation, the CLI attaches a session twice by itself.
    let config = rig.config().with(|params| {
        params.extra.set("remoteSession", &"on").expect("a string");
    });
    let session = client.create_session(config).await.expect("a session");
    let mut events = session.subscribe_from_start();
    let info = tokio::time::timeout(Duration::from_secs(20), events.next_of_kind("session.info"));
    let info: SessionInfo = info.await.expect("in time").expect("an event").data().expect("a session.info decodes");
    nothing_happens_twice(&rig, &info.url.expect("a link")).await;
    client.stop().await;
}

/// Messages and approved commands through a link whose session is attached twice.
async fn nothing_happens_twice(rig: &Rig, link: &str) {
    let viewer = Viewer::open_live(link).await;
    for round in 1..=3 {
        viewer.say(&format!("message {round}")).await;
        viewer.until_idle().await;
    }
    let before = rig.repo.read("shell-proof.txt").unwrap_or_default();
    viewer.say("run-shell").await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    // Both exporters upload every event; each is kept once.
    let events = viewer.events().await;
    assert_eq!(duplicates(&events), []);
    for round in 1..=3 {
        assert_eq!(said(&events, &format!("message {round}")), 1);
    }
    assert_eq!(rig.repo.read("shell-proof.txt"), Some(before + "shell-was-here\n"));
}

#[tokio::test]
async fn a_hub_that_restarts_goes_on_where_it_was() {
    let mut rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let link = session.remote().enable().await.expect("enabled").link.expect("a link");
    let viewer = Viewer::open_live(link.url().as_str()).await;
    viewer.say("said before the restart").await;
    viewer.until_idle().await;
    // One that the CLI takes while it works, to be read at the next step.
    let waits = json!({"command": "until [ -e go-on ]; do sleep 0.2; done", "description": "Wait"});
    viewer.say(&format!("tool:bash {waits}")).await;
    viewer.permit(true).await;
    viewer.event("the command's start", |event| event["type"] == "tool.execution_start").await;
    let steered = json!({"type": "user_message", "content": "taken before the restart", "delivery": "steer"});
    viewer.post(steered).await;
    let page = async || {
        let page = reqwest::Client::new().get(link.url().as_str()).header("accept", "text/html").send().await;
        page.expect("an answer").text().await.expect("a page")
    };
    let says_so = |page: &str| {
        let queued = page.split("data-testid=\"item-queued\"").nth(1).unwrap_or_default();
        queued.contains("taken before the restart")
            && queued.contains("With the agent, which reads it at its next step")
    };
    eventually_or("a message that the CLI has taken", Duration::from_secs(20), || async {
        let page = page().await;
        if says_so(&page) { Ok(()) } else { Err(page) }
    })
    .await;

    rig.hub.restart().await;

    assert!(says_so(&page().await), "the page still shows it, and how far it has come");
    rig.repo.write("go-on", "");
    // A CLI whose uploads failed too often sleeps until something happens in the session.
    session.log("the hub is back", true).await.expect("logged");
    let viewer = Viewer::open_live(link.url().as_str()).await;
    viewer.say("said after the restart").await;
    viewer.until_idle().await;
    eventually_or("a complete history without duplicates", Duration::from_secs(20), || async {
        let events = viewer.events().await;
        let complete = said(&events, "said before the restart") == 1
            && said(&events, "said after the restart") == 1
            && said(&events, "taken before the restart") == 1
            && duplicates(&events).is_empty();
        if complete { Ok(()) } else { Err(format!("{} events", events.len())) }
    })
    .await;
    client.stop().await;
}

#[tokio::test]
async fn sharing_that_cannot_be_says_why() {
    let rig = Rig::start().await;
    let client = rig.client().env_remove("GH_TOKEN").start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let error = session.remote().enable().await.expect_err("nobody is signed in");
    assert!(matches!(error, RemoteError::NotSignedIn), "{error:?}");
    assert!(error.to_string().contains("sign in"), "{error}");
    client.stop().await;

    let client = rig.client().start().await.expect("the CLI starts");
    rig.hub.handle().shutdown().await;
    let session = client.create_session(rig.config()).await.expect("a session");
    let error = session.remote().enable().await.expect_err("no hub");
    assert!(error.to_string().contains("server can be reached"), "{error}");
    client.stop().await;
}

/// An outage that is long enough for an idle CLI to fall deaf: its next sign of life comes after ten seconds at most, and is
/// tried five times.
const DEAFENING: Duration = Duration::from_secs(16);

#[tokio::test]
async fn an_idle_cli_that_fell_deaf_is_woken_when_the_hub_is_back() {
    let mut rig = Rig::start().await;
    let (client, session) = watched_over(&rig).await;
    let link = session.remote().enable().await.expect("enabled").link.expect("a link");
    let viewer = Viewer::open_live(link.url().as_str()).await;
    viewer.say("said before the outage").await;
    viewer.until_idle().await;

    rig.hub.stop().await;
    tokio::time::sleep(DEAFENING).await;
    rig.hub.start_again().await;

    // Nothing happens in the session but what its keeper does.
    viewer.say("said after the outage").await;
    viewer.until_idle().await;
    let events = viewer.events().await;
    assert_eq!(duplicates(&events), []);
    assert_eq!((said(&events, "said before the outage"), said(&events, "said after the outage")), (1, 1));
    client.stop().await;
}

/// As with GitHub, nobody here can look whether the other end is there.
#[tokio::test]
async fn an_idle_cli_that_fell_deaf_hears_again_also_where_the_other_end_is_not_looked_at() {
    let mut rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let link = session.remote().enable().await.expect("enabled").link.expect("a link");
    let viewer = Viewer::open_live(link.url().as_str()).await;
    let mut events = session.subscribe();
    rig.hub.stop().await;
    tokio::time::sleep(DEAFENING).await;
    rig.hub.start_again().await;

    // The only thing that happens in the session.
    let woken =
        tokio::time::timeout(Duration::from_mins(2), events.next()).await.expect("an event").expect("a session");
    let woken: SessionInfo = woken.event().expect("an event").data().expect("a session.info");
    assert_eq!((woken.info_type.as_str(), woken.message.as_str()), ("keep_alive", ""));
    viewer.until("the CLI", |snapshot| snapshot["presence"]["online"] == true).await;
    viewer.say("said after the outage").await;
    viewer.until_idle().await;
    assert_eq!(said(&viewer.events().await, "said after the outage"), 1);
    client.stop().await;
}

/// Turns of twenty steps, with far more events than the thousand that the CLI keeps.
const TURNS: usize = 6;

#[tokio::test]
async fn a_gap_that_an_outage_has_left_is_filled() {
    let mut rig = Rig::start().await;
    let (client, session) = watched_over(&rig).await;
    let link = session.remote().enable().await.expect("enabled").link.expect("a link");
    let viewer = Viewer::open_live(link.url().as_str()).await;
    viewer.say("said before the outage").await;
    viewer.until_idle().await;

    // More events than the CLI keeps for a hub that is away.
    rig.hub.stop().await;
    let mut events = session.subscribe();
    for _ in 0..TURNS {
        session.send("fast-steps 20").await.expect("sent");
        let idle = tokio::time::timeout(Duration::from_mins(1), events.next_of_kind("session.idle")).await;
        idle.expect("in time").expect("the end of the turn");
    }
    rig.hub.start_again().await;

    let log = session.history().await.expect("the log");
    let tools: Vec<&str> = log.iter().filter(|e| e.kind() == "tool.execution_complete").map(Event::id).collect();
    assert_eq!(tools.len(), 20 * TURNS);
    eventually_or("every step at the hub", Duration::from_mins(2), || async {
        let events = viewer.events().await;
        let there = |id: &&&str| events.iter().any(|event| event["event"]["id"] == **id);
        let found = tools.iter().filter(there).count();
        if found == tools.len() { Ok(()) } else { Err(format!("{found} of {} steps", tools.len())) }
    })
    .await;
    assert_eq!(duplicates(&viewer.events().await), []);
    client.stop().await;
}

/// A session that its CLI exports to the hub, of a client that was given the hub.
async fn watched_over(rig: &Rig) -> (Client, Session) {
    let hub = rig.hub.handle();
    let hub = HubEndpoint::new(hub.export_base(), hub.export_token().clone());
    let client = rig.signed_in(Client::builder()).remote_to(hub).start().await.expect("the CLI starts");
    let session = client.create_session(rig.config().on_permission(ApproveAll)).await.expect("a session");
    (client, session)
}
