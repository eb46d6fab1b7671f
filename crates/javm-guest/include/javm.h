/* What programs for nub are written with, in C. The Rust crate around this folder has the same and more.
 *
 * An endpoint is a function of up to four uint64_t that returns one; variables are state that outlives a call; stack and
 * heap are zero at each call. What the linker makes of a program is docs/spec/linker.md, how it is called
 * docs/spec/operations.md.
 *
 * As host code — anything that is not RISC-V — records vanish, and the machine is three functions that whoever tests the
 * program defines: see the end. `cargo nub test` brings them, and javm_test.h for the tests. */
#ifndef JAVM_H
#define JAVM_H

#include <stddef.h>
#include <stdint.h>

#if defined(__riscv) && __STDC_HOSTED__ == 0
#define JAVM_NUB 1
#else
#define JAVM_NUB 0
#endif

/* ---- Records: what the linker is told ---------------------------------------------------------------------------------- */

/* One entry of section `.nub.endpoints`: 64 bytes, little endian. */
struct javm_endpoint {
    void (*entry)(void);
    uint8_t version;
    uint8_t name_length;
    uint8_t arity;
    uint8_t reserved[5];
    char name[48];
};

/* One entry of section `.nub.imports`: 8 bytes. */
struct javm_import {
    uint8_t version;
    uint8_t slot;
    uint8_t kind;
    uint8_t required;
    uint32_t service;
};

/* The one entry of section `.nub.memory`: 16 bytes. */
struct javm_memory {
    uint32_t version;
    uint32_t stack;
    uint32_t heap;
    uint32_t scratchpad;
};

#if JAVM_NUB
#define JAVM_RECORD(section_name) __attribute__((section(section_name), used, retain)) static const
#define JAVM_SIZES JAVM_RECORD(".nub.memory")
#else
#define JAVM_RECORD(section_name) __attribute__((unused)) static const
/* For whoever tests the program to see; weak, since there may be other programs in the same one of a host. */
#define JAVM_SIZES __attribute__((weak)) const
#endif

/* Makes `function`, which takes `scalars` (0 to 4) of uint64_t and returns one, callable from outside under its name. */
#define JAVM_ENDPOINT(function, scalars) JAVM_ENDPOINT_AS(function, #function, scalars)

/* The same under another name: up to 48 letters, digits, '_', '.' and '-'. */
#define JAVM_ENDPOINT_AS(function, endpoint_name, scalars)                                                                \
    _Static_assert(sizeof(endpoint_name) - 1 <= 48, "an endpoint's name has at most 48 bytes");                           \
    _Static_assert((scalars) >= 0 && (scalars) <= 4, "an endpoint takes at most four scalars");                           \
    JAVM_RECORD(".nub.endpoints")                                                                                         \
    struct javm_endpoint javm_endpoint_##function = {                                                                     \
        (void (*)(void))(function), 1, sizeof(endpoint_name) - 1, (scalars), {0}, endpoint_name}

/* Says what endpoints take and return, in the language of docs/spec/types.md, so that callers can be told and checked:
 * `JAVM_INTERFACE(shapes, "interface shapes { area(width: u64, height: u64) -> u64; }");`
 * Each method is for the endpoint of its name. One with more than four arguments, or with others than integers of up to
 * 64 bits and bool, passes them in the scratchpad: its endpoint takes one scalar, their length there in bytes; a result of
 * that kind stands there, too, and the endpoint returns its length. A program may have several. */
#define JAVM_INTERFACE(name, text) JAVM_RECORD(".nub.interface") char javm_interface_##name[] = text

/* Says that the program implements an interface: there has to be an endpoint of the name and the arguments of each of its
 * methods. It is JAVM_INTERFACE and more: the Image lists the interface, and endpoints take the order of its methods, so that
 * they have the same numbers for an owner and for who calls a Callable. */
#define JAVM_IMPLEMENTS(name, text)                                                                                       \
    JAVM_RECORD(".nub.typedefs") struct { uint8_t head[4]; char interface[sizeof(text)]; }                                \
    javm_implements_##name = {{1, 1, 0, 0}, text}

