//! Images made and changed as values, so that what is written is well-formed and mostly valid.

use std::collections::BTreeMap;

use javm_cap::image::limits::END_PAGE;
use javm_cap::{Access, Backing, CapHash, Data, Endpoint, EndpointName, Image, Import, Mapping, PAGE_SIZE, Wanted};
use javm_isa::asm::{Content, Statement};
use javm_isa::{CostModel, Instruction, Listing, Mode, Opcode, Program, Reg};
use javm_testgen::{Config, Region};
use javm_types::Method;
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::target::Random;
use crate::{mutation, program};

/// Slots that things are put into; the first two are reserved.
const SLOTS: [u8; 8] = [2, 3, 4, 5, 6, 0, 1, 255];
/// The slots of a generated Image: read-only Data, Data that its program writes to, and two services.
const CONSTANTS: u8 = 2;
const VARIABLES: u8 = 3;
const SERVICES: [(u8, u32); 2] = [(4, 1), (5, 2)];

/// An Image that mostly is valid: a random program over the memory that it aims at.
pub(super) fn generate(random: &mut Random) -> Vec<u8> {
    let valid = random.random_ratio(7, 8);
    // A mapping has an unmapped page behind it.
    let region = |address, writable| Region { address, length: PAGE_SIZE as u32, writable };
    let memory =
        vec![region(0x2_0000, false), region(0x2_2000, true), region(0x3_0000, true), region(0xFEFD_F000, true)];
    let config = Config {
        mode: Mode::Image,
        only_valid: true,
        stray_targets: !valid,
        blocks: 1..=6,
        memory,
        ..Config::default()
    };
    let case = javm_testgen::generate(&config, random.random());
    let mut listing = case.listing.clone();
    for _ in 0..random.random_range(0..4) {
        ask_the_kernel(random, &mut listing);
    }
    let program = listing.assemble().unwrap_or_else(|_| case.program());
    let cost_model = if random.random() { CostModel::Flat } else { CostModel::Pipeline };
    let mut image = Image {
        slots: BTreeMap::from([(CONSTANTS, data(random)), (VARIABLES, data(random))]),
        imports: SERVICES.map(|(slot, id)| (slot, Import { required: true, wanted: Wanted::Service(id) })).into(),
        ..Image::new(cost_model, program.blob().to_vec(), Vec::new())
    };
    for _ in 0..random.random_range(1..4) {
        add_endpoint(random, &mut image, case.registers);
    }
    for (index, region) in case.memory.iter().enumerate() {
        let (access, backing) = match index {
            0 => (Access::ReadOnly, Backing::Persistent { slot: CONSTANTS, offset_pages: 0 }),
            1 => (Access::ReadWrite, Backing::Persistent { slot: VARIABLES, offset_pages: 0 }),
            2 => (Access::ReadWrite, Backing::Persistent { slot: 0, offset_pages: 0 }),
            _ => (Access::ReadWrite, Backing::Ephemeral),
        };
        image.memory.insert(region.address / PAGE_SIZE as u32, Mapping { pages: 1, access, backing });
    }
    image.encode()
}

