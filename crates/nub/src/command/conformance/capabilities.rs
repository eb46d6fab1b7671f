//! Vectors of the capability layer: trees, calls in them, and values with what is said of them.

use std::collections::BTreeMap;
use std::path::Path;

use javm_cap::{CapHash, Capability};
use nub::{Error, InstanceId, InvokeOptions, Nub};
use nub_kernel::Reached;
use serde::Deserialize;

use super::values::{Encoded, Pages, Shared, Value, bytes, hash, wide};
use super::{Differences, Failure, Ran};
use crate::command::hex;

/// The version of the form that is read.
const VERSION: u32 = 3;

/// A file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    version: u32,
    #[serde(rename = "about")]
    _about: String,
    images: BTreeMap<String, Encoded>,
    typedefs: BTreeMap<String, Encoded>,
    #[serde(default)]
    vectors: Vec<Vector>,
    #[serde(default)]
    values: Vec<Described>,
    #[serde(default)]
    proofs: Vec<Proof>,
}

/// A tree, and calls that are made in it one after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    /// Where there is none the calls are made outside of blocks, in a chain that does not say.
    chain: Option<Chain>,
    root: Value,
    calls: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    writable_pages: u32,
    changed_pages: u64,
    log_bytes: usize,
    depth: usize,
    height: String,
    prior_root: String,
}

impl Chain {
    fn read(&self) -> Result<nub::Chain, String> {
        let Chain { writable_pages, changed_pages, log_bytes, depth, .. } = *self;
        let parameters = nub::Parameters { writable_pages, changed_pages, log_bytes, depth };
        parameters.check().map_err(|error| error.to_string())?;
        let block = nub::Block { height: wide(&self.height)?, prior_root: hash(&self.prior_root)? };
        Ok(nub::Chain { parameters, block })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    call: Call,
    outcome: Outcome,
    /// For people.
    #[serde(default, rename = "trace")]
    _trace: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    path: Vec<u8>,
    endpoint: u16,
    arguments: Vec<String>,
    gas: u64,
    scratchpad: Option<Pages>,
    gift: Option<Value>,
    origin: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    status: String,
    value: String,
    detail: String,
    gas_left: u64,
    logs: Vec<Log>,
    scratchpad: Option<String>,
    gift: Option<String>,
    root: String,
    /// Of what the call has changed; nothing where nothing stands any more.
    hashes: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    topic: String,
    bytes: String,
}

/// A value with what is said of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    value: Value,
    hash: String,
    size: u64,
    height: u8,
}

/// What a proof shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    root: String,
    path: Vec<u8>,
    claim: Claim,
    proof: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Claim {
    Present(String),
    Absent,
    #[serde(untagged)]
    Bytes {
        offset: u64,
        bytes: String,
    },
}

/// Runs what is in a file. `malformed` makes the error of what cannot be run at all.
pub(super) fn run(
    path: &Path,
    file: File,
    nub: &mut Nub,
    malformed: &impl Fn(String) -> Failure,
) -> Result<Vec<Ran>, Failure> {
    if file.version != VERSION {
        return Err(malformed(format!("version {}; version {VERSION} is read here", file.version)));
    }
    if file.vectors.is_empty() && file.values.is_empty() && file.proofs.is_empty() {
        return Err(malformed("it has neither vectors nor values nor proofs, so nothing would be checked".into()));
    }
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let shared = Shared::new(&file.images, &file.typedefs).map_err(malformed)?;
    let mut ran = Vec::new();
    for vector in &file.vectors {
        let name = format!("{stem}: {}", vector.name);
        let differences = run_vector(vector, &shared, nub).map_err(|trouble| match trouble {
            Trouble::Malformed(reason) => malformed(format!("{}: {reason}", vector.name)),
            Trouble::Nub(error) => Failure::nub(path, error),
        })?;
        ran.push(Ran { name, differences });
    }
    for (index, described) in file.values.iter().enumerate() {
        let name = format!("{stem}: value {index}");
        let value = shared.value(&described.value).map_err(|reason| malformed(format!("value {index}: {reason}")))?;
        ran.push(Ran { name, differences: check_value(described, &value) });
    }
    for (index, proof) in file.proofs.iter().enumerate() {
        let name = format!("{stem}: proof {index}");
        let differences = check_proof(proof).map_err(|reason| malformed(format!("proof {index}: {reason}")))?;
        ran.push(Ran { name, differences });
    }
    Ok(ran)
}

enum Trouble {
    Malformed(String),
    Nub(Error),
}

impl From<String> for Trouble {
    fn from(reason: String) -> Trouble {
        Trouble::Malformed(reason)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Nub(error)
    }
}

