//! `nub state`: looks at the tree that a manifest describes, and at what its calls have made of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use javm_cap::{CNode, CapHash, Capability, Path, RunState};
use nub::{Claim, InstanceId, Nub, Proof};
use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::files;
use super::hex;
use super::machine::Machine;
use super::manifest::Tree;
use super::number;
use super::output::{FAINT, GOOD, Output};
use super::place::Nearest;

/// Look at the tree that a manifest describes, after the calls that it makes
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Show what stands at a place, and everything below it
    Ls(Place),
    /// Write the bytes of a Data to standard output
    Cat(Cat),
    /// Print the hash of what stands at a place
    Hash(Place),
    /// Prove what stands at a place, that nothing does, or what bytes a Data has
    Prove(Prove),
    /// Check a proof against a root hash
    Verify(Verify),
}

/// A place in a tree.
#[derive(Args, Debug)]
pub(super) struct Place {
    /// The manifest of the tree
    #[arg(long, short, value_name = "FILE")]
    manifest: PathBuf,
    /// The place: slots behind a / each, as /10/1
    #[arg(default_value = "/")]
    path: Path,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Args, Debug)]
pub(super) struct Cat {
    #[command(flatten)]
    place: Place,
    /// The first byte
    #[arg(long, default_value_t = 0, value_parser = number::parse)]
    offset: u64,
    /// How many bytes; all that follow if it is left out
    #[arg(long, value_parser = number::parse)]
    length: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Prove {
    #[command(flatten)]
    place: Place,
    /// Where the proof is written to, as JSON
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Prove bytes of the Data there, from this one on
    #[arg(long, requires = "length", value_parser = number::parse)]
    offset: Option<u64>,
    /// How many bytes
    #[arg(long, requires = "offset", value_parser = number::parse)]
    length: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Verify {
    /// The root hash that one has from elsewhere
    root: CapHash,
    /// The proof
    file: PathBuf,
}

/// The largest proof that is read: of the most bytes, in hexadecimal digits.
const MAX_PROOF_BYTES: u64 = 4 * nub::MAX_PROVED_BYTES;

pub(super) fn run(command: Command, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Command::Ls(place) => list(&place, output),
        Command::Cat(arguments) => cat(&arguments, output),
        Command::Hash(place) => hash(&place, output),
        Command::Prove(arguments) => prove(&arguments, output),
        Command::Verify(arguments) => verify(&arguments, output),
    }
}

impl Place {
    fn load(&self) -> Result<(Nub, InstanceId), Failure> {
        let tree = Tree::read(&self.manifest)?;
        let mut nub = self.machine.start(&self.manifest)?;
        let root = tree.load(&mut nub)?;
        Ok((nub, root))
    }

    fn refused(&self, error: nub::Error) -> Failure {
        Failure::nub(&self.manifest, error)
    }

    /// How far the way there leads, as far as a machine says it.
    fn nearest(&self, nub: &mut Nub, root: InstanceId) -> Option<Nearest> {
        Nearest::to(&self.path, |place| Some(nub.describe(root, place).ok()??.kind))
    }

    fn nothing(&self, nub: &mut Nub, root: InstanceId) -> Failure {
        let way = self.nearest(nub, root).map(|nearest| format!(": {}", nearest.way_to(&self.path, &self.manifest)));
        Failure::Usage(format!("nothing stands at {}{}", self.path, way.unwrap_or_default()))
    }

