//! The little of Thrift's compact protocol that is needed to look at a Parquet file before it is decoded.
//!
//! Source: `thrift-compact-protocol.md` of Apache Thrift, and `parquet.thrift` of Apache Parquet for the field numbers.

use std::io::{self, Read};

/// Structures inside of one another; Parquet's own go 6 deep.
const MAX_DEPTH: u8 = 32;

/// A value; what is not looked at is [`Node::Other`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A whole number of more than a byte.
    Int(i64),
    Bool(bool),
    Bytes(Vec<u8>),
    Struct(Fields),
    List(Vec<Self>),
    Other,
}

/// The fields of a structure by their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(i16, Node)>);

impl Fields {
    fn get(&self, id: i16) -> Option<&Node> {
        self.0.iter().find(|field| field.0 == id).map(|field| &field.1)
    }

    pub(super) fn int(&self, id: i16) -> Option<i64> {
        if let Some(Node::Int(value)) = self.get(id) { Some(*value) } else { None }
    }

    pub(super) fn bool(&self, id: i16) -> Option<bool> {
        if let Some(Node::Bool(value)) = self.get(id) { Some(*value) } else { None }
    }

    /// A text.
    pub(super) fn text(&self, id: i16) -> Option<String> {
        if let Some(Node::Bytes(bytes)) = self.get(id) { String::from_utf8(bytes.clone()).ok() } else { None }
    }

    /// The number of the first field, and its structure: that of a union says which it is.
    pub(super) fn choice(&self) -> Option<(i16, &Self)> {
        match self.0.first()? {
            (id, Node::Struct(fields)) => Some((*id, fields)),
            _ => None,
        }
    }

    /// Whether the fields of these numbers have these types, where they are there.
    ///
    /// The parquet crate reads a field as the type that it expects, whatever the file says it is, and so could come to
    /// another number than this reader.
    pub(super) fn has_types(&self, ints: &[i16], bools: &[i16], structures: &[i16]) -> bool {
        self.0.iter().all(|(id, node)| match node {
            Node::Int(_) => !bools.contains(id) && !structures.contains(id),
            Node::Bool(_) => !ints.contains(id) && !structures.contains(id),
            Node::Struct(_) => !ints.contains(id) && !bools.contains(id),
            _ => !ints.contains(id) && !bools.contains(id) && !structures.contains(id),
        })
    }

    pub(super) fn structure(&self, id: i16) -> Option<&Self> {
        if let Some(Node::Struct(fields)) = self.get(id) { Some(fields) } else { None }
    }

    /// The structures of a list.
    pub(super) fn structures(&self, id: i16) -> impl Iterator<Item = &Self> {
        let nodes = if let Some(Node::List(nodes)) = self.get(id) { nodes.as_slice() } else { &[] };
        nodes.iter().filter_map(|node| if let Node::Struct(fields) = node { Some(fields) } else { None })
    }
}

