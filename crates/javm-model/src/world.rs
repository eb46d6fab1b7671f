//! Calls from the host.

use crate::call::Target;
use crate::hash;
use crate::measure;
use crate::meter::Meter;
use crate::script::Request;
use crate::state::{LogEntry, Parameters, State, Via};
use crate::table::Status;
use crate::value::{Data, Hash, Instance, Path, Run, Value};

/// σ and everything that a call can depend on.
#[derive(Clone, Debug)]
pub struct World {
    /// σ, and what undoing takes back.
    pub state: State,
    /// What a chain may fix otherwise.
    pub parameters: Parameters,
    /// The height of the block.
    pub height: u64,
    /// The root before the block.
    pub prior_root: Hash,
    /// Answers for the service VERIFY, by method: the model does no cryptography. Something stands for "valid", for
    /// method 1 the key.
    pub verify: fn(u16, &[u8]) -> Option<Vec<u8>>,
    /// What the programs asked for in the last call from the host.
    pub steps: Vec<Step>,
    /// Gas that was charged in the last call from the host, what was undone included: what nobody gets back.
    pub spent: u64,
    /// Where gas was taken in the last call from the host.
    pub meter: Meter,
    /// If given, called for each operation that was answered, with the state before and after it.
    pub watch: Option<Watch>,
}

/// What looks at each operation.
pub type Watch = fn(&State, &State, &Step);

/// One operation that was answered, calls behind what happened in them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Frames on the call stack.
    pub depth: usize,
    /// What was asked: φ7 to φ12.
    pub request: Request,
    /// The reference of an `ecalli`.
    pub ecalli: Option<u32>,
    /// φ7 afterwards.
    pub result: u64,
    /// φ8 afterwards.
    pub status: Status,
    /// φ9 afterwards.
    pub detail: u64,
    /// The gas that is left afterwards.
    pub gas: u64,
}

/// A call from the host.
#[derive(Clone, Debug)]
pub struct HostCall {
    /// The Instance.
    pub path: Path,
    /// The number of the endpoint.
    pub endpoint: u16,
    /// The arguments; those above the arity are left out.
    pub arguments: [u64; 4],
    /// Gas.
    pub gas: u64,
    /// The scratchpad.
    pub scratchpad: Option<Data>,
    /// The gift.
    pub gift: Option<Value>,
    /// Host or event.
    pub via: Via,
}

impl HostCall {
    /// A call of an endpoint of the root with much gas and nothing else.
    #[must_use]
    pub fn root(endpoint: u16) -> HostCall {
        HostCall {
            path: Path::new(),
            endpoint,
            arguments: [0; 4],
            gas: 10_000_000,
            scratchpad: None,
            gift: None,
            via: Via::Host,
        }
    }
}

/// What a call from the host came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// How it ended, or why it did not begin or could not end.
    pub status: Status,
    /// φ7 of a halt.
    pub value: u64,
    /// φ9, as a caller would see it.
    pub detail: u64,
    /// Gas that is left.
    pub gas: u64,
    /// Log entries; none but for a halt.
    pub logs: Vec<LogEntry>,
    /// Slots 0 and 1 at a halt.
    pub live: [Option<Value>; 2],
}

impl World {
    /// A world whose σ is this.
    #[must_use]
    pub fn new(root: Instance) -> World {
        World {
            state: State {
                root: Value::Instance(Box::new(root)),
                frames: Vec::new(),
                logs: Vec::new(),
                changed_pages: 0,
            },
            parameters: Parameters::default(),
            height: 0,
            prior_root: [0; 32],
            verify: |_, _| None,
            steps: Vec::new(),
            spent: 0,
            meter: Meter::default(),
            watch: None,
        }
    }

    /// Makes a call, as a block of its own.
    pub fn call_from_host(&mut self, call: HostCall) -> Outcome {
        self.steps.clear();
        self.spent = 0;
        self.meter = Meter::default();
        self.state.logs.clear();
        self.state.changed_pages = 0;
        measure::forget_changes(&mut self.state.root);
        let before = self.state.clone();
        let gas = call.gas;
        let refusal = |status| Outcome { status, value: 0, detail: 0, gas, logs: Vec::new(), live: [None, None] };
        match self.enter_from_host(call) {
            Err(status) => {
                self.state = before;
                refusal(status)
            }
            Ok(()) => {
                let ended = self.run_to_end(&before, true, [true; 2]);
                Outcome {
                    status: ended.reply.status,
                    value: ended.reply.result,
                    detail: ended.reply.detail,
                    gas: ended.gas,
                    logs: std::mem::take(&mut self.state.logs),
                    live: ended.live,
                }
            }
        }
    }

    fn enter_from_host(&mut self, call: HostCall) -> Result<(), Status> {
        let image = self.reach(&call.path)?;
        let endpoint = image.endpoints.get(usize::from(call.endpoint)).ok_or(Status::NoEndpoint)?.clone();
        let mut live = [call.scratchpad.map(Value::Data), call.gift];
        live.iter_mut().flatten().for_each(measure::forget_changes);
        self.begin(Target { path: call.path, endpoint, via: call.via }, call.arguments, live, false)?;
        self.state.frame_mut().gas = call.gas;
        self.meter.enter(call.gas, None);
        Ok(())
    }

    /// Whether the running frame may stop so that it can be resumed.
    pub(crate) fn may_yield(&self) -> bool {
        self.state.frame().via == Via::Owner
    }

    /// The hash of σ.
    #[must_use]
    pub fn root(&self) -> Hash {
        hash::of(&self.state.root)
    }

    /// The hash of everything in σ, by path: where two implementations differ, and not only that they do.
    #[must_use]
    pub fn tree(&self) -> Vec<(Path, Hash)> {
        self.values().into_iter().map(|(path, value)| (path, hash::of(value))).collect()
    }

    /// Everything in σ, by path; what a table holds behind the table.
    #[must_use]
    pub fn values(&self) -> Vec<(Path, &Value)> {
        fn walk<'a>(value: &'a Value, path: &Path, found: &mut Vec<(Path, &'a Value)>) {
            found.push((path.clone(), value));
            for (&slot, below) in value.table().into_iter().flat_map(|table| &table.slots) {
                walk(below, &[&path[..], &[slot]].concat(), found);
            }
        }
        let mut found = Vec::new();
        walk(&self.state.root, &Path::new(), &mut found);
        found
    }

    /// Checks what holds between calls: nothing runs, and every value is within its bounds.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self) -> Result<(), String> {
        if !self.state.frames.is_empty() {
            return Err("a program is on the call stack".into());
        }
        self.state.check_bounds(&self.parameters).map_err(|status| format!("beyond a bound: {}", status.name()))?;
        fn no_live(value: &Value) -> bool {
            let own = !matches!(value, Value::Instance(instance) if instance.run == Run::Live);
            own && value.table().is_none_or(|table| table.slots.values().all(no_live))
        }
        if no_live(&self.state.root) { Ok(()) } else { Err("an Instance is left on the call stack".into()) }
    }
}