/* Wants something that implements an interface in slot `slot_number` (4 to 255). */
#define JAVM_IMPORT_INTERFACE(name, slot_number, is_required, text)                                                       \
    _Static_assert((slot_number) >= 4 && (slot_number) <= 255, "slots that can be imported are 4 to 255");                \
    JAVM_RECORD(".nub.typedefs") struct { uint8_t head[4]; char interface[sizeof(text)]; }                                \
    javm_import_##name = {{1, 2, (slot_number), (is_required)}, text}

/* Wants service `id` in slot `slot_number` (4 to 255; 16 to 19 are where this header wants LOG, HASH, BLOCK and VERIFY).
 * Without it the program does not start when `is_required`. */
#define JAVM_IMPORT(name, slot_number, id, is_required)                                                                   \
    _Static_assert((slot_number) >= 4 && (slot_number) <= 255, "slots that can be imported are 4 to 255");                \
    JAVM_RECORD(".nub.imports") struct javm_import javm_import_##name = {1, (slot_number), 1, (is_required), (id)}

/* How many bytes of stack, heap and scratchpad the program needs. At most once in a program; without it 65536, 0, 0. */
#define JAVM_MEMORY(stack_bytes, heap_bytes, scratchpad_bytes)                                                            \
    JAVM_SIZES struct javm_memory javm_memory_sizes = {1, (stack_bytes), (heap_bytes), (scratchpad_bytes)}

/* A variable that is zero at the start of each call, instead of keeping its value: `JAVM_EPHEMERAL static int depth;` */
#if JAVM_NUB
#define JAVM_EPHEMERAL __attribute__((section(".ephemeral")))
#else
#define JAVM_EPHEMERAL
#endif

/* ---- The kernel ---------------------------------------------------------------------------------------------------------- */

/* How a call ended, or why the kernel refused it or an operation. */
enum javm_status {
    JAVM_HALT = 0,
    JAVM_PANIC = 1,
    JAVM_FAULT = 2,
    JAVM_OUT_OF_GAS = 3,
    JAVM_YIELD = 4,
    JAVM_EMPTY = 16,
    JAVM_KIND = 17,
    JAVM_BUSY = 18,
    JAVM_DENIED = 19,
    JAVM_NO_ENDPOINT = 20,
    JAVM_DEPTH = 21,
    JAVM_QUOTA = 22,
    JAVM_RANGE = 23,
    JAVM_FULL = 24,
    JAVM_UNKNOWN = 25,
};

/* The operations, for javm_operate; below there is a function for each. */
enum javm_operation {
    JAVM_OP_COPY = 1,
    JAVM_OP_MOVE = 2,
    JAVM_OP_SWAP = 3,
    JAVM_OP_DROP = 4,
    JAVM_OP_NEW_DATA = 5,
    JAVM_OP_NEW_CNODE = 6,
    JAVM_OP_RESIZE = 7,
    JAVM_OP_READ = 8,
    JAVM_OP_WRITE = 9,
    JAVM_OP_SPAWN = 10,
    JAVM_OP_UPGRADE = 11,
    JAVM_OP_MINT = 12,
    JAVM_OP_ATTENUATE = 13,
    JAVM_OP_MAP = 14,
    JAVM_OP_UNMAP = 15,
    JAVM_OP_CALL = 16,
    JAVM_OP_RESUME = 17,
    JAVM_OP_REGS_GET = 18,
    JAVM_OP_REGS_SET = 19,
    JAVM_OP_STAT = 20,
    JAVM_OP_HASH = 21,
    JAVM_OP_SET_QUOTA = 22,
    JAVM_OP_GAS = 23,
    JAVM_OP_SELF = 24,
    JAVM_OP_QUOTA = 25,
    JAVM_OP_YIELD = 26,
};

/* Flags of calls and RESUME: scratchpad and gift go with the call and come back with the reply; unless the call ends in a
 * halt it is undone. */
#define JAVM_FLAG_SCRATCH 1u
#define JAVM_FLAG_GIFT 2u
#define JAVM_FLAG_ATOMIC 4u
/* Of COPY and MOVE, SPAWN, MINT, REGS_SET. */
#define JAVM_FLAG_REBASE 1u
#define JAVM_FLAG_GRANTS 1u
#define JAVM_FLAG_ITSELF 1u
#define JAVM_FLAG_TYPEDEF 2u
#define JAVM_FLAG_PC 1u

