//! Loops written for timing. Each takes a memory base in a0 and a size in a1 and leaves a result in a0.

use javm_interpreter::bare::Access;
use javm_isa::{Reg, assemble};

use crate::workload::{Mapping, Workload};

/// Where polkavm's read-write data lies when there is no read-only data.
const BASE: u32 = 0x2_0000;
const BYTES: u32 = 1 << 20;

pub fn all() -> Vec<Workload> {
    vec![
        workload("sieve", 1_000_000, SIEVE),
        workload("calls", 500_000, CALLS),
        workload("tree of calls", 25, FIB),
        workload("hash", 500_000, HASH),
        workload("copy", 60, COPY),
        workload("sort", 2_000, SORT),
    ]
}

fn workload(name: &'static str, size: u64, text: &str) -> Workload {
    let program = assemble(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut registers = [0; 13];
    registers[Reg::SP.index()] = u64::from(BASE + BYTES);
    registers[Reg::A0.index()] = u64::from(BASE);
    registers[Reg::A1.index()] = size;
    let content = vec![0; BYTES as usize];
    let memory = vec![Mapping { address: BASE, content, access: Access::ReadWrite, is_stack: false }];
    Workload { name, program, entry: 0, registers, memory }
}

const SIEVE: &str = "
    add_64        s0, a0, a1
    move_reg      t0, a0
    load_imm      a2, 0
    fallthrough
@clear:
    store_ind_u8  [t0], a2
    add_imm_64    t0, t0, 1
    branch_ne     t0, s0, @clear
    load_imm      t0, 2
    fallthrough
@outer:
    add_64        t1, a0, t0
    load_ind_u8   t2, [t1]
    branch_ne_imm t2, 0, @next
    add_imm_64    a2, a2, 1
    mul_64        s1, t0, t0
    branch_ge_u   s1, a1, @next
    add_64        s1, s1, a0
    load_imm      t2, 1
    fallthrough
@mark:
    store_ind_u8  [s1], t2
    add_64        s1, s1, t0
    branch_lt_u   s1, s0, @mark
@next:
    add_imm_64    t0, t0, 1
    branch_ne     t0, a1, @outer
    move_reg      a0, a2
    jump_ind      ra, 0";

/// A loop around a small function, with a chain of comparisons as a switch makes them.
const CALLS: &str = "
.jump_table @back
    add_imm_64    sp, sp, -8
    store_ind_u64 [sp], ra
    load_imm      t0, 0
    fallthrough
@loop:
    and_imm       a2, a1, 3
    load_imm_jump ra, 2, @step
@back:
    add_64        t0, t0, a3
    add_imm_64    a1, a1, -1
    branch_ne_imm a1, 0, @loop
    move_reg      a0, t0
    load_ind_u64  ra, [sp]
    jump_ind      ra, 0
@step:
    branch_eq_imm a2, 0, @zero
    branch_eq_imm a2, 1, @one
    mul_64        a3, a2, a1
    jump_ind      ra, 0
@zero:
    load_imm      a3, 7
    jump_ind      ra, 0
@one:
    xor           a3, a1, t0
    jump          @end
@end:
    jump_ind      ra, 0";

/// The Fibonacci numbers by their definition.
const FIB: &str = "
.jump_table @done, @first, @second
    add_imm_64    sp, sp, -8
    store_ind_u64 [sp], ra
    move_reg      a0, a1
    load_imm_jump ra, 2, @fib
@done:
    load_ind_u64  ra, [sp]
    jump_ind      ra, 0
@fib:
    branch_lt_u_imm a0, 2, @small
    add_imm_64    sp, sp, -24
    store_ind_u64 [sp], ra
    store_ind_u64 [sp + 8], s0
    store_ind_u64 [sp + 16], s1
    move_reg      s0, a0
    add_imm_64    a0, a0, -1
    load_imm_jump ra, 4, @fib
@first:
    move_reg      s1, a0
    add_imm_64    a0, s0, -2
    load_imm_jump ra, 6, @fib
@second:
    add_64        a0, a0, s1
    load_ind_u64  ra, [sp]
    load_ind_u64  s0, [sp + 8]
    load_ind_u64  s1, [sp + 16]
    add_imm_64    sp, sp, 24
    jump_ind      ra, 0
@small:
    jump_ind      ra, 0";

/// Arithmetic, each step on the last one's result.
const HASH: &str = "
    load_imm      t0, 0x12345678
    load_imm      t2, 0
    fallthrough
@loop:
    shlo_l_imm_64 t1, t0, 13
    xor           t0, t0, t1
    shlo_r_imm_64 t1, t0, 7
    xor           t0, t0, t1
    shlo_l_imm_64 t1, t0, 17
    xor           t0, t0, t1
    rot_r_64_imm  t1, t0, 11
    mul_64        t1, t1, t0
    add_32        s0, t1, t2
    set_lt_u      s1, s0, t1
    add_64        t2, t2, s1
    and_inv       s0, t2, t1
    sub_64        t2, t2, s0
    add_imm_64    a1, a1, -1
    branch_ne_imm a1, 0, @loop
    xor           a0, t0, t2
    jump_ind      ra, 0";

const COPY: &str = "
@again:
    move_reg      t0, a0
    add_imm_64    t1, a0, 0x40000
    move_reg      s0, t1
    fallthrough
@loop:
    load_ind_u64  t2, [t0]
    load_ind_u64  a2, [t0 + 8]
    store_ind_u64 [t1], t2
    store_ind_u64 [t1 + 8], a2
    add_imm_64    t0, t0, 16
    add_imm_64    t1, t1, 16
    branch_ne     t0, s0, @loop
    add_imm_64    a1, a1, -1
    branch_ne_imm a1, 0, @again
    load_ind_u64  a0, [t1 - 8]
    jump_ind      ra, 0";

/// Insertion sort of pseudo-random 32-bit numbers: branches that are hard to predict.
const SORT: &str = "
    shlo_l_imm_64 a1, a1, 2
    add_64        s0, a0, a1
    load_imm      t1, 12345
    move_reg      t0, a0
    fallthrough
@fill:
    mul_imm_32    t1, t1, 1103515245
    add_imm_32    t1, t1, 12345
    store_ind_u32 [t0], t1
    add_imm_64    t0, t0, 4
    branch_lt_u   t0, s0, @fill
    add_imm_64    t0, a0, 4
    fallthrough
@outer:
    load_ind_u32  t1, [t0]
    move_reg      t2, t0
    fallthrough
@inner:
    load_ind_u32  a2, [t2 - 4]
    branch_ge_u   t1, a2, @place
    store_ind_u32 [t2], a2
    add_imm_64    t2, t2, -4
    branch_ne     t2, a0, @inner
@place:
    store_ind_u32 [t2], t1
    add_imm_64    t0, t0, 4
    branch_lt_u   t0, s0, @outer
    load_ind_u32  a0, [a0 + 400]
    jump_ind      ra, 0";
