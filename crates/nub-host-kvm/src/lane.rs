//! The host's side of a lane: puts requests into the slot and waits for the replies.

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nub_arch_x86_abi::layout;
use nub_arch_x86_abi::slot::{BUFFER_OFFSET, BUFFER_SIZE, MAX_MESSAGE, Slot, SlotState};

use crate::error::{Death, Error};
use crate::hypervisor::Kicker;
use crate::memory::GuestMemory;

/// What has become of the guest; shared by its lanes.
#[derive(Default)]
pub(crate) struct Fate {
    death: Mutex<Option<Death>>,
}

impl Fate {
    /// The guest has come to an end. The first word on it counts.
    pub(crate) fn seal(&self, death: Death) {
        lock(&self.death).get_or_insert(death);
    }

    /// Why the guest came to an end, if it has.
    pub(crate) fn death(&self) -> Option<Death> {
        lock(&self.death).clone()
    }
}

/// A lock whose holder panicked is as good as any: nothing here is ever half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lane, as the caller and the thread of its processor share it.
pub(crate) struct Lane {
    memory: Arc<GuestMemory>,
    number: usize,
    pub(crate) fate: Arc<Fate>,
    /// Whether the lane is to end.
    stop: Mutex<bool>,
    /// The processor's thread waits here for a request.
    requested: Condvar,
    /// The caller waits here for the answer.
    answered: Condvar,
    /// How often the guest left the machine.
    pub(crate) exits: AtomicU64,
    spin: Duration,
    /// What makes the processor stop. The processor's thread puts it here, and takes it back before it ends, so that
    /// nothing is kicked that is gone.
    kicker: Mutex<Option<Box<dyn Kicker>>>,
    /// Where the processor is, for a caller who asks.
    place: Mutex<Asked>,
}

/// The question where the processor is.
enum Asked {
    /// Nobody wants to know.
    Not,
    /// Somebody waits.
    Waiting,
    /// The answer.
    Told(String),
}

/// How long a caller waits for the answer where a processor is.
const PLACE_PATIENCE: Duration = Duration::from_millis(200);

impl Lane {
    pub(crate) fn new(memory: &Arc<GuestMemory>, number: usize, fate: &Arc<Fate>, spin: Duration) -> Lane {
        Lane {
            memory: memory.clone(),
            number,
            fate: fate.clone(),
            stop: Mutex::new(false),
            requested: Condvar::new(),
            answered: Condvar::new(),
            exits: AtomicU64::new(0),
            spin,
            kicker: Mutex::new(None),
            place: Mutex::new(Asked::Not),
        }
    }

    fn slot(&self) -> &Slot {
        // Memory is never smaller than what all slots need; see `Config::check`.
        self.memory.slot(self.number).unwrap_or_else(|| unreachable!("memory holds every slot"))
    }

    fn buffer(&self) -> u64 {
        layout::slot(self.number) + BUFFER_OFFSET
    }

    /// For the processor's thread: waits until there is a request. Gives `false` when the lane is to end.
    pub(crate) fn wait_for_request(&self) -> bool {
        let mut stop = lock(&self.stop);
        while !*stop && self.slot().state.load(SeqCst) != SlotState::Ready as u32 {
            stop = self.requested.wait(stop).unwrap_or_else(PoisonError::into_inner);
        }
        !*stop
    }

    /// For the processor's thread: wakes the caller.
    pub(crate) fn wake_caller(&self) {
        // The caller looks at the state while it holds the lock, so that it cannot miss this.
        drop(lock(&self.stop));
        self.answered.notify_all();
    }

