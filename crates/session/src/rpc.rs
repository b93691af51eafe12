//! Every method of the CLI as a function, by namespace: [`Session::rpc`] and [`Client::rpc`].
//!
//! ```no_run
//! # async fn run(session: groundlink_session::Session) -> Result<(), groundlink_session::SessionError> {
//! use groundlink_session::SessionMode;
//! use groundlink_protocol::types::RemoteSessionMode;
//!
//! let shared = session.rpc().remote().enable().await?;
//! println!("{:?}", shared.url);
//! session.rpc().remote().enable_with(|params| params.mode = Some(RemoteSessionMode::Export)).await?;
//! session.rpc().mode().set(SessionMode::Plan).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What a method requires is an argument, what it allows is set by the closure of the form with `_with`; the session's id
//! is filled in. The functions say what the CLI's schemas say, no more: where [`Session`] or [`Client`]
//! have a function of their own, that one knows more (`session.remote.enable` twice at once
//! attaches a session twice; [`Session::enable_remote`] does not).
//!
//! Methods that the CLI marks as internal have no function here; [`Session::call`] calls any.
//! The namespaces of a family come with the feature of its name, as in `groundlink-protocol`.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use groundlink_protocol::Method;
use groundlink_transport::{CallError, RawJson};
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

pub use crate::generated::rpc::{client, session};

use crate::client::ClientInner;
use crate::{Client, Session, SessionError};

/// A call on its way to a result of type `T`. Nothing is sent before it is first polled; dropping it tells the CLI to
/// cancel.
#[must_use = "nothing is sent before it is awaited"]
pub struct Reply<T> {
    method: &'static str,
    raw: BoxFuture<'static, Result<RawJson, SessionError>>,
    output: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Future for Reply<T> {
    type Output = Result<T, SessionError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let raw = ready!(self.raw.as_mut().poll(context))?;
        Poll::Ready(serde_json::from_str(raw.get()).map_err(|source| {
            let method = self.method.to_owned();
            SessionError::Call {
                method: method.clone(),
                source: CallError::Decode { method, source: Arc::new(source) },
            }
        }))
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reply").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Client {
    /// Every method that is about no session, by namespace. See [`rpc`](crate::rpc).
    pub fn rpc(&self) -> client::Rpc<'_> {
        client::Rpc { owner: self }
    }
}

impl Session {
    /// Every method that is about one session, by namespace. See [`rpc`](crate::rpc).
    pub fn rpc(&self) -> session::Rpc<'_> {
        session::Rpc { owner: self }
    }
}

/// Who makes a stub's calls.
pub(crate) trait Caller {
    fn client(&self) -> &Arc<ClientInner>;

    fn session_id(&self) -> Option<&str>;
}

impl Caller for Client {
    fn client(&self) -> &Arc<ClientInner> {
        &self.inner
    }

    fn session_id(&self) -> Option<&str> {
        None
    }
}

impl Caller for Session {
    fn client(&self) -> &Arc<ClientInner> {
        &self.client
    }

    fn session_id(&self) -> Option<&str> {
        Some(self.id())
    }
}

/// The part that is compiled once for each method that is used; the rest of a call is compiled once for all.
pub(crate) fn stub<M: Method<Output = T>, T>(caller: &impl Caller, params: &M::Params) -> Reply<T> {
    let raw = call(Arc::clone(caller.client()), caller.session_id(), M::NAME, to_raw_value(params));
    Reply { method: M::NAME, raw, output: PhantomData }
}

fn call(
    client: Arc<ClientInner>,
    session: Option<&str>,
    method: &'static str,
    params: serde_json::Result<Box<RawValue>>,
) -> BoxFuture<'static, Result<RawJson, SessionError>> {
    let session = session.map(str::to_owned);
    Box::pin(async move {
        let params = params.map_err(|source| SessionError::Call {
            method: method.to_owned(),
            source: CallError::Encode { method: method.to_owned(), source: Arc::new(source) },
        })?;
        crate::answers::check_call(method, &*params)?;
        let answer = client.router.line.call_raw(method, &params).await;
        answer.map_err(|error| SessionError::from_call(method, session.as_deref(), error))
    })
}

/// Declares a namespace.
macro_rules! namespace {
    ($(#[$meta:meta])* $name:ident of $owner:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a> {
            pub(crate) owner: &'a $crate::$owner,
        }
    };
}

