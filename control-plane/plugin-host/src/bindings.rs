//! The host's side of `plugins/wit`, generated. Nothing outside `convert` and `instance` names it.

pub(crate) mod adapter {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit/1.0.0",
        world: "adapter",
    });
}

pub(crate) mod rule {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit/1.0.0",
        world: "rule",
    });
}
