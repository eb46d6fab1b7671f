use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Outcome, listing, run};

const STEPS: u64 = 1_000_000;

fn result(source: &str) -> Result<String, String> {
    run(source, Vec::from([7, -2]), STEPS).map(|outcome| outcome.result)
}

#[track_caller]
fn gives(source: &str, expected: &str) {
    assert_eq!(result(source).as_deref(), Ok(expected), "{source}");
}

#[track_caller]
fn fails(source: &str, expected: &str) {
    assert_eq!(result(source), Err(expected.to_string()), "{source}");
}

#[test]
fn operators_bind_as_the_table_says() {
    gives("return 2 + 3 * 4 - 20 / 6 % 4", "11");
    gives("return 1 << 2 + 1 | 1 ^ 3 & 2", "11");
    gives("return 10 - 3 - 2", "5");
    gives("return -(-3) * -2 - ~0", "-5");
    gives("return not 1 > 2 and 3 == 3 or nil", "true");
    gives("return nil or false or 5", "5");
    gives("return nil and 1 / 0", "nil");
    gives(
        "return [1 < 2, 2 <= 1, \"a\" < \"b\", \"ab\" >= \"b\", \"a\" != \"a\", 1 == \"1\"]",
        "[true, false, true, false, false, false]",
    );
    gives("return 0x7fffffffffffffff >> 62", "1");
    gives("return -9223372036854775807 - 1", "-9223372036854775808");
    gives("return (-9223372036854775807 - 1) % -1", "0");
    gives("return 1_000_000 +\n 1", "1000001");
}

#[test]
fn statements_do_what_they_say() {
    gives(
        "let sum = 0\nfor i in 1..11 { if i % 2 == 0 { continue }; if i > 7 { break }; sum = sum + i }\nreturn sum",
        "16",
    );
    gives(
        "let n = 0 while true { n = n + 1 if n == 5 { return n } }"
            .replace(" while", "\nwhile")
            .replace(" if", "\nif")
            .as_str(),
        "5",
    );
    gives("let x = args[0]\nif x < 0 { return \"minus\" } else if x == 0 { return 0 } else { return x }", "7");
    gives("let a = [1, [2, 3]]\na[1][0] = a\na[1][0] = [\n  4,\n  5\n]\nreturn a", "[1, [[4, 5], 3]]");
    gives("let x = 1\nif true { let x = 2\n x = 3 }\nreturn x", "1");
    gives("for i in 0..3 { i = 10 }\nlet i = 4; return i", "4");
    gives("// nothing\n\n  ;;", "nil");
    gives("return \"a\\t\\\"\\\\\\n\" + \"ä\"", "a\t\"\\\nä");
}

#[test]
fn functions_recurse_and_know_each_other() {
    gives("fn fib(n) { if n < 2 { return n }\n return fib(n - 1) + fib(n - 2) }\nreturn fib(20)", "6765");
    gives(
        "fn even(n) { if n == 0 { return true }\n return odd(n - 1) }\nfn odd(n) { return n != 0 and even(n - 1) }\nreturn even(1001)",
        "false",
    );
    gives(
        "let count = 0\nfn hanoi(n, from, to, over) {\n if n == 0 { return }\n hanoi(n - 1, from, over, to)\n count = count + 1\n hanoi(n - 1, over, to, from)\n}\nhanoi(10, 1, 3, 2)\nreturn count",
        "1023",
    );
}

#[test]
fn builtins_answer() {
    gives(
        "let l = []\nfor i in 0..5 { push(l, i * i) }\npop(l)\nreturn [len(l), l, slice(l, 1, 3), len(\"zwölf\")]",
        "[4, [0, 1, 4, 9], [1, 4], 6]",
    );
    gives(
        "return [number(\"-12\"), number(\"x\"), text([1, nil]) + \"!\", byte(\"a\", 0), byte(98), slice(\"hello\", 1, 3)]",
        "[-12, nil, [1, nil]!, 97, b, el]",
    );
    let outcome = run("print(\"a\", 1, [true])\nprint()", Vec::new(), STEPS);
    let printed = Vec::from(["a1[true]".into(), String::new()]);
    assert_eq!(outcome, Ok(Outcome { result: "nil".into(), printed, steps: 10 }));
}

