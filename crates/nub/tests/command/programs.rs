//! The example programs, against results that were not computed by nub.

use super::{call, guest, nub};

#[test]
fn the_first_command_of_the_readme() {
    let image = guest("counter");
    let run = nub(&["run", &image, "--endpoint", "add", "--arg", "5"]).expect(0);
    assert!(run.stdout.starts_with("result  5\n"), "{}", run.report());
    assert!(run.stdout.contains("\nlog     [0] added 5, total 5\n"), "{}", run.report());
    // All but the time is what the README says.
    let readme = include_str!("../../../../README.md");
    let said =
        readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the first block of text");
    let untimed = |text: &str| text.lines().filter(|line| !line.starts_with("time    ")).collect::<Vec<_>>().join("\n");
    assert_eq!(untimed(said), untimed(&run.stdout));
    assert_eq!(run.stdout.lines().count(), said.lines().count());
    assert_eq!(run.stderr, "");
}

#[test]
fn counter_keeps_state_between_calls() {
    let image = guest("counter");
    let run = nub(&["--json", "run", &image, "-e", "add", "-a", "5", "--repeat", "3"]).expect(0).json();
    assert_eq!((run["value"].as_u64(), run["calls"].as_u64()), (Some(15), Some(3)));
    assert_eq!(run["logs"][0]["text"], "added 5, total 15");
    let once = call("counter", "add", &["15"]);
    assert_ne!(once["state_root"], run["state_root"], "one addition is not three");
    assert_eq!(call("counter", "get", &[])["value"], 0);
    let signed = nub(&["--json", "run", &image, "-e", "add", "--arg", "0xFFFF_FFFF_FFFF_FFFF"]).expect(0).json();
    assert_eq!(signed["value"].as_u64(), Some(u64::MAX));
}

#[test]
fn fib_is_what_addition_gives() {
    let (mut a, mut b) = (0_u64, 1_u64);
    for n in 0..100_u32 {
        if n % 9 == 0 || n == 93 || n == 94 {
            assert_eq!(call("fib", "fib", &[&n.to_string()])["value"].as_u64(), Some(a), "fib({n})");
        }
        if n == 20 {
            assert_eq!(call("fib", "fib_recursive", &["20"])["value"].as_u64(), Some(a));
        }
        (a, b) = (b, a.wrapping_add(b));
    }
}

#[test]
fn sieve_counts_the_primes() {
    // The number of primes below 10^n, as in every table.
    for (below, primes) in [("0", 0), ("2", 0), ("3", 1), ("10", 4), ("100", 25), ("1000", 168), ("100_000", 9592)] {
        assert_eq!(call("sieve", "sieve", &[below])["value"], primes, "below {below}");
    }
}

#[test]
fn services_answer() {
    let image = guest("services");
    let hash = |method: &str| {
        let run = nub(&["--json", "run", &image, "-e", "hash", "-a", method, "-a", "3", "--scratchpad-hex", "616263"]);
        run.expect(0).json()["value"].as_u64().map(u64::to_le_bytes)
    };
    // The first eight bytes of the published digests of "abc".
    assert_eq!(hash("0"), Some([0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72]));
    assert_eq!(hash("1"), Some([0x4e, 0x03, 0x65, 0x7a, 0xea, 0x45, 0xa9, 0x4f]));
    assert_eq!(hash("2"), Some([0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]));
    let logged =
        nub(&["--json", "run", &image, "-e", "log", "-a", "1", "-a", "2", "-a", "7", "--scratchpad-hex", "61626364"]);
    let logged = logged.expect(0).json();
    assert_eq!((&logged["logs"][0]["text"], &logged["logs"][0]["topic"]), (&"bc".into(), &7.into()));
    assert_eq!(call("services", "self", &["0"])["value"], 3, "the host called");
    let gas = call("services", "gas", &[]);
    let left = gas["value"].as_u64().expect("a number");
    assert!(left < 1_000_000_000 && left > 999_990_000, "{gas}");
}

/// The test vectors 1 to 3 of RFC 8032, section 7.1: public key, message, signature.
const RFC_8032: [(&str, &str, &str); 3] = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2\
         4655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302ae\
         eb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28\
         dc027beceea1ec40a",
    ),
];

#[test]
fn ed25519_verifies_the_vectors_of_the_rfc_and_nothing_else() {
    let image = guest("ed25519");
    let verify = |key: &str, message: &str, signature: &str| {
        let scratchpad = format!("{key}{signature}{message}");
        let length = (message.len() / 2).to_string();
        let run = nub(&["--json", "run", &image, "-e", "verify", "-a", &length, "--scratchpad-hex", &scratchpad]);
        run.expect(0).json()["value"].as_u64()
    };
    for (key, message, signature) in RFC_8032 {
        assert_eq!(verify(key, message, signature), Some(1), "{key}");
        assert_eq!(verify(key, &format!("{message}00"), signature), Some(0), "a longer message");
        let wrong = signature.replacen(['0', '1', '2', '3', '4', '5', '6', '7'], "f", 1);
        assert_eq!(verify(key, message, &wrong), Some(0), "another signature");
        assert_eq!(verify(&key.replacen('1', "2", 1), message, signature), Some(0), "another key");
    }
}

#[test]
fn mandelbrot_is_what_native_code_draws() {
    let (width, height, limit) = (64_u64, 48_u64, 100_u64);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("picture");
    let run = nub(&[
        "--json",
        "run",
        &guest("mandelbrot"),
        "-e",
        "render",
        "-a",
        "64",
        "-a",
        "48",
        "-a",
        "100",
        "--scratchpad-out",
        path.to_str().expect("text"),
    ]);
    let sum = run.expect(0).json()["value"].as_u64();

    // The same picture with 28 bits behind the point, as the program has it.
    let times = |a: i64, b: i64| (a * b) >> 28;
    let scale = |from: f64, span: f64, index: u64, count: u64| {
        (from * f64::from(1 << 28)) as i64 + ((span * f64::from(1 << 28)) as u64 * index / count) as i64
    };
    let steps = |cr: i64, ci: i64| {
        let (mut zr, mut zi) = (0_i64, 0_i64);
        (0..limit).find(|_| {
            let (rr, ii) = (times(zr, zr), times(zi, zi));
            let outside = rr + ii > 4 << 28;
            if !outside {
                zi = 2 * times(zr, zi) + ci;
                zr = rr - ii + cr;
            }
            outside
        })
    };
    let mut expected = Vec::new();
    let mut expected_sum = 0;
    for y in 0..height {
        for x in 0..width {
            let n = steps(scale(-2.25, 3.0, x, width), scale(-1.25, 2.5, y, height)).unwrap_or(limit);
            expected.push(n as u8);
            expected_sum += n;
        }
    }
    assert_eq!(sum, Some(expected_sum));
    let picture = std::fs::read(&path).expect("written");
    assert_eq!(picture.len(), 1 << 20);
    assert!(picture[..expected.len()] == expected[..], "the pictures differ");
    assert!(picture[expected.len()..].iter().all(|&byte| byte == 0));
}
