//! Inputs of some kilobytes that would cost gigabytes or minutes: each is refused by a limit that
//! has a name, or takes memory and steps in proportion to what it is.

#[path = "model_file/allocation.rs"]
mod allocation;
mod common;

use allocation::peak_of;
use common::command::{at, file, hardmax, json, refused, says};
use hardmax::model::{Model, Token};
use hardmax::plan::{Plan, Refusal, Rule};
use hardmax::program::binary::{BLOCK_TOKENS, BinaryError, Header, Reader, Writer, program_digest};
use hardmax::wasm::{Options, WasmError, compile};

/// A binary trace of these names whose prompt is the first name again and again, as other programs
/// than this one might write it.
fn trace(names: &[String], prompt: u64) -> Vec<u8> {
    let mut listed = Vec::new();
    for name in names {
        listed.extend((name.len() as u16).to_le_bytes());
        listed.extend(name.as_bytes());
    }
    let mut file = b"\x89hmt\r\n\x1a\n\x01\0\0\0".to_vec();
    file.extend((names.len() as u32).to_le_bytes());
    file.extend((listed.len() as u32).to_le_bytes());
    file.extend([0; 4]);
    file.extend(prompt.to_le_bytes());
    file.extend([0; 64]);
    file.extend(listed);
    let digest = blake3::hash(&file);
    file.extend(digest.as_bytes());
    let packed = lz4_flex::block::compress(&[0; 2 * BLOCK_TOKENS]);
    for block in 0..prompt / BLOCK_TOKENS as u64 {
        let mut head = (BLOCK_TOKENS as u32).to_le_bytes().to_vec();
        head.extend((packed.len() as u32).to_le_bytes());
        head.extend((block * BLOCK_TOKENS as u64).to_le_bytes());
        let mut hasher = blake3::Hasher::new_keyed(digest.as_bytes());
        hasher.update(&head).update(&packed);
        file.extend(head);
        file.extend(&hasher.finalize().as_bytes()[..16]);
        file.extend(&packed);
    }
    file
}

/// The first error of a trace, and the memory that reading up to it takes.
fn fault(file: &[u8]) -> (BinaryError, isize) {
    peak_of(|| match Reader::new(file) {
        Ok(mut reader) => reader.find_map(Result::err).unwrap(),
        Err(error) => error,
    })
}

#[test]
fn a_trace_of_one_long_name_is_refused_for_that_name() {
    let file = trace(&["x".repeat(60_000)], 4 * BLOCK_TOKENS as u64);
    let (error, peak) = fault(&file);
    assert!(matches!(error, BinaryError::LongName { token: 0, length: 60_000, .. }), "{error}");
    assert!(peak < 1 << 20, "{peak}");
    let (_folder, path) = common::command::file("long.hmt", &file);
    assert!(refused(&["trace", &path]).contains("60000 bytes; there may be 256"));
}

