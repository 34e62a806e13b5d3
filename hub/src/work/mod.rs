//! How people work an incident: the steps that there are (`step`), what they sum up to (`sum`), who may take which and
//! when (`may`), until when something must happen (`clock`), who hears of it where it does not (`ladder`), how urgent it is
//! (`severity`), how many alarms an operator can bear (`load`), what false alarms teach (`findings`), what is usual
//! (`baseline`) and what one shift leaves to the next (`handover`). Pure: takes records and `now`, returns decisions.

pub mod baseline;
pub mod clock;
pub mod findings;
pub mod handover;
pub mod ladder;
pub mod load;
mod may;
pub mod severity;
mod step;
mod sum;

pub use may::{Actor, Refusal, may, possible};
pub use step::{Finding, Step, TaskState};
#[cfg(test)]
mod tests;

pub use sum::{Acknowledgement, Entry, SYSTEM, Shelved, State, Task, Work, since, sum_up, undoable};
