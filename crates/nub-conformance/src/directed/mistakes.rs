//! The last section of `docs/spec/capabilities.md`: what went wrong elsewhere, as far as it concerns capabilities.

use javm_model::Operation::{Drop, Map, NewCNode, Yield};
use javm_model::Status::{Empty, Fault, Halt, OutOfGas, Panic};
use javm_model::{Action, Operation, Request, Run, measure};

use super::fixture::*;

/// An operation that is not covered stops the program at it, with the gas that was left, whichever operation it is.
pub(super) fn no_operation_goes_unpaid() {
    for &operation in Operation::ALL {
        let base = operation.base();
        let mut world = world(
            &[Request::call(10, 0, &[]).last(1080 + 10 + base - 1)],
            [(10, child(asks(&[Request::new(operation, &[])])))],
        );
        run(&mut world);
        let step = steps(&world).pop().expect("it called");
        assert_eq!(step.status, OutOfGas, "{operation:?}");
        assert_eq!(10_000_000 - 10 - 50 - step.gas, 1080 + 10, "{operation:?}: what was left is left");
        let Run::Suspended(suspended) = &instance_at(&world, &[10]).run else { panic!("it can go on") };
        assert_eq!((suspended.pc, suspended.paid), (6, true));
    }
}

/// A child drops what it was passed, while its parent waits for it.
pub(super) fn a_child_drops_what_it_was_passed() {
    let asked = [
        Request::new(NewCNode, &[1]),
        Request::call(10, 0, &[]).flags(3),
        Request::new(Drop, &[0]),
        Request::new(Drop, &[1]),
    ];
    let drops = child(asks(&[Request::new(Drop, &[1]), Request::new(Drop, &[0]), Request::new(Drop, &[0])]));
    let mut world = world(&asked, [(10, drops)]);
    run(&mut world);
    assert_eq!(steps(&world).iter().map(|step| step.status).collect::<Vec<_>>(), [Halt, Halt, Empty, Empty]);
    assert_eq!(world.steps[1..4].iter().map(|step| step.status).collect::<Vec<_>>(), [Halt, Halt, Empty]);
}

/// Nothing is mapped at or past the last page.
pub(super) fn no_mapping_reaches_the_end_of_memory() {
    for (first, pages) in
        [((1 << 20) - 1, 1), ((1 << 20) - 2, 2), (16, (1 << 20) - 16), (1 << 20, 1), (1 << 32, 1), (u64::MAX, 2)]
    {
        assert_eq!(
            status_of(Request::new(Map, &[50, first, 0, pages]), []),
            javm_model::Status::Range,
            "{first:#x} {pages:#x}"
        );
    }
    let mut world = world(&[Request::call(10, 0, &[])], [(10, child(endpoint([Action::Load(7, u32::MAX)])))]);
    run(&mut world);
    assert_eq!((steps(&world)[0].status, steps(&world)[0].detail), (Fault, 0xFFFF_F000));
}

/// A resumption goes on within the block that was paid, and only there without paying.
pub(super) fn a_resumption_never_lands_between() {
    let script = vec![
        Action::Block(10),
        Action::Set(11, Yield.number().into()),
        Action::Ecall,
        Action::Fallthrough,
        Action::Block(70),
        Action::Trap,
    ];
    let mut world = world(&[Request::call(10, 0, &[]), Request::resume(10, 0)], [(10, child(script))]);
    run(&mut world);
    let seen: Vec<_> = steps(&world).iter().map(|step| (step.status, step.gas)).collect();
    assert_eq!((seen[0].0, seen[1].0), (javm_model::Status::Yield, Panic));
    assert_eq!(seen[0].1 - seen[1].1, 50 + 1080 + 70, "the rest of the first block is paid, the second one is not");
}

/// A loop of calls that fail, and one of blocks, both end.
pub(super) fn every_loop_pays() {
    let calls = asks(&[Request::call(50, 0, &[]).flags(4); 50]);
    let mut caller = instance(calls);
    caller.table.slots.insert(50, child(vec![Action::Block(1 << 40), Action::Return]));
    let mut world =
        world(&[Request::call(10, 0, &[]).last(20_000)], [(10, javm_model::Value::Instance(Box::new(caller)))]);
    run(&mut world);
    assert_eq!(steps(&world)[0].status, OutOfGas);
    assert!(world.steps.len() < 50);
}

/// An empty table is of size one and holds nothing; each put is paid.
pub(super) fn a_table_is_small() {
    let mut world = world(&[Request::new(NewCNode, &[20])], []);
    let before = measure::size(&world.state.root);
    run(&mut world);
    assert_eq!(measure::size(&world.state.root), before + 1);
}

/// What runs in slot 1 of an Instance at rest calls that Instance, which would empty its slots.
pub(super) fn a_call_does_not_empty_the_slot_of_who_calls() {
    for slot in [0, 1] {
        let mint = Request::new(Operation::Mint, &[pair(10, reference(&[10, 11], 50)), 0, u64::MAX, 0]);
        let calls = child(asks(&[Request::call(50, 0, &[])]));
        let mut idle = instance(asks(&[]));
        idle.table.slots.insert(11, calls);
        let asked = [
            mint,
            Request::new(Operation::Move, &[pair(reference(&[10], 11), reference(&[10], slot))]),
            // The root calls it there, through the Instance at rest.
            Request::call(reference(&[10], slot), 0, &[]),
            Request::call(10, 0, &[]),
        ];
        let mut world = world(&asked, [(10, javm_model::Value::Instance(Box::new(idle)))]);
        run(&mut world);
        let inner: Vec<_> = world.steps.iter().filter(|step| step.depth == 2).map(|step| step.status).collect();
        assert_eq!(inner, [javm_model::Status::Busy], "slot {slot}");
        assert_eq!(steps(&world).iter().map(|step| step.status).collect::<Vec<_>>(), [Halt; 4]);
        assert!(at(&world, &[10, slot]).is_none(), "once nobody runs there it is emptied");
    }
}

/// The same by a resumption: /9 is called by what runs in slot 1 of its stopped child, which it then resumes.
pub(super) fn a_resumption_does_not_empty_the_slot_of_who_runs() {
    let mint = Request::new(Operation::Mint, &[pair(9, reference(&[9, 10, 1], 50)), 0, u64::MAX, 0]);
    let mut stopped = instance(asks(&[Request::new(Yield, &[0])]));
    stopped.table.slots.insert(12, child(asks(&[Request::call(50, 1, &[])])));
    let stop_it = asks(&[
        Request::call(10, 0, &[]),
        Request::new(Operation::Move, &[pair(reference(&[10], 12), reference(&[10], 1))]),
    ]);
    let mut owner = javm_model::Instance::new(&program(vec![stop_it, asks(&[Request::resume(10, 0)])]).identified());
    owner.table.slots.insert(10, javm_model::Value::Instance(Box::new(stopped)));
    let asked =
        [Request::call(9, 0, &[]), mint, Request::call(reference(&[9, 10], 1), 0, &[]), Request::call(9, 1, &[])];
    let mut world = world(&asked, [(9, javm_model::Value::Instance(Box::new(owner)))]);
    run(&mut world);
    let resumes = world.steps.iter().filter(|step| step.request.word as u8 == Operation::Resume.number());
    let resumes: Vec<_> = resumes.map(|step| (step.depth, step.status)).collect();
    assert_eq!(resumes, [(3, javm_model::Status::Busy), (2, Halt)]);
}
