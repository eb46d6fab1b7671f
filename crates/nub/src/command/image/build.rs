//! `nub image build`: links a RISC-V file into an Image.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use javm_isa::CostModel;
use javm_link::link;
use serde_json::json;

use crate::command::failure::{Exit, Failure};
use crate::command::files;
use crate::command::number;
use crate::command::output::{GOOD, Output, STRONG, say};
use crate::command::symbols;

/// Link a RISC-V ELF file or relocatable object into an Image
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  nub image build counter.elf --output counter.nub")]
pub(in crate::command) struct Arguments {
    /// RV64EMC + Zbb, ABI lp64e, with its relocations kept (-r, or --emit-relocs)
    input: PathBuf,
    /// The Image; its symbols go to a file of that name with .sym behind it
    #[arg(long, short)]
    output: PathBuf,
    /// The stack, for example 64KiB; otherwise as the program says
    #[arg(long, value_name = "BYTES", value_parser = number::parse_size)]
    stack: Option<u32>,
    /// The heap; otherwise as the program says
    #[arg(long, value_name = "BYTES", value_parser = number::parse_size)]
    heap: Option<u32>,
    /// The part of the scratchpad that is mapped; otherwise as the program says
    #[arg(long, value_name = "BYTES", value_parser = number::parse_size)]
    scratchpad: Option<u32>,
    /// How gas is computed
    #[arg(long, value_enum, default_value_t = CostModelArgument::Pipeline)]
    cost_model: CostModelArgument,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CostModelArgument {
    /// One unit an instruction
    Flat,
    /// The cycles of a simulated machine
    Pipeline,
}

impl From<CostModelArgument> for CostModel {
    fn from(argument: CostModelArgument) -> CostModel {
        match argument {
            CostModelArgument::Flat => CostModel::Flat,
            CostModelArgument::Pipeline => CostModel::Pipeline,
        }
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let input = &arguments.input;
    let bytes = files::read(input, "a program", files::MAX_ELF_BYTES)?;
    let options = javm_link::Options {
        stack: arguments.stack,
        heap: arguments.heap,
        scratchpad: arguments.scratchpad,
        cost_model: arguments.cost_model.into(),
        input_name: input.to_string_lossy().into_owned(),
    };
    let linked =
        link(&bytes, &options).map_err(|error| Failure::Link { path: input.clone(), error: Box::new(error) })?;
    let image = linked.image.encode();
    let symbol_path = symbols::path_for(&arguments.output);
    let text = linked.symbols.to_json().map_err(|error| Failure::write(symbol_path.display(), error.into()))?;
    files::write(&arguments.output, &image)?;
    files::write(&symbol_path, text.as_bytes())?;
    for note in linked.notes.iter().filter(|_| !output.is_json()) {
        say(STRONG, "note", &format!("{}: {note}", input.display()));
    }
    let hash = linked.image.hash();
    if output.is_json() {
        output.object(&json!({
            "image": arguments.output,
            "symbols": symbol_path,
            "hash": hash.to_string(),
            "bytes": image.len(),
            "report": linked.report,
            "notes": linked.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))?;
    } else {
        let (report, size) = (&linked.report, number::size(image.len() as u64));
        output.line(format_args!("{GOOD}built{GOOD:#}  {hash}  {}  {size}", arguments.output.display()))?;
        output.line(format_args!(
            "       {} instructions from {} of RISC-V, {} functions",
            number::grouped(report.instructions as u64),
            number::grouped(report.riscv_instructions as u64),
            number::grouped(report.functions as u64),
        ))?;
    }
    Ok(Exit::Success)
}
