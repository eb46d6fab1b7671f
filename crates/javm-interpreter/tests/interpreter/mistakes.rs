//! Mistakes that engines elsewhere have made: a test each.

use javm_interpreter::bare::{Access, BareMemory, BareMemoryError};
use javm_interpreter::{Code, Exit, State, run};
use javm_isa::{CostModel, Mode, Program, Reg, assemble};

/// A page that may be read, followed by one that may be written and by nothing.
const READ_ONLY: u32 = 0x2_0000;
const READ_WRITE: u32 = 0x2_1000;
const NOTHING: u32 = 0x2_2000;

fn memory() -> BareMemory {
    let mut memory = BareMemory::new();
    memory.map(READ_ONLY, 4096, Access::ReadOnly).unwrap();
    memory.map(READ_WRITE, 4096, Access::ReadWrite).unwrap();
    memory
}

struct Machine {
    code: Code,
    state: State,
    memory: BareMemory,
}

impl Machine {
    fn new(program: &Program, mode: Mode, gas: u64) -> Machine {
        Machine { code: Code::new(program, mode, CostModel::Flat), state: State::new(0, gas), memory: memory() }
    }

    fn of(text: &str, gas: u64) -> Machine {
        Machine::new(&assemble(text).unwrap(), Mode::Bare, gas)
    }

    fn with(mut self, register: Reg, value: u64) -> Machine {
        self.state.registers[register.index()] = value;
        self
    }

    fn run(&mut self) -> Exit {
        run(&self.code, &mut self.state, &mut self.memory)
    }

    fn get(&self, register: Reg) -> u64 {
        self.state.registers[register.index()]
    }
}

#[test]
fn a_loop_of_host_calls_ends_by_gas() {
    for (call, mode) in [("ecalli 1", Mode::Bare), ("ecall", Mode::Image)] {
        let program = assemble(&format!("@again:\n {call}\n jump @again")).unwrap();
        let mut machine = Machine::new(&program, mode, 10);
        let mut calls = 0;
        while matches!(machine.run(), Exit::Host(1) | Exit::Operation) {
            calls += 1;
            machine.code.step_over(&mut machine.state);
        }
        assert_eq!((calls, machine.state.gas), (5, 0), "{call}");
        assert_eq!((machine.state.pc, machine.state.block_paid), (0, false));
    }
}

#[test]
fn a_loop_without_anything_in_it_ends_by_gas() {
    let mut machine = Machine::of("@self:\n jump @self", 1_000);
    assert_eq!(machine.run(), Exit::OutOfGas);
    assert_eq!(machine.state, State::new(0, 0));
}

#[test]
fn a_loop_through_branch_targets_pays() {
    // Six instructions in three blocks, round and round.
    let text = "@a:\n unlikely\n fallthrough\n@b:\n unlikely\n branch_eq a0, a0, @c\n@c:\n unlikely\n jump @a";
    let mut machine = Machine::of(text, 6 * 7 + 3);
    assert_eq!(machine.run(), Exit::OutOfGas);
    assert_eq!(machine.state.gas, 1);
    assert!(machine.code.is_block_start(machine.state.pc));
}

#[test]
fn a_dynamic_jump_into_a_block_panics() {
    // The only entry of the table is the second instruction.
    let program = Program::parse(&[1, 1, 5, 1, 2, 2, 50, 0, 0, 0b0_0111]).unwrap();
    let mut machine = Machine::new(&program, Mode::Bare, 100).with(Reg::RA, 2);
    assert_eq!(machine.run(), Exit::Panic);
    assert_eq!((machine.state.pc, machine.state.gas), (2, 97));
}

#[test]
fn entering_a_block_in_its_middle_panics_and_costs_nothing() {
    let mut machine = Machine::of("unlikely\n unlikely\n trap", 100);
    for pc in [1, 2, 1000, u32::MAX] {
        machine.state.pc = pc;
        assert_eq!(machine.run(), Exit::Panic);
        assert_eq!((machine.state.pc, machine.state.gas, machine.state.block_paid), (pc, 100, false));
    }
}

#[test]
fn running_off_the_end_costs_the_same_in_portions() {
    let mut at_once = Machine::of("fallthrough", 100);
    assert_eq!((at_once.run(), at_once.state.pc), (Exit::Panic, 1));
    let cost = 100 - at_once.state.gas;
    let mut portions = Machine::of("fallthrough", cost - 1);
    assert_eq!((portions.run(), portions.state.pc), (Exit::OutOfGas, 1));
    portions.state.gas += 1;
    assert_eq!((portions.run(), portions.state.pc, portions.state.gas), (Exit::Panic, 1, 0));
}

