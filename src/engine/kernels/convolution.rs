//! Convolutions over pictures: their channels are moved last, where a vector of them lies side by side.

use tract_onnx::tract_hir::internal::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_onnx::tract_hir::internal::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_hir::internal::tract_core::tract_linalg::multithread::par_chunks_mut;
use tract_onnx::tract_hir::internal::*;

use super::Held;
use super::dense::{Packed, Reading, Run};
use super::depthwise::Depthwise;
use super::fuse::{self, Finish};
use super::product::MULTIPLICATIONS;
use crate::engine::operators::elements;

/// Height and width.
type Lengths = (usize, usize);

/// Where a convolution looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    kernel: Lengths,
    stride: Lengths,
    before: Lengths,
    after: Lengths,
}

impl Window {
    fn output(&self, (h, w): Lengths) -> Option<Lengths> {
        let length = |axis: usize, before: usize, after: usize, kernel: usize, stride: usize| {
            Some((axis + before + after).checked_sub(kernel)? / stride + 1)
        };
        let height = length(h, self.before.0, self.after.0, self.kernel.0, self.stride.0)?;
        Some((height, length(w, self.before.1, self.after.1, self.kernel.1, self.stride.1)?))
    }

    fn pads(&self) -> bool {
        (self.before, self.after) != ((0, 0), (0, 0))
    }
}

#[derive(Clone, Debug)]
enum Weights {
    /// Every output channel sees all channels.
    Dense(Arc<Packed>),
    /// Every channel for itself: the channels of each place of the kernel.
    Depthwise(Arc<Vec<f32>>),
}

/// A convolution over channels-last pictures.
#[derive(Clone, Debug)]
struct Convolution {
    weights: Weights,
    window: Window,
    finish: Finish,
}

