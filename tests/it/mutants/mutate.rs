//! The ways in which a model file is spoilt.

use super::random::Random;
use super::wire::{Field, Kind, Message, Value};

/// Whole numbers that programs trip over.
const INTS: [i64; 16] = [
    0,
    1,
    -1,
    2,
    -2,
    127,
    255,
    65_536,
    1 << 31,
    (1 << 31) - 1,
    -(1 << 31),
    1 << 32,
    1 << 40,
    1 << 62,
    i64::MAX,
    i64::MIN,
];

/// Real numbers that programs trip over.
const FLOATS: [f32; 9] =
    [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-45, f32::MAX, f32::MIN, f32::MIN_POSITIVE];

/// Operators that a node becomes; those of the fixtures come on top.
const OPERATORS: [&str; 44] = [
    "Add",
    "ArgMax",
    "AveragePool",
    "Cast",
    "Clip",
    "Concat",
    "ConstantOfShape",
    "Conv",
    "CumSum",
    "Div",
    "Einsum",
    "Expand",
    "Flatten",
    "Gather",
    "GatherND",
    "Gemm",
    "If",
    "InstanceNormalization",
    "LSTM",
    "LayerNormalization",
    "LogSoftmax",
    "Loop",
    "MatMul",
    "MaxPool",
    "Mod",
    "NonMaxSuppression",
    "NonZero",
    "OneHot",
    "Pad",
    "Range",
    "ReduceSum",
    "Reshape",
    "Resize",
    "Scan",
    "ScatterElements",
    "Shape",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "TopK",
    "Transpose",
    "Unsqueeze",
    "Where",
];

/// Where a tensor says that its data lies.
const PLACES: [&str; 10] = [
    "../../../../etc/passwd",
    "/etc/passwd",
    "/dev/zero",
    "/dev/random",
    "",
    ".",
    "..",
    "model.onnx",
    "absent.bin",
    "./a/../../b",
];

/// One way: takes the sound model apart and leaves the bytes of the spoilt one.
pub(super) type Way = fn(&[u8], &mut Random) -> Vec<u8>;

/// All ways, by name.
pub(super) const WAYS: [(&str, Way); 24] = [
    ("truncated", truncated),
    ("bits flipped", bits_flipped),
    ("bytes overwritten", bytes_overwritten),
    ("a part moved", part_moved),
    ("a number replaced", number_replaced),
    ("a false length", false_length),
    ("a hostile dimension", hostile_dimension),
    ("a hostile stored shape", hostile_stored_shape),
    ("another stored type", another_stored_type),
    ("stored data spoilt", stored_data_spoilt),
    ("a cycle", cycle),
    ("a name doubled", name_doubled),
    ("a name missing", name_missing),
    ("nodes shuffled", nodes_shuffled),
    ("an attribute's type", attribute_type),
    ("an attribute gone", attribute_gone),
    ("an attribute's whole numbers", attribute_ints),
    ("an attribute's real numbers", attribute_floats),
    ("a text spoilt", text_spoilt),
    ("graphs nested deep", nested),
    ("another operator", another_operator),
    ("a huge operator set", huge_opset),
    ("data elsewhere", data_elsewhere),
    ("another type of a port", port_type),
];

fn tree(bytes: &[u8], change: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut model = Message::parse(Kind::Model, bytes);
    change(&mut model);
    model.write()
}

fn truncated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    bytes[..random.below(bytes.len())].to_vec()
}

fn bits_flipped(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
    bytes
}

fn bytes_overwritten(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (at, length) = (random.below(bytes.len()), 1 + random.below(16));
    for byte in bytes.iter_mut().skip(at).take(length) {
        *byte = *random.of(&[0x00, 0xFF, 0x80, 0x7F, 0x0A, random.0.to_le_bytes()[0]]);
        random.next();
    }
    bytes
}

fn part_moved(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
    let part = bytes[from..(from + 1 + random.below(64)).min(bytes.len())].to_vec();
    let (mut start, mut end) = (bytes[..to].to_vec(), bytes[to..].to_vec());
    match random.below(3) {
        0 => start.extend(part),
        1 => drop(end.drain(..part.len().min(end.len()))),
        _ => {
            end.drain(..part.len().min(end.len()));
            start.extend(part);
        }
    }
    start.extend(end);
    start
}

/// Any number of the file, wherever it stands.
fn number_replaced(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    fn each(message: &mut Message, see: &mut dyn FnMut(&mut Value)) {
        for field in &mut message.fields {
            match &mut field.value {
                Value::Message(message) => each(message, see),
                value @ Value::Int(_) => see(value),
                _ => {}
            }
        }
    }
    tree(bytes, |model| {
        let mut n = 0;
        each(model, &mut |_| n += 1);
        let (chosen, mut at, int) = (random.below(n), 0, *random.of(&INTS));
        each(model, &mut |value| {
            if at == chosen {
                *value = Value::Int(int.cast_unsigned());
            }
            at += 1;
        });
    })
}

