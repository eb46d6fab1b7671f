//! The values that vectors of the capability layer have in them.

use std::collections::BTreeMap;

use javm_cap::{
    Access, CNode, Callable, CapHash, Capability, Data, DynamicMapping, DynamicMappings, Instance, Interface, Mask,
    PAGE_SIZE, Path, Right, RunState, Suspended, TypeDef, ValidImage, Why,
};
use nub::Status;
use serde::Deserialize;

/// A value, by its kind.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Value {
    Data(Pages),
    CNode(BTreeMap<u8, Value>),
    Image(String),
    TypeDef(String),
    Instance(Box<Program>),
    Callable(Box<Permission>),
    Service(Service),
}

/// Data: its length in pages, and what the pages hold from their beginning on; zeros otherwise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pages {
    pages: u32,
    content: BTreeMap<u32, String>,
}

/// An Instance.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    image: String,
    slots: BTreeMap<u8, Value>,
    quota: Option<u64>,
    home: Option<Vec<u8>>,
    suspended: Option<Stopped>,
}

/// What there is to a Suspended Instance.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stopped {
    why: String,
    detail: String,
    pc: u32,
    block_paid: bool,
    registers: [String; 13],
    ephemeral: Pages,
    mappings: Vec<Mapped>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mapped {
    first_page: u32,
    pages: u32,
    slot: u8,
    offset: u32,
    writable: bool,
}

/// A Callable.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Permission {
    interface: String,
    typedef: Option<String>,
    mask: String,
    ceiling: String,
    badge: String,
    distance: u8,
    path: Vec<u8>,
}

/// A Service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    id: u32,
    parameter: String,
}

/// Something that stands once in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encoded {
    encoding: String,
    /// For people.
    #[serde(default, rename = "listing")]
    _listing: Vec<String>,
}

/// Images and TypeDefs of a file, by their hashes.
pub(super) struct Shared {
    images: BTreeMap<String, ValidImage>,
    typedefs: BTreeMap<String, TypeDef>,
}

/// A number of 64 bits, as `0x…`.
pub(super) fn wide(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.ok_or_else(|| format!("'{text}' is no number of 64 bits in hexadecimal, as 0x1f is"))
}

/// Bytes in hexadecimal.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| format!("'{text:.80}' are no bytes in hexadecimal"))
}

/// 32 bytes in hexadecimal.
pub(super) fn hash(text: &str) -> Result<[u8; 32], String> {
    bytes(text)?.try_into().map_err(|_| format!("'{text:.80}' is no hash, which has 32 bytes"))
}

fn path(slots: &[u8]) -> Result<Path, String> {
    Path::new(slots).map_err(|error| format!("the path {slots:?}: {error}"))
}

impl Pages {
    pub(super) fn data(&self) -> Result<Data, String> {
        let mut data = Data::new(self.pages).map_err(|error| error.to_string())?;
        for (&page, text) in &self.content {
            let content = bytes(text)?;
            if content.len() > PAGE_SIZE {
                return Err(format!("page {page} of a Data has {} bytes, more than {PAGE_SIZE}", content.len()));
            }
            let written = data.write(u64::from(page) * PAGE_SIZE as u64, &content);
            written.map_err(|error| format!("page {page} of a Data: {error}"))?;
        }
        Ok(data)
    }
}

impl Shared {
    /// Reads them; each has to have the hash that it goes by.
    pub(super) fn new(
        images: &BTreeMap<String, Encoded>,
        typedefs: &BTreeMap<String, Encoded>,
    ) -> Result<Shared, String> {
        let check = |what: &str, name: &str, found: CapHash| {
            if CapHash(hash(name)?) == found { Ok(()) } else { Err(format!("the {what} {name} has the hash {found}")) }
        };
        let mut shared = Shared { images: BTreeMap::new(), typedefs: BTreeMap::new() };
        for (name, image) in images {
            let image =
                ValidImage::load(&bytes(&image.encoding)?).map_err(|error| format!("the Image {name}: {error}"))?;
            check("Image", name, image.hash())?;
            shared.images.insert(name.clone(), image);
        }
        for (name, typedef) in typedefs {
            let typedef = TypeDef::decode(&bytes(&typedef.encoding)?);
            let typedef = typedef.map_err(|error| format!("the TypeDef {name}: {error}"))?;
            check("TypeDef", name, typedef.hash())?;
            shared.typedefs.insert(name.clone(), typedef);
        }
        Ok(shared)
    }

