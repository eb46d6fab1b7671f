//! What a host may hand over: by every way by which it does, on every machine. What may not enter the state is refused, with
//! where it stands, and nothing has changed.

use nub::cap::{CNode, DynamicMapping, DynamicMappings, Import, Instance, RunState, Suspended, Wanted, Why};
use nub::{Capability, Data, ErrorCode, Grants, Image, InstanceId, InvokeOptions, Nub, ValidImage};

use crate::COUNTER;
use crate::surface::each;
use crate::trees::{operator, path};

fn counter() -> ValidImage {
    ValidImage::load(COUNTER).expect("an Image")
}

/// Has a capability come from the host.
type Way = fn(&mut Entrance, Capability) -> Result<(), nub::Error>;

/// The ways that there are.
const WAYS: [(&str, Way); 7] = [
    ("a tree", |at, below| at.load(below)),
    ("a capability that is put", |at, capability| at.nub.put_cap(&capability).map(drop)),
    ("one that is put by its hash", |at, capability| at.nub.put_cap_with_hash(&capability.hash(), &capability)),
    ("a grant", |at, capability| at.grant(capability)),
    ("a gift of a call", |at, capability| {
        let options = InvokeOptions { gift: Some(capability), ..InvokeOptions::default() };
        at.nub.invoke(at.there, "copy", &[1 | 9 << 32, 0, 0, 0], &options).map(drop)
    }),
    ("a gift of a query", |at, capability| {
        let options = InvokeOptions { gift: Some(capability), ..InvokeOptions::default() };
        at.nub.reader().query(at.there, "copy", &[1 | 9 << 32, 0, 0, 0], &options).map(drop)
    }),
    ("a gift of a call that is watched", |at, capability| {
        let options = InvokeOptions { gift: Some(capability), ..InvokeOptions::default() };
        let watched = at.nub.invoke_traced(at.there, "copy", &[1 | 9 << 32, 0, 0, 0], &options, |_| {});
        match watched {
            // It is refused what it brings before it is refused to be watched.
            Err(nub::Error::LocalOnly(_)) => Ok(()),
            watched => watched.map(drop),
        }
    }),
];

/// A handle, with an Instance that can be called and an Image that takes a grant in slot 7.
struct Entrance {
    nub: Nub,
    there: InstanceId,
    takes_grants: nub::CapHash,
}

impl Entrance {
    fn new(mut nub: Nub) -> Entrance {
        let there = nub.load(Instance::new(operator())).expect("it is a tree");
        let program = javm_isa::assemble("jump_ind ra, 0").expect("it is a program");
        let wanted = Wanted::TypeDef(counter().interface());
        let image = Image {
            imports: [(7, Import { required: true, wanted })].into(),
            ..Image::new(javm_isa::CostModel::Pipeline, program.blob().to_vec(), Vec::new())
        };
        let takes_grants = nub.publish_image(image.validate().expect("valid")).expect("it is published");
        Entrance { nub, there, takes_grants }
    }

    /// In slot 9 of a root.
    fn load(&mut self, below: Capability) -> Result<(), nub::Error> {
        let mut root = Instance::new(operator());
        root.put_at(&[9], below).expect("small");
        self.nub.load(root).map(|root| assert!(self.nub.drop_instance(root)))
    }

    /// In slot 7 of one that is made, where it implements what is wanted there; of a tree otherwise.
    fn grant(&mut self, capability: Capability) -> Result<(), nub::Error> {
        let grants = Grants::none().with(7, capability.clone());
        match self.nub.instantiate(&self.takes_grants.clone(), &grants) {
            Err(error) if error.code() == ErrorCode::Denied => self.load(capability),
            made => made.map(|made| assert!(self.nub.drop_instance(made))),
        }
    }

    /// What there is, but for what a call has made of the Instance that is called.
    fn now(&mut self) -> (u64, u64, nub::CapHash) {
        let stats = self.nub.stats().expect("it answers");
        (stats.images, stats.instances, self.nub.state_root(self.there).expect("it answers"))
    }
}

/// Has it come by each way: refused with this code and these words, below `at` where the way puts it into a slot.
fn refused(capability: &Capability, code: ErrorCode, at: &[u8], says: &[&str]) {
    each(|nub| {
        let mut entrance = Entrance::new(nub);
        let before = entrance.now();
        for (way, enter) in WAYS {
            let error = enter(&mut entrance, capability.clone()).expect_err(way);
            assert_eq!(error.code(), code, "{way}: {error}");
            let nub::Error::Invalid(invalid) = &error else { panic!("{way}: {error}") };
            assert!(invalid.path.ends_with(at), "{way}: {error}");
            for word in says {
                assert!(error.to_string().contains(word), "{way}: {error}");
            }
            assert_eq!(entrance.now(), before, "{way}");
            assert!(!entrance.nub.contains(&capability.hash()), "{way}");
        }
        // A guest has not ended by it, and what is right is taken afterwards.
        assert_eq!(entrance.nub.health().restarts, 0);
        for (way, enter) in WAYS {
            assert_eq!(enter(&mut entrance, Instance::new(counter()).into()), Ok(()), "{way}");
        }
    });
}

