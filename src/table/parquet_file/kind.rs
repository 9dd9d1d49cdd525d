//! What the values of a Parquet column are, and each as a cell.
//!
//! Source: `LogicalTypes.md` of Apache Parquet.

use jiff::Timestamp;
use parquet::basic::Type;

use super::NESTED;
use super::thrift::Fields;
use crate::table::Cells;

/// Field numbers of `SchemaElement`.
const CONVERTED_TYPE: i16 = 6;
const SCALE: i16 = 7;
const LOGICAL_TYPE: i16 = 10;

/// Units of time in nanoseconds.
const MILLIS: i128 = 1_000_000;
const MICROS: i128 = 1_000;

/// Largest power of ten, and bound of the whole numbers, that a double holds exactly: their quotient is rounded once.
const EXACT_POWER: i32 = 22;
const EXACT_WHOLE: u128 = 1 << 53;

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const NANOS_PER_DAY: i128 = 86_400 * NANOS_PER_SECOND;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but missing values.
    Null,
    Bool,
    Signed,
    Unsigned,
    Float,
    Double,
    Half,
    /// Whole numbers to be divided by 10^scale.
    Decimal {
        scale: i32,
    },
    Text,
    Uuid,
    /// Days since 1970-01-01.
    Date,
    /// A time of the day in units of so many nanoseconds.
    Time {
        nanos: i128,
    },
    /// Units of so many nanoseconds since 1970-01-01; `utc` when that is meant in UTC, else the place is not known.
    Instant {
        nanos: i128,
        utc: bool,
    },
}

impl Kind {
    /// The kind of a column by its `SchemaElement`, or what it holds that is neither a number nor a text.
    ///
    /// The numbers are those of `LogicalType`, `TimeUnit` and `ConvertedType` in `parquet.thrift`; a converted type is
    /// the older form of a logical type.
    pub(super) fn of(element: &Fields, physical: Type) -> Result<Self, &'static str> {
        let unit = |fields: &Fields| match fields.structure(2).and_then(Fields::choice) {
            Some((1, _)) => MILLIS,
            Some((2, _)) => MICROS,
            _ => 1,
        };
        if let Some((logical, fields)) = element.structure(LOGICAL_TYPE).and_then(Fields::choice) {
            match logical {
                1 | 4 | 12 => return Ok(Self::Text),
                5 => return Ok(Self::Decimal { scale: scale(fields.int(1)) }),
                6 => return Ok(Self::Date),
                7 => return Ok(Self::Time { nanos: unit(fields) }),
                8 => return Ok(Self::Instant { nanos: unit(fields), utc: fields.bool(1) == Some(true) }),
                10 => return Ok(if fields.bool(2) == Some(false) { Self::Unsigned } else { Self::Signed }),
                11 => return Ok(Self::Null),
                13 | 16 => return Err(NESTED),
                14 => return Ok(Self::Uuid),
                15 => return Ok(Self::Half),
                17 | 18 => return Err("shapes on a map"),
                _ => {}
            }
        }
        Ok(match (element.int(CONVERTED_TYPE), physical) {
            (Some(5), _) => Self::Decimal { scale: scale(element.int(SCALE)) },
            (Some(6), _) => Self::Date,
            (Some(7), _) => Self::Time { nanos: MILLIS },
            (Some(8), _) => Self::Time { nanos: MICROS },
            (Some(9), _) => Self::Instant { nanos: MILLIS, utc: true },
            (Some(10), _) => Self::Instant { nanos: MICROS, utc: true },
            (Some(11..=14), Type::INT32 | Type::INT64) => Self::Unsigned,
            (Some(20), _) => return Err(NESTED),
            (Some(21), _) => return Err("spans of time"),
            (_, Type::BOOLEAN) => Self::Bool,
            (_, Type::INT32 | Type::INT64) => Self::Signed,
            // A timestamp of Hive, Impala and Spark.
            (_, Type::INT96) => Self::Instant { nanos: 1, utc: false },
            (_, Type::FLOAT) => Self::Float,
            (_, Type::DOUBLE) => Self::Double,
            // Older writers do not say that bytes are text; whether they are shows when they are read.
            (_, Type::BYTE_ARRAY) => Self::Text,
            (_, Type::FIXED_LEN_BYTE_ARRAY) => return Err("binary data"),
        })
    }

    /// The cells to fill.
    pub(super) fn empty_cells(self) -> Cells {
        match self {
            Self::Null | Self::Float | Self::Double | Self::Half | Self::Decimal { .. } => Cells::Number(Vec::new()),
            Self::Bool => Cells::Bool(Vec::new()),
            Self::Signed | Self::Unsigned => Cells::Integer(Vec::new()),
            Self::Text | Self::Uuid | Self::Date | Self::Time { .. } | Self::Instant { .. } => Cells::Text(Vec::new()),
        }
    }

    /// A whole number as the number or text that it stands for.
    pub(super) fn number(self, whole: i128) -> f64 {
        if let Self::Decimal { scale } = self { decimal(whole, scale) } else { whole as f64 }
    }

    /// A whole number as the date or time that it stands for, in the form of ISO 8601.
    pub(super) fn moment(self, whole: i128) -> String {
        let text = match self {
            Self::Date => iso(whole.saturating_mul(NANOS_PER_DAY))
                .and_then(|text| text.split_once('T').map(|(date, _)| date.to_owned())),
            Self::Time { nanos } => Some(whole.saturating_mul(nanos))
                .filter(|nanos| (0..NANOS_PER_DAY).contains(nanos))
                .and_then(iso)
                .and_then(|text| text.split_once('T').map(|(_, time)| time.trim_end_matches('Z').to_owned())),
            Self::Instant { nanos, utc } => iso(whole.saturating_mul(nanos)).map(|mut text| {
                if !utc {
                    text.pop();
                }
                text
            }),
            _ => None,
        };
        text.unwrap_or_else(|| whole.to_string())
    }

    /// Bytes as the number that they stand for.
    pub(super) fn number_of_bytes(self, bytes: &[u8]) -> f64 {
        match (self, bytes) {
            (Self::Half, [low, high]) => half::f16::from_le_bytes([*low, *high]).to_f64(),
            (Self::Decimal { scale }, _) if 16 < significant(bytes).len() => {
                // Wider than any whole number here: rounded as it goes, to about 16 digits.
                let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
                let whole =
                    rest.iter().fold(f64::from(first.cast_signed()), |sum, byte| sum * 256.0 + f64::from(*byte));
                whole / 10_f64.powi(scale)
            }
            _ => {
                let sign = bytes.first().map_or(0, |first| i128::from(first.cast_signed() >> 7));
                self.number(significant(bytes).iter().fold(sign, |sum, byte| sum << 8 | i128::from(*byte)))
            }
        }
    }

    /// The cells in the form in which the file writes them.
    pub(super) fn as_text(self, cells: Cells) -> Cells {
        let written = |number: f64| match self {
            Self::Float => (number as f32).to_string(),
            Self::Decimal { scale } => format!("{number:.*}", usize::try_from(scale).unwrap_or(0).min(64)),
            _ => number.to_string(),
        };
        Cells::Text(match cells {
            Cells::Number(cells) => {
                cells.into_iter().map(|number| (!number.is_nan()).then(|| written(number))).collect()
            }
            Cells::Integer(cells) => cells.into_iter().map(|cell| cell.map(|number| number.to_string())).collect(),
            Cells::Bool(cells) => cells.into_iter().map(|cell| cell.map(|value| value.to_string())).collect(),
            Cells::Text(cells) => cells,
        })
    }
}

