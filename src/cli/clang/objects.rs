//! What an object of WebAssembly defines.

use wasmparser::{KnownCustom, Linking, Parser, Payload, SymbolFlags, SymbolInfo};

/// The names of the functions that it defines for others. What cannot be read defines none.
pub fn functions(object: &[u8]) -> Vec<String> {
    let sections = Parser::new(0).parse_all(object).map_while(Result::ok);
    let linking = sections.filter_map(|section| match section {
        Payload::CustomSection(section) => match section.as_known() {
            KnownCustom::Linking(linking) => Some(linking),
            _ => None,
        },
        _ => None,
    });
    let tables = linking.flatten().filter_map(|part| match part {
        Ok(Linking::SymbolTable(symbols)) => Some(symbols),
        _ => None,
    });
    let hidden = SymbolFlags::UNDEFINED | SymbolFlags::BINDING_LOCAL;
    let names = tables.flatten().filter_map(|symbol| match symbol {
        Ok(SymbolInfo::Func { flags, name: Some(name), .. }) if !flags.intersects(hidden) => {
            Some(name.to_owned())
        }
        _ => None,
    });
    names.collect()
}
