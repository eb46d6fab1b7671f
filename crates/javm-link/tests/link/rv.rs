//! Writes RISC-V instructions.

pub const ZERO: u32 = 0;
pub const RA: u32 = 1;
pub const SP: u32 = 2;
pub const T0: u32 = 5;
pub const T1: u32 = 6;
pub const S0: u32 = 8;
pub const A0: u32 = 10;
pub const A1: u32 = 11;

pub fn r(opcode: u32, funct3: u32, funct7: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

pub fn i(opcode: u32, funct3: u32, rd: u32, rs1: u32, immediate: i32) -> u32 {
    (immediate as u32) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

pub fn s(funct3: u32, rs2: u32, rs1: u32, immediate: i32) -> u32 {
    let immediate = immediate as u32;
    (immediate >> 5 & 0x7F) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (immediate & 31) << 7 | 0x23
}

pub fn b(funct3: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
    let o = offset as u32;
    (o >> 12 & 1) << 31
        | (o >> 5 & 63) << 25
        | rs2 << 20
        | rs1 << 15
        | funct3 << 12
        | (o >> 1 & 15) << 8
        | (o >> 11 & 1) << 7
        | 0x63
}

pub fn j(rd: u32, offset: i32) -> u32 {
    let o = offset as u32;
    (o >> 20 & 1) << 31 | (o >> 1 & 0x3FF) << 21 | (o >> 11 & 1) << 20 | (o >> 12 & 0xFF) << 12 | rd << 7 | 0x6F
}

pub fn lui(rd: u32, value: u32) -> u32 {
    value << 12 | rd << 7 | 0x37
}

pub fn auipc(rd: u32, value: u32) -> u32 {
    value << 12 | rd << 7 | 0x17
}

pub fn addi(rd: u32, rs1: u32, immediate: i32) -> u32 {
    i(0x13, 0, rd, rs1, immediate)
}

pub fn addiw(rd: u32, rs1: u32, immediate: i32) -> u32 {
    i(0x1B, 0, rd, rs1, immediate)
}

pub fn add(rd: u32, rs1: u32, rs2: u32) -> u32 {
    r(0x33, 0, 0, rd, rs1, rs2)
}

pub fn ld(rd: u32, rs1: u32, offset: i32) -> u32 {
    i(0x03, 3, rd, rs1, offset)
}

pub fn lw(rd: u32, rs1: u32, offset: i32) -> u32 {
    i(0x03, 2, rd, rs1, offset)
}

pub fn sd(rs2: u32, rs1: u32, offset: i32) -> u32 {
    s(3, rs2, rs1, offset)
}

pub fn jalr(rd: u32, rs1: u32, offset: i32) -> u32 {
    i(0x67, 0, rd, rs1, offset)
}

pub fn ret() -> u32 {
    jalr(ZERO, RA, 0)
}

pub const ECALL: u32 = 0x73;
pub const UNIMP: u32 = 0xC000_1073;

/// The call of a slot.
pub fn ecalli(slot: u32) -> u32 {
    slot << 20 | 0x0B
}

/// The bytes of a sequence.
pub fn code(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
