//! Commands to a customer, each in its own file with its body and its decision. The state of a customer is in
//! [`state`]; the address that a customer registers is claimed in [`email_claim`].

pub mod contact;
mod email_claim;
pub mod erase;
pub mod register;
pub mod state;
pub mod update;

use events::CustomerId;
use serde::Serialize;

use crate::command::name_and_instant::NameAndInstant;
use crate::customer::update::UpdateCustomer;
use crate::decision::Decision;
use crate::reader::Reader;

/// A command to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum CustomerCommand {
    UpdateCustomer(UpdateCustomer),
    /// Erase the personal data of the customer.
    EraseCustomer {},
}

impl CustomerCommand {
    pub(crate) fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::UpdateCustomer(_) => ("update_customer", None),
            Self::EraseCustomer {} => ("erase_customer", None),
        }
    }
}

/// Decides a command of this group.
pub(crate) fn decide(id: CustomerId, command: &CustomerCommand, reader: &Reader<'_>) -> Decision {
    match command {
        CustomerCommand::UpdateCustomer(command) => update::update(id, command, reader),
        CustomerCommand::EraseCustomer {} => erase::erase(id, reader),
    }
}

#[cfg(test)]
pub(crate) mod tests;
