//! Reads a pickle's instructions without following them.
//!
//! A pickle is a program for a small stack machine whose instructions name, call and fill Python objects.
//! Here the same stack is kept, but of descriptions: a name stays a name, and a call stays a note that there was one.
//! joblib writes the bytes of arrays between the instructions; they are passed over by their described length.

use std::collections::{BTreeSet, HashMap};

use super::items::{Id, Item, Items, OPAQUE};
use super::source::{Source, Stop};

/// Most instructions looked at.
const MOST_INSTRUCTIONS: u64 = 100_000_000;
/// Deepest stack.
const DEEPEST: usize = 1_000_000;
/// Longest text that is kept.
const LONGEST_TEXT: usize = 1 << 16;
/// Longest name of a class or a function.
const LONGEST_NAME: usize = 200;
/// Most different names kept.
const MOST_NAMES: usize = 5_000;
/// Pickles within pickles (joblib writes arrays of objects so).
const MOST_NESTED: usize = 8;
/// The first number of a file by old versions of PyTorch, as bytes.
const TORCH_MAGIC: &[u8] = b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/// What a pickle describes.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Everything it describes.
    pub(super) items: Items,
    /// What it gives in the end.
    pub(super) root: Id,
    /// Every class and function it names.
    pub(super) names: BTreeSet<String>,
    /// Those of them that are called.
    pub(super) called: BTreeSet<String>,
    /// Why it was not read to its end.
    pub(super) stopped: Option<Stop>,
    /// Whether it is by an old version of PyTorch, with several pickles in a row.
    pub(super) old_torch: bool,
}

/// Reads one pickle, or the row of them that old versions of PyTorch write.
pub(super) fn scan(source: &mut Source<'_>) -> Scan {
    const PICKLES_OF_TORCH: usize = 4;
    let mut machine = Machine::default();
    let mut stopped = None;
    for number in 0..PICKLES_OF_TORCH {
        match machine.run(source) {
            Ok(root) => {
                machine.scan.root = root;
                let is_magic = matches!(machine.scan.items.get(root), Item::Bytes(bytes) if bytes == TORCH_MAGIC);
                machine.scan.old_torch |= number == 0 && is_magic;
                if !machine.scan.old_torch {
                    break;
                }
                machine.clear();
            }
            Err(why) => {
                stopped = Some(why);
                break;
            }
        }
    }
    if stopped.is_some() && machine.scan.root == OPAQUE {
        // What was begun first encloses the rest.
        machine.scan.root = machine.enclosing();
    }
    machine.scan.stopped = stopped;
    machine.scan
}

/// A pickle that another one interrupts.
struct Outer {
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

#[derive(Default)]
struct Machine {
    scan: Scan,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    outer: Vec<Outer>,
    n_instructions: u64,
}

impl Machine {
    fn clear(&mut self) {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
    }

    /// The first object on the stack.
    fn enclosing(&self) -> Id {
        let stacks = self.outer.iter().map(|outer| &outer.stack).chain(std::iter::once(&self.stack));
        stacks.flatten().copied().find(|id| self.scan.items.class(*id).is_some()).unwrap_or(OPAQUE)
    }

    /// Follows the instructions up to the end of the outermost pickle.
    fn run(&mut self, source: &mut Source<'_>) -> Result<Id, Stop> {
        loop {
            self.n_instructions += 1;
            if MOST_INSTRUCTIONS < self.n_instructions || DEEPEST < self.stack.len() + self.marks.len() {
                return Err(Stop::TooLong);
            }
            let code = source.byte()?;
            if code == b'.' {
                let result = self.pop()?;
                let Some(outer) = self.outer.pop() else { return Ok(result) };
                (self.stack, self.marks, self.memo) = (outer.stack, outer.marks, outer.memo);
                self.stack.push(result);
                continue;
            }
            self.instruction(code, source)?;
        }
    }

