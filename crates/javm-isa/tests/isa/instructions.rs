//! Instructions to bytes and back.

use javm_isa::instruction::EncodeError;
use javm_isa::{Form, Instruction, Kind, Lengths, Mode, Opcode, ProgramBuilder, Reg};
use proptest::prelude::*;
use proptest::sample::select;

fn reg() -> impl Strategy<Value = Reg> {
    (0..13_u8).prop_filter_map("below 13", Reg::new)
}

fn immediate() -> impl Strategy<Value = u64> {
    (any::<i32>(), 0..32_u32).prop_map(|(value, shift)| i64::from(value >> shift) as u64)
}

/// Any instruction that has an encoding; operands that its form does not have are as `decode` leaves them.
fn instruction() -> impl Strategy<Value = Instruction> {
    (select(Opcode::ALL), (reg(), reg(), reg()), (immediate(), immediate(), any::<u64>()), any::<u32>()).prop_map(
        |(opcode, (a, b, d), (x, y, wide), target)| {
            let form = opcode.row().form;
            let has = |forms: &[Form]| forms.contains(&form);
            let mut i = Instruction::new(opcode);
            if !has(&[Form::None, Form::Imm, Form::ImmImm, Form::Offset]) {
                i.a = a;
            }
            if has(&[Form::RegRegImm, Form::RegRegOffset, Form::RegRegImmImm, Form::RegRegReg]) {
                i.b = b;
            }
            if has(&[Form::RegReg, Form::RegRegReg]) {
                i.d = d;
            }
            if form == Form::RegImm64 {
                i.x = wide;
            } else if !has(&[Form::None, Form::RegReg, Form::RegRegReg, Form::Offset, Form::RegRegOffset]) {
                i.x = x;
            }
            if has(&[Form::ImmImm, Form::RegImmImm, Form::RegRegImmImm]) {
                i.y = y;
            }
            if has(&[Form::Offset, Form::RegImmOffset, Form::RegRegOffset]) {
                i.target = target;
            }
            i
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn encoding_and_decoding_are_inverse(
        instruction in instruction(), before in 0..40_usize, long in any::<[bool; 2]>(),
    ) {
        let mode = if instruction.opcode.row().kind == Kind::Sbrk { Mode::Bare } else { Mode::Image };
        let lengths = Lengths { x: long[0].then_some(4), y: long[1].then_some(4) };
        let mut builder = ProgramBuilder::new();
        (0..before).for_each(|_| { builder.push_raw(&[1]); });
        let pc = builder.push_with(&instruction, lengths).expect("it fits");
        builder.push_raw(&[0]);
        let program = builder.build().expect("a program");
        prop_assert_eq!(program.decode(pc, mode), instruction);
        prop_assert_eq!(program.next(pc), builder.position() - 1);
    }

    #[test]
    fn text_of_an_instruction_is_the_instruction(instruction in instruction()) {
        let program = javm_isa::assemble(&instruction.to_string())
            .map_err(|error| TestCaseError::fail(format!("{instruction}: {error}")))?;
        let mode = if instruction.opcode.row().kind == Kind::Sbrk { Mode::Bare } else { Mode::Image };
        prop_assert_eq!(program.decode(0, mode), instruction);
    }

    #[test]
    fn what_does_not_fit_is_refused(value: u64, bytes in 0..=6_u8) {
        let instruction = Instruction { x: value, ..Instruction::new(Opcode::LoadImm) };
        let mut out = vec![9];
        let result = instruction.encode(0, Lengths { x: Some(bytes), y: None }, &mut out);
        let shift = 64 - 8 * u32::from(bytes.clamp(1, 4));
        let fits = if bytes == 0 { value == 0 } else { ((value << shift) as i64 >> shift) as u64 == value };
        match result {
            Ok(length) => {
                prop_assert!(fits && bytes <= 4);
                prop_assert_eq!(length, 2 + usize::from(bytes));
                prop_assert_eq!(out.len(), 1 + length);
            }
            Err(EncodeError::Length(asked)) => prop_assert!(bytes > 4 && asked == bytes),
            Err(error) => {
                prop_assert!(!fits && bytes <= 4);
                prop_assert_eq!(error, EncodeError::Immediate { value, bytes });
            }
        }
        if result.is_err() {
            prop_assert_eq!(out, [9]);
        }
    }
}

#[test]
fn registers_above_twelve_are_twelve() {
    for (byte1, byte2, expected) in
        [(0xDE, 13, [Reg::A5; 3]), (0x7F, 255, [Reg::A5, Reg::A0, Reg::A5]), (0x21, 3, [Reg::SP, Reg::T0, Reg::T1])]
    {
        let mut builder = ProgramBuilder::new();
        builder.push_raw(&[Opcode::Add64.number(), byte1, byte2]);
        let i = builder.build().expect("a program").decode(0, Mode::Bare);
        assert_eq!([i.a, i.b, i.d], expected);
    }
}

#[test]
fn destinations_and_sources_follow_the_operands() {
    let i = |opcode| Instruction { a: Reg::A0, b: Reg::A1, d: Reg::A2, ..Instruction::new(opcode) };
    let sources = |opcode| i(opcode).sources().into_iter().flatten().collect::<Vec<_>>();
    let (a, b, d) = (Reg::A0, Reg::A1, Reg::A2);
    for (opcode, destination, expected) in [
        (Opcode::Add64, Some(d), vec![a, b]),
        (Opcode::AddImm64, Some(a), vec![b]),
        (Opcode::MoveReg, Some(d), vec![a]),
        (Opcode::Sbrk, Some(d), vec![a]),
        (Opcode::CmovIz, Some(d), vec![a, b, d]),
        (Opcode::CmovIzImm, Some(a), vec![b, a]),
        (Opcode::LoadImm, Some(a), vec![]),
        (Opcode::LoadImm64, Some(a), vec![]),
        (Opcode::LoadU8, Some(a), vec![]),
        (Opcode::LoadIndU8, Some(a), vec![b]),
        (Opcode::StoreU8, None, vec![a]),
        (Opcode::StoreImmU8, None, vec![]),
        (Opcode::StoreImmIndU8, None, vec![a]),
        (Opcode::StoreIndU8, None, vec![a, b]),
        (Opcode::BranchEq, None, vec![a, b]),
        (Opcode::BranchEqImm, None, vec![a]),
        (Opcode::Jump, None, vec![]),
        (Opcode::LoadImmJump, Some(a), vec![]),
        (Opcode::JumpInd, None, vec![a]),
        (Opcode::LoadImmJumpInd, Some(a), vec![b]),
        (Opcode::Ecalli, None, vec![]),
        (Opcode::Ecall, None, vec![]),
        (Opcode::Trap, None, vec![]),
    ] {
        assert_eq!((i(opcode).destination(), sources(opcode)), (destination, expected), "{opcode:?}");
    }
}
