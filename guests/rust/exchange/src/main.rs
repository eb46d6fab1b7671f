//! An order book whose trades are paid at once: with two tokens that other programs keep, in slots 20 (what is traded) and 21
//! (what it is paid with). Who trades has allowed the exchange's account to take so much. An order is matched and paid
//! whole, or nothing has happened, in any of the three programs.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use interfaces::{Token, TryToken};
use javm_guest::{Address, Callee, Place, Typed, endpoint, memory, persistent_heap, state};

memory! { stack: 32 << 10, scratchpad: 64 << 10 }
persistent_heap!(1 << 20);

const GOODS: Callee<dyn Token> = Callee::at(Place::slot(20));
const MONEY: Callee<dyn Token> = Callee::at(Place::slot(21));

/// The account that owners allow to take what they sell.
const ACCOUNT: Address = Address([0xee; 32]);

/// An order that waits: who has made it, and how much is left of it.
#[derive(Clone, Copy)]
struct Order {
    owner: Address,
    left: u64,
}

/// Orders of one side. The first is the best: the best price, and of these the oldest.
type Side = BTreeMap<(u64, u64), Order>;

state! {
    static BUYERS: Side = Side::new();
    static SELLERS: Side = Side::new();
    static LAST: u64 = 0;
}

/// A trade with an order that has waited.
#[derive(Typed, Clone, PartialEq, Debug)]
struct Trade {
    order: u64,
    price: u64,
    amount: u64,
}

/// What became of an order.
#[derive(Typed, Clone, PartialEq, Debug)]
struct Placed {
    order: u64,
    trades: Vec<Trade>,
    /// How much waits.
    left: u64,
}

/// All that waits at a price.
#[derive(Typed, Clone, PartialEq, Debug)]
struct Level {
    price: u64,
    amount: u64,
}

/// Where an order at a price stands: sellers with the lowest price first, buyers with the highest.
fn key(buys: bool, price: u64, order: u64) -> (u64, u64) {
    (if buys { u64::MAX - price } else { price }, order)
}

fn price(buys: bool, key: (u64, u64)) -> u64 {
    if buys { u64::MAX - key.0 } else { key.0 }
}

fn with_side<R>(buys: bool, f: impl FnOnce(&mut Side) -> R) -> R {
    if buys { BUYERS.with_mut(f) } else { SELLERS.with_mut(f) }
}

/// Buys or sells up to `amount`, at `limit` for each or better. What cannot be traded now waits.
#[endpoint]
fn place(owner: Address, buys: bool, limit: u64, amount: u64) -> Result<Placed, &'static str> {
    if limit == 0 || amount == 0 || limit.checked_mul(amount).is_none() {
        return Err("price and amount are at least 1, and all of it is paid with less than 2^64");
    }
    let order = LAST.get() + 1;
    LAST.set(order);
    let (mut left, mut trades) = (amount, Vec::new());
    while left > 0 {
        let best = with_side(!buys, |side| side.first_key_value().map(|(&key, &waiting)| (key, waiting)));
        let Some((key, waiting)) = best else { break };
        let price = price(!buys, key);
        if if buys { price > limit } else { price < limit } {
            break;
        }
        let amount = left.min(waiting.left);
        let rest = if settle(buys, owner, waiting.owner, price * amount, amount) {
            trades.push(Trade { order: key.1, price, amount });
            left -= amount;
            waiting.left - amount
        } else {
            // It cannot be paid for any more, and would stand in everybody's way.
            0
        };
        with_side(!buys, |side| match rest {
            0 => side.remove(&key),
            left => side.insert(key, Order { left, ..waiting }),
        });
    }
    if left > 0 {
        with_side(buys, |side| side.insert(key(buys, limit, order), Order { owner, left }));
    }
    Ok(Placed { order, trades, left })
}

/// Pays both. Whether the one who has waited can; if the other one cannot, the call fails, and nothing has happened.
fn settle(buys: bool, taker: Address, waiting: Address, cost: u64, amount: u64) -> bool {
    let ((gives, given), (takes, taken)) =
        if buys { ((GOODS, amount), (MONEY, cost)) } else { ((MONEY, cost), (GOODS, amount)) };
    if gives.try_transfer_from(ACCOUNT, waiting, taker, given).is_err() {
        return false;
    }
    takes.transfer_from(ACCOUNT, taker, waiting, taken);
    true
}

/// Takes an order back. Returns how much was left of it.
#[endpoint]
fn cancel(owner: Address, buys: bool, limit: u64, order: u64) -> Result<u64, &'static str> {
    let key = key(buys, limit, order);
    with_side(buys, |side| match side.get(&key) {
        None => Err("no such order waits"),
        Some(waiting) if waiting.owner != owner => Err("the order is somebody else's"),
        Some(&Order { left, .. }) => {
            side.remove(&key);
            Ok(left)
        }
    })
}

/// What waits on a side, the best price first; at most so many prices.
#[endpoint]
fn depth(buys: bool, most: u16) -> Vec<Level> {
    with_side(buys, |side| {
        let mut levels: Vec<Level> = Vec::new();
        for (&key, order) in side.iter() {
            let price = price(buys, key);
            let is_full = levels.len() == usize::from(most);
            match levels.last_mut() {
                Some(level) if level.price == price => level.amount = level.amount.saturating_add(order.left),
                _ if is_full => break,
                _ => levels.push(Level { price, amount: order.left }),
            }
        }
        levels
    })
}