    fn instruction(&mut self, code: u8, source: &mut Source<'_>) -> Result<(), Stop> {
        match code {
            // Frames, protocol numbers and marks of buffers change nothing.
            0x80 => drop(source.byte()?),
            0x95 => drop(source.array::<8>()?),
            0x98 => {}
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = *self.stack.last().ok_or(Stop::NotPickle)?;
                self.stack.push(top);
            }
            b'p' | b'g' => {
                let slot = source.line(32)?.parse().map_err(|_not_a_number| Stop::NotPickle)?;
                self.remember_or_recall(code == b'p', slot)?;
            }
            b'q' | b'h' => {
                let slot = u64::from(source.byte()?);
                self.remember_or_recall(code == b'q', slot)?;
            }
            b'r' | b'j' => {
                let slot = u64::from(u32::from_le_bytes(source.array()?));
                self.remember_or_recall(code == b'r', slot)?;
            }
            0x94 => self.remember_or_recall(true, self.memo.len() as u64)?,
            b'c' | b'i' | 0x93 | 0x82..=0x84 => self.name(code, source)?,
            b'R' | 0x81 | 0x92 | b'o' => self.call(code)?,
            b'b' => self.build(source)?,
            b']' | b')' | 0x8f | b'}' | b't' | b'l' | 0x91 | 0x85..=0x87 | b'd' | b'a' | b'e' | 0x90 | b's' | b'u' => {
                self.collection(code)?;
            }
            _ => self.scalar(code, source)?,
        }
        Ok(())
    }

    /// An instruction that gives one plain value.
    fn scalar(&mut self, code: u8, source: &mut Source<'_>) -> Result<(), Stop> {
        let item = match code {
            b'N' | 0x97 => Item::Opaque,
            0x88 | 0x89 => Item::Bool(code == 0x88),
            b'I' | b'L' | b'F' => number_line(code, &source.line(LONGEST_NAME)?),
            b'J' => Item::Int(i64::from(i32::from_le_bytes(source.array()?))),
            b'K' => Item::Int(i64::from(source.byte()?)),
            b'M' => Item::Int(i64::from(u16::from_le_bytes(source.array()?))),
            b'G' => {
                source.skip(8)?;
                Item::Opaque
            }
            0x8a | 0x8b => long(code, source)?,
            b'S' => {
                Item::Text(source.line(LONGEST_TEXT)?.trim_matches(|letter| matches!(letter, '\'' | '"')).to_owned())
            }
            b'V' => Item::Text(source.line(LONGEST_TEXT)?),
            b'T' | b'U' | b'B' | b'C' | 0x8e | 0x96 | b'X' | 0x8c | 0x8d => string(code, source)?,
            // Something that only the program that wrote it can give.
            b'P' => {
                source.line(LONGEST_TEXT)?;
                Item::Opaque
            }
            b'Q' => {
                self.pop()?;
                Item::Opaque
            }
            _ => return Err(Stop::NotPickle),
        };
        self.push(item);
        Ok(())
    }

