//! The JSON schemas of what the API takes and gives. They follow `groundlink_protocol::api`; a test holds them
//! against it.

use serde_json::{Map, Value, json};

/// An object with required and optional fields.
fn object(about: &str, required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        required.iter().chain(optional).map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let mut schema = json!({"type": "object", "description": about, "properties": properties});
    if !names.is_empty() {
        schema["required"] = names.into();
    }
    schema
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text(about: &str) -> Value {
    json!({"type": "string", "description": about})
}

fn flag(about: &str) -> Value {
    json!({"type": "boolean", "description": about})
}

fn number(about: &str) -> Value {
    json!({"type": "integer", "minimum": 0, "description": about})
}

fn words(about: &str, words: &[&str]) -> Value {
    json!({"type": "string", "description": format!("{about} More words may come."), "examples": words})
}

fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// All schemas by name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    for (name, schema) in
        session().into_iter().chain(log()).chain(commands()).chain(exporter()).chain(hub()).chain(push())
    {
        all.insert(name.to_owned(), schema);
    }
    Value::Object(all)
}

fn session() -> Vec<(&'static str, Value)> {
    let snapshot = object(
        "The state of a session at one moment.",
        &[
            ("session_id", text("The session.")),
            ("status", words("What it is doing.", &["starting", "idle", "working", "waiting", "error", "ended"])),
            ("presence", reference("Presence")),
            ("steerable", flag("Whether the exporter takes commands.")),
            ("pending", list(&reference("PendingRequest"))),
            ("queue", list(&reference("QueuedMessage"))),
            ("epoch", text("Names the session's log; another name means that the numbers mean other events.")),
            ("trimmed_before", number("Events up to this number are gone, but for those that are still needed.")),
            ("last_seq", number("The last stored event; 0 when there is none.")),
            ("viewers", number("How many streams of the session are open.")),
        ],
        &[
            ("title", text("Its title, once it has one.")),
            ("since", text("When the status began (RFC 3339).")),
            ("error", text("What went wrong last, while the status says so.")),
            ("cwd", text("The working directory.")),
            ("repository", text("The repository, as owner/name.")),
            ("branch", text("The branch.")),
            ("model", text("The model.")),
            ("mode", text("The agent mode.")),
            ("exporter", reference("ExporterInfo")),
        ],
    );
    let presence = object(
        "Whether the session's exporter is in touch.",
        &[
            ("online", flag("Something was heard of it lately.")),
            ("silent", flag("Online, but silent for longer than usual: what it does may not be true any more.")),
        ],
        &[("last_seen_ms", number("When it was heard last, in milliseconds since 1970."))],
    );
    let pending = object(
        "A question that the session waits on.",
        &[
            ("request_id", text("Names the request in an answer.")),
            ("kind", words("The kind of answer.", &["permission", "user_input", "elicitation", "plan_approval"])),
            ("summary", text("One line for people.")),
            ("allow_freeform", flag("An answer outside of `choices` is welcome.")),
            ("answering", flag("An answer is on its way.")),
            ("seq", number("The event that asked.")),
            ("requested_at", text("When it was asked (RFC 3339).")),
            ("digest", text("Stands for everything that is asked. An answer with another digest is refused.")),
        ],
        &[
            ("tool_call_id", text("The tool call it belongs to.")),
            ("detail", text("What exactly would be done, cut to 64 KiB.")),
            ("choices", list(&json!({"type": "string"}))),
            ("schema", json!({"description": "The JSON schema of the form."})),
            ("field_order", list(&json!({"type": "string"}))),
            ("permission", text("What is asked for: `shell`, `write`, `url`, ...")),
            ("session_scope", flag("An approval may have the scope `session`.")),
        ],
    );
    vec![("SessionSnapshot", snapshot), ("Presence", presence), ("PendingRequest", pending)]
}

