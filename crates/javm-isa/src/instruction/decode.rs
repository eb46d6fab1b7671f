//! Bytes to operands. Every instruction goes through here when code is compiled, and they come in any order: forms are
//! told apart by what a table says about them rather than by branches, which could not be predicted.

use super::{Instruction, WINDOW};
use crate::opcode::{Form, Opcode};
use crate::register::Reg;

/// Where the operands of a form are. Register fields name a byte of the packed registers: the low nibble of byte 1, its
/// high nibble, byte 2, or none.
#[derive(Clone, Copy)]
struct Layout {
    a: u8,
    b: u8,
    d: u8,
    /// The operand bytes in front of the immediates: registers and lengths.
    fixed: u8,
    /// The lowest bit of the length of X in the first bytes of the instruction; none of them where X takes all the rest.
    length_bit: u8,
    immediates: Immediates,
}

/// What the immediates of a form are: each a mask of all bits or none.
#[derive(Clone, Copy)]
struct Immediates {
    /// The first one has a length of its own, and a second one takes the rest.
    two: u32,
    /// The first one is X.
    first_is_x: u32,
    /// The first one is a code offset.
    first_is_offset: u32,
    /// The second one is Y.
    second_is_y: u32,
    /// The second one is a code offset.
    second_is_offset: u32,
    /// X has eight bytes.
    wide: u32,
}

impl Immediates {
    const NONE: Immediates =
        Immediates { two: 0, first_is_x: 0, first_is_offset: 0, second_is_y: 0, second_is_offset: 0, wide: 0 };
    const X: Immediates = Immediates { first_is_x: !0, ..Immediates::NONE };
    const OFFSET: Immediates = Immediates { first_is_offset: !0, ..Immediates::NONE };
    const X_Y: Immediates = Immediates { two: !0, first_is_x: !0, second_is_y: !0, ..Immediates::NONE };
    const X_OFFSET: Immediates = Immediates { two: !0, first_is_x: !0, second_is_offset: !0, ..Immediates::NONE };
    const WIDE: Immediates = Immediates { wide: !0, ..Immediates::NONE };
}

/// A mask for words of 64 bits.
#[inline]
fn all(mask: u32) -> u64 {
    i64::from(mask as i32) as u64
}

/// The low nibble of byte 1.
const LOW: u8 = 0;
/// The high nibble of byte 1.
const HIGH: u8 = 8;
/// Byte 2.
const THIRD: u8 = 16;
/// No register: φ0 stands there.
const NONE: u8 = 24;

impl Layout {
    const fn of(form: Form) -> Layout {
        use Immediates as I;
        let (a, b, d, fixed, length_bit, immediates) = match form {
            Form::None => (NONE, NONE, NONE, 0, 0, I::NONE),
            Form::Imm => (NONE, NONE, NONE, 0, 0, I::X),
            Form::RegImm64 => (LOW, NONE, NONE, 1, 0, I::WIDE),
            Form::ImmImm => (NONE, NONE, NONE, 1, 8, I::X_Y),
            Form::Offset => (NONE, NONE, NONE, 0, 0, I::OFFSET),
            Form::RegImm => (LOW, NONE, NONE, 1, 0, I::X),
            Form::RegImmImm => (LOW, NONE, NONE, 1, 12, I::X_Y),
            Form::RegImmOffset => (LOW, NONE, NONE, 1, 12, I::X_OFFSET),
            Form::RegReg => (HIGH, NONE, LOW, 1, 0, I::NONE),
            Form::RegRegImm => (LOW, HIGH, NONE, 1, 0, I::X),
            Form::RegRegOffset => (LOW, HIGH, NONE, 1, 0, I::OFFSET),
            Form::RegRegImmImm => (LOW, HIGH, NONE, 2, 16, I::X_Y),
            Form::RegRegReg => (LOW, HIGH, THIRD, 2, 0, I::NONE),
        };
        Layout { a, b, d, fixed, length_bit, immediates }
    }
}

/// The layout of each opcode, by its number.
static LAYOUTS: [Layout; 256] = {
    let mut table = [Layout::of(Form::None); 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        let opcode = Opcode::ALL[index];
        table[opcode as usize] = Layout::of(opcode.row().form);
        index += 1;
    }
    table
};

/// The low `length` bytes (at most 4) of `bytes`, sign-extended.
#[inline]
fn immediate(bytes: u64, length: u32) -> u64 {
    // With length 0 the shift is by all 32 bits, so that it takes place in the lower half of a word.
    let unused = 32 - 8 * length;
    let shifted = (u64::from(bytes as u32) << unused) as u32;
    (i64::from(shifted as i32) >> unused) as u64
}

impl Instruction {
    /// Decodes the operands of `opcode` at `pc`. `window` holds the bytes from the opcode on; `skip` is the distance to
    /// the next opcode minus one, at most 24.
    #[inline(always)]
    pub(crate) fn decode(opcode: Opcode, pc: u32, window: [u8; WINDOW], skip: u32) -> Instruction {
        let layout = LAYOUTS[opcode as usize];
        let window = u128::from_le_bytes(window);
        let first = window as u32;

        let clamped = |number: u32| number.min(12);
        let registers =
            clamped(first >> 8 & 15) | clamped(first >> 12 & 15) << HIGH | clamped(first >> 16 & 255) << THIRD;
        let register = |at: u8| Reg::from_nibble((registers >> at) as u8);

        let is = layout.immediates;
        let fixed = u32::from(layout.fixed);
        let rest = skip.saturating_sub(fixed).min(4);
        let own_length = (first >> layout.length_bit & 7).min(4);
        let behind_own = skip.saturating_sub(fixed + own_length).min(4);
        let first_length = own_length & is.two | rest & !is.two;
        // At most three bytes stand in front of the immediates, and these take at most eight.
        let body = (window >> (8 * (fixed + 1))) as u64;
        let one = immediate(body, first_length);
        let two = immediate(body >> (8 * first_length), behind_own);

        let x = one & all(is.first_is_x) | body & all(is.wide);
        let y = two & all(is.second_is_y);
        let offset = one as u32 & is.first_is_offset | two as u32 & is.second_is_offset;
        let target = pc.wrapping_add(offset) & (is.first_is_offset | is.second_is_offset);
        Instruction { opcode, a: register(layout.a), b: register(layout.b), d: register(layout.d), x, y, target }
    }
}
