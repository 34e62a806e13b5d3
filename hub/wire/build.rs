//! Generates the messages from `proto/yiwang.proto` with protox, so that no protoc is needed on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto/yiwang.proto");
    let descriptors = protox::compile(["yiwang.proto"], ["proto"])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
