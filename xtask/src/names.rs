//! Rust names for wire names.

/// `session.turn_start`, `approve-once` and `preToolUse` as `SessionTurnStart`, `ApproveOnce`, `PreToolUse`.
pub(crate) fn pascal(wire: &str) -> String {
    let mut name = String::new();
    let mut upper = true;
    for c in plain(wire).chars() {
        if !c.is_ascii_alphanumeric() {
            upper = true;
        } else if upper {
            name.extend(c.to_uppercase());
            upper = false;
        } else {
            name.push(c);
        }
    }
    name
}

/// `sessionId` and `gitHubToken` as `session_id` and `github_token`; never a Rust keyword.
pub(crate) fn snake(wire: &str) -> String {
    let mut name = String::new();
    for c in plain(wire).chars() {
        if c.is_ascii_uppercase() {
            if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() {
            name.push('_');
        }
    }
    if name == "type" { "kind".to_owned() } else { name }
}

// One word, whatever upstream's capitals say.
fn plain(wire: &str) -> String {
    wire.replace("gitHub", "github").replace("GitHub", "Github")
}
