//! NEW_DATA, NEW_CNODE, SPAWN, UPGRADE, MINT, ATTENUATE: what they do and every status.

use javm_model::Operation::{Attenuate, Mint, NewCNode, NewData, Spawn, Upgrade};
use javm_model::Status::{self, Busy, Denied, Empty, Full, Halt, Kind, NoEndpoint, Range};
use javm_model::{
    Action, Callable, Image, Import, Instance, LOG, Operation, Request, Run, Service, TypeDef, Value, Wanted, hash,
    service_type,
};

use super::fixture::*;

const GRANTS: u8 = 1;
const ITSELF: u8 = 1;
const TYPEDEF: u8 = 2;

pub(super) fn new_data_and_tables() {
    for (request, status) in [
        (Request::new(NewData, &[0, 20]), Halt),
        (Request::new(NewData, &[1 << 20, 20]), Halt),
        (Request::new(NewData, &[(1 << 20) + 1, 20]), Range),
        (Request::new(NewData, &[1, 1 << 32]), Range),
        (Request::new(NewData, &[1, 40]), Full),
        (Request::new(NewData, &[1, reference(&[40], 1).into()]), Kind),
        (Request::new(NewCNode, &[20]), Halt),
        (Request::new(NewCNode, &[0]), Full),
        (Request::new(NewCNode, &[1]), Halt),
        (Request::new(NewCNode, &[20]).flags(1), Range),
    ] {
        assert_eq!(status_of(request, []), status, "{request:?}");
    }
}

pub(super) fn typedef() -> TypeDef {
    TypeDef::parse("interface pair { left() -> u64; right(by: u64) -> u64; }")
}

/// An Image that imports a log in slot 70, and perhaps something of `pair` in slot 71.
fn importer() -> Image {
    let mut image = program(vec![asks(&[])]);
    image.imports.insert(70, Import { required: true, wanted: Wanted::Service(LOG) });
    image.imports.insert(71, Import { required: false, wanted: Wanted::TypeDef(hash::of_typedef(&typedef())) });
    image
}

pub(super) fn implementing(typedef: &TypeDef) -> Image {
    let mut image = program(vec![asks(&[]), endpoint([Action::Set(7, 99)])]);
    image.typedefs.insert(hash::of_typedef(typedef));
    for (endpoint, method) in image.endpoints.iter_mut().zip(&typedef.methods) {
        endpoint.name = method.name().as_str().into();
        endpoint.arity = method.arity();
    }
    image
}

fn log() -> Value {
    Value::Service(Service { id: LOG, parameter: 0 })
}

fn spawn_slots(grants: Vec<(u8, Value)>) -> Vec<(u8, Value)> {
    vec![(10, Value::Image(importer().identified())), (11, cnode(grants)), (12, image(asks(&[]))), (13, data(b"x"))]
}

pub(super) fn spawns() {
    let spawn = |image: u32, destination: u32| Request::new(Spawn, &[pair(image, destination), 11]);
    for (request, grants, status) in [
        (spawn(12, 20), vec![], Halt),
        (spawn(10, 20), vec![], Denied),
        (spawn(10, 20).flags(GRANTS), vec![], Denied),
        (spawn(10, 20).flags(GRANTS), vec![(70, log())], Halt),
        (spawn(10, 20).flags(GRANTS), vec![(70, Value::Service(Service { id: 2, parameter: 0 }))], Denied),
        (spawn(10, 20).flags(GRANTS), vec![(71, log())], Denied),
        (spawn(10, 40).flags(GRANTS), vec![(70, log())], Full),
        (spawn(99, 20), vec![], Empty),
        (spawn(13, 20), vec![], Kind),
        (Request::new(Spawn, &[pair(12, 20), 99]).flags(GRANTS), vec![], Empty),
        (Request::new(Spawn, &[pair(12, 20), 13]).flags(GRANTS), vec![], Kind),
        (Request::new(Spawn, &[pair(12, 20), 1 << 40]).flags(GRANTS), vec![], Range),
        (Request::new(Spawn, &[pair(12, 20), 1 << 40]), vec![], Halt),
        (spawn(12, 20).flags(2), vec![], Range),
    ] {
        assert_eq!(status_of(request, spawn_slots(grants)), status, "{request:?}");
    }
    // What stands in for a service, and for something of an interface: a program, or the right to call one.
    let of_log =
        Value::Instance(Box::new(Instance::new(&implementing(&service_type(LOG).expect("there is one")).identified())));
    let of_pair = Value::Instance(Box::new(Instance::new(&implementing(&typedef()).identified())));
    let mut world =
        world(&[spawn(10, 20).flags(GRANTS)], spawn_slots(vec![(70, of_log), (71, of_pair), (72, log()), (40, log())]));
    run(&mut world);
    let spawned = instance_at(&world, &[20]);
    assert_eq!((&spawned.run, spawned.quota, &spawned.home), (&Run::Idle, None, &None));
    assert_eq!(spawned.table.slots.keys().copied().collect::<Vec<_>>(), [40, 41, 70, 71], "exactly what it imports");
}

