//! Everything that can be wrong, and the message for it: what, where, what to do.

use javm_link::{Options, link};

use super::elf::{ALLOC, COMMON, EXEC, File, INIT_ARRAY, NOBITS, TLS, WRITE};
use super::machine::link_file;
use super::rv::{self, A0, A1, T0, ZERO};

fn message(file: &File) -> String {
    link_file(file).unwrap_err().to_string()
}

fn message_of(bytes: &[u8]) -> String {
    link(bytes, &Options::default()).unwrap_err().to_string()
}

/// The message for a `main` of these instructions, without the place at its start.
fn instruction(words: &[u32]) -> String {
    let message = message(&File::with_main(&rv::code(words)));
    let place = format!("in main+{:#x} (.text.main+{:#x}): ", 4 * (words.len() - 1), 4 * (words.len() - 1));
    message.strip_prefix(&place).unwrap_or_else(|| panic!("{message}")).into()
}

/// A file whose `main` refers to `symbol` by a `lui` and an `addi`.
fn referring(symbol: impl FnOnce(&mut File) -> u32) -> File {
    let mut file = File::with_main(&rv::code(&[rv::lui(A0, 0), rv::addi(A0, A0, 0), rv::ret()]));
    let symbol = symbol(&mut file);
    file.relocate(1, 0, 26, symbol, 0);
    file.relocate(1, 4, 27, symbol, 0);
    file
}

/// A file whose `main` refers to a section of 16 bytes, which `change` may change.
fn with_section(change: impl FnOnce(&mut File, u16)) -> File {
    let mut data = 0;
    let mut file = referring(|file| {
        data = file.section(".data.x", ALLOC | WRITE, &[0; 16]);
        file.symbol("x", (1, 1), data, 0, 16)
    });
    change(&mut file, data);
    file
}

#[test]
fn files_of_another_kind() {
    for (bytes, expected) in [
        (
            &b""[..],
            "this is not an ELF file: it does not start with 7f 45 4c 46; give the linker an object file or a program",
        ),
        (b"\x7fELF", "malformed ELF file: class or byte order is unknown"),
        (
            b"\x7fELF\x01\x01",
            "this ELF file is for a 32-bit machine; compile for riscv64 (ELF64, little endian, machine 243)",
        ),
        (
            b"\x7fELF\x02\x02",
            "this ELF file is for a big-endian machine; compile for riscv64 (ELF64, little endian, machine 243)",
        ),
        (b"\x7fELF\x02\x01", "malformed ELF file: Invalid ELF header size or alignment"),
    ] {
        assert_eq!(message_of(bytes), expected);
    }
    let good = File::with_main(&rv::code(&[rv::ret()]));
    let with = |change: fn(&mut File)| {
        let mut file = good.clone();
        change(&mut file);
        message(&file)
    };
    for (expected, found) in [
        (
            "this ELF file is for x86-64 (machine 62); compile for riscv64 (ELF64, little endian, machine 243)",
            with(|f| f.machine = 62),
        ),
        (
            "this ELF file is for AArch64 (machine 183); compile for riscv64 (ELF64, little endian, machine 243)",
            with(|f| f.machine = 183),
        ),
        (
            "this ELF file is for machine 7; compile for riscv64 (ELF64, little endian, machine 243)",
            with(|f| f.machine = 7),
        ),
        (
            "this ELF file is of type 4; a relocatable object (1), a program (2) or a position-independent program (3) is needed",
            with(|f| f.file_type = 4),
        ),
        ("this file was compiled for the double float ABI; compile with -mabi=lp64e", with(|f| f.flags = 0x5)),
        ("this file was compiled for the single float ABI; compile with -mabi=lp64e", with(|f| f.flags = 0x3)),
        ("this file was compiled for the quad float ABI; compile with -mabi=lp64e", with(|f| f.flags = 0x7)),
        (
            "this file was compiled for 32 registers; compile with -march=rv64emc_zbb -mabi=lp64e",
            with(|f| f.flags = 0x1),
        ),
        (
            "the program has no relocations left; link it with --emit-relocs, or make a relocatable object with -r",
            with(|f| f.file_type = 2),
        ),
    ] {
        assert_eq!(found, expected);
    }
    // Without its symbol table; the section of names takes its type.
    let mut bytes = good.build();
    let table = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
    let symtab = table + 64 * (good.sections.len() + good.relocations.len() + 1);
    bytes[symtab + 4] = 1;
    assert_eq!(message_of(&bytes), "the file has no symbol table; do not strip it before linking");
}

