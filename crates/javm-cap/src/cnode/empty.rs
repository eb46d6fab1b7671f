//! The hashes of subtrees whose slots are all empty.

use crate::hash::{Hash, hash_from_hex as hash};

/// By height: an empty slot, then each time two of the row before. A test computes them anew.
pub(super) static EMPTY_SUBTREES: [Hash; 9] = [
    hash("0000000000000000000000000000000000000000000000000000000000000000"),
    hash("86017287852dbc59e36960e722a2a8844a3d88df3dedf2fed1b27e9e80093385"),
    hash("75e2705196d7188cd84f00192625e1972cc68454196f5fb0498cb7e7124ccb32"),
    hash("46517662319c9df8b97391a2d0f248eafa5a033004be1895cd8273c3994a408a"),
    hash("1f05ce18f9a16d86e33716d3ba637661eb3bee003d1ca22f855737cfcc32a3e6"),
    hash("bf5deeba0573d5474320e9a2636b37fb2f51fa30d161d2dcfeafa62324149918"),
    hash("36d7334ea36ecf864533fd999580fbfac789cd3ad00e84d843ec4eb1c162a656"),
    hash("f38400e07e6bec7fde7ec5d071427e33397cf0ac9ab6ff2926c71ac54544b0c9"),
    hash("bb5b8bed7fe861d15c6e3be2212b38b62922de20667fd0a5f09ba9aa118f7086"),
];

/// The hash of the CNode that has nothing in it.
pub(super) static EMPTY_TABLE: Hash = hash("08dddb612963c2eddbdd9873ce5c5817c46ce8d0301a93f0c809ec6eaa89efce");
