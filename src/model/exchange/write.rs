//! From a model to a safetensors file.

use std::borrow::Cow;
use std::collections::HashMap;

use safetensors::{Dtype, SafeTensorError, View};

use super::{Description, ENTRY, ExchangeError, VERSION, tensors};
use crate::model::Model;

/// Rows of a matrix of the model.
struct Rows<'m> {
    shape: [usize; 2],
    weights: &'m [f64],
}

impl View for Rows<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F64
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "little") {
            bytemuck::cast_slice(self.weights).into()
        } else {
            self.weights.iter().flat_map(|weight| weight.to_le_bytes()).collect()
        }
    }

    fn data_len(&self) -> usize {
        size_of_val(self.weights)
    }
}

/// The safetensors file of a model, the same bytes every time.
pub fn write(model: &Model) -> Result<Vec<u8>, ExchangeError> {
    let shape = model.shape();
    let views = shape.matrices().flat_map(|matrix| tensors(shape, matrix)).map(|tensor| {
        // A model is in memory, so what counts its rows fits.
        let (from, to) = (tensor.rows.start as usize, tensor.rows.end as usize);
        let columns = tensor.columns as usize;
        let weights = &model.matrix(tensor.matrix).data[from * columns..to * columns];
        (tensor.name, Rows { shape: [to - from, columns], weights })
    });
    let description = serde_json::to_string(&describe(model)).expect("names and numbers");
    let metadata = HashMap::from([(ENTRY.to_owned(), description)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| match error {
        SafeTensorError::HeaderTooLarge => ExchangeError::LongHeader,
        error => ExchangeError::NotTensors(error),
    })
}

fn describe(model: &Model) -> Description {
    let shape = model.shape();
    let optional = &model.optional;
    Description {
        version: VERSION,
        shape,
        stop: model.stop().0,
        vocabulary: model.vocabulary().iter().map(|(_, name)| name.to_owned()).collect(),
        clears: optional.clears.clone(),
        ties: optional.ties.as_deref().map(|ties| by_layer(ties, shape.heads)),
        kinds: optional.kinds.as_deref().map(|kinds| by_layer(kinds, shape.heads)),
    }
}

fn by_layer<T: Copy>(heads: &[T], of_layer: usize) -> Vec<Vec<T>> {
    heads.chunks(of_layer).map(<[T]>::to_vec).collect()
}
