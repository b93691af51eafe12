//! Tools of the client's own.

mod call;
mod change;
mod definition;
mod result;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
pub use call::ToolCall;
pub(crate) use call::no_arguments;
pub use definition::{Tool, ToolDefer, TypedTool};
pub use result::{ToolResult, ToolResultKind};

use super::closure::by_closure;
use crate::SessionError;

/// Runs a tool.
///
/// The future is dropped when the turn is aborted, when another client answers the call, and at the deadline. A
/// handler that panics makes the call fail; the model is not told the details.
#[async_trait]
pub trait ToolHandler: Send + Sync + 'static {
    /// What the tool does. Calls may run at the same time.
    async fn call(&self, call: ToolCall) -> ToolResult;
}

by_closure!(ToolHandler.call: ToolCall => A where A: Into<ToolResult>);

/// Who runs which tool.
pub(crate) type ToolHandlers = BTreeMap<String, Arc<dyn ToolHandler>>;

/// A session's tools by name.
#[derive(Default)]
pub(crate) struct Tools {
    handlers: RwLock<ToolHandlers>,
    /// One change at a time.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

impl Clone for Tools {
    fn clone(&self) -> Self {
        Self { handlers: RwLock::new(self.all()), ..Self::default() }
    }
}

impl Tools {
    pub(crate) fn add(&mut self, tool: &Tool) {
        let handlers = self.handlers.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(handler) = &tool.handler {
            handlers.insert(tool.wire.name.clone(), Arc::clone(handler));
        } else {
            handlers.remove(&tool.wire.name);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, ToolHandlers> {
        self.handlers.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn ToolHandler>> {
        self.read().get(name).cloned()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    pub(crate) fn all(&self) -> ToolHandlers {
        self.read().clone()
    }

    pub(crate) fn set(&self, handlers: ToolHandlers) {
        *self.handlers.write().unwrap_or_else(PoisonError::into_inner) = handlers;
    }
}

/// What can be known to be wrong with a session's tools before they are sent.
pub(crate) fn check<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), SessionError> {
    let mut known = std::collections::BTreeSet::new();
    for name in names {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            let reason = format!("`{name}` is no name that models take: 1 to 64 letters, digits, `_` and `-`");
            return Err(SessionError::invalid("tools", reason));
        }
        if !known.insert(name) {
            return Err(SessionError::invalid("tools", format!("there are two tools called `{name}`")));
        }
    }
    Ok(())
}
