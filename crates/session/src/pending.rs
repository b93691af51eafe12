//! Taking up, after a resume, the permission requests that were open before.

use std::collections::HashSet;
use std::sync::Arc;

use groundlink_protocol::types::{PendingPermissionRequests, SessionRef};
use groundlink_protocol::{Method as _, methods};
use groundlink_transport::Peer;
use serde::Deserialize;

use crate::shared::Shared;
use crate::{SessionError, asks, history};

/// Hands to the permission handler what was asked before this client came. The events that asked are
/// not sent again, but they are in the history.
pub(crate) async fn take_up(peer: Peer, shared: Arc<Shared>) {
    if shared.handlers.permission.is_none() {
        return;
    }
    if let Err(error) = try_to(&peer, &shared).await {
        tracing::debug!(session = %shared.id, %error, "open permission requests are not known");
    }
}

async fn try_to(peer: &Peer, shared: &Arc<Shared>) -> Result<(), SessionError> {
    let method = methods::SessionPermissionsPendingRequests::NAME;
    let called = peer.call::<PendingPermissionRequests>(method, &SessionRef::new(shared.id.as_str())).await;
    let pending = called.map_err(|error| SessionError::from_call(method, Some(&shared.id), error))?;
    let mut open: HashSet<String> = pending.items.into_iter().map(|item| item.request_id).collect();
    let mut cursor: Option<String> = None;
    while !open.is_empty() {
        let page = history::page(peer, &shared.id, cursor.as_deref()).await?;
        for event in page.events.iter().filter(|event| event.kind() == "permission.requested") {
            let named: Result<Named, _> = serde_json::from_str(event.data_raw().get());
            if named.is_ok_and(|named| open.remove(&named.request_id)) {
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
