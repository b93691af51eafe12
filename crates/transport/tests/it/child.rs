//! Programs as the other side: how they start, end, and what is left of them.

use std::time::Duration;

use groundlink_transport::child;
use groundlink_transport::{CallError, CloseReason, Error, PeerBuilder, Server, StopPolicy};
use tokio::process::Command;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn quick() -> StopPolicy {
    StopPolicy::new(SHORT, SHORT, LONG)
}

/// Whether a process exists, zombies included.
fn exists(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

/// Whether a process runs. Who collects a grandchild, and when, is up to the system.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // `PID (NAME) STATE ...`, where the name may hold anything.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(LONG, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "never happened: {what}");
}

/// The pid a script printed as `NAME=PID` on stderr.
async fn printed(child: &child::ChildPeer, name: &str) -> u32 {
    let find = || {
        let tail = child.output_tail();
        tail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    until("the script prints a pid", || find().is_some()).await;
    find().unwrap()
}

#[tokio::test]
async fn a_pending_call_fails_with_the_exit_status_and_the_last_words() {
    let child =
        child::spawn(sh("echo 'error: unexpected argument' >&2; read line; exit 3"), quick(), PeerBuilder::new())
            .unwrap();
    let error = child.call_raw("ping", None).await.unwrap_err();
    let CallError::Closed(CloseReason::Exited(exit)) = &error else { panic!("{error:?}") };
    assert_eq!(exit.status.unwrap().code(), Some(3));
    assert_eq!(exit.output, "error: unexpected argument");
    assert_eq!(
        error.to_string(),
        "the connection is closed: the program ended (exit status: 3); its last output: error: unexpected argument"
    );
    // And so does every later call.
    assert_eq!(child.call_raw("ping", None).await.unwrap_err().to_string(), error.to_string());
    let pid = child.pid().unwrap();
    until("the program is collected", || !exists(pid)).await;
}

#[tokio::test]
async fn every_pending_call_fails_with_the_same_exit_status() {
    let script = "for n in 1 2 3 4 5; do read line; done; echo 'fatal: out of memory' >&2; exit 134";
    let child = child::spawn(sh(script), quick(), PeerBuilder::new()).unwrap();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let peer = child.peer().clone();
            tokio::spawn(async move { peer.call_raw("ping", None).await })
        })
        .collect();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        let CallError::Closed(CloseReason::Exited(exit)) = &error else { panic!("{error:?}") };
        assert_eq!(exit.status.unwrap().code(), Some(134));
        assert_eq!(exit.output, "fatal: out of memory");
    }
}

#[tokio::test]
async fn a_program_killed_by_somebody_else_is_reported_with_its_signal() {
    use std::os::unix::process::ExitStatusExt as _;

    let child = child::spawn(sh("kill -9 $$"), quick(), PeerBuilder::new()).unwrap();
    let error = child.call_raw("ping", None).await.unwrap_err();
    let CallError::Closed(CloseReason::Exited(exit)) = &error else { panic!("{error:?}") };
    assert_eq!(exit.status.unwrap().signal(), Some(9));
    assert!(error.to_string().contains("signal: 9"), "{error}");
}

#[tokio::test]
async fn a_program_leads_a_process_group_of_its_own() {
    let child = child::spawn(sh("cat"), quick(), PeerBuilder::new()).unwrap();
    let pid = child.pid().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name: state, parent, group.
    let group = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(2)).unwrap().to_owned();
    assert_eq!(group, pid.to_string());
    child.stop().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let error = child::spawn(Command::new("/nonexistent/copilot"), quick(), PeerBuilder::new()).unwrap_err();
    assert!(matches!(error, Error::Spawn { .. }));
    assert!(error.to_string().contains("/nonexistent/copilot"), "{error}");
}

