//! The seven kinds, as plain values. Each table and Data counts its changes (`docs/spec/capabilities.md`, *Changes*).

use std::collections::BTreeMap;
use std::rc::Rc;

use javm_types::Method;

use crate::image::Image;
use crate::table::Status;

/// Bytes of a page.
pub const PAGE_SIZE: usize = 4096;

/// A hash.
pub type Hash = [u8; 32];

/// The slots from the root down to a place.
pub type Path = Vec<u8>;

/// What may stand in a slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Bytes.
    Data(Data),
    /// A table.
    CNode(CNode),
    /// A program.
    Image(Rc<Image>),
    /// An interface.
    TypeDef(Rc<TypeDef>),
    /// A program with its table.
    Instance(Box<Instance>),
    /// The right to call what stands at a place.
    Callable(Callable),
    /// The right to call a service.
    Service(Service),
}

impl Value {
    /// The tag of its hash, which stands for its kind.
    #[must_use]
    pub fn tag(&self) -> u8 {
        match self {
            Value::Data(_) => 0x10,
            Value::CNode(_) => 0x11,
            Value::Image(_) => 0x12,
            Value::TypeDef(_) => 0x13,
            Value::Instance(_) => 0x14,
            Value::Callable(_) => 0x15,
            Value::Service(_) => 0x16,
        }
    }

    /// The table that a path goes on in.
    #[must_use]
    pub fn table(&self) -> Option<&CNode> {
        match self {
            Value::CNode(table) => Some(table),
            Value::Instance(instance) => Some(&instance.table),
            _ => None,
        }
    }

    pub(crate) fn table_mut(&mut self) -> Option<&mut CNode> {
        match self {
            Value::CNode(table) => Some(table),
            Value::Instance(instance) => Some(&mut instance.table),
            _ => None,
        }
    }
}

/// Bytes in pages. Pages that are not listed are zeros.
#[derive(Clone, PartialEq, Eq)]
pub struct Data {
    /// The length.
    pub pages: u32,
    content: BTreeMap<u32, Rc<[u8; PAGE_SIZE]>>,
    /// Its changes in this block.
    pub changes: u64,
}

/// Its bytes that are not 0, by offset: pages in full could not be read.
impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.content.iter().flat_map(|(&index, page)| {
            let offsets = u64::from(index) * PAGE_SIZE as u64..;
            offsets.zip(page.iter().copied()).filter(|&(_, byte)| byte != 0)
        });
        let bytes: BTreeMap<u64, u8> = bytes.collect();
        f.debug_struct("Data")
            .field("pages", &self.pages)
            .field("bytes", &bytes)
            .field("changes", &self.changes)
            .finish()
    }
}

impl Data {
    /// Zeros. Its creation is a change.
    #[must_use]
    pub fn new(pages: u32) -> Data {
        Data { pages, content: BTreeMap::new(), changes: 1 }
    }

    /// These bytes, and zeros behind them up to the end of the page.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Data {
        let mut data = Data::new(bytes.len().div_ceil(PAGE_SIZE) as u32);
        for (offset, &byte) in bytes.iter().enumerate() {
            data.set_byte(offset as u64, byte);
        }
        data
    }

    /// Its length in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.pages) * PAGE_SIZE as u64
    }

    /// A page; zeros where nothing was written.
    #[must_use]
    pub fn page(&self, index: u32) -> [u8; PAGE_SIZE] {
        self.content.get(&index).map_or([0; PAGE_SIZE], |page| **page)
    }

    /// The byte at an offset within it.
    #[must_use]
    pub fn byte(&self, offset: u64) -> u8 {
        let index = (offset / PAGE_SIZE as u64) as u32;
        self.content.get(&index).map_or(0, |page| page[offset as usize % PAGE_SIZE])
    }

    /// Bytes within it.
    #[must_use]
    pub fn read(&self, offset: u64, length: u64) -> Vec<u8> {
        (offset..offset + length).map(|offset| self.byte(offset)).collect()
    }

    /// Sets the byte at an offset within it.
    pub fn set_byte(&mut self, offset: u64, byte: u8) {
        let index = (offset / PAGE_SIZE as u64) as u32;
        let page = self.content.entry(index).or_insert_with(|| Rc::new([0; PAGE_SIZE]));
        Rc::make_mut(page)[offset as usize % PAGE_SIZE] = byte;
    }

    /// The pages that are not zeros.
    #[must_use]
    pub fn stored(&self) -> BTreeMap<u32, [u8; PAGE_SIZE]> {
        let stored = self.content.iter().map(|(&index, page)| (index, **page));
        stored.filter(|(_, page)| page.iter().any(|&byte| byte != 0)).collect()
    }

    /// Makes it longer, by zeros, or shorter.
    pub fn resize(&mut self, pages: u32) {
        self.pages = pages;
        self.content.retain(|&index, _| index < pages);
    }
}

