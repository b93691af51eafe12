//! A viewer of a link: the hub's JSON API from the outside.

use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::header::ACCEPT;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;
use uuid::Uuid;

use crate::error::Error;
use crate::net;
use crate::protocol::Event;
use crate::protocol::api::{
    CommandAction, CommandIntent, CommandReceipt, Device, EpochChange, LinkInfo, PassingEvent, Problem, SequencedEvent,
    SessionSnapshot, sse,
};

/// How long a request may take.
const REQUEST: Duration = Duration::from_secs(30);

/// How long a stream may be silent; the hub sends something every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);

/// Where a hub's page of all sessions is.
const LIST: &str = "/h/";

/// How often a command's receipt is asked for until it is final.
const RECEIPT_POLL: Duration = Duration::from_millis(250);

/// Somebody who holds a link.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    requests: reqwest::Client,
    streams: reqwest::Client,
    api: Url,
    host: String,
    device: Option<Device>,
}

/// Something the hub streams.
#[derive(Debug)]
pub(crate) enum Update {
    /// A stored event and its number.
    Event(u64, Event),
    /// A passing event, such as a piece of text.
    Passing(Event),
    /// The log is another one now; its events come again from the first on.
    Epoch(EpochChange),
    /// The state after a change.
    State(Box<SessionSnapshot>),
}

impl Viewer {
    /// Asks the link where its API is.
    pub(crate) async fn open(link: &Url) -> Result<Self, Error> {
        let mut link = link.clone();
        // As it is when it was copied out of a sentence or typed.
        if let Ok(mut segments) = link.path_segments_mut() {
            segments.pop_if_empty();
        }
        match Self::at(&link).await {
            Err(Error::NoSuchLink { host } | Error::NotAHub { host }) if link.path().starts_with(LIST) => {
                Err(Error::NotOneSession { host })
            }
            opened => opened,
        }
    }

    async fn at(link: &Url) -> Result<Self, Error> {
        let build = |builder: reqwest::ClientBuilder| {
            let builder = builder
                .connect_timeout(Duration::from_secs(10))
                .user_agent(concat!("groundlink/", env!("CARGO_PKG_VERSION")));
            // A proxy cannot reach this machine's own addresses.
            let builder = if net::is_loopback(link) { builder.no_proxy() } else { builder };
            builder.build().map_err(|error| Error::Http(error.without_url()))
        };
        let mut viewer = Self {
            requests: build(reqwest::Client::builder().timeout(REQUEST))?,
            streams: build(reqwest::Client::builder().read_timeout(SILENCE))?,
            api: link.clone(),
            host: host_of(link),
            device: None,
        };
        let asked = viewer.requests.get(link.clone()).header(ACCEPT, "application/json");
        let answer = viewer.answer(asked).await?;
        let not_a_hub = || Error::NotAHub { host: viewer.host.clone() };
        let info: LinkInfo = answer.json().await.map_err(|_| not_a_hub())?;
        let api = link.join(&info.api).map_err(|_| not_a_hub())?;
        // A link must not lead somewhere else: what is typed goes to the host that the link names.
        if api.origin() != link.origin() {
            return Err(not_a_hub());
        }
        viewer.api = api;
        Ok(viewer)
    }

