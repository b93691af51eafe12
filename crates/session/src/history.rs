//! Reading the CLI's own log of a session.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use groundlink_protocol::types::{EventsCursorStatus, SessionEventLogReadParams, SessionEventLogReadResult};
use groundlink_protocol::{Event, Method as _, RawJson, methods};

use crate::SessionError;
use crate::events::{LogPage, LogSource};
use crate::line::Line;
use crate::session::Session;

/// Events a page. Tool outputs are large: few enough to stay within some megabytes.
const PAGE: u64 = 200;

/// One page of a session's stored events.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HistoryPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Where the next page begins, now or later.
    pub cursor: String,
    /// Whether there is more at this moment.
    pub has_more: bool,
    /// The given cursor was unknown and reading began at the first event again: drop repeats by id.
    pub restarted: bool,
}

impl Session {
    /// All stored (durable) events so far, oldest first. To miss nothing, subscribe first, then read
    /// the history, then drop repeats by id. Long sessions have a large history: see
    /// [`history_page`](Self::history_page).
    pub async fn history(&self) -> Result<Vec<Event>, SessionError> {
        let mut events = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.history_page(cursor.as_deref()).await?;
            events.extend(page.events);
            if !page.has_more || cursor.as_ref() == Some(&page.cursor) {
                return Ok(events);
            }
            cursor = Some(page.cursor);
        }
    }

    /// One page of the stored events, from `cursor` on; from the first one without.
    pub async fn history_page(&self, cursor: Option<&str>) -> Result<HistoryPage, SessionError> {
        page(&self.shared.line, self.id(), cursor).await
    }
}

/// One page, over a connection that need not be the session's own handle.
pub(crate) async fn page(line: &Line, id: &str, cursor: Option<&str>) -> Result<HistoryPage, SessionError> {
    let mut params = SessionEventLogReadParams::new(id);
    params.cursor = cursor.map(str::to_owned);
    params.max = Some(PAGE);
    params.include_ephemeral = Some(false);
    let method = methods::SessionEventLogRead::NAME;
    let called = line.call::<SessionEventLogReadResult>(method, &params).await;
    let result = called.map_err(|error| SessionError::from_call(method, Some(id), error))?;
    Ok(HistoryPage {
        events: parse(result.events),
        cursor: result.cursor,
        has_more: result.has_more,
        restarted: result.cursor_status == Some(EventsCursorStatus::Expired),
    })
}

/// Reads stored events; one that has no envelope is left out, since nobody could name it.
pub(crate) fn parse(raw: Vec<RawJson>) -> Vec<Event> {
    raw.into_iter()
        .filter_map(|raw| match Event::from_raw(raw) {
            Ok(event) => Some(event),
            Err(error) => {
                tracing::warn!(%error, "an event in the session's log is unreadable");
                None
            }
        })
        .collect()
}

/// The log over the connection, as long as that is there.
#[derive(Debug)]
pub(crate) struct WireLog {
    pub(crate) id: String,
    pub(crate) line: Arc<Line>,
}

impl LogSource for WireLog {
    fn page(&self, cursor: Option<String>) -> BoxFuture<'static, Option<LogPage>> {
        let (id, line) = (self.id.clone(), Arc::clone(&self.line));
        Box::pin(async move {
            match page(&line, &id, cursor.as_deref()).await {
                Ok(page) => {
                    let HistoryPage { events, cursor, has_more, restarted } = page;
                    Some(LogPage { events, cursor: Some(cursor), has_more, restarted })
                }
                Err(error) => {
                    tracing::debug!(%error, "the session's log cannot be read");
                    None
                }
            }
        })
    }
}
