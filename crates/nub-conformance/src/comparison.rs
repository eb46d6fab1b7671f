//! Calls in the model and on a subject, and everything that can be seen of them.

use std::fmt::{Debug, Write as _};

use javm_cap::{CapHash, Capability, Path};
use javm_model::generate::Plan;
use javm_model::{Data, Hash, HostCall, Operation, Source, Value, Via, World, hash, measure};
use nub_kernel::service::verify;
use nub_kernel::{Block, Chain, Entry, InstanceId, Parameters};

use crate::coverage::Coverage;
use crate::real::{Builder, data_of};
use crate::subject::Subject;

/// A plan about what was built of it, with the real values.
pub struct Built {
    /// The model's world.
    pub world: World,
    /// The same as the kernel has it.
    pub root: javm_cap::Instance,
    /// The calls, as the model and as the kernel is asked.
    pub calls: Vec<(HostCall, Entry)>,
    /// What built it.
    pub builder: Builder,
}

impl Built {
    /// Builds what a plan is about.
    #[must_use]
    pub fn new(plan: &Plan) -> Built {
        let mut plan = plan.clone();
        let mut builder = Builder::default();
        let root = builder.root(&mut plan);
        let calls = plan.calls.into_iter().map(|call| {
            let entry = entry(&mut builder, &call);
            (call, entry)
        });
        let calls = calls.collect();
        plan.world.verify = verified;
        Built { world: plan.world, root, calls, builder }
    }

    /// Has a subject be where the world is.
    ///
    /// # Errors
    /// The machine cannot.
    pub fn prepare<S: Subject>(&mut self, subject: &mut S) -> Result<InstanceId, String> {
        self.enter_chain(subject)?;
        subject.load(&self.root)
    }

    /// Has a subject be in the chain and the block of the world.
    ///
    /// # Errors
    /// The machine cannot.
    pub fn enter_chain<S: Subject>(&self, subject: &mut S) -> Result<(), String> {
        let block = Block { height: self.world.height, prior_root: self.world.prior_root };
        subject.set_chain(Chain { parameters: self.parameters(), block })
    }

    /// The parameters of the world, as the kernel has them.
    fn parameters(&self) -> Parameters {
        let parameters = self.world.parameters;
        Parameters {
            writable_pages: u32::try_from(parameters.max_writable_pages).unwrap_or(u32::MAX),
            changed_pages: parameters.max_changed_pages,
            log_bytes: usize::try_from(parameters.max_log_bytes).unwrap_or(usize::MAX),
            depth: parameters.max_depth,
        }
    }
}

/// What the model, which does no cryptography, takes for the answer of VERIFY.
pub(crate) fn verified(method: u16, bytes: &[u8]) -> Option<Vec<u8>> {
    match method {
        0 => verify::ed25519(bytes).then(Vec::new),
        _ => verify::secp256k1(bytes).map(Vec::from),
    }
}

/// What the kernel is asked, as the model is.
#[must_use]
pub fn entry(builder: &mut Builder, call: &HostCall) -> Entry {
    let origin = match call.via {
        Via::Event(origin) => Some(origin),
        _ => None,
    };
    let live = [call.scratchpad.clone().map(Value::Data), call.gift.clone()];
    Entry {
        path: Path::new(&call.path).expect("short"),
        endpoint: call.endpoint,
        arguments: call.arguments,
        gas: call.gas,
        live: live.map(|value| value.map(|value| builder.capability(&value))),
        origin,
    }
}

/// The call as `nub` makes it for a host: the scratchpad is as long as what the Image maps of it and as what is given, and left
/// out only where both are nothing.
#[must_use]
pub fn as_a_host_calls(world: &World, call: &HostCall) -> HostCall {
    let Some(Value::Instance(instance)) = world.state.at(&call.path) else { return call.clone() };
    let mapped = instance.image.memory.values().filter_map(|mapping| match mapping.source {
        Source::Slot(0, offset) => Some(offset + mapping.pages),
        _ => None,
    });
    let mapped = mapped.max().unwrap_or(0);
    let scratchpad = match &call.scratchpad {
        None if mapped == 0 => None,
        given => {
            let mut data = given.clone().unwrap_or_else(|| Data::new(0));
            data.resize(data.pages.max(mapped));
            Some(data)
        }
    };
    HostCall { scratchpad, ..call.clone() }
}

/// How many arguments a call takes; 0 where nothing stands that can be called so.
#[must_use]
pub fn arity(world: &World, call: &HostCall) -> usize {
    let Some(Value::Instance(instance)) = world.state.at(&call.path) else { return 0 };
    instance.image.endpoints.get(usize::from(call.endpoint)).map_or(0, |endpoint| endpoint.arity.into())
}

/// What the programs have asked for, for who has to find a difference.
fn trail(world: &World) -> String {
    let mut text = String::new();
    for step in &world.steps {
        let operation = match step.ecalli {
            Some(reference) => format!("ecalli {reference:#x}"),
            None => format!("{:?}", Operation::from_number(step.request.word as u8)),
        };
        let _ = writeln!(
            text,
            "{} {operation} {:x?} -> {:?} {:#x} {:#x}, gas {}",
            step.depth, step.request, step.status, step.result, step.detail, step.gas
        );
    }
    text
}