fn taken(capability: &Capability) {
    each(|nub| {
        let mut entrance = Entrance::new(nub);
        for (way, enter) in WAYS {
            assert_eq!(enter(&mut entrance, capability.clone()), Ok(()), "{way}");
            // Each has to let it in by itself.
            entrance.nub.drop_cap(&capability.hash()).expect("it answers");
            entrance
                .nub
                .invoke(entrance.there, "drop", &[9, 0, 0, 0], &InvokeOptions::default())
                .expect("it is called");
        }
    });
}

/// An Instance with so many pages of Data in slot 250.
fn instance(pages: u32) -> Instance {
    let mut instance = Instance::new(counter());
    instance.put_at(&[250], Data::new(pages).expect("small")).expect("small");
    instance
}

fn with_quota(mut instance: Instance, quota: u64) -> Capability {
    instance.set_quota(Some(quota)).expect("small");
    instance.into()
}

#[test]
fn an_instance_is_within_its_quota() {
    let size = instance(10).measure().size;
    taken(&with_quota(instance(10), size));
    let says = [format!("{size} pages"), format!("quota of {}", size - 1), "make the quota larger".into()];
    refused(&with_quota(instance(10), size - 1), ErrorCode::Quota, &[], &says.each_ref().map(String::as_str));
}

/// Below a table below an Instance, one that is too large by itself; and one that is by what its children count for.
#[test]
fn every_instance_below_is_within_its_quota() {
    let size = instance(10).measure().size;
    let below = |quota| {
        let table = CNode::from_slots([(1, instance(3).into()), (7, with_quota(instance(10), quota))]);
        let mut outer = instance(1);
        outer.put_at(&[200], table.expect("small")).expect("small");
        outer
    };
    taken(&below(size).into());
    refused(&below(size - 1).into(), ErrorCode::Quota, &[200, 7], &["/200/7 ", &format!("{size} pages")]);
    let whole = below(size).measure().size;
    taken(&with_quota(below(size), whole));
    refused(&with_quota(below(size), whole - 1), ErrorCode::Quota, &[], &[&format!("{whole} pages")]);
    // In a table, which is no Instance.
    let table = CNode::from_slots([(3, with_quota(instance(10), 5))]).expect("small");
    refused(&table.into(), ErrorCode::Quota, &[3], &["quota of 5"]);
}

/// One that is stopped at a place of the program of `trees`: 0 is an `ecall`, 1 goes back to who called.
fn stopped(pc: u32, why: Why, mappings: DynamicMappings) -> Capability {
    let mut instance = Instance::new(operator());
    let (registers, ephemeral) = ([0; 13], Data::new(0).expect("small"));
    let suspended = Suspended { why, block_paid: true, pc, registers, ephemeral, mappings };
    instance.set_state(RunState::Suspended(suspended)).expect("it has no ephemeral pages");
    instance.into()
}

#[test]
fn what_is_suspended_could_have_been_stopped_so() {
    let none = DynamicMappings::new;
    let mapped = |first_page, slot, offset| {
        let mut mappings = none();
        let access = nub::cap::Access::ReadWrite;
        mappings.map(DynamicMapping { first_page, pages: 1, offset, access, slot }).expect("one");
        mappings
    };
    for right in [
        stopped(0, Why::OutOfGas, none()),
        stopped(1, Why::Yield { value: 7 }, none()),
        stopped(1, Why::Fault { page: 0x5000 }, mapped(0x40, 3, 2)),
    ] {
        taken(&right);
    }
    for (wrong, says) in [
        (stopped(2, Why::Panic, none()), "code offset 0x2"),
        (stopped(1 << 31, Why::Panic, none()), "code offset 0x80000000"),
        (stopped(1, Why::Fault { page: 0x5001 }, none()), "0x5001"),
        (stopped(1, Why::Panic, mapped(0x21, 9, 0)), "dynamic mapping at page 0x21"),
        (stopped(1, Why::Panic, mapped(0x40, 3, 1)), "dynamic mapping at page 0x40"),
    ] {
        refused(&wrong, ErrorCode::Suspended, &[], &[says]);
    }
}

/// What was put was looked at then; what has become of a copy since is looked at again.
#[test]
fn what_was_put_goes_with_a_call_and_what_it_became_does_not() {
    let size = instance(10).measure().size;
    each(|nub| {
        let mut entrance = Entrance::new(nub);
        let gift = with_quota(instance(10), size);
        entrance.nub.put_cap(&gift).expect("it is within it");
        let call = |entrance: &mut Entrance, gift: &Capability| {
            let options = InvokeOptions { gift: Some(gift.clone()), ..InvokeOptions::default() };
            let called = entrance.nub.invoke(entrance.there, "copy", &[1 | 9 << 32, 0, 0, 0], &options);
            called.map(|outcome| outcome.gift.map(|gift| gift.hash()))
        };
        assert_eq!(call(&mut entrance, &gift), Ok(Some(gift.hash())));
        let mut grown = gift;
        let table = grown.table_mut().expect("an Instance");
        table.set(9, Data::new(1).expect("small")).expect("small");
        assert_eq!(call(&mut entrance, &grown).expect_err("one page more").code(), ErrorCode::Quota);
        assert_eq!(entrance.nub.capability_hash(entrance.there, &path(&[9])).map(|hash| hash.is_some()), Ok(true));
    });
}
