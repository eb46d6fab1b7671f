//! What a unit of gas, and the first touch of a page, may take at most on this machine: `cargo run --release -p nub --example
//! slowest [PART OF A NAME]`. The deadline of a call follows from it (`crates/nub-host-kvm/src/pace.rs`).
//!
//! Every opcode in a loop, memory and code in an order that no cache expects, every service and operation, for both cost
//! models: nanoseconds a unit of gas, the slowest first. Each is the shortest of some tries, of a long run less a short one.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use javm_cap::{Access, Backing, Data, Endpoint, Image, Import, Mapping, SCRATCHPAD_SLOT, Wanted};
use javm_isa::CostModel;
use javm_isa::opcode::{Form, Kind, Opcode};
use nub::{ArchChoice, Grants, InvokeOptions, Nub};

/// How many copies of an instruction a loop has.
const COPIES: usize = 64;
/// Where memory is mapped, and the pages of the scratchpad behind it.
const FIRST_PAGE: u32 = 0x20;
const SCRATCHPAD_PAGE: u32 = 0xf_0000;
const SCRATCHPAD_PAGES: u32 = 256;
const MEMORY: u8 = 10;
/// How much gas a run uses, and how many tries there are; fewer where one takes long.
const GAS: u64 = 500_000;
/// The same where first touches have to be a small part of it.
const GAS_FOR_PAGES: u64 = 20_000_000;
const TRIES: usize = 12;
const LONG: f64 = 3e7;

struct Case {
    name: String,
    body: String,
    pages: u32,
    jump_table: String,
}

impl Case {
    fn new(name: impl Into<String>, body: impl Into<String>) -> Case {
        Case { name: name.into(), body: body.into(), pages: 16, jump_table: String::new() }
    }

    fn image(&self, cost_model: CostModel) -> Result<javm_cap::ValidImage, Box<dyn Error>> {
        let text = format!(
            "{}move_reg t0, a0\n load_imm s0, {}\n load_imm_64 s1, 0xfedcba9876543211\n load_imm_64 t1, 0xfffffffffffffffd\n \
             load_imm t2, 3\n fallthrough\n@next:\n{}\n add_imm_64 t0, t0, -1\n branch_ne_imm t0, 0, @next\n jump_ind ra, 0",
            self.jump_table,
            FIRST_PAGE * 4096,
            self.body,
        );
        let program = javm_isa::assemble(&text).map_err(|error| format!("{}: {error}", self.name))?;
        let scratchpad = Backing::Persistent { slot: SCRATCHPAD_SLOT, offset_pages: 0 };
        let map = |pages, backing| Mapping { pages, access: Access::ReadWrite, backing };
        let import = |id| Import { required: true, wanted: Wanted::Service(id) };
        let endpoint = Endpoint::new("main".parse().map_err(|error| format!("{error:?}"))?, 1);
        let image = Image {
            memory: BTreeMap::from([
                (FIRST_PAGE, map(self.pages, Backing::Persistent { slot: MEMORY, offset_pages: 0 })),
                (SCRATCHPAD_PAGE, map(SCRATCHPAD_PAGES, scratchpad)),
            ]),
            slots: BTreeMap::from([(MEMORY, Data::new(self.pages)?)]),
            imports: BTreeMap::from([(4, import(1)), (5, import(2))]),
            ..Image::new(cost_model, program.blob().to_vec(), vec![endpoint])
        };
        image.validate().map_err(|error| format!("{}: {error}", self.name).into())
    }
}

/// Numbers below `count`, each once, in an order that nothing expects.
fn shuffled(count: u32) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for index in (1..numbers.len()).rev() {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        numbers.swap(index, (random >> 33) as usize % (index + 1));
    }
    numbers
}

