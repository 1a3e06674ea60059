//! The currencies of ISO 4217: list one (active codes) as published on 2026-01-01, without funds, metals, units of account and
//! test codes, and the codes that were withdrawn since 1999 (list three). Stored events with a code of either list must stay readable:
//! a code can move from the first list to the second, and no code is ever removed.

use chrono::NaiveDate;

/// Active codes.
pub(super) const ACTIVE: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY \
    COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR \
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK \
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF \
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU \
    UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Withdrawn codes with the last day of legal tender (Unicode CLDR 48, supplemental currency data).
const WITHDRAWN: [(&str, i32, u32, u32); 53] = [
    ("ADP", 2001, 12, 31),
    ("AFA", 2002, 12, 31),
    ("ANG", 2025, 6, 30),
    ("AON", 2000, 2, 1),
    ("AOR", 2000, 2, 1),
    ("ATS", 2002, 2, 28),
    ("AZM", 2006, 12, 31),
    ("BEF", 2002, 2, 28),
    ("BGL", 1999, 7, 5),
    ("BGN", 2026, 1, 31),
    ("BYB", 2000, 12, 31),
    ("BYR", 2017, 1, 1),
    ("CSD", 2006, 10, 25),
    ("CUC", 2021, 6, 1),
    ("CYP", 2008, 1, 31),
    ("DEM", 2002, 5, 15),
    ("ECS", 2000, 10, 2),
    ("EEK", 2010, 12, 31),
    ("ESP", 2002, 2, 28),
    ("FIM", 2002, 2, 28),
    ("FRF", 2002, 2, 17),
    ("GHC", 2007, 12, 31),
    ("GRD", 2002, 2, 28),
    ("HRK", 2023, 1, 14),
    ("IEP", 2002, 2, 9),
    ("ITL", 2002, 2, 28),
    ("LTL", 2014, 12, 31),
    ("LUF", 2002, 2, 28),
    ("LVL", 2013, 12, 31),
    ("MGF", 2004, 12, 31),
    ("MRO", 2018, 6, 30),
    ("MTL", 2008, 1, 31),
    ("MZM", 2006, 12, 31),
    ("NLG", 2002, 2, 28),
    ("PTE", 2002, 2, 28),
    ("ROL", 2006, 12, 31),
    ("SDD", 2007, 6, 30),
    ("SIT", 2007, 1, 14),
    ("SKK", 2009, 1, 1),
    ("SLL", 2023, 12, 31),
    ("SRG", 2003, 12, 31),
    ("STD", 2017, 12, 31),
    ("TJR", 2000, 10, 25),
    ("TMM", 2009, 1, 1),
    ("TPE", 2002, 5, 20),
    ("TRL", 2005, 12, 31),
    ("VEB", 2008, 6, 30),
    ("VEF", 2018, 8, 20),
    ("YUM", 2002, 5, 15),
    ("ZMK", 2013, 1, 1),
    ("ZWD", 2008, 8, 1),
    ("ZWL", 2024, 8, 31),
    ("ZWR", 2009, 2, 2),
];

/// Codes whose major unit has no decimals.
pub(super) const NO_DECIMALS: &str = "ADP BEF BIF BYB BYR CLP DJF ESP GNF GRD ISK ITL JPY KMF KRW LUF MGF PTE PYG RWF \
    TPE TRL UGX VND VUV XAF XOF XPF";

/// Codes whose major unit has three decimals.
pub(super) const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// The last day of legal tender of a code that was withdrawn.
pub(super) fn last_day(code: &str) -> Option<NaiveDate> {
    let (_, year, month, day) = WITHDRAWN.iter().find(|(withdrawn, ..)| *withdrawn == code)?;
    NaiveDate::from_ymd_opt(*year, *month, *day)
}

/// Whether a code is in one of the lists.
pub(super) fn is_known(code: &str) -> bool {
    listed(ACTIVE, code) || last_day(code).is_some()
}

/// Whether a list of codes has this one.
pub(super) fn listed(codes: &str, code: &str) -> bool {
    codes.split_ascii_whitespace().any(|listed| listed == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_three_capitals_in_one_list_and_every_day_exists() {
        let is_code = |code: &str| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
        let active: Vec<&str> = ACTIVE.split_ascii_whitespace().collect();
        assert!(active.iter().all(|code| is_code(code)) && active.is_sorted());
        assert_eq!(active.len(), 155);
        for (code, ..) in WITHDRAWN {
            assert!(is_code(code) && !active.contains(&code) && last_day(code).is_some(), "{code}");
        }
        assert!([NO_DECIMALS, THREE_DECIMALS].iter().all(|list| list.split_ascii_whitespace().all(is_known)));
    }
}
