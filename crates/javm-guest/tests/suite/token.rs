//! The token against a model that knows nothing of it: balances and allowances in plain maps, amounts in `u128`.

use std::collections::BTreeMap;

use javm_guest::{Address, Typed};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::instance::Program;

/// `Payment` of the program.
#[derive(Typed, Clone, PartialEq, Debug)]
struct Payment {
    account: Address,
    amount: u64,
}

/// Somebody, by a number.
type Who = u8;

#[derive(Clone, Debug)]
enum Step {
    Mint(Who, Who, u64),
    Burn(Who, u64),
    Transfer(Who, Who, u64),
    Distribute(Who, Vec<(Who, u64)>),
    Approve(Who, Who, u64),
    TransferFrom(Who, Who, Who, u64),
}

#[derive(Clone, Default)]
struct Model {
    minter: Option<Who>,
    balances: BTreeMap<Who, u128>,
    allowances: BTreeMap<(Who, Who), u64>,
}

impl Model {
    fn balance(&self, who: Who) -> u128 {
        self.balances.get(&who).copied().unwrap_or(0)
    }

    fn allowance(&self, owner: Who, spender: Who) -> u64 {
        self.allowances.get(&(owner, spender)).copied().unwrap_or(0)
    }

    fn supply(&self) -> u128 {
        self.balances.values().sum()
    }

    fn pay(&mut self, from: Who, to: &[(Who, u64)]) -> Result<u128, String> {
        let total: u128 = to.iter().map(|&(_, amount)| u128::from(amount)).sum();
        let has = self.balance(from);
        if total > u128::from(u64::MAX) {
            return Err("all payments together are more than 2^64 - 1".into());
        }
        if total > has {
            return Err(format!("the account has {has}, which is less than {total}"));
        }
        self.balances.insert(from, has - total);
        for &(who, amount) in to {
            *self.balances.entry(who).or_default() += u128::from(amount);
        }
        Ok(total)
    }

    /// What the step returns, or why it is refused, after which the model is not to be used.
    fn take(&mut self, step: &Step) -> Result<u128, String> {
        match *step {
            Step::Mint(minter, _, _) if self.minter.is_some_and(|first| first != minter) => {
                Err("another account makes new tokens".into())
            }
            Step::Mint(minter, to, amount) => {
                self.minter = Some(minter);
                *self.balances.entry(to).or_default() += u128::from(amount);
                match self.supply() {
                    supply if supply > u128::from(u64::MAX) => Err("there would be more than 2^64 - 1 tokens".into()),
                    supply => Ok(supply),
                }
            }
            Step::Burn(from, amount) => {
                self.pay(from, &[(Who::MAX, amount)])?;
                self.balances.remove(&Who::MAX);
                Ok(self.supply())
            }
            Step::Transfer(from, to, amount) => self.pay(from, &[(to, amount)]).map(|_| 0),
            Step::Distribute(from, ref payments) => self.pay(from, payments),
            Step::Approve(owner, spender, amount) => {
                let before = self.allowance(owner, spender);
                self.allowances.insert((owner, spender), amount);
                Ok(before.into())
            }
            Step::TransferFrom(spender, owner, to, amount) => {
                let may = self.allowance(owner, spender);
                if may < amount {
                    return Err(format!("the spender may take {may}, which is less than {amount}"));
                }
                self.pay(owner, &[(to, amount)])?;
                self.allowances.insert((owner, spender), may - amount);
                Ok((may - amount).into())
            }
        }
    }
}

/// Neighbours have numbers that differ in one place, at either end of the address.
fn address(who: Who) -> Address {
    let mut address = [0x11; 32];
    address[0] = who >> 2;
    address[31] = who & 3;
    Address(address)
}

