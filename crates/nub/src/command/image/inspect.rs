//! `nub image inspect`: what an Image holds and wants.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use javm_cap::{Access, Backing, Import, PAGE_SIZE, SCRATCHPAD_SLOT, ValidImage, Wanted};
use javm_isa::{BlockCosts, Mode, Reg};
use nub::types::{Method, Struct};
use nub_kernel::service::Service;
use serde_json::{Value, json};

use super::load;
use super::sizes::Sizes;
use crate::command::failure::{Exit, Failure};
use crate::command::number;
use crate::command::output::{FAINT, Output, STRONG};
use crate::command::symbols::Symbols;

/// Show an Image's endpoints, memory map, slots, imports and sizes
#[derive(Args, Debug)]
pub(in crate::command) struct Arguments {
    /// The Image
    image: PathBuf,
    /// Show what its bytes are instead: parts of the file, functions, variables; the largest first
    #[arg(long)]
    sizes: bool,
    /// Show all functions and variables, not only the largest
    #[arg(long, requires = "sizes")]
    all: bool,
}

/// What its code comes to.
struct CodeFigures {
    instructions: usize,
    blocks: usize,
    /// Gas of its most expensive block.
    largest_block: u32,
}

fn code_figures(image: &ValidImage) -> CodeFigures {
    let program = image.program();
    let starts = program.block_starts(Mode::Image);
    let costs = BlockCosts::of(program, Mode::Image, image.image().cost_model, &starts);
    CodeFigures {
        instructions: program.instructions(Mode::Image).count(),
        blocks: costs.iter().len(),
        largest_block: costs.iter().map(|(_, cost)| cost).max().unwrap_or(0),
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let image = load(&arguments.image)?;
    let symbols = Symbols::beside(&arguments.image, &image.hash());
    if arguments.sizes {
        let sizes = Sizes::of(&image, &symbols);
        if output.is_json() {
            output.object(&sizes.object())?;
        } else {
            sizes.print(arguments.all, output)?;
        }
    } else if output.is_json() {
        output.object(&object(&image))?;
    } else {
        print(&image, &symbols, output)?;
    }
    Ok(Exit::Success)
}

/// The structs that the endpoints mention, once each, each behind those that it consists of.
fn structs(image: &ValidImage) -> Vec<&Struct> {
    let mut seen = HashSet::new();
    let signatures = image.image().endpoints.iter().filter_map(|endpoint| endpoint.signature.as_ref());
    let mut found: Vec<&Struct> = signatures.flat_map(Method::structs).collect();
    found.retain(|structure| seen.insert((&structure.name, &structure.fields)));
    found
}

fn wanted(import: &Import) -> String {
    match import.wanted {
        Wanted::Service(id) => match Service::from_number(id) {
            Some(service) => format!("service {}", service.name()),
            None => format!("service {id}"),
        },
        Wanted::TypeDef(hash) => format!("interface {hash}"),
        _ => "unknown".into(),
    }
}

fn object(image: &ValidImage) -> Value {
    let figures = code_figures(image);
    let content = image.image();
    json!({
        "hash": image.hash().to_string(),
        "cost_model": format!("{:?}", content.cost_model).to_lowercase(),
        "code": {
            "bytes": image.program().code_length(),
            "instructions": figures.instructions,
            "blocks": figures.blocks,
            "largest_block_gas": figures.largest_block,
            "jump_table_entries": image.program().jump_table().len(),
        },
        "endpoints": content.endpoints.iter().map(|endpoint| json!({
            "name": endpoint.name.as_str(),
            "arguments": endpoint.arity,
            "signature": endpoint.signature.as_ref().map(ToString::to_string),
            "entry": endpoint.entry,
            "stack_pointer": endpoint.registers[Reg::SP.index()],
        })).collect::<Vec<_>>(),
        "structs": structs(image).iter().map(|structure| (structure.name.to_string(), structure.fields.iter().map(|field|
            json!({ "name": field.name.as_str(), "type": field.ty.to_string() })).collect::<Vec<_>>().into()
        )).collect::<serde_json::Map<_, _>>(),
        "memory": content.memory.iter().map(|(first, mapping)| {
            let (slot, offset) = match mapping.backing {
                Backing::Persistent { slot, offset_pages } => (Some(slot), Some(offset_pages)),
                Backing::Ephemeral => (None, None),
            };
            json!({
                "address": u64::from(*first) * PAGE_SIZE as u64,
                "pages": mapping.pages,
                "writable": mapping.access == Access::ReadWrite,
                "slot": slot,
                "offset_pages": offset,
            })
        }).collect::<Vec<_>>(),
        "slots": content.slots.iter().map(|(slot, data)| json!({
            "slot": slot, "pages": data.pages(), "hash": data.hash().to_string(),
        })).collect::<Vec<_>>(),
        "imports": content.imports.iter().map(|(slot, import)| json!({
            "slot": slot, "wanted": wanted(import), "required": import.required,
        })).collect::<Vec<_>>(),
    })
}

fn print(image: &ValidImage, symbols: &Symbols, output: &mut Output) -> Result<(), Failure> {
    let figures = code_figures(image);
    let content = image.image();
    let heading = |output: &mut Output, text: &str| output.line(format_args!("\n{STRONG}{text}{STRONG:#}"));
    output.line(format_args!("{STRONG}Image{STRONG:#}       {}", image.hash()))?;
    output.line(format_args!("cost model  {}", format!("{:?}", content.cost_model).to_lowercase()))?;
    output.line(format_args!(
        "code        {}: {} instructions in {} blocks of at most {} gas, {} jump table entries",
        number::size(image.program().code_length().into()),
        number::grouped(figures.instructions as u64),
        number::grouped(figures.blocks as u64),
        number::grouped(figures.largest_block.into()),
        number::grouped(image.program().jump_table().len() as u64),
    ))?;
    heading(output, "Endpoints")?;
    for (index, endpoint) in content.endpoints.iter().enumerate() {
        let called = match (&endpoint.signature, endpoint.arity) {
            (Some(signature), _) => signature.to_string(),
            (None, 1) => format!("{}, 1 number", endpoint.name),
            (None, arity) => format!("{}, {arity} numbers", endpoint.name),
        };
        let place = symbols.place(endpoint.entry);
        output.line(format_args!("{index:>3}  {called:<50}  {FAINT}{place}{FAINT:#}"))?;
    }
    for structure in structs(image) {
        let fields: Vec<String> = structure.fields.iter().map(ToString::to_string).collect();
        output.line(format_args!("     struct {} {{ {} }}", structure.name, fields.join(", ")))?;
    }
    heading(output, "Memory")?;
    for (&first, mapping) in &content.memory {
        let access = match mapping.access {
            Access::ReadOnly => "read-only ",
            Access::ReadWrite => "read-write",
        };
        let source = match mapping.backing {
            Backing::Ephemeral => "zero at each call".to_string(),
            Backing::Persistent { slot: SCRATCHPAD_SLOT, .. } => "the scratchpad".into(),
            Backing::Persistent { slot, offset_pages: 0 } => format!("slot {slot}"),
            Backing::Persistent { slot, offset_pages } => format!("slot {slot} from page {offset_pages} on"),
        };
        let start = u64::from(first) * PAGE_SIZE as u64;
        let bytes = u64::from(mapping.pages) * PAGE_SIZE as u64;
        output.line(format_args!(
            "{start:#010x}..{:#010x}  {access}  {:>10}  {source}",
            start + bytes,
            number::size(bytes)
        ))?;
    }
    if !content.slots.is_empty() {
        heading(output, "Initial slots")?;
        for (slot, data) in &content.slots {
            output.line(format_args!(
                "{slot:>3}  Data of {}  {FAINT}{}{FAINT:#}",
                number::size(data.size()),
                data.hash()
            ))?;
        }
    }
    if !content.imports.is_empty() {
        heading(output, "Imports")?;
        for (slot, import) in &content.imports {
            let required = if import.required { "required" } else { "optional" };
            output.line(format_args!("{slot:>3}  {}  {required}", wanted(import)))?;
        }
    }
    Ok(())
}
