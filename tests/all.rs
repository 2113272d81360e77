//! Every test of the house, in reading order.

#[cfg(test)]
mod support;

#[cfg(test)]
mod replay;

#[cfg(test)]
mod property;

#[cfg(test)]
mod crash;

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod service;

#[cfg(test)]
mod tidy;
