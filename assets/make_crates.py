"""Writes assets/crates/crates.json: which package of Cargo.lock is in which build, under which licence.

Run it after a change of Cargo.lock, from anywhere; it needs Python and cargo, whose packages it reads where cargo
keeps them. A test fails while the file and Cargo.lock differ.
"""

import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The smallest first: a package is noted with the first build that has it.
BUILDS = [("serve", "serve"), ("headless", "headless"), ("window", "gui")]
TARGETS = [f"{cpu}-unknown-linux-{libc}" for cpu in ("x86_64", "aarch64") for libc in ("gnu", "musl")]
TEXT_NAME = re.compile(r"^(licen[cs]e|copying|notice|unlicense|copyright|ofl|ufl)", re.IGNORECASE)
# What a text says that grants something; others only point to such a text.
GRANT = re.compile(
    r"permission is hereby granted|permission to use, copy|redistribution and use|hereby grants|free and unencumbered|"
    r"permission is granted to anyone|creative commons legal code|mozilla public license version|rights granted"
    r"|sil open font license version|ubuntu font licence version|unicode license",
    re.IGNORECASE,
)
# Where a package has no text of its own.
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def locked():
    blocks = (ROOT / "Cargo.lock").read_text().split("[[package]]")[1:]
    field = lambda block, name: re.search(rf'^{name} = "(.*)"$', block, re.MULTILINE).group(1)
    return sorted((field(block, "name"), field(block, "version")) for block in blocks)


def contained():
    """For each package that is linked into an executable for Linux, the smallest build that has it."""
    smallest = {}
    for build, feature in reversed(BUILDS):
        for target in TARGETS:
            tree = cargo("tree", "--locked", "-e", "normal,no-proc-macro", "--target", target, "--no-default-features",
                         "--features", feature, "--prefix", "none", "--no-dedupe", "-f", "{p}")
            for line in tree.splitlines():
                if line.strip():
                    name, version = line.split()[:2]
                    smallest[name, version.removeprefix("v")] = build
    return smallest


def texts_of(package):
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and TEXT_NAME.match(path.name))
    if package.get("license_file"):
        named = (folder / package["license_file"]).resolve()
        if named.is_file() and named not in files:
            files.append(named)
    if not files:
        for sub in ("LICENSES", "licenses", "license"):
            files += sorted(path for path in (folder / sub).glob("*") if path.is_file())
    def read(path):
        lines = path.read_text(errors="replace").replace("\f", "\n").splitlines()
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    expression = (package.get("license") or "").replace("/", " OR ")
    every = [read(path) for path in files]
    # Of a choice, the shorter texts.
    others = [text for path, text in zip(files, every) if "apache" not in path.name.lower()]
    if " OR " in expression and " AND " not in expression and any(map(granted, others)):
        every = others
    if not any(map(granted, every)) and "MIT" in expression:
        every.append(MIT)
    return [text for text in every if 60 < len(text)]


def granted(text):
    return GRANT.search(" ".join(text.split())) is not None


def main():
    smallest = contained()
    metadata = json.loads(cargo("metadata", "--locked", "--all-features", "--format-version", "1",
                                "--filter-platform", TARGETS[0]))
    known = {(package["name"], package["version"]): package for package in metadata["packages"]}
    texts, numbers, packages, elsewhere = [], {}, [], []
    for name, version in locked():
        if name == "trestle":
            continue
        if (name, version) not in smallest:
            elsewhere.append(f"{name} {version}")
            continue
        package = known.get((name, version))
        if package is None:
            raise SystemExit(f"{name} {version} is not where cargo keeps its packages: run cargo fetch")
        own = []
        for text in texts_of(package):
            number = numbers.setdefault(" ".join(text.lower().split()), len(texts))
            if number == len(texts):
                texts.append(text)
            own.append(number)
        packages.append({
            "name": name,
            "version": version,
            "build": smallest[name, version],
            "licence": (package["license"] or "").replace("/", " OR "),
            "authors": [re.sub(r"\s*<[^>]*>", "", author) for author in package["authors"]],
            "texts": own,
        })
    for package in packages:
        if not any(granted(texts[number]) for number in package["texts"]):
            alike = [other for other in packages if other["licence"] == package["licence"]
                     and any(granted(texts[number]) for number in other["texts"])]
            alike.sort(key=lambda other: other["authors"] != package["authors"])
            package["texts"] += alike[0]["texts"] if alike else []
    document = {"packages": packages, "elsewhere": elsewhere, "texts": texts}
    path = ROOT / "assets" / "crates" / "crates.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    without = [p["name"] for p in packages if not any(granted(texts[number]) for number in p["texts"])]
    print(f"{len(packages)} packages, {len(elsewhere)} elsewhere, {len(texts)} texts, {path.stat().st_size} bytes")
    print("without a text that grants something:", ", ".join(without) or "none")
    print("without an expression:", ", ".join(p["name"] for p in packages if not p["licence"]) or "none")


main()
