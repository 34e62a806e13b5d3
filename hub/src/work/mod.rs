//! How people work an incident: the steps that there are (`step`), what they sum up to (`sum`), who may take which and
//! when (`may`), until when something must happen (`clock`), how urgent it is (`severity`) and how many alarms an operator
//! can bear (`load`). Pure: takes records and `now`, returns decisions.

pub mod clock;
pub mod load;
mod may;
pub mod severity;
mod step;
mod sum;

pub use may::{Actor, Refusal, may, possible};
pub use step::{Finding, Step, TaskState};
#[cfg(test)]
mod tests;

pub use sum::{Entry, SYSTEM, Shelved, State, Task, Work, sum_up, undoable};
