//! Other uses of slots than the builder's own.

use crate::graph::Linear;
use crate::weights::operations::Operations;
use crate::weights::schedule::Times;
use crate::weights::slots::{Birth, HalfLayer, Layout, SOURCE_SLOTS, lives, own_sizes, sizes};

/// A slot for every value, which it keeps.
pub fn kept(operations: &Operations, times: &Times) -> Layout {
    let (births, _) = lives(operations, times);
    let mut slots = SOURCE_SLOTS;
    let mut slot = vec![0; operations.kept.len()];
    for (at, kept) in operations.kept.iter().enumerate() {
        let is_source = births[at] == 0 && kept.value.index() < SOURCE_SLOTS;
        slot[at] = if is_source { kept.value.index() } else { slots };
        slots += usize::from(!is_source);
    }
    let half_layers: Vec<HalfLayer> = (1..=2 * times.layers)
        .map(|now| {
            let mut half_layer = HalfLayer::default();
            for at in (0..births.len()).filter(|&at| births[at] == now) {
                let passed = operations.kept[at].slots.clone();
                half_layer.pass(&passed);
                half_layer.births.push(Birth { kept: at, passed });
            }
            half_layer
        })
        .collect();
    let own = own_sizes(operations, times);
    let (heads, units) = sizes(&own, &half_layers);
    let passed = half_layers.iter().map(|half_layer| half_layer.passed.len()).sum();
    let fetches = own.iter().copied().step_by(2).collect();
    let units_of = own.iter().copied().skip(1).step_by(2).collect();
    let live = vec![slots; 2 * times.layers + 1];
    Layout { slot, half_layers, slots, live, fetches, heads, units, units_of, passed }
}

/// The same layout in which values that have died are subtracted from their slots, by units, and by
/// heads where the model has more than a layer needs.
pub fn subtracted(operations: &Operations, mut layout: Layout) -> Layout {
    let heads = layout.width() / 2;
    let mut holds: Vec<Option<Linear>> = vec![None; layout.slots];
    for (at, kept) in operations.kept.iter().enumerate().filter(|kept| kept.1.group.is_none()) {
        holds[layout.slot[at]] = Some(kept.value.into());
    }
    for (before, half_layer) in layout.half_layers.iter_mut().enumerate() {
        for slot in std::mem::take(&mut half_layer.cleared) {
            let held = holds[slot].clone().expect("a value that dies was in its slot");
            let negated = held * -1.0;
            let fetches = layout.fetches[before / 2];
            let is_known = half_layer.passed.contains(&negated);
            let room = 2 * (heads - fetches) > half_layer.passed.len();
            if before % 2 == 1 || is_known || room {
                half_layer.pass(&negated);
                half_layer.subtracted.push((slot, negated));
            } else {
                half_layer.cleared.push(slot);
            }
        }
        for birth in &half_layer.births {
            holds[layout.slot[birth.kept]] = Some(operations.kept[birth.kept].value.into());
        }
    }
    let units = layout.half_layers.iter().skip(1).step_by(2);
    let more = units.zip(&layout.units_of).map(|(half, own)| own + half.passed.len()).max();
    layout.units = more.unwrap_or(0).max(layout.units);
    layout
}
