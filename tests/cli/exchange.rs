//! `hardmax export` and `hardmax import`, as their users meet them.

use std::fs;

use crate::common::command::{at, file, hardmax, json, prints, refused, says, vector};
use safetensors::SafeTensors;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin");

#[test]
fn a_model_goes_out_and_comes_back_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let [exported, imported] = ["model.safetensors", "model.bin"].map(|name| at(&folder, name));
    let report = json(0, &["export", "--safetensors", &exported]);
    assert_eq!(
        (&report["model"], &report["safetensors"]),
        (&"built in".into(), &(&*exported).into())
    );
    let bytes = fs::read(&exported).unwrap();
    assert_eq!(report["bytes"], bytes.len());
    assert_eq!(SafeTensors::deserialize(&bytes).unwrap().len(), 2 + 7 * 6);
    let report = json(0, &["import", "--safetensors", &exported, "-o", &imported]);
    assert_eq!(report["shape"]["layers"], 6);
    assert!(fs::read(&imported).unwrap() == fs::read(MODEL).unwrap());
    let mut run = hardmax(&["run", &vector("reverse.txt"), "--model", &imported]);
    assert_eq!(prints(0, &mut run), "xamdrah");
    let said = says(0, &mut hardmax(&["export", "--safetensors", &exported, "--model", &imported]));
    assert!(said.contains("V=1899 D=48 L=6 H=24 F=77, 304,128 weights"), "{said}");
    assert!(fs::read(&exported).unwrap() == bytes, "the same bytes every time");
}

#[test]
fn an_output_that_is_the_input_or_cannot_be_written_is_refused() {
    let (folder, model) = file("model.bin", fs::read(MODEL).unwrap());
    let exported = at(&folder, "model.safetensors");
    hardmax(&["export", "--safetensors", &exported]).assert().code(0);
    let cases = [
        ["export", "--model", &model, "--safetensors", &model],
        ["import", "--safetensors", &exported, "--output", &exported],
    ];
    for words in cases {
        let before = fs::read(words[4]).unwrap();
        assert!(refused(&words).contains("this is the model that is read"), "{words:?}");
        assert!(fs::read(words[4]).unwrap() == before);
    }
    let missing = at(&folder, "missing/output");
    for words in [
        ["export", "--model", &model, "--safetensors", &missing],
        ["import", "--safetensors", &exported, "--output", &missing],
    ] {
        assert!(refused(&words).contains("cannot be written"), "{words:?}");
    }
}

#[test]
fn what_is_no_model_is_refused_by_name_and_nothing_is_written() {
    let (folder, other) = file("other.safetensors", b"\x02\0\0\0\0\0\0\0{}");
    let output = at(&folder, "model.bin");
    fs::write(&output, "older").unwrap();
    let error = refused(&["import", "--safetensors", &other, "--output", &output]);
    assert!(error.contains("other.safetensors: its metadata has no entry \"hardmax\""), "{error}");
    let error = refused(&["import", "--safetensors", MODEL, "--output", &output]);
    assert!(error.contains("wasm32.bin: this is no safetensors file"), "{error}");
    let error = refused(&["export", "--model", &other, "--safetensors", &output]);
    assert!(error.contains("other.safetensors"), "{error}");
    refused(&["import", "--safetensors", &at(&folder, "none"), "--output", &output]);
    assert_eq!(fs::read(&output).unwrap(), b"older");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