#[test]
fn errors_of_the_text_have_their_lines() {
    fails("let x = 1\nlet y = z\n", "line 2: no variable is called 'z'");
    fails("let x = (1 +\n 2\n\n", "line 4: ')' is expected, not the end of the script");
    fails("return \"abc\nx", "line 1: a string without its second '\"'");
    fails("return \"\\x\"", "line 1: '\\x' is none of \\n \\t \\\" \\\\");
    fails("\n\nreturn 3 $ 4", "line 3: '$' means nothing here");
    fails("return 9223372036854775808", "line 1: 9223372036854775808 is no whole number of 64 bits");
    fails("fn f(a) {}\n\nf(1, 2)\n", "line 3: 'f' takes 1 arguments, not 2");
    fails("f()\n", "line 1: no function is called 'f'");
    fails("len()", "line 1: 'len' takes 1 arguments, not 0");
    fails("fn f() {}\nfn f() {}", "line 2: there is a function 'f' already");
    fails("fn print() {}", "line 1: there is a function 'print' already");
    fails("if true { fn f() {} }", "line 1: a function stands outside of all others and of all blocks");
    fails("break", "line 1: 'break' stands in no loop");
    fails("1 + 2 = 3", "line 1: only a variable or an element can be changed by '='");
    fails("while true {\n", "line 2: '}' is missing");
    fails("let a = 1 let", "line 1: the end of the statement is expected, not 'let'");
    fails("let if = 1", "line 1: a name is expected, not 'if'");
    let deep = format!("return {}1", "(".repeat(200));
    fails(&deep, "line 1: expressions and blocks lie deeper than 100 in each other");
    let deep = format!("return {}1", "-".repeat(100_000));
    fails(&deep, "line 1: expressions and blocks lie deeper than 100 in each other");
    let deep = "if true {\n".repeat(200);
    fails(&deep, "line 100: expressions and blocks lie deeper than 100 in each other");
    fails(&format!("return [{}]", "1,".repeat(10_001)), "line 1: more than 10000 values stand in one list");
}

#[test]
fn errors_of_a_run_have_their_lines_and_calls() {
    fails("let x = 0\nreturn 5 / x", "line 2: 5 / 0");
    fails(
        "fn f(x) {\n  return 1 % x\n}\nfn g() {\n  return f(0)\n}\n\ng()",
        "line 2: 1 % 0, in 'f' called in line 5, in 'g' called in line 8",
    );
    fails("return 9223372036854775807 + 1", "line 1: 9223372036854775807 + 1 does not fit into 64 bits");
    fails("return 1 << 64", "line 1: a shift is by 0 to 63 bits, not 64");
    fails("return 1 + nil", "line 1: '+' does not go with a number and nil");
    fails("return -\"a\"", "line 1: '-' does not go with a string");
    fails("return [1][1]", "line 1: index 1 is not in a list of 1");
    fails("return [1][-1]", "line 1: index -1 is not in a list of 1");
    fails("let n = 5\nn[0] = 1", "line 2: only lists have elements, not a number");
    fails("return pop([])", "line 1: 'pop' of an empty list");
    fails("return slice(\"ä\", 0, 1)", "line 1: 0 to 1 cuts a character in two");
    fails("for i in 0..nil {}", "line 1: 'for' goes over numbers, not a number to nil");
    fails("let l = []\npush(l, l)\nreturn l", "line 3: lists lie deeper than 64 in each other and cannot be shown");
    fails(
        "let l = []\npush(l, l)\nlet m = []\npush(m, m)\nreturn l == m",
        "line 5: lists lie deeper than 64 in each other and cannot be compared",
    );
}

#[test]
fn nothing_runs_for_ever_or_takes_everything() {
    fails("while true {}", "line 1: the script takes more than 1000000 steps");
    fails(
        "fn f() {\n  return 1 + f()\n}\nf()",
        "line 2: more than 10000 calls, or 100000 values, are under way, in 'f' called in line 2, in 'f' called in line 2, in 'f' called in line 2, in 'f' called in line 2 and 9995 more calls",
    );
    fails("let s = \"0123456789\"\nwhile true {\n  s = s + s\n}", "line 3: strings and lists take more than 6 MiB");
    fails("let l = []\nwhile true { push(l, 1) }", "line 2: the script takes more than 1000000 steps");
    fails("while true { print(\"a line\") }", "line 1: more than 10000 lines or 256 KiB are printed");
    assert_eq!(run("return 1", Vec::new(), 1), Err("line 1: the script takes more than 1 steps".into()));
}

#[test]
fn the_listing_names_lines_and_functions() {
    let found = listing("fn f(x) { return len(x) }\nif f(\"a\") == 1 { return }");
    let expected = [
        "0 line 1: Jump(6)",
        "1 line 1: Local(0)",
        "2 line 1: Call len (1)",
        "3 line 1: Return",
        "4 line 1: Nil",
        "5 line 1: Return",
        "6 line 2: Text \"a\"",
        "7 line 2: Call f",
        "8 line 2: Number 1",
        "9 line 2: Equal",
        "10 line 2: JumpUnless(13)",
        "11 line 2: Nil",
        "12 line 2: Return",
        "13 line 2: Nil",
        "14 line 2: Return",
    ];
    assert_eq!(found, Ok(expected.map(String::from).into()));
}
