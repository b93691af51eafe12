use std::collections::BTreeSet;

use groundlink_protocol::api::{
    AuditEntry, AuditPage, CommandAction, CommandEdit, CommandIntent, CommandReceipt, CommandState, Delivery, Device,
    EpochChange, EventPage, FocusReport, KeptAuditEntry, KeptAuditPage, PassingEvent, PendingRequest, Presence,
    Problem, PushContent, PushMessage, PushReason, PushSetup, PushState, PushSubscription, QueuedMessage, RequestKind,
    SequencedEvent, SessionEdit, SessionEntry, SessionGone, SessionList, SessionSnapshot, SessionStatus, WaitingFor,
};
use groundlink_protocol::mc::{ExporterInfo, ModelChoice, Suggestion};
use serde::Serialize;
use serde_json::value::to_raw_value;

use super::*;

#[test]
fn the_document() {
    insta::assert_json_snapshot!(document());
}

fn validator(name: &str) -> jsonschema::Validator {
    let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": {"schemas": schemas::all()}});
    jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Holds a value with every field set against the schema of its type: it is valid, and the schema knows its fields and
/// no others.
fn holds(name: &str, value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("JSON");
    if let Err(error) = validator(name).validate(&value) {
        panic!("{name}: {error}\n{value:#}");
    }
    let all = schemas::all();
    let known: BTreeSet<&String> = all[name]["properties"].as_object().expect("properties").keys().collect();
    let given: BTreeSet<&String> = value.as_object().expect("an object").keys().collect();
    assert_eq!(known, given, "{name}");
    name.to_owned()
}

fn text(word: &str) -> String {
    word.to_owned()
}

#[test]
#[allow(clippy::too_many_lines, reason = "one value of each type")]
fn the_schemas_are_those_of_the_types() {
    let device = Device { id: "d".into(), name: Some(text("phone")) };
    let exporter = ExporterInfo {
        version: Some(text("1")),
        machine: Some(text("m")),
        notice: Some(text("n")),
        suggestions: vec![Suggestion::new("l", "p")],
        models: vec![ModelChoice { name: Some(text("M")), ..ModelChoice::new("m") }],
        commands: vec!["model_switch".into()],
        ..ExporterInfo::new("groundlink")
    };
    let presence = Presence { online: true, silent: false, last_seen_ms: Some(1) };
    let pending = PendingRequest {
        request_id: "R".into(),
        kind: RequestKind::Permission,
        tool_call_id: Some(text("c")),
        summary: "s".into(),
        detail: Some(text("d")),
        choices: vec!["a".into()],
        allow_freeform: false,
        schema: Some(json!({})),
        field_order: vec!["f".into()],
        permission: Some(text("shell")),
        session_scope: true,
        answering: false,
        seq: 1,
        requested_at: String::new(),
        digest: "d".into(),
    };
    let queued = QueuedMessage {
        id: "q".into(),
        client_id: "c".into(),
        content: "hi".into(),
        delivery: Delivery::Queue,
        state: CommandState::Accepted,
        editable: true,
        device: Some(device.clone()),
        part_of: Some(text("p")),
        accepted_at_ms: 1,
    };
    let snapshot = SessionSnapshot {
        session_id: "s".into(),
        title: Some(text("t")),
        status: SessionStatus::Error,
        presence,
        cwd: Some(text("/")),
        model: Some(text("m")),
        mode: Some(text("plan")),
        steerable: true,
        exporter: Some(exporter.clone()),
        since: Some(text("now")),
        error: Some(text("no")),
        repository: Some(text("a/b")),
        branch: Some(text("main")),
        pending: vec![pending.clone()],
        queue: vec![queued.clone()],
        epoch: "e".into(),
        trimmed_before: 0,
        last_seq: 1,
        viewers: 0,
    };
    let raw = || to_raw_value(&json!({"id": "e"})).expect("JSON");
    let event = SequencedEvent { seq: 1, event: raw() };
    let receipt = CommandReceipt {
        id: "i".into(),
        client_id: "c".into(),
        kind: "abort".into(),
        state: CommandState::Unknown,
        reason: Some(text("r")),
        device: Some(device.clone()),
        request_id: Some(text("R")),
        part_of: Some(text("p")),
        accepted_at_ms: 1,
        delivered_at_ms: Some(2),
        ended_at_ms: Some(3),
    };
    let line = AuditEntry {
        n: 1,
        at_ms: 1,
        outcome: "edited".into(),
        command: Some(text("i")),
        kind: "abort".into(),
        device: Some(device.clone()),
        request_id: Some(text("R")),
        subject: Some(text("s")),
        reason: Some(text("r")),
    };
    let kept = KeptAuditEntry { place: 1, session_id: "s".into(), deleted_at_ms: 1, entry: line.clone() };
    let problem = Problem { kind: "about:blank".into(), title: "t".into(), status: 404, detail: Some(text("d")) };
    let waiting = WaitingFor { kind: RequestKind::Permission, summary: "s".into(), requested_at: "now".into() };
    let entry = SessionEntry {
        session_id: "s".into(),
        link: "http://h/t/k".into(),
        name: Some(text("n")),
        title: Some(text("t")),
        status: SessionStatus::Waiting,
        since: Some(text("now")),
        error: Some(text("no")),
        presence,
        repository: Some(text("a/b")),
        branch: Some(text("main")),
        cwd: Some(text("/")),
        machine: Some(text("m")),
        model: Some(text("m")),
        waiting: vec![waiting.clone()],
        archived: false,
        created_at_ms: 1,
    };
    let session_edit = SessionEdit { name: Some(text("n")), archived: Some(true), device: Some(device.clone()) };
    let subscription = PushSubscription {
        endpoint: "https://push.example/x".into(),
        p256dh: "k".into(),
        auth: "a".into(),
        device: device.clone(),
        content: true,
        done: true,
    };
    let content = PushContent {
        session: "n".into(),
        kind: Some(RequestKind::Permission),
        tool: Some(text("shell")),
        text: Some(text("ls")),
        more: 1,
    };
    let message =
        PushMessage { session_id: "s".into(), reason: PushReason::NeedsYou, at_ms: 1, content: Some(content.clone()) };
    let tested: BTreeSet<String> = [
        holds("PushSetup", &PushSetup { public_key: "k".into() }),
        holds("PushSubscription", &subscription),
        holds("PushState", &PushState { content: true, done: false, since_ms: 1 }),
        holds("FocusReport", &FocusReport { device: device.clone(), page: "p".into(), focused: true }),
        holds("PushMessage", &message),
        holds("PushContent", &content),
        holds("SessionEntry", &entry),
        holds("WaitingFor", &waiting),
        holds("SessionList", &SessionList { sessions: vec![entry], cursor: "e:1".into(), next: Some(text("1.s")) }),
        holds("SessionGone", &SessionGone { session_id: "s".into() }),
        holds("SessionEdit", &session_edit),
        holds("Device", &device),
        holds("ExporterInfo", &exporter),
        holds("Suggestion", &exporter.suggestions[0]),
        holds("ModelChoice", &exporter.models[0]),
        holds("Presence", &presence),
        holds("PendingRequest", &pending),
        holds("QueuedMessage", &queued),
        holds("SessionSnapshot", &snapshot),
        holds("SequencedEvent", &event),
        holds("PassingEvent", &PassingEvent { event: raw() }),
        holds("EpochChange", &EpochChange { epoch: "e".into(), trimmed_before: 1 }),
        holds("EventPage", &EventPage { events: vec![event], last_seq: 1, epoch: "e".into(), trimmed_before: 0 }),
        holds("CommandReceipt", &receipt),
        holds("CommandEdit", &CommandEdit { content: "c".into(), device: Some(device) }),
        holds("AuditEntry", &line),
        holds("AuditPage", &AuditPage { entries: vec![line], last: 1 }),
        holds("KeptAuditEntry", &kept),
        holds("KeptAuditPage", &KeptAuditPage { entries: vec![kept], last: 1 }),
        holds("Problem", &problem),
        "CommandIntent".to_owned(),
    ]
    .into();
    let all = schemas::all();
    assert_eq!(tested.iter().collect::<BTreeSet<_>>(), all.as_object().unwrap().keys().collect(), "all are tested");
}

#[test]
fn an_intent_of_each_kind_fits_its_schema_and_no_other() {
    let request_id = || "R".to_owned();
    let actions = [
        CommandAction::UserMessage { content: "hi".into(), delivery: Delivery::Steer },
        CommandAction::Abort {},
        CommandAction::ModeSwitch { mode: "plan".into() },
        CommandAction::ModelSwitch { model: "m".into() },
        CommandAction::PermissionResponse {
            request_id: request_id(),
            approved: false,
            scope: Some(text("once")),
            feedback: Some(text("no")),
        },
        CommandAction::AskUserResponse { request_id: request_id(), answer: "a".into(), freeform: true },
        CommandAction::ElicitationResponse {
            request_id: request_id(),
            action: "accept".into(),
            content: Some(json!({"a": 1})),
        },
        CommandAction::PlanApprovalResponse {
            request_id: request_id(),
            approved: true,
            selected_action: Some(text("autopilot")),
            feedback: Some(text("f")),
        },
    ];
    let validator = validator("CommandIntent");
    let common = ["client_id", "digest", "device"];
    let kinds = schemas::all()["CommandIntent"]["oneOf"].as_array().expect("kinds").clone();
    assert_eq!(kinds.len(), actions.len());
    for (action, kind) in actions.into_iter().zip(&kinds) {
        let device = Some(Device { id: "d".into(), name: None });
        let intent = CommandIntent { digest: Some(text("d")), device, ..CommandIntent::new("c", action) };
        let value = serde_json::to_value(&intent).expect("JSON");
        assert!(validator.is_valid(&value), "{value}");
        let given: BTreeSet<&str> =
            value.as_object().unwrap().keys().map(String::as_str).filter(|name| !common.contains(name)).collect();
        let known = kind["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(given, known);
    }
    for wrong in [json!({"client_id": "c", "type": "dance"}), json!({"type": "abort"}), json!({"client_id": "c"})] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_name_is_used_once() {
    let document = document();
    let known: Vec<String> = document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
        .map(|n| format!("#/components/schemas/{n}"))
        .collect();
    let text = document.to_string();
    for part in text.split("\"$ref\":\"").skip(1) {
        let target = part.split('"').next().unwrap();
        assert!(known.iter().any(|name| name == target), "{target}");
    }
    let ids: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), OPERATIONS.len());
}
