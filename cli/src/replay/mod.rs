//! The replay engine: a trace becomes a plan, and a crew of threads runs the plan against a contestant.

mod crew;
mod desks;
mod engine;
mod frames;
mod handover;
mod layout;
mod plan;
mod turns;
mod worker;

#[cfg(test)]
mod corruption_tests;
#[cfg(test)]
mod tests;

pub(crate) use crew::Crew;
pub(crate) use engine::{Observer, Run, run};
pub(crate) use frames::FrameCut;
pub(crate) use plan::{Plan, Work};
pub(crate) use worker::{Failure, Written};
