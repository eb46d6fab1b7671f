//! What shells and manuals want to know about the command.

use clap::{CommandFactory, Subcommand};

use super::Cli;
use super::failure::{Exit, Failure};
use super::output::Output;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of this command or of a subcommand
    Man {
        /// For example: run, or image build
        subcommand: Vec<String>,
    },
}

pub(super) fn run(command: Command, output: &mut Output) -> Result<Exit, Failure> {
    let mut cli = Cli::command();
    let mut text = Vec::new();
    match command {
        Command::Completions { shell } => clap_complete::generate(shell, &mut cli, "nub", &mut text),
        Command::Man { subcommand } => {
            cli.build();
            let mut page = &cli;
            for name in &subcommand {
                page = page
                    .find_subcommand(name)
                    .ok_or_else(|| Failure::Usage(format!("there is no subcommand '{}'", subcommand.join(" "))))?;
            }
            let rendered = clap_mangen::Man::new(page.clone()).render(&mut text);
            rendered.map_err(|error| Failure::write("manual page", error))?;
        }
    }
    output.bytes(&text)?;
    Ok(Exit::Success)
}
