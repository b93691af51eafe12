//! Serving what the server asks of a session's handlers, already while the session is being made.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use groundlink_protocol::types::{
    GitHubTokenAcquireReason, GitHubTokenAcquireRequest, ProviderTokenGetTokenParams, SystemMessageTransformParams,
};
use groundlink_transport::ErrorObject;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::handlers::{GitHubTokenAsk, HandlerKind, ProviderTokenAsk, SectionText, guard};
use crate::shared::Shared;

/// `systemMessage.transform`: a section whose handler fails, or that has none, stays as it is.
pub(crate) async fn transform(shared: Arc<Shared>, params: SystemMessageTransformParams) -> Result<Value, ErrorObject> {
    let deadline = shared.handlers.deadlines.of(HandlerKind::Transform);
    let sections = params.sections.into_iter().map(|(id, section)| {
        let handler = shared.handlers.transforms.0.get(&id).cloned();
        let session_id = shared.id.clone();
        async move {
            let Some(handler) = handler else { return (id, section.content) };
            let text = SectionText { session_id, id: id.clone(), content: section.content.clone() };
            match guard::run(deadline, async move { handler.transform(text).await }).await {
                Ok(content) => (id, content),
                Err(failure) => {
                    tracing::error!(section = %id, %failure, "a section of the system message stays as it is");
                    (id, section.content)
                }
            }
        }
    });
    let sections: BTreeMap<String, Value> =
        join_all(sections).await.into_iter().map(|(id, content)| (id, json!({"content": content}))).collect();
    Ok(json!({"sections": sections}))
}

/// `providerToken.getToken`: without a token the request to the model fails.
pub(crate) async fn provider_token(
    shared: Arc<Shared>,
    params: ProviderTokenGetTokenParams,
) -> Result<Value, ErrorObject> {
    let tokens = &shared.handlers.provider_tokens;
    let named = params.provider_name.as_deref().and_then(|name| tokens.get(name));
    let Some(handler) = named.or_else(|| tokens.get("")).cloned() else {
        return Err(ErrorObject::invalid_params("this client has no tokens for that provider"));
    };
    let ask = ProviderTokenAsk { session_id: shared.id.clone(), provider_name: params.provider_name };
    let deadline = shared.handlers.deadlines.of(HandlerKind::ProviderToken);
    match guard::run(deadline, async move { handler.token(ask).await }).await {
        Ok(Ok(token)) => {
            shared.gave(&token);
            Ok(json!({"token": token.expose_secret()}))
        }
        Ok(Err(error)) => Err(ErrorObject::internal(error)),
        Err(failure) => {
            tracing::error!(session = %shared.id, %failure, "there is no token for the provider");
            Err(ErrorObject::internal(failure.to_string()))
        }
    }
}

/// `gitHubToken.getToken`: without a handler, or one that fails, there is no token.
pub(crate) async fn github_token(shared: Arc<Shared>, params: GitHubTokenAcquireRequest) -> Result<Value, ErrorObject> {
    let none = json!({"kind": "cancelled"});
    let Some(handler) = shared.handlers.github_token.clone() else { return Ok(none) };
    let refresh = matches!(params.reason, Some(GitHubTokenAcquireReason::Refresh));
    let ask = GitHubTokenAsk { session_id: shared.id.clone(), host: params.host, refresh };
    let deadline = shared.handlers.deadlines.of(HandlerKind::GitHubToken);
    match guard::run(deadline, async move { handler.token(ask).await }).await {
        Ok(Some(given)) => {
            shared.gave(&given.token);
            Ok(json!({
                "kind": "token",
                "accessToken": given.token.expose_secret(),
                "expiresIn": given.expires_in.as_secs(),
            }))
        }
        Ok(None) => Ok(none),
        Err(failure) => {
            tracing::error!(session = %shared.id, %failure, "there is no GitHub token");
            Ok(none)
        }
    }
}
