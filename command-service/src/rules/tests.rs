//! Rules as a specification: given events, when a command, then events or a rejection.
