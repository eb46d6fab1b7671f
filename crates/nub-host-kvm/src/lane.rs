//! The host's side of a lane: puts requests into the slot and waits for the replies.

use std::cell::OnceCell;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nub_arch_x86_abi::slot::{BUFFER_OFFSET, BUFFER_SIZE, MAX_MESSAGE};
use nub_arch_x86_abi::turn::{self, Bell as _};
use nub_arch_x86_abi::wire::WireError;
use nub_arch_x86_abi::{Slot, layout};

use crate::bell::{Bell, Until, lock};
use crate::config::Config;
use crate::error::{Death, Error};
use crate::exits::Counters;
use crate::hypervisor::Kicker;
use crate::memory::GuestMemory;
use crate::spin::{Budget, looks};

/// What has become of the guest; shared by its lanes.
#[derive(Default)]
pub(crate) struct Fate {
    death: Mutex<Option<Death>>,
    /// Whether there is one: so that a call of a guest that lives takes no lock.
    is_sealed: AtomicBool,
    /// Where the callers of all lanes sleep.
    bells: Mutex<Vec<Arc<Bell>>>,
}

impl Fate {
    /// The guest has come to an end. The first word on it counts. Wakes every caller.
    pub(crate) fn seal(&self, death: Death) -> Death {
        let death = lock(&self.death).get_or_insert(death).clone();
        self.is_sealed.store(true, SeqCst);
        lock(&self.bells).iter().for_each(|bell| bell.ring());
        death
    }

    /// Why the guest came to an end, if it has.
    pub(crate) fn death(&self) -> Option<Death> {
        if self.is_sealed() { lock(&self.death).clone() } else { None }
    }

    fn is_sealed(&self) -> bool {
        self.is_sealed.load(SeqCst)
    }
}

/// A lane, as the caller and the thread of its processor share it.
pub(crate) struct Lane {
    memory: Arc<GuestMemory>,
    number: usize,
    pub(crate) fate: Arc<Fate>,
    /// Whether the lane is to end.
    stop: AtomicBool,
    /// The processor's thread sleeps here until there is a request.
    requested: Bell,
    /// The caller sleeps here until there is an answer.
    answered: Arc<Bell>,
    /// How often the guest left the machine.
    pub(crate) exits: Counters,
    /// Whether the guest's log is shown: a guest may write one that nobody wants.
    pub(crate) shows_log: bool,
    /// How long the caller looks for an answer, and the guest for a request.
    host_spin: Budget,
    guest_spin: Budget,
    /// What makes the processor stop. The processor's thread puts it here, and takes it back before it ends, so that
    /// nothing is kicked that is gone.
    kicker: Mutex<Option<Box<dyn Kicker>>>,
    /// Where the processor is, for a caller who asks.
    place: Mutex<Asked>,
}

/// When a call has to be over.
pub(crate) struct Deadline {
    /// When it began, or a little later: most calls are over before anybody has to know.
    begun: OnceCell<Instant>,
    /// How long it may take.
    patience: Duration,
}

impl Deadline {
    /// That long from now on.
    pub(crate) fn after(patience: Duration) -> Deadline {
        // What no clock reaches is no deadline, but nobody waits that long.
        const LONGEST: Duration = Duration::from_secs(1 << 32);
        Deadline { begun: OnceCell::new(), patience: patience.min(LONGEST) }
    }

    /// When the time began to run: the first time that somebody asks.
    fn begun(&self) -> Instant {
        *self.begun.get_or_init(Instant::now)
    }
}