#[test]
fn resuming_where_no_instruction_starts_panics() {
    let mut machine = Machine::of("load_imm a0, 0x12345678\n trap", 100);
    for pc in [1, 3, 7, 8, 1000, u32::MAX] {
        machine.state = State { block_paid: true, ..State::new(pc, 100) };
        assert_eq!(machine.run(), Exit::Panic, "{pc}");
        assert_eq!((machine.state.pc, machine.state.gas), (pc, 100));
    }
}

#[test]
fn a_static_branch_into_a_block_panics_only_when_taken() {
    let text = "branch_ne_imm a0, 0, @middle\n unlikely\n@middle:\n unlikely\n trap";
    let mut taken = Machine::of(text, 100).with(Reg::A0, 1);
    assert_eq!((taken.run(), taken.state.pc, taken.state.gas), (Exit::Panic, 0, 99));
    let mut untaken = Machine::of(text, 100);
    assert_eq!((untaken.run(), untaken.state.gas), (Exit::Panic, 96));
    assert_ne!(untaken.state.pc, 0);
}

#[test]
fn the_signed_minimum_divided_by_minus_one() {
    let divide = |opcode: &str, a: u64| {
        let mut machine =
            Machine::of(&format!("{opcode} a2, a0, a1\n trap"), 100).with(Reg::A0, a).with(Reg::A1, u64::MAX);
        assert_eq!(machine.run(), Exit::Panic);
        machine.get(Reg::A2)
    };
    assert_eq!(divide("div_s_64", 1 << 63), 1 << 63);
    assert_eq!(divide("rem_s_64", 1 << 63), 0);
    assert_eq!(divide("div_s_32", 1 << 31), 0xFFFF_FFFF_8000_0000);
    assert_eq!(divide("rem_s_32", 1 << 31), 0);
}

#[test]
fn a_32_bit_division_by_a_divisor_whose_low_half_is_zero() {
    for (opcode, expected) in [("div_u_32", u64::MAX), ("div_s_32", u64::MAX), ("rem_u_32", 7), ("rem_s_32", 7)] {
        let mut machine =
            Machine::of(&format!("{opcode} a2, a0, a1\n trap"), 100).with(Reg::A0, 7).with(Reg::A1, 0xABCD_0000_0000);
        assert_eq!(machine.run(), Exit::Panic);
        assert_eq!(machine.get(Reg::A2), expected, "{opcode}");
    }
}

#[test]
fn page_permissions_are_enforced_whatever_was_accessed_before() {
    // The first access fills every cache of translations; the second has other needs.
    let text = "load_ind_u8 a1, [a0]\n store_ind_u8 [a0], a1\n trap";
    let mut machine = Machine::of(text, 100).with(Reg::A0, u64::from(READ_ONLY));
    assert_eq!(machine.run(), Exit::Fault(READ_ONLY));
    assert_eq!((machine.state.gas, machine.state.block_paid), (97, true));

    // A page that loses its right to be written loses it for the next store.
    let mut machine = Machine::of("store_ind_u8 [a0], a1\n ecalli 0\n store_ind_u8 [a0], a1\n trap", 100);
    machine.state.registers[Reg::A0.index()] = u64::from(READ_WRITE);
    assert_eq!(machine.run(), Exit::Host(0));
    machine.memory.map(READ_WRITE, 4096, Access::ReadOnly).unwrap();
    machine.code.step_over(&mut machine.state);
    assert_eq!(machine.run(), Exit::Fault(READ_WRITE));
}

