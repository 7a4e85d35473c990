//! The `vesta` command. Exit status: 0 only if what was asked for holds, 1 if it does not, 2 if it
//! could not be tried (arguments, configuration, a port that is taken).

mod cli;

use std::process::ExitCode;
use vesta_engine_abi::CountingAllocator;

/// For `vesta bench matching`, which tells how often the matching core allocates. To everybody else it
/// is the system's allocator and one addition.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    cli::main()
}
