//! Reading an Image: total, and strict enough that whatever it accepts is written again byte for byte.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use javm_isa::{CostModel, REG_COUNT};
use javm_types::{DefinitionError, Method};

use super::encoding::{EPHEMERAL, HAS_SIGNATURE, MAGIC, PERSISTENT, VERSION, code_hash};
use super::limits::MAX_STORED_PAGES;
use super::{Backing, Endpoint, EndpointName, Image, Import, Mapping, Wanted};
use crate::data::{Data, MAX_DATA_PAGES};
use crate::decode::{DecodeError, DecodeErrorReason, Field, Reader};
use crate::hash::{CapHash, Hash};
use crate::tag::Tag;

impl Image {
    /// Reads what [`encode`](Image::encode) wrote. Memory and time are proportional to the number of bytes, except for
    /// initial Data, of which [`MAX_STORED_PAGES`] pages can come from few bytes.
    ///
    /// Not every Image that can be read is a valid one: see [`validate`](Image::validate).
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are not the canonical encoding of an Image, with the field, its place and the reason.
    pub fn decode(bytes: &[u8]) -> Result<Image, DecodeError> {
        let mut reader = Reader::new(bytes);
        let image = read_image(&mut reader)?;
        reader.end()?;
        Ok(image)
    }
}

/// What an encoding of an Image will take when it is read: [`Image::weigh`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weight {
    /// Bytes of the encodings of all tables.
    pub tables: usize,
    /// Bytes of code.
    pub code: u32,
    /// Pages of initial Data that are stored.
    pub pages: u32,
}

impl Image {
    /// What an encoding of an Image will take when it is read, without taking more than its tables do.
    ///
    /// # Errors
    /// [`DecodeError`] for bytes of which that cannot be told; [`decode`](Image::decode) refuses them, too.
    pub fn weigh(bytes: &[u8]) -> Result<Weight, DecodeError> {
        let mut reader = Reader::new(bytes);
        let head = read_head(&mut reader)?;
        let tables = reader.offset();
        reader.bytes("code", head.code_length as usize)?;
        let mut pages_left = MAX_STORED_PAGES;
        for &(pages, _) in head.slots.values() {
            pages_left -= Data::skip_content(&mut reader, pages, pages_left)?;
        }
        reader.end()?;
        Ok(Weight { tables, code: head.code_length, pages: MAX_STORED_PAGES - pages_left })
    }
}

/// Everything before the code.
struct Head {
    cost_model: CostModel,
    code_length: u32,
    code_hash: Hash,
    endpoints: Vec<Endpoint>,
    memory: BTreeMap<u32, Mapping>,
    /// Length and root of the Data in each slot.
    slots: BTreeMap<u8, (u32, Hash)>,
    imports: BTreeMap<u8, Import>,
    typedefs: BTreeSet<CapHash>,
}

fn read_head(reader: &mut Reader) -> Result<Head, DecodeError> {
    // A file that is shorter is something else too, unless it starts alike.
    if !MAGIC.starts_with(reader.peek(MAGIC.len())) {
        return Err(DecodeError::new(0, "magic", DecodeErrorReason::Magic));
    }
    reader.bytes("magic", MAGIC.len())?;
    let offset = reader.offset();
    let version = reader.u16("version")?;
    if version != VERSION {
        return Err(DecodeError::new(offset, "version", DecodeErrorReason::Version(version)));
    }
    let models = [CostModel::Flat, CostModel::Pipeline];
    let cost_model = reader.either("cost model", "0 = flat, 1 = pipeline", models)?;
    reader.zeros::<1>("padding")?;
    let code_length = reader.u32("code length")?;
    let code_hash = reader.hash("code hash")?;
    let endpoint_count = reader.u32("number of endpoints")?;
    let mapping_count = reader.u32("number of mappings")?;
    let slot_count = reader.u32("number of initial slots")?;
    let import_count = reader.u32("number of imports")?;
    let typedef_count = reader.u32("number of TypeDefs")?;

    // Tables grow as entries are read: a count alone reserves nothing.
    let mut endpoints = Vec::new();
    for index in 0..endpoint_count {
        endpoints.push(read_endpoint(reader, index)?);
    }
    let mut memory = BTreeMap::new();
    for index in 0..mapping_count {
        let key = read_key(reader, ("mapping", index, "first page"), Reader::u32, memory.last_key_value())?;
        memory.insert(key, read_mapping(reader, index)?);
    }
    let mut slots = BTreeMap::new();
    for index in 0..slot_count {
        let key = read_key(reader, ("initial slot", index, "slot"), Reader::u8, slots.last_key_value())?;
        slots.insert(key, read_slot(reader, index)?);
    }
    let mut imports = BTreeMap::new();
    for index in 0..import_count {
        let key = read_key(reader, ("import", index, "slot"), Reader::u8, imports.last_key_value())?;
        imports.insert(key, read_import(reader, index)?);
    }
    let typedefs = read_typedefs(reader, typedef_count)?;
    Ok(Head { cost_model, code_length, code_hash, endpoints, memory, slots, imports, typedefs })
}

