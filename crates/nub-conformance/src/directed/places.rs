//! COPY, MOVE, SWAP, DROP, RESIZE, READ, WRITE: what they do and every status.

use javm_model::Operation::{Copy, Drop, Move, Read, Resize, Swap, Write};
use javm_model::Status::{Busy, Empty, Full, Halt, Kind, Quota, Range};
use javm_model::{CNode, Request, Status, Value, measure};

use super::fixture::*;

const REBASE: u8 = 1;

/// What the root of these tests holds: a Data, a CNode of a Data and a child, a child that holds a Data.
fn slots() -> Vec<(u8, Value)> {
    let mut held = instance(asks(&[]));
    held.table.slots.insert(60, data(b"held"));
    let in_cnode = [(1, data(b"one")), (2, child(asks(&[])))];
    vec![(10, data(b"ten")), (11, cnode(in_cnode)), (12, Value::Instance(Box::new(held))), (13, image(asks(&[])))]
}

fn request(operation: javm_model::Operation, a: u32, b: u32) -> Request {
    Request::new(operation, &[pair(a, b)])
}

pub(super) fn references_are_walked() {
    let malformed = 10 | 5 << 16;
    for (what, status) in [
        (malformed, Range),
        (10 | 11 << 8 | 5 << 24, Range),
        (reference(&[99], 1), Empty),
        (reference(&[10], 1), Kind),
        (reference(&[13], 1), Kind),
        (reference(&[11], 1), Halt),
        (reference(&[11], 3), Empty),
        (reference(&[12], 60), Halt),
        (reference(&[11, 2], 40), Halt),
        (reference(&[11, 2, 40], 0), Kind),
        (reference(&[12, 60], 0), Kind),
    ] {
        assert_eq!(status_of(Request::new(Drop, &[what.into()]), slots()), status, "{what:#x}");
        assert_eq!(status_of(request(Copy, what, 99), slots()), status, "{what:#x}");
    }
    // The destination is walked before the source is looked at.
    assert_eq!(status_of(request(Copy, 99, malformed), slots()), Range);
    assert_eq!(status_of(request(Copy, 99, reference(&[10], 1)), slots()), Kind);
    // A reference alone in a register has no more than 32 bits.
    assert_eq!(status_of(Request::new(Drop, &[1 << 32 | 10]), slots()), Range);
}

pub(super) fn copies_and_moves() {
    for operation in [Copy, Move] {
        for (source, destination, flags, status) in [
            (10, 20, 0, Halt),
            (10, 11, 0, Full),
            (10, 10, 0, Full),
            (99, 11, 0, Empty),
            (10, reference(&[11], 1), 0, Full),
            (10, reference(&[11], 9), 0, Halt),
            (10, reference(&[12], 0), 0, Halt),
            (reference(&[12], 60), 1, 0, Halt),
            (0, 1, 0, Halt),
            (10, 20, REBASE, Kind),
            (12, 20, REBASE, Halt),
            (12, 20, 2, Range),
            (12, 20, 0x80, Range),
        ] {
            let asked = request(operation, source, destination).flags(flags);
            assert_eq!(status_of(asked, slots()), status, "{operation:?} {source:#x} {destination:#x} {flags}");
        }
    }
    // A copy of a table into itself is one of what was; it cannot be moved there.
    let mut world = world(&[request(Copy, 11, reference(&[11], 7)), request(Move, 11, reference(&[11], 8))], slots());
    run(&mut world);
    assert_eq!(steps(&world).iter().map(|step| step.status).collect::<Vec<_>>(), [Halt, Range]);
    assert!(at(&world, &[11, 7, 1]).is_some() && at(&world, &[11, 7, 7]).is_none());
}

pub(super) fn a_gift_has_no_path_to_be_rebased_from() {
    for operation in [Copy, Move] {
        let asked = [request(Copy, 12, 1), request(operation, 1, 21).flags(REBASE)];
        assert_eq!(statuses(&asked, slots()), [Halt, Range]);
    }
}

pub(super) fn home_is_where_it_came_from_and_stays() {
    let asked = [request(Copy, 12, 20).flags(REBASE), request(Move, 20, 21).flags(REBASE), request(Copy, 21, 22)];
    let mut world = world(&asked, slots());
    run(&mut world);
    assert_eq!(instance_at(&world, &[21]).home, Some(vec![12]));
    assert_eq!(instance_at(&world, &[22]).home, Some(vec![12]));
    assert_eq!(instance_at(&world, &[12]).home, None);
}

pub(super) fn swaps() {
    for (a, b, status) in [
        (10, 11, Halt),
        (10, reference(&[11], 1), Halt),
        (reference(&[11], 1), reference(&[12], 60), Halt),
        (10, 99, Empty),
        (99, 10, Empty),
        (10, 10, Range),
        (11, reference(&[11], 1), Range),
        (reference(&[11], 1), 11, Range),
    ] {
        assert_eq!(status_of(request(Swap, a, b), slots()), status, "{a:#x} {b:#x}");
    }
    let mut world = world(&[request(Swap, 10, reference(&[11], 1))], slots());
    run(&mut world);
    assert_eq!(at(&world, &[10]).map(measure::size), Some(1));
    let Some(Value::Data(data)) = at(&world, &[11, 1]) else { panic!("it is there") };
    assert_eq!(data.read(0, 3), b"ten");
}

