//! The kernel on the local machine, through programs written in assembly text. Every call is also made through the handle
//! that tests of programs use, which runs it in a virtual machine, too, where there is one; all have to come to the same.

#[path = "kernel/seeds.rs"]
mod seeds;
#[path = "kernel/services.rs"]
mod services;
#[path = "kernel/windows.rs"]
mod windows;

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use javm_cap::{
    Access, Backing, CapHash, Capability, Data, Endpoint, Image, Import, Mapping, PAGE_SIZE, ValidImage, Wanted,
};
use javm_isa::{CostModel, REG_COUNT, Reg};
use nub::{InvokeOptions, Nub};
use nub_arch_local::LocalArch;
use nub_kernel::operation::{HOP_PRICE, Operation};
use nub_kernel::service::{LOG_BYTES_LIMIT, Service};
use nub_kernel::{
    Call, Ended, EndpointRef, Grants, InstanceId, InstantiateError, InvokeError, Kernel, LogEntry, Outcome, Status,
    UnpublishError,
};

/// First pages of what every test Image maps.
const READ_ONLY: u32 = 0x10;
const STATE: u32 = 0x20;
const SCRATCH: u32 = 0x30;
const STACK: u32 = 0x40;
const LOG_SLOT: u8 = 4;
const HASH_SLOT: u8 = 5;
/// An import that nothing is granted for.
const EMPTY_SLOT: u8 = 6;

