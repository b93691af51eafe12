//! The exporter's side of the Mission Control HTTP wire.

use std::time::Duration;

use groundlink_protocol::Event;
use groundlink_protocol::mc::{AttachRequest, AttachResponse, Command, ExporterInfo, RejectedCommand};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::endpoint::HubEndpoint;
use super::outbox::Batch;
use crate::error::RemoteError;
use crate::link::Link;

/// How long the hub may hold a poll.
const POLL_WAIT: Duration = Duration::from_secs(25);
/// What a request may take beyond that.
const SLACK: Duration = Duration::from_secs(10);
/// The slowest line worth waiting for, in bytes a second. It decides how long an upload may take.
const SLOWEST_LINE: u64 = 64 << 10;
/// The most of an answer that is read. A message typed on a phone is far smaller.
const MOST_ANSWER: usize = 8 << 20;

/// Why a request did not work, sorted by what to do about it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No answer, or one that says "later".
    Passing { reason: String, asked: Option<Duration> },
    /// The body was too large.
    TooLarge,
    /// The hub does not know the session.
    Lost,
    /// The hub does not know us.
    Token(u16),
    /// The hub knows the session, but not all that it had taken: this is the newest event it has.
    Behind { last: String },
    /// The answer is not one a hub gives.
    Strange { status: u16, detail: String },
}

impl Failure {
    /// For people.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Passing { reason, .. } => reason.clone(),
            Self::TooLarge => "the upload is too large for the hub".to_owned(),
            Self::Lost => "the hub does not know the session any more".to_owned(),
            Self::Behind { .. } => "the hub has lost events that it had taken".to_owned(),
            Self::Token(status) => format!("the hub refused the token (HTTP {status})"),
            Self::Strange { status, detail } => format!("HTTP {status} with {detail}"),
        }
    }

    /// The same as an error of the start, where nothing is tried twice.
    pub(crate) fn into_error(self, endpoint: &HubEndpoint) -> RemoteError {
        let base = endpoint.shown();
        match self {
            Self::Token(status) => RemoteError::TokenRefused { base, status },
            Self::Strange { status, detail } => RemoteError::NotAHub { base, status, detail },
            other => RemoteError::Unreachable { base, reason: other.reason() },
        }
    }
}

/// Where the session is on the hub.
#[derive(Clone, Debug)]
pub(crate) struct Attached {
    /// The id for request paths.
    pub(crate) id: String,
    pub(crate) link: Link,
    /// The newest durable event that the hub has, with all before it; a hub that says nothing wants all of them.
    pub(crate) last_event_id: Option<String>,
}

/// A command of the hub's, or one that cannot be read.
pub(crate) type Polled = Result<Command, RejectedCommand>;

/// The HTTP client of one bridge. Clones share their connections.
#[derive(Clone, Debug)]
pub(crate) struct HubClient {
    http: reqwest::Client,
    endpoint: HubEndpoint,
    authorization: HeaderValue,
}

#[derive(Serialize)]
struct Upload<'a> {
    events: &'a [Event],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    completed_command_ids: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rejected_commands: &'a [RejectedCommand],
}

