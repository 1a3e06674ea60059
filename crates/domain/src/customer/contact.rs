//! The contact details of a customer in commands and in events.

use events::Personal;

use crate::value::address::Address;
use crate::value::lines::Lines;
use crate::value::text::Text;

/// Most addresses of one customer.
pub const MAX_ADDRESSES: usize = 20;

/// Addresses of a customer; the first is the default.
pub type Addresses = Lines<Address, 0, MAX_ADDRESSES>;

pub(crate) fn text<const MAX: usize>(text: &Personal<Text<MAX>>) -> String {
    text.expose().as_str().to_owned()
}

pub(crate) fn addresses(addresses: &Personal<Addresses>) -> Vec<events::personal::Address> {
    addresses.expose().iter().map(Address::to_event).collect()
}
