//! One metric of one evaluation.

use super::figures::counted;
use super::outcomes::{averaging, rank_points};
use crate::project::brief::{Metric, OutputSpec};
use crate::project::reports::{ClassOutcomes, EvaluationReport, NumberOutcomes, Outcomes};
use crate::statistics::{
    Averaging, Confusion, ErrorMoments, Estimate, RankPoint, average_precision, mean_interval, roc_auc,
};

/// The value of a metric with its 95 % interval; an error says why it is not defined.
///
/// `of` is a class, `macro`, `micro` or `weighted`; `None` is the positive class. `output` is the brief's: it names
/// that class, and the threshold that calls it.
pub fn measure(
    report: &EvaluationReport,
    output: Option<&OutputSpec>,
    metric: Metric,
    of: Option<&str>,
) -> Result<Estimate, String> {
    let name = metric.name();
    match (&report.outcomes, metric) {
        (Outcomes::Numbers(numbers), Metric::Rmse | Metric::Mae | Metric::R2) => match of {
            None => of_numbers(numbers, metric),
            Some(of) => Err(format!("{name} is taken over all rows, not over “{of}”")),
        },
        (Outcomes::Numbers(_), _) => Err(format!("{name} judges classes, and the model answers numbers")),
        (Outcomes::Classes(_), Metric::Rmse | Metric::Mae | Metric::R2) => {
            Err(format!("{name} judges numbers, and the model answers classes"))
        }
        (Outcomes::Classes(classes), Metric::LogLoss) => of_log_loss(classes, of),
        (Outcomes::Classes(classes), Metric::RocAuc | Metric::PrAuc) => of_scores(classes, output, metric, of),
        (Outcomes::Classes(classes), _) => of_table(classes, output, metric, of),
    }
}

fn of_numbers(numbers: &NumberOutcomes, metric: Metric) -> Result<Estimate, String> {
    if 0 < numbers.n_unanswered {
        return Err(format!("{} got an answer that is no number", counted(numbers.n_unanswered, "row")));
    }
    let moments = ErrorMoments {
        n: numbers.n,
        sum_absolute: numbers.sum_absolute,
        sum_squared: numbers.sum_squared,
        sum_fourth: numbers.sum_fourth,
        sum_distance: numbers.sum_distance,
        sum_distance_fourth: numbers.sum_distance_fourth,
        sum_product: numbers.sum_product,
    };
    match metric {
        Metric::Mae => moments.mae().ok_or_else(|| "There is no row".to_owned()),
        Metric::R2 => moments.r2().ok_or_else(|| "The true value is the same in all rows".to_owned()),
        _ => moments.rmse().ok_or_else(|| "There is no row".to_owned()),
    }
}

fn of_log_loss(classes: &ClassOutcomes, of: Option<&str>) -> Result<Estimate, String> {
    if let Some(of) = of {
        return Err(format!("Log loss is taken over all classes, not over “{of}”"));
    }
    scored(classes)?;
    let loss = classes.log_loss.ok_or("The model gives no probabilities")?;
    let n: u64 = classes.confusion.iter().map(|(_, _, n)| n).sum();
    if loss.n < n {
        return Err(format!("{} a label that the model does not know", have(n - loss.n)));
    }
    mean_interval(loss.n, loss.sum, loss.sum_of_squares, 0.0).ok_or_else(|| "There is no row".to_owned())
}

fn have(n: u64) -> String {
    format!("{} {}", counted(n, "row"), if n == 1 { "has" } else { "have" })
}

/// Whether every row has a score.
fn scored(classes: &ClassOutcomes) -> Result<(), String> {
    if 0 < classes.n_unscored {
        return Err(format!("{} a score that is no number", have(classes.n_unscored)));
    }
    Ok(())
}

fn of_scores(
    classes: &ClassOutcomes,
    output: Option<&OutputSpec>,
    metric: Metric,
    of: Option<&str>,
) -> Result<Estimate, String> {
    scored(classes)?;
    if classes.scores.is_empty() {
        return Err("The model gives no score for each class, or has too many classes to keep them".to_owned());
    }
    let value =
        |points: &[RankPoint]| if metric == Metric::RocAuc { roc_auc(points) } else { average_precision(points) };
    let of_class = |class: usize| {
        let points = classes.scores.get(class).map(|curve| rank_points(&curve.points)).unwrap_or_default();
        let n: u64 = points.iter().map(|point| point.n_positive).sum();
        let undefined = || {
            let which = if n == 0 { "No row is" } else { "All rows are" };
            format!("{which} of class “{}”", classes.name(class))
        };
        value(&points).map(|estimate| (estimate, n as f64)).ok_or_else(undefined)
    };
    match of.and_then(averaging) {
        None => of_class(classes.class(output, of)?).map(|(estimate, _)| estimate),
        Some(Averaging::Micro) => {
            let mut points: Vec<RankPoint> =
                classes.scores.iter().flat_map(|curve| rank_points(&curve.points)).collect();
            points.sort_by(|a, b| a.score.total_cmp(&b.score));
            points.dedup_by(|next, point| {
                let same = next.score.total_cmp(&point.score).is_eq();
                if same {
                    point.n_positive += next.n_positive;
                    point.n_negative += next.n_negative;
                }
                same
            });
            // Each row counts once for every class, so that no interval for independent rows holds.
            let found = value(&points).ok_or("There are rows of one kind only")?;
            Ok(Estimate { interval: None, ..found })
        }
        Some(averaging) => {
            let each = (0..classes.scores.len()).map(of_class).collect::<Result<Vec<_>, _>>()?;
            let weight = |n: f64| if averaging == Averaging::Weighted { n } else { 1.0 };
            let total: f64 = each.iter().map(|(_, n)| weight(*n)).sum();
            let sum: f64 = each.iter().map(|(estimate, n)| weight(*n) * estimate.value).sum();
            // The classes' areas hang together in a way that the curves alone do not tell.
            Ok(Estimate { value: sum / total, interval: None })
        }
    }
}

fn of_table(
    classes: &ClassOutcomes,
    output: Option<&OutputSpec>,
    metric: Metric,
    of: Option<&str>,
) -> Result<Estimate, String> {
    let table = classes.table(output)?;
    let confusion = &table.confusion;
    let no_rows = || "There is no row".to_owned();
    if metric == Metric::Accuracy {
        return match of {
            None | Some("micro") => confusion.accuracy().ok_or_else(no_rows),
            Some(of) => Err(format!("Accuracy is taken over all classes, not over “{of}”; recall is that of a class")),
        };
    }
    let Some(averaging) = of.and_then(averaging) else {
        let class = classes.class(output, of)?;
        let (value, undefined) = of_one(confusion, metric, class);
        return value.ok_or_else(|| format!("No row {undefined} “{}”", table.names[class]));
    };
    let mean = match metric {
        Metric::Precision => confusion.mean_precision(averaging),
        Metric::Recall => confusion.mean_recall(averaging),
        _ => confusion.mean_f1(averaging),
    };
    let undefined = |class: usize| {
        let (_, undefined) = of_one(confusion, metric, class);
        format!("No row {undefined} “{}”", table.names.get(class).cloned().unwrap_or_default())
    };
    mean.map_err(undefined)?.ok_or_else(no_rows)
}

/// A metric of one class, and what no row is when it is not defined.
fn of_one(confusion: &Confusion, metric: Metric, class: usize) -> (Option<Estimate>, &'static str) {
    match metric {
        Metric::Precision => (confusion.precision(class), "is answered as"),
        Metric::Recall => (confusion.recall(class), "is of class"),
        _ => (confusion.f1(class), "is of class, or answered as,"),
    }
}
