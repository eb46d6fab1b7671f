//! An order book whose trades are paid at once, with tokens that other programs keep, against a model: a list of orders,
//! looked through for the best, and balances in arrays.

use javm_guest::{Address, Typed};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::nesting::right;
use crate::tree::{Tree, loud};

#[derive(Typed, Clone, PartialEq, Debug)]
struct Trade {
    order: u64,
    price: u64,
    amount: u64,
}

#[derive(Typed, Clone, PartialEq, Debug)]
struct Placed {
    order: u64,
    trades: Vec<Trade>,
    left: u64,
}

#[derive(Typed, Clone, PartialEq, Debug)]
struct Level {
    price: u64,
    amount: u64,
}

const ACCOUNT: Address = Address([0xee; 32]);
const BANK: Address = Address([0xba; 32]);
/// Where the exchange and the tokens stand.
const EXCHANGE: &[u8] = &[12];
const TOKENS: [&[u8]; 2] = [&[10], &[11]];
/// Goods and money that everybody has, and has allowed the exchange to take.
const START: [u64; 2] = [100, 3000];
const TRADERS: usize = 3;

fn trader(who: usize) -> Address {
    Address([who as u8 + 1; 32])
}

fn tree() -> Tree {
    let exchange = loud("exchange", [(20, right(TOKENS[0]).into()), (21, right(TOKENS[1]).into())]);
    let tokens = TOKENS.map(|_| loud("token", []).into());
    let [goods, money] = tokens;
    let mut tree = Tree::new(loud("relay", [(10, goods), (11, money), (12, exchange.into())]));
    for (token, amount) in TOKENS.into_iter().zip(START) {
        for who in (0..TRADERS).map(trader) {
            tree.call::<_, u64>(token, "mint", &(BANK, who, amount));
            tree.call::<_, u64>(token, "approve", &(who, ACCOUNT, u64::MAX));
        }
    }
    tree
}

#[derive(Clone, Debug)]
struct Order {
    number: u64,
    owner: usize,
    buys: bool,
    price: u64,
    left: u64,
}

#[derive(Clone)]
struct Model {
    /// In the order in which they were made.
    orders: Vec<Order>,
    last: u64,
    /// Goods and money of each.
    has: [[u64; 2]; TRADERS],
}

impl Model {
    /// What becomes of an order; `None` if it cannot be paid for, and nothing has happened.
    fn place(&mut self, owner: usize, buys: bool, limit: u64, amount: u64) -> Option<Placed> {
        let mut after = self.clone();
        after.last += 1;
        let mut placed = Placed { order: after.last, trades: Vec::new(), left: amount };
        while placed.left > 0 {
            let others = (0..after.orders.len()).filter(|&at| after.orders[at].buys != buys);
            let others = others.filter(|&at| match buys {
                true => after.orders[at].price <= limit,
                false => after.orders[at].price >= limit,
            });
            // The first of the best.
            let best = others.min_by_key(|&at| match buys {
                true => after.orders[at].price,
                false => u64::MAX - after.orders[at].price,
            });
            let Some(best) = best else { break };
            let Order { number, owner: waiting, price, left, .. } = after.orders[best];
            let amount = left.min(placed.left);
            let (goods, money) = (amount, price * amount);
            let (given, taken) = if buys { (0, 1) } else { (1, 0) };
            let cost = [goods, money];
            if after.has[waiting][given] < cost[given] {
                after.orders.remove(best);
                continue;
            }
            after.has[waiting][given] -= cost[given];
            after.has[owner][given] += cost[given];
            after.has[owner][taken] = after.has[owner][taken].checked_sub(cost[taken])?;
            after.has[waiting][taken] += cost[taken];
            placed.trades.push(Trade { order: number, price, amount });
            placed.left -= amount;
            after.orders[best].left -= amount;
            after.orders.retain(|order| order.left > 0);
        }
        if placed.left > 0 {
            after.orders.push(Order { number: after.last, owner, buys, price: limit, left: placed.left });
        }
        *self = after;
        Some(placed)
    }

    fn depth(&self, buys: bool) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::new();
        let mut side: Vec<&Order> = self.orders.iter().filter(|order| order.buys == buys).collect();
        side.sort_by_key(|order| if buys { u64::MAX - order.price } else { order.price });
        for order in side {
            match levels.last_mut().filter(|level| level.price == order.price) {
                Some(level) => level.amount += order.left,
                None => levels.push(Level { price: order.price, amount: order.left }),
            }
        }
        levels
    }
}

#[test]
fn orders_are_matched_and_paid_whole_or_not_at_all() {
    let seed = std::env::var("NUB_SEED").map_or(5, |text| text.parse().expect("NUB_SEED is a number"));
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut tree = tree();
    let mut model = Model { orders: Vec::new(), last: 0, has: [START; TRADERS] };
    let (mut failed, mut traded) = (0, 0);
    for _ in 0..150 {
        let owner = random.random_range(0..TRADERS);
        let (buys, limit, amount) = (random.random(), random.random_range(20..40_u64), random.random_range(1..60_u64));
        let arguments = (trader(owner), buys, limit, amount);
        match model.place(owner, buys, limit, amount) {
            Some(placed) => {
                traded += placed.trades.len();
                assert_eq!(tree.call::<_, Placed>(EXCHANGE, "place", &arguments), placed);
            }
            None => {
                failed += 1;
                let before = tree.hash(&[]);
                let told = tree.refusal::<_, Placed>(EXCHANGE, "place", &arguments);
                assert!(told.contains("token.transfer_from at 2"), "{told}");
                assert_eq!(tree.hash(&[]), before, "nothing has happened, in any of the three");
            }
        }
        for buys in [false, true] {
            let depth: Vec<Level> = tree.call(EXCHANGE, "depth", &(buys, u16::MAX));
            assert_eq!(depth, model.depth(buys));
        }
    }
    for (number, token) in TOKENS.into_iter().enumerate() {
        for (who, has) in model.has.iter().enumerate() {
            assert_eq!(tree.call::<_, u64>(token, "balance", &(trader(who),)), has[number]);
        }
    }
    assert!(failed > 5 && traded > 20, "{failed} failed, {traded} trades");
}

#[test]
fn orders_are_taken_back_by_their_owners() {
    let mut tree = tree();
    let placed: Placed = tree.call(EXCHANGE, "place", &(trader(0), false, 30_u64, 5_u64));
    assert_eq!(placed, Placed { order: 1, trades: Vec::new(), left: 5 });
    let cancel = |who, order| (trader(who), false, 30_u64, order);
    let told = tree.refusal::<_, u64>(EXCHANGE, "cancel", &cancel(1, 1_u64));
    assert_eq!(told, "cancel failed: the order is somebody else's");
    assert_eq!(tree.refusal::<_, u64>(EXCHANGE, "cancel", &cancel(0, 2)), "cancel failed: no such order waits");
    assert_eq!(tree.call::<_, u64>(EXCHANGE, "cancel", &cancel(0, 1)), 5);
    let told = tree.refusal::<_, Placed>(EXCHANGE, "place", &(trader(0), true, 1_u64 << 40, 1_u64 << 40));
    assert!(told.starts_with("place failed: price and amount"), "{told}");
}
