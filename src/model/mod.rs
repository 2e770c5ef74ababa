//! The model file, and the checked model that it becomes.
