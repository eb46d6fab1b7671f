//! What it costs when programs call each other, make, copy and drop, and pass things on: by programs, inside of calls from the
//! host.
//!
//! Each figure is a loop that does something once a turn; what the same loop takes without that is taken off. What cannot be
//! done again and again without something else that undoes it, COPY, is done a few times in calls of fresh Instances.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use javm_cap::{
    Access, Backing, Capability, Data, Endpoint, EndpointName, Image, Instance, Mapping, SCRATCHPAD_SLOT, Service,
    ValidImage,
};
use javm_isa::CostModel;
use nub::{Ended, InstanceId, InvokeOptions, Nub};

use super::super::failure::Failure;
use super::capabilities::{family, full};
use super::measure::{self, Times, nanoseconds};
use super::programs;
use super::{NANOSECONDS, PAGES};

/// More than any loop here needs.
const GAS: u64 = 1 << 50;

/// Where the program that loops has what it works on, an Image, and a scratchpad. Slot 22 is empty.
const SUBJECT: u8 = 20;
const IMAGE: u8 = 21;
const SCRATCHPAD: u8 = 23;

/// Turns of a loop, so many that it matters little whether a lane or its caller slept before.
const TURNS: u64 = 4000;

/// Turns of a loop that fills slots, from 32 on.
const FILLING_TURNS: u64 = 64;

/// The least time of so many runs counts, for the same reason.
const RUNS: usize = 3;

/// The same of short ones.
const FILLING_RUNS: usize = 30;

/// The pages of 64 MiB.
const LARGE_SCRATCHPAD: u32 = 1 << 14;

/// A loop: what stands in a turn, and what it is measured against.
struct Loop {
    name: &'static str,
    /// What is done before the first turn.
    before: &'static str,
    turn: &'static str,
    /// What a turn has to do anyway.
    empty: &'static str,
    subject: Subject,
    turns: Turns,
}

/// How the turns of a loop follow each other.
#[derive(Clone, Copy)]
enum Turns {
    /// Each finds what the one before found, and so does the next call.
    Alike,
    /// Each fills a slot. Each call is one of an Instance of its own, which is copied before and dropped after it.
    Filling,
}

impl Turns {
    /// How many of them a call has, and how many calls are made.
    fn counts(self) -> (u64, usize) {
        match self {
            Turns::Alike => (TURNS, RUNS),
            Turns::Filling => (FILLING_TURNS, FILLING_RUNS),
        }
    }
}