fn hub() -> Vec<(&'static str, Value)> {
    let entry = object(
        "A session in the list of a hub.",
        &[
            ("session_id", text("The session.")),
            ("link", text("Its link: whoever has it can watch and steer the session.")),
            ("status", words("What it is doing.", &["starting", "idle", "working", "waiting", "error", "ended"])),
            ("presence", reference("Presence")),
            ("waiting", list(&reference("WaitingFor"))),
            ("archived", flag("Somebody has put it away.")),
            ("created_at_ms", number("When the hub heard of it first.")),
        ],
        &[
            ("name", text("What a person has called it.")),
            ("title", text("The title that it gave itself.")),
            ("since", text("When the status began (RFC 3339).")),
            ("error", text("What went wrong last, while the status says so.")),
            ("repository", text("The repository, as owner/name.")),
            ("branch", text("The branch.")),
            ("cwd", text("The working directory.")),
            ("machine", text("The machine it runs on.")),
            ("model", text("The model.")),
        ],
    );
    let waiting = object(
        "What a session waits for, in a line.",
        &[
            ("kind", words("The kind of question.", &["permission", "user_input", "elicitation", "plan_approval"])),
            ("summary", text("One line for people.")),
            ("requested_at", text("When it was asked (RFC 3339).")),
        ],
        &[],
    );
    let sessions = object(
        "The sessions of a hub, or a page of them.",
        &[
            ("sessions", list(&reference("SessionEntry"))),
            ("cursor", text("The place in the hub's changes, for the stream.")),
        ],
        &[("next", text("Where the next page begins, to be sent as `after`; absent when there are no more."))],
    );
    let kept = object(
        "A line of the audit of a session that was deleted.",
        &[
            ("place", number("Counts up from 1 over the audits of all deleted sessions.")),
            ("session_id", text("The session.")),
            ("deleted_at_ms", number("When it was deleted, by the hub's clock.")),
            ("entry", reference("AuditEntry")),
        ],
        &[],
    );
    let kept_page = object(
        "A stretch of the audits of deleted sessions.",
        &[("entries", list(&reference("KeptAuditEntry"))), ("last", number("The place of the last entry."))],
        &[],
    );
    let gone = object("A session that was deleted.", &[("session_id", text("Which."))], &[]);
    let edit = object(
        "What is to be different about a session. What is absent stays.",
        &[],
        &[
            ("name", json!({"type": "string", "maxLength": 120, "description": "Empty: no name any more."})),
            ("archived", flag("Whether it is put away.")),
            ("device", reference("Device")),
        ],
    );
    vec![
        ("SessionEntry", entry),
        ("WaitingFor", waiting),
        ("SessionList", sessions),
        ("KeptAuditEntry", kept),
        ("KeptAuditPage", kept_page),
        ("SessionGone", gone),
        ("SessionEdit", edit),
    ]
}

fn push() -> Vec<(&'static str, Value)> {
    let content = || flag("What is asked is told, and by which session.");
    let done = || flag("The end of a turn is told, too.");
    let setup = object(
        "What a browser needs to subscribe.",
        &[("public_key", text("The hub's public key (RFC 8292): an uncompressed P-256 point in Base64url."))],
        &[],
    );
    let subscription = object(
        "A browser's subscription, and what it is to be told.",
        &[
            ("endpoint", text("Where the browser's push service takes messages. One that the hub knows, by https.")),
            ("p256dh", text("The browser's public key, an uncompressed P-256 point in Base64url.")),
            ("auth", text("The 16 bytes that browser and hub share, in Base64url.")),
            ("device", reference("Device")),
        ],
        &[("content", content()), ("done", done())],
    );
    let state = object(
        "What the hub knows of a subscription.",
        &[("content", content()), ("done", done()), ("since_ms", number("When it was made, or made again."))],
        &[],
    );
    let focus = object(
        "Whether a page is looked at.",
        &[
            ("device", reference("Device")),
            (
                "page",
                json!({"type": "string", "minLength": 1, "maxLength": 64, "description": "The page, among those of the device."}),
            ),
            ("focused", flag("It is in view and has the focus; otherwise it was just left.")),
        ],
        &[],
    );
    let message = object(
        "What a message says once the browser has decrypted it (RFC 8291).",
        &[
            ("session_id", text("The session.")),
            ("reason", words("Why.", &["needs_you", "failed", "done"])),
            ("at_ms", number("When it was sent, in milliseconds since 1970.")),
        ],
        &[("content", reference("PushContent"))],
    );
    let what = object(
        "What a message is about, where that was asked for.",
        &[("session", text("What people call the session.")), ("more", number("How many more requests wait."))],
        &[
            ("kind", words("The kind of question.", &["permission", "user_input", "elicitation", "plan_approval"])),
            ("tool", text("Of a permission: what for.")),
            ("text", text("The command, the question or the error: one line, cut to 200 characters.")),
        ],
    );
    vec![
        ("PushSetup", setup),
        ("PushSubscription", subscription),
        ("PushState", state),
        ("FocusReport", focus),
        ("PushMessage", message),
        ("PushContent", what),
    ]
}

