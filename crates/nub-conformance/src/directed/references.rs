//! What every operation does that takes a reference, or makes something larger.

use javm_model::Operation::{self, *};
use javm_model::Status::{self, Busy, Empty, Halt, Kind, Quota};
use javm_model::{Data, Instance, Request, Value, measure};

use super::creating::{implementing, typedef};
use super::fixture::*;

/// Every operation that takes a reference, with this one, and nothing else wrong with it.
fn with(place: u32) -> Vec<Request> {
    let (place64, to_free, with_image) = (u64::from(place), pair(place, 70), pair(place, 61));
    vec![
        Request::new(Copy, &[to_free]),
        Request::new(Move, &[to_free]),
        Request::new(Swap, &[pair(place, 41)]),
        Request::new(Drop, &[place64]),
        Request::new(NewData, &[1, place64]),
        Request::new(NewCNode, &[place64]),
        Request::new(Resize, &[place64, 1]),
        Request::new(Read, &[place64, 0, MEMORY, 1]),
        Request::new(Write, &[place64, 0, MEMORY, 1]),
        Request::new(Spawn, &[to_free]),
        Request::new(Upgrade, &[with_image]),
        Request::new(Mint, &[to_free]),
        Request::new(Attenuate, &[to_free]),
        Request::new(Map, &[place64, 0x60, 0, 1]),
        Request::new(Unmap, &[place64 & !0xff, 0x60, 1]),
        Request::call(place, 0, &[]),
        Request::resume(place, 0),
        Request::new(RegsGet, &[place64, MEMORY]),
        Request::new(RegsSet, &[place64, MEMORY]),
        Request::new(Stat, &[place64]),
        Request::new(Hash, &[place64, MEMORY]),
        Request::new(SetQuota, &[place64, u64::MAX]),
    ]
}

/// Every operation walks its references, through nothing, through what is no table, through what is on the call stack.
pub(super) fn every_operation_walks() {
    for (hop, status) in [(99, Empty), (40, Kind)] {
        for request in with(reference(&[hop], 45)) {
            assert_eq!(status_of(request, []), status, "{request:?}");
        }
    }
    for request in with(reference(&[11], 45)) {
        // /10 runs below its child, /10/11, which calls it.
        let mut middle = Instance::new(&program(vec![asks(&[]), asks(&[request])]).identified());
        middle.table.slots.insert(11, child(asks(&[Request::call(50, 1, &[])])));
        let mint = Request::new(Mint, &[pair(10, reference(&[10, 11], 50)), 0, u64::MAX, 0]);
        let call = Request::call(reference(&[10], 11), 0, &[]);
        let mut world = world(&[mint, call], [(10, Value::Instance(Box::new(middle)))]);
        run(&mut world);
        let found: Vec<Status> = world.steps.iter().filter(|step| step.depth == 3).map(|step| step.status).collect();
        assert_eq!(found, [Busy], "{request:?}");
    }
}

/// Whatever puts something into, or makes something larger, below a quota.
pub(super) fn every_operation_keeps_quotas() {
    let both = Instance::new(&implementing(&typedef()).identified());
    let mut larger = program(vec![asks(&[])]);
    larger.slots.insert(42, Data::from_bytes(&[1; 12_000]));
    larger.bytes = 20_000;
    let mut full = instance(asks(&[]));
    full.table.slots.insert(60, data(b"one page"));
    let into = |operation: Operation, place: u32| Request::new(operation, &[pair(place, reference(&[12], 70))]);
    let free = reference(&[12], 70);
    for (asked, room) in [
        (vec![into(Copy, 10)], 2),
        (vec![into(Move, 10)], 2),
        (vec![Request::new(Swap, &[pair(10, reference(&[12], 60))])], 1),
        (vec![Request::new(NewData, &[2, free.into()])], 2),
        (vec![Request::new(NewCNode, &[free.into()])], 1),
        (vec![Request::new(Resize, &[reference(&[12], 60).into(), 3])], 2),
        (vec![into(Spawn, 61)], 3),
        (vec![Request::new(Upgrade, &[pair(12, 62)])], 1),
        (vec![Request::new(Mint, &[pair(13, free), 14]).flags(2)], 1),
        (vec![Request::new(Mint, &[pair(13, 71), 14]).flags(2), into(Attenuate, 71)], 1),
    ] {
        // With one page less than it takes it is refused; with as much as anything here takes it is done.
        for (room, status) in [(room - 1, Quota), (100, Halt)] {
            let mut child = full.clone();
            child.quota = Some(measure::size_of_instance(&child) + room);
            let slots = [
                (10, Value::Data(Data::new(2))),
                (12, Value::Instance(Box::new(child))),
                (13, Value::Instance(Box::new(both.clone()))),
                (14, Value::TypeDef(typedef().into())),
                (61, image(asks(&[]))),
                (62, Value::Image(larger.clone().identified())),
            ];
            assert_eq!(statuses(&asked, slots).last(), Some(&status), "{asked:?} {room}");
        }
    }
}