pub(super) fn drops() {
    assert_eq!(status_of(Request::new(Drop, &[99]), slots()), Empty);
    assert_eq!(status_of(Request::new(Drop, &[12]), slots()), Halt);
    // The scratchpad, twice.
    assert_eq!(statuses(&[Request::new(Drop, &[0]), Request::new(Drop, &[0])], []), [Halt, Empty]);
}

pub(super) fn heights_and_sizes_are_bounded() {
    // Sixteen tables inside of each other, the last one empty, are a path of sixteen slots with the root's.
    let mut tower = cnode([]);
    for _ in 0..14 {
        tower = cnode([(5, tower)]);
    }
    assert_eq!(measure::height(&tower), 14);
    let deep = |extra: u8| {
        let mut value = tower.clone();
        for _ in 0..extra {
            value = cnode([(5, value)]);
        }
        vec![(10, value), (11, cnode([(6, cnode([]))]))]
    };
    assert_eq!(status_of(request(Copy, 10, 20), deep(1)), Halt);
    assert_eq!(status_of(request(Move, 10, reference(&[11], 5)), deep(0)), Halt);
    assert_eq!(status_of(request(Move, 10, reference(&[11], 5)), deep(1)), Range);
    assert_eq!(status_of(request(Copy, 10, reference(&[11, 6], 5)), deep(0)), Range);
    // A live slot counts like one of the root.
    assert_eq!(status_of(request(Copy, 10, 1), deep(1)), Halt);
    assert_eq!(statuses(&[request(Copy, 11, 1), request(Copy, 10, reference(&[1], 5))], deep(1)), [Halt, Range]);

    // An Image of no such length can be published; its size is as good as that of a million Data.
    let of_size =
        |pages: u64| Value::Image(javm_model::Image { bytes: pages << 12, ..program(vec![asks(&[])]) }.identified());
    let held = || vec![(10, of_size(measure::MAX_SIZE / 2)), (11, of_size(measure::MAX_SIZE / 8))];
    assert_eq!(status_of(request(Copy, 11, 20), held()), Halt);
    assert_eq!(status_of(request(Copy, 10, 20), held()), Range);
    assert_eq!(status_of(request(Copy, 10, 1), held()), Halt);
}

pub(super) fn quotas_hold_wherever_it_grows() {
    let mut child = instance(asks(&[]));
    child.table.slots.insert(50, Value::CNode(CNode::new()));
    let size = measure::size_of_instance(&child);
    child.quota = Some(size + 1);
    let slots = || vec![(10, data(b"one page")), (12, Value::Instance(Box::new(child.clone())))];
    for (asked, expected) in [
        (vec![request(Copy, 10, reference(&[12], 60)), request(Copy, 10, reference(&[12], 61))], [Halt, Quota]),
        (vec![request(Copy, 10, reference(&[12, 50], 1)), request(Copy, 10, reference(&[12, 50], 2))], [Halt, Quota]),
        (
            vec![request(Move, 10, reference(&[12], 60)), Request::new(Resize, &[reference(&[12], 60).into(), 2])],
            [Halt, Quota],
        ),
        // Inside of it things move as they like; a smaller one for a larger one is no growth.
        (
            vec![request(Move, reference(&[12], 40), reference(&[12], 60)), request(Swap, reference(&[12], 60), 10)],
            [Halt, Halt],
        ),
    ] {
        assert_eq!(statuses(&asked, slots()), expected, "{asked:?}");
    }
    // What stands in a live slot counts for nobody.
    assert_eq!(status_of(request(Copy, 12, 1), slots()), Halt);
}

pub(super) fn resizes() {
    for (what, pages, status) in [
        (10, 0, Halt),
        (10, 1 << 20, Halt),
        (10, (1 << 20) + 1, Range),
        (10, u64::MAX, Range),
        (11, 1, Kind),
        (99, 1, Empty),
    ] {
        assert_eq!(status_of(Request::new(Resize, &[what, pages]), slots()), status, "{what} {pages}");
    }
    let asked = [Request::new(Resize, &[40, 0]), Request::new(Resize, &[40, 2])];
    let mut with = slots();
    with.push((40, data(&[7; 5000])));
    let mut world = world(&asked, with);
    run(&mut world);
    let Some(Value::Data(data)) = at(&world, &[40]) else { panic!("it is there") };
    assert_eq!((data.read(0, 8192), data.changes), (vec![0; 8192], 2), "what was cut off is gone");
}

