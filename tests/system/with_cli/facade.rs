//! One call to share a session, whatever the CLI, the account and the other end: which way is taken, and what is told.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use groundlink::EmbeddedHub;
use groundlink::protocol::events::{SessionInfo, SessionRemoteSteerableChanged};
use groundlink::remote::{
    BridgeState, HubEndpoint, RemoteBuilderExt as _, RemoteClientExt as _, RemoteError, RemoteExt as _, RemoteLink,
    RemoteMode, RemoteStatus, RemoteTarget, RemoteWay, WayReason,
};
use groundlink::session::{CliCommand, Client, ConnectionState, EventStream, Reconnect, Session};
use groundlink_testkit::process::signal;
use groundlink_testkit::{ScratchRepo, TestHub, Viewer, eventually};
use groundlink_tests::native::{Rig, duplicates, said};
use groundlink_tests::offline::{Offline, turn};
use groundlink_tests::parts;

const PATIENCE: Duration = Duration::from_mins(1);

fn endpoint(hub: &TestHub) -> HubEndpoint {
    HubEndpoint::new(hub.handle().export_base(), hub.handle().export_token().clone())
}

async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}

/// The next link that is one.
async fn link_of(links: &mut BoxStream<'static, RemoteLink>, session: &Session) -> RemoteLink {
    let named = async {
        loop {
            let link = links.next().await.expect("the client is there");
            if link.session_id == session.id() && link.link.is_some() {
                return link;
            }
        }
    };
    soon("a link", named).await
}

/// What the typed `session.info` event of a shared session says.
async fn announced(events: &mut EventStream) -> String {
    loop {
        let event = soon("the announcement", events.next_of_kind("session.info")).await.expect("an event");
        let info: SessionInfo = event.data().expect("a session.info decodes");
        if info.info_type == "remote" {
            return info.url.expect("a url");
        }
    }
}

async fn until(statuses: &mut BoxStream<'static, RemoteStatus>, what: &str, fits: impl Fn(&RemoteStatus) -> bool) {
    let waiting = async { while !fits(&statuses.next().await.expect("the session lives")) {} };
    soon(what, waiting).await;
}

#[tokio::test]
async fn a_cli_that_can_export_does_and_a_bridge_can_be_insisted_on() {
    let rig = Rig::start().await;
    let client = rig.signed_in(Client::builder()).remote_to(endpoint(&rig.hub)).start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");

    let status = session.remote().enable().await.expect("shared");
    assert_eq!((status.way, &status.reason), (Some(RemoteWay::Native), &Some(WayReason::Possible)), "{status:?}");
    let viewer = Viewer::open_live(status.link.expect("a link").url().as_str()).await;
    viewer.say("said natively").await;
    viewer.until_idle().await;

    // One end at a time: what the CLI exports, a bridge takes over.
    let bridged = session.remote().by(RemoteWay::Bridge).enable().await.expect("shared by a bridge");
    assert_eq!((bridged.way, &bridged.reason), (Some(RemoteWay::Bridge), &Some(WayReason::Asked)), "{bridged:?}");
    assert_eq!(bridged.bridge, Some(BridgeState::Live));
    viewer.say("said over the bridge").await;
    viewer.until_idle().await;

    // And back.
    let native = session.remote().by(RemoteWay::Native).enable().await.expect("shared natively again");
    assert_eq!((native.way, native.bridge), (Some(RemoteWay::Native), None));
    viewer.say("said natively again").await;
    viewer.until_idle().await;
    let events = viewer.events().await;
    assert_eq!(duplicates(&events), []);
    for text in ["said natively", "said over the bridge", "said natively again"] {
        assert_eq!(said(&events, text), 1, "{text}");
    }
    session.remote().disable().await.expect("disabled");
    assert_eq!(session.remote().status().expect("a status"), RemoteStatus::default());
    client.stop().await;
}

#[tokio::test]
async fn what_others_make_of_the_sharing_is_in_the_status() {
    let rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    for mode in [RemoteMode::Export, RemoteMode::On] {
        let status = session.remote().enable_with(mode).await.expect("shared");
        assert_eq!((status.link.is_some(), status.steerable), (true, mode == RemoteMode::On), "{status:?}");
        // Past the facade, as another client of the session could, too.
        session.rpc().remote().disable().await.expect("disabled");
        eventually("the end", PATIENCE, || async {
            (session.remote().status().expect("a status") == RemoteStatus::default()).then_some(())
        })
        .await;
    }
    let mut statuses = session.remote().watch();
    let shared = session.rpc().remote().enable().await.expect("enabled");
    until(&mut statuses, "the link", |status| status.link.is_some() && status.steerable).await;
    let status = session.remote().status().expect("a status");
    assert_eq!(status.link.map(|link| link.as_str().to_owned()), shared.url);
    assert_eq!(status.way, Some(RemoteWay::Native));
    client.stop().await;
}

