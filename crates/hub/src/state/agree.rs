//! Whatever an exporter says, and in whatever order: the page and the API tell the same, and a state that was stored on
//! the way tells what one tells that was not.

use groundlink_protocol::Event;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::SessionState;
use crate::fuzzing::{open, shown};
use crate::view::SessionView;

/// An event without its id and time.
#[derive(Debug, Clone)]
struct Said {
    kind: &'static str,
    data: Value,
    agent: Option<&'static str>,
}

fn said() -> impl Strategy<Value = Said> {
    let name = |names: &'static [&'static str]| proptest::sample::select(names);
    let (request, call) = (name(&["R1", "R2", ""]), name(&["C1", "C2", ""]));
    let what = (0..26_u8, request, call, any::<bool>()).prop_map(|(which, request, call, yes)| match which {
        0 => ("session.start", json!({"selectedModel": "m", "context": {"cwd": "/x"}})),
        1 => ("session.resume", json!({"sessionWasActive": yes})),
        2 => ("session.resume", json!({"continuePendingWork": yes})),
        3 => ("user.message", json!({"content": "hi"})),
        4 | 5 => ("assistant.turn_start", json!({})),
        6 | 7 => {
            let calls = if yes { json!([{"toolCallId": call}]) } else { json!([]) };
            ("assistant.message", json!({"messageId": request, "content": "words", "toolRequests": calls}))
        }
        8 | 9 => ("assistant.turn_end", json!({})),
        10 => {
            let form = json!({"message": "?", "requestedSchema": {"type": "object"}});
            let arguments = if yes { form } else { json!({"question": "?"}) };
            ("tool.execution_start", json!({"toolCallId": call, "toolName": "ask_user", "arguments": arguments}))
        }
        11 => ("tool.execution_start", json!({"toolCallId": call, "toolName": "exit_plan_mode"})),
        12 => ("tool.execution_start", json!({"toolCallId": call, "toolName": "bash", "arguments": {"command": "ls"}})),
        13 | 14 => ("tool.execution_complete", json!({"toolCallId": call, "success": yes, "toolName": "bash"})),
        15 | 16 => {
            let asked = json!({"kind": "shell", "toolCallId": call, "fullCommandText": "ls"});
            ("permission.requested", json!({"requestId": request, "permissionRequest": asked, "resolvedByHook": yes}))
        }
        17 => ("permission.completed", json!({"requestId": request, "result": {"kind": "approved"}})),
        18 => ("user_input.requested", json!({"requestId": request, "toolCallId": call, "question": "?"})),
        19 => ("user_input.completed", json!({"requestId": request, "answer": "!"})),
        20 => ("elicitation.requested", json!({"requestId": request, "toolCallId": call, "message": "?"})),
        21 => ("exit_plan_mode.completed", json!({"requestId": request, "approved": yes})),
        22 => ("session.error", json!({"message": "odd"})),
        23 => (if yes { "session.idle" } else { "abort" }, json!({})),
        24 => ("session.shutdown", json!({})),
        _ => (if yes { "subagent.started" } else { "subagent.completed" }, json!({"toolCallId": call})),
    });
    let agent = proptest::option::weighted(0.3, name(&["A", "B"]));
    (what, agent).prop_map(|((kind, data), agent)| {
        let agent = if kind.starts_with("subagent.") { agent.or(Some("A")) } else { agent };
        Said { kind, data, agent }
    })
}

fn event(said: &Said, n: usize) -> Event {
    let mut event = json!({"id": format!("e{n}"), "type": said.kind, "data": said.data,
        "timestamp": format!("2026-01-02T03:{:02}:{:02}.000Z", n / 60, n % 60)});
    if let Some(agent) = said.agent {
        event["agentId"] = agent.into();
    }
    Event::parse(&event.to_string()).expect("an event")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_page_and_the_api_tell_the_same(history in prop::collection::vec(said(), 0..60)) {
        let (mut state, mut view) = (SessionState::default(), SessionView::new("s"));
        for (n, said) in history.iter().enumerate() {
            let (event, seq) = (event(said, n), n as u64 + 1);
            state.apply(&event, seq);
            view.apply_event(&event, Some(seq));
            prop_assert_eq!(view.status(), state.status(), "after {:?}", said);
            prop_assert_eq!(shown(&view), open(&state), "after {:?}", said);
        }
    }

    #[test]
    fn a_stored_state_goes_on_as_if_it_had_not_been(
        history in prop::collection::vec(said(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let events: Vec<Event> = history.iter().enumerate().map(|(n, said)| event(said, n)).collect();
        let mut whole = SessionState::default();
        let mut stored = SessionState::default();
        let cut = cut.index(events.len() + 1);
        for (n, event) in events.iter().enumerate() {
            if n == cut {
                let text = serde_json::to_string(&stored).expect("JSON");
                stored = serde_json::from_str(&text).expect("the same");
            }
            let seq = n as u64 + 1;
            prop_assert_eq!(whole.apply(event, seq), stored.apply(event, seq));
        }
        prop_assert_eq!(&whole, &stored);
        // A page that begins with what was stored says the same.
        let mut view = SessionView::new("s");
        let mut first = SessionState::default();
        for (n, event) in events[..cut].iter().enumerate() {
            first.apply(event, n as u64 + 1);
        }
        first.seed(&mut view);
        if first.pending().is_empty() {
            for (n, event) in events[cut..].iter().enumerate() {
                view.apply_event(event, Some((cut + n) as u64 + 1));
            }
            prop_assert_eq!(view.status(), whole.status());
        }
    }
}

#[test]
fn what_an_older_hub_has_stored_is_read() {
    let old = r#"{"title":"T","cwd":"/x","repository":null,"branch":null,"model":"m","mode":null,"steerable":true,
        "started":true,"working":true,"ended":false,"error":null,"since":"2026-01-02T03:04:05Z","tools_called":true,
        "pending":[],"head":null}"#;
    let state: SessionState = serde_json::from_str(old).expect("it is read");
    assert_eq!((state.title(), state.status().as_str()), (Some("T"), "working"));
    assert!(!state.is_free());
}
