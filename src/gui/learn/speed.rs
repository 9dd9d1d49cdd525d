//! Concepts of speed and of where a model runs.

use super::drawings::Drawing;
use super::{Concept, Quote, Text};

pub(super) const CONCEPTS: &[Concept] = &[
    Concept {
        name: "benchmark",
        title: "Measuring honestly",
        drawing: None,
        passages: &[
            Text(
                "A closed loop sends the next request when the last one is answered: it finds how much can be done. An \
                 open loop sends on a schedule, as users do, and counts from the time a request should have left, so \
                 that waiting in the queue is not forgotten.",
            ),
            Text(
                "The first answers are slow, as memory and caches are still cold: they are the warm-up and are counted \
                 apart. All others go into a histogram, from which any percentile can be read later.",
            ),
            Quote("Timing a restaurant by the guests who were seated leaves out the line at the door."),
        ],
        terms: &["percentile", "latency budget", "arithmetic and memory", "batch and real time"],
    },
    Concept {
        name: "percentile",
        title: "Percentiles",
        drawing: Some(Drawing::Percentile),
        passages: &[
            Text(
                "Sort all waiting times and go nineteen twentieths of the way: that is p95. Half of the answers are \
                 below p50, the median. The tail beyond p99 is where pauses, full queues and cold caches show.",
            ),
            Text(
                "A percentile needs samples beyond it. With a hundred answers, p99 rests on a single one; with a \
                 thousand, on ten. One that the sample cannot carry is better not shown.",
            ),
            Quote("The tide tables of one week say little about the flood of the century."),
        ],
        terms: &["latency budget", "benchmark", "confidence interval"],
    },
    Concept {
        name: "arithmetic and memory",
        title: "What a model costs",
        drawing: None,
        passages: &[
            Text(
                "A FLOP is one operation on fractions; a multiply-add counts as two, so a layer from 100 to 50 numbers \
                 takes about 10,000 for each row. Trees compare instead of computing and have next to none.",
            ),
            Text(
                "Time does not follow FLOPs alone. Every number must come from memory, and an operator that moves much \
                 and computes little waits for it. Weights stay; activations, the numbers between the layers, grow \
                 with the batch.",
            ),
            Quote("A cook who chops for an hour with one trip to the cellar beats one who fetches each onion alone."),
            Text("Look for the operator with the largest share, and ask whether its work is arithmetic or fetching."),
        ],
        terms: &["benchmark", "CPU and GPU", "batch and real time"],
    },
    Concept {
        name: "CPU and GPU",
        title: "CPU or GPU",
        drawing: Some(Drawing::CpuGpu),
        passages: &[
            Text(
                "A CPU answers one small request at once. A GPU does thousands of sums together, but each request must \
                 travel there first, so it pays only for large models or full batches.",
            ),
            Quote("A taxi for one passenger, a coach for fifty: an empty coach is the dearest taxi in town."),
            Text(
                "Trees and regressions on a few columns nearly always belong on a CPU; networks over images, sound or \
                 long texts often on a GPU. Measure both at the load of the brief, and compare cost per million \
                 answers rather than speed alone.",
            ),
        ],
        terms: &["benchmark", "batch and real time", "cloud and on-premises"],
    },
    Concept {
        name: "cloud and on-premises",
        title: "Cloud or on-premises",
        drawing: None,
        passages: &[
            Text(
                "The cloud rents machines by the hour: little to begin with, easy to grow, dear when used all day. \
                 On-premises means machines of one's own: bought at once, cheap while busy, and somebody's duty at \
                 night.",
            ),
            Quote("A hired kitchen suits a wedding. Who cooks every day for ten years buys the stove."),
            Text(
                "There is a month in which the purchase has paid for itself; it depends on how full the machines are. \
                 Where the data may lie, and how far away the users are, can decide before any price does.",
            ),
        ],
        terms: &["CPU and GPU", "container", "benchmark"],
    },
    Concept {
        name: "batch and real time",
        title: "Batch and real time",
        drawing: Some(Drawing::BatchRealTime),
        passages: &[
            Text(
                "Batch scores many rows at a set hour and stores the answers; nobody waits, so throughput counts. Real \
                 time answers one request while somebody waits, so every slow answer counts.",
            ),
            Quote(
                "Batch is the buffet: everything is cooked beforehand, some of it in vain. Real time is à la carte: \
                 fresh for each guest, who sits there looking at the clock.",
            ),
            Text(
                "If the answer may be a day old, as with a weekly list of customers to call, batch is simpler and \
                 cheaper. If it depends on what just happened, as with a card payment, only real time will do.",
            ),
        ],
        terms: &["latency budget", "benchmark", "pipeline", "monitoring"],
    },
];
