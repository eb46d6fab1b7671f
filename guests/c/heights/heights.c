/* Yields the height of the block that it is asked in, as often as it is asked, and remembers on its stack in how many that was. */
#include "javm.h"

JAVM_MEMORY(4096, 0, 4096);

/* Yields heights until it is resumed with something else than 0. Returns in how many blocks that was; `first` is not looked at. */
uint64_t heights(uint64_t first) {
    (void)first;
    uint64_t blocks = 0;
    for (uint64_t last = 0;;) {
        struct javm_reply height = javm_block_height();
        JAVM_REQUIRE(height.status == JAVM_HALT);
        if (blocks == 0 || height.result != last) {
            blocks++;
            last = height.result;
        }
        struct javm_reply resumed = javm_yield(height.result);
        JAVM_REQUIRE(resumed.status == JAVM_HALT);
        if (resumed.result != 0) {
            return blocks;
        }
    }
}

JAVM_ENDPOINT(heights, 1);

JAVM_INTERFACE(heights, "interface heights { heights(first: u64) -> u64; }");
