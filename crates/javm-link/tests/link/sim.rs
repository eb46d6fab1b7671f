//! A RISC-V machine: RV64E with M, C, Zbb, Zicond and the moves of XTheadCondMov, written from the manuals and sharing
//! nothing with the linker, whose decoder and operations it checks.

/// Memory that programs may touch: one range of bytes.
#[derive(Clone)]
pub struct Sim {
    pub x: [u64; 16],
    pub code: Vec<u8>,
    pub base: u64,
    pub memory: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Halt,
    Trap,
    /// An access outside of the memory.
    Fault,
}

enum Flow {
    Next,
    To(u64),
    Stop(End),
}

fn sext32(value: u32) -> u64 {
    value as i32 as u64
}

impl Sim {
    /// Runs from the start of the code until it jumps to `halt`.
    pub fn run(&mut self, halt: u64) -> End {
        let mut pc = 0_u64;
        for _ in 0..100_000 {
            if pc == halt {
                return End::Halt;
            }
            let at = pc as usize;
            let half = u16::from_le_bytes([self.code[at], self.code[at + 1]]);
            let (flow, length) = if half & 3 == 3 {
                let word = u32::from_le_bytes([self.code[at], self.code[at + 1], self.code[at + 2], self.code[at + 3]]);
                (self.wide(word, pc), 4)
            } else {
                (self.narrow(half, pc), 2)
            };
            pc = match flow {
                Flow::Next => pc + length,
                Flow::To(target) => target,
                Flow::Stop(end) => return end,
            };
        }
        panic!("the program does not end");
    }

    fn set(&mut self, rd: u32, value: u64) -> Flow {
        if rd != 0 {
            self.x[rd as usize] = value;
        }
        Flow::Next
    }

    fn load(&mut self, rd: u32, address: u64, funct3: u32) -> Flow {
        let size = 1 << (funct3 & 3);
        let Some(start) = address.checked_sub(self.base).filter(|&start| start + size <= self.memory.len() as u64)
        else {
            return Flow::Stop(End::Fault);
        };
        let mut bytes = [0; 8];
        bytes[..size as usize].copy_from_slice(&self.memory[start as usize..(start + size) as usize]);
        let raw = u64::from_le_bytes(bytes);
        let value = match funct3 {
            0 => raw as i8 as u64,
            1 => raw as i16 as u64,
            2 => raw as i32 as u64,
            _ => raw,
        };
        self.set(rd, value)
    }

    fn store(&mut self, value: u64, address: u64, funct3: u32) -> Flow {
        let size = 1 << funct3;
        let Some(start) = address.checked_sub(self.base).filter(|&start| start + size <= self.memory.len() as u64)
        else {
            return Flow::Stop(End::Fault);
        };
        self.memory[start as usize..(start + size) as usize].copy_from_slice(&value.to_le_bytes()[..size as usize]);
        Flow::Next
    }

    fn branch(&self, funct3: u32, a: u64, b: u64, target: u64) -> Flow {
        let taken = match funct3 {
            0 => a == b,
            1 => a != b,
            4 => (a as i64) < (b as i64),
            5 => (a as i64) >= (b as i64),
            6 => a < b,
            7 => a >= b,
            _ => panic!(),
        };
        if taken { Flow::To(target) } else { Flow::Next }
    }