/// Reads values one after the other; memory grows with what was read, never with what is announced.
pub(super) struct Reader<R> {
    inner: R,
    /// Bytes read so far.
    pub(super) n_read: u64,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, n_read: 0 }
    }

    /// The fields of a structure, up to and with the field numbered `last`.
    pub(super) fn fields(&mut self, last: i16) -> io::Result<Fields> {
        self.fields_at(last, 0)
    }

    fn fields_at(&mut self, last: i16, depth: u8) -> io::Result<Fields> {
        if MAX_DEPTH < depth {
            return Err(io::Error::other("structures are nested too deep"));
        }
        let mut fields = Fields::default();
        let mut id = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(fields);
            }
            let step = i16::from(head >> 4);
            id = if step == 0 { self.zigzag()? as i16 } else { id.saturating_add(step) };
            let node = match head & 0x0F {
                1 => Node::Bool(true),
                2 => Node::Bool(false),
                kind => self.node(kind, depth)?,
            };
            if fields.get(id).is_some() {
                return Err(io::Error::other("a field is there twice"));
            }
            fields.0.push((id, node));
            if id == last {
                return Ok(fields);
            }
        }
    }

    fn node(&mut self, kind: u8, depth: u8) -> io::Result<Node> {
        Ok(match kind {
            // Among the elements of a list, a truth value is a byte.
            1 | 2 => Node::Bool(self.byte()? == 1),
            3 => self.skip(1)?,
            4..=6 => Node::Int(self.zigzag()?),
            7 => self.skip(8)?,
            8 => {
                let length = self.varint()?;
                let mut bytes = Vec::new();
                let n = (&mut self.inner).take(length).read_to_end(&mut bytes)? as u64;
                self.n_read += n;
                if n != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Node::Bytes(bytes)
            }
            9 | 10 => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                let mut nodes = Vec::new();
                for _ in 0..length {
                    nodes.push(self.deeper(head & 0x0F, depth)?);
                }
                Node::List(nodes)
            }
            11 => {
                let length = self.varint()?;
                let kinds = if length == 0 { 0 } else { self.byte()? };
                for _ in 0..length {
                    self.deeper(kinds >> 4, depth)?;
                    self.deeper(kinds & 0x0F, depth)?;
                }
                Node::Other
            }
            12 => Node::Struct(self.fields_at(i16::MAX, depth + 1)?),
            _ => return Err(io::Error::other("a field has an unknown type")),
        })
    }

    fn deeper(&mut self, kind: u8, depth: u8) -> io::Result<Node> {
        if MAX_DEPTH < depth { Err(io::Error::other("lists are nested too deep")) } else { self.node(kind, depth + 1) }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.inner.read_exact(&mut byte)?;
        self.n_read += 1;
        Ok(byte[0])
    }

    fn skip(&mut self, length: u64) -> io::Result<Node> {
        let n = io::copy(&mut (&mut self.inner).take(length), &mut io::sink())?;
        self.n_read += n;
        if n == length { Ok(Node::Other) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// An unsigned number, 7 bits a byte, the lowest first.
    pub(super) fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(io::Error::other("a number is too long"))
    }

    /// A signed number: 0, -1, 1, -2, … as 0, 1, 2, 3, …
    pub(super) fn zigzag(&mut self) -> io::Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_number_and_others_are_skipped() {
        // 1: i32 -3, 2: binary "ab", 5: true, 6: list of struct { 1: i32 1 }, 7: double, 20: struct { 1: i64 300 }
        let bytes = [
            0x15, 0x05, 0x18, 2, b'a', b'b', 0x31, 0x19, 0x1C, 0x15, 2, 0, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x0C, 40,
            0x16, 0xD8, 0x04, 0, 0,
        ];
        let mut reader = Reader::new(&bytes[..]);
        let fields = reader.fields(i16::MAX).unwrap();
        assert_eq!((fields.int(1), fields.bool(5)), (Some(-3), Some(true)));
        assert_eq!(fields.text(2).as_deref(), Some("ab"));
        assert!(fields.has_types(&[1, 3], &[5], &[20]) && !fields.has_types(&[2], &[], &[]));
        assert_eq!(fields.structures(6).map(|fields| fields.int(1)).collect::<Vec<_>>(), [Some(1)]);
        assert_eq!(fields.structure(20).and_then(|fields| fields.int(1)), Some(300));
        assert_eq!(reader.n_read, bytes.len() as u64);
        assert_eq!(Reader::new(&bytes[..]).fields(5).unwrap().0.len(), 3);
    }

    #[test]
    fn what_is_announced_and_not_there_is_an_error() {
        for bytes in [
            &[0x15][..],
            &[0x18, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
            &[0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
            &[0x1B, 0xFF, 0xFF, 0x03, 0x55],
            &[0x1F],
            &[0x16, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            &[0x1C; 100],
            &[0x19; 100],
            &[0x15, 2, 0x05, 2, 2, 0],
        ] {
            assert!(Reader::new(bytes).fields(i16::MAX).is_err(), "{bytes:?}");
        }
    }
}
