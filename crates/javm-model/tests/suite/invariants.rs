//! What holds for every sequence of operations: on generated worlds, whose number is set by `NUB_SEQUENCES`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use javm_model::generate::{Plan, UNTOUCHED, generate};
use javm_model::{Operation, Run, State, Status, Step, Value, hash};
use javm_testgen::seeds;

/// Runs a test for each seed; which one failed is said.
fn each(count: u64, test: impl Fn(Plan)) {
    for seed in seeds("NUB_SEQUENCES", count) {
        let done = catch_unwind(AssertUnwindSafe(|| test(generate(seed))));
        if let Err(panic) = done {
            eprintln!("seed {seed}: run it again with NUB_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// All Instances below that are marked as being on the call stack.
fn live(value: &Value) -> usize {
    let own = usize::from(matches!(value, Value::Instance(instance) if instance.run == Run::Live));
    own + value.table().map_or(0, |table| table.slots.values().map(live).sum())
}

/// What holds for each operation.
fn watch(before: &State, after: &State, step: &Step) {
    // The call stack is what it was, and everything on it is where it was.
    let paths = |state: &State| state.frames.iter().map(|frame| frame.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(before), paths(after), "{step:?}");
    for frame in &after.frames {
        let instance = after.instance(&frame.path).expect("what is on the call stack stays where it is");
        assert_eq!(instance.run, Run::Live);
    }
    assert_eq!(live(&after.root), after.frames.len(), "{step:?}");
    let gone =
        |state: &State| state.frames.iter().flat_map(|frame| frame.live.iter().flatten()).map(live).sum::<usize>();
    assert_eq!(gone(after), 0, "nothing that runs is in a gift");

    // A refusal, and a call that was undone, changed nothing but the gas.
    let operation =
        if step.ecalli.is_some() { Some(Operation::Call) } else { Operation::from_number(step.request.word as u8) };
    let atomic = step.request.word >> 8 & 4 != 0;
    let refused = step.status.number() >= 16;
    let undone = matches!(step.status, Status::Panic | Status::Fault | Status::OutOfGas | Status::Yield) && atomic;
    if refused || undone {
        let mut expected = before.clone();
        expected.frames.last_mut().expect("it runs").gas = step.gas;
        assert_eq!(&expected, after, "{operation:?} {step:?}");
    }
    if refused {
        assert_eq!((step.result, step.detail), (0, 0));
    }
    let (had, has) = (before.frame().gas, after.frame().gas);
    assert!(has < had, "everything costs: {step:?}");
}

#[test]
fn operations_keep_what_must_hold() {
    each(400, |Plan { mut world, calls, .. }| {
        world.watch = Some(watch);
        let witness = hash::of(world.state.at(&[UNTOUCHED]).expect("it is there"));
        for call in calls {
            let before = world.root();
            let gas = call.gas;
            let outcome = world.call_from_host(call);
            world.check().unwrap();
            assert_eq!(gas - outcome.gas, world.spent, "gas that is not left was charged for something");
            if outcome.status != Status::Halt {
                assert_eq!(world.root(), before, "{:?}", outcome.status);
                assert_eq!((outcome.logs.len(), outcome.value), (0, 0));
            }
            assert_eq!(hash::of(world.state.at(&[UNTOUCHED]).expect("it is there")), witness);
        }
    });
}

/// A copy of σ, which shares its pages, is what it was after everything that happens to σ; and from a copy the same
/// follows once more.
#[test]
fn copies_are_isolated_and_runs_repeat() {
    each(100, |Plan { world, calls, .. }| {
        let root = world.root();
        let mut worlds = [world.clone(), world.clone()];
        let outcomes = worlds.each_mut().map(|world| {
            let outcomes: Vec<_> = calls.iter().map(|call| world.call_from_host(call.clone())).collect();
            (outcomes, world.steps.clone(), world.tree())
        });
        assert_eq!(outcomes[0], outcomes[1]);
        assert_eq!(world.root(), root);
    });
}

/// A call that stops for want of gas changes nothing, wherever it stops; with enough it ends as it did, and costs the same.
#[test]
fn gas_may_end_at_every_step() {
    each(20, |Plan { world, calls, .. }| {
        let mut call = calls[0].clone();
        call.gas = 3_000_000;
        let mut full = world.clone();
        let outcome = full.call_from_host(call.clone());
        let used = call.gas - outcome.gas;
        let mut points: Vec<u64> =
            full.steps.iter().filter(|step| step.depth == 1).map(|step| call.gas - step.gas).collect();
        points.extend([0, used]);
        for point in points {
            for gas in [point.saturating_sub(1), point, point + 1] {
                let mut world = world.clone();
                let before = world.root();
                let outcome = world.call_from_host(javm_model::HostCall { gas, ..call.clone() });
                world.check().unwrap();
                assert!(outcome.status == Status::Halt || world.root() == before);
                assert_eq!(gas - outcome.gas, world.spent);
            }
        }
    });
}

/// The generator meets what it is for: every operation done and refused, every status, every end of a call.
#[test]
fn the_generator_reaches_everything() {
    let mut seen: BTreeMap<Operation, BTreeMap<Status, u64>> = BTreeMap::new();
    for seed in 1..=1_000 {
        let Plan { mut world, calls, .. } = generate(seed);
        for call in calls {
            world.call_from_host(call);
            for step in &world.steps {
                let operation = if step.ecalli.is_some() {
                    Some(Operation::Call)
                } else {
                    Operation::from_number(step.request.word as u8)
                };
                if let Some(operation) = operation {
                    *seen.entry(operation).or_default().entry(step.status).or_default() += 1;
                }
            }
        }
    }
    for operation in Operation::ALL {
        let statuses = &seen[operation];
        let done = *operation == Operation::Yield || statuses.contains_key(&Status::Halt);
        assert!(done, "{operation:?} is never done: {statuses:?}");
        let never_refused = matches!(operation, Operation::Gas | Operation::Quota);
        assert!(never_refused || statuses.keys().any(|status| status.number() >= 16), "{operation:?} is never refused");
    }
    let calls = &seen[&Operation::Call];
    for status in Status::ALL.iter().filter(|&&status| status != Status::Full && status != Status::Unknown) {
        assert!(calls.contains_key(status), "no call gives {status:?}: {calls:?}");
    }
    assert!(seen[&Operation::Resume].contains_key(&Status::Halt), "{:?}", seen[&Operation::Resume]);
}
