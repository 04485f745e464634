//! Builds the runtime for WebAssembly with its benchmarks.

use std::fs;

fn main() {
    // The builder wants it whole: it writes it into a manifest elsewhere.
    let manifest = fs::canonicalize("../../runtime/Cargo.toml").expect("the runtime has a manifest");
    substrate_wasm_builder::WasmBuilder::new()
        .with_project(manifest)
        .expect("it is one")
        .enable_feature("runtime-benchmarks")
        .import_memory()
        .export_heap_base()
        .build();
}