#[test]
fn instructions_that_do_not_exist() {
    for (word, expected) in [
        (0xFFFF_FFFF, "instruction 0xffffffff: instructions longer than 32 bits are not supported"),
        (0x0000_0057, "instruction 0x00000057: vector instructions are not supported; compile without the V extension"),
        (0x1005_A52F, "instruction 0x1005a52f: atomic instructions are not supported; compile without the A extension"),
        (
            0x02C5_8553,
            "instruction 0x02c58553: floating-point instructions are not supported; compile for soft float (-march=rv64emc_zbb -mabi=lp64e)",
        ),
        (
            0xC000_2573,
            "instruction 0xc0002573: control and status registers are not supported (no clocks, no counters: a program is deterministic)",
        ),
        (0x0000_100F, "instruction 0x0000100f: privileged and cache instructions are not supported"),
        (0x1050_0073, "instruction 0x10500073: privileged and cache instructions are not supported"),
        (
            0x0000_200B,
            "instruction 0x0000200b: a custom-0 word that is neither a slot call (.insn i 0x0B, 0, x0, x0, SLOT) nor th.mveqz or th.mvnez",
        ),
        (
            rv::r(0x33, 1, 0x14, A0, A0, A1),
            "instruction 0x28b51533: not an instruction of RV64E with M, C and Zbb; compile with -march=rv64emc_zbb",
        ),
        (
            rv::addi(3, 3, 0),
            "instruction 0x00018193: register gp (x3) does not exist on this machine; link with --no-relax-gp and do not use it in assembly",
        ),
        (
            rv::add(A0, 4, 4),
            "instruction 0x00420533: register tp (x4) does not exist on this machine: there are no threads; use plain statics instead of thread-local ones",
        ),
        (
            rv::add(16, A0, A0),
            "instruction 0x00a50833: register x16 does not exist in RV64E; compile with -march=rv64emc_zbb -mabi=lp64e",
        ),
        (
            rv::add(A0, A0, 31),
            "instruction 0x01f50533: register x31 does not exist in RV64E; compile with -march=rv64emc_zbb -mabi=lp64e",
        ),
    ] {
        assert_eq!(instruction(&[word]), expected);
    }
}

#[test]
fn instructions_that_cannot_be_translated() {
    assert_eq!(
        instruction(&[rv::auipc(A0, 1)]),
        "instruction 0x00001517 (auipc a0, 0x1): this address is not known to the linker: the relocation is missing; compile without .option norelax, or link with --emit-relocs"
    );
    assert_eq!(
        instruction(&[rv::jalr(ZERO, A0, 4)]),
        "instruction 0x00450067 (jalr zero, 4(a0)): a jump to a register plus a constant: code addresses cannot be computed with"
    );
    let code = |tail: &[u32]| {
        let mut words = vec![rv::lui(A0, 0), rv::addi(A0, A0, 0)];
        words.extend(tail);
        words.push(rv::ret());
        let mut file = File::with_main(&rv::code(&words));
        file.relocate(1, 0, 26, 1, 0);
        file.relocate(1, 4, 27, 1, 0);
        message(&file)
    };
    assert_eq!(
        code(&[rv::ld(A1, A0, 0)]),
        "in main+0x8 (.text.main+0x8): instruction 0x00053583 (ld a1, 0(a0)): this reads or writes the code of main: code is not in memory; put constants into .rodata"
    );
    assert_eq!(
        code(&[rv::addi(A0, A0, 2)]),
        "in main+0x8 (.text.main+0x8): instruction 0x00250513 (addi a0, a0, 2): this adds a number to the address of code: code addresses cannot be computed with"
    );
    let mut file = referring(|file| file.symbol("far", (1, 0), super::elf::ABSOLUTE, 1 << 40, 0));
    assert_eq!(
        message(&file),
        "in main+0x0 (.text.main+0x0): instruction 0x00000537 (lui a0, 0x0): the address 0x10000000000 is not within 2^31 of zero"
    );
    file.symbols.last_mut().unwrap().value = 1 << 12;
    assert!(link_file(&file).is_ok());
}

