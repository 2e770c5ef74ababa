//! Models in files: themselves whatever becomes of the file, whole or absent when written.

use std::fs;
use std::path::Path;

use hardmax::model::{Model, ModelError};

use crate::allocation::peak_of;
use crate::draft::{NAMES, sample, sample_with, weight};

fn entries(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_is_written_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.bin");
    for length in 0..8 {
        let name = "n".repeat(length);
        let bytes = sample_with([&name, "a", "b"], [true; 3]).bytes;
        let model = Model::from_bytes(bytes.clone()).unwrap();
        model.write(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        let opened = Model::open(&path).unwrap();
        assert_eq!(opened.to_bytes(), bytes);
        assert_eq!(opened.embedding().data[5], weight(5));
    }
    assert_eq!(entries(directory.path()), ["model.bin"]);
}

#[test]
fn an_open_model_outlives_the_replacement_of_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.bin");
    let (full, bare) = (sample(), sample_with(NAMES, [false; 3]));
    fs::write(&path, &full.bytes).unwrap();
    let opened = Model::open(&path).unwrap();
    Model::from_bytes(bare.bytes.clone()).unwrap().write(&path).unwrap();
    assert_eq!(opened.to_bytes(), full.bytes);
    assert_eq!(Model::open(&path).unwrap().to_bytes(), bare.bytes);
}

#[test]
fn an_open_model_outlives_what_is_done_to_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.bin");
    let bytes = sample().bytes;
    fs::write(&path, &bytes).unwrap();
    let opened = Model::open(&path).unwrap();
    fs::write(&path, vec![0xff; bytes.len()]).unwrap();
    assert_eq!(opened.to_bytes(), bytes);
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    assert_eq!(opened.to_bytes(), bytes);
    assert_eq!(opened.embedding().data[5], weight(5));
}

/// Its beginning says so.
#[test]
fn a_large_file_that_is_no_model_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zeros");
    fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let (error, peak) = peak_of(|| Model::open(&path).unwrap_err());
    assert!(matches!(error, ModelError::InFile { .. }), "{error:?}");
    assert!(peak < 1 << 16, "{peak}");
}

#[test]
fn bytes_built_into_the_binary_are_a_model() {
    let bytes: &'static [u8] = sample().bytes.leak();
    assert_eq!(Model::from_bytes(bytes).unwrap().to_bytes(), bytes);
    // What `include_bytes!` gives is a reference to an array.
    let array: &'static [u8; 3] = b"no!";
    assert!(Model::from_bytes(array).is_err());
}

#[test]
fn models_go_from_thread_to_thread() {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_send_and_sync::<Model>();
}

#[test]
fn debug_output_does_not_list_the_weights() {
    let model = Model::from_bytes(sample().bytes).unwrap();
    assert_eq!(
        format!("{model:?}"),
        "Model { shape: Shape { vocabulary: 3, width: 6, layers: 2, heads: 3, units: 1 }, \
         stop: \"halt\", .. }"
    );
}

#[test]
fn errors_of_a_file_name_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("short.bin");
    fs::write(&path, sample().cut(23)).unwrap();
    let error = Model::open(&path).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with(&format!("{}: byte 0: ", path.display())), "{message}");
    let ModelError::InFile { path: named, fault } = error else {
        panic!("{error:?}");
    };
    assert_eq!(named, path);
    assert!(matches!(*fault, ModelError::Truncated { offset: 0, .. }));
}

#[test]
fn an_empty_file_is_truncated_and_a_missing_one_is_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.bin");
    let missing = Model::open(&path).unwrap_err();
    assert!(matches!(missing, ModelError::Io { .. }), "{missing:?}");
    assert!(missing.to_string().starts_with(path.to_str().unwrap()));
    fs::write(&path, []).unwrap();
    let empty = Model::open(&path).unwrap_err();
    assert!(matches!(empty, ModelError::InFile { .. }), "{empty:?}");
}

#[test]
fn directories_are_neither_opened_nor_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.bin");
    fs::create_dir(&path).unwrap();
    let error = Model::open(&path).unwrap_err();
    assert!(matches!(error, ModelError::NotAFile { .. }), "{error:?}");
    let model = Model::from_bytes(sample().bytes).unwrap();
    let error = model.write(&path).unwrap_err();
    assert!(matches!(error, ModelError::NotAFile { .. }), "{error:?}");
    assert_eq!(entries(directory.path()), ["model.bin"]);
}

#[test]
fn a_write_that_fails_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing").join("model.bin");
    let model = Model::from_bytes(sample().bytes).unwrap();
    let error = model.write(&path).unwrap_err();
    assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
    assert!(entries(directory.path()).is_empty());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_has_the_mode_of_any_new_file() {
        let directory = tempfile::tempdir().unwrap();
        let [path, other] = ["model.bin", "other"].map(|name| directory.path().join(name));
        fs::write(&other, []).unwrap();
        Model::from_bytes(sample().bytes).unwrap().write(&path).unwrap();
        assert_eq!(mode(&path), mode(&other));
    }

    #[test]
    fn a_replaced_file_keeps_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.bin");
        fs::write(&path, []).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        Model::from_bytes(sample().bytes).unwrap().write(&path).unwrap();
        assert_eq!(mode(&path), 0o640);
    }

    #[test]
    fn a_symbolic_link_stays_one() {
        let directory = tempfile::tempdir().unwrap();
        let [link, file] = ["link", "model.bin"].map(|name| directory.path().join(name));
        fs::write(&file, []).unwrap();
        symlink("model.bin", &link).unwrap();
        Model::from_bytes(sample().bytes).unwrap().write(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), sample().bytes);
    }
}
