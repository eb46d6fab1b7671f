//! Reading archives: total, whatever the bytes.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{ArchiveError, ArchiveErrorReason as Reason, Raw, Weight, next};
use crate::callable::Callable;
use crate::capability::{Capability, Service};
use crate::cnode::CNode;
use crate::data::{Data, MAX_DATA_PAGES, Tree};
use crate::decode::{self, DecodeError, DecodeErrorReason};
use crate::hash::CapHash;
use crate::image::ValidImage;
use crate::instance::Instance;
use crate::page::PageRef;
use crate::typedef::TypeDef;

/// Reads an archive, part by part.
#[derive(Debug)]
pub struct Reader {
    nodes: Vec<Node>,
    weight: Weight,
    limit: u64,
}

/// What a node is.
enum Node {
    /// A subtree of a Data and its height.
    Tree(Tree, u32),
    Capability(Capability),
}

impl core::fmt::Debug for Node {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Node::Tree(_, height) => write!(f, "subtree of height {height}"),
            Node::Capability(capability) => write!(f, "{capability:?}"),
        }
    }
}

impl Reader {
    /// One that has read nothing, for archives that take no more than so many bytes of memory, about.
    #[must_use]
    pub fn new(limit: u64) -> Reader {
        Reader { nodes: Vec::new(), weight: Weight::default(), limit }
    }

