//! MAP, UNMAP, REGS_SET: what they do and every status.

use javm_model::Operation::{Map, Move, NewData, RegsGet, RegsSet, Stat, Unmap};
use javm_model::Status::{self, Busy, Empty, Fault, Full, Halt, Kind, Panic, Range};
use javm_model::{Action, Request, Run, Value, measure};

use super::fixture::*;

/// Where nothing is mapped.
const FREE: u64 = 0x100;

fn map(slot: u32, page: u64, offset: u64, pages: u64) -> Request {
    Request::new(Map, &[slot.into(), page, offset, pages])
}

fn unmap(space: u32, page: u64, pages: u64) -> Request {
    Request::new(Unmap, &[space.into(), page, pages])
}

/// A child in slot 10 that has stopped, an Idle one in slot 12, and a table in slot 11.
fn slots() -> Vec<(u8, Value)> {
    let stops = child(endpoint([Action::Trap, Action::Block(1), Action::Set(7, 44)]));
    vec![(10, stops), (11, cnode([(5, child(asks(&[])))])), (12, child(asks(&[])))]
}

fn behind_a_stop(request: Request) -> Status {
    let found = statuses(&[Request::call(10, 0, &[]), request], slots());
    assert_eq!(found[0], Panic);
    found[1]
}

pub(super) fn maps() {
    let last = (1 << 20) - 2;
    for (request, status) in [
        (map(50, FREE, 0, 1), Halt),
        (map(50, FREE, 0, 1).last(2), Range),
        (map(50, FREE, 0, 0), Range),
        (map(50, 15, 0, 1), Range),
        (map(50, 16, 0, 1), Halt),
        (map(50, last, 0, 1), Halt),
        (map(50, last, 0, 2), Range),
        (map(50, last + 1, 0, 1), Range),
        (map(50, 16, 0, u64::MAX), Range),
        (map(50, FREE, (1 << 20) - 1, 1), Halt),
        (map(50, FREE, 1 << 20, 1), Range),
        (map(50, FREE, u64::MAX, 1), Range),
        (Request::new(Map, &[1 << 32 | 50, FREE, 0, 1]), Range),
        (map(0, FREE, 2, 1), Halt),
        (map(1, FREE, 0, 1), Halt),
        // What the Image maps: the page, and the page of the slot.
        (map(50, u64::from(STATE) >> 12, 0, 1), Full),
        (map(50, (MEMORY >> 12) - 1, 0, 2), Full),
        (map(40, FREE, 1, 1), Full),
        (map(0, FREE, 0, 1), Full),
        (map(reference(&[99], 5), FREE, 0, 1), Empty),
        (map(reference(&[11], 5), FREE, 0, 1), Kind),
        (map(reference(&[12], 5), FREE, 0, 1), Busy),
        (map(reference(&[40], 5), FREE, 0, 1), Kind),
    ] {
        assert_eq!(status_of(request, slots()), status, "{request:?}");
    }
    for (request, status) in [
        (map(reference(&[10], 50), FREE, 0, 1), Halt),
        (map(reference(&[10], 40), FREE, 0, 1), Full),
        (map(reference(&[10], 50), u64::from(STATE) >> 12, 0, 1), Full),
        (unmap(reference(&[10], 0), u64::from(STATE) >> 12, 1), Range),
        (unmap(reference(&[10], 0), FREE, 1), Halt),
    ] {
        assert_eq!(behind_a_stop(request), status, "{request:?}");
    }
    assert_eq!(statuses(&[map(50, FREE, 0, 2), map(51, FREE + 1, 0, 1)], []), [Halt, Full]);
    assert_eq!(statuses(&[map(50, FREE, 0, 2), map(50, FREE + 9, 1, 1)], []), [Halt, Full]);
}

pub(super) fn unmaps() {
    for (request, status) in [
        (unmap(0, FREE, 1), Halt),
        (unmap(5, FREE, 1), Range),
        (unmap(0, FREE, 0), Range),
        (unmap(0, 15, 1), Range),
        (unmap(0, (1 << 20) - 1, 1), Range),
        (unmap(0, u64::from(FIXED) >> 12, 1), Range),
        (unmap(reference(&[11], 0), FREE, 1), Kind),
        (unmap(reference(&[12], 0), FREE, 1), Busy),
        (unmap(reference(&[99], 0), FREE, 1), Empty),
    ] {
        assert_eq!(status_of(request, slots()), status, "{request:?}");
    }
    // In the middle: two entries remain; the page can be mapped again.
    let asked = [map(50, FREE, 0, 3), unmap(0, FREE + 1, 1), map(50, FREE + 1, 1, 1)];
    assert_eq!(statuses(&asked, []), [Halt, Halt, Halt]);
}

pub(super) fn entries_are_bounded() {
    // 256 pages with gaps between, and one more; then a hole in an entry of three.
    let mut asked: Vec<Request> = (0..255).map(|index| map(50, FREE + 2 * index, 2 * index, 1)).collect();
    asked.push(map(51, 0x8000, 0, 3));
    asked.push(map(52, 0x9000, 0, 1));
    asked.push(unmap(0, 0x8001, 1));
    asked.push(map(51, 0x8003, 3, 1));
    asked.push(unmap(0, 0x8000, 1));
    let found = statuses(&asked, []);
    assert_eq!(found.iter().filter(|&&status| status == Halt).count(), 258);
    assert_eq!(found[256..], [Full, Full, Halt, Halt], "one that goes on is no further entry");
}

