//! The thread that a lane's processor runs on.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use nub_arch_x86_abi::layout;
use nub_arch_x86_abi::port::{DEBUG_PORT, EVENT_PORT, Event};
use nub_arch_x86_abi::trap::{REPORT_OFFSET, REPORT_SIZE, Report};

use crate::error::{Death, Error, Missing};
use crate::hypervisor::{Exit, Processor};
use crate::image::Image;
use crate::lane::Lane;
use crate::memory::GuestMemory;
use crate::seccomp;

/// A processor that runs on a thread of its own.
pub(crate) struct Running {
    lane: Arc<Lane>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread of a processor works with.
struct Context {
    lane: Arc<Lane>,
    number: usize,
    memory: Arc<GuestMemory>,
    image: &'static Image,
}

impl Running {
    /// Starts it.
    pub(crate) fn new<P>(
        mut processor: P,
        lane: Arc<Lane>,
        number: usize,
        memory: Arc<GuestMemory>,
        image: &'static Image,
    ) -> Result<Running, Error>
    where
        P: Processor + 'static,
        P::Kicker: 'static,
    {
        let (ready, started) = mpsc::channel();
        let context = Context { lane: lane.clone(), number, memory, image };
        let thread = std::thread::Builder::new()
            .name(format!("nub-lane-{number}"))
            .spawn(move || {
                context.lane.set_kicker(Some(Box::new(processor.kicker())));
                let confined = seccomp::confine();
                let failed = confined.is_err();
                // The sandbox waits for this, so that the kicker is there.
                let _ = ready.send(confined);
                if failed {
                    context.lane.set_kicker(None);
                    return;
                }
                if let Some(death) = context.run(&mut processor) {
                    context.lane.fate.seal(death);
                }
                context.lane.set_kicker(None);
                context.lane.stop();
            })
            .map_err(Error::Thread)?;
        let mut running = Running { lane, thread: Some(thread) };
        match started.recv() {
            Ok(Ok(())) => Ok(running),
            Ok(Err(why)) => {
                running.stop();
                Err(Missing::Seccomp(why).into())
            }
            Err(_) => {
                running.stop();
                Err(Error::Thread(std::io::ErrorKind::BrokenPipe.into()))
            }
        }
    }

    /// Stops it, and waits until it has.
    pub(crate) fn stop(&mut self) {
        self.lane.stop();
        // One that has ended needs none.
        let _ = self.lane.kick();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been told on standard error, and the guest is gone either way.
            let _ = thread.join();
        }
    }
}

/// The longest line of the guest's log; a longer one goes on in the next.
const LONGEST_LINE: usize = 4096;

/// A line of the log as it can be shown: a guest may write anything, and a terminal obeys some of it.
fn printable(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

impl Context {
    /// Runs the processor until it is stopped, or until the guest is at its end.
    fn run(&self, processor: &mut impl Processor) -> Option<Death> {
        let mut log = Vec::new();
        loop {
            let exit = processor.run();
            if self.lane.is_stopped() {
                return None;
            }
            self.lane.exits.count(&exit);
            match exit {
                Exit::Port(EVENT_PORT, number) => match Event::from_number(number) {
                    Some(Event::Idle) => {
                        if !self.lane.wait_for_request() {
                            return None;
                        }
                    }
                    Some(Event::Answered) => self.lane.wake_caller(),
                    Some(Event::Dead) => return Some(self.report(processor)),
                    Some(Event::Nothing) => {}
                    None => return Some(Death::Nonsense(format!("event {number}"))),
                },
                Exit::Port(DEBUG_PORT, _) if !self.lane.shows_log => {}
                Exit::Port(DEBUG_PORT, byte) => {
                    if byte as u8 != b'\n' {
                        log.push(byte as u8);
                    }
                    if byte as u8 == b'\n' || log.len() >= LONGEST_LINE {
                        // A standard error that is full or closed is no reason to end.
                        let _ = writeln!(std::io::stderr(), "nub guest, lane {}: {}", self.number, printable(&log));
                        log.clear();
                    }
                }
                Exit::Port(port, _) => return Some(Death::Nonsense(format!("it used port {port:#x}"))),
                Exit::Shutdown => {
                    let place = processor.place();
                    return Some(Death::TripleFault {
                        place: self.image.describe(place.instruction),
                        fault_address: place.fault_address,
                    });
                }
                Exit::Kicked => self.lane.tell_place(|| self.image.describe(processor.place().instruction)),
                Exit::Unexpected(what) => return Some(Death::Hypervisor(what)),
            }
        }
    }

    /// What the guest says of its end.
    fn report(&self, processor: &impl Processor) -> Death {
        let place = layout::slot(self.number) + REPORT_OFFSET;
        let mut bytes = Vec::new();
        // The length is read once, and what it says is copied before it is looked at.
        let length = (self.memory.word(place) as u32 as usize).min(REPORT_SIZE);
        let read = self.memory.read(place + 4, length, &mut bytes);
        debug_assert!(read, "slots are in memory");
        match Report::decode(&bytes) {
            Ok(report) => Death::Reported {
                backtrace: self.image.describe_all(&report.backtrace),
                report,
                lane: self.number,
                fault_address: processor.place().fault_address,
            },
            Err(error) => Death::Nonsense(format!("a report of its end that is none: {error}")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        debug_assert!(self.thread.is_none(), "whoever drops it has stopped it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_guest() {
        assert_eq!(printable("fault at 0x1000: 7 µs".as_bytes()), "fault at 0x1000: 7 µs");
        assert_eq!(printable(b"\x1b[2Jgone\r\xff"), "\u{fffd}[2Jgone\u{fffd}\u{fffd}");
    }
}