#[test]
fn a_fault_names_the_lowest_forbidden_page() {
    for (text, address, fault) in [
        ("load_ind_u64 a1, [a0]", NOTHING + 5, NOTHING),
        ("load_ind_u64 a1, [a0]", NOTHING - 4, NOTHING),
        ("load_ind_u16 a1, [a0]", NOTHING - 1, NOTHING),
        ("load_ind_u32 a1, [a0]", READ_ONLY - 1, READ_ONLY - 4096),
        ("store_ind_u32 [a0], a1", READ_ONLY - 1, READ_ONLY - 4096),
        ("store_ind_u32 [a0], a1", READ_WRITE - 1, READ_ONLY),
        ("store_ind_u64 [a0], a1", NOTHING - 7, NOTHING),
        ("store_imm_ind_u16 [a0], 7", NOTHING - 1, NOTHING),
        ("load_ind_u8 a1, [a0]", 0x1_0000, 0x1_0000),
        ("load_ind_u8 a1, [a0]", 0xFFFF_FFFF, 0xFFFF_F000),
        ("load_ind_u64 a1, [a0]", 0xFFFF_FFF8, 0xFFFF_F000),
    ] {
        let mut machine =
            Machine::of(&format!("{text}\n trap"), 100).with(Reg::A0, u64::from(address)).with(Reg::A1, u64::MAX);
        let before = machine.state.registers;
        assert_eq!(machine.run(), Exit::Fault(fault), "{text} at {address:#x}");
        assert_eq!((machine.state.registers, machine.state.pc, machine.state.gas), (before, 0, 98));
        assert!(machine.memory.pages().all(|(_, _, page)| page.iter().all(|&byte| byte == 0)), "nothing is written");
    }
}

#[test]
fn accesses_below_the_lowest_address_panic_also_by_wrapping() {
    for (text, address) in [
        ("load_ind_u8 a1, [a0]", 0),
        ("load_ind_u8 a1, [a0]", 0xFFFF),
        ("load_ind_u16 a1, [a0]", 0xFFFF),
        ("load_ind_u64 a1, [a0]", 0xFFFF_FFF9),
        ("store_ind_u16 [a0], a1", 0xFFFF_FFFF),
        ("store_ind_u8 [a0], a1", 0x10),
    ] {
        let mut machine = Machine::of(&format!("{text}\n trap"), 100).with(Reg::A0, address);
        machine.memory.map(0xFFFF_F000, 4096, Access::ReadWrite).unwrap();
        assert_eq!(machine.run(), Exit::Panic, "{text} at {address:#x}");
        assert_eq!((machine.state.pc, machine.state.gas), (0, 98));
    }
}

#[test]
fn addresses_are_taken_mod_2_to_32() {
    let mut machine = Machine::of("load_ind_u8 a1, [a0 - 1]\n trap", 100);
    machine.state.registers[Reg::A0.index()] = 0xABCD_0000_0001 + u64::from(READ_WRITE) + 5;
    machine.memory.write(READ_WRITE + 5, &[77]).unwrap();
    assert_eq!(machine.run(), Exit::Panic);
    assert_eq!(machine.get(Reg::A1), 77);
}

#[test]
fn out_of_gas_leaves_the_gas_and_everything_else_as_it_was() {
    let text = "load_imm a0, 1\n fallthrough\n load_imm a1, 2\n store_u8 [0x21000], a0\n load_imm a0, 3\n trap";
    let mut machine = Machine::of(text, 5);
    assert_eq!(machine.run(), Exit::OutOfGas);
    assert_eq!((machine.state.gas, machine.get(Reg::A0), machine.get(Reg::A1)), (3, 1, 0));
    assert!(machine.code.is_block_start(machine.state.pc) && !machine.state.block_paid);
    assert_eq!(machine.run(), Exit::OutOfGas, "still");
    machine.state.gas += 1;
    assert_eq!((machine.run(), machine.state.gas, machine.get(Reg::A0)), (Exit::Panic, 0, 3));
}

#[test]
fn a_block_that_costs_more_than_any_slice_of_gas() {
    let text = format!("{} trap", "unlikely\n".repeat(999));
    assert_eq!(Machine::of(&text, 999).run(), Exit::OutOfGas);
    let mut machine = Machine::of(&format!("fallthrough\n {text}"), 1_001);
    assert_eq!((machine.run(), machine.state.gas), (Exit::Panic, 0));
    let mut machine = Machine::of(&format!("fallthrough\n {text}"), 1_000);
    assert_eq!((machine.run(), machine.state.gas, machine.state.pc), (Exit::OutOfGas, 999, 1));
}

#[test]
fn an_instruction_is_at_most_25_bytes_long() {
    // A load_imm of 30 bytes: what follows the 25th is a place without instruction, not the trap behind the gap, nor a
    // second look at the immediate.
    let mut code = vec![51, 7, 1, 0, 0, 0];
    code.resize(30, 1);
    code.push(0);
    let mut blob = vec![0, 0, code.len() as u8];
    blob.extend(&code);
    blob.extend([1, 0, 0, 0x40]);
    let mut machine = Machine::new(&Program::parse(&blob).unwrap(), Mode::Bare, 100);
    assert_eq!((machine.run(), machine.state.pc), (Exit::Panic, 25));
    assert_eq!((machine.get(Reg::A0), machine.state.gas), (1, 98));
}

