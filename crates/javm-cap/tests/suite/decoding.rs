//! Encodings of Images: what is written is read again, and everything else is refused or the same bytes again.

use std::collections::BTreeMap;

use javm_cap::image::{VERSION, limits::MAX_STORED_PAGES};
use javm_cap::{
    Access, Backing, CapHash, Data, DecodeError, Endpoint, EndpointName, Image, Import, LoadError, MAX_DATA_PAGES,
    Mapping, ValidImage, Wanted,
};
use javm_isa::CostModel;
use javm_types::Method;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use crate::fixtures::{adder, config, everything};

/// Signatures, of this name or another.
fn signature() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        "add()",
        "add(amount: u64) -> u64",
        "set.all(to: address32, all: list<(string, option<i8>)>) -> option<()>",
    ])
    .prop_map(|text| text.parse().expect("a method"))
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let registers = proptest::array::uniform13(prop_oneof![3 => Just(0), 1 => any::<u64>()]);
    let parts = ("[A-Za-z0-9_.-]{1,48}", any::<u32>(), any::<u8>(), registers, prop::option::of(signature()));
    parts.prop_map(|(name, entry, arity, registers, signature)| {
        let name = name.parse().expect("a name");
        Endpoint { name, entry, arity, registers, signature }
    })
}

fn mapping() -> impl Strategy<Value = Mapping> {
    let access = prop_oneof![Just(Access::ReadOnly), Just(Access::ReadWrite)];
    let persistent =
        (any::<u8>(), any::<u32>()).prop_map(|(slot, offset_pages)| Backing::Persistent { slot, offset_pages });
    let backing = prop_oneof![persistent, Just(Backing::Ephemeral)];
    (any::<u32>(), access, backing).prop_map(|(pages, access, backing)| Mapping { pages, access, backing })
}

fn hash() -> impl Strategy<Value = CapHash> {
    any::<[u8; 32]>().prop_map(CapHash)
}

fn import() -> impl Strategy<Value = Import> {
    let wanted = prop_oneof![any::<u32>().prop_map(Wanted::Service), hash().prop_map(Wanted::TypeDef)];
    (any::<bool>(), wanted).prop_map(|(required, wanted)| Import { required, wanted })
}

fn data() -> impl Strategy<Value = Data> {
    let length = prop_oneof![0..4u32, Just(MAX_DATA_PAGES)];
    (length, vec((any::<u64>(), vec(any::<u8>(), 1..20)), 0..3)).prop_map(|(pages, writes)| {
        let mut data = Data::new(pages).expect("short enough");
        for (offset, bytes) in writes {
            // A write that would reach past the end is left out.
            let _ = data.write(offset % data.size().max(1), &bytes);
        }
        data
    })
}

/// Anything that can be written, valid or not.
fn image() -> impl Strategy<Value = Image> {
    let parts = (
        prop_oneof![Just(CostModel::Flat), Just(CostModel::Pipeline)],
        vec(any::<u8>(), 0..40),
        vec(endpoint(), 0..4),
        btree_map(any::<u32>(), mapping(), 0..4),
        btree_map(any::<u8>(), data(), 0..3),
        btree_map(any::<u8>(), import(), 0..4),
        btree_set(hash(), 0..3),
    );
    parts.prop_map(|(cost_model, code, endpoints, memory, slots, imports, typedefs)| Image {
        cost_model,
        code,
        endpoints,
        memory,
        slots,
        imports,
        typedefs,
    })
}

