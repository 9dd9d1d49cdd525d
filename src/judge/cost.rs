//! A profile as rows to be sorted, searched and exported; shared by the page and whoever lists them.

use std::cmp::Ordering;

use crate::project::reports::{OperatorCost, Profile, StepCost};

/// What rows of a profile are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostKey {
    /// The name.
    Name,
    /// The operator.
    Operator,
    /// What it is to the engine.
    RunsAs,
    /// How many there are; of a step, its place in the order of running.
    Count,
    /// Time.
    Time,
    /// Arithmetic; what cannot be said comes last.
    Flops,
    /// Bytes read and written.
    Moved,
    /// Trained values; of a step, the bytes of its weights.
    Values,
    /// Bytes of the tensors needed at that time.
    Live,
}

/// Operator with its domain where that is not ONNX's own; the engine's own steps in brackets.
pub fn operator_name(operator: &OperatorCost) -> String {
    match operator.domain.as_str() {
        _ if operator.is_engines_own() => format!("({})", operator.operator),
        "" => operator.operator.clone(),
        domain => format!("{domain}:{}", operator.operator),
    }
}

/// The name in the file, else that to the engine.
pub fn step_name(step: &StepCost) -> &str {
    if step.node.is_empty() { &step.name } else { &step.node }
}

/// Bytes that an operator's steps read and write.
pub fn operator_moved(operator: &OperatorCost) -> u64 {
    operator.bytes_read.saturating_add(operator.bytes_written)
}

/// Bytes that a step reads and writes, its weights among them.
pub fn step_moved(step: &StepCost) -> u64 {
    step.bytes_read.saturating_add(step.weight_bytes).saturating_add(step.bytes_written)
}

/// Positions of the operators that hold the words, sorted.
pub fn sorted_operators(profile: &Profile, words: &str, key: CostKey, descending: bool) -> Vec<usize> {
    let operators = &profile.operators;
    let words = words.trim().to_lowercase();
    let holds = |operator: &OperatorCost| {
        operator_name(operator).to_lowercase().contains(&words)
            || operator.runs_as.iter().any(|name| name.to_lowercase().contains(&words))
    };
    let compare = |left: &OperatorCost, right: &OperatorCost| match key {
        CostKey::Name | CostKey::Operator => operator_name(left).cmp(&operator_name(right)),
        CostKey::RunsAs => left.runs_as.cmp(&right.runs_as),
        CostKey::Count => left.n_nodes.cmp(&right.n_nodes),
        CostKey::Time => left.time_ns.total_cmp(&right.time_ns),
        CostKey::Flops => left.flops.cmp(&right.flops),
        CostKey::Moved | CostKey::Live => operator_moved(left).cmp(&operator_moved(right)),
        CostKey::Values => left.n_parameters.cmp(&right.n_parameters),
    };
    sorted(operators, holds, compare, descending)
}

/// Positions of the steps that hold the words, sorted.
pub fn sorted_steps(profile: &Profile, words: &str, key: CostKey, descending: bool) -> Vec<usize> {
    let words = words.trim().to_lowercase();
    let holds = |step: &StepCost| {
        [&step.node, &step.node_operator, &step.name, &step.operator]
            .into_iter()
            .any(|name| name.to_lowercase().contains(&words))
    };
    let compare = |left: &StepCost, right: &StepCost| match key {
        CostKey::Name => step_name(left).cmp(step_name(right)),
        CostKey::Operator => (&left.node_operator, &left.operator).cmp(&(&right.node_operator, &right.operator)),
        CostKey::RunsAs => left.operator.cmp(&right.operator),
        CostKey::Count => left.idx.cmp(&right.idx),
        CostKey::Time => left.time.median.total_cmp(&right.time.median),
        CostKey::Flops => left.flops.cmp(&right.flops),
        CostKey::Moved => step_moved(left).cmp(&step_moved(right)),
        CostKey::Values => left.weight_bytes.cmp(&right.weight_bytes),
        CostKey::Live => left.live_bytes.cmp(&right.live_bytes),
    };
    sorted(&profile.steps, holds, compare, descending)
}

/// Equal ones keep their order either way.
fn sorted<T>(
    rows: &[T],
    holds: impl Fn(&T) -> bool,
    compare: impl Fn(&T, &T) -> Ordering,
    descending: bool,
) -> Vec<usize> {
    let mut found: Vec<usize> = (0..rows.len()).filter(|idx| holds(&rows[*idx])).collect();
    found.sort_by(|left, right| {
        let order = compare(&rows[*left], &rows[*right]);
        if descending { order.reverse() } else { order }
    });
    found
}

/// The operators as CSV, with a line of names.
pub fn operators_csv(profile: &Profile) -> String {
    let mut lines = vec![
        "domain,operator,nodes,nodes_without_step,steps,runs_as,time_us,share,flops,flops_one_row,flops_unknown_nodes,\
         bytes_one_row,bytes_read,bytes_written,parameters,parameter_bytes"
            .to_owned(),
    ];
    lines.extend(profile.operators.iter().map(|operator| {
        [
            quoted(&operator.domain),
            quoted(&operator.operator),
            operator.n_nodes.to_string(),
            operator.n_without_step.to_string(),
            operator.n_steps.to_string(),
            quoted(&operator.runs_as.join(" ")),
            micros(operator.time_ns),
            format!("{:.6}", profile.share(operator.time_ns)),
            optional(operator.flops),
            optional(operator.flops_one_row),
            operator.n_flops_unknown.to_string(),
            optional(operator.bytes_one_row),
            operator.bytes_read.to_string(),
            operator.bytes_written.to_string(),
            operator.n_parameters.to_string(),
            operator.parameter_bytes.to_string(),
        ]
        .join(",")
    }));
    lines.push(String::new());
    lines.join("\n")
}

