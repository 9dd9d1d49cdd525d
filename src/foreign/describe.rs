//! What a pickle's description says about the model in it.

use std::collections::VecDeque;
use std::path::Path;

use super::items::{Id, Item, Items};
use super::pickle::Scan;
use super::script::{self, Facts, Library};
use super::source::Stop;
use super::suspicious::{danger, is_known};
use super::{Foreign, Packing, plain_name};

/// Why a pickle is never loaded.
pub(super) const REASON: &str =
    "A pickle is a program: loading it runs whatever code it names, so it is never loaded here";
/// What to do about it.
const FIX: &str = "Convert it where it was made, with the script that `trestle inspect FILE --script` prints";
/// Most models named within one.
const MOST_PARTS: usize = 12;
/// Most feature names given.
const MOST_FEATURES: usize = 4_000;

/// A model in a pickle.
struct Found<'a> {
    id: Id,
    class: &'a str,
    library: Library,
    /// How the script reaches it in what was loaded, e.g. `["model"]`.
    access: String,
}

/// Describes a pickle that was read.
pub(super) fn pickle(scan: &Scan, path: &Path, packing: Packing) -> Foreign {
    let items = &scan.items;
    let found = model_in(scan);
    let is_joblib = packing != Packing::Plain || scan.names.contains("joblib.numpy_pickle.NumpyArrayWrapper");
    let mut foreign = Foreign { reason: REASON.to_owned(), fix: FIX.to_owned(), ..Foreign::default() };
    let mut facts = Facts { file: plain_name(path), ..Facts::default() };
    if let Some(found) = &found {
        found.class.clone_into(&mut foreign.class);
        foreign.parts = parts(items, found.id);
        facts.library = found.library;
        facts.access.clone_from(&found.access);
        attributes(items, found.id, &mut foreign);
    } else if let Some(library) = scan.names.iter().find_map(|name| Library::of(name)) {
        facts.library = library;
    }
    facts.holds_weights_only = facts.library == Library::Torch
        && found.as_ref().is_none_or(|found| !found.class.starts_with("torch.nn"))
        && !scan.called.iter().any(|name| !is_known(name));
    facts.shape = torch_shape(items);
    let has = |prefix: &str| scan.names.iter().any(|name| name.starts_with(prefix));
    facts.with_lightgbm = has("lightgbm.");
    facts.with_xgboost = has("xgboost.");
    facts.by_column = has("sklearn.compose._column_transformer.");
    foreign.made_with = made_with(scan, &facts, &foreign);
    foreign.suspicious = scan.names.iter().filter_map(|name| Some((name.clone(), danger(name)?.to_owned()))).collect();
    warn(scan, &mut foreign);
    foreign.found = words(&facts, &foreign, is_joblib, packing);
    foreign.script = script::write(&facts, &foreign);
    if foreign.script.is_empty() && !foreign.suspicious.is_empty() {
        "Do not load it anywhere: ask for the model again where it came from".clone_into(&mut foreign.fix);
    } else if foreign.script.is_empty() {
        "Load it where it was made, and export the model in it to ONNX".clone_into(&mut foreign.fix);
    }
    foreign
}

/// A pickle that is packed in a way that is not unpacked here.
pub(super) fn closed(path: &Path, packing: Packing) -> Foreign {
    let facts = Facts { file: plain_name(path), library: Library::Sklearn, ..Facts::default() };
    let mut foreign = Foreign {
        found: format!("a joblib file packed with {}", packing.name()),
        reason: REASON.to_owned(),
        fix: FIX.to_owned(),
        warnings: vec![format!("What is in it cannot be seen here, because it is packed with {}", packing.name())],
        ..Foreign::default()
    };
    foreign.made_with = made_with(&Scan::default(), &facts, &foreign);
    foreign.script = script::write(&facts, &foreign);
    foreign
}