impl HubClient {
    pub(crate) fn new(endpoint: HubEndpoint) -> Result<Self, RemoteError> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", endpoint.token().expose_secret()))
            .map_err(|_| RemoteError::Http("the token has characters that cannot be sent".to_owned()))?;
        authorization.set_sensitive(true);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("groundlink/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(SLACK)
            // A redirect would carry the token elsewhere, and turn a POST into a GET.
            .redirect(reqwest::redirect::Policy::none());
        if endpoint.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| RemoteError::Http(innermost(&error)))?;
        Ok(Self { http, endpoint, authorization })
    }

    /// Attaches the session, or finds it attached.
    pub(crate) async fn attach(&self, session_id: &str, info: &ExporterInfo) -> Result<Attached, Failure> {
        let request = AttachRequest {
            id: Some(session_id.to_owned()),
            agent_task_id: Some(session_id.to_owned()),
            exporter: Some(info.clone()),
            ..AttachRequest::default()
        };
        let request = self.http.post(self.endpoint.at(&["sessions"])).json(&request).timeout(SLACK);
        let response = self.send(request).await?;
        let status = response.status();
        let body = read(response).await?;
        let strange = |detail: String| Failure::Strange { status: status.as_u16(), detail };
        if !status.is_success() {
            return Err(strange(kind_of(&body)));
        }
        let answer: AttachResponse = serde_json::from_slice(&body).map_err(|_| strange(kind_of(&body)))?;
        let url = match answer.url {
            Some(url) => url,
            // GitHub's own pages have this form for a session without a repository.
            None => format!("{}/copilot/tasks/{}", self.endpoint.base().origin().ascii_serialization(), answer.task_id),
        };
        let link = Link::parse(&url).map_err(|error| strange(format!("a bad link ({error})")))?;
        Ok(Attached { id: answer.id, link, last_event_id: answer.last_event_id })
    }

    /// Asks whether the hub still knows the session. Says which is the newest durable event it has, if it does say so.
    pub(crate) async fn look_up(&self, id: &str) -> Result<Option<String>, Failure> {
        let response = self.send(self.http.get(self.endpoint.at(&["sessions", id])).timeout(SLACK)).await?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Failure::Lost),
            // Any other answer says nothing against it.
            _ => {
                let answer = serde_json::from_slice::<AttachResponse>(&read(response).await?);
                Ok(answer.ok().and_then(|answer| answer.last_event_id))
            }
        }
    }

    /// Asks for a session that nobody has: a hub that lets us in says so, and changes nothing.
    pub(crate) async fn check(&self) -> Result<(), Failure> {
        let nobody = uuid::Uuid::new_v4().to_string();
        let response = self.send(self.http.get(self.endpoint.at(&["sessions", &nobody])).timeout(SLACK)).await?;
        let status = response.status();
        let json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
            kind.to_str().is_ok_and(|kind| kind.starts_with("application/json") || kind.contains("+json"))
        });
        let body = read(response).await?;
        if json && (status == StatusCode::NOT_FOUND || status.is_success()) {
            return Ok(());
        }
        Err(Failure::Strange { status: status.as_u16(), detail: kind_of(&body) })
    }

    /// Uploads events and acknowledgements.
    pub(crate) async fn upload(&self, id: &str, batch: &Batch) -> Result<(), Failure> {
        let upload = Upload {
            events: &batch.events,
            completed_command_ids: &batch.completed,
            rejected_commands: &batch.rejected,
        };
        // Raw JSON and strings: there is nothing in it that could not be written.
        let body =
            serde_json::to_vec(&upload).map_err(|error| Failure::Passing { reason: error.to_string(), asked: None })?;
        let limit = SLACK + Duration::from_secs(body.len() as u64 / SLOWEST_LINE);
        let request = self.http.post(self.endpoint.at(&["sessions", id, "events"]));
        let request = request.header(CONTENT_TYPE, "application/json").body(body).timeout(limit);
        let response = self.send(request).await?;
        match response.status() {
            // The body is read so that the connection can be used again.
            status if status.is_success() => read(response).await.map(drop),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Failure::Lost),
            StatusCode::PAYLOAD_TOO_LARGE => Err(Failure::TooLarge),
            _ => Err(refused(response).await),
        }
    }

    /// Waits for commands; an empty answer after a while is normal.
    pub(crate) async fn poll(&self, id: &str) -> Result<Vec<Polled>, Failure> {
        let mut url = self.endpoint.at(&["sessions", id, "commands"]);
        url.query_pairs_mut().append_pair("wait", &POLL_WAIT.as_secs().to_string());
        let response = self.send(self.http.get(url).timeout(POLL_WAIT + SLACK)).await?;
        match response.status() {
            status if status.is_success() => Ok(commands(&read(response).await?)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Failure::Lost),
            _ => Err(refused(response).await),
        }
    }

    /// Sends a request; what is the same for all answers is sorted out here.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request
            .header(AUTHORIZATION, self.authorization.clone())
            .header("copilot-integration-id", "groundlink-bridge")
            .send()
            .await
            .map_err(|error| Failure::Passing { reason: innermost(&error.without_url()), asked: None })?;
        match response.status() {
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Err(Failure::Token(status.as_u16())),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(refused(response).await)
            }
            _ => Ok(response),
        }
    }
}

/// A refusal that may pass, in the words of the answer.
async fn refused(response: Response) -> Failure {
    let status = response.status().as_u16();
    let asked = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let body = read(response).await.unwrap_or_default();
    Failure::Passing { reason: format!("HTTP {status}: {}", detail(&body)), asked }
}

