use std::fmt::Write as _;

use groundlink_protocol::Event;
use groundlink_protocol::mc::CommandState;

use super::*;

fn prompts() -> Prompts {
    let mut prompts = Prompts::default();
    for (kind, data) in [
        (
            "permission.requested",
            r#"{"requestId":"p","permissionRequest":{"kind":"shell","toolCallId":"tp","fullCommandText":"echo hi","commands":[{"identifier":"echo hi"}]}}"#,
        ),
        (
            "permission.requested",
            r#"{"requestId":"u","permissionRequest":{"kind":"url","toolCallId":"tu","url":"https://example.com"}}"#,
        ),
        ("user_input.requested", r#"{"requestId":"q","toolCallId":"tq","question":"Which?"}"#),
        ("elicitation.requested", r#"{"requestId":"f","message":"Fill in"}"#),
        ("exit_plan_mode.requested", r#"{"requestId":"x","toolCallId":"tx"}"#),
    ] {
        let text = format!(r#"{{"id":"e","timestamp":"","parentId":null,"type":"{kind}","data":{data}}}"#);
        prompts.learn(&Event::parse(&text).expect("an event"));
    }
    prompts
}

/// Every command and what becomes of it, for review.
#[test]
fn plans() {
    let prompts = prompts();
    let models = [ModelChoice::new("big"), ModelChoice::new("small")];
    let mut out = String::new();
    for (kind, content) in [
        ("user_message", "please add a test"),
        ("user_message", ""),
        ("abort", ""),
        ("mode_switch", r#"{"mode":"plan"}"#),
        ("mode_switch", r#"{"mode":"yolo"}"#),
        ("mode_switch", "plan"),
        ("permission_response", r#"{"promptId":"p","approved":true}"#),
        ("permission_response", r#"{"promptId":"tp","approved":true,"scope":"once"}"#),
        ("permission_response", r#"{"promptId":"tp","approved":true,"scope":"session"}"#),
        ("permission_response", r#"{"promptId":"tp","approved":true,"scope":"always"}"#),
        ("permission_response", r#"{"promptId":"u","approved":true,"scope":"session"}"#),
        ("permission_response", r#"{"promptId":"p","approved":false}"#),
        ("permission_response", r#"{"promptId":"p"}"#),
        ("permission_response", r#"{"promptId":"p","approved":false,"feedback":"use cargo instead"}"#),
        ("permission_response", r#"{"promptId":"p","approved":false,"feedback":""}"#),
        ("permission_response", r#"{"promptId":"not known here","approved":true}"#),
        ("permission_response", r#"{"approved":true}"#),
        ("permission_response", r#"{"promptId":"q","approved":true}"#),
        ("ask_user_response", r#"{"promptId":"tq","answer":"red"}"#),
        ("ask_user_response", r#"{"promptId":"q","answer":"none of them","wasFreeform":true}"#),
        ("ask_user_response", r#"{"promptId":"q"}"#),
        ("ask_user_response", r#"{"promptId":"f","answer":"red"}"#),
        ("ask_user_response", "red"),
        ("elicitation_response", r#"{"promptId":"f","action":"accept","content":{"answer":"red"}}"#),
        ("elicitation_response", r#"{"promptId":"f","action":"decline"}"#),
        ("elicitation_response", r#"{"promptId":"f","action":"cancel"}"#),
        ("elicitation_response", r#"{"promptId":"f","action":"shred"}"#),
        ("plan_approval_response", r#"{"promptId":"tx","approved":true,"selectedAction":"autopilot"}"#),
        ("plan_approval_response", r#"{"promptId":"x","approved":false,"feedback":"add tests"}"#),
        ("plan_approval_response", r#"{"promptId":"x"}"#),
        ("model_switch", r#"{"model":"big"}"#),
        ("model_switch", r#"{"model":"unheard-of"}"#),
        ("model_switch", "big"),
        ("reboot", "now"),
    ] {
        let command = Command::new("c1", CommandState::InProgress, CommandType::from(kind), content);
        let plan = match plan(&command, &prompts, &models) {
            Ok(action) => format!("{action:?}"),
            Err(reason) => format!("rejected: {reason}"),
        };
        writeln!(out, "{kind} {content}\n    {plan}").expect("a String takes everything");
    }
    insta::assert_snapshot!(out);
}

#[test]
fn a_message_joins_the_running_turn_unless_it_is_to_wait() {
    for (delivery, waits) in [(None, false), (Some("steer"), false), (Some("queue"), true), (Some("soon"), false)] {
        let mut command = Command::new("c1", CommandState::InProgress, CommandType::UserMessage, "hello");
        command.delivery = delivery.map(str::to_owned);
        let Ok(Action::Send { enqueue, .. }) = plan(&command, &Prompts::default(), &[]) else { panic!("a message") };
        assert_eq!(enqueue, waits, "{delivery:?}");
    }
}

#[test]
fn without_models_there_is_none_to_choose() {
    let command = Command::new("c1", CommandState::InProgress, CommandType::ModelSwitch, r#"{"model":"big"}"#);
    let refused = plan(&command, &Prompts::default(), &[]).unwrap_err();
    assert_eq!(refused, "this session has no models to choose from");
}
