//! CALL, RESUME, YIELD: ends, flags, gas, refusals.

use javm_model::Operation::{Copy, Drop, Map, Mint, Move, NewCNode, RegsGet, RegsSet, Spawn, Stat, Write, Yield};
use javm_model::Status::{
    self, Busy, Denied, Depth, Empty, Fault, Full, Halt, Kind, NoEndpoint, OutOfGas, Panic, Quota, Range,
};
use javm_model::{
    Action, Data, HostCall, Image, Instance, LOG, Operation, Request, Run, Service, TypeDef, Value, World, hash,
};

use super::fixture::*;

const SCRATCH: u8 = 1;
const GIFT: u8 = 2;
const ATOMIC: u8 = 4;

/// Stores 7 to the child's state and to its stack, then ends in some way.
fn ending(end: &[Action]) -> Vec<Action> {
    let stores = [Action::Set(5, 7), Action::Store(5, STATE), Action::Store(5, MEMORY as u32)];
    [Action::Block(10)].into_iter().chain(stores).chain(end.iter().copied()).collect()
}

fn ends() -> Vec<(Status, u64, Vec<Action>)> {
    let value = [Action::Set(7, 0x1234), Action::Set(11, Yield.number().into()), Action::Ecall, Action::Return];
    vec![
        (Halt, 0, ending(&[Action::Set(7, 5), Action::Return])),
        (Panic, 0, ending(&[Action::Trap])),
        (Panic, 0, ending(&[Action::Store(5, 0x8000), Action::Trap])),
        (Panic, 0, ending(&[Action::Set(0, 8), Action::Return])),
        (Fault, FIXED.into(), ending(&[Action::Store(5, FIXED + 9), Action::Trap])),
        (OutOfGas, 0, ending(&[Action::Fallthrough, Action::Block(1 << 40), Action::Return])),
        (Status::Yield, 0x1234, ending(&value)),
    ]
}

pub(super) fn every_end_by_the_owner_atomic_or_not() {
    for (status, detail, actions) in ends() {
        for flags in [0, ATOMIC] {
            let mut world = world(&[Request::call(10, 0, &[]).flags(flags)], [(10, child(actions.clone()))]);
            let before = hash::of(at(&world, &[10]).expect("it is there"));
            run(&mut world);
            let step = &steps(&world)[0];
            assert_eq!((step.status, step.detail), (status, detail), "{actions:?}");
            assert_eq!(step.result, if status == Halt { 5 } else { 0 });
            let callee = instance_at(&world, &[10]);
            let Some(Value::Data(state)) = callee.table.slots.get(&40) else { panic!("its state") };
            if status == Halt {
                assert_eq!((&callee.run, state.byte(0)), (&Run::Idle, 7));
            } else if flags == ATOMIC {
                assert_eq!(hash::of_instance(callee), before, "nothing of it remains");
            } else {
                let Run::Suspended(suspended) = &callee.run else { panic!("it can be resumed") };
                assert_eq!((suspended.why, suspended.detail), (status, detail));
                assert_eq!((state.byte(0), suspended.ephemeral.byte(0)), (7, 7), "what it stored stays");
                assert_eq!(suspended.paid, !matches!(status, OutOfGas));
            }
        }
    }
}

/// A Callable for /10, in slot 20: minted by the root.
fn mint(badge: u64, ceiling: u64) -> Request {
    Request::new(Mint, &[pair(10, 20), 0, ceiling, badge])
}

pub(super) fn through_a_callable_everything_is_undone_and_nobody_yields() {
    for (status, detail, actions) in ends() {
        let asked = [mint(1, u64::MAX), Request::call(20, 0, &[])];
        let mut world = world(&asked, [(10, child(actions.clone()))]);
        let before = hash::of(at(&world, &[10]).expect("it is there"));
        run(&mut world);
        let step = &steps(&world)[1];
        let expected = if status == Status::Yield { (Halt, 0) } else { (status, detail) };
        assert_eq!((step.status, step.detail), expected, "{actions:?}");
        if step.status != Halt {
            assert_eq!(hash::of(at(&world, &[10]).expect("it is there")), before);
        }
        if status == Status::Yield {
            let refused = world.steps.iter().find(|step| step.depth == 2).expect("it asked");
            assert_eq!(refused.status, Denied);
        }
    }
}