/// A table of 256 slots.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CNode {
    /// What stands where.
    pub slots: BTreeMap<u8, Value>,
    /// Its changes in this block.
    pub changes: u64,
}

impl CNode {
    /// An empty one. Its creation is a change.
    #[must_use]
    pub fn new() -> CNode {
        CNode { slots: BTreeMap::new(), changes: 1 }
    }

    /// One that holds these.
    #[must_use]
    pub fn of(slots: impl IntoIterator<Item = (u8, Value)>) -> CNode {
        CNode { slots: slots.into_iter().collect(), changes: 1 }
    }

    pub(crate) fn put(&mut self, slot: u8, value: Option<Value>) {
        if let Some(value) = value {
            self.changes += 1;
            self.slots.insert(slot, value);
        }
    }

    pub(crate) fn take(&mut self, slot: u8) -> Option<Value> {
        let value = self.slots.remove(&slot);
        self.changes += u64::from(value.is_some());
        value
    }
}

/// A program with its table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// Its program.
    pub image: Rc<Image>,
    /// Its table, whose changes are those of the Instance.
    pub table: CNode,
    /// What it is doing.
    pub run: Run,
    /// The most pages that its size may be.
    pub quota: Option<u64>,
    /// The path that it was built for.
    pub home: Option<Path>,
}

impl Instance {
    /// An Idle Instance with the Image's initial slots.
    #[must_use]
    pub fn new(image: &Rc<Image>) -> Instance {
        // What an Image holds was never changed, however it was built.
        let unchanged = |data: &Data| Value::Data(Data { changes: 0, ..data.clone() });
        let initial = image.slots.iter().map(|(&slot, data)| (slot, unchanged(data)));
        Instance { image: image.clone(), table: CNode::of(initial), run: Run::Idle, quota: None, home: None }
    }
}

/// What an Instance is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Run {
    /// It can be called.
    Idle,
    /// It is on the call stack.
    Live,
    /// It can be resumed.
    Suspended(Box<Suspended>),
}

/// Where a stopped program stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspended {
    /// PANIC, FAULT, OUT_OF_GAS or YIELD.
    pub why: Status,
    /// Whether the block at `pc` is paid.
    pub paid: bool,
    /// Code offset.
    pub pc: u32,
    /// φ0 to φ12.
    pub registers: [u64; 13],
    /// The address of the page of a fault, the value of a yield, else 0.
    pub detail: u64,
    /// The ephemeral pages of the Image, one mapping behind the other.
    pub ephemeral: Data,
    /// What MAP added, by page.
    pub dynamic: Dynamic,
}

/// Pages that MAP mapped: slot, page of the Data, whether it may be stored to.
pub type Dynamic = BTreeMap<u32, (u8, u32, bool)>;

/// The right to call what stands at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callable {
    /// The hash of a TypeDef or of the interface of an Image.
    pub interface: Hash,
    /// The TypeDef, if it is one.
    pub typedef: Option<Rc<TypeDef>>,
    /// The methods that may be called.
    pub mask: [u8; 32],
    /// The most gas of a call.
    pub ceiling: u64,
    /// What the callee is told.
    pub badge: u64,
    /// Instances from the one that made it down to the place.
    pub distance: u8,
    /// The place.
    pub path: Path,
}

/// The right to call a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Service {
    /// Which.
    pub id: u32,
    /// Means nothing yet.
    pub parameter: u64,
}

/// An interface, as the kernel sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeDef {
    /// Its canonical encoding.
    pub encoding: Vec<u8>,
    /// Its methods: what an endpoint is compared with.
    pub methods: Vec<Method>,
}

impl TypeDef {
    /// The TypeDef of a text.
    ///
    /// # Panics
    /// If the text is none: it is part of a test.
    #[must_use]
    pub fn parse(text: &str) -> TypeDef {
        match text.parse::<javm_types::TypeDef>() {
            Ok(definition) => TypeDef { encoding: definition.encode(), methods: definition.methods().to_vec() },
            Err(error) => panic!("no TypeDef: {error}"),
        }
    }
}