fn scale(number: Option<i64>) -> i32 {
    number.and_then(|number| i32::try_from(number).ok()).unwrap_or(0)
}

/// A number in two's complement, the most significant byte first, without the bytes that only repeat its sign.
fn significant(mut bytes: &[u8]) -> &[u8] {
    while let [first @ (0 | 0xFF), rest @ ..] = bytes
        && rest.first().is_some_and(|next| next >> 7 == first >> 7)
    {
        bytes = rest;
    }
    bytes
}

/// `whole` / 10^`scale`, rounded once.
fn decimal(whole: i128, scale: i32) -> f64 {
    if whole.unsigned_abs() < EXACT_WHOLE && (0..=EXACT_POWER).contains(&scale) {
        whole as f64 / 10_f64.powi(scale)
    } else {
        format!("{whole}e{}", -i64::from(scale)).parse().unwrap_or(f64::NAN)
    }
}

/// Nanoseconds since 1970 as `2026-11-24T16:20:00.5Z`; `None` outside of the years -9999 to 9999.
fn iso(nanos: i128) -> Option<String> {
    Timestamp::from_nanosecond(nanos).ok().map(|time| time.to_string())
}

/// Bytes as `01234567-89ab-cdef-0123-456789abcdef`.
pub(super) fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_the_nearest_doubles() {
        for (whole, scale, expected) in [
            (12345, 2, 123.45),
            (-5, 1, -0.5),
            (1, 0, 1.0),
            (99_999_999_999_999_999_999_999_999_999_999_999_999, 20, 1e18),
            (i128::MIN, 38, -1.701_411_834_604_692_3),
            (3, i32::MAX, 0.0),
        ] {
            assert_eq!(decimal(whole, scale).to_bits(), f64::to_bits(expected), "{whole}e-{scale}");
        }
        let kind = Kind::Decimal { scale: 1 };
        assert_eq!(kind.number_of_bytes(&[0xFF, 0x9C]).to_bits(), (-10.0_f64).to_bits());
        assert_eq!(kind.number_of_bytes(&[]).to_bits(), 0.0_f64.to_bits());
        let wide = [&[0xFF; 30][..], &[0xFF, 0x9C]].concat();
        assert_eq!(kind.number_of_bytes(&wide).to_bits(), (-10.0_f64).to_bits());
        // 2^200 / 10 by Python: 2**200 / 10
        let wider = kind.number_of_bytes(&[&[1][..], &[0; 25]].concat());
        assert!((wider / 1.6069380442589904e59 - 1.0).abs() < 1e-15, "{wider}");
    }

    #[test]
    fn moments_are_iso_8601_and_what_no_calendar_has_stays_a_number() {
        let millis = Kind::Instant { nanos: 1_000_000, utc: true };
        for (kind, whole, expected) in [
            (Kind::Date, 0, "1970-01-01"),
            (Kind::Date, -1, "1969-12-31"),
            (Kind::Date, 20_781, "2026-11-24"),
            (Kind::Date, i128::from(i32::MAX), "2147483647"),
            (Kind::Time { nanos: 1_000 }, 1_500_000, "00:00:01.5"),
            (Kind::Time { nanos: 1 }, -1, "-1"),
            (millis, 1_000, "1970-01-01T00:00:01Z"),
            (millis, -1, "1969-12-31T23:59:59.999Z"),
            (Kind::Instant { nanos: 1, utc: false }, 1, "1970-01-01T00:00:00.000000001"),
            (millis, i128::from(i64::MAX), "9223372036854775807"),
        ] {
            assert_eq!(kind.moment(whole), expected, "{kind:?} {whole}");
        }
        assert_eq!(uuid(&[0xAB; 16]), "abababab-abab-abab-abab-abababababab");
    }
}
