//! Size, height and changes of values, by walking all of them.

use crate::value::{Data, Dynamic, Instance, Run, Value};

/// The most pages that a value may have.
pub const MAX_SIZE: u64 = 1 << 40;
/// The greatest height of the root.
pub const MAX_HEIGHT: u64 = 16;
/// The most entries of what MAP has mapped.
pub const MAX_DYNAMIC_MAPPINGS: usize = 256;

/// The size in pages.
#[must_use]
pub fn size(value: &Value) -> u64 {
    match value {
        Value::Data(data) => data.pages.into(),
        Value::CNode(table) => 1 + table.slots.values().map(size).sum::<u64>(),
        Value::Image(image) => image.bytes.div_ceil(4096),
        Value::TypeDef(typedef) => (typedef.encoding.len() as u64).div_ceil(4096),
        Value::Instance(instance) => size_of_instance(instance),
        Value::Callable(callable) => {
            callable.typedef.as_ref().map_or(0, |typedef| (typedef.encoding.len() as u64).div_ceil(4096))
        }
        Value::Service(_) => 0,
    }
}

/// The size of an Instance.
#[must_use]
pub fn size_of_instance(instance: &Instance) -> u64 {
    let ephemeral = match &instance.run {
        Run::Suspended(suspended) => suspended.ephemeral.pages,
        Run::Idle | Run::Live => 0,
    };
    1 + instance.image.bytes.div_ceil(4096)
        + u64::from(ephemeral)
        + instance.table.slots.values().map(size).sum::<u64>()
}

/// The length of the longest path below.
#[must_use]
pub fn height(value: &Value) -> u64 {
    let slots = value.table().into_iter().flat_map(|table| table.slots.values());
    slots.map(|below| 1 + height(below)).max().unwrap_or(0)
}

/// The changes of it and of everything below. Those of one Data or table stop at 2^32 - 1, all together at 2^64 - 1.
#[must_use]
pub fn changes(value: &Value) -> u64 {
    let own = match value {
        Value::Data(Data { changes, .. }) => *changes,
        _ => value.table().map_or(0, |table| table.changes),
    };
    let below = value.table().into_iter().flat_map(|table| table.slots.values()).map(changes);
    below.fold(own.min(u32::MAX.into()), u64::saturating_add)
}

/// Begins a block: nothing has changed yet.
pub(crate) fn forget_changes(value: &mut Value) {
    if let Value::Data(data) = value {
        data.changes = 0;
    } else if let Some(table) = value.table_mut() {
        table.changes = 0;
        table.slots.values_mut().for_each(forget_changes);
    }
}

/// One entry of what MAP has mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it begins.
    pub first_page: u32,
    /// How long it is.
    pub pages: u32,
    /// The page of the Data at its beginning.
    pub offset: u32,
    /// Whether stores are allowed.
    pub writable: bool,
    /// The slot.
    pub slot: u8,
}

/// The fewest entries that say what is mapped, in ascending order.
#[must_use]
pub fn entries(dynamic: &Dynamic) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (&page, &(slot, offset, writable)) in dynamic {
        match entries.last_mut() {
            Some(last)
                if (last.first_page + last.pages, last.offset + last.pages) == (page, offset)
                    && (last.slot, last.writable) == (slot, writable) =>
            {
                last.pages += 1;
            }
            _ => entries.push(Entry { first_page: page, pages: 1, offset, writable, slot }),
        }
    }
    entries
}
