//! The larger programs: parsers, interpreters, a library in C.

use javm_testgen::Document;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Random;
use crate::native::frames::{self, Motion, Settings};
use crate::native::{c, json, script, wasm};
use crate::workload::{self, Call};

/// A document, whole or not quite.
fn document(random: &mut Random) -> Vec<u8> {
    let mut text = Document::new(random.random_range(0..20_000), random.random()).text;
    if random.random_range(0..3) == 0 {
        let at = random.random_range(0..text.len());
        text[at] ^= 1 << random.random_range(0..8);
    }
    text
}

pub(super) fn json(random: &mut Random) -> Vec<Call> {
    let pointers = ["", "/orders", "/orders/3/customer", "/orders/1/rate", "/customer/city", "/total", "/paid"];
    let pointer = |random: &mut Random| *pointers.choose(random).unwrap();
    let text = document(random);
    let text = text.as_slice();
    vec![
        Call::of::<json::endpoint_summary>(&(text,)),
        Call::of::<json::endpoint_compact>(&(text,)),
        Call::of::<json::endpoint_select>(&(text, pointer(random))),
        Call::of::<json::endpoint_totals>(&(text, "/orders", pointer(random), pointer(random))),
    ]
}

/// Words that may stand behind each other, so that some of it is a script.
const WORDS: [&str; 36] = [
    "let a =",
    "let b =",
    "a",
    "b",
    "a =",
    "1",
    "-7",
    "0",
    "9223372036854775807",
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    "==",
    "and",
    "or",
    "not",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "\n",
    "\n",
    ";",
    "if",
    "while",
    "for i in 0..9",
    "return",
    "print(a, b)",
    "\"text\"",
    "fn f(a)",
];

pub(super) fn script(random: &mut Random) -> Vec<Call> {
    let arguments = |random: &mut Random| -> Vec<i64> {
        (0..random.random_range(0..3)).map(|_| random.random::<i64>() >> random.random_range(0..63)).collect()
    };
    let mut calls = Vec::new();
    for _ in 0..10 {
        let count = random.random_range(0..25);
        let words: Vec<&str> = (0..count).map(|_| *WORDS.choose(random).unwrap()).collect();
        let source = format!("let a = 2\nlet b = [1]\n{}", words.join(" "));
        calls.push(Call::of::<script::endpoint_listing>(&(source.as_str(),)));
        calls.push(Call::of::<script::endpoint_run>(&(source.as_str(), arguments(random), 2000_u64)));
    }
    let numbers = vec![random.random_range(0..60_i64), random.random_range(0..1_i64 << 31)];
    calls.push(Call::of::<script::endpoint_run>(&(workload::SCRIPT, numbers, random.random_range(0..60_000_u64))));
    calls
}

fn motion(random: &mut Random) -> Motion {
    let (cosine, sine) = *[(1000, 0), (0, -1000), (600, 800), (-800, 600), (500, 500)].choose(random).unwrap();
    let mut number = |most: i32| random.random_range(-most..=most);
    Motion {
        x: 16_000 + number(16_000),
        y: 12_000 + number(12_000),
        cosine,
        sine,
        vx: number(61_000),
        vy: number(20_000),
        spin: number(10_000),
    }
}

pub(super) fn frames(random: &mut Random) -> Vec<Call> {
    let mut calls = Vec::new();
    for _ in 0..random.random_range(5..30) {
        calls.push(match random.random_range(0..10) {
            0 => Call::of::<frames::endpoint_scene>(&(random.random_range(0..70_u32), random.random::<u64>())),
            1 => {
                let mut number = |most: u32| random.random_range(0..=most);
                let settings = Settings { gravity: number(40_000), bounce: number(1001), friction: number(1000) };
                Call::of::<frames::endpoint_reset>(&(settings,))
            }
            2 | 3 => {
                let (radius, fixed) = (random.random_range(400..4000_u32), random.random::<bool>());
                Call::of::<frames::endpoint_add_circle>(&(motion(random), radius, fixed))
            }
            4 | 5 => {
                let mut size = || random.random_range(400..4000_u32);
                let (width, height) = (size(), size());
                Call::of::<frames::endpoint_add_box>(&(motion(random), width, height, random.random::<bool>()))
            }
            6 => Call::of::<frames::endpoint_render>(&()),
            7 => Call::of::<frames::endpoint_bodies>(&()),
            8 => Call::of::<frames::endpoint_energy>(&()),
            _ => Call::of::<frames::endpoint_step>(&(random.random_range(0..40_u32),)),
        });
    }
    calls
}

/// A C program that fails ends the process that it is part of, on a host: these do not.
pub(super) fn zlib(random: &mut Random) -> Vec<Call> {
    let mut bytes = document(random);
    // A part that cannot be compressed, and one that can be well.
    bytes.extend((0..random.random_range(0..3000)).map(|_| random.random::<u8>()));
    bytes.resize(bytes.len() + random.random_range(0..3000), random.random());
    let stream = miniz_oxide::deflate::compress_to_vec_zlib(&bytes, random.random_range(0..10));
    vec![c::zlib_compress(bytes.clone(), random.random_range(0..10)), c::zlib_decompress(stream), c::zlib_crc32(bytes)]
}

pub(super) fn wasm(random: &mut Random) -> Vec<Call> {
    let whole = workload::bytes_of(workload::PRIMES_IN_WASM);
    let mut module = whole.clone();
    if random.random() {
        let at = random.random_range(0..module.len());
        module[at] ^= 1 << random.random_range(0..8);
    }
    module.truncate(if random.random() { module.len() } else { random.random_range(0..module.len()) });
    // Some arguments are out of bounds of the memory, some of the type.
    let bits = random.random_range(1..34);
    let number = random.random_range(-1..1_i64 << bits);
    let number = if (100_000..131_072).contains(&number) { 5 } else { number };
    vec![
        // What is not as it was is looked at, not run: it might run for ever.
        Call::of::<wasm::endpoint_exports>(&(module.as_slice(),)),
        Call::of::<wasm::endpoint_call>(&(whole.as_slice(), "primes", vec![number])),
        Call::of::<wasm::endpoint_call>(&(whole.as_slice(), "memory", vec![number])),
    ]
}
