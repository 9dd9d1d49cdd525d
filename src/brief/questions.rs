//! The questions as a form asks them.

use crate::command::BriefField;

/// A question of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub label: &'static str,
    /// An answer that could be given.
    pub example: &'static str,
    /// Why it is asked.
    pub help: &'static str,
}

/// The question behind a field.
pub fn question(field: BriefField) -> Question {
    let (label, example, help) = match field {
        BriefField::Problem => (
            "What problem does the model solve",
            "Predict which customers leave within 30 days",
            "A model answers one question. State it so that a wrong answer could be noticed.",
        ),
        BriefField::EndUser => (
            "Who is the end user",
            "Customer success team, through a web dashboard",
            "Who acts on the answer decides what it must look like and how fast it must come.",
        ),
        BriefField::Data => (
            "What data is needed",
            "Activity logs, subscription history, support tickets",
            "Name the sources. What is not there at prediction time cannot be a feature.",
        ),
        BriefField::Input => (
            "Expected input",
            "JSON with customer_id and recent activity",
            "What a caller sends. Names that look like names are matched to the model's inputs.",
        ),
        BriefField::Output => (
            "Expected output",
            "Churn probability (0–1) and risk level",
            "What a caller gets back. Levels get bounds, and /predict answers with them.",
        ),
        BriefField::Latency => (
            "Latency per prediction",
            "< 200ms per prediction",
            "How long the user may wait. The benchmark is judged by it.",
        ),
        BriefField::Retraining => {
            ("Retraining", "Weekly with new data", "How old a model may grow before it is trained again.")
        }
        BriefField::Success => (
            "Success metric",
            "AUC-ROC > 0.85, precision > 0.80",
            "When the model is good enough. The evaluation is judged by it.",
        ),
        BriefField::InScope => {
            ("In scope", "Monthly subscribers in the EU", "What the first version does, one item a line.")
        }
        BriefField::OutOfScope => (
            "Out of scope",
            "Business contracts, win-back offers",
            "What it leaves out on purpose. Written down, it stays out.",
        ),
        BriefField::MinimumViableModel => (
            "Minimum viable model",
            "Logistic regression on five columns behind one endpoint",
            "The simplest model that would already help someone. Ship that first.",
        ),
    };
    Question { label, example, help }
}
