//! What is not needed any more, and is taken apart in small steps.

use alloc::sync;
use alloc::vec::Vec;
use core::fmt;

use triomphe::{Arc, UniqueArc};

use crate::capability::Capability;
use crate::cnode::Node;
use crate::data::Tree;

/// A queue of what was dropped. Dropping a capability in the ordinary way frees everything below it that nobody shares
/// there and then, which may be gigabytes; a queue takes it apart a bounded number of nodes at a time.
///
/// ```
/// use javm_cap::{Data, Reclaim};
/// let mut data = Data::from_bytes(&[1; 1 << 20])?;
/// let mut reclaim = Reclaim::new();
/// reclaim.add(data.clone());
/// assert_eq!(reclaim.work(64), 2, "its tree is shared: there is a count to take back");
/// reclaim.add(data);
/// assert_eq!(reclaim.work(64), 64);
/// while !reclaim.is_empty() {
///     reclaim.work(64);
/// }
/// # Ok::<(), javm_cap::DataError>(())
/// ```
#[derive(Default)]
pub struct Reclaim {
    /// The last one is the next: so there are never many more than were added.
    waiting: Vec<Part>,
}

/// A reference to something that may have more below it.
enum Part {
    Capability(Capability),
    Tree(Tree),
    Node(Node),
}

impl Reclaim {
    /// A queue with nothing in it.
    #[must_use]
    pub const fn new() -> Reclaim {
        Reclaim { waiting: Vec::new() }
    }

    /// Puts a capability into the queue. Constant work.
    pub fn add(&mut self, capability: impl Into<Capability>) {
        self.waiting.push(Part::Capability(capability.into()));
    }

    pub(crate) fn add_tree(&mut self, tree: Tree) {
        if !matches!(tree, Tree::Empty) {
            self.waiting.push(Part::Tree(tree));
        }
    }

    /// [`add`](Reclaim::add) and [`work`](Reclaim::work) in one: a capability that nothing waits before goes through no queue.
    pub fn let_go(&mut self, capability: Capability, nodes: usize) -> usize {
        if nodes == 0 || !self.is_empty() {
            self.add(capability);
            return self.work(nodes);
        }
        self.take_apart_capability(capability);
        1 + self.work(nodes - 1)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Lets go of at most so many nodes and gives how many it was: less only when nothing is left. A node is a page, an
    /// inner node of a tree, or a capability; of what is shared, only the node that is.
    #[inline]
    pub fn work(&mut self, nodes: usize) -> usize {
        for done in 0..nodes {
            match self.waiting.pop() {
                Some(part) => self.take_apart(part),
                None => return done,
            }
        }
        nodes
    }

    fn take_apart(&mut self, part: Part) {
        match part {
            Part::Tree(Tree::Empty | Tree::Leaf(_)) => {}
            Part::Tree(Tree::Inner(inner)) => {
                if let Some(inner) = sole(inner) {
                    inner.children.into_iter().for_each(|child| self.add_tree(child));
                }
            }
            Part::Node(Node::Leaf { capability, .. }) => self.take_apart_capability(capability),
            Part::Node(Node::Branch(_, branch)) => {
                if let Some(branch) = sole(branch) {
                    self.waiting.extend(branch.into_nodes().map(Part::Node));
                }
            }
            Part::Capability(capability) => self.take_apart_capability(capability),
        }
    }

    fn take_apart_capability(&mut self, capability: Capability) {
        match capability {
            Capability::Data(data) => self.add_tree(data.into_tree()),
            Capability::CNode(table) => {
                if let Some(table) = table.into_table().and_then(sync::Arc::into_inner) {
                    self.waiting.push(Part::Node(table.into_root()));
                }
            }
            Capability::Instance(instance) => instance.into_parts(&mut |part| self.add(part)),
            Capability::Image(image) => image.into_data(&mut |data| self.add(data)),
            Capability::TypeDef(_) | Capability::Callable(_) | Capability::Service(_) => {}
        }
    }
}

/// What nobody else has, taken out. Of all who ask for the same at once one gets it.
pub(crate) fn sole<T>(shared: Arc<T>) -> Option<T> {
    Arc::into_unique(shared).map(UniqueArc::into_inner)
}

impl fmt::Debug for Reclaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reclaim({} waiting)", self.waiting.len())
    }
}
