//! Writing archives.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::NAMED_IMAGE;
use crate::callable::{Callable, Interface};
use crate::capability::Capability;
use crate::data::Tree;
use crate::hash::{CapHash, Hash};
use crate::instance::RunState;
use crate::tag::Tag;

/// Writes the archive of a capability, part by part. It holds on to the capability, which a copy of costs nothing, and
/// remembers the hash of each node that it has written.
///
/// ```
/// use javm_cap::archive::{Reader, Writer};
/// use javm_cap::{Capability, Data};
/// let data = Capability::Data(Data::from_bytes(&[7; 20_000])?);
/// let mut writer = Writer::new(data.clone());
/// let mut reader = Reader::new(u64::MAX);
/// while let Some(part) = writer.part(4096, |_| false) {
///     reader.read(&part, |_| None)?;
/// }
/// assert_eq!(reader.finish()?, data);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    /// What is to be written, the last first. What is below something comes to stand behind it.
    ahead: Vec<Item>,
    /// The numbers of the nodes that were written.
    written: BTreeMap<Hash, u32>,
}

/// What a node is made of.
#[derive(Clone)]
enum Item {
    Capability(Capability),
    /// A subtree of a Data that is not empty, its height and its hash.
    Tree(Tree, u32, Hash),
}

impl core::fmt::Debug for Item {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Item::Capability(capability) => write!(f, "{capability:?}"),
            Item::Tree(_, height, hash) => write!(f, "subtree of height {height} {}", CapHash(*hash)),
        }
    }
}

impl Item {
    fn hash(&self) -> Hash {
        match self {
            Item::Capability(capability) => capability.hash().0,
            Item::Tree(_, _, hash) => *hash,
        }
    }

    /// What its node names.
    fn below(&self) -> Vec<Item> {
        match self {
            Item::Tree(tree, height, _) => tree.halves(*height).into_iter().flatten().collect(),
            Item::Capability(Capability::Data(data)) => data.top().into_iter().collect(),
            Item::Capability(Capability::CNode(table)) => {
                table.iter().map(|(_, capability)| Item::Capability(capability.clone())).collect()
            }
            Item::Capability(Capability::Instance(instance)) => {
                let image = Item::Capability(instance.image().clone().into());
                let table = Item::Capability(instance.table().clone().into());
                let ephemeral = match instance.state() {
                    RunState::Suspended(suspended) => Some(Item::Capability(suspended.ephemeral.clone().into())),
                    RunState::Idle => None,
                };
                [Some(image), Some(table), ephemeral].into_iter().flatten().collect()
            }
            Item::Capability(Capability::Callable(callable)) => {
                carried(callable).map(Item::Capability).into_iter().collect()
            }
            Item::Capability(Capability::Image(_) | Capability::TypeDef(_) | Capability::Service(_)) => Vec::new(),
        }
    }
}

/// The TypeDef that a Callable has with it.
fn carried(callable: &Callable) -> Option<Capability> {
    match callable.interface() {
        Interface::TypeDef(typedef) => Some(typedef.clone().into()),
        Interface::Image(_) => None,
    }
}

impl Tree {
    /// Its halves that are not empty, as they are named: those of a page are none.
    fn halves(&self, height: u32) -> [Option<Item>; 2] {
        match self {
            Tree::Inner(inner) => {
                let below = height - 1;
                [0, 1].map(|side| inner.children[side].clone().named(below, inner.hash_of(side, below)))
            }
            Tree::Empty | Tree::Leaf(_) => [None, None],
        }
    }

    /// It as what is named, unless all of it is zero.
    fn named(self, height: u32, hash: Hash) -> Option<Item> {
        (!Tree::is_zero(height, &hash)).then_some(Item::Tree(self, height, hash))
    }
}

impl crate::data::Data {
    /// The subtree that holds all that is not zero.
    fn top(&self) -> Option<Item> {
        let (tree, height) = self.tree();
        tree.clone().named(height, self.root())
    }
}

impl Writer {
    /// Begins the archive of a capability.
    #[must_use]
    pub fn new(capability: Capability) -> Writer {
        Writer { ahead: Vec::from([Item::Capability(capability)]), written: BTreeMap::new() }
    }