/// Puts a call of a service or an operation somewhere into the program.
fn ask_the_kernel(random: &mut Random, listing: &mut Listing) {
    let at = random.random_range(0..=listing.statements.len());
    let set = |register: Reg, x: u64| Instruction { a: register, x, ..Instruction::new(Opcode::LoadImm64) };
    let slot = *SLOTS.choose(random).unwrap_or(&0);
    let operation = *[16, 23, 24, 0, 255].choose(random).unwrap_or(&16_u64);
    let method = random.random_range(0..4_u64) << 16;
    let flags = random.random_range(0..3_u64) << 8;
    let hops = if random.random_ratio(1, 8) { random.random::<u64>() << 40 } else { 0 };
    let a4 = operation | flags | method | u64::from(slot) << 32 | hops;
    let arguments = [Reg::A0, Reg::A1, Reg::A2].map(|register| {
        let edge = *[0, 1, 31, 32, 4064, 4095, 4096, 5000, 0x2_0FF8, 0x2_2000].choose(random).unwrap_or(&0);
        set(register, if random.random_ratio(1, 8) { mutation::number(random) } else { edge })
    });
    let limit = if random.random_ratio(1, 4) { mutation::number(random) } else { 0 };
    let call = match random.random() {
        true => Instruction { x: u64::from(slot), ..Instruction::new(Opcode::Ecalli) },
        false => Instruction::new(Opcode::Ecall),
    };
    let instructions = arguments.into_iter().chain([set(Reg::A4, a4), set(Reg::A5, limit), call]);
    let statements = instructions.map(|instruction| Statement {
        labels: Vec::new(),
        content: Content::Instruction { instruction, lengths: javm_isa::Lengths::default(), label: None },
    });
    listing.statements.splice(at..at, statements);
}

fn data(random: &mut Random) -> Data {
    let pages = *[0, 1, 1, 2, 3, 16, 1 << 20].choose(random).unwrap_or(&1);
    let empty = Data::new(0).unwrap_or_else(|error| panic!("no pages are possible: {error}"));
    let Ok(mut data) = Data::new(pages) else { return empty };
    for _ in 0..random.random_range(0..3) {
        let offset = u64::from(random.random_range(0..pages.max(1))) * PAGE_SIZE as u64;
        // Behind the end it stays as it is.
        let _ = data.write(offset + random.random_range(0..PAGE_SIZE as u64 - 8), &[random.random(); 8]);
    }
    data
}

fn add_endpoint(random: &mut Random, image: &mut Image, mut registers: [u64; javm_isa::REG_COUNT]) {
    for set_by_the_call in [Reg::RA, Reg::A0, Reg::A1, Reg::A2, Reg::A3] {
        registers[set_by_the_call.index()] = 0;
    }
    let Some(name) = name(random) else { return };
    let entry = block(random, image).unwrap_or(0);
    let arity = random.random_range(0..=4);
    let signature = random.random_ratio(1, 2).then(|| signature(random, &name, arity)).flatten();
    image.endpoints.push(Endpoint { name, entry, arity, registers, signature });
}

/// A signature that fits, mostly.
fn signature(random: &mut Random, name: &EndpointName, arity: u8) -> Option<Method> {
    const TYPES: [&str; 5] = ["u64", "i8", "bool", "list<(string, option<bytes>)>", "address32"];
    let fits = usize::from(arity) + usize::from(random.random_ratio(1, 8));
    let arguments: Vec<String> = (0..fits)
        .map(|number| format!("a{number}: {}", TYPES[if random.random_ratio(1, 8) { 3 } else { number % 3 }]))
        .collect();
    let returns = TYPES.choose(random).unwrap_or(&"u64");
    format!("{name}({}) -> {returns}", arguments.join(", ")).parse().ok()
}

fn name(random: &mut Random) -> Option<EndpointName> {
    let length = if random.random_ratio(1, 8) { 48 } else { random.random_range(1..6) };
    let letters = b"abcXYZ019_.-";
    let bytes: Vec<u8> = (0..length).filter_map(|_| letters.choose(random).copied()).collect();
    EndpointName::from_bytes(&bytes).ok()
}

/// The start of a block of the program.
fn block(random: &mut Random, image: &Image) -> Option<u32> {
    let program = Program::parse(&image.code).ok()?;
    let starts: Vec<u32> = program.block_starts(Mode::Image).iter().collect();
    starts.choose(random).copied()
}