pub(super) fn refusals_of_a_call() {
    let slots = || {
        vec![
            (10, child(asks(&[]))),
            (11, cnode([])),
            (12, child(endpoint([Action::Trap, Action::Block(1)]))),
            (13, Value::TypeDef(TypeDef::parse("interface a { x(); }").into())),
        ]
    };
    for (request, status) in [
        (Request::call(10, 0, &[]), Halt),
        (Request::call(10, 0, &[]).flags(8), Range),
        (Request::call(10 | 1 << 16, 0, &[]), Range),
        (Request::call(99, 0, &[]), Empty),
        (Request::call(11, 0, &[]), Kind),
        (Request::call(13, 0, &[]), Kind),
        (Request::call(0, 0, &[]), Kind),
        (Request::call(1, 0, &[]), Empty),
        (Request::call(10, 1, &[]), NoEndpoint),
        (Request::call(10, 0, &[]).last(400), OutOfGas),
        (Request::resume(10, 0), Busy),
        (Request::resume(11, 0), Kind),
        (Request::resume(99, 0), Empty),
        (Request::resume(12, 0).flags(8), Range),
    ] {
        assert_eq!(status_of(request, slots()), status, "{request:?}");
    }
    // One that has stopped cannot be called; one without a path neither.
    assert_eq!(statuses(&[Request::call(12, 0, &[]), Request::call(12, 0, &[])], slots()), [Panic, Busy]);
    let asked = [
        Request::call(12, 0, &[]),
        Request::new(Copy, &[pair(12, 1)]),
        Request::call(1, 0, &[]),
        Request::resume(1, 0),
    ];
    assert_eq!(statuses(&asked, slots()), [Panic, Halt, Range, Range]);
    let asked = [Request::new(NewCNode, &[1]), Request::new(Copy, &[pair(10, reference(&[1], 5))])];
    let asked = [&asked[..], &[Request::call(reference(&[1], 5), 0, &[])]].concat();
    assert_eq!(statuses(&asked, slots()), [Halt, Halt, Range]);
    // With more than what is left over a slot of the resumer's.
    for (flag, slot) in [(SCRATCH, 0), (GIFT, 1)] {
        let fill = Request::new(Copy, &[pair(11, slot)]);
        let empty = Request::new(Drop, &[slot.into()]);
        let asked = [
            Request::call(12, 0, &[]),
            empty,
            fill,
            Request::resume(12, 0).flags(flag),
            empty,
            Request::resume(12, 0).flags(flag),
        ];
        let found = statuses(&asked, slots());
        assert_eq!(found[2..], [Halt, Full, Halt, Panic], "{flag}");
    }
}

