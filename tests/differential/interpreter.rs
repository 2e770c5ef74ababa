//! An independent engine: what wasmi makes of a module. The fuzz target of modules shares this
//! file.

use hardmax::wasm::{Argument, Invocation};
use wasmi::{Caller, Engine, Linker, Module, Store, Val};

/// What a run leaves behind.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub output: Vec<u8>,
    pub trapped: bool,
}

/// Output and memory as wasmi has them. A start function that traps leaves no memory to look at.
pub fn interpret(wasm: &[u8], calls: &[Invocation]) -> (Outcome, Vec<u8>) {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm).unwrap();
    let mut store = Store::new(&engine, Vec::<u8>::new());
    let mut linker = Linker::new(&engine);
    let output_byte = |mut caller: Caller<Vec<u8>>, value: i32| caller.data_mut().push(value as u8);
    linker.func_wrap("env", "output_byte", output_byte).unwrap();
    let Ok(instance) = linker.instantiate_and_start(&mut store, &module) else {
        return (Outcome { output: store.data().clone(), trapped: true }, Vec::new());
    };
    let mut trapped = false;
    for Invocation { export, args } in calls {
        let function = instance.get_func(&store, export).unwrap();
        let args: Vec<Val> = args
            .iter()
            .map(|arg| match arg {
                Argument::Bits(bits) => Val::I32(*bits as u32 as i32),
                Argument::Written(text) => panic!("{text}: arguments are bits here"),
            })
            .collect();
        let mut results = vec![Val::I32(0); function.ty(&store).results().len()];
        if function.call(&mut store, &args, &mut results).is_err() {
            trapped = true;
            break;
        }
        for result in results {
            let line = format!("{}\n", result.i32().unwrap());
            store.data_mut().extend(line.bytes());
        }
    }
    let memory = instance.get_memory(&store, "memory").unwrap().data(&store).to_vec();
    (Outcome { output: store.data().clone(), trapped }, memory)
}
