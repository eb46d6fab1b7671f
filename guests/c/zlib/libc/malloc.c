/* malloc, calloc and free over the heap of a call, which is zero when the call begins and gone when it ends.
 *
 * Blocks lie behind each other. The memory of one comes back when it is freed and all blocks behind it are, so that a
 * program that frees in the reverse order, or everything at the end, uses no more than it holds. */
#include "javm.h"

#include <stdlib.h>
#include <string.h>

/* Before each block. Its size keeps blocks aligned to 16. */
struct header {
    size_t before;   /* how much of the heap was used without this block */
    uint32_t behind; /* how many bytes the block before it has, with header, in units of 16; 0 if there is none */
    uint32_t freed;
};

/* The topmost block. */
JAVM_EPHEMERAL static struct header *top;

void *malloc(size_t bytes) {
    size_t before = javm_allocated;
    /* Offsets of blocks are kept as numbers of 32 bits, in units of 16. */
    if (bytes > SIZE_MAX - sizeof(struct header) || javm_heap_bytes() / 16 > UINT32_MAX) {
        return NULL;
    }
    struct header *block = javm_allocate(sizeof(struct header) + bytes);
    if (block == NULL) {
        return NULL;
    }
    block->before = before;
    block->behind = top == NULL ? 0 : (uint32_t)((size_t)((uint8_t *)block - (uint8_t *)top) / 16);
    block->freed = 0;
    top = block;
    return block + 1;
}

void *calloc(size_t count, size_t bytes) {
    size_t all;
    void *memory = __builtin_mul_overflow(count, bytes, &all) ? NULL : malloc(all);
    /* What was freed is not zero. */
    return memory == NULL ? NULL : memset(memory, 0, all);
}

void free(void *memory) {
    if (memory == NULL) {
        return;
    }
    ((struct header *)memory - 1)->freed = 1;
    while (top != NULL && top->freed) {
        javm_allocated = top->before;
        top = top->behind == 0 ? NULL : (struct header *)((uint8_t *)top - (size_t)top->behind * 16);
    }
}
