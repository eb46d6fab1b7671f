//! What several subjects need: the naive hashes of the spec, example Images, and the settings of property tests.

use std::collections::{BTreeMap, BTreeSet};

use javm_cap::{
    Access, Backing, Callable, CapHash, Data, DynamicMapping, Endpoint, Hash, Image, Import, Instance, Interface,
    Mapping, Mask, PAGE_SIZE, Path, Right, RunState, Suspended, TypeDef, ValidImage, Wanted, Why,
};
use javm_isa::CostModel;
use proptest::test_runner::{Config, RngSeed};

/// Property tests run the same cases each time; a failure prints the smallest one. `PROPTEST_CASES` and
/// `PROPTEST_RNG_SEED` ask for others.
pub fn config(cases: u32) -> Config {
    let asked = |name| std::env::var_os(name).is_some();
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if !asked("PROPTEST_CASES") {
        config.cases = cases;
    }
    if !asked("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

/// BLAKE2b-256 as `hashes.md` says it, apart from the crate's own.
pub fn blake2b(parts: &[&[u8]]) -> Hash {
    let mut state = blake2b_simd::Params::new().hash_length(32).to_state();
    for part in parts {
        state.update(part);
    }
    state.finalize().as_bytes().try_into().expect("32 bytes were asked for")
}

/// The root of the tree of this height over the leaves, node by node as the spec says it.
pub fn naive_root(tag: u8, empty_leaf: &Hash, height: u32, leaves: &BTreeMap<u32, Hash>) -> Hash {
    fn node(tag: u8, empty: &[Hash], height: usize, first: u32, leaves: &BTreeMap<u32, Hash>) -> Hash {
        let last = first + ((1u64 << height) - 1) as u32;
        if leaves.range(first..=last).next().is_none() {
            return empty[height];
        }
        if height == 0 {
            return leaves[&first];
        }
        let middle = first + (1 << (height - 1));
        let left = node(tag, empty, height - 1, first, leaves);
        let right = node(tag, empty, height - 1, middle, leaves);
        blake2b(&[&[tag], &left, &right])
    }
    let mut empty = vec![*empty_leaf];
    for level in 0..height as usize {
        empty.push(blake2b(&[&[tag], &empty[level], &empty[level]]));
    }
    node(tag, &empty, height as usize, 0, leaves)
}

/// The hash of the Data with these pages, from the spec alone.
pub fn naive_data_hash(pages: u32, content: &BTreeMap<u32, Vec<u8>>) -> CapHash {
    let height = (0..).find(|&height| 1u64 << height >= u64::from(pages)).expect("there is one");
    let leaf = |page: &[u8]| blake2b(&[&[0x00], page]);
    let leaves = content.iter().map(|(&index, page)| (index, leaf(page))).collect();
    let root = naive_root(0x01, &leaf(&[0; PAGE_SIZE]), height, &leaves);
    CapHash(blake2b(&[&[0x10], &pages.to_le_bytes(), &root]))
}

fn data(pages: u32, writes: &[(u64, &[u8])]) -> Data {
    let mut data = Data::new(pages).expect("not too long");
    for (offset, bytes) in writes {
        data.write(*offset, bytes).expect("inside");
    }
    data
}

fn registers(set: &[(usize, u64)]) -> [u64; 13] {
    let mut registers = [0; 13];
    for &(register, value) in set {
        registers[register] = value;
    }
    registers
}

/// The Image `adder` of `image.md`.
pub fn adder() -> Image {
    let code = vec![0, 0, 5, 200, 0x87, 7, 50, 0, 0b01001];
    Image::new(CostModel::Pipeline, code, vec![Endpoint::new("add".parse().expect("a name"), 2)])
}

/// The Image `everything` of `image.md`. Its code:
///
/// ```text
/// 0   load_u64 a0 = [0x22000]
/// 5   jump_ind ra
/// 7   add_imm_64 sp = sp - 16
/// 10  jump 12
/// 12  jump_ind ra
/// ```
pub fn everything() -> Image {
    let typedef = CapHash(blake2b(&[b"an example"]));
    let persistent =
        |slot, pages, access| Mapping { pages, access, backing: Backing::Persistent { slot, offset_pages: 0 } };
    let ephemeral = Mapping { pages: 16, access: Access::ReadWrite, backing: Backing::Ephemeral };
    Image {
        cost_model: CostModel::Flat,
        code: vec![
            1,
            1,
            14,
            12, // one jump table entry of one byte, 14 bytes of code, the entry
            58,
            7,
            0x00,
            0x20,
            0x02,
            50,
            0,
            149,
            0x11,
            0xf0,
            40,
            2,
            50,
            0, // the code
            0b1010_0001,
            0b0001_0100, // the bitmask
        ],
        endpoints: vec![
            Endpoint {
                name: "get".parse().expect("a name"),
                entry: 0,
                arity: 0,
                registers: registers(&[(1, 0x40000)]),
                signature: None,
            },
            Endpoint {
                name: "set.all".parse().expect("a name"),
                entry: 7,
                arity: 4,
                registers: registers(&[(1, 0x40000), (12, 7)]),
                signature: Some("set.all(a: u64, b: u32, c: bool, d: i8)".parse().expect("a method")),
            },
        ],
        memory: BTreeMap::from([
            (0x20, persistent(2, 1, Access::ReadOnly)),
            (0x22, persistent(3, 2, Access::ReadWrite)),
            (0x30, ephemeral),
            (0x50, persistent(0, 4, Access::ReadWrite)),
        ]),
        slots: BTreeMap::from([(2, data(1, &[(0, b"Hello, world\n")])), (3, data(2, &[(0x1008, &[42])]))]),
        imports: BTreeMap::from([
            (4, Import { required: false, wanted: Wanted::Service(1) }),
            (5, Import { required: true, wanted: Wanted::TypeDef(typedef) }),
        ]),
        typedefs: BTreeSet::from([typedef]),
    }
}

pub fn valid(image: Image) -> ValidImage {
    image.validate().expect("it is valid")
}

pub fn path(slots: &[u8]) -> Path {
    Path::new(slots).expect("short")
}

/// The TypeDef `token` of `types.md`.
pub fn token() -> TypeDef {
    let page = include_str!("../../../../docs/spec/types.md");
    let text = page.split("```typedef token\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it is there");
    TypeDef::new(text.parse().expect("it is a TypeDef"))
}

/// The Callables of `callable.md` by their names.
pub fn callables() -> [(&'static str, Callable); 2] {
    let mask = Mask::default().with(0).with(1).with(3);
    let right = Right { mask, ceiling: 1_000_000, badge: 7, distance: 1, path: path(&[3, 200]) };
    let of_typedef = Callable::new(Interface::TypeDef(token()), right);
    let right = Right { mask: Mask::first(2), ceiling: u64::MAX, badge: 0, distance: 0, path: path(&[]) };
    let of_image = Callable::new(Interface::of_image(&valid(everything())), right);
    [("callable-typedef", of_typedef), ("callable-image", of_image)]
        .map(|(name, callable)| (name, callable.expect("the methods exist")))
}

/// The Instances of `instance.md` by their names.
pub fn instances() -> [(&'static str, Instance); 3] {
    let mut bounded = Instance::new(valid(adder()));
    bounded.set_quota(Some(1000)).expect("small");
    bounded.set_home(Some(path(&[3, 200])));

    let mut yielded = Instance::new(valid(everything()));
    let mut registers = [0; 13];
    registers[0] = 0xffff_0000;
    registers[1] = 0x40000;
    let mut suspended = Suspended {
        why: Why::Yield { value: 99 },
        block_paid: true,
        pc: 7,
        registers,
        ephemeral: data(16, &[(0xfff8, &[1, 2, 3])]),
        mappings: Default::default(),
    };
    yielded.set_state(RunState::Suspended(suspended.clone())).expect("the Image has 16 ephemeral pages");
    yielded.set_home(Some(path(&[])));

    let mut faulted = Instance::new(valid(everything()));
    suspended.why = Why::Fault { page: 0x6000_0000 };
    suspended.block_paid = false;
    for (first_page, pages, offset, access, slot) in
        [(0x100, 2, 0, Access::ReadOnly, 6), (0x200, 1, 5, Access::ReadWrite, 7), (0x102, 2, 2, Access::ReadOnly, 6)]
    {
        let mapping = DynamicMapping { first_page, pages, offset, access, slot };
        suspended.mappings.map(mapping).expect("there is room");
    }
    faulted.set_state(RunState::Suspended(suspended)).expect("the Image has 16 ephemeral pages");
    [("instance-bounded", bounded), ("instance-yielded", yielded), ("instance-faulted", faulted)]
}