/* What stands in a place: bits 0 to 7 of what javm_stat gives. */
enum javm_kind {
    JAVM_KIND_DATA = 16,
    JAVM_KIND_CNODE = 17,
    JAVM_KIND_IMAGE = 18,
    JAVM_KIND_TYPEDEF = 19,
    JAVM_KIND_INSTANCE = 20,
    JAVM_KIND_CALLABLE = 21,
    JAVM_KIND_SERVICE = 22,
};

/* The ids of the services of the kernel. */
#define JAVM_SERVICE_LOG 1u
#define JAVM_SERVICE_HASH 2u
#define JAVM_SERVICE_BLOCK 3u
#define JAVM_SERVICE_VERIFY 4u

struct javm_reply {
    uint64_t result; /* the callee's, where status is JAVM_HALT */
    uint64_t status; /* an enum javm_status, or one that is newer */
    uint64_t detail; /* after JAVM_FAULT the page's address, after JAVM_YIELD the value; the size for javm_stat */
};

#if JAVM_NUB

/* Calls `method` of what stands in `slot`, a constant, with at most `gas` for the callee (0: all but a 64th). */
#define javm_call(slot, method, flags, gas, x, y, z, w)                                                                   \
    ({                                                                                                                    \
        register uint64_t javm_a0 __asm__("a0") = (x);                                                                    \
        register uint64_t javm_a1 __asm__("a1") = (y);                                                                    \
        register uint64_t javm_a2 __asm__("a2") = (z);                                                                    \
        register uint64_t javm_a3 __asm__("a3") = (w);                                                                    \
        register uint64_t javm_a4 __asm__("a4") = (uint64_t)(flags) << 8 | (uint64_t)(method) << 16;                      \
        register uint64_t javm_a5 __asm__("a5") = (gas);                                                                  \
        __asm__ volatile(".insn i 0x0B, 0, x0, x0, %[slot_number]"                                                        \
                         : "+r"(javm_a0), "+r"(javm_a1), "+r"(javm_a2)                                                    \
                         : "r"(javm_a3), "r"(javm_a4), "r"(javm_a5), [slot_number] "i"(slot)                              \
                         : "memory");                                                                                     \
        (struct javm_reply){javm_a0, javm_a1, javm_a2};                                                                            \
    })

/* An operation: `what` has its number and flags (bits 8 to 15), and for CALL and RESUME more. */
static inline struct javm_reply javm_operate(uint64_t what, uint64_t x, uint64_t y, uint64_t z, uint64_t w, uint64_t last) {
    register uint64_t a0 __asm__("a0") = x;
    register uint64_t a1 __asm__("a1") = y;
    register uint64_t a2 __asm__("a2") = z;
    register uint64_t a3 __asm__("a3") = w;
    register uint64_t a4 __asm__("a4") = what;
    register uint64_t a5 __asm__("a5") = last;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1), "+r"(a2) : "r"(a3), "r"(a4), "r"(a5) : "memory");
    return (struct javm_reply){a0, a1, a2};
}

/* Wants a service, if the function that this stands in is part of the program. The linker takes equal records for one. */
#define JAVM_WANT(slot, service, is_required)                                                                             \
    __asm__ volatile(".pushsection .nub.imports, \"aR\", @progbits\n\t"                                                   \
                     ".byte 1, %0, 1, %2\n\t"                                                                             \
                     ".4byte %1\n\t"                                                                                      \
                     ".popsection" ::"i"(slot), "i"(service), "i"(is_required))

extern uint8_t __nub_scratch_start[], __nub_scratch_end[], __nub_heap_start[], __nub_heap_end[];

/* Where the scratchpad is mapped, and how many bytes of it. Touching it faults when the caller has given less. */
static inline uint8_t *javm_scratchpad(void) { return __nub_scratch_start; }
static inline size_t javm_scratchpad_bytes(void) { return (size_t)(__nub_scratch_end - __nub_scratch_start); }

/* The heap: zero at each call. It belongs to `javm_allocate` in a program that uses that. */
static inline uint8_t *javm_heap(void) { return __nub_heap_start; }
static inline size_t javm_heap_bytes(void) { return (size_t)(__nub_heap_end - __nub_heap_start); }

/* Ends the call as a panic: nothing of it remains. */
_Noreturn static inline void javm_trap(void) { __builtin_trap(); }

#else

