//! Random programs of WASI: calls of its functions with arguments that are often right and often not, whose
//! errors and whose effects on memory are written to the output.

use hardmax::wasm::wasi::Given;

use crate::host::FUNCTIONS;

/// Pseudo-random numbers, the same for the same seed.
pub struct Random(pub fastrand::Rng);

const ADDRESSES: [u32; 16] =
    [0, 1, 8, 16, 40, 64, 100, 128, 256, 511, 640, 65_480, 65_528, 65_533, 65_536, u32::MAX - 3];
const COUNTS: [u32; 8] = [0, 1, 1, 2, 2, 3, 1 << 29, u32::MAX];
const LENGTHS: [u32; 10] = [0, 1, 3, 4, 5, 8, 13, 70, 65_536, u32::MAX];
const TIMES: [u64; 6] = [0, 1, 1_000_000, 5_000_000_000, 1_000_000_002_000_000_000, u64::MAX];

impl Random {
    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.0.usize(..values.len())]
    }

    /// What a program is given.
    pub fn given(&mut self) -> Given {
        let mut strings = |most: usize| {
            let count = self.0.usize(..most);
            (0..count).map(|_| self.bytes(6).iter().map(|byte| byte % 25 + 65).collect()).collect()
        };
        let (arguments, environment) = (strings(4), strings(3));
        Given { arguments, environment, input: self.bytes(60) }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let count = self.0.usize(..most);
        (0..count).map(|_| self.0.u8(..)).collect()
    }

    /// An argument, by its place among those of the function.
    fn argument(&mut self, function: &str, place: usize) -> u32 {
        let is_count = matches!(
            (function, place),
            ("fd_read" | "fd_write" | "poll_oneoff", 2) | ("random_get", 1)
        );
        match place {
            0 if function.starts_with("fd_") || function.starts_with("clock_") => {
                self.of(&[0, 1, 1, 2, 3, 4, u32::MAX])
            }
            _ if is_count && function == "random_get" => self.of(&LENGTHS),
            _ if is_count => self.of(&COUNTS),
            _ => self.of(&ADDRESSES),
        }
    }

    /// Lists of buffers, subscriptions, and anything else.
    fn data(&mut self) -> Vec<u8> {
        let mut words = Vec::new();
        for _ in 0..40 {
            words.extend([self.of(&ADDRESSES), self.of(&LENGTHS)]);
        }
        for _ in 0..6 {
            let [id, timeout] = [self.0.u64(..), self.of(&TIMES)];
            let [kind, which] = [self.of(&[0, 0, 1, 2, 3]), self.of(&[0, 1, 2, 5])];
            words.extend([id as u32, (id >> 32) as u32, kind, 0, which, 0]);
            words.extend([timeout as u32, (timeout >> 32) as u32, 0, 0, self.of(&[0, 0, 1]), 0]);
        }
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// A module in the text format.
    pub fn module(&mut self) -> String {
        let room = self.of(&["wasi_snapshot_preview1", "wasi_snapshot_preview1", "wasi_unstable"]);
        let mut text =
            String::from("(module (import \"env\" \"output_byte\" (func $out (param i32)))\n");
        for (name, params) in FUNCTIONS {
            let params: Vec<_> =
                params.chars().map(|ty| if ty == 'i' { "i32" } else { "i64" }).collect();
            let result = if name == "proc_exit" { "" } else { "(result i32)" };
            let params = params.join(" ");
            text += &format!(
                "(import \"{room}\" \"{name}\" (func ${name} (param {params}) {result}))\n"
            );
        }
        let data: String = self.data().iter().map(|byte| format!("\\{byte:02x}")).collect();
        let memory = self.of(&["1", "1 1", "1 2", "1 65536"]);
        text += &format!(
            "(memory (export \"memory\") {memory}) (data (i32.const 0) \"{data}\")
            (global $count (mut i32) (i32.const 3)) (global $long (mut i64) (i64.const -1))
            (func $tell (param i32)
                (call $out (local.get 0))
                (global.set $count (i32.add (global.get $count) (i32.const 1))))
            (func $dump (param i32 i32)
                (loop
                    (call $out (i32.load8_u (local.get 0)))
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (br_if 0 (i32.ne (local.get 0) (local.get 1)))))
            (func (export \"_start\")\n"
        );
        for _ in 0..self.0.usize(1..12) {
            // Those that do something more often than those that do not.
            let known =
                ["fd_write", "fd_read", "args_get", "environ_get", "poll_oneoff", "clock_time_get"];
            let (name, params) = match self.of(&[true, false]) {
                true => self.of(&FUNCTIONS),
                false => {
                    let name = self.of(&known);
                    FUNCTIONS.into_iter().find(|function| function.0 == name).unwrap()
                }
            };
            let is_other =
                room == "wasi_unstable" && ["poll_oneoff", "fd_filestat_get"].contains(&name);
            if name == "proc_exit" || is_other {
                continue;
            }
            let mut call = format!("(call $tell (call ${name}");
            for (place, ty) in params.chars().enumerate() {
                call += &match ty {
                    'i' => format!(" (i32.const {})", self.argument(name, place)),
                    _ => format!(" (i64.const {})", self.of(&TIMES)),
                };
            }
            text += &format!("{call}))\n");
            if self.0.usize(..6) == 0 {
                text += "(drop (memory.grow (i32.const 1)))\n";
            }
        }
        text += "(call $dump (i32.const 0) (i32.const 700))
            (call $dump (i32.const 65470) (i32.const 65536))
            (call $out (global.get $count)) (call $out (i32.wrap_i64 (global.get $long)))\n";
        let code = self.0.u32(..);
        text += self.of(&["", "unreachable", &format!("(call $proc_exit (i32.const {code}))")]);
        text + "))"
    }
}
