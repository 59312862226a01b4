//! From bytes to something that can be instantiated: the import check and the compile.

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use crate::bindings::adapter::AdapterPre;
use crate::bindings::rule::RulePre;
use crate::instance::StoreData;
use crate::values::PluginKind;

/// A compiled component of a known world.
pub(crate) enum Compiled {
    Adapter(AdapterPre<StoreData>),
    Rule(RulePre<StoreData>),
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Adapter(_) => "Compiled::Adapter",
            Self::Rule(_) => "Compiled::Rule",
        })
    }
}

/// Compiles a component. The error is a sentence for the operator.
pub(crate) fn compile(engine: &Engine, kind: PluginKind, bytes: &[u8]) -> Result<Compiled, String> {
    let component = Component::from_binary(engine, bytes)
        .map_err(|error| format!("it does not compile: {error:#}"))?;
    refuse_imports(engine, &component)?;
    // Nothing is ever added to this linker: there is no function that a guest could be given.
    let linker = Linker::new(engine);
    let prepared = linker
        .instantiate_pre(&component)
        .map_err(|error| format!("it asks for what no plugin gets: {error:#}"))?;
    let compiled = match kind {
        PluginKind::Adapter => AdapterPre::new(prepared).map(Compiled::Adapter),
        PluginKind::Rule => RulePre::new(prepared).map(Compiled::Rule),
    };
    compiled.map_err(|error| format!("it does not export its world: {error:#}"))
}

fn refuse_imports(engine: &Engine, component: &Component) -> Result<(), String> {
    let component_type = component.component_type();
    for (name, item) in component_type.imports(engine) {
        match item.ty {
            ComponentItem::Type(_) => {}
            ComponentItem::ComponentInstance(interface) => {
                let mut exports = interface.exports(engine);
                let other = exports.find(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)));
                if let Some((function, _)) = other {
                    return Err(format!("it imports {function} of {name}; plugins import nothing"));
                }
            }
            _ => return Err(format!("it imports {name}; plugins import nothing")),
        }
    }
    Ok(())
}
