//! `MatMul`, `Gemm` and `Einsum` in the element types that tract multiplies wrongly or not at all.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::super::kernel::{Fact, Kernel};
use super::super::{ONNX, Operator, Parsed, reject};
use super::common::{
    Slots, broadcast, each_position, fact, float_values, from_floats, from_ints, int_values, lengths, offset,
    stretched_strides, strides,
};
use crate::engine::proto::{float, int, text};

/// What is computed here.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(ONNX, "Einsum", |node, _| parse_einsum(node)),
    Operator::new(ONNX, "Gemm", |node, _| parse_gemm(node)),
    Operator::new(ONNX, "MatMul", |_, _| {
        // tract has no code for products of integers.
        Parsed::by_type(MatMul, |_, facts| facts.first().is_some_and(|fact| is_plain_integer(fact.dtype)))
    }),
];

fn is_plain_integer(dtype: DatumType) -> bool {
    dtype.is_integer() && dtype != TDim::datum_type()
}

/// Elements of either kind, integers wrapping around.
enum Values {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
}

impl Values {
    fn of(tensor: &Tensor) -> TractResult<Self> {
        Ok(if tensor.datum_type().is_integer() {
            Self::Integers(int_values(tensor)?)
        } else {
            Self::Floats(float_values(tensor)?)
        })
    }

    fn into_tensor(self, dtype: DatumType, shape: &[usize]) -> TractResult<Tensor> {
        match self {
            Self::Floats(values) => from_floats(dtype, shape, values),
            Self::Integers(values) => from_ints(dtype, shape, values),
        }
    }
}

/// A product of two matrices, both row by row.
fn product(
    left: &Values,
    left_at: usize,
    right: &Values,
    right_at: usize,
    (n_rows, n_inner, n_columns): (usize, usize, usize),
) -> TractResult<Values> {
    fn sum<T: Copy>(
        left: &[T],
        right: &[T],
        sizes: (usize, usize, usize),
        zero: T,
        add: impl Fn(T, T, T) -> T,
    ) -> Vec<T> {
        let (n_rows, n_inner, n_columns) = sizes;
        let mut sums = vec![zero; n_rows * n_columns];
        for row in 0..n_rows {
            let sums = &mut sums[row * n_columns..][..n_columns];
            for inner in 0..n_inner {
                let factor = left[row * n_inner + inner];
                for (sum, other) in sums.iter_mut().zip(&right[inner * n_columns..][..n_columns]) {
                    *sum = add(*sum, factor, *other);
                }
            }
        }
        sums
    }
    let sizes = (n_rows, n_inner, n_columns);
    let (n_left, n_right) = (n_rows * n_inner, n_inner * n_columns);
    Ok(match (left, right) {
        (Values::Floats(left), Values::Floats(right)) => {
            let add = |sum, left, right| sum + left * right;
            Values::Floats(sum(&left[left_at..][..n_left], &right[right_at..][..n_right], sizes, 0.0, add))
        }
        (Values::Integers(left), Values::Integers(right)) => {
            let add = |sum: i64, left: i64, right| sum.wrapping_add(left.wrapping_mul(right));
            Values::Integers(sum(&left[left_at..][..n_left], &right[right_at..][..n_right], sizes, 0, add))
        }
        _ => bail!("a product of integers and other numbers"),
    })
}

#[derive(Debug)]
struct MatMul;

/// The two shapes as matrices, the shape of the batch, and that of the product.
type Shapes = (Vec<usize>, Vec<usize>, Vec<usize>, Vec<usize>);

/// The shapes as matrices, and the shape of the product.
fn as_matrices(left: &[usize], right: &[usize]) -> TractResult<Shapes> {
    ensure!(!left.is_empty() && !right.is_empty(), "MatMul of a scalar");
    let wide = |shape: &[usize]| shape.len() == 1;
    let left_matrix = if wide(left) { vec![1, left[0]] } else { left.to_vec() };
    let right_matrix = if wide(right) { vec![right[0], 1] } else { right.to_vec() };
    let (left_rank, right_rank) = (left_matrix.len(), right_matrix.len());
    ensure!(left_matrix[left_rank - 1] == right_matrix[right_rank - 2], "{left:?} and {right:?} cannot be multiplied");
    let batch = broadcast(&left_matrix[..left_rank - 2], &right_matrix[..right_rank - 2])?;
    let mut shape = batch.clone();
    if !wide(left) {
        shape.push(left_matrix[left_rank - 2]);
    }
    if !wide(right) {
        shape.push(right_matrix[right_rank - 1]);
    }
    Ok((left_matrix, right_matrix, batch, shape))
}

