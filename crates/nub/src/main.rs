//! The `nub` command. Everything is in [`command`]; this is only where the process begins and ends.

#![forbid(unsafe_code)]

mod command;

fn main() -> std::process::ExitCode {
    command::main()
}