    /// Whether the lane is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        *lock(&self.stop)
    }

    /// Has the processor's thread end when it looks next.
    pub(crate) fn stop(&self) {
        *lock(&self.stop) = true;
        self.requested.notify_all();
        self.answered.notify_all();
    }

    /// For the processor's thread: how it can be stopped; `None` when it cannot any more.
    pub(crate) fn set_kicker(&self, kicker: Option<Box<dyn Kicker>>) {
        *lock(&self.kicker) = kicker;
    }

    /// Stops the processor, if there still is one; its thread then looks what there is to do.
    pub(crate) fn kick(&self) {
        if let Some(kicker) = &*lock(&self.kicker) {
            kicker.kick();
        }
    }

    /// For the processor's thread, after a kick: says where the processor is if somebody asks.
    pub(crate) fn tell_place(&self, place: impl FnOnce() -> String) {
        let mut asked = lock(&self.place);
        if matches!(*asked, Asked::Waiting) {
            *asked = Asked::Told(place());
        }
    }

    /// Asks the processor's thread where the processor is.
    fn ask_place(&self) -> Option<String> {
        *lock(&self.place) = Asked::Waiting;
        self.kick();
        let deadline = Instant::now() + PLACE_PATIENCE;
        loop {
            let mut asked = lock(&self.place);
            if let Asked::Told(place) = std::mem::replace(&mut *asked, Asked::Waiting) {
                return Some(place);
            }
            if Instant::now() >= deadline {
                *asked = Asked::Not;
                return None;
            }
            drop(asked);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn died(&self) -> Option<Error> {
        self.fate.death().map(|death| Error::Died(Box::new(death)))
    }

    /// One turn: gives the guest a part of a request, and waits for what it answers.
    fn turn(&self, part: &[u8], rest: u64, sequence: u64, deadline: Instant) -> Result<(), Error> {
        let slot = self.slot();
        if !self.memory.write(self.buffer(), part) {
            unreachable!("a part is no longer than the buffer");
        }
        slot.length.store(part.len() as u32, Relaxed);
        slot.rest.store(rest, Relaxed);
        slot.sequence.store(sequence, Relaxed);
        slot.state.store(SlotState::Ready as u32, SeqCst);
        fence(SeqCst);
        if slot.guest_sleeps.load(SeqCst) != 0 {
            drop(lock(&self.stop));
            self.requested.notify_one();
        }
        self.wait_for_answer(deadline)
    }

    fn wait_for_answer(&self, deadline: Instant) -> Result<(), Error> {
        let slot = self.slot();
        let done = |order| slot.state.load(order) == SlotState::Done as u32;
        let begun = Instant::now();
        if !self.spin.is_zero() {
            loop {
                for _ in 0..64 {
                    if done(Acquire) {
                        return Ok(());
                    }
                    std::hint::spin_loop();
                }
                if begun.elapsed() > self.spin {
                    break;
                }
            }
        }
        slot.host_sleeps.store(1, SeqCst);
        fence(SeqCst);
        let mut guard = lock(&self.stop);
        let result = loop {
            if done(SeqCst) {
                break Ok(());
            }
            if let Some(error) = self.died() {
                break Err(error);
            }
            let now = Instant::now();
            if now >= deadline {
                drop(guard);
                let death = Death::Hung { waited: now - begun, place: self.ask_place() };
                self.fate.seal(death.clone());
                slot.host_sleeps.store(0, SeqCst);
                return Err(Error::Died(Box::new(death)));
            }
            guard = self.answered.wait_timeout(guard, deadline - now).unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(guard);
        slot.host_sleeps.store(0, SeqCst);
        result
    }

    /// Takes a part of the reply, behind what is in `reply`. Gives how much follows.
    fn take_part(&self, sequence: u64, reply: &mut Vec<u8>) -> Result<u64, Death> {
        let slot = self.slot();
        // Each is read once: the guest may change them at any time.
        let (length, rest) = (slot.length.load(Relaxed) as usize, slot.rest.load(Relaxed));
        let answered = slot.sequence.load(Relaxed);
        if answered != sequence {
            return Err(Death::Nonsense(format!("request {answered} instead of {sequence}")));
        }
        if length > BUFFER_SIZE || (reply.len() as u64).saturating_add(length as u64).saturating_add(rest) > MAX_MESSAGE
        {
            return Err(Death::Nonsense(format!("a reply of {} bytes and more", reply.len() + length)));
        }
        if length == 0 && rest != 0 {
            return Err(Death::Nonsense("a reply that does not go on".into()));
        }
        if !self.memory.read(self.buffer(), length, reply) {
            unreachable!("the length was checked against the buffer's");
        }
        Ok(rest)
    }

    /// Sends a request and gives the bytes of the reply. One caller at a time.
    ///
    /// # Errors
    /// [`Error::Died`] when the guest is at its end, or does not answer before the deadline.
    pub(crate) fn call(
        &self,
        sequence: u64,
        request: &[u8],
        deadline: Instant,
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if request.len() as u64 > MAX_MESSAGE {
            return Err(Error::TooLong(request.len()));
        }
        if let Some(error) = self.died() {
            return Err(error);
        }
        let nonsense = |death: Death| {
            self.fate.seal(death.clone());
            Error::Died(Box::new(death))
        };
        reply.clear();
        let mut left = request.len();
        let mut parts = request.chunks(BUFFER_SIZE);
        loop {
            let part = parts.next().unwrap_or_default();
            left -= part.len();
            self.turn(part, left as u64, sequence, deadline)?;
            if left == 0 {
                break;
            }
            let rest = self.take_part(sequence, reply).map_err(nonsense)?;
            if rest != 0 || !reply.is_empty() {
                return Err(nonsense(Death::Nonsense("an answer to half a request".into())));
            }
        }
        while self.take_part(sequence, reply).map_err(nonsense)? != 0 {
            self.turn(&[], 0, sequence, deadline)?;
        }
        self.slot().state.store(SlotState::Empty as u32, Relaxed);
        Ok(())
    }
}
