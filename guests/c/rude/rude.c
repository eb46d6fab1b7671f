/* Stands where a token is expected, and treats the scratchpad that came with the call as badly as it can. Who calls has to
 * come through that, or fail whole. */
#include "javm.h"

JAVM_MEMORY(4096, 0, 4096);

/* What it does to the scratchpad. */
enum manners { TAKES_IT, GIVES_A_TABLE, GIVES_NOTHING, GIVES_IT_BACK, FAULTS, NEVER_RETURNS };

static uint64_t manners;

uint64_t behave(uint64_t how) { return manners = how; }

JAVM_ENDPOINT(behave, 1);

/* What a token says somebody has. */
uint64_t balance(uint64_t length) {
    switch (manners) {
    case TAKES_IT:
        JAVM_REQUIRE(javm_drop(JAVM_SCRATCHPAD_PLACE) == JAVM_HALT);
        break;
    case GIVES_A_TABLE:
        JAVM_REQUIRE(javm_drop(JAVM_SCRATCHPAD_PLACE) == JAVM_HALT);
        JAVM_REQUIRE(javm_new_cnode(JAVM_SCRATCHPAD_PLACE) == JAVM_HALT);
        break;
    case GIVES_NOTHING:
        JAVM_REQUIRE(javm_resize(JAVM_SCRATCHPAD_PLACE, 0) == JAVM_HALT);
        break;
    case GIVES_IT_BACK:
        for (uint64_t i = 0; i < length; i++) {
            javm_scratchpad()[i] = 0xff;
        }
        break;
    case FAULTS:
        return *(volatile uint64_t *)0x30000000;
    default:
        for (;;) {
            __asm__ volatile("");
        }
    }
    return manners;
}

/* The other methods of a token, so that each has its number; `behave` has that of the first. */
uint64_t burn(uint64_t length) { return balance(length); }
uint64_t transfer(uint64_t length) { return balance(length); }
uint64_t distribute(uint64_t length) { return balance(length); }
uint64_t approve(uint64_t length) { return balance(length); }
uint64_t transfer_from(uint64_t length) { return balance(length); }

JAVM_ENDPOINT(burn, 1);
JAVM_ENDPOINT(transfer, 1);
JAVM_ENDPOINT(distribute, 1);
JAVM_ENDPOINT(approve, 1);
JAVM_ENDPOINT(transfer_from, 1);
JAVM_ENDPOINT(balance, 1);

JAVM_INTERFACE(rude, "interface rude { behave(how: u64) -> u64; }");
