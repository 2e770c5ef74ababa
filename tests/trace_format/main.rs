//! The binary trace format, and text traces as streams: what is written is read,
//! and no file, however wrong, is believed or takes memory.

#[path = "../model_file/allocation.rs"]
mod allocation;

use std::io::{BufReader, Read};

use allocation::peak_of;
use hardmax::program::binary::{BLOCK_TOKENS, BinaryError, Header, Reader, Writer, program_digest};
use hardmax::program::stream::TextReader;
use proptest::prelude::*;

const PROMPT: [u16; 4] = [2, 0, 1, 3];

fn header() -> Header {
    let names = ["a", "a-longer-name", "{", "}", "halt", "b"].map(str::to_owned).to_vec();
    let program = program_digest(PROMPT.iter().map(|&id| names[usize::from(id)].as_str()));
    Header { names, stop: 4, prompt: PROMPT.len() as u64, model: [7; 32], program }
}

fn tokens(count: usize) -> Vec<u16> {
    let rest = (0..count).map(|at| (at * at / 7 % 5) as u16);
    PROMPT.into_iter().chain(rest).collect()
}

/// A complete file; blocks end after the prompt, where they are full, and where `ends` says so.
fn written(tokens: &[u16], ends: &[usize]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &header()).unwrap();
    for (at, &token) in tokens.iter().enumerate() {
        writer.push(token).unwrap();
        if at + 1 == PROMPT.len() || ends.contains(&(at + 1)) {
            writer.end_block().unwrap();
        }
    }
    writer.finish().unwrap()
}

/// All tokens, and whether the file was complete.
fn read(bytes: impl Read) -> Result<(Vec<u16>, bool), BinaryError> {
    let mut reader = Reader::new(bytes)?;
    let tokens = reader.by_ref().collect::<Result<_, _>>()?;
    Ok((tokens, reader.complete()))
}

#[test]
fn what_is_written_is_read() {
    for count in [0, 1, 2, 1000, BLOCK_TOKENS - 1, BLOCK_TOKENS, BLOCK_TOKENS + 1, 100_000] {
        let tokens = tokens(count);
        let file = written(&tokens, &[17, 18, 500]);
        let reader = Reader::new(file.as_slice()).unwrap();
        assert_eq!(*reader.header(), header());
        assert_eq!(read(file.as_slice()).unwrap(), (tokens, true), "{count}");
    }
}

#[test]
fn tokens_that_cannot_be_packed_are_written_and_read() {
    let names: Vec<String> = (0..=u16::MAX).map(|id| id.to_string()).collect();
    let program = program_digest(std::iter::once("0"));
    let header = Header { names, stop: 4, prompt: 1, model: [7; 32], program };
    let mut random = fastrand::Rng::with_seed(1);
    let rest = (0..2 * BLOCK_TOKENS).map(|_| random.u16(..));
    let tokens: Vec<u16> = std::iter::once(0).chain(rest).collect();
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    tokens.iter().for_each(|&token| writer.push(token).unwrap());
    let file = writer.finish().unwrap();
    assert!(file.len() > 4 * BLOCK_TOKENS);
    assert_eq!(read(file.as_slice()).unwrap(), (tokens, true));
}

#[test]
fn a_token_takes_much_less_than_two_bytes() {
    let file = written(&tokens(1 << 20), &[]);
    assert!(file.len() < 1 << 18, "{}", file.len());
}

#[test]
fn a_file_cut_anywhere_holds_its_whole_blocks_if_these_have_the_prompt() {
    let tokens = tokens(60);
    let file = written(&tokens, &[20, 40]);
    let mut lengths = Vec::new();
    for end in 0..file.len() {
        match read(&file[..end]) {
            Ok((found, complete)) => {
                assert!(!complete && tokens.starts_with(&found), "{end}");
                lengths.push(found.len());
            }
            Err(BinaryError::NotATrace) => assert!(end < 8),
            Err(BinaryError::CutHeader { offset }) => {
                assert!(end >= 8);
                assert_eq!(offset, end as u64);
            }
            Err(BinaryError::ShortPrompt { tokens: 0, prompt: 4, .. }) => {
                assert!(lengths.is_empty());
            }
            Err(other) => panic!("{end}: {other}"),
        }
    }
    lengths.dedup();
    assert_eq!(lengths, [4, 20, 40, 64]);
}

