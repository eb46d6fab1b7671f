//! Services: what they do and every status.

use javm_model::Status::{self, Halt, NoEndpoint, OutOfGas, Quota, Range};
use javm_model::{BLOCK, Data, HASH, HostCall, LOG, Request, Service, VERIFY, Value};

use super::fixture::*;

const SCRATCH: u8 = 1;

fn service(id: u32) -> [(u8, Value); 1] {
    [(10, Value::Service(Service { id, parameter: 0 }))]
}

fn ask(method: u16, operands: &[u64]) -> Request {
    Request::call(10, method, operands).flags(SCRATCH)
}

pub(super) fn refusals() {
    let end = 8192;
    let asked = [
        (LOG, 0, [0, 8, 5], Halt),
        (LOG, 1, [0, 8, 5], NoEndpoint),
        (LOG, 0, [0, end + 1, 5], Range),
        (LOG, 0, [u64::MAX, 2, 5], Range),
        (HASH, 0, [0, 8, end - 32], Halt),
        (HASH, 1, [0, 8, end - 32], Halt),
        (HASH, 2, [0, 8, end - 32], Halt),
        (HASH, 3, [0, 8, 0], NoEndpoint),
        (HASH, 0, [0, 8, end - 31], Range),
        (HASH, 0, [end, 1, 0], Range),
        (BLOCK, 0, [0; 3], Halt),
        (BLOCK, 1, [end - 32, 0, 0], Halt),
        (BLOCK, 1, [end - 31, 0, 0], Range),
        (BLOCK, 2, [0; 3], NoEndpoint),
        (VERIFY, 0, [0, 96, 0], Halt),
        (VERIFY, 0, [0, 95, 0], Range),
        (VERIFY, 0, [end, 96, 0], Range),
        (VERIFY, 1, [0, 97, 100], Halt),
        (VERIFY, 1, [0, 96, 100], Range),
        (VERIFY, 1, [0, 98, 100], Range),
        (VERIFY, 1, [0, 97, end - 63], Range),
        (VERIFY, 2, [0; 3], NoEndpoint),
        (5, 0, [0; 3], NoEndpoint),
    ];
    for (id, method, operands, status) in asked {
        assert_eq!(status_of(ask(method, &operands), service(id)), status, "{id} {method} {operands:?}");
    }
    // Without the flag there is no scratchpad, nor where slot 0 holds something else.
    assert_eq!(status_of(Request::call(10, 0, &[0, 1, 0]), service(LOG)), Range);
    assert_eq!(status_of(Request::call(10, 0, &[0, 0, 0]), service(LOG)), Halt);
    let drop = Request::new(javm_model::Operation::Drop, &[0]);
    assert_eq!(statuses(&[drop, ask(0, &[0, 1, 0])], service(LOG)), [Halt, Range]);
    // Gift and undo mean nothing to a service.
    assert_eq!(status_of(ask(0, &[0, 1, 0]).flags(7), service(LOG)), Halt);
    // All of it in one call, for the vectors.
    let all = (1..=5).map(|id| (10 + id as u8, Value::Service(Service { id, parameter: 0 })));
    let requests = asked.map(|(id, method, operands, _)| Request::call(10 + id, method, &operands).flags(SCRATCH));
    assert_eq!(statuses(&requests, all), asked.map(|(.., status)| status));
}

pub(super) fn prices_are_within_the_limit() {
    for (id, method, length, price) in [
        (LOG, 0, 10, 110),
        (HASH, 0, 10, 340),
        (HASH, 1, 10, 380),
        (HASH, 2, 10, 400),
        (BLOCK, 0, 0, 100),
        (BLOCK, 1, 0, 150),
        (VERIFY, 0, 100, 201_200),
        (VERIFY, 1, 97, 300_000),
    ] {
        let gas_of = |limit| {
            let mut world = world(&[ask(method, &[0, length, 0]).last(limit)], service(id));
            let logs = run(&mut world).logs.len();
            (world.steps[0].status, 10_000_000 - 10 - world.steps[0].gas, logs)
        };
        assert_eq!(gas_of(price - 1), (OutOfGas, 50, 0), "{id} {method}");
        assert_eq!(gas_of(price), (Halt, 50 + price, usize::from(id == LOG)), "{id} {method}");
    }
}

