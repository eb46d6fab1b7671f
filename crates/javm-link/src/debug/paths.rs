//! Names of source files, without anything that is of the machine that compiled them.

/// Longest name that is kept, in characters.
const MAX_PATH: usize = 400;

/// The last so many parts of a name are kept when nothing else is known of the folders before.
const KEPT_PARTS: usize = 3;

/// What debug information says of a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct RawPath {
    /// The folder that the compiler ran in.
    pub run_in: String,
    /// The folder of the file; empty if it is that one.
    pub folder: String,
    pub name: String,
}

/// The folders of a whole program.
pub(super) struct Roots<'a> {
    /// The folder that the compiler ran in for the program itself. What lies in it is named from there on.
    pub own: &'a str,
    /// The first part of each folder that the compiler ran in.
    pub others: Vec<&'a str>,
}

/// Where compilers say that libraries lie: what the folder is called, and what may stand before it on some machine.
const LIBRARIES: [(&str, &str); 2] = [("/registry/src/", "registry/"), ("/library/", "rust/library/")];

impl Roots<'_> {
    /// The name of a file: from the program's own folder on, or from the folder of its library on.
    pub fn name(&self, path: &RawPath) -> String {
        let joined = join(&path.folder, &path.name);
        let is_elsewhere = |first: &str| matches!(first, "rust" | "registry") || self.others.contains(&first);
        let own = self.own.trim_end_matches('/');
        let full = if joined.starts_with('/') || path.run_in == self.own {
            joined
        } else if joined.split('/').next().is_some_and(is_elsewhere) {
            // A folder of another library, which does not lie in the one that the compiler ran in.
            joined
        } else {
            join(&path.run_in, &joined)
        };
        let name = match full.strip_prefix(own).and_then(|rest| rest.strip_prefix('/')) {
            Some(inside) if !own.is_empty() => inside.to_string(),
            _ if full.starts_with('/') => foreign(&full),
            _ => full,
        };
        clean(&name)
    }
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name.starts_with('/')) {
        ("", _) | (_, true) => name.into(),
        (folder, false) => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}

/// The name of a file somewhere on the machine.
fn foreign(full: &str) -> String {
    for (marker, name) in LIBRARIES {
        if let Some((before, rest)) = full.split_once(marker) {
            // `/rustc/HASH/library/core/…`, `…/rustlib/src/rust/library/core/…`; not just any folder of that name.
            let is_rust = before.starts_with("/rustc/") || before.ends_with("/rust");
            match marker {
                "/registry/src/" => return format!("{name}{rest}"),
                _ if is_rust => return format!("{name}{rest}"),
                _ => {}
            }
        }
    }
    let parts: Vec<&str> = full.split('/').filter(|part| !part.is_empty()).collect();
    let first = parts.len().saturating_sub(KEPT_PARTS);
    format!("{}{}", if first > 0 { ".../" } else { "" }, parts[first..].join("/"))
}

/// Without `.`, `..` where what it leaves is known, and anything that is no text.
fn clean(name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let name: String = parts.join("/").chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    match name.char_indices().nth(MAX_PATH) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_nothing_of_the_machine() {
        let name = |own: &str, run_in: &str, folder: &str, name: &str| {
            let others = vec!["guests", "rust", "javm-guest"];
            let path = RawPath { run_in: run_in.into(), folder: folder.into(), name: name.into() };
            Roots { own, others }.name(&path)
        };
        // As `cargo nub build` leaves them.
        assert_eq!(name("counter", "counter", "src", "main.rs"), "src/main.rs");
        assert_eq!(name("guests", "guests", "rust/faults/src", "main.rs"), "rust/faults/src/main.rs");
        assert_eq!(name("guests", "guests", "rust/library/core", "src/hint.rs"), "rust/library/core/src/hint.rs");
        assert_eq!(name("guests", "rust/library/core", "src", "panicking.rs"), "rust/library/core/src/panicking.rs");
        assert_eq!(name("guests", "javm-types", "rust/library/core", "src/a.rs"), "rust/library/core/src/a.rs");
        assert_eq!(name("guests", "javm-types", "javm-guest", "src/a.rs"), "javm-guest/src/a.rs");
        assert_eq!(name("guests", "javm-types", "src/codec", "a.rs"), "javm-types/src/codec/a.rs");
        assert_eq!(name("mandelbrot", "mandelbrot", "mandelbrot", "mandelbrot.c"), "mandelbrot.c");
        assert_eq!(name("mandelbrot", "mandelbrot", "javm-guest", "javm.h"), "javm-guest/javm.h");
        // As other builds leave them.
        assert_eq!(name("/home/me/p", "/home/me/p", "/home/me/p/src", "main.rs"), "src/main.rs");
        assert_eq!(name("/home/me/p", "/home/me/p", "src", "../src/./main.rs"), "src/main.rs");
        assert_eq!(name("/home/me/p", "/home/me/q", "src", "lib.rs"), ".../q/src/lib.rs");
        assert_eq!(name("/home/me/p", "/x", "/rustc/0a1b/library/core/src", "a.rs"), "rust/library/core/src/a.rs");
        assert_eq!(
            name("/p", "/x", "/home/me/.cargo/registry/src/index-1/k256-0.13/src", "a.rs"),
            "registry/index-1/k256-0.13/src/a.rs"
        );
        assert_eq!(name("/p", "/x", "/home/me/work/library/src", "a.rs"), ".../library/src/a.rs");
        assert_eq!(name("", "", "", "/usr/a.h"), "usr/a.h");
        assert_eq!(name("", "", "", "a\nb.c"), "a?b.c");
        assert_eq!(name("", "", "", &"é/".repeat(400)).chars().count(), MAX_PATH + 3);
    }
}
