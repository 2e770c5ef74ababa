//! The words for each form that a number, a memory and an operation may have.

use super::*;
use crate::model::{HeadKind, TieBreak, Token};
use crate::plan::fuse::draft::{
    Draft, FREE, HeadDraft, NUMBER, ODD, ONE, RECENCY, Row, SQUARE, TIME,
};

const TOKENS: usize = 7;

const SQUARED: usize = FREE;
const MEAN: usize = FREE + 1;
const THERE: usize = FREE + 2;
const LATCH: usize = FREE + 3;
const HALF: usize = FREE + 4;
const SUM: usize = FREE + 5;
const FOUND: usize = FREE + 6;
const KEY: usize = FREE + 7;
const CLAMP: usize = FREE + 8;
const PRODUCT: usize = FREE + 9;
const ONCE: usize = FREE + 10;
const GUARDED: usize = FREE + 11;
const ROUNDED: usize = FREE + 12;
const BACK: usize = FREE + 13;
const SUM_SQUARED: usize = FREE + 14;
const BIG: usize = FREE + 15;
const OUT: usize = FREE + 16;
const WIDTH: usize = FREE + 18;

const ROUNDING: f64 = 1.5 * (1u64 << 52) as f64;

fn head<'a>(kind: HeadKind, x: Row<'a>, key: [Row<'a>; 2], value: [Row<'a>; 2]) -> HeadDraft<'a> {
    let latest = matches!(kind, HeadKind::Keyed | HeadKind::Lookup);
    let tie = if latest { TieBreak::Latest } else { TieBreak::Average };
    HeadDraft { kind, tie, query: [x, &[(ONE, 1.0)]], key, value }
}

/// A model with a number of every form; the last layer reads them all.
fn model() -> Model {
    let mut draft = Draft::new(TOKENS, WIDTH, 3, 6);
    for token in 1..TOKENS {
        draft.embed(token, &[(BIG, 2f64.powi(27) + token as f64)]);
    }
    draft.unit(0, 0, &[(NUMBER, 1.0)], &[(NUMBER, 1.0)]);
    draft.fed(0, SQUARED, &[(0, 1.0)]);
    draft.unit(0, 1, &[(ONE, 1.0)], &[(NUMBER, 0.5)]);
    draft.fed(0, HALF, &[(1, 1.0)]);
    draft.head(0, 0, head(HeadKind::Mean, &[], [&[], &[(ONE, 1.0)]], [&[(NUMBER, 1.0)], &[]]));
    draft.attended(0, MEAN, &[(0, 1.0)]);
    draft.unit(0, 2, &[(TIME, 1.0)], &[(MEAN, 1.0)]);
    draft.fed(0, SUM, &[(2, 1.0)]);
    draft.unit(0, 3, &[(BIG, 1.0)], &[(BIG, 1.0)]);
    draft.fed(0, ONCE, &[(3, 1.0)]);
    draft.unit(0, 4, &[(TIME, 1.0)], &[(TIME, 2f64.powi(21))]);
    draft.fed(0, GUARDED, &[(4, 1.0)]);

    let place = [(TIME, 1.0), (NUMBER, -1.0)];
    let positions = [&[(TIME, 2.0)][..], &[(SQUARE, -1.0)]];
    let values = [&[(NUMBER, 1.0)][..], &[(TIME, 1.0)]];
    draft.head(1, 0, head(HeadKind::Gather, &place, positions, values));
    draft.attended(1, THERE, &[(0, 1.0)]);
    draft.attended(1, BACK, &[(1, 1.0)]);
    let height = [(RECENCY, 0.3), (ODD, -1e30)];
    draft.head(1, 1, head(HeadKind::Keyed, &[], [&[], &height], [&[(TIME, 1.0)], &[]]));
    draft.attended(1, LATCH, &[(2, 1.0)]);
    let height = [(RECENCY, 0.3), (SQUARED, -1.0), (ODD, -1e30)];
    let query = [(NUMBER, 1.0), (ONE, -1.0)];
    let values = [&[(TIME, 1.0)][..], &[(NUMBER, 1.0)]];
    draft.head(1, 2, head(HeadKind::Keyed, &query, [&[(NUMBER, 2.0)], &height], values));
    draft.attended(1, FOUND, &[(4, 1.0)]);
    draft.attended(1, KEY, &[(5, 1.0)]);
    draft.unit(1, 0, &[(THERE, 1.0), (ONE, -2.0)], &[(ONE, 1.0)]);
    draft.unit(1, 1, &[(THERE, 1.0), (ONE, -3.0)], &[(ONE, 1.0)]);
    draft.fed(1, CLAMP, &[(0, 1.0), (1, -1.0)]);
    draft.unit(1, 2, &[(THERE, 1.0)], &[(KEY, -1.0), (ONE, 2.0)]);
    draft.fed(1, PRODUCT, &[(2, 1.0)]);
    draft.unit(1, 3, &[(ONE, 1.0)], &[(HALF, 1.0), (ONE, ROUNDING)]);
    draft.fed(1, ROUNDED, &[(3, 1.0)]);
    draft.unit(1, 4, &[(SUM, 1.0)], &[(SUM, 1.0)]);
    draft.fed(1, SUM_SQUARED, &[(4, 1.0)]);

    let all: Vec<(usize, f64)> =
        (MEAN..=BACK).zip(1..).map(|(slot, k)| (slot, f64::from(k))).collect();
    let query = [(NUMBER, -1e16), (ONE, 0.5), (THERE, -2.0)];
    draft.head(2, 0, head(HeadKind::Keyed, &query, [&[(NUMBER, 2.0)], &height], [&all, &[]]));
    let query = [(NUMBER, 1.0)];
    let values = [&[(NUMBER, 1.0)][..], &[]];
    draft.head(2, 1, head(HeadKind::Lookup, &query, [&[(NUMBER, 2.0)], &height], values));
    let height = [(RECENCY, 0.3), (SUM_SQUARED, -1.0)];
    draft.head(2, 2, head(HeadKind::Lookup, &[(SUM, 1.0)], [&[(SUM, 2.0)], &height], values));
    draft.head(2, 3, head(HeadKind::Gather, &place, positions, [&[(FOUND, 1.0)], &[]]));
    let found = [(TIME, 1.0), (KEY, -1.0)];
    draft.head(2, 4, head(HeadKind::Gather, &found, positions, [&[(TIME, 1.0)], &[]]));
    draft.attended(2, OUT, &[0, 2, 4, 6, 8].map(|column| (column, 1.0)));
    for token in 1..TOKENS {
        draft.logit(token, &[(FOUND, token as f64), (LATCH, 2.0)]);
    }
    draft.model()
}

