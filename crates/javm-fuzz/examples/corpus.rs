//! Writes the corpus anew from real inputs: the public vectors, the example programs' Images and symbol maps, and, if
//! `guests/build --elf` has made them, their objects. `cargo run -p javm-fuzz --example corpus`
//!
//! Files named `regression-…` stay: they are inputs that a target once failed on.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use javm_cap::ValidImage;
use javm_fuzz::{Reached, random, targets};
use javm_isa::{Mode, Program, disassemble};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Files beyond this size are left out: a fuzzer gets further in small ones.
const LARGEST: usize = 10_000;
/// How many generated inputs there are of each target that has no real ones.
const GENERATED: usize = 12;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let vectors = vectors(&root.join("testdata/pvm"))?;
    let images: Vec<(String, Vec<u8>)> = files(&root.join("guests/images"), "nub")?;

    let mut programs = novel(vectors, instructions);
    for (name, bytes) in &images {
        programs.push((name.clone(), ValidImage::load(bytes)?.image().code.clone()));
    }
    let text = |blob: &Vec<u8>| Program::parse(blob).map(|program| disassemble(&program).into_bytes());
    let mut texts = Vec::new();
    for (name, blob) in novel(programs.clone(), instructions) {
        texts.push((name, text(&blob)?));
    }
    write("blob", "blob", programs)?;
    write("assembly", "pvm", texts)?;
    write("image", "nub", images)?;
    write("symbols", "json", files(&root.join("guests/images"), "sym")?)?;
    let without_real = [
        &targets::archive::TARGET,
        &targets::memory::TARGET,
        &targets::arguments::TARGET,
        &targets::interpreter::TARGET,
        &targets::proof::TARGET,
    ];
    for target in without_real {
        let inputs = (0..).map(|seed| (format!("generated-{seed}"), (target.generate)(&mut random(seed))));
        let accepted = inputs.filter(|(_, bytes)| (target.run)(bytes) == Reached::Accepted);
        write(target.name, "bin", accepted.take(GENERATED).collect())?;
    }
    write("interface", "typedef", interfaces()?)?;

    let objects = files(&root.join("guests/target/riscv"), "o").unwrap_or_default();
    if objects.is_empty() {
        eprintln!("corpus/elf stays as it is: no objects in guests/target/riscv (guests/build --elf)");
        return Ok(());
    }
    let mut stripped = Vec::new();
    for (name, bytes) in objects {
        stripped.push((name, strip(&bytes)?));
    }
    write("elf", "o", stripped)
}

/// The files in a folder with this extension, by name.
fn files(folder: &Path, extension: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = name.split('.').next().unwrap_or_default().to_owned();
            files.push((name, fs::read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

/// Name and program of each vector.
fn vectors(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut vectors = Vec::new();
    for (name, json) in files(folder, "json")? {
        let json: serde_json::Value = serde_json::from_slice(&json)?;
        let program = json["program"].as_array().ok_or_else(|| format!("{name} has no program"))?;
        vectors.push((name, program.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect()));
    }
    Ok(vectors)
}

/// Interfaces as text, and encoded.
fn interfaces() -> Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for (name, text) in targets::interface::EXAMPLES {
        let typedef: javm_types::TypeDef = text.parse()?;
        inputs.push((format!("{name}-text"), text.as_bytes().to_vec()));
        inputs.push((format!("{name}-bytes"), typedef.encode()));
    }
    Ok(inputs)
}

/// What instructions there are in a program.
fn instructions(blob: &[u8]) -> BTreeSet<u8> {
    let program = Program::parse(blob).ok();
    let opcodes = program.iter().flat_map(|program| program.instructions(Mode::Image));
    opcodes.map(|(_, instruction)| instruction.opcode.number()).collect()
}

/// Those of `inputs` that have features which the ones before do not have, the ones with the most first.
fn novel(mut inputs: Vec<(String, Vec<u8>)>, features: impl Fn(&[u8]) -> BTreeSet<u8>) -> Vec<(String, Vec<u8>)> {
    inputs.retain(|(_, bytes)| bytes.len() <= LARGEST);
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    loop {
        let news = |bytes: &[u8]| features(bytes).difference(&seen).count();
        let best = inputs.iter().max_by_key(|(_, bytes)| (news(bytes), usize::MAX - bytes.len()));
        let Some(best) = best.filter(|(_, bytes)| news(bytes) > 0).cloned() else { return kept };
        seen.extend(features(&best.1));
        kept.push(best);
    }
}

/// The object without what is for debuggers.
fn strip(object: &[u8]) -> Result<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus");
    fs::create_dir_all(&folder)?;
    let path = folder.join("object.o");
    fs::write(&path, object)?;
    let arguments = ["--strip-debug", "--remove-section=.comment", "--remove-section=.note*"];
    let status = Command::new("llvm-objcopy").args(arguments).arg(&path).status()?;
    if !status.success() {
        return Err(format!("llvm-objcopy: {status}").into());
    }
    Ok(fs::read(&path)?)
}

/// Replaces a target's corpus.
fn write(target: &str, extension: &str, inputs: Vec<(String, Vec<u8>)>) -> Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("regression-")) {
            fs::remove_file(path)?;
        }
    }
    let mut bytes = 0;
    let mut count = 0;
    for (name, input) in inputs.into_iter().filter(|(_, input)| input.len() <= LARGEST) {
        bytes += input.len();
        count += 1;
        fs::write(folder.join(format!("{name}.{extension}")), input)?;
    }
    println!("{target}: {count} inputs, {bytes} bytes");
    Ok(())
}
