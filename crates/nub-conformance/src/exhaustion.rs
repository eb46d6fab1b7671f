//! Gas that ends wherever any of it is taken: that of the whole call, and the limits of the calls inside of it.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::ops::AddAssign;
use std::rc::Rc;

use javm_cap::Capability;
use javm_model::generate::Plan;
use javm_model::{Action, Hash, HostCall, Image, Script, World};
use nub_kernel::Entry;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::IteratorRandom;

use crate::comparison::{Built, Known, at, compare_call, compare_call_knowing, entry};
use crate::coverage::Coverage;
use crate::real::Builder;
use crate::subject::Subject;

/// The gas of a call whose gas is cut: with more, few programs that are generated do anything else.
const ENOUGH: u64 = 5_000_000;

/// Where it ends: one less than each point, so that this step is the first that there is no gas for; and the edges, the point itself
/// and one more.
fn around(points: &BTreeSet<u64>) -> [BTreeSet<u64>; 2] {
    let ends: BTreeSet<u64> = points.iter().map(|point| point.saturating_sub(1)).collect();
    let edges = points.iter().flat_map(|point| [*point, point + 1]).filter(|edge| !ends.contains(edge)).collect();
    [ends, edges]
}

/// A program whose call at this action has this limit, if it has said one at all.
fn with_limit(image: &Image, action: usize, limit: u64) -> Rc<Image> {
    let mut actions = image.script.actions().to_vec();
    let said = actions[..action].iter_mut().rev().find(|action| matches!(action, Action::Set(12, _)));
    if let Some(said) = said {
        *said = Action::Set(12, limit);
    }
    let offsets = (0..actions.len()).map(|index| image.script.offset(index)).collect();
    Image { script: Script::at(actions, offsets), ..image.clone() }.identified()
}

/// As many of both as are asked for, or all.
fn some<T>([ends, edges]: [BTreeSet<T>; 2], most: usize, most_edges: usize, rng: &mut ChaCha8Rng) -> Vec<T> {
    let mut some = |all: BTreeSet<T>, most: usize| -> Vec<T> {
        if all.len() <= most { all.into_iter().collect() } else { all.into_iter().sample(rng, most) }
    };
    let mut chosen = some(ends, most);
    chosen.extend(some(edges, most_edges));
    chosen
}

/// How many cuts of one call are made at most, where there are more points; which ones, the seed chooses.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Of its own gas, one less than what a step needs.
    pub of_gas: usize,
    /// Of limits of calls inside of it, the same.
    pub of_limits: usize,
    /// Of gas and of limits each, just enough for a step and one more.
    pub edges: usize,
}

impl Most {
    /// All of them.
    pub const ALL: Most = Most { of_gas: usize::MAX, of_limits: usize::MAX, edges: usize::MAX };
    /// Gas at every step, some limits, and of both two of those that are just enough.
    pub const EVERY_STEP: Most = Most { of_gas: usize::MAX, of_limits: 4, edges: 2 };
}

/// How many cuts there were.
#[derive(Clone, Copy, Default, Debug)]
pub struct Cuts {
    /// Of the gas of calls from the host.
    pub of_gas: u64,
    /// Of limits of calls inside of them.
    pub of_limits: u64,
}

impl AddAssign for Cuts {
    fn add_assign(&mut self, other: Cuts) {
        self.of_gas += other.of_gas;
        self.of_limits += other.of_limits;
    }
}

impl Display for Cuts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} cuts of gas, {} of limits", self.of_gas, self.of_limits)
    }
}

/// Makes each call of a plan again and again from where it began: with its gas cut just below each point where some was taken, and
/// with the limit of each call inside of it just below what that call had used at each such point; at some of them with just enough,
/// and with one more; then whole, and goes on with the next.
///
/// # Errors
/// What differs first.
pub fn cut<S: Subject>(plan: &Plan, subject: &mut S, most: Most, coverage: &mut Coverage) -> Result<Cuts, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut built = Built::new(plan);
    let root = built.prepare(subject)?;
    let Built { world, calls, builder, .. } = &mut built;
    let mut cuts = Cuts::default();
    for (number, (call, entry)) in calls.iter().enumerate() {
        let (call, entry) = (HostCall { gas: ENOUGH, ..call.clone() }, Entry { gas: ENOUGH, ..entry.clone() });
        let mut whole = world.clone();
        whole.call_from_host(call.clone());
        let points = around(&whole.meter.points).map(|points| points.into_iter().filter(|&gas| gas < ENOUGH).collect());
        let mut known = Known::default();
        for gas in some(points, most.of_gas, most.edges, &mut rng) {
            let (call, entry) = (HostCall { gas, ..call.clone() }, Entry { gas, ..entry.clone() });
            let (mut here, there) = (world.clone(), subject.copy(root)?);
            compare_call_knowing(&mut here, subject, there, (&call, &entry), &mut known)
                .map_err(|difference| at(plan.seed, number, &format!("with {gas} gas: {difference}")))?;
            coverage.add(&here);
            cuts.of_gas += 1;
            subject.drop(there);
        }
        let limits = limits(&whole, builder);
        for limit in some(limits, most.of_limits, most.edges, &mut rng) {
            cut_limit(world, &call, builder, &limit, subject, coverage)
                .map_err(|difference| at(plan.seed, number, &format!("with {limit:?}: {difference}")))?;
            cuts.of_limits += 1;
        }
        compare_call(world, subject, root, (&call, &entry)).map_err(|difference| at(plan.seed, number, &difference))?;
        coverage.add(world);
    }
    subject.drop(root);
    Ok(cuts)
}

/// A limit of the calls that an action of an Image makes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Limit {
    image: Hash,
    action: usize,
    gas: u64,
}

/// The limits with which the calls inside of the last one would end where they took gas, and their edges.
fn limits(world: &World, builder: &Builder) -> [BTreeSet<Limit>; 2] {
    let mut limits = [BTreeSet::new(), BTreeSet::new()];
    for inner in &world.meter.calls {
        let Some((image, action)) = inner.caller.filter(|(image, _)| builder.original(image).is_some()) else {
            continue;
        };
        for (limits, points) in limits.iter_mut().zip(around(&inner.used)) {
            limits.extend(points.into_iter().map(|gas| Limit { image, action, gas }));
        }
    }
    limits
}

/// Makes a call in a world in which one of its Images has another limit. Another number in an instruction leaves all offsets and
/// sizes as they are, so that what is Suspended stands where it stood.
fn cut_limit<S: Subject>(
    world: &World,
    call: &HostCall,
    builder: &mut Builder,
    limit: &Limit,
    subject: &mut S,
    coverage: &mut Coverage,
) -> Result<(), String> {
    let Some(original) = builder.original(&limit.image) else { return Ok(()) };
    let by = builder.once(&with_limit(&original, limit.action, limit.gas));
    let mut plan = Plan { seed: 0, world: world.clone(), calls: vec![call.clone()] };
    plan.replace_image(&limit.image, &by);
    let root = builder.capability(&plan.world.state.root);
    let Plan { mut world, calls, .. } = plan;
    let entry = entry(builder, &calls[0]);
    let Capability::Instance(root) = root else { return Err("the root is no Instance".into()) };
    let root = subject.load(&root)?;
    compare_call(&mut world, subject, root, (&calls[0], &entry))?;
    coverage.add(&world);
    subject.drop(root);
    Ok(())
}
