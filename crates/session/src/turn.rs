//! Sending a message and waiting until the agent is done with it.

use groundlink_protocol::{Event, events};

use crate::message::Message;
use crate::{EventItem, Session, SessionError};

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
    /// The CLI goes idle once for all messages of its queue: where others send too, this waits for theirs as well.
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
        // Its first events may come before the answer to the call.
        let mut events = self.subscribe();
        let message_id = self.send(message).await?;
        let accepted = self.subscribe();
        let mut end = TurnEnd { message_id, answer: None, aborted: false, error: None };
        let mut begun = false;
        while let Some(item) = events.next().await {
            let EventItem::Event(event) = item else { continue };
            match event.kind() {
                "user.message" => begun |= end.is_of(&event),
                "session.idle" => {
                    let aborted = event.data::<events::SessionIdle>().is_ok_and(|idle| idle.aborted == Some(true));
                    // An abort drops what waits in the queue; one that was before the message does not count.
                    if begun || (aborted && events.has_reached(&accepted)) {
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