pub(super) fn refusals_of_a_callable() {
    let pair_type = || TypeDef::parse("interface pair { left() -> u64; right(by: u64) -> u64; }");
    let mut both = program(vec![asks(&[]), asks(&[])]);
    both.typedefs.insert(hash::of_typedef(&pair_type()));
    both.endpoints[0].name = "right".into();
    both.endpoints[0].arity = 1;
    let both = Value::Instance(Box::new(Instance::new(&both.identified())));
    let slots = || {
        vec![
            (10, child(asks(&[]))),
            (11, Value::TypeDef(pair_type().into())),
            (12, both.clone()),
            (13, image(endpoint([]))),
        ]
    };
    let typed = Request::new(Mint, &[pair(12, 20), 11, u64::MAX, 0]).flags(2);
    let one = mint(0, u64::MAX);
    let call = |method| Request::call(20, method, &[]);
    let other = program(vec![asks(&[]), asks(&[])]).identified();
    for (asked, status) in [
        (vec![one, call(0)], Halt),
        (vec![one, call(1)], Denied),
        (vec![one, call(256)], Denied),
        (vec![typed, call(1)], Halt),
        (vec![typed, call(0)], NoEndpoint),
        (vec![typed, call(2)], Denied),
        (vec![one, Request::new(Drop, &[10]), call(0)], Empty),
        (vec![one, Request::new(Operation::Swap, &[pair(10, 13)]), call(0)], Kind),
        // What stands there now does something else behind the same endpoints, or has others.
        (vec![one, Request::new(Operation::Upgrade, &[pair(10, 13)]), call(0)], Halt),
        (vec![one, Request::new(Operation::Upgrade, &[pair(10, 14)]), call(0)], NoEndpoint),
        (vec![one, Request::call(10, 0, &[]), call(0)], Halt),
        (vec![mint(0, 999), call(0)], OutOfGas),
    ] {
        let mut with = slots();
        with.push((14, Value::Image(other.clone())));
        assert_eq!(statuses(&asked, with).last(), Some(&status), "{asked:?}");
    }
    // The way leads through something that is no table.
    let mut inside = instance(asks(&[]));
    inside.table.slots.insert(50, cnode([(51, child(asks(&[])))]));
    let asked = [
        Request::new(Mint, &[pair(reference(&[15, 50], 51), 20), 0, u64::MAX, 0]),
        Request::new(Drop, &[reference(&[15], 50).into()]),
        Request::new(Copy, &[pair(11, reference(&[15], 50))]),
        call(0),
    ];
    let mut with = slots();
    with.push((15, Value::Instance(Box::new(inside))));
    assert_eq!(statuses(&asked, with), [Halt, Halt, Halt, Kind]);
    // The root itself is on the call stack; a stopped one is not Idle.
    assert_eq!(
        statuses(&[Request::new(Mint, &[pair(0, 20), 0, u64::MAX, 0]).flags(1), call(0)], slots()),
        [Halt, Busy]
    );
    let stops = vec![(10, child(endpoint([Action::Trap, Action::Block(1)])))];
    assert_eq!(statuses(&[one, Request::call(10, 0, &[]), call(0)], stops), [Halt, Panic, Busy]);
}

pub(super) fn the_stack_has_a_greatest_depth() {
    // Each passes the right to its own child on; 64 Instances in CNodes, called one by the other.
    let mut world = world(&[Request::call(100, 0, &[])], []);
    for number in 100..170_u8 {
        // The 64th frame is that of /162.
        let asked = [Request::call(50, 0, &[]), Request::resume(60, 0)];
        let mut next = instance(asks(if number == 162 { &asked } else { &asked[..1] }));
        next.table.slots.insert(60, stopped());
        let callable = javm_model::Callable {
            interface: next.image.interface(),
            typedef: None,
            mask: [0xff; 32],
            ceiling: u64::MAX,
            badge: 0,
            distance: 1,
            path: vec![number + 1],
        };
        next.table.slots.insert(50, Value::Callable(callable));
        let Value::Instance(root) = &mut world.state.root else { panic!("the root is an Instance") };
        root.table.slots.insert(number, Value::Instance(Box::new(next)));
    }
    run(&mut world);
    for step in &world.steps[..2] {
        assert_eq!((step.depth, step.status), (64, Depth));
    }
    assert_eq!(world.steps.len(), 65, "everybody else returns");
}

