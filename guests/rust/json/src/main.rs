//! JSON documents of a megabyte, read, looked into and written by the `serde_json` crate as it is.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use javm_guest::{Typed, endpoint, memory};
use serde_json::Value;

memory! { stack: 128 << 10, heap: 14 << 20, scratchpad: 4 << 20 }

/// What is in a document.
#[derive(Typed, Clone, Default, PartialEq, Debug)]
pub struct Summary {
    pub nulls: u32,
    pub booleans: u32,
    pub numbers: u32,
    pub strings: u32,
    pub lists: u32,
    pub objects: u32,
    /// Names of members of objects.
    pub names: u32,
    /// The UTF-8 of all strings, without names.
    pub string_bytes: u64,
    /// The sum of all numbers that are whole and fit into 64 bits, mod 2^64.
    pub integer_sum: u64,
    /// How deep lists and objects lie in each other; 0 for a document that is neither.
    pub depth: u32,
}

/// What the rows of a group come to.
#[derive(Typed, Clone, PartialEq, Debug)]
pub struct Total {
    pub group: String,
    pub rows: u32,
    pub sum: i64,
}

/// Counts what is in `document`. Of members with one name in one object the last is counted.
///
/// # Errors
/// Where `document` is no JSON, and why.
#[endpoint]
pub fn summary(document: &[u8]) -> Result<Summary, String> {
    let mut summary = Summary::default();
    count(&parse(document)?, 1, &mut summary);
    Ok(summary)
}

/// Writes `document` anew: without spaces, the members of each object in the order of their names, the last one of those
/// with one name.
///
/// # Errors
/// Where `document` is no JSON, and why.
#[endpoint]
pub fn compact(document: &[u8]) -> Result<Vec<u8>, String> {
    serde_json::to_vec(&parse(document)?).map_err(|error| format!("the document cannot be written: {error}"))
}

/// What stands in `document` at `pointer` (RFC 6901: `/rows/0/name`), written anew; nothing if nothing does.
///
/// # Errors
/// Where `document` is no JSON, and why.
#[endpoint]
pub fn select(document: &[u8], pointer: &str) -> Result<Option<Vec<u8>>, String> {
    let document = parse(document)?;
    let found = document.pointer(pointer).map(serde_json::to_vec).transpose();
    found.map_err(|error| format!("the value cannot be written: {error}"))
}

/// Takes the list of objects at the pointer `rows`, groups them by what their pointer `group` gives, a string, and adds up
/// the whole numbers at their pointer `amount`. In the order of the groups.
///
/// # Errors
/// Where `document` is no JSON, and why; which row is not as it should be.
#[endpoint]
pub fn totals(document: &[u8], rows: &str, group: &str, amount: &str) -> Result<Vec<Total>, String> {
    let document = parse(document)?;
    let list =
        document.pointer(rows).and_then(Value::as_array).ok_or_else(|| format!("there is no list at '{rows}'"))?;
    let mut totals: BTreeMap<&str, (u32, i64)> = BTreeMap::new();
    for (i, row) in list.iter().enumerate() {
        let name = row.pointer(group).and_then(Value::as_str);
        let name = name.ok_or_else(|| format!("row {i} has no string at '{group}'"))?;
        let number = row.pointer(amount).and_then(Value::as_i64);
        let number = number.ok_or_else(|| format!("row {i} has no whole number of 64 bits at '{amount}'"))?;
        let (rows, sum) = totals.entry(name).or_default();
        *rows += 1;
        *sum = sum.checked_add(number).ok_or_else(|| format!("the sum of '{name}' does not fit into 64 bits"))?;
    }
    Ok(totals.iter().map(|(&group, &(rows, sum))| Total { group: group.into(), rows, sum }).collect())
}

fn parse(document: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(document).map_err(|error| format!("the document is no JSON: {error}"))
}

/// Adds `value`, in `depth - 1` others. The parser refuses what lies deeper than 128.
fn count(value: &Value, depth: u32, summary: &mut Summary) {
    match value {
        Value::Null => summary.nulls += 1,
        Value::Bool(_) => summary.booleans += 1,
        Value::Number(number) => {
            summary.numbers += 1;
            let whole = number.as_u64().or_else(|| number.as_i64().map(|number| number as u64));
            summary.integer_sum = summary.integer_sum.wrapping_add(whole.unwrap_or(0));
        }
        Value::String(text) => {
            summary.strings += 1;
            summary.string_bytes += text.len() as u64;
        }
        Value::Array(values) => {
            summary.lists += 1;
            summary.depth = summary.depth.max(depth);
            values.iter().for_each(|value| count(value, depth + 1, summary));
        }
        Value::Object(members) => {
            summary.objects += 1;
            summary.names += members.len() as u32;
            summary.depth = summary.depth.max(depth);
            members.values().for_each(|value| count(value, depth + 1, summary));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &[u8] = br#" {"rows": [{"who": "bob", "at": {"sum": -3}}, {"who": "ada", "at": {"sum": 40}},
        {"at": {"sum": 2}, "who": "\u0061da"}], "ok": [true, null, 1.5, 1e2, "\u20ac"]} "#;

    #[test]
    fn everything_is_counted() {
        let expected = Summary {
            nulls: 1,
            booleans: 1,
            numbers: 5,
            strings: 4,
            lists: 2,
            objects: 7,
            names: 11,
            string_bytes: 12,
            integer_sum: 39,
            depth: 4,
        };
        assert_eq!(summary(SHOP), Ok(expected));
        assert_eq!(summary(b"7"), Ok(Summary { numbers: 1, integer_sum: 7, ..Summary::default() }));
    }

    #[test]
    fn documents_are_written_anew() {
        let written = compact(br#" {"b": [1, 2.50, "\u00e4\n"], "a": 1, "a": {}} "#).expect("it is JSON");
        assert_eq!(written, r#"{"a":{},"b":[1,2.5,"ä\n"]}"#.as_bytes());
        assert_eq!(select(SHOP, "/rows/1/at"), Ok(Some(br#"{"sum":40}"#.to_vec())));
        assert_eq!(select(SHOP, "/rows/3"), Ok(None));
    }

    #[test]
    fn rows_are_added_up() {
        let total = |group: &str, rows, sum| Total { group: group.into(), rows, sum };
        let found = totals(SHOP, "/rows", "/who", "/at/sum");
        assert_eq!(found, Ok(Vec::from([total("ada", 2, 42), total("bob", 1, -3)])));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(
            summary(b"{\n  \"a\": tru }"),
            Err("the document is no JSON: expected ident at line 2 column 11".into())
        );
        let deep = [b'['; 1000];
        assert_eq!(
            compact(&deep),
            Err("the document is no JSON: recursion limit exceeded at line 1 column 128".into())
        );
        assert_eq!(totals(SHOP, "/ok", "/who", "/sum"), Err("row 0 has no string at '/who'".into()));
        assert_eq!(totals(SHOP, "/rows", "/who", "/at"), Err("row 0 has no whole number of 64 bits at '/at'".into()));
        assert_eq!(totals(SHOP, "/nowhere", "", ""), Err("there is no list at '/nowhere'".into()));
        let huge = br#"[{"g": "x", "n": 9223372036854775807}, {"g": "x", "n": 1}]"#;
        assert_eq!(totals(huge, "", "/g", "/n"), Err("the sum of 'x' does not fit into 64 bits".into()));
    }
}