#[test]
fn every_flipped_bit_is_an_error_with_its_offset() {
    let file = written(&tokens(60), &[20, 40]);
    for offset in 0..file.len() {
        for bit in 0..8 {
            let mut bytes = file.clone();
            bytes[offset] ^= 1 << bit;
            match read(bytes.as_slice()) {
                Err(error) => assert!(error.to_string().starts_with("byte "), "{error}"),
                // More bytes than the file has: as if it were cut there.
                Ok((found, complete)) => assert!(!complete && found.len() < 64, "{offset}"),
            }
        }
    }
}

#[test]
fn blocks_count_in_their_own_file_and_place_only() {
    let tokens = tokens(60);
    let file = written(&tokens, &[20, 36]);
    let mut other = header();
    other.model = [8; 32];
    let mut writer = Writer::new(Vec::new(), &other).unwrap();
    tokens.iter().for_each(|&token| writer.push(token).unwrap());
    let other = writer.finish().unwrap();
    let blocks = file.len() - other.len();
    assert!(blocks > 0);
    let size = Reader::new(file.as_slice()).unwrap().offset() as usize;
    let mixed = [&file[..size], &other[size..]].concat();
    let fault = read(mixed.as_slice()).unwrap_err();
    assert!(matches!(fault, BinaryError::BlockChecksum { .. }), "{fault}");

    // Without its second block, the third is at the wrong place.
    let end_of = |count: usize| {
        let mut reader = Reader::new(file.as_slice()).unwrap();
        reader.by_ref().take(count).for_each(drop);
        reader.offset() as usize
    };
    let skipped = [&file[..end_of(4)], &file[end_of(20)..]].concat();
    let fault = read(skipped.as_slice()).unwrap_err();
    assert!(matches!(fault, BinaryError::Position { found: 20, expected: 4, .. }), "{fault}");

    let more = [file.as_slice(), &[0]].concat();
    let fault = read(more.as_slice()).unwrap_err();
    assert!(matches!(fault, BinaryError::AfterEnd { .. }), "{fault}");
}

#[test]
fn ids_and_programs_that_do_not_fit_the_header_are_refused() {
    let mut out_of_range = tokens(10);
    out_of_range[9] = 6;
    let fault = read(written(&out_of_range, &[]).as_slice()).unwrap_err();
    assert!(matches!(fault, BinaryError::Token { position: 9, token: 6, names: 6, .. }), "{fault}");
    let mut other_program = tokens(10);
    other_program[1] = 1;
    let fault = read(written(&other_program, &[]).as_slice()).unwrap_err();
    assert!(matches!(fault, BinaryError::Program { .. }), "{fault}");
    // Also where the prompt goes on, and ends, within another block.
    for (tokens, is_right) in [(tokens(10), true), (other_program, false)] {
        let mut writer = Writer::new(Vec::new(), &header()).unwrap();
        for (at, &token) in tokens.iter().enumerate() {
            writer.push(token).unwrap();
            if at < 2 {
                writer.end_block().unwrap();
            }
        }
        match read(writer.finish().unwrap().as_slice()) {
            Ok(found) => assert!(is_right && found == (tokens, true)),
            Err(fault) => assert!(!is_right && matches!(fault, BinaryError::Program { .. })),
        }
    }
    let fault = read(written(&tokens(0)[..3], &[]).as_slice()).unwrap_err();
    assert!(matches!(fault, BinaryError::ShortPrompt { tokens: 3, prompt: 4, .. }), "{fault}");
}