pub(super) fn scratchpad_and_gift_go_and_come_back() {
    // Puts what it has in slot 0 into slot 1 and the other way round.
    let swap = asks(&[Request::new(Operation::Swap, &[pair(0, 1)])]);
    let asked = [Request::new(Copy, &[pair(11, 1)]), Request::call(10, 0, &[]).flags(SCRATCH | GIFT)];
    let mut swapped = world(&asked, [(10, child(swap)), (11, cnode([]))]);
    let outcome = run(&mut swapped);
    let [Some(Value::CNode(_)), Some(Value::Data(scratchpad))] = &outcome.live else { panic!("{:?}", outcome.live) };
    assert_eq!(scratchpad.pages, 2);
    // Without the flags nothing goes, and what is left there is dropped.
    let leaves = asks(&[Request::new(Stat, &[0]), Request::new(NewCNode, &[0])]);
    let mut kept = world(&[Request::call(10, 0, &[])], [(10, child(leaves.clone()))]);
    let outcome = run(&mut kept);
    assert!(matches!(&outcome.live, [Some(Value::Data(_)), None]));
    assert_eq!(kept.steps[0].status, Empty);
    // A child that drops what it was passed gives back nothing.
    let drops = asks(&[Request::new(Drop, &[0])]);
    let mut dropped =
        world(&[Request::call(10, 0, &[]).flags(SCRATCH), Request::new(Stat, &[0])], [(10, child(drops))]);
    run(&mut dropped);
    assert_eq!(steps(&dropped)[1].status, Empty);
    // What stood in slots 0 and 1 of an Idle callee is gone; what it leaves at a stop can be taken from there.
    let stops = endpoint(Request::new(Stat, &[1]).actions().into_iter().chain([Action::Trap, Action::Block(1)]));
    let asked = [
        Request::new(Copy, &[pair(11, reference(&[10], 1))]),
        Request::call(10, 0, &[]).flags(SCRATCH),
        Request::new(Stat, &[0]),
        Request::new(Move, &[pair(reference(&[10], 0), 0)]),
    ];
    let mut stopped = world(&asked, [(10, child(stops)), (11, cnode([]))]);
    run(&mut stopped);
    assert_eq!(steps(&stopped).iter().map(|step| step.status).collect::<Vec<_>>(), [Halt, Panic, Empty, Halt]);
    assert_eq!(stopped.steps.iter().find(|step| step.depth == 2).expect("it asked").status, Empty);
    // An undone call gives back what went.
    let mut undone =
        world(&[Request::call(10, 0, &[]).flags(SCRATCH | ATOMIC)], [(10, child(ending(&[Action::Trap])))]);
    assert!(matches!(run(&mut undone).live, [Some(Value::Data(_)), None]));
}

pub(super) fn gas_is_limited_and_comes_back() {
    let spends = || child(vec![Action::Block(1000), Action::Return]);
    // The block, seven actions of no cost, the base; then 400, 4 mappings, 4 ephemeral and 4 persistent writable pages.
    let entry = 400 + 4 * 30 + 4 * 120 + 4 * 20;
    let left = 10_000_000 - 10 - 50;
    for (limit, callable, status, used) in [
        (0, false, Halt, entry + 1000),
        (u64::MAX, false, Halt, entry + 1000),
        (entry + 1000, false, Halt, entry + 1000),
        (entry + 999, false, OutOfGas, entry),
        (entry, false, OutOfGas, entry),
        (entry - 1, false, OutOfGas, 0),
        (0, true, Halt, entry + 600 + 1000),
        (entry + 600, true, OutOfGas, entry + 600),
        (entry + 599, true, OutOfGas, 0),
    ] {
        let asked = match callable {
            true => vec![mint(0, u64::MAX), Request::call(20, 0, &[]).last(limit)],
            false => vec![Request::call(10, 0, &[]).last(limit)],
        };
        let minted = if callable { 600 } else { 0 };
        let mut world = world(&asked, [(10, spends())]);
        run(&mut world);
        let step = steps(&world).pop().expect("it called");
        assert_eq!((step.status, left - minted - step.gas), (status, used), "{limit} {callable}");
    }
    // A ceiling binds even who offers more; a 64th always stays.
    for (ceiling, offered) in [(5000, 5000), (u64::MAX, left - 600 - (left - 600) / 64)] {
        let asks_gas = child(asks(&[Request::new(Operation::Gas, &[])]));
        let mut world = world(&[mint(0, ceiling), Request::call(20, 0, &[])], [(10, asks_gas)]);
        run(&mut world);
        let seen = world.steps.iter().find(|step| step.depth == 2).expect("it asked").result;
        assert_eq!(seen, offered - entry - 600 - 10 - 5);
    }
    // The callee's loss of all its gas leaves the caller a 64th.
    let mut world = world(&[Request::call(10, 0, &[])], [(10, child(vec![Action::Block(u64::MAX), Action::Return]))]);
    run(&mut world);
    assert_eq!(steps(&world)[0].gas, left - entry, "what was not used comes back, also from one that ran out of it");
}