pub(super) fn reads_and_writes() {
    for operation in [Read, Write] {
        for (operands, status) in [
            ([10, 0, MEMORY, 4096], Halt),
            ([10, 4096, MEMORY, 0], Halt),
            ([10, 1, MEMORY + 3, 4095], Halt),
            ([10, 0, 0, 0], Halt),
            ([10, 1, MEMORY, 4096], Range),
            ([10, u64::MAX, MEMORY, 2], Range),
            ([10, 0, MEMORY, (1 << 32) + 1], Range),
            ([10, 0, u64::MAX, 2], Range),
            ([10, 0, (1 << 32) - 1, 2], Range),
            ([10, 0, MEMORY + 0x3fff, 2], Range),
            ([10, 0, MEMORY - 1, 2], Range),
            ([10, 0, 0x8000, 1], Range),
            ([11, 0, MEMORY, 1], Kind),
            ([99, 0, MEMORY, 1], Empty),
            ([reference(&[11], 1).into(), 0, MEMORY, 1], Halt),
        ] {
            assert_eq!(status_of(Request::new(operation, &operands), slots()), status, "{operation:?} {operands:?}");
        }
    }
    // Read-only memory can be loaded from, and not stored to.
    assert_eq!(status_of(Request::new(Write, &[10, 0, FIXED.into(), 8]), slots()), Halt);
    assert_eq!(status_of(Request::new(Read, &[10, 0, FIXED.into(), 8]), slots()), Range);
    // What is mapped read-only can be written by reference, and is seen at once.
    let asked = [
        Request::new(Write, &[41, 0, STATE.into(), 1]),
        Request::new(Read, &[41, 0, MEMORY, 8]),
        Request::new(Write, &[10, 0, MEMORY, 8]),
    ];
    let mut world = world(&asked, slots());
    run(&mut world);
    let Some(Value::Data(data)) = at(&world, &[10]) else { panic!("it is there") };
    assert_eq!(data.read(0, 6), b"\0ixed\0");
}

/// What is read into a mapping of itself is what was there before.
pub(super) fn a_read_over_itself_is_of_what_was() {
    let mut pattern = vec![0; 8192];
    pattern.iter_mut().enumerate().for_each(|(index, byte)| *byte = (index % 251) as u8);
    let mut world = world(&[Request::new(Read, &[40, 0, u64::from(STATE) + 5, 8000])], [(40, data(&pattern))]);
    run(&mut world);
    let Some(Value::Data(data)) = at(&world, &[40]) else { panic!("it is there") };
    let expected: Vec<u8> = [&pattern[..5], &pattern[..8000], &pattern[8005..]].concat();
    assert_eq!(data.read(0, 8192), expected);
}

/// /10/40 calls what stands above it, and that is pinned: by a Callable that it was given.
pub(super) fn what_is_on_the_stack_is_pinned() {
    use javm_model::Operation::Mint;
    let under = |asked: Vec<Request>| {
        // The root mints a Callable of /10 and gives it to /10/11/12, which calls /10 by it; that asks.
        let middle = program(vec![endpoint([]), asks(&asked)]);
        let mut middle = javm_model::Instance::new(&middle.identified());
        let inner = child(asks(&[Request::call(50, 1, &[])]));
        middle.table.slots.insert(11, cnode([(12, inner)]));
        middle.table.slots.insert(60, data(b"x"));
        middle.table.slots.insert(61, image(asks(&[])));
        let mint = Request::new(Mint, &[pair(10, reference(&[10, 11, 12], 50)), 0, u64::MAX, 7]);
        let mut world =
            world(&[mint, Request::call(reference(&[10, 11], 12), 0, &[])], [(10, Value::Instance(Box::new(middle)))]);
        run(&mut world);
        world.steps.iter().filter(|step| step.depth == 3).map(|step| step.status).collect::<Vec<Status>>()
    };
    let inner = reference(&[11], 12);
    for asked in [
        request(Copy, 11, 70),
        request(Copy, inner, 70),
        request(Copy, inner, 70).flags(REBASE),
        request(Move, 11, 70),
        request(Move, inner, 70),
        request(Swap, 11, 60),
        request(Swap, 60, inner),
        Request::new(Drop, &[11]),
        Request::new(Drop, &[inner.into()]),
        request(javm_model::Operation::Upgrade, inner, 61),
        Request::new(javm_model::Operation::SetQuota, &[inner.into(), 1 << 30]),
        Request::new(javm_model::Operation::Hash, &[11, MEMORY]),
        Request::new(javm_model::Operation::Hash, &[inner.into(), MEMORY]),
        Request::call(inner, 0, &[]),
        Request::resume(inner, 0),
        // Through what is live no reference leads.
        Request::new(Drop, &[reference(&[11, 12], 40).into()]),
        Request::new(javm_model::Operation::RegsGet, &[inner.into(), MEMORY]),
    ] {
        assert_eq!(under(vec![asked]), [Busy], "{asked:?}");
    }
    // What stands beside it is not pinned, and what is pinned can be looked at and named.
    for asked in [
        request(Copy, 60, reference(&[11], 13)),
        Request::new(Drop, &[60]),
        Request::new(javm_model::Operation::Stat, &[inner.into()]),
        Request::new(Mint, &[pair(inner, 70), 0, 0, 0]),
    ] {
        assert_eq!(under(vec![asked]), [Halt], "{asked:?}");
    }
    assert_eq!(under(vec![request(Copy, 60, 11)]), [Full]);
}