#[test]
fn jumps_to_where_no_instruction_is() {
    assert_eq!(
        message(&File::with_main(&rv::code(&[rv::j(ZERO, 0x100)]))),
        "in main+0x0 (.text.main+0x0): goes to main+0x100 (.text.main+0x100): the section has only 0x4 bytes"
    );
    assert_eq!(
        message(&File::with_main(&rv::code(&[rv::addi(A0, A0, 1), rv::j(ZERO, -2)]))),
        "in main+0x0 (.text.main+0x0): instruction 0x00150513 (addi a0, a0, 1): something jumps into the middle of this instruction"
    );
    let mut file = File::with_main(&rv::code(&[rv::j(ZERO, 0)]));
    file.relocate(1, 0, 17, 1, 1);
    assert_eq!(
        message(&file),
        "in main+0x0 (.text.main+0x0): goes to main+0x1 (.text.main+0x1): instructions stand at even offsets only"
    );
    // Cut off: three bytes of four.
    assert_eq!(
        message(&File::with_main(&[0x13, 0x05, 0x15])),
        "in main+0x0 (.text.main+0x0): instruction 0x0513: the section ends inside of this instruction"
    );
}

#[test]
fn relocations_that_do_not_fit() {
    let file = |code: &[u32], relocations: &[(u64, u32, i64)]| {
        let mut file = File::with_main(&rv::code(code));
        let data = file.section(".data", ALLOC | WRITE, &[0; 8]);
        let word = file.symbol("word", (1, 1), data, 0, 8);
        for &(offset, kind, addend) in relocations {
            file.relocate(1, offset, kind, word, addend);
        }
        message(&file)
    };
    let at_start = |what: &str| format!("in main+0x0 (.text.main+0x0): relocation {what}");
    let add = rv::addi(A0, A0, 1);
    for (code, relocations, expected) in [
        (
            &[add][..],
            &[(0, 20, 0)][..],
            "R_RISCV_GOT_HI20 against word: it does not fit to instruction 0x00150513 (addi a0, a0, 1); link with --no-relax",
        ),
        (&[rv::j(ZERO, 0)], &[(0, 17, 0)], "R_RISCV_JAL against word: a jump or call to something that is not code"),
        (
            &[rv::auipc(1, 0), rv::jalr(1, 1, 0)],
            &[(0, 18, 0)],
            "R_RISCV_CALL against word: a jump or call to something that is not code",
        ),
        (
            &[rv::auipc(1, 0), rv::jalr(1, T0, 0)],
            &[(0, 18, 0)],
            "R_RISCV_CALL against word: it does not fit to instruction 0x00000097 (auipc ra, 0x0); link with --no-relax",
        ),
        (
            &[add],
            &[(0, 29, 0)],
            "R_RISCV_TPREL_HI20 against word: thread-local variables are not supported; a program has one thread: use a plain static",
        ),
        (
            &[add],
            &[(0, 47, 0)],
            "R_RISCV_GPREL_I against word: addresses relative to gp are not supported; link with --no-relax-gp",
        ),
        (&[add], &[(0, 200, 0)], "of type 200 against word: relocations of this kind are not supported"),
        (&[add], &[(0, 2, 0)], "R_RISCV_64 against word: relocations of this kind are not supported"),
        (
            &[add],
            &[(0, 58, 0)],
            "R_RISCV_IRELATIVE against word: indirect functions (ifunc) are not supported; call the implementation directly",
        ),
        (
            &[add],
            &[(0, 27, 0), (0, 24, 0)],
            "R_RISCV_PCREL_LO12_I against word: another relocation, R_RISCV_LO12_I, applies to the same instruction",
        ),
        (&[add], &[(0, 24, 4)], "R_RISCV_PCREL_LO12_I against word: its addend is 4; only 0 is possible"),
        (
            &[add],
            &[(0, 24, 0)],
            "R_RISCV_PCREL_LO12_I against word: there is no auipc with a relocation where its symbol says",
        ),
    ] {
        assert_eq!(file(code, relocations), at_start(expected));
    }
    // The pointer in the table cannot be had otherwise than by loading it.
    let mut file = File::with_main(&rv::code(&[rv::auipc(A0, 0), rv::addi(A0, A0, 0)]));
    let label = file.label("here", 1, 0);
    file.relocate(1, 0, 20, 1, 0);
    file.relocate(1, 4, 24, label, 0);
    assert_eq!(
        message(&file),
        "in main+0x4 (.text.main+0x4): relocation R_RISCV_PCREL_LO12_I against here: it does not fit to instruction 0x00050513 (addi a0, a0, 0); link with --no-relax"
    );
}