pub(super) fn an_operation_that_is_not_covered_stops_before_it() {
    let asks_much = endpoint(Request::new(Spawn, &[pair(50, 51), 0]).actions());
    let mut callee = instance(asks_much);
    callee.table.slots.insert(50, image(endpoint([])));
    // Base, and a part for each of two slots, which follows from the state.
    let price = 2000 + 2 * 300;
    let entry = 400 + 4 * 30 + 4 * 120 + 4 * 20;
    for (gas, status, left) in [(price, Halt, 0), (price - 1, OutOfGas, price - 1), (1, OutOfGas, 1)] {
        let mut world = world(
            &[Request::call(10, 0, &[]).last(entry + 10 + gas)],
            [(10, Value::Instance(Box::new(callee.clone())))],
        );
        run(&mut world);
        let step = steps(&world).pop().expect("it called");
        assert_eq!(step.status, status);
        assert_eq!(10_000_000 - 10 - 50 - step.gas, entry + 10 + gas - left);
        assert_eq!(at(&world, &[10, 51]).is_some(), status == Halt);
        if let Run::Suspended(suspended) = &instance_at(&world, &[10]).run {
            assert_eq!((suspended.paid, suspended.pc), (true, 6), "at the ecall");
        }
    }
}

pub(super) fn one_that_ran_out_of_gas_goes_on_with_more() {
    let twice = vec![
        Action::Block(10),
        Action::Set(5, 1),
        Action::Fallthrough,
        Action::Block(5000),
        Action::Set(7, 42),
        Action::Return,
    ];
    let asked = [
        Request::call(10, 0, &[]).last(3000),
        Request::resume(10, 9).last(3000),
        Request::resume(10, 9),
        Request::call(10, 0, &[]),
    ];
    let mut world = world(&asked, [(10, child(twice))]);
    run(&mut world);
    let seen: Vec<(Status, u64)> = steps(&world).iter().map(|step| (step.status, step.result)).collect();
    assert_eq!(seen, [(OutOfGas, 0), (OutOfGas, 0), (Halt, 42), (Halt, 42)]);
}

pub(super) fn a_pager_maps_what_its_child_misses() {
    // The child reads where nothing is mapped; the parent maps a Data of the child's table there.
    let address = 0x70000;
    let reads = child(endpoint([Action::Load(7, address)]));
    let asked = [
        Request::call(10, 0, &[]),
        Request::resume(10, 9),
        Request::new(Move, &[pair(11, reference(&[10], 60))]),
        Request::new(Map, &[reference(&[10], 60).into(), u64::from(address >> 12), 0, 1]),
        Request::resume(10, 9),
    ];
    let mut world = world(&asked, [(10, reads), (11, data(&[33]))]);
    run(&mut world);
    let seen: Vec<(Status, u64)> = steps(&world).iter().map(|step| (step.status, step.result + step.detail)).collect();
    assert_eq!(seen, [(Fault, address.into()), (Fault, address.into()), (Halt, 0), (Halt, 0), (Halt, 33)]);
    assert_eq!(instance_at(&world, &[10]).run, Run::Idle);
}

pub(super) fn a_generator_goes_on_in_a_later_call() {
    let twice = [Request::new(Yield, &[1]), Request::new(Yield, &[2])];
    let mut world = world(&[Request::call(10, 0, &[])], [(10, child(asks(&twice)))]);
    run(&mut world);
    assert_eq!((steps(&world)[0].status, steps(&world)[0].detail), (Status::Yield, 1));
    let mut copy = world.clone();
    for world in [&mut world, &mut copy] {
        reprogram(world, &[Request::resume(10, 55), Request::resume(10, 66)]);
        run(world);
        let seen: Vec<(Status, u64, u64)> =
            steps(world).iter().map(|step| (step.status, step.result, step.detail)).collect();
        assert_eq!(seen, [(Status::Yield, 0, 2), (Halt, 66, 0)], "the last value is what it returns");
    }
    assert_eq!(world.root(), copy.root());
}

