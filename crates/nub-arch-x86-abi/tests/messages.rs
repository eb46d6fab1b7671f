//! Messages come back as they were sent, and bytes that are none are errors.

use nub_arch_x86_abi::reply::{Ended, Exit, Found, LogEntry, Outcome, Part, Ran, Refused, Scratchpad, Standing, Stats};
use nub_arch_x86_abi::request::{
    Bare, Chain, Costs, Disturbance, Endpoint, Failure, Invoke, Place, Range, ServiceGrant, Watch, Work,
};
use nub_arch_x86_abi::slot::IN_ONE_LINE;
use nub_arch_x86_abi::trap::{Cause, MAX_BACKTRACE, REPORT_SIZE, Report, encode_report};
use nub_arch_x86_abi::wire::Writer;
use nub_arch_x86_abi::{Reply, Request};
use proptest::prelude::*;

fn found() -> impl Strategy<Value = Found> {
    let home = prop::option::of(prop::collection::vec(any::<u8>(), 0..=16));
    let standing = (any::<[u8; 32]>(), any::<Option<(u8, u64)>>(), any::<Option<u64>>(), home);
    let standing = standing.prop_map(|(image, suspended, quota, home)| Standing { image, suspended, quota, home });
    let found =
        (any::<u8>(), any::<[u8; 32]>(), any::<u64>(), any::<u8>(), prop::option::of(standing), any::<Option<u64>>());
    found.prop_map(|(tag, hash, size, height, instance, ticket)| Found { tag, hash, size, height, instance, ticket })
}

fn reply() -> impl Strategy<Value = Reply> {
    let ended = prop_oneof![
        Just(Ended::Halt),
        Just(Ended::Panic),
        (0..1u32 << 20).prop_map(|page| Ended::Fault(page * 4096)),
        Just(Ended::OutOfGas),
        any::<u8>().prop_map(Ended::Refused),
    ];
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let scratchpad = prop::option::of((1..9u32, bytes()).prop_map(|(pages, bytes)| Scratchpad { pages, bytes }));
    let log = (any::<u64>(), bytes()).prop_map(|(topic, bytes)| LogEntry { topic, bytes });
    let outcome = (
        ended,
        any::<u64>(),
        any::<[u64; 13]>(),
        any::<u32>(),
        scratchpad,
        prop::collection::vec(log, 0..4),
        prop::option::of(found().prop_map(Box::new)),
    );
    let outcome = outcome.prop_map(|(ended, gas_used, registers, pc, scratchpad, logs, gift)| {
        Reply::Outcome(Outcome { ended, gas_used, registers, pc, scratchpad, logs, gift })
    });
    let refused = prop_oneof![
        any::<String>().prop_map(Refused::Malformed),
        any::<String>().prop_map(Refused::Image),
        any::<[u8; 32]>().prop_map(Refused::UnknownImage),
        (any::<u8>(), any::<String>()).prop_map(|(slot, wanted)| Refused::Denied { slot, wanted }),
        any::<u8>().prop_map(Refused::NoImport),
        any::<u64>().prop_map(Refused::UnknownInstance),
        any::<(String, String)>().prop_map(|(asked, known)| Refused::UnknownEndpoint { asked, known }),
        any::<(String, u8, u64)>().prop_map(|(endpoint, expected, given)| Refused::Arguments {
            endpoint,
            expected,
            given
        }),
        any::<u64>().prop_map(Refused::Scratchpad),
        Just(Refused::TestsOnly),
        Just(Refused::Busy),
        any::<String>().prop_map(Refused::Other),
        (any::<[u8; 32]>(), any::<u64>()).prop_map(|(image, instances)| Refused::InUse { image, instances }),
        any::<[u64; 3]>().prop_map(|[needed, free, memory]| Refused::OutOfMemory { needed, free, memory }),
        any::<u8>().prop_map(Refused::Target),
        any::<[u8; 32]>().prop_map(Refused::NotHeld),
        any::<String>().prop_map(Refused::Archive),
        any::<String>().prop_map(Refused::NoProof),
    ];
    let exit = prop_oneof![
        Just(Exit::Halt),
        Just(Exit::Panic),
        (0..1u32 << 20).prop_map(|page| Exit::Fault(page * 4096)),
        Just(Exit::OutOfGas),
        any::<u32>().prop_map(Exit::Host),
        Just(Exit::Operation),
    ];
    let ran = (exit, any::<[u64; 13]>(), any::<u32>(), any::<u64>(), prop::collection::vec(bytes(), 0..4));
    let ran = ran.prop_map(|(exit, registers, pc, gas, memory)| Reply::Ran(Ran { exit, registers, pc, gas, memory }));
    prop_oneof![
        ran,
        Just(Reply::Done),
        any::<[u8; 32]>().prop_map(Reply::Hash),
        any::<u64>().prop_map(Reply::Instance),
        any::<bool>().prop_map(Reply::Flag),
        outcome,
        any::<u64>().prop_map(|heap_used| Reply::Stats(Stats { heap_used, instances: !heap_used, ..Stats::default() })),
        refused.prop_map(Reply::Refused),
        prop::option::of(found()).prop_map(Reply::Found),
        (any::<bool>(), bytes()).prop_map(|(is_last, bytes)| Reply::Part(Part { is_last, bytes })),
        (bytes(), bytes()).prop_map(|(proof, content)| Reply::Proof(proof, content)),
    ]
}

