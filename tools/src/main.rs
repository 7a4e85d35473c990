//! The `vesta` command. Exit status: 0 only if what was asked for holds, 1 if it does not, 2 if it
//! could not be tried (arguments, configuration, a port that is taken).

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
