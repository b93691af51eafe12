//! Tests of the reducer as a whole.

use std::fmt::Write as _;

use groundlink_protocol::Event;
use groundlink_protocol::api::{CommandState, Delivery, SessionStatus};
use serde_json::{Value, json};

use super::*;

/// A session with a bit of everything.
pub(crate) const SESSION: &str = include_str!("../web/fixtures/session.jsonl");

/// Feeds a view with events as a test writes them down.
pub(crate) struct Feeder {
    pub(crate) view: SessionView,
    next: u64,
}

impl Feeder {
    pub(crate) fn new() -> Self {
        let mut view = SessionView::new("s-1");
        view.set_presence(Presence { online: true, silent: false, last_seen_ms: None });
        Self { view, next: 0 }
    }

    /// An ephemeral event, new each time.
    #[expect(clippy::needless_pass_by_value, reason = "reads better at the many callers")]
    pub(crate) fn event(&mut self, kind: &str, data: Value) -> &mut Self {
        self.next += 1;
        let (id, second) = (self.next, self.next % 60);
        let event = json!({
            "id": format!("t{id}"), "type": kind, "data": data,
            "timestamp": format!("2026-03-02T09:00:{second:02}.000Z"),
        });
        let event = Event::parse(&event.to_string()).expect("a well-formed event");
        self.view.apply_event(&event, None);
        self
    }

    pub(crate) fn command(&mut self, id: &str, kind: &str, state: CommandState, more: [Option<&str>; 3]) -> &mut Self {
        let [request_id, text, reason] = more.map(|text| text.map(str::to_owned));
        self.view.apply_command(&CommandNote {
            id: id.to_owned(),
            kind: kind.to_owned(),
            state,
            request_id,
            text,
            reason,
            delivery: Delivery::Queue,
            device: None,
            taken: false,
        });
        self
    }

    /// The exporter has taken a message, which the agent reads when it comes to it.
    fn taken(&mut self, id: &str, text: &str) -> &mut Self {
        self.view.apply_command(&CommandNote {
            id: id.to_owned(),
            kind: "user_message".to_owned(),
            state: CommandState::Delivered,
            request_id: None,
            text: Some(text.to_owned()),
            reason: None,
            delivery: Delivery::Steer,
            device: None,
            taken: true,
        });
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "reads better at the many callers")]
    fn ask(&mut self, request: Value) -> &Request {
        self.event("permission.requested", json!({"requestId": "R", "permissionRequest": request}));
        self.view.requests().last().expect("an open request")
    }
}

pub(crate) fn fixture_events() -> Vec<Event> {
    SESSION.lines().map(|line| Event::parse(line).expect("a well-formed event")).collect()
}

fn replay(events: &[Event], keep_ephemeral: bool) -> SessionView {
    let mut view = SessionView::new("s-1");
    for (seq, event) in (1..).zip(events) {
        if !event.ephemeral() {
            view.apply_event(event, Some(seq));
        } else if keep_ephemeral {
            view.apply_event(event, None);
        }
    }
    view
}

/// The transcript, a line an item.
fn outline(view: &SessionView) -> String {
    let mut out = format!("status: {}\n", view.status());
    for item in view.items() {
        let line = match &item.body {
            Body::User(user) => format!("user {:?}: {}", user.source, user.text.head()),
            Body::Assistant(Prose { text: ProseText::Whole(text), interrupted }) => {
                format!("agent interrupted={interrupted}: {}", text.head())
            }
            Body::Assistant(Prose { text: ProseText::Streaming(text), .. }) => format!("agent says: {}", text.text()),
            Body::Reasoning(_) => "thought".to_owned(),
            Body::Tool(tool) => format!(
                "tool {} [{}] {:?} waiting={} took={:?} exit={:?} output={:?} diff={} error={:?} {:?}",
                tool.name,
                tool.summary,
                tool.state,
                tool.waiting,
                tool.took_ms,
                tool.exit_code,
                tool.output.as_ref().map(Capped::head),
                tool.diff.is_some(),
                tool.error,
                tool.outcome,
            ),
            Body::Request(row) => format!("request [{}] waiting={} {:?}", row.summary, row.waiting, row.outcome),
            Body::Notice(notice) => format!("notice {:?}: {}", notice.level, notice.text.head()),
        };
        let _ = writeln!(out, "{} {}", item.n, line.replace('\n', "\\n"));
    }
    out
}