#[tokio::test]
async fn stop_needs_no_signal_when_the_program_ends_with_its_stdin() {
    let child =
        child::spawn(sh("cat >/dev/null; echo done >&2; exit 7"), StopPolicy::default(), PeerBuilder::new()).unwrap();
    let exit = child.stop().await;
    assert_eq!(exit.status.unwrap().code(), Some(7));
    assert_eq!(exit.output, "done");
    assert!(matches!(child.closed().await, CloseReason::Stopped(_)));
    // Again is fine.
    assert_eq!(child.stop().await.status.unwrap().code(), Some(7));
}

#[tokio::test]
async fn stop_kills_a_stubborn_program_and_its_descendants() {
    // Neither end of stdin nor SIGTERM impresses anybody here.
    let script = "trap '' TERM; sleep 1000 & echo grandchild=$! >&2; while :; do sleep 1; done";
    let child = child::spawn(sh(script), quick(), PeerBuilder::new()).unwrap();
    let (pid, grandchild) = (child.pid().unwrap(), printed(&child, "grandchild").await);
    let exit = tokio::time::timeout(LONG, child.stop()).await.expect("stop is bounded");
    assert!(exit.status.unwrap().code().is_none(), "killed by a signal: {exit}");
    assert!(!exists(pid));
    until("the grandchild is gone", || !runs(grandchild)).await;
}

#[tokio::test]
async fn a_call_that_is_pending_at_our_own_stop_fails_with_the_exit_status() {
    for (script, code) in [("cat >/dev/null; echo bye >&2; exit 7", Some(7)), ("trap '' TERM; sleep 1000", None)] {
        let child = child::spawn(sh(script), quick(), PeerBuilder::new()).unwrap();
        let peer = child.peer().clone();
        let pending = async { peer.call_raw("ping", None).await };
        let (error, exit) = tokio::join!(pending, child.stop());
        let error = error.unwrap_err();
        let CallError::Closed(CloseReason::Stopped(told)) = &error else { panic!("{script}: {error:?}") };
        assert_eq!(told.status.unwrap().code(), code, "{script}");
        assert_eq!(told.status, exit.status, "{script}");
        assert!(error.to_string().contains("stopped by this side: the program ended ("), "{error}");
    }
}

#[tokio::test]
async fn a_call_that_is_pending_at_our_own_stop_learns_the_status_though_a_grandchild_was_left_behind() {
    // The grandchild holds stdout and stderr, so that neither stream ends with the program.
    let script = "sleep 1000 & echo grandchild=$! >&2; cat >/dev/null; exit 7";
    let child = child::spawn(sh(script), quick(), PeerBuilder::new()).unwrap();
    let grandchild = printed(&child, "grandchild").await;
    let peer = child.peer().clone();
    let pending = async { peer.call_raw("ping", None).await };
    let (error, exit) = tokio::join!(pending, child.stop());
    let error = error.unwrap_err();
    let CallError::Closed(CloseReason::Stopped(told)) = &error else { panic!("{error:?}") };
    assert_eq!(told.status.unwrap().code(), Some(7));
    assert_eq!(told.status, exit.status);
    until("the grandchild is gone", || !runs(grandchild)).await;
}

#[tokio::test]
async fn a_grandchild_does_not_outlive_a_program_that_ends_by_itself() {
    // It holds stdout too, so that the stream does not end with the program.
    let script = "sleep 1000 & echo grandchild=$! >&2; read line; exit 0";
    let child = child::spawn(sh(script), quick(), PeerBuilder::new()).unwrap();
    let grandchild = printed(&child, "grandchild").await;
    let error = child.call_raw("ping", None).await.unwrap_err();
    assert!(matches!(error, CallError::Closed(CloseReason::Exited(_))), "{error:?}");
    until("the grandchild is gone", || !runs(grandchild)).await;
}

