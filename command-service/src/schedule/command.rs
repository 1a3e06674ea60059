//! [`ScheduledCommand`]: the commands that the schedule submits.

/// A command that the schedule submits when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScheduledCommand {
    /// Expires an order that was not paid before its payment deadline.
    ExpireOrder,
    /// Expires a stock hold.
    ExpireStockHold,
    /// Completes an order whose units are all delivered or cancelled, and for which nothing is owed.
    CompleteOrder,
    /// Allocates free units of a stock item to backordered orders, or withdraws allocations of missing units.
    AllocateStock,
}

impl ScheduledCommand {
    /// Every scheduled command.
    pub const ALL: [ScheduledCommand; 4] = [
        ScheduledCommand::ExpireOrder,
        ScheduledCommand::ExpireStockHold,
        ScheduledCommand::CompleteOrder,
        ScheduledCommand::AllocateStock,
    ];

    /// Name of the command, as stored in the schedule.
    pub fn as_str(self) -> &'static str {
        match self {
            ScheduledCommand::ExpireOrder => "expire_order",
            ScheduledCommand::ExpireStockHold => "expire_hold",
            ScheduledCommand::CompleteOrder => "complete_order",
            ScheduledCommand::AllocateStock => "allocate_stock",
        }
    }

    /// The command with this name.
    pub fn find(name: &str) -> Option<ScheduledCommand> {
        ScheduledCommand::ALL.into_iter().find(|command| command.as_str() == name)
    }
}
