//! Which model a session talks to.

use groundlink::session::{EnvironmentProvider, Provider};
use secrecy::SecretString;
use url::Url;

use crate::args::SessionArgs;
use crate::error::Error;
use crate::net;

/// Who answers. There is one in a process, so its size does not matter.
#[allow(clippy::large_enum_variant)]
pub(super) enum Model {
    /// The built-in script.
    Scripted,
    /// An endpoint of the person's own.
    Own(OwnModel),
    /// GitHub's, with the account the CLI is signed in with.
    Account,
}

/// A model at an endpoint of the person's own.
pub(super) struct OwnModel {
    /// The model's name.
    pub(super) name: String,
    /// Where it is, and how it is spoken to.
    pub(super) provider: Provider,
    base_url: Option<Url>,
    /// The environment variables that hold the secrets.
    variables: Vec<String>,
}

impl Model {
    /// What the options name, else what the environment names, else `default`.
    pub(super) fn choose(args: &SessionArgs, default: Self) -> Result<Self, Error> {
        let (Some(base_url), Some(name)) = (&args.model_provider, &args.model) else {
            let named = EnvironmentProvider::read(args.model.as_deref())?;
            return Ok(named.map_or(default, |named| Self::Own(named.into())));
        };
        let mut own = OwnModel {
            name: name.clone(),
            provider: Provider::openai_completions(base_url.as_str().trim_end_matches('/')),
            base_url: Some(base_url.clone()),
            variables: Vec::new(),
        };
        if let Some(variable) = &args.model_key_env {
            let key = std::env::var(variable).ok().filter(|key| !key.is_empty());
            let key = SecretString::from(key.ok_or_else(|| Error::NoModelKey { variable: variable.clone() })?);
            own.provider = own.provider.api_key(&key);
            own.variables.push(variable.clone());
        }
        Ok(Self::Own(own))
    }

    /// The environment variables that hold secrets.
    pub(super) fn secret_variables(&self) -> &[String] {
        if let Self::Own(own) = self { &own.variables } else { &[] }
    }

    /// Whether the model is on this machine.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Scripted => true,
            Self::Own(own) => own.base_url.as_ref().is_some_and(net::is_loopback),
            Self::Account => false,
        }
    }
}

impl From<EnvironmentProvider> for OwnModel {
    fn from(named: EnvironmentProvider) -> Self {
        Self {
            name: named.model,
            provider: named.provider,
            base_url: Url::parse(&named.base_url).ok(),
            variables: EnvironmentProvider::SECRET_VARIABLES.map(str::to_owned).to_vec(),
        }
    }
}