    fn wide(&mut self, w: u32, pc: u64) -> Flow {
        let rd = w >> 7 & 31;
        let (rs1, rs2) = ((w >> 15 & 31) as usize, (w >> 20 & 31) as usize);
        let (funct3, funct7) = (w >> 12 & 7, w >> 25);
        let imm = ((w as i32) >> 20) as u64;
        let a = if rs1 < 16 { self.x[rs1] } else { 0 };
        let b = if rs2 < 16 { self.x[rs2] } else { 0 };
        match w & 0x7F {
            0x37 => self.set(rd, sext32(w & !0xFFF)),
            0x17 => self.set(rd, pc.wrapping_add(sext32(w & !0xFFF))),
            0x6F => {
                let offset =
                    ((w as i32 >> 31) << 20) as u32 | (w & 0x000F_F000) | (w >> 20 & 1) << 11 | (w >> 21 & 0x3FF) << 1;
                self.set(rd, pc + 4);
                Flow::To(pc.wrapping_add(sext32(offset)))
            }
            0x67 => {
                self.set(rd, pc + 4);
                Flow::To(a.wrapping_add(imm) & !1)
            }
            0x63 => {
                let offset =
                    ((w as i32 >> 31) << 12) as u32 | (w >> 7 & 1) << 11 | (w >> 25 & 0x3F) << 5 | (w >> 8 & 0xF) << 1;
                self.branch(funct3, a, b, pc.wrapping_add(sext32(offset)))
            }
            0x03 => self.load(rd, a.wrapping_add(imm), funct3),
            0x23 => {
                let offset = ((w as i32 >> 25) << 5) as u32 | w >> 7 & 31;
                self.store(b, a.wrapping_add(sext32(offset)), funct3)
            }
            0x13 => {
                let value = match (funct3, w >> 20) {
                    (0, _) => a.wrapping_add(imm),
                    (2, _) => u64::from((a as i64) < imm as i64),
                    (3, _) => u64::from(a < imm),
                    (4, _) => a ^ imm,
                    (6, _) => a | imm,
                    (7, _) => a & imm,
                    (1, 0x600) => u64::from(a.leading_zeros()),
                    (1, 0x601) => u64::from(a.trailing_zeros()),
                    (1, 0x602) => u64::from(a.count_ones()),
                    (1, 0x604) => a as i8 as u64,
                    (1, 0x605) => a as i16 as u64,
                    (1, shift) => a << (shift & 63),
                    (5, 0x287) => u64::from_le_bytes(a.to_le_bytes().map(|byte| if byte == 0 { 0 } else { 255 })),
                    (5, 0x6B8) => u64::from_be_bytes(a.to_le_bytes()),
                    (_, shift) => match shift >> 6 {
                        0 => a >> (shift & 63),
                        0x10 => (a as i64 >> (shift & 63)) as u64,
                        _ => a.rotate_right(shift & 63),
                    },
                };
                self.set(rd, value)
            }
            0x1B => {
                let (a, shift) = (a as u32, w >> 20 & 31);
                let value = match (funct3, funct7) {
                    (0, _) => a.wrapping_add(imm as u32),
                    (1, 0) => a << shift,
                    (1, _) => [a.leading_zeros(), a.trailing_zeros(), a.count_ones()][shift as usize],
                    (_, 0) => a >> shift,
                    (_, 0x20) => (a as i32 >> shift) as u32,
                    _ => a.rotate_right(shift),
                };
                self.set(rd, sext32(value))
            }
            0x33 => {
                let (signed_a, signed_b) = (i128::from(a as i64), i128::from(b as i64));
                let value = match (funct7, funct3) {
                    (0x00, 0) => a.wrapping_add(b),
                    (0x20, 0) => a.wrapping_sub(b),
                    (0x00, 1) => a << (b & 63),
                    (0x00, 2) => u64::from(signed_a < signed_b),
                    (0x00, 3) => u64::from(a < b),
                    (0x00, 4) => a ^ b,
                    (0x00, 5) => a >> (b & 63),
                    (0x20, 5) => (a as i64 >> (b & 63)) as u64,
                    (0x00, 6) => a | b,
                    (0x00, 7) => a & b,
                    (0x01, 0) => (signed_a * signed_b) as u64,
                    (0x01, 1) => ((signed_a * signed_b) >> 64) as u64,
                    (0x01, 2) => ((signed_a * i128::from(b)) >> 64) as u64,
                    (0x01, 3) => ((u128::from(a) * u128::from(b)) >> 64) as u64,
                    (0x01, 4) if b == 0 => !0,
                    (0x01, 4) => (signed_a / signed_b) as u64,
                    (0x01, 5) => a.checked_div(b).unwrap_or(!0),
                    (0x01, 6) if b == 0 => a,
                    (0x01, 6) => (signed_a % signed_b) as u64,
                    (0x01, 7) => a.checked_rem(b).unwrap_or(a),
                    (0x05, 4) => signed_a.min(signed_b) as u64,
                    (0x05, 5) => a.min(b),
                    (0x05, 6) => signed_a.max(signed_b) as u64,
                    (0x05, 7) => a.max(b),
                    (0x07, 5) => {
                        if b == 0 {
                            0
                        } else {
                            a
                        }
                    }
                    (0x07, 7) => {
                        if b != 0 {
                            0
                        } else {
                            a
                        }
                    }
                    (0x20, 4) => !(a ^ b),
                    (0x20, 6) => a | !b,
                    (0x20, 7) => a & !b,
                    (0x30, 1) => a.rotate_left(b as u32 & 63),
                    (0x30, 5) => a.rotate_right(b as u32 & 63),
                    _ => panic!("{w:08x}"),
                };
                self.set(rd, value)
            }
            0x3B => {
                let (wide_a, a, b) = (a, a as u32, b as u32);
                let (signed_a, signed_b) = (i64::from(a as i32), i64::from(b as i32));
                let value = match (funct7, funct3) {
                    (0x04, 4) => return self.set(rd, wide_a & 0xFFFF),
                    (0x00, 0) => a.wrapping_add(b),
                    (0x20, 0) => a.wrapping_sub(b),
                    (0x00, 1) => a << (b & 31),
                    (0x00, 5) => a >> (b & 31),
                    (0x20, 5) => (a as i32 >> (b & 31)) as u32,
                    (0x01, 0) => a.wrapping_mul(b),
                    (0x01, 4 | 5) if b == 0 => !0,
                    (0x01, 4) => (signed_a / signed_b) as u32,
                    (0x01, 5) => a / b,
                    (0x01, 6 | 7) if b == 0 => a,
                    (0x01, 6) => (signed_a % signed_b) as u32,
                    (0x01, 7) => a % b,
                    (0x30, 1) => a.rotate_left(b & 31),
                    (0x30, 5) => a.rotate_right(b & 31),
                    _ => panic!("{w:08x}"),
                };
                self.set(rd, sext32(value))
            }
            0x0B => match funct7 {
                0x20 if b == 0 => self.set(rd, a),
                0x21 if b != 0 => self.set(rd, a),
                _ => Flow::Next,
            },
            0x0F => Flow::Next,
            0x73 => Flow::Stop(End::Trap),
            _ => panic!("{w:08x}"),
        }
    }

