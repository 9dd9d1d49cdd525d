//! Which operators can be run, by domain; tract itself knows them by bare name only.

use std::sync::{Arc, OnceLock};

use tract_onnx::Onnx;
use tract_onnx::data_resolver::FopenDataResolver;

use super::proto::is_default_domain;
use super::{operators, plan};

/// Operators of `ai.onnx.ml` that are rewritten before tract sees them.
const OTHER_ML_OPERATORS: &[&str] = &["DictVectorizer", "ZipMap"];

/// Operators of `com.microsoft` that tract has.
const MICROSOFT_OPERATORS: &[&str] = &[
    "BiasGelu",
    "FastGelu",
    "GatherBlockQuantized",
    "Gelu",
    "GroupQueryAttention",
    "MatMulNBits",
    "MultiHeadAttention",
    "QuickGelu",
    "RotaryEmbedding",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
];

/// Of those, the names that ONNX's own domain has as well (or exporters write there).
const ALSO_DEFAULT: &[&str] = &["Gelu", "RotaryEmbedding", "SimplifiedLayerNormalization"];

/// tract with our operators; built once.
pub(crate) fn framework() -> &'static Onnx {
    static FRAMEWORK: OnceLock<Onnx> = OnceLock::new();
    FRAMEWORK.get_or_init(|| {
        let mut framework = tract_onnx::onnx().with_ignore_value_info(true);
        operators::register(&mut framework.op_register);
        // Not mapped into memory: a file that shrinks while it is mapped would end the process.
        framework.provider = Arc::new(FopenDataResolver);
        framework
    })
}

/// Whether an operator of that domain can be run.
pub(crate) fn supports(domain: &str, operator: &str) -> bool {
    operators::knows(domain, operator)
        || tract_has(domain, operator)
        || is_default_domain(domain) && plan::computes_step_by_step(operator)
}

fn tract_has(domain: &str, operator: &str) -> bool {
    match domain {
        "ai.onnx.ml" => OTHER_ML_OPERATORS.contains(&operator),
        "com.microsoft" => MICROSOFT_OPERATORS.contains(&operator),
        _ => {
            is_default_domain(domain)
                && framework().op_register.0.contains_key(operator)
                && !operators::knows("ai.onnx.ml", operator)
                && !OTHER_ML_OPERATORS.contains(&operator)
                && (!MICROSOFT_OPERATORS.contains(&operator) || ALSO_DEFAULT.contains(&operator))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(domain: &str, operator: &str, expected: bool) {
        assert_eq!(supports(domain, operator), expected, "{domain}:{operator}");
    }

    #[test]
    fn an_operator_counts_only_in_its_own_domain() {
        check("", "Conv", true);
        check("ai.onnx", "Conv", true);
        check("com.example", "Conv", false);
        check("ai.onnx.ml", "Conv", false);
        check("ai.onnx.ml", "Scaler", true);
        check("", "Scaler", false);
        check("com.microsoft", "FastGelu", true);
        check("", "FastGelu", false);
        check("com.microsoft", "Tokenizer", true);
        check("", "Tokenizer", false);
        check("", "Loop", true);
        check("ai.onnx.ml", "DictVectorizer", true);
        check("ai.onnx.ml", "CastMap", false);
    }

    #[test]
    fn every_listed_operator_is_registered() {
        for operator in MICROSOFT_OPERATORS {
            assert!(framework().op_register.0.contains_key(*operator), "{operator}");
        }
    }
}
