;; Counts, in a memory and a global that others may import.
(module
  (memory (export "memory") 1)
  (global $count (export "count") (mut i32) (i32.const 40))
  (data (i32.const 16) "digits: 0123456789")
  (func $begin (global.set $count (i32.add (global.get $count) (i32.const 1))))
  (start $begin)
  (func (export "next") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.get $count))
  (func (export "digit") (param i32) (result i32)
    (i32.load8_u offset=24 (local.get 0))))
