//! Measures how long block costs take: `cargo run --release -p javm-isa --example block_costs [FILE]...`
//!
//! Each file is an Image or a program blob; without one, generated programs are measured.

use std::hint::black_box;
use std::time::{Duration, Instant};

use javm_cap::ValidImage;
use javm_isa::{BlockCosts, CostModel, Mode, Program};
use javm_testgen::{Config, generate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut programs = Vec::new();
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file)?;
        let program = match ValidImage::load(&bytes) {
            Ok(image) => image.program().clone(),
            Err(_) => Program::parse(&bytes)?,
        };
        programs.push((file, program, Mode::Image));
    }
    if programs.is_empty() {
        let config = Config { blocks: 20_000..=20_000, steps: 0..=6, ..Config::default() };
        programs.push(("generated, short blocks".into(), generate(&config, 1).program(), Mode::Bare));
        let config = Config { blocks: 2_000..=2_000, steps: 40..=80, ..Config::default() };
        programs.push(("generated, long blocks".into(), generate(&config, 1).program(), Mode::Bare));
    }
    for (name, program, mode) in &programs {
        let starts = program.block_starts(*mode);
        let instructions = program.instructions(*mode).count();
        println!("{name}: {instructions} instructions in {} blocks", starts.iter().count());
        let per_instruction = |time: Duration| time.as_secs_f64() * 1e9 / instructions as f64;
        let decoding = fastest(|| program.instructions(*mode).map(|(_, i)| i.x ^ u64::from(i.target)).sum::<u64>());
        println!("  decoding      {:6.2} ns an instruction", per_instruction(decoding));
        println!("  block starts  {:6.2} ns", per_instruction(fastest(|| program.block_starts(*mode))));
        for model in [CostModel::Flat, CostModel::Pipeline] {
            let time = fastest(|| BlockCosts::of(program, *mode, model, &starts));
            println!("  {:13} {:6.2} ns", format!("{model:?}"), per_instruction(time));
        }
    }
    Ok(())
}

/// The shortest of many times that `work` takes.
fn fastest<T>(mut work: impl FnMut() -> T) -> Duration {
    let end = Instant::now() + Duration::from_millis(500);
    let mut fastest = Duration::MAX;
    while Instant::now() < end {
        let start = Instant::now();
        black_box(work());
        fastest = fastest.min(start.elapsed());
    }
    fastest
}