/// Declares the stubs of a namespace of a session's: arguments, and what the record of params is made of in its own
/// order, with the session's id among it. `#[inline]`: only what is used is compiled.
macro_rules! session_stubs {
    (
        $name:ident by $id:ident
        $(in { $( $(#[$imeta:meta])* $inner:ident: $namespace:ident, )* })?
        $(plain { $( $(#[$pmeta:meta])* $plain:ident: types::$pparams:ident($($parg:ident: $pty:ty),*) of ($($pall:ident),*) -> $pout:ty = $pmethod:ident, )* })?
        $(with { $( $(#[$wmeta:meta])* $with:ident or $setter:ident: types::$wparams:ident($($warg:ident: $wty:ty),*) of ($($wall:ident),*) -> $wout:ty = $wmethod:ident, )* })?
    ) => {
        #[allow(clippy::must_use_candidate, clippy::should_implement_trait, clippy::too_many_arguments)]
        impl<'a> $name<'a> {
            $($(
                $(#[$imeta])*
                pub fn $inner(self) -> $namespace<'a> {
                    $namespace { owner: self.owner }
                }
            )*)?
            $($(
                $(#[$pmeta])*
                #[inline]
                pub fn $plain(self $(, $parg: impl Into<$pty>)*) -> $crate::rpc::Reply<$pout> {
                    let $id = self.owner.id();
                    let params = types::$pparams::new($($pall),*);
                    $crate::rpc::stub::<groundlink_protocol::methods::$pmethod, $pout>(self.owner, &params)
                }
            )*)?
            $($(
                $(#[$wmeta])*
                #[inline]
                pub fn $with(self $(, $warg: impl Into<$wty>)*) -> $crate::rpc::Reply<$wout> {
                    let $id = self.owner.id();
                    let params = types::$wparams::new($($wall),*);
                    $crate::rpc::stub::<groundlink_protocol::methods::$wmethod, $wout>(self.owner, &params)
                }

                $(#[$wmeta])*
                ///
                /// `set` fills in what may be left out.
                #[inline]
                pub fn $setter(
                    self
                    $(, $warg: impl Into<$wty>)*,
                    set: impl FnOnce(&mut types::$wparams),
                ) -> $crate::rpc::Reply<$wout> {
                    let $id = self.owner.id();
                    let mut params = types::$wparams::new($($wall),*);
                    set(&mut params);
                    $crate::rpc::stub::<groundlink_protocol::methods::$wmethod, $wout>(self.owner, &params)
                }
            )*)?
        }
    };
}

/// Declares the stubs of a namespace of a client's.
macro_rules! client_stubs {
    (
        $name:ident
        $(in { $( $(#[$imeta:meta])* $inner:ident: $namespace:ident, )* })?
        $(bare { $( $(#[$bmeta:meta])* $bare:ident -> $bout:ty = $bmethod:ident, )* })?
        $(plain { $( $(#[$pmeta:meta])* $plain:ident: types::$pparams:ident($($parg:ident: $pty:ty),*) of ($($pall:ident),*) -> $pout:ty = $pmethod:ident, )* })?
        $(with { $( $(#[$wmeta:meta])* $with:ident or $setter:ident: types::$wparams:ident($($warg:ident: $wty:ty),*) of ($($wall:ident),*) -> $wout:ty = $wmethod:ident, )* })?
        $(optional { $( $(#[$ometa:meta])* $optional:ident or $osetter:ident: types::$oparams:ident -> $oout:ty = $omethod:ident, )* })?
        $(whole { $( $(#[$hmeta:meta])* $whole:ident(&types::$hparams:ident) -> $hout:ty = $hmethod:ident, )* })?
    ) => {
        #[allow(clippy::must_use_candidate, clippy::should_implement_trait, clippy::too_many_arguments)]
        impl<'a> $name<'a> {
            $($(
                $(#[$imeta])*
                pub fn $inner(self) -> $namespace<'a> {
                    $namespace { owner: self.owner }
                }
            )*)?
            $($(
                $(#[$bmeta])*
                #[inline]
                pub fn $bare(self) -> $crate::rpc::Reply<$bout> {
                    let params = groundlink_protocol::Empty::default();
                    $crate::rpc::stub::<groundlink_protocol::methods::$bmethod, $bout>(self.owner, &params)
                }
            )*)?
            $($(
                $(#[$pmeta])*
                #[inline]
                pub fn $plain(self $(, $parg: impl Into<$pty>)*) -> $crate::rpc::Reply<$pout> {
                    let params = types::$pparams::new($($pall),*);
                    $crate::rpc::stub::<groundlink_protocol::methods::$pmethod, $pout>(self.owner, &params)
                }
            )*)?
            $($(
                $(#[$wmeta])*
                #[inline]
                pub fn $with(self $(, $warg: impl Into<$wty>)*) -> $crate::rpc::Reply<$wout> {
                    let params = types::$wparams::new($($wall),*);
                    $crate::rpc::stub::<groundlink_protocol::methods::$wmethod, $wout>(self.owner, &params)
                }

                $(#[$wmeta])*
                ///
                /// `set` fills in what may be left out.
                #[inline]
                pub fn $setter(
                    self
                    $(, $warg: impl Into<$wty>)*,
                    set: impl FnOnce(&mut types::$wparams),
                ) -> $crate::rpc::Reply<$wout> {
                    let mut params = types::$wparams::new($($wall),*);
                    set(&mut params);
                    $crate::rpc::stub::<groundlink_protocol::methods::$wmethod, $wout>(self.owner, &params)
                }
            )*)?
            $($(
                $(#[$ometa])*
                #[inline]
                pub fn $optional(self) -> $crate::rpc::Reply<$oout> {
                    let params = types::$oparams::default();
                    $crate::rpc::stub::<groundlink_protocol::methods::$omethod, $oout>(self.owner, &params)
                }

                $(#[$ometa])*
                ///
                /// `set` fills in what may be left out.
                #[inline]
                pub fn $osetter(self, set: impl FnOnce(&mut types::$oparams)) -> $crate::rpc::Reply<$oout> {
                    let mut params = types::$oparams::default();
                    set(&mut params);
                    $crate::rpc::stub::<groundlink_protocol::methods::$omethod, $oout>(self.owner, &params)
                }
            )*)?
            $($(
                $(#[$hmeta])*
                #[inline]
                pub fn $whole(self, params: &types::$hparams) -> $crate::rpc::Reply<$hout> {
                    $crate::rpc::stub::<groundlink_protocol::methods::$hmethod, $hout>(self.owner, params)
                }
            )*)?
        }
    };
}

pub(crate) use {client_stubs, namespace, session_stubs};