/* What a test defines: calls of services, operations, a scratchpad and a heap of any size, the end of a call. */
struct javm_reply javm_host_call(uint8_t slot, uint16_t method, uint8_t flags, uint64_t gas, const uint64_t arguments[4]);
struct javm_reply javm_host_operate(uint64_t what, uint64_t last, const uint64_t operands[4]);
uint8_t *javm_host_memory(int heap, size_t *bytes);

#define javm_call(slot, method, flags, gas, x, y, z, w)                                                                   \
    javm_host_call((slot), (method), (flags), (gas), (const uint64_t[4]){(x), (y), (z), (w)})
static inline struct javm_reply javm_operate(uint64_t what, uint64_t x, uint64_t y, uint64_t z, uint64_t w, uint64_t last) {
    return javm_host_operate(what, last, (const uint64_t[4]){x, y, z, w});
}
#define JAVM_WANT(slot, service, is_required) ((void)0)
static inline uint8_t *javm_scratchpad(void) { return javm_host_memory(0, &(size_t){0}); }
static inline size_t javm_scratchpad_bytes(void) {
    size_t bytes;
    javm_host_memory(0, &bytes);
    return bytes;
}
static inline uint8_t *javm_heap(void) { return javm_host_memory(1, &(size_t){0}); }
static inline size_t javm_heap_bytes(void) {
    size_t bytes;
    javm_host_memory(1, &bytes);
    return bytes;
}
_Noreturn static inline void javm_trap(void) { __builtin_trap(); }

#endif

/* ---- Operations on capabilities ---------------------------------------------------------------------------------------------
 *
 * docs/spec/operations.md has what each does, and every status that it gives. They return the status, if nothing else is
 * said; a refused one has changed nothing. What stands in slots 0, 2 and 3, where the program's memory comes from, is
 * theirs to change, too: the compiler does not know of it. */

/* A slot of the program's own table, or of one that can be reached from it: docs/spec/capabilities.md, References. */
typedef uint32_t javm_place;

#define JAVM_SCRATCHPAD_PLACE ((javm_place)0)
#define JAVM_GIFT_PLACE ((javm_place)1)

/* A slot of the program's own table. */
#define JAVM_SLOT(slot) ((javm_place)(uint8_t)(slot))

/* A slot of the table, of a CNode or of an Instance, that stands in `table`; at most three tables on the way. */
static inline javm_place javm_at(javm_place table, uint8_t slot) {
    unsigned shift = table < 0x100 ? 8 : table < 0x10000 ? 16 : 24;
    if (table >> 24 != 0 || (table & 0xff) == 0) {
        javm_trap();
    }
    return slot | (table & 0xffffff00u) | (table & 0xffu) << shift;
}

#define JAVM_BOTH(first, second) ((uint64_t)(first) | (uint64_t)(second) << 32)
#define JAVM_ADDRESS(pointer) ((uint64_t)(uintptr_t)(pointer))

static inline uint64_t javm_copy(javm_place from, javm_place to) {
    return javm_operate(JAVM_OP_COPY, JAVM_BOTH(from, to), 0, 0, 0, 0).status;
}
static inline uint64_t javm_copy_rebased(javm_place from, javm_place to) {
    return javm_operate(JAVM_OP_COPY | JAVM_FLAG_REBASE << 8, JAVM_BOTH(from, to), 0, 0, 0, 0).status;
}
static inline uint64_t javm_move(javm_place from, javm_place to) {
    return javm_operate(JAVM_OP_MOVE, JAVM_BOTH(from, to), 0, 0, 0, 0).status;
}
static inline uint64_t javm_move_rebased(javm_place from, javm_place to) {
    return javm_operate(JAVM_OP_MOVE | JAVM_FLAG_REBASE << 8, JAVM_BOTH(from, to), 0, 0, 0, 0).status;
}
static inline uint64_t javm_swap(javm_place a, javm_place b) {
    return javm_operate(JAVM_OP_SWAP, JAVM_BOTH(a, b), 0, 0, 0, 0).status;
}
static inline uint64_t javm_drop(javm_place place) { return javm_operate(JAVM_OP_DROP, place, 0, 0, 0, 0).status; }

