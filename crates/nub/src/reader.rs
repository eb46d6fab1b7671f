//! Queries: calls that change nothing, from many threads.

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use javm_cap::{Capability, Endpoint, Path, ValidImage};
use nub_kernel::{EndpointRef, InstanceId, InvokeError, Outcome, Status};

use crate::backend::{Machine, Trouble};
use crate::builder::Failure;
use crate::error::{Error, Recovery};
use crate::health::Health;
use crate::options::InvokeOptions;
use crate::supervisor::{Live, Supervisor};

/// A handle for queries: calls of endpoints that leave the Instance as it is. [`Nub::reader`](crate::Nub::reader) gives it; clones
/// go to other threads. Any number of queries run at a time, beside each other and beside one call of the
/// [`Nub`](crate::Nub) that changes things: in a virtual machine as many as it has [lanes](crate::Builder::lanes) but one, in this
/// process as many as ask.
///
/// # What a query sees
/// The Instance as the last call left it that had finished when the query began, or as a later one has: a query that
/// begins after an [`invoke`](crate::Nub::invoke) has returned sees what that has done, and never half of a call. What it comes to —
/// value, gas, end, scratchpad, log — is what [`invoke`](crate::Nub::invoke) would come to then. What it writes, nobody else sees.
///
/// The first query of an Instance may wait until no call is being made.
///
/// # When a guest ends
/// As for [`Nub`](crate::Nub#when-a-guest-ends): each query that was being made is an error, and one of them has a new guest started
/// for all. Each handle, every clone being one, is told once.
///
/// ```
/// # fn main() -> Result<(), nub::Error> {
/// # let bytes = include_bytes!("../../../guests/images/counter.nub");
/// let mut nub = nub::Nub::new_local();
/// let image = nub.publish(bytes)?;
/// let counter = nub.instantiate(&image, &nub::Grants::services())?;
/// let options = nub::InvokeOptions::default();
/// nub.invoke(counter, "add", &[5], &options)?;
/// let reader = nub.reader().clone();
/// std::thread::scope(|scope| {
///     let query = scope.spawn(|| reader.query(counter, "get", &[], &options));
///     // Meanwhile the counter may change.
///     nub.invoke(counter, "add", &[2], &options)?;
///     let seen = query.join().expect("it does not panic")?.value;
///     assert!(seen == 5 || seen == 7);
///     assert_eq!(reader.query(counter, "get", &[], &options)?.value, 7);
///     Ok(())
/// })
/// # }
/// ```
pub struct Reader {
    pub(crate) supervisor: Arc<Supervisor>,
    /// The ends of guests that this handle was told of.
    told: AtomicU64,
}

impl Clone for Reader {
    fn clone(&self) -> Reader {
        Reader { supervisor: self.supervisor.clone(), told: AtomicU64::new(self.told.load(Relaxed)) }
    }
}

impl Reader {
    pub(crate) fn new(supervisor: Supervisor) -> Reader {
        Reader { supervisor: Arc::new(supervisor), told: AtomicU64::new(0) }
    }

    /// The ends of guests that this handle was told of.
    pub(crate) fn told(&self) -> u64 {
        self.told.load(Relaxed)
    }

    /// This handle is told of the end of the machine of this number; `false` if it was before.
    fn tell(&self, number: u64) -> bool {
        self.told.fetch_max(number + 1, Relaxed) <= number
    }

    /// A machine to ask. Where one has ended without this handle being told, that is said instead.
    pub(crate) fn live(&self) -> Result<Arc<Live>, Error> {
        let (number, end) = match self.supervisor.live() {
            Ok(live) => match live.backend.end() {
                Some(end) => (live.number, Some(end)),
                None if live.number > self.told() => {
                    self.told.fetch_max(live.number, Relaxed);
                    return Err(self.restarted(None, Recovery::Restarted));
                }
                None => return Ok(live),
            },
            Err(ends) => (ends - 1, None),
        };
        let is_news = self.tell(number);
        let then = self.supervisor.replace(number, end.clone());
        if is_news {
            return Err(self.restarted(end, then));
        }
        match then {
            // It may have ended again already, which is an end of its own.
            Recovery::Restarted => self.supervisor.live().map_err(|_| Error::GuestDown(Recovery::Restarted)),
            then => Err(Error::GuestDown(then)),
        }
    }

    fn restarted(&self, end: Option<crate::backend::End>, then: Recovery) -> Error {
        let why = end.or_else(|| self.supervisor.last_end()).map_or_else(String::new, |end| end.text);
        Error::Restarted { why, then }
    }