/// What is mapped is what stands in the slot, at each instruction.
pub(super) fn mappings_follow_the_slot() {
    let address = (FREE << 12) as u32;
    let load = |status: Status, actions: Vec<Action>| {
        let mut callee = instance(endpoint(actions));
        callee.table.slots.insert(60, data(b"A"));
        callee.table.slots.insert(61, data(b"B"));
        let mut world = world(&[Request::call(10, 0, &[])], [(10, Value::Instance(Box::new(callee)))]);
        run(&mut world);
        let step = steps(&world).pop().expect("it called");
        assert_eq!(step.status, status);
        step.result + step.detail
    };
    let with = |requests: &[Request]| -> Vec<Action> {
        requests.iter().flat_map(|request| request.actions()).chain([Action::Load(7, address)]).collect()
    };
    let mapped = map(60, FREE, 0, 1);
    assert_eq!(load(Halt, with(&[mapped])), u64::from(b'A'));
    assert_eq!(
        load(Halt, with(&[mapped, Request::new(javm_model::Operation::Swap, &[pair(60, 61)])])),
        u64::from(b'B')
    );
    let away = Request::new(Move, &[pair(60, 62)]);
    assert_eq!(load(Fault, with(&[mapped, away])), u64::from(address));
    assert_eq!(load(Halt, with(&[mapped, away, Request::new(NewData, &[1, 60])])), 0);
    assert_eq!(load(Fault, with(&[mapped, away, Request::new(NewData, &[0, 60])])), u64::from(address));
    assert_eq!(load(Fault, with(&[mapped, unmap(0, FREE, 1)])), u64::from(address));
    // Read-only is for stores; and after the call nothing is mapped.
    let store =
        |last| mapped.last(last).actions().into_iter().chain([Action::Store(5, address), Action::Set(7, 0)]).collect();
    assert_eq!(load(Fault, store(0)), u64::from(address));
    assert_eq!(load(Halt, store(1)), 0);
}

pub(super) fn regs() {
    let registers = |pc: u32| -> Value {
        let bytes: Vec<u8> =
            (0..13_u64).flat_map(|register| (0xFFFF_0000 + register).to_le_bytes()).chain(pc.to_le_bytes()).collect();
        data(&bytes)
    };
    // The child: Trap at 0, the second block at 1: Set, Return.
    for (request, pc, status) in [
        (Request::new(RegsSet, &[10, FIXED.into()]), 9, Halt),
        (Request::new(RegsSet, &[10, FIXED.into()]).flags(1), 1, Halt),
        (Request::new(RegsSet, &[10, FIXED.into()]).flags(1), 0, Halt),
        (Request::new(RegsSet, &[10, FIXED.into()]).flags(1), 2, Range),
        (Request::new(RegsSet, &[10, FIXED.into()]).flags(1), 9, Range),
        (Request::new(RegsSet, &[10, FIXED.into()]).flags(1), u32::MAX, Range),
        (Request::new(RegsSet, &[10, u64::from(FIXED) + 4096 - 103]), 1, Range),
        (Request::new(RegsSet, &[10, (1 << 32) - 107]), 1, Range),
        (Request::new(RegsSet, &[10, FIXED.into()]).flags(2), 1, Range),
        (Request::new(RegsSet, &[12, FIXED.into()]), 1, Busy),
        (Request::new(RegsSet, &[11, FIXED.into()]), 1, Kind),
        (Request::new(RegsSet, &[99, FIXED.into()]), 1, Empty),
        (Request::new(RegsGet, &[10, MEMORY]), 1, Halt),
        (Request::new(RegsGet, &[10, FIXED.into()]), 1, Range),
        (Request::new(RegsGet, &[10, (1 << 32) - 119]), 1, Range),
        (Request::new(RegsGet, &[12, MEMORY]), 1, Busy),
        (Request::new(RegsGet, &[11, MEMORY]), 1, Kind),
        (Request::new(RegsGet, &[99, MEMORY]), 1, Empty),
    ] {
        let mut with = slots();
        with.push((41, registers(pc)));
        let found = statuses(&[Request::call(10, 0, &[]), request, Request::new(Stat, &[10])], with);
        assert_eq!(found, [Panic, status, Halt], "{request:?} {pc}");
    }
    // It goes on where it was told to, and pays for that block.
    let mut with = slots();
    with.push((41, registers(1)));
    let set = Request::new(RegsSet, &[10, FIXED.into()]).flags(1);
    let mut world = world(&[Request::call(10, 0, &[]), set, Request::resume(10, 3).last(1080 + 1)], with);
    run(&mut world);
    let step = steps(&world).pop().expect("it resumed");
    assert_eq!((step.status, step.result), (Halt, 44));
    let mut short = world.clone();
    reprogram(&mut short, &[Request::call(10, 0, &[]), set, Request::resume(10, 3).last(1080)]);
    run(&mut short);
    assert_eq!(steps(&short).pop().map(|step| step.status), Some(Status::OutOfGas), "the block is not paid yet");
    let Run::Suspended(suspended) = &instance_at(&short, &[10]).run else { panic!("it stands there") };
    assert_eq!((suspended.pc, suspended.paid, suspended.registers[12]), (1, false, 0xFFFF_000C));
    assert!(measure::entries(&suspended.dynamic).is_empty());
}