fn story(layer: usize, head: usize) -> HeadStory {
    let model = model();
    let plan = Plan::new(&model, Token(0)).unwrap();
    plan.head_story(&model, layer, head).unwrap().unwrap()
}

/// Each with its name.
fn told(list: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    list.iter().map(|(name, text)| (name.as_str(), text.as_str()))
}

const COLUMNS: &str = "featureN[p] is column N of the embedding, for the token at p";

#[test]
fn every_form_of_a_number_has_words() {
    let story = story(2, 0);
    assert_eq!(story.kind, "keyed, ties give the latest");
    let rows: Vec<&str> = story.rows.iter().map(|row| row.1.as_str()).collect();
    let values: Vec<String> = (7..20).map(|slot| format!("{}·s{slot}", slot - 6)).collect();
    assert_eq!(
        rows,
        [
            "0.5·s3 - 1e16·s4 - 2·s8",
            "1·s3",
            "2·s4",
            "0.3·s1 - 1e30·s5 - 1·s6",
            &values.join(" + "),
            "0",
        ]
    );
    let slots: Vec<(&str, &str)> = told(&story.slots).collect();
    assert_eq!(
        slots,
        [
            ("s1", "1·r(t), exact"),
            ("s3", "1, exact"),
            ("s4", "feature4[t], in 1..=6, exact"),
            ("s5", "feature5[t], in 0..=1, exact"),
            ("s6", "atom4, in 1..=36, exact"),
            ("s7", "1·sum0/t, exact"),
            ("s8", "atom11, in 0..=6, exact"),
            ("s9", "t - age of latch0, in -268435455..=4294967294, exact"),
            ("s10", "(feature4[t]) / 2^1, exact"),
            ("s11", "sum0, in 0..=268435456, off by at most 1.1920928955078125e-7"),
            ("s12", "atom13, in 0..=4294967294, exact"),
            ("s13", "atom14, in 0..=6, exact"),
            ("s14", "atom20, in 0..=1, exact"),
            ("s15", "atom17, in -24..=12, exact"),
            (
                "s16",
                "atom7, in 18014398777917441..=18014400120094756, rounded once, by at most \
                 4.000000357627879e0"
            ),
            ("s17", "atom9, in 2097152..=1099511627776, exact"),
            ("s18", "atom18 + 6755399441055744, in 6755399441055744..=6755399441055747, exact"),
            ("s19", "atom10, in 0..=4294967294, exact"),
        ]
    );
    let atoms: Vec<(&str, &str)> = told(&story.atoms).collect();
    assert_eq!(
        atoms,
        [
            ("atom4", "(max(feature4[t], 0)) · (feature4[t]), in 1..=36"),
            (
                "atom7",
                "(max(feature21[t], 0)) · (feature21[t]), in 18014398777917441..=18014400120094756"
            ),
            ("atom8", "(max(t, 0)) · (2097152·t), in 2097152..=38685626191639336580022272"),
            ("atom9", "atom8, guarded within ±2^40, in 2097152..=1099511627776"),
            ("atom10", "t - feature4[t] within 0..=t, in 0..=4294967294"),
            ("atom11", "feature4[t - feature4[t]], in 0..=6"),
            ("atom13", "the position that table0 has for feature4[t] - 1, in 0..=4294967294"),
            ("atom14", "the key of table0 nearest to feature4[t] - 1, in 0..=6"),
            ("atom17", "(max(atom11, 0)) · (-atom14 + 2), in -24..=12"),
            ("atom18", "(feature4[t]) / 2^1, rounded, in 0..=3"),
            ("atom20", "-1·max(atom11 - 3, 0) + max(atom11 - 2, 0), in 0..=1"),
        ]
    );
    let unknown = "unknown: layer 2, head 0: rounding may take the query 1/20 or more away from a \
                   whole number (bound inf)";
    assert_eq!(story.outputs, [unknown; 2]);
    let sum = "sum0: the sum over positions 1..=t of feature4[t]";
    let latch = "latch0: the latest position at which feature5[t] = 0";
    assert_eq!(story.tables, [sum, latch, COLUMNS]);
    assert!(story.code.is_empty());
}

