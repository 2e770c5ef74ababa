//! An independent engine with functions of WASI that are written once more, in Rust, as docs/programs.md
//! describes them.

use std::collections::BTreeSet;

use hardmax::wasm::wasi::Given;
use wasmi::{Caller, Engine, Error, Extern, FuncType, Linker, Module, Store, Val, ValType};

/// All functions of preview 1, and their parameters: `i` and `I` for 32 and 64 bits.
pub const FUNCTIONS: [(&str, &str); 46] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

const BADF: u32 = 8;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const NOSYS: u32 = 52;
const SPIPE: u32 = 70;

/// What a run leaves behind.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub output: Vec<u8>,
    /// Nothing if it trapped.
    pub exit_code: Option<u32>,
}

/// Runs `_start`; says which functions gave which errors, too.
pub fn interpret(wasm: &[u8], given: &Given) -> (Outcome, BTreeSet<(&'static str, u32)>) {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm).unwrap();
    let mut store = Store::new(&engine, Host::new(given));
    let mut linker = Linker::new(&engine);
    let output_byte =
        |mut caller: Caller<Host>, value: i32| caller.data_mut().output.push(value as u8);
    linker.func_wrap("env", "output_byte", output_byte).unwrap();
    for (name, params) in FUNCTIONS {
        let ty = |letter| if letter == 'i' { ValType::I32 } else { ValType::I64 };
        let results = (name != "proc_exit").then_some(ValType::I32);
        let ty = FuncType::new(params.chars().map(ty).collect::<Vec<_>>(), results);
        let call = move |mut caller: Caller<Host>, args: &[Val], results: &mut [Val]| {
            let args: Vec<u64> = args.iter().map(bits).collect();
            if name == "proc_exit" {
                return Err(Error::i32_exit(args[0] as i32));
            }
            let memory = caller.get_export("memory").and_then(Extern::into_memory);
            let error = match memory {
                Some(memory) => {
                    let (memory, host) = memory.data_and_store_mut(&mut caller);
                    host.call(name, memory, &args)
                }
                None => caller.data_mut().call(name, &mut [], &args),
            };
            let error = error.err().unwrap_or(0);
            caller.data_mut().errors.insert((name, error));
            results[0] = Val::I32(error as i32);
            Ok(())
        };
        for room in ["wasi_snapshot_preview1", "wasi_unstable"] {
            linker.func_new(room, name, ty.clone(), call).unwrap();
        }
    }
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let start = instance.get_typed_func::<(), ()>(&store, "_start").unwrap();
    let exit_code = match start.call(&mut store, ()) {
        Ok(()) => Some(0),
        Err(error) => error.i32_exit_status().map(|code| code as u32),
    };
    let host = store.into_data();
    (Outcome { output: host.output, exit_code }, host.errors)
}

fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        _ => unreachable!("parameters are integers"),
    }
}

struct Host {
    arguments: Vec<Vec<u8>>,
    environment: Vec<Vec<u8>>,
    input: Vec<u8>,
    read: usize,
    closed: [bool; 3],
    nanoseconds: u64,
    random: u32,
    output: Vec<u8>,
    errors: BTreeSet<(&'static str, u32)>,
}

/// The bytes there, if they are all there.
fn there(memory: &mut [u8], begin: u64, length: u64) -> Result<&mut [u8], u32> {
    match length {
        0 => Ok(&mut []),
        _ => memory.get_mut(begin as usize..(begin + length) as usize).ok_or(FAULT),
    }
}

fn word(memory: &[u8], at: u64) -> u64 {
    u32::from_le_bytes(memory[at as usize..][..4].try_into().unwrap()).into()
}

fn long(memory: &[u8], at: u64) -> u64 {
    u64::from_le_bytes(memory[at as usize..][..8].try_into().unwrap())
}

fn put(memory: &mut [u8], at: u64, bytes: &[u8]) {
    memory[at as usize..][..bytes.len()].copy_from_slice(bytes);
}

impl Host {
    fn new(given: &Given) -> Self {
        Host {
            arguments: given.arguments.clone(),
            environment: given.environment.clone(),
            input: given.input.clone(),
            read: 0,
            closed: [false; 3],
            nanoseconds: 0,
            random: 2_463_534_242,
            output: Vec::new(),
            errors: BTreeSet::new(),
        }
    }

