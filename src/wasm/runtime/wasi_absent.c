// What the machine has nothing for: folders, paths, sockets, signals, and files with places. Each function
// says so, as WASI wants it said. Their parameters are those that a module has to import them with.

#include "wasi.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

#define ABSENT(name, function, ...) \
    EXPORT(name) u32 function(__VA_ARGS__) { return NOSYS; }

#define P(n) u32 a##n
#define L(n) u64 a##n

ABSENT("wasi.fd_advise", fd_advise, P(0), L(1), L(2), P(3))
ABSENT("wasi.fd_allocate", fd_allocate, P(0), L(1), L(2))
ABSENT("wasi.fd_datasync", fd_datasync, P(0))
ABSENT("wasi.fd_fdstat_set_flags", fd_fdstat_set_flags, P(0), P(1))
ABSENT("wasi.fd_fdstat_set_rights", fd_fdstat_set_rights, P(0), L(1), L(2))
ABSENT("wasi.fd_filestat_set_size", fd_filestat_set_size, P(0), L(1))
ABSENT("wasi.fd_filestat_set_times", fd_filestat_set_times, P(0), L(1), L(2), P(3))
ABSENT("wasi.fd_pread", fd_pread, P(0), P(1), P(2), L(3), P(4))
ABSENT("wasi.fd_pwrite", fd_pwrite, P(0), P(1), P(2), L(3), P(4))
ABSENT("wasi.fd_readdir", fd_readdir, P(0), P(1), P(2), L(3), P(4))
ABSENT("wasi.fd_renumber", fd_renumber, P(0), P(1))
ABSENT("wasi.fd_sync", fd_sync, P(0))
ABSENT("wasi.path_create_directory", path_create_directory, P(0), P(1), P(2))
ABSENT("wasi.path_filestat_get", path_filestat_get, P(0), P(1), P(2), P(3), P(4))
ABSENT("wasi.path_filestat_set_times", path_filestat_set_times, P(0), P(1), P(2), P(3), L(4), L(5),
       P(6))
ABSENT("wasi.path_link", path_link, P(0), P(1), P(2), P(3), P(4), P(5), P(6))
ABSENT("wasi.path_open", path_open, P(0), P(1), P(2), P(3), P(4), L(5), L(6), P(7), P(8))
ABSENT("wasi.path_readlink", path_readlink, P(0), P(1), P(2), P(3), P(4), P(5))
ABSENT("wasi.path_remove_directory", path_remove_directory, P(0), P(1), P(2))
ABSENT("wasi.path_rename", path_rename, P(0), P(1), P(2), P(3), P(4), P(5))
ABSENT("wasi.path_symlink", path_symlink, P(0), P(1), P(2), P(3), P(4))
ABSENT("wasi.path_unlink_file", path_unlink_file, P(0), P(1), P(2))
ABSENT("wasi.proc_raise", proc_raise, P(0))
ABSENT("wasi.sock_accept", sock_accept, P(0), P(1), P(2))
ABSENT("wasi.sock_recv", sock_recv, P(0), P(1), P(2), P(3), P(4), P(5))
ABSENT("wasi.sock_send", sock_send, P(0), P(1), P(2), P(3), P(4))
ABSENT("wasi.sock_shutdown", sock_shutdown, P(0), P(1))

// The subscriptions and the states of files of wasi_unstable have other layouts.
ABSENT("wasi_unstable.fd_filestat_get", fd_filestat_get_unstable, P(0), P(1))
ABSENT("wasi_unstable.poll_oneoff", poll_oneoff_unstable, P(0), P(1), P(2), P(3))
