/* The compression library zlib, as it is. What goes in lies at the start of the scratchpad, what comes out is put behind. */
#include "javm.h"

#include "zlib.h"

#define SCRATCHPAD_BYTES (4u << 20)

JAVM_MEMORY(16384, 1u << 20, SCRATCHPAD_BYTES);

/* Where output goes, and how much there may be. */
static uint8_t *behind(uint64_t length, uLongf *room) {
    JAVM_REQUIRE(length <= javm_scratchpad_bytes());
    *room = javm_scratchpad_bytes() - length;
    return javm_scratchpad() + length;
}

/* What went wrong is logged in place of the output, which nobody sees when the call fails. */
static void require_ok(int status) {
    switch (status) {
    case Z_OK:
        return;
    case Z_BUF_ERROR:
        JAVM_FAIL("the output does not fit into the scratchpad, or the input is cut short");
    case Z_DATA_ERROR:
        JAVM_FAIL("the input is no zlib stream, or is damaged or cut short");
    case Z_MEM_ERROR:
        JAVM_FAIL("the heap is too small");
    case Z_STREAM_ERROR:
        JAVM_FAIL("the level is none of 0 to 9");
    default:
        JAVM_FAIL("zlib failed in a way that it does not document");
    }
}

/* Compresses `length` bytes into a zlib stream (RFC 1950), by `level` from 0 (stored) to 9 (smallest). Returns its length;
 * panics when there is no such level, or when input and stream are larger than the scratchpad. */
uint64_t pack(uint64_t length, uint64_t level) {
    uLongf packed;
    uint8_t *to = behind(length, &packed);
    JAVM_REQUIRE(level <= 9);
    require_ok(compress2(to, &packed, javm_scratchpad(), length, (int)level));
    return packed;
}

/* The reverse: `length` bytes of a zlib stream. Returns how many bytes they stand for; panics when they are no whole
 * stream and nothing else, or when stream and output are larger than the scratchpad. */
uint64_t unpack(uint64_t length) {
    uLongf unpacked;
    uLong used = length;
    uint8_t *to = behind(length, &unpacked);
    require_ok(uncompress2(to, &unpacked, javm_scratchpad(), &used));
    JAVM_REQUIRE(used == length);
    return unpacked;
}

/* The CRC-32 of `length` bytes (RFC 1952). */
uint64_t crc(uint64_t length) {
    JAVM_REQUIRE(length <= javm_scratchpad_bytes());
    return crc32_z(0, javm_scratchpad(), length);
}

JAVM_ENDPOINT_AS(pack, "compress", 2);
JAVM_ENDPOINT_AS(unpack, "decompress", 1);
JAVM_ENDPOINT_AS(crc, "crc32", 1);
JAVM_INTERFACE(zlib, "interface zlib {"
                     "    compress(length: u64, level: u64) -> u64;"
                     "    decompress(length: u64) -> u64;"
                     "    crc32(length: u64) -> u64;"
                     "}");
