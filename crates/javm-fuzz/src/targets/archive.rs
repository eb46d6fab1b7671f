//! Archives of capabilities, which guests send to hosts. Whatever the bytes: they take no more memory than was allowed, and
//! what they are read as can be written and read again, and is the same.

use javm_cap::archive::{Reader, Weight, Writer};
use javm_cap::{
    CNode, Callable, CapHash, Capability, Data, Instance, Interface, Mask, Path, Right, RunState, Service, Suspended,
    TypeDef, ValidImage, Why,
};
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::{MAX_BYTES, Random, Reached, Target, mutation, targets};

/// This target.
pub const TARGET: Target =
    Target { name: "archive", run, generate, mutate: mutation::bytes, repair: |_| {}, least_accepted: 10 };

/// What an archive may take here: many times what its bytes are.
const LIMIT: u64 = 64 << 20;

fn no_image(_: &CapHash) -> Option<ValidImage> {
    None
}

fn read(bytes: &[u8]) -> Option<Capability> {
    let mut reader = Reader::new(LIMIT);
    let weight = Weight::of(bytes, 1);
    match reader.read(bytes, no_image) {
        Ok(()) => {
            let weight = weight.expect("what can be read can be weighed");
            assert!(weight.nodes == reader.nodes() && weight.bytes() <= LIMIT, "{weight:?}");
            reader.finish().ok()
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn written(capability: &Capability) -> Vec<u8> {
    let mut writer = Writer::new(capability.clone());
    let parts = std::iter::from_fn(|| writer.part(500, |_| false));
    parts.flatten().collect()
}

fn run(bytes: &[u8]) -> Reached {
    let Some(capability) = read(bytes) else { return Reached::Refused };
    let again = written(&capability);
    let back = read(&again).expect("it was written");
    assert_eq!((back.hash(), back.measure()), (capability.hash(), capability.measure()));
    assert_eq!(written(&back), again, "the same capability is written in another way");
    Reached::Accepted
}

/// A capability of one of a few sorts, with others below it.
fn capability(random: &mut Random, made: &[Capability]) -> Capability {
    match random.random_range(0..8) {
        0 => Service { id: random.random_range(0..9), parameter: random.random() }.into(),
        1 => {
            let text = targets::interface::EXAMPLES.choose(random).map_or("", |(_, text)| *text);
            text.parse().map_or_else(|_| CNode::new().into(), |definition| TypeDef::new(definition).into())
        }
        2 | 3 => {
            let pages = 1 << random.random_range(0..20_u32);
            let mut data = Data::new(pages).expect("not too long");
            for _ in 0..random.random_range(0..4) {
                let offset = random.random_range(0..data.size() - 40);
                data.write(offset, &[random.random(); 40]).expect("inside");
            }
            data.into()
        }
        4 => {
            let interface = made.iter().find_map(|capability| match capability {
                Capability::TypeDef(typedef) => Some(Interface::TypeDef(typedef.clone())),
                _ => None,
            });
            let right =
                Right { mask: Mask::default(), ceiling: random.random(), badge: 1, distance: 1, path: Path::ROOT };
            let interface = interface.unwrap_or(Interface::Image(CapHash([7; 32])));
            Callable::new(interface, right).expect("no method, and near").into()
        }
        5 => instance(random).into(),
        _ => {
            let mut table = CNode::new();
            for _ in 0..random.random_range(0..6) {
                if let Some(below) = made.choose(random) {
                    // What would be too high is left out.
                    let _ = table.set(random.random(), below.clone());
                }
            }
            table.into()
        }
    }
}

/// An Instance of an Image that does nothing; perhaps Suspended.
fn instance(random: &mut Random) -> Instance {
    let image = javm_cap::Image::new(javm_isa::CostModel::Flat, vec![0, 0, 1, 0, 1], Vec::new());
    let mut instance = Instance::new(image.validate().expect("it is valid"));
    instance.set_quota(random.random::<bool>().then_some(99)).expect("small");
    instance.set_home(random.random::<bool>().then_some(Path::ROOT));
    if random.random() {
        let suspended = Suspended {
            why: Why::Yield { value: random.random() },
            block_paid: random.random(),
            pc: 0,
            registers: [random.random(); 13],
            ephemeral: Data::new(0).expect("small"),
            mappings: Default::default(),
        };
        instance.set_state(RunState::Suspended(suspended)).expect("it has no ephemeral pages");
    }
    instance
}

fn generate(random: &mut Random) -> Vec<u8> {
    let mut made = Vec::new();
    for _ in 0..random.random_range(1..12) {
        let next = capability(random, &made);
        made.push(next);
    }
    let bytes = made.last().map(written).unwrap_or_default();
    if bytes.len() <= MAX_BYTES { bytes } else { written(&CNode::new().into()) }
}
