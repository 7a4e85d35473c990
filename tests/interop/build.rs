//! Compiles the peer in C against the header of the Aeron that the driver is built from.

fn main() {
    println!("cargo:rerun-if-changed=peer.c");
    println!("cargo:rerun-if-changed=build.rs");
    // What the package that links Aeron tells of itself.
    let Some(include) = std::env::var_os("DEP_AERON_DRIVER_CLIENT_INCLUDE") else {
        panic!("rusteron-media-driver does not say where Aeron's header is");
    };
    cc::Build::new().file("peer.c").include(include).warnings(true).compile("vesta_c_peer");
}