fn encoded_request(request: &Request<'_>) -> Vec<u8> {
    let mut writer = Writer::new();
    request.encode(&mut writer);
    writer.into_bytes()
}

fn encoded(reply: &Reply) -> Vec<u8> {
    let mut writer = Writer::new();
    reply.encode(&mut writer);
    writer.into_bytes()
}

const CHAIN: Chain =
    Chain { writable_pages: 1, depth: 2, changed_pages: 0, log_bytes: 4, height: 5, prior_root: [6; 32] };

fn check(request: &Request<'_>) {
    let bytes = encoded_request(request);
    assert_eq!(Request::decode(&bytes).as_ref(), Ok(request));
    let call = match request {
        Request::Invoke(invoke) => Some((invoke.clone(), false)),
        Request::Query(query) => Some((query.clone(), true)),
        _ => None,
    };
    assert_eq!(Invoke::decode_request(&bytes), Ok(call));
    for end in 0..bytes.len() {
        assert!(Request::decode(&bytes[..end]).is_err(), "{request:?} cut off at {end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(Request::decode(&longer).is_err(), "{request:?} with a byte more");
}

#[test]
fn every_request_comes_back() {
    check(&Request::Ping);
    check(&Request::PutCap(b"image"));
    check(&Request::Contains([7; 32]));
    let services = vec![ServiceGrant { slot: 5, id: 1 << 30, parameter: u64::MAX }];
    check(&Request::Instantiate { image: [9; 32], all_services: true, services });
    check(&Request::Unpublish([8; 32]));
    check(&Request::Copy(1));
    check(&Request::Drop(u64::MAX));
    check(&Request::Root(0));
    for endpoint in [Endpoint::Number(u16::MAX), Endpoint::Name("näme")] {
        for scratchpad in [None, Some(&b""[..]), Some(&[1; 5000][..])] {
            let invoke = Invoke { scratchpad, ..Invoke::new(3, endpoint, &[1, u64::MAX], 5) };
            check(&Request::Invoke(invoke.clone()));
            let place = Place { instance: 3, path: &[255; 16] };
            check(&Request::Invoke(Invoke { place, gift: Some([1; 32]), origin: Some([2; 32]), ..invoke }));
        }
    }
    check(&Request::Stats);
    let range = |writable, bytes| Range { first_page: 16, pages: 2, writable, bytes };
    let memory = vec![range(true, &b""[..]), range(false, b"constant")];
    check(&Request::Run(Bare { program: b"blob", registers: [u64::MAX; 13], pc: 7, gas: 9, memory }));
    Failure::ALL.into_iter().for_each(|failure| check(&Request::Fail(failure)));
    Work::ALL.into_iter().for_each(|work| check(&Request::Measure(work, u32::MAX)));
    check(&Request::Costs(Costs { fault: 1, copy: u32::MAX, map: 3 }));
    Watch::ALL.into_iter().for_each(|part| check(&Request::Watch(part, 7)));
    let endpoint = Endpoint::Name("get");
    check(&Request::Query(Invoke { scratchpad: Some(b"x"), ..Invoke::new(3, endpoint, &[1], 2) }));
    for (is_first, part) in [(true, &b""[..]), (false, b"part")] {
        check(&Request::Receive { is_first, part });
    }
    for hash in [[0; 32], [7; 32]] {
        [Request::Hold(hash), Request::Release(hash), Request::Load(hash)].iter().for_each(check);
    }
    check(&Request::Send(u64::MAX));
    let pages = Chain { writable_pages: u32::MAX, depth: 64, changed_pages: 3, log_bytes: u64::MAX, ..CHAIN };
    for failure in Failure::ALL.into_iter().map(|failure| (failure, 7)).map(Some).chain([None]) {
        [true, false].into_iter().for_each(|evict| check(&Request::Disturb(Disturbance { evict, failure })));
    }
    [CHAIN, pages].into_iter().for_each(|chain| check(&Request::SetChain(chain)));
    for path in [&[][..], &[3, 200], &[0; 16]] {
        let place = Place { instance: 9, path };
        check(&Request::Describe { place, send: path.is_empty() });
        check(&Request::ImageAt(place));
        check(&Request::Prove { place, range: None });
        check(&Request::Prove { place, range: Some((u64::MAX, 1)) });
    }
}

#[test]
fn a_path_has_at_most_sixteen_slots() {
    let place = Place { instance: 9, path: &[1; 16] };
    let mut bytes = encoded_request(&Request::Describe { place, send: false });
    bytes[9] = 17;
    bytes.insert(10, 1);
    assert!(Request::decode(&bytes).is_err_and(|error| error.to_string().contains("length of a path")));
}

#[test]
fn impossible_numbers_are_refused() {
    // A fault that is at no page, more bytes than the scratchpad has, a flag that is neither.
    let outcome = |ended, scratchpad| {
        Reply::Outcome(Outcome { ended, gas_used: 0, registers: [0; 13], pc: 0, scratchpad, logs: vec![], gift: None })
    };
    let too_long = Scratchpad { pages: 1, bytes: vec![1; 4097] };
    for reply in [outcome(Ended::Fault(1), None), outcome(Ended::Halt, Some(too_long))] {
        assert!(Reply::decode(&encoded(&reply)).is_err(), "{reply:?}");
    }
    assert!(Reply::decode(&[3, 2]).is_err());
    // As many grants as there can be slots, and one more.
    let grant = ServiceGrant { slot: 0, id: 0, parameter: 0 };
    for (count, fits) in [(256, true), (257, false)] {
        let request = Request::Instantiate { image: [0; 32], all_services: false, services: vec![grant; count] };
        assert_eq!(Request::decode(&encoded_request(&request)).is_ok(), fits);
    }
    // Of a call: what there is of it, the length of its path, the number of its endpoint, how many arguments; those promise more
    // than there is and cost nothing.
    let invoke = encoded_request(&Request::Invoke(Invoke::new(1, Endpoint::Number(2), &[3], 4)));
    assert!(Request::decode(&invoke).is_ok());
    for (at, what) in
        [(1, "set of what a call has"), (2, "length of a path"), (5, "number of an endpoint"), (10, "needed")]
    {
        let mut invoke = invoke.clone();
        invoke[at] = 0xff;
        let error = Request::decode(&invoke).expect_err(what).to_string();
        assert!(error.contains(what), "{error}");
    }
    let mut named = encoded_request(&Request::Invoke(Invoke::new(1, Endpoint::Name("get"), &[], 4)));
    *named.last_mut().expect("the name is its end") = 0xff;
    assert!(Request::decode(&named).is_err_and(|error| error.to_string().contains("UTF-8")));
}

/// What a call comes to that returns a number of so many bits, with what a compiled program leaves in its registers.
fn small_outcome(bits: u32) -> Reply {
    let mut registers = [0; 13];
    (registers[0], registers[1], registers[7]) = (0xffff_0000, 0xfefd_f000, u64::MAX >> (64 - bits));
    let (scratchpad, logs) = (None, vec![]);
    Reply::Outcome(Outcome {
        ended: Ended::Halt,
        gas_used: 1 << 20,
        registers,
        pc: 1 << 16,
        scratchpad,
        logs,
        gift: None,
    })
}

#[test]
fn short_calls_and_what_they_come_to_share_the_line_of_the_state() {
    assert!(encoded(&small_outcome(64)).len() <= IN_ONE_LINE);
    let call = Request::Invoke(Invoke::new(u64::MAX, Endpoint::Name("balance_of"), &[u64::MAX], u64::MAX));
    assert!(encoded_request(&call).len() <= IN_ONE_LINE);
}

#[test]
fn packed_numbers_are_written_in_one_way_only() {
    let bytes = encoded(&small_outcome(8));
    // Which reply, the end, then the lengths: of gas used the second.
    assert_eq!(bytes[2] >> 4, 3);
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        Reply::decode(&bytes).expect_err("it is written in another way").to_string()
    };
    let longer = refused(&|bytes| {
        bytes[2] += 1 << 4;
        bytes.insert(2 + 8 + 3, 0);
    });
    assert!(longer.contains("number of so many bytes"), "{longer}");
    let too_long = refused(&|bytes| bytes[2] |= 9 << 4);
    assert!(too_long.contains("length of a number"), "{too_long}");
    let no_end = refused(&|bytes| bytes[1] = 0x40);
    assert!(no_end.contains("end of a call"), "{no_end}");
    // Log entries that are there, and are none.
    let none = refused(&|bytes| {
        bytes[1] |= 0x10;
        bytes.extend_from_slice(&[0; 4]);
    });
    assert!(none.contains("number of log entries"), "{none}");
}

proptest! {
    #[test]
    fn every_reply_comes_back(reply in reply()) {
        let bytes = encoded(&reply);
        prop_assert_eq!(Reply::decode(&bytes), Ok(reply));
        for end in 0..bytes.len() {
            prop_assert!(Reply::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn changed_bytes_are_a_reply_or_an_error(reply in reply(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = encoded(&reply);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(reply) = Reply::decode(&bytes) {
            prop_assert_eq!(encoded(&reply), bytes, "what was read is not all that was there");
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Request::decode(&bytes).is_err() || Invoke::decode_request(&bytes).is_ok());
        if let Ok(request) = Request::decode(&bytes) {
            prop_assert_eq!(encoded_request(&request), &bytes[..]);
        }
        if let Ok(reply) = Reply::decode(&bytes) {
            prop_assert_eq!(encoded(&reply), &bytes[..]);
        }
        let _ = Report::decode(&bytes);
    }

    #[test]
    fn every_report_comes_back(
        message in any::<Option<String>>(), repeated in 1..200usize,
        rsp: u64, backtrace in prop::collection::vec(any::<u64>(), 0..100),
    ) {
        let message = message.map(|message| message.repeat(repeated));
        let cause = match &message {
            Some(message) => Cause::Panic { message: message.as_str() },
            None => Cause::Trap { vector: 14, error: 2 },
        };
        let mut bytes = Vec::new();
        encode_report(&cause, rsp, &backtrace, |piece| bytes.extend_from_slice(piece));
        prop_assert!(bytes.len() <= REPORT_SIZE);
        let report = Report::decode(&bytes).expect("a report");
        prop_assert_eq!(report.rsp, rsp);
        prop_assert_eq!(&report.backtrace[..], &backtrace[..backtrace.len().min(MAX_BACKTRACE)]);
        match (report.cause, message) {
            (Cause::Panic { message }, Some(whole)) => prop_assert!(whole.starts_with(&message)),
            (Cause::Trap { vector, error }, None) => prop_assert_eq!((vector, error), (14, 2)),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
