//! STAT, HASH, SET_QUOTA, GAS, SELF, QUOTA, and operations that do not exist.

use javm_model::Operation::{Copy, Gas, Hash, Mint, Quota, SelfRecord, SetQuota, Stat, Swap, Write};
use javm_model::Status::{self, Busy, Empty, Halt, Kind, Range, Unknown};
use javm_model::{Action, Data, HostCall, Instance, Operation, Request, Service, Value, Via, World, hash, measure};

use super::fixture::*;

pub(super) fn operations_that_do_not_exist() {
    let numbers = (0..=255).filter(|&number| Operation::from_number(number).is_none());
    for number in numbers {
        let request = Request { operands: [0; 4], word: u64::MAX << 8 | u64::from(number), last: 0 };
        let mut world = world(&[request], []);
        run(&mut world);
        let step = &steps(&world)[0];
        assert_eq!((step.status, 10_000_000 - 10 - step.gas), (Unknown, 5), "{number}");
    }
}

/// Bits of φ11 that mean nothing are refused, whatever else is wrong.
pub(super) fn words_are_whole() {
    for &operation in Operation::ALL {
        for bit in 8..64 {
            let is_flag = bit < 16 && operation.flags() & 1 << (bit - 8) != 0;
            let is_call = operation == Operation::Call && bit >= 16;
            let is_resume = operation == Operation::Resume && bit >= 32;
            let request = Request { operands: [u64::MAX; 4], word: u64::from(operation.number()) | 1 << bit, last: 0 };
            let mut world = world(&[request], []);
            run(&mut world);
            let status = steps(&world)[0].status;
            assert!(is_flag || is_call || is_resume || status == Range, "{operation:?} {bit}: {status:?}");
        }
    }
}

pub(super) fn stats() {
    let mut with_all = instance(endpoint([Action::Trap, Action::Block(1)]));
    with_all.quota = Some(1 << 20);
    with_all.home = Some(vec![1]);
    let slots = vec![
        (10, Value::Instance(Box::new(with_all))),
        (11, cnode([(3, cnode([(4, data(&[1; 5000]))]))])),
        (12, data(b"x")),
    ];
    let asked = [
        Request::new(Stat, &[10]),
        Request::call(10, 0, &[]),
        Request::new(Stat, &[10]),
        Request::new(Stat, &[11]),
        Request::new(Stat, &[12]),
        Request::new(Stat, &[99]),
    ];
    let mut world = world(&asked, slots);
    run(&mut world);
    let seen: Vec<(Status, u64, u64)> =
        steps(&world).iter().map(|step| (step.status, step.result, step.detail)).collect();
    assert_eq!(seen[0], (Halt, 0x3_0100_0014, 5));
    assert_eq!(seen[2], (Halt, 0x3_0101_0114, 9), "with its ephemeral pages");
    assert_eq!(seen[3..], [(Halt, 0x0200_0011, 4), (Halt, 0x10, 1), (Empty, 0, 0)]);
}