impl Kernel for MatMul {
    fn name(&self) -> &'static str {
        "MatMul"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let [left, right] = inputs else { bail!("MatMul takes two inputs") };
        ensure!(left.dtype == right.dtype, "MatMul takes two of one type");
        Ok(tvec!(fact(left.dtype, &as_matrices(&lengths(left)?, &lengths(right)?)?.3)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (left, right, batch, shape) = as_matrices(inputs[0].shape(), inputs[1].shape())?;
        let (from_left, from_right) = (Values::of(&inputs[0])?, Values::of(&inputs[1])?);
        let sizes = (left[left.len() - 2], left[left.len() - 1], right[right.len() - 1]);
        let own =
            (stretched_strides(&left[..left.len() - 2], &batch), stretched_strides(&right[..right.len() - 2], &batch));
        let (mut floats, mut integers) = (Vec::new(), Vec::new());
        each_position(&batch, |at| {
            let (left_at, right_at) = (offset(at, &own.0) * sizes.0 * sizes.1, offset(at, &own.1) * sizes.1 * sizes.2);
            match product(&from_left, left_at, &from_right, right_at, sizes)? {
                Values::Floats(values) => floats.extend(values),
                Values::Integers(values) => integers.extend(values),
            }
            Ok(())
        })?;
        let all = if inputs[0].datum_type().is_integer() { Values::Integers(integers) } else { Values::Floats(floats) };
        Ok(tvec!(all.into_tensor(inputs[0].datum_type(), &shape)?))
    }
}

fn parse_gemm(node: &NodeProto) -> TractResult<Parsed> {
    let gemm = Gemm {
        alpha: f64::from(float(node, "alpha").unwrap_or(1.0)),
        beta: f64::from(float(node, "beta").unwrap_or(1.0)),
        transposed: (int(node, "transA").unwrap_or(0) != 0, int(node, "transB").unwrap_or(0) != 0),
        slots: Slots::of(node),
    };
    // tract scales in single precision whatever is scaled.
    Parsed::by_type(gemm, |_, facts| facts.first().is_some_and(|fact| fact.dtype != f32::datum_type()))
}

#[derive(Debug)]
struct Gemm {
    alpha: f64,
    beta: f64,
    transposed: (bool, bool),
    slots: Slots,
}

impl Gemm {
    fn sizes(&self, left: &[usize], right: &[usize]) -> TractResult<(usize, usize, usize)> {
        let (&[left_rows, left_columns], &[right_rows, right_columns]) = (left, right) else {
            bail!("Gemm takes matrices, not {left:?} and {right:?}")
        };
        let (n_rows, n_inner) = if self.transposed.0 { (left_columns, left_rows) } else { (left_rows, left_columns) };
        let (inner, n_columns) =
            if self.transposed.1 { (right_columns, right_rows) } else { (right_rows, right_columns) };
        ensure!(n_inner == inner, "the matrices {left:?} and {right:?} cannot be multiplied");
        Ok((n_rows, n_inner, n_columns))
    }
}

fn transposed(values: Vec<f64>, n_rows: usize, n_columns: usize) -> Vec<f64> {
    (0..n_columns)
        .flat_map(|column| (0..n_rows).map(move |row| (row, column)))
        .map(|(row, column)| values[row * n_columns + column])
        .collect()
}

impl Kernel for Gemm {
    fn name(&self) -> &'static str {
        "Gemm"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let (left, right) = (self.slots.need(inputs, 0)?, self.slots.need(inputs, 1)?);
        ensure!(left.dtype == right.dtype && left.dtype.is_number(), "Gemm takes numbers of one type");
        let (n_rows, _, n_columns) = self.sizes(&lengths(left)?, &lengths(right)?)?;
        if let Some(added) = self.slots.get(inputs, 2) {
            let added = lengths(added)?;
            ensure!(broadcast(&added, &[n_rows, n_columns])? == [n_rows, n_columns], "Gemm cannot add {added:?}");
        }
        Ok(tvec!(fact(left.dtype, &[n_rows, n_columns])))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (left, right) = (self.slots.need(inputs, 0)?, self.slots.need(inputs, 1)?);
        let sizes = self.sizes(left.shape(), right.shape())?;
        let (n_rows, _, n_columns) = sizes;
        let turned = |tensor: &Tensor, turned: bool| -> TractResult<Values> {
            let values = float_values(tensor)?;
            Ok(Values::Floats(if turned { transposed(values, tensor.shape()[0], tensor.shape()[1]) } else { values }))
        };
        let (left_values, right_values) = (turned(left, self.transposed.0)?, turned(right, self.transposed.1)?);
        let Values::Floats(mut sums) = product(&left_values, 0, &right_values, 0, sizes)? else { bail!("no numbers") };
        for sum in &mut sums {
            *sum *= self.alpha;
        }
        if let Some(added) = self.slots.get(inputs, 2) {
            let own = stretched_strides(added.shape(), &[n_rows, n_columns]);
            let added = float_values(added)?;
            for (idx, sum) in sums.iter_mut().enumerate() {
                *sum += self.beta * added[offset(&[idx / n_columns, idx % n_columns], &own)];
            }
        }
        Ok(tvec!(from_floats(left.datum_type(), &[n_rows, n_columns], sums)?))
    }
}