#[test]
fn a_whole_session_becomes_a_transcript() {
    insta::assert_snapshot!(outline(&replay(&fixture_events(), true)));
}

/// What is not replayed after a restart must not leave anything open or working.
#[test]
fn durable_events_alone_tell_the_same_story() {
    let events = fixture_events();
    let view = replay(&events, false);
    insta::assert_snapshot!(outline(&view));
    let without_end: Vec<Event> = events.into_iter().filter(|event| event.kind() != "session.shutdown").collect();
    assert_eq!(replay(&without_end, false).status(), SessionStatus::Error);
}

#[test]
fn the_status_follows_the_turn() {
    let mut feeder = Feeder::new();
    assert_eq!(feeder.view.status(), SessionStatus::Starting);
    let steps = [
        ("session.start", json!({}), SessionStatus::Idle),
        ("user.message", json!({"content": "hi"}), SessionStatus::Working),
        ("assistant.turn_start", json!({}), SessionStatus::Working),
        ("user_input.requested", json!({"requestId": "Q", "question": "?"}), SessionStatus::Waiting),
        ("user_input.completed", json!({"requestId": "Q", "answer": "!"}), SessionStatus::Working),
        ("session.idle", json!({}), SessionStatus::Idle),
        ("user.message", json!({"content": "hi"}), SessionStatus::Working),
        (
            "assistant.message",
            json!({"messageId": "m", "content": "x", "toolRequests": [{"toolCallId": "c"}]}),
            SessionStatus::Working,
        ),
        ("assistant.turn_end", json!({}), SessionStatus::Working),
        ("assistant.message", json!({"messageId": "n", "content": "end"}), SessionStatus::Working),
        ("assistant.turn_end", json!({}), SessionStatus::Idle),
        ("assistant.turn_start", json!({}), SessionStatus::Working),
        ("abort", json!({"reason": "user_initiated"}), SessionStatus::Idle),
        ("session.shutdown", json!({}), SessionStatus::Ended),
        ("session.resume", json!({}), SessionStatus::Idle),
    ];
    for (kind, data, expected) in steps {
        feeder.event(kind, data);
        assert_eq!(feeder.view.status(), expected, "after {kind}");
    }
}

#[test]
fn a_message_is_queued_until_the_agent_has_it() {
    let mut feeder = Feeder::new();
    let text = [None, Some("do it"), None];
    feeder.command("c1", "user_message", CommandState::Accepted, text);
    feeder.command("c1", "user_message", CommandState::Delivered, text);
    assert_eq!(feeder.view.queue().len(), 1);
    assert_eq!(feeder.view.queue()[0].state, CommandState::Delivered);
    feeder.event("user.message", json!({"content": "do it", "source": "command-c1"}));
    assert!(feeder.view.queue().is_empty());
    // The ledger's news may come after the event that proves it.
    feeder.command("c1", "user_message", CommandState::Delivered, text);
    feeder.command("c1", "user_message", CommandState::Applied, text);
    assert!(feeder.view.queue().is_empty());
    assert_eq!(feeder.view.items().len(), 1);
}

