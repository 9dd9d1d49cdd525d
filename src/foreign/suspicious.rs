//! Names that no model needs: what a pickle that attacks its reader would call.

/// What a name that no model needs can do; `None` for any other.
pub(super) fn danger(name: &str) -> Option<&'static str> {
    const COMMANDS: &str = "runs commands of the system";
    const CODE: &str = "runs any Python code";
    const FILES: &str = "changes or sends files";
    const NETWORK: &str = "opens connections";
    const ATTRIBUTES: &str = "reaches any function by its name";
    const NESTED: &str = "loads another pickle";
    let (module, function) = name.rsplit_once('.').unwrap_or(("", name));
    let top = module.split('.').next().unwrap_or(module);
    let what = match (top, function) {
        ("os" | "posix" | "nt" | "subprocess" | "pty" | "commands" | "popen2" | "platform" | "_posixsubprocess", _) => {
            COMMANDS
        }
        (
            "builtins" | "__builtin__",
            "eval" | "exec" | "execfile" | "compile" | "__import__" | "breakpoint" | "input" | "help",
        )
        | (
            "sys" | "importlib" | "imp" | "runpy" | "code" | "codeop" | "pdb" | "bdb" | "timeit" | "profile"
            | "cProfile" | "trace" | "doctest" | "ctypes" | "_ctypes" | "cffi" | "marshal" | "types" | "pkgutil"
            | "pydoc" | "ensurepip" | "pip" | "setuptools" | "venv" | "idlelib" | "lib2to3" | "gc" | "inspect"
            | "linecache" | "atexit" | "signal" | "asyncio" | "multiprocessing" | "threading" | "_thread"
            | "concurrent" | "zipimport",
            _,
        )
        | ("numpy", "load" | "runstring" | "exec_command" | "fromfile" | "loads") => CODE,
        ("builtins" | "__builtin__", "open")
        | ("shutil" | "tempfile" | "pathlib" | "glob" | "fileinput" | "zipfile" | "tarfile" | "sqlite3", _) => FILES,
        ("builtins" | "__builtin__", "getattr" | "setattr" | "delattr" | "globals" | "locals" | "vars" | "apply")
        | ("operator" | "_operator", "attrgetter" | "methodcaller" | "itemgetter") => ATTRIBUTES,
        (
            "socket" | "_socket" | "ssl" | "requests" | "urllib" | "urllib2" | "urllib3" | "http" | "httpx" | "aiohttp"
            | "ftplib" | "smtplib" | "telnetlib" | "webbrowser" | "xmlrpc" | "paramiko",
            _,
        ) => NETWORK,
        ("pickle" | "_pickle" | "cPickle" | "dill" | "shelve", "load" | "loads" | "Unpickler" | "open")
        | ("joblib", "load")
        | ("torch", "load" | "compile" | "system" | "load_inline") => NESTED,
        ("copyreg", "extension") => "uses a table of names that only the program that loads it has",
        ("?", _) => "is named in a way that hides it",
        _ => return None,
    };
    Some(what)
}

/// Whether a name belongs to a library that models are made with, or to Python's own harmless part.
pub(super) fn is_known(name: &str) -> bool {
    const KNOWN: &[&str] = &[
        "sklearn",
        "numpy",
        "scipy",
        "pandas",
        "joblib",
        "lightgbm",
        "xgboost",
        "catboost",
        "torch",
        "collections",
        "copyreg",
        "copy_reg",
        "builtins",
        "__builtin__",
        "_codecs",
        "imblearn",
        "functools",
        "datetime",
        "decimal",
        "fractions",
        "uuid",
        "enum",
        "dataclasses",
        "abc",
        "random",
        "math",
        "re",
        "keras",
        "tensorflow",
        "transformers",
        "torchvision",
        "statsmodels",
        "_loss",
        "skorch",
        "category_encoders",
        "itertools",
        "string",
        "typing",
        "pytz",
        "zoneinfo",
        "pyarrow",
        "polars",
        "tokenizers",
        "logging",
        "_operator",
        "operator",
        "array",
        "_io",
        "io",
    ];
    KNOWN.contains(&name.split('.').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::danger;

    #[test]
    fn names_that_attack_are_told_from_those_of_models() {
        for name in
            ["os.system", "posix.system", "builtins.eval", "subprocess.Popen", "__builtin__.exec", "runpy.run_path"]
        {
            assert!(danger(name).is_some(), "{name}");
        }
        for name in [
            "sklearn.pipeline.Pipeline",
            "numpy._core.multiarray._reconstruct",
            "numpy.dtype",
            "_codecs.encode",
            "copyreg._reconstructor",
            "collections.OrderedDict",
            "torch._utils._rebuild_tensor_v2",
            "builtins.set",
        ] {
            assert_eq!(danger(name), None, "{name}");
        }
    }
}
