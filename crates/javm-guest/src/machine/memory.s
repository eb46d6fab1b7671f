# memcpy, memmove, memset, memcmp and bcmp for programs in Rust and in C: one source, assembled into both.
#
# Written by hand because a compiler may turn a copying loop back into a call of the very function it implements, and
# because the generic ones copy byte by byte when a pointer is misaligned. The machine loads and stores eight bytes at any
# address, so everything here moves words, 64 bytes a turn, and covers the odd end with one more word that overlaps what was
# copied before. Nothing outside the two ranges is ever touched.
#
# Registers: a0 stays the result; a1, a2 arguments; a3 the cursor; a4, a5, t0, t1 words on the way; t2 the word that is held back.

    .option push
    .option norelax
    .option arch, +m, +c, +zbb          # in Rust the assembler is not told what the target can do

# void *memmove(void *to, const void *from, size_t length)
# void *memcpy(void *to, const void *from, size_t length)
    .section .text.memcpy, "ax", @progbits
    .globl  memmove
    .type   memmove, @function
    .p2align 1
memmove:
    sub     t0, a0, a1
    bgeu    t0, a2, memcpy_forward      # `to` lies outside [from, from + length): copying upwards is safe
    li      a3, 32
    bgeu    a3, a2, .Lat_most_32        # reads all before it writes: safe in either direction

    # Downwards. The first word is read now, as the loop may overwrite it, and written last.
    ld      t2, 0(a1)
    add     a3, a0, a2
    add     a1, a1, a2
    addi    a2, a0, 64
    bltu    a3, a2, .Ldown_words
.Ldown_64:
    ld      a4, -8(a1)
    ld      a5, -16(a1)
    ld      t0, -24(a1)
    ld      t1, -32(a1)
    sd      a4, -8(a3)
    sd      a5, -16(a3)
    sd      t0, -24(a3)
    sd      t1, -32(a3)
    ld      a4, -40(a1)
    ld      a5, -48(a1)
    ld      t0, -56(a1)
    ld      t1, -64(a1)
    sd      a4, -40(a3)
    sd      a5, -48(a3)
    sd      t0, -56(a3)
    sd      t1, -64(a3)
    addi    a1, a1, -64
    addi    a3, a3, -64
    bgeu    a3, a2, .Ldown_64
.Ldown_words:
    addi    a2, a0, 8
    bgeu    a2, a3, .Ldown_end
.Ldown_8:
    ld      a4, -8(a1)
    addi    a1, a1, -8
    sd      a4, -8(a3)
    addi    a3, a3, -8
    bltu    a2, a3, .Ldown_8
.Ldown_end:
    sd      t2, 0(a0)
    ret
    .size   memmove, . - memmove

    .globl  memcpy
    .type   memcpy, @function
memcpy:
memcpy_forward:
    li      a3, 32
    bgeu    a3, a2, .Lat_most_32

    # Upwards. The last word is read now, for memmove's sake, and written last. a2 = the end of `to` - 64.
    add     a4, a1, a2
    ld      t2, -8(a4)
    add     a2, a2, a0
    addi    a2, a2, -64
    mv      a3, a0
    bltu    a2, a3, .Lup_32
.Lup_64:
    ld      a4, 0(a1)
    ld      a5, 8(a1)
    ld      t0, 16(a1)
    ld      t1, 24(a1)
    sd      a4, 0(a3)
    sd      a5, 8(a3)
    sd      t0, 16(a3)
    sd      t1, 24(a3)
    ld      a4, 32(a1)
    ld      a5, 40(a1)
    ld      t0, 48(a1)
    ld      t1, 56(a1)
    sd      a4, 32(a3)
    sd      a5, 40(a3)
    sd      t0, 48(a3)
    sd      t1, 56(a3)
    addi    a1, a1, 64
    addi    a3, a3, 64
    bgeu    a2, a3, .Lup_64
.Lup_32:
    addi    a4, a2, 32
    addi    a2, a2, 56                  # where the last word goes
    bltu    a4, a3, .Lup_words
    ld      a4, 0(a1)
    ld      a5, 8(a1)
    ld      t0, 16(a1)
    ld      t1, 24(a1)
    addi    a1, a1, 32
    sd      a4, 0(a3)
    sd      a5, 8(a3)
    sd      t0, 16(a3)
    sd      t1, 24(a3)
    addi    a3, a3, 32
.Lup_words:
    bgeu    a3, a2, .Lup_end
.Lup_8:
    ld      a4, 0(a1)
    addi    a1, a1, 8
    sd      a4, 0(a3)
    addi    a3, a3, 8
    bltu    a3, a2, .Lup_8
.Lup_end:
    sd      t2, 0(a2)
    ret

    # 0 to 32 bytes: everything is read before anything is written.
.Lat_most_32:
    li      a3, 16
    bltu    a2, a3, .Lat_most_15
    add     a3, a1, a2
    ld      a4, 0(a1)
    ld      a5, 8(a1)
    ld      t0, -16(a3)
    ld      t1, -8(a3)
    add     a2, a2, a0
    sd      a4, 0(a0)
    sd      a5, 8(a0)
    sd      t0, -16(a2)
    sd      t1, -8(a2)
    ret