/// The instruction in a loop; `None` where it ends the loop, or where nothing can be said of it alone.
fn of_opcode(opcode: Opcode) -> Option<Case> {
    let row = opcode.row();
    let name = row.mnemonic;
    let line = |number: usize| -> Option<String> {
        Some(match (row.form, row.kind) {
            (_, Kind::Trap | Kind::HostCall | Kind::Operation | Kind::Sbrk | Kind::IndirectJump) => return None,
            (Form::None, _) => name.into(),
            (Form::Imm, _) => format!("{name} 7"),
            (Form::ImmImm, _) => format!("{name} [0x20010], 9"),
            (Form::Offset, _) => format!("{name} @l{number}\n@l{number}:"),
            (Form::RegImm, Kind::Load { .. }) => format!("{name} a2, [0x20010]"),
            (Form::RegImm, Kind::Store { .. }) => format!("{name} [0x20010], a2"),
            (Form::RegImm, _) => format!("{name} a2, 77"),
            (Form::RegImm64, _) => format!("{name} a2, 0x123456789abcdef0"),
            (Form::RegImmImm, _) => format!("{name} [s0 + 8], 3"),
            (Form::RegImmOffset, _) => format!("{name} t2, 3, @l{number}\n@l{number}:"),
            (Form::RegReg, _) => format!("{name} a2, s1"),
            (Form::RegRegImm, Kind::Load { .. }) => format!("{name} a2, [s0 + 8]"),
            (Form::RegRegImm, Kind::Store { .. }) => format!("{name} [s0 + 8], a2"),
            (Form::RegRegImm, _) => format!("{name} a2, s1, 3"),
            (Form::RegRegOffset, _) => format!("{name} s1, t2, @l{number}\n@l{number}:"),
            (Form::RegRegReg, _) => format!("{name} a2, s1, t2"),
            (Form::RegRegImmImm, _) => return None,
        })
    };
    let lines: Option<Vec<String>> = (0..COPIES).map(line).collect();
    Some(Case::new(name, lines?.join("\n")))
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Opcode::ALL.iter().filter_map(|&opcode| of_opcode(opcode)).collect();
    for pages in [512, 4096] {
        let each = |line: &dyn Fn(u32) -> String| {
            let mut body = String::new();
            for page in shuffled(pages) {
                // Another line of the cache in each page.
                let _ = writeln!(body, "{}", line(page * 4096 + (page * 7 % 64) * 64));
            }
            body
        };
        let bodies = [
            ("loads", each(&|offset| format!("load_ind_u64 a2, [s0 + {offset}]"))),
            ("stores", each(&|offset| format!("store_ind_u64 [s0 + {offset}], s0"))),
            ("loads across two", each(&|offset| format!("load_ind_u64 a2, [s0 + {}]", (offset | 4095) - 3))),
        ];
        for (what, mut body) in bodies {
            if what != "stores" {
                // So that pages have frames of their own; once, as the loop goes on behind it.
                body = format!(
                    "branch_ne_imm a3, 0, @warm\n{}\nload_imm a3, 1\nfallthrough\n@warm:\n{body}",
                    bodies_store(pages)
                );
            }
            cases.push(Case { pages: pages + 1, ..Case::new(format!("{what} in {pages} pages"), body) });
        }
    }
    for count in [1000, 30_000, 200_000, 1_000_000] {
        let order = shuffled(count);
        let mut next = vec![0; count as usize];
        order.windows(2).for_each(|pair| next[pair[0] as usize] = pair[1]);
        let last = order.last().copied().unwrap_or(0);
        let mut body = format!("jump @j{}\n", order[0]);
        for (place, next) in next.iter().enumerate() {
            let _ = match place as u32 == last {
                true => writeln!(body, "@j{place}: jump @end"),
                false => writeln!(body, "@j{place}: jump @j{next}"),
            };
        }
        cases.push(Case::new(format!("jumps in {count} blocks"), format!("{body}@end:")));
    }
    let service = |slot: u32, method: u32, length: u32| {
        format!(
            "load_imm a0, 4096\n load_imm a1, {length}\n load_imm a2, 0\n load_imm a4, {}\n ecalli {slot}",
            method << 16 | 0x100
        )
    };
    for length in [0, 1, 64, 4096, 500_000] {
        cases.push(Case::new(format!("LOG of {length}"), service(4, 0, length)));
        for (method, name) in ["BLAKE2b", "Keccak", "SHA-256"].iter().enumerate() {
            cases.push(Case::new(format!("HASH {name} of {length}"), service(5, method as u32, length)));
        }
    }
    cases.push(Case::new("LOG out of range", service(4, 0, 0x7fff_ffff)));
    cases.push(Case::new("LOG, no such method", service(4, 9, 0)));
    cases.push(Case::new("CALL of nothing", "load_imm a4, 0\n ecalli 77"));
    cases.push(Case::new("CALL by hops", "load_imm a4, 0\n ecalli 0x01010104"));
    for number in [0, 16, 23, 24, 255] {
        cases.push(Case::new(
            format!("operation {number}"),
            format!("load_imm a0, 0x20000\n load_imm a4, {number}\n ecall"),
        ));
    }
    cases
}

