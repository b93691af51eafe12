//! Sending a message and waiting until the agent is done with it.

use groundlink_protocol::{Event, events};

use crate::message::Message;
use crate::{EventItem, EventStream, Session, SessionError};

/// What became of a message.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TurnEnd {
    /// The message's id, as [`Session::send`] gives it.
    pub message_id: String,
    /// The last thing that the agent said to it, in Markdown; `None` when it said nothing.
    pub answer: Option<String>,
    /// Somebody aborted it: while it was worked on, or while it still waited in the queue.
    pub aborted: bool,
    /// The error that it ended with, such as a model that cannot be reached.
    pub error: Option<events::SessionError>,
}

impl Session {
    /// Sends a message and waits until the session is idle again. What the agent's error or an abort made of it is a
    /// value, not an `Err`.
    ///
    /// The CLI goes idle once for all messages of its queue: where others send too, this waits for theirs as well. And it
    /// is not idle while a shell or a sub-agent runs on in the background: whoever expects one that does not end, such as a
    /// development server, uses [`send_and_wait_for_agent`](Self::send_and_wait_for_agent).
    /// There is no deadline, since a question may be open for hours; dropping the future stops the waiting and not the
    /// agent.
    ///
    /// ```no_run
    /// # async fn run(session: groundlink_session::Session) -> Result<(), groundlink_session::SessionError> {
    /// let end = session.send_and_wait("What is in this directory?").await?;
    /// println!("{}", end.answer.unwrap_or_default());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_and_wait(&self, message: impl Into<Message>) -> Result<TurnEnd, SessionError> {
        self.wait(message.into(), false).await
    }

    /// Does as [`send_and_wait`](Self::send_and_wait) does, and waits for the agent itself only: what it has started may
    /// run on in the background, and may make it say more when it ends.
    ///
    /// Where something runs on already, a message that is to be read before that ends is sent
    /// [`Immediate`](crate::SendMode::Immediate).
    pub async fn send_and_wait_for_agent(&self, message: impl Into<Message>) -> Result<TurnEnd, SessionError> {
        self.wait(message.into(), true).await
    }

    async fn wait(&self, message: Message, agent_only: bool) -> Result<TurnEnd, SessionError> {
        // Its first events may come before the answer to the call.
        let mut events = self.subscribe();
        let message_id = self.send(message).await?;
        let accepted = self.subscribe();
        let mut end = TurnEnd { message_id, answer: None, aborted: false, error: None };
        let mut begun = false;
        // Set when passing events were shed, and so perhaps the one that is waited for.
        let mut in_doubt = false;
        // Everything up to here is what there is to learn.
        let mut over_at: Option<EventStream> = None;
        loop {
            if over_at.as_ref().is_some_and(|over_at| events.has_reached(over_at)) {
                return Ok(end);
            }
            if in_doubt && begun && over_at.is_none() {
                in_doubt = false;
                over_at = self.is_over_for(agent_only).await.then(|| self.subscribe());
                continue;
            }
            let Some(item) = events.next().await else { break };
            let event = match item {
                EventItem::Event(event) => event,
                EventItem::Lagged(_) => {
                    in_doubt = true;
                    continue;
                }
            };
            match event.kind() {
                "user.message" => begun |= end.is_of(&event),
                // That a sub-agent rests is nobody's end.
                kind @ ("session.idle" | "assistant.idle") if event.agent_id().is_none() => {
                    let aborted = read_aborted(&event);
                    // An abort drops what waits in the queue; one that was before the message does not count. Beside work
                    // in the background it is told of the agent alone.
                    let counts = kind == "session.idle" || agent_only || aborted;
                    if counts && (begun || (aborted && events.has_reached(&accepted))) {
                        end.aborted = aborted;
                        return Ok(end);
                    }
                }
                _ if begun => end.learn(&event),
                _ => {}
            }
        }
        // The stream ends with the session or the connection.
        match self.client.router.line.over_because() {
            Some(reason) => Err(SessionError::Closed { reason }),
            None => Err(SessionError::SessionNotFound { id: self.id().to_owned() }),
        }
    }

    /// Whether nothing more will come. A CLI that does not say so is waited for.
    async fn is_over_for(&self, agent_only: bool) -> bool {
        match self.activity().await {
            Ok(activity) => !activity.agent && (agent_only || !activity.background),
            Err(error) => {
                tracing::debug!(%error, "the CLI does not say whether its agent works");
                false
            }
        }
    }
}

fn read_aborted(event: &Event) -> bool {
    let aborted = match event.kind() {
        "session.idle" => event.data::<events::SessionIdle>().ok().and_then(|idle| idle.aborted),
        _ => event.data::<events::AssistantIdle>().ok().and_then(|idle| idle.aborted),
    };
    aborted == Some(true)
}

impl TurnEnd {
    fn is_of(&self, event: &Event) -> bool {
        event.data::<events::UserMessage>().is_ok_and(|data| data.message_id.as_deref() == Some(&*self.message_id))
    }

    /// Takes in an event of the turn. Those of sub-agents are not the answer.
    fn learn(&mut self, event: &Event) {
        if event.agent_id().is_some() {
            return;
        }
        let is_ours = |origin: Option<&str>| origin.is_none_or(|origin| origin == self.message_id);
        match event.kind() {
            "assistant.message" => {
                if let Ok(data) = event.data::<events::AssistantMessage>()
                    && is_ours(data.originating_message_id.as_deref())
                    && !data.content.is_empty()
                {
                    self.answer = Some(data.content);
                }
            }
            "session.error" => {
                if let Ok(data) = event.data::<events::SessionError>()
                    && is_ours(data.originating_message_id.as_deref())
                {
                    self.error = Some(data);
                }
            }
            _ => {}
        }
    }
}
