//! `--arch` and `--privilege`.

use super::{finished, guest, nub, plain_command};

#[test]
fn results_say_which_machine_it_was() {
    let image = guest("counter");
    let run = |flags: &[&str]| {
        let line = ["--json", "run", &image, "-e", "add", "-a", "5"].into_iter().chain(flags.iter().copied());
        finished(&plain_command().args(line).output().expect("the command starts"))
    };
    let mut local = run(&["--arch", "local"]).expect(0).json();
    assert_eq!((&local["arch"], &local["privilege"]), (&"local".into(), &serde_json::Value::Null));
    let auto = run(&[]).expect(0).json();
    let kvm = run(&["--arch", "kvm"]);
    if kvm.code == Some(6) {
        assert_eq!(kvm.json()["error"]["code"], 200, "{}", kvm.report());
        assert_eq!(auto["arch"], "local");
        assert!(auto["why_local"].as_str().is_some_and(|why| why.contains("no virtual machine can be had")), "{auto}");
        let text = finished(&plain_command().args(["run", &image, "-e", "get"]).output().expect("the command starts"));
        text.expect(0).says(&["it ran in this process", "nub doctor"]);
        nub_test_skip::without_kvm(&auto["why_local"]);
        return;
    }
    let mut kvm = kvm.expect(0).json();
    assert_eq!((&kvm["arch"], &auto["arch"], &auto["why_local"]), (&"kvm".into(), &"kvm".into(), &local["why_local"]));
    let privilege = kvm["privilege"].as_str().expect("a guest has one").to_string();
    let again = run(&["--arch", "kvm", "--privilege", &privilege]).expect(0).json();
    assert_eq!(again["privilege"], kvm["privilege"]);
    for object in [&mut local, &mut kvm] {
        for key in ["arch", "privilege", "time_ns"] {
            object[key] = serde_json::Value::Null;
        }
    }
    assert_eq!(local, kvm);
    let text = finished(&plain_command().args(["run", &image, "-e", "get"]).output().expect("the command starts"));
    let text = text.expect(0);
    assert!(text.stdout.contains(&format!("(kvm-{privilege}, interpreter)")));
    assert!(!text.stderr.contains("in this process"));
}

#[test]
fn a_guest_says_what_it_does_where_that_is_wanted() {
    let image = guest("counter");
    let run = |flags: &[&str]| {
        let line = ["run", &image, "-e", "get", "--arch", "kvm"].into_iter().chain(flags.iter().copied());
        finished(&plain_command().args(line).output().expect("the command starts"))
    };
    let quiet = run(&[]);
    if quiet.code == Some(6) {
        nub_test_skip::without_kvm(&quiet.stderr.trim());
        return;
    }
    assert!(!quiet.expect(0).report().contains("nub guest"));
    let told = run(&["--guest-log"]).expect(0).report();
    // Putting the Image and making the Instance; the call says nothing.
    for line in ["lane 0: starts: privilege ", "lane 1: starts: ", "lane 0: request 2 of ", "lane 0: request 4 of "] {
        assert!(told.contains(&format!("nub guest, {line}")), "{line}: {told}");
    }
    assert!(!told.contains("request 8"), "{told}");
    let local = finished(
        &plain_command()
            .args(["run", &image, "-e", "get", "--arch", "local", "--guest-log"])
            .output()
            .expect("it starts"),
    );
    assert!(!local.expect(0).report().contains("nub guest"));
}

/// What is remembered of this computer may be wrong by now, and what is asked for may not suit it.
#[test]
fn a_privilege_that_does_not_suit_is_found_out_or_told() {
    let (image, cache) = (guest("counter"), tempfile::tempdir().expect("a folder"));
    let run = |privilege: &str| {
        let mut command = plain_command();
        command.env("XDG_CACHE_HOME", cache.path()).args(["run", &image, "-e", "get", "--arch", "kvm"]);
        finished(&command.args(["--privilege", privilege]).output().expect("the command starts"))
    };
    let asked = run("supervisor");
    if asked.stderr.contains("no virtual machine can be had") {
        return nub_test_skip::without_kvm(&asked.stderr.trim_end());
    }
    if asked.code != Some(0) {
        asked.expect(6).says(&["Privilege 'auto' or 'user'", "--arch local"]);
    }
    let start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("Linux says it");
    let file = cache.path().join("nub").join("privilege");
    for privilege in ["supervisor", "user"] {
        std::fs::create_dir_all(cache.path().join("nub")).expect("a folder");
        std::fs::write(&file, format!("{start}{privilege}\nsaid by a test\n")).expect("it is written");
        run("auto").expect(0);
    }
}

#[test]
fn watched_calls_are_for_this_process() {
    let image = guest("counter");
    let trace = |arch: &str| nub(&["run", &image, "-e", "get", "--trace", "--arch", arch]);
    trace("auto").expect(0).says(&["jump_ind"]);
    trace("both");
    let kvm = trace("kvm");
    if kvm.code != Some(6) {
        kvm.expect(4).says(&["watching a call", "--arch local"]);
    }
}

#[test]
fn unknown_machines_are_refused() {
    let image = guest("counter");
    nub(&["run", &image, "-e", "get", "--arch", "pdp11"]).expect(2).says(&["pdp11", "auto", "local", "kvm", "both"]);
    nub(&["run", &image, "-e", "get", "--privilege", "root"]).expect(2).says(&["root", "supervisor", "user"]);
}
