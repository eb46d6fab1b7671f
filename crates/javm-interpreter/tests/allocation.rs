//! Running allocates nothing: counted by the allocator of this test, which is why it has a binary of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use javm_interpreter::bare::{Access, BareMemory};
use javm_interpreter::{Code, Exit, State, run};
use javm_isa::{CostModel, Mode, assemble};

struct Counting;

thread_local! {
    /// Of this thread: the harness has others.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

#[test]
fn running_allocates_nothing() {
    let program = assemble(
        "
        load_imm a3, 2000
        fallthrough
     @next:
        store_ind_u64 [a1], a3
        load_ind_u32 a2, [a1 + 4092]
        add_64 a0, a0, a2
        mul_imm_64 a2, a0, 12345
        div_u_64 a2, a2, a3
        add_imm_64 a1, a1, 7
        ecalli 5
        add_imm_64 a3, a3, -1
        branch_ne_imm a3, 0, @next
        load_ind_u8 a0, [a1 + 0x100000]
        jump_ind ra, 0
    ",
    )
    .expect("it is assembly text");
    let code = Code::new(&program, Mode::Bare, CostModel::Pipeline);
    let mut memory = BareMemory::new();
    memory.map(0x20000, 0x6000, Access::ReadWrite).expect("mapped");
    let mut state = State::new(0, 1_000_000);
    state.registers[8] = 0x20000;
    let before = ALLOCATIONS.get();
    let mut calls = 0;
    let end = loop {
        match run(&code, &mut state, &mut memory) {
            Exit::Host(5) => {
                calls += 1;
                code.step_over(&mut state);
            }
            end => break end,
        }
    };
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!((calls, allocations), (2000, 0));
    assert!(matches!(end, Exit::Fault(_)), "{end:?}");
}
