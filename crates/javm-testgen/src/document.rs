//! JSON documents as they go around: orders of a shop, with all that JSON has.
//!
//! They are written by hand, not by a library, and what was written is counted meanwhile: who reads them has something to
//! compare with.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// A document, and what is in it.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Document {
    /// The document: an object of which the member `orders` is a list of objects.
    pub text: Vec<u8>,
    /// How many there are.
    pub nulls: u32,
    /// How many there are.
    pub booleans: u32,
    /// How many there are.
    pub numbers: u32,
    /// How many there are, without names.
    pub strings: u32,
    /// How many there are.
    pub lists: u32,
    /// How many there are.
    pub objects: u32,
    /// Names of members of objects. None stands twice in one.
    pub names: u32,
    /// The UTF-8 of all strings.
    pub string_bytes: u64,
    /// The sum of all whole numbers, mod 2^64.
    pub integer_sum: u64,
    /// How deep lists and objects lie in each other at most.
    pub depth: u32,
    /// For each `/customer/city` of `orders`: how many orders there are, and the sum of their `/total`.
    pub cities: BTreeMap<String, (u32, i64)>,

    open: u32,
    /// Whether something stands before, in what is open.
    follows: bool,
    /// Whether a name stands before.
    named: bool,
}

/// Some of them need more than one byte, or an escape.
const CITIES: [&str; 8] =
    ["Lagos", "Kraków", "São Paulo", "東京", "Reykjavík", "Łódź", "Saint-Étienne", "N\"Djamena\\T"];
const WORDS: [&str; 12] =
    ["left", "at", "the", "gate", "fragile", "привет", "naïve", "call", "before\tnoon", "🚲", "twice", "line\nbreak"];

impl Document {
    /// A document of `bytes` or a little more. The same arguments give the same one.
    #[must_use]
    pub fn new(bytes: usize, seed: u64) -> Document {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut document = Document::default();
        document.object(|document| {
            document.name("source");
            document.string("orders of a shop that is not there");
            document.name("version");
            document.integer(3);
            document.name("next");
            document.null();
            document.name("orders");
            document.list(|document| {
                while document.text.len() < bytes {
                    document.order(random);
                }
            });
        });
        document
    }

    fn order(&mut self, random: &mut ChaCha8Rng) {
        let city = *CITIES.choose(random).expect("there are some");
        let total = random.random_range(-5_000..2_000_000_i64);
        let (orders, sum) = self.cities.entry(city.into()).or_default();
        (*orders, *sum) = (*orders + 1, *sum + total);
        let number = *orders;
        self.object(|document| {
            document.name("number");
            document.string(&format!("{number:06}"));
            document.name("customer");
            document.object(|document| {
                document.name("id");
                document.integer(random.random::<u64>() as i64 >> random.random_range(1..63));
                document.name("city");
                document.string(city);
                document.name("mail");
                if random.random() {
                    document.string(&format!("{:x}@example.org", random.random::<u32>()));
                } else {
                    document.null();
                }
            });
            document.name("paid");
            document.truth(random.random());
            document.name("total");
            document.integer(total);
            document.name("rate");
            document.float(random);
            document.name("lines");
            document.list(|document| {
                for _ in 0..random.random_range(0..4) {
                    document.object(|document| {
                        document.name("article");
                        document.string(&format!("{:08}", random.random_range(0..100_000_000)));
                        document.name("count");
                        document.integer(random.random_range(1..50));
                        document.name("note");
                        let count = random.random_range(0..5);
                        let words: Vec<&str> = (0..count).filter_map(|_| WORDS.choose(random).copied()).collect();
                        document.string(&words.join(" "));
                    });
                }
            });
            document.name("route");
            document.list(|document| {
                for _ in 0..random.random_range(0..6) {
                    document.list(|document| {
                        document.float(random);
                        document.float(random);
                    });
                }
            });
        });
    }

    /// What stands before a value or a name: a comma, and the end of a line where that reads well.
    fn next(&mut self) {
        if core::mem::take(&mut self.named) {
            return;
        }
        if self.follows {
            self.text.push(b',');
        }
        if (1..4).contains(&self.open) {
            self.text.push(b'\n');
            self.text.extend((0..2 * self.open).map(|_| b' '));
        }
    }

    fn value(&mut self, text: &str) {
        self.next();
        self.text.extend(text.bytes());
        self.follows = true;
    }

    fn inside(&mut self, marks: [u8; 2], contents: impl FnOnce(&mut Document)) {
        self.next();
        self.text.push(marks[0]);
        self.open += 1;
        self.depth = self.depth.max(self.open);
        self.follows = false;
        contents(self);
        self.open -= 1;
        self.text.push(marks[1]);
        self.follows = true;
    }

    fn object(&mut self, members: impl FnOnce(&mut Document)) {
        self.objects += 1;
        self.inside([b'{', b'}'], members);
    }

    fn list(&mut self, elements: impl FnOnce(&mut Document)) {
        self.lists += 1;
        self.inside([b'[', b']'], elements);
    }

    fn name(&mut self, name: &str) {
        self.names += 1;
        self.next();
        self.quoted(name);
        self.text.extend(b": ");
        self.named = true;
    }

    fn quoted(&mut self, text: &str) {
        self.text.push(b'"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.text.extend([b'\\', c as u8]),
                '\n' => self.text.extend(b"\\n"),
                // Two ways of saying the same, and two halves where there are no 16 bits.
                '\t' => self.text.extend(b"\\u0009"),
                c if !c.is_ascii() && self.strings.is_multiple_of(2) => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        self.text.extend(format!("\\u{unit:04x}").into_bytes());
                    }
                }
                c => self.text.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        self.text.push(b'"');
    }

    fn string(&mut self, text: &str) {
        self.strings += 1;
        self.string_bytes += text.len() as u64;
        self.next();
        self.quoted(text);
        self.follows = true;
    }

    fn integer(&mut self, number: i64) {
        self.numbers += 1;
        self.integer_sum = self.integer_sum.wrapping_add(number as u64);
        self.value(&number.to_string());
    }

    /// A number that is not whole, in one of the forms that there are.
    fn float(&mut self, random: &mut ChaCha8Rng) {
        self.numbers += 1;
        let number = f64::from(random.random_range(-180_000_000..180_000_000_i32)) + 0.5;
        let text = match random.random_range(0..3) {
            0 => format!("{}", number / 1e6),
            1 => format!("{:e}", number * 1e-30),
            _ => format!("{:E}", number * 1e30),
        };
        // Without point or exponent it would be whole.
        let whole = !text.contains(['.', 'e', 'E']);
        self.value(&if whole { text + ".0" } else { text });
    }

    fn truth(&mut self, truth: bool) {
        self.booleans += 1;
        self.value(if truth { "true" } else { "false" });
    }

    fn null(&mut self) {
        self.nulls += 1;
        self.value("null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_as_long_as_asked_and_differ_by_seed() {
        let document = Document::new(20_000, 1);
        assert!((20_000..22_000).contains(&document.text.len()), "{}", document.text.len());
        assert_eq!(document, Document::new(20_000, 1));
        assert_ne!(document, Document::new(20_000, 2));
        assert_eq!(document.depth, 5);
        let text = String::from_utf8(document.text).expect("it is UTF-8");
        for part in
            ["\n  \"orders\": [\n    {\n      \"number\": \"000001\"", "\\ud83d", "null", "e-", "\\u0009", "\\n"]
        {
            assert!(text.contains(part), "{part}");
        }
    }
}