pub(super) fn logs_are_kept_and_bounded() {
    let asked: Vec<Request> = (0..10).map(|topic| ask(0, &[0, 8192, topic])).collect();
    let mut world = world(&asked, service(LOG));
    let outcome = run(&mut world);
    let statuses: Vec<Status> = steps(&world).iter().map(|step| step.status).collect();
    assert_eq!(statuses, [vec![Halt; 7], vec![Quota; 3]].concat(), "7 · (8192 + 16) are below 65536, 8 are not");
    assert_eq!(steps(&world).iter().map(|step| step.result).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 0, 0, 0]);
    assert_eq!(outcome.logs.iter().map(|entry| entry.topic).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
}

pub(super) fn what_they_give() {
    let hashes = [
        (0, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
        (1, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (2, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ];
    for (method, digest) in hashes {
        let mut world = world(&[ask(method, &[0, 3, 1])], service(HASH));
        let outcome =
            call_host(&mut world, HostCall { scratchpad: Some(Data::from_bytes(b"abc")), ..HostCall::root(0) });
        let [Some(Value::Data(scratchpad)), None] = &outcome.live else { panic!("it comes back") };
        let hex: String = scratchpad.read(1, 32).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, digest);
    }
    let mut world = world(&[ask(1, &[0]), ask(0, &[])], service(BLOCK));
    (world.height, world.prior_root) = (12, [3; 32]);
    let outcome = run(&mut world);
    assert_eq!(outcome.value, 12);
    let [Some(Value::Data(scratchpad)), None] = &outcome.live else { panic!("it comes back") };
    assert_eq!(scratchpad.read(0, 33), [&[3; 32][..], &[0]].concat());
}

pub(super) fn verdicts_are_those_of_the_oracle() {
    for (valid, expected) in [(true, 1), (false, 0)] {
        let mut world = world(&[ask(1, &[0, 97, 100]), ask(0, &[0, 96])], service(VERIFY));
        world.verify = if valid { |_, _| Some(vec![9; 64]) } else { |_, _| None };
        let outcome = run(&mut world);
        assert_eq!(steps(&world).iter().map(|step| step.result).collect::<Vec<_>>(), [expected; 2]);
        let [Some(Value::Data(scratchpad)), None] = &outcome.live else { panic!("it comes back") };
        assert_eq!(scratchpad.read(99, 66), [&[0][..], &[if valid { 9 } else { 0 }; 64], &[0]].concat());
    }
}

/// By the real functions: the third signature of RFC 8032, and the one that Ethereum's tests recover a key from.
pub(super) fn signatures() {
    let hex = |text: &str| -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
        (0..text.len()).step_by(2).map(byte).collect()
    };
    let signed = hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025\
                      6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
                      18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40aaf82");
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    // The points 0 and 1 of small order, the first written as the field's order.
    let small = [&[0xed], &[0xff; 30][..], &[0x7f, 1], &[0; 31]].concat();
    let ethereum = hex("18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c\
                        73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f\
                        eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549");
    for (method, bytes, result) in [
        (0, signed, 1),
        (0, [&small[..], &[0; 32], b"Zcash"].concat(), 1),
        (0, [&small[..], &order, b"Zcash"].concat(), 0),
        (1, [&ethereum[..], &[1]].concat(), 1),
        (1, [&ethereum[..], &[0]].concat(), 1),
        (1, [&ethereum[..], &[28]].concat(), 0),
    ] {
        let mut world = world(&[ask(method, &[0, bytes.len() as u64, 2048])], service(VERIFY));
        world.verify = crate::comparison::verified;
        let call = HostCall { scratchpad: Some(Data::from_bytes(&bytes)), ..HostCall::root(0) };
        assert_eq!(call_host(&mut world, call).value, result, "{method} {bytes:02x?}");
    }
}