    fn image(&self, name: &str) -> Result<ValidImage, String> {
        self.images.get(name).cloned().ok_or_else(|| format!("the file has no Image {name}"))
    }

    fn typedef(&self, name: &str) -> Result<TypeDef, String> {
        self.typedefs.get(name).cloned().ok_or_else(|| format!("the file has no TypeDef {name}"))
    }

    /// The value.
    pub(super) fn value(&self, value: &Value) -> Result<Capability, String> {
        Ok(match value {
            Value::Data(pages) => pages.data()?.into(),
            Value::CNode(slots) => self.table(slots)?.into(),
            Value::Image(name) => Capability::Image(self.image(name)?),
            Value::TypeDef(name) => Capability::TypeDef(self.typedef(name)?),
            Value::Instance(program) => self.instance(program)?.into(),
            Value::Callable(permission) => Capability::Callable(self.callable(permission)?),
            Value::Service(Service { id, parameter }) => {
                Capability::Service(javm_cap::Service { id: *id, parameter: wide(parameter)? })
            }
        })
    }

    fn table(&self, slots: &BTreeMap<u8, Value>) -> Result<CNode, String> {
        let slots =
            slots.iter().map(|(&slot, value)| Ok((slot, self.value(value)?))).collect::<Result<Vec<_>, String>>()?;
        CNode::from_slots(slots).map_err(|error| error.to_string())
    }

    fn instance(&self, program: &Program) -> Result<Instance, String> {
        let mut instance = Instance::new(self.image(&program.image)?);
        *instance.table_mut() = self.table(&program.slots)?;
        instance.set_quota(program.quota).map_err(|error| error.to_string())?;
        instance.set_home(program.home.as_deref().map(path).transpose()?);
        if let Some(stopped) = &program.suspended {
            instance.set_state(RunState::Suspended(suspended(stopped)?)).map_err(|error| error.to_string())?;
        }
        Ok(instance)
    }

    /// The Instance that a value has to be.
    pub(super) fn root(&self, value: &Value) -> Result<Instance, String> {
        match self.value(value)? {
            Capability::Instance(instance) => Ok(instance),
            other => Err(format!("the root is {}, but has to be an Instance", other.tag())),
        }
    }

    fn callable(&self, permission: &Permission) -> Result<Callable, String> {
        let interface = match &permission.typedef {
            Some(name) => Interface::TypeDef(self.typedef(name)?),
            None => Interface::Image(CapHash(hash(&permission.interface)?)),
        };
        if interface.hash().0 != hash(&permission.interface)? {
            return Err(format!("a Callable of the interface {} has the TypeDef of another one", permission.interface));
        }
        let right = Right {
            mask: Mask::new(hash(&permission.mask)?),
            ceiling: wide(&permission.ceiling)?,
            badge: wide(&permission.badge)?,
            distance: permission.distance,
            path: path(&permission.path)?,
        };
        Callable::new(interface, right).map_err(|error| error.to_string())
    }
}

fn suspended(stopped: &Stopped) -> Result<Suspended, String> {
    let detail = wide(&stopped.detail)?;
    let status = Status::ALL.iter().find(|status| status.name() == stopped.why);
    let why = status.and_then(|status| Why::from_parts(*status as u8, detail));
    let why = why.ok_or_else(|| format!("nothing is suspended because of {} with {detail:#x}", stopped.why))?;
    let mut mappings = DynamicMappings::new();
    for &Mapped { first_page, pages, slot, offset, writable } in &stopped.mappings {
        let access = if writable { Access::ReadWrite } else { Access::ReadOnly };
        let mapping = DynamicMapping { first_page, pages, offset, access, slot };
        mappings.map(mapping).map_err(|error| error.to_string())?;
    }
    let mut registers = [0; 13];
    for (register, text) in registers.iter_mut().zip(&stopped.registers) {
        *register = wide(text)?;
    }
    Ok(Suspended {
        why,
        block_paid: stopped.block_paid,
        pc: stopped.pc,
        registers,
        ephemeral: stopped.ephemeral.data()?,
        mappings,
    })
}