#[test]
fn a_message_that_is_taken_but_not_read_stays_in_sight() {
    let text = [None, Some("and then?"), None];
    let mut feeder = Feeder::new();
    feeder.event("user.message", json!({"content": "x"}));
    feeder.command("c1", "user_message", CommandState::Delivered, text);
    assert!(!feeder.view.queue()[0].taken);
    let rev = feeder.view.rev();
    feeder.taken("c1", "and then?");
    assert!(feeder.view.queue()[0].taken && feeder.view.rev() > rev, "which is news");
    feeder.event("user.message", json!({"content": "and then?", "source": "command-c1"}));
    assert_eq!((feeder.view.queue().len(), feeder.view.items().len()), (0, 2));

    // What the ledger concludes when the turn was stopped.
    let mut stopped = Feeder::new();
    stopped.taken("c1", "and then?");
    stopped.event("session.idle", json!({"aborted": true}));
    assert_eq!(stopped.view.queue().len(), 1, "until somebody knows");
    stopped.command("c1", "user_message", CommandState::Rejected, text);
    assert!(stopped.view.queue().is_empty());
    let last = stopped.view.items().last().map(|item| item.body.clone());
    assert!(matches!(last, Some(Body::User(UserText { failed: Some(_), .. }))));

    // After a restart the command is known to be applied before its event is read again.
    let mut rebuilt = Feeder::new();
    rebuilt.command("c1", "user_message", CommandState::Applied, text);
    assert!(rebuilt.view.queue().is_empty());
}

#[test]
fn a_message_that_was_not_taken_stays_to_be_seen() {
    let mut feeder = Feeder::new();
    feeder.command("c1", "user_message", CommandState::Accepted, [None, Some("do it"), None]);
    for _ in 0..2 {
        feeder.command("c1", "user_message", CommandState::Expired, [None, Some("do it"), None]);
    }
    assert!(feeder.view.queue().is_empty());
    let items: Vec<_> = feeder.view.items().collect();
    let [Item { body: Body::User(user), .. }] = items.as_slice() else { panic!("one message") };
    assert_eq!(user.failed.as_deref(), Some("It was not picked up in time."));
    assert_eq!(user.text.head(), "do it");
}

#[test]
fn an_answer_is_shown_on_its_way_and_when_it_fails() {
    let mut feeder = Feeder::new();
    feeder.ask(json!({"kind": "shell", "fullCommandText": "ls"}));
    let named = [Some("R"), None, None];
    feeder.command("c1", "permission_response", CommandState::Accepted, named);
    let answer = |feeder: &Feeder| feeder.view.requests()[0].answer.clone().expect("an answer");
    assert_eq!(answer(&feeder).failed, None);
    feeder.command("c1", "permission_response", CommandState::Rejected, [Some("R"), None, Some("bad scope")]);
    assert_eq!(answer(&feeder).failed.as_deref(), Some("bad scope"));
    feeder.command("c2", "permission_response", CommandState::Delivered, named);
    // The old failure, told again, does not hide the new answer.
    feeder.command("c1", "permission_response", CommandState::Rejected, [Some("R"), None, Some("bad scope")]);
    assert_eq!(answer(&feeder), Answer { command: "c2".to_owned(), failed: None });
    feeder.event("permission.completed", json!({"requestId": "R", "result": {"kind": "approved"}}));
    assert!(feeder.view.requests().is_empty());
    let row = feeder.view.items().last().map(|item| item.body.clone());
    let Some(Body::Request(AskRow { outcome: Some(outcome), waiting: false, .. })) = row else { panic!("a row") };
    let by = By::Link(Sender { command: "c2".to_owned(), device: None });
    assert_eq!((outcome.verdict, outcome.by), (Verdict::Approved, by));
}

