//! The hashes of `docs/spec/hashes.md` and the pages of the kinds, from scratch: nothing is remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::measure;
use crate::value::{CNode, Callable, Data, Hash, Instance, PAGE_SIZE, Run, Suspended, TypeDef, Value};

/// BLAKE2b-256 of a tag and what follows.
#[must_use]
pub fn hash(tag: u8, parts: &[&[u8]]) -> Hash {
    let mut state = blake2b_simd::Params::new().hash_length(32).to_state();
    state.update(&[tag]);
    parts.iter().for_each(|part| {
        state.update(part);
    });
    let mut hash = [0; 32];
    hash.copy_from_slice(state.finalize().as_bytes());
    hash
}

/// The capability hash.
#[must_use]
pub fn of(value: &Value) -> Hash {
    match value {
        Value::Data(data) => of_data(data),
        Value::CNode(table) => of_cnode(table),
        Value::Image(image) => image.hash,
        Value::TypeDef(typedef) => of_typedef(typedef),
        Value::Instance(instance) => of_instance(instance),
        Value::Callable(callable) => of_callable(callable),
        Value::Service(service) => hash(0x16, &[&service.id.to_le_bytes(), &service.parameter.to_le_bytes()]),
    }
}

/// The hash of a page of zeros.
static ZEROS: LazyLock<Hash> = LazyLock::new(|| hash(0x00, &[&[0; PAGE_SIZE]]));

/// The root of a binary tree with so many levels above its leaves, which are `absent` where none is listed.
fn root_over(tag: u8, levels: u32, mut nodes: BTreeMap<u32, Hash>, mut absent: Hash) -> Hash {
    for _ in 0..levels {
        let parents: BTreeSet<u32> = nodes.keys().map(|index| index / 2).collect();
        let child = |index: u32| nodes.get(&index).unwrap_or(&absent);
        let parent = |index: u32| (index, hash(tag, &[child(2 * index), child(2 * index + 1)]));
        nodes = parents.into_iter().map(parent).collect();
        absent = hash(tag, &[&absent, &absent]);
    }
    nodes.get(&0).copied().unwrap_or(absent)
}

/// A Data: its length and the root over its pages.
#[must_use]
pub fn of_data(data: &Data) -> Hash {
    let height = data.pages.next_power_of_two().trailing_zeros();
    let pages = data.stored().iter().map(|(&index, page)| (index, hash(0x00, &[page]))).collect();
    hash(0x10, &[&data.pages.to_le_bytes(), &root_over(0x01, height, pages, *ZEROS)])
}

/// A CNode: the root over its 256 slots.
#[must_use]
pub fn of_cnode(table: &CNode) -> Hash {
    let slots = table.slots.iter().map(|(&slot, value)| (slot.into(), of(value))).collect();
    hash(0x11, &[&root_over(0x02, 8, slots, [0; 32])])
}

/// A TypeDef.
#[must_use]
pub fn of_typedef(typedef: &TypeDef) -> Hash {
    hash(0x13, &[&typedef.encoding])
}

/// A Callable.
#[must_use]
pub fn of_callable(callable: &Callable) -> Hash {
    let mut path = [0; 16];
    path[..callable.path.len()].copy_from_slice(&callable.path);
    hash(
        0x15,
        &[
            &callable.interface,
            &callable.mask,
            &callable.ceiling.to_le_bytes(),
            &callable.badge.to_le_bytes(),
            &[callable.distance, callable.path.len() as u8],
            &path,
        ],
    )
}

/// An Instance. One that is on the call stack has the hash that it would have if it were Idle: it is asked for between
/// calls only, but a tree may be printed at any time.
#[must_use]
pub fn of_instance(instance: &Instance) -> Hash {
    let (image, table) = (instance.image.hash, of_cnode(&instance.table));
    hash(0x14, &[&image, &table, &of_run_state(instance)])
}

/// The run state of an Instance, with quota and `home`.
#[must_use]
pub fn of_run_state(instance: &Instance) -> Hash {
    let suspended = match &instance.run {
        Run::Suspended(suspended) => Some(suspended),
        Run::Idle | Run::Live => None,
    };
    let present = [suspended.is_some(), instance.quota.is_some(), instance.home.is_some()];
    let mut message: Vec<u8> = present.map(u8::from).to_vec();
    message.extend(instance.quota.iter().flat_map(|quota| quota.to_le_bytes()));
    if let Some(home) = &instance.home {
        message.push(home.len() as u8);
        message.extend(home);
    }
    if let Some(suspended) = suspended {
        append_suspended(suspended, &mut message);
    }
    hash(0x21, &[&message])
}

fn append_suspended(suspended: &Suspended, message: &mut Vec<u8>) {
    message.extend([suspended.why.number(), u8::from(suspended.paid)]);
    message.extend(suspended.pc.to_le_bytes());
    message.extend(suspended.registers.iter().flat_map(|register| register.to_le_bytes()));
    message.extend(suspended.detail.to_le_bytes());
    message.extend(of_data(&suspended.ephemeral));
    let entries = measure::entries(&suspended.dynamic);
    message.extend((entries.len() as u32).to_le_bytes());
    for entry in entries {
        for number in [entry.first_page, entry.pages, entry.offset] {
            message.extend(number.to_le_bytes());
        }
        message.extend([u8::from(entry.writable), entry.slot]);
    }
}
