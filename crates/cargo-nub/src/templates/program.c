/* A counter: it keeps a total between calls. */
#include "javm.h"

/* Bytes of stack, heap and scratchpad. Log lines and the messages of failures are written in the scratchpad. */
JAVM_MEMORY(65536, 0, 4096);

/* A variable is state. */
static uint64_t total;

/* Adds `n`, and returns the new total. A call that fails changes nothing. */
uint64_t add(uint64_t n) {
    JAVM_REQUIRE(n <= UINT64_MAX - total);
    total += n;
    javm_say("added");
    return total;
}

JAVM_ENDPOINT(add, 1);

/* The total. */
uint64_t get(void) { return total; }

JAVM_ENDPOINT(get, 0);

/* What callers are told of them. */
JAVM_INTERFACE(counter, "interface counter { add(n: u64) -> u64; get() -> u64; }");