#[test]
fn a_story_says_where_slots_come_from() {
    let before = story(2, 3).before;
    let found = "atom13, in 0..=4294967294, exact";
    let before: Vec<(&str, &str)> = told(&before).collect();
    assert_eq!(before, [("layer 1, slot 12 after attention", found)]);
    let before = story(2, 2).before;
    let before: Vec<&str> = told(&before).map(|place| place.0).collect();
    let places =
        ["layer 0, slot 11 after the feed-forward", "layer 1, slot 20 after the feed-forward"];
    assert_eq!(before, places);
}

#[test]
fn every_kind_of_table_has_words() {
    let kept = |head| story(2, head).tables[0].clone();
    let table = |number: &str, key: &str, unless: &str, wins: &str| {
        format!("{number}: the position t under the key n = {key}{unless}; {wins}")
    };
    let features = ["feature4[t]", "feature5[t]"];
    let key = features[0];
    let unless = &format!(", unless {} > 0", features[1]);
    let by_hull = "the nearest n wins, as in the reference's hull (lemma 15)";
    assert_eq!(kept(1), table("table1", key, unless, by_hull));
    let inexact = "the nearest n wins, as in the reference's hull of inexact keys (lemma 26)";
    assert_eq!(kept(2), table("table2", "sum0", "", inexact));
    let keyed = story(1, 2);
    let nearest = "the nearest n wins, of equally near and of equal ones the latest (lemma 14)";
    assert_eq!(keyed.tables, [table("table0", key, unless, nearest), COLUMNS.to_owned()]);
    // Of the class of most tokens, or the last of them.
    let [insert, find] = &keyed.code[..] else { panic!("{:?}", keyed.code) };
    assert!(insert.starts_with("Insert { table: 0,"), "{insert}");
    assert!(find.starts_with("Find {") && find.contains(" table: 0,"), "{find}");
    let gather = story(2, 3);
    assert_eq!(gather.kind, "gather, ties give the average");
    assert_eq!(gather.outputs, ["atom26, in 0..=4294967294, exact", "0, exact"]);
    let last = gather.atoms.last().map(|(name, text)| (name.as_str(), text.as_str()));
    assert_eq!(last, Some(("atom26", "column0[atom10], in 0..=4294967294")));
}

/// The table that says which place a head looks at is another head's.
#[test]
fn the_tables_of_a_head_are_those_that_it_is_looked_up_in() {
    let story = story(2, 4);
    assert!(story.outputs[0].starts_with("atom"), "{:?}", story.outputs);
    assert!(story.atoms.iter().any(|atom| atom.1.contains("t - atom14 within 0..=t")));
    assert_eq!(story.tables, [COLUMNS]);
}

#[test]
fn heads_without_effect_and_those_that_there_are_not_have_no_story() {
    let model = model();
    let plan = Plan::new(&model, Token(0)).unwrap();
    for (layer, head) in [(0, 1), (2, 5), (2, WIDTH / 2), (3, 0)] {
        assert!(plan.head_story(&model, layer, head).unwrap().is_none(), "{layer}.{head}");
    }
}
