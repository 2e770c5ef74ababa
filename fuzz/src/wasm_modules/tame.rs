//! Modules whose accesses meet and whose results matter.
//!
//! Addresses are masked on request: of those that are anything, hardly one lies within memory, and
//! a module would end with its first access. Which NaN a conversion gives is made one, for engines may choose.
//!
//! Most of what a random module computes is dropped again, and an error in it would not be seen.
//! So on request every result of arithmetic is mixed into a word of memory.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, GlobalSection, GlobalType, Ieee32, Ieee64, Instruction, MemArg,
    MemArgTarget, Module, ValType,
};
use wasmparser::{FunctionBody, GlobalSectionReader, Parser};

/// The module with addresses masked, and with results noted, if that is wanted.
pub fn tame(wasm: &[u8], masked: bool, noted: bool) -> Vec<u8> {
    let mut module = Module::new();
    let mut tame = Tame { masked, noted, spare: 0 };
    tame.parse_core_module(&mut module, Parser::new(0), wasm).expect("a valid module");
    module.finish()
}

struct Tame {
    masked: bool,
    noted: bool,
    /// The first of five globals that nothing else uses: two of i32, and one of each other type.
    spare: u32,
}

/// Where most accesses go: little enough for them to meet.
const MASK: i32 = 0xff;
/// Where results are noted: in the first page, and beyond what most accesses meet.
const NOTE: i32 = 0xff00;
/// The longest range that is copied or filled.
const LENGTH: i32 = 0x1f;

impl Reencode for Tame {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_global_section(self, globals, section)?;
        self.spare = globals.len();
        let zeros = [
            (ValType::I32, ConstExpr::i32_const(0)),
            (ValType::I32, ConstExpr::i32_const(0)),
            (ValType::I64, ConstExpr::i64_const(0)),
            (ValType::F32, ConstExpr::f32_const(Ieee32::new(0))),
            (ValType::F64, ConstExpr::f64_const(Ieee64::new(0))),
        ];
        for (val_type, zero) in zeros {
            globals.global(GlobalType { val_type, mutable: true, shared: false }, &zero);
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let instruction = utils::instruction(self, reader.read()?)?;
            if self.masked {
                for mask in self.mask(&instruction) {
                    function.instruction(&mask);
                }
            }
            function.instruction(&instruction);
            for canonical in self.canonical(&instruction) {
                function.instruction(&canonical);
            }
            if self.noted {
                for note in self.note(&instruction) {
                    function.instruction(&note);
                }
            }
        }
        code.function(&function);
        Ok(())
    }
}

impl Tame {
    /// The spare global of a type.
    fn spare_of(&self, ty: ValType) -> u32 {
        match ty {
            ValType::I64 => self.spare + 2,
            ValType::F32 => self.spare + 3,
            ValType::F64 => self.spare + 4,
            _ => self.spare,
        }
    }