fn log() -> Vec<(&'static str, Value)> {
    let event = json!({"type": "object", "description": "The event as the exporter sent it, with secrets replaced."});
    let epoch = || text("Names the log.");
    let trimmed = || number("Events up to this number are gone, but for those that are still needed.");
    vec![
        (
            "EventPage",
            object(
                "A stretch of a session's events.",
                &[
                    ("events", list(&reference("SequencedEvent"))),
                    ("last_seq", number("The last stored event of the session.")),
                    ("epoch", epoch()),
                    ("trimmed_before", trimmed()),
                ],
                &[],
            ),
        ),
        (
            "SequencedEvent",
            object("A stored event.", &[("seq", number("Its number, from 1.")), ("event", event.clone())], &[]),
        ),
        ("PassingEvent", object("An event that is not stored.", &[("event", event)], &[])),
        (
            "EpochChange",
            object("The log is another one now.", &[("epoch", epoch()), ("trimmed_before", trimmed())], &[]),
        ),
    ]
}

fn commands() -> Vec<(&'static str, Value)> {
    let delivery = one_of(&["queue", "steer"]);
    let device = object(
        "Who uses a link: a browser, a phone, a terminal.",
        &[("id", json!({"type": "string", "minLength": 1, "maxLength": 64}))],
        &[("name", json!({"type": "string", "maxLength": 100}))],
    );
    let state = words(
        "How far it has come.",
        &["accepted", "delivered", "applied", "rejected", "expired", "superseded", "cancelled", "unknown"],
    );
    let receipt = object(
        "What became of a command.",
        &[
            ("id", text("The hub's name for the command.")),
            ("client_id", text("The client's name for it.")),
            ("type", text("The kind of command.")),
            ("state", state.clone()),
            ("accepted_at_ms", number("When the hub took it in.")),
        ],
        &[
            ("reason", text("Why it ended as it did.")),
            ("device", reference("Device")),
            ("request_id", text("The request that it answers.")),
            ("part_of", text("The command that it is a part of.")),
            ("delivered_at_ms", number("When the exporter fetched it last.")),
            ("ended_at_ms", number("When it came to its end.")),
        ],
    );
    let queued = object(
        "A message that the session has not got yet.",
        &[
            ("id", text("The command that carries it.")),
            ("client_id", text("The client's name for it.")),
            ("content", text("The words.")),
            ("delivery", delivery.clone()),
            ("state", state),
            ("editable", flag("It can still be changed and taken back.")),
            ("accepted_at_ms", number("When it was given.")),
        ],
        &[("device", reference("Device")), ("part_of", text("The command that it is a part of."))],
    );
    let edit = object(
        "Other words for a message that still waits.",
        &[("content", json!({"type": "string", "minLength": 1}))],
        &[("device", reference("Device"))],
    );
    let line = object(
        "One line of the audit.",
        &[
            ("n", number("Counts up from 1.")),
            ("at_ms", number("When it happened.")),
            ("outcome", text("One of the states, or `refused`, `edited`.")),
            ("type", text("The kind of command.")),
        ],
        &[
            ("command", text("The hub's name for the command.")),
            ("device", reference("Device")),
            ("request_id", text("The request that was to be answered.")),
            ("subject", text("What it was about.")),
            ("reason", text("Why it was refused, or ended as it did.")),
        ],
    );
    let problem = object(
        "An error (RFC 9457).",
        &[
            ("type", text("Names the kind of problem; stable.")),
            ("title", text("The same for every problem of this kind.")),
            ("status", json!({"type": "integer", "minimum": 400, "maximum": 599})),
        ],
        &[("detail", text("What happened this time, and what to do."))],
    );
    vec![
        ("CommandIntent", intent(&delivery)),
        ("CommandReceipt", receipt),
        ("CommandEdit", edit),
        ("QueuedMessage", queued),
        ("Device", device),
        (
            "AuditPage",
            object(
                "A stretch of the audit.",
                &[("entries", list(&reference("AuditEntry"))), ("last", number("The number of the last entry."))],
                &[],
            ),
        ),
        ("AuditEntry", line),
        ("Problem", problem),
    ]
}

