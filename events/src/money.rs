//! Money: whole minor units of a currency, checked arithmetic, rounding half-even. No floating point anywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Rates (tax, discount) are whole millionths: 200_000 is 20 %.
pub const RATE_ONE: i64 = 1_000_000;

/// Why an amount could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large")]
pub struct Overflow;

/// An amount in minor units (pence, cents, yen) of a currency that stands beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Minor(pub i64);

impl Minor {
    /// No money.
    pub const ZERO: Minor = Minor(0);

    /// Sum, or [`Overflow`].
    pub fn plus(self, other: Minor) -> Result<Minor, Overflow> {
        self.0.checked_add(other.0).map(Minor).ok_or(Overflow)
    }

    /// Difference, or [`Overflow`].
    pub fn minus(self, other: Minor) -> Result<Minor, Overflow> {
        self.0.checked_sub(other.0).map(Minor).ok_or(Overflow)
    }

    /// This amount for each of `pieces`, or [`Overflow`].
    pub fn times(self, pieces: u32) -> Result<Minor, Overflow> {
        self.0.checked_mul(i64::from(pieces)).map(Minor).ok_or(Overflow)
    }

    /// The share of `rate` millionths, rounded half-even.
    pub fn share(self, rate: i64) -> Result<Minor, Overflow> {
        let exact = i128::from(self.0) * i128::from(rate);
        let rounded = div_half_even(exact, i128::from(RATE_ONE));
        i64::try_from(rounded).map(Minor).map_err(|_| Overflow)
    }

    /// This amount in the proportion `by : of`, rounded half-even; none of it where `of` is nothing.
    pub fn scaled(self, by: i64, of: i64) -> Result<Minor, Overflow> {
        if of == 0 {
            return Ok(Minor::ZERO);
        }
        let rounded = div_half_even(i128::from(self.0) * i128::from(by), i128::from(of));
        i64::try_from(rounded).map(Minor).map_err(|_| Overflow)
    }

    /// Sum of many, or [`Overflow`].
    pub fn sum(amounts: impl IntoIterator<Item = Minor>) -> Result<Minor, Overflow> {
        amounts.into_iter().try_fold(Minor::ZERO, Minor::plus)
    }

    /// Splits this amount by weight so that the parts sum to it exactly (largest remainder, first wins a tie).
    /// Weights are not negative; where all are zero, the first part takes everything.
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

/// Why a text is not a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 code in capitals, such as GBP")]
pub struct InvalidCurrency;

/// Active codes of ISO 4217 (2024 list) without funds, metals and tests; those with other than two decimals are below.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD \
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD \
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG \
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD \
    TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    /// The code, three capitals.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is made of ASCII capitals")
    }

    /// How many decimals the major unit has: JPY 0, GBP 2, KWD 3.
    pub fn exponent(self) -> u32 {
        if listed(NO_DECIMALS, self.as_str()) {
            return 0;
        }
        if listed(THREE_DECIMALS, self.as_str()) {
            return 3;
        }
        2
    }
}

fn listed(codes: &str, code: &str) -> bool {
    codes.split_ascii_whitespace().any(|listed| listed == code)
}

impl std::str::FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        // The everyday currencies skip the walk through the list.
        if matches!(&code, b"GBP" | b"EUR" | b"USD") || listed(CODES, text) {
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
    fn a_part_is_in_proportion() {
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
        assert_eq!(Minor(i64::MAX / 2).times(3), Err(Overflow));
        assert_eq!(Minor(i64::MAX).share(2 * RATE_ONE), Err(Overflow));
    }

    #[test]
    fn currencies_know_their_decimals() {
        let exponent = |code: &str| code.parse::<Currency>().unwrap().exponent();
        assert_eq!([exponent("GBP"), exponent("JPY"), exponent("VND"), exponent("KWD")], [2, 0, 0, 3]);
        for bad in ["gbp", "XXX", "GB", "GBPP", "AED "] {
            assert!(bad.parse::<Currency>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole(amount in -1_000_000_000i64..1_000_000_000, weights in prop::collection::vec(0i64..1_000_000, 1..50)) {
            let weights: Vec<Minor> = weights.into_iter().map(Minor).collect();
            let parts = Minor(amount).allocate(&weights);
            prop_assert_eq!(Minor::sum(parts).unwrap(), Minor(amount));
        }
    }
}