fn parse_einsum(node: &NodeProto) -> TractResult<Parsed> {
    let equation: String = text(node, "equation").unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
    let explicit = equation.contains("->");
    let (inputs, output) = equation.split_once("->").unwrap_or((equation.as_str(), ""));
    let inputs: Vec<String> = inputs.split(',').map(str::to_owned).collect();
    let known = |term: &str| term.replacen("...", "", 1).chars().all(|c| c.is_ascii_alphabetic());
    if inputs.len() != node.input.len() || !inputs.iter().all(|term| known(term)) || !known(output) {
        return reject(node, &format!("the equation {equation} cannot be read"));
    }
    let output = if explicit {
        output.to_owned()
    } else {
        let all: String = inputs.concat().replace('.', "");
        let mut once: Vec<char> = all.chars().filter(|c| all.matches(*c).count() == 1).collect();
        once.sort_unstable();
        let dots = if inputs.iter().any(|term| term.contains("...")) { "..." } else { "" };
        dots.chars().chain(once).collect()
    };
    let repeated = inputs.iter().any(|term| {
        let letters = term.replace('.', "");
        letters.chars().any(|c| letters.matches(c).count() > 1)
    });
    let implicit_dots = !explicit && output.contains("...");
    let einsum = Einsum { inputs, output };
    if repeated || implicit_dots {
        return Parsed::kernel(einsum);
    }
    Parsed::by_type(einsum, |_, facts| facts.iter().any(|fact| is_plain_integer(fact.dtype)))
}

/// Products summed over the letters that the output does not have.
#[derive(Debug)]
struct Einsum {
    inputs: Vec<String>,
    output: String,
}

/// The axes of a term: letters, and numbered ones for the dots, counted from the end.
fn axes(term: &str, n_dots: usize) -> Vec<char> {
    let dots: String = (0..n_dots).rev().map(|idx| char::from_u32(0xE000 + idx as u32).unwrap_or('.')).collect();
    term.replacen("...", &dots, 1).chars().collect()
}

/// What is summed over what.
struct Loops {
    /// For each input, its axes.
    terms: Vec<Vec<char>>,
    /// The output's axes, then those summed over, with their lengths.
    letters: Vec<(char, usize)>,
    n_kept: usize,
}

