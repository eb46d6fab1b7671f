//! The larger example programs — parsers, interpreters, a library in C — against results of other implementations.

mod frames;
mod json;
mod script;
mod wasm;
mod zlib;

use javm_guest::types::Decode;
use javm_guest::types::typed::{LowerArguments, lift_result, lower_arguments};
use nub::{CapHash, Ended, Grants, InstanceId, InvokeOptions, InvokeOutcome, Nub};

use super::guest;

/// An Instance of an example program.
struct Program {
    nub: Nub,
    instance: InstanceId,
    scratchpad: usize,
}

/// What a call left behind.
struct Answer {
    outcome: InvokeOutcome,
    scratchpad: Vec<u8>,
}

impl Program {
    /// Gives every call so many bytes of scratchpad.
    fn new(name: &str, scratchpad: usize) -> Program {
        let image = std::fs::read(guest(name)).expect("it is committed");
        let mut nub = Nub::for_tests().expect("it starts");
        let image = nub.publish(&image).expect("it is valid");
        let instance = nub.instantiate(&image, &Grants::services()).expect("it starts");
        Program { nub, instance, scratchpad }
    }

    fn call_raw(&mut self, endpoint: &str, registers: &[u64], mut scratchpad: Vec<u8>) -> Answer {
        scratchpad.resize(self.scratchpad, 0);
        let options = InvokeOptions { scratchpad: Some(scratchpad), ..InvokeOptions::default() };
        let outcome = self.nub.invoke(self.instance, endpoint, registers, &options).expect("it can be called");
        let mut scratchpad = Vec::new();
        if let Some(data) = &outcome.scratchpad {
            scratchpad.resize(data.size() as usize, 0);
            data.read(0, &mut scratchpad).expect("that is its length");
        }
        Answer { outcome, scratchpad }
    }

    fn call<A: LowerArguments>(&mut self, endpoint: &str, arguments: &A) -> Answer {
        let mut scratchpad = vec![0; self.scratchpad];
        let registers = lower_arguments(arguments, &mut scratchpad).expect("they fit");
        let count = if A::IN_REGISTERS { A::COUNT } else { 1 };
        self.call_raw(endpoint, &registers[..count], scratchpad)
    }

    fn root(&mut self) -> CapHash {
        self.nub.state_root(self.instance).expect("it is there")
    }
}

impl Answer {
    /// The register that a call returned that came to its end.
    #[track_caller]
    fn register(&self) -> u64 {
        assert_eq!((self.outcome.ended, self.logs()), (Ended::Halt, Vec::new()));
        self.outcome.value
    }

    /// The same as a value.
    #[track_caller]
    fn value<'a, T: Decode<'a>>(&'a self) -> T {
        lift_result(self.register(), &self.scratchpad).expect("it is of the type")
    }

    fn logs(&self) -> Vec<String> {
        self.outcome.logs.iter().map(|entry| String::from_utf8_lossy(&entry.bytes).into_owned()).collect()
    }

    /// Why a call failed.
    #[track_caller]
    fn refusal(&self) -> String {
        assert_eq!(self.outcome.ended, Ended::Panic, "{:?}", self.logs());
        self.logs().pop().expect("it says why")
    }
}
