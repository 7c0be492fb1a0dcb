//! Callbacks that do not compile: what the compiler says to do about it. Each
//! program goes to the compiler that this test was built with.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PRELUDE: &str = "
    #![allow(unused)]
    use deferred::{Deferred, Failure, ensure_deferred, succeed};
    use std::error::Error;
    use std::process;

    fn fetch(page: i32) -> Deferred<String> {
        succeed(page.to_string())
    }

    fn boxed() -> Result<i32, Box<dyn Error>> {
        Ok(\"7\".parse()?)
    }

    fn boxed_to_send() -> Result<i32, Box<dyn Error + Send + Sync>> {
        Ok(\"7\".parse()?)
    }

    fn text() -> Result<i32, &'static str> {
        Err(\"out of paper\")
    }
";

/// The crate as it was built for this test: the newest there is.
fn library() -> (PathBuf, PathBuf) {
    let this = env::current_exe().expect("it has a path");
    let folder = this.parent().expect("it is in a folder").to_owned();
    let built = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let library = fs::read_dir(&folder)
        .expect("it can be read")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("libdeferred-") && name.ends_with(".rlib")
        })
        .max_by_key(|path| built(path))
        .expect("the crate lies beside its tests");
    (folder, library)
}

/// What the compiler says of a function with this body; nothing if it compiles.
fn compile(body: &str) -> String {
    let (folder, library) = library();
    let compiler = env::var_os("CARGO")
        .map(|cargo| Path::new(&cargo).with_file_name("rustc"))
        .filter(|path| path.exists())
        .unwrap_or_else(|| "rustc".into());
    let mut child = Command::new(compiler)
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata=-", "--color=never"])
        .arg("--extern")
        .arg(format!("deferred={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a compiler");
    let program = format!("{PRELUDE}\npub fn program() {{\n{body}\n}}\n");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(program.as_bytes()).expect("it reads its program");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.success(), !said.contains("error"), "{said}");
    said
}

#[track_caller]
fn compiles(body: &str) {
    let said = compile(body);
    assert!(!said.contains("error"), "{body}\n{said}");
}

#[track_caller]
fn says(body: &str, what: &[&str]) {
    let said = compile(body);
    for part in what {
        assert!(said.contains(part), "{body}\nthe compiler does not say {part:?}:\n{said}");
    }
}

/// `?` and a Deferred: what std says, and the way that works.
#[test]
fn a_question_mark_in_a_callback_that_returns_a_deferred() {
    says(
        "succeed(\"7\").add_callback(|text| { let page = text.parse()?; fetch(page) });",
        &["can only be used in a closure that returns `Result`"],
    );
    compiles(
        "
        let page = succeed(\"7\")
            .add_callback(|text| { let page = text.parse()?; Ok(fetch(page)) })
            .flatten();
        let page: Deferred<String> = page;
        succeed(\"7\").add_callback(|text| {
            ensure_deferred(async move { let page = text.parse()?; fetch(page).await })
        });
    ",
    );
}

/// An errback that never returns is one of any type.
#[test]
fn an_errback_that_ends_the_process() {
    compiles(
        "
        let d = succeed(1).add_errback(|failure| { println!(\"{failure}\"); process::exit(1) });
        let d: Deferred<i32> = d.add_errback(|_| panic!(\"no\"));
        let d = d.add_errback(|failure| failure.trap::<std::fmt::Error>().map(|_| 1));
        let d = d.add_callbacks(|n| Ok(n + 1), |_| process::abort());
        let d = d.add_errback(|failure| fetch(1).add_callback(|_| Ok(1)));
        let d = d.add_errback(Err);
        let d: Deferred<()> = d.add_callback(|_| ()).add_errback(|_| ());
    ",
    );
}

/// A callback that never returns has to say what it would.
#[test]
fn a_callback_that_never_returns() {
    says(
        "succeed(1).add_callback(|_| process::exit(1));",
        &["a callback cannot return `!`", "needs a return type: `|_| -> Result<(), Failure>`"],
    );
    compiles("succeed(1).add_callback(|_| -> Result<(), Failure> { process::exit(1) });");
}

/// An errback that gives nothing, or something else.
#[test]
fn an_errback_of_another_type() {
    let advice = &[
        "this errback returns `()`",
        "an errback of a `Deferred<i32>` cannot return `()`",
        "`Ok(value)` with a value of `i32`, or a `Deferred<i32>`; `Err(failure)` passes the",
        "put `.add_callback(|_| ())` before the errback",
    ];
    says("succeed(1_i32).add_errback(|failure| println!(\"{failure}\"));", advice);
    says("succeed(()).add_callbacks(|()| Ok(1_i32), |failure| drop(failure));", advice);
    compiles(
        "
        succeed(1_i32).add_callback(|_| ()).add_errback(|failure| println!(\"{failure}\"));
        succeed(1_i32).add_errback(|failure| { println!(\"{failure}\"); Err(failure) });
    ",
    );
    says(
        "succeed(1_i32).add_errback(|_| Ok(\"one\"));",
        &["cannot return `Result<&str, Failure>`", "`Ok(value)` with a value of `i32`"],
    );
    says("succeed(1_i32).add_errback(|_| 2);", &["`Ok(value)` with a value of `i32`"]);
}

/// A callback that returns a bare value, or an error of its own.
#[test]
fn a_callback_of_no_type() {
    let advice = "a callback returns `Result<T, Failure>` (often `Ok(value)`), `Deferred<T>`, or";
    says("succeed(1).add_callback(|n| n + 1);", &["a callback cannot return", advice]);
    says(
        "succeed(1).add_callback(|_| std::fs::read(\"x\"));",
        &["a callback cannot return `Result<Vec<u8>, std::io::Error>`", advice, "by `?`"],
    );
}

/// Boxed errors and texts with `?`.
#[test]
fn errors_that_are_none() {
    let advice = &[
        "a `Failure` is made of an `Error + Send + Sync + 'static`",
        "for a box: `.map_err(Failure::from_boxed)?`",
        "for a text: `.map_err(Failure::msg)?`",
        "`.map_err(|error| Failure::msg(error.to_string()))?`",
    ];
    says("succeed(()).add_callback(|()| { let n = boxed()?; Ok(n) });", advice);
    says("succeed(()).add_callback(|()| { let n = boxed_to_send()?; Ok(n) });", advice);
    says("succeed(()).add_callback(|()| { let n = text()?; Ok(n) });", advice);
    says("ensure_deferred(async { let n = boxed()?; Ok(n) });", advice);
    compiles(
        "
        succeed(()).add_callback(|()| {
            let n = boxed_to_send().map_err(Failure::from_boxed)?;
            let m = text().map_err(Failure::msg)?;
            let o = boxed().map_err(|error| Failure::msg(error.to_string()))?;
            Ok(n + m + o)
        });
    ",
    );
}
