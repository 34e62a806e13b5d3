//! Builds the gateway again when its page was built: `rust-embed` alone does not notice a page that was not there before.

fn main() {
    // A path that is missing would make cargo build every time. An empty folder is a gateway without its page, and says so.
    let _ = std::fs::create_dir_all("ui/dist");
    println!("cargo::rerun-if-changed=ui/dist");
    println!("cargo::rerun-if-changed=build.rs");
}