    /// How many nodes were read.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        self.weight.nodes
    }

    /// Reads a part; `images` gives those that may go by their hash. After an error nothing more is to be read.
    ///
    /// # Errors
    /// [`ArchiveError`]: which node is wrong, and how.
    pub fn read(&mut self, part: &[u8], images: impl Fn(&CapHash) -> Option<ValidImage>) -> Result<(), ArchiveError> {
        let mut from = decode::Reader::new(part);
        while from.offset() < part.len() {
            let node = self.weight.nodes.saturating_add(1);
            let error = |reason| ArchiveError { node, reason };
            let raw = next(&mut from).map_err(|reason| error(reason.into()))?;
            let weight = self.weight.and(Weight::of_node(&raw));
            if weight.nodes == u32::MAX {
                return Err(error(Reason::TooMany));
            }
            if weight.bytes() > self.limit {
                return Err(error(Reason::TooMuch { bytes: weight.bytes(), limit: self.limit }));
            }
            self.weight = weight;
            let made = self.make(&raw, &images).map_err(error)?;
            self.nodes.push(made);
        }
        Ok(())
    }

    /// The capability, when all parts were read.
    ///
    /// # Errors
    /// [`ArchiveError`]: the last node is no capability.
    pub fn finish(mut self) -> Result<Capability, ArchiveError> {
        match self.nodes.pop() {
            Some(Node::Capability(capability)) => Ok(capability),
            _ => Err(ArchiveError { node: self.weight.nodes, reason: Reason::Unfinished }),
        }
    }

    fn node(&self, number: u32) -> Result<&Node, Reason> {
        let index = (number as usize).checked_sub(1).ok_or(Reason::Reference(number))?;
        self.nodes.get(index).ok_or(Reason::Reference(number))
    }

    fn capability(&self, number: u32) -> Result<&Capability, Reason> {
        match self.node(number)? {
            Node::Capability(capability) => Ok(capability),
            Node::Tree(..) => Err(Reason::Kind { node: number, wanted: "a capability" }),
        }
    }

    /// A subtree, or nothing.
    fn tree(&self, number: u32) -> Result<Option<(Tree, u32)>, Reason> {
        match number {
            0 => Ok(None),
            _ => match self.node(number)? {
                Node::Tree(tree, height) => Ok(Some((tree.clone(), *height))),
                Node::Capability(_) => Err(Reason::Kind { node: number, wanted: "a part of a Data" }),
            },
        }
    }

    fn make(&self, raw: &Raw<'_>, images: &impl Fn(&CapHash) -> Option<ValidImage>) -> Result<Node, Reason> {
        let capability: Capability = match *raw {
            Raw::Page(bytes) => return Ok(Node::Tree(Tree::Leaf(PageRef::from_prefix(bytes)), 0)),
            Raw::Halves(halves) => return self.join(halves),
            Raw::Data { pages, tree } => self.data(pages, tree)?.into(),
            Raw::CNode(slots) => self.table(slots)?.into(),
            Raw::Image(bytes) => ValidImage::load(bytes).map_err(Box::new)?.into(),
            Raw::NamedImage(hash) => images(&hash).ok_or(Reason::UnknownImage(hash))?.into(),
            Raw::TypeDef(bytes) => TypeDef::decode(bytes).map_err(Box::new)?.into(),
            Raw::Instance { image, table, ephemeral, state } => self.instance(image, table, ephemeral, state)?.into(),
            Raw::Callable { typedef, bytes } => {
                let typedef = match typedef {
                    0 => None,
                    number => match self.capability(number)? {
                        Capability::TypeDef(typedef) => Some(typedef.clone()),
                        _ => return Err(Reason::Kind { node: number, wanted: "a TypeDef" }),
                    },
                };
                Callable::decode(bytes, |_| typedef)?.into()
            }
            Raw::Service { id, parameter } => Service { id, parameter }.into(),
        };
        Ok(Node::Capability(capability))
    }

    /// Two halves of a subtree, of which at least one is something.
    fn join(&self, numbers: [u32; 2]) -> Result<Node, Reason> {
        let [left, right] = [self.tree(numbers[0])?, self.tree(numbers[1])?];
        let number = if left.is_some() { numbers[1] } else { numbers[0] };
        let height = match (&left, &right) {
            (Some((_, left)), Some((_, right))) if left != right => {
                return Err(Reason::Kind { node: number, wanted: "a half as high as the other one" });
            }
            (Some((_, height)), _) | (None, Some((_, height))) => height + 1,
            (None, None) => return Err(Reason::Kind { node: 0, wanted: "a half with something in it" }),
        };
        if 1 << height > MAX_DATA_PAGES {
            return Err(Reason::Kind { node: number, wanted: "a half that is not as high as a Data can be" });
        }
        let halves = [left, right].map(|half| half.map_or(Tree::Empty, |(tree, _)| tree));
        Ok(Node::Tree(Tree::join(halves), height))
    }

    fn data(&self, pages: u32, tree: u32) -> Result<Data, Reason> {
        if pages > MAX_DATA_PAGES {
            let reason = DecodeErrorReason::TooLarge { found: pages.into(), limit: MAX_DATA_PAGES.into() };
            return Err(DecodeError::new(0, "pages", reason).into());
        }
        let content = self.tree(tree)?;
        Data::from_tree(pages, content).ok_or(Reason::Kind { node: tree, wanted: "the content of so many pages" })
    }

    fn table(&self, slots: &[[u8; 5]]) -> Result<CNode, Reason> {
        let mut table = CNode::new();
        let mut previous = None;
        for &[slot, ref number @ ..] in slots {
            if let Some(previous) = previous.replace(slot)
                && slot <= previous
            {
                let reason = DecodeErrorReason::Order { previous: previous.into(), found: slot.into() };
                return Err(DecodeError::new(0, "slot", reason).into());
            }
            let capability = self.capability(u32::from_le_bytes(*number))?.clone();
            table.set(slot, capability).map_err(|refused| refused.why)?;
        }
        Ok(table)
    }

    fn instance(&self, image: u32, table: u32, ephemeral: u32, state: &[u8]) -> Result<Instance, Reason> {
        let of_image = match self.capability(image)? {
            Capability::Image(image) => image.clone(),
            _ => return Err(Reason::Kind { node: image, wanted: "an Image" }),
        };
        let of_table = match self.capability(table)? {
            Capability::CNode(table) => table.clone(),
            _ => return Err(Reason::Kind { node: table, wanted: "a CNode" }),
        };
        let pages = match ephemeral {
            0 => None,
            number => match self.capability(number)? {
                Capability::Data(data) => Some(data.clone()),
                _ => return Err(Reason::Kind { node: number, wanted: "a Data" }),
            },
        };
        Ok(Instance::restore(of_image, of_table, state, pages)?)
    }
}
