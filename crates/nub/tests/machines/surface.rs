//! Every request, on every machine, with the same answers and the same errors.

use nub::{ArchChoice, Capability, Ended, ErrorCode, Grants, InvokeOptions, Nub, ValidImage};

use crate::{COUNTER, FAULTS, built, kvm};

/// Handles over all machines that there are here.
pub(crate) fn each(check: impl Fn(Nub)) {
    check(Nub::new_local());
    for arch in [ArchChoice::Kvm, ArchChoice::Both] {
        match built(kvm().arch(arch)) {
            Some(nub) => check(nub),
            None => return,
        }
    }
}

#[test]
fn a_handle_goes_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Nub>();
}

#[test]
fn capabilities_are_put_once() {
    let image = ValidImage::load(COUNTER).expect("an Image");
    let capability = Capability::Image(image.clone());
    let other = ValidImage::load(FAULTS).expect("an Image").hash();
    each(|mut nub| {
        let exits = |nub: &mut Nub| nub.stats().expect("it answers").exits;
        let wrong = nub.put_cap_with_hash(&other, &capability).expect_err("that is another one's");
        assert_eq!(wrong.code(), ErrorCode::WrongHash);
        assert!(!nub.contains(&image.hash()) && nub.image(&image.hash()).is_none());
        assert_eq!(nub.put_cap(&capability), Ok(image.hash()));
        assert_eq!(nub.put_cap(&capability), Ok(image.hash()));
        assert_eq!(nub.put_cap_with_hash(&image.hash(), &capability), Ok(()));
        assert!(nub.contains(&image.hash()) && !nub.contains(&other));
        assert_eq!(nub.image(&image.hash()).map(|found| found.hash()), Some(image.hash()));
        let data = Capability::Data(nub::Data::new(1).expect("small"));
        assert_eq!((nub.put_cap(&data), nub.contains(&data.hash())), (Ok(data.hash()), true));
        assert_eq!((nub.drop_cap(&data.hash()), nub.contains(&data.hash())), (Ok(true), false));
        assert_eq!(nub.drop_cap(&data.hash()), Ok(false));
        assert_eq!(nub.publish(&COUNTER[1..]).expect_err("no Image").code(), ErrorCode::MalformedImage);
        assert_eq!(nub.stats().expect("it answers").images, 1);
        assert_eq!(exits(&mut nub).is_some(), nub.arch() != "local");
    });
}

/// A handle is told of a guest's end when it asks a guest: this one puts what is there, and is told nothing.
#[test]
fn what_is_there_is_put_without_a_guest() {
    let Some(mut nub) = built(kvm()) else { return };
    let image = Capability::Image(ValidImage::load(COUNTER).expect("an Image"));
    let data = Capability::Data(nub::Data::from_bytes(b"there").expect("small"));
    let hashes = [&image, &data].map(|capability| nub.put_cap(capability).expect("it is put"));
    nub.reader().clone().fail(nub::Failure::Panic).expect_err("it ends");
    for (hash, capability) in hashes.iter().zip([&image, &data]) {
        assert_eq!(nub.put_cap_with_hash(hash, capability), Ok(()));
        assert_eq!((nub.put_cap(capability), nub.contains(hash)), (Ok(*hash), true));
    }
    let new = Capability::Data(nub::Data::from_bytes(b"new").expect("small"));
    assert_eq!(nub.put_cap_with_hash(&new.hash(), &new).expect_err("it is told").code(), ErrorCode::Restarted);
}

