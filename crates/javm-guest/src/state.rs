//! State: variables that keep their values from call to call.

use core::cell::RefCell;

/// Declares variables that are the program's state: what a call leaves there the next one finds, unless the call fails.
///
/// It is written as statics are, and gives a [`State`] of the type:
///
/// ```
/// use javm_guest::state;
///
/// state! {
///     /// How many calls there were.
///     static CALLS: u64 = 0;
///     static BOARD: [[u8; 8]; 8] = [[0; 8]; 8];
/// }
///
/// CALLS.update(|calls| calls + 1);
/// BOARD.with_mut(|board| board[3][4] = 1);
/// assert_eq!((CALLS.get(), BOARD.with(|board| board[3][4])), (1, 1));
/// ```
///
/// As host code each thread has a state of its own, so that tests do not see each other.
///
/// An ordinary `static` with interior mutability is state, too. This is the one that needs no `unsafe`.
#[macro_export]
macro_rules! state {
    ($($(#[$doc:meta])* $visible:vis static $name:ident: $ty:ty = $value:expr;)*) => { $(
        $(#[$doc])*
        $visible static $name: $crate::State<$ty> = $crate::__state!($ty, $value);
    )* };
}

#[cfg(target_os = "none")]
#[doc(hidden)]
#[macro_export]
macro_rules! __state {
    ($ty:ty, $value:expr) => {
        $crate::State::__new($value)
    };
}

#[cfg(not(target_os = "none"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __state {
    ($ty:ty, $value:expr) => {{
        $crate::__std::thread_local! {
            static OF_THIS_THREAD: ::core::cell::RefCell<$ty> = const { ::core::cell::RefCell::new($value) };
        }
        $crate::State::__new(&OF_THIS_THREAD)
    }};
}

/// A variable that keeps its value from call to call, declared with [`state!`](crate::state).
///
/// A type that owns memory of the heap — a `Vec`, a map — needs a [`persistent_heap!`](crate::persistent_heap); without
/// one its first use panics, as the heap is gone when the call ends. The same holds for what has been leaked to `'static`,
/// which nobody can see.
///
/// # Panics
/// All of its methods panic when they are called while [`State::with_mut`] of the same variable runs, and those that
/// change it while [`State::with`] does.
#[cfg(target_os = "none")]
pub struct State<T: 'static>(RefCell<T>);

// SAFETY: a program has one thread.
#[cfg(target_os = "none")]
unsafe impl<T: 'static> Sync for State<T> {}

/// A variable that keeps its value from call to call, declared with [`state!`](crate::state).
///
/// A type that owns memory of the heap — a `Vec`, a map — needs a [`persistent_heap!`](crate::persistent_heap); without
/// one its first use panics, as the heap is gone when the call ends. The same holds for what has been leaked to `'static`,
/// which nobody can see.
///
/// # Panics
/// All of its methods panic when they are called while [`State::with_mut`] of the same variable runs, and those that
/// change it while [`State::with`] does.
#[cfg(not(target_os = "none"))]
pub struct State<T: 'static>(&'static std::thread::LocalKey<RefCell<T>>);

impl<T: 'static> State<T> {
    #[cfg(target_os = "none")]
    #[doc(hidden)]
    pub const fn __new(value: T) -> State<T> {
        State(RefCell::new(value))
    }

    #[cfg(not(target_os = "none"))]
    #[doc(hidden)]
    pub const fn __new(of_this_thread: &'static std::thread::LocalKey<RefCell<T>>) -> State<T> {
        State(of_this_thread)
    }

    fn cell<R>(&self, f: impl FnOnce(&RefCell<T>) -> R) -> R {
        if const { core::mem::needs_drop::<T>() } && !crate::heap::is_persistent() {
            panic!("a State that owns memory of the heap needs `persistent_heap!`: the heap is gone when the call ends")
        }
        #[cfg(target_os = "none")]
        return f(&self.0);
        #[cfg(not(target_os = "none"))]
        return self.0.with(f);
    }

    /// Calls `f` with the value.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.cell(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with the value, to change it.
    pub fn with_mut<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        self.cell(|cell| f(&mut cell.borrow_mut()))
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        self.with(|value| *value)
    }

    /// Makes `value` the value.
    pub fn set(&self, value: T) {
        self.replace(value);
    }

    /// Makes `value` the value, and returns the one before.
    pub fn replace(&self, value: T) -> T {
        self.cell(|cell| cell.replace(value))
    }

    /// Makes the default the value, and returns the one before.
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// Makes what `f` makes of the value the value.
    pub fn update(&self, f: impl FnOnce(T) -> T)
    where
        T: Copy,
    {
        self.with_mut(|value| *value = f(*value));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    state! {
        static NUMBER: u64 = 7;
        static MAP: BTreeMap<u8, u8> = BTreeMap::new();
    }

    #[test]
    fn each_thread_has_its_own() {
        NUMBER.set(8);
        assert_eq!(crate::test::fresh(|| NUMBER.replace(9)), 7);
        assert_eq!((NUMBER.take(), NUMBER.get()), (8, 0));
        NUMBER.update(|n| n + 1);
        assert_eq!(NUMBER.get(), 1);
    }

    #[test]
    fn maps_are_state() {
        assert_eq!(MAP.with_mut(|map| map.insert(1, 2)), None);
        assert_eq!(MAP.with(|map| map.get(&1).copied()), Some(2));
        assert_eq!(MAP.take().len(), 1);
        assert!(MAP.with(BTreeMap::is_empty));
    }

    #[test]
    #[should_panic(expected = "borrowed")]
    fn a_variable_cannot_change_while_it_is_looked_at() {
        NUMBER.with(|_| NUMBER.set(1));
    }
}
