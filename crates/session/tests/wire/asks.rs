use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use groundlink_session::{
    Approval, ApproveAll, ElicitationAnswer, ElicitationAsk, PermissionAsk, PermissionDecision, PlanAsk, PlanDecision,
    Session, SessionConfig, SessionError, UserAnswer, UserInputAsk,
};
use groundlink_transport::CallError;
use serde_json::{Value, json};

use crate::fake::{Fake, PATIENCE, durable, ephemeral};

const ID: &str = "22222222-2222-4222-8222-222222222222";
const PERMISSION: &str = "session.permissions.handlePendingPermissionRequest";
const USER_INPUT: &str = "session.ui.handlePendingUserInput";
const ELICITATION: &str = "session.ui.handlePendingElicitation";
const PLAN: &str = "session.ui.handlePendingExitPlanMode";

async fn open(fake: &Fake, config: SessionConfig) -> Session {
    fake.client().await.create_session(config.session_id(ID)).await.expect("a session")
}

fn permission(request: &str) -> Value {
    let shell =
        json!({"kind": "shell", "toolCallId": "t", "fullCommandText": "ls", "commands": [{"identifier": "ls"}]});
    durable(request, "permission.requested", json!({"requestId": request, "permissionRequest": shell}))
}

fn question(request: &str, text: &str) -> Value {
    let data = json!({"requestId": request, "question": text, "choices": ["red", "blue"], "allowFreeform": true});
    ephemeral(request, "user_input.requested", data)
}

fn completed(request: &str, kind: &str, mut data: Value) -> Value {
    data["requestId"] = request.into();
    ephemeral(&format!("end of {request}"), kind, data)
}

async fn direct(fake: &Fake, text: &str) -> Result<Value, CallError> {
    let asked = fake.ask("userInput.request", json!({"sessionId": ID, "question": text}));
    tokio::time::timeout(PATIENCE, asked).await.expect("an answer to the direct request")
}

#[tokio::test]
async fn a_session_asks_for_what_it_can_answer() {
    let fake = Fake::new();
    open(&fake, SessionConfig::new()).await;
    open(&fake, SessionConfig::new().ask_user(true).on_permission(ApproveAll)).await;
    let asked = |params: &Value| {
        ["requestPermission", "requestUserInput", "requestElicitation", "requestExitPlanMode"]
            .map(|name| params[name].as_bool().expect("always said"))
    };
    let calls = fake.calls("session.create");
    assert_eq!(asked(&calls[0]), [false; 4]);
    assert_eq!(asked(&calls[1]), [true, true, false, false]);
}

#[tokio::test]
async fn the_permission_handlers_decision_is_sent() {
    let fake = Fake::new();
    let config = SessionConfig::new().on_permission(|ask: PermissionAsk| async move {
        assert_eq!((ask.session_id.as_str(), ask.request_id.as_str()), (ID, "p1"));
        PermissionDecision::approve_for_session(&ask.data.permission_request)
    });
    let _session = open(&fake, config).await;
    let mut by_hook = permission("p0");
    by_hook["data"]["resolvedByHook"] = true.into();
    fake.event(ID, by_hook).await;
    fake.event(ID, permission("p1")).await;
    fake.event(ID, permission("p1")).await;
    let sent = fake.called(PERMISSION, 1).await;
    let approval = json!({"kind": "commands", "commandIdentifiers": ["ls"]});
    let result = json!({"kind": "approve-for-session", "approval": approval});
    assert_eq!(sent, json!({"sessionId": ID, "requestId": "p1", "result": result}));
    fake.event(ID, permission("p2")).await;
    assert_eq!(fake.called(PERMISSION, 2).await["requestId"], "p2", "told twice, answered once; by hook, never");
}

#[tokio::test]
async fn handlers_that_fail_deny() {
    let fake = Fake::new();
    let config = SessionConfig::new()
        .on_permission(|ask: PermissionAsk| async move {
            assert!(ask.request_id != "panics", "on purpose");
            PermissionDecision::ApproveForSession { approval: Approval::Commands { command_identifiers: Vec::new() } }
        })
        .on_user_input(|_: UserInputAsk| async move { panic!("on purpose") })
        .on_elicitation(|_: ElicitationAsk| async move { panic!("on purpose") })
        .on_plan(|_: PlanAsk| async move { panic!("on purpose") });
    let _session = open(&fake, config).await;
    let unreadable = durable("x", "permission.requested", json!({"requestId": "unreadable"}));
    for event in [permission("panics"), permission("unspeakable"), unreadable] {
        fake.event(ID, event).await;
    }
    fake.called(PERMISSION, 3).await;
    for sent in fake.calls(PERMISSION) {
        assert_eq!(sent["result"]["kind"], "reject", "{sent}");
    }
    fake.event(ID, question("q", "color?")).await;
    assert_eq!(direct(&fake, "color?").await.unwrap(), json!({"noResponse": true}));
    assert!(fake.calls(USER_INPUT).is_empty());
    let form = json!({"requestId": "e", "message": "ok?"});
    fake.event(ID, ephemeral("e", "elicitation.requested", form)).await;
    assert_eq!(fake.called(ELICITATION, 1).await["result"], json!({"action": "cancel"}));
    let plan = json!({"requestId": "pl", "summary": "do it"});
    fake.event(ID, ephemeral("pl", "exit_plan_mode.requested", plan)).await;
    assert_eq!(fake.called(PLAN, 1).await["response"], json!({"approved": false}));
}

