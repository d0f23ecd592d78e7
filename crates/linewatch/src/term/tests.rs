//! Drawn views as literal text.
