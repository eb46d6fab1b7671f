//! `nub image disasm`: an Image's code as assembly text, with the gas of each block.

use std::path::PathBuf;

use clap::Args;
use javm_isa::asm::Listing;
use javm_isa::{BlockCosts, Mode};
use serde_json::json;

use super::load;
use crate::command::failure::{Exit, Failure};
use crate::command::output::{FAINT, Output, STRONG};
use crate::command::symbols::Symbols;

/// Show an Image's code as assembly text: offset, gas of the block that starts there, instruction
#[derive(Args, Debug)]
pub(in crate::command) struct Arguments {
    /// The Image
    image: PathBuf,
    /// Only this function, by the name that the symbol file has for it, or a part of it
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Text that assembles to the same program blob, without offsets and gas
    #[arg(long, conflicts_with = "function")]
    plain: bool,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let image = load(&arguments.image)?;
    let symbols = Symbols::beside(&arguments.image, &image.hash());
    let program = image.program();
    if arguments.plain {
        output.line(Listing::of(program))?;
        return Ok(Exit::Success);
    }
    let starts = program.block_starts(Mode::Image);
    let costs = BlockCosts::of(program, Mode::Image, image.image().cost_model, &starts);
    let mut shown = false;
    for (pc, instruction) in program.instructions(Mode::Image) {
        let function = symbols.function(pc).map(|(name, _)| name);
        if let Some(asked) = &arguments.function
            && !function.is_some_and(|name| name.contains(asked.as_str()))
        {
            continue;
        }
        shown = true;
        let gas = costs.get(pc);
        let text = instruction.to_string();
        if output.is_json() {
            output.object(&json!({
                "pc": pc,
                "gas": gas,
                "function": function,
                "instruction": text,
                "target": instruction.static_target(),
            }))?;
            continue;
        }
        if let Some(name) = symbols.starting_at(pc) {
            output.line(format_args!("\n{STRONG}{name}:{STRONG:#}"))?;
        }
        let gas = gas.map_or(String::new(), |gas| gas.to_string());
        let target = match instruction.static_target() {
            Some(target) => {
                let place = symbols.starting_at(target).map_or_else(|| symbols.place(target), str::to_string);
                format!("  {FAINT}; {place}{FAINT:#}")
            }
            None => String::new(),
        };
        output.line(format_args!("{FAINT}{pc:8x} {gas:>6}{FAINT:#}  {text}{target}"))?;
    }
    match &arguments.function {
        Some(asked) if !shown => Err(Failure::Malformed {
            path: arguments.image.clone(),
            reason: format!("no function is named '{asked}'"),
            hint: Some("names come from the symbol file beside the Image; without --function all code is shown"),
        }),
        _ => Ok(Exit::Success),
    }
}
