/* Yields one prime after the other, to whoever owns it. Its variables stay where they are meanwhile, on the stack as well. */
#include "javm.h"

JAVM_MEMORY(4096, 0, 4096);

static int is_prime(uint64_t n) {
    for (uint64_t d = 2; d * d <= n; d++) {
        if (n % d == 0) {
            return 0;
        }
    }
    return n >= 2;
}

/* Yields the primes from `first` on, until it is resumed with something else than 0. Returns how many there were. */
uint64_t primes(uint64_t first) {
    uint64_t count = 0;
    for (uint64_t n = first;; n++) {
        if (!is_prime(n)) {
            continue;
        }
        count++;
        struct javm_reply resumed = javm_yield(n);
        JAVM_REQUIRE(resumed.status == JAVM_HALT);
        if (resumed.result != 0) {
            return count;
        }
    }
}

JAVM_ENDPOINT(primes, 1);

JAVM_INTERFACE(primes, "interface primes { primes(first: u64) -> u64; }");
