//! What bounds the numbers of a plan, each with its reason.

/// Whole numbers up to here are f64.
pub const WHOLE: i64 = 1 << 53;

/// What operations compute with lies within ± this, so that a constant of an operation, at most
/// 2^60, may be added without leaving i64 (lemma 2 of docs/plan.md).
pub const MAX_REGISTER: i64 = 1 << 62;

/// Running sums are guarded to stay within 0..= this: a mean times its count then errs by less
/// than 2^-23 (lemma 9).
pub const MAX_SUM: i64 = 1 << 28;

/// Latches are guarded to be set at least this often, in positions.
pub const MAX_AGE: i64 = 1 << 28;

/// Products that bounds do not keep below 2^53 are guarded to stay within ± this.
pub const MAX_PRODUCT: i64 = 1 << 40;

/// Counts of steps of 2^-53 by which a number may be off are guarded to stay within this, where products
/// or the output head read them and bounds do not say so: 2^-9 (lemma 28).
pub const MAX_COUNT: i64 = 1 << 44;

/// Steps of planning, and of making one piece of code: terms and tokens that are looked at. The
/// bundled model takes a hundredth of them.
pub const MAX_WORK: u64 = 1 << 27;

/// Steps of looking for groups of the output head: rows that are looked at along a direction.
pub const MAX_GROUPING: u64 = 1 << 26;

/// Groups of the output head: those that are left are compared one by one at every step.
pub const MAX_GROUPS: usize = 1 << 8;

/// Keys and queries of tables lie within ± this: (2·2^45)² is less than what clears a token, so a
/// dead token loses against any live one (lemma 14).
pub const MAX_KEY: i64 = 1 << 45;

/// Keys and queries that a hull serves in the reference lie within ± this: squares are f64 there,
/// and f64 near them at most 1/2 apart (lemma 15).
pub const MAX_HULL_KEY: i64 = 1 << 26;
