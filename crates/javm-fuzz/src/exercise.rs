//! An Image called at all its endpoints, in two kernels, with little gas. Whatever the program does:
//! - both kernels give the same, one of them tracing every instruction;
//! - no call uses more gas than it has;
//! - a call that does not halt leaves the state root as it was, and none touches a copy made before;
//! - the state root is the one that the same content has when it is put together anew.

use javm_cap::{CNode, CapHash, Capability, Data, Instance, ValidImage};
use javm_interpreter::State;
use javm_isa::Instruction;
use nub_arch_local::LocalArch;
use nub_kernel::{Call, Ended, EndpointRef, Grants, InstanceId, InstantiateError, InvokeError, Kernel, Outcome};
use rand::{RngExt, SeedableRng};

use crate::target::Random;

/// Endpoints beyond these are not called.
const ENDPOINTS: usize = 12;
/// The gas of a call: none, too little for anything, enough for something to happen.
const GAS: [u64; 5] = [0, 1, 60, 500, 3_000];

/// A kernel with one Instance.
struct Machine {
    kernel: Kernel<LocalArch>,
    instance: InstanceId,
}

impl Machine {
    fn new(image: &ValidImage) -> Result<Machine, InstantiateError> {
        let mut kernel = Kernel::new(LocalArch);
        let hash = kernel.publish(image.clone());
        let instance = kernel.instantiate(&hash, &Grants::services())?;
        Ok(Machine { kernel, instance })
    }

    fn root_of(&self, instance: InstanceId) -> CapHash {
        match self.kernel.instance(instance) {
            Ok(instance) => instance.hash(),
            Err(error) => panic!("an Instance is gone: {error}"),
        }
    }

    fn root(&self) -> CapHash {
        self.root_of(self.instance)
    }

    fn copy(&mut self) -> InstanceId {
        match self.kernel.copy(self.instance) {
            Ok(copy) => copy,
            Err(error) => panic!("an Instance is gone: {error}"),
        }
    }
}

/// Calls the endpoints of `image`; `seed` decides about arguments, gas and scratchpads.
///
/// # Panics
/// If anything is not as this module says.
pub fn exercise(image: &ValidImage, seed: u64) {
    let mut random = Random::seed_from_u64(seed);
    let (mut machine, mut tracing) = match (Machine::new(image), Machine::new(image)) {
        (Ok(machine), Ok(tracing)) => (machine, tracing),
        (Err(one), Err(other)) => return assert_eq!(one, other, "the same Image is refused for different reasons"),
        (one, other) => panic!("one kernel takes it, the other does not: {:?}, {:?}", one.err(), other.err()),
    };
    assert_eq!(machine.root(), tracing.root(), "two new Instances of one Image");
    for (number, endpoint) in image.image().endpoints.iter().enumerate().take(ENDPOINTS) {
        let arguments: Vec<u64> = (0..endpoint.arity).map(|_| argument(&mut random)).collect();
        let scratchpad = scratchpad(&mut random);
        let gas = GAS[random.random_range(0..GAS.len())];
        let call = Call {
            scratchpad: scratchpad.as_deref(),
            ..Call::new(EndpointRef::Number(number as u16), &arguments, gas)
        };
        let before = machine.root();
        let copy = machine.copy();
        let outcome = machine.kernel.invoke(machine.instance, &call, None);
        let traced = traced(&mut tracing, &call);
        match (outcome, traced) {
            (Ok(outcome), Ok(traced)) => {
                check_same(&outcome, &traced);
                assert!(outcome.gas_used <= call.gas, "{} of {} gas", outcome.gas_used, call.gas);
                if outcome.ended != Ended::Halt {
                    assert_eq!(machine.root(), before, "a call that ended with {:?} left traces", outcome.ended);
                }
            }
            (Err(one), Err(other)) => assert_eq!(one, other),
            (one, other) => panic!("one call begins, the other does not: {:?}, {:?}", one.err(), other.err()),
        }
        assert_eq!(machine.root(), tracing.root(), "two kernels after the same calls");
        assert_eq!(machine.root_of(copy), before, "a copy made before the call has changed");
        assert!(machine.kernel.drop_instance(copy));
    }
    check_wrong_calls(&mut machine, image);
    match machine.kernel.instance(machine.instance) {
        Ok(instance) => {
            assert_eq!(instance.hash(), anew(instance).hash(), "the remembered hashes are not the content's")
        }
        Err(error) => panic!("an Instance is gone: {error}"),
    }
}

fn argument(random: &mut Random) -> u64 {
    crate::mutation::number(random)
}

fn scratchpad(random: &mut Random) -> Option<Vec<u8>> {
    let length = [0, 1, 100, 4096, 5000][random.random_range(0..5_usize)];
    random.random::<bool>().then(|| (0..length).map(|index| index as u8).collect())
}

fn traced(machine: &mut Machine, call: &Call<'_>) -> Result<Outcome, InvokeError> {
    let mut last = u64::MAX;
    let mut trace = |state: &State, _: &Instruction| {
        assert!(state.gas <= last, "gas has come back");
        last = state.gas;
    };
    machine.kernel.invoke(machine.instance, call, Some(&mut trace))
}

fn check_same(one: &Outcome, other: &Outcome) {
    assert_eq!((one.ended, one.value, one.gas_used, one.pc), (other.ended, other.value, other.gas_used, other.pc));
    assert_eq!(one.registers, other.registers);
    assert_eq!(one.logs, other.logs);
    let hash = |outcome: &Outcome| outcome.scratchpad.as_ref().map(Data::hash);
    assert_eq!(hash(one), hash(other), "the scratchpad");
}

/// Calls that cannot begin are refused and change nothing.
fn check_wrong_calls(machine: &mut Machine, image: &ValidImage) {
    let before = machine.root();
    let count = image.image().endpoints.len();
    let mut wrong = vec![(EndpointRef::Number(count as u16), 0), (EndpointRef::Name("no such name!"), 0)];
    if let Some(endpoint) = image.image().endpoints.first() {
        wrong.push((EndpointRef::Number(0), usize::from(endpoint.arity) + 1));
    }
    for (endpoint, arguments) in wrong {
        let given = vec![0; arguments];
        let call = Call::new(endpoint, &given, 1_000);
        let refused = machine.kernel.invoke(machine.instance, &call, None);
        assert!(refused.is_err(), "endpoint {endpoint} was called with {arguments} arguments");
    }
    assert_eq!(machine.root(), before, "a call that did not begin left traces");
}

/// The same content without any remembered hash.
fn anew(instance: &Instance) -> Instance {
    let slots = instance.table().iter().map(|(slot, capability)| match capability {
        Capability::Data(data) => (slot, Capability::Data(data_anew(data))),
        other => (slot, other.clone()),
    });
    let mut anew = Instance::new(instance.image().clone());
    *anew.table_mut() = CNode::from_slots(slots).expect("what is within the bounds is so again");
    anew
}

fn data_anew(data: &Data) -> Data {
    let anew = Data::new(data.pages()).and_then(|mut anew| {
        for (index, page) in data.stored_pages() {
            anew.write(u64::from(index) * page.len() as u64, &page[..])?;
        }
        Ok(anew)
    });
    match anew {
        Ok(anew) => anew,
        Err(error) => panic!("what a Data holds does not fit into a Data as long: {error}"),
    }
}

/// A seed that depends on all of these bytes (FNV-1a).
#[must_use]
pub fn seed_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}
