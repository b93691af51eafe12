//! Every operation of the API, once: the routes are made of this table, and so is the document that describes them.

use axum::routing::{MethodRouter, delete, get, patch, post, put};

use super::{App, audit, cancel, edit, events, fragments, hubs, openapi, push, receipt, snapshot, stream, submit};
use std::sync::Arc;

/// One method of one path.
pub(super) struct Operation {
    pub(super) method: &'static str,
    /// Below `/api/v1`.
    pub(super) path: &'static str,
    /// Names it for generated clients.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Parameter],
    /// The schema of the body.
    pub(super) body: Option<&'static str>,
    pub(super) answers: &'static [(u16, Answer)],
    /// Statuses of problems beyond those that every operation may have.
    pub(super) problems: &'static [u16],
    pub(super) handler: fn() -> MethodRouter<Arc<App>>,
}

/// A parameter of the query. All are optional.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) about: &'static str,
}

/// What an answer's body is.
pub(super) enum Answer {
    /// JSON of this schema.
    Json(&'static str),
    /// Any JSON object.
    Object,
    /// A picture.
    Picture,
    /// Server-sent events.
    Events(&'static str),
    /// No body.
    Nothing,
}

const fn integer(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: "integer", about }
}

const fn text(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: "string", about }
}

const AFTER: Parameter = integer("after", "The last number that is known; 0, or nothing, for the beginning.");
const LIMIT: Parameter = integer("limit", "How many at most, from 1 to 1000. Default: 200.");

