//! What the clients of a session can do for it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Session;

/// What a session can ask for, since a client that has it open can do it: this one, the terminal, or another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // Each is a thing of its own.
pub struct Capabilities {
    /// Somebody fills in forms.
    pub elicitation: bool,
    /// Somebody shows canvases.
    pub canvases: bool,
    /// Somebody shows the pages of MCP servers.
    pub mcp_apps: bool,
    /// Somebody answers for extensions.
    pub extensions: bool,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    ui: Ui,
    extensions: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Ui {
    elicitation: Option<bool>,
    canvases: Option<bool>,
    mcp_apps: Option<bool>,
}

impl Capabilities {
    /// Takes over what is said; what is not stays as it was.
    pub(crate) fn change(&mut self, said: &RawValue) {
        let Ok(Wire { ui, extensions }) = serde_json::from_str(said.get()) else { return };
        for (mine, said) in [
            (&mut self.elicitation, ui.elicitation),
            (&mut self.canvases, ui.canvases),
            (&mut self.mcp_apps, ui.mcp_apps),
            (&mut self.extensions, extensions),
        ] {
            *mine = said.unwrap_or(*mine);
        }
    }
}

impl Session {
    /// What the session can ask for now: as the CLI said when it was opened, and by its `capabilities.changed` events since,
    /// as clients come and go.
    pub fn capabilities(&self) -> Capabilities {
        self.shared.facts().capabilities
    }

    /// The folder of the session's own files (plan, checkpoints), where it has one.
    pub fn workspace_path(&self) -> Option<String> {
        self.shared.facts().workspace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays() {
        let mut now = Capabilities::default();
        let said = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        now.change(&said(r#"{"ui":{"elicitation":true,"mcpApps":false},"extensions":true}"#));
        now.change(&said(r#"{"ui":{"canvases":true}}"#));
        now.change(&said("[]"));
        let all = Capabilities { elicitation: true, canvases: true, mcp_apps: false, extensions: true };
        assert_eq!(now, all);
        now.change(&said(r#"{"ui":{"elicitation":false}}"#));
        assert!(!now.elicitation && now.canvases);
    }
}
