//! What an Image must be before it is published: one way to break each rule, and what is said about it.

use javm_cap::image::limits;
use javm_cap::{Access, Backing, CapHash, Data, Image, Import, Mapping, Wanted};
use javm_isa::cost::block_cost;
use javm_isa::{CostModel, Mode, Opcode, Program};

use crate::fixtures::{adder, everything};

/// What is said of `everything` after a change.
fn refusal(change: impl FnOnce(&mut Image)) -> String {
    let mut image = everything();
    change(&mut image);
    match image.validate() {
        Ok(_) => panic!("it is accepted"),
        Err(error) => error.to_string(),
    }
}

fn accepted(change: impl FnOnce(&mut Image)) {
    let mut image = everything();
    change(&mut image);
    if let Err(error) = image.validate() {
        panic!("refused: {error}");
    }
}

fn persistent(slot: u8, offset_pages: u32, pages: u32) -> Mapping {
    Mapping { pages, access: Access::ReadWrite, backing: Backing::Persistent { slot, offset_pages } }
}

fn ephemeral(pages: u32) -> Mapping {
    Mapping { pages, access: Access::ReadWrite, backing: Backing::Ephemeral }
}

/// A blob of code, the places where instructions start, and a jump table of two-byte entries.
fn blob(code: &[u8], starts: &[usize], jump_table: &[u16]) -> Vec<u8> {
    let mut blob = vec![jump_table.len() as u8, 2, code.len() as u8];
    blob.extend(jump_table.iter().flat_map(|entry| entry.to_le_bytes()));
    blob.extend(code);
    let mut mask = vec![0; code.len().div_ceil(8)];
    for start in starts {
        mask[start / 8] |= 1 << (start % 8);
    }
    blob.extend(mask);
    blob
}

#[test]
fn a_valid_image_has_its_parts() {
    let valid = everything().validate().expect("it is valid");
    assert_eq!(valid.image(), &everything());
    assert_eq!(Ok(valid.program()), Program::parse(&everything().code).as_ref());
    assert_eq!(valid.hash(), everything().hash());
    assert_eq!((valid.endpoint("set.all"), valid.endpoint("set")), (Some(1), None));
}

#[test]
fn code() {
    let with_code = |code: Vec<u8>| refusal(|image| image.code = code);
    assert_eq!(
        with_code(vec![0, 0, 5, 0]),
        "program blob: it ends inside the code, at byte 4",
        "a blob's own error is passed on"
    );
    // jump_ind ra; jump to `target`; add (3 bytes) and jump_ind ra behind it.
    let jump = |offset: u8| blob(&[50, 0, 40, offset, 200, 0x87, 7, 50, 0], &[0, 2, 4, 7], &[0]);
    accepted(|image| {
        image.code = jump(2);
        image.endpoints[1].entry = 4;
    });
    let place = "jump at code offset 0x2 goes to";
    let what = "where no basic block starts";
    assert_eq!(with_code(jump(3)), format!("{place} 0x5, {what}: the bitmask has no instruction there"));
    assert_eq!(with_code(jump(5)), format!("{place} 0x7, {what}: the instruction there is inside of a basic block"));
    assert_eq!(with_code(jump(7)), format!("{place} 0x9, {what}: the code has 9 bytes"));
    assert_eq!(with_code(jump(0xfd)), format!("{place} 0xffffffff, {what}: the code has 9 bytes"));
    let branch = blob(&[170, 0x87, 4, 50, 0, 255, 50, 0], &[0, 3, 5, 6], &[]);
    assert_eq!(
        with_code(branch),
        format!("branch_eq at code offset 0x0 goes to 0x4, {what}: the bitmask has no instruction there")
    );
    let branch = blob(&[170, 0x87, 5, 50, 0, 255, 50, 0], &[0, 3, 5, 6], &[]);
    assert_eq!(
        with_code(branch),
        format!("branch_eq at code offset 0x0 goes to 0x5, {what}: the byte there, 255, is no opcode")
    );
    let table = |entry| blob(&[50, 0, 200, 0x87, 7, 50, 0], &[0, 2, 5], &[0, 2, entry]);
    assert_eq!(
        with_code(table(5)),
        format!("jump table entry 2 is 0x5, {what}: the instruction there is inside of a basic block")
    );
    assert_eq!(with_code(table(7)), format!("jump table entry 2 is 0x7, {what}: the code has 7 bytes"));
    // An entry of 2^32 does not become one of zero.
    let wide = [&[1, 5, 2, 0, 0, 0, 0, 1][..], &[50, 0, 1]].concat();
    assert_eq!(with_code(wide), format!("jump table entry 0 is 0xffffffff, {what}: the code has 2 bytes"));
    // `sbrk` has no place in an Image, `ecall` does.
    assert_eq!(
        with_code(blob(&[40, 2, 101, 0x11], &[0, 2], &[])),
        format!("jump at code offset 0x0 goes to 0x2, {what}: the byte there, 101, is no opcode")
    );
    accepted(|image| {
        image.code = blob(&[40, 2, 3, 50, 0], &[0, 2, 3], &[]);
        image.endpoints[1].entry = 2;
    });
}