    /// The next part: whole nodes, until they are `length` bytes or more, or all of them. `None` behind the end. An Image of
    /// which `is_published` says that the reader has it goes by its hash.
    pub fn part(&mut self, length: usize, is_published: impl Fn(&CapHash) -> bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        while out.len() < length {
            let Some(item) = self.ahead.last() else { break };
            let hash = item.hash();
            if self.written.contains_key(&hash) {
                self.ahead.pop();
                continue;
            }
            let before = self.ahead.len();
            let missing = item.below().into_iter().filter(|below| !self.written.contains_key(&below.hash()));
            let missing: Vec<Item> = missing.collect();
            self.ahead.extend(missing.into_iter().rev());
            if self.ahead.len() == before
                && let Some(item) = self.ahead.pop()
            {
                self.write(&item, &mut out, &is_published);
                let number = self.written.len() as u32 + 1;
                self.written.insert(hash, number);
            }
        }
        while self.ahead.last().is_some_and(|item| self.written.contains_key(&item.hash())) {
            self.ahead.pop();
        }
        (!out.is_empty()).then_some(out)
    }

    /// Whether there is no further part.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ahead.is_empty()
    }

    /// How many nodes it remembers.
    #[must_use]
    pub fn written(&self) -> usize {
        self.written.len()
    }

    /// The number of what was written before; 0 for nothing.
    fn name(&self, item: Option<&Item>) -> [u8; 4] {
        let number = item.and_then(|item| self.written.get(&item.hash()));
        number.copied().unwrap_or(0).to_le_bytes()
    }

    fn name_of(&self, capability: impl Into<Capability>) -> [u8; 4] {
        self.name(Some(&Item::Capability(capability.into())))
    }

    /// Appends a node, all that it names being written.
    fn write(&self, item: &Item, out: &mut Vec<u8>, is_published: &impl Fn(&CapHash) -> bool) {
        let behind_length = |out: &mut Vec<u8>, bytes: &[u8]| {
            // Encodings are far below 4 GiB.
            out.extend((bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        match item {
            Item::Tree(Tree::Leaf(page), ..) => {
                let used = page.used();
                out.push(Tag::Page.number());
                out.extend((used as u16).to_le_bytes());
                out.extend_from_slice(&page[..used]);
            }
            Item::Tree(tree, height, _) => {
                out.push(Tag::DataNode.number());
                tree.halves(*height).iter().for_each(|half| out.extend(self.name(half.as_ref())));
            }
            Item::Capability(capability) => match capability {
                Capability::Image(image) if is_published(&image.hash()) => {
                    out.push(NAMED_IMAGE);
                    out.extend_from_slice(image.hash().as_bytes());
                }
                // An Instance and a Service are written by their own fields.
                other => {
                    out.push(other.tag().number());
                    self.write_capability(other, out, behind_length);
                }
            },
        }
    }

    /// Appends what stands behind the tag of a capability.
    fn write_capability(&self, capability: &Capability, out: &mut Vec<u8>, bytes: impl Fn(&mut Vec<u8>, &[u8])) {
        match capability {
            Capability::Data(data) => {
                out.extend(data.pages().to_le_bytes());
                out.extend(self.name(data.top().as_ref()));
            }
            Capability::CNode(table) => {
                // At most 256.
                out.extend((table.iter().count() as u16).to_le_bytes());
                for (slot, capability) in table.iter() {
                    out.push(slot);
                    out.extend(self.name_of(capability.clone()));
                }
            }
            Capability::Image(image) => bytes(out, &image.image().encode()),
            Capability::TypeDef(typedef) => bytes(out, &typedef.encode()),
            Capability::Instance(instance) => {
                out.extend(self.name_of(instance.image().clone()));
                out.extend(self.name_of(instance.table().clone()));
                out.extend(match instance.state() {
                    RunState::Suspended(suspended) => self.name_of(suspended.ephemeral.clone()),
                    RunState::Idle => [0; 4],
                });
                bytes(out, &instance.encode_state());
            }
            Capability::Callable(callable) => {
                out.extend(carried(callable).map_or([0; 4], |typedef| self.name_of(typedef)));
                out.extend_from_slice(&callable.encode());
            }
            Capability::Service(service) => {
                out.extend(service.id.to_le_bytes());
                out.extend(service.parameter.to_le_bytes());
            }
        }
    }
}