#[test]
fn a_header_is_checked_when_it_is_written() {
    let of = |change: fn(&mut Header)| {
        let mut header = header();
        change(&mut header);
        Writer::new(Vec::new(), &header).map(|_| ()).unwrap_err().to_string()
    };
    assert!(of(|h| h.names.clear()).contains("0 names"));
    assert!(
        of(|h| h.names = (0..65_537).map(|id| id.to_string()).collect()).contains("65537 names")
    );
    assert!(of(|h| h.names[0] = "x".repeat(65_536)).contains("name of token 0"));
    let long = |h: &mut Header| {
        h.names = (0..60_000).map(|id| format!("{id}{}", "x".repeat(100))).collect();
    };
    assert!(of(long).contains("bytes of names"));
    // The first name stands at byte 96, behind two bytes for its length.
    let two_words = of(|h| h.names[1] = "two words".into());
    assert_eq!(two_words, "byte 99: the name \"two words\" of token 1 is not one word");
    assert!(of(|h| h.names[1] = String::new()).starts_with("byte 99: the name \"\" of token 1"));
    assert!(of(|h| h.names[1] = "a\u{1b}".into()).contains("is not one word"));
    assert!(of(|h| h.names[5] = "{".into()).contains("token 5 has the name of token 2"));
    assert!(of(|h| h.stop = 6).contains("stop token is 6"));
    assert!(of(|h| h.prompt = 0).contains("0 tokens of the prompt"));
}

/// With another byte, under checksums that are right.
fn with_byte(file: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = file.to_vec();
    bytes[at] = byte;
    let mut block = Reader::new(file).unwrap().offset() as usize;
    let digest = *blake3::hash(&bytes[..block - 32]).as_bytes();
    bytes[block - 32..block].copy_from_slice(&digest);
    while let Some(size) = file.get(block + 4..).and_then(|rest| rest.first_chunk()) {
        let end = block + 32 + u32::from_le_bytes(*size) as usize;
        let mut hasher = blake3::Hasher::new_keyed(&digest);
        hasher.update(&bytes[block..block + 16]).update(&bytes[block + 32..end]);
        bytes[block + 16..block + 32].copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        block = end;
    }
    bytes
}

#[test]
fn what_a_right_checksum_covers_is_checked_to_its_last_byte() {
    let file = written(&tokens(60), &[]);
    let size = Reader::new(file.as_slice()).unwrap().offset() as usize;
    let fault = |at, byte| read(with_byte(&file, at, byte).as_slice()).unwrap_err();
    assert_eq!(with_byte(&file, 24, 4), file);
    for byte in 0..8 {
        let prompt = 4 % (1 << (8 * byte)) + (1 << (8 * byte));
        match fault(24 + byte, 1) {
            BinaryError::Count { offset: 24, value, least: 1, .. } => {
                assert!(byte >= 4 && value == prompt, "{byte}");
            }
            BinaryError::Program { .. } => assert_eq!(byte, 0),
            BinaryError::ShortPrompt { tokens: 64, prompt: found, .. } => {
                assert_eq!(found, prompt);
            }
            other => panic!("{byte}: {other}"),
        }
        match fault(size + 8 + byte, 1) {
            BinaryError::Position { offset, found, expected: 0 } => {
                assert_eq!((offset, found), (size as u64 + 8, 1 << (8 * byte)));
            }
            other => panic!("{byte}: {other}"),
        }
    }
    for (at, what) in [(0, "tokens of a block"), (4, "bytes of a block")] {
        match fault(size + at + 3, 1) {
            BinaryError::Count { offset, what: of, value, least: 0, .. } => {
                assert_eq!((offset, of), ((size + at) as u64, what));
                assert!(value > 1 << 24);
            }
            other => panic!("{other}"),
        }
    }
    // The first block unpacks to the four tokens of the prompt, no more and no less.
    for claimed in [3, 5] {
        let fault = fault(size, claimed);
        let BinaryError::Unpack { offset, tokens } = fault else { panic!("{fault}") };
        assert_eq!((offset, tokens), (size as u64, claimed.into()));
    }
    // Names stand at bytes 96, 99, 114, 117, 120 and 126, behind two bytes for their lengths.
    let names = [
        (98, 0xff, "byte 96: the name of token 0 is not UTF-8 text within its bytes"),
        (102, b' ', "byte 99: the name \"a longer-name\" of token 1 is not one word"),
        (116, b'}', "byte 117: token 3 has the name of token 2, \"}\""),
        (120, 9, "byte 120: the name of token 4 is not UTF-8 text within its bytes"),
        (12, 5, "byte 126: 3 bytes are left after the last name"),
    ];
    for (at, byte, message) in names {
        assert_eq!(fault(at, byte).to_string(), message);
    }
    for (at, byte) in [(20, 6), (21, 1), (22, 1), (23, 1)] {
        let fault = fault(at, byte);
        assert!(matches!(fault, BinaryError::Stop { offset: 20, names: 6, .. }), "{fault}");
    }
}