static inline uint64_t javm_new_data(uint64_t pages, javm_place to) {
    return javm_operate(JAVM_OP_NEW_DATA, pages, to, 0, 0, 0).status;
}
static inline uint64_t javm_new_cnode(javm_place to) { return javm_operate(JAVM_OP_NEW_CNODE, to, 0, 0, 0, 0).status; }
static inline uint64_t javm_resize(javm_place place, uint64_t pages) {
    return javm_operate(JAVM_OP_RESIZE, place, pages, 0, 0, 0).status;
}
static inline uint64_t javm_read(javm_place place, uint64_t offset, void *bytes, size_t length) {
    return javm_operate(JAVM_OP_READ, place, offset, JAVM_ADDRESS(bytes), length, 0).status;
}
static inline uint64_t javm_write(javm_place place, uint64_t offset, const void *bytes, size_t length) {
    return javm_operate(JAVM_OP_WRITE, place, offset, JAVM_ADDRESS(bytes), length, 0).status;
}

static inline uint64_t javm_spawn(javm_place image, javm_place to) {
    return javm_operate(JAVM_OP_SPAWN, JAVM_BOTH(image, to), 0, 0, 0, 0).status;
}
/* With a copy of what the table in `grants` has in the slots that the Image imports. */
static inline uint64_t javm_spawn_with(javm_place image, javm_place grants, javm_place to) {
    return javm_operate(JAVM_OP_SPAWN | JAVM_FLAG_GRANTS << 8, JAVM_BOTH(image, to), grants, 0, 0, 0).status;
}
static inline uint64_t javm_upgrade(javm_place instance, javm_place image) {
    return javm_operate(JAVM_OP_UPGRADE, JAVM_BOTH(instance, image), 0, 0, 0, 0).status;
}

/* A Callable to be made. Flags: JAVM_FLAG_ITSELF for the running program instead of the one in `of`, JAVM_FLAG_TYPEDEF for
 * the interface in `typedef_place` instead of the Image's endpoints. `mask` is 32 bytes, a bit a method; NULL is all. */
struct javm_right {
    javm_place of;
    javm_place typedef_place;
    uint32_t flags;
    const uint8_t *mask;
    uint64_t ceiling; /* gas a call; UINT64_MAX is as good as none */
    uint64_t badge;
};
static inline uint64_t javm_mint(const struct javm_right *right, javm_place to) {
    return javm_operate(JAVM_OP_MINT | right->flags << 8, JAVM_BOTH(right->of, to),
                        JAVM_BOTH(right->typedef_place, JAVM_ADDRESS(right->mask)), right->ceiling, right->badge, 0)
        .status;
}
static inline uint64_t javm_attenuate(javm_place callable, const uint8_t *mask, uint64_t ceiling, javm_place to) {
    return javm_operate(JAVM_OP_ATTENUATE, JAVM_BOTH(callable, to), JAVM_ADDRESS(mask), ceiling, 0, 0).status;
}

/* Maps pages of a slot, own or of a Suspended child's, at the page `first` of the space of whose slot it is. */
static inline uint64_t javm_map(javm_place slot, uint64_t offset, uint64_t first, uint64_t pages, int writable) {
    return javm_operate(JAVM_OP_MAP, slot, first, offset, pages, writable != 0).status;
}
/* In the own space (`child` 0) or in a Suspended child's. */
static inline uint64_t javm_unmap(javm_place child, uint64_t first, uint64_t pages) {
    return javm_operate(JAVM_OP_UNMAP, child == 0 ? 0 : javm_at(child, 0), first, pages, 0, 0).status;
}

/* Calls what stands in any place; see javm_call. */
static inline struct javm_reply javm_call_place(javm_place what, uint16_t method, uint32_t flags, uint64_t gas, uint64_t x,
                                                uint64_t y, uint64_t z, uint64_t w) {
    return javm_operate(JAVM_OP_CALL | flags << 8 | (uint64_t)method << 16 | (uint64_t)what << 32, x, y, z, w, gas);
}
/* Goes on with a Suspended child; one that has yielded gets `value`. */
static inline struct javm_reply javm_resume(javm_place child, uint32_t flags, uint64_t gas, uint64_t value) {
    return javm_operate(JAVM_OP_RESUME | flags << 8 | (uint64_t)child << 32, value, 0, 0, 0, gas);
}

