//! Trees: manifests, `nub run --manifest` and `nub state`; the guide, followed to the letter.

use std::path::Path;

use super::{Finished, command, finished, guest, nub};

const GUIDE: &str = include_str!("../../../../docs/guide/trees.md");

/// A folder with the Image that manifests here use.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(guest("counter"), folder.path().join("counter.nub")).expect("copied");
    folder
}

fn within(folder: &Path, line: &[&str]) -> Finished {
    finished(&command().current_dir(folder).args(line).output().expect("the command starts"))
}

/// The blocks of the guide with their languages.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let fenced = GUIDE.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').expect("a block has lines")).collect()
}

fn guide_manifest(folder: &Path) {
    let (_, manifest) = blocks().into_iter().find(|(language, _)| *language == "toml").expect("it is there");
    std::fs::write(folder.join("tree.toml"), manifest).expect("written");
}

#[test]
fn the_guide_says_what_happens() {
    let folder = folder();
    guide_manifest(folder.path());
    let mut blocks = blocks().into_iter().filter(|(language, _)| *language != "toml");
    let mut commands = 0;
    while let Some((language, line)) = blocks.next() {
        assert_eq!(language, "sh");
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], "nub");
        let done = within(folder.path(), &words[1..]).expect(0);
        let Some(("text", expected)) = blocks.next() else { panic!("what does {line} print?") };
        // How long it took is another each time.
        let printed: Vec<&str> = done.stdout.lines().filter(|line| !line.starts_with("time ")).collect();
        let expected: Vec<&str> = expected.lines().collect();
        assert_eq!(printed.len(), expected.len(), "{line}{}", done.report());
        for (printed, expected) in printed.iter().zip(expected) {
            // Of a root the page has the first digits.
            let is_root = expected.starts_with("root ");
            assert!(
                if is_root { printed.starts_with(expected) } else { *printed == expected },
                "{line}{printed}\n{expected}"
            );
        }
        commands += 1;
    }
    assert_eq!(commands, 5);
}

#[test]
fn proofs_are_checked_against_a_root() {
    let folder = folder();
    guide_manifest(folder.path());
    let in_folder = |line: &[&str]| within(folder.path(), line);
    let root = in_folder(&["state", "hash", "--manifest", "tree.toml"]).expect(0).stdout;
    let root = root.trim();
    let other = format!("{}{}", if root.starts_with('0') { "1" } else { "0" }, &root[1..]);
    for (proved, said) in [
        (&["/10/1"][..], "stands at /10/1"),
        (&["/99"], "nothing stands at /99"),
        (&["/10/2", "--offset", "1", "--length", "3"], "has these 3 bytes from byte 1 on"),
    ] {
        let line = [&["state", "prove", "--manifest", "tree.toml", "--output", "p.json"], proved].concat();
        in_folder(&line).expect(0);
        assert!(in_folder(&["state", "verify", root, "p.json"]).expect(0).stdout.contains(said));
        let refuted = in_folder(&["--json", "state", "verify", &other, "p.json"]).expect(1).json();
        assert_eq!(refuted["shown"], false);
    }
    in_folder(&["state", "prove", "-m", "tree.toml", "/99/1", "-o", "p.json"])
        .expect(4)
        .says(&["there is no proof", "prove /99,"]);
    // What is said to be proved instead can be, and shows it.
    let below_data = ["state", "prove", "-m", "tree.toml", "/10/2/7", "-o", "p.json"];
    in_folder(&below_data).expect(4).says(&["at /10/2 stands a Data, which has no slots"]);
    in_folder(&["state", "prove", "-m", "tree.toml", "/10/1", "-o", "no/p.json"]).expect(5).says(&["no/p.json"]);
    std::fs::write(folder.path().join("p.json"), "{}").expect("written");
    in_folder(&["state", "verify", root, "p.json"]).expect(3).says(&["this is no proof", "claim"]);
    in_folder(&["state", "verify", "xyz", "p.json"]).expect(2);
}

#[test]
fn what_stands_in_a_tree_is_shown_to_machines() {
    let folder = folder();
    guide_manifest(folder.path());
    let in_folder = |line: &[&str]| within(folder.path(), line);
    let listed = in_folder(&["--json", "state", "ls", "-m", "tree.toml"]).expect(0);
    let objects: Vec<serde_json::Value> =
        listed.stdout.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!((objects[0]["path"].as_str(), objects[0]["home"].as_str()), (Some("/"), Some("/")));
    let child = objects.iter().find(|object| object["path"] == "/10/1").expect("it is listed");
    assert_eq!((&child["kind"], &child["quota"], &child["state"]), (&"Instance".into(), &1000.into(), &"idle".into()));
    let hash = in_folder(&["--json", "state", "hash", "-m", "tree.toml", "/10/1"]).expect(0).json();
    assert_eq!(hash["hash"], child["hash"]);
    let bytes = in_folder(&["--json", "state", "cat", "-m", "tree.toml", "/10/2", "--offset", "1", "--length", "3"]);
    assert_eq!(bytes.expect(0).json()["bytes"], "656c6c");
    let run = in_folder(&["--json", "run", "--manifest", "tree.toml", "--at", "/10/1", "--endpoint", "get"]);
    assert_eq!(run.expect(0).json()["value"], 5);
}

