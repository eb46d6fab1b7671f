//! Names of symbols: which of them name something, and how people spell it.

use super::{Section, Symbol, SymbolKind, Value};

/// The name as it is written in the source, without the hash that the compiler adds.
pub(super) fn demangle(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    format!("{:#}", rustc_demangle::demangle(&name))
}

/// Whether a symbol names a function or a variable, and not only a spot in one.
fn names_something(symbol: &Symbol) -> bool {
    match symbol.kind {
        SymbolKind::Function | SymbolKind::Object => !symbol.name.is_empty(),
        SymbolKind::Other => !symbol.name.is_empty() && !symbol.name.starts_with(b".L") && symbol.name[0] != b'$',
        SymbolKind::Section | SymbolKind::ThreadLocal | SymbolKind::IndirectFunction => false,
    }
}

/// Gives each section the list of the symbols that name its parts. Of several names for one place the one wins that says
/// most: a typed before an untyped one, a global before a local one, the longer range, the first in the file.
pub(super) fn assign(sections: &mut [Section], symbols: &[Symbol]) {
    let mut candidates: Vec<(usize, u64, bool, bool, u64, u32)> = Vec::new();
    for (number, symbol) in (0..).zip(symbols) {
        let Value::Section { section, offset } = symbol.value else { continue };
        let Ok(offset) = u64::try_from(offset) else { continue };
        if names_something(symbol) && offset < sections[section].size {
            let untyped = symbol.kind == SymbolKind::Other;
            candidates.push((section, offset, untyped, !symbol.global, u64::MAX - symbol.size, number));
        }
    }
    candidates.sort_unstable();
    // The end of the typed range that the candidates have come to: an untyped label inside of it is a spot in a function.
    let mut inside = (usize::MAX, 0);
    for (section, offset, untyped, _, _, number) in candidates {
        let names = &mut sections[section].names;
        if names.last().is_some_and(|&(last, _)| last == offset) {
            continue;
        }
        if untyped && inside.0 == section && offset < inside.1 {
            continue;
        }
        if !untyped {
            inside = (section, offset.saturating_add(symbols[number as usize].size));
        }
        names.push((offset, number));
    }
}