pub(super) fn resume_undone_stays_suspended() {
    let stops = endpoint([Action::Set(5, 3), Action::Store(5, STATE), Action::Trap, Action::Block(1)]);
    let mut world = world(&[Request::call(10, 0, &[])], [(10, child(stops))]);
    run(&mut world);
    let before = hash::of_instance(instance_at(&world, &[10]));
    reprogram(&mut world, &[Request::resume(10, 0).flags(ATOMIC)]);
    run(&mut world);
    assert_eq!(steps(&world)[0].status, Panic);
    assert_eq!(hash::of_instance(instance_at(&world, &[10])), before);
}

/// One that is Suspended while something below it runs is not on the call stack itself: its owner does with it what owners
/// do, short of moving it away.
pub(super) fn what_is_suspended_above_one_that_runs_goes_on() {
    let mint = Request::new(Mint, &[pair(9, reference(&[9, 10, 12], 50)), 0, u64::MAX, 0]);
    let mut stopped = instance(asks(&[Request::new(Yield, &[0])]));
    stopped.table.slots.insert(12, child(asks(&[Request::call(50, 1, &[])])));
    let asked = [
        Request::new(Stat, &[10]),
        Request::new(RegsGet, &[10, MEMORY]),
        Request::new(RegsSet, &[10, MEMORY]),
        Request::new(Map, &[reference(&[10], 60).into(), 0x60, 0, 1]),
        Request::new(Drop, &[10]),
        Request::resume(10, 7),
        Request::new(Stat, &[10]),
        Request::resume(10, 8),
        Request::call(10, 0, &[]),
        Request::resume(10, 9),
    ];
    let owner = program(vec![asks(&[Request::call(10, 0, &[])]), asks(&asked)]).identified();
    let mut owner = Instance::new(&owner);
    owner.table.slots.insert(10, Value::Instance(Box::new(stopped)));
    let requests = [Request::call(9, 0, &[]), mint, Request::call(reference(&[9, 10], 12), 0, &[])];
    let mut world = world(&requests, [(9, Value::Instance(Box::new(owner)))]);
    run(&mut world);
    let steps: Vec<_> = world.steps.iter().filter(|step| step.depth == 3).collect();
    let seen: Vec<_> = steps.iter().map(|step| (step.status, step.result)).collect();
    let state = |result: u64| result >> 8 & 0xFF;
    assert_eq!((state(seen[0].1), state(seen[6].1)), (1, 0));
    let statuses: Vec<Status> = seen.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [Halt, Halt, Halt, Halt, Busy, Halt, Halt, Busy, Status::Yield, Halt]);
    assert_eq!((seen[5].1, seen[9].1), (7, 9), "what it was given is what it returns");
}

/// Ends that would pass a bound are refusals, and everything is as before.
pub(super) fn ends_that_cannot_be() {
    let stops = |quota: u64| {
        let mut stops = instance(endpoint([Action::Trap, Action::Block(1)]));
        stops.quota = Some(quota);
        Value::Instance(Box::new(stops))
    };
    // 1, the Image 1, its slots 3; its 4 ephemeral pages when it stops, and the scratchpad of 2 that it holds.
    for (quota, flags, status) in
        [(9, 0, Panic), (8, 0, Quota), (11, SCRATCH, Panic), (10, SCRATCH, Quota), (10, SCRATCH | ATOMIC, Panic)]
    {
        let mut world = world(&[Request::call(10, 0, &[]).flags(flags)], [(10, stops(quota))]);
        let before = hash::of(at(&world, &[10]).expect("it is there"));
        let outcome = run(&mut world);
        let step = &steps(&world)[0];
        assert_eq!(step.status, status, "{quota} {flags}");
        let undone = status == Quota || flags & ATOMIC != 0;
        assert_eq!(hash::of(at(&world, &[10]).expect("it is there")) == before, undone);
        assert_eq!(outcome.live[0].is_some(), undone || flags & SCRATCH == 0);
        assert!(step.gas < 10_000_000 - 10 - 50, "what it used is gone");
    }
    // A gift that is too high for where it would be left.
    let mut tower = cnode([]);
    for _ in 0..15 {
        tower = cnode([(5, tower)]);
    }
    let asked = [Request::new(Copy, &[pair(11, 1)]), Request::call(10, 0, &[]).flags(GIFT)];
    assert_eq!(statuses(&asked, [(10, stops(1 << 30)), (11, tower)]), [Halt, Range]);
    // More pages than a block may change.
    let stores = child(endpoint([Action::Set(5, 3), Action::Store(5, STATE), Action::Store(5, STATE + 4096)]));
    for (most, status) in [(2, Halt), (1, Quota)] {
        let mut world = world(&[Request::call(10, 0, &[])], [(10, stores.clone())]);
        world.parameters.max_changed_pages = most;
        run(&mut world);
        assert_eq!(steps(&world)[0].status, status);
    }
}

