/* What `guests/support/nub.h` gives a C program, as far as host code needs it: the memory that it works on, and records
 * of endpoints and sizes that nobody reads. */
#ifndef NUB_H
#define NUB_H

#include <stddef.h>
#include <stdint.h>

#define NUB_ENDPOINT(function, scalars) _Static_assert((scalars) <= 4, "an endpoint takes at most four scalars")
#define NUB_MEMORY(stack_bytes, heap_bytes, scratchpad_bytes) _Static_assert((stack_bytes) > 0, "a program has a stack")

/* The caller's, as large as the largest scratchpad of all programs. */
extern uint8_t __nub_scratch_start[];

_Noreturn static inline void nub_panic(void) { __builtin_trap(); }

#endif
