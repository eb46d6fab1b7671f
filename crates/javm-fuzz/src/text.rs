//! Changes of text: words for words, lines for lines.

use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::mutation;
use crate::target::Random;

/// Changes text at one place. `words` are what the language is made of; numbers come by themselves.
pub fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let Ok(text) = str::from_utf8(bytes) else { return mutation::bytes(random, bytes, other) };
    let changed = match random.random_range(0..8) {
        0 => return mutation::bytes(random, bytes, other),
        1..=3 => lines(random, text, &String::from_utf8_lossy(other)),
        _ => tokens(random, text, words),
    };
    *bytes = changed.into_bytes();
}

/// Leaves out, doubles or moves a line, or takes one from the other text.
fn lines(random: &mut Random, text: &str, other: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let others: Vec<&str> = other.split_inclusive('\n').collect();
    let at = random.random_range(0..lines.len().max(1));
    let to = random.random_range(0..=lines.len());
    match random.random_range(0..3) {
        0 if !lines.is_empty() => drop(lines.remove(at)),
        1 if !lines.is_empty() => lines.insert(to, lines[at]),
        _ => lines.insert(to, others.choose(random).copied().unwrap_or("\n")),
    }
    lines.concat()
}

/// Leaves out, doubles, swaps or replaces a token.
fn tokens(random: &mut Random, text: &str, words: &[&str]) -> String {
    let mut tokens: Vec<String> = split(text).map(String::from).collect();
    let word = |random: &mut Random| match random.random_range(0..4) {
        0 => decimal_or_hexadecimal(random),
        _ => words.choose(random).copied().unwrap_or(" ").into(),
    };
    let at = random.random_range(0..tokens.len().max(1));
    match random.random_range(0..6) {
        0 if !tokens.is_empty() => drop(tokens.remove(at)),
        1 if !tokens.is_empty() => tokens.insert(at, tokens[at].clone()),
        2 if tokens.len() > 1 => {
            let with = random.random_range(0..tokens.len());
            tokens.swap(at, with);
        }
        3 => tokens.insert(at.min(tokens.len()), word(random)),
        _ if !tokens.is_empty() => tokens[at] = word(random),
        _ => {}
    }
    tokens.concat()
}

fn decimal_or_hexadecimal(random: &mut Random) -> String {
    let number = mutation::number(random);
    let sign = if random.random_ratio(1, 4) { "-" } else { "" };
    if random.random() { format!("{sign}{number}") } else { format!("{sign}{number:#x}") }
}

/// Words, numbers, stretches of blanks, and every other character by itself.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let kind = |letter: char| match letter {
        letter if letter.is_alphanumeric() || letter == '_' => 'a',
        letter if letter.is_whitespace() => ' ',
        other => other,
    };
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let same = |letter: char| kind(letter) == kind(first) && matches!(kind(letter), 'a' | ' ');
        let end = rest.find(|letter| !same(letter)).unwrap_or(rest.len()).max(first.len_utf8());
        let (token, behind) = rest.split_at(end);
        rest = behind;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn tokens_are_words_blanks_and_single_characters() {
        let tokens: Vec<&str> = split("add_64 a0,  é[x1+0x2]").collect();
        assert_eq!(tokens, ["add_64", " ", "a0", ",", "  ", "é", "[", "x1", "+", "0x2", "]"]);
    }

    #[test]
    fn any_text_can_be_changed() {
        let mut random = Random::seed_from_u64(1);
        let mut text = Vec::new();
        for _ in 0..3_000 {
            mutate(&mut random, &mut text, b"one\ntwo\n\nthree", &["word", "\"", "{"]);
            text.truncate(500);
        }
        assert!(!text.is_empty());
    }
}
