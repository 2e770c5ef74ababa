use super::*;

fn graph() -> (Graph, Value, Value) {
    let mut graph = Graph::new(3, 0);
    let a = graph.feature("a", |token| token as f64);
    let b = graph.feature("b", |token| (token * 2) as f64);
    (graph, a, b)
}

fn is_kept(operations: &Operations, value: Value) -> bool {
    operations.place[value.index()].is_some()
}

fn group_of(operations: &Operations, value: Value) -> GroupId {
    operations.kept[operations.place[value.index()].unwrap()].group.unwrap()
}

#[test]
fn what_no_logit_depends_on_is_left_out() {
    let (mut graph, a, b) = graph();
    let unread = graph.unit(a, b);
    let lost = graph.persist("lost", unread * 1.0);
    graph.predict(1, a.into());
    let operations = operations(&graph);
    assert!(is_kept(&operations, a) && !is_kept(&operations, b));
    assert!(!is_kept(&operations, unread) && !is_kept(&operations, lost));
    assert!(operations.groups.is_empty());
    // Layers pass slots on by these.
    assert!(is_kept(&operations, graph.one()) && is_kept(&operations, graph.position()));
}

#[test]
fn a_raw_value_has_a_slot_only_where_something_else_than_a_persist_reads_it() {
    let (mut graph, a, b) = graph();
    let (summed, read) = (graph.unit(a, b), graph.unit(b, a));
    let sum = graph.persist("sum", summed * 2.0 + read + a);
    let next = graph.unit(read, sum);
    graph.predict(1, next.into());
    let operations = operations(&graph);
    assert!(!is_kept(&operations, summed));
    assert!(is_kept(&operations, read) && is_kept(&operations, sum) && is_kept(&operations, next));
    // A persist takes raw what it can, in the half-layer that makes it.
    let kept = &operations.kept[operations.place[sum.index()].unwrap()];
    assert_eq!(kept.raw, summed * 2.0 + read);
    assert_eq!(kept.slots, a.into());
    let group = group_of(&operations, sum);
    assert_eq!(group_of(&operations, read), group);
    assert_ne!(group_of(&operations, next), group);
    assert_eq!(operations.groups[group.0].units, [summed, read]);
    assert_eq!(operations.groups[group.0].part, Part::FeedForward);
    let reads = |value: Value| operations.place[value.index()].unwrap();
    assert_eq!(operations.groups[group.0].reads, [reads(a), reads(b)]);
}

#[test]
fn both_values_of_a_fetch_are_made_together_and_apart_from_units() {
    let (mut graph, a, b) = graph();
    let at = graph.position() - a;
    let fetched = graph.gather("both", at, &[a.into(), b.into()]);
    let unit = graph.unit(a, b);
    // Of a fetch and a unit a persist takes the unit raw, half a layer later.
    let mixed = graph.persist("mixed", fetched[0] + unit);
    graph.predict(1, mixed + fetched[1]);
    let operations = operations(&graph);
    assert!(is_kept(&operations, fetched[0]) && is_kept(&operations, fetched[1]));
    assert!(!is_kept(&operations, unit));
    let group = group_of(&operations, fetched[0]);
    assert_eq!(group_of(&operations, fetched[1]), group);
    assert_eq!(operations.groups[group.0].part, Part::Attention);
    assert_eq!(operations.groups[group.0].fetches.len(), 1);
    let mixed_group = group_of(&operations, mixed);
    assert_ne!(mixed_group, group);
    assert_eq!(operations.groups[mixed_group.0].part, Part::FeedForward);
    let kept = &operations.kept[operations.place[mixed.index()].unwrap()];
    assert_eq!((kept.raw.clone(), kept.slots.clone()), (unit.into(), fetched[0].into()));
}

#[test]
fn a_persist_of_slots_may_stand_in_either_half() {
    let (mut graph, a, b) = graph();
    let sum = graph.persist("sum", a + b);
    graph.predict(2, sum.into());
    let operations = operations(&graph);
    let group = &operations.groups[group_of(&operations, sum).0];
    assert_eq!((group.part, group.fetches.len(), group.units.len()), (Part::Either, 0, 0));
    let logits = operations.kept.iter().filter(|kept| kept.read_by_logits);
    assert_eq!(logits.map(|kept| kept.value).collect::<Vec<_>>(), [sum]);
}
