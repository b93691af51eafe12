//! Taking up what was asked before this client came: after a resume, and after any gap in what it was sent.

use std::collections::HashSet;
use std::sync::Arc;

use groundlink_protocol::types::{PendingPermissionRequests, PendingToolRequests, SessionRef};
use groundlink_protocol::{Method, methods};
use serde::Deserialize;

use crate::shared::Shared;
use crate::{SessionError, asks, history};

/// Hands to the handlers what the CLI lists as open. The events that asked are not sent again, but they are in the
/// history. Doing it again is harmless: a question that is known here, open or ended, is not asked twice.
pub(crate) async fn reconcile(shared: Arc<Shared>) {
    let mut open = HashSet::new();
    let handlers = &shared.handlers;
    if handlers.permission.is_some() {
        match listed::<methods::SessionPermissionsPendingRequests>(&shared).await {
            Ok(PendingPermissionRequests { items, .. }) => {
                open.extend(items.into_iter().map(|item| ("permission.requested", item.request_id)));
            }
            Err(error) => tracing::debug!(session = %shared.id, %error, "open permission requests are not known"),
        }
    }
    if !handlers.tools.is_empty() {
        match listed::<methods::SessionToolsListPendingRequests>(&shared).await {
            Ok(PendingToolRequests { items, .. }) => {
                let ours = items.into_iter().filter(|item| handlers.tools.get(&item.tool_name).is_some());
                open.extend(ours.map(|item| ("external_tool.requested", item.request_id)));
            }
            Err(error) => tracing::debug!(session = %shared.id, %error, "open tool calls are not known"),
        }
    }
    if let Err(error) = find(&shared, open).await {
        tracing::warn!(session = %shared.id, %error, "open questions were not found in the history");
    }
}

async fn listed<M: Method<Params = SessionRef>>(shared: &Shared) -> Result<M::Output, SessionError> {
    let called = shared.line.call(M::NAME, &SessionRef::new(shared.id.as_str())).await;
    called.map_err(|error| SessionError::from_call(M::NAME, Some(&shared.id), error))
}

async fn find(shared: &Arc<Shared>, mut open: HashSet<(&'static str, String)>) -> Result<(), SessionError> {
    let mut cursor: Option<String> = None;
    while !open.is_empty() {
        let page = history::page(&shared.line, &shared.id, cursor.as_deref()).await?;
        for event in &page.events {
            let Some((kind, _)) = open.iter().find(|(kind, _)| *kind == event.kind()) else { continue };
            let kind = *kind;
            let named: Result<Named, _> = serde_json::from_str(event.data_raw().get());
            if named.is_ok_and(|named| open.remove(&(kind, named.request_id))) {
                asks::dispatch(shared, event);
            }
        }
        if !page.has_more || cursor.as_ref() == Some(&page.cursor) {
            break;
        }
        cursor = Some(page.cursor);
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    request_id: String,
}