/* The registers of a Suspended Instance, and where it stands. */
struct javm_registers {
    uint64_t phi[13];
    uint32_t pc;
    uint8_t why; /* JAVM_PANIC, JAVM_FAULT, JAVM_OUT_OF_GAS or JAVM_YIELD */
    uint8_t block_paid;
    uint8_t reserved[2];
    uint64_t detail;
};
static inline uint64_t javm_registers(javm_place place, struct javm_registers *registers) {
    return javm_operate(JAVM_OP_REGS_GET, place, JAVM_ADDRESS(registers), 0, 0, 0).status;
}
/* Sets phi, and pc, too, if `with_pc`. */
static inline uint64_t javm_set_registers(javm_place place, const struct javm_registers *registers, int with_pc) {
    uint64_t flags = with_pc ? JAVM_FLAG_PC << 8 : 0;
    return javm_operate(JAVM_OP_REGS_SET | flags, place, JAVM_ADDRESS(registers), 0, 0, 0).status;
}
/* What stands in a place: kind and state in `result`, the size in pages in `detail`. */
static inline struct javm_reply javm_stat(javm_place place) { return javm_operate(JAVM_OP_STAT, place, 0, 0, 0, 0); }
/* Its capability hash, 32 bytes. */
static inline uint64_t javm_hash_of(javm_place place, uint8_t digest[32]) {
    return javm_operate(JAVM_OP_HASH, place, JAVM_ADDRESS(digest), 0, 0, 0).status;
}
/* UINT64_MAX pages is no quota. */
static inline uint64_t javm_set_quota(javm_place place, uint64_t pages) {
    return javm_operate(JAVM_OP_SET_QUOTA, place, pages, 0, 0, 0).status;
}
/* The gas that is left, and the pages by which the program may grow. */
static inline uint64_t javm_gas(void) { return javm_operate(JAVM_OP_GAS, 0, 0, 0, 0, 0).result; }
static inline uint64_t javm_quota(void) { return javm_operate(JAVM_OP_QUOTA, 0, 0, 0, 0, 0).result; }

/* Who is running and how it was called: eight words; the lowest byte of the first is 0 when the owner has called, 1 for a
 * Callable, 2 for an event, 3 for the host, and the second is the Callable's badge. */
static inline uint64_t javm_identity(uint64_t record[8]) {
    return javm_operate(JAVM_OP_SELF, JAVM_ADDRESS(record), 0, 0, 0, 0).status;
}
/* Stops, and lets whoever called have `value`. The result is what the program is resumed with. */
static inline struct javm_reply javm_yield(uint64_t value) { return javm_operate(JAVM_OP_YIELD, value, 0, 0, 0, 0); }

/* ---- Services ------------------------------------------------------------------------------------------------------------- */

#define JAVM_LOG_SLOT 16
#define JAVM_HASH_SLOT 17

/* What HASH computes: 32 bytes each. */
enum javm_hash { JAVM_BLAKE2B_256 = 0, JAVM_KECCAK_256 = 1, JAVM_SHA_256 = 2 };

/* Logs `length` bytes of the scratchpad from `offset` on. Returns the status. */
static inline uint64_t javm_log(uint64_t offset, uint64_t length, uint64_t topic) {
    JAVM_WANT(JAVM_LOG_SLOT, JAVM_SERVICE_LOG, 0);
    return javm_call(JAVM_LOG_SLOT, 0, JAVM_FLAG_SCRATCH, 0, offset, length, topic, 0).status;
}

/* Hashes `length` bytes of the scratchpad from `offset` on, and puts the digest at `to`. Returns the status. */
static inline uint64_t javm_hash(enum javm_hash algorithm, uint64_t offset, uint64_t length, uint64_t to) {
    JAVM_WANT(JAVM_HASH_SLOT, JAVM_SERVICE_HASH, 1);
    return javm_call(JAVM_HASH_SLOT, algorithm, JAVM_FLAG_SCRATCH, 0, offset, length, to, 0).status;
}

#define JAVM_BLOCK_SLOT 18
#define JAVM_VERIFY_SLOT 19

/* The height of the block; 0 where there are no blocks. */
static inline struct javm_reply javm_block_height(void) {
    JAVM_WANT(JAVM_BLOCK_SLOT, JAVM_SERVICE_BLOCK, 1);
    return javm_call(JAVM_BLOCK_SLOT, 0, 0, 0, 0, 0, 0, 0);
}
/* Puts the 32 bytes of the root before the block at `to` in the scratchpad. Returns the status. */
static inline uint64_t javm_block_prior(uint64_t to) {
    JAVM_WANT(JAVM_BLOCK_SLOT, JAVM_SERVICE_BLOCK, 1);
    return javm_call(JAVM_BLOCK_SLOT, 1, JAVM_FLAG_SCRATCH, 0, to, 0, 0, 0).status;
}