fn run_vector(vector: &Vector, shared: &Shared, nub: &mut Nub) -> Result<Vec<String>, Trouble> {
    if vector.calls.is_empty() {
        return Err(Trouble::Malformed("it has no calls, so nothing would be checked".into()));
    }
    let mut differences = Differences::default();
    nub.set_chain(vector.chain.as_ref().map(Chain::read).transpose()?.unwrap_or_default())?;
    let root = nub.load(shared.root(&vector.root)?)?;
    for (number, Step { call, outcome, .. }) in vector.calls.iter().enumerate() {
        let mut here = Differences::default();
        run_call(call, outcome, shared, nub, root, &mut here)?;
        differences.0.extend(here.0.into_iter().map(|difference| format!("call {number}: {difference}")));
    }
    nub.drop_instance(root);
    Ok(differences.0)
}

fn run_call(
    call: &Call,
    expected: &Outcome,
    shared: &Shared,
    nub: &mut Nub,
    root: InstanceId,
    differences: &mut Differences,
) -> Result<(), Trouble> {
    let arguments = call.arguments.iter().map(|argument| wide(argument)).collect::<Result<Vec<_>, _>>()?;
    let scratchpad = call.scratchpad.as_ref().map(|pages| -> Result<Vec<u8>, String> {
        let data = pages.data()?;
        let mut bytes =
            vec![0; usize::try_from(data.size()).map_err(|_| "a scratchpad that is too large".to_string())?];
        data.read(0, &mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    });
    let options = InvokeOptions {
        gas: call.gas,
        scratchpad: scratchpad.transpose()?,
        path: javm_cap::Path::new(&call.path).map_err(|error| error.to_string())?,
        gift: call.gift.as_ref().map(|gift| shared.value(gift)).transpose()?,
        origin: call.origin.as_deref().map(hash).transpose()?,
    };
    let found = match nub.invoke(root, call.endpoint, &arguments, &options) {
        Ok(outcome) => outcome.into_reached(call.gas),
        Err(Error::Invoke(refused)) => match refused.status() {
            Some(status) => Reached::refused(status, call.gas),
            None => return Err(Error::from(refused).into()),
        },
        Err(error) => return Err(error.into()),
    };
    let [scratchpad, gift] = found.live.map(|value| value.map(|value| value.hash()));
    let number = |number: u64| format!("{number:#x}");
    let name = |hash: Option<CapHash>| hash.map_or("nothing".into(), |hash| hash.to_string());
    let or_nothing = |hash: &Option<String>| hash.clone().unwrap_or("nothing".into());
    differences.compare("status", expected.status.clone(), found.status.name());
    differences.compare("value", expected.value.clone(), number(found.value));
    differences.compare("detail", expected.detail.clone(), number(found.detail));
    differences.compare("gas left", expected.gas_left.to_string(), found.gas_left.to_string());
    let logs = |entries: Vec<(String, String)>| format!("{entries:?}");
    differences.compare(
        "logs",
        logs(expected.logs.iter().map(|entry| (entry.topic.clone(), entry.bytes.clone())).collect()),
        logs(found.logs.iter().map(|entry| (number(entry.topic), hex::text(&entry.bytes))).collect()),
    );
    differences.compare("scratchpad", or_nothing(&expected.scratchpad), name(scratchpad));
    differences.compare("gift", or_nothing(&expected.gift), name(gift));
    differences.compare("root", expected.root.clone(), name(Some(nub.state_root(root)?)));
    for (path, hash) in &expected.hashes {
        let place = path.parse().map_err(|error| format!("the path {path}: {error}"))?;
        differences.compare(&format!("at {path}"), or_nothing(hash), name(nub.capability_hash(root, &place)?));
    }
    Ok(())
}

fn check_value(described: &Described, value: &Capability) -> Vec<String> {
    let mut differences = Differences::default();
    let measure = value.measure();
    differences.compare("hash", described.hash.clone(), value.hash().to_string());
    differences.compare("size", described.size.to_string(), measure.size.to_string());
    differences.compare("height", described.height.to_string(), measure.height.to_string());
    differences.0
}

/// The proof has to show the claim, and with any bit of it changed it must not.
fn check_proof(proof: &Proof) -> Result<Vec<String>, String> {
    let claim = match &proof.claim {
        Claim::Present(name) => nub::Claim::Present(CapHash(hash(name)?)),
        Claim::Absent => nub::Claim::Absent,
        Claim::Bytes { offset, bytes: text } => nub::Claim::Bytes { offset: *offset, bytes: bytes(text)? },
    };
    let mut proof = nub::Proof {
        root: CapHash(hash(&proof.root)?),
        path: javm_cap::Path::new(&proof.path).map_err(|error| error.to_string())?,
        claim,
        bytes: bytes(&proof.proof)?,
    };
    let mut differences = Vec::new();
    if let Err(error) = proof.verify() {
        differences.push(format!("the proof is refused: {error}"));
    }
    for index in 0..proof.bytes.len() {
        proof.bytes[index] ^= 1;
        if proof.verify().is_ok() {
            differences.push(format!("the proof is accepted with another byte {index}"));
        }
        proof.bytes[index] ^= 1;
    }
    Ok(differences)
}