#[test]
fn a_trace_whose_prompt_is_spelled_without_end_is_refused_before_it_is_read() {
    // 33 million tokens of 33 bytes each, in less than half a megabyte. The bytes of no number of
    // them are just as many as there may be.
    let file = trace(&["x".repeat(32)], 1 << 25);
    assert!(file.len() < 1 << 19, "{}", file.len());
    let (error, peak) = fault(&file);
    assert!(matches!(error, BinaryError::LongPrompt { most: 0x2000_0000, .. }), "{error}");
    assert!(peak < 1 << 20, "{peak}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_prompt_of_many_tokens_takes_a_few_bytes_for_each() {
    let names = ["{", "}", "halt", "00", "commit(+0,sts=0,bt=0)", "input_base", "61"];
    let mut prompt = vec![0, 5, 3, 3, 3, 3, 2, 3, 3, 3, 3, 1];
    prompt.resize(1 << 24, 6);
    prompt.extend([3, 4]);
    let spelled = prompt.iter().map(|&token| names[usize::from(token)]);
    let header = Header {
        names: names.map(str::to_owned).to_vec(),
        stop: 2,
        prompt: prompt.len() as u64,
        model: [0; 32],
        program: program_digest(spelled),
    };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    prompt.iter().for_each(|&token| writer.push(token).unwrap());
    let packed = writer.finish().unwrap();
    assert!(packed.len() < 1 << 18, "{}", packed.len());
    let (_folder, path) = file("long.hmt", packed);
    // In kilobytes: 8 bytes for each of 16 million tokens, and the program itself.
    let hardmax = env!("CARGO_BIN_EXE_hardmax");
    let limited = format!("ulimit -v 230000; exec {hardmax} trace {path} --json");
    let report = common::command::prints(0, assert_cmd::Command::new("sh").args(["-c", &limited]));
    assert!(report.contains("\"prompt_tokens\": 16777218"), "{report}");
}

#[test]
fn messages_have_an_end() {
    let endless = "x".repeat(1 << 20);
    let (_folder, path) = file("endless.txt", &endless);
    assert!(refused(&["run", &path]).len() < 300);
    let (_folder, path) = file("endless.wat", format!("(module {endless})"));
    let error = refused(&["run", &path]);
    assert!(error.len() < 17_000 && error.trim_end().ends_with("..."), "{}", error.len());
}

/// A number as modules write it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A list as modules write it.
fn list(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<Vec<u8>> = items.into_iter().collect();
    [leb(items.len()), items.concat()].concat()
}

/// A function of this code.
fn body(code: &[u8]) -> Vec<u8> {
    let body = [b"\0", code, b"\x0b"].concat();
    [leb(body.len()), body].concat()
}

/// A module whose function 0 is `compute`. Type 0 is its type.
fn module(types: &[Vec<u8>], functions: &[(usize, Vec<u8>)], others: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let compute = b"\x60\x01\x7f\0".to_vec();
    let mut sections = vec![
        (1, list([compute].into_iter().chain(types.iter().cloned()))),
        (3, list(functions.iter().map(|function| leb(function.0)))),
        (7, list([b"\x07compute\0\0".to_vec()])),
        (10, list(functions.iter().map(|function| body(&function.1)))),
    ];
    sections.extend(others.iter().cloned());
    sections.sort();
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, contents) in sections {
        module.extend([vec![id], leb(contents.len()), contents].concat());
    }
    module
}

/// What a module becomes, how many times its bytes that takes in memory, and how long.
fn compiled(module: &[u8]) -> (Result<usize, WasmError>, isize) {
    let work = || compile(module, &Options::default()).map(|made| made.program.code().len());
    let (made, peak) = peak_of(work);
    (made, peak / module.len() as isize)
}

const TOO_LARGE: Result<usize, WasmError> = Err(WasmError::TooLarge { limit: 1 << 22 });

#[test]
fn functions_are_given_their_code_one_after_the_other() {
    // Where each looked for its place from the first on, this took five billion steps.
    let functions = vec![(0, Vec::new()); 100_000];
    let (made, times) = compiled(&module(&[], &functions, &[]));
    assert!(made.is_ok_and(|instructions| instructions < 10) && times < 100, "{times} times");
}

#[test]
fn branches_that_leave_much_behind_stop_at_the_limit() {
    // 50,000 branches that drop 50,000 operands each: 2.5 billion instructions.
    let (constant, branch) = (b"\x41\0", b"\x41\0\x0d\0");
    let operands = 50_000;
    let code = [b"\x02\x40".to_vec(), constant.repeat(operands), branch.repeat(operands)].concat();
    let code = [code, b"\x1a".repeat(operands), b"\x0b".to_vec()].concat();
    let module = module(&[], &[(0, code)], &[]);
    let (made, times) = compiled(&module);
    assert_eq!(made, TOO_LARGE);
    assert!(times < 500, "{times} times");
}

#[test]
fn a_table_of_functions_with_many_arguments_stops_at_the_limit() {
    let (count, arguments) = (20_000, 999);
    let ty = [b"\x60".to_vec(), list(vec![vec![0x7f]; arguments]), vec![0]].concat();
    let call = [b"\x41\0".repeat(arguments + 1), b"\x11\x01\0".to_vec()].concat();
    let mut functions = vec![(0, call)];
    functions.extend(vec![(1, Vec::new()); count]);
    let elements = [b"\0\x41\0\x0b".to_vec(), list((1..=count).map(leb))].concat();
    let table = [b"\x70\0".to_vec(), leb(count)].concat();
    let (made, times) =
        compiled(&module(&[ty], &functions, &[(4, list([table])), (9, list([elements]))]));
    assert_eq!(made, TOO_LARGE);
    assert!(times < 1000, "{times} times");
}