#[test]
fn symbols_that_cannot_be_used() {
    assert_eq!(
        message(&referring(|file| file.undefined("_ZN4core3fmt5write17h0123456789abcdefE"))),
        "in main+0x0 (.text.main+0x0): core::fmt::write is not defined anywhere; add the object or crate that defines it"
    );
    let at_start = "in main+0x0 (.text.main+0x0): relocation R_RISCV_HI20 against ";
    for (file, expected) in [
        (
            referring(|file| file.symbol("t", (1, 6), 1, 0, 0)),
            "t: thread-local variables are not supported; a program has one thread: use a plain static",
        ),
        (
            referring(|file| file.symbol("f", (1, 10), 1, 0, 0)),
            "f: indirect functions (ifunc) are not supported; call the implementation directly",
        ),
        (
            referring(|file| {
                let notes = file.section(".comment", 0, &[0; 8]);
                file.symbol("c", (1, 0), notes, 0, 0)
            }),
            "c: the symbol is in section .comment, which is not loaded into memory",
        ),
        (
            referring(|file| file.symbol("e", (1, 2), 1, 14, 0)),
            "e: it refers to offset 0xe, which is outside of the symbol's section",
        ),
        (
            referring(|file| {
                file.section("twice", ALLOC, &[0; 8]);
                file.section("twice", ALLOC, &[0; 8]);
                file.undefined("__stop_twice")
            }),
            "__stop_twice: 2 sections have this name; combine them with -r first",
        ),
        (
            with_section(|file, data| file.get(data).flags |= TLS),
            "x: thread-local variables are not supported; a program has one thread: use a plain static",
        ),
    ] {
        assert_eq!(message(&file), format!("{at_start}{expected}"));
    }
}

#[test]
fn data_that_cannot_be_made() {
    let in_data = "in x+0x0 (.data.x+0x0): relocation ";
    for (file, expected) in [
        (
            with_section(|file, data| file.relocate(data, 0, 60, 1, 0)),
            "R_RISCV_SET_ULEB128 against main: relocations of this kind are not supported",
        ),
        (
            with_section(|file, data| file.relocate(data, 0, 18, 1, 0)),
            "R_RISCV_CALL against main: relocations of this kind are not supported",
        ),
        (with_section(|file, data| file.relocate(data, 0, 1, 1, 0)), ""),
        (
            with_section(|file, data| {
                let far = file.symbol("far", (1, 0), super::elf::ABSOLUTE, 1 << 32, 0);
                file.relocate(data, 0, 1, far, 0);
            }),
            "R_RISCV_32 against far: the value 0x100000000 does not fit into 4 bytes",
        ),
    ] {
        match expected {
            "" => assert!(link_file(&file).is_ok()),
            expected => assert_eq!(message(&file), format!("{in_data}{expected}")),
        }
    }
    let file = with_section(|file, data| file.relocate(data, 12, 2, 1, 0));
    assert_eq!(
        message(&file),
        "in x+0xc (.data.x+0xc): relocation R_RISCV_64 against main: the section has only 0x10 bytes"
    );
    // Two places in the code are farther apart here than a byte can say.
    let mut words = vec![rv::ret(); 200];
    words[0] = rv::lui(A0, 0);
    let mut file = File::with_main(&rv::code(&words));
    let data = file.section(".rodata.x", ALLOC, &[0; 16]);
    let x = file.symbol("x", (1, 1), data, 0, 16);
    file.relocate(1, 0, 26, x, 0);
    for label in 0..200 {
        let number = file.label("", 1, 4 * label);
        if label > 0 {
            file.relocate(data, 8, if label % 2 == 0 { 37 } else { 33 }, number, 0);
        } else {
            file.relocate(data, 0, 37, number, 0);
            let last = file.label("last", 1, 4 * 199);
            file.relocate(data, 0, 33, last, 0);
        }
    }
    assert_eq!(
        message(&file),
        "in x+0x0 (.rodata.x+0x0): relocation R_RISCV_ADD8 against last: the value 0x18e does not fit into 1 bytes"
    );
}