/// What the program that loops has.
#[derive(Clone, Copy)]
enum Subject {
    /// A service.
    Block,
    /// A program with this text and this memory.
    Callee(&'static str, Memory),
    /// An Image of one.
    Image(&'static str, Memory),
    /// A Data of so many pages.
    Data(u32),
    /// An Instance with 1,000 descendants.
    Family,
    /// A program that passes its scratchpad on to another one.
    Chain,
}

/// The memory map of a program.
#[derive(Clone, Copy, Default)]
struct Memory {
    /// Ephemeral pages from 0x40000 on.
    ephemeral: u32,
    /// Pages of Data from 0x20000 on, to be written to.
    writable: u32,
    /// Pages of the scratchpad from 0x100000 on, for reading.
    scratchpad: u32,
}

const NONE: Memory = Memory { ephemeral: 0, writable: 0, scratchpad: 0 };
const EPHEMERAL: Memory = Memory { ephemeral: 4, ..NONE };
const WRITABLE: Memory = Memory { writable: 4, ..NONE };
const SMALL: Memory = Memory { ephemeral: 2, writable: 2, scratchpad: 0 };
const PASSING: Memory = Memory { scratchpad: LARGE_SCRATCHPAD, ..NONE };

const RETURN: &str = "jump_ind ra, 0";
const STORE_EPHEMERAL: &str = "store_u64 [0x40000], a0\n store_u64 [0x41000], a0\n store_u64 [0x42000], a0\n \
                               store_u64 [0x43000], a0\n jump_ind ra, 0";
const STORE_WRITABLE: &str = "store_u64 [0x20000], a0\n store_u64 [0x21000], a0\n store_u64 [0x22000], a0\n \
                              store_u64 [0x23000], a0\n jump_ind ra, 0";
const STORE_SMALL: &str = "store_u64 [0x40000], a0\n store_u64 [0x20000], a0\n jump_ind ra, 0";
const LOAD: &str = "load_u64 a0, [0x20000]\n jump_ind ra, 0";
const READ_SCRATCHPAD: &str = "load_u64 a0, [0x100000]\n jump_ind ra, 0";
const PASS_ON: &str =
    "move_reg s0, ra\n load_u64 a0, [0x100000]\n load_imm a4, 0x100\n load_imm a5, 0\n ecalli 20\n jump_ind s0, 0";

/// A call in a turn, with the number of turns left as argument.
const CALL: &str = "move_reg a0, t0\n load_imm a4, 0\n load_imm a5, 0\n ecalli 20";
const NO_CALL: &str = "move_reg a0, t0\n load_imm a4, 0\n load_imm a5, 0";
/// COPY from slot 20 to slot 32, then to the next one, and so on.
const FIRST_SLOT: &str = "load_imm_64 t1, 0x2000000014\n load_imm_64 t2, 0x100000000\n load_imm a4, 1";
const COPY: &str = "move_reg a0, t1\n ecall\n add_64 t1, t1, t2";
const NO_COPY: &str = "move_reg a0, t1\n add_64 t1, t1, t2";
/// COPY from slot 20 to slot 22, and DROP.
const COPY_DROP: &str =
    "load_imm_64 a0, 0x1600000014\n load_imm a4, 1\n ecall\n load_imm a0, 22\n load_imm a4, 4\n ecall";
const NO_COPY_DROP: &str = "load_imm_64 a0, 0x1600000014\n load_imm a4, 1\n load_imm a0, 22\n load_imm a4, 4";

/// A loop whose turns are alike.
const fn alike(name: &'static str, turn: &'static str, empty: &'static str, subject: Subject) -> Loop {
    Loop { name, before: "", turn, empty, subject, turns: Turns::Alike }
}

/// A loop of COPY alone.
const fn copying(name: &'static str, subject: Subject) -> Loop {
    Loop { name, before: FIRST_SLOT, turn: COPY, empty: NO_COPY, subject, turns: Turns::Filling }
}

const LOOPS: &[Loop] = &[
    alike("program/service", CALL, NO_CALL, Subject::Block),
    alike("program/call", CALL, NO_CALL, Subject::Callee(RETURN, NONE)),
    // What is there, but not touched.
    alike("program/call-4-ephemeral", CALL, NO_CALL, Subject::Callee(RETURN, EPHEMERAL)),
    alike("program/call-4-ephemeral-written", CALL, NO_CALL, Subject::Callee(STORE_EPHEMERAL, EPHEMERAL)),
    alike("program/call-4-writable", CALL, NO_CALL, Subject::Callee(LOAD, WRITABLE)),
    alike("program/call-4-writable-written", CALL, NO_CALL, Subject::Callee(STORE_WRITABLE, WRITABLE)),
    // SPAWN, a call that writes to a page of either kind, and DROP.
    Loop {
        name: "program/spawn-call-drop",
        before: "",
        turn: "load_imm_64 a0, 0x1600000015\n load_imm a4, 10\n ecall\n load_imm a4, 0\n load_imm a5, 0\n ecalli 22\n \
               load_imm a0, 22\n load_imm a4, 4\n ecall",
        empty: "load_imm_64 a0, 0x1600000015\n load_imm a4, 10\n load_imm a4, 0\n load_imm a5, 0\n load_imm a0, 22\n \
                load_imm a4, 4",
        subject: Subject::Image(STORE_SMALL, SMALL),
        turns: Turns::Alike,
    },
    copying("program/copy-4KiB", Subject::Data(1)),
    copying("program/copy-1MiB", Subject::Data(1 << 8)),
    copying("program/copy-1GiB", Subject::Data(1 << 18)),
    copying("program/copy-instance-1000", Subject::Family),
    alike("program/copy-drop-4KiB", COPY_DROP, NO_COPY_DROP, Subject::Data(1)),
    alike("program/copy-drop-1MiB", COPY_DROP, NO_COPY_DROP, Subject::Data(1 << 8)),
    alike("program/copy-drop-1GiB", COPY_DROP, NO_COPY_DROP, Subject::Data(1 << 18)),
    alike("program/copy-drop-instance-1000", COPY_DROP, NO_COPY_DROP, Subject::Family),
    // A scratchpad of 64 MiB, which both of the other programs read.
    Loop {
        name: "program/scratchpad-64MiB",
        // COPY from slot 23 to slot 0.
        before: "load_imm a0, 23\n load_imm a4, 1\n ecall",
        turn: "load_imm a4, 0x100\n load_imm a5, 0\n ecalli 20",
        empty: "load_imm a4, 0x100\n load_imm a5, 0",
        subject: Subject::Chain,
        turns: Turns::Alike,
    },
];

type Built<T> = Result<T, Box<dyn std::error::Error>>;

/// A program with one endpoint, which takes a number.
fn image(text: &str, memory: Memory) -> Built<ValidImage> {
    let program = javm_isa::assemble(text)?;
    let name: EndpointName = "main".parse().map_err(|error| format!("{error:?}"))?;
    let persistent =
        |pages, slot, access| Mapping { pages, access, backing: Backing::Persistent { slot, offset_pages: 0 } };
    let ephemeral = Mapping { pages: memory.ephemeral, access: Access::ReadWrite, backing: Backing::Ephemeral };
    let all = [
        (0x20, persistent(memory.writable, programs::STATE_SLOT, Access::ReadWrite)),
        (0x40, ephemeral),
        (0x100, persistent(memory.scratchpad, SCRATCHPAD_SLOT, Access::ReadOnly)),
    ];
    let state = (memory.writable > 0)
        .then(|| Ok::<_, javm_cap::DataError>((programs::STATE_SLOT, Data::new(memory.writable)?)));
    let image = Image {
        memory: all.into_iter().filter(|(_, mapping)| mapping.pages > 0).collect(),
        slots: state.into_iter().collect::<Result<BTreeMap<_, _>, _>>()?,
        ..Image::new(CostModel::Pipeline, program.blob().to_vec(), vec![Endpoint::new(name, 1)])
    };
    Ok(image.validate()?)
}

impl Subject {
    /// What stands in which slots of the program that loops.
    fn build(self) -> Built<Vec<(u8, Capability)>> {
        Ok(vec![match self {
            Subject::Block => {
                (SUBJECT, Service { id: nub_kernel::service::Service::Block as u32, parameter: 0 }.into())
            }
            Subject::Callee(text, memory) => (SUBJECT, Instance::new(image(text, memory)?).into()),
            Subject::Image(text, memory) => (IMAGE, image(text, memory)?.into()),
            Subject::Data(pages) => (SUBJECT, full(pages)?.into()),
            Subject::Family => (SUBJECT, family(&image(RETURN, NONE)?)?.into()),
            Subject::Chain => {
                let mut first = Instance::new(image(PASS_ON, PASSING)?);
                first.put_at(&[SUBJECT], Instance::new(image(READ_SCRATCHPAD, PASSING)?))?;
                return Ok(vec![(SUBJECT, first.into()), (SCRATCHPAD, full(LARGE_SCRATCHPAD)?.into())]);
            }
        }])
    }
}

/// A program that has this in each of as many turns as it is told.
fn looping(before: &str, turn: &str, subjects: Vec<(u8, Capability)>) -> Built<Instance> {
    let [before, turn] = [before, turn].map(collecting_statuses);
    let text = format!(
        "move_reg t0, a0\n move_reg s0, ra\n load_imm s1, 0\n {before}\n fallthrough\n@next:\n {turn}\n \
         add_imm_64 t0, t0, -1\n branch_ne_imm t0, 0, @next\n move_reg a0, s1\n jump_ind s0, 0"
    );
    let mut root = Instance::new(image(&text, NONE)?);
    for (slot, subject) in subjects {
        root.put_at(&[slot], subject)?;
    }
    Ok(root)
}

/// The same with the status of each operation and call collected in s1.
fn collecting_statuses(text: &str) -> String {
    let collected = |line: &str| match line.trim().starts_with("ecall") {
        true => format!("{line}\n or s1, s1, a1\n"),
        false => format!("{line}\n"),
    };
    text.lines().map(collected).collect()
}

/// A program that loops, ready to be called.
struct Looping {
    instance: InstanceId,
    options: InvokeOptions,
}

impl Looping {
    fn load(nub: &mut Nub, root: Instance) -> Built<Looping> {
        let instance = nub.load(root)?;
        let looping = Looping { instance, options: InvokeOptions { gas: GAS, ..InvokeOptions::default() } };
        // Memory is mapped, and every loop that is not right fails here.
        looping.run_copy(nub, 2)?;
        Ok(looping)
    }

    fn run(&self, nub: &mut Nub, turns: u64) -> Built<Duration> {
        self.call(nub, self.instance, turns)
    }

    /// The run of a copy, which is then dropped.
    fn run_copy(&self, nub: &mut Nub, turns: u64) -> Built<Duration> {
        let copy = nub.copy(self.instance)?;
        let took = self.call(nub, copy, turns);
        nub.drop_instance(copy);
        took
    }

    fn call(&self, nub: &mut Nub, instance: InstanceId, turns: u64) -> Built<Duration> {
        let begun = Instant::now();
        let outcome = nub.invoke(instance, "main", &[turns], &self.options)?;
        let took = begun.elapsed();
        match (outcome.ended, outcome.value) {
            (Ended::Halt, 0) => Ok(took),
            (ended, statuses) => Err(format!("the loop ends with {ended:?}, with statuses {statuses:#x}").into()),
        }
    }
}

impl Loop {
    fn measure(&self, nub: &mut Nub, time: Duration) -> Built<Times> {
        let full = Looping::load(nub, looping(self.before, self.turn, self.subject.build()?)?)?;
        let empty = Looping::load(nub, looping(self.before, self.empty, self.subject.build()?)?)?;
        let (turns, runs) = self.turns.counts();
        let times = measure::sample(time, || {
            let mut least = [f64::INFINITY; 2];
            for _ in 0..runs {
                // In turns, so that both meet the same machine.
                for (least, looping) in least.iter_mut().zip([&full, &empty]) {
                    let took = match self.turns {
                        Turns::Alike => looping.run(nub, turns)?,
                        Turns::Filling => looping.run_copy(nub, turns)?,
                    };
                    *least = least.min(nanoseconds(took));
                }
            }
            let [full, empty] = least;
            Ok::<_, Box<dyn std::error::Error>>((full - empty) / turns as f64)
        })?;
        nub.drop_instance(full.instance);
        nub.drop_instance(empty.instance);
        Ok(times)
    }

    /// How many pages are copied for the memory of programs in a turn; `None` where the machine does not count them.
    fn copied(&self, nub: &mut Nub) -> Built<Option<Times>> {
        let looping = Looping::load(nub, looping(self.before, self.turn, self.subject.build()?)?)?;
        let before = nub.stats()?.window_copies;
        let turns = self.turns.counts().0;
        looping.run(nub, turns)?;
        let after = nub.stats()?.window_copies;
        nub.drop_instance(looping.instance);
        let pages = before.zip(after).map(|(before, after)| (after - before) as f64 / turns as f64);
        Ok(pages.map(|pages| Times::new(vec![pages])))
    }
}

/// Every figure, handed to `take` as soon as it is there; or why it could not be measured: a guest has less memory than it
/// needs, for example.
///
/// # Errors
/// Those of `take`.
pub(super) fn measure(
    nub: &mut Nub,
    time: Duration,
    mut take: impl FnMut(&str, &str, Built<Times>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for figure in LOOPS {
        take(figure.name, NANOSECONDS, figure.measure(nub, time))?;
        if matches!(figure.subject, Subject::Chain)
            && let Some(copied) = figure.copied(nub).transpose()
        {
            take("program/scratchpad-64MiB-copied", PAGES, copied)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loop_does_what_it_is_about() {
        let mut nub = Nub::new_local();
        for figure in LOOPS.iter().filter(|figure| !matches!(figure.subject, Subject::Data(pages) if pages > 256)) {
            let build = |turn| {
                looping(figure.before, turn, figure.subject.build().expect("it can be built")).expect("so can this")
            };
            for turn in [figure.turn, figure.empty] {
                Looping::load(&mut nub, build(turn)).unwrap_or_else(|error| panic!("{}: {error}", figure.name));
            }
        }
    }
}
