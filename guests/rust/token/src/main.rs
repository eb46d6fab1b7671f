//! A fungible token: balances, allowances, and one account that makes new tokens.
//!
//! Who calls is an argument: whoever embeds the program has checked it. Amounts never wrap: all of them together are the
//! supply, which fits.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Bound::{Excluded, Unbounded};

use javm_guest::{Address, Typed, endpoint, memory, persistent_heap, state};

memory! { stack: 32 << 10, scratchpad: 256 << 10 }
persistent_heap!(8 << 20);

// As an Image alone: whoever includes this file as host code has no other programs.
#[cfg(target_os = "none")]
javm_guest::implements!(dyn interfaces::Token);

state! {
    static MINTER: Option<Address> = None;
    static SUPPLY: u64 = 0;
    // Nobody is there with nothing.
    static BALANCES: BTreeMap<Address, u64> = BTreeMap::new();
    // Owner and spender; nothing is no entry.
    static ALLOWANCES: BTreeMap<(Address, Address), u64> = BTreeMap::new();
}

/// An amount for somebody.
#[derive(Typed, Clone, PartialEq, Debug)]
pub struct Payment {
    /// Whose it is, or becomes.
    pub account: Address,
    /// How much.
    pub amount: u64,
}

/// Why a call fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Another account makes new tokens.
    NotTheMinter,
    /// The supply would be more than 2^64 - 1.
    SupplyFull,
    /// The account has less.
    Balance {
        /// What it has.
        has: u64,
        /// What it would need.
        needs: u64,
    },
    /// The spender may take less.
    Allowance {
        /// What it may take.
        has: u64,
        /// What it would need.
        needs: u64,
    },
    /// All payments together are more than 2^64 - 1.
    TooMuch,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotTheMinter => f.write_str("another account makes new tokens"),
            Refusal::SupplyFull => f.write_str("there would be more than 2^64 - 1 tokens"),
            Refusal::Balance { has, needs } => write!(f, "the account has {has}, which is less than {needs}"),
            Refusal::Allowance { has, needs } => write!(f, "the spender may take {has}, which is less than {needs}"),
            Refusal::TooMuch => f.write_str("all payments together are more than 2^64 - 1"),
        }
    }
}

/// Makes `amount` new tokens for `to`, and returns the supply. Whoever is first to do so is the minter from then on.
#[endpoint]
pub fn mint(minter: Address, to: Address, amount: u64) -> Result<u64, Refusal> {
    if MINTER.get().is_some_and(|first| first != minter) {
        return Err(Refusal::NotTheMinter);
    }
    let supply = SUPPLY.get().checked_add(amount).ok_or(Refusal::SupplyFull)?;
    MINTER.set(Some(minter));
    SUPPLY.set(supply);
    give(to, amount);
    Ok(supply)
}

/// Destroys `amount` tokens of `from`, and returns the supply.
#[endpoint]
pub fn burn(from: Address, amount: u64) -> Result<u64, Refusal> {
    take(from, amount)?;
    SUPPLY.update(|supply| supply - amount);
    Ok(SUPPLY.get())
}

/// `from` gives `amount` to `to`.
#[endpoint]
pub fn transfer(from: Address, to: Address, amount: u64) -> Result<(), Refusal> {
    take(from, amount)?;
    give(to, amount);
    Ok(())
}

/// `from` makes all payments or none. Returns what they come to.
#[endpoint]
pub fn distribute(from: Address, payments: Vec<Payment>) -> Result<u64, Refusal> {
    let total = payments.iter().try_fold(0_u64, |total, payment| total.checked_add(payment.amount));
    let total = total.ok_or(Refusal::TooMuch)?;
    take(from, total)?;
    for Payment { account, amount } in payments {
        give(account, amount);
    }
    Ok(total)
}

/// `owner` lets `spender` take up to `amount`, instead of what it was before, which is returned.
#[endpoint]
pub fn approve(owner: Address, spender: Address, amount: u64) -> u64 {
    set_allowance(owner, spender, amount)
}

/// `spender` gives `amount` of `owner`'s to `to`, and may take so much less from then on. Returns what is left of that.
#[endpoint]
pub fn transfer_from(spender: Address, owner: Address, to: Address, amount: u64) -> Result<u64, Refusal> {
    let has = allowance(owner, spender);
    let left = has.checked_sub(amount).ok_or(Refusal::Allowance { has, needs: amount })?;
    transfer(owner, to, amount)?;
    set_allowance(owner, spender, left);
    Ok(left)
}

/// What `account` has.
#[endpoint]
pub fn balance(account: Address) -> u64 {
    BALANCES.with(|balances| balances.get(&account).copied().unwrap_or_default())
}

