use groundlink_protocol::api::RequestKind;
use serde_json::{Value, json};

use super::*;

/// Feeds events and gathers what they prove.
#[derive(Default)]
struct Fed {
    state: SessionState,
    seq: u64,
}

impl Fed {
    fn event(&mut self, kind: &str, data: &Value) -> Vec<Evidence> {
        self.seq += 1;
        let event = json!({"id": format!("e{}", self.seq), "timestamp": "2026-01-02T03:04:05.006Z",
            "parentId": null, "type": kind, "data": data});
        self.state.apply(&Event::parse(&event.to_string()).unwrap(), self.seq)
    }

    fn permission(&mut self, id: &str, call: &str) -> Vec<Evidence> {
        self.event(
            "permission.requested",
            &json!({"requestId": id, "permissionRequest":
                {"kind": "shell", "toolCallId": call, "fullCommandText": "rm -r x", "intention": "Clean up"}}),
        )
    }

    fn pending(&self) -> Vec<&str> {
        self.state.pending().iter().map(|r| r.request_id.as_str()).collect()
    }
}

#[test]
fn the_status_follows_a_turn() {
    use SessionStatus::{Ended, Idle, Starting, Waiting, Working};
    let mut fed = Fed::default();
    assert_eq!(fed.state.status(), Starting);
    let steps = [
        ("session.start", json!({}), Idle),
        ("user.message", json!({"content": "hi"}), Working),
        ("assistant.turn_start", json!({}), Working),
        ("assistant.message", json!({"toolRequests": [{"toolCallId": "c"}]}), Working),
        ("permission.requested", json!({"requestId": "R", "permissionRequest": {"kind": "shell"}}), Waiting),
        ("permission.completed", json!({"requestId": "R", "result": {"kind": "approved"}}), Working),
        ("assistant.turn_end", json!({}), Working),
        ("assistant.turn_start", json!({}), Working),
        ("assistant.message", json!({"toolRequests": []}), Working),
        ("assistant.turn_end", json!({}), Idle),
        ("session.idle", json!({"mode": "plan"}), Idle),
        ("session.shutdown", json!({}), Ended),
        ("session.resume", json!({}), Idle),
    ];
    for (kind, data, expected) in steps {
        fed.event(kind, &data);
        assert_eq!(fed.state.status(), expected, "after {kind}");
    }
    assert_eq!(fed.state.mode(), Some("plan"));
}

#[test]
fn the_header_is_gathered() {
    let mut fed = Fed::default();
    fed.event("session.start", &json!({"selectedModel": "m1", "context": {"cwd": "/home/me"}}));
    fed.event("session.title_changed", &json!({"title": "Fix the parser"}));
    fed.event("session.model_change", &json!({"newModel": "m2"}));
    fed.event("session.remote_steerable_changed", &json!({"remoteSteerable": true}));
    let evidence = fed.event("session.mode_changed", &json!({"newMode": "plan"}));
    assert_eq!(evidence, [Evidence::Mode { mode: "plan".to_owned() }]);
    let s = &fed.state;
    assert_eq!((s.title(), s.cwd(), s.model()), (Some("Fix the parser"), Some("/home/me"), Some("m2")));
    assert_eq!((s.mode(), s.steerable(), s.head().unwrap().id.as_str()), (Some("plan"), Some(true), "e5"));
    fed.event("session.title_changed", &json!({"title": 7}));
    assert_eq!(fed.state.title(), Some("Fix the parser"), "an odd event changes nothing");
}

#[test]
fn a_message_proves_its_command() {
    let mut fed = Fed::default();
    let evidence = fed.event("user.message", &json!({"content": "x", "source": "command-c1"}));
    assert_eq!(evidence, [Evidence::Message { command_id: "c1".to_owned() }]);
    assert!(fed.event("user.message", &json!({"content": "x", "source": "autopilot"})).is_empty());
}

#[test]
fn requests_open_and_close_in_every_way() {
    let approved = |yes| Closing::Answered(Some(Answer::Approved(yes)));
    let word = |w: &str| Closing::Answered(Some(Answer::Word(w.to_owned())));
    let cases = [
        ("permission.completed", json!({"requestId": "R", "result": {"kind": "approved"}}), approved(true)),
        ("permission.completed", json!({"requestId": "R", "result": {"kind": "approved-for-session"}}), approved(true)),
        ("permission.completed", json!({"requestId": "R", "result": {"kind": "denied-by-rules"}}), approved(false)),
        ("permission.completed", json!({"requestId": "R", "result": {"kind": "cancelled"}}), Closing::Dropped),
        ("user_input.completed", json!({"requestId": "R", "answer": "red"}), word("red")),
        ("elicitation.completed", json!({"requestId": "R", "action": "decline"}), word("decline")),
        ("exit_plan_mode.completed", json!({"requestId": "R", "approved": false}), approved(false)),
        ("exit_plan_mode.completed", json!({"requestId": "R"}), Closing::Answered(None)),
        ("tool.execution_complete", json!({"toolCallId": "C", "result": {"content": "x"}}), Closing::Answered(None)),
        ("session.idle", json!({}), Closing::Dropped),
        ("abort", json!({"reason": "user_initiated"}), Closing::Dropped),
        ("session.shutdown", json!({}), Closing::Dropped),
        ("session.resume", json!({}), Closing::Dropped),
    ];
    for (kind, data, how) in cases {
        let mut fed = Fed::default();
        fed.permission("R", "C");
        assert_eq!(fed.pending(), ["R"]);
        assert!(fed.state.request("R").is_some() && fed.state.request("C").is_some());
        let evidence = fed.event(kind, &data);
        let expected = Evidence::Closed { request_id: "R".to_owned(), tool_call_id: Some("C".to_owned()), how };
        assert_eq!(evidence.first(), Some(&expected), "{kind} {data}");
        assert_eq!(evidence.len(), if kind == "abort" { 2 } else { 1 }, "{kind} {data}");
        assert!(fed.pending().is_empty(), "{kind}");
    }
}