/// The outermost model: what the pickle gives, or what is in its dictionaries and lists.
fn model_in(scan: &Scan) -> Option<Found<'_>> {
    const MOST_VISITED: usize = 10_000;
    let items = &scan.items;
    let mut waiting = VecDeque::from([(scan.root, String::new())]);
    let mut fallback = None;
    for _ in 0..MOST_VISITED {
        let Some((id, access)) = waiting.pop_front() else { break };
        match items.get(id) {
            Item::Object { class, entries, .. } => {
                if let Some(library) = Library::of(class) {
                    return Some(Found { id, class, library, access });
                }
                if fallback.is_none() && !is_known(class) {
                    fallback = Some(Found { id, class, library: Library::Unknown, access: access.clone() });
                }
                waiting.extend(entries.iter().filter_map(|(key, value)| {
                    let key = items.text(*key)?;
                    Some((*value, format!("{access}[{}]", script::quoted(key))))
                }));
            }
            Item::Dict(pairs) => waiting.extend(pairs.iter().filter_map(|(key, value)| {
                let key = items.text(*key)?;
                Some((*value, format!("{access}[{}]", script::quoted(key))))
            })),
            Item::List(list) => {
                let all = list.iter().take(64).enumerate();
                waiting.extend(all.map(|(number, item)| (*item, format!("{access}[{number}]"))));
            }
            _ => {}
        }
    }
    fallback
}

/// The models within a model, from the outside in.
fn parts(items: &Items, outer: Id) -> Vec<String> {
    let within = items.objects().skip_while(|(id, _)| *id != outer).skip(1);
    let mut parts: Vec<String> = Vec::new();
    for (_, class) in within {
        let is_part = Library::of(class).is_some()
            && class.rsplit('.').next().is_some_and(|name| name.starts_with(|first: char| first.is_ascii_uppercase()));
        // The insides of trees and boosters say nothing that their outside does not.
        let is_inside =
            ["._tree.", "._loss", "Booster", "_generator", ".Tree", "._dist_metrics", "DecisionTree", "._bunch"];
        if is_part && !is_inside.iter().any(|inside| class.contains(inside)) && !parts.iter().any(|part| part == class)
        {
            parts.push(class.to_owned());
        }
        if MOST_PARTS <= parts.len() {
            break;
        }
    }
    parts
}

/// Number and names of the features: of the model itself, else of the outermost part that has them.
fn attributes(items: &Items, outer: Id, foreign: &mut Foreign) {
    let candidates = || items.objects().map(|(id, _)| id).skip_while(|id| *id != outer);
    let first = |names: &[&str]| {
        candidates().find_map(|id| {
            let value = names.iter().find_map(|name| items.value(id, name))?;
            items.int(value)
        })
    };
    foreign.n_features =
        first(&["n_features_in_", "_n_features_in", "_n_features"]).and_then(|n| u64::try_from(n).ok());
    let names = candidates().find_map(|id| texts(items, items.value(id, "feature_names_in_")?));
    foreign.feature_names = names.unwrap_or_default();
}

/// The texts of a list or of a NumPy array of objects.
fn texts(items: &Items, id: Id) -> Option<Vec<String>> {
    let list = match items.get(id) {
        Item::List(list) => list.as_slice(),
        Item::Object { class, state, .. } if class.ends_with("multiarray._reconstruct") => {
            items.list(*items.list(*state)?.last()?)?
        }
        _ => return None,
    };
    list.iter().take(MOST_FEATURES).map(|item| items.text(*item).map(str::to_owned)).collect()
}

/// What a first layer of a network takes: from the shape of its first weight.
pub(super) fn torch_shape(items: &Items) -> Vec<u64> {
    let tensors = items.objects().filter(|(_, class)| class.starts_with("torch._utils._rebuild_tensor"));
    let shapes = tensors.filter_map(|(id, _)| {
        let Item::Object { args, .. } = items.get(id) else { return None };
        let shape = items.list(*items.list(*args)?.get(2)?)?;
        shape.iter().map(|length| u64::try_from(items.int(*length)?).ok()).collect::<Option<Vec<u64>>>()
    });
    for shape in shapes {
        match *shape.as_slice() {
            [_, n_inputs] => return vec![n_inputs],
            [_, channels, _, _] => return vec![channels, 224, 224],
            _ => {}
        }
    }
    Vec::new()
}