/// The step in the program: its endpoint's name, and what it returns or why it is refused.
fn call(program: &mut Program, step: &Step) -> (&'static str, Result<u128, String>) {
    let at = |who: Who| address(who);
    let (name, answer) = match *step {
        Step::Mint(minter, to, amount) => ("mint", program.call("mint", &(at(minter), at(to), amount))),
        Step::Burn(from, amount) => ("burn", program.call("burn", &(at(from), amount))),
        Step::Transfer(from, to, amount) => ("transfer", program.call("transfer", &(at(from), at(to), amount))),
        Step::Distribute(from, ref payments) => {
            let payment = |&(who, amount): &(Who, u64)| Payment { account: at(who), amount };
            let payments: Vec<Payment> = payments.iter().map(payment).collect();
            ("distribute", program.call("distribute", &(at(from), payments)))
        }
        Step::Approve(owner, spender, amount) => {
            ("approve", program.call("approve", &(at(owner), at(spender), amount)))
        }
        Step::TransferFrom(spender, owner, to, amount) => {
            ("transfer_from", program.call("transfer_from", &(at(spender), at(owner), at(to), amount)))
        }
    };
    let returned = match (answer.outcome.ended, step) {
        (nub::Ended::Halt, Step::Transfer(..)) => {
            answer.value::<()>();
            Ok(0)
        }
        (nub::Ended::Halt, _) => Ok(answer.value::<u64>().into()),
        _ => Err(answer.refusal()),
    };
    (name, returned)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..8_u8;
    let amount = || prop_oneof![6 => 0..50_u64, 1 => any::<u64>(), 1 => Just(u64::MAX)];
    let step = prop_oneof![
        // Mostly by the same one.
        3 => (0..10_u8, who(), amount()).prop_map(|(by, to, amount)| Step::Mint(by / 9, to, amount)),
        1 => (who(), amount()).prop_map(|(from, amount)| Step::Burn(from, amount)),
        4 => (who(), who(), amount()).prop_map(|(from, to, amount)| Step::Transfer(from, to, amount)),
        1 => (who(), vec((who(), amount()), 0..5)).prop_map(|(from, payments)| Step::Distribute(from, payments)),
        3 => (who(), who(), amount()).prop_map(|(owner, spender, amount)| Step::Approve(owner, spender, amount)),
        3 => (who(), who(), who(), amount()).prop_map(|(s, owner, to, amount)| Step::TransferFrom(s, owner, to, amount)),
    ];
    vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_token_is_its_model(steps in steps()) {
        let mut program = Program::new("token");
        let mut model = Model::default();
        for step in &steps {
            let before = program.root();
            let mut after = model.clone();
            let expected = after.take(step);
            let (name, returned) = call(&mut program, step);
            prop_assert_eq!(returned, expected.clone().map_err(|why| format!("{name} failed: {why}")), "{:?}", step);
            if expected.is_ok() {
                model = after;
            } else {
                prop_assert_eq!(program.root(), before, "a call that fails leaves nothing behind");
            }
        }
        // All of the state, each part by the endpoint that tells it.
        let held = |(&who, &amount): (&Who, &u128)| Payment { account: address(who), amount: amount as u64 };
        let holders: Vec<Payment> = model.balances.iter().filter(|(_, amount)| **amount > 0).map(held).collect();
        let answer = program.call("holders", &(None::<Address>, 99_u16));
        prop_assert_eq!(answer.value::<Vec<Payment>>(), holders.clone());
        if let [first, rest @ ..] = &holders[..] {
            let answer = program.call("holders", &(Some(first.account), 2_u16));
            prop_assert_eq!(answer.value::<Vec<Payment>>(), &rest[..rest.len().min(2)]);
        }
        prop_assert_eq!(u128::from(program.call("supply", &()).value::<u64>()), model.supply());
        prop_assert_eq!(program.call("accounts", &()).value::<u64>(), holders.len() as u64);
        for owner in 0..8 {
            let balance = program.call("balance", &(address(owner),)).value::<u64>();
            prop_assert_eq!(u128::from(balance), model.balance(owner));
            for spender in 0..8 {
                let allowance = program.call("allowance", &(address(owner), address(spender))).value::<u64>();
                prop_assert_eq!(allowance, model.allowance(owner, spender));
            }
        }
    }
}

/// The map grows to thousands of accounts, over calls, and shrinks to none.
#[test]
fn accounts_come_and_go() {
    let mut program = Program::new("token");
    let bank = Address([0; 32]);
    let account = |number: u32| {
        let mut account = [0; 32];
        account[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_le_bytes());
        account[31] = 1;
        Address(account)
    };
    assert_eq!(program.call("mint", &(bank, bank, 5000_u64)).value::<u64>(), 5000);
    for first in (0..5000).step_by(1000) {
        let payments: Vec<Payment> =
            (first..first + 1000).map(|number| Payment { account: account(number), amount: 1 }).collect();
        assert_eq!(program.call("distribute", &(bank, payments)).value::<u64>(), 1000);
    }
    assert_eq!(program.call("accounts", &()).value::<u64>(), 5000);
    let mut after = None;
    let mut seen = 0;
    loop {
        let page = program.call("holders", &(after, 1000_u16)).value::<Vec<Payment>>();
        let Some(last) = page.last() else { break };
        assert!(page.is_sorted_by(|a, b| a.account < b.account) && after < Some(page[0].account));
        after = Some(last.account);
        seen += page.len();
        for number in page.iter().map(|payment| payment.account) {
            program.call("transfer", &(number, bank, 1_u64)).value::<()>();
        }
    }
    assert_eq!((seen, program.call("accounts", &()).value::<u64>()), (5000, 1));
    assert_eq!(program.call("balance", &(bank,)).value::<u64>(), 5000);
}
