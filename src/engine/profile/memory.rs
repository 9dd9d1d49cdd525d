//! Bytes of tensors, and how many of them are needed at one time.

use tract_onnx::tract_hir::internal::{Datum as _, Tensor};

/// The bytes a tensor takes: its elements and, of text, the letters; of a packed one, its panels.
pub(super) fn tensor_bytes(tensor: &Tensor) -> u64 {
    if let Ok(Some(packed)) = tensor.exotic_fact() {
        return packed.mem_size().to_i64().ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
    }
    let elements = tensor.len() as u64 * tensor.datum_type().size_of() as u64;
    let letters = if tensor.datum_type() == String::datum_type() {
        tensor.try_as_plain_ram().ok().and_then(|view| view.as_slice::<String>().ok().map(<[String]>::to_vec))
    } else {
        None
    };
    elements + letters.map_or(0, |words| words.iter().map(|word| word.len() as u64).sum())
}

/// What a step holds and reads, for counting what is needed at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Holding {
    /// Bytes of its outputs.
    pub(super) bytes: u64,
    /// Positions of the steps whose outputs it reads.
    pub(super) reads: Vec<usize>,
    /// Whether its output is the input looked at in another way, so that nothing is copied when it is the last reader.
    pub(super) is_view: bool,
    /// Whether it is an input of the model, which is there from the beginning.
    pub(super) is_input: bool,
    /// Whether it is an output of the model, which stays to the end.
    pub(super) is_output: bool,
}

/// For each step the bytes of all tensors that are needed while it runs, its inputs and outputs among them.
///
/// A step that writes over its input needs less: this is an upper bound.
pub(super) fn live_bytes(steps: &[Holding]) -> Vec<u64> {
    let last = steps.len().saturating_sub(1);
    let mut until: Vec<usize> = (0..steps.len()).collect();
    for (idx, step) in steps.iter().enumerate() {
        for read in &step.reads {
            until[*read] = until[*read].max(idx);
        }
        if step.is_output {
            until[idx] = last;
        }
    }
    let mut owner: Vec<usize> = (0..steps.len()).collect();
    for (idx, step) in steps.iter().enumerate() {
        if let ([read], true) = (step.reads.as_slice(), step.is_view)
            && *read < idx
            && until[*read] == idx
            && !steps[*read].is_output
        {
            owner[idx] = owner[*read];
            until[owner[idx]] = until[owner[idx]].max(until[idx]);
        }
    }
    let (mut added, mut freed) = (vec![0_u64; steps.len()], vec![0_u64; steps.len()]);
    for (idx, step) in steps.iter().enumerate().filter(|(idx, _)| owner[*idx] == *idx) {
        added[if step.is_input { 0 } else { idx }] += step.bytes;
        freed[until[idx]] += step.bytes;
    }
    let mut now = 0;
    added
        .iter()
        .zip(&freed)
        .map(|(added, freed)| {
            now += added;
            let live = now;
            now -= freed;
            live
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(bytes: u64, reads: &[usize]) -> Holding {
        Holding { bytes, reads: reads.to_vec(), ..Holding::default() }
    }

    #[test]
    fn a_tensor_is_counted_from_its_making_to_its_last_reader() {
        // in(4) -> a(8) -> b(16); c reads a and b.
        let steps = [
            Holding { is_input: true, ..step(4, &[]) },
            step(8, &[0]),
            step(16, &[1]),
            Holding { is_output: true, ..step(1, &[1, 2]) },
        ];
        assert_eq!(live_bytes(&steps), [4, 4 + 8, 8 + 16, 8 + 16 + 1]);
    }

    #[test]
    fn inputs_are_there_from_the_beginning_and_outputs_to_the_end() {
        let steps = [
            Holding { is_input: true, ..step(1, &[]) },
            Holding { is_output: true, ..step(10, &[0]) },
            Holding { is_input: true, ..step(100, &[]) },
            step(1_000, &[2]),
        ];
        assert_eq!(live_bytes(&steps), [101, 111, 110, 1_110]);
    }

    #[test]
    fn a_view_is_no_copy_when_it_reads_last() {
        let view = |reads: &[usize]| Holding { is_view: true, ..step(8, reads) };
        let input = Holding { is_input: true, ..step(8, &[]) };
        assert_eq!(live_bytes(&[input.clone(), step(8, &[0]), view(&[1]), step(2, &[2])]), [8, 16, 8, 10]);
        // Someone else still reads what is looked at: the view is a copy.
        assert_eq!(live_bytes(&[input.clone(), step(8, &[0]), view(&[1]), step(2, &[1, 2])]), [8, 16, 16, 18]);
        // A view of a view.
        assert_eq!(live_bytes(&[input, view(&[0]), view(&[1]), step(2, &[2])]), [8, 8, 8, 10]);
        assert_eq!(live_bytes(&[]), Vec::<u64>::new());
    }
}