#[test]
fn a_remote_abort_is_proof_and_a_local_one_is_not() {
    let mut fed = Fed::default();
    assert_eq!(fed.event("abort", &json!({"reason": "remote_command"})), [Evidence::Aborted { remote: true }]);
    assert_eq!(fed.event("abort", &json!({"reason": "user_initiated"})), [Evidence::Aborted { remote: false }]);
}

#[test]
fn a_second_client_does_not_drop_what_is_open() {
    let mut fed = Fed::default();
    fed.permission("R", "C");
    assert!(fed.event("session.resume", &json!({"sessionWasActive": true})).is_empty());
    assert_eq!(fed.pending(), ["R"]);
}

#[test]
fn a_question_is_inferred_from_its_tool_call_until_it_is_asked() {
    let mut fed = Fed::default();
    let arguments = json!({"question": "Which color?", "choices": ["red", "blue"]});
    fed.event("tool.execution_start", &json!({"toolCallId": "C", "toolName": "ask_user", "arguments": arguments}));
    assert_eq!(fed.pending(), ["C"]);
    let asked = json!({"requestId": "R", "toolCallId": "C", "question": "Which color?", "choices": ["red", "blue"],
        "allowFreeform": false});
    fed.event("user_input.requested", &asked);
    assert_eq!(fed.pending(), ["R"]);
    assert!(!fed.state.pending()[0].allow_freeform);
    fed.event("tool.execution_complete", &json!({"toolCallId": "C"}));
    assert!(fed.pending().is_empty());

    let form = json!({"message": "Which color?", "requestedSchema": {"type": "object"}});
    fed.event("tool.execution_start", &json!({"toolCallId": "D", "toolName": "ask_user", "arguments": form}));
    assert_eq!(fed.state.pending()[0].kind, RequestKind::Elicitation);
    fed.event("session.idle", &json!({}));
    fed.event("tool.execution_start", &json!({"toolCallId": "E", "toolName": "exit_plan_mode", "arguments": {}}));
    assert_eq!(fed.state.pending()[0].kind, RequestKind::PlanApproval);
    fed.event("tool.execution_start", &json!({"toolCallId": "F", "toolName": "bash", "arguments": {}}));
    assert_eq!(fed.pending(), ["E"]);
}

#[test]
fn every_kind_of_question_says_what_it_is_about() {
    let mut fed = Fed::default();
    let ask = |kind: &str, rest: Value| {
        let mut asked = rest;
        asked["kind"] = kind.into();
        asked
    };
    let permissions = [
        ask("shell", json!({"fullCommandText": "echo a\n&& echo b", "intention": "Say a and b"})),
        ask("write", json!({"fileName": "/x/a.txt", "diff": "+one\n", "intention": "Create file"})),
        ask("url", json!({"url": "https://example.com", "intention": "Read a page"})),
        ask("read", json!({"path": "/etc/hosts"})),
        ask("mcp", json!({"serverName": "s", "toolName": "t", "args": {"a": 1}})),
        ask("memory", json!({"fact": "likes tea"})),
    ];
    for (n, asked) in permissions.into_iter().enumerate() {
        fed.event("permission.requested", &json!({"requestId": format!("p{n}"), "permissionRequest": asked}));
    }
    fed.event("user_input.requested", &json!({"requestId": "q", "question": "Which?", "choices": ["a"]}));
    fed.event(
        "elicitation.requested",
        &json!({"requestId": "f", "message": "Fill in", "requestedSchema": {"type": "object"}}),
    );
    fed.event(
        "exit_plan_mode.requested",
        &json!({"requestId": "x", "summary": "Do it", "planContent": "# Plan", "actions": ["autopilot"]}),
    );
    insta::assert_json_snapshot!(fed.state.pending());
}

#[test]
fn the_way_to_a_file_elsewhere_is_told_from_the_file() {
    let mut fed = Fed::default();
    for (id, prompt) in [("1", "path"), ("2", "read")] {
        let request = json!({"kind": "read", "path": "/etc/hosts", "intention": "Read file: /etc/hosts"});
        let prompt = json!({"kind": prompt, "paths": ["/etc/hosts"]});
        fed.event(
            "permission.requested",
            &json!({"requestId": id, "permissionRequest": request, "promptRequest": prompt}),
        );
    }
    let summaries: Vec<&str> = fed.state.pending().iter().map(|request| request.summary.as_str()).collect();
    assert_eq!(summaries, ["Outside of the folder: Read file: /etc/hosts", "Read file: /etc/hosts"]);
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let mut fed = Fed::default();
    let long = "ü".repeat(100_000);
    fed.event(
        "permission.requested",
        &json!({"requestId": "R", "permissionRequest": {"kind": "shell", "fullCommandText": long}}),
    );
    let request = &fed.state.pending()[0];
    assert!(request.summary.len() < 400);
    let detail = request.detail.as_deref().unwrap();
    assert!(detail.len() < 66_000 && detail.ends_with("more bytes]"));
}

#[test]
fn permissions_answered_by_a_hook_and_nameless_ones_wait_for_nobody() {
    let mut fed = Fed::default();
    fed.event("permission.requested", &json!({"requestId": "R", "resolvedByHook": true, "permissionRequest": {}}));
    fed.event("permission.requested", &json!({"permissionRequest": {"kind": "shell"}}));
    fed.event("permission.requested", &json!(null));
    assert!(fed.pending().is_empty());
}
