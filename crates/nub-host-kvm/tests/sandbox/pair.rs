//! The same kernel twice: in this process and in the virtual machine. Everything that is asked is asked of both, and
//! what they say is compared.

use std::time::Duration;

use javm_cap::{Image, ValidImage};
use nub_arch_local::LocalArch;
use nub_host_kvm::request::{Endpoint, Hash, Invoke};
use nub_host_kvm::{Reply, Request, Sandbox, reply};
use nub_kernel::{Call, Ended, EndpointRef, Grants, InstanceId, Kernel, Outcome};

/// Two kernels in one state.
pub struct Pair<'a> {
    local: Kernel<LocalArch>,
    sandbox: &'a Sandbox,
}

/// An Instance in both.
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    local: InstanceId,
    guest: u64,
}

/// A call of either.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The endpoint.
    pub endpoint: &'a str,
    /// φ7 and on.
    pub arguments: &'a [u64],
    /// Its gas.
    pub gas: u64,
    /// The scratchpad that goes with it.
    pub scratchpad: Option<&'a [u8]>,
}

impl<'a> Pair<'a> {
    pub fn new(sandbox: &'a Sandbox) -> Pair<'a> {
        Pair { local: Kernel::new(LocalArch), sandbox }
    }

    fn ask(&self, request: &Request<'_>) -> Reply {
        self.sandbox.call(0, request, Duration::from_secs(120)).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn publish(&mut self, image: &[u8]) -> Hash {
        let hash = self.local.publish(ValidImage::load(image).unwrap_or_else(|error| panic!("{error}"))).0;
        assert_eq!(self.ask(&Request::PutCap(image)), Reply::Hash(hash));
        hash
    }

    /// Publishes an Image that was put together here.
    pub fn publish_image(&mut self, image: &Image) -> Hash {
        self.publish(&image.encode())
    }

    pub fn instantiate(&mut self, image: Hash) -> Twin {
        let local =
            self.local.instantiate(&image.into(), &Grants::services()).unwrap_or_else(|error| panic!("{error}"));
        match self.ask(&Request::Instantiate { image, all_services: true, services: vec![] }) {
            Reply::Instance(guest) => Twin { local, guest },
            other => panic!("{other:?}"),
        }
    }

    pub fn copy(&mut self, twin: Twin) -> Twin {
        let local = self.local.copy(twin.local).unwrap_or_else(|error| panic!("{error}"));
        match self.ask(&Request::Copy(twin.guest)) {
            Reply::Instance(guest) => Twin { local, guest },
            other => panic!("{other:?}"),
        }
    }

    pub fn drop(&mut self, twin: Twin) {
        assert!(self.local.drop_instance(twin.local));
        assert_eq!(self.ask(&Request::Drop(twin.guest)), Reply::Flag(true));
    }

    /// The hash of an Instance.
    pub fn root(&self, twin: Twin) -> Hash {
        let root = self.local.instance(twin.local).unwrap_or_else(|error| panic!("{error}")).hash().0;
        assert_eq!(self.ask(&Request::Root(twin.guest)), Reply::Hash(root), "the states differ");
        root
    }

    /// A call, and the state behind it.
    pub fn invoke(&mut self, twin: Twin, asked: Asked<'_>) -> reply::Outcome {
        let Asked { endpoint, arguments, gas, scratchpad } = asked;
        let call = Call { scratchpad, ..Call::new(EndpointRef::Name(endpoint), arguments, gas) };
        let local = self.local.invoke(twin.local, &call, None).unwrap_or_else(|error| panic!("{error}"));
        let endpoint = Endpoint::Name(endpoint);
        let invoke = Invoke { scratchpad, ..Invoke::new(twin.guest, endpoint, arguments, gas) };
        let Reply::Outcome(guest) = self.ask(&Request::Invoke(invoke)) else { panic!("no outcome") };
        assert_eq!(guest, outcome(&local), "the outcomes differ");
        self.root(twin);
        guest
    }
}

/// The local kernel's outcome, as the guest would say it.
fn outcome(outcome: &Outcome) -> reply::Outcome {
    let scratchpad = outcome.scratchpad.as_ref().map(|data| {
        let mut bytes = vec![0; data.size() as usize];
        data.read(0, &mut bytes).unwrap_or_else(|error| panic!("{error}"));
        bytes.truncate(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
        reply::Scratchpad { pages: data.pages(), bytes }
    });
    reply::Outcome {
        ended: match outcome.ended {
            Ended::Halt => reply::Ended::Halt,
            Ended::Panic => reply::Ended::Panic,
            Ended::Fault { page } => reply::Ended::Fault(page),
            Ended::OutOfGas => reply::Ended::OutOfGas,
            Ended::Refused(status) => reply::Ended::Refused(status as u8),
        },
        gas_used: outcome.gas_used,
        registers: outcome.registers,
        pc: outcome.pc,
        scratchpad,
        logs: outcome
            .logs
            .iter()
            .map(|entry| reply::LogEntry { topic: entry.topic, bytes: entry.bytes.clone() })
            .collect(),
        gift: None,
    }
}