    fn open(&self, file: u64) -> Result<usize, u32> {
        match self.closed.get(file as usize) {
            Some(false) => Ok(file as usize),
            _ => Err(BADF),
        }
    }

    fn call(&mut self, name: &str, memory: &mut [u8], a: &[u64]) -> Result<(), u32> {
        match name {
            "args_sizes_get" => sizes(memory, &self.arguments, a),
            "args_get" => strings(memory, &self.arguments, a),
            "environ_sizes_get" => sizes(memory, &self.environment, a),
            "environ_get" => strings(memory, &self.environment, a),
            "clock_res_get" => {
                clock(a[0])?;
                there(memory, a[1], 8)?.copy_from_slice(&1_000_000u64.to_le_bytes());
                Ok(())
            }
            "clock_time_get" => {
                let begin = clock(a[0])?;
                let place = there(memory, a[2], 8)?;
                self.nanoseconds = self.nanoseconds.wrapping_add(1_000_000);
                place.copy_from_slice(&begin.wrapping_add(self.nanoseconds).to_le_bytes());
                Ok(())
            }
            "fd_close" => {
                let file = self.open(a[0])?;
                self.closed[file] = true;
                Ok(())
            }
            "fd_fdstat_get" => {
                let file = self.open(a[0])?;
                let status = there(memory, a[1], 24)?;
                status.fill(0);
                status[0] = if file == 0 { 0 } else { 2 };
                let rights: u64 = 1 << 27 | if file == 0 { 2 } else { 64 };
                status[8..16].copy_from_slice(&rights.to_le_bytes());
                Ok(())
            }
            "fd_filestat_get" => {
                let file = self.open(a[0])?;
                let status = there(memory, a[1], 64)?;
                status.fill(0);
                status[16] = if file == 0 { 0 } else { 2 };
                Ok(())
            }
            "fd_prestat_get" | "fd_prestat_dir_name" => Err(BADF),
            "fd_seek" | "fd_tell" => self.open(a[0]).and(Err(SPIPE)),
            "fd_read" => self.read(memory, a),
            "fd_write" => self.write(memory, a),
            "poll_oneoff" => self.poll(memory, a),
            "random_get" => {
                let bytes = there(memory, a[0], a[1])?;
                for bytes in bytes.chunks_mut(4) {
                    self.random ^= self.random << 13;
                    self.random ^= self.random >> 17;
                    self.random ^= self.random << 5;
                    bytes.copy_from_slice(&self.random.to_le_bytes()[..bytes.len()]);
                }
                Ok(())
            }
            "sched_yield" => Ok(()),
            _ => Err(NOSYS),
        }
    }

    fn write(&mut self, memory: &mut [u8], a: &[u64]) -> Result<(), u32> {
        if self.open(a[0])? == 0 {
            return Err(BADF);
        }
        there(memory, a[1], 8 * a[2])?;
        there(memory, a[3], 4)?;
        let mut sum = 0u32;
        for buffer in 0..a[2] {
            let [begin, length] = [0, 4].map(|at| word(memory, a[1] + 8 * buffer + at));
            self.output.extend_from_slice(there(memory, begin, length)?);
            sum = sum.wrapping_add(length as u32);
        }
        put(memory, a[3], &sum.to_le_bytes());
        Ok(())
    }

    fn read(&mut self, memory: &mut [u8], a: &[u64]) -> Result<(), u32> {
        if self.open(a[0])? != 0 {
            return Err(BADF);
        }
        there(memory, a[1], 8 * a[2])?;
        there(memory, a[3], 4)?;
        let before = self.read;
        for buffer in 0..a[2] {
            let left = self.input.len() - self.read;
            if left == 0 {
                break;
            }
            let [begin, length] = [0, 4].map(|at| word(memory, a[1] + 8 * buffer + at));
            there(memory, begin, length)?;
            let length = (length as usize).min(left);
            put(memory, begin.min(memory.len() as u64), &self.input[self.read..][..length]);
            self.read += length;
        }
        put(memory, a[3], &((self.read - before) as u32).to_le_bytes());
        Ok(())
    }

