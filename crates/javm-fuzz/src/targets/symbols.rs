//! Symbol maps. Whatever the text is:
//! - it is a map, and then it is written and read as the same map again, and every question finds what a look through
//!   all names finds;
//! - or it is refused.

use javm_cap::CapHash;
use javm_link::lines::{Inlined, Line, MAX_INLINED, Run};
use javm_link::symbols::{Memory, Named, Range, SYMBOL_MAP_VERSION};
use javm_link::{LineTable, SymbolMap};
use rand::RngExt;

use crate::{Random, Reached, Target, mutation, text};

/// This target.
pub const TARGET: Target = Target { name: "symbols", run, generate, mutate, repair, least_accepted: 15 };

fn run(bytes: &[u8]) -> Reached {
    let Ok(text) = str::from_utf8(bytes) else { return Reached::Refused };
    let image = stated_image(text).unwrap_or(CapHash([0; 32]));
    let map = match SymbolMap::from_json(text, image) {
        Ok(map) => map,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Reached::Refused;
        }
    };
    let written = match map.to_json() {
        Ok(written) => written,
        Err(error) => panic!("a map that cannot be written: {error}"),
    };
    match SymbolMap::from_json(&written, image) {
        Ok(again) => {
            assert_eq!(again, map, "another map is read than was written");
            assert_eq!(again.to_json().ok(), Some(written), "written again it is another text");
        }
        Err(error) => panic!("what was written is no map: {error}\n{written}"),
    }
    let other = CapHash([0xA5; 32]);
    assert!(image == other || SymbolMap::from_json(text, other).is_err(), "it passes for another Image's");
    for place in places(&map) {
        check_place(&map, place);
    }
    Reached::Accepted
}

/// The Image that the text says it belongs to.
fn stated_image(text: &str) -> Option<CapHash> {
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    json.get("image")?.as_str()?.parse().ok()
}

/// Every border, and what is next to it.
fn places(map: &SymbolMap) -> Vec<u32> {
    let ranges = [map.stack, map.heap, map.scratchpad];
    let named =
        map.functions.iter().chain(&map.data).take(500).map(|named| Range { start: named.start, end: named.end });
    let runs = map.lines.runs().iter().take(500).map(|run| Range { start: run.start, end: run.start });
    let borders = ranges.into_iter().chain(named).chain(runs).flat_map(|range| [range.start, range.end]);
    let borders = borders.chain([0, u32::MAX]);
    borders.flat_map(|border| [border.wrapping_sub(1), border, border.wrapping_add(1)]).collect()
}

fn check_place(map: &SymbolMap, place: u32) {
    let holds = |named: &&Named| (named.start..named.end).contains(&place);
    assert_eq!(map.function_at(place), map.functions.iter().find(holds), "the function at {place:#x}");
    let frames = map.frames_at(place);
    assert_eq!(frames.last().map(|frame| frame.function), map.function_at(place).map(|named| &*named.name));
    let (inlined, real) = frames.split_at(frames.iter().take_while(|frame| frame.is_inlined).count());
    assert!(real.len() <= 1 && inlined.len() <= MAX_INLINED, "{frames:?} at {place:#x}");
    assert_eq!(real.is_empty(), frames.is_empty(), "{frames:?} at {place:#x}: in no function");
    let run = map.lines.runs().iter().rev().find(|run| run.start <= place);
    assert_eq!(map.lines.run_at(place), run, "the source line at {place:#x}");
    let found = map.memory_at(place);
    match map.data.iter().find(holds) {
        Some(named) => assert_eq!(found, Memory::Data(&named.name, place - named.start), "the memory at {place:#x}"),
        None => assert!(!matches!(found, Memory::Data(..)), "{found:?} at {place:#x}, where nothing has a name"),
    }
    let overflows = map.is_stack_overflow(place);
    assert!(!overflows || !map.stack.contains(place), "{place:#x} is on the stack and below it");
}

