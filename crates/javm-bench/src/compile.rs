//! The group `compile`: what an instruction costs before a program can run. For the interpreter that is predecoding,
//! with gas of either model.

use std::hint::black_box;

use javm_interpreter::Code;
use javm_isa::{CostModel, Mode};

use crate::Selection;
use crate::exec::load;
use crate::measure::{self, Contender, timed};
use crate::report::{Line, Report};
use crate::workload;

/// Short programs are predecoded so often in a row that about this many instructions are.
const INSTRUCTIONS: usize = 20_000;

/// Measures the code of every selected Image.
///
/// # Errors
/// When standard output cannot be written. An Image that cannot be read is left out, and standard error says why.
pub fn run(selection: &Selection) -> std::io::Result<()> {
    let mut report = Report::start(selection.json, "local", &[])?;
    let mut images: Vec<&str> = workload::all().iter().map(|workload| workload.image).collect();
    images.sort_unstable();
    images.dedup();
    for image in images {
        for (group, model) in [("compile-flat", CostModel::Flat), ("compile-pipeline", CostModel::Pipeline)] {
            let name = format!("{group}/{image}");
            if !selection.takes(&name) {
                continue;
            }
            match measure(name.clone(), image, model, selection) {
                Ok(line) => report.line(&line)?,
                Err(reason) => eprintln!("{name} is left out: {reason}"),
            }
        }
    }
    report.finish()
}

fn measure(name: String, image: &str, model: CostModel, selection: &Selection) -> Result<Line, String> {
    let image = load(image)?;
    let program = image.program();
    let instructions = program.instructions(Mode::Image).count().max(1);
    let repeats = INSTRUCTIONS.div_ceil(instructions);
    let contender: Contender<'_> = Box::new(|| {
        let all = || (0..repeats).for_each(|_| drop(black_box(Code::new(black_box(program), Mode::Image, model))));
        Ok(timed(all).0)
    });
    let times = measure::in_turns(&mut [contender], selection.time)?;
    let nub = times[0].divided((repeats * instructions) as f64);
    Ok(Line { name, unit: "ns/instruction", nub, peers: Vec::new(), note: String::new() })
}
