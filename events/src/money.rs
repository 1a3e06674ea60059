//! Money: integer amounts in minor units of a currency, with checked arithmetic, rounded half to even. No floating point.

mod currencies;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::exact::MAX_EXACT;
use currencies::{NO_DECIMALS, THREE_DECIMALS, listed};

/// Rates (tax, discount) are integers in millionths: 200_000 is 20 %.
pub const RATE_ONE: i64 = 1_000_000;

/// The computed amount exceeds [`MAX_EXACT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large")]
pub struct Overflow;

/// An amount of money in minor units (pence, cents, yen) of its currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Minor(#[schemars(range(min = -MAX_EXACT, max = MAX_EXACT))] pub i64);

impl Minor {
    pub const ZERO: Minor = Minor(0);

    /// Sum, or [`Overflow`].
    pub fn plus(self, other: Minor) -> Result<Minor, Overflow> {
        exact(i128::from(self.0) + i128::from(other.0))
    }

    /// Difference, or [`Overflow`].
    pub fn minus(self, other: Minor) -> Result<Minor, Overflow> {
        exact(i128::from(self.0) - i128::from(other.0))
    }

    /// This amount multiplied by a number of units, or [`Overflow`].
    pub fn times(self, units: u32) -> Result<Minor, Overflow> {
        exact(i128::from(self.0) * i128::from(units))
    }

    /// The share of `rate` millionths, rounded half to even, or [`Overflow`].
    pub fn share(self, rate: i64) -> Result<Minor, Overflow> {
        exact(div_half_even(i128::from(self.0) * i128::from(rate), i128::from(RATE_ONE)))
    }

    /// This amount times `by / of`, rounded half to even, or [`Overflow`]; zero if `of` is zero.
    pub fn scaled(self, by: i64, of: i64) -> Result<Minor, Overflow> {
        if of == 0 {
            return Ok(Minor::ZERO);
        }
        exact(div_half_even(i128::from(self.0) * i128::from(by), i128::from(of)))
    }

    /// Sum of amounts, or [`Overflow`].
    pub fn sum(amounts: impl IntoIterator<Item = Minor>) -> Result<Minor, Overflow> {
        amounts.into_iter().try_fold(Minor::ZERO, Minor::plus)
    }

    /// Splits this amount by weight, so that the parts sum to exactly this amount (largest remainder method; the first part wins a tie).
    /// Weights must not be negative. If all weights are zero, the first part is the whole amount.
    pub fn allocate(self, weights: &[Minor]) -> Vec<Minor> {
        let total: i128 = weights.iter().map(|w| i128::from(w.0)).sum();
        let mut parts = vec![Minor::ZERO; weights.len()];
        if total == 0 {
            if let Some(first) = parts.first_mut() {
                *first = self;
            }
            return parts;
        }
        let mut remainders = Vec::with_capacity(weights.len());
        let mut left = self.0;
        for (index, (part, weight)) in parts.iter_mut().zip(weights).enumerate() {
            let exact = i128::from(self.0) * i128::from(weight.0);
            *part = Minor((exact / total) as i64);
            left -= part.0;
            remainders.push(((exact % total).abs(), index));
        }
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, index) in remainders.into_iter().take(left.unsigned_abs() as usize) {
            parts[index].0 += left.signum();
        }
        parts
    }
}

impl std::fmt::Display for Minor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Checks that an amount is at most [`MAX_EXACT`].
fn exact(amount: i128) -> Result<Minor, Overflow> {
    let amount = i64::try_from(amount).map_err(|_| Overflow)?;
    if amount.unsigned_abs() > MAX_EXACT.unsigned_abs() { Err(Overflow) } else { Ok(Minor(amount)) }
}

fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let twice = 2 * numerator.rem_euclid(denominator);
    match twice.cmp(&denominator) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
    }
}

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "CurrencyCode")]
pub struct Currency([u8; 3]);

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct CurrencyCode(#[schemars(regex(pattern = r"^[A-Z]{3}$"))] String);

/// The text is not a currency code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 code in capitals, such as GBP")]
pub struct InvalidCurrency;

impl Currency {
    /// Currency code: three capital letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is made of ASCII capitals")
    }

    /// Number of decimals of the major unit: JPY 0, GBP 2, KWD 3.
    pub fn exponent(self) -> u32 {
        if listed(NO_DECIMALS, self.as_str()) {
            return 0;
        }
        if listed(THREE_DECIMALS, self.as_str()) {
            return 3;
        }
        2
    }

    /// Last day on which a withdrawn currency was legal tender; `None` for an active currency. The code of a withdrawn currency is still
    /// parsed, so that stored events can be read and past orders can be imported. Rules limit the use of withdrawn currencies.
    pub fn last_day(self) -> Option<NaiveDate> {
        currencies::last_day(self.as_str())
    }
}

