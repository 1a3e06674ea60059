//! Sales channels: where orders come from, and what their codes begin with.

use std::sync::LazyLock;

use events::{ChannelCode, Currency};

use crate::rejection::Rejection;

/// A sales channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name in commands.
    pub code: ChannelCode,
    /// What its order codes begin with. Does not end in a digit, so that prefix and number can be told apart.
    pub prefix: String,
    /// What it sells in; every currency where empty.
    pub currencies: Vec<Currency>,
}

/// The channel of an order that names none.
static DEFAULT: LazyLock<ChannelCode> = LazyLock::new(|| "web".parse().expect("`web` is a channel code"));

/// Every channel. There is one so far.
static CHANNELS: LazyLock<Vec<Channel>> =
    LazyLock::new(|| vec![Channel { code: DEFAULT.clone(), prefix: "SON".to_owned(), currencies: Vec::new() }]);

/// Every channel.
pub fn all() -> &'static [Channel] {
    &CHANNELS
}

/// The channel that an order names, or the default, if it sells in `currency`.
pub(super) fn find<'c>(
    channels: &'c [Channel],
    named: Option<&ChannelCode>,
    currency: Currency,
) -> Result<&'c Channel, Rejection> {
    let code = named.unwrap_or(&DEFAULT);
    let Some(channel) = channels.iter().find(|channel| channel.code == *code) else {
        return Err(Rejection::UnknownChannel(code.clone()));
    };
    if channel.currencies.is_empty() || channel.currencies.contains(&currency) {
        return Ok(channel);
    }
    let allowed = channel.currencies.clone();
    Err(Rejection::WrongCurrency { channel: code.clone(), currency, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_sells_in_its_currencies() {
        let (gbp, eur): (Currency, Currency) = ("GBP".parse().unwrap(), "EUR".parse().unwrap());
        let code: ChannelCode = "uk".parse().unwrap();
        let channels = [Channel { code: code.clone(), prefix: "UK".into(), currencies: vec![gbp] }];
        assert_eq!(find(&channels, Some(&code), gbp), Ok(&channels[0]));
        let wrong = Rejection::WrongCurrency { channel: code.clone(), currency: eur, allowed: vec![gbp] };
        assert_eq!(find(&channels, Some(&code), eur), Err(wrong));
        assert_eq!(find(&channels, None, gbp), Err(Rejection::UnknownChannel("web".parse().unwrap())));
    }

    #[test]
    fn the_default_channel_exists_and_sells_in_everything() {
        let found = find(all(), None, "VND".parse().unwrap()).unwrap();
        assert_eq!((found.code.as_str(), found.prefix.as_str()), ("web", "SON"));
    }

    #[test]
    fn no_prefix_ends_in_a_digit_or_is_anothers() {
        let prefixes: std::collections::BTreeSet<&str> = all().iter().map(|channel| channel.prefix.as_str()).collect();
        assert_eq!(prefixes.len(), all().len());
        assert!(prefixes.iter().all(|prefix| prefix.ends_with(|c: char| c.is_ascii_alphabetic())));
    }
}