    fn find(&self) -> Result<Capability, Failure> {
        let (mut nub, root) = self.load()?;
        let found = nub.capability(root, &self.path).map_err(|error| self.refused(error))?;
        found.ok_or_else(|| self.nothing(&mut nub, root))
    }
}

/// What there is to say of a capability beside its kind, size and hash.
fn details(capability: &Capability) -> String {
    match capability {
        Capability::Instance(instance) => {
            let mut text = match instance.state() {
                RunState::Idle => String::from("idle"),
                RunState::Suspended(suspended) => format!("suspended ({:?})", suspended.why),
            };
            if let Some(quota) = instance.quota() {
                text += &format!(", quota {}", number::grouped(quota));
            }
            if let Some(home) = instance.home() {
                text += &format!(", home {home}");
            }
            text
        }
        Capability::TypeDef(typedef) => typedef.definition().name().to_string(),
        Capability::Callable(callable) => {
            let right = callable.right();
            format!("to {}, badge {}", right.path, right.badge)
        }
        Capability::Service(service) => match nub_kernel::service::Service::from_number(service.id) {
            Some(known) => format!("{}, parameter {}", known.name(), service.parameter),
            None => format!("number {}, parameter {}", service.id, service.parameter),
        },
        Capability::Data(data) => format!("{} stored", data.used_pages()),
        Capability::CNode(table) => format!("{} slots taken", table.iter().count()),
        Capability::Image(image) => {
            let names: Vec<&str> = image.image().endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
            names.join(", ")
        }
    }
}

fn object(path: &Path, capability: &Capability) -> Value {
    let measure = capability.measure();
    let mut object = json!({
        "path": path.to_string(),
        "kind": capability.tag().text(),
        "size": measure.size,
        "height": measure.height,
        "hash": capability.hash().to_string(),
        "details": details(capability),
    });
    if let Capability::Instance(instance) = capability {
        object["image"] = instance.image().hash().to_string().into();
        object["state"] = match instance.state() {
            RunState::Idle => "idle",
            RunState::Suspended(_) => "suspended",
        }
        .into();
        object["quota"] = instance.quota().into();
        object["home"] = instance.home().map(ToString::to_string).into();
    }
    object
}

fn list(place: &Place, output: &mut Output) -> Result<Exit, Failure> {
    let top = place.find()?;
    if !output.is_json() {
        output.line(format_args!("{FAINT}place             kind      pages         hash          what{FAINT:#}"))?;
    }
    let mut ahead = vec![(place.path, &top)];
    while let Some((path, capability)) = ahead.pop() {
        if output.is_json() {
            output.object(&object(&path, capability))?;
        } else {
            let hash = capability.hash().to_string();
            output.line(format_args!(
                "{:<16}  {:<8}  {:>12}  {}…  {}",
                path.to_string(),
                capability.tag().text(),
                number::grouped(capability.measure().size),
                &hash[..12],
                details(capability),
            ))?;
        }
        let below: Vec<_> = capability.table().into_iter().flat_map(CNode::iter).collect();
        // What is shared is shown wherever it stands; paths are no longer than values are high.
        ahead.extend(below.into_iter().rev().filter_map(|(slot, below)| Some((path.join(&[slot]).ok()?, below))));
    }
    Ok(Exit::Success)
}

fn cat(arguments: &Cat, output: &mut Output) -> Result<Exit, Failure> {
    let place = &arguments.place;
    let Capability::Data(data) = place.find()? else {
        return Err(Failure::Usage(format!("no Data stands at {}: `nub state ls` shows what does", place.path)));
    };
    let (offset, size) = (arguments.offset, data.size());
    let length = arguments.length.unwrap_or(size.saturating_sub(offset));
    let Some(end) = offset.checked_add(length).filter(|&end| end <= size) else {
        return Err(Failure::Usage(format!("--offset and --length: the Data at {} has {size} bytes", place.path)));
    };
    if output.is_json() {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        data.read(offset, &mut bytes).map_err(|error| Failure::Usage(error.to_string()))?;
        output.object(&json!({ "path": place.path.to_string(), "offset": offset, "bytes": hex::text(&bytes) }))?;
        return Ok(Exit::Success);
    }
    // In pieces, as it may be 4 GiB.
    let mut piece = vec![0; 1 << 20];
    let mut at = offset;
    while at < end {
        let part = usize::try_from(end - at).map_or(piece.len(), |rest| rest.min(piece.len()));
        data.read(at, &mut piece[..part]).map_err(|error| Failure::Usage(error.to_string()))?;
        output.bytes(&piece[..part])?;
        at += part as u64;
    }
    Ok(Exit::Success)
}

fn hash(place: &Place, output: &mut Output) -> Result<Exit, Failure> {
    let (mut nub, root) = place.load()?;
    let found = nub.describe(root, &place.path).map_err(|error| place.refused(error))?;
    let found = found.ok_or_else(|| place.nothing(&mut nub, root))?;
    if output.is_json() {
        output.object(&json!({
            "path": place.path.to_string(), "kind": found.kind.text(), "hash": found.hash.to_string()
        }))?;
    } else {
        output.line(found.hash)?;
    }
    Ok(Exit::Success)
}

fn prove(arguments: &Prove, output: &mut Output) -> Result<Exit, Failure> {
    let place = &arguments.place;
    files::check_writable(&arguments.output)?;
    let (mut nub, root) = place.load()?;
    let proof = match (arguments.offset, arguments.length) {
        (Some(offset), Some(length)) => nub.prove_bytes(root, &place.path, offset, length),
        _ => nub.prove(root, &place.path),
    };
    let proof = proof.map_err(|error| {
        let instead = match error {
            nub::Error::NoProof(_) => place.nearest(&mut nub, root).and_then(|found| found.proof_instead(&place.path)),
            _ => None,
        };
        place.refused(error).hinted(instead)
    })?;
    let claim = match &proof.claim {
        Claim::Present(hash) => json!({ "present": hash.to_string() }),
        Claim::Absent => json!("absent"),
        Claim::Bytes { offset, bytes } => json!({ "offset": offset, "bytes": hex::text(bytes) }),
    };
    let (root, path) = (proof.root.to_string(), place.path.to_string());
    let object = json!({ "root": root, "path": path, "claim": claim, "proof": hex::text(&proof.bytes) });
    files::write(&arguments.output, format!("{object}\n").as_bytes())?;
    if output.is_json() {
        output.object(&json!({ "root": root, "path": path, "claim": claim, "proof_bytes": proof.bytes.len() }))?;
    } else {
        output.line(format_args!(
            "root   {root}\nproof  {} bytes of {path}",
            number::grouped(proof.bytes.len() as u64)
        ))?;
    }
    Ok(Exit::Success)
}

/// What [`prove`] wrote.
fn read_proof(text: &[u8]) -> Result<Proof, String> {
    let object: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).map(String::from).ok_or_else(|| format!("`{key}` is no text"))
    };
    let digits = |value: &Value, key: &str| hex::parse(&text(value, key)?).map(|bytes| bytes.0);
    let in_key = |key: &str, error: String| format!("{key}: {error}");
    let parse_hash = |text: String| text.parse::<CapHash>().map_err(|error| error.to_string());
    let claim = object.get("claim").ok_or("`claim` is missing")?;
    let claim = if claim.as_str() == Some("absent") {
        Claim::Absent
    } else if claim.get("present").is_some() {
        Claim::Present(parse_hash(text(claim, "present")?).map_err(|error| in_key("present", error))?)
    } else {
        let offset = claim.get("offset").and_then(Value::as_u64).ok_or("`offset` is no number")?;
        Claim::Bytes { offset, bytes: digits(claim, "bytes").map_err(|error| in_key("bytes", error))? }
    };
    Ok(Proof {
        root: parse_hash(text(&object, "root")?).map_err(|error| in_key("root", error))?,
        path: text(&object, "path")?
            .parse()
            .map_err(|error: javm_cap::ParsePathError| in_key("path", error.to_string()))?,
        claim,
        bytes: digits(&object, "proof").map_err(|error| in_key("proof", error))?,
    })
}

