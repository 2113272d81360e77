//! Detector ↔ bytes.