pub(super) fn hashes_and_their_price() {
    let slots =
        || vec![(10, cnode([(1, data(b"a")), (2, data(b"b"))])), (11, data(b"x")), (12, Value::Data(Data::new(1)))];
    for (request, status) in [
        (Request::new(Hash, &[10, MEMORY]), Halt),
        (Request::new(Hash, &[99, MEMORY]), Empty),
        (Request::new(Hash, &[40, MEMORY]), Busy),
        (Request::new(Hash, &[0, MEMORY]), Busy),
        (Request::new(Hash, &[41, MEMORY]), Halt),
        (Request::new(Hash, &[10, MEMORY + 0x4000 - 31]), Range),
        (Request::new(Hash, &[10, (1 << 32) - 31]), Range),
        (Request::new(Hash, &[10, FIXED.into()]), Range),
    ] {
        assert_eq!(status_of(request, slots()), status, "{request:?}");
    }
    let hash_it = Request::new(Hash, &[10, MEMORY]);
    let asked = [
        hash_it,
        Request::new(Write, &[12, 0, MEMORY, 32]),
        Request::new(Write, &[reference(&[10], 1).into(), 4090, MEMORY, 6]),
        hash_it,
        Request::new(Copy, &[pair(11, reference(&[10], 9))]),
        hash_it,
        hash_it,
    ];
    let mut world = world(&asked, slots());
    let before = hash::of(at(&world, &[10]).expect("it is there"));
    run(&mut world);
    let gas: Vec<u64> = steps(&world).iter().map(|step| step.gas).collect();
    let price = |index: usize| gas[index - 1] - gas[index];
    let a_change = 24_000 + 5_000;
    assert_eq!(10_000_000 - 10 - gas[0], 1000, "nothing has changed in this block");
    assert_eq!((price(3), price(5), price(6)), (1000 + a_change, 1000 + 2 * a_change, 1000 + 2 * a_change));
    let Some(Value::Data(written)) = at(&world, &[12]) else { panic!("it is there") };
    assert_eq!(written.read(0, 32), before, "the hash as it was asked for first");
}

/// Stores count when they are collected, once, and only where the content differs.
pub(super) fn stores_are_changes_when_collected() {
    let child_of = |actions: Vec<Action>| child(endpoint(actions));
    let store = |byte: u64, address: u32| [Action::Set(5, byte), Action::Store(5, address)];
    let copy = Request::new(Copy, &[pair(40, 60)]).actions();
    for (actions, changes) in [
        (store(1, STATE).to_vec(), 1),
        (store(0, STATE).to_vec(), 0),
        ([store(1, STATE), store(0, STATE)].concat(), 0),
        ([store(1, STATE), store(1, STATE + 1), store(1, STATE + 4096)].concat(), 2),
        ([&store(1, STATE)[..], &copy, &store(0, STATE)].concat(), 2),
        ([&store(1, STATE)[..], &Request::new(Swap, &[pair(40, 41)]).actions(), &store(3, STATE)].concat(), 2),
    ] {
        let mut world = world(&[Request::call(10, 0, &[])], [(10, child_of(actions.clone()))]);
        run(&mut world);
        assert_eq!(world.state.changed_pages, changes, "{actions:?}");
        assert_eq!(steps(&world)[0].status, Halt);
    }
}

/// What a service has stored to a scratchpad that its caller cannot store to is collected before it is hashed.
pub(super) fn a_hash_is_of_what_services_have_stored() {
    let service = Service { id: javm_model::HASH, parameter: 0 };
    for (most, status) in [(1, Halt), (0, Status::Quota)] {
        let asked = [
            Request::call(12, 0, &[0, 8, 100]).flags(1),
            Request::new(Hash, &[0, MEMORY]),
            // What is dropped is not counted at the end.
            Request::new(javm_model::Operation::Drop, &[0]),
        ];
        let mut image = program(vec![asks(&asked)]);
        image.memory.get_mut(&(SCRATCHPAD >> 12)).expect("it is mapped").writable = false;
        let mut root = Instance::new(&image.identified());
        root.table.slots.insert(12, Value::Service(service));
        let mut world = World::new(root);
        world.parameters.max_changed_pages = most;
        run(&mut world);
        assert_eq!(steps(&world).iter().map(|step| step.status).collect::<Vec<_>>(), [Halt, status, Halt], "{most}");
        assert_eq!(world.state.changed_pages, most);
        let paid = steps(&world)[0].gas - steps(&world)[1].gas;
        assert_eq!(paid, 1000 + most * 24_000, "a page of a Data, which has no height");
    }
}