/// Changes one part of an Image.
pub(super) fn change(random: &mut Random, image: &mut Image, other: &[u8]) {
    match random.random_range(0..12) {
        0 => image.cost_model = if random.random() { CostModel::Flat } else { CostModel::Pipeline },
        1..=3 => {
            let theirs = Image::decode(other).map(|other| other.code).unwrap_or_default();
            if random.random_ratio(1, 8) {
                image.code = theirs;
            } else {
                program::mutate(random, &mut image.code, &theirs);
            }
            // Blocks have moved.
            for index in 0..image.endpoints.len() {
                if random.random_ratio(7, 8) {
                    image.endpoints[index].entry = block(random, image).unwrap_or(0);
                }
            }
        }
        4 | 5 => change_endpoints(random, image),
        6 | 7 => change_memory(random, image),
        8 | 9 => change_slots(random, image),
        10 => {
            let slot = *SLOTS.choose(random).unwrap_or(&2);
            let wanted = match random.random_range(0..6) {
                0 => Wanted::TypeDef(CapHash([random.random(); 32])),
                1 => Wanted::Service(mutation::number(random) as u32),
                _ => Wanted::Service(random.random_range(1..=2)),
            };
            match random.random_ratio(1, 3) {
                true => drop(image.imports.remove(&slot)),
                false => drop(image.imports.insert(slot, Import { required: random.random(), wanted })),
            }
        }
        _ => drop(image.typedefs.insert(CapHash([random.random(); 32]))),
    }
}

fn change_endpoints(random: &mut Random, image: &mut Image) {
    if image.endpoints.is_empty() || random.random_ratio(1, 4) {
        let registers = [0; javm_isa::REG_COUNT].map(|_: u64| mutation::number(random));
        return add_endpoint(random, image, registers);
    }
    let at = random.random_range(0..image.endpoints.len());
    let entry = block(random, image).unwrap_or(0);
    match random.random_range(0..6) {
        0 => drop(image.endpoints.remove(at)),
        1 => image.endpoints[at].entry = mutation::number(random) as u32,
        2 => image.endpoints[at].entry = entry,
        3 => image.endpoints[at].arity = random.random_range(0..7),
        4 => {
            let endpoint = image.endpoints[at].clone();
            image.endpoints.push(endpoint);
        }
        _ => {
            let value = mutation::number(random);
            if let Some(register) = mutation::pick(random, &mut image.endpoints[at].registers) {
                *register = value;
            }
        }
    }
}

fn change_memory(random: &mut Random, image: &mut Image) {
    let present: Vec<u32> = image.memory.keys().copied().collect();
    let known = present.choose(random).copied();
    if let Some(first_page) = known
        && random.random_ratio(1, 3)
    {
        let mapping = image.memory.remove(&first_page);
        if let Some(mapping) = mapping
            && random.random()
        {
            image.memory.insert(first_page.wrapping_add_signed(random.random_range(-2..=2)), mapping);
        }
        return;
    }
    let place = [15, 16, 17, 32, 40, 100, END_PAGE - 2, END_PAGE - 1, END_PAGE, u32::MAX];
    let first_page = if random.random() { known.unwrap_or(16) } else { *place.choose(random).unwrap_or(&16) };
    let size = [1, 1, 2, 3, 4096, 4097, 1 << 20, 0, u32::MAX];
    let backing = match random.random_ratio(1, 3) {
        true => Backing::Ephemeral,
        false => Backing::Persistent {
            slot: *SLOTS.choose(random).unwrap_or(&2),
            offset_pages: *[0, 0, 1, 2, (1 << 20) - 1, u32::MAX].choose(random).unwrap_or(&0),
        },
    };
    let access = if random.random_ratio(1, 3) { Access::ReadOnly } else { Access::ReadWrite };
    image.memory.insert(first_page, Mapping { pages: *size.choose(random).unwrap_or(&1), access, backing });
}

fn change_slots(random: &mut Random, image: &mut Image) {
    let slot = *SLOTS.choose(random).unwrap_or(&2);
    match image.slots.get_mut(&slot) {
        Some(_) if random.random_ratio(1, 3) => drop(image.slots.remove(&slot)),
        Some(present) if random.random() => {
            // It may get shorter than what is mapped of it.
            let _ = present.resize(random.random_range(0..4));
        }
        _ => drop(image.slots.insert(slot, data(random))),
    }
}
