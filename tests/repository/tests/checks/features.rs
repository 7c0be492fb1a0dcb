//! The features that the pages list are those of the manifests.

use std::collections::{BTreeMap, BTreeSet};

use repository::read;

/// The crates that users name in their manifests.
const CRATES: [&str; 3] = ["deferred", "reactor-compat", "protocols"];

/// The features of a manifest, and what each turns on.
fn features(krate: &str) -> BTreeMap<String, Vec<String>> {
    let manifest = read(format!("crates/{krate}/Cargo.toml"));
    let section = manifest.split("[features]\n").nth(1).and_then(|rest| rest.split("\n[").next());
    let section = section.unwrap_or_else(|| panic!("{krate} has no features"));
    let lines = section.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let feature = |line: &str| {
        let (name, on) = line.split_once(" = ").unwrap_or_else(|| panic!("{krate}: {line}"));
        (name.to_owned(), on.split('"').skip(1).step_by(2).map(str::to_owned).collect())
    };
    lines.map(feature).collect()
}

/// The features that are on unless turned off.
fn defaults(features: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let mut on = BTreeSet::new();
    let mut open = features["default"].clone();
    while let Some(name) = open.pop() {
        if let Some(more) = features.get(&name).filter(|_| !on.contains(&name)) {
            open.extend(more.iter().cloned());
            on.insert(name);
        }
    }
    on
}

/// The list in a crate's documentation: each feature, and whether it is said to be on
/// by default.
fn listed(krate: &str) -> BTreeMap<String, bool> {
    let page = read(format!("crates/{krate}/src/lib.rs"));
    let section =
        page.split("//! # Features\n").nth(1).and_then(|rest| rest.split("\n//! #").next());
    let section = section.unwrap_or_else(|| panic!("{krate} lists no features"));
    let entries = section.split("//! - `").skip(1);
    entries
        .filter_map(|entry| entry.split_once('`'))
        .map(|(name, rest)| (name.to_owned(), rest.starts_with(" (on by default)")))
        .collect()
}

#[test]
fn the_crates_list_the_features_of_their_manifests() {
    for krate in CRATES {
        let features = features(krate);
        let on = defaults(&features);
        let names = features.keys().filter(|name| *name != "default");
        let there: BTreeMap<_, _> = names.map(|name| (name.clone(), on.contains(name))).collect();
        assert_eq!(listed(krate), there, "{krate}: features, and which are on by default");
    }
}

#[test]
fn the_readme_names_all_features_that_are_off_by_default() {
    let readme = read("README.md");
    let (_, section) = readme.split_once("What is not there unless you ask").expect("a paragraph");
    let section = section.split("\n## ").next().unwrap_or_default();
    let (reactor, protocols) = section.split_once("`protocols`").expect("a list for each crate");
    for (krate, section) in [("reactor-compat", reactor), ("protocols", protocols)] {
        let features = features(krate);
        let on = defaults(&features);
        for name in features.keys().filter(|name| *name != "default" && !on.contains(*name)) {
            assert!(section.contains(&format!("`{name}`")), "README.md: {name} of {krate}");
        }
    }
}
