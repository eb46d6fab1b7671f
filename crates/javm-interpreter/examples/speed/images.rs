//! The example programs of the repository.

use std::fs;
use std::path::Path;

use javm_cap::image::SCRATCHPAD_SLOT;
use javm_cap::{Backing, ValidImage};
use javm_interpreter::bare::Access;

use crate::workload::{Mapping, Workload};

const PAGE: u32 = 4096;

pub fn all() -> Vec<Workload> {
    vec![
        load("fib", "fib", "fib", &[300_000], true),
        load("fib recursive", "fib", "fib_recursive", &[24], true),
        load("ed25519", "ed25519", "selftest", &[3], false),
        load("sieve image", "sieve", "sieve", &[1_000_000], true),
        load("mandelbrot", "mandelbrot", "render", &[200, 150, 100], true),
    ]
}

/// An endpoint of an Image. A scratchpad that it does not use is better left out: polkavm's memory has no place for it.
fn load(name: &'static str, file: &str, endpoint: &str, arguments: &[u64], scratchpad: bool) -> Workload {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../guests/images/{file}.nub"));
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let valid = ValidImage::load(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let image = valid.image();
    let number = valid.endpoint(endpoint).unwrap_or_else(|| panic!("{file} has no endpoint {endpoint}"));
    let endpoint = &image.endpoints[number];
    let mut registers = endpoint.registers;
    registers[7..7 + arguments.len()].copy_from_slice(arguments);
    let mapping = |(&page, mapping): (&u32, &javm_cap::Mapping)| {
        let mut content = vec![0; (mapping.pages * PAGE) as usize];
        if let Backing::Persistent { slot, offset_pages } = mapping.backing
            && let Some(data) = image.slots.get(&slot)
        {
            data.read(u64::from(offset_pages) * u64::from(PAGE), &mut content).expect("a valid Image");
        }
        let address = page * PAGE;
        let end = u64::from(address) + content.len() as u64;
        Mapping {
            address,
            is_stack: (u64::from(address)..=end).contains(&endpoint.registers[1]),
            content,
            access: match mapping.access {
                javm_cap::Access::ReadOnly => Access::ReadOnly,
                javm_cap::Access::ReadWrite => Access::ReadWrite,
            },
        }
    };
    let is_scratchpad =
        |mapping: &javm_cap::Mapping| matches!(mapping.backing, Backing::Persistent { slot: SCRATCHPAD_SLOT, .. });
    let memory =
        image.memory.iter().filter(|(_, mapping)| scratchpad || !is_scratchpad(mapping)).map(mapping).collect();
    Workload { name, program: valid.program().clone(), entry: endpoint.entry, registers, memory }
}
