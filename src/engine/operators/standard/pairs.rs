//! Functions of two numbers by ONNX's rules: shifts beyond the width give 0, the sign of a remainder follows `fmod`,
//! powers of integers are integers, and the larger or smaller of anything and NaN is NaN.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel, elements, tensor};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{
    broadcast, each_position, fact, float_values, from_floats, from_ints, int_values, integral, lengths, numeric,
    offset, stretched_strides,
};
use crate::engine::proto::{int, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "BitShift", |node, _| parse_shift(node)),
    Operator::new(ONNX, "Mod", |node, _| {
        Parsed::kernel(Pairs(if int(node, "fmod").unwrap_or(0) != 0 {
            Rule::RemainderOfDividend
        } else {
            Rule::RemainderOfDivisor
        }))
    }),
    Operator::new(ONNX, "Max", |_, _| Parsed::kernel(Extreme { largest: true })),
    Operator::new(ONNX, "Min", |_, _| Parsed::kernel(Extreme { largest: false })),
    Operator::new(ONNX, "Pow", |_, _| {
        Parsed::by_type(Power, |_, facts| {
            facts.iter().any(|fact| !matches!(fact.dtype, DatumType::F16 | DatumType::F32))
        })
    }),
];

fn parse_shift(node: &NodeProto) -> TractResult<Parsed> {
    match text(node, "direction").as_deref() {
        Some("LEFT") => Parsed::kernel(Pairs(Rule::ShiftLeft)),
        Some("RIGHT") => Parsed::kernel(Pairs(Rule::ShiftRight)),
        other => reject(node, &format!("the direction {other:?} is not supported")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    ShiftLeft,
    ShiftRight,
    /// The remainder has the sign of what is divided.
    RemainderOfDividend,
    /// The remainder has the sign of what it is divided by.
    RemainderOfDivisor,
}

/// A function of two elements, over tensors stretched to each other.
#[derive(Debug)]
struct Pairs(Rule);

impl Kernel for Pairs {
    fn name(&self) -> &'static str {
        match self.0 {
            Rule::ShiftLeft | Rule::ShiftRight => "BitShift",
            Rule::RemainderOfDividend | Rule::RemainderOfDivisor => "Mod",
        }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [left, right] = inputs else { bail!("{} takes two inputs", self.name()) };
        ensure!(
            left.dtype == right.dtype,
            "{} takes two of one type, not {:?} and {:?}",
            self.name(),
            left.dtype,
            right.dtype
        );
        Ok(tvec!(fact(left.dtype, &broadcast(&lengths(left)?, &lengths(right)?)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (left, right) = (&inputs[0], &inputs[1]);
        let dtype = left.datum_type();
        let result = match self.0 {
            Rule::ShiftLeft | Rule::ShiftRight => integral!(dtype, shift(left, right, self.0 == Rule::ShiftLeft))?,
            Rule::RemainderOfDividend | Rule::RemainderOfDivisor => {
                numeric!(dtype, remainder(left, right, self.0 == Rule::RemainderOfDivisor))?
            }
        };
        Ok(tvec!(result))
    }
}

/// Calls `each` with every pair of elements.
fn pairs<T: Datum + Copy>(
    left: &Tensor,
    right: &Tensor,
    mut each: impl FnMut(T, T) -> TractResult<T>,
) -> TractResult<Tensor> {
    if left.shape() == right.shape() {
        let both = elements::<T>(left)?.iter().zip(elements::<T>(right)?);
        return tensor(left.shape(), both.map(|(left, right)| each(*left, *right)).collect::<TractResult<Vec<T>>>()?);
    }
    let shape = broadcast(left.shape(), right.shape())?;
    if let ([right], true) = (elements::<T>(right)?, shape == left.shape()) {
        let all = elements::<T>(left)?.iter().map(|left| each(*left, *right));
        return tensor(&shape, all.collect::<TractResult<Vec<T>>>()?);
    }
    let strides = (stretched_strides(left.shape(), &shape), stretched_strides(right.shape(), &shape));
    let (left, right) = (elements::<T>(left)?, elements::<T>(right)?);
    let mut values = Vec::with_capacity(shape.iter().product());
    each_position(&shape, |position| {
        values.push(each(left[offset(position, &strides.0)], right[offset(position, &strides.1)])?);
        Ok(())
    })?;
    tensor(&shape, values)
}

/// A shift that gives 0 where it moves everything out.
trait Shift: Datum + Copy {
    fn shifted(self, by: Self, left: bool) -> Self;
}

macro_rules! shifts {
    ($($kind:ty),*) => {
        $(impl Shift for $kind {
            fn shifted(self, by: Self, left: bool) -> Self {
                let by = u32::try_from(by).unwrap_or(u32::MAX);
                if left { self.checked_shl(by) } else { self.checked_shr(by) }.unwrap_or(0)
            }
        })*
    };
}

shifts!(u8, u16, u32, u64, i8, i16, i32, i64);

fn shift<T: Shift>(left: &Tensor, right: &Tensor, to_left: bool) -> TractResult<Tensor> {
    pairs::<T>(left, right, |value, by| Ok(value.shifted(by, to_left)))
}

/// A remainder whose sign follows either number.
trait Remainder: Datum + Copy {
    fn remainder(self, by: Self, of_divisor: bool) -> TractResult<Self>;
}

macro_rules! signed_remainders {
    ($($kind:ty),*) => {
        $(impl Remainder for $kind {
            fn remainder(self, by: Self, of_divisor: bool) -> TractResult<Self> {
                ensure!(by != 0, "Mod divides by zero");
                let rest = self.wrapping_rem(by);
                Ok(if of_divisor && rest != 0 && (rest < 0) != (by < 0) { rest + by } else { rest })
            }
        })*
    };
}

macro_rules! unsigned_remainders {
    ($($kind:ty),*) => {
        $(impl Remainder for $kind {
            fn remainder(self, by: Self, _of_divisor: bool) -> TractResult<Self> {
                self.checked_rem(by).ok_or_else(|| format_err!("Mod divides by zero"))
            }
        })*
    };
}

macro_rules! float_remainders {
    ($($kind:ty),*) => {
        $(impl Remainder for $kind {
            fn remainder(self, by: Self, of_divisor: bool) -> TractResult<Self> {
                let zero = <$kind>::default();
                let rest = self % by;
                Ok(if of_divisor && (rest < zero || zero < rest) && (rest < zero) != (by < zero) { rest + by } else { rest })
            }
        })*
    };
}

signed_remainders!(i8, i16, i32, i64);
unsigned_remainders!(u8, u16, u32, u64);
float_remainders!(f16, f32, f64);

fn remainder<T: Remainder>(left: &Tensor, right: &Tensor, of_divisor: bool) -> TractResult<Tensor> {
    pairs::<T>(left, right, |value, by| value.remainder(by, of_divisor))
}

/// The larger or the smaller of any number of tensors.
#[derive(Debug)]
struct Extreme {
    largest: bool,
}

impl Kernel for Extreme {
    fn name(&self) -> &'static str {
        if self.largest { "Max" } else { "Min" }
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let first = inputs.first().ok_or_else(|| format_err!("{} takes an input", self.name()))?;
        let mut shape = lengths(first)?;
        for input in inputs {
            ensure!(input.dtype == first.dtype, "{} takes inputs of one type", self.name());
            shape = broadcast(&shape, &lengths(input)?)?;
        }
        Ok(tvec!(fact(first.dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let mut best = inputs[0].clone().into_tensor();
        for input in &inputs[1..] {
            best = numeric!(best.datum_type(), extreme(&best, input, self.largest))?;
        }
        Ok(tvec!(best))
    }
}

#[expect(clippy::eq_op, reason = "a NaN is what does not equal itself")]
fn extreme<T: Datum + Copy + PartialOrd>(left: &Tensor, right: &Tensor, largest: bool) -> TractResult<Tensor> {
    pairs::<T>(left, right, |left, right| {
        let wins = if largest { right < left } else { left < right };
        Ok(if wins || left != left { left } else { right })
    })
}

/// Powers, in the type of the base.
#[derive(Debug)]
struct Power;

impl Kernel for Power {
    fn name(&self) -> &'static str {
        "Pow"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [base, exponent] = inputs else { bail!("Pow takes two inputs") };
        Ok(tvec!(fact(base.dtype, &broadcast(&lengths(base)?, &lengths(exponent)?)?)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (base, exponent) = (&inputs[0], &inputs[1]);
        if base.datum_type().is_integer() && exponent.datum_type().is_integer() {
            let (base, exponent) = (base.cast_to::<i64>()?, exponent.cast_to::<i64>()?);
            let powers = pairs::<i64>(&base, &exponent, |base, exponent| Ok(power(base, exponent)))?;
            return Ok(tvec!(from_ints(inputs[0].datum_type(), powers.shape(), int_values(&powers)?)?));
        }
        let powers = pairs::<f64>(&*base.cast_to::<f64>()?, &*exponent.cast_to::<f64>()?, |base, exponent| {
            Ok(base.powf(exponent))
        })?;
        Ok(tvec!(from_floats(base.datum_type(), powers.shape(), float_values(&powers)?)?))
    }
}

/// The power as an integer: with a negative exponent, what is left of the fraction.
fn power(base: i64, exponent: i64) -> i64 {
    match (base, u32::try_from(exponent)) {
        (_, Ok(exponent)) => base.wrapping_pow(exponent),
        (1, Err(_)) => 1,
        (-1, Err(_)) => 1 - 2 * (exponent & 1),
        (_, Err(_)) => 0,
    }
}
