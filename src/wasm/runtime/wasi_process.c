// What WASI tells a program of its surroundings, and what it ends by. The same program is told the same in
// every run: time is a count, and what is random comes from a generator that begins as it always does.

#include "wasi.h"

// Nanoseconds since the program began, and what the generator makes its next word of.
GLOBAL(u64, i64, nanoseconds)
GLOBAL(u32, i32, random_state)

// So many strings, each ended by a 0, and where each begins.
static inline u32 strings(u32 count, u32 from, u32 length, u32 pointers, u32 buffer) {
    if (count >> 30 || !within(pointers, count * 4) || !within(buffer, length)) return FAULT;
    bool begins = true;
    for (u32 end = buffer + length; buffer != end; buffer++) {
        u32 byte = input_byte(from++);
        *bytes(buffer) = (u8)byte;
        if (begins) {
            *words(pointers) = buffer;
            pointers += 4;
        }
        begins = !byte;
    }
    return SUCCESS;
}

static inline u32 sizes(u32 count, u32 length, u32 to_count, u32 to_length) {
    if (!within(to_count, 4) || !within(to_length, 4)) return FAULT;
    *words(to_count) = count;
    *words(to_length) = length;
    return SUCCESS;
}

WASI("args_sizes_get") args_sizes_get(u32 count, u32 length) {
    return sizes(given(ARGUMENTS), given(ARGUMENT_BYTES), count, length);
}

WASI("args_get") args_get(u32 pointers, u32 buffer) {
    return strings(given(ARGUMENTS), CONTENTS, given(ARGUMENT_BYTES), pointers, buffer);
}

WASI("environ_sizes_get") environ_sizes_get(u32 count, u32 length) {
    return sizes(given(VARIABLES), given(VARIABLE_BYTES), count, length);
}

WASI("environ_get") environ_get(u32 pointers, u32 buffer) {
    u32 from = CONTENTS + given(ARGUMENT_BYTES);
    return strings(given(VARIABLES), from, given(VARIABLE_BYTES), pointers, buffer);
}

EXPORT("wasi.proc_exit") void proc_exit(u32 code) { machine_exit(code); }

WASI("sched_yield") sched_yield(void) { return SUCCESS; }

// Every clock goes on by a millisecond when it is asked. That of the world begins a thousand million
// seconds after its first, in 2001; all others begin at 0.
enum { REALTIME = 0, CLOCKS = 4, STEP = 1000000 };
static const u64 BEGIN = 1000000000000000000;

WASI("clock_res_get") clock_res_get(u32 clock, u32 resolution) {
    if (clock >= CLOCKS) return INVAL;
    if (!within(resolution, 8)) return FAULT;
    *longs(resolution) = STEP;
    return SUCCESS;
}

WASI("clock_time_get") clock_time_get(u32 clock, u64 precision, u32 time) {
    (void)precision;
    if (clock >= CLOCKS) return INVAL;
    if (!within(time, 8)) return FAULT;
    u64 now = nanoseconds_get() + STEP;
    nanoseconds_set(now);
    *longs(time) = clock == REALTIME ? BEGIN + now : now;
    return SUCCESS;
}

// Marsaglia's xorshift of 32 bits, by 13, 17 and 5, from 2463534242 on. Each word is four bytes, the low
// one first; what is left of the last is not used.
WASI("random_get") random_get(u32 buffer, u32 length) {
    if (!within(buffer, length)) return FAULT;
    u32 word = random_state_get();
    if (!word) word = 2463534242u;
    for (u32 size = 4; length; length -= size, buffer += size) {
        word ^= word << 13;
        word ^= word >> 17;
        word ^= word << 5;
        if (length >= 4) {
            *words(buffer) = word;
            continue;
        }
        size = length;
        for (u32 at = 0; at < size; at++) bytes(buffer)[at] = (u8)(word >> 8 * at);
    }
    random_state_set(word);
    return SUCCESS;
}

bool wasi_is_open(u32 file);
u32 wasi_input_left(void);

// A subscription has 48 bytes, an event 32.
enum { OF_CLOCK = 0, OF_READING = 1, OF_WRITING = 2, ABSOLUTE = 1, PAGE = 65536 };

// When a clock's subscription is over, if it was asked for at this time.
static inline u64 deadline(u32 subscription, u64 now) {
    u64 timeout = longs(subscription)[3];
    if (!(bytes(subscription)[40] & ABSOLUTE)) {
        return timeout > ~now ? ~(u64)0 : now + timeout;
    }
    if (words(subscription)[4] != REALTIME) return timeout;
    return timeout < BEGIN ? 0 : timeout - BEGIN;
}

// Files are always ready. Where only clocks are waited for, time goes on to the first that is over.
WASI("poll_oneoff") poll_oneoff(u32 subscriptions, u32 events, u32 count, u32 stored) {
    if (!count || count >> 26) return INVAL;
    if (!within(subscriptions, count * 48) || !within(events, count * 32) || !within(stored, 4)) {
        return FAULT;
    }
    u32 end = subscriptions + count * 48, happened = 0;
    u64 asked = nanoseconds_get(), now = ~(u64)0;
    for (u32 at = subscriptions; at != end; at += 48) {
        u32 kind = bytes(at)[8];
        if (kind > OF_WRITING) return INVAL;
        bool ready = kind != OF_CLOCK || words(at)[4] >= CLOCKS;
        u64 over = ready ? asked : deadline(at, asked);
        if (over < asked) over = asked;
        if (over < now) now = over;
    }
    nanoseconds_set(now);
    for (u32 at = subscriptions; at != end; at += 48) {
        u32 kind = bytes(at)[8], error = SUCCESS;
        u64 ready = 0;
        if (kind != OF_CLOCK) {
            u32 file = words(at)[4];
            bool fits = wasi_is_open(file) && (file == 0) == (kind == OF_READING);
            error = fits ? SUCCESS : BADF;
            ready = !fits ? 0 : kind == OF_READING ? wasi_input_left() : PAGE;
        } else if (words(at)[4] >= CLOCKS) {
            error = INVAL;
        } else if (deadline(at, asked) > now) {
            continue;
        }
        longs(events)[0] = longs(at)[0];
        longs(events)[1] = error | kind << 16;
        longs(events)[2] = ready;
        longs(events)[3] = 0;
        events += 32;
        happened++;
    }
    *words(stored) = happened;
    return SUCCESS;
}
