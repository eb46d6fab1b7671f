//! The language as text.

use javm_types::limits::MAX_TEXT_BYTES;
use javm_types::{Method, ParseError, Type, TypeDef};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::{config, mutation, typedef};

/// What is accepted prints as text that means the same, and that prints again as itself.
fn refused_or_stable(text: &str) -> Result<(), TestCaseError> {
    match text.parse::<TypeDef>() {
        Ok(typedef) => {
            let printed = typedef.to_string();
            let again: Result<TypeDef, ParseError> = printed.parse();
            prop_assert_eq!(again.as_ref(), Ok(&typedef));
            prop_assert_eq!(TypeDef::decode(&typedef.encode()), Ok(typedef));
        }
        Err(error) => {
            let lines: Vec<&str> = text.split('\n').collect();
            prop_assert!(error.line >= 1 && error.line <= lines.len(), "{error}");
            prop_assert!(error.column >= 1 && error.column <= lines[error.line - 1].chars().count() + 1, "{error}");
        }
    }
    let _ = text.parse::<Method>();
    let _ = text.parse::<Type>();
    Ok(())
}

/// Pieces that grammatical text is made of, and a few that it is not.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "struct",
            "interface",
            "list",
            "option",
            "<",
            ">",
            "(",
            ")",
            "{",
            "}",
            ":",
            ";",
            ",",
            "->",
            "-",
            "u8",
            "u64",
            "bool",
            "bytes",
            "string",
            "address32",
            "a",
            "b",
            "S",
            "T",
            "//",
            "\n",
            " ",
            "é",
            "1",
            "()",
            "a: u8",
            "S: S",
            "struct S { a: u8 }",
            "interface i {",
            "m() -> S;",
            "list<S>",
            "option<()>",
        ]),
        Just(" "),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn an_interface_is_read_as_it_was_printed(typedef in typedef()) {
        let text = typedef.to_string();
        prop_assert_eq!(text.parse::<TypeDef>(), Ok(typedef.clone()), "{}", text);
        for method in typedef.methods() {
            if typedef.structs().is_empty() {
                prop_assert_eq!(&method.to_string().parse::<Method>(), &Ok(method.clone()));
                prop_assert_eq!(&method.returns().to_string().parse::<Type>(), &Ok(method.returns().clone()));
            }
        }
    }

    #[test]
    fn any_text_is_refused_or_stable(text in any::<String>(), pieces in soup(), with in soup_interface()) {
        refused_or_stable(&text)?;
        refused_or_stable(&pieces)?;
        refused_or_stable(&with)?;
    }

    #[test]
    fn changed_text_is_refused_or_stable(typedef in typedef(), mutation in mutation()) {
        let changed = mutation.apply(typedef.to_string().as_bytes());
        refused_or_stable(&String::from_utf8_lossy(&changed))?;
    }
}

fn soup_interface() -> impl Strategy<Value = String> {
    (soup(), soup())
        .prop_map(|(structs, methods)| format!("{structs} struct S {{ a: u8 }} interface i {{ {methods} }}"))
}

#[test]
fn layout_and_order_of_declarations_do_not_matter() {
    let tidy = "\
struct Point {
    x: i32,
    y: i32,
}

struct Line {
    from: Point,
    to: Point,
}

interface shapes {
    add(line: Line, name: option<string>) -> u32;
    all() -> list<Line>;
    middle(of: Line) -> (Point, bool);
    only() -> (u8,);
    reset-all.now();
}
";
    let untidy = "// Lines.\ninterface shapes{add(line:Line,name:option<string>,)->u32;all()->list<Line>;\r\n\
        middle(of: Line) -> (Point, bool,); // both\n only()->(u8,); reset-all.now() -> ();}\n\
        struct Line { from: Point, to: Point } struct Point { x: i32, y: i32 } // end";
    let typedef: TypeDef = untidy.parse().expect("it is right");
    assert_eq!(typedef.to_string(), tidy);
    assert_eq!(tidy.parse(), Ok(typedef));
}

