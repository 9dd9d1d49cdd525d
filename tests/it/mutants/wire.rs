//! ONNX files as trees of protobuf fields, which can be taken apart, spoilt and written again.

use super::random::Random;

/// What a message is; it says which of its fields are messages themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    External,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Dim,
    Opset,
}

impl Kind {
    /// The kind of message in a field; `None` for everything else. Field numbers are those of `onnx.proto`.
    fn child(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 8) => Self::Opset,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::ValueInfo,
            (Self::Node, 5) => Self::Attribute,
            (Self::Tensor, 13) => Self::External,
            (Self::ValueInfo, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Shape, 1) => Self::Dim,
            _ => return None,
        })
    }
}

/// One field of a message.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) number: u64,
    pub(super) value: Value,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Int(u64),
    Fixed64([u8; 8]),
    Bytes(Vec<u8>),
    Fixed32([u8; 4]),
    Message(Message),
    /// Bytes that announce to be more or fewer than they are.
    Lying(Vec<u8>, u64),
}

/// A message of a known kind.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) fields: Vec<Field>,
}

impl Message {
    /// Takes a sound message apart.
    pub(super) fn parse(kind: Kind, mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let number = key >> 3;
            let value = match key & 7 {
                0 => Value::Int(varint(&mut bytes)),
                1 => Value::Fixed64(take(&mut bytes, 8).try_into().unwrap()),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    let part = take(&mut bytes, length);
                    match kind.child(number) {
                        Some(child) => Value::Message(Self::parse(child, part)),
                        None => Value::Bytes(part.to_vec()),
                    }
                }
                5 => Value::Fixed32(take(&mut bytes, 4).try_into().unwrap()),
                other => panic!("wire type {other}"),
            };
            fields.push(Field { number, value });
        }
        Self { kind, fields }
    }

    /// The bytes of the message.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for Field { number, value } in &self.fields {
            let mut key = |wire_type: u64| put_varint(number << 3 | wire_type, &mut out);
            match value {
                Value::Int(_) => key(0),
                Value::Fixed64(_) => key(1),
                Value::Bytes(_) | Value::Message(_) | Value::Lying(..) => key(2),
                Value::Fixed32(_) => key(5),
            }
            match value {
                Value::Int(value) => put_varint(*value, &mut out),
                Value::Fixed64(bytes) => out.extend(bytes),
                Value::Fixed32(bytes) => out.extend(bytes),
                Value::Bytes(bytes) => put_bytes(bytes, bytes.len() as u64, &mut out),
                Value::Message(message) => {
                    let bytes = message.write();
                    put_bytes(&bytes, bytes.len() as u64, &mut out);
                }
                Value::Lying(bytes, length) => put_bytes(bytes, *length, &mut out),
            }
        }
        out
    }

    /// Adds a field.
    pub(super) fn push(&mut self, number: u64, value: Value) {
        self.fields.push(Field { number, value });
    }

    /// Replaces all fields of a number by one, or adds it.
    pub(super) fn set(&mut self, number: u64, value: Value) {
        self.fields.retain(|field| field.number != number);
        self.push(number, value);
    }

    /// The fields of a number.
    pub(super) fn all(&mut self, number: u64) -> Vec<&mut Value> {
        self.fields.iter_mut().filter(|field| field.number == number).map(|field| &mut field.value).collect()
    }

    /// The texts in the fields of a number.
    pub(super) fn texts(&self, number: u64) -> Vec<Vec<u8>> {
        let text = |field: &Field| match &field.value {
            Value::Bytes(bytes) if field.number == number => Some(bytes.clone()),
            _ => None,
        };
        self.fields.iter().filter_map(text).collect()
    }

    /// Every message of a kind, this one included, in the order of the file.
    pub(super) fn each(&mut self, kind: Kind, see: &mut dyn FnMut(&mut Self)) {
        if self.kind == kind {
            see(self);
        }
        for field in &mut self.fields {
            if let Value::Message(message) = &mut field.value {
                message.each(kind, see);
            }
        }
    }

    /// Changes one message of a kind, chosen by chance; false when there is none.
    pub(super) fn change_one(&mut self, kind: Kind, random: &mut Random, change: &mut dyn FnMut(&mut Self)) -> bool {
        let mut n = 0;
        self.each(kind, &mut |_| n += 1);
        if n == 0 {
            return false;
        }
        let (chosen, mut at) = (random.below(n), 0);
        self.each(kind, &mut |message| {
            if at == chosen {
                change(message);
            }
            at += 1;
        });
        true
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    value
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (part, rest) = bytes.split_at(length);
    *bytes = rest;
    part
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while 128 <= value {
        out.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(bytes: &[u8], length: u64, out: &mut Vec<u8>) {
    put_varint(length, out);
    out.extend(bytes);
}