pub(super) fn writable_pages_are_bounded() {
    // 8 pages each: 4 ephemeral, 2 of state, 2 of the scratchpad.
    for (most, status) in [(16, Halt), (15, Quota)] {
        let mut world = world(&[Request::call(10, 0, &[])], [(10, child(asks(&[])))]);
        world.parameters.max_writable_pages = most;
        run(&mut world);
        assert_eq!(steps(&world)[0].status, status);
    }
    for (most, status) in [(9, Halt), (8, Quota)] {
        let mut world = world(&[Request::new(Map, &[50, 0x100, 0, 1]).last(1)], []);
        world.parameters.max_writable_pages = most;
        run(&mut world);
        assert_eq!(steps(&world)[0].status, status);
    }
}

pub(super) fn calls_from_the_host() {
    let slots = [
        (10, child(endpoint([Action::Set(7, 8)]))),
        (11, cnode([])),
        (12, child(endpoint([Action::Trap, Action::Block(1)]))),
    ];
    let mut world = world(&[Request::call(12, 0, &[])], slots);
    run(&mut world);
    let call = |path: &[u8], endpoint| HostCall { path: path.to_vec(), ..HostCall::root(endpoint) };
    for (call, status) in [
        (call(&[10], 0), Halt),
        (call(&[99], 0), Empty),
        (call(&[11], 0), Kind),
        // What is wrong on the way comes before what is missing at its end.
        (call(&[10, 40, 3], 0), Kind),
        (call(&[10, 99, 3], 0), Empty),
        (call(&[10], 1), NoEndpoint),
        (call(&[12], 0), Busy),
        (HostCall { gas: 9, ..call(&[10], 0) }, OutOfGas),
    ] {
        let before = world.root();
        let outcome = call_host(&mut world, call);
        assert_eq!(outcome.status, status);
        assert!(status == Halt || world.root() == before);
    }
    let outcome = call_host(&mut world, call(&[10], 0));
    assert_eq!((outcome.value, outcome.gas), (8, 10_000_000 - 10), "no entry is paid");
    // A yield is for who can resume.
    let mut yields: World = super::fixture::world(&[Request::new(Yield, &[1])], []);
    run(&mut yields);
    assert_eq!(steps(&yields)[0].status, Denied);
}

/// A program in place of a service looks the same to its caller.
pub(super) fn a_program_stands_in_for_a_service() {
    let wrapper = {
        let mut image: Image = program(vec![endpoint(
            // Its arguments are those of the log, which it is given in slot 70; it passes them on.
            [Action::Set(11, u64::from(SCRATCH) << 8), Action::Set(12, 0), Action::Ecalli(70)],
        )]);
        image.endpoints[0].name = "append".into();
        let mut wrapper = Instance::new(&image.identified());
        wrapper.table.slots.insert(70, Value::Service(Service { id: LOG, parameter: 0 }));
        Value::Instance(Box::new(wrapper))
    };
    let log = || Value::Service(Service { id: LOG, parameter: 0 });
    let asked = [Request::new(Write, &[0, 0, FIXED.into(), 5]), Request::call(10, 0, &[0, 5, 3]).flags(SCRATCH)];
    let outcomes = [log(), wrapper].map(|callee| {
        let mut world = world(&asked, [(10, callee)]);
        let outcome = run(&mut world);
        let step = steps(&world).pop().expect("it called");
        (
            step.result,
            step.status,
            step.detail,
            outcome.logs,
            outcome.live.map(|value| value.map(|value| hash::of(&value))),
        )
    });
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0].3[0].bytes, b"fixed");
}

