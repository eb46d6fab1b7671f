//! What is run: one table of programs, with what goes in and what has to come out.

use javm_guest::Address;
use javm_guest::test::Endpoint;
use javm_guest::types::typed::{LowerArguments, lower_arguments, lower_result};
use javm_guest::types::{Encode, Shape, Signature, encoded_len};

use javm_testgen::Document;

use crate::native::json::Total;
use crate::native::token::Payment;
use crate::native::{self, Native};

/// A call of an example program.
pub struct Workload {
    /// Its name in the group `exec`.
    pub name: &'static str,
    /// The Image in `guests/images`.
    pub image: &'static str,
    /// What the Instance has done before; not measured.
    pub before: Vec<Call>,
    /// What is measured.
    pub call: Call,
    /// What comes of it.
    pub expected: Expected,
    /// Whether the program keeps state, so that host code needs an Instance of its own for each call, too.
    pub keeps_state: bool,
}

/// An endpoint with its arguments, as the kernel and host code take them.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name.
    pub endpoint: &'static str,
    /// The arguments that are in registers.
    pub registers: Vec<u64>,
    /// The first bytes of the scratchpad, with arguments that are there; `None` where the program has none.
    pub scratchpad: Option<Vec<u8>>,
    /// The same source as host code.
    pub native: Option<Native>,
}

impl Call {
    /// A call with typed arguments of a program in Rust, `E` being `endpoint_…` of its module.
    ///
    /// # Panics
    /// If the endpoint takes other types: the table is wrong then.
    pub fn of<E: Endpoint>(arguments: &impl LowerArguments) -> Call {
        fn check<A: LowerArguments>(_: &A, signature: Signature) {
            let types: Vec<Shape> = signature.arguments.iter().map(|&(_, shape)| shape).collect();
            let Shape::Tuple(given) = A::SHAPE else { unreachable!("arguments are tuples") };
            assert_eq!(types, given, "{} takes other types", signature.name);
        }
        fn lower<A: LowerArguments>(arguments: &A) -> (Vec<u64>, Option<Vec<u8>>) {
            let mut bytes = if A::IN_REGISTERS { Vec::new() } else { room_for(arguments) };
            let registers = lower_arguments(arguments, &mut bytes).unwrap_or_else(|error| panic!("{error}"));
            let count = if A::IN_REGISTERS { A::COUNT } else { 1 };
            (registers[..count].to_vec(), (!A::IN_REGISTERS).then_some(bytes))
        }
        check(arguments, E::SIGNATURE);
        let (registers, scratchpad) = lower(arguments);
        Call { endpoint: E::SIGNATURE.name, registers, scratchpad, native: Some(E::call) }
    }

    /// The same with these bytes at the start of the scratchpad, for endpoints whose arguments are in registers.
    #[must_use]
    pub fn with_scratchpad(self, bytes: Vec<u8>) -> Call {
        Call { scratchpad: Some(bytes), ..self }
    }
}

/// As many bytes as the encoding has.
fn room_for(value: &impl Encode) -> Vec<u8> {
    vec![0; encoded_len(value).unwrap_or_else(|error| panic!("{error}"))]
}

/// How the result of a call is known to be right, beyond that all engines agree.
pub enum Expected {
    /// From another source than this program: what it returns, and what the scratchpad starts with.
    Known(u64, Vec<u8>),
    /// Whatever the native build of the same source returns, and leaves in the scratchpad.
    Native,
}

impl Expected {
    /// A result that is known, as a call returns it.
    ///
    /// # Panics
    /// If it has no encoding: the table is wrong then.
    fn known<T: Encode>(result: &T) -> Expected {
        let mut bytes = room_for(result);
        let register = lower_result(result, &mut bytes).unwrap_or_else(|error| panic!("{error}"));
        if result.to_register().is_some() {
            bytes.clear();
        }
        Expected::Known(register, bytes)
    }
}

/// RFC 8032, section 7.1, test 3: public key, signature, message.
pub const RFC_8032_TEST_3: &str = concat!(
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    "af82"
);

/// Sorts numbers that a generator makes, and looks all of them up again.
pub const SCRIPT: &str = include_str!("workload/sort.script");

/// A module with `primes(n)`: how many primes are below n, by a sieve in its memory of two pages.
pub const PRIMES_IN_WASM: &str = concat!(
    "0061736d0100000001060160017f017f03020100050401010202071302067072696d65730000066d656d6f727902000a",
    "56015401037f4102210102400340200120004f0d0120012d0000450440200341016a2103200120016a21020240034020",
    "0220004f0d01200241013a0000200220016a21020c000b0b0b200141016a21010c000b0b20030b"
);

