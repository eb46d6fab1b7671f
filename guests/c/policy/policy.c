/* Stands in for the service LOG: programs log through it and cannot tell. It lets so many lines through in all, and puts
 * them under a topic of its own. */
#include "javm.h"

JAVM_MEMORY(4096, 0, 65536);

/* How many lines it lets through, and the topic. */
#define LINES 3
#define TOPIC 0x706f6c696379

static uint64_t lines;

/* The method of the interface, as docs/spec/services.md has it: the bytes are in the scratchpad, which came with the call. */
uint64_t append(uint64_t offset, uint64_t length, uint64_t topic) {
    (void)topic;
    JAVM_WANT(JAVM_LOG_SLOT, JAVM_SERVICE_LOG, 1);
    if (lines < LINES) {
        struct javm_reply reply = javm_call(JAVM_LOG_SLOT, 0, JAVM_FLAG_SCRATCH, 0, offset, length, TOPIC, 0);
        if (reply.status != JAVM_HALT) {
            javm_trap();
        }
        lines++;
    }
    return lines - 1;
}

JAVM_ENDPOINT(append, 3);

JAVM_IMPLEMENTS(log, "interface log { append(offset: u64, length: u64, topic: u64) -> u64; }");