pub(super) fn quotas() {
    let slots = || vec![(10, child(asks(&[]))), (11, cnode([]))];
    for (request, status) in [
        (Request::new(SetQuota, &[10, 5]), Halt),
        (Request::new(SetQuota, &[10, 4]), Status::Quota),
        (Request::new(SetQuota, &[10, 1 << 40]), Halt),
        (Request::new(SetQuota, &[10, (1 << 40) + 1]), Range),
        (Request::new(SetQuota, &[10, u64::MAX]), Halt),
        (Request::new(SetQuota, &[11, 9]), Kind),
        (Request::new(SetQuota, &[99, 9]), Empty),
    ] {
        assert_eq!(status_of(request, slots()), status, "{request:?}");
    }
    // The least of its own and of those above.
    let inner = |quota| {
        let mut inner = instance(asks(&[Request::new(Quota, &[])]));
        inner.quota = quota;
        Value::Instance(Box::new(inner))
    };
    for (own, above, left) in
        [(Some(8), Some(100), 3), (Some(50), Some(30), 20), (None, Some(30), 20), (Some(30), None, 25)]
    {
        let mut outer = instance(asks(&[Request::call(50, 0, &[])]));
        outer.table.slots.insert(50, inner(own));
        outer.quota = above;
        let mut world = world(&[Request::call(10, 0, &[])], [(10, Value::Instance(Box::new(outer)))]);
        run(&mut world);
        assert_eq!(world.steps[0].result, left, "{own:?} {above:?}");
    }
    let mut world = world(&[Request::new(Quota, &[])], []);
    let outcome = run(&mut world);
    assert_eq!(outcome.value, measure::MAX_SIZE - measure::size(&world.state.root));
}

pub(super) fn gas() {
    let mut world = world(&[Request::new(Gas, &[])], []);
    assert_eq!(run(&mut world).value, 10_000_000 - 10 - 5);
}

/// The record that a frame at a depth of two writes and copies to slot 61 of its table.
fn record(world: &mut World, call: HostCall, path: &[u8]) -> Vec<u8> {
    let outcome = call_host(world, call);
    assert_eq!(outcome.status, Halt, "{:?}", world.steps);
    let Some(Value::Data(record)) = at(world, path) else { panic!("it was written") };
    record.read(0, 64)
}

pub(super) fn selves() {
    let asked = [Request::new(SelfRecord, &[MEMORY]), Request::new(Write, &[61, 0, MEMORY, 64])];
    let tells = || {
        let mut tells = instance(asks(&asked));
        tells.table.slots.insert(61, Value::Data(Data::new(1)));
        tells
    };
    let build = |requests: &[Request]| {
        let mut outer = Instance::new(&program(vec![asks(requests)]).identified());
        outer.table.slots.insert(50, cnode([(51, Value::Instance(Box::new(tells())))]));
        world(&[Request::call(10, 0, &[])], [(10, Value::Instance(Box::new(outer)))])
    };
    let to = reference(&[50], 51);
    let held = [10, 50, 51, 61];
    let by_owner = record(&mut build(&[Request::call(to, 0, &[])]), HostCall::root(0), &held);
    let expected = |head: [u8; 3], badge: u64, path: &[u8], origin: [u8; 32]| {
        let mut record = vec![0; 64];
        record[..3].copy_from_slice(&head);
        record[8..16].copy_from_slice(&badge.to_le_bytes());
        record[16..16 + path.len()].copy_from_slice(path);
        record[32..].copy_from_slice(&origin);
        record
    };
    assert_eq!(by_owner, expected([0, 0, 3], 0, &held[..3], [0; 32]));
    let mint = Request::new(Mint, &[pair(to, 60), 0, u64::MAX, 0xbad6e]);
    let by_callable = record(&mut build(&[mint, Request::call(60, 0, &[])]), HostCall::root(0), &held);
    assert_eq!(by_callable, expected([1, 1, 3], 0xbad6e, &held[..3], [0; 32]));

    let mut direct = World::new(tells());
    assert_eq!(record(&mut direct, HostCall::root(0), &[61]), expected([3, 0, 0], 0, &[], [0; 32]));
    let event = HostCall { via: Via::Event([7; 32]), ..HostCall::root(0) };
    assert_eq!(record(&mut direct, event.clone(), &[61]), expected([2, 0, 0], 0, &[], [7; 32]));
    // Only the frame that the event enters sees its origin.
    let inside = record(&mut build(&[Request::call(to, 0, &[])]), event, &held);
    assert_eq!(inside, by_owner);

    // In the coordinates of the innermost `home`; a path longer than sixteen is none.
    let mut moved = build(&[Request::call(to, 0, &[])]);
    for (home, expected_path) in [(vec![], vec![50, 51]), (vec![1, 2, 3], vec![1, 2, 3, 50, 51])] {
        let Value::Instance(root) = &mut moved.state.root else { panic!("the root is an Instance") };
        let Some(Value::Instance(outer)) = root.table.slots.get_mut(&10) else { panic!("it is there") };
        outer.home = Some(home);
        let told = record(&mut moved, HostCall::root(0), &held);
        assert_eq!(told, expected([0, 0, expected_path.len() as u8], 0, &expected_path, [0; 32]));
    }
    let mut far = tells();
    far.home = Some(vec![9; 16]);
    let mut far_world = World::new(far.clone());
    assert_eq!(record(&mut far_world, HostCall::root(0), &[61])[2], 16);
    let mut below = instance(asks(&[Request::call(10, 0, &[])]));
    below.table.slots.insert(10, Value::Instance(Box::new(tells())));
    below.home = Some(vec![9; 16]);
    let mut below = World::new(below);
    run(&mut below);
    assert_eq!(below.steps[0].status, Range);
    for address in [0, 0x8000, u64::from(FIXED), MEMORY + 0x4000 - 63, (1 << 32) - 63] {
        assert_eq!(status_of(Request::new(SelfRecord, &[address]), []), Range, "{address:#x}");
    }
}