#[test]
fn sections_that_cannot_be_placed() {
    for (file, expected) in [
        (
            with_section(|file, data| file.get(data).alignment = 24),
            "section .data.x: alignment 24 is not a power of two up to 65536",
        ),
        (
            with_section(|file, data| file.get(data).alignment = 1 << 17),
            "section .data.x: alignment 131072 is not a power of two up to 65536",
        ),
        (
            with_section(|file, data| {
                file.get(data).name = ".ephemeral.x".into();
                file.get(data).data[3] = 1;
            }),
            "section .ephemeral.x: it has initial contents, but ephemeral memory is zero at the start of each call; make it .bss-like (@nobits)",
        ),
        (
            with_section(|file, data| {
                file.get(data).kind = NOBITS;
                file.get(data).size = 1 << 31;
            }),
            "a section of 2147483648 bytes; at most 2147479552 are possible",
        ),
        (
            with_section(|file, data| {
                file.get(data).kind = NOBITS;
                file.get(data).size = 0x7FFF_0000;
            }),
            "constants and variables of 2147549184 bytes; at most 2147479552 are possible",
        ),
        (
            with_section(|file, data| {
                file.get(data).kind = NOBITS;
                file.get(data).size = 0x7000_0000;
            }),
            "constants, variables, scratchpad and heap of 1879117824 bytes; at most 1878913024 are possible",
        ),
        (
            with_section(|file, data| {
                file.get(data).kind = NOBITS;
                file.get(data).name = ".ephemeral".into();
                file.get(data).size = 0x100_0000;
            }),
            "stack, heap and ephemeral variables of 16842752 bytes; at most 16777216 are possible",
        ),
        (
            referring(|file| file.symbol("c", (1, 1), COMMON, 8, 1 << 40)),
            "a common symbol of 1099511627776 bytes; at most 2147479552 are possible",
        ),
        (
            with_section(|file, data| file.get(data).kind = INIT_ARRAY),
            "section .data.x holds 16 bytes of constructors or destructors, which nothing would run; initialise in an endpoint or use constants",
        ),
        (
            with_section(|file, data| file.get(data).name = ".ctors".into()),
            "section .ctors holds 16 bytes of constructors or destructors, which nothing would run; initialise in an endpoint or use constants",
        ),
        (
            with_section(|file, data| {
                file.get(data).kind = NOBITS;
                file.get(data).flags = ALLOC | EXEC;
                file.symbols.last_mut().unwrap().info = (1, 2);
            }),
            "in x+0x0 (.data.x+0x0): no instruction: the section ends inside of this instruction",
        ),
    ] {
        assert_eq!(message(&file), expected);
    }
    for options in [
        Options { heap: Some(16 << 20), ..Options::default() },
        Options { stack: Some(u32::MAX), ..Options::default() },
        Options { scratchpad: Some(u32::MAX), ..Options::default() },
        Options { heap: Some(u32::MAX), scratchpad: Some(u32::MAX), stack: Some(u32::MAX), ..Options::default() },
    ] {
        let message = link(&File::with_main(&rv::code(&[rv::ret()])).build(), &options).unwrap_err().to_string();
        assert!(message.contains("bytes; at most"), "{message}");
    }
}

