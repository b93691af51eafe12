//! The bridge's main task: from the session's events to uploads.
//!
//! Subscribe, then read the history, then stream. The session's stream waits in its own bounded buffer while the
//! history is read, and while the outbox is full during an outage; repeats are recognised by their ids.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::{BoxFuture, Fuse, FusedFuture as _, FutureExt as _};
use futures::stream::{BoxStream, StreamExt as _};
use groundlink_protocol::Event;
use groundlink_protocol::mc::{ExporterInfo, RejectedCommand};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::applied::{Applied, Outcome};
use super::backoff::{Backoff, jitter};
use super::hub::{Attached, Failure, HubClient};
use super::outbox::{Next, Outbox};
use super::port::{Heard, LogError, LogPage, Port};
use super::prompts::Prompts;
use super::redact::Redactor;
use super::status::{BridgeState, BridgeStatus};

/// Events taken from the stream before the rest gets its turn.
const TAKEN_AT_ONCE: usize = 256;
/// Waits between tries to attach again, and to read the log again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How long what is left is tried after the session's end: nobody may be there to say when it is enough.
const AFTER_END: Duration = Duration::from_mins(10);

/// What both tasks of a bridge know of the session.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    prompts: Mutex<Prompts>,
    applied: Mutex<Applied>,
}