/// A row of what `totals` of `json` returns.
fn total(group: &str, rows: u32, sum: i64) -> Total {
    Total { group: group.into(), rows, sum }
}

/// All of them. Numbers come through here at run time, so that no compiler knows them when it makes the program.
pub fn all() -> Vec<Workload> {
    let plain =
        |name, image, call, expected| Workload { name, image, before: Vec::new(), call, expected, keeps_state: false };
    let number = |number: u64| Expected::known(&number);
    let document = Document::new(1_000_000, 1);
    let totals: Vec<Total> = document.cities.iter().map(|(group, &(rows, sum))| total(group, rows, sum)).collect();
    let compact = serde_json::from_slice(&document.text).map(|value: serde_json::Value| value.to_string().into_bytes());
    let compact = compact.unwrap_or_else(|error| panic!("the document is no JSON: {error}"));
    let document_part = Document::new(64 << 10, 2).text;
    let stream = miniz_oxide::deflate::compress_to_vec_zlib(&document_part, 6);
    let text = text(128 << 10);
    vec![
        plain("fib", "fib", Call::of::<native::fib::endpoint_fib>(&(300_000_u64,)), number(fibonacci(300_000))),
        plain("fib-recursive", "fib", Call::of::<native::fib::endpoint_fib_recursive>(&(24_u64,)), number(46_368)),
        plain("sieve", "sieve", Call::of::<native::sieve::endpoint_sieve>(&(1_000_000_u64,)), number(78_498)),
        plain(
            "ed25519",
            "ed25519",
            Call::of::<native::ed25519::endpoint_verify>(&(2_u64,)).with_scratchpad(bytes_of(RFC_8032_TEST_3)),
            number(1),
        ),
        plain("mandelbrot", "mandelbrot", native::c::mandelbrot(200, 150, 100), Expected::Native),
        plain(
            "json",
            "json",
            Call::of::<native::json::endpoint_totals>(&(
                document.text.as_slice(),
                "/orders",
                "/customer/city",
                "/total",
            )),
            Expected::known(&totals),
        ),
        plain(
            "json-rewrite",
            "json",
            Call::of::<native::json::endpoint_compact>(&(document.text.as_slice(),)),
            Expected::known(&compact),
        ),
        plain(
            "script",
            "script",
            Call::of::<native::script::endpoint_run>(&(SCRIPT, vec![600_i64, 5], 10_000_000_u64)),
            Expected::Native,
        ),
        Workload {
            before: vec![
                Call::of::<native::frames::endpoint_scene>(&(40_u32, 1_u64)),
                Call::of::<native::frames::endpoint_step>(&(240_u32,)),
            ],
            keeps_state: true,
            ..plain(
                "frames",
                "frames",
                Call::of::<native::frames::endpoint_step>(&(60_u32,)).with_scratchpad(Vec::new()),
                number(300),
            )
        },
        Workload {
            before: vec![Call::of::<native::frames::endpoint_scene>(&(40_u32, 1_u64))],
            keeps_state: true,
            ..plain(
                "frames-render",
                "frames",
                Call::of::<native::frames::endpoint_render>(&()).with_scratchpad(Vec::new()),
                Expected::Native,
            )
        },
        plain("zlib-compress", "zlib", native::c::zlib_compress(document_part.clone(), 6), Expected::Native),
        plain(
            "zlib-decompress",
            "zlib",
            native::c::zlib_decompress(stream.clone()),
            Expected::Known(document_part.len() as u64, [stream, document_part].concat()),
        ),
        plain("zlib-crc32", "zlib", native::c::zlib_crc32(document.text), Expected::Native),
        plain(
            "wasm",
            "wasm",
            Call::of::<native::wasm::endpoint_call>(&(bytes_of(PRIMES_IN_WASM).as_slice(), "primes", vec![20_000_i64])),
            Expected::known(&vec![2262_i64]),
        ),
        Workload {
            keeps_state: true,
            ..plain("counter", "counter", Call::of::<native::counter::endpoint_add>(&(5_u64,)), number(5))
        },
        plain("sort", "sort", sort("unstable"), Expected::Native),
        plain("sort-merge", "sort", sort("merge"), Expected::Native),
        plain("blake2b", "blake2b", blake2b(&text), known_blake2b(&text)),
        plain("keccak", "keccak", Call::of::<native::keccak::endpoint_keccak256>(&(&text[..],)), Expected::Native),
        plain("ecrecover", "ecrecover", ecrecover(), Expected::known(&bytes_of(SIGNER))),
        plain("lz", "lz", Call::of::<native::lz::endpoint_round_trip>(&(&text[..],)), Expected::Native),
        token(),
    ]
}

