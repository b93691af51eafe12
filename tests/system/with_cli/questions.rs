//! What the real CLI asks: every permission decision, several clients on one session, commands.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink::protocol::types::PermissionRequest;
use groundlink::session::{
    AnswerOutcome, AnswerReport, CommandCall, ElicitationAnswer, ElicitationAsk, HandlerEnd, HandlerKind,
    PermissionAsk, PermissionDecision, PlanAsk, PlanDecision, Session, SessionConfig, SessionMode, SlashCommand, Tool,
    ToolCall, UserAnswer, UserInputAsk,
};
use groundlink_testkit::eventually;
use groundlink_tests::offline::{Offline, OfflineServer, turn};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(2);

fn shell(command: &str) -> String {
    format!("tool:bash {}", json!({"command": command, "description": "Make a file"}))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what}");
}

#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<AnswerReport>>>);

impl Reports {
    fn teller(&self) -> impl Fn(AnswerReport) + Send + Sync + use<> {
        let all = Arc::clone(&self.0);
        move |report| all.lock().expect("a lock").push(report)
    }

    async fn first(&self) -> AnswerReport {
        until("a report", || !self.0.lock().expect("a lock").is_empty()).await;
        self.0.lock().expect("a lock").remove(0)
    }
}

#[tokio::test]
async fn every_permission_decision_does_what_it_says() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let asked = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&asked);
    let location = offline.repo.path().display().to_string();
    let config = offline.config().on_permission(move |ask: PermissionAsk| {
        *counter.lock().expect("a lock") += 1;
        let location = location.clone();
        async move {
            let PermissionRequest::Shell(shell) = &ask.data.permission_request else { panic!("{ask:?}") };
            let command = shell.full_command_text.clone();
            match command.split_whitespace().last().unwrap_or_default() {
                "once" => PermissionDecision::ApproveOnce,
                "session" => PermissionDecision::approve_for_session(&ask.data.permission_request),
                "rejected" => PermissionDecision::reject_with("because of the test"),
                "nobody" => PermissionDecision::UserNotAvailable,
                "location" => PermissionDecision::ApproveForLocation {
                    approval: groundlink::session::Approval::covering(&ask.data.permission_request).expect("shell"),
                    location_key: location,
                },
                // What the CLI could not read is refused before it is sent, and answered with a rejection.
                _ => PermissionDecision::ApprovePermanently { domain: " ".to_owned() },
            }
        }
    });
    let session = client.create_session(config).await.expect("a session");
    // The file a command makes, whether it is made, and how often was asked.
    let table =
        [("once", true, 1), ("once", true, 2), ("rejected", false, 3), ("nobody", false, 4), ("unspeakable", false, 5)];
    for (file, made, times) in table {
        turn(&session, &shell(&format!("touch {file}"))).await;
        assert_eq!((offline.repo.has(file), *asked.lock().expect("a lock")), (made, times), "{file}");
    }
    // A lasting approval: the like is not asked for again.
    turn(&session, &shell("mkdir -p session")).await;
    let once = *asked.lock().expect("a lock");
    assert!(offline.repo.has("session"));
    std::fs::remove_dir(offline.repo.path().join("session")).expect("removed");
    turn(&session, &shell("mkdir -p session")).await;
    assert!(offline.repo.has("session"));
    assert_eq!(*asked.lock().expect("a lock"), once, "approved for the session");
    turn(&session, &shell("ln -s README.md location")).await;
    assert!(offline.repo.has("location"));
    client.stop().await;
}

#[tokio::test]
async fn the_first_answer_of_two_clients_wins_and_the_other_learns_it() {
    let offline = Offline::new().await;
    let server = offline.server().await;
    let (one, two) = (server.client().await, server.client().await);
    let (quick, slow) = (Reports::default(), Reports::default());
    let (told, heard) = tokio::sync::watch::channel(false);
    let config = offline
        .config()
        .on_permission(move |_: PermissionAsk| {
            let mut heard = heard.clone();
            async move {
                // Not before the other client has the question, too.
                heard.wait_for(|yes| *yes).await.expect("the test goes on");
                PermissionDecision::ApproveOnce
            }
        })
        .on_answered(quick.teller());
    let first = one.create_session(config).await.expect("a session");
    let other = offline
        .config()
        .on_permission(move |_: PermissionAsk| {
            told.send_replace(true);
            std::future::pending::<PermissionDecision>()
        })
        .on_answered(slow.teller());
    let second = two.resume_session(first.id(), other).await.expect("the same session");
    let mut events = second.subscribe();
    turn(&first, &shell("touch by-the-first")).await;
    assert!(offline.repo.has("by-the-first"));
    let (quick, slow) = (quick.first().await, slow.first().await);
    assert_eq!((quick.handler, quick.outcome), (HandlerEnd::Answered, AnswerOutcome::First));
    assert_eq!((slow.handler, slow.outcome), (HandlerEnd::Dropped, AnswerOutcome::None));
    // And by call: a value, no error.
    let asked = events.next_of_kind("permission.requested").await.expect("the question");
    let asked: Value = serde_json::from_str(asked.data_raw().get()).expect("JSON");
    let id = asked["requestId"].as_str().expect("an id");
    assert!(!second.respond_permission(id, PermissionDecision::ApproveOnce).await.expect("a value"));
    one.stop().await;
    two.stop().await;
}