#[tokio::test]
async fn the_other_handlers_answers_are_sent() {
    let fake = Fake::new();
    let config = SessionConfig::new()
        .on_user_input(|ask: UserInputAsk| async move { ask.data.choices.last().map(UserAnswer::choice) })
        .on_elicitation(|_: ElicitationAsk| async move { ElicitationAnswer::accept(&json!({"ok": 1})).unwrap() })
        .on_plan(|_: PlanAsk| async move { PlanDecision::approve("interactive") });
    let _session = open(&fake, config).await;
    fake.event(ID, question("q", "color?")).await;
    let sent = fake.called(USER_INPUT, 1).await;
    let response = json!({"answer": "blue", "wasFreeform": false});
    assert_eq!(sent, json!({"sessionId": ID, "requestId": "q", "response": response}));
    let form = json!({"requestId": "e", "message": "ok?"});
    fake.event(ID, ephemeral("e", "elicitation.requested", form)).await;
    assert_eq!(fake.called(ELICITATION, 1).await["result"], json!({"action": "accept", "content": {"ok": 1}}));
    let plan = json!({"requestId": "pl", "summary": "do it"});
    fake.event(ID, ephemeral("pl", "exit_plan_mode.requested", plan)).await;
    let response = json!({"approved": true, "selectedAction": "interactive"});
    assert_eq!(fake.called(PLAN, 1).await["response"], response);
}

