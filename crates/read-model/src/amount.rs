//! Amounts as texts for people, such as `12.50 GBP`.

use events::{Currency, Minor};

/// The amount in the major unit of the currency, with the decimals of the currency: `12.50 GBP`, `1250 JPY`, `-0.005 KWD`.
pub fn amount_text(amount: Minor, currency: Currency) -> String {
    let decimals = currency.exponent() as usize;
    let sign = if amount.0 < 0 { "-" } else { "" };
    // Zeros on the left, so that at least one digit is before the decimal point.
    let digits = format!("{:0width$}", amount.0.unsigned_abs(), width = decimals + 1);
    let (major, minor) = digits.split_at(digits.len() - decimals);
    match decimals {
        0 => format!("{sign}{major} {currency}"),
        _ => format!("{sign}{major}.{minor} {currency}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(amount: i64, currency: &str) -> String {
        amount_text(Minor(amount), currency.parse().unwrap())
    }

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        assert_eq!([text(1250, "GBP"), text(5, "GBP"), text(0, "GBP")], ["12.50 GBP", "0.05 GBP", "0.00 GBP"]);
        assert_eq!([text(1250, "JPY"), text(0, "JPY")], ["1250 JPY", "0 JPY"]);
        assert_eq!([text(-5, "KWD"), text(12_345, "KWD")], ["-0.005 KWD", "12.345 KWD"]);
    }

    proptest! {
        #[test]
        fn the_digits_of_a_text_are_the_amount(amount in any::<i64>(), currency in prop::sample::select(vec!["GBP", "JPY", "KWD"])) {
            let text = text(amount, currency);
            let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
            prop_assert_eq!(digits.parse::<i64>(), Ok(amount));
        }
    }
}