/// The body of an answer, up to a limit.
async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let passing = |reason: String| Failure::Passing { reason, asked: None };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| passing(innermost(&error)))? {
        if body.len() + chunk.len() > MOST_ANSWER {
            return Err(passing("the hub's answer is larger than 8 MiB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The commands in a poll's answer. Anything that is not a list of commands counts as none; a command that
/// cannot be read but has an id is one to refuse.
fn commands(body: &[u8]) -> Vec<Polled> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow, default)]
        commands: Option<Vec<&'a RawValue>>,
    }
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    let Ok(Answer { commands: Some(commands) }) = serde_json::from_slice::<Answer<'_>>(body) else {
        return Vec::new();
    };
    commands
        .into_iter()
        .filter_map(|raw| match serde_json::from_str::<Command>(raw.get()) {
            Ok(command) => Some(Ok(command)),
            Err(error) => {
                let Id { id } = serde_json::from_str(raw.get()).ok()?;
                Some(Err(RejectedCommand::new(id, format!("the command cannot be read: {error}"))))
            }
        })
        .collect()
}

/// What kind of answer it is that no hub would give, in a few words. A page of somebody else's is nothing to read out.
fn kind_of(body: &[u8]) -> String {
    if is_page(body) {
        return "a web page".to_owned();
    }
    match (detail(body), serde_json::from_slice::<serde::de::IgnoredAny>(body)) {
        _ if body.trim_ascii().is_empty() => "nothing".to_owned(),
        (said, Ok(_)) => format!("other JSON ({said})"),
        (said, Err(_)) => format!("text (`{said}`)"),
    }
}

/// Whether it is HTML.
fn is_page(body: &[u8]) -> bool {
    let start = &body.trim_ascii_start()[..body.trim_ascii_start().len().min(512)];
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    start.starts_with('<')
        && ["<!doctype html", "<html", "<head", "<body", "<h1", "<title"].iter().any(|tag| start.contains(tag))
}

/// What an error answer says, short: the detail of a problem document, or the beginning of the text.
fn detail(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        title: Option<String>,
        detail: Option<String>,
    }
    let text = match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { detail: Some(text), .. } | Problem { title: Some(text), .. }) => text,
        _ if is_page(body) => "a web page".to_owned(),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        _ if line.is_empty() => "no explanation".to_owned(),
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The innermost cause, which is the one that helps: "connection refused" rather than "error sending request".
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_one_by_one() {
        let body = br#"{"commands":[
            {"id":"c1","state":"in_progress","type":"user_message","content":"hi"},
            {"id":"c2","state":"in_progress","type":"abort"},
            {"state":"in_progress"},
            7]}"#;
        let polled = commands(body);
        assert_eq!(polled.len(), 2);
        assert_eq!(polled[0].as_ref().expect("readable").id, "c1");
        let refused = polled[1].as_ref().expect_err("no content");
        assert_eq!(refused.id, "c2");
        for odd in ["", "{}", "[]", "null", r#"{"commands":null}"#, "<html>", r#"{"commands":{}}"#] {
            assert!(commands(odd.as_bytes()).is_empty(), "{odd}");
        }
    }

    #[test]
    fn details() {
        for (body, expected) in [
            ("", "no explanation"),
            (r#"{"title":"No","detail":"the   body is\nnot JSON"}"#, "the body is not JSON"),
            (r#"{"title":"No"}"#, "No"),
            ("<h1>Bad gateway</h1>", "a web page"),
            ("later, <b>please</b>", "later, <b>please</b>"),
        ] {
            assert_eq!(detail(body.as_bytes()), expected);
        }
        assert_eq!(detail("ä".repeat(500).as_bytes()).chars().count(), 201);
    }

    #[test]
    fn kinds_of_answers() {
        for (body, expected) in [
            ("\n<!DOCTYPE html><html><body>a long page</body></html>", "a web page"),
            (" ", "nothing"),
            (r#"{"message":"Not Found"}"#, r#"other JSON ({"message":"Not Found"})"#),
            ("Not Found", "text (`Not Found`)"),
        ] {
            assert_eq!(kind_of(body.as_bytes()), expected);
        }
    }
}