/// The operations, in the document's order.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "get",
        path: "/openapi.json",
        id: "describe",
        summary: "This document.",
        query: &[],
        body: None,
        answers: &[(200, Answer::Object)],
        problems: &[],
        handler: || get(openapi::serve),
    },
    Operation {
        method: "get",
        path: "/links/{key}",
        id: "getSession",
        summary: "The state of the session now.",
        query: &[],
        body: None,
        answers: &[(200, Answer::Json("SessionSnapshot"))],
        problems: &[],
        handler: || get(snapshot),
    },
    Operation {
        method: "get",
        path: "/links/{key}/events",
        id: "listEvents",
        summary: "A stretch of the session's events.",
        query: &[AFTER, LIMIT],
        body: None,
        answers: &[(200, Answer::Json("EventPage"))],
        problems: &[400],
        handler: || get(events),
    },
    Operation {
        method: "get",
        path: "/links/{key}/events/stream",
        id: "streamEvents",
        summary: "The session's events from a place on, and then as they happen.",
        query: &[AFTER, text("epoch", "The log that `after` is a number of.")],
        body: None,
        answers: &[(
            200,
            Answer::Events(
                "`event` carries a SequencedEvent, `delta` a PassingEvent, `state` a SessionSnapshot, `epoch` an \
                 EpochChange. The id of an `event` is `EPOCH:SEQ`, to be sent as `Last-Event-ID`.",
            ),
        )],
        problems: &[400, 429],
        handler: || get(stream::events),
    },
    Operation {
        method: "get",
        path: "/links/{key}/page/stream",
        id: "streamPage",
        summary: "Changes of the drawn page. For the hub's own page; its form may change.",
        query: &[text("cursor", "The cursor of the page that was loaded, or of the last patch.")],
        body: None,
        answers: &[(
            200,
            Answer::Events(
                "`hello` says how many events the page is behind, `patch` carries a change of the page, `ping` shows \
                 that the stream lives.",
            ),
        )],
        problems: &[429],
        handler: || get(stream::page),
    },
    Operation {
        method: "get",
        path: "/links/{key}/page/older",
        id: "olderPage",
        summary: "The drawn transcript before an item. For the hub's own page; its form may change.",
        query: &[
            integer("before", "The number of the item. Default: the end."),
            integer("until", "The last event before it, for what is read from the log."),
        ],
        body: None,
        answers: &[(200, Answer::Object)],
        problems: &[400],
        handler: || get(fragments::older),
    },
    Operation {
        method: "get",
        path: "/links/{key}/page/picture/{item}/{index}",
        id: "pagePicture",
        summary: "A picture of a tool's answer or of a message. For the hub's own page.",
        query: &[integer("event", "The event that told of the item, by which it is found in the log.")],
        body: None,
        answers: &[(200, Answer::Picture)],
        problems: &[400],
        handler: || get(fragments::picture),
    },
    Operation {
        method: "post",
        path: "/links/{key}/commands",
        id: "submitCommand",
        summary: "Asks for something to be done.",
        query: &[],
        body: Some("CommandIntent"),
        answers: &[
            (202, Answer::Json("CommandReceipt")),
            // The same `client_id` again.
            (200, Answer::Json("CommandReceipt")),
        ],
        problems: &[400, 409, 413, 422, 429],
        handler: || post(submit),
    },
    Operation {
        method: "get",
        path: "/links/{key}/commands/{id}",
        id: "getCommand",
        summary: "What became of a command.",
        query: &[],
        body: None,
        answers: &[(200, Answer::Json("CommandReceipt"))],
        problems: &[],
        handler: || get(receipt),
    },
    Operation {
        method: "patch",
        path: "/links/{key}/commands/{id}",
        id: "editCommand",
        summary: "Gives a message that still waits other words.",
        query: &[],
        body: Some("CommandEdit"),
        answers: &[(200, Answer::Json("CommandReceipt"))],
        problems: &[400, 409, 413, 422, 429],
        handler: || patch(edit),
    },
    Operation {
        method: "delete",
        path: "/links/{key}/commands/{id}",
        id: "cancelCommand",
        summary: "Takes a command back that still waits.",
        query: &[
            text("device", "The id of the device that takes it back."),
            text("device_name", "What people call the device."),
        ],
        body: None,
        answers: &[(200, Answer::Json("CommandReceipt"))],
        problems: &[409, 422, 429],
        handler: || delete(cancel),
    },
    Operation {
        method: "get",
        path: "/links/{key}/audit",
        id: "listAudit",
        summary: "Who did what at this link, when, from which device, and what became of it.",
        query: &[AFTER, LIMIT],
        body: None,
        answers: &[(200, Answer::Json("AuditPage"))],
        problems: &[400],
        handler: || get(audit),
    },
    Operation {
        method: "get",
        path: "/links/{key}/push",
        id: "getPushSetup",
        summary: "What a browser needs to be notified of the session.",
        query: &[],
        body: None,
        answers: &[(200, Answer::Json("PushSetup"))],
        problems: &[],
        handler: || get(push::setup_of_link),
    },
    Operation {
        method: "get",
        path: "/links/{key}/push/{id}",
        id: "getPush",
        summary: "What is known of a subscription. The id is the SHA-256 of its endpoint, in Base64url.",
        query: &[],
        body: None,
        answers: &[(200, Answer::Json("PushState"))],
        problems: &[],
        handler: || get(push::state_of_link),
    },
    Operation {
        method: "put",
        path: "/links/{key}/push/{id}",
        id: "putPush",
        summary: "Notifies a browser when the session needs somebody whom no page in focus shows it.",
        query: &[],
        body: Some("PushSubscription"),
        answers: &[(200, Answer::Json("PushState"))],
        problems: &[400, 409, 413, 422, 429],
        handler: || put(push::subscribe_to_link),
    },
    Operation {
        method: "delete",
        path: "/links/{key}/push/{id}",
        id: "deletePush",
        summary: "Notifies a browser no more. It may not have been notified before, either.",
        query: &[],
        body: None,
        answers: &[(204, Answer::Nothing)],
        problems: &[429],
        handler: || delete(push::unsubscribe_from_link),
    },
    Operation {
        method: "put",
        path: "/links/{key}/focus",
        id: "putFocus",
        summary: "Says whether a page is looked at that shows the session. That holds for 25 seconds.",
        query: &[],
        body: Some("FocusReport"),
        answers: &[(204, Answer::Nothing)],
        problems: &[400, 413, 422],
        handler: || put(push::focus_of_link),
    },
    Operation {
        method: "get",
        path: "/hubs/{key}/sessions",
        id: "listSessions",
        summary: "The sessions of the hub. The key is that of the hub's own link.",
        query: &[text("after", "What `next` of the page before said; nothing for the first page."), LIMIT],
        body: None,
        answers: &[(200, Answer::Json("SessionList"))],
        problems: &[400],
        handler: || get(hubs::list),
    },
    Operation {
        method: "get",
        path: "/hubs/{key}/audit",
        id: "listKeptAudit",
        summary: "Who did what in sessions that were deleted since, the deletion itself included.",
        query: &[AFTER, LIMIT],
        body: None,
        answers: &[(200, Answer::Json("KeptAuditPage"))],
        problems: &[400],
        handler: || get(hubs::kept_audit),
    },
    Operation {
        method: "get",
        path: "/hubs/{key}/sessions/stream",
        id: "streamSessions",
        summary: "All sessions of the hub, and then their changes as they happen.",
        query: &[text("cursor", "The place from which on changes are wanted: the id of an event, or a list's cursor.")],
        body: None,
        answers: &[(
            200,
            Answer::Events(
                "`sessions` carries a SessionList, `session` a SessionEntry, `gone` a SessionGone. The id of each is a \
                 cursor, to be sent as `Last-Event-ID`.",
            ),
        )],
        problems: &[429],
        handler: || get(hubs::follow),
    },
    Operation {
        method: "get",
        path: "/hubs/{key}/page/stream",
        id: "streamSessionsPage",
        summary: "Changes of the drawn list. For the hub's own page; its form may change.",
        query: &[text("cursor", "The cursor of the page that was loaded, or of the last patch.")],
        body: None,
        answers: &[(200, Answer::Events("`patch` carries a change of the list, `ping` shows that the stream lives."))],
        problems: &[429],
        handler: || get(hubs::page),
    },
    Operation {
        method: "patch",
        path: "/hubs/{key}/sessions/{id}",
        id: "editSession",
        summary: "Gives a session a name, or puts it away.",
        query: &[],
        body: Some("SessionEdit"),
        answers: &[(200, Answer::Json("SessionEntry"))],
        problems: &[413, 422],
        handler: || patch(hubs::edit),
    },
    Operation {
        method: "delete",
        path: "/hubs/{key}/sessions/{id}",
        id: "deleteSession",
        summary: "Deletes a session that is not connected, with its events and commands. Its audit is kept.",
        query: &[
            text("device", "The id of the device that deletes it."),
            text("device_name", "What people call the device."),
        ],
        body: None,
        answers: &[(204, Answer::Nothing)],
        problems: &[409, 422],
        handler: || delete(hubs::delete),
    },
    Operation {
        method: "get",
        path: "/hubs/{key}/push",
        id: "getHubPushSetup",
        summary: "What a browser needs to be notified of all sessions.",
        query: &[],
        body: None,
        answers: &[(200, Answer::Json("PushSetup"))],
        problems: &[],
        handler: || get(push::setup_of_hub),
    },
    Operation {
        method: "get",
        path: "/hubs/{key}/push/{id}",
        id: "getHubPush",
        summary: "What is known of a subscription. The id is the SHA-256 of its endpoint, in Base64url.",
        query: &[],
        body: None,
        answers: &[(200, Answer::Json("PushState"))],
        problems: &[],
        handler: || get(push::state_of_hub),
    },
    Operation {
        method: "put",
        path: "/hubs/{key}/push/{id}",
        id: "putHubPush",
        summary: "Notifies a browser when one of the sessions needs somebody whom no page in focus shows it.",
        query: &[],
        body: Some("PushSubscription"),
        answers: &[(200, Answer::Json("PushState"))],
        problems: &[400, 409, 413, 422],
        handler: || put(push::subscribe_to_hub),
    },
    Operation {
        method: "delete",
        path: "/hubs/{key}/push/{id}",
        id: "deleteHubPush",
        summary: "Notifies a browser no more. It may not have been notified before, either.",
        query: &[],
        body: None,
        answers: &[(204, Answer::Nothing)],
        problems: &[],
        handler: || delete(push::unsubscribe_from_hub),
    },
    Operation {
        method: "put",
        path: "/hubs/{key}/focus",
        id: "putHubFocus",
        summary: "Says whether a page is looked at that shows all sessions. That holds for 25 seconds.",
        query: &[],
        body: Some("FocusReport"),
        answers: &[(204, Answer::Nothing)],
        problems: &[400, 413, 422],
        handler: || put(push::focus_of_hub),
    },
];
