//! Mistakes that machines like this one have made elsewhere, each a test by its name: on every engine that there is — so far the
//! interpreter — for programs with an Image and bare ones, in this process and in a virtual machine, which have to come to the
//! same. What the interpreter alone can show is in `javm-interpreter`'s `mistakes`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use javm_cap::image::ImageError;
use javm_cap::{Access, Backing, Data, Endpoint, Image, Mapping, Path, ValidImage};
use javm_isa::{CostModel, Program, assemble};
use nub::{Ended, Exit, Grants, InvokeOptions, InvokeOutcome, Nub, Range, State};
use nub_conformance::comparison::compare;
use nub_conformance::coverage::Coverage;
use nub_conformance::directed::CASES;
use nub_conformance::hosted::Hosted;

/// Where programs have memory: two ephemeral pages, two of state, and one that is read-only. What is between is not mapped.
const STACK: u64 = 0x2_0000;
const STATE: u64 = 0x3_0000;
const FIXED: u64 = 0x4_0000;
/// Pages at each of them.
const MAPPED: [(u64, u64); 3] = [(STACK, 2), (STATE, 2), (FIXED, 1)];

static MACHINES: Mutex<Option<Hosted>> = Mutex::new(None);

/// The machines, one after the other for all tests.
struct Machines(MutexGuard<'static, Option<Hosted>>);

fn machines() -> Machines {
    let mut machines = MACHINES.lock().unwrap_or_else(PoisonError::into_inner);
    machines.get_or_insert_with(nub_conformance::hosted::for_tests);
    Machines(machines)
}

impl Machines {
    fn hosted(&mut self) -> &mut Hosted {
        self.0.as_mut().expect("they were started")
    }

    fn nub(&mut self) -> &mut Nub {
        &mut self.hosted().nub
    }

    /// Calls a program of one endpoint.
    fn call(&mut self, image: &ValidImage, arguments: [u64; 2], gas: u64) -> InvokeOutcome {
        let nub = self.nub();
        let image = nub.publish_image(image.clone()).expect("published");
        let instance = nub.instantiate(&image, &Grants::none()).expect("made");
        let options = InvokeOptions { gas, ..InvokeOptions::default() };
        let outcome = nub.invoke(instance, 0, &arguments, &options).expect("called");
        nub.drop_instance(instance);
        outcome
    }

    /// Calls a program of this text.
    fn run(&mut self, text: &str, arguments: [u64; 2], gas: u64) -> InvokeOutcome {
        self.call(&image(text).validate().unwrap_or_else(|error| panic!("{error}\n{text}")), arguments, gas)
    }

    /// Runs a program without an Image.
    fn bare(&mut self, program: &Program, arguments: [u64; 2], gas: u64) -> (Exit, State) {
        let mut state = State::new(0, gas);
        state.registers[7..9].copy_from_slice(&arguments);
        let exit = self.nub().run_bare(program, &mut state, &mut Vec::<Range>::new()).expect("it runs");
        (exit, state)
    }
}

/// A program whose one endpoint, of two arguments, begins at its first instruction.
fn image(text: &str) -> Image {
    let program = assemble(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    with_code(program.blob().to_vec())
}

fn with_code(code: Vec<u8>) -> Image {
    let endpoint = Endpoint::new("run".parse().expect("a name"), 2);
    let mapping = |pages, access, backing| Mapping { pages, access, backing };
    let slot = |slot| Backing::Persistent { slot, offset_pages: 0 };
    let memory = BTreeMap::from([
        ((STACK >> 12) as u32, mapping(2, Access::ReadWrite, Backing::Ephemeral)),
        ((STATE >> 12) as u32, mapping(2, Access::ReadWrite, slot(40))),
        ((FIXED >> 12) as u32, mapping(1, Access::ReadOnly, slot(41))),
    ]);
    let data = |pages| Data::new(pages).expect("small");
    let slots = BTreeMap::from([(40, data(2)), (41, data(1))]);
    Image { memory, slots, ..Image::new(CostModel::Flat, code, vec![endpoint]) }
}

#[track_caller]
fn refused(image: Image) -> ImageError {
    match image.validate() {
        Err(error) => error,
        Ok(_) => panic!("such an Image is refused"),
    }
}

/// A directed case, on all machines.
fn case(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("there is no case {name}"));
    let calls = case.run();
    assert!(!calls.is_empty());
    let mut machines = machines();
    for (seed, recorded) in (0..).zip(calls) {
        let plan = javm_model::generate::Plan { seed, world: recorded.world, calls: vec![recorded.call] };
        compare(&plan, machines.hosted(), &mut Coverage::default())
            .unwrap_or_else(|difference| panic!("{name}: {difference}"));
    }
}

#[test]
fn an_operation_that_never_ends_its_gas_block() {
    let mut machines = machines();
    // GAS costs 5, and 3 for the instructions of the block that it is in.
    let outcome = machines.run("@again:\n load_imm_64 a4, 23\n ecall\n jump @again", [0, 0], 1_000);
    assert_eq!((outcome.ended, outcome.gas_used), (Ended::OutOfGas, 1_000));
    let program = assemble("@again:\n ecalli 1\n jump @again").expect("a program");
    let (exit, state) = machines.bare(&program, [0, 0], 2);
    assert_eq!((exit, state.gas), (Exit::Host(1), 0), "the block is paid before it is entered");
}

#[test]
fn a_dynamic_jump_or_a_resumption_into_the_middle_of_a_block() {
    let mut machines = machines();
    let text = ".jump_table @end\n jump_ind a0, 0\n@end:\n load_imm a0, 5\n jump_ind ra, 0";
    for (address, ended) in [
        (2, Ended::Halt),
        (0, Ended::Panic),
        (1, Ended::Panic),
        (3, Ended::Panic),
        (4, Ended::Panic),
        (u64::MAX, Ended::Panic),
    ] {
        let outcome = machines.run(text, [address, 0], 1_000);
        assert_eq!(outcome.ended, ended, "{address:#x}");
    }
    // A jump table with anything else than block starts is no Image's, and traps in a bare program.
    let into_a_block = ".jump_table @end, 4\n jump_ind a0, 0\n@end:\n load_imm_64 a0, 5\n trap";
    refused(image(into_a_block));
    assert_eq!(machines.bare(&assemble(into_a_block).expect("a program"), [4, 0], 100).0, Exit::Panic);
    drop(machines);
    case("mistakes::a_resumption_never_lands_between");
    case("spaces::regs");
}

#[test]
fn a_static_branch_into_the_middle_of_a_block() {
    let text = "branch_eq_imm a0, 1, @middle\n load_imm a1, 1\n@middle:\n load_imm a1, 2\n trap";
    refused(image(text));
    let program = assemble(text).expect("a program");
    let mut machines = machines();
    let taken = machines.bare(&program, [1, 0], 100);
    assert_eq!((taken.0, taken.1.pc), (Exit::Panic, 0), "it stands at the branch");
    let not_taken = machines.bare(&program, [0, 0], 100);
    assert_eq!((not_taken.0, not_taken.1.registers[8]), (Exit::Panic, 2));
}

#[test]
fn loops_through_branch_targets_that_pay_no_gas() {
    let text = "@a:\n unlikely\n fallthrough\n@b:\n unlikely\n branch_eq a0, a0, @c\n@c:\n unlikely\n jump @a";
    let mut machines = machines();
    for gas in [0, 1, 2, 6 * 7 + 3, 100_000] {
        let outcome = machines.run(text, [0, 0], gas);
        // Each block costs 2.
        assert_eq!((outcome.ended, outcome.gas_used), (Ended::OutOfGas, gas / 2 * 2), "{gas}");
        let (exit, state) = machines.bare(&assemble(text).expect("a program"), [0, 0], gas);
        assert_eq!((exit, state.gas), (Exit::OutOfGas, gas % 2), "{gas}");
    }
    drop(machines);
    case("mistakes::every_loop_pays");
}

/// The same on the bare machine and with an Image.
fn divides(opcode: &str, dividend: u64, divisor: u64, result: u64) {
    let mut machines = machines();
    let outcome = machines.run(&format!("{opcode} a0, a0, a1\n jump_ind ra, 0"), [dividend, divisor], 100);
    assert_eq!((outcome.ended, outcome.value), (Ended::Halt, result), "{opcode} {dividend:#x} {divisor:#x}");
    let program = assemble(&format!("{opcode} a0, a0, a1\n trap")).expect("a program");
    let (exit, state) = machines.bare(&program, [dividend, divisor], 100);
    assert_eq!((exit, state.registers[7]), (Exit::Panic, result), "{opcode} {dividend:#x} {divisor:#x}");
}

#[test]
fn the_least_number_divided_by_minus_one() {
    for (opcode, dividend, result) in [
        ("div_s_64", 1 << 63, 1 << 63),
        ("rem_s_64", 1 << 63, 0),
        ("div_s_32", 1 << 31, 0xFFFF_FFFF_8000_0000),
        ("rem_s_32", 1 << 31, 0),
    ] {
        divides(opcode, dividend, u64::MAX, result);
    }
}

#[test]
fn a_32_bit_division_by_a_divisor_whose_low_half_is_zero() {
    for (opcode, result) in [("div_u_32", u64::MAX), ("div_s_32", u64::MAX), ("rem_u_32", 7), ("rem_s_32", 7)] {
        divides(opcode, 7, 0xABCD_0000_0000, result);
    }
}

#[test]
fn page_permissions_that_the_interpreter_ignores() {
    let mut machines = machines();
    for (text, address, ended) in [
        // A load before the store fills every cache of translations.
        ("load_ind_u8 a1, [a0]\n store_ind_u8 [a0], a1\n jump_ind ra, 0", FIXED, Ended::Fault { page: FIXED as u32 }),
        ("load_ind_u8 a1, [a0]\n store_ind_u8 [a0], a1\n jump_ind ra, 0", STATE, Ended::Halt),
        ("store_ind_u8 [a0], a1\n load_ind_u8 a1, [a0]\n jump_ind ra, 0", STACK, Ended::Halt),
        ("load_ind_u8 a1, [a0]\n jump_ind ra, 0", FIXED + 0x1000, Ended::Fault { page: FIXED as u32 + 0x1000 }),
        ("load_ind_u8 a1, [a0]\n jump_ind ra, 0", 0x8000, Ended::Panic),
    ] {
        assert_eq!(machines.run(text, [address, 0], 100).ended, ended, "{text} at {address:#x}");
    }
}

#[test]
fn a_fault_address_that_is_not_that_of_the_page() {
    let mut machines = machines();
    let end = STACK + 2 * 0x1000;
    for (instruction, address, page) in [
        ("load_ind_u64 a1, [a0]", end + 5, end),
        ("load_ind_u64 a1, [a0]", end - 4, end),
        ("load_ind_u16 a1, [a0]", end - 1, end),
        ("store_ind_u32 [a0], a1", STACK - 1, STACK - 0x1000),
        ("store_ind_u64 [a0], a1", FIXED - 1, FIXED - 0x1000),
        ("store_ind_u64 [a0], a1", FIXED + 0xFFF, FIXED),
        ("load_ind_u8 a1, [a0]", 0xFFFF_FFFF, 0xFFFF_F000),
    ] {
        let outcome = machines.run(&format!("{instruction}\n trap"), [address, u64::MAX], 100);
        assert_eq!(outcome.ended, Ended::Fault { page: page as u32 }, "{instruction} at {address:#x}");
        assert_eq!((outcome.pc, outcome.gas_used), (0, 2), "the block is paid, and nothing is done");
    }
}

#[test]
fn gas_that_is_left_when_it_runs_out() {
    let text = "load_imm a0, 1\n fallthrough\n load_imm a1, 2\n load_imm a1, 3\n load_imm a1, 4\n trap";
    let mut machines = machines();
    for (gas, used) in [(0, 0), (1, 0), (2, 2), (5, 2)] {
        let outcome = machines.run(text, [0, 0], gas);
        assert_eq!((outcome.ended, outcome.gas_used), (Ended::OutOfGas, used), "{gas}");
        let (exit, state) = machines.bare(&assemble(text).expect("a program"), [0, 0], gas);
        assert_eq!((exit, state.gas), (Exit::OutOfGas, gas - used), "{gas}");
    }
    assert_eq!(machines.run(text, [0, 0], 6).ended, Ended::Panic);
}

#[test]
fn a_skip_of_more_than_24() {
    // A load_imm of 30 bytes: what follows the 25th is no instruction.
    let mut code = vec![51, 7, 1, 0, 0, 0];
    code.resize(30, 1);
    code.push(0);
    let mut blob = vec![0, 0, code.len() as u8];
    blob.extend(&code);
    // Instructions start at 0 and 30.
    blob.extend([1, 0, 0, 1 << 6]);
    let mut machines = machines();
    let program = Program::parse(&blob).expect("a program");
    let (exit, state) = machines.bare(&program, [9, 0], 100);
    assert_eq!((exit, state.registers[7], state.pc), (Exit::Panic, 1, 25), "nothing of the gap is looked at");
    let valid = with_code(blob).validate().expect("it is an Image");
    let outcome = machines.call(&valid, [9, 0], 100);
    assert_eq!((outcome.ended, outcome.registers[7], outcome.pc), (Ended::Panic, 1, 25));
}

#[test]
fn a_host_call_with_too_little_gas_that_goes_unpaid() {
    let text = "load_imm_64 a4, 6\n load_imm_64 a0, 50\n ecall\n jump_ind ra, 0";
    let mut machines = machines();
    // The block costs 4, NEW_CNODE 300: too little leaves what the block has left, and the operation undone.
    for (gas, ended, used) in
        [(3, Ended::OutOfGas, 0), (4, Ended::OutOfGas, 4), (303, Ended::OutOfGas, 4), (304, Ended::Halt, 304)]
    {
        let outcome = machines.run(text, [0, 0], gas);
        assert_eq!((outcome.ended, outcome.gas_used), (ended, used), "{gas}");
    }
    drop(machines);
    case("mistakes::no_operation_goes_unpaid");
}

#[test]
fn a_child_that_drops_the_very_capability_that_it_was_passed() {
    case("mistakes::a_child_drops_what_it_was_passed");
}

#[test]
fn mappings_past_2_to_32() {
    for (first, pages) in [((1 << 20) - 1, 1), ((1 << 20) - 2, 2), (1 << 20, 1), (u32::MAX, 2), (16, u32::MAX)] {
        let mut image = image("trap");
        let mapping = Mapping { pages, access: Access::ReadWrite, backing: Backing::Ephemeral };
        image.memory = BTreeMap::from([(first, mapping)]);
        refused(image);
    }
    case("mistakes::no_mapping_reaches_the_end_of_memory");
    case("spaces::maps");
}

#[test]
fn no_guard_page_at_the_end_of_a_window() {
    let mut machines = machines();
    for (first, pages) in MAPPED {
        let end = first + pages * 0x1000;
        for (address, page) in
            [(end, end), (end + 0xFF8, end), (first - 8, first - 0x1000), (first - 1, first - 0x1000)]
        {
            for text in ["load_ind_u8 a1, [a0]\n trap", "store_ind_u8 [a0], a1\n trap"] {
                let outcome = machines.run(text, [address, 0], 100);
                assert_eq!(outcome.ended, Ended::Fault { page: page as u32 }, "{text} at {address:#x}");
            }
        }
    }
    // The last address that any window could reach, by every width.
    for width in ["u8", "u16", "u32", "u64"] {
        let outcome = machines.run(&format!("load_ind_{width} a1, [a0]\n trap"), [0xFFFF_FFF8, 0], 100);
        assert_eq!(outcome.ended, Ended::Fault { page: 0xFFFF_F000 }, "{width}");
    }
    // Mappings without one between them are no Image's.
    let mut image = image("trap");
    let mapping = Mapping { pages: 1, access: Access::ReadWrite, backing: Backing::Ephemeral };
    image.memory = BTreeMap::from([(32, mapping), (33, mapping)]);
    refused(image);
}

#[test]
fn code_cached_without_its_cost_model() {
    let text = "load_imm a0, 1\n add_64 a0, a0, a0\n add_64 a0, a0, a0\n div_u_64 a1, a0, a0\n jump_ind ra, 0";
    let of = |cost_model| Image { cost_model, ..image(text) }.validate().expect("valid");
    let (flat, pipeline) = (of(CostModel::Flat), of(CostModel::Pipeline));
    assert_ne!(flat.hash(), pipeline.hash());
    let mut machines = machines();
    let mut used = |image| {
        let outcome = machines.call(image, [0, 0], 1_000);
        assert_eq!((outcome.ended, outcome.value), (Ended::Halt, 4));
        outcome.gas_used
    };
    let first = [used(&flat), used(&pipeline)];
    assert_eq!(first[0], 5);
    assert_ne!(first[0], first[1]);
    // In the other order, and again.
    assert_eq!([used(&pipeline), used(&flat), used(&pipeline)], [first[1], first[0], first[1]]);
}

#[test]
fn a_table_of_16_kib_for_the_price_of_10_gas() {
    case("mistakes::a_table_is_small");
    // 200 tables, in the slots from 50 on: each is paid, and counts for one page.
    let text = "load_imm t0, 50\n fallthrough\n@again:\n load_imm_64 a4, 6\n move_reg a0, t0\n ecall\n add_imm_64 t0, t0, 1\n \
                branch_lt_u_imm t0, 250, @again\n jump_ind ra, 0";
    let mut machines = machines();
    let nub = machines.nub();
    let image = nub.publish_image(image(text).validate().expect("valid")).expect("published");
    let instance = nub.instantiate(&image, &Grants::none()).expect("made");
    let size = |nub: &mut Nub| nub.describe(instance, &Path::ROOT).expect("asked").expect("it is there").measure.size;
    let before = size(nub);
    let outcome = nub.invoke(instance, 0, &[0, 0], &InvokeOptions::default()).expect("called");
    assert_eq!((outcome.ended, outcome.gas_used), (Ended::Halt, 200 * (300 + 5) + 3));
    assert_eq!(size(nub), before + 200);
}

#[test]
fn a_parent_that_pulls_a_table_or_a_data_from_under_a_running_child() {
    case("places::what_is_on_the_stack_is_pinned");
}

#[test]
fn a_call_that_empties_a_slot_in_which_somebody_runs() {
    case("mistakes::a_call_does_not_empty_the_slot_of_who_calls");
    case("mistakes::a_resumption_does_not_empty_the_slot_of_who_runs");
}