#[test]
fn a_request_that_is_answered_elsewhere_says_so() {
    let mut feeder = Feeder::new();
    feeder
        .event("tool.execution_start", json!({"toolCallId": "c", "toolName": "bash", "arguments": {"command": "ls"}}));
    feeder.event(
        "permission.requested",
        json!({"requestId": "R", "permissionRequest": {"kind": "shell", "toolCallId": "c", "fullCommandText": "ls"}}),
    );
    feeder.event("permission.completed", json!({"requestId": "R", "result": {"kind": "approved-for-session"}}));
    let Some(Body::Tool(tool)) = feeder.view.items().last().map(|item| item.body.clone()) else { panic!("a tool") };
    assert!(!tool.waiting);
    let outcome = tool.outcome.expect("an outcome");
    assert_eq!((outcome.verdict, outcome.by), (Verdict::ApprovedForSession, By::Local));
    assert_eq!(outcome.at, "2026-03-02T09:00:03.000Z");
}

#[test]
fn whose_answer_counted_is_known_when_the_ledger_knows() {
    let outcome = |states: &[(&str, CommandState)]| {
        let mut feeder = Feeder::new();
        feeder.ask(json!({"kind": "shell", "fullCommandText": "ls"}));
        feeder.command("c1", "permission_response", CommandState::Delivered, [Some("R"), None, None]);
        feeder.event("permission.completed", json!({"requestId": "R", "result": {"kind": "approved"}}));
        for (id, state) in states {
            feeder.command(id, "permission_response", *state, [Some("R"), None, None]);
        }
        feeder.view.items().last().and_then(|item| item.body.outcome()).expect("an outcome").by.clone()
    };
    let link = |command: &str| By::Link(Sender { command: command.to_owned(), device: None });
    assert_eq!(outcome(&[]), link("c1"));
    assert_eq!(outcome(&[("c1", CommandState::Applied)]), link("c1"));
    assert_eq!(outcome(&[("c1", CommandState::Superseded)]), By::Local, "the terminal was faster");
    let (lost, won) = (("c1", CommandState::Superseded), ("c2", CommandState::Applied));
    assert_eq!(outcome(&[lost, won]), link("c2"));
    assert_eq!(outcome(&[won, lost]), link("c2"), "in any order");
    assert_eq!(outcome(&[("c9", CommandState::Superseded)]), link("c1"), "somebody else lost");
}

#[test]
fn a_question_is_open_as_soon_as_its_tool_runs() {
    let mut feeder = Feeder::new();
    let arguments = json!({"question": "Which?", "choices": ["a"]});
    feeder.event("tool.execution_start", json!({"toolCallId": "c", "toolName": "ask_user", "arguments": arguments}));
    assert_eq!(feeder.view.requests()[0].id, "c");
    let n = feeder.view.requests()[0].n;
    feeder.event(
        "user_input.requested",
        json!({"requestId": "R", "toolCallId": "c", "question": "Which?", "choices": ["a"], "allowFreeform": false}),
    );
    assert_eq!(feeder.view.requests().len(), 1, "the same card, now with its own id");
    let request = &feeder.view.requests()[0];
    assert_eq!((request.id.as_str(), request.n), ("R", n));
    assert!(matches!(&request.ask, Ask::Question(question) if !question.freeform));
    // No `completed` event: the tool's end closes it as well.
    feeder.event(
        "tool.execution_complete",
        json!({"toolCallId": "c", "success": true, "result": {"content": "User selected: a"}}),
    );
    assert!(feeder.view.requests().is_empty());
    let Some(Body::Tool(tool)) = feeder.view.items().last().map(|item| item.body.clone()) else { panic!("a tool") };
    assert_eq!(tool.outcome.map(|outcome| outcome.verdict), Some(Verdict::Answered("a".to_owned())));
}

#[test]
fn a_denial_is_told_once() {
    let mut feeder = Feeder::new();
    feeder
        .event("user.message", json!({"content": "x"}))
        .event("tool.execution_start", json!({"toolCallId": "c", "toolName": "bash", "arguments": {"command": "ls"}}))
        .event("tool.execution_complete", json!({"toolCallId": "c", "success": false, "error": {"code": "rejected", "message": "The user rejected this tool call."}}))
        .event("abort", json!({"reason": "user_initiated"}))
        .event("session.info", json!({"infoType": "cancellation", "message": "Operation cancelled by user"}));
    assert_eq!(feeder.view.items().len(), 2);
}