/// A call that has nothing to do: what comes and goes with it is what every other call takes besides its work. In a virtual
/// machine that is to be known of calls that are short.
pub fn nothing() -> Workload {
    Workload {
        name: "nothing",
        image: "fib",
        before: Vec::new(),
        call: Call::of::<native::fib::endpoint_fib>(&(0_u64,)),
        expected: Expected::known(&0_u64),
        keeps_state: false,
    }
}

fn sort(algorithm: &str) -> Call {
    Call::of::<native::sort::endpoint_generated>(&(algorithm, 20_000_u32, 7_u64))
}

fn blake2b(message: &[u8]) -> Call {
    Call::of::<native::blake2b::endpoint_hash>(&(32_u8, &b""[..], message))
}

/// By another crate than the program's.
fn known_blake2b(message: &[u8]) -> Expected {
    Expected::known(&blake2b_simd::Params::new().hash_length(32).hash(message).as_bytes())
}

/// A published test of Ethereum's contract at address 1: hash, r and s, with v = 28, and who has signed.
const SIGNED_HASH: &str = "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c";
const R_AND_S: &str = concat!(
    "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f",
    "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549"
);
const SIGNER: &str = "a94f5374fce5edbc8e2a8697c15331677e6ebf0b";

fn ecrecover() -> Call {
    let mut signature = bytes_of(R_AND_S);
    signature.push(28);
    Call::of::<native::ecrecover::endpoint_recover>(&(&bytes_of(SIGNED_HASH)[..], &signature[..]))
}

/// A thousand payments, half of them to accounts that are new.
fn token() -> Workload {
    const PAYMENTS: u64 = 1000;
    let bank = Address([0; 32]);
    let payments = |first: u64| -> Vec<Payment> {
        let account = |number: u64| {
            let mut account = [0xee; 32];
            // Not in order.
            account[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
            Address(account)
        };
        (first..first + PAYMENTS).map(|number| Payment { account: account(number), amount: number }).collect()
    };
    let distribute = |first: u64| Call::of::<native::token::endpoint_distribute>(&(bank, payments(first)));
    Workload {
        name: "token",
        image: "token",
        before: vec![Call::of::<native::token::endpoint_mint>(&(bank, bank, u64::MAX)), distribute(1)],
        call: distribute(1 + PAYMENTS / 2),
        expected: Expected::known(&(PAYMENTS * (PAYMENTS / 2) + PAYMENTS * (PAYMENTS + 1) / 2)),
        keeps_state: true,
    }
}

/// Something like a text: words, some of them more often than others, in lines.
pub fn text(length: usize) -> Vec<u8> {
    const WORDS: &str = "the of and to in a is that for it as was with be by on not he his but at are this have from or \
                         had an they which one you were all her she there would their we him been has when who will no \
                         more if out so what up said about into than them can only other time new some could these two";
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut text = Vec::with_capacity(length + 8);
    let mut state = 1_u64;
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The first words are the most frequent ones.
        let place = ((state >> 48) * (state >> 32 & 0xffff)) >> 16;
        text.extend_from_slice(words[(place as usize * words.len()) >> 16].as_bytes());
        text.push(if state >> 28 & 15 == 0 { b'\n' } else { b' ' });
    }
    text.truncate(length);
    text
}

/// By doubling, which is not how the program does it: F(2k) = F(k) (2 F(k+1) - F(k)), F(2k+1) = F(k)² + F(k+1)².
fn fibonacci(n: u64) -> u64 {
    let (mut a, mut b) = (0_u64, 1_u64);
    for bit in (0..u64::BITS - n.leading_zeros()).rev() {
        let twice = a.wrapping_mul(b.wrapping_mul(2).wrapping_sub(a));
        let next = a.wrapping_mul(a).wrapping_add(b.wrapping_mul(b));
        (a, b) = if n >> bit & 1 == 0 { (twice, next) } else { (next, twice.wrapping_add(next)) };
    }
    a
}

/// The bytes that hexadecimal digits spell.
pub fn bytes_of(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    digits.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fibonacci_numbers() {
        assert_eq!([0, 1, 2, 3, 10, 90].map(fibonacci), [0, 1, 1, 2, 55, 2_880_067_194_370_816_120]);
        assert_eq!(fibonacci(300_001).wrapping_add(fibonacci(300_000)), fibonacci(300_002));
    }

    #[test]
    fn names_are_used_once() {
        let mut names: Vec<&str> = all().iter().map(|workload| workload.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }
}
