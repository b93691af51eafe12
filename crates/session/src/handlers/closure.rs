//! Closures that are handlers.

/// Makes each closure of the right shape a handler. It gives the answer itself, something that becomes it, or, where a
/// handler may fail, an error of any kind in words.
macro_rules! by_closure {
    ($handler:ident.$method:ident: $ask:ty => Result<$answer:ty, E> where E: Display) => {
        #[async_trait::async_trait]
        impl<F, Fut, E> $handler for F
        where
            F: Fn($ask) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<$answer, E>> + Send,
            E: std::fmt::Display,
        {
            async fn $method(&self, ask: $ask) -> Result<$answer, String> {
                self(ask).await.map_err(|error| error.to_string())
            }
        }
    };
    ($handler:ident.$method:ident: $ask:ty => A where A: Into<$answer:ty>) => {
        #[async_trait::async_trait]
        impl<F, Fut, A> $handler for F
        where
            F: Fn($ask) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = A> + Send,
            A: Into<$answer>,
        {
            async fn $method(&self, ask: $ask) -> $answer {
                self(ask).await.into()
            }
        }
    };
    ($handler:ident.$method:ident: $ask:ty => $answer:ty) => {
        #[async_trait::async_trait]
        impl<F, Fut> $handler for F
        where
            F: Fn($ask) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = $answer> + Send,
        {
            async fn $method(&self, ask: $ask) -> $answer {
                self(ask).await
            }
        }
    };
}

pub(crate) use by_closure;
