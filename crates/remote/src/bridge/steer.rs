//! The bridge's second task: from the hub's commands to the session.

use std::sync::Arc;
use std::time::Duration;

use groundlink_protocol::mc::{Command, CommandState, ModelChoice};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::applied::Outcome;
use super::backoff::{Backoff, jitter};
use super::command::plan;
use super::export::{Knowledge, Report};
use super::hub::{Failure, HubClient, Polled};
use super::port::Port;

/// How long the session may take to accept a command (not to carry it out).
const APPLY_LIMIT: Duration = Duration::from_secs(20);
/// An answer without anything new that comes sooner than this is from a server that does not hold polls.
const HELD: Duration = Duration::from_secs(1);
/// The pause then; the pace at which the CLI polls.
const PAUSE: Duration = Duration::from_secs(3);
/// Waits between polls that fail.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// The parts of the steering task.
pub(crate) struct Steerer<P> {
    pub(crate) port: P,
    pub(crate) hub: HubClient,
    pub(crate) known: Arc<Knowledge>,
    /// The models that may be switched to.
    pub(crate) models: Vec<ModelChoice>,
    pub(crate) attached: watch::Receiver<Option<String>>,
    pub(crate) reports: mpsc::Sender<Report>,
    pub(crate) stop: CancellationToken,
}

impl<P: Port> Steerer<P> {
    /// Runs until it is stopped or the exporter has ended.
    pub(crate) async fn run(mut self) {
        let stop = self.stop.clone();
        // A command that is being applied when the bridge stops has no one left to report to.
        let _ = stop.run_until_cancelled(self.poll_for_ever()).await;
    }

    async fn poll_for_ever(&mut self) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let mut failing = false;
        loop {
            let Ok(id) = self.attached.wait_for(Option::is_some).await.map(|id| id.clone()) else { return };
            let Some(id) = id else { continue };
            let asked_at = Instant::now();
            let Some(polled) = self.poll(&id).await else { continue };
            match polled {
                Ok(commands) => {
                    backoff.succeeded();
                    if std::mem::take(&mut failing) {
                        self.report(Report::Alive).await;
                    }
                    let mut news = false;
                    for command in commands {
                        news |= self.handle(command).await;
                    }
                    if !news && asked_at.elapsed() < HELD {
                        sleep(PAUSE).await;
                    }
                }
                Err(Failure::Lost) => {
                    self.report(Report::Lost).await;
                    // The exporter answers by taking the id away; until it has, there is nothing to ask for.
                    let _ = timeout(PAUSE, self.attached.changed()).await;
                }
                Err(Failure::Token(status)) => {
                    self.report(Report::Refused(status)).await;
                    return;
                }
                Err(failure) => {
                    if !std::mem::replace(&mut failing, true) {
                        self.report(Report::Silent).await;
                    }
                    let asked = match failure {
                        Failure::Passing { asked, .. } => asked,
                        _ => None,
                    };
                    let wait = backoff.failed(jitter(), asked);
                    tokio::select! {
                        () = sleep(wait) => {}
                        // An upload has got through, so a poll will, too.
                        _ = self.attached.changed() => {}
                    }
                }
            }
        }
    }

    /// One poll; nothing when the session has been lost, or attached again under another id, meanwhile.
    async fn poll(&mut self, id: &str) -> Option<Result<Vec<Polled>, Failure>> {
        let polling = self.hub.poll(id);
        tokio::select! {
            polled = polling => Some(polled),
            // Not given up for less: a command may be on its way in the answer.
            _ = self.attached.wait_for(|now| now.as_deref() != Some(id)) => None,
        }
    }

    /// Deals with one command; says whether it was a new one.
    async fn handle(&self, command: Polled) -> bool {
        let (id, known) = match &command {
            Ok(command) if command.state != CommandState::InProgress => return false,
            Ok(Command { id, .. }) => (id.clone(), self.known.applied(|applied| applied.outcome(id))),
            Err(rejected) => (rejected.id.clone(), self.known.applied(|applied| applied.outcome(&rejected.id))),
        };
        let again = known.is_some();
        let outcome = match (known, command) {
            (Some(outcome), _) => outcome,
            (None, Err(rejected)) => Outcome::Rejected(rejected.reason),
            (None, Ok(command)) => match self.apply(&command).await {
                Ok(()) => Outcome::Completed,
                Err(reason) => Outcome::Rejected(reason),
            },
        };
        if !again {
            tracing::debug!(id, ?outcome, "command dealt with");
            self.known.applied(|applied| applied.record(&id, outcome.clone()));
        }
        self.report(Report::Outcome { id, outcome, again }).await;
        !again
    }

    async fn apply(&self, command: &Command) -> Result<(), String> {
        let action = self.known.prompts(|prompts| plan(command, prompts, &self.models))?;
        match timeout(APPLY_LIMIT, self.port.apply(action)).await {
            Ok(applied) => applied,
            Err(_) => Err(format!("the session did not answer within {} seconds", APPLY_LIMIT.as_secs())),
        }
    }

    async fn report(&self, report: Report) {
        // The exporter has ended: the bridge is stopping, and there is no one to tell.
        let _ = self.reports.send(report).await;
    }
}
