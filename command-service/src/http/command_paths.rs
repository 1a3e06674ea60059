//! The paths of commands to orders, for problems that list the commands that the state of an order allows.

use std::collections::HashMap;

use domain::rejection::AllowedCommand;

/// Prefix of the paths of all commands to an order.
const ORDER: &str = "/v1/orders/{order_id}/";

/// The paths of commands below that of the order, by the name of the command, such as `tags` or `fulfilments/{fulfilment}/shipment`.
#[derive(Debug, Default)]
pub(super) struct CommandPaths(HashMap<&'static str, &'static str>);

impl CommandPaths {
    /// The paths of those of these commands (name and path) that are sent to an order.
    pub(super) fn of(commands: impl IntoIterator<Item = (&'static str, &'static str)>) -> CommandPaths {
        let below_order = commands.into_iter().filter_map(|(name, path)| Some((name, path.strip_prefix(ORDER)?)));
        CommandPaths(below_order.collect())
    }

    /// The path of the command, with the number of the fulfilment or return; none if the command cannot be sent over HTTP.
    pub(super) fn path(&self, command: AllowedCommand) -> Option<String> {
        let path = *self.0.get(command.name)?;
        Some(match (command.part, path.split_once('{'), path.split_once('}')) {
            (Some(number), Some((before, _)), Some((_, after))) => format!("{before}{number}{after}"),
            _ => path.to_owned(),
        })
    }
}
