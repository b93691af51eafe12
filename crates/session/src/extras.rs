//! What crates above keep with a session.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One value of each type.
#[derive(Default)]
pub(crate) struct Extras(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Extras {
    /// The value of this type, made on first use.
    pub(crate) fn get<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = all.entry(TypeId::of::<T>()).or_insert_with(|| Arc::<T>::default());
        // It was put there under its own type.
        Arc::clone(value).downcast().unwrap_or_default()
    }
}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    #[test]
    fn one_value_of_each_type() {
        let extras = Extras::default();
        extras.get::<AtomicU8>().store(7, Ordering::Relaxed);
        assert_eq!(extras.get::<Mutex<u8>>().lock().unwrap().to_owned(), 0);
        assert_eq!(extras.get::<AtomicU8>().load(Ordering::Relaxed), 7);
    }
}