fn verify(arguments: &Verify, output: &mut Output) -> Result<Exit, Failure> {
    let Verify { root, file } = arguments;
    let text = files::read(file, "a proof", MAX_PROOF_BYTES)?;
    let proof = read_proof(&text).map_err(|error| Failure::malformed(file, format!("this is no proof: {error}")))?;
    // What the file says of the root is nobody's word.
    let checked = Proof { root: *root, ..proof };
    let found = checked.verify().map_err(|error| error.to_string());
    let said = match &checked.claim {
        Claim::Present(hash) => format!("{hash} stands at {}", checked.path),
        Claim::Absent => format!("nothing stands at {}", checked.path),
        Claim::Bytes { offset, bytes } => {
            format!("the Data at {} has these {} bytes from byte {offset} on", checked.path, bytes.len())
        }
    };
    if output.is_json() {
        let error = found.as_ref().err();
        output.object(&json!({ "shown": found.is_ok(), "claim": said, "error": error }))?;
    } else {
        match &found {
            Ok(()) => output.line(format_args!("{GOOD}shown{GOOD:#}  {said}"))?,
            Err(error) => output.line(format_args!("not shown: that {said}: {error}"))?,
        }
    }
    Ok(if found.is_ok() { Exit::Success } else { Exit::CheckFailed })
}
