//! Worlds of a root that asks for things and children that do what a test needs.

use javm_model::{
    Action, CNode, Data, Dynamic, HostCall, Image, Instance, Mapping, Outcome, Request, Run, Script, Source, Status,
    Step, Suspended, Value, World,
};

/// Where the root's ephemeral memory is: 4 pages.
pub(super) const MEMORY: u64 = 0x20000;
/// Where the root maps slot 40, read-write: 2 pages.
pub(super) const STATE: u32 = 0x30000;
/// Where the root maps slot 41, read-only: 1 page.
pub(super) const FIXED: u32 = 0x40000;
/// Where everybody maps the scratchpad: 2 pages.
pub(super) const SCRATCHPAD: u32 = 0x50000;

/// The reference to a slot through hops, the first hop first.
pub(super) fn reference(hops: &[u8], slot: u8) -> u32 {
    let mut bytes = [slot, 0, 0, 0];
    bytes[1..=hops.len()].copy_from_slice(hops);
    u32::from_le_bytes(bytes)
}

/// Two references in one register.
pub(super) fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) | u64::from(second) << 32
}

/// A script of one endpoint: these actions in one block, then a return.
pub(super) fn endpoint(actions: impl IntoIterator<Item = Action>) -> Vec<Action> {
    [Action::Block(10)].into_iter().chain(actions).chain([Action::Return]).collect()
}

/// A script of one endpoint that asks for these and returns what the last one gave.
pub(super) fn asks(requests: &[Request]) -> Vec<Action> {
    endpoint(requests.iter().flat_map(|request| request.actions()))
}

/// A program of these endpoints, with the memory map above.
pub(super) fn program(endpoints: Vec<Vec<Action>>) -> Image {
    let mut image = Image::of(Script::new(endpoints.concat()));
    let slot = |slot, pages, writable| Mapping { pages, writable, source: Source::Slot(slot, 0) };
    image.memory.insert((MEMORY >> 12) as u32, Mapping { pages: 4, writable: true, source: Source::Ephemeral });
    image.memory.insert(STATE >> 12, slot(40, 2, true));
    image.memory.insert(FIXED >> 12, slot(41, 1, false));
    image.memory.insert(SCRATCHPAD >> 12, slot(0, 2, true));
    image.slots.insert(40, Data::new(2));
    image.slots.insert(41, Data::from_bytes(b"fixed"));
    image
}

/// An Instance of a program of one endpoint.
pub(super) fn instance(actions: Vec<Action>) -> Instance {
    Instance::new(&program(vec![actions]).identified())
}

/// An Instance in a slot.
pub(super) fn child(actions: Vec<Action>) -> Value {
    Value::Instance(Box::new(instance(actions)))
}

/// One that has stopped where it begins.
pub(super) fn stopped() -> Value {
    let mut instance = instance(asks(&[]));
    let (image, mut registers) = (&instance.image, [0; 13]);
    registers[0] = 0xFFFF_0000;
    instance.run = Run::Suspended(Box::new(Suspended {
        why: Status::OutOfGas,
        paid: false,
        pc: image.endpoints[0].entry,
        registers,
        detail: 0,
        ephemeral: Data::new(image.ephemeral_pages()),
        dynamic: Dynamic::new(),
    }));
    Value::Instance(Box::new(instance))
}

/// A world whose root asks for these, and holds these.
pub(super) fn world(requests: &[Request], slots: impl IntoIterator<Item = (u8, Value)>) -> World {
    let mut root = instance(asks(requests));
    root.table.slots.extend(slots);
    World::new(root)
}

/// Has the root of this world ask for something else.
pub(super) fn reprogram(world: &mut World, requests: &[Request]) {
    let Value::Instance(root) = &mut world.state.root else { panic!("the root is an Instance") };
    root.image = program(vec![asks(requests)]).identified();
}

/// Makes a call from the host, which is recorded.
pub(super) fn call_host(world: &mut World, call: HostCall) -> Outcome {
    super::note(world, &call);
    world.call_from_host(call)
}

/// Calls the root, which must halt.
pub(super) fn run(world: &mut World) -> Outcome {
    let outcome = call_host(world, HostCall { scratchpad: Some(Data::new(2)), ..HostCall::root(0) });
    assert_eq!(outcome.status, Status::Halt, "the root returns: {:?}", world.steps);
    world.check().expect("nothing is left behind");
    outcome
}

/// The steps of the root itself.
pub(super) fn steps(world: &World) -> Vec<Step> {
    world.steps.iter().filter(|step| step.depth == 1).cloned().collect()
}

/// Runs a world whose root asks for these, and gives the statuses of its own steps.
pub(super) fn statuses(requests: &[Request], slots: impl IntoIterator<Item = (u8, Value)>) -> Vec<Status> {
    let mut world = world(requests, slots);
    run(&mut world);
    steps(&world).iter().map(|step| step.status).collect()
}

/// The status of one request, which must have changed nothing if it is a refusal. Nor may what came before it.
pub(super) fn status_of(request: Request, slots: impl IntoIterator<Item = (u8, Value)>) -> Status {
    let mut world = world(&[request], slots);
    let before = world.root();
    run(&mut world);
    let step = steps(&world).remove(0);
    if step.status.number() >= 16 {
        assert_eq!(world.root(), before, "{step:?}");
        assert_eq!((step.result, step.detail), (0, 0));
    }
    step.status
}

/// A table that holds these.
pub(super) fn cnode(slots: impl IntoIterator<Item = (u8, Value)>) -> Value {
    Value::CNode(CNode::of(slots))
}

/// Bytes.
pub(super) fn data(bytes: &[u8]) -> Value {
    Value::Data(Data::from_bytes(bytes))
}

/// An Image of a program of one endpoint.
pub(super) fn image(actions: Vec<Action>) -> Value {
    Value::Image(program(vec![actions]).identified())
}

/// What stands at a path of σ.
pub(super) fn at<'a>(world: &'a World, path: &[u8]) -> Option<&'a Value> {
    world.state.at(path)
}

/// The Instance at a path.
pub(super) fn instance_at<'a>(world: &'a World, path: &[u8]) -> &'a Instance {
    world.state.instance(path).expect("an Instance stands there")
}
