/* The machine that javm.h wants as host code, for the tests of one program. See javm_test.h. */
#include "javm_test.h"

#include <signal.h>
#include <string.h>

/* The program's own record; one that has none has the linker's defaults. */
extern const struct javm_memory javm_memory_sizes __attribute__((weak));

sigjmp_buf javm_test_trapped;
int javm_test_armed;

static struct {
    uint8_t *bytes;
    size_t length;
} memories[2];

static char **logs;
static size_t log_count;

static void *claim(size_t count, size_t bytes) {
    void *block = calloc(count ? count : 1, bytes ? bytes : 1);
    if (block == NULL) {
        fputs("no memory for the test\n", stderr);
        exit(1);
    }
    return block;
}

static void trapped(int signal_number) {
    (void)signal_number;
    if (javm_test_armed) {
        javm_test_armed = 0;
        siglongjmp(javm_test_trapped, 1);
    }
    /* Nobody expects it: the test has failed, and its log may say why. */
    if (log_count > 0) {
        fprintf(stderr, "the program has trapped; logged last: %s\n", logs[log_count - 1]);
    } else {
        fputs("the program has trapped\n", stderr);
    }
    _Exit(1);
}

__attribute__((constructor)) static void watch(void) {
    /* __builtin_trap is one or the other, by machine. */
    signal(SIGILL, trapped);
    signal(SIGTRAP, trapped);
}

uint8_t *javm_host_memory(int heap, size_t *bytes) {
    size_t which = heap != 0;
    if (memories[which].bytes == NULL) {
        if (&javm_memory_sizes != NULL) {
            uint32_t asked = heap ? javm_memory_sizes.heap : javm_memory_sizes.scratchpad;
            memories[which].length = ((size_t)asked + 4095) / 4096 * 4096;
        }
        memories[which].bytes = claim(memories[which].length, 1);
    }
    *bytes = memories[which].length;
    return memories[which].bytes;
}

/* LOG, at the price and with the errors that it has in nub as far as a test can see them. */
static uint64_t log_line(uint64_t gas, uint64_t offset, uint64_t length) {
    size_t bytes;
    const uint8_t *scratchpad = javm_host_memory(0, &bytes);
    if (offset > bytes || length > bytes - offset) {
        return JAVM_RANGE;
    }
    if (gas == 1) {
        return JAVM_OUT_OF_GAS;
    }
    char **more = claim(log_count + 1, sizeof *more);
    if (log_count > 0) {
        memcpy(more, logs, log_count * sizeof *more);
    }
    free(logs);
    logs = more;
    logs[log_count] = claim(length + 1, 1);
    memcpy(logs[log_count++], scratchpad + offset, length);
    return JAVM_HALT;
}

struct javm_reply javm_host_call(uint8_t slot, uint16_t method, uint8_t flags, uint64_t gas, const uint64_t arguments[4]) {
    struct javm_reply reply = {0, JAVM_EMPTY, 0};
    if (slot == JAVM_LOG_SLOT && (method != 0 || (flags & JAVM_FLAG_SCRATCH) == 0)) {
        reply.status = method != 0 ? JAVM_NO_ENDPOINT : JAVM_RANGE;
    } else if (slot == JAVM_LOG_SLOT) {
        reply.status = log_line(gas, arguments[0], arguments[1]);
    }
    return reply;
}

struct javm_reply javm_host_operate(uint64_t what, uint64_t last, const uint64_t operands[4]) {
    struct javm_reply reply = {0, JAVM_HALT, 0};
    switch (what & 0xff) {
    case JAVM_OP_GAS:
        reply.result = UINT64_MAX;
        break;
    case JAVM_OP_QUOTA:
        reply.result = (uint64_t)1 << 40;
        break;
    case JAVM_OP_SELF: {
        /* Called by the host, by nobody in particular. */
        uint64_t record[8] = {3};
        memcpy((void *)(uintptr_t)operands[0], record, sizeof record);
        break;
    }
    case JAVM_OP_CALL:
        if (what >> 32 < 256) {
            return javm_host_call((uint8_t)(what >> 32), (uint16_t)(what >> 16), (uint8_t)(what >> 8), last, operands);
        }
        /* fall through */
    default:
        if ((what & 0xff) >= JAVM_OP_COPY && (what & 0xff) <= JAVM_OP_YIELD) {
            fprintf(stderr,
                    "operation %u is the kernel's, and this is host code, which has no capabilities: test what needs it as"
                    " an Image, in nub\n",
                    (unsigned)(what & 0xff));
            exit(1);
        }
        reply.status = JAVM_UNKNOWN;
    }
    return reply;
}

void javm_test_scratchpad(const void *bytes, size_t length) {
    size_t room;
    uint8_t *scratchpad = javm_host_memory(0, &room);
    if (length > room) {
        fprintf(stderr, "%zu bytes do not fit into a scratchpad of %zu\n", length, room);
        exit(1);
    }
    memset(scratchpad, 0, room);
    memcpy(scratchpad, bytes, length);
}

size_t javm_test_logs(void) { return log_count; }

const char *javm_test_log(size_t number) { return number < log_count ? logs[number] : NULL; }
