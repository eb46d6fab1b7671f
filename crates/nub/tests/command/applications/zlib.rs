//! `zlib` against `miniz_oxide`, which knows nothing of it.

use javm_testgen::Document;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib;

use super::Program;

fn program() -> Program {
    Program::new("zlib")
}

/// What is easy to compress, what is not, and nothing.
fn inputs() -> Vec<Vec<u8>> {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    vec![Vec::new(), b"a".to_vec(), vec![7; 100_000], Document::new(100_000, 6).text, noise.take(40_000).collect()]
}

#[test]
fn streams_are_understood_elsewhere() {
    let mut program = program();
    for input in inputs() {
        for level in [0, 1, 3, 4, 6, 9] {
            let length = input.len();
            let answer = program.call_raw("compress", &[length as u64, level], input.clone());
            let packed = &answer.scratchpad[length..][..answer.register() as usize];
            assert!(answer.scratchpad[..length] == input, "the input stays");
            assert!(decompress_to_vec_zlib(packed).expect("it is a stream") == input, "{length} bytes, level {level}");
            if level == 9 && length > 40_000 {
                assert!(packed.len() < length / 2, "{} of {length}", packed.len());
            }
        }
    }
}

#[test]
fn streams_from_elsewhere_are_understood() {
    let mut program = program();
    for input in inputs() {
        for level in [0, 1, 6, 10] {
            let packed = compress_to_vec_zlib(&input, level);
            let answer = program.call_raw("decompress", &[packed.len() as u64], packed.clone());
            assert_eq!(answer.register() as usize, input.len());
            assert!(answer.scratchpad[packed.len()..][..input.len()] == input, "{} bytes, level {level}", input.len());
        }
    }
}

#[test]
fn the_checksum_is_the_published_one() {
    let mut program = program();
    for (text, sum) in
        [("123456789", 0xcbf4_3926), ("", 0), ("The quick brown fox jumps over the lazy dog", 0x414f_a339)]
    {
        assert_eq!(program.call_raw("crc32", &[text.len() as u64], text.into()).register(), sum, "{text}");
    }
}

#[test]
fn what_is_no_stream_is_refused() {
    let mut program = program();
    let stream = compress_to_vec_zlib(&vec![b'x'; 1000], 6);
    let mut refusal = |bytes: &[u8]| program.call_raw("decompress", &[bytes.len() as u64], bytes.to_vec()).refusal();
    let damaged = "the input is no zlib stream, or is damaged or cut short";
    for cut in 0..stream.len() {
        let said = refusal(&stream[..cut]);
        assert!(said.ends_with(damaged) || said.ends_with("or the input is cut short"), "{said} of {cut} bytes");
    }
    // The last four bytes are the checksum of the contents.
    let mut wrong = stream.clone();
    *wrong.last_mut().expect("it has some") ^= 1;
    assert!(refusal(&wrong).ends_with(damaged));
    assert!(refusal(&[stream.as_slice(), b"!"].concat()).ends_with("not so: used == length"));

    let said = program.call_raw("compress", &[10, 10], vec![0; 10]).refusal();
    assert!(said.ends_with("not so: level <= 9"), "{said}");
    let said = program.call_raw("crc32", &[u64::MAX], Vec::new()).refusal();
    assert!(said.ends_with("not so: length <= javm_scratchpad_bytes()"), "{said}");
}
