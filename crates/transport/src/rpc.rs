//! jsonrpsee on both faces: its method table for what we serve, its client trait for what we call.
//!
//! Its engines are not used. They take requests for notifications, end on a single unreadable line and log payloads. All
//! of jsonrpsee that this crate touches is in this module.
//!
//! A method of the table finds the peer it was called over in its extensions, as a [`WeakPeer`](crate::WeakPeer).

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jsonrpsee::core::client::{BatchResponse, ClientT, Error as ClientError};
use jsonrpsee::core::params::BatchRequestBuilder;
use jsonrpsee::core::traits::ToRpcParams;
use jsonrpsee::types::{ErrorObject as WireError, Id, Params};
use jsonrpsee::{ConnectionId, MethodCallback};
pub use jsonrpsee::{Extensions, Methods, RpcModule};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::envelope::{self, Kind};
use crate::quick::{self, Quick};
use crate::{CallError, ErrorObject, Peer, RawJson, Request};

/// Params that are one object: any type that serializes to one.
///
/// jsonrpsee sends positional params by default, which many servers of this protocol ignore without a word.
#[derive(Debug, Clone, Copy)]
pub struct Named<T>(pub T);

impl<T: Serialize> ToRpcParams for Named<T> {
    fn to_rpc_params(self) -> Result<Option<RawJson>, serde_json::Error> {
        to_raw_value(&self.0).map(Some)
    }
}

impl ClientT for Peer {
    async fn notification<P: ToRpcParams + Send>(&self, method: &str, params: P) -> Result<(), ClientError> {
        let params = params.to_rpc_params()?;
        self.notify_raw(method, params.as_deref()).await.map_err(client_error)
    }

    async fn request<R: DeserializeOwned, P: ToRpcParams + Send>(
        &self,
        method: &str,
        params: P,
    ) -> Result<R, ClientError> {
        let params = params.to_rpc_params()?;
        let result = self.call_raw(method, params.as_deref()).await.map_err(client_error)?;
        Ok(serde_json::from_str(result.get())?)
    }

    /// Sends the calls of the batch one by one, all at once: servers of this protocol refuse a batch in one frame.
    async fn batch_request<'a, R>(&self, batch: BatchRequestBuilder<'a>) -> Result<BatchResponse<'a, R>, ClientError>
    where
        R: DeserializeOwned + std::fmt::Debug + 'a,
    {
        let calls = batch.build()?;
        let calls = calls.iter().map(|(method, params)| self.call_raw(method, params.as_deref()));
        let outcomes = futures_util::future::join_all(calls).await;
        let (mut entries, mut failed) = (Vec::with_capacity(outcomes.len()), 0);
        for outcome in outcomes {
            entries.push(match outcome.map_err(client_error) {
                Ok(result) => Ok(serde_json::from_str(result.get())?),
                Err(ClientError::Call(error)) => {
                    failed += 1;
                    Err(error)
                }
                Err(error) => return Err(error),
            });
        }
        Ok(BatchResponse::new(entries.len() - failed, entries, failed))
    }
}

fn client_error(error: CallError) -> ClientError {
    match error {
        CallError::Rpc { code, message, data } => {
            // jsonrpsee knows 32 bits of a code; what does not fit becomes its "unknown".
            let code = i32::try_from(code).unwrap_or(jsonrpsee::types::error::UNKNOWN_ERROR_CODE);
            ClientError::Call(WireError::owned(code, message, data))
        }
        CallError::Cancelled => ClientError::Call(WireError::owned(-32800, "Request cancelled", None::<()>)),
        other => ClientError::Transport(other.into()),
    }
}

/// The methods served, as jsonrpsee keeps them.
#[derive(Clone, Default)]
pub(crate) struct MethodTable(Methods);

impl MethodTable {
    pub(crate) fn new(methods: Methods) -> Self {
        Self(methods)
    }

    /// Serves the request, where there is a method for it. Subscriptions are not served: they have no place on this wire.
    ///
    /// The callback is called directly. jsonrpsee's own entry point refuses ids it does not know and copies params twice.
    pub(crate) fn call(&self, request: &Request) -> Option<BoxFuture<'static, Result<RawJson, ErrorObject>>> {
        // The id goes back as the other side wrote it, which jsonrpsee cannot always say: it gets a stand-in.
        const STAND_IN: Id<'static> = Id::Number(0);
        let mut extensions = Extensions::new();
        extensions.insert(request.peer.clone());
        match self.0.method(request.method())? {
            MethodCallback::Sync(callback) => {
                let params = Params::new(request.params().map(RawValue::get));
                let response = callback(STAND_IN, params, usize::MAX, extensions);
                Some(std::future::ready(outcome(response.as_json())).boxed())
            }
            MethodCallback::Async(callback) => {
                let params = Params::new(request.params().map(RawValue::get)).into_owned();
                let response = callback(STAND_IN, params, ConnectionId(0), usize::MAX, extensions);
                Some(async move { outcome(response.await.as_json()) }.boxed())
            }
            MethodCallback::Subscription(_) | MethodCallback::Unsubscription(_) => None,
        }
    }
}

/// Takes the outcome out of a whole response.
fn outcome(response: &RawValue) -> Result<RawJson, ErrorObject> {
    if let Some(Quick::Result { value, .. }) = quick::recognise(response.get().as_bytes())
        && let Some(result) = quick::prove(value)
    {
        return Ok(result.to_owned());
    }
    match envelope::scan(response.get().as_bytes()).map(envelope::Envelope::kind) {
        Ok(Kind::Response { outcome, .. }) => outcome.map(ToOwned::to_owned),
        _ => Err(ErrorObject::internal("The method gave no response")),
    }
}