/// An intent: what all have, and one of the kinds.
fn intent(delivery: &Value) -> Value {
    let request = || text("The pending request.");
    let kind = |kind: &str, required: &[(&str, Value)], optional: &[(&str, Value)]| {
        let mut fields = vec![("type", json!({"const": kind}))];
        fields.extend(required.iter().cloned());
        object("", &fields, optional)
    };
    let approved = || flag("Whether the agent may.");
    let feedback = || text("Words for the agent with a refusal.");
    let kinds = [
        kind(
            "user_message",
            &[("content", json!({"type": "string", "minLength": 1}))],
            &[("delivery", delivery.clone())],
        ),
        kind("abort", &[], &[]),
        kind("mode_switch", &[("mode", one_of(&super::intent::MODES))], &[]),
        kind("model_switch", &[("model", text("The id of one of the exporter's models."))], &[]),
        kind(
            "permission_response",
            &[("request_id", request()), ("approved", approved())],
            &[("scope", one_of(&super::intent::SCOPES)), ("feedback", feedback())],
        ),
        kind(
            "ask_user_response",
            &[("request_id", request()), ("answer", text("The answer."))],
            &[("freeform", flag("It was typed, not chosen."))],
        ),
        kind(
            "elicitation_response",
            &[("request_id", request()), ("action", one_of(&super::intent::ELICITATION_ACTIONS))],
            &[("content", json!({"type": "object"}))],
        ),
        kind(
            "plan_approval_response",
            &[("request_id", request()), ("approved", approved())],
            &[("selected_action", one_of(&super::intent::PLAN_ACTIONS)), ("feedback", feedback())],
        ),
    ];
    let mut schema = object(
        "Something that a viewer wants done.",
        &[(
            "client_id",
            json!({"type": "string", "minLength": 1, "maxLength": 64,
                "description": "New for each intent. The same one again does nothing new."}),
        )],
        &[
            ("digest", text("With an answer: the digest of the request that was shown.")),
            ("device", reference("Device")),
        ],
    );
    schema["oneOf"] = kinds.into_iter().collect();
    schema
}

fn exporter() -> Vec<(&'static str, Value)> {
    let suggestion =
        object("A message to offer.", &[("label", text("A few words.")), ("prompt", text("The message."))], &[]);
    let model = object("A model to choose.", &[("id", text("Its id."))], &[("name", text("What people call it."))]);
    let info = object(
        "Who exports the session; absent when the CLI does so itself.",
        &[("name", text("The program."))],
        &[
            ("version", text("Its version.")),
            ("machine", text("The machine it runs on.")),
            ("notice", text("A line that every viewer should see.")),
            ("suggestions", list(&reference("Suggestion"))),
            ("models", list(&reference("ModelChoice"))),
            ("commands", list(&json!({"type": "string"}))),
        ],
    );
    vec![("ExporterInfo", info), ("Suggestion", suggestion), ("ModelChoice", model)]
}