/// An Image of one endpoint, `main`, that starts at offset 0. It maps read-only data, state, two pages of scratchpad
/// (the second read-only) and a stack.
fn image(text: &str, arity: u8) -> Image {
    let program = javm_isa::assemble(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let persistent = |slot, offset_pages| Backing::Persistent { slot, offset_pages };
    let mapping = |pages, access, backing| Mapping { pages, access, backing };
    let mut registers = [0; REG_COUNT];
    registers[Reg::SP.index()] = u64::from(STACK + 1) * PAGE_SIZE as u64;
    let endpoint = Endpoint { registers, ..Endpoint::new("main".parse().expect("a name"), arity) };
    Image {
        memory: BTreeMap::from([
            (READ_ONLY, mapping(1, Access::ReadOnly, persistent(2, 0))),
            (STATE, mapping(2, Access::ReadWrite, persistent(3, 0))),
            (SCRATCH, mapping(1, Access::ReadWrite, persistent(0, 0))),
            (SCRATCH + 2, mapping(1, Access::ReadOnly, persistent(0, 1))),
            (STACK, mapping(1, Access::ReadWrite, Backing::Ephemeral)),
        ]),
        slots: BTreeMap::from([(2, Data::from_bytes(b"constant").expect("small")), (3, Data::new(2).expect("small"))]),
        imports: BTreeMap::from([
            (LOG_SLOT, Import { required: true, wanted: Wanted::Service(Service::Log as u32) }),
            (HASH_SLOT, Import { required: true, wanted: Wanted::Service(Service::Hash as u32) }),
            (EMPTY_SLOT, Import { required: false, wanted: Wanted::TypeDef(CapHash([7; 32])) }),
        ]),
        ..Image::new(CostModel::Flat, program.blob().to_vec(), vec![endpoint])
    }
}

/// The machines that calls are compared with: one guest for all tests, as a guest takes longer to start than they take.
static NUB: LazyLock<Mutex<Nub>> = LazyLock::new(|| Mutex::new(Nub::for_tests().expect("a machine")));

fn with_nub<T>(ask: impl FnOnce(&mut Nub) -> Result<T, nub::Error>) -> T {
    // A test that has failed leaves the handle as it was.
    ask(&mut NUB.lock().unwrap_or_else(PoisonError::into_inner)).unwrap_or_else(|error| panic!("{error}"))
}

/// All of an outcome.
fn seen(outcome: &Outcome) -> impl PartialEq + std::fmt::Debug + use<> {
    let scratchpad = outcome.scratchpad.as_ref().map(|data| (data.pages(), data.hash()));
    (outcome.ended, outcome.value, outcome.gas_used, outcome.registers, outcome.pc, scratchpad, outcome.logs.clone())
}

struct Machine {
    kernel: Kernel<LocalArch>,
    instance: InstanceId,
    /// The same Instance in [`NUB`].
    twin: InstanceId,
}

impl Machine {
    fn new(text: &str, arity: u8) -> Machine {
        Machine::of(image(text, arity).validate().unwrap_or_else(|error| panic!("{error}\n{text}")))
    }

    fn of(image: ValidImage) -> Machine {
        let mut kernel = Kernel::new(LocalArch);
        let hash = kernel.publish(image.clone());
        let instance = kernel.instantiate(&hash, &Grants::services()).expect("all services are there");
        let twin = with_nub(|nub| {
            nub.publish_image(image)?;
            nub.instantiate(&hash, &Grants::services())
        });
        Machine { kernel, instance, twin }
    }

    /// A copy of the Instance.
    fn copy(&mut self) -> (InstanceId, InstanceId) {
        let copy = self.kernel.copy(self.instance).expect("it is there");
        (copy, with_nub(|nub| nub.copy(self.twin)))
    }

    /// Goes on with another Instance; gives the one that it was.
    fn become_other(&mut self, other: (InstanceId, InstanceId)) -> (InstanceId, InstanceId) {
        let before = (self.instance, self.twin);
        (self.instance, self.twin) = other;
        before
    }

    fn call(&mut self, arguments: &[u64], gas: u64, scratchpad: Option<&[u8]>) -> Outcome {
        self.call_endpoint("main", arguments, gas, scratchpad)
    }

    fn call_endpoint(&mut self, name: &str, arguments: &[u64], gas: u64, scratchpad: Option<&[u8]>) -> Outcome {
        let call = Call { scratchpad, ..Call::new(EndpointRef::Name(name), arguments, gas) };
        let outcome = self.kernel.invoke(self.instance, &call, None).expect("the call is right");
        let options = InvokeOptions { gas, scratchpad: scratchpad.map(<[u8]>::to_vec), ..InvokeOptions::default() };
        let there = with_nub(|nub| nub.invoke(self.twin, name, arguments, &options));
        assert_eq!(seen(&outcome), seen(&there), "the machines differ");
        self.root();
        outcome
    }

    fn root(&self) -> CapHash {
        let root = self.kernel.instance(self.instance).expect("it is there").hash();
        assert_eq!(with_nub(|nub| nub.state_root(self.twin)), root, "the machines differ");
        root
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // With a test that fails the handle may be at its end, too.
        if let Ok(mut nub) = NUB.lock() {
            nub.drop_instance(self.twin);
        }
    }
}

/// Runs `text` once on a fresh Instance.
fn run(text: &str, arguments: &[u64], scratchpad: Option<&[u8]>) -> Outcome {
    Machine::new(text, arguments.len() as u8).call(arguments, 1_000_000, scratchpad)
}

/// φ8 at the end.
fn status(outcome: &Outcome) -> u64 {
    outcome.registers[Reg::A1.index()]
}

/// Adds its argument to a counter in the state page.
const ADD: &str = "
    load_u64 a1, [0x20000]
    add_64 a0, a0, a1
    store_u64 [0x20000], a0
    jump_ind ra, 0
";

#[test]
fn a_tree_that_was_kept_before_its_image_was_published_counts_like_any_other() {
    let image = image(ADD, 1).validate().expect("valid");
    let mut kernel = Kernel::new(LocalArch);
    let kept = kernel.keep(javm_cap::Instance::new(image.clone()));
    let hash = kernel.publish(image);
    assert_eq!(kernel.unpublish(&hash), Err(UnpublishError::InUse { image: hash, instances: 1 }));
    assert!(kernel.drop_instance(kept));
    assert_eq!(kernel.unpublish(&hash), Ok(true));
}

#[test]
fn state_survives_calls_and_copies_go_their_own_way() {
    let mut machine = Machine::new(ADD, 1);
    let fresh = machine.root();
    assert_eq!(machine.call(&[5], 100, None).value, 5);
    assert_eq!(machine.call(&[6], 100, None).value, 11);
    let copy = machine.copy();
    assert_eq!(machine.kernel.instance(copy.0).expect("copied").hash(), machine.root());
    assert_eq!(machine.call(&[1], 100, None).value, 12);
    let original = machine.become_other(copy);
    assert_eq!(machine.call(&[100], 100, None).value, 111);
    machine.become_other(original);
    assert_eq!(machine.call(&[1], 100, None).value, 13);
    // Back to nothing written is back to the first root: the hash is of the content alone.
    assert_ne!(machine.root(), fresh);
    machine.call(&[13_u64.wrapping_neg()], 100, None);
    assert_eq!(machine.root(), fresh);
    assert!(machine.kernel.drop_instance(copy.0));
    assert!(!machine.kernel.drop_instance(copy.0));
}

#[test]
fn whatever_is_left_of_the_gas_the_state_is_old_or_new() {
    let mut machine = Machine::new(
        "
        load_imm a3, 3
        fallthrough
     @next:
        load_u64 a1, [0x20000]
        add_imm_64 a1, a1, 1
        store_u64 [0x20000], a1
        add_imm_64 a3, a3, -1
        branch_ne_imm a3, 0, @next
        jump_ind ra, 0
    ",
        0,
    );
    let before = machine.root();
    let needed = Machine::new(ADD, 1).call(&[1], 100, None).gas_used;
    assert_eq!(needed, 4);
    let mut ended = Vec::new();
    for gas in 0..40 {
        let outcome = machine.call(&[], gas, None);
        ended.push(outcome.ended == Ended::Halt);
        if outcome.ended == Ended::Halt {
            assert_eq!(outcome.gas_used, 18);
            break;
        }
        assert_eq!(outcome.ended, Ended::OutOfGas);
        assert!(outcome.gas_used <= gas);
        assert_eq!(machine.root(), before, "with {gas} gas something was left behind");
    }
    assert_eq!(ended.len(), 19, "18 gas are just enough");
    assert_ne!(machine.root(), before);
}

#[test]
fn failures_leave_nothing_and_name_the_instruction() {
    for (text, ended, pc) in [
        ("store_u64 [0x20000], a0\n trap", Ended::Panic, 5),
        ("store_u64 [0x20000], a0\n store_u8 [0x10000], a0\n trap", Ended::Fault { page: 0x10000 }, 5),
        ("store_u64 [0x20000], a0\n load_u8 a0, [0x22000]\n trap", Ended::Fault { page: 0x22000 }, 5),
        ("store_u64 [0x20000], a0\n load_u8 a0, [0xfff]\n trap", Ended::Panic, 5),
        ("store_u64 [0x20000], a0\n store_u8 [0x32000], a0\n trap", Ended::Fault { page: 0x32000 }, 5),
        ("store_u64 [0x20000], a0\n load_imm a1, 3\n jump_ind a1, 0", Ended::Panic, 8),
    ] {
        let mut machine = Machine::new(text, 1);
        let before = machine.root();
        let outcome = machine.call(&[7], 100, None);
        assert_eq!((outcome.ended, outcome.pc), (ended, pc), "{text}");
        assert_eq!(machine.root(), before, "{text}");
    }
}

#[test]
fn ephemeral_memory_is_zero_at_each_call() {
    let text = "
        load_u64 a0, [0x40008]
        load_imm a1, 77
        store_u64 [0x40008], a1
        jump_ind ra, 0
    ";
    let mut machine = Machine::new(text, 0);
    let before = machine.root();
    for _ in 0..3 {
        assert_eq!(machine.call(&[], 100, None).value, 0);
    }
    assert_eq!(machine.root(), before);
}

#[test]
fn gas_tells_what_is_left_after_its_own_price() {
    // Flat: three instructions in the block, then the price of the operation.
    let outcome = run("load_imm a4, 23\n ecall\n jump_ind ra, 0", &[], None);
    assert_eq!((outcome.value, status(&outcome)), (1_000_000 - 3 - 5, 0));
    assert_eq!(outcome.gas_used, 3 + 5);
}

#[test]
fn too_little_gas_for_an_operation_ends_the_run_before_it() {
    let text = "load_imm a4, 23\n ecall\n jump_ind ra, 0";
    for gas in 3..8 {
        let outcome = Machine::new(text, 0).call(&[], gas, None);
        assert_eq!((outcome.ended, outcome.gas_used, outcome.pc), (Ended::OutOfGas, 3, 3), "with {gas} gas");
        assert_eq!(outcome.registers[Reg::A0.index()], 0, "nothing was answered");
    }
    assert_eq!(Machine::new(text, 0).call(&[], 8, None).ended, Ended::Halt);
}

#[test]
fn self_says_that_the_host_called() {
    let outcome = run(
        "load_imm a0, 0x20ff8\n load_imm a4, 24\n ecall\n load_u64 a0, [0x20ff8]\n load_u64 a2, [0x21000]\n jump_ind ra, 0",
        &[],
        None,
    );
    assert_eq!((outcome.ended, outcome.value, status(&outcome)), (Ended::Halt, 3, 0));
    // Where the record cannot be written whole nothing of it is: read-only, below 2^16, past the mapping, past 2^32.
    for address in [0x10000_u64, 0x8000, 0x21fc8, u64::from(u32::MAX) - 7, 1 << 32] {
        let text =
            format!("load_imm_64 a0, {address}\n load_imm a4, 24\n ecall\n load_u64 a0, [0x21fc8]\n jump_ind ra, 0");
        let outcome = run(&text, &[], None);
        assert_eq!(outcome.ended, Ended::Halt, "{address:#x}");
        assert_eq!((outcome.value, status(&outcome)), (0, Status::Range.number()), "{address:#x}");
    }
}

#[test]
fn an_operation_without_flags_and_callee_refuses_them() {
    for (number, price) in [(23, 5), (24, 60)] {
        for bit in 8..64 {
            let word = number | 1_u64 << bit;
            let text = format!(
                "load_imm a0, 0x20000\n load_imm_64 a4, {word}\n ecall\n load_u64 a2, [0x20000]\n jump_ind ra, 0"
            );
            let outcome = run(&text, &[], None);
            assert_eq!(
                (outcome.ended, outcome.value, status(&outcome)),
                (Ended::Halt, 0, Status::Range.number()),
                "{bit}"
            );
            assert_eq!((outcome.registers[Reg::A2.index()], outcome.gas_used), (0, 5 + price), "{bit}");
        }
    }
}

#[test]
fn a_service_goes_without_gift_and_undo() {
    for flags in [1, 3, 5, 7] {
        let outcome = run(&call_text(LOG_SLOT.into(), flags, 0), &[0, 1, 7, 0], Some(b"x"));
        assert_eq!((status(&outcome), outcome.logs.len()), (0, 1), "flags {flags}");
    }
}

#[test]
fn operations_that_do_not_exist_are_unknown() {
    for operation in (0..=255).filter(|&number| Operation::from_number(number).is_none()) {
        let outcome = run(&format!("load_imm a4, {operation}\n ecall\n jump_ind ra, 0"), &[], None);
        assert_eq!(status(&outcome), Status::Unknown.number(), "operation {operation}");
        assert_eq!(outcome.gas_used, 3 + 5);
    }
}

/// Calls slot `reference` with the arguments of the endpoint and halts with the result.
fn call_text(reference: u32, flags: u8, method: u16) -> String {
    let word = u64::from(flags) << 8 | u64::from(method) << 16;
    format!("load_imm a4, {word}\n ecalli {reference}\n jump_ind ra, 0")
}

#[test]
fn log_keeps_bytes_and_topic() {
    let outcome = run(&call_text(LOG_SLOT.into(), 1, 0), &[1, 4, 99, 0], Some(b"_text_"));
    assert_eq!((outcome.ended, outcome.value, status(&outcome)), (Ended::Halt, 0, 0));
    assert_eq!(outcome.logs.len(), 1);
    assert_eq!((outcome.logs[0].topic, &outcome.logs[0].bytes[..]), (99, &b"text"[..]));
    assert_eq!(outcome.gas_used, 3 + 50 + 100 + 4);
}

#[test]
fn a_call_that_fails_keeps_what_it_logged() {
    let text = call_text(LOG_SLOT.into(), 1, 0).replace("jump_ind ra, 0", "trap");
    let outcome = run(&text, &[1, 4, 99, 0], Some(b"_text_"));
    assert_eq!(outcome.ended, Ended::Panic);
    assert_eq!(outcome.logs, [LogEntry { topic: 99, bytes: b"text".to_vec() }]);
}

#[test]
fn the_same_call_by_ecall_and_by_ecalli() {
    let by_ecalli = run(&call_text(LOG_SLOT.into(), 1, 0), &[0, 2, 1, 0], Some(b"ok"));
    let word = 16 | 1 << 8 | u64::from(LOG_SLOT) << 32;
    let by_ecall = run(&format!("load_imm_64 a4, {word}\n ecall\n jump_ind ra, 0"), &[0, 2, 1, 0], Some(b"ok"));
    assert_eq!(by_ecalli.logs, by_ecall.logs);
    assert_eq!(
        (by_ecalli.value, status(&by_ecalli), by_ecalli.gas_used),
        (by_ecall.value, status(&by_ecall), by_ecall.gas_used)
    );
}

#[test]
fn hash_gives_the_published_digests_of_abc() {
    for (method, digest) in [
        (0, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
        (1, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (2, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ] {
        let outcome = run(&call_text(HASH_SLOT.into(), 1, method), &[0, 3, 100, 0], Some(b"abc"));
        assert_eq!((outcome.ended, status(&outcome)), (Ended::Halt, 0));
        let mut found = [0; 32];
        outcome.scratchpad.expect("it was passed").read(100, &mut found).expect("in range");
        let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, digest, "method {method}");
    }
}

#[test]
fn a_service_sees_what_the_program_wrote_and_the_program_what_the_service_wrote() {
    // Writes to the mapped scratchpad, hashes it into its second page (mapped read-only), reads it there, and compares
    // with the digest of the same bytes given by the host.
    let text = format!(
        "
        load_imm a1, 0x636261
        store_u32 [0x30000], a1
        load_imm a0, 0
        load_imm a1, 3
        load_imm a2, 4096
        load_imm a4, {}
        ecalli {HASH_SLOT}
        load_u64 a0, [0x32000]
        jump_ind ra, 0
    ",
        1 << 8 | 2 << 16
    );
    let outcome = run(&text, &[], None);
    assert_eq!(outcome.ended, Ended::Halt);
    assert_eq!(outcome.value, u64::from_le_bytes([0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]));
}

#[test]
fn a_scratchpad_longer_than_what_is_mapped_is_there_whole() {
    let mut bytes = vec![0xAB; 5 * PAGE_SIZE];
    bytes[..3].copy_from_slice(b"abc");
    let outcome = run(&call_text(HASH_SLOT.into(), 1, 2), &[0, 3, 5 * PAGE_SIZE as u64 - 32, 0], Some(&bytes));
    assert_eq!(status(&outcome), 0);
    let scratchpad = outcome.scratchpad.expect("it was passed");
    assert_eq!(scratchpad.pages(), 5);
    let mut last = [0; 33];
    scratchpad.read(5 * PAGE_SIZE as u64 - 33, &mut last).expect("in range");
    assert_eq!((last[0], last[1]), (0xAB, 0xba));
}

#[test]
fn refusals_change_nothing_but_pay_for_the_call() {
    let scratch = 1;
    let log = u32::from(LOG_SLOT);
    let hash = u32::from(HASH_SLOT);
    let pages = 2 * PAGE_SIZE as u64;
    for (reference, flags, method, arguments, status_expected) in [
        (u32::from(EMPTY_SLOT), scratch, 0, [0; 4], Status::Empty),
        (200, scratch, 0, [0; 4], Status::Empty),
        (3, scratch, 0, [0; 4], Status::Kind),
        (log | 3 << 8, scratch, 0, [0; 4], Status::Kind),
        (log | 9 << 8, scratch, 0, [0; 4], Status::Empty),
        (log | 9 << 16, scratch, 0, [0; 4], Status::Range),
        (log | 3 << 8 | 9 << 24, scratch, 0, [0; 4], Status::Range),
        (log, scratch, 1, [0; 4], Status::NoEndpoint),
        (hash, scratch, 3, [0; 4], Status::NoEndpoint),
        (log, 8, 0, [0; 4], Status::Range),
        (log, 128 | scratch, 0, [0; 4], Status::Range),
        (log, 0, 0, [0, 1, 0, 0], Status::Range),
        (log, scratch, 0, [0, pages + 1, 0, 0], Status::Range),
        (log, scratch, 0, [u64::MAX, 2, 0, 0], Status::Range),
        (hash, scratch, 0, [0, 1, pages - 31, 0], Status::Range),
        (log, scratch, 0, [0, LOG_BYTES_LIMIT as u64, 0, 0], Status::Range),
    ] {
        let text = call_text(reference, flags, method);
        let mut machine = Machine::new(&text, 4);
        let before = machine.root();
        let outcome = machine.call(&arguments, 1_000_000, Some(b"x"));
        let case = format!("{reference:#x} {flags} {method} {arguments:?}");
        assert_eq!(
            (outcome.ended, outcome.value, status(&outcome)),
            (Ended::Halt, 0, status_expected.number()),
            "{case}"
        );
        let hops = reference.to_le_bytes()[1..].iter().take_while(|&&hop| hop != 0).count() as u64;
        assert_eq!(outcome.gas_used, 3 + 50 + HOP_PRICE * hops, "{case}");
        assert!(outcome.logs.is_empty(), "{case}");
        assert_eq!(machine.root(), before, "{case}");
    }
}

#[test]
fn logs_are_bounded() {
    let scratchpad = vec![b'x'; LOG_BYTES_LIMIT];
    let text = format!(
        "
     @next:
        load_imm a0, 0
        load_imm a1, 1000
        load_imm a4, {}
        ecalli {LOG_SLOT}
        branch_eq_imm a1, 0, @next
        move_reg a0, a1
        jump_ind ra, 0
    ",
        1 << 8
    );
    let outcome = run(&text, &[], Some(&scratchpad));
    assert_eq!((outcome.ended, outcome.value), (Ended::Halt, Status::Quota.number()));
    assert_eq!(outcome.logs.len(), LOG_BYTES_LIMIT / (1000 + 16));
    // Entries without bytes count too.
    let outcome = run(&text.replace("1000", "0"), &[], Some(&scratchpad));
    assert_eq!(outcome.logs.len(), LOG_BYTES_LIMIT / 16);
}

#[test]
fn a_callee_gets_no_more_gas_than_the_caller_says() {
    // The price of logging nothing is 100; a5 is the limit.
    for (limit, expected) in [(99, Status::OutOfGas), (100, Status::Halt), (0, Status::Halt), (u64::MAX, Status::Halt)]
    {
        let text = format!("load_imm_64 a5, {limit}\n load_imm a4, 256\n ecalli {LOG_SLOT}\n jump_ind ra, 0");
        let outcome = run(&text, &[0, 0, 0, 0], None);
        assert_eq!(status(&outcome), expected.number(), "limit {limit}");
        assert_eq!(outcome.gas_used, 4 + 50 + if expected == Status::Halt { 100 } else { 0 });
    }
    // A 64th stays with the caller whatever it says.
    let mut machine = Machine::new(&call_text(LOG_SLOT.into(), 1, 0), 4);
    assert_eq!(status(&machine.call(&[0; 4], 3 + 50 + 100, None)), Status::OutOfGas.number());
    assert_eq!(status(&machine.call(&[0; 4], 3 + 50 + 102, None)), Status::Halt.number());
}

#[test]
fn an_image_that_maps_no_scratchpad_gets_none_unless_one_is_passed() {
    let mut image = image("jump_ind ra, 0", 0);
    image.memory.retain(|&first, _| first != SCRATCH && first != SCRATCH + 2);
    let mut kernel = Kernel::new(LocalArch);
    let hash = kernel.publish(image.validate().expect("valid"));
    let instance = kernel.instantiate(&hash, &Grants::services()).expect("granted");
    let mut call = Call::new(EndpointRef::Number(0), &[], 10);
    assert!(kernel.invoke(instance, &call, None).expect("right").scratchpad.is_none());
    call.scratchpad = Some(b"");
    assert_eq!(kernel.invoke(instance, &call, None).expect("right").scratchpad.expect("passed").pages(), 0);
    let large = vec![0; (64 << 20) + 1];
    call.scratchpad = Some(&large);
    assert_eq!(kernel.invoke(instance, &call, None).unwrap_err(), InvokeError::Scratchpad(large.len()));
}

#[test]
fn wrong_calls_are_told_what_is_wrong() {
    let mut machine = Machine::new(ADD, 1);
    let instance = machine.instance;
    let mut invoke = |instance, endpoint, arguments: &[u64]| {
        machine.kernel.invoke(instance, &Call::new(endpoint, arguments, 100), None).unwrap_err().to_string()
    };
    assert_eq!(invoke(instance, EndpointRef::Name("mian"), &[1]), "no endpoint 'mian'; the Image has main");
    assert_eq!(invoke(instance, EndpointRef::Number(1), &[1]), "no endpoint 1; the Image has main");
    assert_eq!(invoke(instance, EndpointRef::Number(0), &[]), "endpoint 'main' takes 1 argument, 0 given");
    assert_eq!(invoke(instance, EndpointRef::Number(0), &[1, 2]), "endpoint 'main' takes 1 argument, 2 given");
    let gone = machine.kernel.copy(instance).expect("it is there");
    machine.kernel.drop_instance(gone);
    let call = Call::new(EndpointRef::Number(0), &[1], 100);
    assert_eq!(machine.kernel.invoke(gone, &call, None).unwrap_err(), InvokeError::UnknownInstance(gone));
}

#[test]
fn imports_are_granted_or_denied() {
    let mut kernel = Kernel::new(LocalArch);
    let unknown = CapHash([9; 32]);
    assert_eq!(kernel.instantiate(&unknown, &Grants::none()), Err(InstantiateError::UnknownImage(unknown)));
    let hash = kernel.publish(image(ADD, 1).validate().expect("valid"));
    let denied = kernel.instantiate(&hash, &Grants::none()).unwrap_err();
    assert_eq!(denied.to_string(), "the Image requires the service LOG in slot 4, which was not granted");
    let wrong = Grants::services().with(LOG_SLOT, Capability::Data(Data::new(1).expect("small")));
    // What does not fit the import does not get in; the service that would be granted otherwise does.
    assert!(kernel.instantiate(&hash, &wrong).is_ok());
    let surplus = Grants::services().with(99, Capability::Data(Data::new(1).expect("small")));
    assert_eq!(kernel.instantiate(&hash, &surplus), Err(InstantiateError::NoImport(99)));
}

#[test]
fn tracing_changes_nothing_and_sees_every_instruction() {
    let plain = Machine::new(ADD, 1).call(&[5], 100, None);
    let mut machine = Machine::new(ADD, 1);
    let mut seen = Vec::new();
    let call = Call::new(EndpointRef::Number(0), &[5], 100);
    let mut trace = |state: &javm_interpreter::State, instruction: &javm_isa::Instruction| {
        seen.push((state.pc, instruction.opcode.row().mnemonic));
    };
    let traced = machine.kernel.invoke(machine.instance, &call, Some(&mut trace)).expect("right");
    assert_eq!(
        (traced.ended, traced.value, traced.gas_used, traced.registers, traced.pc),
        (plain.ended, plain.value, plain.gas_used, plain.registers, plain.pc)
    );
    let names: Vec<&str> = seen.iter().map(|(_, name)| *name).collect();
    assert_eq!(names, ["load_u64", "add_64", "store_u64", "jump_ind"]);
}
