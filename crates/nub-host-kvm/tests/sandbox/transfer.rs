//! Trees on their way to a guest, from a host that has not looked at them.

use javm_cap::archive::Writer;
use javm_cap::{Capability, Data, Instance, Path, RunState, Suspended, ValidImage, Why};
use nub_host_kvm::reply::Refused;
use nub_host_kvm::request::Place;
use nub_host_kvm::{Reply, Request};

use crate::{ask, config, start};

fn instance() -> Instance {
    let image = ValidImage::load(include_bytes!("../../../../guests/images/counter.nub")).expect("an Image");
    let mut instance = Instance::new(image);
    instance.put_at(&[200], Data::new(9).expect("small")).expect("small");
    instance
}

fn with_quota(quota: u64) -> Capability {
    let mut instance = instance();
    instance.set_quota(Some(quota)).expect("small");
    instance.into()
}

fn suspended(pc: u32) -> Capability {
    let mut instance = instance();
    let ephemeral = Data::new(instance.image().image().ephemeral_pages()).expect("few");
    let (why, registers) = (Why::Panic, [0; 13]);
    let state = Suspended { why, block_paid: true, pc, registers, ephemeral, mappings: Default::default() };
    instance.set_state(RunState::Suspended(state)).expect("it has its pages");
    instance.into()
}

/// The kernel trusts nobody's walk: what it is sent it looks at itself.
#[test]
fn a_guest_refuses_what_may_not_enter_the_state() {
    let Some(sandbox) = start(&config()) else { return };
    let send = |capability: &Capability| {
        let mut writer = Writer::new(capability.clone());
        let mut is_first = true;
        while let Some(part) = writer.part(1000, |_| false) {
            match ask(&sandbox, &Request::Receive { is_first, part: &part }) {
                Reply::Done => is_first = false,
                other => return other,
            }
        }
        ask(&sandbox, &Request::Hold(capability.hash().0))
    };
    let size = instance().measure().size;
    for (right, wrong, says) in [
        (with_quota(size), with_quota(size - 1), "more than its quota of"),
        (suspended(0), suspended(u32::MAX), "code offset 0xffffffff"),
    ] {
        match send(&wrong) {
            Reply::Refused(Refused::Archive(text)) => assert!(text.contains(says), "{text}"),
            other => panic!("{other:?} for {says}"),
        }
        // Nothing is held, or half received, that was refused.
        let hash = wrong.hash().0;
        assert!(matches!(ask(&sandbox, &Request::Hold(hash)), Reply::Refused(Refused::Archive(_))));
        assert_eq!(ask(&sandbox, &Request::Load(hash)), Reply::Refused(Refused::NotHeld(hash)));
        assert_eq!(send(&right), Reply::Done);
        assert!(matches!(ask(&sandbox, &Request::Load(right.hash().0)), Reply::Instance(_)));
    }
    assert!(sandbox.death().is_none());
}

/// What is sent is sent once, and a ticket that was never given is none.
#[test]
fn a_ticket_is_good_for_one_tree() {
    let Some(sandbox) = start(&config()) else { return };
    let send = |ticket| ask(&sandbox, &Request::Send(ticket));
    let refused = |reply: Reply| match reply {
        Reply::Refused(Refused::Other(text)) => assert!(text.contains("nothing is sent under ticket"), "{text}"),
        other => panic!("{other:?}"),
    };
    for never in [0, 1, u64::MAX] {
        refused(send(never));
    }
    let capability = Capability::from(instance());
    let Some(bytes) = Writer::new(capability.clone()).part(usize::MAX, |_| false) else { panic!("it has nodes") };
    assert_eq!(ask(&sandbox, &Request::Receive { is_first: true, part: &bytes }), Reply::Done);
    let hash = capability.hash().0;
    assert_eq!(ask(&sandbox, &Request::Hold(hash)), Reply::Done);
    let Reply::Instance(number) = ask(&sandbox, &Request::Load(hash)) else { panic!("it is held") };
    let place = Place { instance: number, path: &Path::ROOT };
    let mut tickets = Vec::new();
    for _ in 0..2 {
        match ask(&sandbox, &Request::Describe { place, send: true }) {
            Reply::Found(Some(found)) => tickets.push(found.ticket.expect("it is to be sent")),
            other => panic!("{other:?}"),
        }
    }
    assert_ne!(tickets[0], tickets[1]);
    for ticket in tickets {
        loop {
            match send(ticket) {
                Reply::Part(part) if part.is_last => break,
                Reply::Part(_) => {}
                other => panic!("{other:?}"),
            }
        }
        refused(send(ticket));
    }
    assert!(sandbox.death().is_none());
}
