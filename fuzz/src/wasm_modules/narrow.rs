//! Modules of i32 and i64 as modules of i32.
//!
//! Every i64 becomes an i32, and every instruction on it the one on i32 that takes and leaves as
//! much: so a valid module stays valid, and hardmax, which knows no i64, need not refuse it. What
//! is computed changes, for both engines alike. Passive segments are not supported either, so
//! `memory.init` becomes `memory.copy`, and what drops a segment does nothing.
//!
//! Addresses are masked on request: of those that are anything, hardly one lies within memory, and
//! a module would end with its first access.
//!
//! Most of what a random module computes is dropped again, and an error in it would not be seen.
//! So on request every result of arithmetic is mixed into a word of memory.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, GlobalSection, GlobalType, Instruction, MemArg, MemArgTarget, Module,
    ValType,
};
use wasmparser::{FunctionBody, GlobalSectionReader, Operator, Parser};

/// The module of i32; with addresses masked, and with results noted, if that is wanted.
pub fn narrow(wasm: &[u8], masked: bool, noted: bool) -> Vec<u8> {
    let mut module = Module::new();
    let mut narrow = Narrow { masked, noted, spare: 0 };
    narrow.parse_core_module(&mut module, Parser::new(0), wasm).expect("a valid module");
    module.finish()
}

struct Narrow {
    masked: bool,
    noted: bool,
    /// The first of two globals that nothing else uses.
    spare: u32,
}

/// Where most accesses go: little enough for them to meet.
const MASK: i32 = 0xff;
/// Where results are noted: in the first page, and beyond what most accesses meet.
const NOTE: i32 = 0xff00;
/// The longest range that is copied or filled.
const LENGTH: i32 = 0x1f;

impl Reencode for Narrow {
    type Error = std::convert::Infallible;

    fn val_type(&mut self, ty: wasmparser::ValType) -> Result<ValType, Error> {
        match ty {
            wasmparser::ValType::I64 => Ok(ValType::I32),
            other => utils::val_type(self, other),
        }
    }