#[test]
fn a_table_is_sorted_by_type_once() {
    // 2,000 types, called through a table of 100,000 functions of another.
    let (types, count) = (2000, 100_000);
    let ty = |n: usize| {
        [b"\x60".to_vec(), list(vec![vec![0x7f]; n % 50]), list(vec![vec![0x7f]; 1 + n / 50])]
            .concat()
    };
    let call = |n: usize| {
        let (takes, gives) = (n % 50, 1 + n / 50);
        let asked = [b"\x41\0".repeat(takes + 1), b"\x11".to_vec(), leb(n + 1), vec![0]].concat();
        [asked, b"\x1a".repeat(gives)].concat()
    };
    let code: Vec<u8> = (0..types).flat_map(call).collect();
    let types: Vec<Vec<u8>> = (0..types).map(ty).collect();
    let elements = [b"\0\x41\0\x0b".to_vec(), list(vec![leb(0); count])].concat();
    let table = [b"\x70\0".to_vec(), leb(count)].concat();
    let others = [(4, list([table])), (9, list([elements]))];
    let (made, times) = compiled(&module(&types, &[(0, code)], &others));
    assert!(made.is_ok() && times < 100, "{times} times");
}

#[test]
fn bytes_of_data_that_lie_far_apart_take_little_each() {
    let far = |n: usize| [b"\0\x41".to_vec(), leb(n << 13), b"\x0b\x01x".to_vec()].concat();
    // As signed numbers, those whose seventh bit is set would be negative.
    let segments = (0..60_000).filter(|n| leb(n << 13).last().is_some_and(|byte| byte & 64 == 0));
    let data = list(segments.map(far));
    let memory = list([[vec![0], leb(8000)].concat()]);
    let (made, times) = compiled(&module(&[], &[(0, Vec::new())], &[(5, memory), (11, data)]));
    assert!(made.is_ok() && times < 100, "{times} times");
}

/// A model file with random whole weights: no heads, and units that read neither recency nor square.
fn random_model(vocabulary: usize, width: usize, layers: usize, units: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut file = Vec::new();
    for number in [vocabulary, width, layers, width / 2, units, 2] {
        file.extend((number as u32).to_le_bytes());
    }
    for token in 0..vocabulary {
        let name =
            ["{", "}", "halt", "00"].get(token).map_or(format!("t{token}"), |n| n.to_string());
        file.extend((name.len() as u32).to_le_bytes());
        file.extend(name.as_bytes());
    }
    let mut matrix = |rows: usize, weight: &dyn Fn(usize, usize) -> Option<f64>| {
        for at in 0..rows * width {
            let drawn = f64::from(random.i32(-9..10));
            file.extend(weight(at / width, at % width).unwrap_or(drawn).to_le_bytes());
        }
    };
    matrix(vocabulary, &|token, slot| match slot {
        0..3 => Some(0.0),
        3 => Some(f64::from(u8::from(token > 0))),
        _ => None,
    });
    for _ in 0..layers {
        matrix(4 * width, &|_, _| Some(0.0));
        // Factors do not read the position either, or each would need a guard.
        let first = move |unit: usize| usize::from(unit < units);
        matrix(2 * units, &|unit, slot| (first(unit)..3).contains(&slot).then_some(0.0));
        // D rows of F: the first three bring nothing to the slots of the position.
        matrix(units, &|row, column| (row * width + column < 3 * units).then_some(0.0));
    }
    matrix(vocabulary, &|_, slot| (0..3).contains(&slot).then_some(0.0));
    file
}

fn refusal(file: Vec<u8>) -> Option<Refusal> {
    Plan::new(&Model::from_bytes(file).unwrap(), Token(0)).err()
}