fn made_with(scan: &Scan, facts: &Facts, foreign: &Foreign) -> Vec<(String, String)> {
    let version = |attribute: &str| {
        let versions = scan.items.objects().find_map(|(id, _)| {
            let value = scan.items.value(id, attribute)?;
            scan.items.text(value).map(str::to_owned)
        });
        let plain =
            |version: &String| version.chars().all(|letter| letter.is_ascii_alphanumeric() || ".+-".contains(letter));
        versions.filter(plain).unwrap_or_default()
    };
    let mut made_with = Vec::new();
    if facts.library == Library::Sklearn
        || foreign.class.starts_with("lightgbm.sklearn")
        || foreign.class.starts_with("xgboost.sklearn")
        || scan.names.iter().any(|name| name.starts_with("sklearn."))
    {
        made_with.push(("scikit-learn".to_owned(), version("_sklearn_version")));
    }
    for (package, used) in [
        ("lightgbm", facts.with_lightgbm),
        ("xgboost", facts.with_xgboost),
        ("catboost", facts.library == Library::Catboost),
        ("torch", facts.library == Library::Torch),
    ] {
        if used {
            made_with.push((package.to_owned(), String::new()));
        }
    }
    made_with
}

fn warn(scan: &Scan, foreign: &mut Foreign) {
    let own: Vec<&str> = scan
        .names
        .iter()
        .map(String::as_str)
        .filter(|name| !is_known(name) && danger(name).is_none())
        .take(6)
        .collect();
    if !own.is_empty() {
        foreign.warnings.push(format!(
            "It needs code that is not in it: {}. Have that code importable when you run the script; a step of one's own \
             needs a converter of its own, or is left out of what is exported",
            own.join(", ")
        ));
    }
    let stopped = match scan.stopped {
        None => return,
        Some(Stop::Truncated) => "It ends in the middle: the file was cut short",
        Some(Stop::TooLarge) => "It unpacks to more than any model; only its beginning was looked at",
        Some(Stop::TooLong) => "It is longer or deeper than any model; only its beginning was looked at",
        Some(Stop::NotPickle) => {
            "Its instructions make no sense from some point on; only what comes before was looked at"
        }
        Some(Stop::Unreadable) => "It could not be unpacked to its end; only its beginning was looked at",
    };
    foreign.warnings.push(stopped.to_owned());
}

fn words(facts: &Facts, foreign: &Foreign, is_joblib: bool, packing: Packing) -> String {
    let kind = match (is_joblib, facts.library) {
        _ if facts.holds_weights_only => "a PyTorch file of weights",
        (_, Library::Torch) => "a PyTorch file",
        (true, _) => "a joblib file",
        (false, _) => "a Python pickle",
    };
    let packed = if packing == Packing::Plain { String::new() } else { format!(" ({})", packing.name()) };
    let class = foreign.class.rsplit('.').next().unwrap_or_default();
    let article = article(class);
    let holds = match facts.library {
        _ if class.is_empty() || facts.holds_weights_only || danger(&foreign.class).is_some() => String::new(),
        Library::Unknown => format!(" with {article} {class} ({})", foreign.class),
        Library::Torch => format!(" with {article} {class}"),
        library => format!(" with {article} {class} of {}", library.name()),
    };
    format!("{kind}{packed}{holds}")
}

/// The article of a class's name, by how its beginning is said: `a Pipeline`, `an MLPClassifier`.
fn article(class: &str) -> &'static str {
    let mut letters = class.chars();
    let (first, second) = (letters.next().unwrap_or('x'), letters.next().unwrap_or('x'));
    let is_spelt = second.is_ascii_uppercase() && "AEFHILMNORSX".contains(first);
    if is_spelt || (!second.is_ascii_uppercase() && "AEIO".contains(first)) { "an" } else { "a" }
}