#[test]
fn pointers_that_only_a_loader_would_fill_in() {
    let mut file = with_section(|_, _| {});
    file.file_type = 3;
    file.get(1).address = 0x1000;
    file.get(3).address = 0x2000;
    for relocation in file.relocations.get_mut(&1).unwrap() {
        relocation.offset += 0x1000;
    }
    file.symbols[0].value = 0x1000;
    file.symbols[1].value = 0x2000;
    assert!(link_file(&file).is_ok());
    // A second table of relocations, which belongs to no symbol table of ours: the dynamic one.
    let dynamic = file.section(".rela.dyn", ALLOC, &[[0x2008_u64, 3, 0x1000].map(u64::to_le_bytes)].concat().concat());
    file.get(dynamic).kind = 4;
    assert_eq!(
        message(&file),
        "in x+0x8 (.data.x+0x8): a pointer here has a dynamic relocation only; link with --emit-relocs"
    );
    file.relocate(3, 0x2008, 2, 1, 0);
    assert!(link_file(&file).is_ok());
}

/// The message for a file with one more section of records.
fn records(section: &str, bytes: &[u8]) -> String {
    let mut file = File::with_main(&rv::code(&[rv::ret()]));
    file.section(section, 0, bytes);
    message(&file)
}

#[test]
fn endpoints_that_are_wrong() {
    let mut file = File::default();
    file.text(".text", &rv::code(&[rv::ret()]));
    assert_eq!(
        message(&file),
        "the program has no endpoints; declare one with the endpoint macro of the SDK (a record in section .nub.endpoints)"
    );
    let record = |change: fn(&mut [u8; 64])| {
        let mut record = [0; 64];
        record[8..11].copy_from_slice(&[1, 2, 0]);
        record[16..18].copy_from_slice(b"it");
        change(&mut record);
        records(".nub.endpoints", &record)
    };
    let second = "record 1 of section .nub.endpoints: ";
    for (expected, found) in [
        ("its entry is not a pointer to a function of this program", record(|_| {})),
        ("its version is 2; this linker knows version 1", record(|r| r[8] = 2)),
        ("the endpoint's name: a name has 1 to 48 bytes, not 0", record(|r| (r[9], r[16], r[17]) = (0, 0, 0))),
        ("the endpoint's name: a name has 1 to 48 bytes, not 49", record(|r| r[9] = 49)),
        (
            "the endpoint's name: byte 1 of the name is 0x20; letters, digits, '_', '.' and '-' are allowed",
            record(|r| r[17] = b' '),
        ),
        ("reserved bytes are not zero", record(|r| r[12] = 1)),
        ("reserved bytes are not zero", record(|r| r[63] = 1)),
        ("endpoint it takes 5 arguments; at most 4 are possible", record(|r| r[10] = 5)),
        ("it is cut short: 63 bytes of 64", records(".nub.endpoints.x", &[0; 63])),
    ] {
        assert_eq!(found, format!("{second}{expected}"));
    }
    let mut file = File::with_main(&rv::code(&[rv::ret()]));
    file.endpoint("main", 1, 0);
    assert_eq!(message(&file), format!("{second}another endpoint is called main too"));
    let mut file = File::with_main(&rv::code(&[rv::ret()]));
    let data = file.section(".data", ALLOC, &[0; 8]);
    let data = file.symbol("d", (1, 1), data, 0, 8);
    file.endpoint("data", data, 0);
    assert_eq!(message(&file), format!("{second}its entry is not a pointer to a function of this program"));
    let missing = file.undefined("missing");
    file.endpoint("other", missing, 0);
    file.relocations.remove(&4);
    assert!(message(&file).starts_with(second));
    let mut file = File::with_main(&rv::code(&[rv::ret()]));
    for number in 0..256 {
        file.endpoint(&format!("e{number}"), 1, 0);
    }
    assert_eq!(message(&file), "the linked Image is not valid: 257 endpoints are more than the limit of 256");
}