    /// What went wrong in asking a machine, which is replaced if it has ended.
    #[cold]
    pub(crate) fn error(&self, live: Arc<Live>, trouble: Trouble) -> Error {
        let end = match trouble {
            Trouble::Refused(error) => return error,
            Trouble::Ended(end) => end,
        };
        let number = live.number;
        // What it holds goes back before more is asked for.
        drop(live);
        self.tell(number);
        let then = self.supervisor.replace(number, Some(end.clone()));
        match end.hung {
            Some(waited) => Error::GuestHung { waited, then },
            None => Error::GuestDied { why: end.text, then },
        }
    }

    /// Asks the machine; has one that comes to its end replaced.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Live) -> Result<T, Trouble>) -> Result<T, Error> {
        let live = self.live()?;
        question(&live).map_err(|trouble| self.error(live, trouble))
    }

    /// Asks the machine about an Instance, which is made again first where the machine is new.
    pub(crate) fn ask_about<T>(
        &self,
        instance: InstanceId,
        question: impl FnOnce(&dyn Machine, u64) -> Result<T, Trouble>,
    ) -> Result<T, Error> {
        self.ask(|live| self.supervisor.ask_about(live, instance, question))
    }

    /// Calls an endpoint and leaves the Instance as it is. That the program fails is an outcome, not an error.
    ///
    /// # Errors
    /// [`Error::Invoke`]: the call could not begin — no such Instance or endpoint, too many or too few arguments, too
    /// large a scratchpad. [`Error::Bounds`], [`Error::Invalid`]: the gift could not be [loaded](crate::Nub::load) either. Those of a guest that [ends](Reader#when-a-guest-ends).
    pub fn query<'a>(
        &self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &[u64],
        options: &InvokeOptions,
    ) -> Result<Outcome, Error> {
        let call = options.call(&self.supervisor, endpoint.into(), arguments)?;
        self.ask_about(instance, |machine, number| machine.query(number, &call))
    }

    /// An endpoint of an Instance, as its Image declares it: with a signature where the program says one. Asks no guest.
    ///
    /// # Errors
    /// [`Error::Invoke`]: no such Instance or endpoint.
    pub fn endpoint<'a>(&self, instance: InstanceId, endpoint: impl Into<EndpointRef<'a>>) -> Result<Endpoint, Error> {
        let made = self.supervisor.made(instance)?;
        Ok(nub_kernel::find_endpoint(made.image.image(), endpoint.into())?.clone())
    }

    /// An endpoint of what stands at a path below an Instance.
    ///
    /// # Errors
    /// [`Error::Invoke`]: no such Instance or endpoint, or something else stands there. Those of a guest that
    /// [ends](Reader#when-a-guest-ends).
    pub fn endpoint_at<'a>(
        &self,
        instance: InstanceId,
        path: &Path,
        endpoint: impl Into<EndpointRef<'a>>,
    ) -> Result<Endpoint, Error> {
        if path.is_empty() {
            return self.endpoint(instance, endpoint);
        }
        let image = self.image_at(instance, path)?;
        Ok(nub_kernel::find_endpoint(image.image(), endpoint.into())?.clone())
    }

    /// The Image of the Instance at a path.
    fn image_at(&self, instance: InstanceId, path: &Path) -> Result<ValidImage, Error> {
        let refused = |status| Error::from(InvokeError::Refused { path: *path, status });
        let hash = self.ask_about(instance, |machine, number| machine.image_at(number, path))?;
        if let Some(image) = self.supervisor.image(&hash) {
            return Ok(image);
        }
        // It was unpublished: the Instance has it itself.
        match self.ask_about(instance, |machine, number| machine.capability(number, path))? {
            Some(Capability::Instance(found)) => Ok(found.image().clone()),
            Some(_) => Err(refused(Status::Kind)),
            None => Err(refused(Status::Empty)),
        }
    }

    /// How the machine is. Asks no guest, and starts none.
    #[must_use]
    pub fn health(&self) -> Health {
        self.supervisor.health()
    }

    /// Has the guest fail beside what it does, on its last lane, where it was started with
    /// [`Builder::failures`](crate::Builder::failures): for tests of those who have to notice.
    ///
    /// # Errors
    /// The failure; [`Error::Refused`] where the guest was started without failures, and where there is none.
    pub fn fail(&self, failure: Failure) -> Result<(), Error> {
        self.fail_on(failure, true)
    }

    pub(crate) fn fail_on(&self, failure: Failure, aside: bool) -> Result<(), Error> {
        self.ask(|live| match live.backend.guest() {
            Some(guest) => guest.fail(failure, aside),
            None => Err(Error::Refused("there is no guest to fail".into()).into()),
        })
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("arch", &self.supervisor.arch()).finish_non_exhaustive()
    }
}
