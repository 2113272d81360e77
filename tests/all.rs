//! Every test of the house, in reading order.
