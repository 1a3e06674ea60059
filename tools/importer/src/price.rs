//! Parses prices in pounds as whole pence, rounded half to even, without floating-point numbers.

/// Highest price of one unit: far above any real price, so that a value in the wrong column is rejected.
pub(crate) const MAX_PRICE_PENCE: i64 = 1_000_000_000;

/// Highest total of one line: the total of five hundred such lines is still an amount that can be paid.
pub(crate) const MAX_LINE_TOTAL_PENCE: i64 = 1_000_000_000_000;

/// Most digits before the decimal point, and most digits after it.
const MAX_DIGITS: usize = 9;

/// A parsed price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pence {
    pub pence: i64,
    /// Whether the price had fractions of a penny.
    pub rounded: bool,
    /// Whether the price before rounding is above zero: half a penny rounds to 0, but is not free.
    pub positive: bool,
}

/// Parses pounds such as `2.55`, `2`, `.5` or `-0.375`.
pub(crate) fn parse(text: &str) -> Option<Pence> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (pounds, part) = digits.split_once('.').unwrap_or((digits, ""));
    if pounds.len() > MAX_DIGITS || part.len() > MAX_DIGITS || pounds.len() + part.len() == 0 {
        return None;
    }
    let scale = 10_i64.pow(part.len() as u32);
    let exact = whole(pounds)?.checked_mul(scale)?.checked_add(whole(part)?)?;
    let (pence, rounded) = div_half_even(i128::from(exact) * 100, i128::from(scale));
    let pence = if negative { -pence } else { pence };
    Some(Pence { pence, rounded, positive: exact > 0 && !negative })
}

fn whole(digits: &str) -> Option<i64> {
    digits.bytes().try_fold(0_i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

/// Divides numbers that are not negative, rounding half to even; returns whether the quotient was rounded.
fn div_half_even(numerator: i128, denominator: i128) -> (i64, bool) {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let up = match (2 * rest).cmp(&denominator) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => quotient % 2,
    };
    // Pounds have at most nine digits, so the pence fit into an i64.
    ((quotient + up) as i64, rest != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pence(text: &str) -> Option<(i64, bool)> {
        parse(text).map(|price| (price.pence, price.rounded))
    }

    #[test]
    fn pounds_become_pence_half_even() {
        for (text, expected) in [
            ("2.55", (255, false)),
            ("2.1", (210, false)),
            ("16888.02", (1_688_802, false)),
            ("0", (0, false)),
            (".5", (50, false)),
            ("3.", (300, false)),
            ("-11062.06", (-1_106_206, false)),
            ("0.125", (12, true)),
            ("0.135", (14, true)),
            ("0.1250000001", (0, false)),
            ("0.125000001", (13, true)),
            ("0.005", (0, true)),
            ("0.015", (2, true)),
            ("-0.125", (-12, true)),
            ("1.230", (123, false)),
        ] {
            let expected = (text != "0.1250000001").then_some(expected);
            assert_eq!(pence(text), expected, "{text}");
        }
    }

    #[test]
    fn half_a_penny_is_not_free() {
        let free = |text: &str| !parse(text).unwrap().positive;
        assert!(free("0") && free("0.000") && free("-1") && !free("0.001"));
    }

    #[test]
    fn text_that_is_not_a_price_is_rejected() {
        for bad in ["", "-", ".", "1,50", "1e3", "£2.55", " 1", "1.2.3", "--1", "+1", "NaN", "1234567890", "٣"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn rounding_changes_a_price_by_at_most_half_a_penny(pounds in 0_i64..1_000_000, mill in 0_i64..1000) {
            let price = parse(&format!("{pounds}.{mill:03}")).unwrap();
            let exact = pounds * 1000 + mill;
            prop_assert!((price.pence * 10 - exact).abs() <= 5);
            prop_assert_eq!(price.rounded, exact % 10 != 0);
            prop_assert!(exact % 10 != 5 || price.pence % 2 == 0);
        }
    }
}
