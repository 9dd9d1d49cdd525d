//! What a pickle describes, as plain data: nothing is imported, built or called.

/// A position in [`Items`].
pub(super) type Id = u32;

/// One described thing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// Something that is not looked into.
    Opaque,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
    /// A few bytes.
    Bytes(Vec<u8>),
    /// A tuple, list or set.
    List(Vec<Id>),
    /// Pairs of keys and values.
    Dict(Vec<(Id, Id)>),
    /// A class or a function by its full name.
    Global(String),
    /// Something made by calling a class or a function.
    Object {
        /// Its class, or the function that makes it.
        class: String,
        /// What it is made with.
        args: Id,
        /// What is set on it.
        state: Id,
        /// Its entries, when it is a kind of dictionary or list.
        entries: Vec<(Id, Id)>,
    },
}

/// Most items kept; what comes after is passed over, but still looked at for the names it uses.
const MOST_ITEMS: usize = 400_000;
/// Most places in all lists and dictionaries together.
const MOST_PLACES: usize = 2_000_000;

/// Bytes of all texts and names together.
const MOST_TEXT: usize = 32 << 20;

/// Everything a pickle describes.
#[derive(Debug)]
pub(super) struct Items {
    all: Vec<Item>,
    n_places: usize,
    n_text: usize,
}

/// The item that stands for whatever is not kept.
pub(super) const OPAQUE: Id = 0;

impl Default for Items {
    fn default() -> Self {
        Self { all: vec![Item::Opaque], n_places: 0, n_text: 0 }
    }
}

impl Items {
    pub(super) fn add(&mut self, item: Item) -> Id {
        let n_bytes = match &item {
            Item::Text(text) | Item::Global(text) => text.len(),
            Item::Bytes(bytes) => bytes.len(),
            Item::Object { class, .. } => class.len(),
            Item::Opaque | Item::Bool(_) | Item::Int(_) | Item::List(_) | Item::Dict(_) => 0,
        };
        if item == Item::Opaque || MOST_ITEMS <= self.all.len() || MOST_TEXT < self.n_text + n_bytes {
            return OPAQUE;
        }
        self.n_text += n_bytes;
        self.all.push(item);
        (self.all.len() - 1) as Id
    }

    pub(super) fn get(&self, id: Id) -> &Item {
        self.all.get(id as usize).unwrap_or(&Item::Opaque)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Item> {
        // The shared stand-in must stay what it is.
        if id == OPAQUE { None } else { self.all.get_mut(id as usize) }
    }

    /// As many of `ids` as there is room for.
    pub(super) fn room<T>(&mut self, mut places: Vec<T>) -> Vec<T> {
        places.truncate(MOST_PLACES.saturating_sub(self.n_places));
        self.n_places += places.len();
        places
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Item::List(list) => Some(list),
            _ => None,
        }
    }

    /// The class of an object.
    pub(super) fn class(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Item::Object { class, .. } => Some(class),
            _ => None,
        }
    }

    /// A whole number, also one that NumPy wraps.
    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.get(id) {
            Item::Int(number) => Some(*number),
            Item::Object { class, args, .. } if class.ends_with("multiarray.scalar") => {
                let Item::Bytes(bytes) = self.get(*self.list(*args)?.get(1)?) else { return None };
                let bytes = bytes.as_slice();
                let short = bytes.try_into().map(|bytes| i64::from(i32::from_le_bytes(bytes)));
                short.or_else(|_| bytes.try_into().map(i64::from_le_bytes)).ok()
            }
            _ => None,
        }
    }

    /// The value of a key of a dictionary, of an object's entries or of its attributes.
    pub(super) fn value(&self, id: Id, key: &str) -> Option<Id> {
        let find =
            |pairs: &[(Id, Id)]| pairs.iter().rev().find(|pair| self.text(pair.0) == Some(key)).map(|pair| pair.1);
        match self.get(id) {
            Item::Dict(pairs) => find(pairs),
            Item::Object { state, entries, .. } => {
                let of_state = match self.get(*state) {
                    Item::Dict(pairs) => find(pairs),
                    // `(dict, slots)`
                    Item::List(both) => both.iter().find_map(|one| match self.get(*one) {
                        Item::Dict(pairs) => find(pairs),
                        _ => None,
                    }),
                    _ => None,
                };
                of_state.or_else(|| find(entries))
            }
            _ => None,
        }
    }

    /// Every object, in the order in which they are described.
    pub(super) fn objects(&self) -> impl Iterator<Item = (Id, &str)> {
        self.all.iter().enumerate().filter_map(|(id, item)| match item {
            Item::Object { class, .. } => Some((id as Id, class.as_str())),
            _ => None,
        })
    }
}
