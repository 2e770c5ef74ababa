//! Models as safetensors files: every weight is where the documentation says, what comes back is the same
//! file, and each fault has its name.

use hardmax::model::{ExchangeError, MatrixName, Model, ModelParts, Shape, Token};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::draft::{D, F, H, L, NAMES, V, sample, sample_with, weight};

/// Its name, its shape and its bytes.
type Tensor = (String, Vec<usize>, Vec<u8>);

/// A safetensors file, written by hand: the twin of the crate's own writer, which it does not use.
fn draft(entry: Option<&str>, tensors: &[Tensor]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    if let Some(entry) = entry {
        header.insert("__metadata__".into(), json!({ "hardmax": entry }));
    }
    let mut data = Vec::new();
    for (name, shape, bytes) in tensors {
        let offsets = [data.len(), data.len() + bytes.len()];
        data.extend(bytes);
        let dtype = if name.starts_with("f32") { "F32" } else { "F64" };
        let name = name.trim_start_matches("f32 ").to_owned();
        header.insert(name, json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets }));
    }
    let header = Value::from(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

/// The tensors of the sample, and the entry of its metadata.
fn parts_of_sample() -> (Value, Vec<Tensor>) {
    let file = Model::from_bytes(sample().bytes).unwrap().to_safetensors().unwrap();
    let (_, header) = SafeTensors::read_metadata(&file).unwrap();
    let entry = serde_json::from_str(&header.metadata().as_ref().unwrap()["hardmax"]).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let mut tensors: Vec<_> = tensors
        .iter()
        .map(|(name, view)| (name.to_owned(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    tensors.sort();
    (entry, tensors)
}

/// Why a change of the entry or of the tensors is refused.
fn refused(change: impl FnOnce(&mut Value, &mut Vec<Tensor>)) -> ExchangeError {
    let (mut entry, mut tensors) = parts_of_sample();
    change(&mut entry, &mut tensors);
    let file = draft(Some(&entry.to_string()), &tensors);
    Model::from_safetensors(&file).expect_err("a fault")
}

/// The numbers of a tensor of a file.
fn numbers(file: &SafeTensors, name: &str, shape: [usize; 2]) -> Vec<u64> {
    let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F64, &shape[..]), "{name}");
    tensor.data().as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect()
}

/// Bit for bit, of the bundled model, too, whose weights are any numbers.
#[test]
fn every_tensor_has_the_weights_of_the_model() {
    let bundled = &include_bytes!("../../models/wasm32.bin")[..];
    for model in [Model::from_bytes(bundled), Model::from_bytes(sample().bytes)] {
        let model = model.unwrap();
        let bytes = model.to_safetensors().unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let Shape { vocabulary: v, width: d, layers, units: f, .. } = model.shape();
        let bits = |name| -> Vec<u64> {
            model.matrix(name).data.iter().map(|weight| weight.to_bits()).collect()
        };
        let read = |name: &str, shape| numbers(&file, name, shape);
        assert!(read("embedding.weight", [v, d]) == bits(MatrixName::Embedding));
        assert!(read("head.weight", [v, d]) == bits(MatrixName::Head));
        for l in 0..layers {
            let attention =
                |part: &str| read(&format!("layers.{l}.attention.{part}.weight"), [d, d]);
            let stacked = ["query", "key", "value"].map(attention).concat();
            assert!(stacked == bits(MatrixName::AttentionIn(l)));
            assert!(attention("output") == bits(MatrixName::AttentionOut(l)));
            let units =
                |part: &str, shape| read(&format!("layers.{l}.feed_forward.{part}.weight"), shape);
            let stacked = [units("gate", [f, d]), units("value", [f, d])].concat();
            assert!(stacked == bits(MatrixName::FeedForwardIn(l)));
            assert!(units("output", [d, f]) == bits(MatrixName::FeedForwardOut(l)));
        }
        assert_eq!(file.len(), 2 + 7 * layers);
    }
}

#[test]
fn the_metadata_says_all_that_is_no_weight() {
    let (entry, tensors) = parts_of_sample();
    let expected = json!({
        "version": 1,
        "shape": { "vocabulary": V, "width": D, "layers": L, "heads": H, "units": F },
        "stop": 2,
        "vocabulary": NAMES,
        "clears": [
            { "after_attention": [3], "after_feed_forward": [] },
            { "after_attention": [], "after_feed_forward": [5, 0] },
        ],
        "ties": [["average", "latest", "latest"], ["average", "average", "latest"]],
        "kinds": [["lookup", "passthrough", "gather"], ["keyed", "mean", "lookup"]],
    });
    assert_eq!(entry, expected);
    let first = f64::from_le_bytes(tensors[0].2[..8].try_into().unwrap());
    assert_eq!((&tensors[0].0[..], first), ("embedding.weight", weight(0)));
}

#[test]
fn a_model_comes_back_byte_for_byte_and_is_written_the_same_every_time() {
    let flags = [[true; 3], [false; 3], [true, false, true], [false, true, false]];
    let samples = flags.map(|present| sample_with(NAMES, present).bytes);
    let shape = Shape { vocabulary: 2, width: 4, layers: 0, heads: 2, units: 0 };
    let small = ModelParts {
        shape,
        stop: Token(1),
        vocabulary: vec!["\u{1f980}".into(), "\"\\\n".into()],
        embedding: vec![-0.0, f64::MIN_POSITIVE / 3.0, f64::MAX, 0.1, 1.0, 2.0, 3.0, 4.0],
        layers: vec![],
        head: vec![0.0; 8],
        clears: Some(vec![]),
        ties: None,
        kinds: Some(vec![]),
    };
    let others =
        [include_bytes!("../../models/wasm32.bin").to_vec(), Model::new(small).unwrap().to_bytes()];
    for bytes in samples.into_iter().chain(others) {
        let model = Model::from_bytes(bytes.clone()).unwrap();
        let file = model.to_safetensors().unwrap();
        assert!(file == model.to_safetensors().unwrap());
        assert!(Model::from_safetensors(&file).unwrap().to_bytes() == bytes);
    }
}

#[test]
fn a_file_that_ends_before_its_flags_gets_them() {
    let cut = sample_with(NAMES, [false; 3]);
    let model = Model::from_bytes(cut.cut(cut.parts_at[0])).unwrap();
    let back = Model::from_safetensors(&model.to_safetensors().unwrap()).unwrap();
    assert_eq!(back.to_bytes(), cut.bytes);
}

#[test]
fn every_fault_has_its_name() {
    use ExchangeError as E;
    let (_, tensors) = parts_of_sample();
    let plain = draft(None, &tensors);
    assert!(matches!(Model::from_safetensors(&plain), Err(E::NoDescription)));
    let text = draft(Some("nothing"), &tensors);
    assert!(matches!(Model::from_safetensors(&text), Err(E::Description(_))));
    assert!(matches!(Model::from_safetensors(&sample().bytes), Err(E::NotTensors(_))));

    assert!(matches!(refused(|e, _| e["version"] = 2.into()), E::Version { found: 2 }));
    assert!(matches!(refused(|e, _| e["more"] = 2.into()), E::Description(_)));
    assert!(matches!(refused(|e, _| e["ties"][1][0] = "first".into()), E::Description(_)));
    assert!(matches!(refused(|e, _| e["shape"]["width"] = 5.into()), E::Model(_)));
    assert!(matches!(refused(|e, _| e["stop"] = 3.into()), E::Model(_)));
    assert!(matches!(refused(|e, _| e["vocabulary"][0] = "halt".into()), E::Model(_)));
    assert!(matches!(refused(|e, _| e["clears"][0]["after_attention"] = json!([6])), E::Model(_)));
    assert!(matches!(refused(|e, _| e["kinds"] = json!([["mean", "mean", "mean"]])), E::Model(_)));
    let error = refused(|e, _| e["ties"][1] = json!(["latest"]));
    assert!(matches!(error, E::Heads { layer: 1, found: 1, expected: H, .. }), "{error}");

    let error = refused(|_, tensors| tensors.truncate(15));
    assert!(matches!(error, E::Count { found: 15, layers: L, expected: 16 }), "{error}");
    let error = refused(|e, _| e["shape"]["layers"] = i32::MAX.into());
    assert!(matches!(error, E::Count { found: 16, .. }), "{error}");
    let error = refused(|_, tensors| tensors[0].0 = "other".into());
    assert!(matches!(&error, E::Missing { name } if name == "embedding.weight"), "{error}");
    let error = refused(|_, tensors| tensors[0].1 = vec![D, V]);
    assert!(matches!(&error, E::Extent { found, .. } if *found == [D, V]), "{error}");
    let error = refused(|_, tensors| tensors[0].1 = vec![V * D]);
    assert!(matches!(&error, E::Extent { .. }), "{error}");
    let error = refused(|_, tensors| {
        tensors[0].0 = "f32 embedding.weight".into();
        tensors[0].2.truncate(V * D * 4);
    });
    assert!(matches!(&error, E::Type { found, .. } if found == "F32"), "{error}");
    let nan = f64::NAN.to_le_bytes();
    let error = refused(|_, tensors| tensors[1].2[..8].copy_from_slice(&nan));
    assert!(error.to_string().contains("the output head has NaN"), "{error}");
}

/// Whatever a file says, it is an error and no panic.
#[test]
fn no_part_of_a_file_is_a_model_and_no_change_is_a_panic() {
    let file = Model::from_bytes(sample().bytes).unwrap().to_safetensors().unwrap();
    for end in 0..file.len() {
        assert!(Model::from_safetensors(&file[..end]).is_err(), "{end}");
    }
    let mut random = fastrand::Rng::with_seed(1);
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut models = 0;
    for _ in 0..20_000 {
        let mut changed = file.clone();
        for _ in 0..random.usize(1..4) {
            changed[random.usize(..header)] = *random.choice(b"0129{}[]\",:aF\xff\0").unwrap();
        }
        models += usize::from(Model::from_safetensors(&changed).is_ok());
    }
    assert!(models > 0 && models < 10_000, "{models}");
}