#[test]
fn wrong_flags_and_places_are_told() {
    let folder = folder();
    guide_manifest(folder.path());
    let in_folder = |line: &[&str]| within(folder.path(), line);
    in_folder(&["run"]).expect(2);
    in_folder(&["run", "counter.nub", "--at", "/1"]).expect(2);
    in_folder(&["run", "--manifest", "tree.toml", "--at", "10"]).expect(2).says(&["a path begins with /"]);
    in_folder(&["run", "--manifest", "tree.toml", "--trace"]).expect(2);
    in_folder(&["run", "--manifest", "tree.toml", "--at", "/10"])
        .expect(2)
        .says(&["no Instance stands there", "a CNode stands there: `nub state ls --manifest tree.toml /10`"]);
    for (at, ends) in [("/99", "at /, an Instance"), ("/10/99/1", "at /10, a CNode"), ("/10/2/1", "at /10/2, a Data")] {
        let run = in_folder(&["run", "--manifest", "tree.toml", "--at", at]);
        run.expect(2).says(&["no Instance stands there", &format!("the way ends {ends}")]);
    }
    in_folder(&["run", "--manifest", "tree.toml", "--endpoint", "no"]).expect(4).says(&["no endpoint 'no'"]);
    in_folder(&["state", "cat", "-m", "tree.toml", "/10"]).expect(2).says(&["no Data stands at /10"]);
    in_folder(&["state", "cat", "-m", "tree.toml", "/10/9"])
        .expect(2)
        .says(&["nothing stands at /10/9", "the way ends at /10,"]);
    let past = ["state", "cat", "-m", "tree.toml", "/10/2", "--offset", "12288", "--length", "1"];
    in_folder(&past).expect(2).says(&["has 12288 bytes"]);
    nub(&["state", "ls", "-m", "no/such.toml"]).expect(3).says(&["no/such.toml", "No such file", "docs/manifest.md"]);
    in_folder(&["state", "ls", "-m", "counter.nub"]).expect(3).says(&["this is no text", "docs/manifest.md"]);
    nub(&["state", "ls"]).expect(2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let folder = folder();
    guide_manifest(folder.path());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let mut line = command();
    line.current_dir(folder.path()).args(["state", "cat", "-m", "tree.toml", "/10/2"]).stdout(full);
    finished(&line.output().expect("the command starts")).expect(5).says(&["standard output"]);
    within(folder.path(), &["state", "prove", "-m", "tree.toml", "-o", "/dev/full"]).expect(5).says(&["/dev/full"]);
}

/// The command of the guide's page of the game.
#[test]
fn the_game_is_played() {
    let page = include_str!("../../../../docs/guide/game.md");
    let line = page.lines().find_map(|line| line.strip_prefix("    nub run ")).expect("it has a command");
    let words: Vec<&str> = ["run"].into_iter().chain(line.split(' ')).collect();
    let (gas, before) = words.split_last().expect("it has words");
    for (gas, played) in [(*gas, r#"{"new":60,"late":0}"#), ("200000", r#"{"new":15,"late":45}"#)] {
        let done = within(&super::repository(), &[before, &[gas]].concat()).expect(0);
        assert!(done.stdout.starts_with(&format!("result  {played}\n")), "{}", done.report());
    }
}

/// Everything that can be wrong in a manifest, with the line that is named.
#[test]
fn broken_manifests_are_told_with_the_line() {
    const HEAD: &str = "[images]\ncounter = \"counter.nub\"\n[types]\nt = { text = \"interface t { a(); }\" }\n[root]\nimage = \"counter\"\n";
    let folder = folder();
    let check = |text: &str, parts: &[&str]| {
        std::fs::write(folder.path().join("m.toml"), text).expect("written");
        let done = within(folder.path(), &["state", "hash", "-m", "m.toml"]).expect(3);
        done.says(&["m.toml: "]).says(parts);
    };
    check("[root\n", &["line 1"]);
    check("", &["root"]);
    check("[root]\nimage = 3\n", &["line 2"]);
    check("[root]\nimage = \"x\"\n", &["line 1", "no Image is named 'x' in [images], which has nothing"]);
    check(&format!("{HEAD}colour = 1\n"), &["line 7", "colour"]);
    check(&format!("{HEAD}home = \"x\"\n"), &["line 5", "a path begins with /"]);
    check(&format!("{HEAD}quota = \"x\"\n"), &["quota = \"x\"", "not an integer"]);
    check(&format!("{HEAD}quota = -1\n"), &["line 7", "a number from 0"]);
    check(&format!("{HEAD}quota = 4\n"), &["line 5", "/: it has 5 pages, more than quota = 4"]);
    let [small, inside] = ["path = \"/9\"\ninstance = \"counter\"\nquota = 5", "path = \"/9/7\"\ncnode = true"];
    check(&format!("{HEAD}[[place]]\n{small}\n[[place]]\n{inside}\n"), &["line 7", "/9: it has 6 pages"]);
    let place = |text: &str, parts: &[&str]| {
        let parts = [&["line 7"], parts].concat();
        check(&format!("{HEAD}[[place]]\n{text}\n"), &parts);
    };
    place("path = \"/300\"\ncnode = true", &["'300' is no slot"]);
    place("path = \"/9\"", &["a place has one of instance", "not none"]);
    place("path = \"/9\"\ncnode = true\nimage = \"counter\"", &["not image and cnode"]);
    place("path = \"/9\"\ncnode = false", &["can only be true"]);
    place("path = \"/9\"\ncnode = true\nquota = 1", &["`quota` belongs to a place with `instance`"]);
    place("path = \"/2\"\ncnode = true", &["something stands there", "replace = true"]);
    place("path = \"/9\"\nreplace = true\ncnode = true", &["leave out `replace`"]);
    place("path = \"/9/1\"\ncnode = true", &["nothing stands at /9"]);
    place("path = \"/2/1\"\ncnode = true", &["at /2 stands Data"]);
    place("path = \"/\"\ncnode = true", &["the table [root]"]);
    place("path = \"/9\"\ninstance = \"x\"", &["no Image is named 'x'", "counter"]);
    place("path = \"/9\"\ntypedef = \"x\"", &["no interface is named 'x'"]);
    place("path = \"/9\"\ndata = {}", &["needs `pages`"]);
    place("path = \"/9\"\ndata = { text = \"a\", hex = \"00\" }", &["one of text, hex and file"]);
    place("path = \"/9\"\ndata = { hex = \"0\" }", &["odd number"]);
    place("path = \"/9\"\ndata = { text = \"a\", pages = 0 }", &["takes 1"]);
    place("path = \"/9\"\ndata = { pages = 1_048_577 }", &["more than a Data can have"]);
    place("path = \"/9\"\nservice = \"NO\"", &["a number or one of LOG"]);
    place("path = \"/9\"\ncopy = \"/8\"", &["nothing stands there yet"]);
    place("path = \"/9\"\ncallable = { to = \"/8\" }", &["no Instance stands there yet"]);
    place("path = \"/9\"\ncallable = { to = \"/\", methods = [\"no\"] }", &["no method 'no'", "add"]);
    place("path = \"/9\"\ncallable = { to = \"/\", typedef = \"t\", image = \"counter\" }", &["not both"]);
    // The same program, to which it matters that it has what it imports.
    let counter = nub::ValidImage::load(&std::fs::read(guest("counter")).expect("read")).expect("an Image");
    let mut needy = counter.image().clone();
    needy.imports.values_mut().for_each(|import| import.required = true);
    std::fs::write(folder.path().join("needy.nub"), needy.encode()).expect("written");
    let head = HEAD.replace("counter.nub", "needy.nub");
    check(&format!("{head}services = false\n"), &["line 5", "requires the service LOG in slot 16"]);
    let child = "[[place]]\npath = \"/9\"\ninstance = \"counter\"\n";
    check(&format!("{head}{child}services = false\n"), &["line 7", "/9: ", "requires the service LOG in slot 16"]);
    check(&format!("{HEAD}[[call]]\nendpoint = \"no\"\n"), &["line 7", "no endpoint 'no'"]);
    check(&format!("{HEAD}[[call]]\nendpoint = \"add\"\n"), &["line 7", "--arg"]);
    check(&format!("{HEAD}[[call]]\nendpoint = \"get\"\ngas = 1\n"), &["line 7", "OUT_OF_GAS"]);
    check(&format!("{HEAD}[[call]]\nat = \"/9\"\nendpoint = \"get\"\n"), &["line 7", "EMPTY"]);
    // Files that it names.
    std::fs::write(folder.path().join("m.toml"), HEAD.replace("counter.nub", "no.nub")).expect("written");
    within(folder.path(), &["state", "hash", "-m", "m.toml"]).expect(3).says(&["no.nub", "No such file"]);
    std::fs::write(folder.path().join("m.toml"), HEAD.replace("counter.nub", "m.toml")).expect("written");
    within(folder.path(), &["state", "hash", "-m", "m.toml"]).expect(3).says(&["not an Image"]);
    std::fs::write(folder.path().join("m.toml"), HEAD.replace("interface t", "t")).expect("written");
    within(folder.path(), &["state", "hash", "-m", "m.toml"]).expect(3).says(&["line 4", "this is no interface"]);
}
