//! What an executable says of itself: its version, its build, and the libraries it was compiled with.
//!
//! The words stand in the file itself, so that another Trestle can read them without running it: it may be for
//! another architecture, or not be Trestle at all.

/// What stands before the words; a file is searched for it.
pub(crate) const HEAD: &str = "\u{1}trestle-identity:";

/// What stands after them.
const TAIL: &str = "\u{1}";

/// The words, their fields parted by `|`: version, build, C library, lock file.
const WORDS: [&str; 9] = [
    HEAD,
    env!("CARGO_PKG_VERSION"),
    "|",
    Build::THIS.id(),
    "|",
    if cfg!(target_feature = "crt-static") { "static" } else { "dynamic" },
    "|",
    LOCK_DIGEST,
    TAIL,
];

const N_BYTES: usize = length(&WORDS);
static BYTES: [u8; N_BYTES] = joined(&WORDS);

/// The lock file that this executable was compiled from.
pub const LOCK_FILE: &str = include_str!("../Cargo.lock");

const DIGEST_BYTES: [u8; 16] = hexadecimal(fnv(LOCK_FILE.as_bytes()));

/// A digest of [`LOCK_FILE`], to tell one from another: FNV-1a, 64 bits, in hexadecimal.
pub const LOCK_DIGEST: &str = match std::str::from_utf8(&DIGEST_BYTES) {
    Ok(digest) => digest,
    Err(_) => "",
};

/// Which of the builds an executable is, by what it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Build {
    /// It serves a model, and nothing else.
    Serve,
    /// Every command, without the window.
    Headless,
    /// Everything.
    Window,
}

impl Build {
    /// Every build, the smallest first.
    pub const ALL: [Self; 3] = [Self::Serve, Self::Headless, Self::Window];

    /// The build that is running.
    pub const THIS: Self = if cfg!(feature = "gui") {
        Self::Window
    } else if cfg!(feature = "headless") {
        Self::Headless
    } else {
        Self::Serve
    };

    /// A name for programs.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Headless => "headless",
            Self::Window => "window",
        }
    }

    /// What it is, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Serve => "the build that only serves",
            Self::Headless => "the build without the window",
            Self::Window => "the whole build",
        }
    }
}

/// What an executable says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its version.
    pub version: String,
    /// Which build it is.
    pub build: Build,
    /// Whether the C library is within it.
    pub is_static: bool,
    /// The digest of the lock file it was compiled from, as [`LOCK_DIGEST`].
    pub lock_digest: String,
}

impl Identity {
    /// What this executable says of itself.
    pub fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: Build::THIS,
            is_static: cfg!(target_feature = "crt-static"),
            lock_digest: LOCK_DIGEST.to_owned(),
        }
    }

    /// Reads the words that stand after [`HEAD`].
    ///
    /// Whoever wants to can write them into any file: they keep mistakes out, not malice.
    pub(crate) fn read(words: &[u8]) -> Option<Self> {
        const LONGEST: usize = 200;
        let words = &words[..words.len().min(LONGEST)];
        let end = words.iter().position(|byte| TAIL.as_bytes() == [*byte])?;
        let words = std::str::from_utf8(&words[..end]).ok()?;
        let [version, build, libc, lock_digest] = words.split('|').collect::<Vec<_>>()[..] else { return None };
        let is_static = match libc {
            "static" => true,
            "dynamic" => false,
            _ => return None,
        };
        Some(Self {
            version: semver::Version::parse(version).ok()?.to_string(),
            build: Build::ALL.into_iter().find(|known| known.id() == build)?,
            is_static,
            lock_digest: lock_digest.to_owned(),
        })
    }
}

/// Keeps the words in the executable: what nothing uses, the linker leaves out.
pub fn keep() {
    std::hint::black_box(&BYTES);
}

const fn length(words: &[&str]) -> usize {
    let (mut sum, mut index) = (0, 0);
    while index < words.len() {
        sum += words[index].len();
        index += 1;
    }
    sum
}

const fn joined<const N: usize>(words: &[&str]) -> [u8; N] {
    let mut bytes = [0; N];
    let (mut at, mut index) = (0, 0);
    while index < words.len() {
        let word = words[index].as_bytes();
        let mut letter = 0;
        while letter < word.len() {
            bytes[at] = word[letter];
            (at, letter) = (at + 1, letter + 1);
        }
        index += 1;
    }
    bytes
}

const fn fnv(bytes: &[u8]) -> u64 {
    let (mut hash, mut index) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}

const fn hexadecimal(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    let mut index = 0;
    while index < digits.len() {
        let digit = (number >> (60 - 4 * index) & 15) as u8;
        digits[index] = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        index += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_executable_says_is_read_back() {
        assert!(BYTES.starts_with(HEAD.as_bytes()));
        assert_eq!(Identity::read(&BYTES[HEAD.len()..]), Some(Identity::this()));
        assert_eq!(LOCK_DIGEST, format!("{:016x}", fnv(LOCK_FILE.as_bytes())));
        // The published value for the text "foobar".
        assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn words_that_are_not_right_are_none() {
        let read = |words: &str| Identity::read(format!("{words}{TAIL} and more").as_bytes());
        assert_eq!(read("1.2.3|headless|static|0").unwrap().version, "1.2.3");
        let odd = ["", "|||", "one|serve|static|0", "1.2.3|all|static|0", "1.2.3|serve|shared|0", "1.2.3|serve|static"];
        for words in odd {
            assert_eq!(read(words), None, "{words}");
        }
        assert_eq!(Identity::read(b"1.2.3|serve|static|0"), None);
        assert_eq!(Identity::read(&[0xff; 500]), None);
    }
}