impl PartialEq for Convolution {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.weights, &other.weights) {
            (Weights::Dense(one), Weights::Dense(two)) => Arc::ptr_eq(one, two),
            (Weights::Depthwise(one), Weights::Depthwise(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        same && self.window == other.window && self.finish.is(&other.finish)
    }
}

impl Eq for Convolution {}

/// What it holds, if it is such a convolution.
pub(super) fn held(op: &dyn TypedOp) -> Option<Held> {
    let convolution = op.downcast_ref::<Convolution>()?;
    let bytes = match &convolution.weights {
        Weights::Dense(packed) => packed.bytes(),
        Weights::Depthwise(weights) => size_of_val(weights.as_slice()) as u64,
    };
    Some(Held { bytes, finish: convolution.finish.parts() })
}

/// The patch that puts our kernel in the place of this node, if it is such a convolution; or one that pools over
/// channels-last pictures, so that they need not be moved back for it.
pub(super) fn replacement(model: &TypedModel, id: usize) -> TractResult<Option<TypedModelPatch>> {
    let node = model.node(id);
    if let Some(pool) = node.op_as::<MaxPool>() {
        let last = match pool.pool_spec.data_format {
            DataFormat::NCHW => DataFormat::NHWC,
            DataFormat::CHW => DataFormat::HWC,
            DataFormat::NHWC | DataFormat::HWC => return Ok(None),
        };
        let fits = pool.with_index_outputs.is_none()
            && pool.pool_spec.rank() == 2
            && model.nodes().iter().any(|node| node.op_is::<Conv>() || node.op_is::<Convolution>());
        let pool_spec = PoolSpec { data_format: last, ..pool.pool_spec.clone() };
        return if fits {
            between_moves(model, node, MaxPool { pool_spec, ..pool.clone() }).map(Some)
        } else {
            Ok(None)
        };
    }
    let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
    match Convolution::of(model, node, conv)? {
        Some(convolution) => between_moves(model, node, convolution).map(Some),
        None => with_stated_padding(model, node, conv),
    }
}

/// Whether the padding is to be worked out from the shapes.
pub(super) fn asks_for_same(conv: &Conv) -> bool {
    matches!(conv.pool_spec.padding, PaddingSpec::SameUpper | PaddingSpec::SameLower)
}

/// The padding that `SAME_UPPER` and `SAME_LOWER` come to, in their place: tract works it out anew, and differently,
/// when it has drawn the stride of the next convolution into this one.
pub(super) fn with_stated_padding(
    model: &TypedModel,
    node: &TypedNode,
    conv: &Conv,
) -> TractResult<Option<TypedModelPatch>> {
    if !asks_for_same(conv) {
        return Ok(None);
    }
    let spec = &conv.pool_spec;
    let input = model.outlet_fact(node.inputs[0])?;
    let Some(shape) = input.shape.as_concrete() else { return Ok(None) };
    let shape = spec.data_format.shape(shape)?;
    let (before, after) =
        spec.computed_padding(shape.hw_dims()).iter().map(|axis| (axis.pad_before, axis.pad_after)).unzip();
    let pool_spec = PoolSpec { padding: PaddingSpec::Explicit(before, after), ..spec.clone() };
    Ok(Some(TypedModelPatch::replace_single_op(model, node, &node.inputs, Conv { pool_spec, ..conv.clone() })?))
}

fn between_moves(
    model: &TypedModel,
    node: &TypedNode,
    op: impl Into<Box<dyn TypedOp>>,
) -> TractResult<TypedModelPatch> {
    let mut patch = TypedModelPatch::default();
    let input = patch.tap_model(model, node.inputs[0])?;
    // tract takes the axis of a single picture away.
    let rank = model.outlet_fact(node.inputs[0])?.rank();
    let (first, last) = (rank - 3, rank - 1);
    let moved = patch.wire_node(format!("{}.channels-last", node.name), AxisOp::Move(first, last), &[input])?;
    let output = patch.wire_node(&node.name, op, &moved)?;
    let back = patch.wire_node(format!("{}.channels-first", node.name), AxisOp::Move(last, first), &output)?;
    patch.shunt_outside(model, node.id.into(), back[0])?;
    Ok(patch)
}

impl Convolution {
    fn of(model: &TypedModel, node: &TypedNode, conv: &Conv) -> TractResult<Option<Self>> {
        let single = f32::datum_type();
        let &[input, kernel, bias] = node.inputs.as_slice() else { return Ok(None) };
        let (input, kernel, bias) = (model.outlet_fact(input)?, model.outlet_fact(kernel)?, model.outlet_fact(bias)?);
        let (Some(kernel), Some(bias)) = (&kernel.konst, &bias.konst) else { return Ok(None) };
        let spec = &conv.pool_spec;
        let (c, n) = (spec.input_channels, spec.output_channels);
        let Some(&[.., h, w]) = input.shape.as_concrete() else { return Ok(None) };
        let (&[kernel_h, kernel_w], &[stride_h, stride_w]) = (spec.kernel_shape.as_slice(), &*spec.strides()) else {
            return Ok(None);
        };
        let plain = conv.q_params.is_none()
            && [input.datum_type, kernel.datum_type(), bias.datum_type()] == [single; 3]
            && matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW)
            && conv.kernel_fmt == KernelFormat::OIHW
            && spec.dilations().iter().all(|dilation| *dilation == 1)
            && [1, n].contains(&bias.len())
            && 0 < stride_h * stride_w
            && 0 < kernel.len();
        if !plain {
            return Ok(None);
        }
        let padding = spec.computed_padding(&[h, w]);
        let [rows, columns] = padding.as_slice() else { return Ok(None) };
        let window = Window {
            kernel: (kernel_h, kernel_w),
            stride: (stride_h, stride_w),
            before: (rows.pad_before, columns.pad_before),
            after: (rows.pad_after, columns.pad_after),
        };
        if window.output((h, w)) != Some((rows.convoluted, columns.convoluted)) {
            return Ok(None);
        }
        let values = elements::<f32>(kernel)?;
        let places = kernel_h * kernel_w;
        let weights = if conv.group == 1 && values.len() == n * c * places {
            // The kernel's places one after the other, in each the channels.
            Weights::Dense(Arc::new(Packed::new(places * c, n, |row, column| {
                values[(column * c + row % c) * places + row / c]
            })))
        } else if conv.group == c && c == n && values.len() == n * places {
            let all = (0..places).flat_map(|place| (0..c).map(move |channel| values[channel * places + place]));
            Weights::Depthwise(Arc::new(all.collect()))
        } else {
            return Ok(None);
        };
        // Where there is no bias, tract has a single zero.
        let bias = match elements::<f32>(bias)? {
            [single] => vec![*single; n],
            bias => bias.to_vec(),
        };
        Ok(Some(Self { weights, window, finish: Finish::new(bias) }))
    }

    fn n(&self) -> usize {
        self.finish.bias.len()
    }