    fn mem_arg(&mut self, arg: wasmparser::MemArg) -> Result<MemArg, Error> {
        // No access is wider than four bytes now.
        let arg = utils::mem_arg(self, arg)?;
        Ok(MemArg { align: arg.align.min(2), ..arg })
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_global_section(self, globals, section)?;
        self.spare = globals.len();
        let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        for _ in 0..2 {
            globals.global(ty, &ConstExpr::i32_const(0));
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
            let operator = reader.read()?;
            let instruction = match division(&operator) {
                Some(division) => {
                    // By what is never 0.
                    function.instruction(&Instruction::I32Const(1));
                    function.instruction(&Instruction::I32Or);
                    division
                }
                None => self.instruction(operator)?,
            };
            if self.masked {
                for mask in self.mask(&instruction) {
                    function.instruction(&mask);
                }
            }
            function.instruction(&instruction);
            if self.noted {
                for note in self.note(&instruction) {
                    function.instruction(&note);
                }
            }
        }
        code.function(&function);
        Ok(())
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, Error> {
        use Instruction as I;
        Ok(match operator {
            Operator::I64Const { value } => I::I32Const(value as i32),
            Operator::I64Load { memarg }
            | Operator::I64Load32S { memarg }
            | Operator::I64Load32U { memarg } => I::I32Load(self.mem_arg(memarg)?),
            Operator::I64Load8S { memarg } => I::I32Load8S(self.mem_arg(memarg)?),
            Operator::I64Load8U { memarg } => I::I32Load8U(self.mem_arg(memarg)?),
            Operator::I64Load16S { memarg } => I::I32Load16S(aligned(self.mem_arg(memarg)?)),
            Operator::I64Load16U { memarg } => I::I32Load16U(aligned(self.mem_arg(memarg)?)),
            Operator::I64Store { memarg } | Operator::I64Store32 { memarg } => {
                I::I32Store(self.mem_arg(memarg)?)
            }
            Operator::I64Store8 { memarg } => I::I32Store8(self.mem_arg(memarg)?),
            Operator::I64Store16 { memarg } => I::I32Store16(aligned(self.mem_arg(memarg)?)),
            Operator::MemoryInit { mem, .. } => I::MemoryCopy { src_mem: mem, dst_mem: mem },
            Operator::DataDrop { .. } | Operator::ElemDrop { .. } => I::Nop,
            Operator::I32WrapI64
            | Operator::I64ExtendI32S
            | Operator::I64ExtendI32U
            | Operator::I64Extend32S => I::Nop,
            Operator::I64Eqz => I::I32Eqz,
            Operator::I64Eq => I::I32Eq,
            Operator::I64Ne => I::I32Ne,
            Operator::I64LtS => I::I32LtS,
            Operator::I64LtU => I::I32LtU,
            Operator::I64GtS => I::I32GtS,
            Operator::I64GtU => I::I32GtU,
            Operator::I64LeS => I::I32LeS,
            Operator::I64LeU => I::I32LeU,
            Operator::I64GeS => I::I32GeS,
            Operator::I64GeU => I::I32GeU,
            Operator::I64Clz => I::I32Clz,
            Operator::I64Ctz => I::I32Ctz,
            Operator::I64Popcnt => I::I32Popcnt,
            Operator::I64Add => I::I32Add,
            Operator::I64Sub => I::I32Sub,
            Operator::I64Mul => I::I32Mul,
            Operator::I64DivS => I::I32DivS,
            Operator::I64DivU => I::I32DivU,
            Operator::I64RemS => I::I32RemS,
            Operator::I64RemU => I::I32RemU,
            Operator::I64And => I::I32And,
            Operator::I64Or => I::I32Or,
            Operator::I64Xor => I::I32Xor,
            Operator::I64Shl => I::I32Shl,
            Operator::I64ShrS => I::I32ShrS,
            Operator::I64ShrU => I::I32ShrU,
            Operator::I64Rotl => I::I32Rotl,
            Operator::I64Rotr => I::I32Rotr,
            Operator::I64Extend8S => I::I32Extend8S,
            Operator::I64Extend16S => I::I32Extend16S,
            other => utils::instruction(self, other)?,
        })
    }
}

/// Signed division is the longest of what the compiler writes out, and rare in random code: it takes
/// the place of two instructions that i32 has as well.
fn division(operator: &Operator) -> Option<Instruction<'static>> {
    match operator {
        Operator::I64Mul => Some(Instruction::I32RemS),
        Operator::I64And => Some(Instruction::I32DivS),
        _ => None,
    }
}

/// Of half words.
fn aligned(arg: MemArg) -> MemArg {
    MemArg { align: arg.align.min(1), ..arg }
}

impl Narrow {
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
            | I::I32Load16U(_) => mask(MASK).into(),
            I::I32Store(_) | I::I32Store8(_) | I::I32Store16(_) => {
                [vec![I::GlobalSet(first)], mask(MASK).into(), vec![I::GlobalGet(first)]].concat()
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
            _ => Vec::new(),
        }
    }

    /// What notes the result of an instruction, if that is arithmetic, and leaves it.
    fn note(&self, instruction: &Instruction) -> Vec<Instruction<'static>> {
        use Instruction as I;
        let arithmetic = matches!(
            instruction,
            I::I32Clz
                | I::I32Ctz
                | I::I32Popcnt
                | I::I32Add
                | I::I32Sub
                | I::I32Mul
                | I::I32DivS
                | I::I32DivU
                | I::I32RemS
                | I::I32RemU
                | I::I32And
                | I::I32Or
                | I::I32Xor
                | I::I32Shl
                | I::I32ShrS
                | I::I32ShrU
                | I::I32Rotl
                | I::I32Rotr
                | I::I32Extend8S
                | I::I32Extend16S
        );
        if !arithmetic {
            return Vec::new();
        }
        let place = MemArg { offset: 0, align: 2, target: MemArgTarget::Memory(0), ordering: None };
        vec![
            I::GlobalSet(self.spare),
            I::I32Const(NOTE),
            I::I32Const(NOTE),
            I::I32Load(place),
            I::I32Const(5),
            I::I32Rotl,
            I::GlobalGet(self.spare),
            I::I32Xor,
            I::I32Store(place),
            I::GlobalGet(self.spare),
        ]
    }
}
