//! Just enough protobuf to write small ONNX files by hand, also impossible ones.

/// A protobuf message under construction.
#[derive(Clone, Default)]
pub(crate) struct Message(Vec<u8>);

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 128 {
        into.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    into.push(value as u8);
}

impl Message {
    /// An integer field.
    pub(crate) fn int(mut self, field: u64, value: u64) -> Self {
        varint(field << 3, &mut self.0);
        varint(value, &mut self.0);
        self
    }

    /// A field of bytes or text.
    pub(crate) fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        varint(field << 3 | 2, &mut self.0);
        varint(value.len() as u64, &mut self.0);
        self.0.extend(value);
        self
    }

    /// A message within this one.
    pub(crate) fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// The bytes of the file.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// ONNX's numbers for element types.
pub(crate) const FLOAT: u64 = 1;
/// int64.
pub(crate) const INT64: u64 = 7;

/// An input or output; an axis of 0 is free and called `N`.
pub(crate) fn value(name: &str, dtype: u64, shape: &[u64]) -> Message {
    let dims = shape.iter().fold(Message::default(), |dims, length| {
        let dim = if *length == 0 { Message::default().bytes(2, "N") } else { Message::default().int(1, *length) };
        dims.message(1, &dim)
    });
    let tensor = Message::default().int(1, dtype).message(2, &dims);
    Message::default().bytes(1, name).message(2, &Message::default().message(1, &tensor))
}

/// A stored tensor with raw data.
pub(crate) fn tensor(name: &str, dtype: u64, shape: &[u64], raw: &[u8]) -> Message {
    let dims = shape.iter().fold(Message::default(), |tensor, length| tensor.int(1, *length));
    dims.int(2, dtype).bytes(8, name).bytes(9, raw)
}

/// A list of floats as an attribute.
pub(crate) fn floats(name: &str, values: &[f32]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Message::default().bytes(1, name).bytes(7, raw).int(20, 6)
}

/// A node.
pub(crate) fn node(operator: &str, domain: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    let node = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input));
    let node = outputs.iter().fold(node, |node, output| node.bytes(2, output));
    node.bytes(3, format!("the_{}", operator.to_lowercase())).bytes(4, operator).bytes(7, domain)
}

/// A graph.
pub(crate) fn graph(nodes: &[Message], stored: &[Message], inputs: &[Message], outputs: &[Message]) -> Message {
    let parts = [(1, nodes), (5, stored), (11, inputs), (12, outputs)];
    let add =
        |graph: Message, (field, list): (u64, &[Message])| list.iter().fold(graph, |g, part| g.message(field, part));
    parts.into_iter().fold(Message::default().bytes(2, "graph"), add)
}

/// A model of operator set 17, and 3 of `ai.onnx.ml`.
pub(crate) fn model(graph: &Message) -> Vec<u8> {
    let opset = |domain: &str, version| Message::default().bytes(1, domain).int(2, version);
    let model = Message::default().int(1, 8).bytes(2, "by hand");
    model.message(8, &opset("", 17)).message(8, &opset("ai.onnx.ml", 3)).message(7, graph).into_bytes()
}

/// `y = Relu(x)` for rows of two numbers.
pub(crate) fn relu() -> Vec<u8> {
    let ports = |name| [value(name, FLOAT, &[0, 2])];
    model(&graph(&[node("Relu", "", &["x"], &["y"])], &[], &ports("x"), &ports("y")))
}
