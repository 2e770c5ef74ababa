//! Model files: whatever the bytes, a valid model or an error, in little memory. A model that
//! loads is its file, and its parts make the same file again.

use hardmax::model::Model;

use super::allocation::peak_of;

#[path = "../../tests/model_file/parts.rs"]
mod parts;

/// The bytes are a model file.
pub fn check(data: &[u8]) -> bool {
    let bytes = data.to_vec();
    let (model, peak) = peak_of(|| Model::from_bytes(bytes));
    assert!(peak as usize <= 3 * data.len() + 4096, "{peak} bytes for {}", data.len());
    let Ok(model) = model else { return false };
    assert_eq!(model.to_bytes(), data);
    let again = Model::new(parts::parts_of(&model)).expect("a model's own parts");
    let written = again.to_bytes();
    // The flags of absent parts may be absent, too, and are always written.
    let flags = written.strip_prefix(data).expect("the same file, but for its end");
    assert!(
        flags.len() <= 12 && flags.len().is_multiple_of(4) && flags.iter().all(|&byte| byte == 0)
    );
    let reloaded = Model::from_bytes(written.clone()).expect("what was written");
    assert_eq!(reloaded.to_bytes(), written);
    true
}
