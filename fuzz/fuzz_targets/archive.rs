#![no_main]
nub_fuzz::target!(javm_fuzz::targets::archive::TARGET);