pub(super) fn a_copy_that_is_run_changes_the_copy() {
    // /10 calls its own child by a Callable that it has of it, and the child stores.
    let stores = child(endpoint([Action::Set(5, 9), Action::Store(5, STATE)]));
    let mut owner = Instance::new(
        &program(vec![
            asks(&[Request::new(Mint, &[pair(60, 61), 0, u64::MAX, 0])]),
            asks(&[Request::call(61, 0, &[])]),
        ])
        .identified(),
    );
    owner.table.slots.insert(60, stores);
    for flags in [0, 1] {
        let asked =
            [Request::call(10, 0, &[]), Request::new(Copy, &[pair(10, 20)]).flags(flags), Request::call(20, 1, &[])];
        let mut world = world(&asked, [(10, Value::Instance(Box::new(owner.clone())))]);
        run(&mut world);
        let byte = |path: &[u8]| match at(&world, path) {
            Some(Value::Data(data)) => data.byte(0),
            other => panic!("{other:?}"),
        };
        let expected = if flags == 1 { (0, 9) } else { (9, 0) };
        assert_eq!((byte(&[10, 60, 40]), byte(&[20, 60, 40])), expected, "flags {flags}");
    }
}

pub(super) fn regs_are_those_of_the_end() {
    let yields = endpoint([Action::Set(5, 77)].into_iter().chain(Request::new(Yield, &[3]).actions()));
    let asked =
        [Request::call(10, 0, &[]), Request::new(RegsGet, &[10, MEMORY]), Request::new(Write, &[11, 0, MEMORY, 120])];
    let mut world = world(&asked, [(10, child(yields)), (11, Value::Data(Data::new(1)))]);
    run(&mut world);
    let Some(Value::Data(record)) = at(&world, &[11]) else { panic!("it was written") };
    let number =
        |offset| record.read(offset, 8).iter().rev().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    assert_eq!((number(0), number(40), number(56), number(64), number(72)), (0xFFFF_0000, 77, 0, 0, 0));
    assert_eq!((record.byte(104), record.byte(108), record.byte(109), number(112)), (8, 4, 1, 3));
}

/// A chain that is built for the root computes the same below another one: its Callables, and the paths that it learns.
pub(super) fn a_chain_runs_as_a_child_of_another() {
    // It mints a Callable for its child, which stores; calls it by that; and keeps the path that SELF tells.
    let stores = child(endpoint([Action::Set(5, 9), Action::Store(5, STATE)]));
    let script = asks(&[
        Request::new(Mint, &[pair(60, 61), 0, u64::MAX, 4]),
        Request::call(61, 0, &[]),
        Request::new(Copy, &[pair(60, 63)]).flags(1),
        Request::new(Operation::SelfRecord, &[MEMORY]),
        Request::new(Write, &[62, 0, MEMORY + 1, 63]),
    ]);
    let mut chain = instance(script);
    chain.home = Some(vec![]);
    chain.table.slots.extend([(60, stores), (62, Value::Data(Data::new(1)))]);
    let mut alone = World::new(chain.clone());
    run(&mut alone);
    let mut outer = world(&[Request::call(9, 0, &[]).flags(SCRATCH)], [(9, Value::Instance(Box::new(chain)))]);
    run(&mut outer);
    let (below, above) = (at(&outer, &[9]).expect("it is there"), &alone.state.root);
    assert_eq!(hash::of(below), hash::of(above));
    let told = |world: &World, depth| -> Vec<_> {
        let steps = world.steps.iter().filter(|step| step.depth == depth);
        steps.map(|step| (step.request, step.result, step.status)).collect()
    };
    assert_eq!(told(&alone, 1), told(&outer, 2));
    assert!(told(&alone, 1).iter().all(|(.., status)| *status == Halt));
}