#[tokio::test]
async fn a_handler_stops_when_somebody_else_answers() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let fake = Fake::new();
    let dropped = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&dropped);
    let (started, mut is_started) = tokio::sync::mpsc::unbounded_channel();
    let config = SessionConfig::new().on_permission(move |_: PermissionAsk| {
        let (guard, started) = (Dropped(Arc::clone(&counter)), started.clone());
        async move {
            let _guard = guard;
            let _ = started.send(());
            std::future::pending().await
        }
    });
    let session = open(&fake, config).await;
    fake.event(ID, permission("p")).await;
    is_started.recv().await.unwrap();
    let end = durable("c", "permission.completed", json!({"requestId": "p", "result": {"kind": "approved"}}));
    fake.event(ID, end).await;
    let waiting = async {
        while dropped.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the handler's future is dropped");
    fake.event(ID, permission("p2")).await;
    is_started.recv().await.unwrap();
    session.destroy().await.unwrap();
    let waiting = async {
        while dropped.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("and with the session");
    assert!(fake.calls(PERMISSION).is_empty());
}

#[tokio::test]
async fn a_direct_question_stays_open_until_its_question_has_ended() {
    let fake = Fake::new();
    let session = open(&fake, SessionConfig::new().ask_user(true).plan_approval(true)).await;
    let mut stream = session.subscribe();
    fake.event(ID, question("q", "color?")).await;
    let asked = tokio::spawn({
        let fake = fake.clone();
        async move { direct(&fake, "color?").await }
    });
    stream.next_of_kind("user_input.requested").await.unwrap();
    assert!(session.respond_user_input("q", "red", false).await.unwrap());
    assert!(!asked.is_finished(), "an answer by call does not settle the direct request by itself");
    fake.event(ID, completed("q", "user_input.completed", json!({"answer": "red", "wasFreeform": false}))).await;
    assert_eq!(asked.await.unwrap().unwrap(), json!({"answer": "red", "wasFreeform": false}));

    let plan = json!({"requestId": "pl", "summary": "do it"});
    fake.event(ID, ephemeral("pl", "exit_plan_mode.requested", plan)).await;
    let asked = tokio::spawn({
        let fake = fake.clone();
        async move { fake.ask("exitPlanMode.request", json!({"sessionId": ID, "summary": "do it"})).await }
    });
    stream.next_of_kind("exit_plan_mode.requested").await.unwrap();
    let end = json!({"approved": true, "selectedAction": "autopilot"});
    fake.event(ID, completed("pl", "exit_plan_mode.completed", end.clone())).await;
    assert_eq!(asked.await.unwrap().unwrap(), end);
}

#[tokio::test]
async fn an_abort_closes_open_direct_questions() {
    let fake = Fake::new();
    let _session = open(&fake, SessionConfig::new().ask_user(true)).await;
    fake.event(ID, question("q", "color?")).await;
    fake.event(ID, durable("a1", "abort", json!({"reason": "user_initiated"}))).await;
    assert_eq!(direct(&fake, "color?").await.unwrap(), json!({"noResponse": true}));
}

#[tokio::test]
async fn other_requests_of_the_servers_are_answered_too() {
    let fake = Fake::new();
    let _session = open(&fake, SessionConfig::new().ask_user(true)).await;
    assert_eq!(
        fake.ask("hooks.invoke", json!({"sessionId": ID, "hookType": "x", "input": {}})).await.unwrap(),
        json!({})
    );
    for method in ["sessionFs.stat", "future.thing"] {
        let error = fake.ask(method, json!({"sessionId": ID})).await.unwrap_err();
        assert!(error.is_method_not_found(), "{error}");
    }
    let stranger = fake.ask("userInput.request", json!({"sessionId": "?", "question": "?"})).await.unwrap_err();
    assert_eq!(stranger.code(), Some(-32602));
}

/// The CLI sends the event and the direct request from tasks of their own.
#[tokio::test]
async fn a_direct_question_may_overtake_its_event() {
    let fake = Fake::new();
    let session = open(&fake, SessionConfig::new().ask_user(true)).await;
    let mut stream = session.subscribe();
    let asked = tokio::spawn({
        let fake = fake.clone();
        async move { direct(&fake, "color?").await }
    });
    tokio::task::yield_now().await;
    // An answer to a later request shows that the question has been taken in.
    fake.ask("hooks.invoke", json!({"sessionId": ID, "hookType": "x", "input": {}})).await.unwrap();
    assert!(!asked.is_finished(), "it waits for its event");
    fake.event(ID, question("q", "color?")).await;
    stream.next_of_kind("user_input.requested").await.unwrap();
    assert!(!asked.is_finished(), "and then for its end");
    fake.event(ID, completed("q", "user_input.completed", json!({"answer": "red", "wasFreeform": false}))).await;
    assert_eq!(asked.await.unwrap().unwrap(), json!({"answer": "red", "wasFreeform": false}));
}

#[tokio::test(start_paused = true)]
async fn a_direct_question_without_an_event_is_not_held_for_ever() {
    let fake = Fake::new();
    let _session = open(&fake, SessionConfig::new().ask_user(true)).await;
    let asked = fake.ask("userInput.request", json!({"sessionId": ID, "question": "never announced"}));
    assert_eq!(asked.await.unwrap(), json!({"noResponse": true}), "nobody could name it, so nobody can answer");
}

#[tokio::test]
async fn answers_by_call() {
    let fake = Fake::new();
    let session = open(&fake, SessionConfig::new().ask_permission(true)).await;
    assert!(session.respond_permission("p", PermissionDecision::reject_with("no")).await.unwrap());
    assert_eq!(fake.calls(PERMISSION)[0]["result"], json!({"kind": "reject", "feedback": "no"}));
    fake.answer(PERMISSION, json!({"success": false}));
    assert!(!session.respond_permission("p", PermissionDecision::ApproveOnce).await.unwrap(), "late");
    let broken = PermissionDecision::ApprovePermanently { domain: String::new() };
    let error = session.respond_permission("p", broken).await.unwrap_err();
    assert!(matches!(error, SessionError::Invalid { .. }), "{error:?}");
    assert_eq!(fake.calls(PERMISSION).len(), 2, "what the CLI would choke on is not sent");
    assert!(session.respond_elicitation("e", ElicitationAnswer::Decline).await.unwrap());
    assert!(session.respond_plan("pl", PlanDecision::reject(Some("shorter".to_owned()))).await.unwrap());
    assert_eq!(fake.calls(PLAN)[0]["response"], json!({"approved": false, "feedback": "shorter"}));
}

#[tokio::test]
async fn after_a_resume_open_permission_requests_reach_the_handler() {
    let fake = Fake::new();
    let pending = json!({"items": [{"requestId": "old", "request": {"kind": "commands"}}]});
    fake.answer("session.permissions.pendingRequests", pending);
    let events = json!([permission("answered long ago"), permission("old")]);
    fake.answer("session.eventLog.read", json!({"events": events, "cursor": "1", "hasMore": false}));
    let client = fake.client().await;
    let _session = client.resume_session(ID, SessionConfig::new().on_permission(ApproveAll)).await.unwrap();
    assert_eq!(fake.called(PERMISSION, 1).await["requestId"], "old");
    assert_eq!(fake.calls(PERMISSION).len(), 1);
}

#[tokio::test]
async fn a_decision_of_an_unknown_kind_is_refused_whatever_way_it_is_sent() {
    use groundlink_protocol::methods::SessionPermissionsHandlePendingPermissionRequest as Respond;
    let fake = Fake::new();
    let session = open(&fake, SessionConfig::new()).await;
    let params = |kind: &str| {
        let json = json!({"sessionId": ID, "requestId": "p", "result": {"kind": kind}});
        serde_json::from_value(json).expect("params")
    };
    let refused = session.call::<Respond>(&params("approve-everything")).await.expect_err("refused");
    assert!(refused.to_string().contains("`approve-everything`"), "{refused}");
    let decision: groundlink_protocol::types::PermissionDecision =
        serde_json::from_value(json!({"kind": "approve-everything"})).expect("a decision");
    assert!(session.rpc().permissions().handle_pending_permission_request("p", decision).await.is_err());
    assert!(fake.calls(PERMISSION).is_empty());
    session.call::<Respond>(&params("approve-once")).await.expect("a known one is sent");
}