    #[expect(clippy::many_single_char_names, reason = "lengths of pictures are called so")]
    fn dense(
        &self,
        packed: &Packed,
        image: &[f32],
        (h, w, c): (usize, usize, usize),
        residual: Option<&[f32]>,
        output: &mut [f32],
    ) -> TractResult<()> {
        let Window { kernel, stride, before, .. } = self.window;
        let Some((_, out_w)) = self.window.output((h, w)) else { bail!("the kernel is larger than the picture") };
        let mut padded = Vec::new();
        let (image, w) = if self.window.pads() {
            let width = w + before.1 + self.window.after.1;
            padded.resize((h + before.0 + self.window.after.0) * width * c, 0.0);
            for (from, to) in image.chunks_exact(w * c).zip(padded.chunks_exact_mut(width * c).skip(before.0)) {
                to[before.1 * c..][..w * c].copy_from_slice(from);
            }
            (padded.as_slice(), width)
        } else {
            (image, w)
        };
        let bias = packed.padded(&self.finish.bias);
        let reading =
            Reading { segments: kernel.0, run: kernel.1 * c, pitch: w * c, footprint: stride.0 * stride.1 * c };
        let n = packed.n;
        par_chunks_mut(output, n, output.len() * packed.depth / MULTIPLICATIONS, |first, output| {
            let run = Run {
                packed,
                bias: &bias,
                input: image,
                reading,
                start: |position| {
                    let (y, x) = ((first + position) / out_w, (first + position) % out_w);
                    (y * stride.0 * w + x * stride.1) * c
                },
                residual: residual.map(|residual| &residual[first * n..][..output.len()]),
                output,
                activation: self.finish.activation,
            };
            pulp::Arch::new().dispatch(run);
            Ok(())
        })
    }

    fn depthwise(
        &self,
        weights: &[f32],
        input: &[f32],
        (h, w, c): (usize, usize, usize),
        output: &mut [f32],
    ) -> TractResult<()> {
        let Window { kernel, stride, before, .. } = self.window;
        let Some((_, out_w)) = self.window.output((h, w)) else { bail!("the kernel is larger than the picture") };
        let work = output.len() * kernel.0 * kernel.1 / MULTIPLICATIONS * 4;
        par_chunks_mut(output, out_w * c, work, |first_row, output| {
            let run = Depthwise {
                input,
                h,
                w,
                c,
                kernel,
                stride,
                pad: before,
                out_w,
                first_row,
                weights,
                bias: &self.finish.bias,
                output,
                activation: self.finish.activation,
            };
            pulp::Arch::new().dispatch(run);
            Ok(())
        })
    }
}

impl Op for Convolution {
    fn name(&self) -> StaticName {
        "Convolution".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Convolution {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let &[ref images @ .., h, w, c] = inputs[0].shape() else { bail!("three axes or more are expected") };
        let Some((out_h, out_w)) = self.window.output((h, w)) else { bail!("the kernel is larger than the picture") };
        let mut output = Tensor::zero::<f32>(&[images, [out_h, out_w, self.n()].as_slice()].concat())?;
        let input = elements::<f32>(&inputs[0])?;
        let residual = if self.finish.residual { Some(elements::<f32>(&inputs[1])?) } else { None };
        let size = out_h * out_w * self.n();
        let mut view = output.try_as_plain_ram_mut()?;
        let images =
            input.chunks_exact((h * w * c).max(1)).zip(view.as_slice_mut::<f32>()?.chunks_exact_mut(size.max(1)));
        for (idx, (image, output)) in images.enumerate() {
            match &self.weights {
                Weights::Dense(packed) => {
                    let residual = residual.map(|residual| &residual[idx * size..][..size]);
                    self.dense(packed, image, (h, w, c), residual, output)?;
                }
                Weights::Depthwise(weights) => self.depthwise(weights, image, (h, w, c), output)?,
            }
        }
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Convolution {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let Some(&[ref images @ .., h, w, _]) = inputs[0].shape.as_concrete() else {
            bail!("four known lengths are expected")
        };
        let Some((out_h, out_w)) = self.window.output((h, w)) else { bail!("the kernel is larger than the picture") };
        Ok(tvec!(f32::fact([images, [out_h, out_w, self.n()].as_slice()].concat())))
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let depth = match &self.weights {
            Weights::Dense(packed) => packed.depth,
            Weights::Depthwise(_) => self.window.kernel.0 * self.window.kernel.1,
        };
        let outputs = self.output_facts(inputs)?;
        Ok(tvec!((Cost::FMA(f32::datum_type()), outputs[0].shape.volume() * depth)))
    }

    /// The pictures' own axis may come and go.
    fn change_axes(
        &self,
        model: &TypedModel,
        node: &TypedNode,
        _io: InOut,
        change: &AxisOp,
    ) -> TractResult<Option<AxisChangeConsequence>> {
        let rank = node.outputs[0].fact.rank();
        let fits = match change {
            AxisOp::Rm(axis) => *axis + 3 < rank,
            AxisOp::Add(axis) => *axis + 3 <= rank,
            _ => false,
        };
        Ok(fits.then(|| AxisChangeConsequence::new(model, node, None, change)))
    }

    fn declutter(&self, model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
        let adds = matches!(self.weights, Weights::Dense(_));
        fuse::next(model, node, &self.finish, adds, |finish| Self { finish, ..self.clone() })
    }

    as_op!();
}