    fn poll(&mut self, memory: &mut [u8], a: &[u64]) -> Result<(), u32> {
        if !(1..1 << 26).contains(&a[2]) {
            return Err(INVAL);
        }
        there(memory, a[0], 48 * a[2])?;
        there(memory, a[1], 32 * a[2])?;
        there(memory, a[3], 4)?;
        let places = (0..a[2]).map(|number| a[0] + 48 * number);
        if places.clone().any(|at| memory[at as usize + 8] > 2) {
            return Err(INVAL);
        }
        let asked = self.nanoseconds;
        // When a subscription is over, as of when it was asked for.
        let over = |memory: &[u8], at: u64| match (memory[at as usize + 8], word(memory, at + 16)) {
            (0, clock @ 0..4) => {
                let timeout = long(memory, at + 24);
                let is_absolute = memory[at as usize + 40] & 1 == 1;
                match (is_absolute, clock) {
                    (false, _) => asked.saturating_add(timeout),
                    (true, 0) => timeout.saturating_sub(1_000_000_000_000_000_000),
                    (true, _) => timeout,
                }
            }
            _ => 0,
        };
        let first = places.clone().map(|at| over(memory, at)).min().unwrap();
        self.nanoseconds = asked.max(first);
        let mut count = 0u32;
        for at in places {
            if over(memory, at) > self.nanoseconds {
                continue;
            }
            let (kind, which) = (memory[at as usize + 8], word(memory, at + 16));
            let (error, ready) = match kind {
                0 if which >= 4 => (INVAL, 0),
                0 => (0, 0),
                1 if self.open(which) == Ok(0) => (0, self.input.len() - self.read),
                2 if matches!(self.open(which), Ok(1 | 2)) => (0, 65_536),
                _ => (BADF, 0),
            };
            let mut event = [0; 32];
            event[..8].copy_from_slice(&long(memory, at).to_le_bytes());
            event[8] = error as u8;
            event[10] = kind;
            event[16..24].copy_from_slice(&(ready as u64).to_le_bytes());
            put(memory, a[1] + 32 * u64::from(count), &event);
            count += 1;
        }
        put(memory, a[3], &count.to_le_bytes());
        Ok(())
    }
}

/// When a clock begins, if there is such a one.
fn clock(clock: u64) -> Result<u64, u32> {
    match clock {
        0 => Ok(1_000_000_000_000_000_000),
        1..4 => Ok(0),
        _ => Err(INVAL),
    }
}

fn sizes(memory: &mut [u8], strings: &[Vec<u8>], a: &[u64]) -> Result<(), u32> {
    there(memory, a[0], 4)?;
    there(memory, a[1], 4)?;
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    put(memory, a[0], &(strings.len() as u32).to_le_bytes());
    put(memory, a[1], &(bytes as u32).to_le_bytes());
    Ok(())
}

fn strings(memory: &mut [u8], strings: &[Vec<u8>], a: &[u64]) -> Result<(), u32> {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    there(memory, a[0], 4 * strings.len() as u64)?;
    there(memory, a[1], bytes as u64)?;
    let mut at = a[1];
    for (number, string) in (0..).zip(strings) {
        // A pointer is written behind the first byte that it points to.
        let first = [string.first().copied().unwrap_or(0)];
        put(memory, at, &first);
        put(memory, a[0] + 4 * number, &(at as u32).to_le_bytes());
        let rest = [string.get(1..).unwrap_or(&[]), &[0]].concat();
        if string.is_empty() {
            at += 1;
            continue;
        }
        put(memory, at + 1, &rest);
        at += 1 + rest.len() as u64;
    }
    Ok(())
}