#[test]
fn an_abort_ends_what_runs() {
    let mut feeder = Feeder::new();
    feeder
        .event("user.message", json!({"content": "x"}))
        .event(
            "tool.execution_start",
            json!({"toolCallId": "c", "toolName": "bash", "arguments": {"command": "sleep 9"}}),
        )
        .event("assistant.message_delta", json!({"messageId": "m", "deltaContent": "Half a sen"}))
        .event("user_input.requested", json!({"requestId": "Q", "question": "?"}))
        .command("c9", "abort", CommandState::Delivered, [None; 3]);
    assert!(feeder.view.header().stopping);
    feeder
        .event("abort", json!({"reason": "remote_command"}))
        .event("assistant.message_delta", json!({"messageId": "m", "deltaContent": "tence"}));
    assert!(!feeder.view.header().stopping);
    assert!(feeder.view.requests().is_empty());
    insta::assert_snapshot!(outline(&feeder.view));
}

#[test]
fn deltas_grow_into_the_message() {
    let mut feeder = Feeder::new();
    feeder
        .event("assistant.message_delta", json!({"messageId": "m", "deltaContent": "Hel"}))
        .event("assistant.message_delta", json!({"messageId": "m", "deltaContent": "lo"}));
    assert!(
        feeder.view.items().last().is_some_and(|item| item.body.streaming().is_some_and(|text| text.text() == "Hello"))
    );
    feeder
        .event("assistant.message", json!({"messageId": "m", "content": "Hello!"}))
        .event("assistant.message_delta", json!({"messageId": "m", "deltaContent": "late"}));
    assert_eq!(feeder.view.items().len(), 1);
    assert!(outline(&feeder.view).contains("agent interrupted=false: Hello!"));
}

#[test]
fn a_repeated_event_changes_nothing() {
    let mut view = SessionView::new("s");
    let events = fixture_events();
    for _ in 0..2 {
        for (seq, event) in (1..).zip(&events) {
            view.apply_event(event, if event.ephemeral() { None } else { Some(seq) });
        }
    }
    assert_eq!(outline(&view), outline(&replay(&events, true)));
}

#[test]
fn what_is_to_be_approved_is_kept_whole_or_not_offered() {
    let long = "x".repeat(900_000);
    let mut feeder = Feeder::new();
    let Ask::Permission(permission) = feeder.ask(json!({"kind": "shell", "fullCommandText": long})).ask.clone() else {
        panic!("a permission")
    };
    assert_eq!(permission.parts, [Part::Command(long)]);
    assert!(!permission.too_large);
    let mut feeder = Feeder::new();
    let request = json!({"kind": "write", "fileName": "a", "diff": "é".repeat(700_000)});
    let Ask::Permission(permission) = feeder.ask(request).ask.clone() else { panic!("a permission") };
    assert!(permission.too_large);
}

#[test]
fn every_kind_of_permission_says_what_it_is_about() {
    let requests = [
        json!({"kind": "shell", "fullCommandText": "ls", "intention": "look", "possiblePaths": ["/a"], "possibleUrls": [{"url": "http://u"}], "canOfferSessionApproval": true}),
        json!({"kind": "shell", "fullCommandText": "ls", "warning": "careful", "requestSandboxBypass": true, "requestSandboxBypassReason": "network"}),
        json!({"kind": "write", "fileName": "/a", "diff": "\ndiff --git a/a b/a\n", "intention": "Create"}),
        json!({"kind": "write", "fileName": "/a", "newFileContents": "one\ntwo"}),
        json!({"kind": "read", "path": "/a", "intention": "Read"}),
        json!({"kind": "url", "url": "http://u", "redirectedFrom": "http://v"}),
        json!({"kind": "mcp", "serverName": "s", "toolName": "t", "args": {"a": [1]}, "readOnly": true}),
        json!({"kind": "custom-tool", "toolName": "t", "toolDescription": "d", "args": "x"}),
        json!({"kind": "hook", "toolName": "t", "hookMessage": "m"}),
        json!({"kind": "memory", "fact": "f"}),
        json!({"kind": "from the future", "detail": {"x": 1}}),
        json!(null),
    ];
    let read: Vec<_> = requests
        .iter()
        .map(|request| {
            let ask = Feeder::new().ask(request.clone()).ask.clone();
            (ask.summary(), ask)
        })
        .collect();
    insta::assert_debug_snapshot!(read);
}

