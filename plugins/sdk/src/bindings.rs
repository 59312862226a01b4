//! The Rust side of `plugins/wit`, generated once for all guests, and the export lines.
//!
//! Why features: the linker keeps the section that describes a world in every component whose graph
//! generated that world, and a component that claims two worlds must export both.

/// The values of interface `types`.
pub use values::gamma::plugin::types;

mod values {
    wit_bindgen::generate!({
        path: "../wit/1.0.0",
        inline: "package gamma:sdk; world values { import gamma:plugin/types@1.0.0; }",
        world: "gamma:sdk/values",
        additional_derives: [Clone, PartialEq],
        generate_unused_types: true,
        generate_all,
    });
}

#[cfg(feature = "adapter")]
#[expect(clippy::pedantic, reason = "generated")]
pub mod adapter {
    wit_bindgen::generate!({
        path: "../wit/1.0.0",
        world: "adapter",
        with: { "gamma:plugin/types@1.0.0": crate::bindings::types },
        pub_export_macro: true,
        export_macro_name: "export_adapter_world",
        default_bindings_module: "plugin_sdk::bindings::adapter",
    });
}

#[cfg(feature = "rule")]
#[expect(clippy::pedantic, reason = "generated")]
pub mod rule {
    wit_bindgen::generate!({
        path: "../wit/1.0.0",
        world: "rule",
        with: { "gamma:plugin/types@1.0.0": crate::bindings::types },
        pub_export_macro: true,
        export_macro_name: "export_rule_world",
        default_bindings_module: "plugin_sdk::bindings::rule",
    });
}

/// Makes an adapter of a dialect and a function `fn(&Inbound, &Reader) -> Result<Vec<Claim>,
/// Refusal>`.
///
/// Defines `adapt` beside it, the same batch function that the component exports.
#[macro_export]
macro_rules! export_adapter {
    ($dialect:path, $parse:path) => {
        /// Translates a batch; one result per inbound, in order.
        ///
        /// # Errors
        /// The configuration cannot be used; the text says why.
        pub fn adapt(
            batch: &[$crate::types::Inbound],
            config: &str,
        ) -> Result<Vec<Result<Vec<$crate::types::Claim>, $crate::types::Refusal>>, String> {
            $crate::run::adapt(batch, config, &$dialect, $parse)
        }

        #[cfg(target_arch = "wasm32")]
        #[expect(unsafe_code, reason = "an export of the component")]
        mod component {
            struct Component;
            impl $crate::bindings::adapter::Guest for Component {
                fn adapt(
                    batch: Vec<$crate::types::Inbound>,
                    config: String,
                ) -> Result<Vec<Result<Vec<$crate::types::Claim>, $crate::types::Refusal>>, String>
                {
                    super::adapt(&batch, &config)
                }
            }
            $crate::bindings::adapter::export_adapter_world!(
                Component with_types_in $crate::bindings::adapter
            );
        }
    };
}

/// Makes a rule of a function `fn(&Candidate, &C) -> Verdict`, where `C` is read by
/// `run::FromConfig`.
///
/// Defines `judge_batch` beside it, the same batch function that the component exports.
#[macro_export]
macro_rules! export_rule {
    ($judge:path) => {
        /// Judges a batch; one verdict per candidate, in order.
        ///
        /// # Errors
        /// The configuration cannot be used; the text says why.
        pub fn judge_batch(
            batch: &[$crate::types::Candidate],
            config: &str,
        ) -> Result<Vec<$crate::types::Verdict>, String> {
            $crate::run::judge(batch, config, $judge)
        }

        #[cfg(target_arch = "wasm32")]
        #[expect(unsafe_code, reason = "an export of the component")]
        mod component {
            struct Component;
            impl $crate::bindings::rule::Guest for Component {
                fn judge(
                    batch: Vec<$crate::types::Candidate>,
                    config: String,
                ) -> Result<Vec<$crate::types::Verdict>, String> {
                    super::judge_batch(&batch, &config)
                }
            }
            $crate::bindings::rule::export_rule_world!(
                Component with_types_in $crate::bindings::rule
            );
        }
    };
}