#[test]
fn errors_are_the_same() {
    let said = |mut nub: Nub| {
        let mut errors = Vec::new();
        let counter_image = nub.publish(COUNTER).expect("an Image");
        let mut note = |error: nub::Error| errors.push((error.code(), error.to_string()));
        note(nub.instantiate(&nub::CapHash([7; 32]), &Grants::none()).expect_err("unknown"));
        let grant = Grants::none().with(200, Capability::Service(javm_cap::Service { id: 1, parameter: 0 }));
        note(nub.instantiate(&counter_image, &grant).expect_err("no such import"));
        let counter = nub.instantiate(&counter_image, &Grants::services()).expect("it is made");
        let options = InvokeOptions::default();
        note(nub.invoke(counter, "nothing", &[], &options).expect_err("no such endpoint"));
        note(nub.invoke(counter, 77, &[], &options).expect_err("no such endpoint"));
        note(nub.endpoint(counter, 77).expect_err("no such endpoint"));
        note(nub.invoke(counter, "add", &[1, 2], &options).expect_err("too many"));
        let long = InvokeOptions { scratchpad: Some(vec![0; (64 << 20) + 1]), ..InvokeOptions::default() };
        note(nub.invoke(counter, "add", &[1], &long).expect_err("too long"));
        note(nub.invoke_values(counter, "add", &["text".into()], &options).map(drop).expect_err("no number"));
        assert!(nub.drop_instance(counter));
        note(nub.invoke(counter, "add", &[1], &options).expect_err("dropped"));
        note(nub.state_root(counter).expect_err("dropped"));
        note(nub.copy(counter).expect_err("dropped"));
        note(nub.invoke_cached(&nub::CapHash([7; 32]), "add", [0; 4], 1).map(drop).expect_err("not kept"));
        errors
    };
    let expected = said(Nub::new_local());
    assert!(!expected.iter().any(|(code, _)| *code == ErrorCode::Other), "{expected:?}");
    each(|nub| assert_eq!(said(nub), expected));
}

#[test]
fn kept_instances_are_called_by_their_hash() {
    each(|mut nub| {
        let counter = crate::instance(&mut nub, COUNTER);
        let zero = nub.keep(counter).expect("it is there");
        assert_eq!(nub.keep(counter), Ok(zero));
        let add = |nub: &mut Nub, from: &nub::CapHash, number| {
            nub.invoke_cached(from, "add", [number, 0, 0, 0], 1_000_000).unwrap_or_else(|error| panic!("{error}"))
        };
        let five = add(&mut nub, &zero, 5);
        let again = add(&mut nub, &zero, 5);
        assert_eq!((five.outcome.value, five.instance), (again.outcome.value, again.instance));
        let seven = add(&mut nub, &five.instance, 2);
        assert_eq!((seven.outcome.value, seven.outcome.ended), (7, Ended::Halt));
        assert_eq!(nub.state_root(counter), Ok(zero), "nothing of it is anybody's state");
        let failed = nub.invoke_cached(&zero, "add", [5, 0, 0, 0], 1).expect("it is called");
        assert_eq!((failed.outcome.ended, failed.instance), (Ended::OutOfGas, zero));
        let error = nub.invoke_cached(&zero, "add", [5, 1, 0, 0], 1).expect_err("an argument too many");
        assert_eq!(error.code(), ErrorCode::Arguments);
        // The three states, and the Instance itself; each has been called in a window.
        let stats = nub.stats().expect("it answers");
        assert_eq!((stats.instances, stats.kept_instances, stats.found_programs), (4, 3, 0));
        assert!((1..=16).contains(&stats.idle_windows), "{stats:?}");
        assert!(stats.windows.is_none_or(|windows| windows >= stats.idle_windows), "{stats:?}");
    });
}

#[test]
fn calls_are_watched_in_this_process() {
    each(|mut nub| {
        let counter = crate::instance(&mut nub, COUNTER);
        let mut steps = 0;
        let traced = nub.invoke_traced(counter, "add", &[5], &InvokeOptions::default(), |_| steps += 1);
        match nub.arch() {
            "local" | "both" => assert!(traced.expect("it is called").value == 5 && steps > 3),
            _ => assert_eq!((traced.expect_err("not here").code(), steps), (ErrorCode::LocalOnly, 0)),
        }
    });
}