    /// Says who it is, with everything that it asks for.
    pub(crate) fn on(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// The state now.
    pub(crate) async fn snapshot(&self) -> Result<SessionSnapshot, Error> {
        self.read(self.requests.get(self.api.clone())).await
    }

    /// Asks for something to be done. With an answer, `digest` names what was shown: the hub refuses it where the
    /// session asks something else by now.
    pub(crate) async fn post(&self, action: CommandAction, digest: Option<String>) -> Result<CommandReceipt, Error> {
        let intent = CommandIntent::new(Uuid::new_v4().to_string(), action);
        let intent = CommandIntent { digest, device: self.device.clone(), ..intent };
        let url = self.below("commands");
        let first = self.read(self.requests.post(url.clone()).json(&intent)).await;
        match first {
            // The same client id again does nothing new, so a lost answer can be asked for once more.
            Err(Error::HubUnreachable { .. }) => self.read(self.requests.post(url).json(&intent)).await,
            answer => answer,
        }
    }

    /// Waits until a command has come to its end. The hub gives every command one.
    pub(crate) async fn settled(&self, mut receipt: CommandReceipt) -> Result<CommandReceipt, Error> {
        while !receipt.state.is_final() {
            tokio::time::sleep(RECEIPT_POLL).await;
            receipt = self.read(self.requests.get(self.below(&format!("commands/{}", receipt.id)))).await?;
        }
        Ok(receipt)
    }

    /// The events after number `after` of the log that `epoch` names, then everything as it happens, until the
    /// connection ends.
    pub(crate) async fn updates(
        &self,
        after: u64,
        epoch: &str,
    ) -> Result<BoxStream<'static, Result<Update, Error>>, Error> {
        let mut url = self.below("events/stream");
        url.query_pairs_mut().append_pair("after", &after.to_string());
        if !epoch.is_empty() {
            url.query_pairs_mut().append_pair("epoch", epoch);
        }
        let answer = self.answer(self.streams.get(url).header(ACCEPT, "text/event-stream")).await?;
        let host = self.host.clone();
        let unreachable = move |reason: String| Error::HubUnreachable { host: host.clone(), reason };
        let bytes = answer.bytes_stream().map_err(|error| reason(&error));
        let updates = bytes.eventsource().filter_map(move |message| {
            let update = match message {
                Ok(message) => parse(&message).map(Ok),
                Err(error) => Some(Err(unreachable(error.to_string()))),
            };
            std::future::ready(update)
        });
        Ok(updates.boxed())
    }

    fn below(&self, path: &str) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }

    async fn read<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Error> {
        let answer = self.answer(request).await?;
        answer.json().await.map_err(|_| Error::NotAHub { host: self.host.clone() })
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Response, Error> {
        let sent = request.send().await;
        let answer = sent.map_err(|error| Error::HubUnreachable { host: self.host.clone(), reason: reason(&error) })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem = answer.json::<Problem>().await.ok();
        let said = problem.and_then(|problem| problem.detail.or(Some(problem.title))).filter(|said| !said.is_empty());
        Err(match (status, said) {
            (StatusCode::NOT_FOUND, _) => Error::NoSuchLink { host: self.host.clone() },
            (_, Some(said)) => Error::Refused { said: crate::display::line(&said, 500) },
            (status, None) => Error::Refused { said: format!("the hub answered {status}") },
        })
    }
}

/// What a streamed message says; unknown and unreadable ones are left out, for a newer hub may send more.
fn parse(message: &eventsource_stream::Event) -> Option<Update> {
    match message.event.as_str() {
        sse::EVENT => {
            let sequenced: SequencedEvent = serde_json::from_str(&message.data).ok()?;
            Some(Update::Event(sequenced.seq, Event::from_raw(sequenced.event).ok()?))
        }
        sse::DELTA => {
            let passing: PassingEvent = serde_json::from_str(&message.data).ok()?;
            Some(Update::Passing(Event::from_raw(passing.event).ok()?))
        }
        sse::EPOCH => Some(Update::Epoch(serde_json::from_str(&message.data).ok()?)),
        sse::STATE => Some(Update::State(Box::new(serde_json::from_str(&message.data).ok()?))),
        _ => None,
    }
}

/// Host and port, which unlike the rest of a link are no secret.
fn host_of(link: &Url) -> String {
    let host = link.host_str().unwrap_or_default();
    link.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The innermost cause, without the address: an address of ours has the link's secret in it.
fn reason(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: Option<&dyn std::error::Error> = error.source();
    let mut reason = "the connection failed".to_owned();
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    reason
}

#[cfg(test)]
mod tests;