impl Einsum {
    fn loops(&self, shapes: &[&[usize]]) -> TractResult<Loops> {
        ensure!(shapes.len() == self.inputs.len(), "Einsum takes {} inputs", self.inputs.len());
        let mut most_dots = 0;
        let mut terms = Vec::new();
        let mut sizes: Vec<(char, usize)> = Vec::new();
        for (term, shape) in self.inputs.iter().zip(shapes) {
            let n_letters = term.replace('.', "").len();
            let n_dots = if term.contains("...") { shape.len().checked_sub(n_letters) } else { Some(0) };
            let Some(n_dots) = n_dots.filter(|n_dots| n_dots + n_letters == shape.len()) else {
                bail!("the term {term} does not name the axes of {shape:?}")
            };
            most_dots = most_dots.max(n_dots);
            let axes = axes(term, n_dots);
            for (letter, length) in axes.iter().zip(*shape) {
                match sizes.iter_mut().find(|(known, _)| known == letter) {
                    None => sizes.push((*letter, *length)),
                    Some((_, known)) if *known == *length || *length == 1 => {}
                    Some((_, known)) if *known == 1 => *known = *length,
                    Some((_, known)) => bail!("an axis of {length} stands against one of {known}"),
                }
            }
            terms.push(axes);
        }
        let kept = axes(&self.output, if self.output.contains("...") { most_dots } else { 0 });
        let length = |letter: char| {
            let found = sizes.iter().find(|(known, _)| *known == letter).map(|(_, length)| *length);
            found.ok_or_else(|| format_err!("the output's axis {letter} is in no input"))
        };
        let mut letters = kept.iter().map(|letter| Ok((*letter, length(*letter)?))).collect::<TractResult<Vec<_>>>()?;
        let n_kept = letters.len();
        letters.extend(sizes.iter().filter(|(letter, _)| !kept.contains(letter)));
        Ok(Loops { terms, letters, n_kept })
    }
}

impl Kernel for Einsum {
    fn name(&self) -> &'static str {
        "Einsum"
    }

    fn outputs(&self, inputs: &[Fact]) -> TractResult<TVec<Fact>> {
        let shapes = inputs.iter().map(lengths).collect::<TractResult<Vec<_>>>()?;
        let loops = self.loops(&shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let shape: Vec<usize> = loops.letters[..loops.n_kept].iter().map(|(_, length)| *length).collect();
        let first = inputs.first().ok_or_else(|| format_err!("Einsum takes an input"))?;
        ensure!(first.dtype.is_number(), "Einsum takes numbers");
        Ok(tvec!(fact(first.dtype, &shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let loops = self.loops(&inputs.iter().map(|input| input.shape()).collect::<Vec<_>>())?;
        // Every letter's step in every input; a letter that stands twice steps along the diagonal.
        let steps: Vec<Vec<usize>> = loops
            .terms
            .iter()
            .zip(inputs)
            .map(|(term, input)| {
                let own = strides(input.shape());
                let step = |letter: char| {
                    let axes = term.iter().enumerate().filter(move |(_, other)| **other == letter);
                    axes.filter(|(axis, _)| input.shape()[*axis] != 1).map(|(axis, _)| own[axis]).sum()
                };
                loops.letters.iter().map(|(letter, _)| step(*letter)).collect()
            })
            .collect();
        let all: Vec<usize> = loops.letters.iter().map(|(_, length)| *length).collect();
        let (shape, summed) = all.split_at(loops.n_kept);
        let dtype = inputs[0].datum_type();
        if dtype.is_integer() {
            let values = inputs.iter().map(|input| int_values(input)).collect::<TractResult<Vec<_>>>()?;
            let sums = sums(&values, &steps, shape, summed, (0_i64, 1), i64::wrapping_add, i64::wrapping_mul)?;
            return Ok(tvec!(from_ints(dtype, shape, sums)?));
        }
        let values = inputs.iter().map(|input| float_values(input)).collect::<TractResult<Vec<_>>>()?;
        let sums = sums(&values, &steps, shape, summed, (0.0, 1.0), |a, b| a + b, |a, b| a * b)?;
        Ok(tvec!(from_floats(dtype, shape, sums)?))
    }
}

fn sums<T: Copy>(
    values: &[Vec<T>],
    steps: &[Vec<usize>],
    shape: &[usize],
    summed: &[usize],
    (zero, one): (T, T),
    add: impl Fn(T, T) -> T,
    times: impl Fn(T, T) -> T,
) -> TractResult<Vec<T>> {
    let mut sums = Vec::with_capacity(shape.iter().product());
    each_position(shape, |kept| {
        let starts: Vec<usize> = steps.iter().map(|steps| offset(kept, steps)).collect();
        let mut sum = zero;
        each_position(summed, |position| {
            let factors = values.iter().zip(&starts).zip(steps);
            let product = factors.fold(one, |product, ((values, start), steps)| {
                times(product, values[start + offset(position, &steps[shape.len()..])])
            });
            sum = add(sum, product);
            Ok(())
        })?;
        sums.push(sum);
        Ok(())
    })?;
    Ok(sums)
}