pub(super) fn upgrades() {
    let upgrade = |instance: u32, image: u32| Request::new(Upgrade, &[pair(instance, image)]);
    let slots = || vec![(10, child(asks(&[]))), (11, image(endpoint([Action::Set(7, 5)]))), (13, data(b"x"))];
    for (request, status) in [
        (upgrade(10, 11), Halt),
        (upgrade(99, 11), Empty),
        (upgrade(13, 11), Kind),
        (upgrade(10, 99), Empty),
        (upgrade(10, 13), Kind),
    ] {
        assert_eq!(status_of(request, slots()), status, "{request:?}");
    }
    let asked = [upgrade(10, 11), Request::call(10, 0, &[])];
    let mut world = world(&asked, slots());
    assert_eq!(run(&mut world).value, 5, "it is the new program that is called");
    assert!(instance_at(&world, &[10]).table.slots.contains_key(&40), "its table stays");
    // One that stopped cannot be.
    let slots = vec![(10, child(endpoint([Action::Trap, Action::Block(1)]))), (11, image(asks(&[])))];
    assert_eq!(statuses(&[Request::call(10, 0, &[]), upgrade(10, 11)], slots), [Status::Panic, Busy]);
}

fn mint(place: u32, destination: u32, typedef: u32, mask: u64) -> Request {
    Request::new(Mint, &[pair(place, destination), u64::from(typedef) | mask << 32, 1_000, 77])
}

fn mint_slots() -> Vec<(u8, Value)> {
    let both = Instance::new(&implementing(&typedef()).identified());
    let mut outer = instance(asks(&[]));
    outer.table.slots.insert(60, cnode([(61, Value::Instance(Box::new(both.clone())))]));
    vec![
        (10, Value::Instance(Box::new(both))),
        (11, Value::TypeDef(typedef().into())),
        (12, Value::Instance(Box::new(outer))),
        (13, data(b"x")),
        (41, data(&[&[2, 0xff][..], &[0xff; 30]].concat())),
    ]
}

pub(super) fn mints() {
    let inner = reference(&[12, 60], 61);
    for (request, status) in [
        (mint(10, 20, 11, 0), Halt),
        (mint(10, 20, 11, 0).flags(TYPEDEF), Halt),
        (mint(99, 20, 99, 0).flags(ITSELF), Halt),
        (mint(inner, 20, 11, FIXED.into()).flags(TYPEDEF), Halt),
        (mint(99, 20, 11, 0), Empty),
        (mint(13, 20, 11, 0), Kind),
        (mint(10, 40, 11, 0), Full),
        (mint(10, 20, 99, 0).flags(TYPEDEF), Empty),
        (mint(10, 20, 13, 0).flags(TYPEDEF), Kind),
        (mint(12, 20, 11, 0).flags(TYPEDEF), NoEndpoint),
        (mint(10, 20, 11, 0x100), Range),
        (mint(10, 20, 11, u64::from(FIXED) + 4090), Range),
        (mint(10, 20, 11, 0).flags(4), Range),
    ] {
        assert_eq!(status_of(request, mint_slots()), status, "{request:?}");
    }
    // A gift has no path.
    assert_eq!(
        statuses(&[Request::new(Operation::Copy, &[pair(10, 1)]), mint(1, 20, 11, 0)], mint_slots()),
        [Halt, Range]
    );

    let asked = [mint(inner, 20, 11, FIXED.into()).flags(TYPEDEF), mint(10, 21, 0, 0), mint(0, 22, 0, 0).flags(ITSELF)];
    let mut world = world(&asked, mint_slots());
    run(&mut world);
    let callable = |slot: u8| match at(&world, &[slot]) {
        Some(Value::Callable(callable)) => callable.clone(),
        other => panic!("a Callable, not {other:?}"),
    };
    let of_both = implementing(&typedef()).interface();
    assert_eq!(
        (callable(20).path, callable(20).distance, callable(20).interface),
        (vec![12, 60, 61], 2, hash::of_typedef(&typedef()))
    );
    assert_eq!((callable(20).mask[0], callable(20).mask[1]), (2, 0), "no bits of methods that there are not");
    assert_eq!((callable(21).distance, callable(21).interface, callable(21).mask[0]), (1, of_both, 3));
    assert_eq!(
        (callable(22).distance, callable(22).path, callable(22).ceiling, callable(22).badge),
        (0, vec![], 1_000, 77)
    );
}

