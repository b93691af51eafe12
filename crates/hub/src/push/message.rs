//! What a message says, before it is encrypted.

use groundlink_protocol::api::{PushContent, PushMessage, PushReason};
use groundlink_protocol::text::visible;

use super::attention::Notice;
use crate::live::Inner;
use crate::view::first_line;

/// Characters of what is asked.
const MAX_TEXT: usize = 200;
/// Characters of a session's name.
const MAX_NAME: usize = 80;

/// The message about a notice, with and without content; nothing when what was asked is not any more.
pub(super) fn compose(notice: &Notice, inner: &Inner, now: u64) -> Option<(PushMessage, PushMessage)> {
    let entry = inner.entry(&notice.session);
    let asked: Vec<_> = inner.state.pending().iter().filter(|ask| notice.asks.contains(&super::ask_key(ask))).collect();
    if notice.reason == PushReason::NeedsYou && asked.is_empty() {
        return None;
    }
    // Cut again, since a hidden character is drawn as several.
    let line = |text: &str, max| first_line(&visible(&first_line(text, max)), max);
    // The command itself, not what the agent says of it.
    let first = asked.first();
    let text = match notice.reason {
        PushReason::Failed => entry.error.as_deref().map(|error| line(error, MAX_TEXT)),
        _ => first.map(|ask| {
            let command = ask.detail.as_deref().filter(|_| ask.permission.as_deref() == Some("shell"));
            line(command.unwrap_or(&ask.summary), MAX_TEXT)
        }),
    };
    let name = crate::web::session_name(&entry);
    let content = PushContent {
        session: line(&name, MAX_NAME),
        kind: first.map(|ask| ask.kind),
        tool: first.and_then(|ask| ask.permission.as_deref()).map(|tool| line(tool, MAX_NAME)),
        text,
        more: u32::try_from(inner.state.pending().len().saturating_sub(1)).unwrap_or(u32::MAX),
    };
    let plain = PushMessage { session_id: notice.session.clone(), reason: notice.reason, at_ms: now, content: None };
    Some((PushMessage { content: Some(content), ..plain.clone() }, plain))
}