#[tokio::test]
async fn a_hub_that_refuses_the_token_is_told_where_people_look_for_the_link() {
    let (offline, hub) = (Offline::new().await, TestHub::start().await);
    let wrong = HubEndpoint::new(hub.handle().export_base(), "glx_canary".to_owned().into());
    let client = offline.builder().remote(true).remote_to(wrong).start().await.expect("the CLI starts");
    let mut links = client.remote_links();
    let session = client.create_session(offline.config()).await.expect("a session");
    let told = soon("the reason", links.next()).await.expect("the client is there");
    let problem = told.problem.expect("a reason");
    assert_eq!((told.session_id.as_str(), told.link), (session.id(), None));
    assert!(problem.contains("refused the token (HTTP 401)") && !problem.contains("canary"), "{problem}");
    let status = session.remote().status().expect("a status");
    assert_eq!((status.problem.as_ref(), status.link), (Some(&problem), None));
    let mut statuses = session.remote().watch();
    until(&mut statuses, "the reason", |status| status.problem.as_ref() == Some(&problem)).await;

    // With another token it is shared, and there is no problem any more.
    session.remote().to(endpoint(&hub)).enable().await.expect("shared");
    until(&mut statuses, "the link", |status| status.link.is_some() && status.problem.is_none()).await;
    client.stop().await;
}

#[tokio::test]
async fn without_an_account_every_session_gets_a_bridge() {
    let (offline, hub) = (Offline::new().await, TestHub::start().await);
    let client = offline.builder().remote(true).remote_to(endpoint(&hub)).start().await.expect("the CLI starts");
    let mut links = client.remote_links();
    let mut viewers = Vec::new();
    for number in 1..=2 {
        let session = client.create_session(offline.config()).await.expect("a session");
        let mut events = session.subscribe_from_start();
        let link = link_of(&mut links, &session).await;
        assert!(link.steerable, "{link:?}");
        let link = link.link.expect("a link");
        assert_eq!(announced(&mut events).await, link.as_str(), "the typed event has the same link");
        let steerable = soon("the event", events.next_of_kind("session.remote_steerable_changed")).await;
        let steerable: SessionRemoteSteerableChanged = steerable.expect("an event").data().expect("decodes");
        assert!(steerable.remote_steerable);

        let status = session.remote().status().expect("a status");
        assert_eq!(
            (status.way, &status.reason),
            (Some(RemoteWay::Bridge), &Some(WayReason::NotSignedIn)),
            "{status:?}"
        );
        let viewer = Viewer::open_live(link.as_str()).await;
        viewer.say(&format!("hello {number}")).await;
        viewer.until_idle().await;
        viewers.push(viewer);
    }
    // The end of the client is the sessions' end for those who watch, before `stop` returns.
    client.stop().await;
    for (number, viewer) in viewers.iter().enumerate() {
        let events = viewer.events().await;
        assert_eq!(said(&events, &format!("hello {}", number + 1)), 1);
        assert_eq!(events.last().expect("events")["event"]["type"], "session.shutdown");
    }
    drop(client);
    assert!(soon("the end of the links", links.collect::<Vec<_>>()).await.iter().all(|link| link.link.is_none()));
}

