//! Gas that ends wherever any of it is taken: that of the whole call, and the limits of the calls inside of it.

use std::collections::BTreeSet;
use std::rc::Rc;

use javm_model::generate::Plan;
use javm_model::{Action, HostCall, Image, Script};
use nub_kernel::Entry;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::IteratorRandom;

use crate::comparison::{Built, at, compare, compare_call};
use crate::coverage::Coverage;
use crate::subject::Subject;

/// The gas of a call whose gas is cut: with more, few programs that are generated do anything else.
const ENOUGH: u64 = 5_000_000;

/// A point, one less and one more.
fn around(points: &BTreeSet<u64>) -> BTreeSet<u64> {
    points.iter().flat_map(|&point| [point.saturating_sub(1), point, point + 1]).collect()
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

/// As many of these as are asked for, or all.
fn some<T>(all: impl IntoIterator<Item = T>, most: usize, rng: &mut ChaCha8Rng) -> Vec<T> {
    all.into_iter().sample(rng, most)
}

/// Makes each call of a plan again from where it began, with its gas cut at each point where some was taken, at most at
/// `most` of them, which the seed chooses; then whole, and goes on with the next. Gives the number of cuts.
///
/// # Errors
/// What differs first.
pub fn cut_calls<S: Subject>(
    plan: &Plan,
    subject: &mut S,
    most: usize,
    coverage: &mut Coverage,
) -> Result<u64, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut built = Built::new(plan);
    let root = built.prepare(subject)?;
    let Built { world, calls, .. } = &mut built;
    let mut cuts = 0;
    for (number, (call, entry)) in calls.iter().enumerate() {
        let mut whole = world.clone();
        let call = HostCall { gas: ENOUGH, ..call.clone() };
        whole.call_from_host(call.clone());
        let points = around(&whole.meter.points).into_iter().filter(|&gas| gas <= ENOUGH);
        for gas in some(points, most, &mut rng).into_iter().chain([ENOUGH]) {
            let is_last = gas == ENOUGH;
            let (call, entry) = (HostCall { gas, ..call.clone() }, Entry { gas, ..entry.clone() });
            let (mut here, there) = if is_last { (world.clone(), root) } else { (world.clone(), subject.copy(root)?) };
            compare_call(&mut here, subject, there, (&call, &entry))
                .map_err(|difference| at(plan.seed, number, &format!("with {gas} gas: {difference}")))?;
            coverage.add(&here);
            cuts += 1;
            if is_last {
                *world = here;
            } else {
                subject.drop(there);
            }
        }
    }
    subject.drop(root);
    Ok(cuts)
}

/// Runs a plan again and again, each time with one limit of one call inside of it as low as, or one more or less than, what
/// that call had used at some point; at most `most` times, which the seed chooses. Gives the number of runs.
///
/// # Errors
/// What differs first.
pub fn cut_limits<S: Subject>(
    plan: &Plan,
    subject: &mut S,
    most: usize,
    coverage: &mut Coverage,
) -> Result<u64, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let Built { mut world, calls, builder, .. } = Built::new(plan);
    let mut cuts = BTreeSet::new();
    for (call, _) in calls {
        world.call_from_host(HostCall { gas: ENOUGH, ..call });
        for inner in &world.meter.calls {
            let Some((image, action)) = inner.caller else { continue };
            cuts.extend(around(&inner.used).into_iter().map(|limit| (image, action, limit)));
        }
    }
    let chosen = some(cuts, most, &mut rng);
    let count = chosen.len() as u64;
    for (image, action, limit) in chosen {
        let Some(original) = builder.original(&image) else { continue };
        let mut plan = plan.clone();
        plan.calls.iter_mut().for_each(|call| call.gas = ENOUGH);
        plan.replace_image(&original.hash, &with_limit(&original, action, limit));
        compare(&plan, subject, coverage).map_err(|difference| {
            format!("with the limit {limit} at action {action} of one of its Images: {difference}")
        })?;
    }
    Ok(count)
}