fn rule(file: Vec<u8>) -> Option<Rule> {
    match refusal(file) {
        Some(Refusal::Unproved(cause)) => Some(cause.rule),
        _ => None,
    }
}

#[test]
fn an_output_head_of_random_weights_has_a_plan_or_is_refused_soon() {
    assert_eq!(rule(random_model(1500, 42, 0, 0)), Some(Rule::Groups));
    assert_eq!(rule(random_model(3000, 20, 0, 0)), Some(Rule::Groups));
    assert_eq!(rule(random_model(700, 100, 0, 0)), Some(Rule::Groups));
    assert_eq!(refusal(random_model(250, 100, 0, 0)), None);
    assert_eq!(rule(random_model(60_000, 80, 0, 0)), Some(Rule::Grouping));
}

#[test]
fn a_vocabulary_of_more_ids_than_16_bits_has_no_plan() {
    assert_eq!(refusal(random_model(65_537, 4, 0, 0)), Some(Refusal::Vocabulary));
    assert_ne!(refusal(random_model(65_536, 4, 0, 0)), Some(Refusal::Vocabulary));
}

#[test]
fn units_without_end_are_too_much_to_plan() {
    assert_eq!(refusal(random_model(40, 12, 1, 4000)), None);
    assert_eq!(refusal(random_model(40, 12, 2, 1500)), Some(Refusal::Work));
}

#[test]
fn every_command_says_what_was_too_much() {
    let (folder, path) = file("random.bin", random_model(1500, 42, 0, 0));
    let why = "the tokens fall into more than 256 groups";
    let report = json(0, &["inspect", &path, "--plan"]);
    assert_eq!(report["plan"]["refused"]["unproved"]["rule"], "groups", "{report}");
    let inspect = common::command::prints(0, &mut hardmax(&["inspect", &path, "--plan"]));
    assert!(inspect.contains(why), "{inspect}");
    let program = at(&folder, "halt.txt");
    std::fs::write(&program, "{ halt 00 00 00 00 }").unwrap();
    let run = ["run", program.as_str(), "--model", &path, "--max-tokens", "3", "--verify", "none"];
    let said = says(1, &mut hardmax(&run));
    assert!(said.contains(why), "{said}");
}

#[test]
fn code_for_hundreds_of_groups_of_tokens_has_an_end() {
    let (folder, path) = file("random.bin", random_model(250, 100, 0, 0));
    let program = at(&folder, "halt.txt");
    std::fs::write(&program, "{ halt 00 00 00 00 }").unwrap();
    let run = ["run", &program, "--model", &path, "--max-tokens", "300", "--trace"];
    let traces = ["plan", "reference"].map(|engine| {
        let trace = at(&folder, &format!("{engine}.hmt"));
        let run = run.into_iter().chain([&trace, "--verify", "none", "--engine", engine]);
        let run: Vec<&str> = run.collect();
        hardmax(&run).assert().code(1);
        std::fs::read(trace).unwrap()
    });
    assert_eq!(traces[0], traces[1]);
}

#[test]
fn an_input_of_more_than_a_million_bytes_stays_on_the_plan() {
    let bytes: Vec<u8> = (0..1_300_000u32).map(|at| (at.wrapping_mul(at) >> 3) as u8 | 1).collect();
    let (folder, input) = file("input", bytes);
    let trace = at(&folder, "oracle.hmt");
    let limits = ["--input", &input, "--max-tokens", "20000"];
    let oracle = [&["oracle", "crc32", "--trace", &trace], &limits[..]].concat();
    hardmax(&oracle).assert().code(1);
    let run = [&["run", "crc32", "--verify", "none", "--check", &trace], &limits[..]].concat();
    let report = json(1, &run);
    assert_eq!(report["fallback"], serde_json::Value::Null);
    assert_eq!(report["check"], "equal", "{report}");
    assert_eq!(report["generated_tokens"], 20_000);
}

#[test]
fn threads_beyond_what_cores_bear_are_not_made_and_not_reported() {
    let vector = common::command::vector("countdown_ref.txt");
    let report = json(0, &["verify", &vector, "--threads", "1024", "--block", "1"]);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    assert_eq!(report["threads"], 4 * cores);
}
