//! What is read from the head of an executable: whether it runs on Linux, on which architecture, and whether it
//! still carries its symbols.

/// What an ELF file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Elf {
    /// Architecture as container engines name it.
    pub(super) architecture: &'static str,
    /// Whether it has a symbol table, which only a debugger needs.
    pub(super) has_symbols: bool,
}

const SYMBOL_TABLE: u32 = 2;

impl Elf {
    /// Reads a little-endian 64-bit ELF file; the error says what it is instead.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        match bytes {
            [0x7f, b'E', b'L', b'F', ..] => {}
            [b'M', b'Z', ..] => return Err("it is a Windows executable".to_owned()),
            [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
                return Err("it is a macOS executable".to_owned());
            }
            _ => return Err("it is not an ELF file".to_owned()),
        }
        if (bytes.get(4), bytes.get(5)) != (Some(&2), Some(&1)) {
            return Err("it is not a little-endian 64-bit ELF file".to_owned());
        }
        let machine = number(bytes, 18, 2).ok_or_else(|| "it is cut short".to_owned())?;
        let architecture = match machine {
            62 => "amd64",
            183 => "arm64",
            243 => "riscv64",
            258 => "loong64",
            21 => "ppc64le",
            other => return Err(format!("its machine type {other} is unknown")),
        };
        Ok(Self { architecture, has_symbols: has_symbols(bytes).unwrap_or(false) })
    }
}

/// The little-endian number of `length` bytes at `offset`.
fn number(bytes: &[u8], offset: usize, length: usize) -> Option<u64> {
    let field = bytes.get(offset..offset.checked_add(length)?)?;
    Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn has_symbols(bytes: &[u8]) -> Option<bool> {
    let table = usize::try_from(number(bytes, 0x28, 8)?).ok()?;
    let (entry_size, n_entries) = (number(bytes, 0x3a, 2)? as usize, number(bytes, 0x3c, 2)? as usize);
    for index in 0..n_entries {
        let entry = table.checked_add(index.checked_mul(entry_size)?)?;
        if number(bytes, entry.checked_add(4)?, 4)? == u64::from(SYMBOL_TABLE) {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(machine: u8) -> Vec<u8> {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        bytes.resize(64, 0);
        bytes[18] = machine;
        bytes
    }

    #[test]
    fn the_architecture_is_read_and_other_formats_are_named() {
        #[track_caller]
        fn check(bytes: &[u8], expected: Result<&str, &str>) {
            let got = Elf::read(bytes).map(|elf| elf.architecture);
            assert_eq!(got, expected.map_err(str::to_owned));
        }
        check(&header(62), Ok("amd64"));
        check(&header(183), Ok("arm64"));
        check(&header(3), Err("its machine type 3 is unknown"));
        check(&header(62)[..10], Err("it is cut short"));
        check(b"MZ\x90", Err("it is a Windows executable"));
        check(&[0xcf, 0xfa, 0xed, 0xfe, 0], Err("it is a macOS executable"));
        check(b"#!/bin/sh", Err("it is not an ELF file"));
        check(b"", Err("it is not an ELF file"));
    }

    #[test]
    fn a_symbol_table_is_found() {
        let mut bytes = header(62);
        bytes[0x28] = 64; // section table right after the header
        bytes[0x3a] = 64;
        bytes[0x3c] = 2;
        bytes.resize(64 + 128, 0);
        assert!(!Elf::read(&bytes).unwrap().has_symbols);
        bytes[128 + 4] = SYMBOL_TABLE as u8;
        assert!(Elf::read(&bytes).unwrap().has_symbols);
        bytes.truncate(130);
        assert!(!Elf::read(&bytes).unwrap().has_symbols, "a table that is cut off is none");
    }
}
