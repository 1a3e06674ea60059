//! Sales channels: the currencies that a channel accepts and the prefix of its order codes.

use std::collections::BTreeSet;
use std::str::FromStr;

use events::{ChannelCode, Currency};

use crate::rejection::Rejection;

/// Longest prefix of order codes, in characters: people read codes out on the phone.
pub const MAX_PREFIX_CHARS: usize = 16;

/// A sales channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Code of the channel in commands.
    pub code: ChannelCode,
    /// Prefix of order codes. It does not end in a digit, so that the number begins where the prefix ends.
    pub prefix: String,
    /// Accepted currencies; every currency if empty.
    pub currencies: Vec<Currency>,
}

/// All channels. The first is the default of orders that name no channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    first: Channel,
    others: Vec<Channel>,
}

/// A text that is not a list of channels. The message completes the sentence "set it to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannels {
    /// A channel is not of the form `CODE:PREFIX` or `CODE:PREFIX:CURRENCIES`.
    #[error("channels as CODE:PREFIX or CODE:PREFIX:CURRENCY+CURRENCY, with commas between them; `{0}` is invalid")]
    Form(String),
    /// A channel code is invalid.
    #[error("codes of 1 to 64 of the characters A-Z a-z 0-9 . _ -; `{0}` is invalid")]
    Code(String),
    /// A prefix is invalid: prefix and number of an order code could not be separated.
    #[error("prefixes of 1 to {MAX_PREFIX_CHARS} capital letters and digits that end in a letter; `{0}` is invalid")]
    Prefix(String),
    /// A currency code is invalid.
    #[error("ISO 4217 codes in capitals, such as GBP, with `+` between them; `{0}` is invalid")]
    Currency(String),
    /// Two channels have the same code.
    #[error("channels of different codes; there are two of the code `{0}`")]
    SameCode(ChannelCode),
    /// Two channels have the same prefix.
    #[error("channels of different prefixes; there are two of the prefix `{0}`")]
    SamePrefix(String),
}

impl Channels {
    /// The channel that an order names, or the default channel. Rejects a currency that the channel does not accept.
    pub(crate) fn find(&self, named: Option<&ChannelCode>, currency: Currency) -> Result<&Channel, Rejection> {
        let channel = match named {
            None => &self.first,
            Some(code) => {
                let found = self.iter().find(|channel| channel.code == *code);
                found.ok_or_else(|| Rejection::UnknownChannel(code.clone()))?
            }
        };
        if channel.currencies.is_empty() || channel.currencies.contains(&currency) {
            return Ok(channel);
        }
        let allowed = channel.currencies.clone();
        Err(Rejection::WrongCurrency { channel: channel.code.clone(), currency, allowed })
    }

    fn iter(&self) -> impl Iterator<Item = &Channel> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// One channel that accepts every currency: `web:SON`.
impl Default for Channels {
    fn default() -> Self {
        let code = "web".parse().expect("`web` is a channel code");
        Channels { first: Channel { code, prefix: "SON".to_owned(), currencies: Vec::new() }, others: Vec::new() }
    }
}

/// `web:SON,uk:UK:GBP+EUR`
impl FromStr for Channels {
    type Err = InvalidChannels;

    fn from_str(text: &str) -> Result<Self, InvalidChannels> {
        let mut channels = text.split(',').map(|channel| channel.trim().parse());
        let first = channels.next().unwrap_or_else(|| Err(InvalidChannels::Form(text.to_owned())))?;
        let channels = Channels { first, others: channels.collect::<Result<_, _>>()? };
        let (mut codes, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
        for channel in channels.iter() {
            if !codes.insert(&channel.code) {
                return Err(InvalidChannels::SameCode(channel.code.clone()));
            }
            if !prefixes.insert(&channel.prefix) {
                return Err(InvalidChannels::SamePrefix(channel.prefix.clone()));
            }
        }
        Ok(channels)
    }
}

impl FromStr for Channel {
    type Err = InvalidChannels;

    fn from_str(text: &str) -> Result<Self, InvalidChannels> {
        let parts: Vec<&str> = text.split(':').collect();
        let (code, prefix, currencies) = match parts[..] {
            [code, prefix] => (code, prefix, None),
            [code, prefix, currencies] => (code, prefix, Some(currencies)),
            _ => return Err(InvalidChannels::Form(text.to_owned())),
        };
        let currency = |code: &str| code.parse().map_err(|_| InvalidChannels::Currency(code.to_owned()));
        Ok(Channel {
            code: code.parse().map_err(|_| InvalidChannels::Code(code.to_owned()))?,
            prefix: checked_prefix(prefix)?,
            currencies: currencies.into_iter().flat_map(|it| it.split('+')).map(currency).collect::<Result<_, _>>()?,
        })
    }
}

fn checked_prefix(text: &str) -> Result<String, InvalidChannels> {
    let is_valid = (1..=MAX_PREFIX_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_uppercase());
    if is_valid { Ok(text.to_owned()) } else { Err(InvalidChannels::Prefix(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(text: &str) -> Channels {
        text.parse().unwrap()
    }

    #[test]
    fn a_channel_accepts_its_currencies() {
        let (gbp, eur, vnd) = ("GBP".parse().unwrap(), "EUR".parse().unwrap(), "VND".parse().unwrap());
        let (uk, de): (ChannelCode, ChannelCode) = ("uk".parse().unwrap(), "de".parse().unwrap());
        let channels = channels("web:SON, uk:UK:GBP+EUR");
        assert_eq!(channels.find(None, vnd).unwrap().prefix, "SON");
        assert_eq!(channels.find(Some(&uk), eur).unwrap().prefix, "UK");
        let wrong = Rejection::WrongCurrency { channel: uk.clone(), currency: vnd, allowed: vec![gbp, eur] };
        assert_eq!(channels.find(Some(&uk), vnd), Err(wrong));
        assert_eq!(channels.find(Some(&de), gbp), Err(Rejection::UnknownChannel(de.clone())));
    }

    #[test]
    fn the_default_is_one_channel() {
        assert_eq!(Channels::default(), channels("web:SON"));
    }

    #[test]
    fn the_error_names_what_is_invalid_in_a_list() {
        for (list, expected) in [
            ("", "channels as CODE:PREFIX or"),
            ("web", "channels as CODE:PREFIX or"),
            ("web:SON:GBP:EUR", "channels as CODE:PREFIX or"),
            ("web:SON,", "channels as CODE:PREFIX or"),
            ("we b:SON", "codes of 1 to 64 of the characters"),
            (":SON", "codes of 1 to 64 of the characters"),
            ("web:son", "prefixes of 1 to 16 capital letters"),
            ("web:SON1", "prefixes of 1 to 16 capital letters"),
            ("web:", "prefixes of 1 to 16 capital letters"),
            ("web:ABCDEFGHIJKLMNOPQ", "prefixes of 1 to 16 capital letters"),
            ("web:SON:", "ISO 4217 codes in capitals"),
            ("web:SON:GBP+XYZ", "ISO 4217 codes in capitals"),
            ("web:SON,web:WEB", "channels of different codes; there are two of the code `web`"),
            ("web:SON,uk:SON", "channels of different prefixes; there are two of the prefix `SON`"),
        ] {
            let error = list.parse::<Channels>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{list}: {error}");
        }
        assert_eq!(channels("b2b:B2B").first.prefix, "B2B");
    }
}