impl Knowledge {
    pub(crate) fn prompts<T>(&self, ask: impl FnOnce(&mut Prompts) -> T) -> T {
        // Every change is complete at each step, so a poisoned lock is still good.
        ask(&mut self.prompts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn applied<T>(&self, ask: impl FnOnce(&mut Applied) -> T) -> T {
        ask(&mut self.applied.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Learns open requests, and which commands have become messages already: a bridge that died between
    /// applying a command and saying so is followed by one that must not apply it again.
    fn learn(&self, event: &Event) {
        self.prompts(|prompts| prompts.learn(event));
        if event.kind() == "user.message"
            && let Ok(Source { source: Some(source) }) = serde_json::from_str(event.data_raw().get())
            && let Some(id) = source.strip_prefix("command-")
        {
            self.applied(|applied| applied.record(id, Outcome::Completed));
        }
    }
}

#[derive(serde::Deserialize)]
struct Source {
    source: Option<String>,
}

/// What the steering task has to tell.
#[derive(Debug)]
pub(crate) enum Report {
    /// A command was dealt with; `again` when this had been reported before.
    Outcome { id: String, outcome: Outcome, again: bool },
    /// The hub did not answer.
    Silent,
    /// The hub answered after a failure.
    Alive,
    /// The hub does not know the session.
    Lost,
    /// The hub refuses the token.
    Refused(u16),
}

/// The parts a bridge is started from.
pub(crate) struct Exporter<P> {
    pub(crate) port: P,
    pub(crate) hub: HubClient,
    pub(crate) info: ExporterInfo,
    pub(crate) redactor: Redactor,
    pub(crate) outbox: Outbox,
    pub(crate) known: Arc<Knowledge>,
    pub(crate) status: watch::Sender<BridgeStatus>,
    /// The session's id on the hub, once commands may be polled for; `None` while it is lost.
    pub(crate) attached: watch::Sender<Option<String>>,
    pub(crate) reports: mpsc::Receiver<Report>,
    pub(crate) stop: CancellationToken,
    /// How long [`stop`](Self::stop) waits for what is left to be uploaded.
    pub(crate) flush_limit: Duration,
    pub(crate) hub_id: String,
    /// What comes up to this event is at the hub already.
    pub(crate) resume_after: Option<String>,
}

/// The one request to the hub that is under way.
enum Answer {
    Upload(Result<(), Failure>),
    Attach(Result<Attached, Failure>),
}

/// The state of [`Exporter::run`].
struct Run<P> {
    parts: Exporter<P>,
    started: Instant,
    request: Fuse<BoxFuture<'static, Answer>>,
    /// When to attach again; `None` while attached.
    attach_at: Option<Instant>,
    attach_backoff: Backoff,
    attached_at: Instant,
    /// The hub was away: before the next upload, ask whether it still knows the session. A hub takes an upload for
    /// a session it does not know, and would then have only the end of it.
    doubtful: bool,
    /// The newest durable event that the hub has taken.
    acknowledged: Option<String>,
    /// How many credentials that the session was given meanwhile are known.
    secrets_given: usize,
    /// The events of the history up to this one are only learned from: the hub has them.
    resume_after: Option<String>,
    history: History,
    history_backoff: Backoff,
    page: Fuse<BoxFuture<'static, Result<LogPage, LogError>>>,
    /// False once the session has ended, or nothing more is to be taken from it.
    open: bool,
    stopping: bool,
    /// The end, whatever is left. Set by a stop, and by the session's end.
    deadline: Option<Instant>,
    error: Option<String>,
}

enum History {
    /// To be read on from here, not before this time.
    From {
        cursor: Option<String>,
        not_before: Instant,
    },
    Done,
}

impl<P: Port> Exporter<P> {
    /// Runs until the session has ended and everything is uploaded, until it is stopped, or until the hub refuses
    /// the token.
    pub(crate) async fn run(mut self, live: BoxStream<'static, Heard>) {
        let now = Instant::now();
        Run {
            acknowledged: self.resume_after.clone(),
            resume_after: self.resume_after.take(),
            parts: self,
            started: now,
            request: Fuse::terminated(),
            attach_at: None,
            attach_backoff: Backoff::new(RETRY.0, RETRY.1),
            attached_at: now,
            doubtful: false,
            secrets_given: 0,
            history: History::From { cursor: None, not_before: now },
            history_backoff: Backoff::new(RETRY.0, RETRY.1),
            page: Fuse::terminated(),
            open: true,
            stopping: false,
            deadline: None,
            error: None,
        }
        .run(live)
        .await;
    }
}

impl<P: Port> Run<P> {
    async fn run(mut self, mut live: BoxStream<'static, Heard>) {
        let stop = self.parts.stop.clone();
        loop {
            let upload_at = self.start_request();
            let page_at = self.start_page();
            self.tell();
            if self.finished() {
                break;
            }
            let reading = self.open && matches!(self.history, History::Done) && !self.parts.outbox.is_full();
            let wake = [upload_at, page_at, self.deadline].into_iter().flatten().min();
            tokio::select! {
                () = stop.cancelled(), if !self.stopping => {
                    self.stopping = true;
                    self.deadline = Some(Instant::now() + self.parts.flush_limit);
                    self.take_rest(&mut live);
                }
                answer = &mut self.request, if !self.request.is_terminated() => self.answered(answer),
                page = &mut self.page, if !self.page.is_terminated() => self.page_read(page),
                heard = live.next(), if reading => self.hear_all(heard, &mut live),
                Some(report) = self.parts.reports.recv() => self.reported(report),
                () = sleep_until(wake.unwrap_or(self.started)), if wake.is_some() => {}
            }
        }
        self.parts.attached.send_replace(None);
        stop.cancel();
        let error = self.error.take();
        self.parts.status.send_modify(|status| status.state = BridgeState::Stopped { error });
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Starts the next request to the hub if none is under way; else, or if it is too early, says when.
    fn start_request(&mut self) -> Option<Instant> {
        if !self.request.is_terminated() {
            return None;
        }
        let hub = self.parts.hub.clone();
        if let Some(at) = self.attach_at {
            if Instant::now() < at {
                return Some(at);
            }
            let (id, info) = (self.parts.port.session_id(), self.parts.info.clone());
            self.request = async move { Answer::Attach(hub.attach(&id, &info).await) }.boxed().fuse();
            return None;
        }
        match self.parts.outbox.next(self.now()) {
            Next::Upload(batch) => {
                let (id, doubtful) = (self.parts.hub_id.clone(), self.doubtful);
                let acknowledged = self.acknowledged.clone();
                let upload = async move {
                    if doubtful {
                        let last = hub.look_up(&id).await?;
                        // It may have more than it could say: this very upload, before its answer was lost.
                        let expected = |last: &str| {
                            acknowledged.as_deref().is_none_or(|known| known == last)
                                || batch.events.iter().any(|event| event.id() == last)
                        };
                        if let Some(last) = last.filter(|last| !expected(last)) {
                            return Err(Failure::Behind { last });
                        }
                    }
                    hub.upload(&id, &batch).await
                };
                self.request = upload.map(Answer::Upload).boxed().fuse();
                None
            }
            Next::At(at) => Some(self.started + at),
            Next::Busy => None,
        }
    }

    /// Starts reading the next page of the history if it is wanted and there is room; or says when.
    fn start_page(&mut self) -> Option<Instant> {
        let History::From { cursor, not_before } = &self.history else { return None };
        if !self.page.is_terminated() || self.parts.outbox.is_full() || self.attach_at.is_some() {
            return None;
        }
        if Instant::now() < *not_before {
            return Some(*not_before);
        }
        let (port, cursor) = (self.parts.port.clone(), cursor.clone());
        self.page = async move { port.log(cursor).await }.boxed().fuse();
        None
    }

    fn page_read(&mut self, page: Result<LogPage, LogError>) {
        // Started over meanwhile: this page belongs to the reading before.
        let History::From { cursor, .. } = &self.history else { return };
        match page {
            Ok(page) => {
                self.history_backoff.succeeded();
                // A page that leads nowhere new would be read for ever.
                let more = page.more && page.cursor.is_some() && page.cursor != *cursor;
                for event in page.events {
                    self.recall(event);
                }
                if more {
                    self.history = History::From { cursor: page.cursor, not_before: Instant::now() };
                } else if self.resume_after.take().is_some() {
                    tracing::debug!("the hub's newest event is not in the session's log; uploading all of it");
                    self.parts.outbox.start_over();
                    self.history = History::From { cursor: None, not_before: Instant::now() };
                } else {
                    self.history_done();
                }
            }
            Err(LogError::Gone(reason)) => {
                tracing::debug!(reason, "the session's history cannot be read: the session has ended");
                self.history_done();
            }
            Err(LogError::Passing(reason)) => {
                let wait = self.history_backoff.failed(jitter(), None);
                tracing::warn!(reason, ?wait, "the session's history could not be read; trying again");
                self.history = History::From { cursor: cursor.clone(), not_before: Instant::now() + wait };
            }
        }
    }

    fn history_done(&mut self) {
        self.history = History::Done;
        // Only now: a command that had been applied before this bridge began shows in the history.
        if self.deadline.is_none() {
            self.parts.attached.send_replace(Some(self.parts.hub_id.clone()));
        }
    }

    /// Takes what came, and what else is there already, so that it shares an upload.
    fn hear_all(&mut self, first: Option<Heard>, live: &mut BoxStream<'static, Heard>) {
        let mut heard = Some(first);
        let mut budget = TAKEN_AT_ONCE;
        while let Some(item) = heard {
            match item {
                Some(Heard::Event(event)) => self.take(event),
                Some(Heard::Lost(0)) => {}
                Some(Heard::Lost(events)) => {
                    tracing::warn!(events, "durable events of the session could not be had any more");
                }
                None => {
                    self.open = false;
                    self.deadline.get_or_insert(Instant::now() + AFTER_END);
                    return;
                }
            }
            budget -= 1;
            let enough = budget == 0 || self.parts.outbox.is_full();
            heard = if enough { None } else { live.next().now_or_never() };
        }
    }

    /// At a stop: what the session has said so far still goes out, what it says from now on does not.
    fn take_rest(&mut self, live: &mut BoxStream<'static, Heard>) {
        while self.open && matches!(self.history, History::Done) && !self.parts.outbox.is_full() {
            match live.next().now_or_never() {
                Some(heard) => self.hear_all(heard, live),
                None => break,
            }
        }
        self.open = false;
        // One more try at once, however long the present wait is.
        let now = self.now();
        self.parts.outbox.nudge(now);
        self.attach_at = self.attach_at.map(|_| Instant::now());
    }

    /// An event of the history.
    fn recall(&mut self, event: Event) {
        let Some(last) = &self.resume_after else { return self.take(event) };
        self.parts.known.learn(&event);
        self.parts.outbox.knows(event.id());
        if event.id() == last {
            self.resume_after = None;
        }
    }

    fn take(&mut self, event: Event) {
        self.parts.known.learn(&event);
        // Before the event that may repeat it: the CLI has asked for a token before anything can print it.
        for secret in self.parts.port.secrets_given(self.secrets_given) {
            self.parts.redactor.add(&secret);
            self.secrets_given += 1;
        }
        if let Some(event) = self.parts.redactor.clean(event) {
            self.parts.outbox.push(event);
        }
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Upload(Ok(())) => {
                let (sent, last) = self.parts.outbox.uploaded();
                let sent = sent as u64;
                self.acknowledged = last.or(self.acknowledged.take());
                self.doubtful = false;
                // Not earlier: a hub that forgets the session again and again is not to be flooded with its history.
                if self.attached_at.elapsed() > RETRY.1 {
                    self.attach_backoff.succeeded();
                }
                let mut recovered = false;
                self.parts.status.send_if_modified(|status| {
                    status.uploaded += sent;
                    recovered = status.state != BridgeState::Live;
                    status.state = BridgeState::Live;
                    sent > 0 || recovered
                });
                if recovered {
                    // The same value again: wakes the steering task from its wait.
                    self.parts.attached.send_modify(|_| ());
                }
            }
            Answer::Upload(Err(failure)) => {
                let now = self.now();
                match failure {
                    Failure::TooLarge => {
                        if let Some(event) = self.parts.outbox.too_large(now, jitter()) {
                            tracing::warn!(
                                kind = event.kind(),
                                id = event.id(),
                                "event left out: too large for the hub"
                            );
                        }
                    }
                    Failure::Lost => {
                        self.parts.outbox.failed(now, 0.0, None);
                        self.lost();
                    }
                    Failure::Behind { last } => {
                        self.parts.outbox.failed(now, 0.0, None);
                        self.behind(last);
                    }
                    Failure::Token(_) => self.refused(&failure),
                    Failure::Passing { asked, .. } => {
                        self.doubtful = true;
                        self.parts.outbox.failed(now, jitter(), asked);
                        self.retrying(failure.reason());
                    }
                    Failure::Strange { .. } => {
                        self.parts.outbox.failed(now, jitter(), None);
                        self.retrying(failure.reason());
                    }
                }
            }
            Answer::Attach(Ok(attached)) => {
                self.attach_at = None;
                self.doubtful = false;
                self.attached_at = Instant::now();
                self.parts.hub_id = attached.id;
                self.parts.status.send_modify(|status| status.link = attached.link);
                if self.open {
                    self.read_again(attached.last_event_id);
                } else {
                    // The history of a session that has ended is out of reach; what is here is the best there is.
                    self.history_done();
                }
            }
            Answer::Attach(Err(failure)) => {
                if let Failure::Token(_) = failure {
                    self.refused(&failure);
                } else {
                    self.attach_at = Some(Instant::now() + self.attach_backoff.failed(jitter(), None));
                    self.retrying(failure.reason());
                }
            }
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Outcome { id, outcome, again } => {
                let applied = outcome == Outcome::Completed;
                match outcome {
                    Outcome::Completed => self.parts.outbox.complete(id),
                    Outcome::Rejected(reason) => self.parts.outbox.reject(RejectedCommand::new(id, reason)),
                }
                if !again {
                    self.parts.status.send_modify(|status| {
                        *(if applied { &mut status.applied } else { &mut status.rejected }) += 1;
                    });
                }
            }
            Report::Silent => {
                self.doubtful = true;
                let now = self.now();
                self.parts.outbox.hurry(now);
            }
            Report::Alive => {
                let now = self.now();
                self.parts.outbox.nudge(now);
                if let Some(at) = &mut self.attach_at {
                    *at = Instant::now().min(*at);
                }
            }
            Report::Lost => {
                if self.attach_at.is_none() {
                    self.lost();
                }
            }
            Report::Refused(status) => self.refused(&Failure::Token(status)),
        }
    }

    /// The hub has lost the session: attach again, then give it the whole history.
    fn lost(&mut self) {
        tracing::warn!("the hub does not know the session any more; attaching again");
        self.parts.attached.send_replace(None);
        self.attach_at = Some(Instant::now() + self.attach_backoff.failed(jitter(), None));
        self.parts.status.send_modify(|status| status.state = BridgeState::Attaching);
    }

    /// The hub has come back with less than it had taken.
    fn behind(&mut self, last: String) {
        tracing::warn!("the hub has lost events that it had taken; uploading them again");
        self.doubtful = false;
        if self.open {
            self.read_again(Some(last));
        } else {
            // They are out of reach; what is here is the best there is.
            self.acknowledged = None;
        }
    }

    /// Everything after an event is to be uploaded again.
    fn read_again(&mut self, after: Option<String>) {
        self.parts.outbox.start_over();
        self.page = Fuse::terminated();
        self.acknowledged.clone_from(&after);
        self.resume_after = after;
        self.history = History::From { cursor: None, not_before: Instant::now() };
    }

    fn refused(&mut self, failure: &Failure) {
        self.error = Some(format!("{}; share the session again with the hub's present export token", failure.reason()));
    }

    fn retrying(&mut self, error: String) {
        tracing::debug!(error, "the hub did not take an upload; trying again");
        self.parts.status.send_modify(|status| {
            let since = match &status.state {
                BridgeState::Retrying { since, .. } => *since,
                _ => SystemTime::now(),
            };
            status.state = BridgeState::Retrying { since, error };
        });
    }

    /// Brings the counts in the status up to date.
    fn tell(&self) {
        let (waiting, left_out) = (self.parts.outbox.len(), self.parts.outbox.refused());
        self.parts.status.send_if_modified(|status| {
            let changed = (status.waiting, status.left_out) != (waiting, left_out);
            (status.waiting, status.left_out) = (waiting, left_out);
            changed
        });
    }

    fn finished(&self) -> bool {
        let settled = matches!(self.history, History::Done) && self.parts.outbox.is_settled();
        self.error.is_some()
            || (!self.open && settled && self.attach_at.is_none())
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