    /// What masks the addresses, and lengths, that an instruction is about to take.
    fn mask(&self, instruction: &Instruction) -> Vec<Instruction<'static>> {
        use Instruction as I;
        let [first, second] = [self.spare, self.spare + 1];
        let mask = |mask| [I::I32Const(mask), I::I32And];
        match instruction {
            I::I32Load(_)
            | I::I32Load8S(_)
            | I::I32Load8U(_)
            | I::I32Load16S(_)
            | I::I32Load16U(_)
            | I::I64Load(_)
            | I::I64Load8S(_)
            | I::I64Load8U(_)
            | I::I64Load16S(_)
            | I::I64Load16U(_)
            | I::I64Load32S(_)
            | I::I64Load32U(_)
            | I::F32Load(_)
            | I::F64Load(_) => mask(MASK).into(),
            I::I32Store(_)
            | I::I32Store8(_)
            | I::I32Store16(_)
            | I::I64Store(_)
            | I::I64Store8(_)
            | I::I64Store16(_)
            | I::I64Store32(_)
            | I::F32Store(_)
            | I::F64Store(_) => {
                let value = self.spare_of(stored(instruction));
                [vec![I::GlobalSet(value)], mask(MASK).into(), vec![I::GlobalGet(value)]].concat()
            }
            I::MemoryCopy { .. } | I::MemoryFill(_) => [
                vec![I::GlobalSet(first), I::GlobalSet(second)],
                mask(MASK).into(),
                vec![I::GlobalGet(second)],
                mask(MASK).into(),
                vec![I::GlobalGet(first)],
                mask(LENGTH).into(),
            ]
            .concat(),
            // Segments are short.
            I::MemoryInit { .. } => [
                vec![I::GlobalSet(first), I::GlobalSet(second)],
                mask(MASK).into(),
                vec![I::GlobalGet(second)],
                mask(7).into(),
                vec![I::GlobalGet(first)],
                mask(7).into(),
            ]
            .concat(),
            _ => Vec::new(),
        }
    }

    /// What makes the canonical NaN of any that a conversion between floats gives: the generator does so only after
    /// arithmetic.
    fn canonical(&self, instruction: &Instruction) -> Vec<Instruction<'static>> {
        use Instruction as I;
        let (ty, nan, equal) = match instruction {
            I::F32DemoteF64 => (ValType::F32, I::F32Const(Ieee32::new(0x7fc0_0000)), I::F32Eq),
            I::F64PromoteF32 => {
                (ValType::F64, I::F64Const(Ieee64::new(0x7ff8_0000_0000_0000)), I::F64Eq)
            }
            _ => return Vec::new(),
        };
        let value = self.spare_of(ty);
        let x = I::GlobalGet(value);
        vec![I::GlobalSet(value), x.clone(), nan, x.clone(), x, equal, I::Select]
    }

    /// What notes the result of an instruction, if that is arithmetic, and leaves it.
    fn note(&self, instruction: &Instruction) -> Vec<Instruction<'static>> {
        use Instruction as I;
        let Some(ty) = result(instruction) else { return Vec::new() };
        let value = self.spare_of(ty);
        let place = MemArg { offset: 0, align: 2, target: MemArgTarget::Memory(0), ordering: None };
        let halves = vec![I::I64Const(32), I::I64ShrU, I::I32WrapI64];
        // Which NaN a result is the engines may choose.
        let number = |nan, differs, bits| {
            let x = I::GlobalGet(value);
            vec![nan, x.clone(), x.clone(), x, differs, I::Select, bits]
        };
        let long = match ty {
            ValType::F64 => number(I::F64Const(Ieee64::new(0)), I::F64Ne, I::I64ReinterpretF64),
            _ => vec![I::GlobalGet(value)],
        };
        let word = match ty {
            ValType::I64 | ValType::F64 => {
                [long.clone(), halves, long, vec![I::I32WrapI64, I::I32Xor]].concat()
            }
            ValType::F32 => number(I::F32Const(Ieee32::new(0)), I::F32Ne, I::I32ReinterpretF32),
            _ => vec![I::GlobalGet(value)],
        };
        [
            vec![
                I::GlobalSet(value),
                I::I32Const(NOTE),
                I::I32Const(NOTE),
                I::I32Load(place),
                I::I32Const(5),
                I::I32Rotl,
            ],
            word,
            vec![I::I32Xor, I::I32Store(place), I::GlobalGet(value)],
        ]
        .concat()
    }
}

/// The type of what is stored.
fn stored(store: &Instruction) -> ValType {
    use Instruction as I;
    match store {
        I::I64Store(_) | I::I64Store8(_) | I::I64Store16(_) | I::I64Store32(_) => ValType::I64,
        I::F32Store(_) => ValType::F32,
        I::F64Store(_) => ValType::F64,
        _ => ValType::I32,
    }
}

/// Comparisons, by what stands behind the type in their names; their results are i32.
const COMPARISONS: [&str; 15] = [
    "Eqz", "Eq", "Ne", "Lt", "LtS", "LtU", "Gt", "GtS", "GtU", "Le", "LeS", "LeU", "Ge", "GeS",
    "GeU",
];

/// The type of the result, of arithmetic: names of instructions on numbers begin with it.
fn result(instruction: &Instruction) -> Option<ValType> {
    let name = format!("{instruction:?}");
    let (ty, operation) = name.split_at_checked(3)?;
    let ty = match ty {
        "I32" => ValType::I32,
        "I64" => ValType::I64,
        "F32" => ValType::F32,
        "F64" => ValType::F64,
        _ => return None,
    };
    let moves = ["Const", "Load", "Store"].iter().any(|word| operation.starts_with(word));
    (!moves).then_some(if COMPARISONS.contains(&operation) { ValType::I32 } else { ty })
}
