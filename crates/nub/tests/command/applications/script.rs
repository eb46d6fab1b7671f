//! `script` against the same computations in Rust.

use javm_guest::Typed;

use super::Program;

/// `Outcome` of the program.
#[derive(Typed, PartialEq, Debug)]
struct Outcome {
    result: String,
    printed: Vec<String>,
    steps: u64,
}

fn program() -> Program {
    Program::new("script")
}

const STEPS: u64 = 10_000_000;

/// Sorts numbers that a generator makes, and hashes them by FNV-1a's rule.
const SORT: &str = r#"
    fn sort(list, from, to) {
        if to - from < 2 { return list }
        let pivot = list[(from + to) / 2]
        let low = from
        let high = to - 1
        while low <= high {
            while list[low] < pivot { low = low + 1 }
            while list[high] > pivot { high = high - 1 }
            if low <= high {
                let kept = list[low]
                list[low] = list[high]
                list[high] = kept
                low = low + 1; high = high - 1
            }
        }
        sort(list, from, high + 1)
        return sort(list, low, to)
    }
    let list = []
    let state = args[1]
    for i in 0..args[0] {
        state = (state * 1103515245 + 12345) & 0x7fffffff
        push(list, state)
    }
    sort(list, 0, len(list))
    let hash = 2166136261
    for i in 0..len(list) { hash = ((hash ^ list[i] & 255) * 16777619) & 0xffffffff }
    let shown = len(list)
    if shown > 3 { shown = 3 }
    print("of ", len(list), ": ", slice(list, 0, shown))
    return hash
"#;

#[test]
fn scripts_compute_what_rust_computes() {
    let mut program = program();
    for (count, seed) in [(0_i64, 1_i64), (1, 5), (500, 42), (1000, 7)] {
        let outcome: Outcome = program.call("run", &(SORT, vec![count, seed], STEPS)).value();
        let mut state = seed;
        let mut list: Vec<i64> = std::iter::repeat_with(|| {
            state = (state * 1_103_515_245 + 12345) & 0x7fff_ffff;
            state
        })
        .take(count as usize)
        .collect();
        list.sort_unstable();
        let hash =
            list.iter().fold(2_166_136_261_u32, |hash, number| (hash ^ *number as u8 as u32).wrapping_mul(16_777_619));
        let first = &list[..list.len().min(3)];
        assert_eq!(outcome.printed, [format!("of {count}: {first:?}")]);
        assert_eq!(outcome.result, hash.to_string());
    }
}

#[test]
fn words_are_counted() {
    let source = r#"
        // A list of words and a list of counts, side by side.
        let words = []
        let counts = []
        fn note(word) {
            for i in 0..len(words) { if words[i] == word { counts[i] = counts[i] + 1; return } }
            push(words, word); push(counts, 1)
        }
        let text = "the cat and the dog and the bird "
        let start = 0
        for i in 0..len(text) {
            if byte(text, i) == 32 { note(slice(text, start, i)); start = i + 1 }
        }
        for i in 0..len(words) { print(words[i], "=", counts[i]) }
    "#;
    let outcome: Outcome = program().call("run", &(source, Vec::<i64>::new(), STEPS)).value();
    assert_eq!(outcome.printed, ["the=3", "cat=1", "and=2", "dog=1", "bird=1"]);
    assert_eq!(outcome.result, "nil");
}

#[test]
fn failures_name_their_lines() {
    let mut program = program();
    let mut refusal = |source: &str| program.call("run", &(source, vec![1_i64], 100_000_u64)).refusal();
    for (source, said) in [
        ("let x = 1\nlet y = x +* 2", "line 2: a value is expected, not '*'"),
        ("fn f(n) {\n  return 10 / n\n}\n\nprint(f(args[0] - 1))", "line 2: 10 / 0, in 'f' called in line 5"),
        ("let n = 1\nwhile true {\n  n = n * 2\n}", "line 3: 4611686018427387904 * 2 does not fit into 64 bits"),
        ("\nwhile true {}", "line 2: the script takes more than 100000 steps"),
        ("let l = [1]\nl[2] = 0", "line 2: index 2 is not in a list of 1"),
        ("\"unfinished", "line 1: a string without its second '\"'"),
    ] {
        let found = refusal(source);
        assert!(found.ends_with(said), "{found} of {source}");
    }
    let found = refusal("fn f(n) { return f(n + 1) }\nf(0)");
    assert!(found.contains("line 1: more than 10000 calls"), "{found}");
    let deep = "(".repeat(500_000);
    let found = refusal(&deep);
    assert!(found.ends_with("lie deeper than 100 in each other"), "{found}");
}