#[tokio::test]
async fn a_server_of_somebody_elses_is_bridged_to_a_hub() {
    let (offline, hub) = (Offline::new().await, TestHub::start().await);
    let server = offline.server().await;
    let builder = Client::builder().cli_url(server.address()).remote(true).remote_to(endpoint(&hub));
    let client = builder.start().await.expect("the server takes clients");
    let mut links = client.remote_links();
    let session = client.create_session(offline.config()).await.expect("a session");
    let link = link_of(&mut links, &session).await.link.expect("a link");
    let status = session.remote().status().expect("a status");
    assert_eq!((status.way, &status.reason), (Some(RemoteWay::Bridge), &Some(WayReason::ExternalServer)), "{status:?}");

    // Another client of the session is told the link, too, and that it is not its doing.
    let other = server.client().await;
    let theirs = other.resume_session(session.id(), offline.config()).await.expect("joined");
    let error = theirs.remote().to(endpoint(&hub)).by(RemoteWay::Native).enable().await.expect_err("not ours to say");
    assert!(matches!(error, RemoteError::NotNative { reason: WayReason::ExternalServer, .. }), "{error}");

    let mut statuses = theirs.remote().watch();
    session.remote().disable().await.expect("no longer shared");
    session.remote().enable().await.expect("shared again");
    until(&mut statuses, "the announcement", |status| {
        status.link.as_ref().is_some_and(|url| *url == link) && status.way.is_none()
    })
    .await;
    client.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn github_needs_a_repository_there_and_a_hub_needs_none() {
    let rig = Rig::start().await;
    let mut client = rig.signed_in(Client::builder()).remote(true);
    client = client.env_remove("COPILOT_MC_BASE_URL");
    let client = client.start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("always on: silently skipped");

    let error = session.remote().enable().await.expect_err("an error on demand");
    let RemoteError::NotOnGitHub { directory } = &error else { panic!("{error:?}") };
    assert_eq!(Some(directory.as_str()), rig.repo.path().to_str());
    let error = session.remote().by(RemoteWay::Bridge).enable().await.expect_err("no bridge leads there");
    assert!(matches!(error, RemoteError::NoBridgeToGitHub), "{error:?}");
    turn(&session, "hello").await;
    assert_eq!(session.remote().status().expect("a status"), RemoteStatus::default(), "it stays unshared");
    let asked = rig.account.github().requests();
    assert!(asked.iter().all(|seen| !seen.path.starts_with("/agents")), "GitHub was not even asked: {asked:?}");

    // The same session, to a hub.
    let status = session.remote().to(endpoint(&rig.hub)).enable().await.expect("a hub takes any");
    assert_eq!((status.way, status.reason), (Some(RemoteWay::Bridge), Some(WayReason::ExportsElsewhere)));
    Viewer::open_live(status.link.expect("a link").as_str()).await;
    client.stop().await;
}

#[tokio::test]
async fn an_account_that_may_not_share_gets_a_bridge_or_the_reason() {
    let rig = Rig::start().await;
    rig.account.github().switch_remote_control_off();
    let client = rig.signed_in(Client::builder()).remote_to(endpoint(&rig.hub)).start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let error = session.remote().by(RemoteWay::Native).enable().await.expect_err("not by the CLI");
    assert!(error.to_string().contains("switched off for the account"), "{error}");
    let status = session.remote().enable().await.expect("by a bridge");
    assert_eq!(status.way, Some(RemoteWay::Bridge));
    assert!(matches!(status.reason, Some(WayReason::Refused(_))), "{status:?}");
    let viewer = Viewer::open_live(status.link.expect("a link").as_str()).await;
    viewer.say("said over the bridge").await;
    viewer.until_idle().await;
    client.stop().await;
}

#[tokio::test]
async fn a_clone_of_a_github_repository_is_shared_with_github() {
    let (rig, repo) = (Rig::start().await, ScratchRepo::of_github("octo/demo"));
    rig.account.github().answer_sharing(201);
    let client = rig.signed_in(Client::builder()).env("COPILOT_MC_REPO_IDS", "7,42").remote(true);
    let client = client.start().await.expect("the CLI starts");
    let mut links = client.remote_links();
    let session = client.create_session(rig.config().working_directory(repo.path())).await.expect("a session");
    let link = link_of(&mut links, &session).await.link.expect("a link");
    assert!(rig.account.github().requests().iter().any(|seen| seen.path == "/agents/sessions"));
    assert!(link.as_str().starts_with("https://github.com/octo/demo/tasks/"), "{}", link.as_str());
    let status = session.remote().status().expect("a status");
    assert_eq!((status.way, status.reason), (Some(RemoteWay::Native), Some(WayReason::AlreadyShared)));
    client.stop().await;
}

#[tokio::test]
async fn a_hub_in_this_program_starts_with_the_first_session() {
    let offline = Offline::new().await;
    let data = tempfile::tempdir().expect("a directory");
    let hub = EmbeddedHub::in_dir(data.path());
    let client = offline.builder().remote(true).remote_to(hub.clone()).start().await.expect("the CLI starts");
    assert!(std::fs::read_dir(data.path()).expect("readable").next().is_none(), "nothing runs yet");
    let mut links = client.remote_links();
    let session = client.create_session(offline.config()).await.expect("a session");
    let link = link_of(&mut links, &session).await.link.expect("a link");
    assert!(link.as_str().starts_with(hub.hub().await.expect("it runs").url().as_str()), "{}", link.as_str());
    let viewer = Viewer::open_live(link.as_str()).await;
    viewer.say("hello hub").await;
    viewer.until_idle().await;
    client.stop().await;

    // One that cannot start is an error that says why.
    let broken = RemoteTarget::from(EmbeddedHub::in_dir(std::env::current_exe().expect("a file")));
    let client = offline.client().await;
    let session = client.create_session(offline.config()).await.expect("a session");
    let error = session.remote().to(broken).enable().await.expect_err("a file is no directory");
    assert!(matches!(error, RemoteError::EmbeddedHub(_)), "{error:?}");
    client.stop().await;
}

#[tokio::test]
async fn a_bridged_session_is_watched_first_and_steered_later() {
    let (offline, hub) = (Offline::new().await, TestHub::start().await);
    let client = offline.client().await;
    let session = client.create_session(offline.config()).await.expect("a session");
    let remote = session.remote().to(endpoint(&hub));
    let mut statuses = remote.watch();
    until(&mut statuses, "the beginning", |status| *status == RemoteStatus::default()).await;

    let status = remote.enable_with(RemoteMode::Export).await.expect("shared to watch");
    assert!(!status.steerable, "{status:?}");
    until(&mut statuses, "the link", |status| status.link.is_some() && status.bridge == Some(BridgeState::Live)).await;
    let link = status.link.expect("a link");
    let viewer = Viewer::open(link.as_str()).await;
    turn(&session, "said before").await;
    viewer.event("what was said", |event| event["data"]["content"] == "said before").await;
    let refused = viewer.post(serde_json::json!({"type": "user_message", "content": "not taken"})).await;
    assert_eq!(refused.status, reqwest::StatusCode::CONFLICT, "{refused:?}");

    let status = remote.enable().await.expect("shared to steer");
    assert!(status.steerable && status.link.as_ref() == Some(&link), "{status:?}");
    until(&mut statuses, "steering", |status| status.steerable).await;
    let viewer = Viewer::open_live(link.as_str()).await;
    viewer.say("said from afar").await;
    viewer.until_idle().await;
    assert_eq!(duplicates(&viewer.events().await), []);
    // The way back is to end it, as with the CLI's own exporter.
    assert!(remote.enable_with(RemoteMode::Export).await.expect("as it was").steerable);
    remote.disable().await.expect("ended");
    until(&mut statuses, "the end", |status| status.link.is_none() && status.way.is_none()).await;
    client.stop().await;
}

#[tokio::test]
async fn a_hub_that_comes_late_gets_the_session_all_the_same() {
    let (offline, mut hub) = (Offline::new().await, TestHub::start().await);
    hub.stop().await;
    let client = offline.builder().remote(true).remote_to(endpoint(&hub)).start().await.expect("the CLI starts");
    let mut links = client.remote_links();
    let session = client.create_session(offline.config()).await.expect("a session");
    turn(&session, "said alone").await;
    let mut statuses = session.remote().watch();
    let away = |status: &RemoteStatus| status.problem.as_deref().is_some_and(|why| why.contains("cannot be reached"));
    until(&mut statuses, "the reason", away).await;
    hub.start_again().await;
    let link = link_of(&mut links, &session).await.link.expect("a link");
    let viewer = Viewer::open_live(link.as_str()).await;
    viewer.event("what was said", |event| event["data"]["content"] == "said alone").await;
    assert_eq!(session.remote().status().expect("a status").problem, None);
    client.stop().await;
}

#[tokio::test]
async fn a_bridge_keeps_no_cli_alive() {
    let (offline, hub) = (Offline::new().await, TestHub::start().await);
    let client = offline.builder().cli(CliCommand::new(parts::copilot()));
    let client = client.remote(true).remote_to(endpoint(&hub)).start().await.expect("the CLI starts");
    let session = client.create_session(offline.config()).await.expect("a session");
    link_of(&mut client.remote_links(), &session).await;
    let pid = client.pid().expect("a child");
    drop((client, session));
    eventually("the end of the CLI", PATIENCE, || async move {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_bridge_outlives_the_cli_of_a_client_that_comes_back() {
    let (offline, hub) = (Offline::new().await, TestHub::start().await);
    let client = offline.builder().reconnect(Reconnect::new()).remote(true).remote_to(endpoint(&hub));
    let client = client.start().await.expect("the CLI starts");
    let session = client.create_session(offline.config()).await.expect("a session");
    let link = link_of(&mut client.remote_links(), &session).await.link.expect("a link");
    let viewer = Viewer::open_live(link.as_str()).await;
    viewer.say("said before").await;
    viewer.until_idle().await;

    let mut connections = client.connections();
    signal("KILL", &[client.pid().expect("a child")]).await;
    let back =
        async { while !matches!(connections.next().await, Some(ConnectionState::Connected { reconnects: 1.. })) {} };
    soon("the connection", back).await;
    viewer.say("said after").await;
    viewer.until_idle().await;
    let events = viewer.events().await;
    assert_eq!(duplicates(&events), []);
    assert_eq!((said(&events, "said before"), said(&events, "said after")), (1, 1));
    let status = session.remote().status().expect("a status");
    assert_eq!((status.way, status.link.as_ref()), (Some(RemoteWay::Bridge), Some(&link)), "{status:?}");
    client.stop().await;
}