fn generate(random: &mut Random) -> Vec<u8> {
    let range = |random: &mut Random| {
        let start = random.random::<u32>() >> random.random_range(0..32);
        Range { start, end: start.saturating_add(random.random::<u32>() >> random.random_range(8..32)) }
    };
    let names = |random: &mut Random| {
        let mut at = 0_u32;
        let mut named = Vec::new();
        for _ in 0..random.random_range(0..8) {
            let start = at.saturating_add(random.random_range(0..3) * 8);
            at = start.saturating_add(random.random::<u32>() >> random.random_range(0..32));
            let name = (0..random.random_range(0..12)).map(|_| random.random::<char>()).collect();
            named.push(Named { start, end: at, name });
        }
        named
    };
    let map = SymbolMap {
        version: SYMBOL_MAP_VERSION,
        image: CapHash(random.random()).to_string(),
        input: "a.o".into(),
        functions: names(random),
        data: names(random),
        stack: range(random),
        heap: range(random),
        scratchpad: range(random),
        lines: lines(random),
    };
    map.to_json().unwrap_or_default().into_bytes()
}

/// Source lines, now and then with a number that names nothing; then there are none.
fn lines(random: &mut Random) -> LineTable {
    let (files, names) = (random.random_range(0..4_u32), random.random_range(1..4_u32));
    let line = |random: &mut Random| Line {
        file: random.random_range(0..=files),
        line: random.random::<u32>() >> random.random_range(0..32),
    };
    let calls = random.random_range(0..100);
    let inlined = (0..calls).map(|number| Inlined {
        name: random.random_range(0..names),
        within: if random.random_ratio(1, 50) { calls } else { random.random_range(number.saturating_sub(1)..=number) },
        call: line(random),
    });
    let inlined = inlined.collect();
    let mut start = 0_u32;
    let runs = (0..random.random_range(0..20)).map(|_| {
        start = start.saturating_add(random.random_range(1..40));
        Run { start, inlined: random.random_range(0..=calls), at: line(random) }
    });
    let runs = runs.collect();
    let strings = |count: u32, random: &mut Random| -> Vec<String> {
        (0..count).map(|number| format!("{number}{}", random.random::<char>())).collect()
    };
    LineTable::new(strings(files, random), strings(names, random), inlined, runs).unwrap_or_default()
}

const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "1e400",
    "-0",
    "0.5",
    "\"version\"",
    "\"image\"",
    "\"input\"",
    "\"functions\"",
    "\"data\"",
    "\"lines\"",
    "\"files\"",
    "\"names\"",
    "\"inlined\"",
    "\"runs\"",
    "\"AACYMCCR\"",
    "\"gA\"",
    "\"stack\"",
    "\"heap\"",
    "\"scratchpad\"",
    "\"start\"",
    "\"end\"",
    "\"name\"",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "é",
    "\"\"",
    "[[[[[[[[[[[[[[[[",
];

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let json = serde_json::from_slice::<serde_json::Value>(bytes);
    match json {
        Ok(mut json) if random.random_ratio(2, 3) => {
            change_value(random, &mut json);
            *bytes = json.to_string().into_bytes();
        }
        _ => text::mutate(random, bytes, other, WORDS),
    }
}

/// Changes one value somewhere below this one.
fn change_value(random: &mut Random, json: &mut serde_json::Value) {
    use serde_json::Value;
    match json {
        Value::Object(fields) if !fields.is_empty() => {
            let at = random.random_range(0..fields.len());
            if random.random_ratio(1, 40) {
                let key = fields.keys().nth(at).cloned().unwrap_or_default();
                fields.remove(&key);
            } else if let Some(value) = fields.values_mut().nth(at) {
                change_value(random, value);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = random.random_range(0..items.len());
            match random.random_range(0..8) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[at].clone()),
                2 => {
                    let with = random.random_range(0..items.len());
                    items.swap(at, with);
                }
                _ => change_value(random, &mut items[at]),
            }
        }
        Value::Number(_) => *json = mutation::number(random).into(),
        Value::String(text) => {
            let mut bytes = std::mem::take(text).into_bytes();
            mutation::bytes(random, &mut bytes, &[]);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        _ => *json = Value::Null,
    }
}

/// Mends version and Image hash, which hardly any change leaves alone.
fn repair(bytes: &mut Vec<u8>) {
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let Some(fields) = json.as_object_mut() else { return };
    let stated = fields.get("image").and_then(|image| image.as_str()?.parse::<CapHash>().ok());
    let image = stated.unwrap_or(CapHash([0; 32])).to_string();
    if fields.get("version").and_then(serde_json::Value::as_u64) == Some(SYMBOL_MAP_VERSION.into())
        && fields.get("image").and_then(serde_json::Value::as_str) == Some(image.as_str())
    {
        return;
    }
    fields.insert("version".into(), SYMBOL_MAP_VERSION.into());
    fields.insert("image".into(), image.into());
    *bytes = json.to_string().into_bytes();
}