/// What an operation makes has the changes of being made, and what came with the call or an Image has none.
pub(super) fn changes_of_what_is_new() {
    use javm_model::Operation::{Drop, Move, NewCNode, NewData, Resize, Spawn, Upgrade};
    let hash_of = |place: u64| Request::new(Hash, &[place, MEMORY]);
    let slots = || vec![(10, image(asks(&[]))), (11, child(asks(&[]))), (12, cnode([(5, data(b"x"))]))];
    for (asked, place, changes, height) in [
        (vec![], 1, 0, 0),
        (vec![Request::new(NewData, &[9, 20])], 20, 1, 0),
        (vec![Request::new(NewCNode, &[20])], 20, 1, 0),
        // The Instance, and two slots of it.
        (vec![Request::new(Spawn, &[pair(10, 20), 0])], 20, 3, 1),
        (vec![Request::new(Upgrade, &[pair(11, 10)])], 11, 1, 1),
        (vec![Request::new(SetQuota, &[11, 100])], 11, 1, 1),
        (vec![Request::new(Copy, &[pair(12, 20)])], 20, 0, 1),
        (vec![Request::new(Drop, &[reference(&[12], 5).into()])], 12, 1, 0),
        (vec![Request::new(Resize, &[reference(&[12], 5).into(), 3])], 12, 1, 1),
        (vec![Request::new(Move, &[pair(reference(&[12], 5), reference(&[12], 6))])], 12, 2, 1),
        (vec![Request::new(Move, &[pair(reference(&[12], 5), 1)]), Request::new(Move, &[pair(1, 20)])], 20, 0, 0),
    ] {
        let asked = [asked, vec![hash_of(place)]].concat();
        let mut world = world(&asked, slots());
        let call = HostCall { gift: Some(data(b"gift")), scratchpad: Some(Data::new(2)), ..HostCall::root(0) };
        // A gift stands in slot 1, where only the first case leaves it.
        let call = if place == 1 { call } else { HostCall { gift: None, ..call } };
        assert_eq!(call_host(&mut world, call).status, Halt);
        let told = steps(&world);
        let before = if told.len() == 1 { 10_000_000 - 10 } else { told[told.len() - 2].gas };
        let step = &told[told.len() - 1];
        assert_eq!((step.status, before - step.gas), (Halt, 1000 + changes * (24_000 + 5_000 * height)), "{asked:?}");
    }
}