    fn narrow(&mut self, h: u16, pc: u64) -> Flow {
        let h = u32::from(h);
        let bit = |from: u32, to: u32| (h >> from & 1) << to;
        let full = h >> 7 & 31;
        let second = h >> 2 & 31;
        let (short1, short2) = (8 + (h >> 7 & 7), 8 + (h >> 2 & 7));
        let imm6 = (((bit(12, 5) | second) as i32) << 26 >> 26) as u64;
        let x = |number: u32| self.x[number as usize];
        match (h & 3, h >> 13) {
            (0, 0) if h == 0 => Flow::Stop(End::Trap),
            (0, 0) => {
                let imm =
                    bit(12, 5) | bit(11, 4) | bit(10, 9) | bit(9, 8) | bit(8, 7) | bit(7, 6) | bit(6, 2) | bit(5, 3);
                self.set(short2, x(2).wrapping_add(imm.into()))
            }
            (0, 2) => self.load(
                short2,
                x(short1).wrapping_add((h >> 10 & 7) as u64 * 8 + u64::from(bit(6, 2) | bit(5, 6))),
                2,
            ),
            (0, 3) => {
                self.load(short2, x(short1).wrapping_add((h >> 10 & 7) as u64 * 8 + u64::from(h >> 5 & 3) * 64), 3)
            }
            (0, 6) => self.store(
                x(short2),
                x(short1).wrapping_add((h >> 10 & 7) as u64 * 8 + u64::from(bit(6, 2) | bit(5, 6))),
                2,
            ),
            (0, 7) => {
                self.store(x(short2), x(short1).wrapping_add((h >> 10 & 7) as u64 * 8 + u64::from(h >> 5 & 3) * 64), 3)
            }
            (1, 0) => self.set(full, x(full).wrapping_add(imm6)),
            (1, 1) => self.set(full, sext32((x(full) as u32).wrapping_add(imm6 as u32))),
            (1, 2) => self.set(full, imm6),
            (1, 3) if full == 2 => {
                let imm = bit(12, 9) | bit(6, 4) | bit(5, 6) | bit(4, 8) | bit(3, 7) | bit(2, 5);
                self.set(2, x(2).wrapping_add(((imm as i32) << 22 >> 22) as u64))
            }
            (1, 3) => self.set(full, imm6 << 12),
            (1, 4) => {
                let (a, b) = (x(short1), x(short2));
                let value = match (h >> 10 & 3, h >> 12 & 1, h >> 5 & 3) {
                    (0, ..) => a >> (imm6 & 63),
                    (1, ..) => (a as i64 >> (imm6 & 63)) as u64,
                    (2, ..) => a & imm6,
                    (_, 0, 0) => a.wrapping_sub(b),
                    (_, 0, 1) => a ^ b,
                    (_, 0, 2) => a | b,
                    (_, 0, _) => a & b,
                    (_, _, 0) => sext32((a as u32).wrapping_sub(b as u32)),
                    (_, _, 1) => sext32((a as u32).wrapping_add(b as u32)),
                    _ => panic!("{h:04x}"),
                };
                self.set(short1, value)
            }
            (1, 5) => {
                let imm = bit(12, 11)
                    | bit(11, 4)
                    | bit(10, 9)
                    | bit(9, 8)
                    | bit(8, 10)
                    | bit(7, 6)
                    | bit(6, 7)
                    | bit(5, 3)
                    | bit(4, 2)
                    | bit(3, 1)
                    | bit(2, 5);
                Flow::To(pc.wrapping_add(((imm as i32) << 20 >> 20) as u64))
            }
            (1, function) => {
                let imm =
                    bit(12, 8) | bit(11, 4) | bit(10, 3) | bit(6, 7) | bit(5, 6) | bit(4, 2) | bit(3, 1) | bit(2, 5);
                self.branch(function - 6, x(short1), 0, pc.wrapping_add(((imm as i32) << 23 >> 23) as u64))
            }
            (2, 0) => self.set(full, x(full) << (imm6 & 63)),
            (2, 2) => self.load(
                full,
                x(2) + u64::from(bit(12, 5) | bit(6, 4) | bit(5, 3) | bit(4, 2) | bit(3, 7) | bit(2, 6)),
                2,
            ),
            (2, 3) => self.load(
                full,
                x(2) + u64::from(bit(12, 5) | bit(6, 4) | bit(5, 3) | bit(4, 8) | bit(3, 7) | bit(2, 6)),
                3,
            ),
            (2, 4) => match (h >> 12 & 1, full, second) {
                (1, 0, 0) => Flow::Stop(End::Trap),
                (link, _, 0) => {
                    let target = x(full) & !1;
                    if link == 1 {
                        self.set(1, pc + 2);
                    }
                    Flow::To(target)
                }
                (0, ..) => self.set(full, x(second)),
                _ => self.set(full, x(full).wrapping_add(x(second))),
            },
            (2, 6) => self.store(x(second), x(2) + u64::from((h >> 9 & 15) << 2 | (h >> 7 & 3) << 6), 2),
            (2, 7) => self.store(x(second), x(2) + u64::from((h >> 10 & 7) << 3 | (h >> 7 & 7) << 6), 3),
            _ => panic!("{h:04x}"),
        }
    }
}