pub(super) fn attenuates() {
    let weaken = |callable: u32, destination: u32, mask: u64, ceiling: u64| {
        Request::new(Attenuate, &[pair(callable, destination), mask, ceiling])
    };
    let slots = || {
        let mut slots = mint_slots();
        let callable = Callable {
            interface: implementing(&typedef()).interface(),
            typedef: None,
            mask: [&[3][..], &[0; 31]].concat().try_into().expect("32 bytes"),
            ceiling: 500,
            badge: 9,
            distance: 1,
            path: vec![10],
        };
        slots.push((14, Value::Callable(callable)));
        slots
    };
    for (request, status) in [
        (weaken(14, 20, 0, 400), Halt),
        (weaken(14, 20, FIXED.into(), u64::MAX), Halt),
        (weaken(99, 20, 0, 0), Empty),
        (weaken(10, 20, 0, 0), Kind),
        (weaken(14, 40, 0, 0), Full),
        (weaken(14, 20, 0x2000, 0), Range),
        (weaken(14, 20, 1 << 32, 0), Range),
    ] {
        assert_eq!(status_of(request, slots()), status, "{request:?}");
    }
    let mut world = world(&[weaken(14, 20, FIXED.into(), 400), weaken(20, 21, 0, u64::MAX)], slots());
    run(&mut world);
    let Some(Value::Callable(weaker)) = at(&world, &[21]) else { panic!("it is there") };
    assert_eq!((weaker.mask[0], weaker.ceiling, weaker.badge, &weaker.path[..]), (2, 400, 9, &[10][..]));
}

pub(super) fn what_is_granted_must_not_be_live() {
    // /10/11/12 calls /10, which grants it to a new child: from the table /10/11 that it stands in.
    let mut taker = program(vec![asks(&[])]);
    taker.imports.insert(12, Import { required: true, wanted: Wanted::TypeDef(hash::of_typedef(&typedef())) });
    let asked = [Request::new(Spawn, &[pair(60, 70), 11]).flags(GRANTS)];
    let mut middle = Instance::new(&program(vec![endpoint([]), asks(&asked)]).identified());
    let mut inner = implementing(&typedef());
    inner.script = program(vec![asks(&[Request::call(50, 1, &[])])]).script;
    inner.endpoints[1].entry = inner.endpoints[0].entry;
    middle.table.slots.insert(11, cnode([(12, Value::Instance(Box::new(Instance::new(&inner.identified()))))]));
    middle.table.slots.insert(60, Value::Image(taker.identified()));
    let give = Request::new(Mint, &[pair(10, reference(&[10, 11, 12], 50)), 0, u64::MAX, 0]);
    let mut world =
        world(&[give, Request::call(reference(&[10, 11], 12), 0, &[])], [(10, Value::Instance(Box::new(middle)))]);
    run(&mut world);
    let inner: Vec<Status> = world.steps.iter().filter(|step| step.depth == 3).map(|step| step.status).collect();
    assert_eq!(inner, [Busy]);
}