#[test]
fn a_header_may_have_as_much_of_everything_as_fits() {
    let longest = "n".repeat(256);
    let names: Vec<String> = (0..65_535).map(|id| id.to_string()).chain([longest]).collect();
    let most = Header { names, stop: 65_535, prompt: 1 << 26, ..header() };
    let file = Writer::new(Vec::new(), &most).unwrap().file_mut().clone();
    assert_eq!(*Reader::new(file.as_slice()).unwrap().header(), most);
    let refused = |change: fn(&mut Header)| {
        let mut header = most.clone();
        change(&mut header);
        Writer::new(Vec::new(), &header).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(|h| h.prompt += 1).contains("67108865 tokens of the prompt"));
    assert!(refused(|h| h.names[65_535].push('n')).contains("has 257 bytes"));
}

/// Reads what must be refused or cut, in less memory than a block's.
fn cheaply<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (result, peak) = peak_of(work);
    assert!(peak < 1 << 20, "{what}: {peak} bytes");
    result
}

#[test]
fn huge_sparse_files_take_no_memory() {
    let zeros = || std::io::repeat(0).take(10 << 30);
    let good = written(&tokens(60), &[]);
    let size = Reader::new(good.as_slice()).unwrap().offset() as usize;
    let fault = cheaply("zeros", || read(zeros())).unwrap_err();
    assert!(matches!(fault, BinaryError::NotATrace));
    let fault = cheaply("header, zeros", || read(good[..size].chain(zeros()))).unwrap_err();
    assert!(matches!(fault, BinaryError::BlockChecksum { .. }), "{fault}");
    let whole = &good[..good.len() - 32];
    let fault = cheaply("blocks, zeros", || read(whole.chain(zeros()))).unwrap_err();
    assert!(matches!(fault, BinaryError::BlockChecksum { .. }), "{fault}");

    for huge in [u32::MAX, 1 << 30] {
        for at in [12, 16] {
            let mut bytes = good[..size].to_vec();
            bytes[at..at + 4].copy_from_slice(&huge.to_le_bytes());
            let fault = cheaply("counts", || read(bytes.chain(zeros()))).unwrap_err();
            assert!(matches!(fault, BinaryError::Count { .. }), "{fault}");
        }
    }
    let text = |text: &'static [u8]| {
        cheaply("text", || {
            let file = BufReader::new(text.chain(zeros()));
            TextReader::new(file).and_then(|reader| reader.last().transpose()).map(|_| ())
        })
        .unwrap_err()
        .to_string()
    };
    assert!(text(b"").contains("expected `{`"));
    assert!(text(b"{ halt 00 00 00 00 }\n00").contains("is not a token"));
    assert!(text(b"{ halt 00 00 00 00 ").len() < 2000);
}

proptest! {
    #[test]
    fn whatever_the_bytes_reading_ends_and_is_cheap(
        junk in prop::collection::vec(any::<u8>(), 0..400),
        keep in 0usize..400,
    ) {
        let good = written(&tokens(60), &[20]);
        let bytes = [&good[..keep.min(good.len())], &junk].concat();
        let (result, peak) = peak_of(|| read(bytes.as_slice()));
        prop_assert!(peak < 1 << 20);
        if let Ok((found, _)) = result {
            prop_assert!(tokens(60).starts_with(&found));
        }
    }
}