impl std::str::FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        // The most frequent currencies skip the search in the list.
        if matches!(&code, b"GBP" | b"EUR" | b"USD") || currencies::is_known(text) {
            return Ok(Self(code));
        }
        Err(InvalidCurrency)
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CurrencyVisitor)
    }
}

struct CurrencyVisitor;

impl serde::de::Visitor<'_> for CurrencyVisitor {
    type Value = Currency;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an ISO 4217 code in capitals, such as GBP")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Currency, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_scaled_in_proportion() {
        assert_eq!(Minor(100).scaled(2, 3), Ok(Minor(67)));
        assert_eq!(Minor(5).scaled(1, 2), Ok(Minor(2)));
        assert_eq!((Minor(7).scaled(3, 3), Minor(7).scaled(1, 0)), (Ok(Minor(7)), Ok(Minor::ZERO)));
        assert_eq!(Minor(i64::MAX).scaled(2, 1), Err(Overflow));
    }

    #[test]
    fn shares_round_half_even() {
        let half = RATE_ONE / 2;
        let rounded: Vec<i64> = [1, 3, 5, -1, -3].map(|m| Minor(m).share(half).unwrap().0).to_vec();
        assert_eq!(rounded, [0, 2, 2, 0, -2]);
    }

    #[test]
    fn overflow_is_an_error() {
        assert_eq!(Minor(i64::MAX).plus(Minor(1)), Err(Overflow));
        assert_eq!(
            (Minor(MAX_EXACT).plus(Minor(1)), Minor(-MAX_EXACT).minus(Minor(1))),
            (Err(Overflow), Err(Overflow))
        );
        assert_eq!(Minor(MAX_EXACT - 1).plus(Minor(1)), Ok(Minor(MAX_EXACT)));
        assert_eq!(Minor(i64::MAX / 2).times(3), Err(Overflow));
        assert_eq!(Minor(i64::MAX).share(2 * RATE_ONE), Err(Overflow));
    }

    #[test]
    fn currencies_have_their_number_of_decimals() {
        let exponent = |code: &str| code.parse::<Currency>().unwrap().exponent();
        assert_eq!([exponent("GBP"), exponent("JPY"), exponent("VND"), exponent("KWD")], [2, 0, 0, 3]);
        assert_eq!([exponent("ITL"), exponent("HRK"), exponent("XCG")], [0, 2, 2]);
        for bad in ["gbp", "XXX", "GB", "GBPP", "AED "] {
            assert!(bad.parse::<Currency>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_withdrawn_currency_is_parsed_and_has_a_last_day() {
        let last_day = |code: &str| code.parse::<Currency>().unwrap().last_day();
        assert_eq!(last_day("BGN"), NaiveDate::from_ymd_opt(2026, 1, 31));
        assert_eq!(last_day("HRK"), NaiveDate::from_ymd_opt(2023, 1, 14));
        assert_eq!((last_day("EUR"), last_day("XCG")), (None, None));
    }

    proptest! {
        #[test]
        fn every_result_is_exact_as_a_double(a in any::<i64>(), b in any::<i64>(), n in any::<u32>()) {
            let results = [Minor(a).plus(Minor(b)), Minor(a).minus(Minor(b)), Minor(a).times(n), Minor(a).share(b), Minor(a).scaled(b, i64::from(n))];
            for result in results.into_iter().flatten() {
                prop_assert!(result.0.unsigned_abs() <= MAX_EXACT.unsigned_abs(), "{result}");
                prop_assert_eq!(result.0 as f64 as i64, result.0);
            }
        }

        #[test]
        fn parts_sum_to_the_whole(amount in -1_000_000_000i64..1_000_000_000, weights in prop::collection::vec(0i64..1_000_000, 1..50)) {
            let weights: Vec<Minor> = weights.into_iter().map(Minor).collect();
            let parts = Minor(amount).allocate(&weights);
            prop_assert_eq!(Minor::sum(parts).unwrap(), Minor(amount));
        }
    }
}