fn read_image(reader: &mut Reader) -> Result<Image, DecodeError> {
    let head = read_head(reader)?;
    let Head { cost_model, code_length, code_hash: stated_code_hash, endpoints, memory, imports, typedefs, .. } = head;
    let offset = reader.offset();
    let code = reader.bytes("code", code_length as usize)?.to_vec();
    check_hash(offset, "code".into(), stated_code_hash, code_hash(&code))?;
    let mut slots = BTreeMap::new();
    let mut pages_left = MAX_STORED_PAGES;
    for (index, (slot, (pages, root))) in (0..).zip(head.slots) {
        let offset = reader.offset();
        let (data, stored) = Data::decode_content(reader, pages, pages_left)?;
        pages_left -= stored;
        check_hash(offset, ("initial slot", index, "content").into(), root, data.root())?;
        slots.insert(slot, data);
    }
    Ok(Image { cost_model, code, endpoints, memory, slots, imports, typedefs })
}

/// Reads the field that a table is sorted by.
fn read_key<'a, K: Copy + Ord + Into<u64>, V>(
    reader: &mut Reader<'a>,
    field: (&'static str, u32, &'static str),
    read: impl FnOnce(&mut Reader<'a>, (&'static str, u32, &'static str)) -> Result<K, DecodeError>,
    last: Option<(&K, &V)>,
) -> Result<K, DecodeError> {
    let offset = reader.offset();
    let found = read(reader, field)?;
    match last {
        Some((&previous, _)) if found <= previous => {
            let reason = DecodeErrorReason::Order { previous: previous.into(), found: found.into() };
            Err(DecodeError::new(offset, field, reason))
        }
        _ => Ok(found),
    }
}

fn read_endpoint(reader: &mut Reader, index: u32) -> Result<Endpoint, DecodeError> {
    let field = |name| ("endpoint", index, name);
    let entry = reader.u32(field("entry"))?;
    let arity = reader.u8(field("arity"))?;
    let name_length = reader.u8(field("name length"))?;
    let flags_offset = reader.offset();
    let flags = reader.u16(field("flags"))?;
    let mask = flags & !HAS_SIGNATURE;
    if mask >> REG_COUNT != 0 {
        let reason = DecodeErrorReason::NotZero(u64::from(mask >> REG_COUNT << REG_COUNT));
        return Err(DecodeError::new(flags_offset, field("flags"), reason));
    }
    let name_offset = reader.offset();
    let name = EndpointName::from_bytes(reader.bytes(field("name"), name_length.into())?)
        .map_err(|error| DecodeError::new(name_offset, field("name"), DecodeErrorReason::Name(error)))?;
    let mut registers = [0; REG_COUNT];
    for (_, register) in registers.iter_mut().enumerate().filter(|(number, _)| mask >> number & 1 == 1) {
        let offset = reader.offset();
        *register = reader.u64(field("register"))?;
        if *register == 0 {
            return Err(DecodeError::new(offset, field("register"), DecodeErrorReason::ListedZero));
        }
    }
    let signature = if flags & HAS_SIGNATURE == 0 { None } else { Some(read_signature(reader, field("signature"))?) };
    Ok(Endpoint { name, entry, arity, registers, signature })
}