/* Verifies what is in the scratchpad: key (32 bytes), signature (64), message. The result is 1 if it is valid. */
static inline struct javm_reply javm_verify_ed25519(uint64_t offset, uint64_t length) {
    JAVM_WANT(JAVM_VERIFY_SLOT, JAVM_SERVICE_VERIFY, 1);
    return javm_call(JAVM_VERIFY_SLOT, 0, JAVM_FLAG_SCRATCH, 0, offset, length, 0, 0);
}
/* Recovers a key from what is in the scratchpad, hash (32 bytes) and signature (65), and puts its 64 bytes at `to`. The
 * result is 1 if there is one. */
static inline struct javm_reply javm_verify_secp256k1(uint64_t offset, uint64_t to) {
    JAVM_WANT(JAVM_VERIFY_SLOT, JAVM_SERVICE_VERIFY, 1);
    return javm_call(JAVM_VERIFY_SLOT, 1, JAVM_FLAG_SCRATCH, 0, offset, 97, to, 0);
}

/* Logs a text, cut where the scratchpad is too short. It is put at the end of the scratchpad, over what is there. Where
 * LOG is not granted, or the caller has given no scratchpad, nothing happens. */
static inline void javm_say(const char *text) {
    uint64_t room = javm_scratchpad_bytes(), length = 0;
    JAVM_WANT(JAVM_LOG_SLOT, JAVM_SERVICE_LOG, 0);
    /* With one unit of gas LOG looks at the arguments and stops at the price: a scratchpad that is not there faults. */
    if (room == 0 ||
        javm_call(JAVM_LOG_SLOT, 0, JAVM_FLAG_SCRATCH, 1, room - 1, 1, 0, 0).status != JAVM_OUT_OF_GAS) {
        return;
    }
    while (length < room && text[length] != 0) {
        length++;
    }
    for (uint64_t i = 0; i < length; i++) {
        javm_scratchpad()[room - length + i] = (uint8_t)text[i];
    }
    (void)javm_log(room - length, length, 0);
}

/* Says where and why, and ends the call: nothing of it remains. */
#define JAVM_FAIL(why) (javm_say(__FILE__ ":" JAVM_TEXT(__LINE__) ": " why), javm_trap())
/* The same, unless the condition holds. */
#define JAVM_REQUIRE(condition) ((condition) ? (void)0 : JAVM_FAIL("not so: " #condition))
#define JAVM_TEXT(what) JAVM_TEXT_OF(what)
#define JAVM_TEXT_OF(what) #what

/* The result of a call that has to halt: `JAVM_MUST(javm_call_place(COUNTER, ADD, JAVM_FLAG_ATOMIC, 0, 5, 0, 0, 0))`. Any
 * refusal or failure fails this program's call, too, so that whoever made it sees that nothing has happened. */
#define JAVM_MUST(call)                                                                                                   \
    ({                                                                                                                    \
        struct javm_reply javm_must_reply = (call);                                                                       \
        if (javm_must_reply.status != JAVM_HALT) {                                                                        \
            JAVM_FAIL("no HALT: " #call);                                                                                 \
        }                                                                                                                 \
        javm_must_reply.result;                                                                                           \
    })

/* ---- The heap ------------------------------------------------------------------------------------------------------------ */

/* How much of the heap is used: one variable for all files of the program. */
__attribute__((weak)) JAVM_EPHEMERAL size_t javm_allocated;

/* The next bytes of the heap, aligned to 16, all zero; NULL when too few are left. They are free again when the call ends. */
static inline void *javm_allocate(size_t bytes) {
    size_t left = javm_heap_bytes() - javm_allocated;
    /* Whole units of 16: the heap starts at a page. */
    if (bytes > left || ((bytes + 15) & ~(size_t)15) > left) {
        return NULL;
    }
    void *block = javm_heap() + javm_allocated;
    javm_allocated += (bytes + 15) & ~(size_t)15;
    return block;
}

#endif
