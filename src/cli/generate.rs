//! `hardmax generate`: what packages of the command bring along, for shells and for `man`.
//!
//! Both follow from the flags as they are declared, so neither is kept in the repository.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, CliError, Verdict, outputs};

/// Print the completions of a shell, or write manual pages.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax generate completions bash
  hardmax generate man /tmp/hardmax-man")]
pub struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the completions of a shell to standard output
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write a manual page for each command into this directory
    Man {
        /// Where to
        directory: PathBuf,
    },
}

/// The manual page of a command, and those of its subcommands.
fn pages(command: &clap::Command, directory: &Path) -> Result<(), CliError> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        pages(subcommand, directory)?;
    }
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text).expect("vectors take all");
    outputs::write(&directory.join(page.get_filename()), &text)
}

impl Generate {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let mut command = Cli::command();
        match &self.what {
            What::Completions { shell } => {
                // Into memory first: the library takes a closed pipe for a bug.
                let mut text = Vec::new();
                clap_complete::generate(*shell, &mut command, "hardmax", &mut text);
                std::io::stdout().write_all(&text).map_err(CliError::Stdout)?;
            }
            What::Man { directory } => {
                let failed = |source| CliError::Write { path: directory.clone(), source };
                std::fs::create_dir_all(directory).map_err(failed)?;
                // The pages of subcommands name them in full only after this.
                command = command.disable_help_subcommand(true);
                command.build();
                pages(&command, directory)?;
            }
        }
        Ok(Verdict::Done)
    }
}
