//! Something that threads use in turns, each block's in its order.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A value that whoever works on block 0 uses first, then on block 1, and so on.
pub struct Turns<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    value: T,
    /// The block whose turn it is.
    next: u64,
    /// Set when there are no more turns.
    over: bool,
}

/// A turn. It ends when this is dropped.
pub struct Turn<'t, T> {
    turns: &'t Turns<T>,
    state: MutexGuard<'t, State<T>>,
}

impl<T> Turns<T> {
    pub fn new(value: T) -> Turns<T> {
        let state = State { value, next: 0, over: false };
        Turns { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until it is a block's turn. `None` if there are no more.
    pub fn take(&self, block: u64) -> Option<Turn<'_, T>> {
        let wait = |state: &mut State<T>| state.next != block && !state.over;
        let state = self.changed.wait_while(self.lock(), wait);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (!state.over).then_some(Turn { turns: self, state })
    }

    /// The next turn, whatever block that is, and its number.
    pub fn next(&self) -> Option<(u64, Turn<'_, T>)> {
        let state = self.lock();
        let next = state.next;
        (!state.over).then_some((next, Turn { turns: self, state }))
    }

    /// There are no more turns: whoever waits need not.
    pub fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    /// What is to be known of the value.
    pub fn with<R>(&self, known: impl FnOnce(&T) -> R) -> R {
        known(&self.lock().value)
    }

    /// The value, after all turns.
    pub fn into_inner(self) -> T {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).value
    }

    /// A thread that panicked in its turn has ended all turns (`flow.rs`).
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Turn<'_, T> {
    /// After it there are no more.
    pub fn is_the_last(&mut self) {
        self.state.over = true;
    }
}

impl<T> Deref for Turn<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state.value
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.state.value
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.state.next += 1;
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_order_and_end_for_all() {
        let turns = Turns::new(Vec::new());
        let taken: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8u64)
                .rev()
                .map(|block| {
                    let turns = &turns;
                    scope.spawn(move || {
                        let Some(mut turn) = turns.take(block) else { return false };
                        turn.push(block);
                        if block == 5 {
                            turn.is_the_last();
                        }
                        true
                    })
                })
                .collect();
            threads.into_iter().rev().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(taken, [true, true, true, true, true, true, false, false]);
        assert!(turns.next().is_none());
        assert_eq!(turns.into_inner(), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn whoever_comes_next_gets_the_number() {
        let turns = Turns::new(());
        for expected in 0..3 {
            assert_eq!(turns.next().map(|turn| turn.0), Some(expected));
        }
        turns.end();
        assert!(turns.next().is_none() && turns.take(3).is_none());
    }
}