fn false_length(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let kind = *random.of(&[Kind::Graph, Kind::Node, Kind::Attribute, Kind::Tensor, Kind::Shape, Kind::Type]);
        let lies = [0, 1, u64::MAX, 1 << 31, 1 << 20];
        let lie = *random.of(&lies);
        model.change_one(kind, random, &mut |message| {
            for field in &mut message.fields {
                let part = match &field.value {
                    Value::Bytes(part) => part.clone(),
                    Value::Message(part) => part.write(),
                    _ => continue,
                };
                field.value = Value::Lying(part, lie);
                break;
            }
        });
    })
}

fn hostile_dimension(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let (int, more) = (*random.of(&INTS), random.below(4));
        if more == 0 {
            // Another number of axes.
            let n = *random.of(&[0, 1, 3, 9, 200]);
            let axis = Message { kind: Kind::Dim, fields: vec![Field { number: 1, value: Value::Int(1) }] };
            model.change_one(Kind::Shape, random, &mut |shape| {
                shape.fields = (0..n).map(|_| Field { number: 1, value: Value::Message(axis.clone()) }).collect();
            });
        } else {
            model.change_one(Kind::Dim, random, &mut |dim| {
                dim.fields = vec![Field { number: 1, value: Value::Int(int.cast_unsigned()) }];
            });
        }
    })
}

fn hostile_stored_shape(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let int = random.of(&INTS).cast_unsigned();
        let how = random.below(3);
        model.change_one(Kind::Tensor, random, &mut |tensor| match how {
            0 => tensor.push(1, Value::Int(int)),
            1 => tensor.set(1, Value::Int(int)),
            _ => tensor.fields.retain(|field| field.number != 1),
        });
    })
}

fn another_stored_type(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let kind = random.below(26) as u64;
        model.change_one(Kind::Tensor, random, &mut |tensor| tensor.set(2, Value::Int(kind)));
    })
}

fn stored_data_spoilt(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let (first, how) = (random.next(), random.below(4));
        let (mut noise, float) = (Random::new(first), *random.of(&FLOATS));
        model.change_one(Kind::Tensor, random, &mut |tensor| {
            for field in tensor.fields.iter_mut().filter(|field| matches!(field.number, 4..=7 | 9 | 10)) {
                let Value::Bytes(data) = &mut field.value else { continue };
                match how {
                    0 => data.iter_mut().for_each(|byte| *byte = noise.next() as u8),
                    1 => data.truncate(noise.below(data.len().max(1))),
                    2 => data.extend([0xFF; 8]),
                    _ => data.chunks_exact_mut(4).for_each(|four| four.copy_from_slice(&float.to_le_bytes())),
                }
            }
        });
    })
}

/// The names of all values that nodes make.
fn made(model: &mut Message) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    model.each(Kind::Node, &mut |node| names.extend(node.texts(2)));
    names
}

fn cycle(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let names = made(model);
        let name = if names.is_empty() { b"x".to_vec() } else { random.of(&names).clone() };
        let which = random.next() as usize;
        model.change_one(Kind::Node, random, &mut |node| {
            let mut inputs = node.all(1);
            let n = inputs.len().max(1);
            if let Some(input) = inputs.get_mut(which % n) {
                **input = Value::Bytes(name.clone());
            }
        });
    })
}

fn name_doubled(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let names = made(model);
        let name = if names.is_empty() { b"x".to_vec() } else { random.of(&names).clone() };
        match random.below(4) {
            0 => drop(model.change_one(Kind::Node, random, &mut |node| node.set(2, Value::Bytes(name.clone())))),
            1 => drop(model.change_one(Kind::Tensor, random, &mut |tensor| tensor.set(8, Value::Bytes(name.clone())))),
            2 => drop(model.change_one(Kind::ValueInfo, random, &mut |port| port.set(1, Value::Bytes(name.clone())))),
            _ => {
                // A node, an input or a stored tensor twice.
                let which = random.next() as usize;
                model.change_one(Kind::Graph, random, &mut |graph| {
                    let again = graph.fields[which % graph.fields.len().max(1)].clone();
                    graph.fields.push(again);
                });
            }
        }
    })
}

