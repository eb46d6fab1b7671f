//! Bounds where the other tests do not come by.

use javm_model::Operation::{Copy, Mint, Move, NewCNode, NewData, Spawn, Upgrade, Write};
use javm_model::Status::{self, Depth, Halt, OutOfGas, Panic, Quota, Range};
use javm_model::{Action, HostCall, Image, Request, Value, World, measure};

use super::fixture::*;

pub(super) fn no_path_is_written_that_is_longer_than_sixteen() {
    for (home, status) in [(15, Halt), (16, Range)] {
        for request in [
            Request::new(Copy, &[pair(10, 20)]).flags(1),
            Request::new(Move, &[pair(10, 20)]).flags(1),
            Request::new(Mint, &[pair(10, 20), 0, 0, 0]),
        ] {
            let mut world = world(&[request], [(10, child(asks(&[])))]);
            let Value::Instance(root) = &mut world.state.root else { panic!("the root is an Instance") };
            root.home = Some(vec![9; home]);
            run(&mut world);
            assert_eq!(steps(&world)[0].status, status, "{request:?}");
        }
    }
}

pub(super) fn whatever_grows_keeps_quotas() {
    let large = Value::Image(Image { bytes: 3 << 12, ..program(vec![asks(&[])]) }.identified());
    for (request, pages) in [
        (Request::new(NewData, &[4, reference(&[12], 60).into()]), 4),
        (Request::new(NewCNode, &[reference(&[12], 60).into()]), 1),
        // 1, the Image, and its slots of 2 and 1 pages.
        (Request::new(Spawn, &[pair(13, reference(&[12], 60)), 0]), 1 + 3 + 3),
        (Request::new(Upgrade, &[pair(12, 13)]), 2),
    ] {
        for (room, status) in [(pages, Halt), (pages - 1, Quota)] {
            let mut child = instance(asks(&[]));
            child.quota = Some(measure::size_of_instance(&child) + room);
            let slots = [(12, Value::Instance(Box::new(child))), (13, large.clone())];
            assert_eq!(status_of(request, slots), status, "{request:?}");
        }
    }
}

/// Statuses of a root that stores to its state and its scratchpad and then asks for something, where a block may change
/// so many pages.
fn stored(request: Request, most: u64) -> (Status, Status) {
    let stores = [Action::Set(5, 1), Action::Store(5, STATE), Action::Store(5, SCRATCHPAD)];
    let mut root = instance(endpoint(stores.into_iter().chain(request.actions())));
    root.table.slots.insert(10, child(asks(&[])));
    let mut world = World::new(root);
    world.parameters.max_changed_pages = most;
    let before = world.root();
    let outcome = call_host(&mut world, HostCall { scratchpad: Some(javm_model::Data::new(2)), ..HostCall::root(0) });
    assert_eq!(world.root() == before, outcome.status != Halt);
    (world.steps[0].status, outcome.status)
}

pub(super) fn pages_are_counted_where_they_are_collected() {
    // Both pages are counted at the end, whatever was counted before.
    for request in [Request::new(Copy, &[pair(40, 20)]), Request::call(10, 0, &[]).flags(1)] {
        for (most, statuses) in [(2, (Halt, Halt)), (1, (Halt, Quota)), (0, (Quota, Quota))] {
            assert_eq!(stored(request, most), statuses, "{request:?} {most}");
        }
    }
    // Two pages are written, and one of this slot was stored to.
    let write = Request::new(Write, &[40, 4000, MEMORY, 200]);
    for (most, statuses) in [(4, (Halt, Halt)), (3, (Halt, Quota)), (2, (Quota, Halt)), (1, (Quota, Quota))] {
        assert_eq!(stored(write, most), statuses, "{most}");
    }
    // What is not named is not counted before the end.
    let gas = Request::new(javm_model::Operation::Gas, &[]);
    assert_eq!(stored(gas, 0), (Halt, Quota));
}

pub(super) fn a_resumption_is_within_the_bounds_of_a_call() {
    let stops = || child(endpoint([Action::Trap, Action::Block(1)]));
    let entry = 400 + 4 * 30 + 4 * 120 + 4 * 20;
    let resumed = |limit: u64, change: fn(&mut World)| {
        let mut world = world(&[Request::call(10, 0, &[])], [(10, stops())]);
        run(&mut world);
        assert_eq!(steps(&world)[0].status, Panic);
        reprogram(&mut world, &[Request::resume(10, 0).last(limit)]);
        change(&mut world);
        let before = world.root();
        run(&mut world);
        assert_eq!(world.root(), before, "it stops where it stood");
        steps(&world)[0].status
    };
    assert_eq!(resumed(0, |_| {}), Panic);
    assert_eq!(resumed(entry, |_| {}), Panic, "the block at the trap is paid");
    assert_eq!(resumed(entry - 1, |_| {}), OutOfGas);
    assert_eq!(resumed(0, |world| world.parameters.max_depth = 1), Depth);
    assert_eq!(resumed(0, |world| world.parameters.max_writable_pages = 15), Quota);
}

/// What may be mapped read-write in all frames, in a chain that does not say: the root has 8 pages of it, a child as many.
pub(super) fn writable_pages_of_a_usual_chain() {
    let map = |slot, pages| Request::new(javm_model::Operation::Map, &[slot, 0x1000, 0, pages]).last(1);
    let most = (1 << 16) - 8;
    let below = u64::from(reference(&[10], 50));
    for (asked, expected) in [
        (vec![map(50, most + 1)], vec![Quota]),
        (vec![map(50, most)], vec![Halt]),
        (vec![map(below, most - 8 + 1), Request::resume(10, 0)], vec![Halt, Quota]),
        (vec![map(below, most - 8), Request::resume(10, 0)], vec![Halt, Halt]),
    ] {
        let mut world = world(&asked, [(10, stopped())]);
        let call = HostCall { gas: 100_000_000, scratchpad: Some(javm_model::Data::new(2)), ..HostCall::root(0) };
        assert_eq!(call_host(&mut world, call).status, Halt);
        assert_eq!(steps(&world).iter().map(|step| step.status).collect::<Vec<_>>(), expected, "{asked:?}");
    }
}

/// Of what a program has mapped, the pages that MAP adds are paid at each resumption.
pub(super) fn what_is_mapped_is_paid_for_at_the_entry() {
    let yields = child(asks(&[
        Request::new(javm_model::Operation::Map, &[50, 0x100, 0, 3]).last(1),
        Request::new(javm_model::Operation::Yield, &[0]),
    ]));
    let asked = [Request::call(10, 0, &[]), Request::resume(10, 0)];
    let mut world = world(&asked, [(10, yields)]);
    run(&mut world);
    let gas: Vec<u64> = steps(&world).iter().map(|step| step.gas).collect();
    assert_eq!(gas[0] - gas[1], 50 + 400 + (4 + 1) * 30 + 4 * 120 + (4 + 3) * 20);
}