/// A client asks for something and is gone; the next one finds it.
async fn joined(offline: &Offline, prompt: &str, kind: &str, config: SessionConfig) -> (OfflineServer, Session) {
    let server = offline.server().await;
    let one = server.client().await;
    let tool = Tool::new("lamp", "A lamp").skip_permission(true);
    let first = one.create_session(offline.config().ask_permission(true).tool(tool)).await.expect("a session");
    let mut events = first.subscribe();
    first.send(prompt).await.expect("sent");
    tokio::time::timeout(PATIENCE, events.next_of_kind(kind)).await.expect("asked").expect("an event");
    // Its connection ends; the session stays. A tool's name belongs to the connection that brought it.
    let id = first.id().to_owned();
    drop((events, first, one));
    let two = server.client().await;
    let (id, joined) = (id, config.continue_pending_work(true));
    let resumed = || async { two.resume_session(&id, joined.clone()).await.ok() };
    let session = eventually("the name is free", PATIENCE, resumed).await;
    (server, session)
}

#[tokio::test]
async fn who_joins_finds_the_open_tool_call_once() {
    let offline = Offline::new().await;
    let (reports, calls) = (Reports::default(), Arc::new(Mutex::new(0)));
    let counter = Arc::clone(&calls);
    let lamp = Tool::new("lamp", "A lamp").skip_permission(true).handler(move |call: ToolCall| {
        *counter.lock().expect("a lock") += 1;
        async move { format!("lit by {}", call.tool_name) }
    });
    let config = offline.config().tool(lamp).on_answered(reports.teller());
    let joined = joined(&offline, "tool:lamp {}", "external_tool.requested", config).await;
    let report = reports.first().await;
    let told = (report.kind, report.handler, report.outcome);
    assert_eq!(told, (HandlerKind::Tool, HandlerEnd::Answered, AnswerOutcome::First));
    assert_eq!(*calls.lock().expect("a lock"), 1);
    drop(joined);
}

#[tokio::test]
async fn who_joins_finds_the_open_permission_once() {
    let offline = Offline::new().await;
    let reports = Reports::default();
    let config = offline
        .config()
        .on_permission(|_: PermissionAsk| async { PermissionDecision::ApproveOnce })
        .on_answered(reports.teller());
    let joined = joined(&offline, &shell("touch found"), "permission.requested", config).await;
    let report = reports.first().await;
    assert_eq!((report.kind, report.outcome), (HandlerKind::Permission, AnswerOutcome::First));
    until("the command runs", || offline.repo.has("found")).await;
    drop(joined);
}

#[tokio::test]
async fn a_slash_command_runs_and_may_fail() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let reports = Reports::default();
    let deploy = SlashCommand::new("deploy", "Deploys", |call: CommandCall| async move {
        if call.args == "now" { Ok(()) } else { Err(format!("no such target: {}", call.args)) }
    });
    let config = offline.config().command(deploy).on_answered(reports.teller());
    let session = client.create_session(config).await.expect("a session");
    for args in ["now", "never"] {
        let params = json!({"sessionId": session.id(), "commandName": "deploy", "args": args});
        let params = serde_json::from_value(params).expect("params");
        let result = session.call::<groundlink::protocol::methods::SessionCommandsExecute>(&params).await;
        let report = reports.first().await;
        assert_eq!((report.kind, report.outcome), (HandlerKind::Command, AnswerOutcome::First), "{result:?}");
        let error = result.expect("executed").error;
        assert_eq!(error.as_deref(), (args == "never").then_some("no such target: never"));
    }
    client.stop().await;
}

#[tokio::test]
async fn questions_are_answered_here() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let config = offline
        .config()
        .on_user_input(|ask: UserInputAsk| async move { ask.data.choices.last().map(UserAnswer::choice) });
    let session = client.create_session(config).await.expect("a session");
    let said = turn(&session, "ask-choice").await;
    assert!(said.contains("blue"), "{said}");

    // Nobody answers, and a handler that fails: the turn goes on all the same.
    for panics in [false, true] {
        let config = offline.config().on_user_input(move |_: UserInputAsk| async move {
            assert!(!panics, "on purpose");
            None
        });
        let session = client.create_session(config).await.expect("a session");
        let said = turn(&session, "ask-choice").await;
        assert!(!said.contains("blue"), "{said}");
    }
    client.stop().await;
}

#[tokio::test]
async fn a_plan_is_approved_here_and_not_by_a_handler_that_fails() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    for (panics, mode) in [(true, SessionMode::Plan), (false, SessionMode::Interactive)] {
        let config = offline.config().on_plan(move |_: PlanAsk| async move {
            assert!(!panics, "on purpose");
            PlanDecision::approve("interactive")
        });
        let session = client.create_session(config).await.expect("a session");
        session.set_mode(SessionMode::Plan).await.expect("plan mode");
        turn(&session, "exit-plan").await;
        assert_eq!(session.mode().await.expect("a mode"), mode, "panics: {panics}");
    }
    client.stop().await;
}

#[tokio::test]
async fn a_form_is_filled_in_here() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let reports = Reports::default();
    let config = offline
        .config()
        .on_elicitation(|_: ElicitationAsk| async { ElicitationAnswer::Decline })
        .on_answered(reports.teller());
    let session = client.create_session(config).await.expect("a session");
    let params = json!({
        "sessionId": session.id(),
        "message": "Which lamp?",
        "requestedSchema": {"type": "object", "properties": {"lamp": {"type": "string"}}},
    });
    let params = serde_json::from_value(params).expect("params");
    let asked = session.call::<groundlink::protocol::methods::SessionUiElicitation>(&params);
    let answer = tokio::time::timeout(PATIENCE, asked).await.expect("in time").expect("an answer");
    assert_eq!(answer.action.to_string(), "decline");
    let report = reports.first().await;
    assert_eq!((report.kind, report.outcome), (HandlerKind::Elicitation, AnswerOutcome::First));
    client.stop().await;
}
