//! What operations take beside what they cost: memory, which has to be paid for, and time, which is printed. The allocator
//! of this test counts, which is why it has a binary of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Instant;

use javm_cap::{
    Access, Backing, CNode, Callable, Capability, Data, DynamicMappings, Endpoint, Image, Instance, Interface, Mapping,
    Mask, Path, Right, RunState, Service, Suspended, ValidImage, Why,
};
use javm_interpreter::State;
use javm_isa::{CostModel, Instruction, Opcode, REG_COUNT, Reg};
use nub_arch_local::LocalArch;
use nub_kernel::operation::{Operation, flag};

use nub_kernel::{Call, EndpointRef, Entry, Kernel, Status, service};

struct Counting;

thread_local! {
    /// Bytes that this thread holds: the harness has others.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static MOST_HELD: Cell<i64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: i64) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    MOST_HELD.set(MOST_HELD.get().max(held));
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

const STACK: u32 = 0x40;
/// Pages of it.
const EPHEMERAL: u32 = 16;
const ADDRESS: u64 = 0x4_0000;

/// What stands in the slots of the root.
const IMAGE: u64 = 2;
const CHILD: u64 = 3;
const TABLE: u64 = 4;
const RIGHT: u64 = 5;
const PAGE: u64 = 6;
const LARGE: u64 = 7;
/// Tables in tables in tables, all full, and a Data where their slots are 9.
const DEEP: u64 = 8;
/// The services, by their ids.
const LOG: u64 = 10;
const HASH: u64 = 11;
const BLOCK: u64 = 12;
const VERIFY: u64 = 13;
/// An Image whose program yields whenever it is resumed, and a Suspended Instance of it.
const YIELDER: u64 = 14;
const STOPPED: u64 = 15;
/// From here on nothing stands.
const FREE: u64 = 32;

/// How often a program does what a case is about.
const TIMES: u64 = 200;

/// What an operation is asked with: the operation with flags and the rest of φ11, φ7 to φ10, φ12; and what it comes to.
struct Asked {
    word: u64,
    operands: [u64; 4],
    last: u64,
    status: Status,
}

fn ask(operation: Operation, operands: &[u64]) -> Asked {
    let mut all = [0; 4];
    all[..operands.len()].copy_from_slice(operands);
    Asked { word: operation as u64, operands: all, last: 0, status: Status::Halt }
}

impl Asked {
    fn of(mut self, reference: u64) -> Asked {
        self.word |= reference << 32;
        self
    }

    fn method(mut self, method: u16) -> Asked {
        self.word |= u64::from(method) << 16 | u64::from(flag::SCRATCH) << 8;
        self
    }

    fn last(mut self, last: u64) -> Asked {
        self.last = last;
        self
    }

    fn flags(mut self, flags: u8) -> Asked {
        self.word |= u64::from(flags) << 8;
        self
    }

    fn comes_to(mut self, status: Status) -> Asked {
        self.status = status;
        self
    }
}

/// A reference to a slot behind hops.
fn at(slot: u64, hops: &[u64]) -> u64 {
    hops.iter().zip([8, 16, 24]).fold(slot, |reference, (hop, shift)| reference | hop << shift)
}

fn pair(first: u64, second: u64) -> u64 {
    first | second << 32
}

/// What a program does the time that is given, by name.
type Case = (&'static str, fn(u64) -> Vec<Asked>);

const CASES: &[Case] = {
    use Operation::*;
    &[
        ("nothing", |_| vec![]),
        ("COPY a page", |i| vec![ask(Copy, &[pair(PAGE, FREE + i)])]),
        ("COPY an Instance", |i| vec![ask(Copy, &[pair(CHILD, FREE + i)])]),
        ("COPY and DROP", |_| vec![ask(Copy, &[pair(DEEP, FREE)]), ask(Drop, &[FREE])]),
        ("COPY to a table below", |i| vec![ask(Copy, &[pair(PAGE, at(FREE + i, &[TABLE]))])]),
        ("MOVE to and fro", |_| vec![ask(Move, &[pair(PAGE, FREE)]), ask(Move, &[pair(FREE, PAGE)])]),
        ("SWAP", |_| vec![ask(Swap, &[pair(PAGE, LARGE)])]),
        ("SWAP three hops below", |_| vec![ask(Swap, &[pair(at(9, &[DEEP, 9, 9]), at(10, &[DEEP, 9, 9]))])]),
        ("COPY tables, change far below", |i| {
            vec![ask(Copy, &[pair(DEEP, FREE + i)]), ask(Drop, &[at(10, &[FREE + i, 9, 9])])]
        }),
        ("COPY tables, change, DROP", |_| {
            vec![ask(Copy, &[pair(DEEP, FREE)]), ask(Drop, &[at(10, &[FREE, 9, 9])]), ask(Drop, &[FREE])]
        }),
        ("NEW_DATA", |i| vec![ask(NewData, &[1, FREE + i])]),
        ("NEW_CNODE", |i| vec![ask(NewCNode, &[FREE + i])]),
        ("NEW_CNODE and something in it", |i| vec![ask(NewCNode, &[FREE + i]), ask(NewData, &[0, at(2, &[FREE + i])])]),
        ("RESIZE", |_| vec![ask(Resize, &[LARGE, 5]), ask(Resize, &[LARGE, 1 << 18])]),
        ("COPY a GiB, RESIZE", |i| vec![ask(Copy, &[pair(LARGE, FREE + i)]), ask(Resize, &[FREE + i, (1 << 18) - 1])]),
        ("READ a page", |_| vec![ask(Read, &[PAGE, 0, ADDRESS, 4096])]),
        ("READ a byte of a GiB", |i| vec![ask(Read, &[LARGE, i << 20, ADDRESS, 1])]),
        ("READ 16 pages", |_| vec![ask(Read, &[LARGE, 0, ADDRESS, 16 * 4096])]),
        ("WRITE a page", |_| vec![ask(Write, &[PAGE, 0, ADDRESS, 4096])]),
        ("WRITE a byte to a new page", |i| vec![ask(Write, &[LARGE, i << 20 | 5 << 12, ADDRESS, 1])]),
        ("COPY a GiB, WRITE a byte", |i| {
            vec![ask(Copy, &[pair(LARGE, FREE + i)]), ask(Write, &[FREE + i, 0, ADDRESS, 1])]
        }),
        ("SPAWN", |i| vec![ask(Spawn, &[pair(IMAGE, FREE + i)])]),
        ("SPAWN, set its quota", |i| vec![ask(Spawn, &[pair(IMAGE, FREE + i)]), ask(SetQuota, &[FREE + i, 1000])]),
        ("SPAWN, put something into it", |i| {
            vec![ask(Spawn, &[pair(IMAGE, FREE + i)]), ask(NewData, &[1, at(9, &[FREE + i])])]
        }),
        ("UPGRADE", |_| vec![ask(Upgrade, &[pair(CHILD, IMAGE)])]),
        ("MINT", |i| vec![ask(Mint, &[pair(CHILD, FREE + i), 0, u64::MAX, 0])]),
        ("ATTENUATE", |i| vec![ask(Attenuate, &[pair(RIGHT, FREE + i), 0, 5])]),
        ("MAP and UNMAP", |_| vec![ask(Map, &[LARGE, 0x1000, 0, 1]).last(1), ask(Unmap, &[0, 0x1000, 1])]),
        ("MAP and UNMAP 64 pages", |_| vec![ask(Map, &[LARGE, 0x1000, 0, 64]).last(1), ask(Unmap, &[0, 0x1000, 64])]),
        ("MAP", |i| vec![ask(Map, &[LARGE, 0x1000 + 2 * i, 3 * i, 1]).last(0)]),
        ("STAT", |_| vec![ask(Stat, &[DEEP])]),
        ("STAT three hops below", |_| vec![ask(Stat, &[at(9, &[DEEP, 9, 9])])]),
        ("HASH of what was not changed", |_| vec![ask(Hash, &[DEEP, ADDRESS])]),
        ("change and HASH", |_| {
            vec![ask(Swap, &[pair(at(9, &[DEEP, 9]), at(10, &[DEEP, 9]))]), ask(Hash, &[DEEP, ADDRESS])]
        }),
        ("WRITE and HASH", |_| vec![ask(Write, &[PAGE, 0, ADDRESS, 8]), ask(Hash, &[PAGE, ADDRESS])]),
        ("SELF", |_| vec![ask(SelfRecord, &[ADDRESS])]),
        ("QUOTA", |_| vec![ask(Quota, &[])]),
        ("GAS", |_| vec![ask(Gas, &[])]),
        ("CALL a child", |_| vec![ask(Call, &[]).of(CHILD)]),
        ("CALL through a Callable", |_| vec![ask(Call, &[]).of(RIGHT)]),
        ("CALL different children", |i| vec![ask(Spawn, &[pair(IMAGE, FREE + i)]), ask(Call, &[]).of(FREE + i)]),
        ("REGS_GET", |_| vec![ask(RegsGet, &[STOPPED, ADDRESS])]),
        ("REGS_SET", |_| vec![ask(RegsSet, &[STOPPED, ADDRESS])]),
        ("REGS_SET, with pc", |_| vec![ask(RegsSet, &[STOPPED, ADDRESS]).flags(flag::PC)]),
        ("COPY what is stopped, REGS_SET", |i| {
            vec![ask(Copy, &[pair(STOPPED, FREE + i)]), ask(RegsSet, &[FREE + i, ADDRESS])]
        }),
        ("MAP and UNMAP in what is stopped", |_| {
            let at = at(CHILD, &[STOPPED]);
            vec![ask(Map, &[at, 0x1000, 0, 1]).last(1), ask(Unmap, &[self::at(0, &[STOPPED]), 0x1000, 1])]
        }),
        ("RESUME to a YIELD", |_| vec![ask(Resume, &[]).of(STOPPED).comes_to(Status::Yield)]),
        ("COPY what is stopped, RESUME", |i| {
            vec![ask(Copy, &[pair(STOPPED, FREE + i)]), ask(Resume, &[]).of(FREE + i).comes_to(Status::Yield)]
        }),
        ("RESUME, undone", |_| vec![ask(Resume, &[]).of(STOPPED).flags(flag::ATOMIC).comes_to(Status::Yield)]),
        ("SPAWN, CALL to a YIELD", |i| {
            vec![ask(Spawn, &[pair(YIELDER, FREE + i)]), ask(Call, &[]).of(FREE + i).comes_to(Status::Yield)]
        }),
        ("SPAWN, CALL to a YIELD, DROP", |_| {
            vec![
                ask(Spawn, &[pair(YIELDER, FREE)]),
                ask(Call, &[]).of(FREE).comes_to(Status::Yield),
                ask(Drop, &[FREE]),
            ]
        }),
        ("LOG", |_| vec![ask(Call, &[]).of(LOG).method(0)]),
        ("LOG of 100 bytes", |_| vec![ask(Call, &[0, 100]).of(LOG).method(0)]),
        ("BLOCK", |_| vec![ask(Call, &[]).of(BLOCK).method(0)]),
        ("BLOCK, prior root", |_| vec![ask(Call, &[]).of(BLOCK).method(1)]),
        ("HASH, BLAKE2b of 4096 bytes", |_| vec![ask(Call, &[0, 4096, 8]).of(HASH).method(0)]),
        ("HASH, Keccak of 4096 bytes", |_| vec![ask(Call, &[0, 4096, 8]).of(HASH).method(1)]),
        ("HASH, SHA-256 of 4096 bytes", |_| vec![ask(Call, &[0, 4096, 8]).of(HASH).method(2)]),
        ("HASH of nothing", |_| vec![ask(Call, &[0, 0, 8]).of(HASH).method(2)]),
        ("VERIFY, ed25519", |_| vec![ask(Call, &[4096, 100]).of(VERIFY).method(0)]),
        ("VERIFY, ed25519 of 4096 bytes", |_| vec![ask(Call, &[4096, 4096]).of(VERIFY).method(0)]),
        ("VERIFY, secp256k1", |_| vec![ask(Call, &[2 * 4096, 97, 0]).of(VERIFY).method(1)]),
    ]
};

fn image(text: &str) -> ValidImage {
    let program = javm_isa::assemble(text).unwrap_or_else(|error| panic!("{error}"));
    let mapping = |pages, access, backing| Mapping { pages, access, backing };
    let endpoint = Endpoint::new("main".parse().expect("a name"), 0);
    let image = Image {
        memory: BTreeMap::from([(STACK, mapping(EPHEMERAL, Access::ReadWrite, Backing::Ephemeral))]),
        ..Image::new(CostModel::Flat, program.blob().to_vec(), vec![endpoint])
    };
    image.validate().expect("it is valid")
}

/// A program that does what a case says, so many times.
fn program((_, case): &Case, times: u64) -> ValidImage {
    let mut text = String::new();
    for Asked { word, operands, last, status } in (0..times).flat_map(case) {
        let registers = ["a0", "a1", "a2", "a3", "a4", "a5"];
        for (register, value) in registers.iter().zip(operands.iter().chain([&word, &last])) {
            let _ = writeln!(text, "load_imm_64 {register}, {value}");
        }
        let _ = writeln!(text, "ecall\n branch_ne_imm a1, {}, @refused", status as u8);
    }
    text.push_str("jump_ind ra, 0\n fallthrough\n@refused:\n trap");
    image(&text)
}

/// A full table around what is given, in slot 9.
fn full(inner: Option<CNode>) -> CNode {
    let service = |id| Capability::Service(Service { id, parameter: 0 });
    let mut table = CNode::from_slots((0..=255).map(|slot| (slot, service(slot.into())))).expect("small");
    table.set(9, inner.map_or_else(|| Data::new(1).expect("small").into(), Capability::CNode)).expect("small");
    table
}

fn root(program: ValidImage) -> Instance {
    let child = image("jump_ind ra, 0");
    let mut large = Data::new(1 << 18).expect("small");
    for page in 0..1 << 10 {
        large.write(page << 20, &[1; 100]).expect("inside");
    }
    let right = Right {
        mask: Mask::first(1),
        ceiling: u64::MAX,
        badge: 0,
        distance: 1,
        path: Path::new(&[CHILD as u8]).expect("short"),
    };
    let callable = Callable::new(Interface::of_image(&child), right).expect("it is right");
    let service = |slot: u64| (slot, Capability::Service(Service { id: slot as u32 - 9, parameter: 0 }));
    let yielder = image(&format!("@again:\n load_imm_64 a4, {}\n ecall\n jump @again", Operation::Yield as u8));
    let mut stopped = Instance::new(yielder.clone());
    let state = Suspended {
        why: Why::OutOfGas,
        block_paid: false,
        pc: 0,
        registers: [0; REG_COUNT],
        ephemeral: Data::new(EPHEMERAL).expect("small"),
        mappings: DynamicMappings::new(),
    };
    stopped.set_state(RunState::Suspended(state)).expect("as its Image has it");
    let slots: [(u64, Capability); 13] = [
        (YIELDER, yielder.into()),
        (STOPPED, stopped.into()),
        (IMAGE, child.clone().into()),
        (CHILD, Instance::new(child).into()),
        (TABLE, CNode::new().into()),
        (RIGHT, callable.into()),
        (PAGE, Data::from_bytes(&[1; 4096]).expect("small").into()),
        (LARGE, large.into()),
        (DEEP, full(Some(full(Some(full(None))))).into()),
        service(LOG),
        service(HASH),
        service(BLOCK),
        service(VERIFY),
    ];
    let mut root = Instance::new(program);
    for (slot, capability) in slots {
        root.put_at(&[slot as u8], capability).expect("small");
    }
    let _ = root.hash();
    root
}

/// Signatures that take all the steps to find out about them: of zeros, which are a point, on the second page; r = s = 1 of
/// the hash 0 on the third one.
fn scratchpad() -> Data {
    let mut data = Data::new(3).expect("small");
    for offset in [2 * 4096 + 63, 2 * 4096 + 95] {
        data.write(offset, &[1]).expect("inside");
    }
    data
}

/// What a program took that did what a case says.
struct Taken {
    gas: u64,
    nanoseconds: u128,
    /// Bytes more than before: at most, while it ran, and afterwards.
    most: i64,
    kept: i64,
}

fn run(case: &Case, times: u64, rounds: u32) -> Taken {
    let mut kernel = Kernel::new(LocalArch);
    let root = kernel.keep(root(program(case, times)));
    let entry = Entry {
        path: Path::ROOT,
        endpoint: 0,
        arguments: [0; 4],
        gas: 1 << 40,
        live: [Some(scratchpad().into()), None],
        origin: None,
    };
    let mut taken = Taken { gas: 0, nanoseconds: u128::MAX, most: 0, kept: 0 };
    for round in 0..=rounds {
        let copy = kernel.copy(root).expect("it is there");
        let before = HELD.get();
        MOST_HELD.set(before);
        let start = Instant::now();
        let reached = kernel.enter(copy, entry.clone()).expect("it is there");
        let nanoseconds = start.elapsed().as_nanos();
        assert_eq!(reached.status, Status::Halt, "{}", case.0);
        // The first one maps memory, which stays.
        if round > 0 {
            let most = (MOST_HELD.get() - before).max(taken.most);
            let kept = (HELD.get() - before).max(taken.kept);
            let gas = entry.gas - reached.gas_left;
            taken = Taken { gas, nanoseconds: nanoseconds.min(taken.nanoseconds), most, kept };
        }
        kernel.drop_instance(copy);
    }
    taken
}

/// What a program may hold more of at any time than its gas says: books that do not grow with what it does.
const FREE_BYTES: i64 = 64 << 10;
/// Bytes that a unit of gas may bring.
const BYTES_PER_GAS: f64 = 5.0;

#[test]
fn memory_that_programs_hold_was_paid_for() {
    for case in CASES {
        let Taken { gas, most, kept, .. } = run(case, TIMES, 2);
        let allowed = (gas as f64 * BYTES_PER_GAS) as i64 + FREE_BYTES;
        assert!(most <= allowed && kept <= allowed, "{}: {most} bytes at most, {kept} at the end, {gas} gas", case.0);
    }
}

/// What was dropped is gone after the call, and nothing of it is left in any cache.
#[test]
fn what_programs_drop_is_given_back() {
    for case in CASES.iter().filter(|(name, _)| name.contains("DROP") || name.contains("fro")) {
        let Taken { kept, .. } = run(case, TIMES, 2);
        assert!(kept < 4096, "{}: {kept} bytes are kept", case.0);
    }
}

/// What a case asks for, in the program itself and in what it calls: operations, and services with their methods.
fn asked_for(case: &Case) -> BTreeSet<(u8, Option<(u64, u16)>)> {
    let mut found = BTreeSet::new();
    let mut kernel = Kernel::new(LocalArch);
    let root = kernel.keep(root(program(case, 2)));
    let scratchpad = vec![0; 3 * 4096];
    let call = Call { scratchpad: Some(&scratchpad), ..Call::new(EndpointRef::Number(0), &[], 1 << 40) };
    let mut watch = |state: &State, instruction: &Instruction| {
        if instruction.opcode == Opcode::Ecall {
            let word = state.registers[Reg::A4.index()];
            let (number, slot) = (word as u8, word >> 32);
            let service = (LOG..=VERIFY).contains(&slot).then(|| (slot - LOG + 1, (word >> 16) as u16));
            found.insert((number, service));
        }
    };
    let outcome = kernel.invoke(root, &call, Some(&mut watch)).expect("it is called");
    assert_eq!(outcome.status(), Status::Halt, "{}", case.0);
    found
}

/// Nothing is done without its price having been looked at.
#[test]
fn every_operation_and_service_has_a_case() {
    let found: BTreeSet<_> = CASES.iter().flat_map(asked_for).collect();
    let operations: BTreeSet<u8> = found.iter().map(|(number, _)| *number).collect();
    let missing: Vec<_> =
        Operation::ALL.iter().filter(|&&operation| !operations.contains(&(operation as u8))).collect();
    assert!(missing.is_empty(), "no case asks for {missing:?}");
    for &service in service::Service::ALL {
        let mut methods = 0;
        while service.price(methods, 0).is_some() {
            let number = (Operation::Call as u8, Some((service as u64, methods)));
            assert!(found.contains(&number), "no case calls method {methods} of {}", service.name());
            methods += 1;
        }
        assert!(methods > 0, "{} does something", service.name());
    }
}

/// `cargo test --release -p nub-arch-local --test prices -- --ignored --nocapture`
#[test]
#[ignore = "prints times, which say something on a quiet machine in release only"]
fn times_beside_prices() {
    println!("{:34} {:>8} {:>8} {:>8} {:>10} {:>10}", "", "gas", "ns", "ns/gas", "bytes/gas", "kept/gas");
    let empty = run(&CASES[0], TIMES, 200);
    for case in &CASES[1..] {
        let taken = run(case, TIMES, 200);
        let gas = (taken.gas - empty.gas) as f64 / TIMES as f64;
        let time = taken.nanoseconds.saturating_sub(empty.nanoseconds) as f64 / TIMES as f64;
        let [most, kept] = [taken.most, taken.kept].map(|bytes| bytes as f64 / TIMES as f64 / gas);
        println!("{:34} {gas:8.0} {time:8.0} {:8.2} {most:10.2} {kept:10.2}", case.0, time / gas);
    }
}