/// What is accepted must be written again as it was read.
fn refused_or_canonical(bytes: &[u8]) -> Result<(), TestCaseError> {
    match Image::decode(bytes) {
        Ok(image) => {
            prop_assert!(image.encode() == bytes, "accepted, but written differently");
            // Must not panic, whatever the fields hold.
            let _ = image.validate();
        }
        Err(error) => prop_assert!(error.offset <= bytes.len() && !error.to_string().is_empty(), "{error}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn an_image_is_read_as_it_was_written(image in image(), cut in any::<prop::sample::Index>()) {
        let bytes = image.encode();
        let decoded = Image::decode(&bytes);
        prop_assert_eq!(decoded.as_ref(), Ok(&image));
        prop_assert!(Image::decode(&bytes[..cut.index(bytes.len())]).is_err());
        let _ = image.validate();
    }

    #[test]
    fn a_changed_image_is_refused_or_canonical(
        image in image(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        removed in any::<prop::sample::Index>(),
        inserted in any::<(prop::sample::Index, u8)>(),
    ) {
        let bytes = image.encode();
        let mut changed = bytes.clone();
        for (place, value) in changes {
            changed[place.index(bytes.len())] = value;
        }
        refused_or_canonical(&changed)?;
        let mut shorter = bytes.clone();
        shorter.remove(removed.index(bytes.len()));
        refused_or_canonical(&shorter)?;
        let mut longer = bytes.clone();
        longer.insert(inserted.0.index(bytes.len() + 1), inserted.1);
        refused_or_canonical(&longer)?;
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(bytes in vec(prop_oneof![Just(0), any::<u8>()], 0..300)) {
        refused_or_canonical(&bytes)?;
        let mut with_head = adder().encode()[..10].to_vec();
        with_head.extend(bytes);
        refused_or_canonical(&with_head)?;
    }
}

#[test]
fn every_changed_byte_and_every_cut_of_an_image_is_noticed() {
    let image = everything();
    let bytes = image.encode();
    for place in 0..bytes.len() {
        assert!(Image::decode(&bytes[..place]).is_err(), "cut at {place}");
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << bit;
            if let Ok(other) = Image::decode(&changed) {
                assert_eq!(other.encode(), changed, "bit {bit} of byte {place}");
                assert_ne!(other.hash(), image.hash(), "bit {bit} of byte {place}");
            }
        }
    }
}

/// Bytes to be put at an offset. The offsets are those of the listing in `image.md`.
type Patch = (usize, &'static [u8]);

/// `everything` with some bytes replaced.
fn patched(patches: &[Patch]) -> Vec<u8> {
    let mut bytes = everything().encode();
    for (offset, patch) in patches {
        bytes[*offset..offset + patch.len()].copy_from_slice(patch);
    }
    bytes
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let cases: &[(&[Patch], &str)] = &[
        (&[(0, b"\x7fELF")], "magic, at byte 0: these are not the eight bytes that every Image starts with"),
        (&[(8, &[1])], "version, at byte 8: version 1 is not known (only version 2 is)"),
        (&[(0xa, &[2])], "cost model, at byte 10: 2 stands for nothing here (0 = flat, 1 = pipeline)"),
        (&[(0xb, &[9])], "padding, at byte 11: it must be zero, not 0x9"),
        (&[(0x49, &[0])], "endpoint 0: name, at byte 76: a name has 1 to 48 bytes, not 0"),
        (&[(0x49, &[49])], "endpoint 0: name, at byte 76: a name has 1 to 48 bytes, not 49"),
        (
            &[(0x4d, b" ")],
            "endpoint 0: name, at byte 76: byte 1 of the name is 0x20; letters, digits, '_', '.' and '-' are allowed",
        ),
        (&[(0x4b, &[0x20])], "endpoint 0: flags, at byte 74: it must be zero, not 0x2000"),
        (&[(0x4b, &[0x80])], "endpoint 0: signature, at byte 87: version: version 7 is not known (only version 1 is)"),
        (&[(0x76, &[0])], "endpoint 1: signature, at byte 118: version: version 0 is not known (only version 1 is)"),
        (&[(0x82, &[9])], "endpoint 1: signature, at byte 130: argument 0: type: 0x09 stands for no type"),
        (
            &[(0x87, b"1")],
            "endpoint 1: signature, at byte 134: argument 2: name: byte 0 of the name is 0x31; letters, '_' and, behind \
             the first, digits are allowed",
        ),
        (&[(0x51, &[0])], "endpoint 0: register, at byte 79: what is zero must not be listed"),
        (
            &[(0x9e, &[0x20])],
            "mapping 1: first page, at byte 158: 32 follows 32; entries must be in ascending order, none twice",
        ),
        (&[(0x9a, &[2])], "mapping 0: access, at byte 154: 2 stands for nothing here (0 = read-only, 1 = read-write)"),
        (&[(0x9b, &[2])], "mapping 0: kind, at byte 155: 2 stands for nothing here (0 = persistent, 1 = ephemeral)"),
        (&[(0x9d, &[1])], "mapping 0: padding, at byte 157: it must be zero, not 0x1"),
        (&[(0xb7, &[1])], "mapping 2: offset, at byte 182: it must be zero, not 0x100"),
        (&[(0xbc, &[1])], "mapping 2: slot, at byte 188: it must be zero, not 0x1"),
        (&[(0xcf, &[0x11])], "initial slot 0: kind, at byte 207: 17 stands for nothing here (0x10 = Data)"),
        (&[(0xd0, &[1])], "initial slot 0: padding, at byte 208: it must be zero, not 0x1"),
        (&[(0xd4, &[0x11])], "initial slot 0: pages, at byte 210: 1114113 is more than the limit of 1048576"),
        (
            &[(0xf6, &[1])],
            "initial slot 1: slot, at byte 246: 1 follows 2; entries must be in ascending order, none twice",
        ),
        (&[(0x11f, &[2])], "import 0: required, at byte 287: 2 stands for nothing here (0 = optional, 1 = required)"),
        (&[(0x120, &[0])], "import 0: kind, at byte 288: 0 stands for nothing here (0x13 = TypeDef, 0x16 = Service)"),
        (&[(0x121, &[7])], "import 0: padding, at byte 289: it must be zero, not 0x7"),
        (&[(0x126, &[4])], "import 1: slot, at byte 294: 4 follows 4; entries must be in ascending order, none twice"),
        (&[(0x17e, &[2])], "stored pages, at byte 382: 2 is more than the limit of 1"),
        (&[(0x182, &[1])], "stored page 0: index, at byte 386: 1 is more than the limit of 0"),
        (&[(0x186, &[1, 16])], "stored page 0: length, at byte 390: 4097 is more than the limit of 4096"),
        (&[(0x186, &[0, 0])], "stored page 0: length, at byte 390: what is zero must not be listed"),
        (&[(0x194, &[0])], "stored page 0: bytes, at byte 404: the zero at its end must be left out"),
        (&[(0xc, &[0xff, 0xff])], "code, at byte 362: 65535 bytes are needed and 62 are left"),
    ];
    for (patches, message) in cases {
        let error = Image::decode(&patched(patches)).expect_err(message);
        assert_eq!(error.to_string(), *message);
    }
    let mut longer = everything().encode();
    longer.push(0);
    let error = Image::decode(&longer).expect_err("a byte too many");
    assert_eq!(error.to_string(), "end, at byte 424: 1 bytes follow behind the end");
    let error = ValidImage::load(b"").expect_err("nothing at all");
    assert_eq!(error.to_string(), "this is not an Image: magic, at byte 0: 8 bytes are needed and 0 are left");
}

#[test]
fn content_that_is_not_what_the_manifest_says_is_refused() {
    let field_of = |patch: Patch| {
        let error = Image::decode(&patched(&[patch])).expect_err("the hash differs");
        assert!(error.to_string().contains("the content here has the hash"), "{error}");
        (error.field.to_string(), error.offset)
    };
    assert_eq!(field_of((0x16e, &[59])), ("code".to_owned(), 0x16a));
    assert_eq!(field_of((0x188, b"h")), ("initial slot 0: content".to_owned(), 0x17e));
    assert_eq!(field_of((0xfe, &[0])), ("initial slot 1: content".to_owned(), 0x195));
    // More pages of the same content: the root is another one, because the tree is higher.
    assert_eq!(field_of((0xd2, &[2])), ("initial slot 0: content".to_owned(), 0x17e));
}

#[test]
fn typedefs_are_in_order() {
    let mut image = adder();
    image.typedefs = [CapHash([1; 32]), CapHash([2; 32])].into();
    let mut bytes = image.encode();
    let at = bytes.len() - image.code.len() - 32;
    bytes[at..at + 32].fill(1);
    let error: DecodeError = Image::decode(&bytes).expect_err("one twice");
    assert_eq!((error.offset, error.field.to_string()), (at, "TypeDef 1: hash".to_owned()));
    assert!(error.to_string().contains("in ascending order, none twice"), "{error}");
}

/// The number of pages that come out of few bytes is bounded over all slots together, before they are made.
#[test]
fn decoding_makes_a_bounded_number_of_pages() {
    let mut half = Data::new(MAX_STORED_PAGES).expect("short enough");
    for index in 0..=MAX_STORED_PAGES / 2 {
        half.page_mut(index).expect("inside")[0] = 1;
    }
    let mut image = adder();
    image.slots = BTreeMap::from([(2, half.clone())]);
    assert!(ValidImage::load(&image.encode()).is_ok());
    image.slots.insert(3, half);
    let bytes = image.encode();
    let Err(LoadError::Encoding(error)) = ValidImage::load(&bytes) else { panic!("it must be refused") };
    assert_eq!((error.field.to_string(), error.offset), ("stored pages".to_owned(), bytes.len() - 4 - 8193 * 7));
    assert!(error.to_string().ends_with("8193 is more than the limit of 8191"), "{error}");
    assert!(image.validate().is_err(), "validation sees the same");
}

#[test]
fn names_are_checked() {
    assert!("a".repeat(48).parse::<EndpointName>().is_ok());
    for text in ["", "a b", "ä", "a/b", "\0", &"a".repeat(49)] {
        assert!(text.parse::<EndpointName>().is_err(), "{text:?}");
    }
    assert_eq!(VERSION, 2);
}
