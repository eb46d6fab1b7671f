//! Links files and prints how large the results are and how long it took: `link [--repeat N] FILE...`.
//! With `--disassemble` the code of the last file is printed too, with the names of its functions.

use std::time::Instant;

use javm_isa::{Mode, Program};
use javm_link::{Options, link};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut repeat = 1_u32;
    let mut disassemble = false;
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--repeat" => repeat = arguments.next().unwrap_or_default().parse()?,
            "--disassemble" => disassemble = true,
            _ => files.push(argument),
        }
    }
    println!(
        "{:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>9}  file",
        "rv insns", "rv bytes", "insns", "bytes", "table", "funcs", "link µs"
    );
    for file in &files {
        let bytes = std::fs::read(file)?;
        let options = Options { input_name: file.clone(), ..Options::default() };
        let mut best = f64::INFINITY;
        let mut linked = None;
        for _ in 0..repeat.max(1) {
            let start = Instant::now();
            let result = link(&bytes, &options);
            best = best.min(start.elapsed().as_secs_f64() * 1e6);
            linked = Some(result);
        }
        let linked = match linked {
            Some(Ok(linked)) => linked,
            Some(Err(error)) => {
                println!("{file}: {error}");
                continue;
            }
            None => continue,
        };
        let r = &linked.report;
        println!(
            "{:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {best:>9.0}  {file}",
            r.riscv_instructions, r.riscv_bytes, r.instructions, r.code_bytes, r.jump_table_entries, r.functions
        );
        if disassemble {
            print_code(&linked)?;
        }
    }
    Ok(())
}

fn print_code(linked: &javm_link::Linked) -> Result<(), Box<dyn std::error::Error>> {
    let program = Program::parse(&linked.image.code)?;
    let mut last = None;
    for (pc, instruction) in program.instructions(Mode::Image) {
        let function = linked.symbols.function_at(pc);
        if function != last {
            println!("{}:", function.map_or("?", |function| &function.name));
            last = function;
        }
        println!("{pc:8x}  {instruction:?}");
    }
    println!("{:?}", program.jump_table());
    println!("{}", linked.symbols.to_json()?);
    Ok(())
}
