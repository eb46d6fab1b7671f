//! Functions that are always there.

use alloc::format;
use alloc::string::String;

use super::value::{Things, Value};

/// A function of the language's own.
pub struct Builtin {
    pub name: &'static str,
    /// How many arguments it takes, at least and at most.
    pub arguments: (u8, u8),
    pub run: fn(&mut Things, &[Value]) -> Result<Value, String>,
}

/// All of them.
pub const BUILTINS: [Builtin; 8] = [
    // How many elements a list has, or bytes a string.
    Builtin { name: "len", arguments: (1, 1), run: len },
    // Puts a value at the end of a list, which is the result.
    Builtin { name: "push", arguments: (2, 2), run: push },
    // Takes the last element of a list.
    Builtin { name: "pop", arguments: (1, 1), run: pop },
    // A new list, or string, of the elements, or bytes, from the second argument on up to before the third.
    Builtin { name: "slice", arguments: (3, 3), run: slice },
    // The byte of a string at an index; the string of one byte below 128.
    Builtin { name: "byte", arguments: (1, 2), run: byte },
    // What a value is printed as.
    Builtin { name: "text", arguments: (1, 1), run: text },
    // The number that a string spells; nil if it is none.
    Builtin { name: "number", arguments: (1, 1), run: number },
    // Prints its arguments behind each other as a line.
    Builtin { name: "print", arguments: (0, 16), run: print },
];

fn refuse<T>(name: &str, wants: &str, value: Value) -> Result<T, String> {
    Err(format!("'{name}' wants {wants}, not {}", value.kind()))
}

fn len(things: &mut Things, arguments: &[Value]) -> Result<Value, String> {
    match arguments[0] {
        Value::Text(text) => Ok(Value::Number(things.text(text).len() as i64)),
        Value::List(list) => Ok(Value::Number(things.list(list).len() as i64)),
        other => refuse("len", "a string or a list", other),
    }
}

fn push(things: &mut Things, arguments: &[Value]) -> Result<Value, String> {
    let Value::List(list) = arguments[0] else { return refuse("push", "a list", arguments[0]) };
    things.push(list, arguments[1])?;
    Ok(arguments[0])
}

fn pop(things: &mut Things, arguments: &[Value]) -> Result<Value, String> {
    let Value::List(list) = arguments[0] else { return refuse("pop", "a list", arguments[0]) };
    things.pop(list).ok_or_else(|| "'pop' of an empty list".into())
}

fn slice(things: &mut Things, arguments: &[Value]) -> Result<Value, String> {
    let (Value::Number(from), Value::Number(to)) = (arguments[1], arguments[2]) else {
        let wrong = if matches!(arguments[1], Value::Number(_)) { arguments[2] } else { arguments[1] };
        return refuse("slice", "numbers as its bounds", wrong);
    };
    let bounds = |length: usize| match (usize::try_from(from), usize::try_from(to)) {
        (Ok(from), Ok(to)) if from <= to && to <= length => Ok(from..to),
        _ => Err(format!("{from} to {to} is no part of a length of {length}")),
    };
    match arguments[0] {
        Value::Text(number) => {
            let text = things.text(number);
            let part = text.get(bounds(text.len())?).map(String::from);
            things.make_text(part.ok_or_else(|| format!("{from} to {to} cuts a character in two"))?)
        }
        Value::List(list) => {
            let list = things.list(list);
            let part = list[bounds(list.len())?].to_vec();
            things.make_list(part)
        }
        other => refuse("slice", "a string or a list", other),
    }
}

fn byte(things: &mut Things, arguments: &[Value]) -> Result<Value, String> {
    match *arguments {
        [Value::Number(byte)] => match u8::try_from(byte) {
            Ok(byte) if byte.is_ascii() => things.make_text(String::from(byte as char)),
            _ => Err(format!("{byte} is no byte below 128")),
        },
        [Value::Text(text), Value::Number(index)] => {
            let text = things.text(text);
            let found = usize::try_from(index).ok().and_then(|index| text.as_bytes().get(index));
            let found = found.ok_or_else(|| format!("index {index} is not in a string of {}", text.len()))?;
            Ok(Value::Number((*found).into()))
        }
        [other] => refuse("byte", "a number, or a string and a number", other),
        _ => refuse("byte", "a string and a number", arguments[0]),
    }
}

fn text(things: &mut Things, arguments: &[Value]) -> Result<Value, String> {
    let mut out = String::new();
    things.show(arguments[0], &mut out)?;
    things.make_text(out)
}

fn number(things: &mut Things, arguments: &[Value]) -> Result<Value, String> {
    let Value::Text(text) = arguments[0] else { return refuse("number", "a string", arguments[0]) };
    Ok(things.text(text).trim().parse().map_or(Value::Nil, Value::Number))
}

fn print(things: &mut Things, arguments: &[Value]) -> Result<Value, String> {
    let mut line = String::new();
    for &value in arguments {
        things.show(value, &mut line)?;
    }
    things.print(line)?;
    Ok(Value::Nil)
}
