//! Programs that are made of other people's crates, against what is published about the algorithms.

use javm_guest::Address;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::instance::Program;

/// The bytes that hexadecimal digits spell.
pub fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "{digits}");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn blake2b(program: &mut Program, length: u8, key: &[u8], message: &[u8]) -> Vec<u8> {
    program.call("hash", &(length, key, message)).value()
}

/// RFC 7693, appendix E: digests of all lengths, with and without a key, under one digest.
#[test]
fn blake2b_passes_the_self_test_of_the_rfc() {
    let sequence = |length: usize, seed: u32| -> Vec<u8> {
        let (mut a, mut b) = (0xdead_4bad_u32.wrapping_mul(seed), 1_u32);
        let mut next = || {
            let sum = a.wrapping_add(b);
            (a, b) = (b, sum);
            (sum >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    };
    let mut program = Program::new("blake2b");
    let mut digests = Vec::new();
    for length in [20, 32, 48, 64] {
        for message in [0, 3, 128, 129, 255, 1024] {
            let message = sequence(message, message as u32);
            let key = sequence(length.into(), length.into());
            digests.extend(blake2b(&mut program, length, &[], &message));
            digests.extend(blake2b(&mut program, length, &key, &message));
        }
    }
    let result = "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475";
    assert_eq!(blake2b(&mut program, 32, &[], &digests), hex(result));
}

/// The example of RFC 7693, appendix A, and three of the known answers that come with the reference implementation.
#[test]
fn blake2b_gives_known_answers() {
    let mut program = Program::new("blake2b");
    let abc = "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
               7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923";
    assert_eq!(blake2b(&mut program, 64, &[], b"abc"), hex(abc));
    let key: Vec<u8> = (0..64).collect();
    for (length, digest) in [
        (
            0,
            "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786\
             b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568",
        ),
        (
            1,
            "961f6dd1e4dd30f63901690c512e78e4b45e4742ed197c3c5e45c549fd25f2e4\
             187b0bc9fe30492b16b0d0bc4ef9b0f34c7003fac09a5ef1532e69430234cebd",
        ),
        (
            255,
            "142709d62e28fcccd0af97fad0f8465b971e82201dc51070faa0372aa43e9248\
             4be1c1e73ba10906d5d1853db6a4106e0a7bf9800d373d6dee2d46d62ef2a461",
        ),
    ] {
        let message: Vec<u8> = (0..length).collect();
        assert_eq!(blake2b(&mut program, 64, &key, &message), hex(digest), "{length} bytes");
    }
    assert_eq!(
        program.call("hash", &(65_u8, &[][..] as &[u8], &[][..] as &[u8])).refusal(),
        "hash failed: a digest has 20, 32, 48 or 64 bytes here, not 65"
    );
}

/// Examples of FIPS 202 and of Ethereum.
#[test]
fn keccak_gives_known_answers() {
    let mut program = Program::new("keccak");
    let long = [0xa3; 200];
    let middle = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (endpoint, message, digest) in [
        ("keccak256", &b""[..], "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        ("keccak256", b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        ("sha3_256", b"", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
        ("sha3_256", b"abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        ("sha3_256", middle, "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376"),
        ("sha3_256", &long, "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787"),
    ] {
        let answer = program.call(endpoint, &(message,));
        assert_eq!(answer.value::<Address>().0[..], hex(digest), "{endpoint} of {} bytes", message.len());
    }
    for (message, digest) in [
        (
            &b""[..],
            "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6\
             15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26",
        ),
        (
            b"abc",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
             10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
    ] {
        assert_eq!(program.call("sha3_512", &(message,)).value::<Vec<u8>>(), hex(digest));
    }
}

/// The published tests of Ethereum's contract at address 1: what is valid, what is not, and what is no signature's.
#[test]
fn ecrecover_finds_who_signed() {
    let mut program = Program::new("ecrecover");
    let hash = "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c";
    let r_and_s = "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f\
                   eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549";
    let unrecoverable = "a8b53bdf3306a35a7103ab5504a0c9b492295564b6202b1942a84ef300107281\
                         000000000000000000000000000000000000000000000000000000000000001b\
                         3078356531653033663533636531386237373263636230303933666637316633\
                         6635336635633735623734646362333161383561613862383839326234653862\
                         1122334455667788991011121314151617181920212223242526272829303132";
    let signer = "000000000000000000000000a94f5374fce5edbc8e2a8697c15331677e6ebf0b";
    let with_v = |v: &str| format!("{hash}{v:0>64}{r_and_s}");
    for (input, output) in [
        (with_v("1c"), signer),
        (unrecoverable.into(), ""),
        (with_v(&format!("1{}1c", "0".repeat(61))), ""),
        (with_v("1000000000000000000000001c"), ""),
        (with_v("100000000000000000000000011c"), ""),
        (with_v("1d"), ""),
        (format!("{}00ff", with_v("1c")), signer),
        (String::new(), ""),
    ] {
        assert_eq!(program.call("precompile", &(&hex(&input)[..],)).value::<Vec<u8>>(), hex(output), "{input}");
    }
    let recover = |program: &mut Program, hash: &str, signature: &str| -> Vec<u8> {
        program.call("recover", &(&hex(hash)[..], &hex(signature)[..])).value()
    };
    assert_eq!(recover(&mut program, hash, &format!("{r_and_s}1c")), hex(&signer[24..]));
    // The example of EIP-155, signed with the key 0x4646…46.
    let (hash, signature) = (
        "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53",
        "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276\
         67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
    );
    let address = hex("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
    assert_eq!(recover(&mut program, hash, &format!("{signature}00")), address);
    assert_eq!(recover(&mut program, hash, &format!("{signature}1b")), address);
    assert_ne!(recover(&mut program, hash, &format!("{signature}1c")), address);
    // Its twin: the order of the curve - s, and the other y.
    let twin = "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276\
                98341627668089e51348fccfb4c7ff31c55912f2d2e47ef09652acf665fad3be";
    assert_eq!(recover(&mut program, hash, &format!("{twin}1c")), address);
    let refusal = program.call("recover", &(&[0_u8; 32][..], &[0_u8; 65][..])).refusal();
    assert_eq!(refusal, "recover failed: r and s are from 1 to the order of the curve - 1");
}

/// What a block decompresses to, as the description of the format has it.
fn lz4(block: &[u8]) -> Vec<u8> {
    let mut bytes = block.iter().map(|&byte| usize::from(byte));
    let mut out = Vec::new();
    let length = |bytes: &mut dyn Iterator<Item = usize>, nibble: usize| {
        let (mut length, mut last) = (nibble, if nibble == 15 { 255 } else { 0 });
        while last == 255 {
            last = bytes.next().expect("a length");
            length += last;
        }
        length
    };
    while let Some(token) = bytes.next() {
        let literals = length(&mut bytes, token >> 4);
        out.extend(bytes.by_ref().take(literals).map(|byte| byte as u8));
        let Some(low) = bytes.next() else { break };
        let offset = low + (bytes.next().expect("an offset") << 8);
        assert!((1..=out.len()).contains(&offset), "{offset} of {}", out.len());
        for _ in 0..4 + length(&mut bytes, token & 15) {
            out.push(out[out.len() - offset]);
        }
    }
    out
}

/// Blocks that the reference implementation (lz4 1.9.4, levels 1 and 9) has made.
#[test]
fn lz_takes_blocks_of_the_reference_implementation() {
    let mut program = Program::new("lz");
    let text = b"to be or not to be, ".repeat(20);
    for (block, plain) in [
        ("d1746f206265206f72206e6f74200d00122c07000f1400ff60502062652c20", &text[..]),
        ("d1746f206265206f72206e6f74200d002f2c201400ff65502062652c20", &text),
        ("1f000100ffffffd2500000000000", &[0; 1000]),
        (
            "8c61626364656667680800f00474686520656e64206f6620746865206c696e65",
            b"abcdefghabcdefghabcdefghthe end of the line",
        ),
    ] {
        let block = hex(block);
        assert_eq!(lz4(&block), plain, "this test reads it");
        let answer = program.call("decompress", &(&block[..], plain.len() as u32));
        assert_eq!(answer.value::<Vec<u8>>(), plain);
        let refusal = program.call("decompress", &(&block[..], plain.len() as u32 - 1)).refusal();
        assert!(refusal.starts_with("decompress failed: it is no LZ4 block: "), "{refusal}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn blake2b_is_what_another_crate_gives(key in vec(any::<u8>(), 0..=64), message in vec(any::<u8>(), 0..2000)) {
        let mut program = Program::new("blake2b");
        for length in [20, 32, 48, 64] {
            let digest = blake2b(&mut program, length, &key, &message);
            let other = blake2b_simd::Params::new().hash_length(length.into()).key(&key).hash(&message);
            prop_assert_eq!(digest, other.as_bytes());
        }
    }

    #[test]
    fn lz_makes_blocks_that_read_as_what_they_are_of(parts in vec((vec(any::<u8>(), 0..40), 1..60_usize), 0..12)) {
        let plain: Vec<u8> = parts.iter().flat_map(|(part, times)| part.repeat(*times)).collect();
        let mut program = Program::new("lz");
        let block = program.call("compress", &(&plain[..],)).value::<Vec<u8>>();
        prop_assert_eq!(lz4(&block), &plain[..]);
        prop_assert_eq!(program.call("decompress", &(&block[..], plain.len() as u32)).value::<Vec<u8>>(), &plain[..]);
        prop_assert_eq!(program.call("round_trip", &(&plain[..],)).value::<u64>(), block.len() as u64);
    }

    /// Rust's own sort for the host, and a checksum that is computed from the other end.
    #[test]
    fn sort_sorts(numbers in vec(prop_oneof![any::<u64>(), 0..9_u64], 0..300), count in 0..600_u32, seed in any::<u64>()) {
        let mut program = Program::new("sort");
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        let mut generated: Vec<u64> = (1..=u64::from(count)).map(|place| {
            let z = seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }).collect();
        generated.sort_unstable();
        let (sum, _) = generated.iter().rev().fold((0_u64, 1_u64), |(sum, power), number| {
            (sum.wrapping_add(number.wrapping_mul(power)), power.wrapping_mul((1 << 48) + 0x1b3))
        });
        for algorithm in ["unstable", "stable", "merge", "radix", "heap"] {
            let answer = program.call("sort", &(algorithm, &numbers[..]));
            prop_assert_eq!(answer.value::<Vec<u64>>(), &sorted[..], "{}", algorithm);
            let checksum = program.call("generated", &(algorithm, count, seed)).value::<u64>();
            prop_assert_eq!(checksum, sum, "{}", algorithm);
        }
    }
}

/// What was wrong stands in the scratchpad, where the line is written that tells of it.
#[test]
fn sort_says_what_it_refuses() {
    let mut program = Program::new("sort");
    let refusal = program.call("sort", &("bogo", &[1_u64][..])).refusal();
    assert_eq!(refusal, "sort failed: there is no algorithm \"bogo\", but unstable stable merge radix heap");
    let refusal = program.call("generated", &("heap", 100_001_u32, 0_u64)).refusal();
    assert_eq!(refusal, "generated failed: at most 100000 numbers are sorted, not 100001");
}
