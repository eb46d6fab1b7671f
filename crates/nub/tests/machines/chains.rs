//! What chains fix, and the block that calls are made in: on every machine, in queries, and in a guest that comes later.

use nub::cap::{Access, Backing, Image, Import, Mapping, Wanted};
use nub::{
    ArchChoice, Block, Chain, Ended, ErrorCode, Failure, Grants, InstanceId, InvokeOptions, Nub, Parameters, Status,
};

use crate::surface::each;
use crate::{built, kvm};

/// The slot of the service BLOCK, and its id.
const BLOCK: (u8, u32) = (5, 3);

/// The height of the block, by the service that says it.
const HEIGHT: &str = "load_imm_64 a4, 0\n ecalli 5\n jump_ind ra, 0";

/// An Instance of a program with these pages to write to.
fn asker(nub: &mut Nub, pages: u32) -> InstanceId {
    let program = javm_isa::assemble(HEIGHT).unwrap_or_else(|error| panic!("{error}"));
    let mapping = Mapping { pages, access: Access::ReadWrite, backing: Backing::Ephemeral };
    let endpoint = nub::Endpoint::new("height".parse().expect("a name"), 0);
    let image = Image {
        memory: [(0x20, mapping)].into(),
        imports: [(BLOCK.0, Import { required: true, wanted: Wanted::Service(BLOCK.1) })].into(),
        ..Image::new(javm_isa::CostModel::Flat, program.blob().to_vec(), vec![endpoint])
    };
    let image = nub.publish_image(image.validate().expect("valid")).unwrap_or_else(|error| panic!("{error}"));
    nub.instantiate(&image, &Grants::services()).unwrap_or_else(|error| panic!("{error}"))
}

fn chain(height: u64, parameters: Parameters) -> Chain {
    Chain { parameters, block: Block { height, prior_root: [7; 32] } }
}

/// What a call and a query say that the height is; they end alike.
fn heights(nub: &mut Nub, instance: InstanceId) -> [Result<u64, Status>; 2] {
    let options = InvokeOptions::default();
    let called = nub.invoke(instance, "height", &[], &options);
    let queried = nub.reader().query(instance, "height", &[], &options);
    [called, queried].map(|outcome| match outcome {
        Ok(outcome) => {
            assert_eq!(outcome.ended, Ended::Halt);
            Ok(outcome.value)
        }
        Err(error) => Err(error.status().unwrap_or_else(|| panic!("{error}"))),
    })
}

#[test]
fn calls_and_queries_are_made_in_the_block_that_was_said() {
    each(|mut nub| {
        let asker = asker(&mut nub, 4);
        assert_eq!(heights(&mut nub, asker), [Ok(0); 2], "outside of blocks");
        for height in [1, u64::MAX, 0, 5] {
            nub.set_chain(chain(height, Parameters::default())).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(heights(&mut nub, asker), [Ok(height); 2]);
        }
        // The bounds of the chain hold from then on, and for as long as they are said.
        for (writable_pages, found) in [(3, Err(Status::Quota)), (4, Ok(6))] {
            let parameters = Parameters { writable_pages, ..Parameters::default() };
            nub.set_chain(chain(6, parameters)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(heights(&mut nub, asker), [found; 2]);
        }
        nub.set_chain(chain(6, Parameters { depth: 0, ..Parameters::default() })).expect("it is for tests");
        assert_eq!(heights(&mut nub, asker), [Err(Status::Depth); 2]);
    });
}

#[test]
fn parameters_that_no_chain_has_are_refused_and_change_nothing() {
    let too_deep = Parameters { depth: 65, ..Parameters::default() };
    let too_many_logs = Parameters { log_bytes: (64 << 20) + 1, ..Parameters::default() };
    for (parameters, says) in [(too_deep, "65 frames"), (too_many_logs, "67108865 bytes of log entries")] {
        let error = Nub::builder().arch(ArchChoice::Local).parameters(parameters).build().expect_err("no chain");
        assert_eq!(error.code(), ErrorCode::Setting, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        each(|mut nub| {
            let asker = asker(&mut nub, 4);
            let before = chain(3, Parameters::default());
            nub.set_chain(before).unwrap_or_else(|error| panic!("{error}"));
            let error = nub.set_chain(chain(4, parameters)).expect_err("no chain");
            assert_eq!((error.code(), nub.chain()), (ErrorCode::Setting, before), "{error}");
            assert_eq!(heights(&mut nub, asker), [Ok(3); 2]);
        });
    }
}

#[test]
fn a_guest_that_comes_later_goes_on_in_the_same_chain() {
    let parameters = Parameters { writable_pages: 10, ..Parameters::default() };
    let Some(mut nub) = built(kvm().parameters(parameters)) else { return };
    assert_eq!(nub.chain(), Chain { parameters, ..Chain::default() });
    let [small, large] = [10, 11].map(|pages| asker(&mut nub, pages));
    let check = |nub: &mut Nub, height| {
        assert_eq!(heights(nub, small), [Ok(height); 2]);
        assert_eq!(heights(nub, large), [Err(Status::Quota); 2]);
    };
    check(&mut nub, 0);
    assert_eq!(nub.fail(Failure::Panic).expect_err("it ends").code(), ErrorCode::GuestDied);
    check(&mut nub, 0);
    nub.set_chain(chain(9, parameters)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(nub.fail(Failure::TripleFault).expect_err("it ends").code(), ErrorCode::GuestDied);
    check(&mut nub, 9);
}