/// Names mean what they mean by where they stand.
#[test]
fn words_of_the_language_are_names_elsewhere() {
    let text =
        "interface interface { struct(list: u8, option: bool) -> string; interface(u8: u8); -(); u8-(); 1.-(); }";
    let typedef: TypeDef = text.parse().expect("it is right");
    assert_eq!(typedef.to_string().parse(), Ok(typedef));
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let deep = format!("interface i {{ m() -> {}u8{}; }}", "option<".repeat(16), ">".repeat(16));
    let chain: String = (0..17).map(|n| format!("struct S{n} {{ a: S{} }} ", n + 1)).collect();
    let chain = format!("{chain}struct S17 {{ a: u8 }} interface i {{ m(a: S0); }}");
    let grows: String = (0..8).map(|n| format!("struct S{n} {{ a: S{0}, b: S{0} }} ", n + 1)).collect();
    let grows = format!("{grows}struct S8 {{ a: u8 }} interface i {{ m(a: S0); }}");
    let structs: String = (0..257).map(|n| format!("struct S{n} {{ a: u8 }}\n")).collect();
    let methods: String = (0..257).map(|n| format!("m{n}();\n")).collect();
    let methods = format!("interface i {{\n{methods}}}");
    let fields: String = (0..65).map(|n| format!("f{n}: u8,\n")).collect();
    let fields = format!("struct S {{\n{fields}}}");
    let word = "w".repeat(100);
    let cases: &[(&str, &str)] = &[
        ("", "line 1, column 1: expected `interface`, found the end of the text"),
        ("\n  token", "line 2, column 3: expected `struct` or `interface`, found `token`"),
        ("interface ä {}", "line 1, column 11: 'ä' means nothing here"),
        ("/*ä*/", "line 1, column 1: '/' means nothing here"),
        ("interface {}", "line 1, column 11: expected the name of the interface, found `{`"),
        (
            "interface a.b {}",
            "line 1, column 11: byte 1 of the name is 0x2e; letters, '_' and, behind the first, digits are allowed",
        ),
        ("interface i", "line 1, column 12: expected `{`, found the end of the text"),
        ("interface i {\n\tm()\n}", "line 3, column 1: expected `->` and a type, or `;`, found `}`"),
        ("interface i { m }", "line 1, column 17: expected `(`, found `}`"),
        ("interface i { m->u8; }", "line 1, column 16: expected `(`, found `->`"),
        ("interface i { m(", "line 1, column 17: expected the name of an argument, or `)`, found the end of the text"),
        ("interface i { m(a) }", "line 1, column 18: expected `:` and a type, found `)`"),
        ("interface i { m(a: ) }", "line 1, column 20: expected a type, found `)`"),
        ("interface i { m(a: u8 b: u8) }", "line 1, column 23: expected `,` or `)`, found `b`"),
        ("interface i { m(a: list) }", "line 1, column 24: expected `<`, found `)`"),
        ("interface i { m(a: list<u64) }", "line 1, column 28: expected `>`, found `)`"),
        (
            "interface i { m() -> u9; }",
            "line 1, column 22: there is no type u9; a struct has to be declared in this text",
        ),
        (
            "interface i { m() -> (u8); }",
            "line 1, column 22: expected a comma: a tuple of one is written (T,), and a type alone has no parentheses, found `)`",
        ),
        (
            "interface i { m(a: list<()>); }",
            "line 1, column 20: () says nothing here; it stands only for what a method returns, or in an option",
        ),
        ("interface i { m(a: bool, b: list<u8>); }", "line 1, column 29: list<u8> is written bytes"),
        ("interface i { m(); n(); m(); }", "line 1, column 1: there are two methods named m"),
        ("interface i { m(a: u8, a: u8); }", "line 1, column 15: there are two arguments named a"),
        (
            "interface i { m(a: ()); }",
            "line 1, column 15: () says nothing here; it stands only for what a method returns, or in an option",
        ),
        (
            "interface i { m(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8); }",
            "line 1, column 73: a method has at most 8 arguments, not 9; a struct may have more fields",
        ),
        (
            "interface i { m(a: (u8, u8, u8, u8, u8, u8, u8, u8, u8)); }",
            "line 1, column 53: a tuple has at most 8 elements, not 9; a struct may have more",
        ),
        (
            "interface i {} interface j {}",
            "line 1, column 16: there is an interface already; each stands in a text of its own",
        ),
        ("struct S { a: u8 }", "line 1, column 19: expected `interface`, found the end of the text"),
        (
            "struct S { a: u8 } interface i {}",
            "line 1, column 8: no method mentions the struct S; an interface holds only what its methods need",
        ),
        ("struct S {} interface i { m(s: S); }", "line 1, column 8: a struct has 1 to 64 fields, not 0"),
        ("struct S { a: u8 }\nstruct S { a: u8 }", "line 2, column 8: there is a struct S already"),
        ("struct S { a: u8, a: u8 } interface i { m(s: S); }", "line 1, column 8: there are two fields named a"),
        (
            "struct bytes { a: u8 } interface i {}",
            "line 1, column 8: bytes is a word of the language; a struct cannot have that name",
        ),
        ("struct S { a: list<S> } interface i {}", "line 1, column 20: the struct S contains itself"),
        ("struct S { a: T } struct T { a: S } interface i {}", "line 1, column 33: the struct S contains itself"),
        (&deep, "line 1, column 134: more than 16 types stand one inside of the other"),
        (&chain, "line 1, column 328: more than 16 types stand one inside of the other"),
        (&grows, "line 1, column 35: the type consists of 383 types, each repetition counted; 256 are the limit"),
        (&structs, "line 257, column 8: an interface has at most 256 structs, not 257"),
        (&methods, "line 258, column 1: an interface has at most 256 methods, not 257"),
        (&fields, "line 66, column 1: a struct has 1 to 64 fields, not 65"),
        (&word, &format!("line 1, column 1: expected `struct` or `interface`, found `{}…`", &word[..64])),
    ];
    for (text, message) in cases {
        let error = text.parse::<TypeDef>().expect_err(message);
        assert_eq!(error.to_string(), *message, "{text}");
    }
    let long = " ".repeat(MAX_TEXT_BYTES + 1);
    let error = long.parse::<TypeDef>().expect_err("too long");
    assert_eq!(error.to_string(), "line 1, column 1: the text has 1048577 bytes; 1048576 are the limit");
    let error = "m() -> S".parse::<Method>().expect_err("no struct");
    assert_eq!(error.to_string(), "line 1, column 8: there is no type S; a struct has to be declared in this text");
    let error = "u8 u8".parse::<Type>().expect_err("two types");
    assert_eq!(error.to_string(), "line 1, column 4: expected the end of the text, found `u8`");
    let parentheses = "(".repeat(MAX_TEXT_BYTES);
    assert!(parentheses.parse::<Type>().is_err(), "and the stack holds");
}
