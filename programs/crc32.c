/* The CRC-32 of the input text, as zip and PNG use it, with the sum after each of the first bytes. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { SHOWN = 16 };

/* The remainder of a division of polynomials over {0, 1}: bit 31 is the constant, bit 0 is x^31. */
static unsigned add_byte(unsigned crc, unsigned char byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    return crc;
}

void compute(const char *input) {
    unsigned crc = UINT_MAX, length = 0;
    for (; *input != 0; input++) {
        crc = add_byte(crc, (unsigned char)*input);
        if (length++ < SHOWN) printf("after %02x  %08x\n", (unsigned char)*input, ~crc);
    }
    if (length > SHOWN) puts("...");
    printf("crc32 of %u byte%s: %08x\n", length, length == 1 ? "" : "s", ~crc);
}
