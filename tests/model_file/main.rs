//! The model file, from outside: what is written is read again, every fault has
//! its name and place, and no bytes whatever lead to a panic or a large allocation.

mod allocation;
mod built_models;
mod draft;
mod errors;
mod exchange;
mod faulty_parts;
mod hostile;
mod on_disk;
mod parts;
mod round_trips;