fn name_missing(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let long = vec![b'n'; 70_000];
        let names = [&b""[..], b"nowhere", b"\xFF\xFE", &long];
        let name = Value::Bytes(random.of(&names).to_vec());
        let (number, which) = (*random.of(&[1, 2]), random.next() as usize);
        match random.below(3) {
            0 => drop(model.change_one(Kind::ValueInfo, random, &mut |port| port.set(1, name.clone()))),
            1 => drop(model.change_one(Kind::Graph, random, &mut |graph| {
                graph.fields.remove(which % graph.fields.len().max(1));
            })),
            _ => drop(model.change_one(Kind::Node, random, &mut |node| {
                let mut texts = node.all(number);
                let n = texts.len().max(1);
                if let Some(text) = texts.get_mut(which % n) {
                    **text = name.clone();
                }
            })),
        }
    })
}

fn nodes_shuffled(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let seed = random.next();
        model.change_one(Kind::Graph, random, &mut |graph| {
            let mut chance = Random::new(seed);
            for at in (1..graph.fields.len()).rev() {
                graph.fields.swap(at, chance.below(at + 1));
            }
            let repeated = chance.below(3) == 0;
            if repeated {
                let nodes: Vec<Field> = graph.fields.iter().filter(|field| field.number == 1).cloned().collect();
                graph.fields.extend(nodes);
            }
        });
    })
}

fn attribute_type(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let (kind, how) = (random.below(17) as u64, random.below(3));
        model.change_one(Kind::Attribute, random, &mut |attribute| match how {
            0 => attribute.set(20, Value::Int(kind)),
            1 => {
                // The value that this type has, instead of its own.
                attribute.fields.retain(|field| field.number == 1);
                let value = match kind {
                    1 => (2, Value::Fixed32(1_f32.to_le_bytes())),
                    2 => (3, Value::Int(1)),
                    3 => (4, Value::Bytes(b"word".to_vec())),
                    4 => (5, Value::Bytes(Vec::new())),
                    5 => (6, Value::Bytes(Vec::new())),
                    6 => (7, Value::Fixed32(1_f32.to_le_bytes())),
                    7 => (8, Value::Int(1)),
                    _ => (9, Value::Bytes(b"word".to_vec())),
                };
                attribute.push(value.0, value.1);
                attribute.push(20, Value::Int(kind));
            }
            _ => attribute.fields.retain(|field| field.number == 1 || field.number == 20),
        });
    })
}

fn attribute_gone(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let (which, double) = (random.next() as usize, random.below(3) == 0);
        for _ in 0..8 {
            let mut done = false;
            model.change_one(Kind::Node, random, &mut |node| {
                let places: Vec<usize> = (0..node.fields.len()).filter(|at| node.fields[*at].number == 5).collect();
                if places.is_empty() {
                    return;
                }
                let gone = node.fields.remove(places[which % places.len()]);
                if double {
                    node.fields.extend([gone.clone(), gone]);
                }
                done = true;
            });
            if done {
                break;
            }
        }
    })
}

/// Changes one attribute that has fields of this number, if there is one.
fn attribute_with(model: &mut Message, random: &mut Random, number: u64, change: &mut dyn FnMut(&mut Message)) {
    let mut n = 0;
    let mut has = |attribute: &mut Message| n += usize::from(!attribute.all(number).is_empty());
    model.each(Kind::Attribute, &mut has);
    if n == 0 {
        return;
    }
    let (chosen, mut at) = (random.below(n), 0);
    model.each(Kind::Attribute, &mut |attribute| {
        if attribute.all(number).is_empty() {
            return;
        }
        if at == chosen {
            change(attribute);
        }
        at += 1;
    });
}

/// Tree children, axes, pads, strides, class numbers.
fn attribute_ints(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let seed = random.next();
        let number = *random.of(&[3, 8, 8, 8]);
        attribute_with(model, random, number, &mut |attribute| {
            let mut chance = Random::new(seed);
            let how = chance.below(4);
            let n = attribute.all(number).len();
            if how == 3 {
                // Fewer than the others, or more.
                let more = attribute.fields.iter().find(|field| field.number == number).cloned();
                if let (0, Some(more)) = (chance.below(2), more) {
                    attribute.fields.push(more);
                } else {
                    let last = attribute.fields.iter().rposition(|field| field.number == number);
                    drop(last.map(|last| attribute.fields.remove(last)));
                }
                return;
            }
            for value in attribute.all(number) {
                if how == 0 || chance.below(n) == 0 {
                    let int = if how == 2 { chance.below(2 * n + 1) as i64 } else { *chance.of(&INTS) };
                    *value = Value::Int(int.cast_unsigned());
                }
            }
        });
    })
}

fn attribute_floats(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let seed = random.next();
        let number = *random.of(&[2, 7, 7, 7]);
        attribute_with(model, random, number, &mut |attribute| {
            let mut chance = Random::new(seed);
            let (all, n) = (chance.below(2) == 0, attribute.all(number).len());
            for value in attribute.all(number) {
                if all || chance.below(n) == 0 {
                    *value = Value::Fixed32(chance.of(&FLOATS).to_le_bytes());
                }
            }
        });
    })
}

