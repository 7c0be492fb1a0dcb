//! What the project stands on: licences, doubled versions, sources. The rules are
//! those of `cargo deny check bans licenses sources`, which need nothing from the
//! network.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Command;

use repository::root;
use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};

/// Licences under which a program may be given to anybody, in return for a notice.
const LICENCES: [&str; 7] =
    ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Unlicense", "Zlib"];

/// Crates of which there are two versions, and why that is so. An entry that is
/// not needed any more has to go.
const DOUBLED: [(&str, &str); 3] = [
    ("getrandom", "ring still asks for 0.2, tempfile and rand for another"),
    ("syn", "macros of divan and rcgen still stand on 2, those of Tokio and serde on 3"),
    ("synstructure", "it follows syn: rcgen's and ICU's macros stand on different ones"),
];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A crate that is built here.
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    source: Option<String>,
    /// Requirements on others that take any version.
    wildcards: Vec<String>,
}

/// All crates that the workspace is built of on Linux, with all features.
fn packages() -> Vec<Package> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--all-features", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .expect("cargo should run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();

    let built: BTreeSet<Option<String>> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| text(&node["id"])).collect();
    let packages = list(&metadata["packages"]);
    let packages = packages.iter().filter(|package| built.contains(&text(&package["id"])));
    let wildcard = |dependency: &Value| {
        let any = dependency["req"] == "*" && dependency["path"].is_null();
        any.then(|| text(&dependency["name"])).flatten()
    };
    let found: Vec<_> = packages
        .map(|package| Package {
            name: text(&package["name"]).unwrap_or_default(),
            version: text(&package["version"]).unwrap_or_default(),
            licence: text(&package["license"]),
            source: text(&package["source"]),
            wildcards: list(&package["dependencies"]).iter().filter_map(wildcard).collect(),
        })
        .collect();
    assert!(found.len() > 100, "only {} crates were found", found.len());
    found
}

fn is_allowed(requirement: &LicenseReq) -> bool {
    requirement.license.id().is_some_and(|id| LICENCES.contains(&id.name))
}

#[test]
fn licences_are_among_the_allowed() {
    for Package { name, version, licence, .. } in packages() {
        let licence = licence.unwrap_or_else(|| panic!("{name} {version} names no licence"));
        // Old crates write `MIT/Apache-2.0`.
        let read = Expression::parse_mode(&licence, ParseMode::LAX);
        let read = read.unwrap_or_else(|error| panic!("{name} {version}: {licence}: {error}"));
        assert!(read.evaluate(is_allowed), "{name} {version} is under {licence}");
    }
}

#[test]
fn no_crate_is_there_twice_without_a_reason() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        versions.entry(package.name).or_default().push(package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in &versions {
        let reason = DOUBLED.iter().find(|(doubled, _)| doubled == name);
        assert!(reason.is_some(), "{name} is there as {versions:?}");
        assert!(versions.len() == 2, "{name} is there as {versions:?}");
    }
    for (name, reason) in DOUBLED {
        assert!(
            versions.contains_key(name),
            "{name} is there once only; no more need of: {reason}"
        );
    }
}

#[test]
fn all_crates_come_from_the_registry_and_say_what_they_need() {
    for package in packages() {
        let Package { name, source, wildcards, .. } = package;
        match source.as_deref() {
            None => assert!(wildcards.is_empty(), "{name} takes any version of {wildcards:?}"),
            source => assert_eq!(source, Some(CRATES_IO), "{name}"),
        }
    }
}
