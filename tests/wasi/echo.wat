;; Writes its arguments, its environment and its input, a string a line, and ends with the exit code 7 if the
;; input is empty.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)

  ;; Writes so many bytes at 4096, with line feeds for zeros.
  (func $lines (param $length i32) (local $at i32)
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $at) (local.get $length)))
        (if (i32.eqz (i32.load8_u offset=4096 (local.get $at)))
          (then (i32.store8 offset=4096 (local.get $at) (i32.const 10))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 0) (i32.const 4096))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func (export "_start")
    (drop (call $args_sizes (i32.const 12) (i32.const 16)))
    (drop (call $args (i32.const 64) (i32.const 4096)))
    (call $lines (i32.load (i32.const 16)))
    (drop (call $environ_sizes (i32.const 12) (i32.const 16)))
    (drop (call $environ (i32.const 64) (i32.const 4096)))
    (call $lines (i32.load (i32.const 16)))
    (i32.store (i32.const 0) (i32.const 4096))
    (i32.store (i32.const 4) (i32.const 4096))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $lines (i32.load (i32.const 8)))
    (if (i32.eqz (i32.load (i32.const 8))) (then (call $exit (i32.const 7))))))
