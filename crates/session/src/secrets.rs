//! Which variables of an environment hold credentials.

use std::path::Path;

use secrecy::SecretString;

/// The ends of the names by which people call credentials: `NPM_TOKEN`, `npm_config__authToken`, `DB_PASSWORD`.
const ENDS: [&str; 8] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "CREDENTIAL", "CREDENTIALS"];
/// Whole words, which would be the ends of others too: `AWS_SECRET_ACCESS_KEY`, not `MONKEY`.
const WORDS: [&str; 2] = ["KEY", "PAT"];
/// Shorter values of such a variable may as well be ordinary words (`POSTGRES_PASSWORD=postgres`).
const SHORTEST: usize = 16;
/// Where the CLI looks for a GitHub token: secrets whatever their length.
const GITHUB_TOKENS: [&str; 4] = ["GH_TOKEN", "GITHUB_TOKEN", "COPILOT_GITHUB_TOKEN", "COPILOT_SDK_AUTH_TOKEN"];

/// The values among an environment's variables that are credentials: GitHub tokens, and what the name of its variable
/// says is a token, a key, a secret or a password.
///
/// A name is a guess. A value of fewer than 16 bytes, or that is the path of a file, is none; a credential whose variable
/// is named otherwise is not found.
///
/// ```
/// # use secrecy::ExposeSecret as _;
/// let found = groundlink_session::secrets_among([("NPM_TOKEN", "npm_0123456789abcdef"), ("HOME", "/home/ada")]);
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].expose_secret(), "npm_0123456789abcdef");
/// ```
pub fn secrets_among<N: AsRef<str>, V: AsRef<str>>(variables: impl IntoIterator<Item = (N, V)>) -> Vec<SecretString> {
    let secret = |(name, value): &(N, V)| {
        let (name, value) = (name.as_ref(), value.as_ref().trim());
        GITHUB_TOKENS.contains(&name) || (is_named_secret(name) && value.len() >= SHORTEST && !is_file(value))
    };
    variables.into_iter().filter(secret).map(|(_, value)| SecretString::from(value.as_ref())).collect()
}

fn is_named_secret(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_').to_ascii_uppercase();
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or_default();
    ENDS.iter().any(|end| last.ends_with(end)) || WORDS.contains(&last)
}

fn is_file(value: &str) -> bool {
    Path::new(value).is_absolute() && Path::new(value).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef";

    #[test]
    fn names_say_what_is_secret() {
        let table = [
            ("GH_TOKEN", "short", true),
            ("COPILOT_SDK_AUTH_TOKEN", "short", true),
            ("NPM_TOKEN", LONG, true),
            ("NPM_TOKEN", "short", false),
            ("NPM_TOKEN_2", LONG, true),
            ("npm_config__authToken", LONG, true),
            ("AWS_SECRET_ACCESS_KEY", LONG, true),
            ("AWS_ACCESS_KEY_ID", LONG, false),
            ("OPENAI_API_KEY", LONG, true),
            ("OPENAI_APIKEY", LONG, true),
            ("COPILOT_PROVIDER_API_KEY", LONG, true),
            ("AZURE_DEVOPS_PAT", LONG, true),
            ("client-secret", LONG, true),
            ("DB_PASSWORD", LONG, true),
            ("POSTGRES_PASSWORD", "postgres", false),
            ("KEY", LONG, true),
            ("MONKEY", LONG, false),
            ("PATH", "/usr/local/bin:/usr/bin", false),
            ("SSH_AUTH_SOCK", "/tmp/ssh-0123456789/agent.1", false),
            ("TOKEN_COUNT_LIMIT", LONG, false),
            ("", LONG, false),
        ];
        for (name, value, secret) in table {
            assert_eq!(secrets_among([(name, value)]).len(), usize::from(secret), "{name}={value}");
        }
    }

    #[test]
    fn the_path_of_a_file_is_no_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert!(secrets_among([("GOOGLE_APPLICATION_CREDENTIALS", path)]).is_empty());
        assert_eq!(secrets_among([("DEPLOY_KEY", format!("/gone/{LONG}"))]).len(), 1);
    }
}
