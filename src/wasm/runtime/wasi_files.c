// The files of WASI: standard input, which is what the program is given, and standard output and
// standard error, which are the one output of the machine. There are no others, and no folders.

#include "wasi.h"

// How many bytes of the standard input were read, and, by bits, which files are closed.
GLOBAL(u32, i32, input_read)
GLOBAL(u32, i32, files_closed)

static inline bool is_open(u32 file) { return file < 3 && !(files_closed_get() >> file & 1); }

bool wasi_is_open(u32 file) { return is_open(file); }

u32 wasi_input_left(void) { return given(INPUT_BYTES) - input_read_get(); }

// A round of a loop costs more than an output, so eight bytes are written in each.
static inline void write_all(const u8 *at, u32 length) {
    const u8 *end = at + (length & ~7u);
    for (; at != end; at += 8) {
        ONE_ADDRESS(at);
        output_byte(at[0]);
        output_byte(at[1]);
        output_byte(at[2]);
        output_byte(at[3]);
        output_byte(at[4]);
        output_byte(at[5]);
        output_byte(at[6]);
        output_byte(at[7]);
    }
    for (end = at + (length & 7); at != end; at++) output_byte(*at);
}

static inline void read_all(u8 *to, u32 from, u32 length) {
    u8 *end = to + (length & ~3u);
    for (; to != end; to += 4, from += 4) {
        ONE_ADDRESS(to);
        to[0] = (u8)input_byte(from);
        to[1] = (u8)input_byte(from + 1);
        to[2] = (u8)input_byte(from + 2);
        to[3] = (u8)input_byte(from + 3);
    }
    for (end = to + (length & 3); to != end; to++) *to = (u8)input_byte(from++);
}

// Whether a list of so many buffers, an address and a length each, is there.
static inline bool are_buffers(u32 buffers, u32 count) {
    return !(count >> 29) && within(buffers, count * 8);
}

WASI("fd_write") fd_write(u32 file, u32 buffers, u32 count, u32 written) {
    if (!is_open(file) || file == 0) return BADF;
    if (!are_buffers(buffers, count) || !within(written, 4)) return FAULT;
    u32 sum = 0;
    for (; count; count--, buffers += 8) {
        u32 begin = words(buffers)[0], length = words(buffers)[1];
        if (!within(begin, length)) return FAULT;
        write_all(bytes(begin), length);
        sum += length;
    }
    *words(written) = sum;
    return SUCCESS;
}

WASI("fd_read") fd_read(u32 file, u32 buffers, u32 count, u32 read) {
    if (!is_open(file) || file != 0) return BADF;
    if (!are_buffers(buffers, count) || !within(read, 4)) return FAULT;
    u32 left = wasi_input_left(), before = input_read_get(), sum = 0;
    u32 from = CONTENTS + given(ARGUMENT_BYTES) + given(VARIABLE_BYTES) + before;
    for (; count && left; count--, buffers += 8) {
        u32 begin = words(buffers)[0], length = words(buffers)[1];
        if (!within(begin, length)) return FAULT;
        if (length > left) length = left;
        read_all(bytes(begin), from, length);
        from += length;
        left -= length;
        sum += length;
        input_read_set(before + sum);
    }
    *words(read) = sum;
    return SUCCESS;
}

WASI("fd_close") fd_close(u32 file) {
    if (!is_open(file)) return BADF;
    files_closed_set(files_closed_get() | 1u << file);
    return SUCCESS;
}

static inline u32 no_place(u32 file) { return is_open(file) ? SPIPE : BADF; }

// Nothing is a file with places.
WASI("fd_seek") fd_seek(u32 file, u64 offset, u32 whence, u32 place) {
    (void)offset, (void)whence, (void)place;
    return no_place(file);
}

WASI("fd_tell") fd_tell(u32 file, u32 place) {
    (void)place;
    return no_place(file);
}

// The output is a terminal, so that libraries write each line when it is complete.
static inline u32 type_of(u32 file) {
    enum { UNKNOWN = 0, TERMINAL = 2 };
    return file == 0 ? UNKNOWN : TERMINAL;
}

// Rights are to read or to write, and to wait for it.
WASI("fd_fdstat_get") fd_fdstat_get(u32 file, u32 status) {
    enum { READ = 1 << 1, WRITE = 1 << 6, POLL = 1 << 27 };
    if (!is_open(file)) return BADF;
    if (!within(status, 24)) return FAULT;
    words(status)[0] = type_of(file);
    words(status)[1] = 0;
    longs(status)[1] = POLL | (file == 0 ? READ : WRITE);
    longs(status)[2] = 0;
    return SUCCESS;
}

// Besides what a file is, nothing is known of it.
WASI("fd_filestat_get") fd_filestat_get(u32 file, u32 status) {
    if (!is_open(file)) return BADF;
    if (!within(status, 64)) return FAULT;
    for (u32 at = 0; at < 8; at++) longs(status)[at] = 0;
    words(status)[4] = type_of(file);
    return SUCCESS;
}

// No folder is open from the beginning.
WASI("fd_prestat_get") fd_prestat_get(u32 file, u32 status) {
    (void)file, (void)status;
    return BADF;
}

WASI("fd_prestat_dir_name") fd_prestat_dir_name(u32 file, u32 name, u32 length) {
    (void)file, (void)name, (void)length;
    return BADF;
}