#[test]
fn running_off_the_end_traps_there() {
    let mut machine = Machine::of("unlikely\n load_imm a0, 5", 100);
    let end = machine.code.program().code_length();
    assert_eq!((machine.run(), machine.state.pc, machine.get(Reg::A0)), (Exit::Panic, end, 5));
    assert_eq!(machine.state.gas, 97, "the trap at the end is paid as well");
    let mut machine = Machine::of("fallthrough", 100);
    assert_eq!((machine.run(), machine.state.pc, machine.state.gas), (Exit::Panic, 1, 98));
    let mut empty = Machine::of("", 100);
    assert_eq!((empty.run(), empty.state), (Exit::Panic, State::new(0, 100)));
}

#[test]
fn dynamic_jumps_take_every_kind_of_bad_address() {
    // Two entries: the trap behind the jump, and far outside.
    let program = assemble(".jump_table @end, 4000\n jump_ind a0, 0\n@end:\n trap").unwrap();
    let end = 2;
    for (address, exit, pc) in [
        (0xFFFF_0000, Exit::Halt, 0),
        (0xABCD_FFFF_0000, Exit::Halt, 0),
        (0, Exit::Panic, 0),
        (1, Exit::Panic, 0),
        (2, Exit::Panic, end),
        (3, Exit::Panic, 0),
        (4, Exit::Panic, 0),
        (6, Exit::Panic, 0),
        (0xFFFF_0001, Exit::Panic, 0),
        (0xFFFF_FFFE, Exit::Panic, 0),
        (u64::MAX, Exit::Panic, 0),
        (0x1_0000_0002, Exit::Panic, end),
    ] {
        let mut machine = Machine::new(&program, Mode::Bare, 100).with(Reg::A0, address);
        assert_eq!((machine.run(), machine.state.pc), (exit, pc), "{address:#x}");
    }
}

#[test]
fn load_imm_jump_ind_reads_its_base_before_it_writes() {
    let program = assemble(".jump_table @end\n load_imm_jump_ind a0, 9, a0, 0\n@end:\n trap").unwrap();
    let mut machine = Machine::new(&program, Mode::Bare, 100).with(Reg::A0, 2);
    assert_eq!((machine.run(), machine.get(Reg::A0), machine.state.gas), (Exit::Panic, 9, 98));
}

#[test]
fn the_modes_have_their_own_instructions() {
    for (text, mode) in [("ecall", Mode::Bare), ("sbrk a0, a1", Mode::Image)] {
        let mut machine = Machine::new(&assemble(&format!("fallthrough\n {text}\n trap")).unwrap(), mode, 100);
        assert_eq!((machine.run(), machine.state.pc), (Exit::Panic, 1), "{text}");
    }
}

#[test]
fn one_program_may_run_under_either_cost_model() {
    let program = assemble("div_u_64 a0, a1, a2\n trap").unwrap();
    let left = [CostModel::Flat, CostModel::Pipeline].map(|model| {
        let code = Code::new(&program, Mode::Bare, model);
        let mut state = State::new(0, 1_000);
        assert_eq!(run(&code, &mut state, &mut memory()), Exit::Panic);
        assert_eq!(code.block_cost(0), Some(1_000 - state.gas));
        assert_eq!(code.cost_model(), model);
        state.gas
    });
    assert_ne!(left[0], left[1]);
}

#[test]
fn nothing_is_mapped_past_the_end_or_below_the_lowest_address() {
    let mut memory = BareMemory::new();
    assert_eq!(memory.map(0xFFFF_F000, 8192, Access::ReadWrite), Err(BareMemoryError::PastEnd));
    assert_eq!(memory.map(0xF000, 8192, Access::ReadWrite), Err(BareMemoryError::BelowLowest));
    assert_eq!(memory.map(0x1_0001, 4096, Access::ReadWrite), Err(BareMemoryError::Unaligned));
    assert_eq!(memory.map(0x1_0000, 1, Access::ReadWrite), Err(BareMemoryError::Unaligned));
    assert_eq!(memory.pages().count(), 0);
    assert_eq!(memory.map(0xFFFF_F000, 4096, Access::ReadWrite), Ok(()));
    assert_eq!(memory.pages().count(), 1);
}