/// Reads a signature, which says itself where it ends.
fn read_signature(reader: &mut Reader, field: (&'static str, u32, &'static str)) -> Result<Method, DecodeError> {
    let offset = reader.offset();
    match Method::decode_first(reader.peek(usize::MAX)) {
        Ok((method, length)) => {
            reader.bytes(field, length)?;
            Ok(method)
        }
        Err(DefinitionError { place, offset: inside, reason }) => Err(DecodeError::new(
            offset + inside,
            field,
            DecodeErrorReason::Signature { place, reason: Box::new(reason) },
        )),
    }
}

fn read_mapping(reader: &mut Reader, index: u32) -> Result<Mapping, DecodeError> {
    let field = |name| ("mapping", index, name);
    let pages = reader.u32(field("pages"))?;
    let offset_at = reader.offset();
    let offset_pages = reader.u32(field("offset"))?;
    let access = reader.access(field("access"))?;
    let persistent = reader.choice(field("kind"), "0 = persistent, 1 = ephemeral", |number| match number {
        PERSISTENT => Some(true),
        EPHEMERAL => Some(false),
        _ => None,
    })?;
    let slot_at = reader.offset();
    let slot = reader.u8(field("slot"))?;
    reader.zeros::<1>(field("padding"))?;
    let backing = if persistent {
        Backing::Persistent { slot, offset_pages }
    } else if offset_pages != 0 {
        let reason = DecodeErrorReason::NotZero(offset_pages.into());
        return Err(DecodeError::new(offset_at, field("offset"), reason));
    } else if slot != 0 {
        return Err(DecodeError::new(slot_at, field("slot"), DecodeErrorReason::NotZero(slot.into())));
    } else {
        Backing::Ephemeral
    };
    Ok(Mapping { pages, access, backing })
}

/// The length and the root of an initial Data.
fn read_slot(reader: &mut Reader, index: u32) -> Result<(u32, Hash), DecodeError> {
    let field = |name| ("initial slot", index, name);
    reader.choice(field("kind"), "0x10 = Data", |number| (number == Tag::Data.number()).then_some(()))?;
    reader.zeros::<2>(field("padding"))?;
    let offset = reader.offset();
    let pages = reader.u32(field("pages"))?;
    if pages > MAX_DATA_PAGES {
        let reason = DecodeErrorReason::TooLarge { found: pages.into(), limit: MAX_DATA_PAGES.into() };
        return Err(DecodeError::new(offset, field("pages"), reason));
    }
    Ok((pages, reader.hash(field("root"))?))
}

fn read_import(reader: &mut Reader, index: u32) -> Result<Import, DecodeError> {
    let field = |name| ("import", index, name);
    let required = reader.either(field("required"), "0 = optional, 1 = required", [false, true])?;
    let kind = reader.choice(field("kind"), "0x13 = TypeDef, 0x16 = Service", |number| {
        [Tag::TypeDef, Tag::Service].into_iter().find(|tag| tag.number() == number)
    })?;
    reader.zeros::<1>(field("padding"))?;
    let wanted = match kind {
        Tag::TypeDef => Wanted::TypeDef(CapHash(reader.hash(field("TypeDef"))?)),
        _ => Wanted::Service(reader.u32(field("Service"))?),
    };
    Ok(Import { required, wanted })
}

fn read_typedefs(reader: &mut Reader, count: u32) -> Result<BTreeSet<CapHash>, DecodeError> {
    let mut typedefs = BTreeSet::new();
    for index in 0..count {
        let offset = reader.offset();
        let field = ("TypeDef", index, "hash");
        let found = CapHash(reader.hash(field)?);
        if let Some(&previous) = typedefs.last()
            && found <= previous
        {
            return Err(DecodeError::new(offset, field, DecodeErrorReason::HashOrder { previous, found }));
        }
        typedefs.insert(found);
    }
    Ok(typedefs)
}

fn check_hash(offset: usize, field: Field, stated: Hash, actual: Hash) -> Result<(), DecodeError> {
    if stated == actual {
        return Ok(());
    }
    let reason = DecodeErrorReason::Hash { stated: CapHash(stated), actual: CapHash(actual) };
    Err(DecodeError::new(offset, field, reason))
}
