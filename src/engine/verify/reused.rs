//! Values that threads take for a piece of work and give back.

use std::sync::{Mutex, MutexGuard};

/// As many values as were ever in use at once, made when they are first needed.
#[derive(Default)]
pub struct Reused<T> {
    idle: Mutex<Vec<T>>,
}

impl<T: Default> Reused<T> {
    /// Gives a value that nobody else has, as its last user left it.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.idle().pop().unwrap_or_default();
        let result = work(&mut value);
        self.idle().push(value);
        result
    }

    fn idle(&self) -> MutexGuard<'_, Vec<T>> {
        self.idle.lock().expect("nothing panics with the lock held")
    }
}