    /// An instruction that makes or fills a collection.
    fn collection(&mut self, code: u8) -> Result<(), Stop> {
        match code {
            b'}' => self.push(Item::Dict(Vec::new())),
            b't' | b'l' | 0x91 => {
                let items = self.pop_mark()?;
                let items = self.scan.items.room(items);
                self.push(Item::List(items));
            }
            0x85..=0x87 => {
                let mut items = Vec::with_capacity(3);
                for _ in 0..code - 0x84 {
                    items.push(self.pop()?);
                }
                items.reverse();
                let items = self.scan.items.room(items);
                self.push(Item::List(items));
            }
            b'd' => {
                let pairs = pairs(&self.pop_mark()?);
                let pairs = self.scan.items.room(pairs);
                self.push(Item::Dict(pairs));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.extend(items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(vec![(key, value)])?;
            }
            b'u' => {
                let pairs = pairs(&self.pop_mark()?);
                self.set(pairs)?;
            }
            _ => self.push(Item::List(Vec::new())),
        }
        Ok(())
    }

    fn push(&mut self, item: Item) {
        let id = self.scan.items.add(item);
        self.stack.push(id);
    }

    fn pop(&mut self) -> Result<Id, Stop> {
        // Below a mark there is nothing to take.
        if self.marks.last().is_some_and(|mark| self.stack.len() <= *mark) {
            return Err(Stop::NotPickle);
        }
        self.stack.pop().ok_or(Stop::NotPickle)
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Stop> {
        let mark = self.marks.pop().ok_or(Stop::NotPickle)?;
        if self.stack.len() < mark {
            return Err(Stop::NotPickle);
        }
        Ok(self.stack.split_off(mark))
    }

    fn extend(&mut self, items: Vec<Id>) -> Result<(), Stop> {
        let target = *self.stack.last().ok_or(Stop::NotPickle)?;
        let items = self.scan.items.room(items);
        match self.scan.items.get_mut(target) {
            Some(Item::List(list)) => list.extend(items),
            Some(Item::Object { entries, .. }) => entries.extend(items.into_iter().map(|item| (OPAQUE, item))),
            _ => {}
        }
        Ok(())
    }

    fn set(&mut self, pairs: Vec<(Id, Id)>) -> Result<(), Stop> {
        let target = *self.stack.last().ok_or(Stop::NotPickle)?;
        let pairs = self.scan.items.room(pairs);
        if let Some(Item::Dict(known) | Item::Object { entries: known, .. }) = self.scan.items.get_mut(target) {
            known.extend(pairs);
        }
        Ok(())
    }

    fn remember_or_recall(&mut self, remember: bool, slot: u64) -> Result<(), Stop> {
        if remember {
            let top = *self.stack.last().ok_or(Stop::NotPickle)?;
            if DEEPEST <= self.memo.len() {
                return Err(Stop::TooLong);
            }
            self.memo.insert(slot, top);
        } else {
            let known = *self.memo.get(&slot).ok_or(Stop::NotPickle)?;
            self.stack.push(known);
        }
        Ok(())
    }

    /// An instruction that names a class or a function.
    fn name(&mut self, code: u8, source: &mut Source<'_>) -> Result<(), Stop> {
        let name = match code {
            b'c' | b'i' => format!("{}.{}", source.line(LONGEST_NAME)?, source.line(LONGEST_NAME)?),
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id| self.scan.items.text(id).filter(|text| text.len() <= LONGEST_NAME).unwrap_or("?");
                format!("{}.{}", text(module), text(name))
            }
            _ => {
                // A number in a registry of the program that loads it.
                let length = match code {
                    0x82 => 1,
                    0x83 => 2,
                    _ => 4,
                };
                source.skip(length)?;
                "copyreg.extension".to_owned()
            }
        };
        let name = name.replace(|letter: char| letter.is_control(), "?");
        if self.scan.names.len() < MOST_NAMES {
            self.scan.names.insert(name.clone());
        }
        if code == b'i' {
            let args = self.pop_mark()?;
            let args = self.scan.items.room(args);
            let args = self.scan.items.add(Item::List(args));
            self.made(name, args);
        } else {
            self.push(Item::Global(name));
        }
        Ok(())
    }

    /// An instruction that calls something.
    fn call(&mut self, code: u8) -> Result<(), Stop> {
        let (callee, args) = if code == b'o' {
            let mut items = self.pop_mark()?;
            if items.is_empty() {
                return Err(Stop::NotPickle);
            }
            let callee = items.remove(0);
            let items = self.scan.items.room(items);
            (callee, self.scan.items.add(Item::List(items)))
        } else {
            if code == 0x92 {
                self.pop()?;
            }
            let args = self.pop()?;
            (self.pop()?, args)
        };
        let class = match self.scan.items.get(callee) {
            Item::Global(name) => name.clone(),
            _ => "?".to_owned(),
        };
        if self.scan.called.len() < MOST_NAMES {
            self.scan.called.insert(class.clone());
        }
        // `copyreg._reconstructor(class, base, state)` and `copyreg.__newobj__(class, …)` make the class they are given.
        let given = self.scan.items.list(args).and_then(|args| args.first()).map(|first| self.scan.items.get(*first));
        match given {
            Some(Item::Global(given)) if class.ends_with("._reconstructor") || class.ends_with(".__newobj__") => {
                let given = given.clone();
                self.made(given, args);
            }
            _ => self.made(class, args),
        }
        Ok(())
    }

    fn made(&mut self, class: String, args: Id) {
        self.push(Item::Object { class, args, state: OPAQUE, entries: Vec::new() });
    }

    /// Sets the state of an object; what joblib wraps an array in is followed by the array's bytes.
    fn build(&mut self, source: &mut Source<'_>) -> Result<(), Stop> {
        let state_id = self.pop()?;
        let object = *self.stack.last().ok_or(Stop::NotPickle)?;
        if let Some(Item::Object { state, .. }) = self.scan.items.get_mut(object) {
            *state = state_id;
        }
        if self.scan.items.class(object).is_some_and(|class| class == "joblib.numpy_pickle.NumpyArrayWrapper") {
            self.stack.pop();
            self.array(object, source)?;
        }
        Ok(())
    }

    /// Passes over the bytes of an array, or begins the pickle that an array of objects is.
    fn array(&mut self, wrapper: Id, source: &mut Source<'_>) -> Result<(), Stop> {
        let items = &self.scan.items;
        let kind = items.value(wrapper, "dtype").and_then(|dtype| match items.get(dtype) {
            Item::Object { args, .. } => items.text(*items.list(*args)?.first()?),
            _ => None,
        });
        // Without room for its description, its length is not known.
        let kind = kind.ok_or(Stop::TooLong)?;
        let digits = kind.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let width: u64 = digits.parse().map_err(|_no_number| Stop::NotPickle)?;
        if kind.starts_with('O') {
            if MOST_NESTED <= self.outer.len() {
                return Err(Stop::TooLong);
            }
            let outer = Outer {
                stack: std::mem::take(&mut self.stack),
                marks: std::mem::take(&mut self.marks),
                memo: std::mem::take(&mut self.memo),
            };
            self.outer.push(outer);
            return Ok(());
        }
        let width = if kind.starts_with('U') { width.saturating_mul(4) } else { width };
        let shape = items.value(wrapper, "shape").and_then(|shape| items.list(shape)).ok_or(Stop::TooLong)?;
        let mut lengths = shape.iter().map(|length| u64::try_from(items.int(*length)?).ok());
        let n_bytes = lengths.try_fold(width, |product, length| product.checked_mul(length?)).ok_or(Stop::NotPickle)?;
        if items.value(wrapper, "numpy_array_alignment_bytes").and_then(|bytes| items.int(bytes)).is_some() {
            let padding = source.byte()?;
            source.skip(u64::from(padding))?;
        }
        source.skip(n_bytes)?;
        self.push(Item::Opaque);
        Ok(())
    }
}

/// A number written out, and truth values of the oldest pickles.
fn number_line(code: u8, line: &str) -> Item {
    match (code, line) {
        (b'I', "00") => Item::Bool(false),
        (b'I', "01") => Item::Bool(true),
        (b'F', _) => Item::Opaque,
        (_, number) => number.trim_end_matches('L').parse().map_or(Item::Opaque, Item::Int),
    }
}

fn long(code: u8, source: &mut Source<'_>) -> Result<Item, Stop> {
    let length = if code == 0x8a {
        u64::from(source.byte()?)
    } else {
        u64::try_from(i32::from_le_bytes(source.array()?)).map_err(|_negative| Stop::NotPickle)?
    };
    let bytes = source.bytes(length, 16)?.unwrap_or_default();
    if 8 < bytes.len() {
        return Ok(Item::Bytes(bytes));
    }
    let fill = if bytes.last().is_some_and(|byte| 127 < *byte) { 0xff } else { 0 };
    let mut number = [fill; 8];
    number[..bytes.len()].copy_from_slice(&bytes);
    Ok(if bytes.is_empty() && length != 0 { Item::Opaque } else { Item::Int(i64::from_le_bytes(number)) })
}

fn string(code: u8, source: &mut Source<'_>) -> Result<Item, Stop> {
    let length = match code {
        b'U' | b'C' | 0x8c => u64::from(source.byte()?),
        0x8d | 0x8e | 0x96 => u64::from_le_bytes(source.array()?),
        _ => u64::from(u32::from_le_bytes(source.array()?)),
    };
    Ok(match (source.bytes(length, LONGEST_TEXT)?, code) {
        (Some(bytes), b'X' | 0x8c | 0x8d | b'T' | b'U') => {
            Item::Text(String::from_utf8(bytes).unwrap_or_else(|error| {
                // Bytes of Python 2.
                error.as_bytes().iter().map(|byte| char::from(*byte)).collect()
            }))
        }
        (Some(bytes), _) if bytes.len() <= 64 => Item::Bytes(bytes),
        _ => Item::Opaque,
    })
}

fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)).collect()
}