fn bodies_store(pages: u32) -> String {
    let mut body = String::new();
    for page in shuffled(pages + 1) {
        let _ = writeln!(body, "store_ind_u64 [s0 + {}], s0", page * 4096);
    }
    body
}

/// Time and gas of a call with so many rounds, the shortest of some.
fn run(nub: &mut Nub, instance: nub::InstanceId, rounds: u64, tries: usize) -> Result<(f64, u64), Box<dyn Error>> {
    let options = InvokeOptions { gas: u64::MAX >> 1, ..InvokeOptions::default() };
    let mut best = (f64::INFINITY, 0);
    for _ in 0..tries {
        let begun = Instant::now();
        let outcome = nub.invoke(instance, "main", &[rounds], &options)?;
        let took = begun.elapsed().as_nanos() as f64;
        if outcome.ended != nub::Ended::Halt {
            return Err(format!("it ends with {:?}", outcome.ended).into());
        }
        best = (best.0.min(took), outcome.gas_used);
    }
    Ok(best)
}

fn main() -> Result<(), Box<dyn Error>> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let mut cases = cases();
    cases.retain(|case| case.name == "add_64" || case.name.contains(&only));
    for model in [CostModel::Flat, CostModel::Pipeline] {
        // What is measured is what the deadline should be, so that it cannot be kept to.
        let mut nub = Nub::builder().arch(ArchChoice::Kvm).patience(Duration::from_secs(3600)).build()?;
        let mut measured = Vec::new();
        for case in &cases {
            let image = nub.publish_image(case.image(model)?)?;
            let instance = nub.instantiate(&image, &Grants::services())?;
            let (first, few) = run(&mut nub, instance, 2, 1).map_err(|error| format!("{}: {error}", case.name))?;
            let gas = if case.pages > 100 { GAS_FOR_PAGES } else { GAS };
            let tries = if first > LONG { 2 } else { TRIES };
            let (once, _) = run(&mut nub, instance, 2, tries)?;
            let rounds = 2 + (gas * 2 / few.max(1)).max(2);
            let (long, many) = run(&mut nub, instance, rounds, tries)?;
            measured.push((((long - once) / (many - few) as f64).max(0.0), &case.name));
            nub.drop_instance(instance);
        }
        println!("{model:?}: nanoseconds a unit of gas");
        measured.sort_by(|left, right| right.0.total_cmp(&left.0));
        measured.iter().take(14).for_each(|(time, name)| println!("{time:8.2} {name}"));
        if let Some((time, name)) = measured.iter().find(|(_, name)| *name == "add_64") {
            println!("{time:8.2} {name}");
        }
        // Read first and then written: two accesses that find nothing, and a copy.
        for pages in [64, 512, 4096] {
            let mut body = String::new();
            for page in shuffled(pages) {
                let _ = writeln!(body, "load_ind_u64 a2, [s0 + {0}]\nstore_ind_u64 [s0 + {0}], s0", page * 4096);
            }
            let case = Case { pages, ..Case::new("touch", body) };
            let image = nub.publish_image(case.image(model)?)?;
            let mut best = f64::INFINITY;
            for _ in 0..3 {
                let instance = nub.instantiate(&image, &Grants::services())?;
                let (first, _) = run(&mut nub, instance, 1, 1)?;
                best = best.min(first);
                nub.drop_instance(instance);
            }
            println!("{:8.2} µs for each first touch of {pages} pages", best / f64::from(pages) / 1000.0);
        }
    }
    Ok(())
}
