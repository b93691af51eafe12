//! Serving what the server asks of a session's handlers, already while the session is being made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use groundlink_protocol::types::{
    GitHubTokenAcquireReason, GitHubTokenAcquireRequest, ProviderTokenGetTokenParams, SystemMessageTransformParams,
};
use groundlink_protocol::{Method as _, RawJson, requests};
use groundlink_transport::{ErrorObject, HandlerFuture, Request};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::handlers::{
    CanvasCall, ClientHandlers, GitHubTokenAsk, HandlerKind, ProviderTokenAsk, RequestHandler, SectionText, guard,
};
use crate::router::{absent, raw};
use crate::shared::Shared;

/// Asks for sections of a session's system message.
pub(crate) const TRANSFORM: &str = requests::SystemMessageTransform::NAME;
/// Asks for a token for a model provider.
pub(crate) const PROVIDER_TOKEN: &str = requests::ProviderTokenGetToken::NAME;
/// Asks for a GitHub token.
pub(crate) const GITHUB_TOKEN: &str = requests::GithubTokenGetToken::NAME;
/// What all methods of canvases begin with.
pub(crate) const CANVAS: &str = "canvas.";
/// What all methods of skills begin with.
pub(crate) const SKILLS: &str = "skillProvider.";

/// Under what a session's handlers have what answers a method; `None` for one that is not asked of sessions.
pub(crate) fn family(method: &str) -> Option<&'static str> {
    [TRANSFORM, PROVIDER_TOKEN, GITHUB_TOKEN, CANVAS, SKILLS].into_iter().find(|family| method.starts_with(family))
}

/// The answer where the session was given nothing for it: sections stay as they are, there is nothing of all else.
pub(crate) fn unserved(family: &str, request: &Request) -> HandlerFuture {
    #[derive(Deserialize)]
    struct Sections<'a> {
        #[serde(borrow)]
        sections: &'a RawValue,
    }
    if family != TRANSFORM {
        return absent(request.method());
    }
    let answer = request.parse::<Sections<'_>>().map(|params| raw(format!(r#"{{"sections":{}}}"#, params.sections)));
    Box::pin(async { answer })
}

/// Reads a request and answers it.
fn reading<P, F>(request: &Request, serve: impl FnOnce(P) -> F) -> HandlerFuture
where
    P: serde::de::DeserializeOwned,
    F: Future<Output = Result<Value, ErrorObject>> + Send + 'static,
{
    match request.parse::<P>() {
        Ok(params) => {
            let serving = serve(params);
            Box::pin(async move { serving.await.map(|value| raw(value.to_string())) })
        }
        Err(error) => Box::pin(async { Err(error) }),
    }
}

/// `systemMessage.transform`: a section whose handler fails, or that has none, stays as it is.
pub(crate) fn transform(shared: Arc<Shared>, request: &Request) -> HandlerFuture {
    reading(request, |params| transforming(shared, params))
}

async fn transforming(shared: Arc<Shared>, params: SystemMessageTransformParams) -> Result<Value, ErrorObject> {
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
pub(crate) fn provider_token(shared: Arc<Shared>, request: &Request) -> HandlerFuture {
    reading(request, |params| giving_provider_token(shared, params))
}

async fn giving_provider_token(shared: Arc<Shared>, params: ProviderTokenGetTokenParams) -> Result<Value, ErrorObject> {
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
pub(crate) fn github_token(shared: Arc<Shared>, request: &Request) -> HandlerFuture {
    reading(request, |params| giving_github_token(shared, params))
}

async fn giving_github_token(shared: Arc<Shared>, params: GitHubTokenAcquireRequest) -> Result<Value, ErrorObject> {
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

/// `canvas.open`, `canvas.action.invoke`, `canvas.close`: an error's words are read by the model.
pub(crate) fn canvas(shared: Arc<Shared>, request: &Request) -> HandlerFuture {
    let method = request.method().to_owned();
    reading(request, |call| showing_canvas(shared, method, call))
}

async fn showing_canvas(shared: Arc<Shared>, method: String, call: CanvasCall) -> Result<Value, ErrorObject> {
    let Some(handler) = shared.handlers.canvases.get(&call.canvas_id).cloned() else {
        return Err(ErrorObject::invalid_params("this client has no such canvas"));
    };
    let deadline = shared.handlers.deadlines.of(HandlerKind::Canvas);
    let running = guard::run(deadline, async move {
        match method.strip_prefix(CANVAS) {
            Some("open") => handler.open(call).await.map(|view| Some(json!(view))),
            Some("action.invoke") => handler.act(call).await.map(Some),
            Some("close") => {
                handler.close(call).await;
                Ok(Some(Value::Null))
            }
            _ => Ok(None),
        }
    });
    match running.await {
        Ok(Ok(Some(answer))) => Ok(answer),
        Ok(Ok(None)) => Err(ErrorObject::method_not_found("of canvases, this one")),
        Ok(Err(error)) => Err(ErrorObject::internal(error)),
        Err(failure) => {
            tracing::error!(session = %shared.id, %failure, "a canvas does not answer");
            Err(ErrorObject::internal(failure.to_string()))
        }
    }
}

/// What is asked about skills.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SkillParams {
    #[serde(default)]
    name: Option<String>,
}

/// `skillProvider.list` and `skillProvider.read`: a provider that fails has none.
pub(crate) fn skills(shared: Arc<Shared>, request: &Request) -> HandlerFuture {
    reading(request, |params| giving_skills(shared, params))
}

async fn giving_skills(shared: Arc<Shared>, params: SkillParams) -> Result<Value, ErrorObject> {
    let deadline = shared.handlers.deadlines.of(HandlerKind::Skills);
    let (provider, session) = (shared.handlers.skills.clone(), shared.id.clone());
    let none = if params.name.is_some() { json!({"markdown": null}) } else { json!({"skills": []}) };
    let Some(provider) = provider else { return Ok(none) };
    let running = guard::run(deadline, async move {
        match params.name {
            Some(name) => provider.read(&session, &name).await.map(|text| json!({"markdown": text})),
            None => provider.list(&session).await.map(|skills| json!({"skills": skills})),
        }
    });
    let problem = match running.await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => error,
        Err(failure) => failure.to_string(),
    };
    tracing::error!(session = %shared.id, problem, "there are no skills");
    Ok(none)
}

/// What is asked of the client, and of no session of its own.
pub(crate) fn client(handlers: &ClientHandlers, request: &Request) -> HandlerFuture {
    let Some((kind, handler)) = handlers.requests.get(request.method()).cloned() else {
        return absent(request.method());
    };
    let deadline = handlers.deadlines.of(kind);
    match request.parse::<RawJson>() {
        Ok(params) => Box::pin(answer(handler, params, deadline)),
        Err(error) => Box::pin(async { Err(error) }),
    }
}

async fn answer(
    handler: Arc<dyn RequestHandler>,
    params: RawJson,
    deadline: Option<Duration>,
) -> Result<RawJson, ErrorObject> {
    match guard::run(deadline, async move { handler.answer(params).await }).await {
        Ok(answer) => answer.map_err(ErrorObject::internal),
        Err(failure) => {
            tracing::error!(%failure, "a request is not answered");
            Err(ErrorObject::internal(failure.to_string()))
        }
    }
}
