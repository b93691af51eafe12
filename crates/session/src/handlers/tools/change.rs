//! Other tools for a session that is open.

use serde_json::{Value, json};

use super::{Tool, ToolHandlers, Tools, check};
use crate::line::CallFailure;
use crate::{Session, SessionError};

const METHOD: &str = "session.tools.set";

impl Session {
    /// Offers these tools in the place of all that this client has offered in the session so far; none takes them all
    /// away. The model sees them with its next request, which may be of a turn that is running. Tools of the CLI, of MCP
    /// servers and of other clients stay.
    ///
    /// Calls that are running go on. One of a tool that was just taken away, by a model that did not know yet, stays open
    /// until another client answers it or the turn is aborted: change tools between turns.
    ///
    /// When the CLI refuses (a name that another client has taken), everything is as it was.
    pub async fn set_tools(&self, tools: impl IntoIterator<Item = Tool> + Send) -> Result<(), SessionError> {
        let tools: Vec<Tool> = tools.into_iter().collect();
        check(tools.iter().map(|tool| tool.wire.name.as_str()))?;
        let wire = json!(tools.iter().map(|tool| &tool.wire).collect::<Vec<_>>());
        let mut new = Tools::default();
        for tool in &tools {
            new.add(tool);
        }
        self.change_tools(wire, new.all()).await
    }

    async fn change_tools(&self, wire: Value, new: ToolHandlers) -> Result<(), SessionError> {
        let tools = &self.shared.handlers.tools;
        let _one = tools.changing.lock().await;
        let before = tools.all();
        // A call of a new one may come before the answer is taken in.
        let mut both = before.clone();
        both.extend(new.iter().map(|(name, handler)| (name.clone(), handler.clone())));
        tools.set(both);
        let params = json!({"sessionId": self.id(), "tools": wire});
        match self.shared.line.call::<Value>(METHOD, &params).await {
            Ok(_) => {
                tools.set(new);
                if let Some(reopen) = &self.shared.reopen {
                    reopen.set_tools(&wire);
                }
                Ok(())
            }
            Err(failure) => {
                let refused = matches!(&failure, CallFailure::Call(error) if error.code().is_some());
                if refused {
                    tools.set(before);
                }
                // Else nobody knows whether it was taken: both are answered for.
                Err(SessionError::from_call(METHOD, Some(self.id()), failure))
            }
        }
    }
}
