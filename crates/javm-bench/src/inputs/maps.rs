//! Programs whose state is a map.

use javm_guest::Address;
use rand::RngExt;

use super::Random;
use crate::native::token::Payment;
use crate::native::{registry, token};
use crate::workload::Call;

fn somebody(random: &mut Random) -> Address {
    Address([random.random_range(0..5); 32])
}

/// Mostly amounts that somebody may have.
fn amount(random: &mut Random) -> u64 {
    match random.random_range(0..12) {
        0 => 0,
        1 => random.random(),
        _ => random.random_range(0..1000),
    }
}

pub(super) fn token(random: &mut Random) -> Vec<Call> {
    let count = random.random_range(1..40);
    let mut calls = vec![Call::of::<token::endpoint_mint>(&(Address([0; 32]), somebody(random), amount(random)))];
    for _ in 0..count {
        let [a, b, c] = [(); 3].map(|()| somebody(random));
        let amount = amount(random);
        calls.push(match random.random_range(0..14) {
            0 | 1 => Call::of::<token::endpoint_mint>(&(Address([random.random_range(0..20) / 19; 32]), a, amount)),
            2 => Call::of::<token::endpoint_burn>(&(a, amount)),
            3 => Call::of::<token::endpoint_distribute>(&(a, payments(random))),
            4 | 5 => Call::of::<token::endpoint_approve>(&(a, b, amount)),
            6 | 7 => Call::of::<token::endpoint_transfer_from>(&(a, b, c, amount)),
            8 => Call::of::<token::endpoint_balance>(&(a,)),
            9 => Call::of::<token::endpoint_allowance>(&(a, b)),
            10 => Call::of::<token::endpoint_holders>(&(
                random.random::<bool>().then_some(a),
                random.random_range(0..9_u16),
            )),
            11 => match random.random() {
                true => Call::of::<token::endpoint_supply>(&()),
                false => Call::of::<token::endpoint_accounts>(&()),
            },
            _ => Call::of::<token::endpoint_transfer>(&(a, b, amount)),
        });
    }
    calls
}

fn payments(random: &mut Random) -> Vec<Payment> {
    let count = random.random_range(0..6);
    (0..count).map(|_| Payment { account: somebody(random), amount: amount(random) / 4 }).collect()
}

pub(super) fn registry(random: &mut Random) -> Vec<Call> {
    let names = ["", "a", "b", "ab", "ä", "a name that is very long", &"more than sixty-four bytes".repeat(3)];
    let count = random.random_range(1..30);
    let mut calls = Vec::new();
    for _ in 0..count {
        let name = names[random.random_range(0..names.len())];
        let owner = somebody(random);
        calls.push(match random.random_range(0..8) {
            0 => Call::of::<registry::endpoint_get>(&(name,)),
            1 => Call::of::<registry::endpoint_remove>(&(name, owner)),
            2 => Call::of::<registry::endpoint_len>(&()),
            3 => Call::of::<registry::endpoint_names>(&(name, random.random_range(0..9_u16))),
            4 => Call::of::<registry::endpoint_digest>(&()),
            _ => {
                let value: Vec<u8> = (0..random.random_range(0..50)).map(|_| random.random()).collect();
                Call::of::<registry::endpoint_set>(&(name, owner, value))
            }
        });
    }
    calls
}
