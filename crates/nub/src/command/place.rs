//! What to say where a path of a tree leads to nothing that was asked for: how far it leads, and how to see what is there.

use std::path::Path as FilePath;

use javm_cap::{Path, Tag};

/// The deepest place on the way to a path where something stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Nearest {
    pub(super) path: Path,
    pub(super) kind: Tag,
}

impl Nearest {
    /// That on the way to `path`, that one itself included. `kind_at` has what stands at a place.
    pub(super) fn to(path: &Path, mut kind_at: impl FnMut(&Path) -> Option<Tag>) -> Option<Nearest> {
        let above = |length| Path::new(&path[..length]).ok();
        (0..=path.len()).rev().filter_map(above).find_map(|path| Some(Nearest { kind: kind_at(&path)?, path }))
    }

    /// Whether something can stand below it.
    pub(super) fn has_slots(&self) -> bool {
        matches!(self.kind, Tag::CNode | Tag::Instance)
    }

    /// Where the way to `asked` ends, and the command that lists what is there, in the tree of a manifest.
    pub(super) fn way_to(&self, asked: &Path, manifest: &FilePath) -> String {
        let Nearest { path, kind } = self;
        let list = format!("`nub state ls --manifest {} {path}`", manifest.display());
        match self.has_slots() {
            _ if path == asked => format!("{} {kind} stands there: {list} shows it", article(*kind)),
            true => format!("the way ends at {path}, {} {kind}: {list} lists what is in it", article(*kind)),
            false => format!("the way ends at {path}, {} {kind}, which has no slots: {list} shows it", article(*kind)),
        }
    }

    /// What shows that nothing stands at `asked`, below this: a proof of a place that there is a way to. `None` where there is one to
    /// `asked` itself.
    pub(super) fn proof_instead(&self, asked: &Path) -> Option<String> {
        let Nearest { path, kind } = self;
        let next = Path::new(&asked[..asked.len().min(path.len() + 1)]).ok()?;
        match self.has_slots() {
            _ if path == asked => None,
            true if next == *asked => None,
            true => Some(format!(
                "nothing stands at {next}, so that nothing can stand at {asked}: prove {next}, which shows the same"
            )),
            false => Some(format!("at {path} stands {} {kind}, which has no slots: prove {path}", article(*kind))),
        }
    }
}

fn article(kind: Tag) -> &'static str {
    match kind {
        Tag::Image | Tag::Instance => "an",
        _ => "a",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    /// A CNode with a Data in slot 1, in slot 10 of an Instance.
    fn nearest(text: &str) -> Nearest {
        let kind_at = |place: &Path| match &**place {
            [] => Some(Tag::Instance),
            [10] => Some(Tag::CNode),
            [10, 1] => Some(Tag::Data),
            _ => None,
        };
        Nearest::to(&path(text), kind_at).unwrap_or_else(|| panic!("there is a root"))
    }

    #[test]
    fn the_way_ends_where_nothing_stands_any_more() {
        for (asked, at, says) in [
            ("/", "/", "an Instance stands there: `nub state ls --manifest t.toml /` shows it"),
            ("/10", "/10", "a CNode stands there"),
            ("/9/1/2", "/", "the way ends at /, an Instance: `nub state ls --manifest t.toml /` lists"),
            ("/10/3", "/10", "the way ends at /10, a CNode: `nub state ls --manifest t.toml /10` lists"),
            ("/10/1/7", "/10/1", "the way ends at /10/1, a Data, which has no slots"),
        ] {
            let found = nearest(asked);
            assert_eq!(found.path, path(at), "{asked}");
            let said = found.way_to(&path(asked), FilePath::new("t.toml"));
            assert!(said.contains(says), "{asked}: {said}");
        }
    }

    #[test]
    fn another_proof_shows_the_same() {
        for (asked, expected) in [("/", None), ("/9", None), ("/10/3", None), ("/10/1", None)] {
            assert_eq!(nearest(asked).proof_instead(&path(asked)), expected, "{asked}");
        }
        let said = |asked| nearest(asked).proof_instead(&path(asked)).unwrap_or_default();
        assert!(said("/9/1/2").contains("nothing stands at /9, so that nothing can stand at /9/1/2: prove /9,"));
        assert!(said("/10/3/4").contains("prove /10/3,"));
        assert!(said("/10/1/7").contains("at /10/1 stands a Data, which has no slots: prove /10/1"));
    }
}
