/* The little that a C program needs to run in nub: endpoint, import and memory records for nub's linker, the kernel's two
 * entry instructions, and where the linker put scratchpad and heap. The Rust crate beside this file says the same. */
#ifndef NUB_H
#define NUB_H

#include <stddef.h>
#include <stdint.h>

/* ---- Records ---------------------------------------------------------------------------------------------------------- */

/* One entry of section `.nub.endpoints`: 64 bytes, little endian. */
struct nub_endpoint {
    void (*entry)(void);
    uint8_t version;
    uint8_t name_length;
    uint8_t arity;
    uint8_t reserved[5];
    char name[48];
};

/* One entry of section `.nub.imports`: 8 bytes. */
struct nub_import {
    uint8_t version;
    uint8_t slot;
    uint8_t kind;
    uint8_t required;
    uint32_t service;
};

/* The one entry of section `.nub.memory`: 16 bytes. */
struct nub_memory {
    uint32_t version;
    uint32_t stack;
    uint32_t heap;
    uint32_t scratchpad;
};

#define NUB_RECORD(section_name) __attribute__((section(section_name), used, retain)) static const

/* Makes `function`, which takes `scalars` (0 to 4) of uint64_t and returns one, callable from outside under its name. */
#define NUB_ENDPOINT(function, scalars)                                                                                   \
    _Static_assert(sizeof(#function) - 1 <= 48, "an endpoint's name has at most 48 bytes");                               \
    _Static_assert((scalars) <= 4, "an endpoint takes at most four scalars");                                             \
    NUB_RECORD(".nub.endpoints")                                                                                          \
    struct nub_endpoint nub_endpoint_##function = {(void (*)(void))(function), 1, sizeof(#function) - 1, (scalars), {0}, #function}

/* Wants service `id` in slot `slot_number` (4 to 255); without it the program does not start when `is_required`. */
#define NUB_IMPORT(name, slot_number, id, is_required)                                                                    \
    NUB_RECORD(".nub.imports") struct nub_import nub_import_##name = {1, (slot_number), 1, (is_required), (id)}

/* How many bytes of stack, heap and scratchpad the program needs. At most once in a program. */
#define NUB_MEMORY(stack_bytes, heap_bytes, scratchpad_bytes)                                                             \
    NUB_RECORD(".nub.memory") struct nub_memory nub_memory_sizes = {1, (stack_bytes), (heap_bytes), (scratchpad_bytes)}

/* ---- Memory ----------------------------------------------------------------------------------------------------------- */

extern uint8_t __nub_scratch_start[], __nub_scratch_end[];
extern uint8_t __nub_heap_start[], __nub_heap_end[];

/* Ends the call as a panic. */
_Noreturn static inline void nub_panic(void) { __builtin_trap(); }

/* ---- The kernel ------------------------------------------------------------------------------------------------------- */

/* Flag of a call: the scratchpad (slot 0) moves to the callee and comes back with the reply. */
#define NUB_SCRATCH 1u

/* Service ids. LOG method 0: offset, length, topic. HASH methods 0 BLAKE2b-256, 1 Keccak-256, 2 SHA-256: offset, length,
 * offset of the output. */
#define NUB_LOG 1u
#define NUB_HASH 2u

struct nub_reply {
    uint64_t result; /* the callee's, where status is 0 */
    uint64_t status; /* 0, or how the call ended, or why it was refused */
};

/* Calls `method` of what stands in `slot`, a constant, with all the gas there is. */
#define nub_call(slot, method, flags, x, y, z, w)                                                                         \
    ({                                                                                                                    \
        register uint64_t nub_a0 __asm__("a0") = (x);                                                                     \
        register uint64_t nub_a1 __asm__("a1") = (y);                                                                     \
        register uint64_t nub_a2 __asm__("a2") = (z);                                                                     \
        register uint64_t nub_a3 __asm__("a3") = (w);                                                                     \
        register uint64_t nub_a4 __asm__("a4") = (uint64_t)(flags) << 8 | (uint64_t)(method) << 16;                       \
        register uint64_t nub_a5 __asm__("a5") = 0;                                                                       \
        __asm__ volatile(".insn i 0x0B, 0, x0, x0, %[slot_number]"                                                        \
                         : "+r"(nub_a0), "+r"(nub_a1), "+r"(nub_a2)                                                       \
                         : "r"(nub_a3), "r"(nub_a4), "r"(nub_a5), [slot_number] "i"(slot)                                 \
                         : "memory");                                                                                     \
        (struct nub_reply){nub_a0, nub_a1};                                                                               \
    })

/* The gas that is left. */
static inline uint64_t nub_gas(void) {
    register uint64_t a0 __asm__("a0") = 0;
    register uint64_t a1 __asm__("a1") = 0;
    register uint64_t a2 __asm__("a2") = 0;
    register uint64_t a4 __asm__("a4") = 23;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1), "+r"(a2) : "r"(a4) : "memory");
    return a0;
}

#endif