/// The steps as CSV, with a line of names.
pub fn steps_csv(profile: &Profile) -> String {
    let mut lines = vec![
        "step,node,node_operator,fused,name,operator,detail,inputs,outputs,calls,mean_us,lower_us,median_us,upper_us,share,\
         flops,bytes_read,weight_bytes,bytes_written,live_bytes"
            .to_owned(),
    ];
    lines.extend(profile.steps.iter().map(|step| {
        [
            step.idx.to_string(),
            quoted(&step.node),
            quoted(&step.node_operator),
            quoted(&step.fused.join(" ")),
            quoted(&step.name),
            quoted(&step.operator),
            quoted(&step.detail),
            quoted(&step.inputs.join("; ")),
            quoted(&step.outputs.join("; ")),
            step.n_calls.to_string(),
            micros(step.time.mean),
            micros(step.time.lower),
            micros(step.time.median),
            micros(step.time.upper),
            format!("{:.6}", profile.share(step.time.median)),
            optional(step.flops),
            step.bytes_read.to_string(),
            step.weight_bytes.to_string(),
            step.bytes_written.to_string(),
            step.live_bytes.to_string(),
        ]
        .join(",")
    }));
    lines.push(String::new());
    lines.join("\n")
}

fn micros(nanos: f64) -> String {
    format!("{:.3}", nanos / 1e3)
}

/// What cannot be said is an empty cell.
fn optional(n: Option<u64>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    // A cell that begins like a formula would be computed by a spreadsheet.
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::reports::Spread;

    fn profile() -> Profile {
        let operator = |name: &str, n_nodes: u64, time_ns: f64, flops: Option<u64>| OperatorCost {
            operator: name.to_owned(),
            n_nodes,
            time_ns,
            flops,
            ..OperatorCost::default()
        };
        let step = |idx: u64, node: &str, median: f64, live_bytes: u64| StepCost {
            idx,
            node: node.to_owned(),
            name: format!("{node}.inner"),
            operator: "OptMatMul".to_owned(),
            outputs: vec!["float32[1, 2]".to_owned()],
            time: Spread { median, ..Spread::default() },
            live_bytes,
            ..StepCost::default()
        };
        Profile {
            steps_ns: 10.0,
            operators: vec![
                OperatorCost { domain: "ai.onnx.ml".to_owned(), ..operator("Scaler", 1, 2.0, Some(8)) },
                operator("Gemm", 3, 7.0, Some(600)),
                OperatorCost { runs_as: vec!["Pack".to_owned()], ..operator("Pack", 0, 1.0, None) },
            ],
            steps: vec![step(0, "a", 1.0, 4), step(1, "say \"b\"", 5.0, 9), step(2, "=c", 2.0, 9)],
            ..Profile::default()
        }
    }

    #[test]
    fn rows_are_sorted_and_searched() {
        let profile = profile();
        let operators = |words: &str, key, descending| sorted_operators(&profile, words, key, descending);
        assert_eq!(operators("", CostKey::Time, true), [1, 0, 2]);
        assert_eq!(operators("", CostKey::Name, false), [2, 1, 0]);
        assert_eq!(operators("", CostKey::Flops, true), [1, 0, 2], "what cannot be said comes last");
        assert_eq!(operators(" ML:", CostKey::Time, true), [0]);
        assert_eq!(operators("zebra", CostKey::Time, true), Vec::<usize>::new());
        let steps = |words: &str, key, descending| sorted_steps(&profile, words, key, descending);
        assert_eq!(steps("", CostKey::Live, true), [1, 2, 0], "equal ones keep their order");
        assert_eq!(steps("", CostKey::Count, false), [0, 1, 2]);
        assert_eq!(steps("OPTMAT", CostKey::Time, true), [1, 2, 0]);
        assert_eq!(steps("say", CostKey::Time, true), [1]);
    }

    #[test]
    fn a_table_is_csv_that_a_spreadsheet_reads_as_text() {
        let profile = profile();
        let operators = operators_csv(&profile);
        assert_eq!(operators.lines().count(), 4);
        assert_eq!(operators.lines().nth(1), Some("ai.onnx.ml,Scaler,1,0,0,,0.002,0.200000,8,,0,,0,0,0,0"));
        let steps = steps_csv(&profile);
        let columns = steps.lines().next().unwrap().split(',').count();
        assert_eq!(columns, 20);
        assert!(
            steps.contains("1,\"say \"\"b\"\"\",,,\"say \"\"b\"\".inner\",OptMatMul,,,\"float32[1, 2]\","),
            "{steps}"
        );
        assert!(steps.contains("2,'=c,"), "{steps}");
    }
}
