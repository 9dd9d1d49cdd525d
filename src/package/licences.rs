//! The licences of everything inside an image, as one text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::contents::{Contents, System};
use super::inventory::Inventory;

/// Trestle's own licences.
const OWN: [&str; 2] = [include_str!("../../LICENSE-MIT"), include_str!("../../LICENSE-APACHE")];

/// The page at /docs.
pub(super) const SWAGGER_UI_VERSION: &str = "5.32.6";

const SWAGGER_UI_NOTICE: &str = include_str!("../../assets/swagger-ui/NOTICE");

const RULE: &str = "========================================================================\n";

/// The text; the same contents give the same text.
pub(super) fn text(contents: &Contents) -> String {
    let mut text = String::new();
    heading(&mut text, "What is inside this image, and under which licences");
    text.push_str(
        "The executable /trestle is compiled from Trestle, the Rust standard library and the packages below, which\n\
         are linked into it. Where a package offers a choice of licences, the texts here are those that the choice\n\
         allows. The model and its documents in /model are their owner's.\n\n",
    );
    heading(&mut text, &format!("Trestle {}: {}", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_LICENSE")));
    for own in OWN {
        text.push_str(own);
        text.push('\n');
    }
    heading(&mut text, "The Rust standard library: MIT OR Apache-2.0");
    text.push_str("Copyright (c) The Rust Project Contributors. The texts are the same as those above.\n\n");
    heading(&mut text, &format!("Swagger UI {SWAGGER_UI_VERSION}: Apache-2.0"));
    text.push_str(SWAGGER_UI_NOTICE);
    text.push_str("\nThe text of the Apache License 2.0 is above.\n\n");
    match &contents.inventory {
        Some(inventory) => crates(&mut text, inventory),
        None => text.push_str(
            "The executable does not say from which packages it was compiled, so none are listed here: ask whoever \
             made it.\n\n",
        ),
    }
    if contents.is_static() {
        heading(&mut text, "The C library, linked into the executable");
        text.push_str(
            "Built for glibc, this is the GNU C Library: LGPL-2.1-or-later, source at its project's site. Built for\n\
             musl, this is musl: MIT.\n\n",
        );
    }
    for system in &contents.systems {
        libraries(&mut text, system);
    }
    text
}

fn heading(text: &mut String, words: &str) {
    text.push_str(RULE);
    text.push_str(words);
    text.push('\n');
    text.push_str(RULE);
    text.push('\n');
}

fn crates(text: &mut String, inventory: &Inventory) {
    heading(text, "Packages, with their licences, authors and texts by number");
    // Numbered anew: a smaller build needs fewer.
    let used: BTreeSet<usize> = inventory.crates.iter().flat_map(|found| found.texts.iter().copied()).collect();
    let used: Vec<usize> = used.into_iter().collect();
    let number = |text: &usize| used.binary_search(text).map_or(0, |position| position + 1);
    for found in &inventory.crates {
        let numbers: Vec<String> = found.texts.iter().map(|text| format!("[{}]", number(text))).collect();
        let authors = found.authors.join(", ");
        let by = if authors.is_empty() { String::new() } else { format!(", by {authors}") };
        let _infallible =
            writeln!(text, "{} {}: {}{by} {}", found.name, found.version, found.licence, numbers.join(" "));
    }
    text.push('\n');
    for (position, own) in used.iter().enumerate() {
        let _infallible = writeln!(text, "---- [{}]\n", position + 1);
        text.push_str(inventory.texts.get(*own).map_or("", String::as_str));
        text.push_str("\n\n");
    }
}

fn libraries(text: &mut String, system: &System) {
    let paths: Vec<&str> = system.files.iter().map(|file| file.path.as_str()).collect();
    let package = system.package.as_ref();
    let name = package.map_or_else(
        || "Libraries of an unknown package".to_owned(),
        |package| format!("{} {}, from {}", package.name, package.version, package.system),
    );
    heading(text, &format!("{name}: {}", paths.join(", ")));
    match package.map(|package| package.copyright.as_str()) {
        Some(copyright) if !copyright.is_empty() => text.push_str(copyright),
        _ => text.push_str(
            "These are copied unchanged from the system that the image was made on, whose own documents have their\n\
             licence. The C library and its loader are usually the GNU C Library (LGPL-2.1-or-later), libgcc_s is GCC's\n\
             runtime library (GPL-3.0-or-later WITH GCC-exception-3.1).\n",
        ),
    }
    text.push('\n');
}