#[test]
fn access_outside_of_the_folder_is_listed() {
    let mut feeder = Feeder::new();
    feeder.event(
        "permission.requested",
        json!({"requestId": "R",
        "permissionRequest": {"kind": "shell", "fullCommandText": "cat /etc/hosts"},
        "promptRequest": {"kind": "path", "accessKind": "read", "paths": ["/etc/hosts"]}}),
    );
    let Ask::Permission(permission) = &feeder.view.requests()[0].ask else { panic!("a permission") };
    let paths = Part::List { label: "Access outside of the folder", values: vec!["/etc/hosts".to_owned()] };
    assert!(permission.parts.contains(&paths));
}

#[test]
fn presence_wakes_pages_only_when_it_shows() {
    let mut view = SessionView::new("s");
    let online = |at| Presence { online: true, silent: false, last_seen_ms: Some(at) };
    view.set_presence(online(1));
    let rev = view.rev();
    view.set_presence(online(2));
    assert_eq!(view.rev(), rev);
    view.set_presence(Presence { online: false, silent: false, last_seen_ms: Some(2) });
    assert!(view.rev() > rev);
}

#[test]
fn a_read_only_export_takes_no_commands() {
    let mut feeder = Feeder::new();
    assert!(feeder.view.header().steerable);
    feeder.event(
        "session.info",
        json!({"infoType": "remote", "message": "Read-only remote session as octo", "url": "http://h"}),
    );
    assert!(!feeder.view.header().steerable);
    feeder.event("session.remote_steerable_changed", json!({"remoteSteerable": true}));
    assert!(feeder.view.header().steerable);
    assert_eq!(feeder.view.items().len(), 0, "the link itself is no news to whoever came by it");
}

#[test]
fn the_transcript_is_bounded() {
    let mut feeder = Feeder::new();
    for n in 0..MAX_ITEMS + 10 {
        feeder.event("user.message", json!({"content": n.to_string()}));
    }
    assert!(feeder.view.items().len() <= MAX_ITEMS);
    assert_eq!(feeder.view.dropped(), 500);
    let last = feeder.view.items().last().map(|item| item.n);
    assert_eq!(last, u64::try_from(MAX_ITEMS + 9).ok());
}

#[test]
fn odd_data_is_survived() {
    let odd = [
        json!(null),
        json!([]),
        json!("x"),
        json!({"requestId": 3, "toolCallId": {}, "content": [], "permissionRequest": "x"}),
    ];
    for kind in [
        "session.start",
        "session.title_changed",
        "session.info",
        "session.error",
        "session.mode_changed",
        "user.message",
        "assistant.message",
        "assistant.message_delta",
        "assistant.reasoning",
        "tool.execution_start",
        "tool.execution_partial_result",
        "tool.execution_complete",
        "permission.requested",
        "permission.completed",
        "user_input.requested",
        "user_input.completed",
        "elicitation.requested",
        "elicitation.completed",
        "exit_plan_mode.requested",
        "exit_plan_mode.completed",
        "abort",
        "subagent.failed",
        "from.the_future",
    ] {
        let mut feeder = Feeder::new();
        for data in &odd {
            feeder.event(kind, data.clone());
        }
    }
}