#[test]
fn signatures_that_are_wrong() {
    let method = |text: &str| text.parse::<javm_types::Method>().expect("a method").encode();
    let signatures = |bytes: &[u8]| records(".nub.signatures", bytes);
    let interface = |text: &[u8]| records(".nub.interface.x", text);
    let main = method("main(a: u64, b: u64, c: u64, d: bool)");
    let fits = [&main[..], &[0; 5], &main].concat();
    let mut file = File::with_main(&rv::code(&[rv::ret()]));
    file.section(".nub.signatures.a", 0, &fits);
    file.section(".nub.interface", 0, b"interface x { main(a: u64, b: u64, c: u64, d: bool); }\0\0");
    let linked = link_file(&file).expect("they are the same");
    assert_eq!(linked.image.endpoints[0].signature.as_ref().map(javm_types::Method::encode), Some(main.clone()));
    for (expected, found) in [
        (
            "0 of section .nub.signatures: this is no signature: version, at byte 0: version 9 is not known (only version 1 is)",
            signatures(&[9]),
        ),
        (
            "1 of section .nub.signatures: this is no signature: name, at byte 2: 5 bytes are needed and 0 are left",
            signatures(&[&main[..], &[1, 5]].concat()),
        ),
        ("0 of section .nub.signatures: there is no endpoint for other()", signatures(&method("other()"))),
        (
            "1 of section .nub.signatures: there are two signatures for one endpoint, main(a: u64, b: u64, c: u64, d: bool) and main(x: u64, b: u64, c: u64, d: bool)",
            signatures(&[main, method("main(x: u64, b: u64, c: u64, d: bool)")].concat()),
        ),
        (
            "0 of section .nub.signatures: the signature is main(text: string), but the endpoint's record says that 4 registers hold arguments; a call that passes them in the scratchpad has one, for their length",
            signatures(&method("main(text: string)")),
        ),
        (
            "0 of section .nub.interface: this is no interface: line 1, column 1: expected `struct` or `interface`, found `interfac`",
            interface(b"interfac"),
        ),
        (
            "0 of section .nub.interface: an interface is UTF-8 text with a zero behind it; byte 1 of this one is not UTF-8",
            interface(b"\0i\xff"),
        ),
        (
            "1 of section .nub.interface: there is no endpoint for f(a: u8)",
            interface(b"interface x { }\0interface y { f(a: u8); }"),
        ),
    ] {
        assert_eq!(found, format!("record {expected}"));
    }
}

#[test]
fn interfaces_that_are_wrong() {
    let typedefs = |bytes: &[u8]| records(".nub.typedefs.x", bytes);
    let encoded = "interface x { f(); }".parse::<javm_types::TypeDef>().expect("an interface").encode();
    let of = |head: [u8; 4], rest: &[u8]| typedefs(&[&head[..], rest].concat());
    for (expected, found) in [
        ("it is cut short: 3 bytes of 4", typedefs(&[1, 1, 0])),
        ("its version is 2; this linker knows version 1", of([2, 1, 0, 0], &encoded)),
        (
            "what the interface is to the program is 3; 1 (implemented) or 2 (wanted) are possible",
            of([1, 3, 0, 0], &encoded),
        ),
        ("reserved bytes are not zero", of([1, 1, 9, 0], &encoded)),
        ("reserved bytes are not zero", of([1, 1, 0, 1], &encoded)),
        ("there is no endpoint for f()", of([1, 1, 0, 0], &encoded)),
        ("slot 3 is the program's variables; use one from 4 on", of([1, 2, 3, 1], &encoded)),
        ("the field that says whether it is required is 2; 0 or 1 are possible", of([1, 2, 4, 2], &encoded)),
        (
            "this is no TypeDef: method 0: number of elements, at byte 9: 1 bytes are needed and 0 are left",
            of([1, 2, 4, 1], &encoded[..9]),
        ),
        (
            "this is no interface: line 1, column 1: expected `interface`, found the end of the text",
            of([1, 2, 4, 1], &[]),
        ),
        (
            "an interface is UTF-8 text with a zero behind it; byte 0 of this one is not UTF-8",
            of([1, 2, 4, 1], b"\xff"),
        ),
    ] {
        assert_eq!(found, format!("record 0 of section .nub.typedefs: {expected}"));
    }
    let twice = [&[1, 2, 4, 1][..], b"interface x { }\0\0", &[1, 2, 4, 0], b"interface x { }"].concat();
    assert_eq!(typedefs(&twice), "record 1 of section .nub.typedefs: another import takes slot 4 too");
}