.Lat_most_15:
    add     a3, a1, a2
    add     t0, a0, a2
    andi    a4, a2, 8
    beqz    a4, .Lat_most_7
    ld      a4, 0(a1)
    ld      a5, -8(a3)
    sd      a4, 0(a0)
    sd      a5, -8(t0)
    ret
.Lat_most_7:
    andi    a4, a2, 4
    beqz    a4, .Lat_most_3
    lwu     a4, 0(a1)
    lwu     a5, -4(a3)
    sw      a4, 0(a0)
    sw      a5, -4(t0)
    ret
.Lat_most_3:
    beqz    a2, .Lnothing
    andi    a4, a2, 2
    lbu     a5, -1(a3)
    beqz    a4, .Lone
    lhu     a4, 0(a1)
    sh      a4, 0(a0)
.Lone:
    sb      a5, -1(t0)
.Lnothing:
    ret
    .size   memcpy, . - memcpy

# void *memset(void *to, int byte, size_t length)
    .section .text.memset, "ax", @progbits
    .globl  memset
    .type   memset, @function
    .p2align 1
memset:
    li      a4, 0x01010101
    andi    a1, a1, 255
    slli    a5, a4, 32
    add     a4, a4, a5
    mul     a1, a1, a4                  # the byte, eight times
    add     a5, a0, a2                  # the end
    li      a3, 8
    bltu    a2, a3, .Lset_at_most_7
    addi    a4, a5, -64
    mv      a3, a0
    bltu    a4, a3, .Lset_words
.Lset_64:
    sd      a1, 0(a3)
    sd      a1, 8(a3)
    sd      a1, 16(a3)
    sd      a1, 24(a3)
    sd      a1, 32(a3)
    sd      a1, 40(a3)
    sd      a1, 48(a3)
    sd      a1, 56(a3)
    addi    a3, a3, 64
    bgeu    a4, a3, .Lset_64
.Lset_words:
    addi    a5, a5, -8                  # where the last word goes
    bgeu    a3, a5, .Lset_end
.Lset_8:
    sd      a1, 0(a3)
    addi    a3, a3, 8
    bltu    a3, a5, .Lset_8
.Lset_end:
    sd      a1, 0(a5)
    ret
.Lset_at_most_7:
    andi    a3, a2, 4
    beqz    a3, .Lset_at_most_3
    sw      a1, 0(a0)
    sw      a1, -4(a5)
    ret
.Lset_at_most_3:
    beqz    a2, .Lset_nothing
    andi    a3, a2, 2
    sb      a1, -1(a5)
    beqz    a3, .Lset_nothing
    sh      a1, 0(a0)
.Lset_nothing:
    ret
    .size   memset, . - memset

# int memcmp(const void *left, const void *right, size_t length)
# int bcmp(const void *left, const void *right, size_t length)
    .section .text.memcmp, "ax", @progbits
    .globl  memcmp
    .globl  bcmp
    .type   memcmp, @function
    .type   bcmp, @function
    .p2align 1
memcmp:
bcmp:
    add     a3, a0, a2                  # the end of `left`
    li      a4, 8
    bltu    a2, a4, .Lcompare_bytes
    sub     a5, a1, a0                  # from `left` to `right`
    addi    a3, a3, -8                  # where the last word of `left` is
    addi    a4, a3, -24
    bltu    a4, a0, .Lcompare_words
.Lcompare_32:
    ld      t0, 0(a0)
    ld      t1, 0(a1)
    bne     t0, t1, .Ldiffer
    ld      t0, 8(a0)
    ld      t1, 8(a1)
    bne     t0, t1, .Ldiffer
    ld      t0, 16(a0)
    ld      t1, 16(a1)
    bne     t0, t1, .Ldiffer
    ld      t0, 24(a0)
    ld      t1, 24(a1)
    bne     t0, t1, .Ldiffer
    addi    a0, a0, 32
    addi    a1, a1, 32
    bgeu    a4, a0, .Lcompare_32
.Lcompare_words:
    bgeu    a0, a3, .Lcompare_last
.Lcompare_8:
    ld      t0, 0(a0)
    ld      t1, 0(a1)
    bne     t0, t1, .Ldiffer
    addi    a0, a0, 8
    addi    a1, a1, 8
    bltu    a0, a3, .Lcompare_8
.Lcompare_last:
    add     a5, a5, a3
    ld      t0, 0(a3)                   # overlaps words that were equal, which changes nothing
    ld      t1, 0(a5)
    bne     t0, t1, .Ldiffer
    li      a0, 0
    ret
.Ldiffer:
    rev8    t0, t0                      # the first byte is the one that counts most
    rev8    t1, t1
    sltu    a0, t0, t1
    neg     a0, a0
    ori     a0, a0, 1
    ret
.Lcompare_bytes:
    li      a4, 0
    bgeu    a0, a3, .Lcompared
.Lcompare_1:
    lbu     t0, 0(a0)
    lbu     t1, 0(a1)
    sub     a4, t0, t1
    bne     t0, t1, .Lcompared
    addi    a0, a0, 1
    addi    a1, a1, 1
    bltu    a0, a3, .Lcompare_1
.Lcompared:
    mv      a0, a4
    ret
    .size   memcmp, . - memcmp
    .size   bcmp, . - bcmp

    .option pop