fn equal<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of the model's {expected:?}")) }
}

/// The hash of the state that was looked at last: the model makes hashes from scratch, and most of the calls that are cut come to
/// nothing.
#[derive(Default)]
pub struct Known(Option<(Value, Hash)>);

impl Known {
    fn hash(&mut self, state: &Value) -> Hash {
        if let Some((known, hash)) = &self.0
            && known == state
        {
            return *hash;
        }
        let hash = hash::of(state);
        self.0 = Some((state.clone(), hash));
        hash
    }
}

/// Makes a call in a world and on a subject, and compares outcome and state.
///
/// # Errors
/// What differs, with what the programs asked for.
pub fn compare_call<S: Subject>(
    world: &mut World,
    subject: &mut S,
    root: InstanceId,
    call: (&HostCall, &Entry),
) -> Result<(), String> {
    compare_call_knowing(world, subject, root, call, &mut Known::default())
}

/// The same, with what is known of the state that may well come of it.
///
/// # Errors
/// As [`compare_call`].
pub fn compare_call_knowing<S: Subject>(
    world: &mut World,
    subject: &mut S,
    root: InstanceId,
    (call, entry): (&HostCall, &Entry),
    known: &mut Known,
) -> Result<(), String> {
    let (mut call, mut entry) = (call.clone(), entry.clone());
    if subject.is_a_host() {
        call = as_a_host_calls(world, &call);
        entry.live[0] = call.scratchpad.as_ref().map(|scratchpad| Capability::Data(data_of(scratchpad)));
    }
    let arity = arity(world, &call);
    let mut expected = world.call_from_host(call.clone());
    if subject.is_a_host() {
        expected.live[0] = expected.live[0].take().filter(|value| matches!(value, Value::Data(_)));
    }
    let compared = || -> Result<(), String> {
        let found = subject.call(root, &entry, arity)?;
        equal(
            "status, φ7, φ9 and gas",
            &(found.status.number(), found.value, found.detail, found.gas_left),
            &(expected.status.number().into(), expected.value, expected.detail, expected.gas),
        )?;
        let logs: Vec<_> = found.logs.iter().map(|entry| (entry.topic, &entry.bytes)).collect();
        equal("logs", &logs, &expected.logs.iter().map(|entry| (entry.topic, &entry.bytes)).collect())?;
        let live = found.live.map(|value| value.map(|value| value.hash()));
        let expected_live = expected.live.map(|value| value.map(|value| CapHash(hash::of(&value))));
        equal("slots 0 and 1", &live, &expected_live)?;
        compare_state_knowing(world, subject, root, known)
    };
    compared().map_err(|difference| {
        let name = subject.name();
        format!("{name}: {difference}\n{call:?}\n{}", trail(world))
    })
}

/// Compares the state; where it differs, path by path. Then what has counted how many changes.
///
/// # Errors
/// What differs.
pub fn compare_state<S: Subject>(world: &World, subject: &mut S, root: InstanceId) -> Result<(), String> {
    compare_state_knowing(world, subject, root, &mut Known::default())
}

fn compare_state_knowing<S: Subject>(
    world: &World,
    subject: &mut S,
    root: InstanceId,
    known: &mut Known,
) -> Result<(), String> {
    if subject.root(root)?.0 == known.hash(&world.state.root) {
        return compare_changes(world, subject, root);
    }
    let mut paths = Vec::new();
    for (path, hash) in world.tree() {
        if subject.hash_at(root, &Path::new(&path).expect("short"))? != Some(CapHash(hash)) {
            paths.push(path);
        }
    }
    Err(format!("the state differs at these paths, or in what stands nowhere in the model: {paths:?}"))
}

fn compare_changes<S: Subject>(world: &World, subject: &mut S, root: InstanceId) -> Result<(), String> {
    for (path, value) in world.values() {
        if let Some(found) = subject.changes_at(root, &Path::new(&path).expect("short")) {
            equal(&format!("changes at {path:?}"), &found, &measure::changes(value))?;
        }
    }
    Ok(())
}

/// Makes all calls of a plan in both, one after the other.
///
/// # Errors
/// What differs first, with the number of the call and the seed.
pub fn compare<S: Subject>(plan: &Plan, subject: &mut S, coverage: &mut Coverage) -> Result<(), String> {
    let mut built = Built::new(plan);
    let root = built.prepare(subject)?;
    let Built { world, calls, .. } = &mut built;
    for (number, (call, entry)) in calls.iter().enumerate() {
        compare_call(world, subject, root, (call, entry)).map_err(|difference| at(plan.seed, number, &difference))?;
        coverage.add(world);
    }
    subject.drop(root);
    Ok(())
}

/// A difference and where it came up.
#[must_use]
pub fn at(seed: u64, call: usize, difference: &str) -> String {
    format!("seed {seed} (NUB_SEED={seed}), call {call}: {difference}")
}