/// What `spender` may take of `owner`'s.
#[endpoint]
pub fn allowance(owner: Address, spender: Address) -> u64 {
    ALLOWANCES.with(|allowances| allowances.get(&(owner, spender)).copied().unwrap_or_default())
}

/// How many tokens there are.
#[endpoint]
pub fn supply() -> u64 {
    SUPPLY.get()
}

/// How many accounts have any.
#[endpoint]
pub fn accounts() -> u64 {
    BALANCES.with(|balances| balances.len() as u64)
}

/// Up to `count` accounts behind `after`, in order, with what they have.
#[endpoint]
pub fn holders(after: Option<Address>, count: u16) -> Vec<Payment> {
    BALANCES.with(|balances| {
        let behind = balances.range((after.map_or(Unbounded, Excluded), Unbounded));
        behind.take(count.into()).map(|(&account, &amount)| Payment { account, amount }).collect()
    })
}

fn set_allowance(owner: Address, spender: Address, amount: u64) -> u64 {
    let before = ALLOWANCES.with_mut(|allowances| match amount {
        0 => allowances.remove(&(owner, spender)),
        _ => allowances.insert((owner, spender), amount),
    });
    before.unwrap_or_default()
}

/// Takes `amount` off an account, which is gone when nothing is left.
fn take(from: Address, amount: u64) -> Result<(), Refusal> {
    BALANCES.with_mut(|balances| {
        let has = balances.get(&from).copied().unwrap_or_default();
        match has.checked_sub(amount) {
            None => return Err(Refusal::Balance { has, needs: amount }),
            Some(0) => drop(balances.remove(&from)),
            Some(left) => drop(balances.insert(from, left)),
        }
        Ok(())
    })
}

/// Adds `amount` to an account. It fits, as all of the supply does.
fn give(to: Address, amount: u64) {
    if amount > 0 {
        BALANCES.with_mut(|balances| *balances.entry(to).or_default() += amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const ADA: Address = Address([1; 32]);
    const BOB: Address = Address([2; 32]);
    const EVE: Address = Address([3; 32]);

    #[test]
    fn tokens_are_made_moved_and_destroyed() {
        assert_eq!(mint(ADA, BOB, 100), Ok(100));
        assert_eq!(mint(BOB, BOB, 1), Err(Refusal::NotTheMinter));
        assert_eq!(mint(ADA, ADA, u64::MAX), Err(Refusal::SupplyFull));
        assert_eq!((transfer(BOB, EVE, 30), balance(BOB), balance(EVE)), (Ok(()), 70, 30));
        assert_eq!(transfer(EVE, BOB, 31), Err(Refusal::Balance { has: 30, needs: 31 }));
        assert_eq!((burn(EVE, 30), supply(), accounts()), (Ok(70), 70, 1));
        assert_eq!((transfer(BOB, BOB, 70), balance(BOB), transfer(EVE, ADA, 0), accounts()), (Ok(()), 70, Ok(()), 1));
    }

    #[test]
    fn who_is_allowed_takes_up_to_so_much() {
        mint(ADA, ADA, 100).unwrap();
        assert_eq!((approve(ADA, EVE, 9), approve(ADA, EVE, 150), allowance(ADA, EVE)), (0, 9, 150));
        assert_eq!(transfer_from(EVE, ADA, BOB, 60), Ok(90));
        assert_eq!(transfer_from(EVE, ADA, BOB, 60), Err(Refusal::Balance { has: 40, needs: 60 }));
        assert_eq!(allowance(ADA, EVE), 90, "nothing was taken");
        let refusal = transfer_from(BOB, ADA, BOB, 1).unwrap_err().to_string();
        assert_eq!(refusal, "the spender may take 0, which is less than 1");
    }

    #[test]
    fn payments_are_made_together() {
        mint(ADA, ADA, 10).unwrap();
        let pay = |account, amount| Payment { account, amount };
        assert_eq!(distribute(ADA, [pay(BOB, 3), pay(EVE, 4), pay(BOB, 1)].into()), Ok(8));
        assert_eq!(distribute(ADA, [pay(BOB, 1), pay(EVE, 2)].into()), Err(Refusal::Balance { has: 2, needs: 3 }));
        assert_eq!(distribute(ADA, [pay(BOB, 1), pay(EVE, u64::MAX)].into()), Err(Refusal::TooMuch));
        assert_eq!(holders(None, 9), [pay(ADA, 2), pay(BOB, 4), pay(EVE, 4)]);
        assert_eq!((holders(Some(ADA), 1), holders(Some(EVE), 1)), ([pay(BOB, 4)].into(), [].into()));
    }
}