/// The first bytes of two pieces, at most so many, and what is behind them.
fn split([first, second]: [&[u8]; 2], most: usize) -> ([&[u8]; 2], [&[u8]; 2]) {
    let (first, first_left) = first.split_at(first.len().min(most));
    let (second, second_left) = second.split_at(second.len().min(most - first.len()));
    ([first, second], [first_left, second_left])
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
    pub(crate) fn new(memory: &Arc<GuestMemory>, number: usize, fate: &Arc<Fate>, config: &Config) -> Lane {
        let answered = Arc::new(Bell::default());
        lock(&fate.bells).push(answered.clone());
        let lane = Lane {
            memory: memory.clone(),
            number,
            fate: fate.clone(),
            stop: AtomicBool::new(false),
            requested: Bell::default(),
            answered,
            exits: Counters::default(),
            shows_log: config.log,
            host_spin: Budget::new(config.host_spin),
            guest_spin: Budget::new(config.guest_spin),
            kicker: Mutex::new(None),
            place: Mutex::new(Asked::Not),
        };
        lane.grant_looks();
        lane
    }

    fn slot(&self) -> &Slot {
        // Memory is never smaller than what all slots need; see `Config::check`.
        self.memory.slot(self.number).unwrap_or_else(|| unreachable!("memory holds every slot"))
    }

    fn buffer(&self) -> u64 {
        layout::slot(self.number) + BUFFER_OFFSET
    }

    /// Tells the guest how often it may look for a request.
    fn grant_looks(&self) {
        self.slot().idle_spins.store(looks(self.guest_spin.now()), Relaxed);
    }

    /// How long a caller looks for an answer now, and the guest for a request.
    pub(crate) fn spins(&self) -> [Duration; 2] {
        [self.host_spin.now(), self.guest_spin.now()]
    }

    /// For the processor's thread: waits until there is a request. Gives `false` when the lane is to end.
    pub(crate) fn wait_for_request(&self) -> bool {
        let begun = Instant::now();
        turn::host::idle(self.slot(), &self.requested, || self.is_stopped());
        self.guest_spin.learn(begun.elapsed());
        self.grant_looks();
        !self.is_stopped()
    }

    /// For the processor's thread: wakes the caller.
    pub(crate) fn wake_caller(&self) {
        self.answered.ring();
    }

    /// Whether the lane is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(SeqCst)
    }

    /// Has the processor's thread end when it looks next.
    pub(crate) fn stop(&self) {
        self.stop.store(true, SeqCst);
        self.requested.ring();
        self.answered.ring();
    }

    /// For the processor's thread: how it can be stopped; `None` when it cannot any more.
    pub(crate) fn set_kicker(&self, kicker: Option<Box<dyn Kicker>>) {
        *lock(&self.kicker) = kicker;
    }

    /// Stops the processor; its thread then looks what there is to do. Gives `false` if there is none any more.
    pub(crate) fn kick(&self) -> bool {
        lock(&self.kicker).as_ref().map(|kicker| kicker.kick()).is_some()
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
        if !self.kick() {
            return None;
        }
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

    fn end(&self, death: Death) -> Error {
        Error::Died(Box::new(self.fate.seal(death)))
    }

    /// One turn: gives the guest a part of a request, in two pieces, and waits for what it answers.
    fn turn(&self, part: [&[u8]; 2], rest: usize, sequence: u32, deadline: &Deadline) -> Result<(), Error> {
        let slot = self.slot();
        let [first, second] = part;
        if !self.memory.write(self.buffer(), first) || !self.memory.write(self.buffer() + first.len() as u64, second) {
            unreachable!("a part is no longer than the buffer");
        }
        slot.length.store((first.len() + second.len()) as u32, Relaxed);
        slot.rest.store(rest as u32, Relaxed);
        slot.sequence.store(sequence, Relaxed);
        turn::host::submit(slot, &self.requested);
        self.wait_for_answer(sequence, deadline)
    }

    fn wait_for_answer(&self, sequence: u32, deadline: &Deadline) -> Result<(), Error> {
        let slot = self.slot();
        let spin = self.host_spin.of_wait(sequence.into());
        if !spin.is_zero() {
            // The clock is looked at only where it takes longer than most do.
            let mut began = None;
            loop {
                for _ in 0..64 {
                    if turn::is_answered(slot) {
                        self.host_spin.learn(Duration::ZERO);
                        return Ok(());
                    }
                    std::hint::spin_loop();
                }
                deadline.begun();
                if began.get_or_insert_with(Instant::now).elapsed() > spin {
                    break;
                }
            }
        }
        let until = deadline.begun() + deadline.patience;
        let asleep = Instant::now();
        turn::host::sleep(slot, &Until(&self.answered, until), || self.fate.is_sealed());
        self.host_spin.learn(spin + asleep.elapsed());
        if turn::is_answered(slot) {
            return Ok(());
        }
        if let Some(error) = self.died() {
            return Err(error);
        }
        Err(self.end(Death::Hung { waited: deadline.begun().elapsed(), lane: self.number, place: self.ask_place() }))
    }

    /// Takes a part of the reply, behind what is in `reply`. Gives how much follows.
    fn take_part(&self, sequence: u32, reply: &mut Vec<u8>) -> Result<u64, Death> {
        let slot = self.slot();
        // Each is read once: the guest may change them at any time.
        let (length, rest) = (slot.length.load(Relaxed) as usize, u64::from(slot.rest.load(Relaxed)));
        let answered = slot.sequence.load(Relaxed);
        if answered != sequence {
            return Err(Death::Nonsense(format!("request {answered} instead of {sequence}")));
        }
        if length > BUFFER_SIZE || (reply.len() as u64).saturating_add(length as u64).saturating_add(rest) > MAX_MESSAGE
        {
            return Err(Death::Nonsense(format!("a reply of {} bytes and more", reply.len() + length)));
        }
        // So there are few parts, and a deadline that is looked at in each is kept.
        if length != BUFFER_SIZE && rest != 0 {
            return Err(Death::Nonsense(format!("a part of {length} bytes with {rest} to follow")));
        }
        if !self.memory.read(self.buffer(), length, reply) {
            unreachable!("the length was checked against the buffer's");
        }
        Ok(rest)
    }

    /// Sends a request, which is in two pieces, and has `read` read the reply, whose bytes are collected in `reply`. One caller
    /// at a time.
    ///
    /// # Errors
    /// [`Error::Died`] when the guest is at its end, does not answer before the deadline, or says what `read` takes for no reply;
    /// [`Error::TooLong`].
    #[inline]
    pub(crate) fn call<T>(
        &self,
        sequence: u32,
        request: [&[u8]; 2],
        deadline: &Deadline,
        reply: &mut Vec<u8>,
        read: impl FnOnce(&[u8]) -> Result<T, WireError>,
    ) -> Result<T, Error> {
        let length = request[0].len() + request[1].len();
        if length as u64 > MAX_MESSAGE {
            return Err(Error::TooLong(length));
        }
        if let Some(error) = self.died() {
            return Err(error);
        }
        let nonsense = |death| self.end(death);
        reply.clear();
        let mut left = request;
        loop {
            let part;
            (part, left) = split(left, BUFFER_SIZE);
            let rest = left[0].len() + left[1].len();
            self.turn(part, rest, sequence, deadline)?;
            if rest == 0 {
                break;
            }
            let rest = self.take_part(sequence, reply).map_err(nonsense)?;
            if rest != 0 || !reply.is_empty() {
                return Err(nonsense(Death::Nonsense("an answer to half a request".into())));
            }
        }
        while self.take_part(sequence, reply).map_err(nonsense)? != 0 {
            self.turn([&[]; 2], 0, sequence, deadline)?;
        }
        read(reply).map_err(|error| self.end(error.into()))
    }
}
