//! Hashes, sizes and heights of single values; proofs of what stands in a tree.

use std::collections::BTreeSet;

use javm_cap::Capability;
use javm_model::generate::generate;
use javm_model::{CNode, Data, PAGE_SIZE, Value, hash, measure};
use serde_json::{Value as Json, json};

use super::VERSION;
use super::json::{Shared, hex};
use crate::comparison::Built;

/// The seed of the generated world of which the file has proofs.
const SEED: u64 = 286;

/// Data of lengths at which something changes in the tree over the pages, empty and with something on the first and last page.
fn data() -> Vec<Value> {
    let mut all = Vec::new();
    for pages in [0, 1, 2, 3, 4, 5, 128, 129, (1 << 20) - 1, 1 << 20] {
        all.push(Data::new(pages));
        if pages > 0 {
            let mut first = Data::from_bytes(b"hello");
            first.resize(pages);
            all.push(first);
            let mut last = Data::new(pages);
            last.set_byte(last.bytes() - 1, 0xff);
            all.push(last);
        }
    }
    all.into_iter().map(Value::Data).collect()
}

/// The file.
pub(super) fn file() -> Json {
    let mut shared = Shared::default();
    let mut values = Vec::new();
    let mut proofs = Vec::new();
    let mut builder = crate::real::Builder::default();
    let mut tables = vec![Value::CNode(CNode::of([])), Value::CNode(CNode::of([(0, Value::CNode(CNode::of([])))]))];
    tables.push(Value::CNode(CNode::of((0..=255).map(|slot| (slot, Value::Data(Data::new(1)))))));
    for value in data().into_iter().chain(tables) {
        values.push(described(&value, shared.value(&value, &mut builder)));
    }
    let Built { world, root, .. } = Built::new(&generate(SEED));
    let root = Capability::Instance(root);
    let mut add = |path: &[u8], claim: Json, proof: Vec<u8>| {
        proofs.push(json!({ "root": hex(&root.hash().0), "path": path, "claim": claim, "proof": hex(&proof) }));
    };
    // The first value of each kind in the root's table and of each below: the others' proofs are alike.
    let mut met = BTreeSet::new();
    for (path, value) in world.values() {
        if !met.insert((path.len().min(2), value.tag())) {
            continue;
        }
        if let Ok(proof) = root.prove(&path) {
            add(&path, json!({ "present": hex(&hash::of(value)) }), proof);
        }
        // A slot that nothing stands in, of each table.
        let free = value.table().and_then(|table| (0..=255).find(|slot| !table.slots.contains_key(slot)));
        if let Some(free) = free {
            let path = [&path[..], &[free]].concat();
            if let Ok(proof) = root.prove(&path) {
                add(&path, json!("absent"), proof);
            }
        }
        // Bytes around the end of the first page.
        if let Value::Data(data) = value
            && data.pages > 1
        {
            let (offset, length) = (PAGE_SIZE as u64 - 3, 6);
            if let Ok(proof) = root.prove_bytes(&path, offset, length) {
                let bytes = hex(&data.read(offset, length));
                add(&path, json!({ "offset": offset, "bytes": bytes }), proof);
            }
        }
    }
    let (images, typedefs) = shared.into_json();
    json!({
        "version": VERSION, "about": "Hashes, sizes and heights of values; proofs of what stands in a tree",
        "images": images, "typedefs": typedefs, "values": values, "proofs": proofs,
    })
}

fn described(value: &Value, written: Json) -> Json {
    json!({
        "value": written, "hash": hex(&hash::of(value)), "size": measure::size(value), "height": measure::height(value),
    })
}