#[tokio::test]
async fn dropping_the_handle_ends_everything() {
    let script = "sleep 1000 & echo grandchild=$! >&2; wait";
    let child = child::spawn(sh(script), quick(), PeerBuilder::new()).unwrap();
    let (pid, grandchild) = (child.pid().unwrap(), printed(&child, "grandchild").await);
    drop(child);
    until("both are gone", || !exists(pid) && !runs(grandchild)).await;
}

#[test]
fn the_end_of_the_runtime_ends_everything() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (child, pid, grandchild) = runtime.block_on(async {
        let script = "trap '' TERM; sleep 1000 & echo grandchild=$! >&2; while :; do sleep 1; done";
        let child = child::spawn(sh(script), StopPolicy::default(), PeerBuilder::new()).unwrap();
        let (pid, grandchild) = (child.pid().unwrap(), printed(&child, "grandchild").await);
        (child, pid, grandchild)
    });
    drop(runtime);
    assert!(!exists(pid), "the program was collected with the runtime");
    drop(child);
    let until = std::time::Instant::now() + LONG;
    while runs(grandchild) {
        assert!(std::time::Instant::now() < until, "the grandchild lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn lines_that_are_no_frames_are_kept_for_the_error() {
    let child = child::spawn(sh("echo warning: something; read line; exit 1"), quick(), PeerBuilder::new()).unwrap();
    let error = child.call_raw("ping", None).await.unwrap_err();
    assert!(error.to_string().ends_with("its last output: warning: something"), "{error}");
}

#[tokio::test]
async fn a_server_announces_its_port() {
    let script = "echo starting; echo 'CLI server listening on port 46755'; echo 'warning: no token'; sleep 1000";
    let server = Server::spawn(sh(script), quick(), LONG).await.unwrap();
    assert_eq!(server.url().to_string(), "127.0.0.1:46755");
    let pid = server.pid().unwrap();
    server.stop().await;
    assert!(!exists(pid));
}

#[tokio::test]
async fn a_server_that_ends_or_stays_silent_says_why() {
    let error = Server::spawn(sh("echo 'error: port in use' >&2; exit 1"), quick(), LONG).await.unwrap_err();
    assert!(matches!(error, Error::EndedEarly(_)));
    assert!(error.to_string().contains("exit status: 1"), "{error}");
    assert!(error.to_string().contains("port in use"), "{error}");

    let error = Server::spawn(sh("echo hello; exec sleep 1000"), quick(), SHORT).await.unwrap_err();
    assert!(matches!(error, Error::NoAnnouncement { .. }));
    assert!(error.to_string().contains("hello"), "{error}");
}

#[tokio::test]
async fn a_call_to_a_server_that_dies_fails_with_its_exit_status() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!("echo 'listening on port {port}'; sleep 1; echo 'fatal: no memory' >&2; exit 7");
    let server = Server::spawn(sh(&script), quick(), LONG).await.unwrap();
    let peer = server.connect(LONG, PeerBuilder::new()).await.unwrap();
    // The listener stands in for the program's own socket, which closes when the program ends.
    let (socket, _) = listener.accept().await.unwrap();
    let calling = peer.call_raw("ping", None);
    let ending = async {
        server.exited().await;
        drop(socket);
    };
    let (answer, ()) = tokio::join!(calling, ending);
    let CallError::Closed(CloseReason::Exited(exit)) = answer.unwrap_err() else { panic!("no exit status") };
    assert_eq!(exit.status.unwrap().code(), Some(7));
    assert!(exit.output.contains("fatal: no memory"), "{}", exit.output);
}

#[tokio::test]
async fn a_server_that_only_hangs_up_has_not_ended() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server::spawn(sh(&format!("echo 'listening on port {port}'; exec sleep 1000")), quick(), LONG);
    let server = server.await.unwrap();
    let peer = server.connect(LONG, PeerBuilder::new()).await.unwrap();
    drop(listener.accept().await.unwrap());
    assert!(matches!(peer.closed().await, CloseReason::EndOfStream));
    server.stop().await;
}