#[test]
fn the_size_of_code() {
    let traps = |code: u32, entries: u32| {
        // Naturals of four bytes hold 28 bits.
        let natural = |value: u32| [0xE0 | (value >> 24) as u8, value as u8, (value >> 8) as u8, (value >> 16) as u8];
        let mut blob = natural(entries).to_vec();
        blob.push(1);
        blob.extend(natural(code));
        blob.resize(blob.len() + (entries + code) as usize, 0);
        blob.resize(blob.len() + code.div_ceil(8) as usize, 0xFF);
        if let (Some(last), used @ 1..) = (blob.last_mut(), code % 8) {
            *last = 0xFF >> (8 - used);
        }
        let mut image = adder();
        image.code = blob;
        image.endpoints.clear();
        image.validate().map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(traps(limits::MAX_CODE_BYTES, limits::MAX_JUMP_TABLE_ENTRIES), Ok(()));
    let error = "16777217 bytes of code are more than the limit of 16777216";
    assert_eq!(traps(limits::MAX_CODE_BYTES + 1, 1 << 21), Err(error.to_owned()));
    let error = "4194305 jump table entries are more than the limit of 4194304";
    assert_eq!(traps(limits::MAX_CODE_BYTES, limits::MAX_JUMP_TABLE_ENTRIES + 1), Err(error.to_owned()));
}

/// The cost of a block needs no check of its own: whatever it is made of, it cannot come near 2^31.
#[test]
fn no_instruction_adds_more_gas_than_the_longest_block_allows() {
    const COUNT: u32 = 1000;
    for &opcode in Opcode::ALL.iter().filter(|opcode| !opcode.is_terminator()) {
        // All of them depend on each other: every operand byte is zero, every register φ0.
        let length = 10;
        let mut code = vec![0; (COUNT * length) as usize];
        let mut mask = vec![0; code.len().div_ceil(8)];
        for start in (0..code.len()).step_by(length as usize) {
            code[start] = opcode.number();
            mask[start / 8] |= 1 << (start % 8);
        }
        let blob = [&[0, 0, 0xA7, 0x10][..], &code, &mask].concat();
        let program = Program::parse(&blob).unwrap_or_else(|error| panic!("{error}"));
        let cost = block_cost(&program, Mode::Image, CostModel::Pipeline, 0);
        let limit = limits::MAX_BLOCK_COST / limits::MAX_CODE_BYTES;
        assert!(cost > 0 && cost / COUNT < limit, "{}: {cost}", opcode.row().mnemonic);
    }
}

#[test]
fn endpoints() {
    assert_eq!(
        refusal(|image| image.endpoints[1].entry = 10),
        "endpoint 1 (set.all) starts at code offset 0xa, where no basic block starts: \
         the instruction there is inside of a basic block"
    );
    assert_eq!(
        refusal(|image| image.endpoints[1].entry = 14),
        "endpoint 1 (set.all) starts at code offset 0xe, where no basic block starts: the code has 14 bytes"
    );
    assert_eq!(
        refusal(|image| image.endpoints[0].arity = 5),
        "endpoint 0 (get) takes 5 arguments; at most 4 are possible"
    );
    for register in [0, 7, 8, 9, 10] {
        let message = refusal(|image| image.endpoints[0].registers[register] = 0x1000);
        assert!(message.starts_with("endpoint 0 (get) sets "), "{message}");
        assert!(message.ends_with(" to 0x1000; the call sets that register (return address and arguments)"));
    }
    for register in [1, 2, 3, 4, 5, 6, 11, 12] {
        accepted(|image| image.endpoints[0].registers[register] = u64::MAX);
    }
    assert_eq!(
        refusal(|image| image.endpoints[1].name = image.endpoints[0].name.clone()),
        "endpoints 0 and 1 are both called get"
    );
    let fill = |image: &mut Image, count: usize| {
        image.endpoints = (0..count)
            .map(|number| {
                let mut endpoint = image.endpoints[0].clone();
                endpoint.name = format!("e{number}").parse().expect("a name");
                endpoint
            })
            .collect();
    };
    accepted(|image| fill(image, 256));
    assert_eq!(refusal(|image| fill(image, 257)), "257 endpoints are more than the limit of 256");
}

#[test]
fn slots() {
    let import = Import { required: true, wanted: Wanted::Service(1) };
    let some = || Data::new(1).expect("short enough");
    for (slot, name) in [(0, "the scratchpad"), (1, "the gift slot")] {
        let rest = format!("slot {slot} is {name} of a running Instance; the first slot that can be filled is 2");
        let message = refusal(|image| {
            image.slots.insert(slot, some());
        });
        assert_eq!(message, format!("initial slots: {rest}"));
        assert_eq!(
            refusal(|image| {
                image.imports.insert(slot, import);
            }),
            format!("imports: {rest}")
        );
    }
    assert_eq!(
        refusal(|image| {
            image.imports.insert(3, import);
        }),
        "slot 3 is both an initial slot and an import"
    );
    accepted(|image| {
        image.imports.insert(255, import);
    });
    let fill = |image: &mut Image, count: u8| {
        image.typedefs = (0..=255).map(|byte| CapHash([byte; 32])).collect();
        image.typedefs.extend((0..count).map(|byte| CapHash([&[byte][..], &[7; 31]].concat().try_into().expect("32"))));
    };
    accepted(|image| fill(image, 0));
    assert_eq!(refusal(|image| fill(image, 1)), "257 implemented TypeDefs are more than the limit of 256");
}

#[test]
fn memory() {
    let with = |first_page, mapping| {
        refusal(|image| {
            image.memory.insert(first_page, mapping);
        })
    };
    let ok = |first_page, mapping| {
        accepted(|image| {
            image.memory.insert(first_page, mapping);
        })
    };
    assert_eq!(with(0x70, ephemeral(0)), "mapping at page 0x70: it has no pages");
    let range = "are not inside of 0x10..0xfffff, which is what can be mapped";
    assert_eq!(with(0xf, ephemeral(1)), format!("mapping at page 0xf: its pages 0xf..0x10 {range}"));
    ok(0x10, ephemeral(1));
    assert_eq!(with(0xffffe, ephemeral(2)), format!("mapping at page 0xffffe: its pages 0xffffe..0x100000 {range}"));
    ok(0xffffe, ephemeral(1));
    assert_eq!(
        with(u32::MAX, ephemeral(u32::MAX)),
        format!("mapping at page 0xffffffff: its pages 0xffffffff..0x1fffffffe {range}")
    );
    let gap = "at least 1 unmapped page must follow";
    assert_eq!(
        with(0x40, ephemeral(1)),
        format!("mapping at page 0x40: the mapping at page 0x30 ends at page 0x40; {gap}"),
        "no guard page before"
    );
    ok(0x41, ephemeral(1));
    assert_eq!(
        with(0x4f, ephemeral(1)),
        format!("mapping at page 0x50: the mapping at page 0x4f ends at page 0x50; {gap}"),
        "no guard page behind"
    );
    ok(0x4e, ephemeral(1));
    assert_eq!(
        with(0x38, ephemeral(1)),
        format!("mapping at page 0x38: the mapping at page 0x30 ends at page 0x40; {gap}"),
        "inside of another"
    );
    let read_only = Mapping { access: Access::ReadOnly, ..ephemeral(1) };
    assert_eq!(
        with(0x70, read_only),
        "mapping at page 0x70: it is ephemeral and read-only; ephemeral memory must be read-write"
    );
    ok(0x70, ephemeral(4096 - 16));
    assert_eq!(with(0x70, ephemeral(4097 - 16)), "4097 ephemeral pages are more than the limit of 4096");
    let many = |image: &mut Image, count: u32| {
        image.memory = (0..count).map(|number| (0x10 + 2 * number, ephemeral(1))).collect();
    };
    accepted(|image| many(image, 256));
    assert_eq!(refusal(|image| many(image, 257)), "257 mappings are more than the limit of 256");
}

#[test]
fn sources() {
    let with = |mapping| {
        refusal(|image| {
            image.memory.insert(0x1000, mapping);
        })
    };
    let ok = |mapping| {
        accepted(|image| {
            image.memory.insert(0x1000, mapping);
        })
    };
    for slot in [1, 6, 255] {
        assert_eq!(
            with(persistent(slot, 0, 1)),
            format!(
                "mapping at page 0x1000: its slot {slot} is neither the scratchpad (slot 0) nor an initial slot nor an \
                 import"
            )
        );
    }
    ok(persistent(5, 0, 1));
    assert_eq!(
        with(persistent(3, 2, 1)),
        "mapping at page 0x1000: it maps pages 2..3 of slot 3, which has 2",
        "behind the end of initial Data"
    );
    ok(persistent(0, (1 << 20) - 7, 7));
    assert_eq!(
        with(persistent(0, (1 << 20) - 7, 8)),
        "mapping at page 0x1000: it maps pages 1048569..1048577 of slot 0, which has 1048576"
    );
    assert_eq!(
        with(persistent(0, u32::MAX, 8)),
        "mapping at page 0x1000: it maps pages 4294967295..4294967303 of slot 0, which has 1048576"
    );
    ok(persistent(0, 4, 1));
    assert_eq!(
        with(persistent(0, 3, 1)),
        "mapping at page 0x1000: it maps pages of slot 0 that the mapping at page 0x50 maps too"
    );
    assert_eq!(
        with(persistent(2, 0, 1)),
        "mapping at page 0x1000: it maps pages of slot 2 that the mapping at page 0x20 maps too"
    );
}
