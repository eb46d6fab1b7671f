//! An Image of `guests/`, called as a host calls it. The tests of the command use this file, too.

use javm_guest::types::typed::{LowerArguments, lift_result, lower_arguments};
use javm_guest::types::{Decode, encoded_len};
use nub::{Ended, Grants, InstanceId, InvokeOptions, InvokeOutcome, Nub};

/// An Instance of an example program.
pub struct Program {
    nub: Nub,
    instance: InstanceId,
}

/// What a call left behind.
pub struct Answer {
    pub outcome: InvokeOutcome,
    pub scratchpad: Vec<u8>,
}

impl Program {
    pub fn new(name: &str) -> Program {
        Program::with_grants(name, &Grants::services()).expect("it starts")
    }

    pub fn with_grants(name: &str, grants: &Grants) -> Result<Program, nub::Error> {
        let path = format!("{}/../../guests/images/{name}.nub", env!("CARGO_MANIFEST_DIR"));
        let image = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut nub = Nub::for_tests()?;
        let image = nub.publish(&image)?;
        let instance = nub.instantiate(&image, grants)?;
        Ok(Program { nub, instance })
    }

    pub fn call_raw(&mut self, endpoint: &str, registers: &[u64], scratchpad: Vec<u8>) -> Answer {
        let options = InvokeOptions { scratchpad: Some(scratchpad), ..InvokeOptions::default() };
        let outcome = self.nub.invoke(self.instance, endpoint, registers, &options).expect("it can be called");
        let mut scratchpad = Vec::new();
        if let Some(data) = &outcome.scratchpad {
            scratchpad.resize(data.size() as usize, 0);
            data.read(0, &mut scratchpad).expect("that is its length");
        }
        Answer { outcome, scratchpad }
    }

    pub fn call<A: LowerArguments>(&mut self, endpoint: &str, arguments: &A) -> Answer {
        // Behind what is given zeros follow, as far as the Image maps.
        let length = if A::IN_REGISTERS { 0 } else { encoded_len(arguments).expect("it is not too long") };
        let mut scratchpad = vec![0; length];
        let registers = lower_arguments(arguments, &mut scratchpad).expect("that is its length");
        let arity = if A::IN_REGISTERS { A::COUNT } else { 1 };
        self.call_raw(endpoint, &registers[..arity], scratchpad)
    }

    pub fn root(&mut self) -> nub::CapHash {
        self.nub.state_root(self.instance).expect("it is there")
    }
}

impl Answer {
    /// The register that a call returned that came to its end.
    #[track_caller]
    pub fn register(&self) -> u64 {
        assert_eq!((self.outcome.ended, self.logs()), (Ended::Halt, Vec::new()));
        self.outcome.value
    }

    /// The same as a value.
    #[track_caller]
    pub fn value<'a, T: Decode<'a>>(&'a self) -> T {
        lift_result(self.register(), &self.scratchpad).expect("it is of the type")
    }

    pub fn logs(&self) -> Vec<String> {
        self.outcome.logs.iter().map(|entry| String::from_utf8_lossy(&entry.bytes).into_owned()).collect()
    }

    /// Why a call failed.
    #[track_caller]
    pub fn refusal(&self) -> String {
        assert_eq!(self.outcome.ended, Ended::Panic, "{:?}", self.logs());
        self.logs().pop().expect("it says why")
    }
}
