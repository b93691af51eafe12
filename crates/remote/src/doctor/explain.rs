//! What GitHub's answers mean: what happened, why that may be, what to do and who can.

use super::report::{Check, CheckName};

const ADMIN: &str =
    "an administrator of the organisation that owns the repository, or of the one that pays for Copilot";

/// GitHub's refusal to share a session, by its HTTP status.
pub(super) fn refusal(status: u16) -> Check {
    let refused = |what: &str| Check::failed(CheckName::Sharing, what).status(status);
    match status {
        401 => refused("GitHub does not accept the account's token (401)")
            .because("it has expired or was revoked, or it is not one that Copilot takes (such as a classic `ghp_` token)")
            .next("sign in again with `copilot login`, or replace the token in the environment")
            .by("you"),
        403 => refused("GitHub does not allow remote sessions here (403)")
            .because("the policy of an organisation has not enabled remote sessions for this repository or this account")
            .next("ask for remote sessions of the Copilot CLI to be enabled; or share through a hub, which needs no policy")
            .by(ADMIN),
        404 => refused("GitHub does not find what is to be shared (404)")
            .because(
                "the account cannot see the repository (it was renamed, or belongs to somebody else), or its Copilot plan has \
                 no remote sessions",
            )
            .next("check `git remote -v` and the account you are signed in with; then ask for access to the repository")
            .by("you, or an administrator of the repository"),
        422 => refused("GitHub cannot do anything with the request (422)")
            .because("what the clone says of its repository is out of date, or this version of the CLI is; it is also said of accounts for which a policy has switched remote control off")
            .next("check `git remote -v`, update the Copilot CLI (`npm install -g @github/copilot`), and ask for the policy")
            .by("you"),
        429 => refused("GitHub has had too many requests (429)").next("wait a few minutes and try again").by("nobody else"),
        500.. => refused(&format!("GitHub has trouble of its own ({status})"))
            .next("try again later; https://www.githubstatus.com says what is known")
            .by("GitHub"),
        _ => refused(&format!("GitHub refuses ({status})"))
            .next("run the Copilot CLI with --log-level debug and look at its log")
            .by("you"),
    }
}

/// The account itself says no.
pub(super) fn switched_off() -> Check {
    Check::failed(CheckName::Sharing, "remote control is switched off for the account (`cli_remote_control_enabled`)")
        .because("a policy of whoever pays for its Copilot has not enabled it, whatever the repository")
        .next("ask for remote control of the Copilot CLI to be enabled; or share through a hub's bridge, which needs no policy")
        .by(ADMIN)
}

/// No answer at all.
pub(super) fn unreachable(reason: &str) -> Check {
    Check::failed(CheckName::Sharing, format!("GitHub cannot be reached ({reason})"))
        .because("there is no network, or a proxy or firewall is in the way")
        .next("check the connection, and HTTPS_PROXY where there is a proxy")
        .by("you, or whoever runs the network")
}

/// The CLI was refused, and does not tell the status.
pub(super) fn untold(words: &str) -> Check {
    Check::failed(CheckName::Sharing, format!("the Copilot CLI could not share a session: {words}"))
        .because("the CLI does not tell GitHub's answer: the network, the token, the repository or a policy may be the cause")
        .next("give the token in GH_TOKEN and ask again, to be told the answer; or share through a hub")
        .by("you")
}

#[cfg(test)]
mod tests {
    use super::super::report::Report;
    use super::*;

    #[test]
    fn every_answer_is_explained() {
        let statuses = [401, 403, 404, 422, 429, 400, 503];
        let mut checks: Vec<Check> = statuses.into_iter().map(refusal).collect();
        checks.push(switched_off());
        checks.push(unreachable("connection refused"));
        checks.push(untold("Remote session disabled: server not accessible."));
        assert!(checks.iter().all(|check| check.next.is_some() && check.who.is_some()));
        insta::assert_snapshot!(Report { checks }.to_string());
    }
}
