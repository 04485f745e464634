//! Builds the runtime for WebAssembly with its benchmarks.

fn main() {
    substrate_wasm_builder::WasmBuilder::new()
        .with_project("../../runtime/Cargo.toml")
        .expect("the runtime has a manifest")
        .enable_feature("runtime-benchmarks")
        .import_memory()
        .export_heap_base()
        .build();
}