fn text_spoilt(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let long = vec![b'a'; 100_000];
        let texts = [&b""[..], b"\xFF\xC0", b"SOFTMAX", b"BRANCH_EQ", &long, b"(((((", b"\0"];
        let text = Value::Bytes(random.of(&texts).to_vec());
        let (number, which) = (*random.of(&[1, 4, 9, 9]), random.next() as usize);
        attribute_with(model, random, number, &mut |attribute| {
            let mut texts = attribute.all(number);
            let n = texts.len();
            *texts[which % n] = text.clone();
        });
    })
}

/// The graph as a branch of an `If`, again and again.
fn nested(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let depth = *random.of(&[1, 3, 10, 30, 100, 1_000, 3_000]);
        let operator = *random.of(&["If", "Loop", "Scan"]);
        let names = ["then_branch", "else_branch", "body"];
        let Some(Value::Message(graph)) = model.all(7).pop().cloned() else { return };
        let outputs: Vec<Field> = graph.fields.iter().filter(|field| field.number == 12).cloned().collect();
        // From the inside out, as bytes: a tree that deep would be written by as deep a recursion.
        let mut inner = graph.write();
        let field = |number, value| Field { number, value };
        let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        for _ in 0..depth {
            let mut node = vec![field(1, text("condition")), field(2, text("made")), field(4, text(operator))];
            let name = *random.of(&names);
            let attribute = vec![field(1, text(name)), field(6, Value::Bytes(inner)), field(20, Value::Int(5))];
            let attribute = Message { kind: Kind::Attribute, fields: attribute }.write();
            node.push(field(5, Value::Bytes(attribute)));
            let node = Message { kind: Kind::Node, fields: node }.write();
            let mut outer = vec![field(1, Value::Bytes(node))];
            outer.extend(outputs.clone());
            inner = Message { kind: Kind::Graph, fields: outer }.write();
        }
        model.set(7, Value::Bytes(inner));
    })
}

fn another_operator(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let mut used = Vec::new();
        model.each(Kind::Node, &mut |node| used.push((node.texts(4), node.texts(7))));
        let (operator, domain) = random.of(&used).clone();
        let other = random.of(&OPERATORS).as_bytes().to_vec();
        let swapped = random.below(2) == 0;
        model.change_one(Kind::Node, random, &mut |node| {
            node.fields.retain(|field| field.number != 4 && field.number != 7);
            if swapped {
                node.fields.extend(operator.iter().map(|name| Field { number: 4, value: Value::Bytes(name.clone()) }));
                node.fields.extend(domain.iter().map(|name| Field { number: 7, value: Value::Bytes(name.clone()) }));
            } else {
                node.push(4, Value::Bytes(other.clone()));
            }
        });
    })
}

fn huge_opset(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let int = Value::Int(random.of(&INTS).cast_unsigned());
        match random.below(4) {
            0 => model.set(1, int),
            1 => model.fields.retain(|field| field.number != 8),
            2 => {
                if let Some(again) = model.all(8).pop().cloned() {
                    model.push(8, again);
                }
                model.change_one(Kind::Opset, random, &mut |opset| opset.set(2, int.clone()));
            }
            _ => drop(model.change_one(Kind::Opset, random, &mut |opset| opset.set(2, int.clone()))),
        }
    })
}

fn data_elsewhere(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let (place, number) = (*random.of(&PLACES), random.of(&INTS).to_string());
        let keeps = random.below(2) == 0;
        model.change_one(Kind::Tensor, random, &mut |tensor| {
            if !keeps {
                tensor.fields.retain(|field| !matches!(field.number, 4..=7 | 9 | 10));
            }
            for (key, value) in [("location", place), ("offset", &number), ("length", &number)] {
                let fields = [(1, key), (2, value)]
                    .map(|(number, text)| Field { number, value: Value::Bytes(text.as_bytes().to_vec()) });
                tensor.push(13, Value::Message(Message { kind: Kind::External, fields: fields.to_vec() }));
            }
            tensor.set(14, Value::Int(1));
        });
    })
}

fn port_type(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    tree(bytes, |model| {
        let (kind, how) = (random.below(26) as u64, random.below(4));
        if how == 0 {
            model.change_one(Kind::ValueInfo, random, &mut |port| port.fields.retain(|field| field.number != 2));
        } else if how == 1 {
            model.change_one(Kind::TensorType, random, &mut |port| port.fields.retain(|field| field.number != 2));
        } else {
            model.change_one(Kind::TensorType, random, &mut |port| port.set(1, Value::Int(kind)));
        }
    })
}