#[test]
fn imports_and_sizes_that_are_wrong() {
    let import = |bytes: [u8; 8]| records(".nub.imports", &bytes);
    let first = "record 0 of section .nub.imports: ";
    for (expected, found) in [
        ("its version is 0; this linker knows version 1", import([0, 4, 1, 1, 1, 0, 0, 0])),
        ("slot 0 is the scratchpad; use one from 4 on", import([1, 0, 1, 1, 1, 0, 0, 0])),
        ("slot 1 is the gift slot; use one from 4 on", import([1, 1, 1, 1, 1, 0, 0, 0])),
        ("slot 2 is the program's constants; use one from 4 on", import([1, 2, 1, 1, 1, 0, 0, 0])),
        ("slot 3 is the program's variables; use one from 4 on", import([1, 3, 1, 1, 1, 0, 0, 0])),
        ("kind 2 of import is not known; 1 is a Service", import([1, 4, 2, 1, 1, 0, 0, 0])),
        ("the field that says whether it is required is 2; 0 or 1 are possible", import([1, 4, 1, 2, 1, 0, 0, 0])),
        ("it is cut short: 7 bytes of 8", records(".nub.imports", &[0; 7])),
    ] {
        assert_eq!(found, format!("{first}{expected}"));
    }
    assert_eq!(
        records(".nub.imports", &[1, 4, 1, 1, 1, 0, 0, 0, 1, 4, 1, 1, 2, 0, 0, 0]),
        "record 1 of section .nub.imports: another import takes slot 4 too"
    );
    assert_eq!(
        records(".nub.memory", &[0; 16]),
        "record 0 of section .nub.memory: its version is 0; this linker knows version 1"
    );
    assert_eq!(records(".nub.memory", &[0; 15]), "record 0 of section .nub.memory: it is cut short: 15 bytes of 16");
    assert_eq!(records(".nub.memory", &[0; 32]), "record 1 of section .nub.memory: there may be one such record only");
}

#[test]
fn symbol_maps_of_other_images() {
    let linked = link_file(&File::with_main(&rv::code(&[rv::ret()]))).unwrap();
    let text = linked.symbols.to_json().unwrap();
    let hash = linked.image.hash();
    let read = |text: &str| javm_link::SymbolMap::from_json(text, hash).map_err(|error| error.to_string());
    assert_eq!(read(&text).unwrap(), linked.symbols);
    let other = text.replace(&hash.to_string(), &"0".repeat(64));
    assert_eq!(
        read(&other).unwrap_err(),
        format!("this symbol map belongs to Image {}, not to {hash}: link the program again", "0".repeat(64))
    );
    assert_eq!(
        read(&text.replace("\"version\": 2", "\"version\": 1")).unwrap_err(),
        "this symbol map has version 1; this program reads version 2: link the program again"
    );
    assert_eq!(
        read(&text.replace("\"start\":0,\"end\":", "\"start\":9,\"end\":")).unwrap_err(),
        "this symbol map is damaged: its functions are not sorted"
    );
    assert!(read("{}").unwrap_err().starts_with("this is not a symbol map: missing field"));
    let mut different = linked.symbols.clone();
    different.functions.push(different.functions[0].clone());
    assert!(read(&different.to_json().unwrap()).unwrap_err().contains("not sorted"));
}
