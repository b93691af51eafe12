//! Every message has an example, is read as its snapshot shows, and is written back as it came.

use std::collections::BTreeSet;
use std::fmt::Debug;

use groundlink_protocol::events::{self, Payload};
use groundlink_protocol::{Event, Method, Notification, mc, methods, notifications, requests};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{Example, examples, read, same, written};

/// Reads, writes, compares, and shows what was read.
fn check<T: DeserializeOwned + Serialize + Debug>(name: &str, json: &Value) -> String {
    let message: T = read(json).unwrap_or_else(|error| panic!("{name}: {error}"));
    let again = written(&message);
    // A result without content may be `null` on the wire.
    assert!(
        same(&again, json) || (json.is_null() && again == json!({})),
        "{name}: {json}\nwas written back as {again}"
    );
    format!("{message:#?}")
}

fn snapshot(family: &str, name: &str, text: &str) {
    let path = format!("../snapshots/{family}");
    insta::with_settings!({ snapshot_path => path, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

fn calls<M: Method>(family: &str) -> &'static str
where
    M::Params: Debug,
    M::Output: Debug,
{
    for example in examples(family).iter().filter(|example| example.of() == M::NAME) {
        let params = check::<M::Params>(&example.name, &example.json["params"]);
        let result = check::<M::Output>(&example.name, &example.json["result"]);
        snapshot(family, &example.name, &format!("params: {params}\n\nresult: {result}"));
    }
    M::NAME
}

fn notices<N: Notification>() -> &'static str
where
    N::Params: Debug,
{
    for example in examples("notifications").iter().filter(|example| example.of() == N::NAME) {
        snapshot("notifications", &example.name, &check::<N::Params>(&example.name, &example.json));
    }
    N::NAME
}

fn record<T: DeserializeOwned + Serialize + Debug>() -> &'static str {
    let name = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
    for example in examples("mc").iter().filter(|example| example.of() == name) {
        snapshot("mc", &example.name, &check::<T>(&example.name, &example.json));
    }
    name
}

/// What is always there has an example each, and the test's own list has it too. More features bring messages with and
/// without examples; the test of the whole surface goes through those.
fn covered(family: &str, there_is: &[&str], tested: &[&str]) {
    if cfg!(feature = "shared") {
        return;
    }
    let examples = examples(family);
    let examples: BTreeSet<&str> = examples.iter().map(Example::of).collect();
    let there_is: BTreeSet<&str> = there_is.iter().copied().collect();
    let without: Vec<&&str> = there_is.difference(&examples).collect();
    assert!(without.is_empty(), "tests/examples/{family} must have an example of each: {without:?}");
    assert_eq!(tested.iter().copied().collect::<BTreeSet<_>>(), there_is, "the list in this test must have each");
}

#[test]
fn methods_are_read_and_written_back() {
    use methods as m;
    let f = "methods";
    let tested = [
        calls::<m::Connect>(f),
        calls::<m::Ping>(f),
        calls::<m::StatusGet>(f),
        calls::<m::AuthGetStatus>(f),
        calls::<m::ModelsList>(f),
        calls::<m::RuntimeShutdown>(f),
        calls::<m::SessionCreate>(f),
        calls::<m::SessionResume>(f),
        calls::<m::SessionDestroy>(f),
        calls::<m::SessionDelete>(f),
        calls::<m::SessionList>(f),
        calls::<m::SessionGetMessages>(f),
        calls::<m::SessionSend>(f),
        calls::<m::SessionAbort>(f),
        calls::<m::SessionLog>(f),
        calls::<m::SessionModeGet>(f),
        calls::<m::SessionModeSet>(f),
        calls::<m::SessionModelList>(f),
        calls::<m::SessionModelSwitchTo>(f),
        calls::<m::SessionEventLogRead>(f),
        calls::<m::SessionEventLogTail>(f),
        calls::<m::SessionRemoteEnable>(f),
        calls::<m::SessionRemoteDisable>(f),
        calls::<m::SessionsGetRemoteControlStatus>(f),
        calls::<m::SessionPermissionsHandlePendingPermissionRequest>(f),
        calls::<m::SessionPermissionsPendingRequests>(f),
        calls::<m::SessionUiHandlePendingUserInput>(f),
        calls::<m::SessionUiHandlePendingElicitation>(f),
        calls::<m::SessionUiHandlePendingExitPlanMode>(f),
        calls::<m::SessionUiHandlePendingAutoModeSwitch>(f),
        calls::<m::SessionUiHandlePendingSessionLimitsExhausted>(f),
        calls::<m::SessionUiHandlePendingSampling>(f),
        calls::<m::SessionCommandsHandlePendingCommand>(f),
        calls::<m::SessionToolsHandlePendingToolCall>(f),
        calls::<m::SessionToolsListPendingRequests>(f),
    ];
    covered(f, m::NAMES, &tested);
}

#[test]
fn requests_of_the_server_are_read_and_written_back() {
    let f = "requests";
    let tested = [
        calls::<requests::UserInputRequest>(f),
        calls::<requests::ExitPlanModeRequest>(f),
        calls::<requests::HooksInvoke>(f),
        calls::<requests::AutoModeSwitchRequest>(f),
        calls::<requests::SystemMessageTransform>(f),
        calls::<requests::GithubTokenGetToken>(f),
        calls::<requests::ProviderTokenGetToken>(f),
    ];
    covered(f, requests::NAMES, &tested);
}

#[test]
fn notifications_are_read_and_written_back() {
    let tested = [notices::<notifications::SessionEvent>(), notices::<notifications::SessionLifecycle>()];
    covered("notifications", notifications::NAMES, &tested);
}

#[test]
fn mission_control_is_read_and_written_back() {
    let tested = [
        record::<mc::AttachRequest>(),
        record::<mc::AttachResponse>(),
        record::<mc::ExporterInfo>(),
        record::<mc::Suggestion>(),
        record::<mc::ModelChoice>(),
        record::<mc::UploadRequest>(),
        record::<mc::RejectedCommand>(),
        record::<mc::CommandsResponse>(),
        record::<mc::Command>(),
        record::<mc::PermissionResponse>(),
        record::<mc::AskUserResponse>(),
        record::<mc::ElicitationResponse>(),
        record::<mc::PlanApprovalResponse>(),
        record::<mc::ModeSwitch>(),
        record::<mc::ModelSwitch>(),
        record::<mc::SharingStatus>(),
    ];
    covered("mc", &tested, &tested);
}

#[test]
fn events_are_read_and_written_back() {
    for example in examples("events").into_iter().filter(|example| events::TYPES.contains(&example.of())) {
        let text = example.json.to_string();
        let event = Event::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", example.name));
        assert_eq!(event.kind(), example.of(), "the file's name is the event's type");
        assert_eq!(event.raw().get(), text);
        let payload = event.payload();
        assert!(!matches!(payload, Payload::Unknown), "{}: its data cannot be read", example.name);
        snapshot("events", &example.name, &format!("{event:?}\n\n{payload:#?}"));
    }
    covered("events", events::TYPES, events::TYPES);
}

#[test]
fn a_wire_name_names_one_message() {
    for names in [methods::NAMES, requests::NAMES, notifications::NAMES, events::TYPES] {
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}
